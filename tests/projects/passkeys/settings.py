"""The usual settings, with passkeys: a frontend and an API on one site."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS += [
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_otp_webauthn",
    "ai_kit_auth.second_factor",
]
ALLOWED_HOSTS = ["testserver", "api.example.com"]
AI_KIT_AUTH["ENABLE_ENDPOINTS"] = {
    "CHANGE_EMAIL": True,
    "CONFIRM_PASSWORD": True,
    "FACTORS": True,
    "PASSKEY_LOGIN": True,
    "PASSKEY_SIGN_UP": True,
    "SECOND_FACTOR": True,
}
