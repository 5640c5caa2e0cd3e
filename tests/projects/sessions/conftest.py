"""The account that the tests of the list of sessions are about."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MakeUser


@pytest.fixture
def ada(make_user: MakeUser) -> Any:
    return make_user()
