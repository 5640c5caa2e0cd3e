"""
What a capability is, and which capabilities the installed apps have.

A capability is a part of the account API with its own settings, endpoints, error codes,
events and mails. The core is the first one, :mod:`ai_kit_auth.account` is the second
one, and a project adds its own. An ``AppConfig`` names the capabilities of its app::

    class LoyaltyConfig(AppConfig):
        name = "shop.loyalty"
        ai_kit_auth_capabilities = ("shop.loyalty.capability.LOYALTY",)

A capability names its routes and operations by dotted path, so that the import of a
declaration imports no views.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from django.urls import URLPattern

    from .settings import Section

ATTRIBUTE = "ai_kit_auth_capabilities"
# Of the parameters of an error code.
PARAM_TYPES = (int, float, bool, str)


@dataclass(frozen=True)
class Event:
    """An event of the security log: its meaning and its level."""

    meaning: str
    level: int = logging.INFO


@dataclass(frozen=True)
class Mail:
    """
    A mail, which the setting ``sender`` sends.

    ``link``: the key of FRONTEND that the link leads to; None for a mail without a
    link. ``service``: the dotted path of the function that makes the link and hands the
    mail to ``sender``, by ``ai_kit_auth.services.send_or_queue``. A worker of
    MAIL_TASK calls it with (user); with (user, address) for a mail to another e-mail
    address than the account's; with (user, notice) for a notice. ``timeouts``: the keys
    of AI_KIT_AUTH with the seconds that the link is valid, "" for Django's
    ``PASSWORD_RESET_TIMEOUT``; the mail tells the shortest of them, and nothing without
    them. ``greets``: the mail goes to an address that its owner has proven, so it may
    greet the user by name.
    """

    sender: str
    link: str | None = None
    service: str = ""
    timeouts: tuple[str, ...] = ()
    greets: bool = False


@dataclass(frozen=True)
class Notice:
    """
    A key of SECURITY_NOTICES.

    ``mail``: the key of EMAIL_TEMPLATES. ``endpoint``: the key of ENABLE_ENDPOINTS; its
    endpoint sends the notice. ``names_address``: the notice goes to the e-mail address
    that the account had at the event, which is no longer stored when it is sent.
    """

    mail: str
    endpoint: str
    names_address: bool = False


LinkStatus = Literal["valid", "used", "invalid"]


@dataclass(frozen=True)
class LinkPurpose:
    """
    What a mailed link is for, as ``link_status/`` takes it.

    ``endpoint``: the key of ENABLE_ENDPOINTS whose endpoint uses the link; without it
    there is no such purpose. ``status``: the dotted path of a function that takes the
    ``ident`` and the ``token`` of a link, writes nothing, and returns
    ``"valid"``, ``"used"`` or ``"invalid"``. ``refusal``: the code in the security log
    of a link that is ``"invalid"``, which is that of the endpoint.
    """

    endpoint: str
    status: str
    refusal: str


class Finding(Exception):
    """
    A step of the doctor has failed.

    ``console``: what the browser's console would say, "" for nothing. ``cause``: why.
    ``setting``: what to write.
    """

    def __init__(self, console: str, cause: str, setting: str) -> None:
        super().__init__(console, cause, setting)
        self.console, self.cause, self.setting = console, cause, setting


class Page(Protocol):
    """
    A page of a frontend, in which the doctor has logged an account in.

    All that it does is rolled back. ``origin``: that of the page. ``password``: that of
    the account.
    """

    origin: str
    password: str

    def serves(self, name: str) -> bool:
        """Tell whether the endpoint with the URL name ``name`` is there."""

    def post(
        self, step: str, name: str, body: Mapping[str, Any], status: int = 200
    ) -> Mapping[str, Any]:
        """
        Post ``body`` to the endpoint ``name``, and return the body of the answer.

        That is one step of the report, which ends the walk if it fails.
        """

    def step(self, name: str) -> AbstractContextManager[None]:
        """Return a context manager for a step, which a :exc:`Finding` lets fail."""

    def tell(self, name: str, cause: str, setting: str) -> None:
        """Note what is good to know, and no fault."""


Routes = Mapping[str, "URLPattern | Sequence[URLPattern]"]


# Without __eq__, so that it has a hash and a cache can be kept for it.
@dataclass(frozen=True, eq=False)
class Capability:
    """
    A part of the account API.

    ``name``: how the ids of its system checks begin. ``settings``: the section of
    AI_KIT_AUTH, merged by key with those of the other capabilities. ``codes``: error
    codes with their meanings. ``params``: by code, what ERROR_PARAMS shows beside it,
    each name with ``int``, ``float``, ``bool``, or ``str`` for the name of a field; any
    other value is left out. ``events``: of the security log. ``mails``: by key of
    EMAIL_TEMPLATES. ``notices``: by key of SECURITY_NOTICES. ``sends``: keys of
    ENABLE_ENDPOINTS, each with the mails that the endpoint sends, notices apart.
    ``link_purposes``: what its mailed links are for, by the ``purpose`` of
    ``link_status/``. ``problems``: the ids of the system checks with their meanings.

    The rest are dotted paths. ``routes``: a mapping from keys of ENABLE_ENDPOINTS to
    URL patterns, or a function that takes the section ENABLE_ENDPOINTS and returns the
    mapping; a route takes the place of a route of the package with the same URL name.
    ``operations``: a mapping from (view class, HTTP method) to
    :class:`~ai_kit_auth.operations.Operation`.
    ``signals`` and ``views``: modules, for the reference. ``checks``: functions without
    arguments that yield messages of Django's system checks. ``login_step``: a function
    that ``login/`` calls with (view, user, remember) when the password was right and no
    session has begun. It raises the exception of DRF that the client gets, or returns
    None. ``remember`` is what the client sent, None without it. ``admin_actions``:
    actions of ``AIUserAdmin``, after its own, as Django's admin calls functions.
    ``admin_inlines``: classes of inlines on its change page. ``walk``: a function that
    the doctor calls with a :class:`Page`.
    """

    name: str
    settings: type[Section] | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Mapping[str, type[int | float | bool | str]]] = field(
        default_factory=dict
    )
    events: Mapping[str, Event] = field(default_factory=dict)
    mails: Mapping[str, Mail] = field(default_factory=dict)
    notices: Mapping[str, Notice] = field(default_factory=dict)
    sends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    link_purposes: Mapping[str, LinkPurpose] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    routes: str = ""
    operations: str = ""
    signals: str = ""
    views: str = ""
    checks: tuple[str, ...] = ()
    login_step: str = ""
    walk: str = ""
    admin_actions: tuple[str, ...] = ()
    admin_inlines: tuple[str, ...] = ()

    def setting_keys(self) -> dict[str, bool]:
        """Return its settings and their sections; True for a section."""
        found: dict[str, bool] = {}
        for name, _ in self.settings.declared() if self.settings else ():
            parts = name.split(".")
            for depth in range(1, len(parts)):
                found[".".join(parts[:depth])] = True
            found[name] = False
        return found


class Fault(NamedTuple):
    """What is wrong with the capability at ``path``, and what to type."""

    path: str
    message: str
    hint: str


class _Found(NamedTuple):
    configs: object
    are_loaded: bool
    capabilities: dict[str, Capability]
    faults: list[Fault]


_last: _Found | None = None


def _found() -> _Found:
    global _last
    # Django has another mapping under ``override_settings(INSTALLED_APPS=...)``.
    configs, are_loaded = apps.app_configs, apps.apps_ready
    if (
        _last is None
        or _last.configs is not configs
        or _last.are_loaded is not are_loaded
    ):
        _last = _Found(configs, are_loaded, {}, [])
        _search(_last)
    return _last


def _search(found: _Found) -> None:
    # Before the apps are loaded there are the capabilities of this package alone.
    own = import_string("ai_kit_auth.apps.AIKitAuthConfig")
    for config in (own, *(apps.get_app_configs() if found.are_loaded else ())):
        kind = config if isinstance(config, type) else type(config)
        where = f"{kind.__module__}.{kind.__qualname__}.{ATTRIBUTE}"
        paths = getattr(config, ATTRIBUTE, ())
        if not isinstance(paths, list | tuple):
            right = f"{ATTRIBUTE} = ({paths!r},)"
            found.faults.append(
                Fault(where, f"{where} is no tuple of dotted paths.", right)
            )
            continue
        for path in paths:
            if path not in found.capabilities:
                _add(found, path, where)
    for path, one in found.capabilities.items():
        for code, params in one.params.items():
            for name, kind in params.items():
                if kind not in PARAM_TYPES:
                    message = f"{path} declares {name!r} of {code} as {kind!r}."
                    hint = f"Declare {name!r} as int, float, bool or str."
                    found.faults.append(Fault(path, message, hint))
    every_key = {key for o in found.capabilities.values() for key in o.setting_keys()}
    for path, one in found.capabilities.items():
        for key in dict.fromkeys(_needed_keys(one)):
            if key not in every_key:
                message = f"{path} names the setting {key}, which is not declared."
                hint = f"Declare {key} in the settings of {path}, or correct its name."
                found.faults.append(Fault(path, message, hint))


def _needed_keys(one: Capability) -> Iterator[str]:
    """Yield the settings that the rest of the declaration names."""
    for name, mail in one.mails.items():
        yield f"EMAIL_TEMPLATES.{name}"
        yield mail.sender
        if mail.link is not None:
            yield f"FRONTEND.{mail.link}"
        yield from filter(None, mail.timeouts)
    for name, notice in one.notices.items():
        yield f"SECURITY_NOTICES.{name}"
        yield f"EMAIL_TEMPLATES.{notice.mail}"
        yield f"ENABLE_ENDPOINTS.{notice.endpoint}"
    for name, mails in one.sends.items():
        yield f"ENABLE_ENDPOINTS.{name}"
        yield from (f"EMAIL_TEMPLATES.{mail}" for mail in mails)
    for purpose in one.link_purposes.values():
        yield f"ENABLE_ENDPOINTS.{purpose.endpoint}"


def _add(found: _Found, path: str, where: str) -> None:
    try:
        capability = import_string(path)
    except Exception as error:  # noqa: BLE001  # a module may raise anything
        message = f"{where}: {path!r} cannot be imported: {error}"
        hint = "Name a Capability by its full dotted path."
        found.faults.append(Fault(where, message, hint))
        return
    if not isinstance(capability, Capability):
        message = f"{where}: {path!r} is no Capability."
        hint = f"{path.rpartition('.')[2]} = Capability(...), in that module."
        found.faults.append(Fault(where, message, hint))
        return
    for other_path, other in found.capabilities.items():
        twice = _declared_twice(capability, other)
        if twice:
            message = f"{path} and {other_path} both declare {', '.join(twice)}."
            hint = f"Rename it in {path}, or take one of the apps out."
            found.faults.append(Fault(path, message, hint))
            return
    found.capabilities[path] = capability


def _declared_twice(one: Capability, other: Capability) -> list[str]:
    keys, others = one.setting_keys(), other.setting_keys()
    return [
        *(
            f"the setting {key}"
            for key, is_section in keys.items()
            # Sections are merged.
            if key in others and not (is_section and others[key])
        ),
        *(f"the error code {code}" for code in one.codes if code in other.codes),
        *(f"the event {event}" for event in one.events if event in other.events),
        *(
            f"the link purpose {purpose}"
            for purpose in one.link_purposes
            if purpose in other.link_purposes
        ),
    ]


def capabilities() -> tuple[Capability, ...]:
    """Return the core, :mod:`~ai_kit_auth.account` and those of the installed apps."""
    return tuple(_found().capabilities.values())


def mails() -> dict[str, Mail]:
    """Return the mails of all capabilities by key of EMAIL_TEMPLATES."""
    return {name: mail for one in capabilities() for name, mail in one.mails.items()}


def notices() -> dict[str, Notice]:
    """Return the notices of all capabilities by key of SECURITY_NOTICES."""
    return {name: it for one in capabilities() for name, it in one.notices.items()}


def link_purposes(endpoints: Any) -> dict[str, LinkPurpose]:
    """
    Return the purposes of links whose endpoints are on, in the order of declaration.

    ``endpoints``: the section ENABLE_ENDPOINTS.
    """
    return {
        name: purpose
        for one in capabilities()
        for name, purpose in one.link_purposes.items()
        if getattr(endpoints, purpose.endpoint)
    }


def login_steps() -> list[Callable[[Any, Any, bool | None], object]]:
    """
    Return what the capabilities do between the password and the session.

    Raises :exc:`ImproperlyConfigured`.
    """
    return [load(one.login_step) for one in capabilities() if one.login_step]


def walks() -> list[Callable[[Page], object]]:
    """
    Return what the capabilities have the doctor do in a page of each frontend.

    Raises :exc:`ImproperlyConfigured`.
    """
    return [load(one.walk) for one in capabilities() if one.walk]


def packages() -> tuple[str, ...]:
    """Return the packages that the capabilities are in, such as ``shop.loyalty``."""
    return tuple(path.rsplit(".", 2)[0] for path in _found().capabilities)


def faults() -> list[Fault]:
    """Return what is wrong with the declarations, without importing their views."""
    return _found().faults


def load(path: str) -> Any:
    """Return what ``path`` names; raises :exc:`ImproperlyConfigured`."""
    try:
        return import_string(path)
    except Exception as error:  # a module may raise anything
        raise ImproperlyConfigured(f"{path!r} cannot be imported: {error}") from error


def routes(endpoints: Any) -> Iterator[tuple[Capability, str, URLPattern]]:
    """
    Yield each route with its capability and its key of ENABLE_ENDPOINTS.

    ``endpoints``: the section ENABLE_ENDPOINTS. Raises :exc:`ImproperlyConfigured`.
    """
    for capability in capabilities():
        table = load(capability.routes) if capability.routes else {}
        for key, found in (table(endpoints) if callable(table) else table).items():
            if not hasattr(endpoints, key):
                raise ImproperlyConfigured(
                    f"{capability.routes} has routes for {key!r}, which is no key of "
                    "ENABLE_ENDPOINTS"
                )
            for route in found if isinstance(found, list | tuple) else (found,):
                yield capability, key, route


def served(endpoints: Any) -> list[URLPattern]:
    """
    Return the routes that ``endpoints`` has on.

    Raises :exc:`ImproperlyConfigured` also where two capabilities have one route.
    """
    core = capabilities()[0]
    # A capability may serve a route of the package in another way.
    ours = [one for one in capabilities() if one.name == core.name]
    owners: dict[str, Capability] = {}
    names: dict[str, tuple[Capability, str]] = {}
    enabled: dict[str, URLPattern] = {}
    for capability, key, route in routes(endpoints):
        name, path = str(route.name), str(route.pattern)
        owner = owners.get(name, core)
        rival, other_name = names.setdefault(path, (capability, name))
        if owner not in [*ours, capability] or name != other_name:
            rival = owner if name == other_name else rival
            raise ImproperlyConfigured(
                f"The capabilities {rival.name!r} and {capability.name!r} both have a "
                f"route {name!r} at {path!r}"
            )
        owners[name] = capability
        if getattr(endpoints, key):
            enabled[name] = route
    return list(enabled.values())
