"""The settings that a frontend on another origin needs: CORS, CSRF and cookies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from corsheaders.conf import conf as cors
from corsheaders.defaults import default_headers
from corsheaders.signals import check_request_enabled
from django.apps import apps
from django.conf import settings
from django.urls import get_script_prefix
from django.utils.functional import Promise

from ..settings import api_settings
from .configuration import corrected
from .middleware import ANSWERING, CORS, middleware_of, place_of
from .origins import (
    Origin,
    is_local,
    is_trusted,
    named_hosts,
    origin_of,
    parse_origin,
    site_of,
    texts_of,
)
from .problems import Problems, is_readable, problem
from .routes import NAMESPACE, path_of


def _hosts() -> tuple[list[str], list[str]]:
    """
    Return the host names by which browsers call this project, from ALLOWED_HOSTS.

    The first list holds whole names, the second domains with all names below them. Only
    a proxy or a health check uses a name without a dot, or an IP address.
    """
    domains = [
        host.lower().lstrip(".")
        for host in texts_of(settings.ALLOWED_HOSTS)
        if host.startswith(".")
    ]
    names = [
        h
        for h in named_hosts()
        if is_local(h) or not re.fullmatch(r"[^.]*|[\d.]+|.*:.*", h)
    ]
    return names, domains


def _frontend() -> Origin | None:
    """Return the frontend's origin, or None if it is unknown or the API's own."""
    if not is_readable():
        return None
    try:
        origin = origin_of(api_settings.FRONTEND.URL)
    except ValueError:
        return None
    hosts = named_hosts()
    if origin.host in hosts and origin.has_usual_port and not lives_elsewhere(origin):
        return None
    # The port of runserver, under the names that DEBUG allows.
    if origin.port == 8000 and (
        origin.host in hosts or (settings.DEBUG and not hosts and origin.is_local)
    ):
        return None
    return origin


def lives_elsewhere(origin: Origin) -> bool:
    """
    Tell whether ``origin`` is not the API's, although ``ALLOWED_HOSTS`` has its name.

    It is not if ``ALLOWED_HOSTS`` has other names, and either the CORS settings allow
    ``origin`` or one of the other names looks like an API's.
    """
    others = [h for h in named_hosts() if h != origin.host and not is_local(h)]
    if not others or place_of(middleware_of(settings.MIDDLEWARE), CORS) is None:
        return False
    named = not cors.CORS_ALLOW_ALL_ORIGINS and is_allowed(origin)
    return named or any(re.match(r"(api|backend)\b", host) for host in others)


def check_cross_origin() -> Problems:
    """E014, W006 to W013, W020, W021, W024."""
    yield from list_problems()
    yield from _entry_problems("CORS_ALLOWED_ORIGINS", cors.CORS_ALLOWED_ORIGINS)
    yield from _entry_problems("CSRF_TRUSTED_ORIGINS", settings.CSRF_TRUSTED_ORIGINS)
    origin = _frontend()
    if origin is not None:
        yield from _cors_middleware_problems(origin)
        yield from _cors_problems(origin)
        if not is_trusted(origin, texts_of(settings.CSRF_TRUSTED_ORIGINS)) and not (
            _is_text("CSRF_TRUSTED_ORIGINS")
        ):
            yield problem(
                "W011",
                f"CSRF_TRUSTED_ORIGINS lacks {origin}, the frontend's origin: every "
                "login would answer 403 csrf_failed.",
                with_origin("CSRF_TRUSTED_ORIGINS", origin),
            )
        yield from _site_problems(origin)
    yield from _header_problems(origin)


_ORIGINS = (
    "CORS_ALLOWED_ORIGINS",
    "CORS_ORIGIN_WHITELIST",
    "CORS_ALLOWED_ORIGIN_REGEXES",
    "CORS_ORIGIN_REGEX_WHITELIST",
)
_LISTS = (
    *_ORIGINS,
    "CORS_ALLOW_HEADERS",
    "CORS_ALLOW_METHODS",
    "CORS_EXPOSE_HEADERS",
    "CSRF_TRUSTED_ORIGINS",
)


def _is_text(name: str) -> bool:
    return isinstance(getattr(settings, name, None), str | bytes | re.Pattern | Promise)


def list_problems() -> Problems:
    """Find a string in place of a list: Python reads each character as an entry."""
    for name in filter(_is_text, _LISTS):
        value = getattr(settings, name)
        value = str(value) if isinstance(value, Promise) else value
        # SECURITY: "^" matches every origin, and each is allowed with its cookies.
        opens = "REGEX" in name and isinstance(value, str) and "^" in value
        parts = [value]
        if isinstance(value, str) and "REGEX" not in name:
            parts = [part for part in re.split(r"[\s,;]+", value) if part] or parts
        yield problem(
            "E014",
            f"{name} is {value!r}, a string where a list belongs: each character of it "
            "counts as an entry"
            + (", and '^' allows every origin, with its cookies." if opens else "."),
            f"{name} = {parts!r}",
        )


def _entry_problems(setting: str, entries: object) -> Problems:
    for entry in texts_of(entries):
        fault = _fault_of(entry, wildcards=setting.startswith("CSRF"))
        if fault is not None:
            what, right = fault
            yield problem("W012", f"{setting} has {entry!r}, which {what}.", right)


# What browsers send for files and sandboxes. cors-headers compares it as it is.
_SPECIAL = {"null", "file://"}
_LABEL = "wildcard-label"


def _fault_of(entry: str, *, wildcards: bool) -> tuple[str, str] | None:
    """Return what is wrong with ``entry`` and what to write instead, or None."""
    scheme, mark, rest = entry.partition("://")
    if entry in _SPECIAL and not wildcards:
        return None
    if (
        mark
        and re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme)
        and not scheme.startswith("http")
    ):
        # The scheme of an app, such as capacitor://localhost.
        bare = f"{scheme}://{rest.partition('/')[0]}"
        return None if bare == entry else ("has a path", f"Write {bare!r}.")
    if "*" in entry and not wildcards:
        pattern = re.escape(entry).replace(r"\*", r"[\w-]+")
        return (
            "has a wildcard, which no origin has",
            f"CORS_ALLOWED_ORIGIN_REGEXES = [r'^{pattern}$']",
        )
    if "*" in entry and not re.fullmatch(r"\*\.[^*]+", rest or entry):
        return (
            "has a wildcard in a place where Django allows none",
            "Write 'https://*.example.com' for all names below example.com.",
        )
    text = entry.replace("*", _LABEL)
    try:
        right, what = str(parse_origin(text)), "browsers write in another way"
    except ValueError as error:
        right, what = _origin_in(text), str(error)
    right = right.replace(_LABEL, "*")
    return None if right == entry else (what, f"Write {right!r}.")


def _origin_in(text: str) -> str:
    return str(origin_of(corrected(text)))


def with_origin(setting: str, origin: Origin) -> str:
    """Return the line that adds ``origin`` to the project's ``setting``."""
    kept = [
        entry
        # cors-headers reads the old name of the setting if the new one is missing.
        for entry in texts_of(
            cors.CORS_ALLOWED_ORIGINS
            if setting == "CORS_ALLOWED_ORIGINS"
            else getattr(settings, setting, ())
        )
        if _fault_of(entry, wildcards=setting.startswith("CSRF")) is None
    ]
    return f"{setting} = {[*kept, str(origin)]!r}"


_SAME_ORIGIN = (
    " If {} is the API's own origin, put its name into ALLOWED_HOSTS: then CORS is not "
    "needed."
)


def _cors_middleware_problems(origin: Origin) -> Problems:
    if not apps.is_installed("corsheaders"):
        yield problem(
            "W006",
            f"INSTALLED_APPS lacks corsheaders, and the frontend is at {origin}.",
            'INSTALLED_APPS = [..., "corsheaders"].' + _SAME_ORIGIN.format(origin),
        )
    middleware = middleware_of(settings.MIDDLEWARE)
    hint = f'MIDDLEWARE = ["{CORS}", ...]'
    place = place_of(middleware, CORS)
    if place is None:
        yield problem(
            "W007",
            f"MIDDLEWARE lacks CorsMiddleware: pages of {origin} can read no answer.",
            f"{hint}.{_SAME_ORIGIN.format(origin)}",
        )
        return
    above = [one.path for one in middleware[:place] if one.is_a(*ANSWERING)]
    if above:
        yield problem(
            "W008",
            f"MIDDLEWARE has CorsMiddleware below {', '.join(above)}: other origins "
            "cannot read an answer that comes from there.",
            f"{hint}: first, or at least above {above[0]}.",
        )


def _cors_problems(origin: Origin) -> Problems:
    # Receivers of this signal may allow what the settings do not.
    decided_elsewhere = check_request_enabled.has_listeners()
    if not (decided_elsewhere or any(map(_is_text, _ORIGINS)) or is_allowed(origin)):
        yield problem(
            "W010",
            f"CORS_ALLOWED_ORIGINS lacks {origin}, the frontend's origin.",
            with_origin("CORS_ALLOWED_ORIGINS", origin),
        )
    if not cors.CORS_ALLOW_CREDENTIALS:
        yield problem(
            "W009",
            "CORS_ALLOW_CREDENTIALS is off: browsers send no cookie from the frontend "
            f"at {origin}.",
            "CORS_ALLOW_CREDENTIALS = True",
        )
    path = _path_of_endpoints()
    regex = cors.CORS_URLS_REGEX
    if path is not None and not decided_elsewhere and _matches(regex, path) is False:
        yield problem(
            "W024",
            f"CORS_URLS_REGEX is {regex!r}, and the endpoints are at {path}.",
            f"CORS_URLS_REGEX = r'^{re.escape(path)}.*$', or one that matches both.",
        )


def _path_of_endpoints() -> str | None:
    """Return the path that all endpoints are below, or None if it is unknown."""
    for name in ("me", "login", "logout", "register"):
        try:
            path = path_of(f"{NAMESPACE}:{name}")
        except Exception:  # noqa: BLE001  # Django tells what is wrong with the URLconf
            return None
        if path is not None:
            inside = path[len(get_script_prefix()) - 1 :]
            return inside.removesuffix(f"{name}/")
    return None


def is_allowed(origin: Origin) -> bool:
    """Tell whether the CORS settings allow ``origin``, as cors-headers reads them."""
    text = str(origin)
    return (
        bool(cors.CORS_ALLOW_ALL_ORIGINS)
        or any(
            "/".join(entry.split("/")[:3]) == text
            for entry in texts_of(cors.CORS_ALLOWED_ORIGINS)
        )
        or any(
            _matches(regex, text)
            for regex in _sequence(cors.CORS_ALLOWED_ORIGIN_REGEXES)
        )
    )


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _matches(regex: Any, text: str) -> bool | None:
    """Tell whether ``regex`` matches; None if it is not a regular expression."""
    try:
        return re.match(regex, text) is not None
    except (re.error, TypeError):
        return None


def _site_problems(origin: Origin) -> Problems:
    names, domains = _hosts()
    hosts = [*names, *domains]
    if not hosts or "*" in texts_of(settings.ALLOWED_HOSTS):
        return
    if site_of(origin.host) in map(site_of, hosts):
        return
    cookies = [
        name
        for name in ("SESSION", *(() if settings.CSRF_USE_SESSIONS else ("CSRF",)))
        if _same_site(name) != "none"
    ]
    mine = [host for host in hosts if is_local(host)]
    if cookies and origin.is_local and mine:
        allowed = [*texts_of(settings.ALLOWED_HOSTS), _entry(origin)]
        yield problem(
            "W013",
            f"The frontend is at {origin} and the API at {mine[0]}: two names of one "
            "machine are two sites, so browsers do not send the cookies.",
            "Use one name for both: open the page and call the API at "
            f"{_entry(origin)}, with ALLOWED_HOSTS = {allowed!r}.",
        )
    elif cookies:
        settings_of = " and ".join(f"{name}_COOKIE_SAMESITE" for name in cookies)
        lines = "; ".join(
            f'{name}_COOKIE_SAMESITE = "None"; {name}_COOKIE_SECURE = True'
            for name in cookies
        )
        yield problem(
            "W013",
            f"The frontend at {origin} is on another site than {', '.join(hosts)}, and "
            f'{settings_of} is not "None": browsers do not send the cookie.',
            f"{lines}. Some browsers block even these cookies. It is better to put "
            "both on one site, such as app.example.com and api.example.com.",
        )


def _entry(origin: Origin) -> str:
    return f"[{origin.host}]" if ":" in origin.host else origin.host


def _same_site(name: str) -> str:
    return str(getattr(settings, f"{name}_COOKIE_SAMESITE")).lower()


def _header_problems(origin: Origin | None) -> Problems:
    name = str(settings.CSRF_HEADER_NAME)
    if not re.fullmatch(r"HTTP_[A-Z0-9_]+", name):
        right = re.sub(r"\W", "_", name).upper().removeprefix("HTTP_")
        yield problem(
            "W020",
            f"CSRF_HEADER_NAME is {name!r}: header names in request.META are in upper "
            "case, have underscores, and begin with HTTP_.",
            f'CSRF_HEADER_NAME = "HTTP_{right}"',
        )
    elif origin is not None and not _is_text("CORS_ALLOW_HEADERS"):
        header = name.removeprefix("HTTP_").replace("_", "-").lower()
        allowed = {text.lower() for text in texts_of(cors.CORS_ALLOW_HEADERS)}
        lacking = [h for h in (header, "content-type") if h not in allowed]
        if lacking:
            yield problem(
                "W021",
                f"CORS_ALLOW_HEADERS lacks {' and '.join(lacking)}, which the frontend "
                "sends: its preflight requests fail.",
                with_headers(*lacking),
            )


def with_headers(*lacking: str) -> str:
    """Return the lines that add ``lacking`` to the headers that the project allows."""
    own = [
        header
        for header in texts_of(cors.CORS_ALLOW_HEADERS)
        if header.lower() not in default_headers and header != "*"
    ]
    return (
        "from corsheaders.defaults import default_headers; "
        f"CORS_ALLOW_HEADERS = [*default_headers, {str([*own, *lacking])[1:-1]}]"
    )


# Cookies


def check_cookies() -> Problems:
    """W014, W022."""
    names, domains = _hosts()
    knows_hosts = bool(names or domains) and "*" not in texts_of(settings.ALLOWED_HOSTS)
    for cookie in ("SESSION", *(() if settings.CSRF_USE_SESSIONS else ("CSRF",))):
        secure = getattr(settings, f"{cookie}_COOKIE_SECURE")
        if _same_site(cookie) == "none" and not secure:
            yield problem(
                "W014",
                f'{cookie}_COOKIE_SAMESITE is "None", and {cookie}_COOKIE_SECURE is '
                "off: browsers reject such a cookie.",
                f"{cookie}_COOKIE_SECURE = True",
            )
        domain = str(getattr(settings, f"{cookie}_COOKIE_DOMAIN") or "")
        bare = domain.lower().lstrip(".")
        if bare and knows_hosts and not _may_set(bare, names, domains):
            yield problem(
                "W022",
                f"{cookie}_COOKIE_DOMAIN is {domain!r}, and of the hosts in "
                "ALLOWED_HOSTS none is below it: browsers refuse the cookie.",
                f"{cookie}_COOKIE_DOMAIN = None, or the domain that the frontend and "
                f"{(names or domains)[0]} share.",
            )


def _may_set(domain: str, names: list[str], domains: list[str]) -> bool:
    below = f".{domain}"
    return any(f".{host}".endswith(below) for host in [*names, *domains]) or any(
        domain.endswith(f".{host}") for host in domains
    )
