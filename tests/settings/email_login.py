"""A user model without a username: users log in by e-mail address."""

from __future__ import annotations

from .base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.user_models.email_login"]
AUTH_USER_MODEL = "email_login.User"
