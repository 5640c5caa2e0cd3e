"""``manage.py check`` reports every problem of a project, and no other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import checks
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError, connection, models
from django.db.models.functions import Lower
from django.db.models.signals import pre_save
from django.test import override_settings
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.urls import URLPattern
from rest_framework import serializers

import ai_kit_auth.urls  # noqa: F401  # builds its routes before AI_KIT_AUTH breaks
from ai_kit_auth import services
from ai_kit_auth.checks import CHECKS, PROBLEMS
from ai_kit_auth.checks.upgrade import undecided_route
from ai_kit_auth.checks.user_model import unique_names
from ai_kit_auth.serializers import RegistrationSerializer, UserSerializer
from ai_kit_auth.settings import api_settings
from ai_kit_auth.user_model import user_model

from .conftest import PASSWORD, USER_MODELS
from .test_settings import DOTTED, URL, dict_with

DECIDED = {"RESET_PW_ROUTE": "/auth/reset_password/"}
WITHOUT_ADMIN = {"USE_AI_KIT_AUTH_ADMIN": False}
WITHOUT_LINKS = {"ENABLE_ENDPOINTS": {"REGISTER": False, "SEND_PW_RESET_MAIL": False}}
CORS = "corsheaders.middleware.CorsMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
BACKENDS = "django.core.cache.backends"
DATABASE = f"{BACKENDS}.db.DatabaseCache"
TOKENS = "rest_framework.authentication.TokenAuthentication"

# A URLconf without the app.
urlpatterns: list[URLPattern] = []


class ShowsAll(UserSerializer):
    class Meta(UserSerializer.Meta):
        fields = "__all__"


class WithInvitation(RegistrationSerializer):
    """Asks for what no model keeps."""

    invitation = serializers.CharField()


class InvitationTakenOut(WithInvitation):
    def validate(self, attrs: Any) -> Any: ...


class InvitationUsed(WithInvitation):
    def create(self, validated_data: Any) -> Any: ...


class WithParams(RegistrationSerializer):
    params = serializers.JSONField()

    # It may fill a column that the user model demands.
    def validate(self, attrs: dict[str, Any]) -> Any: ...

    def create(self, validated_data: Any) -> Any: ...


class PlainRegistration(serializers.Serializer[Any]):
    invitation = serializers.CharField()


class NothingToLose(RegistrationSerializer):
    terms = serializers.BooleanField(read_only=True)
    whole = serializers.JSONField(source="*")


def findings(*, deploy: bool = False, **overlay: Any) -> list[checks.CheckMessage]:
    """Return the messages of the package when a project runs all checks."""
    given = overlay.get("AI_KIT_AUTH", settings.AI_KIT_AUTH)
    if deploy and isinstance(given, dict):
        # What I001 recommends, unless the test says otherwise.
        overlay["AI_KIT_AUTH"] = {"ACTIVATION_PROOF": True, **given}
    with override_settings(**overlay):
        found = checks.run_checks(include_deployment_checks=deploy)
    return sorted(
        (message for message in found if str(message.id).startswith("ai_kit_auth.")),
        key=lambda message: (message.id or "", message.msg),
    )


def ids(*, deploy: bool = False, **overlay: Any) -> list[str]:
    return [str(m.id)[-4:] for m in findings(deploy=deploy, **overlay)]


def auth(**given: Any) -> dict[str, Any]:
    """Return an AI_KIT_AUTH that is good for the user model, with ``given``."""
    return {**settings.AI_KIT_AUTH, **given}


def mails_by(backend: str) -> dict[str, Any]:
    """Return the setting that has mails sent by ``backend`` of Django's."""
    return mails_by_path(f"django.core.mail.backends.{backend}.EmailBackend")


def mails_by_path(path: str) -> dict[str, Any]:
    return (
        {"MAILERS": {"default": {"BACKEND": path}}}
        if django.VERSION >= (6, 1)
        else {"EMAIL_BACKEND": path}
    )


def mails_by_smtp(
    path: str = "django.core.mail.backends.smtp.EmailBackend", **options: Any
) -> dict[str, Any]:
    """Return the settings that have mails sent by a server, with a time-out."""
    options = {"host": "smtp.example.com", "timeout": 10, **options}
    return (
        {"MAILERS": {"default": {"BACKEND": path, "OPTIONS": options}}}
        if django.VERSION >= (6, 1)
        else {
            "EMAIL_BACKEND": path,
            "EMAIL_HOST": options["host"],
            "EMAIL_TIMEOUT": options["timeout"],
        }
    )


# What the suite lacks of a healthy deployment.
DEPLOYED: dict[str, Any] = {
    **mails_by_smtp(),
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}},
    "ALLOWED_HOSTS": ["api.example.com"],
}


def middleware(*first: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    kept = [path for path in settings.MIDDLEWARE if path not in (*first, *without)]
    return {"MIDDLEWARE": [*first, *kept]}


def takes_one(user: Any) -> Any: ...


def templates(**given: str) -> list[dict[str, Any]]:
    """Return TEMPLATES with ``given`` (a dot for "__") before those of the apps."""
    loaders = [
        (
            "django.template.loaders.locmem.Loader",
            {name.replace("__", "."): text for name, text in given.items()},
        ),
        "django.template.loaders.app_directories.Loader",
    ]
    engine: Any = settings.TEMPLATES[0]
    options = {**engine["OPTIONS"], "loaders": loaders}
    return [{**engine, "APP_DIRS": False, "OPTIONS": options}]


def reset_title(name: str) -> dict[str, Any]:
    return auth(EMAIL_TEMPLATES={"RESET_PASSWORD": {"TITLE": name}})


@dataclass(frozen=True)
class Seed:
    """One wrong setting; ``told`` and ``typed`` are in the message and in its hint."""

    number: str
    told: str
    typed: str
    overlay: Mapping[str, Any] = field(default_factory=dict)
    user_models: tuple[str, ...] = USER_MODELS
    deploy: bool = False


def seeds() -> Iterator[Seed]:
    app, lax = "https://app.example.com", "https://app.example.org"
    yield Seed(
        "I001",
        "a mail scanner that opens links",
        "AI_KIT_AUTH = {'ACTIVATION_PROOF': True}",
        {"AI_KIT_AUTH": auth(ACTIVATION_PROOF=False)},
        deploy=True,
    )
    yield Seed(
        "E001",
        "did you mean 'FRONTEND'?",
        "AI_KIT_AUTH",
        {"AI_KIT_AUTH": {"FRONTED": {"URL": app}}},
    )
    yield Seed(
        "E002",
        "AI_KIT_AUTH['FRONTEND']['URL'] is missing",
        "AI_KIT_AUTH = {'FRONTEND': {'URL': 'https://",
        {"AI_KIT_AUTH": auth(FRONTEND={})},
    )
    yield Seed(
        "E003",
        "AI_KIT_AUTH['USER_SERIALIZER']: 'no.such'",
        "dotted path",
        {"AI_KIT_AUTH": auth(USER_SERIALIZER="no.such")},
    )
    yield Seed(
        "E004",
        "no field 'nickname'",
        "password",
        {"AI_KIT_AUTH": auth(USER_IDENTITY_FIELDS=["nickname"])},
    )
    yield Seed(
        "E006",
        "AI_KIT_AUTH['USER_SERIALIZER']: builtins.dict is not a serializer",
        "ai_kit_auth.serializers.UserSerializer",
        {"AI_KIT_AUTH": auth(USER_SERIALIZER=dict)},
    )
    yield Seed(
        "E007",
        "AI_KIT_AUTH['EMAIL_TEMPLATES']['RESET_PASSWORD']['TITLE']: there is no "
        "template 'reset.txt'",
        "Save it as 'reset.txt'",
        {"AI_KIT_AUTH": reset_title("reset.txt")},
    )
    yield Seed(
        "E008",
        "template 'broken.txt' does not compile: ",
        "AI_KIT_AUTH['EMAIL_TEMPLATES']['RESET_PASSWORD']['TITLE']",
        {
            "AI_KIT_AUTH": reset_title("broken.txt"),
            "TEMPLATES": templates(broken__txt="{% of %}"),
        },
    )
    yield Seed(
        "E009",
        "AI_KIT_AUTH['ADMIN_FIELDSETS'] names 'nickname'",
        "'nickname'",
        {"AI_KIT_AUTH": auth(ADMIN_FIELDSETS=[(None, {"fields": ["nickname"]})])},
    )
    yield Seed(
        "E014",
        "and '^' allows every origin, with its cookies",
        r"CORS_ALLOWED_ORIGIN_REGEXES = ['^https://\\w+",
        {"CORS_ALLOWED_ORIGIN_REGEXES": r"^https://\w+\.example\.com$"},
    )
    yield Seed(
        "E015",
        "takes_one(user) is called with (user, url): too many positional arguments",
        "def takes_one(user, url): ...",
        {"AI_KIT_AUTH": auth(SEND_RESET_PW_MAIL=takes_one)},
    )
    yield Seed(
        "E017",
        "'shop.capability.WISHLIST' cannot be imported: No module named 'shop'",
        "full dotted path",
        {
            "INSTALLED_APPS": [
                *settings.INSTALLED_APPS,
                "tests.misdeclared.NotImportable",
            ]
        },
    )
    yield Seed(
        "E018",
        "AI_KIT_AUTH['MAILER'] is 'accounts', ",
        "Remove AI_KIT_AUTH['MAILER']"
        if django.VERSION < (6, 1)
        else "MAILERS = {..., 'accounts': {'BACKEND':",
        {"AI_KIT_AUTH": auth(MAILER="accounts")},
    )
    yield Seed(
        "E019",
        # On Django 5.2 without the extra "queue" it says something else.
        "AI_KIT_AUTH['MAIL_TASK'] ",
        "django",
        {"AI_KIT_AUTH": auth(MAIL_TASK="mails")},
    )
    yield Seed(
        "E020",
        "AI_KIT_AUTH['BRANDING']['COLOR'] is 'navy', which is no colour in hexadecimal",
        "'COLOR': '#1f4fd8'",
        {"AI_KIT_AUTH": auth(BRANDING={"COLOR": "navy"})},
    )
    yield Seed(
        "E021",
        "AI_KIT_AUTH['REGISTRATION_SERIALIZER']: tests.test_checks.WithParams takes a "
        "field 'params'",
        "Rename the field in WithParams, or leave ERROR_PARAMS out.",
        {"AI_KIT_AUTH": auth(ERROR_PARAMS=True, REGISTRATION_SERIALIZER=WithParams)},
    )
    yield Seed(
        "W001",
        "LocMemCache is not shared by processes",
        "CACHES['default']",
        {"CACHES": settings.CACHES},
        deploy=True,
    )
    yield Seed(
        "W002",
        "DatabaseCache deletes entries",
        "CACHES['default']['OPTIONS']['MAX_ENTRIES'] to 100_000",
        {"CACHES": {"default": {"BACKEND": DATABASE, "LOCATION": "cache"}}},
        deploy=True,
    )
    yield Seed(
        "W003",
        "links lead to 'auth/auth/activation'",
        f"AI_KIT_AUTH = {{'FRONTEND': {{'URL': {app!r}}}}}",
        {"AI_KIT_AUTH": auth(FRONTEND={"URL": f"{app}/auth"})},
    )
    yield Seed(
        "W004",
        "'http://app.example.com'",
        f"AI_KIT_AUTH = {{'FRONTEND': {{'URL': {app!r}}}}}",
        {
            "AI_KIT_AUTH": auth(FRONTEND={"URL": "http://app.example.com"}),
            "CORS_ALLOWED_ORIGINS": ["http://app.example.com"],
            "CSRF_TRUSTED_ORIGINS": ["http://app.example.com"],
        },
        deploy=True,
    )
    yield Seed(
        "W005",
        "two accounts can have the same 'password'",
        ".password with unique=True",
        {"AI_KIT_AUTH": auth(USER_IDENTITY_FIELDS=["password"])},
    )
    yield Seed(
        "W006",
        f"INSTALLED_APPS lacks corsheaders, and the frontend is at {app}",
        'INSTALLED_APPS = [..., "corsheaders"]',
        {"INSTALLED_APPS": [a for a in settings.INSTALLED_APPS if a != "corsheaders"]},
    )
    yield Seed(
        "W007",
        "MIDDLEWARE lacks CorsMiddleware",
        f'MIDDLEWARE = ["{CORS}", ...]',
        middleware(without=(CORS,)),
    )
    yield Seed(
        "W008",
        "below django.middleware.common.CommonMiddleware",
        f'MIDDLEWARE = ["{CORS}", ...]',
        middleware("django.middleware.common.CommonMiddleware", CORS),
    )
    yield Seed(
        "W009",
        "CORS_ALLOW_CREDENTIALS is off",
        "CORS_ALLOW_CREDENTIALS = True",
        {"CORS_ALLOW_CREDENTIALS": False},
    )
    yield Seed(
        "W010",
        f"CORS_ALLOWED_ORIGINS lacks {app}",
        f"CORS_ALLOWED_ORIGINS = ['https://other.example.com', {app!r}]",
        {"CORS_ALLOWED_ORIGINS": ["https://other.example.com"]},
    )
    yield Seed(
        "W011",
        f"CSRF_TRUSTED_ORIGINS lacks {app}",
        f"CSRF_TRUSTED_ORIGINS = [{app!r}]",
        {"CSRF_TRUSTED_ORIGINS": []},
    )
    yield Seed(
        "W012",
        f"CSRF_TRUSTED_ORIGINS has '{app}/', which ends in a slash",
        f"Write {app!r}",
        {"CSRF_TRUSTED_ORIGINS": [f"{app}/", app]},
    )
    yield Seed(
        "W013",
        f"{lax} is on another site than api.example.com, and SESSION_COOKIE_SAMESITE "
        "and CSRF_COOKIE_SAMESITE",
        'SESSION_COOKIE_SAMESITE = "None"; SESSION_COOKIE_SECURE = True; CSRF_',
        {
            "AI_KIT_AUTH": auth(FRONTEND={"URL": lax}),
            "CORS_ALLOWED_ORIGINS": [lax],
            "CSRF_TRUSTED_ORIGINS": [lax],
            "ALLOWED_HOSTS": ["api.example.com"],
        },
    )
    yield Seed(
        "W014",
        'SESSION_COOKIE_SAMESITE is "None"',
        "SESSION_COOKIE_SECURE = True",
        {"SESSION_COOKIE_SAMESITE": "None"},
    )
    yield Seed(
        "W015",
        "AUTH_PASSWORD_VALIDATORS is empty",
        "django.contrib.auth.password_validation.",
        {"AUTH_PASSWORD_VALIDATORS": []},
    )
    yield Seed(
        "W016",
        "'django.core.mail.backends.console.EmailBackend'",
        "'django.core.mail.backends.smtp.EmailBackend'",
        mails_by("console"),
        deploy=True,
    )
    yield Seed(
        "W017",
        "DEFAULT_FROM_EMAIL is Django's 'webmaster@localhost'",
        "DEFAULT_FROM_EMAIL = ",
        {"DEFAULT_FROM_EMAIL": "webmaster@localhost"},
        deploy=True,
    )
    yield Seed(
        "W018",
        "has no SessionAuthentication",
        "['rest_framework.authentication.SessionAuthentication', "
        "'rest_framework.authentication.TokenAuthentication']",
        {"REST_FRAMEWORK": {"DEFAULT_AUTHENTICATION_CLASSES": [TOKENS]}},
    )
    yield Seed(
        "W019",
        "SECURE_PROXY_SSL_HEADER suggests that a proxy stands before the server",
        "REST_FRAMEWORK = {'NUM_PROXIES': 1}",
        {
            "REST_FRAMEWORK": {},
            "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        },
    )
    yield Seed(
        "W020",
        "CSRF_HEADER_NAME is 'X-CSRFToken'",
        'CSRF_HEADER_NAME = "HTTP_X_CSRFTOKEN"',
        {"CSRF_HEADER_NAME": "X-CSRFToken"},
    )
    yield Seed(
        "W021",
        "CORS_ALLOW_HEADERS lacks x-csrftoken,",
        "CORS_ALLOW_HEADERS = [*default_headers, 'x-csrftoken']",
        {"CORS_ALLOW_HEADERS": ["accept", "Content-Type"]},
    )
    yield Seed(
        "W022",
        "CSRF_COOKIE_DOMAIN is '.example.org'",
        "CSRF_COOKIE_DOMAIN = None",
        {"CSRF_COOKIE_DOMAIN": ".example.org", "ALLOWED_HOSTS": ["api.example.com"]},
    )
    yield Seed(
        "W023",
        f"{__name__} does not include ai_kit_auth.urls",
        'path("api/v1/auth/", include("ai_kit_auth.urls"))',
        {"ROOT_URLCONF": __name__},
    )
    yield Seed(
        "W024",
        "CORS_URLS_REGEX is '^/other/', and the endpoints are at /",
        "CORS_URLS_REGEX = r'^/",
        {"CORS_URLS_REGEX": "^/other/"},
    )
    yield Seed(
        "W025",
        "'app.example.com', which has no scheme",
        f"AI_KIT_AUTH = {{'FRONTEND': {{'URL': {app!r}}}}}",
        {"AI_KIT_AUTH": auth(FRONTEND={"URL": "app.example.com", **DECIDED})},
    )
    yield Seed(
        "W026",
        "'password' of tests.test_checks.ShowsAll shows each user the hash of their "
        "password",
        "ShowsAll.Meta.fields",
        {"AI_KIT_AUTH": auth(USER_SERIALIZER=ShowsAll)},
    )
    yield Seed(
        "W027",
        "MIDDLEWARE lacks SessionMiddleware",
        SESSION,
        middleware(without=(SESSION,)),
    )
    yield Seed(
        "W028",
        "does not ask for 'age', and extra_field.User.age cannot be empty",
        "fields = (*RegistrationSerializer.Meta.fields, 'age')",
        {"AI_KIT_AUTH": URL},
        ("extra_field",),
    )
    yield Seed(
        "W029",
        "AI_KIT_AUTH['EMAIL_TEMPLATES']['RESET_PASSWORD']['TITLE']: there is no "
        "template 'part.txt', which 'reset.txt' asks for",
        "Save it as 'part.txt'",
        {
            "AI_KIT_AUTH": reset_title("reset.txt"),
            "TEMPLATES": templates(reset__txt="{% include 'part.txt' %}"),
        },
    )
    yield Seed(
        "W032",
        "at 'auth', without a trailing slash, so login/ is at /authlogin/",
        'path("auth/", include("ai_kit_auth.urls"))',
        {"ROOT_URLCONF": "tests.urlconfs.without_a_slash"},
    )
    yield Seed(
        "W033",
        "tests.urlconfs.below_a_page.page answers at /api/v1/auth/login/, by the route "
        "'^'",
        "In tests.urlconfs.below_a_page, put path(..., include(",
        {"ROOT_URLCONF": "tests.urlconfs.below_a_page"},
    )
    yield Seed(
        "W034",
        "is 'mails.backends.Gone', which cannot be imported: No module named 'mails'",
        "django.core.mail.backends.smtp.EmailBackend",
        mails_by_path("mails.backends.Gone"),
    )
    yield Seed(
        "W035",
        "ALLOWED_HOSTS has 'https://api.example.com'",
        "ALLOWED_HOSTS = ['api.example.com', 'testserver']",
        {"ALLOWED_HOSTS": ["https://api.example.com", "testserver"]},
    )
    yield Seed(
        "W036",
        "(CORS_ORIGIN_WHITELIST is set): reset links now lead to "
        "'/auth/reset_password/'",
        "Write 'RESET_PW_ROUTE': '/auth/reset-password' into AI_KIT_AUTH['FRONTEND']",
        {"CORS_ORIGIN_WHITELIST": [app]},
    )
    yield Seed(
        "W038",
        "takes 'invitation', and",
        "use it in a create() of WithInvitation",
        {"AI_KIT_AUTH": auth(REGISTRATION_SERIALIZER=WithInvitation)},
        # The one with a further column misses that as well.
        tuple(model for model in USER_MODELS if model != "extra_field"),
    )
    yield Seed(
        "W040",
        "is not set: a connection to a mail server that does not answer never ends",
        "EMAIL_TIMEOUT = 10"
        if django.VERSION < (6, 1)
        else "MAILERS['default']['OPTIONS']['timeout'] = 10",
        mails_by_smtp(timeout=None),
        deploy=True,
    )
    yield Seed(
        "W042",
        "is '#f5a524', with a contrast of 2.0 on white; WCAG 1.4.3 asks for 4.5.",
        "'COLOR': '#",
        {"AI_KIT_AUTH": auth(BRANDING={"COLOR": "#f5a524"})},
    )
    yield Seed(
        "W043",
        "AI_KIT_AUTH['BRANDING']['LOGO_URL'] is '/static/logo.png', which is no "
        "absolute https URL",
        "'LOGO_URL': 'https://www.example.com/logo.png'",
        {"AI_KIT_AUTH": auth(BRANDING={"LOGO_URL": "/static/logo.png"})},
    )
    yield Seed(
        "W045",
        "CSRF_USE_SESSIONS is on",
        "handler500 = 'ai_kit_auth.views.server_error'",
        {"CSRF_USE_SESSIONS": True},
        deploy=True,
    )


# What no setting brings about: see test_user_admins.py, test_upgrade_command.py and
# test_indexes.py. W044 needs django.tasks: see test_mail_queue.py.
ABOUT_MODELS = (
    *("E013", "E016", "W030", "W031", "W037", "W039", "W041", "W044", "W047", "W048"),
)


LEVELS = {"E": checks.ERROR, "W": checks.WARNING, "I": checks.INFO}


def each_seed() -> Iterator[Any]:
    for seed in seeds():
        marks = pytest.mark.user_model(*seed.user_models)
        yield pytest.param(seed, id=seed.number, marks=marks)


@pytest.mark.parametrize("seed", list(each_seed()))
def test_each_problem_is_found_alone_with_what_to_type(seed: Seed) -> None:
    around = DEPLOYED if seed.deploy else {}
    [problem] = findings(deploy=seed.deploy, **{**around, **seed.overlay})
    assert problem.id == f"ai_kit_auth.{seed.number}"
    assert problem.level == LEVELS[seed.number[0]]
    assert seed.told in problem.msg
    assert seed.typed in str(problem.hint)


@pytest.mark.user_model("auth_user")
def test_there_is_no_problem_that_never_occurs() -> None:
    seeded = [seed.number for seed in seeds()]
    assert [n for n in PROBLEMS if n not in ABOUT_MODELS] == seeded


@pytest.mark.parametrize(
    "seed", [seed for seed in seeds() if seed.deploy], ids=lambda seed: seed.number
)
def test_what_matters_on_a_server_is_told_with_deploy_alone(seed: Seed) -> None:
    assert ids(**seed.overlay) == []


def test_a_healthy_host_hears_nothing() -> None:
    """With the settings as the suite has them, on every user model."""
    assert checks.run_checks() == []


def test_a_healthy_deployment_hears_nothing() -> None:
    assert findings(deploy=True, **DEPLOYED) == []


@pytest.mark.user_model(*(name for name in USER_MODELS if name != "extra_field"))
def test_the_frontends_url_is_all_that_a_host_must_set() -> None:
    assert findings(AI_KIT_AUTH=URL) == []


def test_no_check_asks_the_database(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        for seed in seeds():
            findings(deploy=True, **seed.overlay)
    assert len(queries) == 0


def test_django_finds_them_by_their_tags() -> None:
    with override_settings(AI_KIT_AUTH=auth(FRONTEND={}), CORS_ALLOW_CREDENTIALS=False):
        found = {
            tag: {m.id for m in checks.run_checks(tags=[tag])}
            for tag in ("ai_kit_auth", "security", "models")
        }
    assert found["ai_kit_auth"] == {"ai_kit_auth.E002"}
    with override_settings(CORS_ALLOW_CREDENTIALS=False):
        assert {m.id for m in checks.run_checks(tags=["security"])} == {
            "ai_kit_auth.W009"
        }
    assert found["security"] == found["models"] == set()


def test_apps_that_get_ready_twice_tell_all_once() -> None:
    installed = [*settings.INSTALLED_APPS, "django.contrib.staticfiles"]
    overlay: dict[str, Any] = {"INSTALLED_APPS": installed, "STATIC_URL": "static/"}
    assert ids(**overlay, AI_KIT_AUTH=auth(FRONTEND={})) == ["E002"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = ids(
        AI_KIT_AUTH={
            "USER_SERIALIZER": "no.such",
            "SEND_RESET_PW_MAIL": "no.such",
            "USER_IDENTITY_FIELDS": ("one", "two"),
            "ENABLE_ENDPOINTS": {"REGISTER": False},
        },
        AUTH_PASSWORD_VALIDATORS=[],
        CSRF_HEADER_NAME="",
    )
    assert found == ["E002", "E003", "E003", "E004", "E004", "W015", "W020"]


# What a project of 2.0.0 may have, and starts with; each was an error once.
@pytest.mark.parametrize(
    ("overlay", "number"),
    [
        ({"AI_KIT_AUTH": auth(FRONTEND={"URL": "example.com"})}, "W025"),
        ({"AI_KIT_AUTH": auth(FRONTEND={"URL": "example.com/app"})}, "W025"),
        ({"AI_KIT_AUTH": auth(FRONTEND={"URL": "https://e.example?a="})}, "W025"),
        ({"AI_KIT_AUTH": auth(USER_SERIALIZER=ShowsAll)}, "W026"),
        ({"MIDDLEWARE": []}, "W027"),
        (middleware(without=(AUTHENTICATION, LOGIN_REQUIRED)), "W027"),
        ({"TEMPLATES": []}, "W029"),
        (
            {
                "AI_KIT_AUTH": reset_title("reset.txt"),
                "TEMPLATES": templates(
                    reset__txt="{% if ours %}{% include 'none.txt' %}{% endif %}"
                ),
            },
            "W029",
        ),
    ],
)
def test_what_works_in_part_stops_no_command(
    overlay: dict[str, Any], number: str
) -> None:
    found = findings(**overlay)
    assert f"ai_kit_auth.{number}" in {message.id for message in found}
    assert all(message.level < checks.ERROR for message in found)


@pytest.mark.user_model("extra_field")
def test_a_registration_that_cannot_succeed_stops_no_command() -> None:
    found = findings(AI_KIT_AUTH=URL)
    assert [message.level for message in found] == [checks.WARNING]


def test_links_are_built_from_an_address_without_a_scheme() -> None:
    with override_settings(AI_KIT_AUTH=auth(FRONTEND={"URL": "example.com"})):
        url = services.make_url(
            api_settings.FRONTEND.URL, api_settings.FRONTEND.ACTIVATION_ROUTE, ident="1"
        )
    assert url == "example.com/auth/activation?ident=1"


def test_manage_py_check_fails() -> None:
    with (
        override_settings(AI_KIT_AUTH={}),
        pytest.raises(SystemCheckError, match=r"ai_kit_auth\.E002"),
    ):
        call_command("check")


# One by one


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({**URL, "FRONTED": {}}, "'FRONTEND'"),
        ({"FRONTEND": {"URI": ""}}, "'URL'"),
        ({**URL, "USERNAME_REQUIRED": "yes"}, "must be a bool, not str"),
        ({**URL, "USER_IDENTITY_FIELDS": "email"}, "must be a tuple of str, not str"),
        ({"FRONTEND": "https://app.example.com"}, "must be a dict, not str"),
        ("https://app.example.com", "must be a dict, not str"),
    ],
)
def test_e001_an_unknown_key_or_a_wrong_type(given: Any, told: str) -> None:
    [problem] = findings(AI_KIT_AUTH=given)
    assert problem.id == "ai_kit_auth.E001"
    assert told in problem.msg


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        # What a rate looks like.
        ({"THROTTLE_RATES": {"REGISTER": "10"}}, "'REGISTER': '10/min': a number, a"),
        ({"THROTTLE_RATES": {"REGISTER": 10}}, "'REGISTER': '10/min'"),
        ({"THROTTLE_RATES": {"REGISTER": "5 per hour"}}, "'REGISTER': '5/h'"),
        ({"THROTTLE_RATES": {"REGISTER": "often"}}, "'REGISTER': '600/min'"),
        ({"THROTTLE_RATES": {"REGISTER": "5/fortnight"}}, "'REGISTER': '5/min'"),
        # The comma that is missing.
        (
            {"USER_IDENTITY_FIELDS": ("email")},
            "A tuple of one needs its comma: 'USER_IDENTITY_FIELDS': ('email',)",
        ),
        (
            {"USER_IDENTITY_FIELDS": "email, username"},
            "'USER_IDENTITY_FIELDS': ('email', 'username')",
        ),
        ({"USER_IDENTITY_FIELDS": ""}, "'USER_IDENTITY_FIELDS': ('email', 'username')"),
        (
            {"USER_IDENTITY_FIELDS": [1]},
            "'USER_IDENTITY_FIELDS': ('email', 'username')",
        ),
        # The key that was meant.
        ({"FRONTED": {}}, "In AI_KIT_AUTH, write 'FRONTEND' instead of 'FRONTED'."),
        (
            {"FRONTEND": {"URI": ""}},
            "In AI_KIT_AUTH['FRONTEND'], write 'URL' instead of 'URI'.",
        ),
        ({"url": ""}, "The key is AI_KIT_AUTH['FRONTEND']['URL']: move it there."),
        ({"LOGIN": False}, "AI_KIT_AUTH['ENABLE_ENDPOINTS']['LOGIN']: move it there."),
        (
            {"FRONTEND": {"USERNAME_REQUIRED": True}},
            "The key is AI_KIT_AUTH['USERNAME_REQUIRED']: move it there.",
        ),
        ({"frontend": {}}, "In AI_KIT_AUTH, write 'FRONTEND' instead of 'frontend'."),
        ({"BRANDING": {"NAME": None}}, "'NAME': a str, or a function that takes the"),
        ({"COLOUR_OF_THE_SKY": 1}, "In AI_KIT_AUTH, remove 'COLOUR_OF_THE_SKY'."),
        # The value that was meant.
        ({"USERNAME_REQUIRED": "yes"}, "'USERNAME_REQUIRED': True"),
        ({"USERNAME_REQUIRED": "False"}, "'USERNAME_REQUIRED': False"),
        ({"USERNAME_REQUIRED": 0}, "'USERNAME_REQUIRED': False"),
        ({"ACTIVATION_TIMEOUT": "3600"}, "'ACTIVATION_TIMEOUT': 3600: a number of"),
        ({"ACTIVATION_TIMEOUT": timedelta(hours=1)}, "'ACTIVATION_TIMEOUT': 3600"),
        ({"ACTIVATION_TIMEOUT": "long"}, "'ACTIVATION_TIMEOUT': 3600: a number of"),
        ({"REAUTHENTICATION_TIMEOUT": ""}, "'REAUTHENTICATION_TIMEOUT': 300"),
        ({"USER_SERIALIZER": None}, "'ai_kit_auth.serializers.UserSerializer', or"),
        ({"ADMIN_FIELDSETS": {}}, "'ADMIN_FIELDSETS': ("),
        ({"FRONTEND": {"ACTIVATION_ROUTE": None}}, "'ACTIVATION_ROUTE': '/auth/"),
        (
            {"FRONTEND": "https://a.example"},
            "['FRONTEND'], write a dict, such as {'URL': 'https://a.example'}",
        ),
        ({"ENABLE_ENDPOINTS": ["LOGIN"]}, "such as {'LOGIN': True}"),
        (
            "https://a.example",
            "In AI_KIT_AUTH, write a dict, such as {'FRONTEND': {'URL': 'https://a.",
        ),
        (7, "such as {'FRONTEND': {'URL': '...'}}"),
    ],
)
def test_e001_says_what_to_type(given: Any, hint: str) -> None:
    [problem] = findings(AI_KIT_AUTH=given)
    assert problem.id == "ai_kit_auth.E001"
    assert hint in str(problem.hint)
    assert "AI_KIT_AUTH" in str(problem.hint)


def test_e001_all_broken_keys_are_told_at_any_depth() -> None:
    given = {
        "FRONTED": {},
        "USERNAME_REQUIRED": "yes",
        "ENABLE_ENDPOINTS": {"LOGON": True, "ME": 1},
        "EMAIL_TEMPLATES": {"USER_CREATED": {"TITEL": ""}, "RESET_PASSWORD": None},
    }
    assert [
        problem.msg.split("]: ")[0].split(" ")[0]
        for problem in findings(AI_KIT_AUTH=given)
    ] == [
        "AI_KIT_AUTH['EMAIL_TEMPLATES']['RESET_PASSWORD']",
        "AI_KIT_AUTH['EMAIL_TEMPLATES']['USER_CREATED']['TITEL']",
        "AI_KIT_AUTH['ENABLE_ENDPOINTS']['LOGON']",
        "AI_KIT_AUTH['ENABLE_ENDPOINTS']['ME']",
        "AI_KIT_AUTH['FRONTED']",
        "AI_KIT_AUTH['USERNAME_REQUIRED']",
    ]


def test_after_e001_what_else_is_wrong_is_told_as_well() -> None:
    found = ids(
        deploy=True,
        **{
            **DEPLOYED,
            "AI_KIT_AUTH": {"FRONTED": {}},
            "MIDDLEWARE": [],
            "CSRF_TRUSTED_ORIGINS": ["app.example.com"],
            "AUTH_PASSWORD_VALIDATORS": [],
            "USE_X_FORWARDED_HOST": True,
            "REST_FRAMEWORK": {},
        },
    )
    assert found == ["E001", "W012", "W015", "W019", "W027", "W027"]


@pytest.mark.parametrize(
    "given", [None, {}, {"FRONTEND": {}}, {"FRONTEND": {"URL": ""}}]
)
def test_e002_the_frontends_url_is_missing(given: Any) -> None:
    assert "E002" in ids(AI_KIT_AUTH=given)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (WITHOUT_ADMIN, ["E002"]),
        (WITHOUT_LINKS, ["E002"]),
        ({**WITHOUT_ADMIN, **WITHOUT_LINKS}, []),
        ({**WITHOUT_ADMIN, "ENABLE_ENDPOINTS": {"REGISTER": False}}, ["E002"]),
    ],
)
@pytest.mark.user_model(*(name for name in USER_MODELS if name != "extra_field"))
def test_e002_a_host_that_mails_no_links_needs_no_url(
    given: Any, found: list[str]
) -> None:
    assert ids(AI_KIT_AUTH=given) == found


@pytest.mark.user_model(*(name for name in USER_MODELS if name != "extra_field"))
def test_e002_a_host_without_the_admin_has_none_to_mail_links() -> None:
    installed = [a for a in settings.INSTALLED_APPS if not a.endswith(".admin")]
    overlay: dict[str, Any] = {"ROOT_URLCONF": "ai_kit_auth.urls"}
    assert ids(INSTALLED_APPS=installed, AI_KIT_AUTH=WITHOUT_LINKS, **overlay) == []


@pytest.mark.parametrize(
    "path", ["no.such.module", "ai_kit_auth.services.nothing", "words", ".relative"]
)
@pytest.mark.parametrize("name", DOTTED)
@pytest.mark.user_model(*(name for name in USER_MODELS if name != "extra_field"))
def test_e003_a_dotted_path_that_leads_nowhere(name: str, path: str) -> None:
    [problem] = findings(AI_KIT_AUTH=auth(**dict_with(name, path)))
    assert problem.id == "ai_kit_auth.E003"
    assert name.rpartition(".")[2] in problem.msg
    assert repr(path) in problem.msg
    assert "dotted path" in str(problem.hint)


def test_e003_a_dotted_path_to_what_nobody_can_call() -> None:
    [problem] = findings(
        AI_KIT_AUTH={
            **settings.AI_KIT_AUTH,
            "SEND_RESET_PW_MAIL": "ai_kit_auth.services.logger",
        }
    )
    assert problem.id == "ai_kit_auth.E003"
    assert "not callable" in problem.msg


def test_e003_a_module_that_raises(tmp_path: Path, broken_module: str) -> None:
    [problem] = findings(
        AI_KIT_AUTH={**settings.AI_KIT_AUTH, "USER_SERIALIZER": f"{broken_module}.A"}
    )
    assert problem.id == "ai_kit_auth.E003"
    assert "importing it raises RuntimeError: no licence" in problem.msg


@pytest.fixture
def broken_module(tmp_path: Path) -> Iterator[str]:
    """A module of the project that fails at its import."""
    (tmp_path / "unlicensed.py").write_text("raise RuntimeError('no licence')")
    sys.path.insert(0, str(tmp_path))
    yield "unlicensed"
    sys.path.remove(str(tmp_path))


def takes_two(user: Any, url: str) -> Any: ...
def takes_nothing() -> Any: ...
def takes_all(*args: Any) -> Any: ...
def takes_a_name(user: Any, *, url: str) -> Any: ...
def takes_more(user: Any, url: str, language: str = "en") -> Any: ...
def takes_three(user: Any, url: str, language: str) -> Any: ...


class Sends:
    def __call__(self, user: Any) -> Any: ...


class Elsewhere:
    """A task that is looked up where it runs."""

    @property
    def __signature__(self) -> Any:
        raise RuntimeError("no worker is there")

    def __call__(self, *args: Any) -> Any: ...


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("SEND_USER_ACTIVATION_MAIL", takes_two, ""),
        ("SEND_USER_ACTIVATION_MAIL", Elsewhere(), ""),
        ("SEND_USER_ACTIVATION_MAIL", partial(takes_three, language="de"), ""),
        ("SEND_USER_ACTIVATION_MAIL", partial(takes_one), "partial(user)"),
        ("SEND_USER_ACTIVATION_MAIL", f"{__name__}.takes_nothing", "(user, url): too"),
        ("SEND_ACTIVATION_BY_ADMIN_MAIL", takes_three, "required argument: 'language'"),
        ("SEND_ACTIVATION_BY_ADMIN_MAIL", takes_more, ""),
        ("SEND_RESET_PW_MAIL", takes_a_name, "def takes_a_name(user, url): ..."),
        ("SEND_RESET_PW_MAIL", takes_all, ""),
        ("SEND_RESET_PW_MAIL", Sends(), "is called with (user, url)"),
        # Of some that are written in C nothing is known.
        ("SEND_RESET_PW_MAIL", print, ""),
        ("SEND_RESET_PW_MAIL", dict.fromkeys, ""),
        ("SEND_RESET_PW_MAIL", type, ""),
        ("SEND_SECURITY_NOTICE", takes_one, "called with (user, notice)"),
        ("SEND_CONFIRM_EMAIL_MAIL", takes_nothing, "called with (user, url)"),
        ("ACCOUNT_DELETION_FUNCTION", takes_two, "called with (user)"),
        ("ACCOUNT_DELETION_FUNCTION", takes_one, ""),
        ("EMAIL_TEMPLATES.CUSTOM_DATA_FUNCTION", takes_one, "called with ()"),
        ("EMAIL_TEMPLATES.CUSTOM_DATA_FUNCTION", takes_nothing, ""),
    ],
)
def test_e015_a_function_takes_what_it_is_called_with(
    name: str, given: Any, told: str
) -> None:
    found = findings(AI_KIT_AUTH=auth(**dict_with(name, given)))
    found = [problem for problem in found if "E003" not in str(problem.id)]
    assert [problem.id for problem in found] == (["ai_kit_auth.E015"] if told else [])
    assert all(told in f"{problem.msg} {problem.hint}" for problem in found)


@pytest.mark.parametrize(
    ("overlay", "frontend", "found"),
    [
        ({"CORS_ORIGIN_ALLOW_ALL": False}, {}, ["W036"]),
        ({"CORS_ORIGIN_REGEX_WHITELIST": []}, {}, ["W036"]),
        ({}, {"URL": "example.com"}, ["W025", "W036"]),
        ({}, {"URL": "example.com", **DECIDED}, ["W025"]),
        ({"CORS_ORIGIN_WHITELIST": []}, DECIDED, []),
        (
            {"CORS_ORIGIN_WHITELIST": []},
            {"RESET_PW_ROUTE": "/auth/reset-password"},
            [],
        ),
        ({}, {}, []),
    ],
)
def test_w036_names_the_choice_to_who_comes_from_2_0_0(
    overlay: dict[str, Any], frontend: dict[str, str], found: list[str]
) -> None:
    given = auth(FRONTEND={"URL": "https://app.example.com", **frontend})
    assert ids(**overlay, AI_KIT_AUTH=given) == found


def test_w036_without_reset_mails_there_is_nothing_to_choose() -> None:
    given = auth(ENABLE_ENDPOINTS={"SEND_PW_RESET_MAIL": False})
    assert ids(CORS_ORIGIN_WHITELIST=[], AI_KIT_AUTH=given) == []


def test_w036_a_command_may_know_of_the_upgrade_by_other_means() -> None:
    [problem] = undecided_route("accounts of 2.0.0 are there")
    assert "(accounts of 2.0.0 are there)" in problem.msg
    assert list(undecided_route("")) == []


def identity(*names: str) -> dict[str, Any]:
    return {**settings.AI_KIT_AUTH, "USER_IDENTITY_FIELDS": names}


def test_e004_an_identity_field_that_the_user_model_lacks() -> None:
    [problem] = findings(AI_KIT_AUTH=identity(user_model.email, "nickname"))
    assert problem.id == "ai_kit_auth.E004"
    assert get_user_model()._meta.label in problem.msg
    assert user_model.email in str(problem.hint)


@pytest.mark.user_model("email_login", "bare")
def test_e004_a_default_name_that_the_host_wrote_itself() -> None:
    [problem] = findings(AI_KIT_AUTH=identity("email", "username"))
    assert problem.id == "ai_kit_auth.E004"
    assert "'username'" in problem.msg


@pytest.mark.user_model(*(name for name in USER_MODELS if name != "bare"))
@pytest.mark.parametrize("name", ["groups", "logentry"])
def test_e004_a_relation_is_nothing_to_log_in_by(name: str) -> None:
    [problem] = findings(AI_KIT_AUTH=identity(name))
    assert problem.id == "ai_kit_auth.E004"
    assert repr(name) in problem.msg


@pytest.mark.parametrize(
    ("url", "told", "right"),
    [
        ("app.example.com/", "has no scheme", "https://app.example.com"),
        ("localhost:3000", "has no scheme", "http://localhost:3000"),
        ("//app.example.com", "has no scheme", "https://app.example.com"),
        ("http:/app.example.com", "has no scheme", "https://app.example.com"),
        ("htps://app.example.com/a", "'htps'", "https://app.example.com/a"),
        ("https://", "has no host", "https://app.example.com"),
        ("https:///a", "has no host", "https://a"),
        ("https://a:b@app.example.com", "a user name", "https://app.example.com"),
        ("https://app.example.com ", "white space", "https://app.example.com"),
        ("https://app.example.com:https", "Port", "https://app.example.com"),
        ("https://app.example.com?lang=de", "a query", "https://app.example.com"),
        ("https://[::1", "", "https://app.example.com"),
    ],
)
def test_w025_an_address_that_no_route_can_be_put_after(
    url: str, told: str, right: str
) -> None:
    given = {**settings.AI_KIT_AUTH, "FRONTEND": {"URL": url, **DECIDED}}
    [problem] = findings(AI_KIT_AUTH=given)
    assert problem.id == "ai_kit_auth.W025"
    assert repr(url) in problem.msg
    assert told in problem.msg
    assert problem.hint == f"AI_KIT_AUTH = {{'FRONTEND': {{'URL': {right!r}}}}}"


@pytest.mark.parametrize(
    ("frontend", "found"),
    [
        ({"URL": "https://app.example.com/"}, []),
        ({"URL": "https://app.example.com/shop"}, []),
        ({"URL": "https://app.example.com/#/"}, []),
        ({"URL": "https://app.example.com/authors"}, []),
        ({"URL": "https://app.example.com/auth/in"}, []),
        ({"URL": "https://app.example.com/auth/", "ACTIVATION_ROUTE": ""}, ["W003"]),
        ({"URL": "https://app.example.com/auth/activation"}, ["W003"]),
        ({"URL": "https://app.example.com/shop/#/auth"}, ["W003"]),
    ],
)
def test_w003_an_address_that_doubles_the_route(
    frontend: dict[str, str], found: list[str]
) -> None:
    assert ids(AI_KIT_AUTH={**settings.AI_KIT_AUTH, "FRONTEND": frontend}) == found


@pytest.mark.parametrize(
    "url", ["http://localhost:3000", "http://app.localhost", "http://127.0.0.1:3000"]
)
def test_w004_http_is_safe_on_this_machine(url: str) -> None:
    given = {**settings.AI_KIT_AUTH, "FRONTEND": {"URL": url}}
    origins = {"CORS_ALLOWED_ORIGINS": [url], "CSRF_TRUSTED_ORIGINS": [url]}
    hosts = {"ALLOWED_HOSTS": ["localhost", "127.0.0.1", "app.localhost"]}
    overlay = {**DEPLOYED, **origins, **hosts, "AI_KIT_AUTH": given}
    assert ids(deploy=True, **overlay) == []


def test_w005_the_models_own_two_are_kept_unique_by_registration() -> None:
    names = filter(None, (user_model.email, user_model.username, "id"))
    model_fields = {f.name for f in get_user_model()._meta.concrete_fields}
    assert ids(AI_KIT_AUTH=identity(*(n for n in names if n in model_fields))) == []


@isolate_apps("django.contrib.auth")
def test_w005_a_model_can_say_in_other_ways_that_a_field_is_unique() -> None:
    class Member(models.Model):
        nick = models.CharField(max_length=9)
        badge = models.CharField(max_length=9)
        phone = models.CharField(max_length=9)
        seat = models.CharField(max_length=9)
        row = models.CharField(max_length=9)
        desk = models.CharField(max_length=9)

        class Meta:
            app_label = "auth"
            unique_together = (("nick",), ("seat", "row"))
            constraints = (
                models.UniqueConstraint(fields=["badge"], name="badge"),
                models.UniqueConstraint(Lower("phone"), name="phone"),
                models.UniqueConstraint("seat", Lower("row"), name="seat"),
                models.UniqueConstraint(
                    fields=["desk"], condition=models.Q(row="1"), name="desk"
                ),
                models.CheckConstraint(condition=models.Q(row="1"), name="row"),
            )

        def __str__(self) -> Any: ...

    assert set(unique_names(Member)) == {"nick", "badge", "phone"}


class Bare:
    """Has what a view asks of a serializer, and is none of DRF's."""

    def __init__(self, instance: Any, **kwargs: Any) -> None: ...

    @property
    def data(self) -> Any: ...


class AsksForTheRequest(UserSerializer):
    def get_fields(self) -> Any:
        return self.context["request"].user.is_staff and super().get_fields()


class AssertsARequest(UserSerializer):
    def get_fields(self) -> Any:
        assert "request" in self.context


class NamesNothing(UserSerializer):
    class Meta(UserSerializer.Meta):
        fields = ("id", "nickname")


class ForgetsItsChild(serializers.ListSerializer[Any]):
    pass


def show(shown_by: object) -> dict[str, Any]:
    return {**settings.AI_KIT_AUTH, "USER_SERIALIZER": shown_by}


def register(by: object) -> dict[str, Any]:
    return {**URL, "REGISTRATION_SERIALIZER": by}


@pytest.mark.parametrize(
    ("shown_by", "told"),
    [
        (dict, "builtins.dict is not a serializer"),
        ("ai_kit_auth.views.LoginView", "LoginView is not a serializer"),
        (NamesNothing, "`nickname` is not valid for model"),
        (ForgetsItsChild, "`child` is a required argument"),
    ],
)
def test_e006_what_can_be_no_serializer(shown_by: object, told: str) -> None:
    [problem] = findings(AI_KIT_AUTH=show(shown_by))
    assert problem.id == "ai_kit_auth.E006"
    assert told in problem.msg


def test_e006_registration_by_a_view() -> None:
    [problem] = findings(AI_KIT_AUTH=register("ai_kit_auth.views.LoginView"))
    assert problem.id == "ai_kit_auth.E006"
    assert "ai_kit_auth.serializers.RegistrationSerializer" in str(problem.hint)


def make_serializer(user: Any, context: Any) -> Any: ...


@pytest.mark.parametrize(
    "shown_by", [Bare, AsksForTheRequest, AssertsARequest, make_serializer]
)
def test_e006_what_may_work_is_left_alone(shown_by: object) -> None:
    assert ids(AI_KIT_AUTH=show(shown_by)) == []


def test_e006_a_serializer_for_updates_counts_where_they_are_on() -> None:
    assert ids(AI_KIT_AUTH=auth(USER_UPDATE_SERIALIZER=dict)) == []
    on = {"UPDATE_ME": True}
    given = auth(USER_UPDATE_SERIALIZER=dict, ENABLE_ENDPOINTS=on)
    assert ids(AI_KIT_AUTH=given) == ["E006"]
    assert ids(AI_KIT_AUTH=auth(ENABLE_ENDPOINTS=on)) == []


def test_e006_a_serializer_that_nobody_uses_may_be_anything() -> None:
    endpoints = {"LOGIN": False, "ME": False, "REGISTER": False}
    given = {**show(dict), "REGISTRATION_SERIALIZER": dict}
    assert ids(AI_KIT_AUTH={**given, "ENABLE_ENDPOINTS": endpoints}) == []


class Renamed(UserSerializer):
    secret = serializers.CharField(source="password")


class WriteOnly(UserSerializer):
    password = serializers.CharField(write_only=True)


class Whole(serializers.ModelSerializer[Any]):
    class Meta:
        model = get_user_model()
        fields = "__all__"


class Nested(UserSerializer):
    account = Whole(source="*")
    friends = Whole(many=True, source="friend_set")
    door = Renamed(source="*")


class Door(serializers.Serializer[Any]):
    password = serializers.CharField()


class OfOthers(UserSerializer):
    door = Door()


class OfItself(UserSerializer):
    card = Door(source="*")


@pytest.mark.parametrize(
    ("shown_by", "fields"),
    [
        (ShowsAll, ["password"]),
        (Whole, ["password"]),
        (Renamed, ["secret"]),
        (Nested, ["account.password", "door.secret", "friends.password"]),
        (OfItself, ["card.password"]),
        (WriteOnly, []),
        (OfOthers, []),
    ],
)
def test_w026_the_hash_may_hide_below(shown_by: type, fields: list[str]) -> None:
    found = findings(AI_KIT_AUTH=show(shown_by))
    assert {problem.id for problem in found} <= {"ai_kit_auth.W026"}
    assert [p.msg.split("the field ")[1].split("'")[1] for p in found] == fields


class FillsIn(RegistrationSerializer):
    def validate(self, attrs: dict[str, Any]) -> Any: ...


class AsksAll(RegistrationSerializer):
    rest = Door(source="*")


@pytest.mark.user_model("extra_field")
@pytest.mark.parametrize("by", [FillsIn, AsksAll, make_serializer])
def test_w028_a_serializer_may_fill_the_column(by: object) -> None:
    assert ids(AI_KIT_AUTH=register(by)) == []


@pytest.mark.user_model("extra_field")
def test_w028_a_receiver_may_fill_the_column() -> None:
    def grow(instance: Any, **kwargs: Any) -> None: ...

    pre_save.connect(grow, sender=get_user_model())
    try:
        assert ids(AI_KIT_AUTH=URL) == []
    finally:
        pre_save.disconnect(grow, sender=get_user_model())
    assert ids(AI_KIT_AUTH=URL) == ["W028"]


@pytest.mark.user_model("extra_field")
def test_w028_who_registers_nobody_needs_no_column() -> None:
    assert ids(AI_KIT_AUTH={**URL, "ENABLE_ENDPOINTS": {"REGISTER": False}}) == []


@pytest.mark.user_model("extra_field")
def test_w028_such_a_registration_fails_indeed(client: Any, db: None) -> None:
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    with (
        override_settings(AI_KIT_AUTH=URL),
        pytest.raises(IntegrityError, match="age"),
    ):
        client.post("/api/v1/auth/register/", body)


def fieldsets(*given: Any, setting: str = "ADMIN_FIELDSETS") -> dict[str, Any]:
    return {**settings.AI_KIT_AUTH, setting: list(given)}


@pytest.mark.parametrize("setting", ["ADMIN_FIELDSETS", "ADMIN_ADD_FIELDSETS"])
@pytest.mark.parametrize(
    "fieldset",
    [
        "ab",
        "fields",
        None,
        7,
        (),
        (None,),
        (None, {}),
        (None, {"fields": "email"}),
        (None, {"fields": None}),
        (None, {"fields": [7]}),
        (None, ["email"]),
        {"fields": ["email"], "title": None},
    ],
)
def test_e009_a_fieldset_that_is_none(setting: str, fieldset: Any) -> None:
    good = (None, {"fields": [user_model.email]})
    [problem] = findings(AI_KIT_AUTH=fieldsets(good, fieldset, setting=setting))
    assert problem.id == "ai_kit_auth.E009"
    assert f"AI_KIT_AUTH['{setting}'][1] must be a title and a dict" in problem.msg
    assert f"'{setting}': [(None, {{'fields': " in str(problem.hint)


@pytest.mark.parametrize(
    ("setting", "names", "unknown"),
    [
        ("ADMIN_FIELDSETS", ["password", ("password", "nickname")], ["nickname"]),
        ("ADMIN_FIELDSETS", ["password1", len], ["password1"]),
        ("ADMIN_ADD_FIELDSETS", ["password1", "password2", ("surname",)], ["surname"]),
        ("ADMIN_ADD_FIELDSETS", ["usable_password"], ["usable_password"]),
        ("ADMIN_FIELDSETS", [], []),
    ],
)
def test_e009_a_field_that_the_page_has_not(
    setting: str, names: list[Any], unknown: list[str]
) -> None:
    given = fieldsets(("A title", {"fields": names}), setting=setting)
    found = findings(AI_KIT_AUTH=given)
    assert {problem.id for problem in found} <= {"ai_kit_auth.E009"}
    assert [problem.msg.split("'")[3] for problem in found] == unknown


def test_e009_a_host_with_its_own_admin_does_not_care() -> None:
    given = fieldsets((None, {"fields": ["nickname"]}))
    assert ids(AI_KIT_AUTH={**given, **WITHOUT_ADMIN}) == []


@pytest.mark.user_model("auth_user")
@pytest.mark.parametrize(
    ("setting", "page", "name"),
    [
        ("ADMIN_FIELDSETS", "1/change/", "password1"),
        ("ADMIN_ADD_FIELDSETS", "add/", "usable_password"),
    ],
)
def test_e009_such_a_page_fails_indeed(
    admin_client: Any, setting: str, page: str, name: str
) -> None:
    given = fieldsets((None, {"fields": [name]}), setting=setting)
    user = get_user_model().objects.get()
    with override_settings(AI_KIT_AUTH=given), pytest.raises(FieldError, match=name):
        admin_client.get(f"/admin/auth/user/{page.replace('1', str(user.pk))}")


class OwnSessions(SessionMiddleware):
    pass


@pytest.mark.parametrize(
    "changed",
    [
        middleware(CORS, f"{__name__}.OwnSessions", without=(SESSION,)),
        # It is none of Django's, and does the same.
        middleware(
            CORS, "user_sessions.middleware.SessionMiddleware", without=(SESSION,)
        ),
        {"MIDDLEWARE": tuple(settings.MIDDLEWARE)},
    ],
)
def test_w027_a_middleware_that_stands_for_another(changed: dict[str, Any]) -> None:
    with override_settings(**changed):
        assert [m for m in told() if m.id == "ai_kit_auth.W027"] == []


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"MIDDLEWARE": []}, "lacks SessionMiddleware"),
        (middleware(without=(AUTHENTICATION, LOGIN_REQUIRED)), "lacks Authentication"),
        (middleware(CORS, AUTHENTICATION), "AuthenticationMiddleware above Session"),
    ],
)
def test_w027_logins_need_both_in_this_order(
    changed: dict[str, Any], missing: str
) -> None:
    found = [p for p in findings(**changed) if p.id == "ai_kit_auth.W027"]
    assert missing in found[-1].msg or missing in found[0].msg
    assert f'"{SESSION}", ..., "{AUTHENTICATION}"' in str(found[0].hint)


def test_w027_without_logins_there_is_no_session_to_keep() -> None:
    endpoints = {"LOGIN": False, "LOGOUT": False, "ME": False}
    given = {**settings.AI_KIT_AUTH, "ENABLE_ENDPOINTS": endpoints}
    assert ids(AI_KIT_AUTH=given, MIDDLEWARE=[CORS]) == []


# Any value in the settings


JUNK: dict[str, Any] = {
    "none": None,
    "number": 7,
    "text": "https://[",
    "bytes": b"x",
    "list_of_junk": [None, 3, ["https://x"], {}, "", "*", "://", "https://[", b"x"],
    "dict": {"default": None, "": []},
    "dict_of_dicts": {"default": {"BACKEND": 3, "OPTIONS": 4}},
    "object": object(),
    "type": type,
}
# Of Django's, DRF's and cors-headers' settings, those that the checks read.
READ = (
    "ALLOWED_HOSTS",
    "AUTH_PASSWORD_VALIDATORS",
    "CORS_ALLOWED_ORIGINS",
    "CORS_ALLOWED_ORIGIN_REGEXES",
    "CORS_ALLOW_ALL_ORIGINS",
    "CORS_ALLOW_CREDENTIALS",
    "CORS_ALLOW_HEADERS",
    "CORS_URLS_REGEX",
    "CSRF_COOKIE_DOMAIN",
    "CSRF_COOKIE_SAMESITE",
    "CSRF_COOKIE_SECURE",
    "CSRF_HEADER_NAME",
    "CSRF_TRUSTED_ORIGINS",
    "CSRF_USE_SESSIONS",
    "DEBUG",
    "DEFAULT_FROM_EMAIL",
    "MIDDLEWARE",
    "REST_FRAMEWORK",
    "ROOT_URLCONF",
    "SECURE_PROXY_SSL_HEADER",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_SAMESITE",
    "SESSION_COOKIE_SECURE",
    "TEMPLATES",
    "USE_X_FORWARDED_HOST",
    *(("MAILERS",) if django.VERSION >= (6, 1) else ("EMAIL_BACKEND", "EMAIL_TIMEOUT")),
)


def told() -> list[checks.CheckMessage]:
    """Return what this app's own checks say, without those of others."""
    return [message for find in CHECKS for message in find()]


@pytest.mark.user_model("auth_user", "bare")
@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
@pytest.mark.parametrize("name", READ)
def test_no_check_falls_over_a_setting_of_the_wrong_type(name: str, junk: Any) -> None:
    with override_settings(**{name: junk}):
        assert all(message.hint for message in told())


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_no_check_falls_over_a_cache_of_the_wrong_type(junk: Any) -> None:
    """CACHES itself Django does not take."""
    with override_settings(CACHES={"default": junk}):
        assert all(message.hint for message in told())


@pytest.mark.parametrize("junk", [*JUNK.values(), "", [], (), {}, True])
def test_no_check_falls_over_anything_in_ai_kit_auth(junk: Any) -> None:
    for name in ("", *(n for n, _ in _declared()), "FRONTEND", "ENABLE_ENDPOINTS"):
        with override_settings(AI_KIT_AUTH={**auth(), **_at(name, junk)}):
            assert all(message.hint for message in told())
    with override_settings(AI_KIT_AUTH=junk):
        assert all(message.hint for message in told())


def _declared() -> list[tuple[str, Any]]:
    from ai_kit_auth.settings import APISettings

    return list(APISettings.declared())


def _at(name: str, junk: Any) -> dict[str, Any]:
    return dict_with(name, junk) if name else {"": junk}


@pytest.mark.user_model("auth_user")
@pytest.mark.parametrize(
    "serializer_class",
    [InvitationTakenOut, InvitationUsed, NothingToLose],
)
def test_w038_a_serializer_that_may_use_its_fields(serializer_class: type) -> None:
    given = auth(REGISTRATION_SERIALIZER=serializer_class)
    assert "W038" not in ids(AI_KIT_AUTH=given)


class Saves(PlainRegistration):
    def create(self, validated_data: Any) -> Any: ...

    def update(self, instance: Any, validated_data: Any) -> Any: ...


class SavesItself(PlainRegistration):
    def save(self, **kwargs: Any) -> Any: ...


@pytest.mark.user_model("auth_user")
@pytest.mark.parametrize(
    ("name", "method", "ours"),
    [
        ("REGISTRATION_SERIALIZER", "create", "RegistrationSerializer"),
        ("USER_UPDATE_SERIALIZER", "update", "UserUpdateSerializer"),
    ],
)
def test_w038_a_serializer_that_cannot_save(name: str, method: str, ours: str) -> None:
    given = auth(ENABLE_ENDPOINTS={"UPDATE_ME": True})
    [problem] = findings(AI_KIT_AUTH={**given, name: PlainRegistration})
    assert problem.id == "ai_kit_auth.W038"
    assert f"PlainRegistration has no {method}()" in problem.msg
    assert f"class PlainRegistration({ours})" in str(problem.hint)
    for good in (Saves, SavesItself):
        assert ids(AI_KIT_AUTH={**given, name: good}) == []


SWITCHED_ON = {"ENABLE_ENDPOINTS": {"LOGOUT_OTHERS": True}}


@pytest.mark.parametrize(("given", "found"), [(SWITCHED_ON, ["E016"]), ({}, [])])
def test_e016_sessions_that_no_new_hash_ends(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], found: list[str]
) -> None:
    monkeypatch.setattr(
        get_user_model(), "get_session_auth_hash", lambda self: "for ever"
    )
    assert ids(AI_KIT_AUTH=auth(**given)) == found


def test_e016_sessions_of_a_model_as_it_should_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ids(AI_KIT_AUTH=auth(**SWITCHED_ON)) == []

    def of_saved_rows(self: Any) -> str:
        raise ValueError("It has no key yet.")

    monkeypatch.setattr(get_user_model(), "get_session_auth_hash", of_saved_rows)
    assert ids(AI_KIT_AUTH=auth(**SWITCHED_ON)) == []


@pytest.mark.user_model("auth_user", "email_login")
def test_w039_a_username_that_may_be_null(monkeypatch: pytest.MonkeyPatch) -> None:
    model = get_user_model()
    monkeypatch.setattr(model._meta.get_field(model.USERNAME_FIELD), "null", True)
    assert "W039" not in ids()
    assert "W039" in ids(AUTHENTICATION_BACKENDS=["shop.backends.OfficeHours"])


class ShowsParams(RegistrationSerializer):
    params = serializers.ReadOnlyField()

    def create(self, validated_data: Any) -> Any: ...


class UpdatesParams(PlainRegistration):
    params = serializers.JSONField()

    def update(self, instance: Any, validated_data: Any) -> Any: ...


class NeedsARequest(WithParams):
    def get_fields(self) -> Any:
        return self.context["request"].fields


@pytest.mark.user_model("auth_user")
def test_e021_only_with_the_setting_and_for_a_field_that_is_taken() -> None:
    def told(**given: Any) -> bool:
        return "E021" in ids(AI_KIT_AUTH=auth(**given))

    taking = {"REGISTRATION_SERIALIZER": WithParams}
    assert told(ERROR_PARAMS=True, **taking)
    assert not told(ERROR_PARAMS=False, **taking)
    assert not told(**taking)
    off = {"ENABLE_ENDPOINTS": {"REGISTER": False}}
    assert not told(ERROR_PARAMS=True, **taking, **off)
    for harmless in (ShowsParams, NeedsARequest, RegistrationSerializer):
        assert not told(ERROR_PARAMS=True, REGISTRATION_SERIALIZER=harmless)
    updating = {"USER_UPDATE_SERIALIZER": UpdatesParams}
    assert not told(ERROR_PARAMS=True, **updating)
    on = {"ENABLE_ENDPOINTS": {"UPDATE_ME": True}}
    assert told(ERROR_PARAMS=True, **updating, **on)


@pytest.mark.user_model("auth_user")
def test_e021_a_view_of_the_project_in_the_place_of_ours() -> None:
    given = auth(ERROR_PARAMS=True)
    [problem] = findings(
        AI_KIT_AUTH=given, ROOT_URLCONF="tests.urlconfs.login_with_params"
    )
    assert problem.id == "ai_kit_auth.E021"
    assert problem.msg.startswith(
        "tests.urlconfs.login_with_params.OwnLogin: "
        "tests.urlconfs.login_with_params.WithParams takes a field 'params'"
    )


@pytest.mark.user_model("auth_user")
def test_e021_says_nothing_where_the_routes_are_wrong() -> None:
    apps = [*settings.INSTALLED_APPS, "tests.misdeclared.Paths"]
    given = auth(ERROR_PARAMS=True)
    assert ids(AI_KIT_AUTH=given, INSTALLED_APPS=apps) == ["E017"]
