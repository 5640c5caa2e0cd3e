"""A user with an authenticator app and recovery codes, and a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ...conftest import Clock, MakeUser

# Not before Django has its settings.
if TYPE_CHECKING:
    from .page import Ada, Page


@pytest.fixture
def ada(make_user: MakeUser, clock: Clock) -> Ada:
    from .page import Ada, Page, enrol

    user, page = make_user(), Page()
    assert page.log_in()[0] == 200
    return Ada(user, *enrol(page, clock))


@pytest.fixture
def page() -> Page:
    from .page import Page

    return Page()
