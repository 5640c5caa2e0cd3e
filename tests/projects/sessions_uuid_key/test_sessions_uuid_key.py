"""The same tests: nothing of the list depends on the kind of key."""

from __future__ import annotations

from tests.projects.sessions.conftest import *  # noqa: F403  # their account
from tests.projects.sessions.test_ends import *  # noqa: F403  # its tests
from tests.projects.sessions.test_list import *  # noqa: F403  # its tests
