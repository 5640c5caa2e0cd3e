"""The settings of the project with passkeys, on the smallest user model."""

from __future__ import annotations

from tests.projects.passkeys.settings import *

INSTALLED_APPS += ["tests.user_models.bare"]
AUTH_USER_MODEL = "bare.User"
