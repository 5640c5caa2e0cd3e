"""The settings of such a project."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.nameless"]
AUTH_USER_MODEL = "nameless.User"
AI_KIT_AUTH = {
    **AI_KIT_AUTH,
    "ENABLE_ENDPOINTS": {"UPDATE_ME": True, "CHANGE_PASSWORD": True},
}
