"""
The number of SQL statements of the account page, on Django's own user model.

Sessions are in the database: 1 reads the session, 1 its user. A check of the password
is none with Django's backends, which would find the same row once more. A new key for
this session is 4, all of them Django's: is it free, insert, find the old row, delete
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from ai_kit_auth.account import services

from ..conftest import OTHER_PASSWORD, PASSWORD
from ..test_links import own_link
from ..test_queries import at_most
from .page import ADA, NEW, Browser, configure

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model("auth_user")]

WHO = 2  # the session and its user
SAVE = 1  # the session as it is now
NEW_KEY = 4
END = 2  # find the session's row, delete it


def test_confirm_password(browser: Browser) -> None:
    with at_most(WHO + SAVE + NEW_KEY + SAVE):
        assert browser.confirm_password().status_code == 200


def test_change_password(browser: Browser) -> None:
    """One more UPDATE of the user."""
    body = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    with at_most(WHO + 1 + NEW_KEY + SAVE):
        assert browser.post("change_password", body).status_code == 200


def test_logout_others(browser: Browser) -> None:
    """One more UPDATE of the user, for any number of sessions."""
    for _ in range(3):
        Browser().log_in()
    with at_most(WHO + 1 + NEW_KEY + SAVE):
        body = {"password": PASSWORD}
        assert browser.post("logout_others", body).status_code == 200


def test_a_fresh_session_saves_the_proof(browser: Browser) -> None:
    browser.confirm_password()
    with at_most(WHO + 1):
        assert browser.post("change_email", {"email": NEW}).status_code == 200


@pytest.mark.parametrize("hidden", [True, False])
def test_change_email(browser: Browser, settings: Settings, hidden: bool) -> None:
    """One query whether the address is taken, and one more after the answer."""
    configure(settings, PREVENT_ENUMERATION=hidden)
    with at_most(WHO + 1 + hidden):
        body = {"email": NEW, "password": PASSWORD}
        assert browser.post("change_email", body).status_code == 200


def test_confirm_email(ada: Any) -> None:
    """The user, the lock of the file, the row, is the address taken, one UPDATE."""
    link = own_link(services.get_email_change_url(ada, NEW))
    with at_most(5):
        assert Browser().post("confirm_email", link).status_code == 200


def test_a_link_that_is_wrong(ada: Any) -> None:
    link = own_link(services.get_email_change_url(ada, NEW))
    with at_most(1):
        answer = Browser().post("confirm_email", {**link, "token": "wrong"})
    assert answer.status_code == 400


def test_update_me(browser: Browser) -> None:
    """The lock, the row, is the name taken, and one UPDATE."""
    with at_most(WHO + 4):
        assert browser.patch({"username": "lovelace"}).status_code == 200


def test_an_update_of_nothing(browser: Browser) -> None:
    with at_most(WHO + 2):
        assert browser.patch({}).status_code == 200


@pytest.mark.parametrize("waits", [True, False])
def test_resend_activation(make_user: Callable[..., Any], waits: bool) -> None:
    make_user(is_active=not waits)
    with at_most(1):
        body = {"email": ADA}
        assert Browser().post("resend_activation_email", body).status_code == 200


def test_anonymise(browser: Browser, settings: Settings) -> None:
    """The row, one UPDATE, the two tables of powers, and the end of the session."""
    anonymise = "ai_kit_auth.account.services.anonymise_user"
    configure(settings, ACCOUNT_DELETION_FUNCTION=anonymise)
    with at_most(WHO + 4 + END):
        body = {"password": PASSWORD}
        assert browser.post("delete_account", body).status_code == 200


@pytest.mark.parametrize(
    "route", ["confirm_password", "logout_others", "delete_account"]
)
def test_a_wrong_password(browser: Browser, route: str) -> None:
    with at_most(WHO):
        assert browser.post(route, {"password": "wrong"}).status_code == 400
