"""Django's own user model."""

from __future__ import annotations

from .base import *

AUTH_USER_MODEL = "auth.User"
