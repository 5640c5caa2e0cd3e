"""``python -m host.database create``, or ``drop``: the empty database of a run."""

from __future__ import annotations

import sys

import django
from django.db import connection

django.setup()
creation = connection.creation
if sys.argv[1] == "create":
    creation.create_test_db(verbosity=0, autoclobber=True)
else:
    creation.destroy_test_db(str(connection.settings_dict["NAME"]), verbosity=0)
