"""
Every key of the project's ``AI_KIT_AUTH`` dict, declared once.

A declaration carries name, default, accepted type and meaning. Merging, type errors,
the system checks and the reference derive from it.

The package reads a value through ``api_settings`` when it uses it, never at import.
The first read of a value stores it as an attribute, so that a later read calls nothing.
Django's signal ``setting_changed``, which ``override_settings`` sends, removes what is
stored.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

import django
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from . import capability

__all__ = [
    "APISettings",
    "InvalidConfigurationError",
    "UnknownConfigurationError",
    "api_settings",
    "reload_api_settings",
]

SETTING_NAME = "AI_KIT_AUTH"

T = TypeVar("T")
S = TypeVar("S", bound="Section")


class UnknownConfigurationError(ImproperlyConfigured):
    """``AI_KIT_AUTH`` has a key that does not exist; the message names the nearest."""


class InvalidConfigurationError(ImproperlyConfigured):
    """``AI_KIT_AUTH`` has a value of the wrong type, or lacks a required one."""


class Setting(Generic[T]):
    """
    One key: its default and, in one line, what it means.

    ``default`` also tells the accepted type: a tuple takes a list as well.
    """

    name: str

    def __init__(self, default: T, meaning: str) -> None:
        self.default: Any = default
        self.meaning = meaning

    def __set_name__(self, owner: type[Section], name: str) -> None:
        self.name = name

    @property
    def type_name(self) -> str:
        return type(self.default).__name__

    def accepts(self, value: object) -> bool:
        if isinstance(self.default, tuple):
            return isinstance(value, list | tuple)
        return isinstance(value, type(self.default))

    @overload
    def __get__(self, instance: None, owner: type[Section]) -> Setting[T]: ...
    @overload
    def __get__(self, instance: Section, owner: type[Section]) -> T: ...
    def __get__(self, instance: Section | None, owner: type[Section]) -> Setting[T] | T:
        return self if instance is None else self.read(instance)

    def read(self, section: Section) -> T:
        """Return the value in ``section``, and store it there for the next read."""
        value: T = section.values.get(self.name, self.default)
        vars(section)[self.name] = value
        return value


class Names(Setting[tuple[str, ...]]):
    """A tuple (or list) of strings."""

    type_name = "tuple of str"

    def accepts(self, value: object) -> bool:
        return isinstance(value, list | tuple) and all(
            isinstance(item, str) for item in value
        )


@cache
def parse_rate(rate: str) -> tuple[int, int]:
    """
    Return how many events ``rate`` allows in how many seconds.

    ``"10/min"`` is (10, 60). As in DRF, only the first letter of the period counts:
    second, minute, hour or day. Raises :exc:`ValueError`.
    """
    found = _RATE.fullmatch(rate)
    if found is None:
        raise ValueError(rate)
    return int(found["events"]), _PERIODS[found["period"][0]]


_PERIODS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}
_RATE = re.compile(r"(?P<events>[1-9][0-9]{0,4})/(?P<period>[smhd][a-z]*)")


class Rate(Setting[str | None]):
    """A number of events in a period, such as ``"10/min"``; None for no limit."""

    type_name = "rate or None"

    def accepts(self, value: object) -> bool:
        return value is None or (
            isinstance(value, str) and bool(_RATE.fullmatch(value))
        )


class Seconds(Setting[int | None]):
    """A number of seconds from 1, or None."""

    type_name = "int or None"

    def accepts(self, value: object) -> bool:
        return value is None or (type(value) is int and value > 0)


class Positive(Setting[int]):
    """A number from 1."""

    def accepts(self, value: object) -> bool:
        return type(value) is int and value > 0


class Dotted(Setting[T]):
    """A callable or class, or its dotted path."""

    type_name = "dotted path or callable"

    def __init__(self, default: str, meaning: str) -> None:
        super().__init__(default, meaning)  # type: ignore[arg-type]  # read() turns the path into a T

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) or callable(value)

    def read(self, section: Section) -> T:
        path = section.values.get(self.name, self.default)
        if not isinstance(path, str):
            return super().read(section)
        try:
            found: Any = import_string(path)
        except (ImportError, TypeError, ValueError) as error:
            # The last two come from a path that begins with a dot.
            raise InvalidConfigurationError(
                f"{section.path_of(self.name)}: {path!r} cannot be imported: {error}"
            ) from error
        if not callable(found):
            raise InvalidConfigurationError(
                f"{section.path_of(self.name)}: {path!r} is not callable"
            )
        # A function is looked up at each read: tests patch it in its module.
        if isinstance(found, type):
            vars(section)[self.name] = found
        resolved: T = found
        return resolved


class OptionalDotted(Dotted[T | None]):
    """A callable, or its dotted path; None for none."""

    type_name = "dotted path, callable or None"

    def __init__(self, arguments: tuple[str, ...], meaning: str) -> None:
        Setting.__init__(self, None, meaning)
        self.arguments = arguments

    def accepts(self, value: object) -> bool:
        return value is None or super().accepts(value)


class Alias(Setting[str | None]):
    """A key of one of Django's settings, or None."""

    type_name = "str or None"

    def accepts(self, value: object) -> bool:
        return value is None or isinstance(value, str)


class Branded(Setting[Any]):
    """
    A string, or a function that takes the context of a mail and returns the string.

    A string may be a lazy one, for a name that differs by language.
    """

    type_name = "str or callable"

    def accepts(self, value: object) -> bool:
        return isinstance(value, str | Promise) or callable(value)


class Nested(Generic[S]):
    """A dict of settings below a key."""

    name: str

    def __init__(self, section: type[S]) -> None:
        self.section = section

    def __set_name__(self, owner: type[Section], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Section]) -> Nested[S]: ...
    @overload
    def __get__(self, instance: Section, owner: type[Section]) -> S: ...
    def __get__(self, instance: Section | None, owner: type[Section]) -> Nested[S] | S:
        if instance is None:
            return self
        section = self.section(instance, self.name)
        vars(instance)[self.name] = section
        return section


class Section:
    """
    Attribute access to one dict of settings.

    A subclass declares keys. The keys that another capability has in the same dict can
    be read as well, which type checkers do not see.

    ``parent``: the section that has this one below ``name``.
    """

    __slots__ = ("__dict__", "__weakref__", "_parent", "name")

    def __init__(self, parent: Section, name: str) -> None:
        self._parent, self.name = parent, name

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """What the project wrote; a key that it left out has its default."""
        below: Mapping[str, Any] = self._parent.values.get(self.name, {})
        return below

    def declaration(self) -> type[Section]:
        """Return the section with the keys of all capabilities."""
        below: Any = self._parent.declaration().members()[self.name]
        section: type[Section] = below.section
        return section

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            member = self.declaration().members().get(name) if name.isupper() else None
            if member is None:
                raise AttributeError(f"{type(self).__name__} has no {name!r}")
            return member.__get__(self, type(self))

    def path_of(self, name: str) -> str:
        """Return how a project writes the setting ``name`` of this section."""
        return _path(self._parent.path_of(self.name), name)

    def forget(self) -> None:
        """Remove what was read, also from the sections below, which stay in use."""
        below = {n: part for n, part in vars(self).items() if isinstance(part, Section)}
        vars(self).clear()
        vars(self).update(below)
        for section in below.values():
            section.forget()

    @classmethod
    def members(cls) -> dict[str, Setting[Any] | Nested[Any]]:
        return {
            name: member
            for base in reversed(cls.__mro__)
            for name, member in vars(base).items()
            if isinstance(member, Setting | Nested)
        }

    @classmethod
    def declared(cls, prefix: str = "") -> Iterator[tuple[str, Setting[Any]]]:
        """Yield ``("FRONTEND.URL", declaration)`` for every setting, at any depth."""
        for name, member in cls.members().items():
            if isinstance(member, Nested):
                yield from member.section.declared(f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", member


class ProjectSettings(Section):
    """
    The project's ``AI_KIT_AUTH``, read by the keys that a subclass declares.

    ``user_settings``: a dict to read in its place; without it the instance follows
    ``settings.AI_KIT_AUTH``. Raises :exc:`UnknownConfigurationError` or
    :exc:`InvalidConfigurationError`: at once for a given dict, at each access for the
    followed one.
    """

    __slots__ = ("_given",)

    def __init__(self, user_settings: Mapping[str, Any] | None = None) -> None:
        self._given = user_settings
        if user_settings is None:
            setting_changed.connect(self._follow)
        else:
            self.values  # noqa: B018  # raises what is wrong with the given dict

    @cached_property
    def values(self) -> Mapping[str, Any]:
        if self._given is not None:
            for fault in faults_of(self._given):
                raise fault.error
            return self._given
        given: Mapping[str, Any] | None = getattr(settings, SETTING_NAME, None)
        given = {} if given is None else given
        for _where, message, _hint in capability.faults():
            raise InvalidConfigurationError(message)
        for fault in faults_of(given):
            # Before the apps are loaded, their keys are not known.
            if apps.apps_ready or isinstance(fault.error, InvalidConfigurationError):
                raise fault.error
        return given

    def declaration(self) -> type[Section]:
        return every_key()

    def path_of(self, name: str) -> str:
        return _path(SETTING_NAME, name)

    def _follow(self, *, setting: str, **kwargs: object) -> None:
        if setting in {SETTING_NAME, "INSTALLED_APPS"}:
            self.forget()

    def reload(self) -> None:
        """Read the followed dict again, for a project that changed it in place."""
        if self._given is None:
            self.forget()
            self.values  # noqa: B018  # raises what is wrong with it

    def is_default(self, name: str) -> bool:
        """Tell whether the project does not change ``name``, a key of the top level."""
        member = getattr(type(self), name)
        return isinstance(member, Setting) and (
            self.values.get(name, member.default) is member.default
        )


def every_key() -> type[Section]:
    """Return the section of the top level, with the keys of all capabilities."""
    return _joined_of(capability.capabilities())


@cache
def _joined_of(declared: tuple[capability.Capability, ...]) -> type[Section]:
    return _joined(*(one.settings for one in declared if one.settings))


def _joined(*sections: type[Section]) -> type[Section]:
    members: dict[str, Any] = {}
    for section in sections:
        for name, member in section.members().items():
            known = members.get(name)
            if isinstance(known, Nested) and isinstance(member, Nested):
                members[name] = Nested(_joined(known.section, member.section))
            else:
                members[name] = member
    return type(sections[0].__name__, (Section,), members)


def keys_below(name: str) -> list[str]:
    """Return the keys of the section ``name`` of all capabilities."""
    below: Any = every_key().members()[name]
    return list(below.section.members())


def _path(parent: str, key: object) -> str:
    return f"{parent}[{key!r}]"


class Fault(NamedTuple):
    """
    A fault of the dict that a project writes as ``path`` for ``section``.

    ``key``: an unknown key, or the key of the wrong ``value``; None where the dict
    itself is wrong.
    """

    error: UnknownConfigurationError | InvalidConfigurationError
    path: str
    section: type[Section]
    key: Any
    value: Any


def faults_of(given: object) -> Iterator[Fault]:
    """
    Yield every fault of ``given`` as an ``AI_KIT_AUTH``, at any depth.

    They are in the order in which :class:`APISettings` would raise them.
    """
    return _faults(every_key(), given, SETTING_NAME)


def _faults(section: type[Section], given: object, path: str) -> Iterator[Fault]:
    members = section.members()
    if not isinstance(given, Mapping):
        error = f"{path} must be a dict, not {type(given).__name__}"
        yield Fault(InvalidConfigurationError(error), path, section, None, given)
        return
    for key, value in given.items():
        if key not in members:
            close = nearest(key, section)
            advice = (
                f"did you mean {close!r}?"
                if close
                else f"known keys are {', '.join(members)}"
            )
            error = f"{_path(path, key)} is unknown: {advice}"
            yield Fault(UnknownConfigurationError(error), path, section, key, value)
    for name, member in members.items():
        if name not in given:
            continue
        value, value_path = given[name], _path(path, name)
        if isinstance(member, Nested):
            yield from _faults(member.section, value, value_path)
        elif not member.accepts(value):
            kind = type(value).__name__
            error = f"{value_path} must be a {member.type_name}, not {kind}"
            yield Fault(InvalidConfigurationError(error), path, section, name, value)


def nearest(key: object, section: type[Section]) -> str | None:
    """Return the key of ``section`` that ``key`` most likely stands for."""
    close = difflib.get_close_matches(str(key).upper(), section.members(), n=1)
    return close[0] if close else None


class EnableEndpoints(Section):
    LOGIN = Setting(True, "serve ``login/``")
    LOGOUT = Setting(True, "serve ``logout/``")
    ME = Setting(True, "serve ``me/``")
    REGISTER = Setting(True, "serve ``register/``")
    SEND_PW_RESET_MAIL = Setting(True, "serve ``send_pw_reset_email/``")
    RESET_PASSWORD = Setting(True, "serve ``reset_password/``")
    VALIDATE_PASSWORD = Setting(True, "serve ``validate_password/``")
    ACTIVATE_EMAIL = Setting(True, "serve ``activate_email/``")
    LINK_STATUS = Setting(False, "serve ``link_status/``")


class MailTemplates(Section):
    """The three templates of one mail; ``name`` is its key of EMAIL_TEMPLATES."""

    TITLE: Setting[str]
    BODY_PLAINTEXT: Setting[str]
    BODY_HTML: Setting[str]


def templates_of(
    mail: str, meaning: str, folder: str = "ai_kit_auth"
) -> Nested[MailTemplates]:
    """Declare the templates of ``mail``, by default those in ``folder``."""

    class TemplatesOfMail(MailTemplates):
        TITLE = Setting(f"{folder}/{mail}_title.txt", f"subject of {meaning}")
        BODY_PLAINTEXT = Setting(f"{folder}/{mail}_body.txt", "its plain text")
        BODY_HTML = Setting(f"{folder}/{mail}_body.html", "its HTML")

    return Nested(TemplatesOfMail)


class EmailTemplates(Section):
    CUSTOM_DATA_FUNCTION = Dotted[Callable[[], dict[str, Any]]](
        "ai_kit_auth.services.custom_email_data",
        "called without arguments; returns a dict for the context of every mail's "
        "templates",
    )
    USER_CREATED = templates_of("user_created", "the activation mail")
    RESET_PASSWORD = templates_of("reset_password", "the reset mail")
    SET_PASSWORD = templates_of(
        "set_password", "the mail for an account that an admin created"
    )
    ACCOUNT_EXISTS = templates_of(
        "account_exists", "the mail for an e-mail address that is registered again"
    )


class Frontend(Section):
    URL = Setting("", "the URL of the frontend, with its scheme; required")
    ACTIVATION_ROUTE = Setting(
        "/auth/activation/", "the frontend's page for activation links"
    )
    RESET_PW_ROUTE = Setting(
        "/auth/reset_password/", "the frontend's page for reset links"
    )

    FORGOT_PW_ROUTE = Setting(
        "",
        "the frontend's page where a user asks for a reset mail; "
        'security notices lead there. "" for the frontend\'s start page',
    )


class Branding(Section):
    NAME = Branded("", 'the name of the product; "" for the host name of FRONTEND.URL')
    LOGO_URL = Branded(
        "", 'the https URL of a logo, shown 40 pixels high; "" for the name as text'
    )
    LOGO_ALT = Branded("", "what is shown where the logo is not loaded")
    COLOR = Branded("", 'the colour of buttons and links, such as ``"#1f4fd8"``')
    SUPPORT_URL = Branded("", "the https URL of a page with help")
    SUPPORT_EMAIL = Branded(
        "", "an e-mail address for help, which goes before SUPPORT_URL"
    )
    POSTAL_ADDRESS = Branded("", "a line, or several, at the end of every mail")
    FOOTER = Branded("", "a last line, or several, such as a company's registration")


class ThrottleRates(Section):
    LOGIN_ACCOUNT_ADDRESS = Rate(
        "10/min", "failed logins to one account from one IP address"
    )
    LOGIN_ACCOUNT = Rate("30/min", "failed logins to one account from all IP addresses")
    LOGIN_ADDRESS = Rate("300/min", "failed logins from one IP address")
    REGISTER = Rate("600/min", "registrations from one IP address")
    MAIL_RECIPIENT = Rate("5/hour", "mails to one account or e-mail address")
    MAIL_RECIPIENT_ADDRESS = Rate(
        "3/hour", "mails to one account or e-mail address that one IP address requests"
    )
    MAIL_ADDRESS = Rate("1000/hour", "mails that one IP address requests")
    VALIDATE_PASSWORD = Rate("1000/min", "password checks from one IP address")
    LINK = Rate("1000/min", "mailed links that one IP address tries")
    SESSION = Rate(
        "600/min",
        "sessions that ``me/`` starts for one IP address, with ``CSRF_USE_SESSIONS``",
    )


class CoreSettings(ProjectSettings):
    """The keys of the core."""

    ENABLE_ENDPOINTS = Nested(EnableEndpoints)
    EMAIL_TEMPLATES = Nested(EmailTemplates)
    SEND_USER_ACTIVATION_MAIL = Dotted[Callable[[Any, str], object]](
        "ai_kit_auth.services.default_send_user_activation_mail",
        "called with (user, url) at registration, and when the mail is requested again",
    )
    SEND_ACTIVATION_BY_ADMIN_MAIL = Dotted[Callable[[Any, str], object]](
        "ai_kit_auth.services.default_send_activation_by_admin_mail",
        "called with (user, url) when an admin creates an account, and when the mail "
        "for such an account is requested again",
    )
    SEND_RESET_PW_MAIL = Dotted[Callable[[Any, str], object]](
        "ai_kit_auth.services.default_send_reset_pw_mail",
        "called with (user, url) when a reset is requested",
    )
    SEND_ACCOUNT_EXISTS_MAIL = Dotted[Callable[[Any, str], object]](
        "ai_kit_auth.services.default_send_account_exists_mail",
        "called with (user, url) when PREVENT_ENUMERATION hides a taken e-mail address",
    )
    USER_LANGUAGE = OptionalDotted[Callable[[Any], str]](
        ("user",),
        "called with (user); returns the language code of the mails to this user. With "
        "None, or a code that ``LANGUAGES`` lacks, it is the language of the request",
    )
    MAILER = Alias(
        None,
        "the key of Django's ``MAILERS`` that mails are sent with (Django 6.1); None "
        "for ``default``",
    )
    MAIL_TASK = Alias(
        None,
        "the key of Django's ``TASKS`` whose worker makes and sends the mails; None "
        "for the process of the request",
    )
    ACTIVATION_TIMEOUT = Seconds(
        None,
        "how many seconds an activation link is valid; None for Django's "
        "``PASSWORD_RESET_TIMEOUT``",
    )
    ACTIVATION_PROOF = Setting(
        False,
        "True: a link alone is not enough, since mail scanners open links. "
        "``activate_email/`` also needs the cookie of ``register/`` or the password, "
        "``confirm_email/`` the session or the password",
    )
    DEVICE_COOKIE_AGE = Seconds(
        None,
        "how many seconds a browser stays known to an account after a login: a cookie "
        "is set, and failed logins and requested mails are counted by that browser "
        "alone, so no attack from elsewhere locks the owner out there. None for no "
        "cookie",
    )
    PREVENT_ENUMERATION = Setting(
        False,
        "True: registration and a change of the e-mail address do not show whether an "
        "e-mail address has an account",
    )
    ERROR_PARAMS = Setting(
        False,
        "True: an error body has the key ``params`` beside the codes, with the numbers "
        "that a sentence about a code needs, such as ``min_length`` and "
        "``retry_after``",
    )
    BRANDING = Nested(Branding)
    THROTTLE_RATES = Nested(ThrottleRates)
    USE_AI_KIT_AUTH_ADMIN = Setting(
        True, "register ``AIUserAdmin``; False keeps the project's user admin"
    )
    ADMIN_FIELDSETS: Setting[tuple[Any, ...]] = Setting(
        (
            (None, {"fields": ("username", "email", "password")}),
            (_("Personal info"), {"fields": ("first_name", "last_name")}),
            (
                _("Permissions"),
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
            (_("Important dates"), {"fields": ("last_login", "date_joined")}),
        ),
        "fieldsets of the admin's change page; the default leaves out fields that the "
        "user model lacks",
    )
    ADMIN_ADD_FIELDSETS: Setting[tuple[Any, ...]] = Setting(
        (
            (
                None,
                {
                    "classes": ("wide",),
                    "fields": ("username", "email", "password1", "password2"),
                },
            ),
        ),
        "fieldsets of the admin's add page; the default leaves out fields that the "
        "user model lacks",
    )
    USERNAME_REQUIRED = Setting(
        False, "False: an account without a username gets a generated one"
    )
    USER_SERIALIZER = Dotted[type[Any]](
        "ai_kit_auth.serializers.UserSerializer", "what ``login/`` and ``me/`` show"
    )
    REGISTRATION_SERIALIZER = Dotted[type[Any]](
        "ai_kit_auth.serializers.RegistrationSerializer", "what ``register/`` takes"
    )
    USER_IDENTITY_FIELDS = Names(
        ("email", "username"),
        "fields in which a login looks up its ``ident``, in this order; the default "
        "leaves out fields that the user model lacks",
    )
    FRONTEND = Nested(Frontend)


class APISettings(CoreSettings):
    """The keys of all capabilities; type checkers see those of the core."""

    __slots__ = ()

    @classmethod
    def members(cls) -> dict[str, Setting[Any] | Nested[Any]]:
        return every_key().members()


# The nested defaults, by the name that version 2.0.0 had for them. A copy: changing it
# changes no setting.
DEFAULTS: dict[str, Any]


def __getattr__(name: str) -> dict[str, Any]:
    if name == "DEFAULTS":
        return _defaults(every_key())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _defaults(section: type[Section]) -> dict[str, Any]:
    return {
        name: member.default
        if isinstance(member, Setting)
        else _defaults(member.section)
        for name, member in section.members().items()
    }


api_settings = APISettings()


def reload_api_settings(
    *args: object, setting: str = SETTING_NAME, **kwargs: object
) -> None:
    """
    Read ``settings.AI_KIT_AUTH`` again and check that it is complete.

    It has the signature of a ``setting_changed`` receiver and ignores other settings.
    ``override_settings`` works without it. It is for code that changes the dict in
    place, and for projects that want a complete configuration or an exception.

    Raises :exc:`UnknownConfigurationError` or :exc:`InvalidConfigurationError`; the
    latter also if ``FRONTEND.URL`` is missing.
    """
    if setting != SETTING_NAME:
        return
    api_settings.reload()
    require_frontend_url(api_settings.FRONTEND.URL)


def django_tasks() -> Any:
    """
    Return the module ``django.tasks``.

    On Django 5.2 it is that of the backport. Raises :exc:`ImportError` without it.
    """
    has_tasks = django.VERSION >= (6, 0)
    return import_module("django.tasks" if has_tasks else "django_tasks")


def require_frontend_url(url: str) -> str:
    """Return ``url``. Raises :exc:`InvalidConfigurationError` if it is empty."""
    if not url:
        raise InvalidConfigurationError(
            f"{SETTING_NAME}['FRONTEND']['URL'] is missing: set it to the URL of the "
            "frontend, such as 'https://app.example.com'"
        )
    return url
