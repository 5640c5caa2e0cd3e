"""
Settings of the example with one misconfiguration over them.

Environment variables: ``MISCONFIGURATION`` (a
:class:`tests.misconfigurations.Misconfiguration` as JSON) and ``FRONTEND_HOST`` (the
name of this machine that the frontend's page is opened by).
"""

from __future__ import annotations

import json
import os

from host.settings import *  # noqa: F403  # what settings are for
from host.settings import AI_KIT_AUTH, FRONTEND_PORT, INSTALLED_APPS, MIDDLEWARE

from tests.misconfigurations import Misconfiguration

# A project of the core alone, whose first requests are those of the doctor's walk.
_apps = ("ai_kit_auth.", "django_otp")
INSTALLED_APPS = [name for name in INSTALLED_APPS if not name.startswith(_apps)]
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith(_apps)]
_of_apps = {"SECOND_FACTOR", "FACTORS", "PASSKEY_LOGIN", "PASSKEY_SIGN_UP", "SESSIONS"}
AI_KIT_AUTH = {
    key: value
    for key, value in AI_KIT_AUTH.items()
    if key not in ("SECURITY_NOTICES", "SECOND_FACTOR_TRUST_AGE")
}
AI_KIT_AUTH["ENABLE_ENDPOINTS"] = {
    key: is_on
    for key, is_on in AI_KIT_AUTH["ENABLE_ENDPOINTS"].items()
    if key not in _of_apps
}

_case = Misconfiguration(**json.loads(os.environ["MISCONFIGURATION"]))
_origin = f"http://{os.environ['FRONTEND_HOST']}:{FRONTEND_PORT}"
globals().update(_case.overlay(MIDDLEWARE, _origin))
# Which passwords are kept how is of no matter here, and the usual way takes its time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
