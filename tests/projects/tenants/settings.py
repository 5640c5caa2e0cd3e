"""Two tenants, each in its own database."""

from __future__ import annotations

from tests.settings.base import *

_sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
DATABASES = {
    "default": {**_sqlite, "TEST": {"MIGRATE": False}},
    "other": {**_sqlite, "TEST": {"MIGRATE": False}},
}
DATABASE_ROUTERS = ["tests.projects.tenants.tenancy.Router"]
MIDDLEWARE.insert(0, "tests.projects.tenants.tenancy.Tenancy")
