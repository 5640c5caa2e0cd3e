"""The settings of such a project."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.any_case"]
AUTH_USER_MODEL = "any_case.User"
