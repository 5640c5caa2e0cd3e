"""Django, DRF and the URLconf, as far as accounts need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.urls import get_resolver

from ..settings import APISettings
from .problems import Problems, dotted, drf, imported, is_served, problem


def check_host() -> Problems:
    """W015, W018, W023."""
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
    if is_served(*APISettings.ENABLE_ENDPOINTS.section.members()) and not _is_routed():
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
        return any(map(_is_ours, _callbacks(get_resolver().url_patterns)))
    except Exception:  # noqa: BLE001  # Django tells what is wrong with the URLconf
        return True


def _callbacks(patterns: Sequence[Any]) -> Iterator[Any]:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _callbacks(pattern.url_patterns)
        else:
            yield pattern.callback


def _is_ours(callback: Any) -> bool:
    view = getattr(callback, "view_class", None)
    bases = view.__mro__ if isinstance(view, type) else (callback,)
    ours = {"ai_kit_auth.views", "ai_kit_auth.urls"}
    return any(getattr(base, "__module__", None) in ours for base in bases)
