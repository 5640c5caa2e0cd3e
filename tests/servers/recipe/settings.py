"""The example's settings for production, with a hasher that costs next to nothing."""

from __future__ import annotations

import os

from host.production import *  # noqa: F403  # what is measured

ROOT_URLCONF = "recipe.urls"
# Unless the run is about the hasher, which would hide everything else.
if os.environ.get("RECIPE_HASHER") != "default":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Sessions in Redis, unless the run is about another engine.
if _engine := os.environ.get("RECIPE_SESSIONS"):
    SESSION_ENGINE = f"django.contrib.sessions.backends.{_engine}"
