"""Settings of the example in which a password costs little: these tests have many."""

from __future__ import annotations

from host.settings import *  # noqa: F403  # what settings are for

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
