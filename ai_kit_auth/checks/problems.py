"""The ids, and what every check asks first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ..settings import SETTING_NAME, api_settings

PROBLEMS: Mapping[str, str] = {
    "I001": "with ``--deploy``: a link alone activates an account, also where a mail "
    "scanner opens it",
    "E001": "an unknown key, or a value of the wrong type",
    "E002": "``FRONTEND.URL`` is missing, and an endpoint or the admin mails links",
    "E003": "a dotted path that leads to nothing callable",
    "E004": "an identity field that the user model lacks",
    "E006": "a serializer that is none, or names fields that do not exist",
    "E007": "a mail's template that ``AI_KIT_AUTH`` names is missing, or one that it "
    "extends",
    "E008": "the template of a mail does not compile",
    "E009": "fieldsets of the admin that are malformed, or name an unknown field",
    "E013": "a user model without the e-mail field that its ``EMAIL_FIELD`` names",
    "E014": "a text where a list belongs, in a list setting of CORS or CSRF",
    "E015": "a function of ``AI_KIT_AUTH`` that cannot take the arguments it is called "
    "with",
    "E016": "``logout_others/`` is on, and the user model's sessions do not end with "
    "another hash of the password",
    "W001": "with ``--deploy``: the cache that throttles count in is not shared by "
    "processes, or not atomic",
    "W002": "with ``--deploy``: that cache throws entries away when it has a few "
    "hundred",
    "W003": "``FRONTEND.URL`` ends in what a route begins with",
    "W004": "with ``--deploy``: ``FRONTEND.URL`` is http, so links travel in the clear",
    "W005": "an identity field that two accounts can share",
    "W006": "``corsheaders`` is missing from ``INSTALLED_APPS``",
    "W007": "``CorsMiddleware`` is missing from ``MIDDLEWARE``",
    "W008": "``CorsMiddleware`` stands below a middleware that answers by itself",
    "W009": "``CORS_ALLOW_CREDENTIALS`` is off",
    "W010": "the frontend's origin is missing from ``CORS_ALLOWED_ORIGINS``",
    "W011": "the frontend's origin is missing from ``CSRF_TRUSTED_ORIGINS``",
    "W012": "an entry of these two that no origin ever equals",
    "W013": "``SameSite`` keeps the cookies from a frontend on another site",
    "W014": "a cookie is ``SameSite=None`` without ``Secure``: browsers refuse it",
    "W015": "``AUTH_PASSWORD_VALIDATORS`` is empty",
    "W016": "with ``--deploy``: the mail backend delivers nothing",
    "W017": "with ``--deploy``: ``DEFAULT_FROM_EMAIL`` is Django's placeholder",
    "W018": "DRF's ``DEFAULT_AUTHENTICATION_CLASSES`` lack ``SessionAuthentication``: "
    "the host's other API views know nobody who logged in here",
    "W019": "DRF's ``NUM_PROXIES`` is unset where there may be a proxy: no limit per "
    "IP address holds behind it",
    "W020": "``CSRF_HEADER_NAME`` is no name that a header can have there",
    "W021": "``CORS_ALLOW_HEADERS`` lacks a header that the frontend sends",
    "W022": "a cookie's domain is none that a host in ``ALLOWED_HOSTS`` may set",
    "W023": "the URLconf does not include ``ai_kit_auth.urls``",
    "W024": "``CORS_URLS_REGEX`` leaves the endpoints out",
    "W025": "``FRONTEND.URL`` is no http(s) address that a route can be put after",
    "W026": "``USER_SERIALIZER`` shows the hash of the password",
    "W027": "session or authentication middleware is missing, or in the wrong order",
    "W028": "``REGISTRATION_SERIALIZER`` lacks a field that the user model requires",
    "W029": "``TEMPLATES`` does not find a mail's template of this app, or one that a "
    "template includes is missing or does not compile",
    "W030": "the project's own user admin is registered, so ``AIUserAdmin`` is not in "
    "use",
    "W031": "the admin cannot ask for an e-mail address or username that is not "
    "editable",
    "W032": "``include()`` at a prefix without a trailing slash",
    "W033": "another route answers at the paths of the endpoints",
    "W034": "the mail backend cannot be imported",
    "W035": "an entry of ``ALLOWED_HOSTS`` that no ``Host`` header equals",
    "W036": "a project of 2.0.0 that leaves ``FRONTEND.RESET_PW_ROUTE`` alone",
    "W037": "with ``--database``: accounts of 2.0.0 that may wait, with no way in",
    "W038": "``REGISTRATION_SERIALIZER`` or ``USER_UPDATE_SERIALIZER`` takes a field "
    "that is not kept, or cannot save",
    "W039": "a username that may be NULL, and a backend that is not Django's: such an "
    "account cannot log in by its address",
    "W040": "with ``--deploy``: mails go by SMTP without a time-out, so a mail server "
    "that hangs stops them all",
    "W041": "with ``--database``: an address is stored with spaces around it",
}

Problems = Iterator[checks.CheckMessage]


_LEVELS = {"E": checks.Error, "W": checks.Warning, "I": checks.Info}


def problem(number: str, message: str, hint: str) -> checks.CheckMessage:
    """Return the message with the id ``number``; ``hint`` says what to type."""
    return _LEVELS[number[0]](message, hint=hint, id=f"ai_kit_auth.{number}")


def key(name: str) -> str:
    """Return how a host writes the setting ``name``, such as "FRONTEND.URL"."""
    return SETTING_NAME + "".join(f"[{part!r}]" for part in name.split("."))


def read(name: str) -> Any:
    """Return the setting ``name``, such as "FRONTEND.URL"."""
    value: Any = api_settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def imported(path: str) -> object:
    """Return what ``path`` names, None where that cannot be known."""
    try:
        found: object = import_string(path)
    except Exception:  # noqa: BLE001  # a module of the host's may raise anything
        return None
    return found


def resolved(name: str) -> Any:
    """Return what the dotted path of a setting names, None where it leads nowhere."""
    try:
        return read(name)
    except Exception:  # noqa: BLE001  # a module of the host's may raise anything
        return None


def is_readable() -> bool:
    """Tell whether AI_KIT_AUTH can be read: if not, E001 says why."""
    try:
        api_settings.USERNAME_REQUIRED  # noqa: B018  # any access reads the whole dict
    except ImproperlyConfigured:
        return False
    return True


def is_served(*endpoints: str) -> bool:
    """Tell whether one of ``endpoints`` is enabled, as they are unless we know."""
    return not is_readable() or any(
        getattr(api_settings.ENABLE_ENDPOINTS, name) for name in endpoints
    )


def admin_is_used() -> bool:
    return api_settings.USE_AI_KIT_AUTH_ADMIN and apps.is_installed(
        "django.contrib.admin"
    )


def dotted(thing: type) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def item(value: object, key: str) -> Any:
    """Return ``value[key]``, None where there is none, or ``value`` is no dict."""
    return value.get(key) if isinstance(value, Mapping) else None


def drf(name: str) -> Any:
    """Return what the host itself wrote for a setting of DRF's, None for nothing."""
    return item(getattr(settings, "REST_FRAMEWORK", None), name)
