"""The ids of the checks, and what every check asks first."""

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
    "I001": "with ``--deploy``: the link alone activates an account, so a mail scanner "
    "that opens it does, too",
    "E001": "an unknown key, or a value of the wrong type",
    "E002": "``FRONTEND.URL`` is missing, and an endpoint or the admin mails links",
    "E003": "a dotted path does not lead to a callable",
    "E004": "an identity field is missing from the user model",
    "E006": "a serializer setting names no serializer, or its fields do not exist",
    "E007": "a mail template that ``AI_KIT_AUTH`` names is missing, or a template that "
    "it extends",
    "E008": "a mail template does not compile",
    "E009": "the fieldsets of the admin are malformed, or name an unknown field",
    "E013": "the user model lacks the e-mail field that its ``EMAIL_FIELD`` names",
    "E014": "a setting of CORS or CSRF is a string and must be a list",
    "E015": "a function that ``AI_KIT_AUTH`` names does not take the arguments of its "
    "call",
    "E016": "``logout_others/`` is on, but the sessions of the user model do not "
    "depend on the password's hash",
    "E017": "an app names a capability that is none or cannot be imported, or two "
    "capabilities declare the same",
    "E018": "``MAILER`` is no key of ``MAILERS``, or Django is older than 6.1",
    "E019": "``MAIL_TASK`` is no key of ``TASKS``, its backend cannot be used, or "
    "``django.tasks`` is missing",
    "E020": "``BRANDING.COLOR`` is no hexadecimal colour, or "
    "``BRANDING.SUPPORT_EMAIL`` is no e-mail address",
    "E021": "with ``ERROR_PARAMS`` a serializer takes a field ``params``, the key of "
    "the parameters",
    "W001": "with ``--deploy``: the processes do not share the cache of the throttles, "
    "or it does not count atomically",
    "W002": "with ``--deploy``: the cache of the throttles deletes entries once it "
    "holds a few hundred",
    "W003": "``FRONTEND.URL`` ends with the first part of a route, so links hold it "
    "twice",
    "W004": "with ``--deploy``: ``FRONTEND.URL`` is http, so links are sent "
    "unencrypted",
    "W005": "two accounts can have the same value of an identity field",
    "W006": "``corsheaders`` is missing from ``INSTALLED_APPS``",
    "W007": "``CorsMiddleware`` is missing from ``MIDDLEWARE``",
    "W008": "``CorsMiddleware`` stands below a middleware that can answer before the "
    "view",
    "W009": "``CORS_ALLOW_CREDENTIALS`` is off",
    "W010": "the frontend's origin is missing from ``CORS_ALLOWED_ORIGINS``",
    "W011": "the frontend's origin is missing from ``CSRF_TRUSTED_ORIGINS``",
    "W012": "an entry of ``CORS_ALLOWED_ORIGINS`` or ``CSRF_TRUSTED_ORIGINS`` equals "
    "no origin",
    "W013": "the frontend is on another site, and ``SameSite`` stops the cookies",
    "W014": "a cookie has ``SameSite=None`` without ``Secure``: browsers reject it",
    "W015": "``AUTH_PASSWORD_VALIDATORS`` is empty",
    "W016": "with ``--deploy``: the mail backend delivers nothing",
    "W017": "with ``--deploy``: ``DEFAULT_FROM_EMAIL`` is Django's placeholder",
    "W018": "DRF's ``DEFAULT_AUTHENTICATION_CLASSES`` lack ``SessionAuthentication``: "
    "users who logged in here are anonymous at the project's other API views",
    "W019": "DRF's ``NUM_PROXIES`` is not set, and there may be a proxy: limits per IP "
    "address do not apply to requests through it",
    "W020": "``CSRF_HEADER_NAME`` is not a header name in the form of ``request.META``",
    "W021": "``CORS_ALLOW_HEADERS`` lacks a header that the frontend sends",
    "W022": "no host name of ``ALLOWED_HOSTS`` may set a cookie for the cookie's "
    "domain",
    "W023": "the URLconf does not include ``ai_kit_auth.urls``",
    "W024": "``CORS_URLS_REGEX`` does not match the endpoints",
    "W025": "``FRONTEND.URL`` is not an http(s) URL that a route can follow",
    "W026": "``USER_SERIALIZER`` shows the password's hash",
    "W027": "the session or the authentication middleware is missing, or the order is "
    "wrong",
    "W028": "``REGISTRATION_SERIALIZER`` lacks a field that the user model requires",
    "W029": "``TEMPLATES`` does not find a mail template of this package, or an "
    "included template is missing or does not compile",
    "W030": "the project's own user admin is registered, so ``AIUserAdmin`` is not in "
    "use",
    "W031": "the e-mail address or the username is not editable, so the admin cannot "
    "ask for it",
    "W032": "``include()`` has a prefix without a trailing slash",
    "W033": "another route answers at the paths of the endpoints",
    "W034": "the mail backend cannot be imported",
    "W035": "an entry of ``ALLOWED_HOSTS`` equals no ``Host`` header",
    "W036": "the project was made for 2.0.0 and does not set "
    "``FRONTEND.RESET_PW_ROUTE``",
    "W037": "with ``--database``: accounts of 2.0.0 may wait for their activation, and "
    "cannot get a mail",
    "W038": "``REGISTRATION_SERIALIZER`` or ``USER_UPDATE_SERIALIZER`` takes a field "
    "that it does not store, or cannot save",
    "W039": "the username may be NULL and a backend is not Django's: an account "
    "without a username cannot log in by its e-mail address",
    "W040": "with ``--deploy``: SMTP has no time-out, so one mail server that does not "
    "answer stops all mails",
    "W041": "with ``--database``: an e-mail address is stored with spaces around it",
    "W042": "``BRANDING.COLOR`` has a contrast below 4.5:1 on white",
    "W043": "``BRANDING.SUPPORT_URL`` or ``BRANDING.LOGO_URL`` is no absolute https "
    "URL",
    "W044": "with ``--deploy``: no worker does the tasks of the backend that "
    "``MAIL_TASK`` names",
    "W045": "with ``--deploy``: ``CSRF_USE_SESSIONS`` is on, and the URLconf has no "
    "``handler500`` that answers an outage with JSON",
    "W047": "with ``--database``: 10,000 accounts or more, and no index serves a "
    "lookup of logins or registrations; the hint has the statements",
    "W048": "with ``--database``: 10,000 accounts or more, and the database does not "
    "use the indexes that it has",
}

Problems = Iterator[checks.CheckMessage]


_LEVELS = {"E": checks.Error, "W": checks.Warning, "I": checks.Info}


def problem(number: str, message: str, hint: str) -> checks.CheckMessage:
    """Return the message with the id ``number``; ``hint`` is what to write instead."""
    return _LEVELS[number[0]](message, hint=hint, id=f"ai_kit_auth.{number}")


def key(name: str) -> str:
    """Return how a project writes the setting ``name``, such as "FRONTEND.URL"."""
    return SETTING_NAME + "".join(f"[{part!r}]" for part in name.split("."))


def read(name: str) -> Any:
    """Return the setting ``name``, such as "FRONTEND.URL"."""
    value: Any = api_settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def imported(path: str) -> object:
    """Return the object at the dotted ``path``, or None if it cannot be imported."""
    try:
        found: object = import_string(path)
    except Exception:  # noqa: BLE001  # a module of the project may raise anything
        return None
    return found


def resolved(name: str) -> Any:
    """Return the object that a dotted setting names, or None if there is none."""
    try:
        return read(name)
    except Exception:  # noqa: BLE001  # a module of the project may raise anything
        return None


def is_readable() -> bool:
    """Tell whether AI_KIT_AUTH can be read. If not, E001 says why."""
    try:
        api_settings.USERNAME_REQUIRED  # noqa: B018  # any access reads the whole dict
    except ImproperlyConfigured:
        return False
    return True


def is_served(*endpoints: str) -> bool:
    """Tell whether one of ``endpoints`` is on, or AI_KIT_AUTH cannot be read."""
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
    """Return ``value[key]``, or None if ``value`` has no such key or is no dict."""
    return value.get(key) if isinstance(value, Mapping) else None


def drf(name: str) -> Any:
    """Return the project's value of a setting of DRF, or None if it sets none."""
    return item(getattr(settings, "REST_FRAMEWORK", None), name)
