"""
Find the setting that causes a symptom.

In process the doctor reads the settings, so it knows the cause. Of a server elsewhere
it knows the symptom only. It names the most likely cause, and the setting on that
server to look at.
"""

from __future__ import annotations

import re
import smtplib
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import Any
from urllib.parse import urljoin, urlsplit

from corsheaders.conf import conf as cors
from django.conf import settings
from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.db import DatabaseError
from django.http.request import validate_host
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.utils.module_loading import import_string

from ..checks.cross_origin import (
    is_allowed,
    list_problems,
    with_headers,
    with_origin,
)
from ..checks.mails import has_mailers, mailer
from ..checks.origins import (
    Origin,
    is_trusted,
    origin_of,
    parse_origin,
    right_host,
    site_of,
    texts_of,
)
from ..checks.problems import resolved
from ..checks.routes import is_endpoint, is_ours, named, view_at
from .browser import Blocked, Browser
from .servers import Answer, InProcess, path_info

# The form of a header's name in request.META.
HEADER_NAME = re.compile("HTTP_[A-Z0-9_]+")
CORS_MIDDLEWARE = "corsheaders.middleware.CorsMiddleware"
SESSION_MIDDLEWARE = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION_MIDDLEWARE = "django.contrib.auth.middleware.AuthenticationMiddleware"


@dataclass(frozen=True)
class Diagnosis:
    """
    Why something failed, and the ``setting`` to write.

    ``sure`` is False if the cause is only the most likely one.
    """

    cause: str
    setting: str
    sure: bool = True


def of_blocked(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    """Return why the browser gave the page no answer."""
    if blocked.answer is not None:
        refused = _host_refused(blocked.answer, browser, url)
        if refused:
            return refused
        if blocked.answer.status >= 500:
            return of_error(browser)
        if blocked.answer.is_redirect:
            return of_redirect(blocked.answer.get("Location"), browser, url)
    return _BLOCKED[blocked.kind](blocked, browser, url)


def _mixed_content(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    return Diagnosis(
        "A page that was loaded over HTTPS may not send requests over HTTP.",
        "none in Django: serve the API over HTTPS, and call it at https://",
    )


def of_redirect(location: str, browser: Browser, url: str) -> Diagnosis:
    """Return why the server sends the browser from ``url`` to ``location``."""
    location = urljoin(url, location)
    if location == url and url.startswith("https://"):
        return of_proxy("Django redirects a request that came over HTTPS to HTTPS: it ")
    if url.startswith("http://") and location == url.replace("http", "https", 1):
        return Diagnosis(
            "Django redirects HTTP to HTTPS, and a preflight follows no redirect.",
            "SECURE_SSL_REDIRECT = False in development; in production, call https://",
        )
    if location.replace("://www.", "://", 1) == url:
        return Diagnosis(
            "CommonMiddleware redirects to the same name with www.",
            "PREPEND_WWW = False",
        )
    return _in_the_way(f"redirects to {location}", browser)


def _in_the_way(doing: str, browser: Browser) -> Diagnosis:
    """Return what answers instead of the views, by its name if that is known."""
    name = None
    if isinstance(browser.server, InProcess):
        name = browser.server.answering_middleware()
    if name is not None and name == _entry_of(SESSION_MIDDLEWARE):
        # SessionInterrupted: the session that it was about to save no longer exists.
        return _lost_sessions("Django's session ended before the answer was sent")
    return Diagnosis(
        f"{name or 'Something in front of the views'} {doing}.",
        f'MIDDLEWARE: "{name}" must not answer requests to the API'
        if name
        else "MIDDLEWARE, or a proxy: it must not answer requests to the API",
    )


def of_proxy(lead: str) -> Diagnosis:
    """Return that Django takes HTTPS for HTTP. ``lead`` begins the sentence."""
    return Diagnosis(
        f"{lead}does not know that the proxy in front of it uses HTTPS.",
        'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https"), and the proxy '
        "sets that header",
    )


def _no_allow_origin(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    origin = browser.origin
    if not isinstance(browser.server, InProcess):
        if not blocked.preflight:
            return Diagnosis(
                "The preflight was allowed, but the answer was made for another "
                "client: a cache or a proxy gave it.",
                "none in Django: the cache must respect Cache-Control: no-store and "
                "Vary: origin, or not cache the API",
            )
        return Diagnosis(
            f"The server does not allow {origin} by CORS, or has no CORS middleware, "
            "or a server in front of it answered.",
            f'CORS_ALLOWED_ORIGINS = ["{origin}"]; MIDDLEWARE with "{CORS_MIDDLEWARE}" '
            "first",
        )
    place = _place_of(CORS_MIDDLEWARE)
    if place is None:
        return Diagnosis(
            "No middleware adds CORS headers.",
            f'MIDDLEWARE = ["{CORS_MIDDLEWARE}", ...]',
        )
    path = path_info(url)
    if not re.match(cors.CORS_URLS_REGEX, path):
        return Diagnosis(
            f"CORS is on for some paths only, and {path} is not one of them.",
            f'CORS_URLS_REGEX = r"^{path.rsplit("/", 2)[0]}/.*$"',
        )
    text = _text_for_a_list("CORS")
    if text is not None:
        return text
    if not is_allowed(origin):
        entries = texts_of(cors.CORS_ALLOWED_ORIGINS)
        return Diagnosis(
            _near_miss(origin, entries, "CORS_ALLOWED_ORIGINS"),
            with_origin("CORS_ALLOWED_ORIGINS", origin),
        )
    name = browser.server.answering_middleware()
    return Diagnosis(
        f"{name or 'A middleware'} answers above the CORS middleware, or removes its "
        "headers.",
        f'MIDDLEWARE = ["{CORS_MIDDLEWARE}", ...]: first, or above that middleware',
    )


def _text_for_a_list(prefix: str) -> Diagnosis | None:
    """Return that a list setting is a string, as the check E014 says."""
    for found in list_problems():
        if found.msg.startswith(prefix):
            return Diagnosis(found.msg, str(found.hint))
    return None


def _two_allow_origins(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    return Diagnosis(
        "Two servers add CORS headers: Django and a proxy.",
        "none in Django: remove the Access-Control-* headers from the proxy",
        sure=False,
    )


def _wildcard(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    if isinstance(browser.server, InProcess) and not (
        cors.CORS_ALLOW_ALL_ORIGINS and not cors.CORS_ALLOW_CREDENTIALS
    ):
        return Diagnosis(
            "Access-Control-Allow-Origin is *, and CorsMiddleware did not set it.",
            "MIDDLEWARE, or the server in front of Django: remove Access-Control-*",
            sure=False,
        )
    return Diagnosis(
        "Every origin is allowed, but without cookies.",
        f"CORS_ALLOW_CREDENTIALS = True, with CORS_ALLOWED_ORIGINS = "
        f'["{browser.origin}"] instead of CORS_ALLOW_ALL_ORIGINS',
    )


def _other_origin(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    return Diagnosis(
        f"A cache or a proxy answers with the header of another origin, "
        f"{blocked.detail}.",
        "none in Django: the cache must respect Vary: origin, or not cache the API",
        sure=False,
    )


def _no_credentials(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    return Diagnosis(
        "The origin is allowed, but without cookies.",
        "CORS_ALLOW_CREDENTIALS = True",
        sure=not cors.CORS_ALLOW_CREDENTIALS,
    )


def _status(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    return _in_the_way("answers preflights", browser)


def _header(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    return Diagnosis(
        f"The header {blocked.detail} is not allowed from other origins.",
        with_headers(blocked.detail),
    )


def _method(blocked: Blocked, browser: Browser, url: str) -> Diagnosis:
    return Diagnosis(
        f"The method {blocked.detail} is not allowed from other origins.",
        "CORS_ALLOW_METHODS = [*corsheaders.defaults.default_methods], which "
        "contains it",
    )


_BLOCKED = {
    "header": _header,
    "method": _method,
    "mixed_content": _mixed_content,
    "no_allow_origin": _no_allow_origin,
    "no_credentials": _no_credentials,
    "other_origin": _other_origin,
    "status": _status,
    "two_allow_origins": _two_allow_origins,
    "wildcard": _wildcard,
}


def _near_miss(origin: Origin, entries: list[str], setting: str) -> str:
    """Say that ``origin`` is missing, or which entry most likely stands for it."""
    for entry in entries:
        bare = entry.partition("://")[2] or entry
        if bare.split("/")[0].lower() == origin.netloc:
            try:
                parse_origin(entry)
            except ValueError as error:
                return f"{setting} has {entry!r}, which {error}."
            return f"{setting} has {entry!r}, but the page's origin is {origin}."
    return f"{setting} lacks {origin}."


def of_csrf(
    browser: Browser, url: str, origin: Origin, *, same_site: bool
) -> Diagnosis:
    """Return why the server refused a CSRF token that it had issued."""
    in_process = isinstance(browser.server, InProcess)
    if not in_process or not settings.CSRF_USE_SESSIONS:
        name, prefix = settings.CSRF_COOKIE_NAME, "CSRF"
    else:
        name, prefix = settings.SESSION_COOKIE_NAME, "SESSION"
    reason = browser.jar.missing(name, url, same_site=same_site)
    if reason is not None and (in_process or reason != "not_set"):
        return of_cookie(prefix, reason, browser, url)
    if not in_process:
        refused = next(iter(browser.jar.refused.items()), None)
        if refused:
            return of_cookie(prefix_of(refused[0]), refused[1], browser, url)
        return Diagnosis(
            f"The server does not trust {origin}, or it did not get the CSRF cookie.",
            f'CSRF_TRUSTED_ORIGINS = ["{origin}"]',
        )
    if not HEADER_NAME.fullmatch(str(settings.CSRF_HEADER_NAME)):
        return Diagnosis(
            f"Django looks for the token in {settings.CSRF_HEADER_NAME!r}, but no "
            f"header has that name; the frontend sends {browser.token_header}.",
            'CSRF_HEADER_NAME = "HTTP_X_CSRFTOKEN"',
        )
    text = _text_for_a_list("CSRF")
    if text is not None:
        return text
    if not is_trusted(origin, settings.CSRF_TRUSTED_ORIGINS):
        if origin == origin_of(url) and origin.scheme == "https":
            return of_proxy("Django refuses its own origin over HTTPS: it ")
        return Diagnosis(
            _near_miss(origin, settings.CSRF_TRUSTED_ORIGINS, "CSRF_TRUSTED_ORIGINS"),
            with_origin("CSRF_TRUSTED_ORIGINS", origin),
        )
    return _lost_sessions("The session that held the CSRF token ended")


def _lost_sessions(lead: str) -> Diagnosis:
    return Diagnosis(
        f"{lead}: sessions are not stored.",
        f"SESSION_ENGINE (now {settings.SESSION_ENGINE!r}), and CACHES if it stores "
        "them there",
        sure=False,
    )


def prefix_of(name: str) -> str:
    """Return which settings a cookie's ``name`` belongs to: SESSION or CSRF."""
    return "CSRF" if "csrf" in name.lower() else "SESSION"


def of_cookie(prefix: str, reason: str, browser: Browser, url: str) -> Diagnosis:
    """Return why the browser did not send the cookie of ``prefix``, SESSION or CSRF."""
    cookie = "session" if prefix == "SESSION" else "CSRF"
    setting = f"{prefix}_COOKIE"
    both = f"the {cookie} cookie"
    host = origin_of(url).host
    return {
        "insecure": Diagnosis(
            f"The browser does not send {both} over HTTP: it is Secure.",
            f"{setting}_SECURE = False in development; in production, serve HTTPS",
        ),
        "none_without_secure": Diagnosis(
            f"Browsers reject {both}: it is SameSite=None, but not Secure.",
            f"{setting}_SECURE = True",
        ),
        "cross_site": _of_two_sites(browser.origin, origin_of(url), both),
        "domain": Diagnosis(
            f"Browsers reject {both}: its domain is not {host} or a parent of it.",
            f"{setting}_DOMAIN = None",
        ),
        "path": Diagnosis(
            f"The path of {both} does not cover the path of the API.",
            f'{setting}_PATH = "/"',
        ),
        "prefix": Diagnosis(
            f"Browsers reject {both}: its name begins with __Host- or __Secure-, but "
            "it is not Secure, or has a domain or a path.",
            f"{setting}_NAME, or {setting}_SECURE = True with {setting}_DOMAIN = None "
            f'and {setting}_PATH = "/"',
        ),
        "too_big": Diagnosis(
            f"Browsers reject {both}: it has more than 4096 bytes.",
            "SESSION_ENGINE: not signed_cookies, or less data in the session",
        ),
        "expired": Diagnosis(
            f"The {cookie} cookie expires as soon as it is set.",
            f"{setting}_AGE: a number of seconds",
        ),
        "ended": Diagnosis(
            f"The server deleted {both} with its next answer.",
            _lost_sessions("").setting
            if prefix == "SESSION"
            else "MIDDLEWARE: one of them takes the CSRF cookie away",
            sure=False,
        ),
        "not_set": Diagnosis(
            f"The server set no {cookie} cookie.",
            f'MIDDLEWARE with "{SESSION_MIDDLEWARE}"'
            if prefix == "SESSION"
            else "MIDDLEWARE: one of them takes the CSRF cookie away",
            sure=prefix == "SESSION" and _place_of(SESSION_MIDDLEWARE) is None,
        ),
    }[reason]


def _of_two_sites(page: Origin, api: Origin, cookie: str) -> Diagnosis:
    lead = f"and {cookie} is not sent from one to the other."
    if page.is_local and api.is_local and page.host != api.host:
        return Diagnosis(
            f"{page.host} and {api.host} are one machine, but two sites, {lead}",
            "one name for both: open the page and call the API at "
            f"{page.netloc.rpartition(':')[0] or page.netloc} (ALLOWED_HOSTS)",
        )
    if site_of(page.host) == site_of(api.host):
        return Diagnosis(
            f"{page} and {api} are two sites because of their schemes, {lead}",
            "none in Django: serve both over HTTPS, or both over HTTP in development",
        )
    return Diagnosis(
        f"{page} and {api.host} are two sites, {lead}",
        'SESSION_COOKIE_SAMESITE and CSRF_COOKIE_SAMESITE = "None", with '
        "SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE = True; one site for both is "
        "better, such as app. and api.example.com",
    )


def of_lost_session(browser: Browser, url: str) -> Diagnosis:
    """Return why ``me/`` has no user although ``login/`` answered 200."""
    same_site = browser.is_same_site(url)
    reason = browser.jar.missing(settings.SESSION_COOKIE_NAME, url, same_site=same_site)
    if reason is not None:
        return of_cookie("SESSION", reason, browser, url)
    if _place_of(AUTHENTICATION_MIDDLEWARE) is None:
        return _missing(AUTHENTICATION_MIDDLEWARE, "no session leads to a user")
    return Diagnosis(
        "The browser sent the session cookie, but the server has no such session.",
        f"{_lost_sessions('').setting}; or AUTHENTICATION_BACKENDS, whose get_user "
        "must find the account",
        sure=False,
    )


def of_status(answer: Answer, browser: Browser, url: str) -> Diagnosis:
    """Return why an answer is not the success that it should be."""
    refused = _host_refused(answer, browser, url)
    if refused:
        return refused
    # In process every URL comes from reverse(), so the URLconf has it.
    if answer.status == 404 and not isinstance(browser.server, InProcess):
        return Diagnosis(
            "The server has no endpoint at this URL.",
            'the URLconf: path("api/v1/auth/", include("ai_kit_auth.urls")), and '
            'AI_KIT_AUTH["ENABLE_ENDPOINTS"]',
        )
    if answer.status == 429:
        return Diagnosis(
            "There were too many attempts.",
            'AI_KIT_AUTH["THROTTLE_RATES"], REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]',
        )
    if answer.status >= 500:
        return of_error(browser)
    if isinstance(browser.server, InProcess) and is_endpoint(urlsplit(url).path):
        found = view_at(urlsplit(url).path)
        if found is not None and not is_ours(found[0]):
            return of_other_view(*found)
    code = answer.data.get("error")
    if code:
        return Diagnosis(
            f"Code of the project answered {code!r}.",
            "the receivers of ai_kit_auth.signals, REST_FRAMEWORK, MIDDLEWARE",
            sure=False,
        )
    if answer.is_redirect:
        return of_redirect(answer.get("Location"), browser, url)
    return _in_the_way("answers instead of the views", browser)


def of_other_view(view: Any, route: str) -> Diagnosis:
    """Return that ``view`` answers instead of an endpoint, by the ``route`` above."""
    return Diagnosis(
        f"{named(view)} answers instead of an endpoint, by the route {route!r}.",
        f'In {settings.ROOT_URLCONF}, put path(..., include("ai_kit_auth.urls")) above '
        f"the route {route!r}.",
    )


def of_credentials() -> Diagnosis:
    """Return why the right password was refused."""
    return Diagnosis(
        "No backend accepted an active account with its right password.",
        f"AUTHENTICATION_BACKENDS = {_with_model_backend()!r}",
    )


def _with_model_backend() -> list[str]:
    """Return the project's backends with Django's, which checks passwords."""
    django = "django.contrib.auth.backends.ModelBackend"
    return list(dict.fromkeys([*settings.AUTHENTICATION_BACKENDS, django]))


def of_error(browser: Browser) -> Diagnosis:
    """Return the cause of a 500."""
    server = browser.server
    if not isinstance(server, InProcess) or server.exception is None:
        return Diagnosis("The server failed.", "unknown here: see the server's log")
    return of_exception(server.exception)


def of_exception(error: BaseException) -> Diagnosis:
    """Return the setting or the code of the project that raised ``error``."""
    said = f"{type(error).__name__}: {error}".removesuffix(": ")
    for name in (SESSION_MIDDLEWARE, AUTHENTICATION_MIDDLEWARE):
        if _place_of(name) is None:
            return _missing(name, said)
    if isinstance(error, DatabaseError):
        return Diagnosis(
            f"The database failed: {said}.",
            'run "manage.py migrate"; INSTALLED_APPS and DATABASES',
        )
    if isinstance(error, TemplateDoesNotExist):
        return Diagnosis(f"A template is missing: {said}.", "TEMPLATES")
    setting = _imported_by(error) if isinstance(error, ImportError) else None
    if isinstance(error, ImproperlyConfigured):
        setting = _named_setting(str(error))
    return Diagnosis(f"The server failed with {said}.", setting or _frame_of(error))


def _missing(middleware: str, said: str) -> Diagnosis:
    return Diagnosis(
        f"{middleware.rpartition('.')[2]} is missing: {said}.",
        f'MIDDLEWARE = [..., "{middleware}", ...]',
    )


def _named_setting(text: str) -> str | None:
    """Return the setting that an error message names, if it names one."""
    found = re.search(r"AI_KIT_AUTH(?:\[[^\]]*\])*|\b[A-Z]{3,}(?:_[A-Z]+)+\b", text)
    return found[0] if found else None


_DOTTED_SETTINGS = (
    "MIDDLEWARE",
    "ROOT_URLCONF",
    "SESSION_ENGINE",
    "AUTHENTICATION_BACKENDS",
    "CACHES",
    "PASSWORD_HASHERS",
    "TEMPLATES",
    "DATABASE_ROUTERS",
)


def _imported_by(error: ImportError) -> str | None:
    """Return the setting whose dotted path cannot be imported, if there is one."""
    # The text of django.utils.module_loading.
    found = re.search(r'Module "([^"]+)" does not define a "([^"]+)"', str(error))
    path = f"{found[1]}.{found[2]}" if found else error.name
    for name in _DOTTED_SETTINGS:
        if path and path in repr(getattr(settings, name)):
            return f"{name}: {path} cannot be imported"
    return None


_LIBRARIES = ("site-packages", "dist-packages", sysconfig.get_path("stdlib"))
_HANDLER = "django.core.handlers.exception"
_THIS_APP = str(Path(__file__).parents[1])


def _frame_of(error: BaseException) -> str:
    """
    Return where ``error`` was raised: the innermost frame of the project's own code.

    A line of a library does not help, since the project cannot change it. Then this
    returns the setting whose value the library was working on, or "unknown".
    """
    frames = [
        (frame.f_globals.get("__name__", ""), frame.f_code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
    ]
    # Frames before that belong to middleware that only passed the request on.
    handled = [place for place, frame in enumerate(frames) if frame[0] == _HANDLER]
    frames = frames[max(handled, default=0) :]
    for module, file, line in reversed(frames):
        library = any(part in file for part in (*_LIBRARIES, _THIS_APP))
        if not library and not file.startswith("<"):
            return f"the code of {module}, line {line}"
    modules = {module for module, _, _ in frames}
    if "rest_framework.renderers" in modules:
        shown_by = resolved("USER_SERIALIZER")
        return f"AI_KIT_AUTH['USER_SERIALIZER']: {named(shown_by)}"
    for name in texts_of(settings.MIDDLEWARE):
        if name.rpartition(".")[0] in modules and not name.startswith("django."):
            return f'MIDDLEWARE: "{name}"'
    return "unknown"


def _host_refused(answer: Answer, browser: Browser, url: str) -> Diagnosis | None:
    """Return a diagnosis if Django refuses the host name of the request."""
    if answer.status != 400 or answer.data:
        return None
    host = origin_of(url).host
    if isinstance(browser.server, InProcess):
        allowed = settings.ALLOWED_HOSTS
        if settings.DEBUG and not allowed:
            allowed = [".localhost", "127.0.0.1", "[::1]"]
        if validate_host(f"[{host}]" if ":" in host else host, allowed):
            return None
        return Diagnosis(
            f"Django does not accept the host name {host} ({DisallowedHost.__name__}).",
            f"ALLOWED_HOSTS = {_with_host(host)!r}",
        )
    return Diagnosis(
        f"Django does not accept the host name {host}, or the proxy sends another.",
        f'ALLOWED_HOSTS = ["{host}"], and the proxy must pass Host on (or '
        "X-Forwarded-Host, with USE_X_FORWARDED_HOST = True)",
    )


def _with_host(host: str) -> list[str]:
    """Return the project's ``ALLOWED_HOSTS`` and ``host``, each in the right form."""
    given = map(right_host, texts_of(settings.ALLOWED_HOSTS))
    return list(dict.fromkeys([*given, right_host(host)]))


def _entry_of(middleware: str) -> str | None:
    place = _place_of(middleware)
    return None if place is None else str(settings.MIDDLEWARE[place])


def _place_of(middleware: str) -> int | None:
    """Return the place in MIDDLEWARE of ``middleware`` or of a subclass of it."""
    wanted = import_string(middleware)
    for place, name in enumerate(settings.MIDDLEWARE):
        found = _imported(name)
        if isinstance(found, type) and issubclass(found, wanted):
            return place
    return None


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except Exception:  # noqa: BLE001  # a module may raise anything
        return None


def of_mail(error: Exception) -> Diagnosis:
    """Return why a mail was not sent."""
    new = has_mailers()
    option = f"{mail_setting()}['OPTIONS']" if new else "EMAIL_HOST, EMAIL_PORT, ..."
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Diagnosis(
            "The mail server refuses the username or the password.",
            f"{option}: username, password"
            if new
            else "EMAIL_HOST_USER, EMAIL_HOST_PASSWORD",
        )
    if isinstance(error, smtplib.SMTPSenderRefused):
        return Diagnosis(
            f"The mail server refuses the sender {settings.DEFAULT_FROM_EMAIL!r}.",
            "DEFAULT_FROM_EMAIL",
        )
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return Diagnosis(
            "The mail server refuses the recipient.",
            "DEFAULT_FROM_EMAIL, and what the server allows this sender",
        )
    if isinstance(error, smtplib.SMTPException | OSError):
        return Diagnosis("The connection to the mail server fails.", option)
    if isinstance(error, TemplateDoesNotExist | TemplateSyntaxError):
        return Diagnosis("A template fails.", 'AI_KIT_AUTH["EMAIL_TEMPLATES"]')
    if isinstance(error, ImproperlyConfigured) and _named_setting(str(error)):
        return of_exception(error)
    return Diagnosis(
        f"The sender function or the mail backend fails with {type(error).__name__}: "
        f"{error}.",
        f'{_frame_of(error)}; {mail_setting()}, AI_KIT_AUTH["SEND_..."]',
    )


def mail_setting() -> str:
    """Return the setting that names the mail backend."""
    return f"MAILERS[{mailer()!r}]" if has_mailers() else "EMAIL_BACKEND"
