"""The settings of such a project."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.profiles"]
AUTH_USER_MODEL = "profiles.User"
AI_KIT_AUTH = {
    **AI_KIT_AUTH,
    "ENABLE_ENDPOINTS": {"UPDATE_ME": True},
    "USER_UPDATE_SERIALIZER": "tests.projects.profiles.serializers.FullUpdate",
    "REGISTRATION_SERIALIZER": "tests.projects.profiles.serializers.FullRegistration",
}
