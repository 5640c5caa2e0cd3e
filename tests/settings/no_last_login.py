"""A user model without ``last_login``, so without a mark for accounts that wait."""

from __future__ import annotations

from .base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.user_models.no_last_login"]
AUTH_USER_MODEL = "no_last_login.User"
