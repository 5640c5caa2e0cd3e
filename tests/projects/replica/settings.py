"""The settings of such a project: the replica is a database that nothing reaches."""

from __future__ import annotations

from tests.settings.base import *

AUTH_USER_MODEL = "auth.User"
ROOT_URLCONF = "tests.urlconfs.account"
_other = DATABASES["default"]
DATABASES["replica"] = {
    **_other,
    "NAME": f"{_other['NAME']}_replica",
    "TEST": {**_other["TEST"], "NAME": None},
}
if _other["NAME"] == ":memory:":
    DATABASES["replica"]["NAME"] = ":memory:"
    DATABASES["replica"]["TEST"] = {"MIGRATE": False}
else:
    DATABASES["replica"]["TEST"] = {**_other["TEST"], "NAME": f"{_other['NAME']}_r"}
DATABASE_ROUTERS = ["tests.projects.replica.routers.ReplicaRouter"]
