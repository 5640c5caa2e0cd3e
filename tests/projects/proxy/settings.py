"""The settings of such a project."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.proxy"]
AUTH_USER_MODEL = "auth.User"
AI_KIT_AUTH = {**AI_KIT_AUTH, "ENABLE_ENDPOINTS": {"RESEND_ACTIVATION_MAIL": True}}
