"""Django, DRF and the URLconf, as far as accounts need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.urls import get_resolver

from ..origins import right_host, texts_of
from ..settings import APISettings
from .problems import Problems, dotted, drf, imported, is_served, problem
from .routes import NAMESPACE, is_ours, named, path_of, view_at


def check_host() -> Problems:
    """W015, W018, W023, W032, W033, W035."""
    yield from _name_problems()
    if not settings.AUTH_PASSWORD_VALIDATORS and is_served(
        "REGISTER", "RESET_PASSWORD"
    ):
        yield problem(
            "W015",
            "AUTH_PASSWORD_VALIDATORS is empty: any password is good enough.",
            "AUTH_PASSWORD_VALIDATORS = [{'NAME': "
            "'django.contrib.auth.password_validation.MinimumLengthValidator'}, ...]",
        )
    classes = drf("DEFAULT_AUTHENTICATION_CLASSES")
    if (
        isinstance(classes, list | tuple)
        and is_served("LOGIN")
        and not any(map(_may_know_sessions, classes))
    ):
        named = [one if isinstance(one, str) else dotted(one) for one in classes]
        yield problem(
            "W018",
            "REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES'] has no "
            "SessionAuthentication: whoever logs in here is anonymous at the other API "
            "views of this host.",
            "REST_FRAMEWORK = {'DEFAULT_AUTHENTICATION_CLASSES': "
            f"{['rest_framework.authentication.SessionAuthentication', *named]!r}}}",
        )
    if not is_served(*APISettings.ENABLE_ENDPOINTS.section.members()):
        return
    if _is_routed():
        yield from _route_problems()
    else:
        yield problem(
            "W023",
            f"{settings.ROOT_URLCONF} does not include ai_kit_auth.urls: no endpoint "
            "has a URL.",
            'urlpatterns = [path("api/v1/auth/", include("ai_kit_auth.urls")), ...]',
        )


def _may_know_sessions(given: object) -> bool:
    found = imported(given) if isinstance(given, str) else given
    if not isinstance(found, type):
        # DRF says what is wrong with it.
        return True
    # A class of the host's own may do the same by another way, and says so.
    return any("Session" in base.__name__ for base in found.__mro__)


def _is_routed() -> bool:
    """Tell whether the URLconf leads to a view of ours, or cannot be read."""
    try:
        return any(map(is_ours, _callbacks(get_resolver().url_patterns)))
    except Exception:  # noqa: BLE001  # Django tells what is wrong with the URLconf
        return True


def _callbacks(patterns: Sequence[Any]) -> Iterator[Any]:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _callbacks(pattern.url_patterns)
        else:
            yield pattern.callback


def _route_problems() -> Problems:
    """Look where the paths of the endpoints lead."""
    try:
        found = {
            name: path
            for name in ("login", "me", "register")
            if (path := path_of(f"{NAMESPACE}:{name}")) is not None
        }
        answering = {name: view_at(path) for name, path in found.items()}
    except Exception:  # noqa: BLE001  # Django tells what is wrong with the URLconf
        return
    for name, path in found.items():
        prefix = path.removesuffix(f"{name}/")
        if path != prefix and not prefix.endswith("/"):
            route = prefix.lstrip("/")
            yield problem(
                "W032",
                f"The URLconf includes ai_kit_auth.urls at {route!r}, without a slash: "
                f"{name}/ is at {path}.",
                f'path("{route}/", include("ai_kit_auth.urls"))',
            )
            break
    others = [one for one in answering.values() if one and not is_ours(one[0])]
    # One route in place of one endpoint is what a project may want.
    if others and len(others) == len(answering):
        callback, route = others[0]
        first = next(iter(found.values()))
        yield problem(
            "W033",
            f"At {first} answers {named(callback)}, by the route {route!r} above: no "
            "request reaches the endpoints.",
            f'In {settings.ROOT_URLCONF}, put path(..., include("ai_kit_auth.urls")) '
            f"above the route {route!r}.",
        )


def _name_problems() -> Problems:
    entries = texts_of(settings.ALLOWED_HOSTS)
    wrong = [entry for entry in entries if right_host(entry) != entry.lower()]
    if wrong:
        yield problem(
            "W035",
            f"ALLOWED_HOSTS has {wrong[0]!r}: an entry is a name alone, without "
            "scheme, port, path or wildcard.",
            f"ALLOWED_HOSTS = {list(dict.fromkeys(map(right_host, entries)))!r}",
        )
