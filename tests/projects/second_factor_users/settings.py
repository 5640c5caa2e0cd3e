"""The settings of such a project."""

from __future__ import annotations

from tests.projects.second_factor.settings import *

INSTALLED_APPS += ["tests.projects.second_factor_users"]
AUTH_USER_MODEL = "second_factor_users.User"
