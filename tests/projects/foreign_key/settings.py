"""The settings of such a project."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.foreign_key"]
AUTH_USER_MODEL = "foreign_key.User"
ROOT_URLCONF = "tests.urlconfs.account"
