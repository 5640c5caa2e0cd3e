"""What ``manage.py check`` says about the list of sessions."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core import checks

from ..checks.middleware import middleware_of, place_of
from ..checks.problems import is_readable, item, key
from ..settings import api_settings
from .capability import NAME
from .settings import SessionsSettings, sessions_settings

_MIDDLEWARE = "ai_kit_auth.sessions.middleware.SessionsMiddleware"
_AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
_UNSHARED = ("LocMemCache", "DummyCache")


def check_sessions() -> Iterator[checks.CheckMessage]:
    """E001, W001, W003, W004, I001."""
    middleware = middleware_of(settings.MIDDLEWARE)
    own = place_of(middleware, _MIDDLEWARE)
    above = place_of(middleware, _AUTHENTICATION)
    hint = f'MIDDLEWARE = [..., "{_AUTHENTICATION}", "{_MIDDLEWARE}", ...]'
    if own is None:
        yield checks.Warning(
            "MIDDLEWARE lacks SessionsMiddleware: no session ends before it expires.",
            hint=hint,
            id=f"{NAME}.W001",
        )
    elif above is not None and own < above:
        yield checks.Error(
            "MIDDLEWARE has SessionsMiddleware above AuthenticationMiddleware, but "
            "needs it below: each request of a logged-in user fails.",
            hint=hint,
            id=f"{NAME}.E001",
        )
    if not is_readable():
        return
    default = SessionsSettings.SESSION_DEVICE_NAME.default
    names = sessions_settings.values.get("SESSION_DEVICE_NAME", default)
    if names == default and find_spec("ua_parser") is None:
        yield checks.Warning(
            "ua-parser is not installed, so the list of sessions names no browser.",
            hint="pip install django-ai-kit-auth[sessions], or set "
            f"{key('SESSION_DEVICE_NAME')} to a function of your own.",
            id=f"{NAME}.W003",
        )
    is_served = sessions_settings.ENABLE_ENDPOINTS.SESSIONS
    has_cookie = api_settings.DEVICE_COOKIE_AGE is not None
    if sessions_settings.SECURITY_NOTICES.NEW_DEVICE and not (is_served and has_cookie):
        missing = "ENABLE_ENDPOINTS.SESSIONS" if has_cookie else "DEVICE_COOKIE_AGE"
        yield checks.Warning(
            f"{key('SECURITY_NOTICES.NEW_DEVICE')} is on, and {key(missing)} is off: "
            "no notice is sent.",
            hint="AI_KIT_AUTH = {'ENABLE_ENDPOINTS': {'SESSIONS': True}}"
            if has_cookie
            else "AI_KIT_AUTH = {'DEVICE_COOKIE_AGE': 365 * 24 * 60 * 60}",
            id=f"{NAME}.W004",
        )
    if not is_served:
        yield checks.Info(
            f"{key('ENABLE_ENDPOINTS.SESSIONS')} is off: sessions are recorded, and no "
            "user sees them.",
            hint="AI_KIT_AUTH = {'ENABLE_ENDPOINTS': {'SESSIONS': True}}",
            id=f"{NAME}.I001",
        )


def check_cache(app_configs: object, **kwargs: Any) -> list[checks.CheckMessage]:
    """W002."""
    name = str(item(item(settings.CACHES, "default"), "BACKEND") or "")
    if name.rpartition(".")[2] not in _UNSHARED:
        return []
    return [
        checks.Warning(
            f"The end of a session stands in the cache, and {name.rpartition('.')[2]} "
            "is not shared by processes: each other process serves an ended session "
            "for up to SESSION_TOUCH seconds.",
            hint="Set CACHES['default'] to Redis, Memcached or the database cache.",
            id=f"{NAME}.W002",
        )
    ]
