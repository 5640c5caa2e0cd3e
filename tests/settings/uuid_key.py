"""A user model with a UUID as primary key."""

from __future__ import annotations

from .base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.user_models.uuid_key"]
AUTH_USER_MODEL = "uuid_key.User"
