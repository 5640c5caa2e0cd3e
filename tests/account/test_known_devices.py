"""What a new hash of the password leaves of DEVICE_COOKIE_AGE's known devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ai_kit_auth.known_devices import COOKIE

from ..conftest import OTHER_PASSWORD, PASSWORD
from ..test_known_devices import MONTH, entries, is_known
from .page import ADA, EVERY_MODEL, Browser, configure

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]

CHANGES = {
    "change_password": {"password": PASSWORD, "new_password": OTHER_PASSWORD},
    "logout_others": {"password": PASSWORD},
}


@pytest.fixture(autouse=True)
def _known(_account_page: None, settings: Settings) -> None:
    configure(settings, DEVICE_COOKIE_AGE=MONTH)


@pytest.mark.parametrize("route", CHANGES)
def test_the_browser_that_changes_the_hash_stays_known_alone(
    browser: Browser, elsewhere: Browser, route: str
) -> None:
    before = entries(browser.client)
    assert browser.post(route, CHANGES[route]).status_code == 200
    assert (is_known(browser.client), is_known(elsewhere.client)) == (True, False)
    # It has another name now, and the old one is not left.
    assert len(entries(browser.client)) == 1
    assert entries(browser.client) != before


@pytest.mark.parametrize("route", CHANGES)
def test_a_browser_that_was_not_known_does_not_become_known_by_it(
    browser: Browser, route: str
) -> None:
    """Such as one whose user logged in by another view."""
    del browser.client.cookies[COOKIE]
    assert browser.post(route, CHANGES[route]).status_code == 200
    assert COOKIE not in browser.client.cookies


def test_a_session_guesses_by_its_own_count_as_before(
    browser: Browser, settings: Settings
) -> None:
    """A thief of session and cookie gets what the session has, and not both."""
    configure(settings, THROTTLE_RATES={"LOGIN_ACCOUNT_ADDRESS": "4/hour"})
    thief: dict[str, Any] = {"password": "a wrong guess indeed"}
    tries = [browser.post("confirm_password", thief).status_code for _ in range(7)]
    assert tries == [400] * 4 + [429] * 3
    # The login has its device's.
    assert browser.log_in(ADA).status_code == 200
