"""The settings of 2.0.0's documentation, with nothing written anew."""

from __future__ import annotations

from pathlib import Path

from tests.settings.base import *

TEMPLATES[0]["DIRS"] = [Path(__file__).parent / "templates"]
# What 2.0.0 called the list that is CORS_ALLOWED_ORIGINS today.
del globals()["CORS_ALLOWED_ORIGINS"]
CORS_ORIGIN_WHITELIST = ["http://localhost:3000", "http://localhost:8000"]
CORS_ALLOW_CREDENTIALS = True
CSRF_USE_SESSIONS = True
CSRF_TRUSTED_ORIGINS = ["http://localhost:3000", "http://localhost:8000"]
AI_KIT_AUTH = {
    "FRONTEND": {"URL": "http://localhost:3000"},
    "EMAIL_TEMPLATES": {"RESET_PASSWORD": {"BODY_HTML": "my_reset.html"}},
    "USERNAME_REQUIRED": False,
}
