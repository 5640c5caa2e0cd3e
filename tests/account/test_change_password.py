"""A change of the password needs the old one, and ends all other sessions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from rest_framework.exceptions import PermissionDenied

from ai_kit_auth.account import signals

from ..conftest import OTHER_PASSWORD, PASSWORD, USER_MODELS, Connect
from .page import (
    ADA,
    ENGINES,
    EVERY_MODEL,
    NO_PASSWORD,
    OUT,
    PASSWORD_REQUIRED,
    WRONG_PASSWORD,
    Browser,
    answer_of,
    configure,
    invalid,
    refused,
    rows,
    take_password,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]


def change(browser: Browser, new: Any = OTHER_PASSWORD, **changes: Any) -> Any:
    body = {"password": PASSWORD, "new_password": new, **changes}
    return browser.post("change_password", body)


@pytest.mark.parametrize("engine", ENGINES)
def test_this_session_lives_under_a_new_key_and_every_other_ends(
    settings: Settings, tmp_path: Path, make_user: Callable[..., Any], engine: str
) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    make_user()
    make_user("eve")
    here, there, third, eves = (Browser() for _ in range(4))
    for browser in (here, there, third):
        assert browser.log_in().status_code == 200
    assert eves.log_in("eve@example.com").status_code == 200
    key, token = here.cookie(), here.cookie("csrftoken")
    assert change(here).status_code == 200
    assert here.cookie() != key
    assert here.cookie("csrftoken") != token
    assert here.me() is not None
    assert there.me() is None
    assert third.me() is None
    assert eves.me() is not None
    stale = Browser()
    stale.client.cookies[settings.SESSION_COOKIE_NAME] = key
    assert stale.me() is None


def test_the_answer_carries_the_csrf_token_of_the_next_request(
    browser: Browser, settings: Settings
) -> None:
    before = browser.token
    answer = change(browser)
    assert (answer.status_code, list(answer.json())) == (200, ["csrf"])
    old = browser.post("logout", headers={"X-CSRFToken": before})
    assert answer_of(old) == refused("csrf_failed")
    assert browser.post("logout").status_code == 200


def test_the_token_may_live_in_the_session(settings: Settings, ada: Any) -> None:
    settings.CSRF_USE_SESSIONS = True
    browser = Browser()
    browser.log_in()
    assert change(browser).status_code == 200
    assert browser.post("logout").status_code == 200


def test_the_new_password_is_the_only_one(browser: Browser) -> None:
    change(browser)
    assert Browser().log_in().status_code == 400
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


@pytest.mark.parametrize(
    "new", [f"  {OTHER_PASSWORD}\t", "p\u00e4ssw\u00f6rter \U0001f4a3", "\u00a0" * 12]
)
def test_it_is_taken_to_the_letter(browser: Browser, new: str) -> None:
    assert change(browser, new).status_code == 200
    assert Browser().log_in(password=new).status_code == 200
    assert Browser().log_in(password=new.strip()).status_code == (
        200 if new == new.strip() else 400
    )


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("short", "password_too_short"),
        ("password123", "password_too_common"),
        ("8412907356", "password_entirely_numeric"),
        (ADA, "password_too_similar"),
        ("", "blank"),
        (None, "null"),
        (12345678901234, "invalid"),
        (True, "invalid"),
        (["a" * 20], "invalid"),
        ({"a": "b"}, "invalid"),
        ("x" * 5000, "max_length"),
        ("tall ferns\x00 in the rain", "null_characters_not_allowed"),
    ],
)
def test_a_bad_one_is_refused_with_its_code(
    browser: Browser, new: Any, code: str
) -> None:
    before = rows()
    answer = change(browser, new)
    assert answer.status_code == 400
    assert code in answer.json()["new_password"]
    assert rows() == before
    assert browser.me() is not None


def test_the_host_s_validators_have_their_say(
    browser: Browser, settings: Settings
) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.NoLanterns"}]
    NoLanterns.told = []
    assert answer_of(change(browser)) == invalid(new_password="lanterns")
    assert NoLanterns.told == []
    assert change(browser, "no candles either").status_code == 200
    assert NoLanterns.told == ["no candles either"]


class NoLanterns:
    """Also keeps what was set, as one that forbids old passwords does."""

    told: list[str] = []

    def validate(self, password: str, user: Any = None) -> None:
        if "lanterns" in password:
            raise ValidationError("Not that again.", code="lanterns")

    def password_changed(self, password: str, user: Any = None) -> None:
        self.told.append(password)


@pytest.mark.parametrize("password", ["wrong", PASSWORD.upper(), f" {PASSWORD}", "x"])
def test_the_old_one_must_be_right(browser: Browser, password: str) -> None:
    before = rows()
    assert answer_of(change(browser, password=password)) == WRONG_PASSWORD
    assert rows() == before
    assert browser.me() is not None


def test_who_cannot_prove_it_learns_nothing_of_the_account(browser: Browser) -> None:
    """The validators compare with its names: a stolen session could ask them."""
    assert answer_of(change(browser, ADA, password="wrong")) == WRONG_PASSWORD


@pytest.mark.parametrize(
    ("password", "code"),
    [
        (None, "null"),
        ("", "blank"),
        (1, "invalid"),
        (False, "invalid"),
        ([PASSWORD], "invalid"),
        ({}, "invalid"),
        ("x" * 5000, "max_length"),
        ("\x00", "null_characters_not_allowed"),
    ],
)
def test_the_old_one_is_a_text(browser: Browser, password: Any, code: str) -> None:
    answer = change(browser, password=password)
    assert answer_of(answer) == invalid(password=code)


def test_both_are_required(browser: Browser) -> None:
    new = {"new_password": OTHER_PASSWORD}
    assert answer_of(browser.post("change_password", new)) == PASSWORD_REQUIRED
    old = {"password": PASSWORD}
    missing = invalid(new_password="required")
    assert answer_of(browser.post("change_password", old)) == missing


def test_a_fresh_session_may_leave_the_old_one_out(browser: Browser) -> None:
    browser.confirm_password()
    body = {"new_password": OTHER_PASSWORD}
    assert browser.post("change_password", body).status_code == 200
    assert browser.me() is not None
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


def test_an_old_one_that_is_sent_is_checked_in_a_fresh_session_too(
    browser: Browser,
) -> None:
    browser.confirm_password()
    assert answer_of(change(browser, password="wrong")) == WRONG_PASSWORD


def test_an_account_without_a_password_has_none_to_change(
    ada: Any, browser: Browser
) -> None:
    take_password(ada)
    browser.client.force_login(ada)
    browser.me()
    assert answer_of(change(browser)) == NO_PASSWORD
    body = {"new_password": OTHER_PASSWORD}
    assert answer_of(browser.post("change_password", body)) == NO_PASSWORD


def test_the_same_password_again_ends_the_others(
    browser: Browser, elsewhere: Browser
) -> None:
    assert change(browser, PASSWORD).status_code == 200
    assert browser.me() is not None
    assert elsewhere.me() is None


def test_a_model_that_sets_passwords_in_its_own_way_does_so_here(
    browser: Browser, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = type(ada)
    theirs = model.set_password
    seen: list[str] = []

    def set_password(user: Any, password: str) -> None:
        seen.append(password)
        theirs(user, password)

    monkeypatch.setattr(model, "set_password", set_password)
    assert change(browser).status_code == 200
    assert seen == [OTHER_PASSWORD]
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


def test_of_two_changes_at_once_the_second_changes_nothing(
    browser: Browser, ada: Any, connect: Connect
) -> None:
    """Between the check of the one and its write another browser was faster."""
    faster = make_password("a third one, faster")

    def change_elsewhere(**kwargs: Any) -> None:
        type(ada)._default_manager.filter(pk=ada.pk).update(password=faster)

    connect(signals.user_pre_change_password, change_elsewhere)
    assert answer_of(change(browser)) == OUT
    ada.refresh_from_db()
    # What the receiver wrote is undone with the request's transaction.
    assert ada.check_password(PASSWORD)


@pytest.mark.user_model(*USER_MODELS)
def test_a_login_elsewhere_meanwhile_hinders_nothing(
    browser: Browser, ada: Any, connect: Connect
) -> None:
    def log_in_elsewhere(**kwargs: Any) -> None:
        assert Browser().log_in().status_code == 200

    connect(signals.user_pre_change_password, log_in_elsewhere)
    assert change(browser).status_code == 200
    assert browser.me() is not None


def test_a_session_that_has_ended_changes_nothing(
    browser: Browser, elsewhere: Browser
) -> None:
    change(elsewhere)
    before = rows()
    assert answer_of(change(browser)) == OUT
    assert rows() == before


def test_a_receiver_that_refuses_leaves_all_as_it_was(
    browser: Browser, elsewhere: Browser, connect: Connect
) -> None:
    def veto(**kwargs: Any) -> None:
        raise PermissionDenied("Not on a Sunday.", "closed_on_sundays")

    for signal in (
        signals.user_post_change_password,
        signals.user_pre_change_password,
    ):
        connect(signal, veto)
        before, key = rows(), browser.cookie()
        assert answer_of(change(browser)) == refused("closed_on_sundays")
        assert rows() == before
        assert browser.cookie() == key
        assert browser.me() is not None
        assert elsewhere.me() is not None


@pytest.mark.parametrize("remember", [True, False])
def test_the_session_s_end_stays_what_the_login_made_it(
    ada: Any, settings: Settings, remember: bool
) -> None:
    browser = Browser()
    browser.log_in(remember=remember)
    change(browser)
    expected = settings.SESSION_COOKIE_AGE if remember else ""
    cookie = browser.client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["max-age"] == expected


def test_a_hash_that_the_check_renews_ends_nothing_here(
    browser: Browser, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = [
        "tests.account.hashers.FewRounds",
        *settings.PASSWORD_HASHERS,
    ]
    assert answer_of(change(browser, "short")) == invalid(
        new_password="password_too_short"
    )
    assert browser.me() is not None
    assert change(browser).status_code == 200
    assert browser.me() is not None


def test_it_works_with_the_host_s_own_settings(
    browser: Browser, settings: Settings
) -> None:
    configure(settings, REAUTHENTICATION_TIMEOUT=None)
    assert change(browser).status_code == 200
