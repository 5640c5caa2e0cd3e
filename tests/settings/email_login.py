"""A user model without a username: people log in by e-mail."""

from __future__ import annotations

from .base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.user_models.email_login"]
AUTH_USER_MODEL = "email_login.User"
