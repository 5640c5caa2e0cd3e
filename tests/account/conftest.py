"""
A project that serves the account page, and one account that is logged in.

Nothing here may import the package at the top: pytest reads this file before Django is
set up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_django import Settings

    from .page import Browser


@pytest.fixture(autouse=True)
def _account_page(settings: Settings) -> None:
    from ..urlconfs.account import ALL_ON
    from .page import configure

    settings.ROOT_URLCONF = "tests.urlconfs.account"
    configure(settings, ENABLE_ENDPOINTS=ALL_ON)


@pytest.fixture
def ada(make_user: Callable[..., Any]) -> Any:
    return make_user()


@pytest.fixture
def browser(ada: Any) -> Browser:
    """Return a browser in which ada is logged in."""
    return logged_in()


@pytest.fixture
def elsewhere(ada: Any) -> Browser:
    """Return another one, in which she is logged in, too."""
    return logged_in()


def logged_in() -> Browser:
    from .page import Browser

    browser = Browser()
    assert browser.log_in().status_code == 200
    return browser
