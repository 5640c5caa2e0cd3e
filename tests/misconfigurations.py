"""
Misconfigured projects, each with one fault, and the setting that must be named.

The unit suite runs the doctor on each of them. The browser suite opens some in a real
browser: the step that fails there must be the one that the doctor names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import django

FRONTEND = "https://app.example.com"
API = "https://api.example.com"
ELSEWHERE = "https://app.example.org"

CORS = "corsheaders.middleware.CorsMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"

DUMMY_CACHE = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
WITH_ADMIN = ("auth_user", "email_login", "uuid_key", "renamed_email", "extra_field")


@dataclass(frozen=True)
class Misconfiguration:
    """
    One wrong setting.

    ``settings`` override those of a sound project. In their strings ``{origin}``,
    ``{netloc}`` and ``{hostname}`` are those of the frontend, and ``{other_port}`` is
    its origin with another port. ``without`` is removed from MIDDLEWARE, ``first`` and
    ``last`` are added.

    ``names`` is what the report has to name. ``step`` is the doctor's first step that
    fails. ``check`` is the system check that finds the fault, "" for none; a check with
    a ``W`` in its id is a warning, and commands still run. ``console`` is the important
    part of the browser's message.
    """

    name: str
    names: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    step: str = ""
    check: str = ""
    console: str = ""
    origin: str = FRONTEND
    api: str = API
    without: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    user_models: tuple[str, ...] | None = None

    def overlay(self, middleware: list[str], origin: str) -> dict[str, Any]:
        """
        Return the settings to override, as JSON can hold them.

        ``middleware`` and ``origin`` (the frontend's) are those of a sound project.
        """
        parts = urlsplit(origin)
        port = 1 + (parts.port or 442)
        words = {
            "{origin}": origin,
            "{netloc}": parts.netloc,
            "{hostname}": parts.hostname,
            "{other_port}": f"{parts.scheme}://{parts.hostname}:{port}",
        }
        changed: dict[str, Any] = _filled(self.settings, words)
        if self.without or self.first or self.last:
            kept = [name for name in middleware if name not in self.without]
            changed["MIDDLEWARE"] = [*self.first, *kept, *self.last]
        return changed


def _filled(value: Any, words: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        for mark, word in words.items():
            value = value.replace(mark, word)
        return value
    if isinstance(value, Mapping):
        return {key: _filled(part, words) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, words) for part in value]
    return value


def _auth(**changes: Any) -> dict[str, Any]:
    return {"AI_KIT_AUTH": {"FRONTEND": {"URL": "{origin}"}, **changes}}


def _templates(**changes: str) -> dict[str, Any]:
    return _auth(EMAIL_TEMPLATES={"RESET_PASSWORD": changes})


# The frontend is on another site than the API, and both settings of origins know it.
_ACROSS = {"CORS_ALLOWED_ORIGINS": ["{origin}"], "CSRF_TRUSTED_ORIGINS": ["{origin}"]}
_NONE = {"SESSION_COOKIE_SAMESITE": "None", "CSRF_COOKIE_SAMESITE": "None"}
PLAIN_FRONTEND, PLAIN_API = "http://app.example.com", "http://api.example.com"

PREFLIGHT = "preflight login/"
BLOCKED = "blocked by CORS policy"

CASES = (
    # CORS
    Misconfiguration(
        "cors_origin_missing",
        "CORS_ALLOWED_ORIGINS",
        {"CORS_ALLOWED_ORIGINS": ["https://other.example.com"]},
        PREFLIGHT,
        console="No 'Access-Control-Allow-Origin' header is present",
    ),
    Misconfiguration(
        "cors_origin_without_scheme",
        "CORS_ALLOWED_ORIGINS",
        {"CORS_ALLOWED_ORIGINS": ["{netloc}"]},
        PREFLIGHT,
        "corsheaders.E013",
        console="No 'Access-Control-Allow-Origin' header is present",
    ),
    Misconfiguration(
        # cors-headers looks at scheme and host only: browsers accept it, but Django's
        # checks stop the project from starting.
        "cors_origin_with_path",
        "CORS_ALLOWED_ORIGINS",
        {"CORS_ALLOWED_ORIGINS": ["{origin}/app"]},
        check="corsheaders.E014",
    ),
    Misconfiguration(
        "cors_origin_with_slash",
        "CORS_ALLOWED_ORIGINS",
        {"CORS_ALLOWED_ORIGINS": ["{origin}/"]},
        check="corsheaders.E014",
    ),
    Misconfiguration(
        "cors_origin_with_wrong_port",
        "CORS_ALLOWED_ORIGINS",
        {"CORS_ALLOWED_ORIGINS": ["{other_port}"]},
        PREFLIGHT,
        console="No 'Access-Control-Allow-Origin' header is present",
    ),
    Misconfiguration(
        "cors_without_credentials",
        "CORS_ALLOW_CREDENTIALS",
        {"CORS_ALLOW_CREDENTIALS": False},
        PREFLIGHT,
        console="'Access-Control-Allow-Credentials' header in the response is ''",
    ),
    Misconfiguration(
        "cors_for_all_without_credentials",
        "CORS_ALLOW_CREDENTIALS",
        {"CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": False},
        PREFLIGHT,
        console="must not be the wildcard '*'",
    ),
    Misconfiguration(
        "cors_for_other_paths",
        "CORS_URLS_REGEX",
        {"CORS_URLS_REGEX": r"^/api/v2/.*$"},
        PREFLIGHT,
        console="No 'Access-Control-Allow-Origin' header is present",
    ),
    Misconfiguration(
        "cors_without_the_token_header",
        "CORS_ALLOW_HEADERS",
        {"CORS_ALLOW_HEADERS": ["accept", "content-type"]},
        PREFLIGHT,
        console="Request header field x-csrftoken is not allowed",
    ),
    Misconfiguration(
        "cors_middleware_missing",
        "MIDDLEWARE",
        {},
        PREFLIGHT,
        console="No 'Access-Control-Allow-Origin' header is present",
        without=(CORS,),
    ),
    Misconfiguration(
        "cors_below_a_login_wall",
        "tests.middleware.LoginWall",
        {},
        PREFLIGHT,
        console="Redirect is not allowed for a preflight request",
        first=("tests.middleware.LoginWall",),
    ),
    Misconfiguration(
        "cors_below_a_maintenance_page",
        "tests.middleware.Maintenance",
        {},
        PREFLIGHT,
        console="No 'Access-Control-Allow-Origin' header is present",
        first=("tests.middleware.Maintenance",),
    ),
    # Other middleware
    Misconfiguration(
        "session_middleware_missing",
        "SessionMiddleware",
        {},
        "me/",
        without=(SESSION,),
    ),
    Misconfiguration(
        "authentication_middleware_missing",
        "AuthenticationMiddleware",
        {},
        "me/ after login",
        without=(AUTHENTICATION, LOGIN_REQUIRED),
    ),
    Misconfiguration(
        "login_wall",
        "tests.middleware.LoginWall",
        {},
        "me/",
        last=("tests.middleware.LoginWall",),
    ),
    Misconfiguration(
        "maintenance_page",
        "tests.middleware.Maintenance",
        {},
        "me/",
        last=("tests.middleware.Maintenance",),
    ),
    Misconfiguration(
        "middleware_that_raises",
        "tests.middleware",
        {},
        "me/",
        last=("tests.middleware.Broken",),
    ),
    Misconfiguration(
        "middleware_that_is_not_installed",
        "tests.middleware",
        {},
        "me/",
        console="500",
        last=("tests.middleware.Uninstalled",),
    ),
    Misconfiguration(
        "middleware_that_ends_sessions",
        "tests.middleware.Amnesia",
        {"CSRF_USE_SESSIONS": False},
        "logout/",
        console="403",
        last=("tests.middleware.Amnesia",),
    ),
    Misconfiguration(
        "middleware_that_logs_everybody_out",
        "tests.middleware.Forgetful",
        {"CSRF_USE_SESSIONS": False},
        "me/ after login",
        last=("tests.middleware.Forgetful",),
    ),
    Misconfiguration(
        "middleware_that_allows_all_origins",
        "tests.middleware.AllowsAll",
        {},
        PREFLIGHT,
        console="must not be the wildcard '*'",
        first=("tests.middleware.AllowsAll",),
    ),
    Misconfiguration(
        "middleware_that_takes_a_cors_header_away",
        "tests.middleware.NoCredentials",
        {},
        PREFLIGHT,
        console="'Access-Control-Allow-Credentials' header in the response is ''",
        first=("tests.middleware.NoCredentials",),
    ),
    Misconfiguration(
        "middleware_that_takes_cookies_away",
        "tests.middleware.Cookieless",
        {"CSRF_USE_SESSIONS": False},
        "login/",
        console="403",
        first=("tests.middleware.Cookieless",),
    ),
    Misconfiguration(
        "middleware_in_front_of_the_admin",
        "tests.middleware.NoAdminHere",
        {},
        "admin login in the same browser",
        console="404",
        last=("tests.middleware.NoAdminHere",),
        user_models=WITH_ADMIN,
    ),
    Misconfiguration(
        "middleware_that_does_not_exist",
        "tests.middleware.Missing",
        {},
        "start",
        first=("tests.middleware.Missing",),
    ),
    Misconfiguration(
        "middleware_that_lets_caches_keep_tokens",
        "tests.middleware.Cached",
        {},
        "me/",
        last=("tests.middleware.Cached",),
    ),
    Misconfiguration(
        "middleware_that_switches_csrf_off",
        "tests.middleware.WithoutCSRF",
        {},
        "stale token",
        first=("tests.middleware.WithoutCSRF",),
    ),
    # CSRF
    Misconfiguration(
        "csrf_origin_missing",
        "CSRF_TRUSTED_ORIGINS",
        {"CSRF_TRUSTED_ORIGINS": []},
        "login/",
        console="403",
    ),
    Misconfiguration(
        "csrf_origin_without_scheme",
        "CSRF_TRUSTED_ORIGINS",
        {"CSRF_TRUSTED_ORIGINS": ["{netloc}"]},
        "login/",
        "4_0.E001",
        console="403",
    ),
    Misconfiguration(
        "csrf_origin_with_slash",
        "CSRF_TRUSTED_ORIGINS",
        {"CSRF_TRUSTED_ORIGINS": ["{origin}/"]},
        "login/",
        console="403",
    ),
    Misconfiguration(
        "csrf_origin_with_wrong_port",
        "CSRF_TRUSTED_ORIGINS",
        {"CSRF_TRUSTED_ORIGINS": ["{other_port}"]},
        "login/",
        console="403",
    ),
    Misconfiguration(
        # The frontend sends it, as the setting says, and CORS does not let it.
        "csrf_token_in_another_header",
        "CORS_ALLOW_HEADERS = [*default_headers, 'x-xsrf-token']",
        {"CSRF_HEADER_NAME": "HTTP_X_XSRF_TOKEN"},
        PREFLIGHT,
        "ai_kit_auth.W021",
        console="Request header field x-xsrf-token is not allowed",
    ),
    Misconfiguration(
        "csrf_header_name_misspelt",
        "CSRF_HEADER_NAME",
        {"CSRF_HEADER_NAME": "X-CSRFToken"},
        "login/",
        "ai_kit_auth.W020",
        console="403",
    ),
    Misconfiguration(
        "csrf_origins_as_text",
        "CSRF_TRUSTED_ORIGINS = ['http",
        {"CSRF_TRUSTED_ORIGINS": "{origin}"},
        "login/",
        "ai_kit_auth.E014",
        console="403",
    ),
    Misconfiguration(
        "cors_origins_as_text",
        "CORS_ALLOWED_ORIGINS = ['http",
        {"CORS_ALLOWED_ORIGINS": "{origin}"},
        PREFLIGHT,
        "ai_kit_auth.E014",
        console="No 'Access-Control-Allow-Origin' header is present",
    ),
    Misconfiguration(
        "cors_headers_as_text",
        "CORS_ALLOW_HEADERS",
        {"CORS_ALLOW_HEADERS": "content-type,x-csrftoken"},
        PREFLIGHT,
        "ai_kit_auth.E014",
        console="Request header field content-type is not allowed",
    ),
    Misconfiguration(
        # Works, for every origin there is.
        "cors_regexes_as_text",
        "'^' allows every origin",
        {"CORS_ALLOWED_ORIGIN_REGEXES": "^https://app"},
        check="ai_kit_auth.E014",
    ),
    Misconfiguration(
        "csrf_cookie_of_another_domain",
        "CSRF_COOKIE_DOMAIN",
        {"CSRF_COOKIE_DOMAIN": "other.example", "CSRF_USE_SESSIONS": False},
        "login/",
        console="403",
    ),
    Misconfiguration(
        "csrf_cookie_of_another_path",
        "CSRF_COOKIE_PATH",
        {"CSRF_COOKIE_PATH": "/admin/", "CSRF_USE_SESSIONS": False},
        "login/",
        console="403",
    ),
    Misconfiguration(
        "csrf_cookie_for_its_host_only_without_secure",
        "CSRF_COOKIE_SECURE",
        {"CSRF_COOKIE_NAME": "__Host-csrftoken", "CSRF_USE_SESSIONS": False},
        "login/",
        console="403",
    ),
    # Cookies
    Misconfiguration(
        "lax_cookies_across_sites",
        "CSRF_COOKIE_SAMESITE",
        {**_ACROSS, "CSRF_USE_SESSIONS": False},
        "login/",
        console="403",
        origin=ELSEWHERE,
    ),
    Misconfiguration(
        "lax_session_across_sites",
        "SESSION_COOKIE_SAMESITE",
        {
            **_ACROSS,
            "CSRF_COOKIE_SAMESITE": "None",
            "CSRF_COOKIE_SECURE": True,
            "CSRF_USE_SESSIONS": False,
        },
        "me/ after login",
        origin=ELSEWHERE,
    ),
    Misconfiguration(
        "lax_session_with_the_token_across_sites",
        "SESSION_COOKIE_SAMESITE",
        {**_ACROSS, "CSRF_USE_SESSIONS": True},
        "login/",
        console="403",
        origin=ELSEWHERE,
    ),
    Misconfiguration(
        "csrf_cookie_none_without_secure",
        "CSRF_COOKIE_SECURE",
        {**_ACROSS, **_NONE, "CSRF_USE_SESSIONS": False},
        "login/",
        console="403",
        origin=ELSEWHERE,
    ),
    Misconfiguration(
        "session_cookie_none_without_secure",
        "SESSION_COOKIE_SECURE",
        {**_ACROSS, **_NONE, "CSRF_COOKIE_SECURE": True, "CSRF_USE_SESSIONS": False},
        "me/ after login",
        origin=ELSEWHERE,
    ),
    Misconfiguration(
        "secure_csrf_cookie_over_http",
        "CSRF_COOKIE_SECURE",
        {**_ACROSS, "CSRF_COOKIE_SECURE": True, "CSRF_USE_SESSIONS": False},
        "login/",
        console="403",
        origin=PLAIN_FRONTEND,
        api=PLAIN_API,
    ),
    Misconfiguration(
        "secure_session_cookie_over_http",
        "SESSION_COOKIE_SECURE",
        {**_ACROSS, "SESSION_COOKIE_SECURE": True, "CSRF_USE_SESSIONS": False},
        "me/ after login",
        origin=PLAIN_FRONTEND,
        api=PLAIN_API,
    ),
    Misconfiguration(
        "session_cookie_of_another_domain",
        "SESSION_COOKIE_DOMAIN",
        {"SESSION_COOKIE_DOMAIN": "other.example", "CSRF_USE_SESSIONS": False},
        "me/ after login",
    ),
    Misconfiguration(
        "session_cookie_of_another_path",
        "SESSION_COOKIE_PATH",
        {"SESSION_COOKIE_PATH": "/admin/", "CSRF_USE_SESSIONS": False},
        "me/ after login",
    ),
    Misconfiguration(
        "session_cookie_for_its_host_only_without_secure",
        "SESSION_COOKIE_SECURE",
        {"SESSION_COOKIE_NAME": "__Host-sessionid", "CSRF_USE_SESSIONS": False},
        "me/ after login",
    ),
    Misconfiguration(
        "session_cookie_too_big",
        "SESSION_ENGINE",
        {
            "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
            "CSRF_USE_SESSIONS": False,
        },
        "me/ after login",
        last=("tests.middleware.Hoarder",),
    ),
    Misconfiguration(
        "session_over_at_once",
        "SESSION_COOKIE_AGE",
        {"SESSION_COOKIE_AGE": 0, "CSRF_USE_SESSIONS": False},
        "me/ after login",
    ),
    Misconfiguration(
        "one_machine_by_two_names",
        "one name for both",
        {**_ACROSS, "CSRF_USE_SESSIONS": False, "ALLOWED_HOSTS": ["*"]},
        "login/",
        console="403",
        origin="http://localhost:3000",
        api="http://127.0.0.1:8000",
    ),
    Misconfiguration(
        "one_site_by_two_schemes",
        "serve both over HTTPS",
        {**_ACROSS, "CSRF_USE_SESSIONS": False},
        "login/",
        console="403",
        origin=PLAIN_FRONTEND,
    ),
    # Sessions and logins
    Misconfiguration(
        "sessions_in_a_cache_that_keeps_nothing",
        "SESSION_ENGINE",
        {
            "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
            "CACHES": {"default": DUMMY_CACHE},
            "CSRF_USE_SESSIONS": False,
        },
        "login/",
        console="400",
    ),
    Misconfiguration(
        "tokens_in_a_cache_that_keeps_nothing",
        "SESSION_ENGINE",
        {
            "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
            "CACHES": {"default": DUMMY_CACHE},
            "CSRF_USE_SESSIONS": True,
        },
        "login/",
        console="403",
    ),
    Misconfiguration(
        "session_engine_that_forgets",
        "SESSION_ENGINE",
        {"SESSION_ENGINE": "tests.forgetful_sessions", "CSRF_USE_SESSIONS": False},
        "me/ after login",
    ),
    Misconfiguration(
        "session_engine_that_forgets_tokens",
        "SESSION_ENGINE",
        {"SESSION_ENGINE": "tests.forgetful_sessions", "CSRF_USE_SESSIONS": True},
        "login/",
        console="403",
    ),
    Misconfiguration(
        "session_engine_that_does_not_exist",
        "SESSION_ENGINE",
        {"SESSION_ENGINE": "django.contrib.sessions.backends.redis"},
        "start",
    ),
    Misconfiguration(
        "backend_that_takes_no_password",
        "AUTHENTICATION_BACKENDS",
        {"AUTHENTICATION_BACKENDS": ["django.contrib.auth.backends.RemoteUserBackend"]},
        "login/",
        console="400",
    ),
    Misconfiguration(
        "backend_that_lets_no_staff_in",
        "AUTHENTICATION_BACKENDS",
        {"AUTHENTICATION_BACKENDS": ["tests.middleware.NoStaffBackend"]},
        "admin login in the same browser",
        user_models=WITH_ADMIN,
    ),
    # Host names, redirects and proxies
    Misconfiguration(
        "no_host_allowed",
        "ALLOWED_HOSTS",
        {"ALLOWED_HOSTS": []},
        "me/",
        console="400",
    ),
    Misconfiguration(
        "host_not_allowed_above_cors",
        "ALLOWED_HOSTS",
        {"ALLOWED_HOSTS": ["other.example.com"]},
        PREFLIGHT,
        console="No 'Access-Control-Allow-Origin' header is present",
        first=(COMMON,),
        without=(COMMON,),
    ),
    Misconfiguration(
        "host_not_allowed",
        "ALLOWED_HOSTS",
        {"ALLOWED_HOSTS": ["other.example.com"]},
        "me/",
        console="400",
    ),
    Misconfiguration(
        "redirect_to_https_without_https",
        "SECURE_SSL_REDIRECT",
        {**_ACROSS, "SECURE_SSL_REDIRECT": True},
        PREFLIGHT,
        console="Redirect is not allowed for a preflight request",
        first=(SECURITY,),
        without=(SECURITY,),
        origin=PLAIN_FRONTEND,
        api=PLAIN_API,
    ),
    Misconfiguration(
        "redirect_to_www",
        "PREPEND_WWW",
        {"PREPEND_WWW": True},
        "me/",
    ),
    Misconfiguration(
        "proxy_header_misspelt_under_a_redirect",
        "SECURE_PROXY_SSL_HEADER",
        {
            "SECURE_PROXY_SSL_HEADER": ["X-Forwarded-Proto", "https"],
            "SECURE_SSL_REDIRECT": True,
        },
        PREFLIGHT,
        console="Redirect is not allowed for a preflight request",
        first=(SECURITY,),
        without=(SECURITY,),
    ),
    Misconfiguration(
        "proxy_header_misspelt",
        "SECURE_PROXY_SSL_HEADER",
        {"SECURE_PROXY_SSL_HEADER": ["X-Forwarded-Proto", "https"]},
        "admin login in the same browser",
        user_models=WITH_ADMIN,
    ),
    Misconfiguration(
        "allowed_host_with_scheme_and_port",
        "ALLOWED_HOSTS = ['api.example.com']",
        {"ALLOWED_HOSTS": ["https://api.example.com:8000"]},
        "me/",
        "ai_kit_auth.W035",
        console="400",
    ),
    Misconfiguration(
        "allowed_host_with_a_wildcard",
        "ALLOWED_HOSTS = ['.example.com'",
        {"ALLOWED_HOSTS": ["*.example.com"]},
        "me/",
        "ai_kit_auth.W035",
        console="400",
    ),
    # URLs
    Misconfiguration(
        "urls_not_included",
        'include("ai_kit_auth.urls")',
        {"ROOT_URLCONF": "tests.urlconfs.without_the_app"},
        "URLs",
    ),
    Misconfiguration(
        "urls_of_another_namespace",
        'include("ai_kit_auth.urls")',
        {"ROOT_URLCONF": "tests.urlconfs.another_namespace"},
        "URLs",
    ),
    Misconfiguration(
        "urls_that_do_not_import",
        "tests.urlconfs.missing",
        {"ROOT_URLCONF": "tests.urlconfs.missing"},
        "start",
    ),
    Misconfiguration(
        "urls_below_a_route_for_everything",
        "tests.urlconfs.below_a_page.page",
        {"ROOT_URLCONF": "tests.urlconfs.below_a_page"},
        "URLs",
        "ai_kit_auth.W033",
    ),
    Misconfiguration(
        "urls_without_a_slash",
        "/authlogin/",
        {"ROOT_URLCONF": "tests.urlconfs.without_a_slash"},
        check="ai_kit_auth.W032",
    ),
    Misconfiguration(
        "frontend_url_missing",
        "['FRONTEND']['URL']",
        {"AI_KIT_AUTH": {}},
        check="ai_kit_auth.E002",
    ),
    Misconfiguration(
        "frontend_url_without_scheme",
        "['FRONTEND']['URL']",
        _auth(FRONTEND={"URL": "{netloc}"}),
        check="ai_kit_auth.W025",
    ),
    # AI_KIT_AUTH
    Misconfiguration(
        "key_misspelt",
        "did you mean 'FRONTEND'?",
        {"AI_KIT_AUTH": {"FRONTED": {"URL": "{origin}"}}},
        "URLs",
        "ai_kit_auth.E001",
    ),
    Misconfiguration(
        "value_of_the_wrong_type",
        "AI_KIT_AUTH['USERNAME_REQUIRED']",
        _auth(USERNAME_REQUIRED="no"),
        "URLs",
        "ai_kit_auth.E001",
    ),
    Misconfiguration(
        "serializer_that_does_not_exist",
        "AI_KIT_AUTH['USER_SERIALIZER']",
        _auth(USER_SERIALIZER="tests.serializers.Missing"),
        "login/",
        "ai_kit_auth.E003",
        console="500",
    ),
    Misconfiguration(
        "serializer_that_raises",
        "tests.middleware",
        _auth(USER_SERIALIZER="tests.middleware.broken_serializer"),
        "login/",
        console="500",
    ),
    Misconfiguration(
        "serializer_of_what_no_json_holds",
        "AI_KIT_AUTH['USER_SERIALIZER']: tests.middleware.shows_an_object",
        _auth(USER_SERIALIZER="tests.middleware.shows_an_object"),
        "login/",
        console="500",
    ),
    Misconfiguration(
        "sender_of_the_wrong_arity",
        "def sends_to_one(user, url): ...",
        _auth(SEND_RESET_PW_MAIL="tests.middleware.sends_to_one"),
        check="ai_kit_auth.E015",
    ),
    Misconfiguration(
        "context_of_the_wrong_arity",
        "def sends_to_one(): ...",
        _auth(
            EMAIL_TEMPLATES={"CUSTOM_DATA_FUNCTION": "tests.middleware.sends_to_one"}
        ),
        check="ai_kit_auth.E015",
    ),
    Misconfiguration(
        "mail_backend_that_does_not_exist",
        "'mails.backends.Gone', which cannot be imported",
        (
            {"MAILERS": {"default": {"BACKEND": "mails.backends.Gone"}}}
            if django.VERSION >= (6, 1)
            else {"EMAIL_BACKEND": "mails.backends.Gone"}
        ),
        check="ai_kit_auth.W034",
    ),
    Misconfiguration(
        "mailer_that_does_not_exist",
        "AI_KIT_AUTH['MAILER'] is 'accounts'",
        _auth(MAILER="accounts"),
        check="ai_kit_auth.E018",
    ),
    Misconfiguration(
        "queue_of_mails_that_does_not_exist",
        "AI_KIT_AUTH['MAIL_TASK'] is 'mails'",
        _auth(MAIL_TASK="mails"),
        check="ai_kit_auth.E019",
    ),
    # Templates
    Misconfiguration(
        "template_missing",
        "EMAIL_TEMPLATES",
        _templates(BODY_HTML="mails/no_such_template.html"),
        check="ai_kit_auth.E007",
    ),
    Misconfiguration(
        "template_broken",
        "EMAIL_TEMPLATES",
        {
            **_templates(TITLE="broken.txt"),
            "TEMPLATES": [
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": False,
                    "OPTIONS": {
                        "context_processors": [
                            "django.template.context_processors.request",
                            "django.contrib.auth.context_processors.auth",
                            "django.contrib.messages.context_processors.messages",
                        ],
                        "loaders": [
                            [
                                "django.template.loaders.locmem.Loader",
                                {"broken.txt": "Reset {% of %}"},
                            ],
                            "django.template.loaders.app_directories.Loader",
                        ],
                    },
                }
            ],
        },
        check="ai_kit_auth.E008",
    ),
    Misconfiguration(
        "templates_of_the_apps_not_looked_for",
        "TEMPLATES",
        {"TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]},
        "admin login in the same browser",
        console="500",
        user_models=WITH_ADMIN,
    ),
    # Models
    Misconfiguration(
        "identity_field_that_the_model_lacks",
        "AI_KIT_AUTH['USER_IDENTITY_FIELDS']",
        _auth(USER_IDENTITY_FIELDS=["nickname"]),
        "login/",
        "ai_kit_auth.E004",
    ),
    Misconfiguration(
        "required_field_that_registration_does_not_ask_for",
        "REGISTRATION_SERIALIZER",
        _auth(),
        check="ai_kit_auth.W028",
        user_models=("extra_field",),
    ),
)
