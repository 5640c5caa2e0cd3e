"""The settings of such a project, with the URL as 2.0.0's documentation had it."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS = [
    app for app in INSTALLED_APPS if app not in {"corsheaders", "tests.shop"}
]
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("corsheaders.")]
for _name in ("CORS_ALLOWED_ORIGINS", "CORS_ALLOW_CREDENTIALS", "CSRF_TRUSTED_ORIGINS"):
    del globals()[_name]
ROOT_URLCONF = "ai_kit_auth.urls"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication"
    ],
}
_serializers = "tests.projects.upgraded_app_alone.serializers"
AI_KIT_AUTH = {
    "FRONTEND": {"URL": "example.com"},
    "USER_SERIALIZER": f"{_serializers}.OwnUserSerializer",
    "REGISTRATION_SERIALIZER": f"{_serializers}.OwnRegistrationSerializer",
}
