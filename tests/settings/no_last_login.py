"""A user model without ``last_login``: its accounts can't carry the waiting mark."""

from __future__ import annotations

from .base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.user_models.no_last_login"]
AUTH_USER_MODEL = "no_last_login.User"
