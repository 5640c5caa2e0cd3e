"""The settings of such a project."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.phone_number"]
AUTH_USER_MODEL = "phone_number.User"
ROOT_URLCONF = "tests.urlconfs.account"
