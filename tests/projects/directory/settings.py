"""The settings of such a project."""

from __future__ import annotations

from tests.settings.base import *

AUTH_USER_MODEL = "auth.User"
AUTHENTICATION_BACKENDS = [
    "tests.projects.directory.backends.DirectoryBackend",
    "django.contrib.auth.backends.ModelBackend",
]
