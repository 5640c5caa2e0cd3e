"""The settings of such a project."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.soft_deletion"]
AUTH_USER_MODEL = "soft_deletion.User"
ROOT_URLCONF = "tests.projects.soft_deletion.urls"
AI_KIT_AUTH = {
    **AI_KIT_AUTH,
    "REGISTRATION_SERIALIZER": "tests.projects.soft_deletion.serializers.Registration",
    "USER_UPDATE_SERIALIZER": "tests.projects.soft_deletion.serializers.Update",
}
