"""
Settings of the example for a site of another origin than its own frontend.

The environment variable ``SITE_ORIGIN`` names that origin.
"""

from __future__ import annotations

import os

from host.settings import *  # noqa: F403  # what settings are for
from host.settings import AI_KIT_AUTH

SITE_ORIGIN = os.environ["SITE_ORIGIN"]
CORS_ALLOWED_ORIGINS = [SITE_ORIGIN]
CSRF_TRUSTED_ORIGINS = [SITE_ORIGIN]
AI_KIT_AUTH = {
    **AI_KIT_AUTH,
    "FRONTEND": {**AI_KIT_AUTH["FRONTEND"], "URL": SITE_ORIGIN},
    # Three wrong passwords are soon typed.
    "THROTTLE_RATES": {"LOGIN_ACCOUNT_ADDRESS": "3/min"},
}
# The many passwords of these tests cost little.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
