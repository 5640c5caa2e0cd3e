"""The second step of a login: what gets in, and what does not."""

from __future__ import annotations

import pytest

from ...conftest import OTHER_PASSWORD, Clock, MakeUser
from .page import ASKED, NOT_PENDING, WRONG, Ada, Page, let_try

pytestmark = pytest.mark.django_db


def test_who_has_no_factor_logs_in_as_before(make_user: MakeUser, page: Page) -> None:
    make_user()
    assert page.log_in()[0] == 200
    assert page.is_in()


def test_the_password_alone_does_not_log_in(ada: Ada, page: Page) -> None:
    assert page.log_in() == ASKED
    assert not page.is_in()
    assert page.get("second_factor")[1]["methods"] == ["recovery_code", "totp"]


def test_a_code_of_the_app_ends_the_login(ada: Ada, page: Page) -> None:
    page.log_in()
    status, body = page.prove(ada.app.code())
    assert status == 200
    assert list(body) == ["user", "csrf"]
    assert page.is_in()
    assert page.post("logout") == (200, {"csrf": page.answer.json()["csrf"]})


def test_a_recovery_code_ends_the_login_once(ada: Ada, page: Page) -> None:
    page.log_in()
    assert page.prove(ada.codes[0], "recovery_code")[0] == 200
    assert page.get("factors")[1]["recovery_codes_left"] == 9
    page.post("logout")
    page.log_in()
    assert page.prove(ada.codes[0], "recovery_code") == WRONG
    assert page.prove(ada.codes[1], "recovery_code")[0] == 200


def test_a_wrong_password_is_answered_as_before(ada: Ada, page: Page) -> None:
    refused = {"non_field_errors": ["invalid_credentials"]}
    assert page.log_in(password=OTHER_PASSWORD) == (400, refused)
    assert page.prove(ada.app.code()) == NOT_PENDING


def test_a_step_is_good_once(ada: Ada, page: Page, clock: Clock) -> None:
    page.log_in()
    code = ada.app.code()
    assert page.prove(code)[0] == 200
    other = Page()
    other.log_in()
    assert other.prove(code) == WRONG
    let_try()
    assert other.prove(ada.app.code())[0] == 200


def test_five_wrong_codes_end_the_login(ada: Ada, page: Page) -> None:
    page.log_in()
    for _ in range(5):
        assert page.prove(ada.app.wrong()) == WRONG
        let_try()
    assert page.prove(ada.app.code()) == NOT_PENDING
    assert page.get("second_factor") == NOT_PENDING
    page.log_in()
    assert page.prove(ada.app.code())[0] == 200
