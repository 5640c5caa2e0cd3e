"""The usual settings, with second factors and the account page."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from tests.settings.base import *

# A file, which the threads of a race wait for as those of a server do.
_file = Path(tempfile.gettempdir()) / f"second_factor_{secrets.token_hex(4)}.sqlite3"
_in_a_file = {
    "TEST": {"NAME": str(_file), "MIGRATE": False},
    "OPTIONS": {"init_command": "PRAGMA synchronous=OFF"},
}
is_sqlite = os.environ.get("TEST_DATABASE", "sqlite") == "sqlite"
DATABASES["default"] |= _in_a_file if is_sqlite else {}
INSTALLED_APPS += [
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "ai_kit_auth.second_factor",
]
AI_KIT_AUTH["ENABLE_ENDPOINTS"] = {
    "CHANGE_PASSWORD": True,
    "CONFIRM_PASSWORD": True,
    "DELETE_ACCOUNT": True,
    "FACTORS": True,
    "LOGOUT_OTHERS": True,
    "SECOND_FACTOR": True,
}
