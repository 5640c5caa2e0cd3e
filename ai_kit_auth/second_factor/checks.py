"""What ``manage.py check`` says about second factors."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from django.apps import apps
from django.conf import settings
from django.core import checks

from ..settings import SETTING_NAME
from ..user_model import user_model
from .settings import second_factor_settings

NEEDED_APPS = (
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
)
_MIDDLEWARE = "django_otp.middleware.OTPMiddleware"
_IN_COOKIES = "django.contrib.sessions.backends.signed_cookies"


def check_second_factor() -> Iterator[checks.CheckMessage]:
    """Yield what keeps second factors from working in this project."""
    endpoints = second_factor_settings.ENABLE_ENDPOINTS
    keys = [n for n in ("SECOND_FACTOR", "FACTORS") if getattr(endpoints, n)]
    if not keys:
        return
    on = f"{SETTING_NAME}['ENABLE_ENDPOINTS'][{keys[0]!r}] is on"
    missing = [name for name in NEEDED_APPS if not apps.is_installed(name)]
    if missing:
        yield checks.Error(
            f"{on}, and INSTALLED_APPS lacks {', '.join(missing)}.",
            hint=f"INSTALLED_APPS += {missing!r}, then manage.py migrate",
            id="ai_kit_auth_second_factor.E001",
        )
    if find_spec("segno") is None:
        yield checks.Error(
            f"{on}, and the package segno is missing.",
            hint="pip install 'django-ai-kit-auth[second_factor]'",
            id="ai_kit_auth_second_factor.E001",
        )
    if settings.SESSION_ENGINE == _IN_COOKIES:
        yield checks.Error(
            f"{on}, and SESSION_ENGINE keeps sessions in cookies alone: a copy of the "
            "cookie cannot be made void.",
            hint="SESSION_ENGINE = 'django.contrib.sessions.backends.db'",
            id="ai_kit_auth_second_factor.E002",
        )
    if _MIDDLEWARE in settings.MIDDLEWARE and "is_verified" in user_model.columns:
        yield checks.Warning(
            "OTPMiddleware overwrites the field is_verified of each request's user, "
            "and request.user.save() then fails.",
            hint=f"Take {_MIDDLEWARE} out of MIDDLEWARE, which this package does not "
            "need, or rename the field.",
            id="ai_kit_auth_second_factor.W001",
        )
