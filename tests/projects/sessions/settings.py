"""The usual settings, with the list of sessions and the whole account page."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS += ["ai_kit_auth.sessions", "drf_spectacular"]
_authentication = "django.contrib.auth.middleware.AuthenticationMiddleware"
MIDDLEWARE.insert(
    MIDDLEWARE.index(_authentication) + 1,
    "ai_kit_auth.sessions.middleware.SessionsMiddleware",
)
AI_KIT_AUTH["ENABLE_ENDPOINTS"] = dict.fromkeys(
    (
        "CHANGE_EMAIL",
        "CHANGE_PASSWORD",
        "CONFIRM_PASSWORD",
        "DELETE_ACCOUNT",
        "LOGOUT_OTHERS",
        "SESSIONS",
    ),
    True,
)
