"""After a re-authentication a session needs no password for some minutes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from rest_framework.exceptions import PermissionDenied

from ai_kit_auth.account import signals

from ..conftest import OTHER_PASSWORD, PASSWORD, Clock, Connect
from .page import (
    ADA,
    EVERY_MODEL,
    NEW,
    NO_PASSWORD,
    NOT_FRESH,
    OUT,
    PASSWORD_REQUIRED,
    WRONG_PASSWORD,
    Browser,
    answer_of,
    configure,
    holds_a_hash,
    invalid,
    refused,
    rows,
    take_password,
)
from .test_logout_others import make_fresh

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]


def ask(browser: Browser) -> tuple[int, Any]:
    """Ask for something that needs a fresh session or the password."""
    return answer_of(browser.post("change_email", {"email": NEW}))


FRESH: tuple[int, Any] = (200, {})


def test_after_it_the_password_may_be_left_out(browser: Browser) -> None:
    assert ask(browser) == PASSWORD_REQUIRED
    assert answer_of(browser.confirm_password()) == FRESH
    assert ask(browser) == FRESH


def test_it_is_about_this_session_only(browser: Browser, elsewhere: Browser) -> None:
    browser.confirm_password()
    assert ask(elsewhere) == PASSWORD_REQUIRED


def test_it_changes_no_account(browser: Browser) -> None:
    before = rows()
    browser.confirm_password()
    assert rows() == before


def test_it_lasts_as_long_as_the_host_says(
    browser: Browser, settings: Settings, clock: Clock
) -> None:
    configure(settings, REAUTHENTICATION_TIMEOUT=60)
    browser.confirm_password()
    clock.now += 59
    assert ask(browser) == FRESH
    clock.now += 1
    assert ask(browser) == PASSWORD_REQUIRED


def test_by_default_it_lasts_five_minutes(browser: Browser, clock: Clock) -> None:
    browser.confirm_password()
    clock.now += 299
    assert ask(browser) == FRESH
    clock.now += 1
    assert ask(browser) == PASSWORD_REQUIRED


def test_using_it_does_not_prolong_it(browser: Browser, clock: Clock) -> None:
    browser.confirm_password()
    for _ in range(3):
        clock.now += 90
        assert ask(browser) == FRESH
    clock.now += 90
    assert ask(browser) == PASSWORD_REQUIRED


def test_once_more_is_a_new_beginning(browser: Browser, clock: Clock) -> None:
    browser.confirm_password()
    clock.now += 200
    browser.confirm_password()
    clock.now += 200
    assert ask(browser) == FRESH


def test_a_clock_that_is_set_back_makes_no_session_fresh_for_good(
    browser: Browser, clock: Clock
) -> None:
    browser.confirm_password()
    clock.now -= 100
    assert ask(browser) == PASSWORD_REQUIRED


def test_the_clocks_of_two_servers_may_differ(browser: Browser, clock: Clock) -> None:
    browser.confirm_password()
    clock.now -= 2
    assert ask(browser) == FRESH


def test_a_key_that_was_copied_before_does_not_become_fresh(browser: Browser) -> None:
    thief = Browser()
    thief.client.cookies["sessionid"] = browser.client.cookies["sessionid"].value
    assert thief.me() is not None
    browser.confirm_password()
    assert ask(browser) == FRESH
    assert thief.me() is None


def test_a_host_may_want_the_password_every_time(
    browser: Browser, settings: Settings
) -> None:
    configure(settings, REAUTHENTICATION_TIMEOUT=None)
    assert answer_of(browser.confirm_password()) == FRESH
    assert ask(browser) == PASSWORD_REQUIRED


def test_a_login_alone_does_not_make_a_session_fresh(browser: Browser) -> None:
    """The session may be a year old; a re-authentication must be recent."""
    assert ask(browser) == PASSWORD_REQUIRED


def test_it_ends_with_the_session(browser: Browser) -> None:
    browser.confirm_password()
    browser.post("logout")
    browser.log_in()
    assert ask(browser) == PASSWORD_REQUIRED


def test_it_is_nobody_else_s(browser: Browser, make_user: Callable[..., Any]) -> None:
    make_user("eve")
    browser.confirm_password()
    browser.log_in("eve@example.com")
    assert ask(browser) == PASSWORD_REQUIRED


def test_it_ends_when_the_password_is_changed_elsewhere(
    browser: Browser, elsewhere: Browser
) -> None:
    browser.confirm_password()
    body = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert elsewhere.post("change_password", body).status_code == 200
    assert ask(browser)[0] == 403
    browser.log_in(password=OTHER_PASSWORD)
    assert ask(browser) == PASSWORD_REQUIRED


def test_it_outlives_a_change_of_the_password_by_itself(browser: Browser) -> None:
    browser.confirm_password()
    body = {"new_password": OTHER_PASSWORD}
    assert browser.post("change_password", body).status_code == 200
    assert ask(browser) == FRESH


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("wrong", "invalid_credentials"),
        (f"{PASSWORD} ", "invalid_credentials"),
        ("", "blank"),
        (None, "null"),
        (True, "invalid"),
        (0, "invalid"),
        ([PASSWORD], "invalid"),
        ("x" * 5000, "max_length"),
    ],
)
def test_a_wrong_password_makes_nothing_fresh(
    browser: Browser, password: Any, code: str
) -> None:
    assert answer_of(browser.confirm_password(password)) == invalid(password=code)
    assert ask(browser) == PASSWORD_REQUIRED


def test_an_old_proof_proves_no_new_one(browser: Browser, clock: Clock) -> None:
    """Or a session would stay fresh by asking again and again."""
    browser.confirm_password()
    assert answer_of(browser.post("confirm_password")) == PASSWORD_REQUIRED
    assert answer_of(browser.confirm_password("wrong")) == WRONG_PASSWORD


def test_spaces_belong_to_a_password(make_user: Callable[..., Any]) -> None:
    make_user(password=f"  {PASSWORD} ")
    browser = Browser()
    browser.log_in(password=f"  {PASSWORD} ")
    assert answer_of(browser.confirm_password()) == WRONG_PASSWORD
    assert answer_of(browser.confirm_password(f"  {PASSWORD} ")) == FRESH


def test_an_account_without_a_password_has_none_to_confirm(
    browser: Browser, ada: Any
) -> None:
    take_password(ada)
    browser.client.force_login(ada)
    browser.me()
    assert answer_of(browser.confirm_password()) == NO_PASSWORD
    assert ask(browser) == NOT_FRESH


def test_a_host_that_knows_better_makes_the_session_fresh(
    browser: Browser, ada: Any, clock: Clock
) -> None:
    take_password(ada)
    browser.client.force_login(ada)
    browser.me()
    make_fresh(browser, ada)
    assert ask(browser) == FRESH
    clock.now += 300
    assert ask(browser) == NOT_FRESH


HASHERS = [
    "tests.account.hashers.FewRounds",
    "django.contrib.auth.hashers.MD5PasswordHasher",
]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("confirm_password", {}),
        ("logout_others", {}),
        ("change_email", {"email": NEW}),
        ("change_password", {"new_password": OTHER_PASSWORD}),
    ],
)
def test_a_hash_that_the_check_renews_ends_no_session_here(
    settings: Settings, browser: Browser, ada: Any, route: str, body: dict[str, Any]
) -> None:
    """Django hashes a password again after the project has changed its hashers."""
    settings.PASSWORD_HASHERS = HASHERS
    answer = browser.post(route, {"password": PASSWORD, **body})
    assert answer.status_code == 200
    ada.refresh_from_db()
    assert ada.password.startswith("pbkdf2_sha256$")
    assert browser.me() is not None


def test_an_account_is_deleted_whose_hash_the_check_renews(
    settings: Settings, browser: Browser
) -> None:
    settings.PASSWORD_HASHERS = HASHERS
    assert browser.post("delete_account", {"password": PASSWORD}).status_code == 200
    assert rows() == []


def test_a_receiver_that_refuses_makes_nothing_fresh(
    browser: Browser, connect: Connect
) -> None:
    def veto(**kwargs: Any) -> None:
        raise PermissionDenied("Not on a Sunday.", "closed_on_sundays")

    for signal in (
        signals.user_pre_confirm_password,
        signals.user_post_confirm_password,
    ):
        connect(signal, veto)
        assert answer_of(browser.confirm_password()) == refused("closed_on_sundays")
        signal.disconnect(veto)
        assert ask(browser) == PASSWORD_REQUIRED
        assert not holds_a_hash(browser)


def test_the_csrf_token_and_the_user_stay(browser: Browser) -> None:
    token = browser.token
    browser.confirm_password()
    assert browser.post("logout", headers={"X-CSRFToken": token}).status_code == 200
    assert Browser().log_in(ADA).status_code == 200


def test_a_session_that_ends_meanwhile_is_told_in_codes(
    browser: Browser, connect: Connect
) -> None:
    """Another tab has changed the password, and this session's key is no more."""

    def end(**kwargs: object) -> None:
        store = import_module(django_settings.SESSION_ENGINE).SessionStore
        store(browser.client.session.session_key).delete()

    connect(signals.user_post_confirm_password, end)
    answer = browser.post("confirm_password", {"password": PASSWORD})
    assert answer_of(answer) == OUT
