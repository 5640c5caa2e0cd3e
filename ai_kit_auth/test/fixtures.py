"""
Fixtures of pytest, over ``pytest-django``.

A project loads them in the ``conftest.py`` of its root folder::

    pytest_plugins = ["ai_kit_auth.test.fixtures"]

pytest does not load them by itself. An entry point would give each suite on the machine
five more names, and import the package in suites of other projects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

# Nothing of Django is imported before a test runs: pytest loads plugins before Django
# is set up.
if TYPE_CHECKING:
    from . import Browser, TOTPClock
    from .soft_passkeys import Authenticator


@pytest.fixture
def auth_browser() -> Browser:
    """Return a browser with a page of FRONTEND.URL."""
    from . import browser

    return browser()


@pytest.fixture
def waiting_user(db: None) -> Any:
    """Return a user who has registered, and has the link in the last mail."""
    from . import waiting_user

    return waiting_user()


@pytest.fixture
def throttles_off() -> Iterator[None]:
    """Switch every limit of the package off for the test."""
    from . import throttles_off

    with throttles_off():
        yield


@pytest.fixture
def totp_clock() -> Iterator[TOTPClock]:
    """Give the codes of authenticator apps a clock, which each code moves."""
    from . import totp_clock

    with totp_clock() as clock:
        yield clock


@pytest.fixture
def soft_authenticator() -> Authenticator:
    """Return an authenticator without a passkey, in a browser at FRONTEND.URL."""
    from . import authenticator

    return authenticator()
