"""The settings of such a project: the replica is a database that nothing reaches."""

from __future__ import annotations

from tests.settings.base import *

AUTH_USER_MODEL = "auth.User"
ROOT_URLCONF = "tests.urlconfs.account"
_other = DATABASES["default"]
_is_file = _other["NAME"] == ":memory:"
DATABASES["replica"] = {
    **_other,
    "NAME": _other["NAME"] if _is_file else f"{_other['NAME']}_replica",
    "TEST": _other["TEST"]
    if _is_file
    else {**_other["TEST"], "NAME": f"{_other['NAME']}_r"},
}
DATABASE_ROUTERS = ["tests.projects.replica.routers.ReplicaRouter"]
