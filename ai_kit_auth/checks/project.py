"""The settings of Django and DRF, and the URLconf, that accounts need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.urls import get_resolver

from ..settings import keys_below
from .origins import right_host, texts_of
from .problems import Problems, dotted, drf, imported, is_served, problem
from .routes import NAMESPACE, is_ours, named, path_of, view_at


def check_project() -> Problems:
    """W015, W018, W023, W032, W033, W035."""
    yield from _name_problems()
    if not settings.AUTH_PASSWORD_VALIDATORS and is_served(
        "REGISTER", "RESET_PASSWORD"
    ):
        yield problem(
            "W015",
            "AUTH_PASSWORD_VALIDATORS is empty: every password is accepted.",
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
            "SessionAuthentication: a user who logged in here is anonymous at the "
            "project's other API views.",
            "REST_FRAMEWORK = {'DEFAULT_AUTHENTICATION_CLASSES': "
            f"{['rest_framework.authentication.SessionAuthentication', *named]!r}}}",
        )
    if not is_served(*keys_below("ENABLE_ENDPOINTS")):
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
        # DRF reports what is wrong with it.
        return True
    # A class of the project may read sessions in its own way; its name says so.
    return any("Session" in base.__name__ for base in found.__mro__)


def _is_routed() -> bool:
    """Tell whether the URLconf leads to a view of this package, or cannot be read."""
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
    """Find paths of endpoints that lead to other views."""
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
                f"The URLconf includes ai_kit_auth.urls at {route!r}, without a "
                f"trailing slash, so {name}/ is at {path}.",
                f'path("{route}/", include("ai_kit_auth.urls"))',
            )
            break
    others = [one for one in answering.values() if one and not is_ours(one[0])]
    # A project may replace one endpoint on purpose, but not all of them.
    if others and len(others) == len(answering):
        callback, route = others[0]
        first = next(iter(found.values()))
        yield problem(
            "W033",
            f"{named(callback)} answers at {first}, by the route {route!r} above: no "
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
            f"ALLOWED_HOSTS has {wrong[0]!r}: an entry is a host name only, without "
            "scheme, port, path or wildcard.",
            f"ALLOWED_HOSTS = {list(dict.fromkeys(map(right_host, entries)))!r}",
        )
