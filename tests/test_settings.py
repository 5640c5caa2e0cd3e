"""AI_KIT_AUTH: accepted values, defaults, and errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import reduce
from operator import attrgetter
from types import FrameType, SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils.module_loading import import_string

from ai_kit_auth import services
from ai_kit_auth.serializers import UserSerializer
from ai_kit_auth.settings import (
    Alias,
    APISettings,
    Branded,
    Dotted,
    InvalidConfigurationError,
    Names,
    OptionalDotted,
    Rate,
    Seconds,
    Section,
    Setting,
    UnknownConfigurationError,
    api_settings,
    parse_rate,
    reload_api_settings,
)

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

DEFAULTS: dict[str, Any] = {
    "ENABLE_ENDPOINTS.LOGIN": True,
    "ENABLE_ENDPOINTS.LOGOUT": True,
    "ENABLE_ENDPOINTS.ME": True,
    "ENABLE_ENDPOINTS.REGISTER": True,
    "ENABLE_ENDPOINTS.SEND_PW_RESET_MAIL": True,
    "ENABLE_ENDPOINTS.RESET_PASSWORD": True,
    "ENABLE_ENDPOINTS.VALIDATE_PASSWORD": True,
    "ENABLE_ENDPOINTS.ACTIVATE_EMAIL": True,
    "ENABLE_ENDPOINTS.LINK_STATUS": False,
    "ENABLE_ENDPOINTS.RESEND_ACTIVATION_MAIL": False,
    "ENABLE_ENDPOINTS.CHANGE_PASSWORD": False,
    "ENABLE_ENDPOINTS.LOGOUT_OTHERS": False,
    "ENABLE_ENDPOINTS.CHANGE_EMAIL": False,
    "ENABLE_ENDPOINTS.UPDATE_ME": False,
    "ENABLE_ENDPOINTS.DELETE_ACCOUNT": False,
    "ENABLE_ENDPOINTS.CONFIRM_PASSWORD": False,
    "EMAIL_TEMPLATES.CUSTOM_DATA_FUNCTION": "ai_kit_auth.services.custom_email_data",
    "EMAIL_TEMPLATES.USER_CREATED.TITLE": "ai_kit_auth/user_created_title.txt",
    "EMAIL_TEMPLATES.USER_CREATED.BODY_PLAINTEXT": "ai_kit_auth/user_created_body.txt",
    "EMAIL_TEMPLATES.USER_CREATED.BODY_HTML": "ai_kit_auth/user_created_body.html",
    "EMAIL_TEMPLATES.RESET_PASSWORD.TITLE": "ai_kit_auth/reset_password_title.txt",
    "EMAIL_TEMPLATES.RESET_PASSWORD.BODY_PLAINTEXT": (
        "ai_kit_auth/reset_password_body.txt"
    ),
    "EMAIL_TEMPLATES.RESET_PASSWORD.BODY_HTML": "ai_kit_auth/reset_password_body.html",
    "EMAIL_TEMPLATES.SET_PASSWORD.TITLE": "ai_kit_auth/set_password_title.txt",
    "EMAIL_TEMPLATES.SET_PASSWORD.BODY_PLAINTEXT": "ai_kit_auth/set_password_body.txt",
    "EMAIL_TEMPLATES.SET_PASSWORD.BODY_HTML": "ai_kit_auth/set_password_body.html",
    "EMAIL_TEMPLATES.ACCOUNT_EXISTS.TITLE": "ai_kit_auth/account_exists_title.txt",
    "EMAIL_TEMPLATES.ACCOUNT_EXISTS.BODY_PLAINTEXT": (
        "ai_kit_auth/account_exists_body.txt"
    ),
    "EMAIL_TEMPLATES.ACCOUNT_EXISTS.BODY_HTML": "ai_kit_auth/account_exists_body.html",
    "EMAIL_TEMPLATES.CONFIRM_EMAIL.TITLE": "ai_kit_auth/confirm_email_title.txt",
    "EMAIL_TEMPLATES.CONFIRM_EMAIL.BODY_PLAINTEXT": (
        "ai_kit_auth/confirm_email_body.txt"
    ),
    "EMAIL_TEMPLATES.CONFIRM_EMAIL.BODY_HTML": "ai_kit_auth/confirm_email_body.html",
    "EMAIL_TEMPLATES.PASSWORD_CHANGED.TITLE": "ai_kit_auth/password_changed_title.txt",
    "EMAIL_TEMPLATES.PASSWORD_CHANGED.BODY_PLAINTEXT": (
        "ai_kit_auth/password_changed_body.txt"
    ),
    "EMAIL_TEMPLATES.PASSWORD_CHANGED.BODY_HTML": (
        "ai_kit_auth/password_changed_body.html"
    ),
    "EMAIL_TEMPLATES.EMAIL_CHANGE_REQUESTED.TITLE": (
        "ai_kit_auth/email_change_requested_title.txt"
    ),
    "EMAIL_TEMPLATES.EMAIL_CHANGE_REQUESTED.BODY_PLAINTEXT": (
        "ai_kit_auth/email_change_requested_body.txt"
    ),
    "EMAIL_TEMPLATES.EMAIL_CHANGE_REQUESTED.BODY_HTML": (
        "ai_kit_auth/email_change_requested_body.html"
    ),
    "EMAIL_TEMPLATES.EMAIL_CHANGED.TITLE": "ai_kit_auth/email_changed_title.txt",
    "EMAIL_TEMPLATES.EMAIL_CHANGED.BODY_PLAINTEXT": (
        "ai_kit_auth/email_changed_body.txt"
    ),
    "EMAIL_TEMPLATES.EMAIL_CHANGED.BODY_HTML": "ai_kit_auth/email_changed_body.html",
    "EMAIL_TEMPLATES.ACCOUNT_DELETED.TITLE": "ai_kit_auth/account_deleted_title.txt",
    "EMAIL_TEMPLATES.ACCOUNT_DELETED.BODY_PLAINTEXT": (
        "ai_kit_auth/account_deleted_body.txt"
    ),
    "EMAIL_TEMPLATES.ACCOUNT_DELETED.BODY_HTML": (
        "ai_kit_auth/account_deleted_body.html"
    ),
    "SEND_USER_ACTIVATION_MAIL": (
        "ai_kit_auth.services.default_send_user_activation_mail"
    ),
    "SEND_ACTIVATION_BY_ADMIN_MAIL": (
        "ai_kit_auth.services.default_send_activation_by_admin_mail"
    ),
    "SEND_RESET_PW_MAIL": "ai_kit_auth.services.default_send_reset_pw_mail",
    "SEND_ACCOUNT_EXISTS_MAIL": (
        "ai_kit_auth.services.default_send_account_exists_mail"
    ),
    "USER_LANGUAGE": None,
    "MAILER": None,
    "MAIL_TASK": None,
    "ACTIVATION_TIMEOUT": None,
    "ACTIVATION_PROOF": False,
    "DEVICE_COOKIE_AGE": None,
    "PREVENT_ENUMERATION": False,
    "ERROR_PARAMS": False,
    **{
        f"BRANDING.{name}": ""
        for name in (
            "NAME",
            "LOGO_URL",
            "LOGO_ALT",
            "COLOR",
            "SUPPORT_URL",
            "SUPPORT_EMAIL",
            "POSTAL_ADDRESS",
            "FOOTER",
        )
    },
    "THROTTLE_RATES.LOGIN_ACCOUNT_ADDRESS": "10/min",
    "THROTTLE_RATES.LOGIN_ACCOUNT": "30/min",
    "THROTTLE_RATES.LOGIN_ADDRESS": "300/min",
    "THROTTLE_RATES.REGISTER": "600/min",
    "THROTTLE_RATES.MAIL_RECIPIENT": "5/hour",
    "THROTTLE_RATES.MAIL_RECIPIENT_ADDRESS": "3/hour",
    "THROTTLE_RATES.MAIL_ADDRESS": "1000/hour",
    "THROTTLE_RATES.VALIDATE_PASSWORD": "1000/min",
    "THROTTLE_RATES.LINK": "1000/min",
    "THROTTLE_RATES.SESSION": "600/min",
    "THROTTLE_RATES.RESEND_RECIPIENT": "1/min",
    "THROTTLE_RATES.CHANGE_EMAIL": "10/hour",
    "THROTTLE_RATES.ACCOUNT": "120/min",
    "USE_AI_KIT_AUTH_ADMIN": True,
    "ADMIN_FIELDSETS": (
        (None, {"fields": ("username", "email", "password")}),
        ("Personal info", {"fields": ("first_name", "last_name")}),
        (
            "Permissions",
            {
                "fields": (
                    "is_active",
                    "is_staff",
                    "is_superuser",
                    "groups",
                    "user_permissions",
                )
            },
        ),
        ("Important dates", {"fields": ("last_login", "date_joined")}),
    ),
    "ADMIN_ADD_FIELDSETS": (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "email", "password1", "password2"),
            },
        ),
    ),
    "USERNAME_REQUIRED": False,
    "USER_SERIALIZER": "ai_kit_auth.serializers.UserSerializer",
    "REGISTRATION_SERIALIZER": "ai_kit_auth.serializers.RegistrationSerializer",
    "USER_IDENTITY_FIELDS": ("email", "username"),
    "FRONTEND.URL": "",
    "FRONTEND.ACTIVATION_ROUTE": "/auth/activation/",
    "FRONTEND.RESET_PW_ROUTE": "/auth/reset_password/",
    "FRONTEND.FORGOT_PW_ROUTE": "",
    "FRONTEND.CONFIRM_EMAIL_ROUTE": "/auth/confirm_email/",
    "SEND_CONFIRM_EMAIL_MAIL": (
        "ai_kit_auth.account.services.default_send_confirm_email_mail"
    ),
    "SEND_SECURITY_NOTICE": (
        "ai_kit_auth.account.services.default_send_security_notice"
    ),
    "SECURITY_NOTICES.PASSWORD_CHANGED": True,
    "SECURITY_NOTICES.PASSWORD_RESET": False,
    "SECURITY_NOTICES.EMAIL_CHANGE_REQUESTED": True,
    "SECURITY_NOTICES.EMAIL_CHANGED": True,
    "SECURITY_NOTICES.ACCOUNT_DELETED": True,
    "EMAIL_CHANGE_TIMEOUT": None,
    "REAUTHENTICATION_TIMEOUT": 300,
    "USER_UPDATE_SERIALIZER": "ai_kit_auth.account.serializers.UserUpdateSerializer",
    "ACCOUNT_DELETION_FUNCTION": "ai_kit_auth.account.services.delete_user",
}

DECLARED = dict(APISettings.declared())
DOTTED = [name for name, setting in DECLARED.items() if isinstance(setting, Dotted)]
# What a default leads to.
DEFAULT_DOTTED = [name for name in DOTTED if DEFAULTS[name] is not None]
TUPLES = [name for name, default in DEFAULTS.items() if isinstance(default, tuple)]
SECTIONS = sorted({name.rpartition(".")[0] for name in DECLARED} | {"EMAIL_TEMPLATES"})

URL = {"FRONTEND": {"URL": "https://app.example.com"}}


def dict_with(name: str, value: Any) -> dict[str, Any]:
    """Return the AI_KIT_AUTH that sets nothing but ``name`` ("FRONTEND.URL")."""
    given: Any = value
    for key in filter(None, reversed(name.split("."))):
        given = {key: given}
    result: dict[str, Any] = given
    return result


def read(source: Section, name: str) -> Any:
    return reduce(getattr, name.split("."), source)


# Something to name by a dotted path; nothing here calls it.
own_callable = dict


def another_value(setting: Setting[Any]) -> Any:
    """Return a value of the right type that is not the default."""
    if isinstance(setting, Dotted):
        return own_callable
    if isinstance(setting, Rate):
        return "7/day"
    if isinstance(setting, Seconds):
        return 60
    if isinstance(setting, Alias):
        return "another"
    if isinstance(setting.default, bool):
        return not setting.default
    return "another" if isinstance(setting.default, str) else ("password",)


def wrong_values() -> list[tuple[str, Any]]:
    wrong: dict[type[Setting[Any]], list[Any]] = {
        Dotted: [None, 7, ["ai_kit_auth.services.make_url"], b"a.b"],
        OptionalDotted: [7, ["ai_kit_auth.services.make_url"], b"a.b"],
        Alias: [7, True, ["default"], b"default"],
        Rate: [7, "10", "10/", "0/min", "-1/min", "1.5/min", "10/week", ["10/min"], ""],
        Seconds: [0, -1, 1.5, True, "60", []],
        Names: [None, 7, "email", {"email"}, [7], ("email", None)],
        Branded: [None, 7, True, b"text", ("text",)],
    }
    by_default: dict[type, list[Any]] = {
        bool: [None, 1, 0, "yes", []],
        str: [None, 7, True, b"text", ("text",), object],
        tuple: [None, 7, "username", {"fields": ()}, {"username"}],
    }
    return [
        (name, value)
        for name, setting in DECLARED.items()
        for value in wrong.get(type(setting)) or by_default[type(setting.default)]
    ]


def test_the_declared_settings_are_those_of_the_documentation() -> None:
    assert list(DECLARED) == list(DEFAULTS)


@pytest.mark.parametrize("name", DEFAULTS)
def test_default(name: str) -> None:
    assert DECLARED[name].default == DEFAULTS[name]
    expected = (
        import_string(DEFAULTS[name]) if name in DEFAULT_DOTTED else DEFAULTS[name]
    )
    assert read(APISettings({}), name) == expected


@pytest.mark.parametrize("name", DECLARED)
def test_a_partial_dict_changes_what_it_names_and_nothing_else(name: str) -> None:
    given = another_value(DECLARED[name])
    changed = APISettings(dict_with(name, given))
    untouched = APISettings({})
    assert read(changed, name) == given
    for other in DECLARED.keys() - {name}:
        assert read(changed, other) == read(untouched, other)


@pytest.mark.parametrize("name", [name for name in SECTIONS if name])
def test_an_empty_section_is_the_default_one(name: str) -> None:
    empty = APISettings(dict_with(name, {}))
    for setting in DECLARED:
        assert read(empty, setting) == read(APISettings({}), setting)


@pytest.mark.parametrize(
    ("given", "path", "nearest"),
    [
        ({"FRONTED": {}}, "AI_KIT_AUTH['FRONTED']", "FRONTEND"),
        ({"username_required": True}, "['username_required']", "USERNAME_REQUIRED"),
        ({"USER_IDENTITY_FIELD": ()}, "['USER_IDENTITY_FIELD']", "IDENTITY_FIELDS"),
        ({"FRONTEND": {"URLS": ""}}, "AI_KIT_AUTH['FRONTEND']['URLS']", "'URL'"),
        ({"ENABLE_ENDPOINTS": {"Login": True}}, "['Login']", "'LOGIN'"),
        ({"EMAIL_TEMPLATES": {"USER_CREATE": {}}}, "['USER_CREATE']", "USER_CREATED"),
        (
            {"EMAIL_TEMPLATES": {"SET_PASSWORD": {"TITEL": ""}}},
            "AI_KIT_AUTH['EMAIL_TEMPLATES']['SET_PASSWORD']['TITEL']",
            "'TITLE'",
        ),
    ],
)
def test_a_typo_is_told_the_nearest_right_name(
    given: dict[str, Any], path: str, nearest: str
) -> None:
    with pytest.raises(UnknownConfigurationError) as caught:
        APISettings(given)
    assert path in str(caught.value)
    assert nearest in str(caught.value).rpartition(":")[2]


@pytest.mark.parametrize("key", ["no such thing", 7, None])
@pytest.mark.parametrize("section", SECTIONS)
def test_a_key_like_no_other_is_told_the_known_ones(section: str, key: Any) -> None:
    with pytest.raises(UnknownConfigurationError) as caught:
        APISettings(dict_with(section, {key: True}))
    message = str(caught.value)
    assert f"[{key!r}]" in message
    known = [n.rpartition(".")[2] for n in DECLARED if n.rpartition(".")[0] == section]
    assert known
    assert all(name in message for name in known)


@pytest.mark.parametrize(("name", "value"), wrong_values())
def test_a_value_of_the_wrong_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidConfigurationError) as caught:
        APISettings(dict_with(name, value))
    path = "".join(f"[{key!r}]" for key in name.split("."))
    assert f"AI_KIT_AUTH{path}" in str(caught.value)
    assert type(value).__name__ in str(caught.value)


@pytest.mark.parametrize("value", [[], "https://app.example.com", True, 7, ("a", 1)])
@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_that_is_no_dict_is_refused(section: str, value: Any) -> None:
    with pytest.raises(InvalidConfigurationError, match="must be a dict"):
        APISettings(dict_with(section, value))


@pytest.mark.parametrize("section", [name for name in SECTIONS if name])
def test_none_is_no_section(section: str) -> None:
    with pytest.raises(InvalidConfigurationError, match="must be a dict, not NoneType"):
        APISettings(dict_with(section, None))


@pytest.mark.parametrize("name", TUPLES)
def test_a_list_does_where_the_default_is_a_tuple(name: str) -> None:
    as_list = list(DEFAULTS[name])
    assert read(APISettings(dict_with(name, as_list)), name) == as_list


@pytest.mark.parametrize("name", TUPLES)
def test_text_is_no_tuple_of_characters(name: str) -> None:
    with pytest.raises(InvalidConfigurationError):
        APISettings(dict_with(name, "email"))


@pytest.mark.parametrize("given", [own_callable, UserSerializer, str.title])
@pytest.mark.parametrize("name", DOTTED)
def test_a_callable_or_class_does_where_a_dotted_path_is_meant(
    name: str, given: Any
) -> None:
    assert read(APISettings(dict_with(name, given)), name) is given


@pytest.mark.parametrize("name", DOTTED)
def test_a_dotted_path_is_resolved(name: str) -> None:
    given = APISettings(dict_with(name, "tests.test_settings.own_callable"))
    assert read(given, name) is own_callable


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nodots",
        "no.such.module",
        "ai_kit_auth.services.no_such_function",
        "ai_kit_auth.services.logger",
        ".relative.path",
        "a..b",
    ],
)
@pytest.mark.parametrize("name", DOTTED)
def test_a_dotted_path_that_leads_nowhere_is_named(name: str, path: str) -> None:
    given = APISettings(dict_with(name, path))
    with pytest.raises(InvalidConfigurationError) as caught:
        read(given, name)
    assert name.rpartition(".")[2] in str(caught.value)
    assert repr(path) in str(caught.value)


def test_both_errors_are_what_django_calls_improperly_configured() -> None:
    """``manage.py`` prints these without a traceback."""
    assert issubclass(UnknownConfigurationError, ImproperlyConfigured)
    assert issubclass(InvalidConfigurationError, ImproperlyConfigured)


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        api_settings.NO_SUCH_SETTING  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", DECLARED)
def test_override_settings_is_followed_by_what_was_imported_before(name: str) -> None:
    before = read(api_settings, name)
    given = another_value(DECLARED[name])
    with override_settings(AI_KIT_AUTH=dict_with(name, given)):
        assert read(api_settings, name) == given
    assert read(api_settings, name) == before


def test_a_section_that_somebody_kept_follows_too() -> None:
    frontend = api_settings.FRONTEND
    templates = api_settings.EMAIL_TEMPLATES.USER_CREATED
    before = frontend.URL
    given = {
        "FRONTEND": {"URL": "https://kept.example.com"},
        "EMAIL_TEMPLATES": {"USER_CREATED": {"TITLE": "kept.txt"}},
    }
    with override_settings(AI_KIT_AUTH=given):
        assert frontend.URL == "https://kept.example.com"
        assert templates.TITLE == "kept.txt"
    assert before == frontend.URL
    assert DEFAULTS["EMAIL_TEMPLATES.USER_CREATED.TITLE"] == templates.TITLE


def calls_of(read: Callable[[], object]) -> list[str]:
    """Return the Python functions that ``read`` calls."""
    seen: list[tuple[str, FrameType]] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: seen.append((event, frame)))
    try:
        read()
    finally:
        sys.setprofile(before)
    called = [frame.f_code.co_name for event, frame in seen if event == "call"]
    return called[1:]


@pytest.mark.parametrize(
    "name", [n for n in DECLARED if not callable(read(APISettings({}), n))]
)
def test_a_value_is_read_without_a_call(name: str) -> None:
    """Whatever section it is in, from the second time on."""
    get = attrgetter(name)
    get(api_settings)
    assert calls_of(lambda: get(api_settings)) == []


def test_a_function_is_looked_up_where_a_test_patches_it() -> None:
    own = mock.Mock()
    assert api_settings.SEND_RESET_PW_MAIL is services.default_send_reset_pw_mail
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "default_send_reset_pw_mail", own)
        assert api_settings.SEND_RESET_PW_MAIL is own
    assert api_settings.SEND_RESET_PW_MAIL is services.default_send_reset_pw_mail


def test_settings_of_no_dict_follow_as_api_settings_does() -> None:
    own = APISettings()
    assert own.FRONTEND.URL == api_settings.FRONTEND.URL
    with override_settings(AI_KIT_AUTH={"FRONTEND": {"URL": "https://b.example.com"}}):
        assert own.FRONTEND.URL == "https://b.example.com"
    assert own.FRONTEND.URL == api_settings.FRONTEND.URL


def test_a_broken_override_is_loud_and_leaves_no_trace() -> None:
    before = api_settings.FRONTEND.URL
    with override_settings(AI_KIT_AUTH={"FRONTED": {}}):
        for _ in range(2):
            with pytest.raises(UnknownConfigurationError):
                api_settings.USERNAME_REQUIRED  # noqa: B018
    assert before == api_settings.FRONTEND.URL


def test_settings_of_a_given_dict_follow_nobody() -> None:
    own = APISettings({"FRONTEND": {"URL": "https://own.example.com"}})
    with override_settings(AI_KIT_AUTH=URL):
        own.reload()
        assert own.FRONTEND.URL == "https://own.example.com"


def test_settings_without_anything_are_no_error() -> None:
    assert APISettings({}).FRONTEND.URL == ""


def test_none_is_as_good_as_nothing(settings: Settings) -> None:
    settings.AI_KIT_AUTH = None
    assert api_settings.USER_IDENTITY_FIELDS == ("email", "username")


@pytest.fixture
def without_the_dict(settings: Settings) -> None:
    # Sends the signal that pytest-django does not send for a deletion.
    settings.AI_KIT_AUTH = None
    del settings.AI_KIT_AUTH


@pytest.mark.usefixtures("without_the_dict")
def test_without_the_dict_everything_is_default() -> None:
    assert api_settings.FRONTEND.URL == ""
    assert api_settings.USERNAME_REQUIRED is False


@pytest.mark.parametrize(
    "given", [None, {}, {"FRONTEND": {}}, {"FRONTEND": {"URL": ""}}]
)
def test_reload_insists_on_the_frontends_url(settings: Settings, given: Any) -> None:
    settings.AI_KIT_AUTH = given
    with pytest.raises(InvalidConfigurationError, match=r"\['FRONTEND'\]\['URL'\]"):
        reload_api_settings()


@pytest.mark.usefixtures("without_the_dict")
def test_reload_insists_on_the_dict() -> None:
    with pytest.raises(InvalidConfigurationError):
        reload_api_settings(object(), setting="AI_KIT_AUTH", value=None, enter=True)


def test_reload_tells_a_typo(settings: Settings) -> None:
    settings.AI_KIT_AUTH = {**URL, "NO_SUCH": 1}
    with pytest.raises(UnknownConfigurationError):
        reload_api_settings(setting="AI_KIT_AUTH")


def test_reload_ignores_other_settings(settings: Settings) -> None:
    settings.AI_KIT_AUTH = {}
    reload_api_settings(sender=None, setting="DEBUG", value=True, enter=True)
    assert api_settings.FRONTEND.URL == ""


def test_reload_notices_a_change_in_place(settings: Settings) -> None:
    settings.AI_KIT_AUTH = {"FRONTEND": {"URL": "https://old.example.com"}}
    assert api_settings.FRONTEND.URL == "https://old.example.com"
    settings.AI_KIT_AUTH["FRONTEND"]["URL"] = "https://new.example.com"
    settings.AI_KIT_AUTH["USERNAME_REQUIRED"] = True
    reload_api_settings()
    assert api_settings.FRONTEND.URL == "https://new.example.com"
    assert api_settings.USERNAME_REQUIRED is True


def test_reload_reads_the_settings_that_a_test_has_patched() -> None:
    """Tests of projects patch ``ai_kit_auth.settings.settings``."""
    before = api_settings.FRONTEND.URL
    with pytest.MonkeyPatch.context() as patch:
        patched = {"FRONTEND": {"URL": "https://patched.example.com"}}
        patch.setattr(
            "ai_kit_auth.settings.settings", SimpleNamespace(AI_KIT_AUTH=patched)
        )
        reload_api_settings()
        assert api_settings.FRONTEND.URL == "https://patched.example.com"
        patch.setattr("ai_kit_auth.settings.settings", SimpleNamespace())
        with pytest.raises(InvalidConfigurationError):
            reload_api_settings()
        patch.setattr(
            "ai_kit_auth.settings.settings", SimpleNamespace(AI_KIT_AUTH={"X": 1})
        )
        with pytest.raises(UnknownConfigurationError):
            reload_api_settings()
    assert before == api_settings.FRONTEND.URL


# In an interpreter of its own: what is imported here has been imported before.
BROKEN_HOST = """
import importlib, json, pkgutil, sys

import django
from django.conf import settings

settings.AI_KIT_AUTH = json.loads(sys.argv[1])
django.setup()

import ai_kit_auth
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client

imported = [
    importlib.import_module(f"ai_kit_auth.{module.name}").__name__
    for module in pkgutil.iter_modules(ai_kit_auth.__path__)
]
try:
    call_command("check")
except SystemCheckError as error:
    check = str(error)
refusals = []
for ask in (Client().get, Client(enforce_csrf_checks=True).post):
    try:
        refusals.append(ask(f"/api/v1/auth/{sys.argv[2]}").status_code)
    except Exception as error:
        refusals.append(type(error).__name__)
elsewhere = Client().get("/admin/login/").status_code
print(json.dumps([imported, check, refusals, elsewhere]))
"""


@pytest.mark.parametrize(
    ("broken", "route", "error"),
    [
        ({"FRONTED": {}}, "me/", UnknownConfigurationError),
        ({"ENABLE_ENDPOINTS": None}, "", InvalidConfigurationError),
        ({"USERNAME_REQUIRED": 1}, "no/such/", InvalidConfigurationError),
    ],
)
def test_a_host_with_a_broken_dict_starts_checks_and_refuses(
    broken: dict[str, Any], route: str, error: type[Exception]
) -> None:
    """No import reads a setting; the check and every request below the prefix do."""
    process = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-W", "error", "-c", BROKEN_HOST, json.dumps(broken), route],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            # No server has a database for it.
            "TEST_DATABASE": "sqlite",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    imported, check, refusals, elsewhere = json.loads(process.stdout)
    assert {"ai_kit_auth.urls", "ai_kit_auth.admin", "ai_kit_auth.views"} < set(
        imported
    )
    assert "ai_kit_auth.E001" in check
    assert next(iter(broken)) in check
    assert refusals == [error.__name__] * 2
    assert elsewhere == 200


def test_a_declaration_can_be_read_off_the_class() -> None:
    """Without the project's dict: the documentation is made from it."""
    assert APISettings.USERNAME_REQUIRED.default is False
    assert APISettings.USERNAME_REQUIRED.meaning
    assert APISettings.FRONTEND.section.URL.default == ""


@pytest.mark.parametrize("rate", ["", "10", "10/", "0/min", "10/week", "ten/min"])
def test_what_is_no_rate_has_no_meaning(rate: str) -> None:
    with pytest.raises(ValueError, match=f"^{rate}$"):
        parse_rate(rate)
