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
from host.settings import FRONTEND_PORT, MIDDLEWARE

from tests.misconfigurations import Misconfiguration

_case = Misconfiguration(**json.loads(os.environ["MISCONFIGURATION"]))
_origin = f"http://{os.environ['FRONTEND_HOST']}:{FRONTEND_PORT}"
globals().update(_case.overlay(MIDDLEWARE, _origin))
# Which passwords are kept how is of no matter here, and the usual way takes its time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
