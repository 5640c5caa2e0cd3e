"""The settings of the project with the list of sessions, with that user model."""

from __future__ import annotations

from tests.projects.sessions.settings import *

INSTALLED_APPS += ["tests.user_models.uuid_key"]
AUTH_USER_MODEL = "uuid_key.User"
