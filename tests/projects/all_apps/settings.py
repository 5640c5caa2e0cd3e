"""The usual settings, with every app of the package and what it needs."""

from __future__ import annotations

from tests.packages import names_of_apps
from tests.settings.base import *

INSTALLED_APPS += names_of_apps()
