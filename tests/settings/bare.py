"""A user model with only what Django demands: no is_active, names or permissions."""

from __future__ import annotations

from .base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.user_models.bare"]
AUTH_USER_MODEL = "bare.User"
