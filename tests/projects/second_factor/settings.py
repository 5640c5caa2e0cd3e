"""The usual settings, with second factors and the account page."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS += [
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "ai_kit_auth.second_factor",
]
AI_KIT_AUTH["ENABLE_ENDPOINTS"] = {
    "CHANGE_PASSWORD": True,
    "CONFIRM_PASSWORD": True,
    "DELETE_ACCOUNT": True,
    "FACTORS": True,
    "LOGOUT_OTHERS": True,
    "SECOND_FACTOR": True,
}
