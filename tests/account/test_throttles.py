"""Throttles of the account page: they stop a client that asks too often, no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from ai_kit_auth.account import services
from ai_kit_auth.settings import keys_below

from ..conftest import OTHER_PASSWORD, PASSWORD, MakeUser
from ..test_links import own_link
from .page import (
    ENGINES,
    EVERY_MODEL,
    NEW,
    WRONG_PASSWORD,
    Browser,
    answer_of,
    configure,
    mails,
    refused,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]

THROTTLED = refused("throttled", 429)
ELSEWHERE = "203.0.113.9"


def allow(settings: Settings, **rates: str | None) -> None:
    """Have these throttles and no others."""
    none = dict.fromkeys(keys_below("THROTTLE_RATES"))
    configure(settings, THROTTLE_RATES=none | rates)


PROVING = {
    "confirm_password": {},
    "logout_others": {},
    "delete_account": {},
    "change_email": {"email": NEW},
    "change_password": {"new_password": OTHER_PASSWORD},
}


def prove(browser: Browser, name: str, password: str = "wrong") -> tuple[int, Any]:
    body = {**PROVING[name], "password": password}
    return answer_of(browser.post(name, body))


@pytest.mark.parametrize("name", PROVING)
def test_a_stolen_session_guesses_no_faster_than_a_login(
    browser: Browser, name: str
) -> None:
    for _ in range(10):
        assert prove(browser, name) == WRONG_PASSWORD
    assert prove(browser, name) == THROTTLED
    assert prove(browser, name, PASSWORD) == THROTTLED
    assert Browser().log_in(password="wrong").status_code == 429


def test_guesses_at_the_login_and_here_are_counted_together(browser: Browser) -> None:
    names = list(PROVING)
    for number in range(5):
        assert Browser().log_in(password="wrong").status_code == 400
        assert prove(browser, names[number]) == WRONG_PASSWORD
    assert prove(browser, "confirm_password") == THROTTLED


def test_from_many_addresses_they_are_counted_too(
    browser: Browser, settings: Settings
) -> None:
    allow(settings, LOGIN_ACCOUNT="3/min")
    for number in range(3):
        browser.client.defaults["REMOTE_ADDR"] = f"198.51.100.{number}"
        assert prove(browser, "confirm_password") == WRONG_PASSWORD
    browser.client.defaults["REMOTE_ADDR"] = ELSEWHERE
    assert prove(browser, "confirm_password") == THROTTLED


def test_the_right_password_forgets_the_wrong_ones(browser: Browser) -> None:
    for _ in range(3):
        for _ in range(9):
            assert prove(browser, "confirm_password") == WRONG_PASSWORD
        assert browser.confirm_password().status_code == 200


def test_a_fresh_session_that_sends_none_is_no_guess(
    browser: Browser, settings: Settings
) -> None:
    allow(settings, LOGIN_ACCOUNT="1/min")
    browser.confirm_password()
    for _ in range(3):
        assert browser.post("change_email", {"email": NEW}).status_code == 200


def test_a_refusal_says_how_long_to_wait(browser: Browser, settings: Settings) -> None:
    allow(settings, ACCOUNT="1/min")
    assert browser.patch({}).status_code == 200
    answer = browser.patch({})
    assert answer_of(answer) == THROTTLED
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["Cache-Control"] == "no-store, private"


@pytest.mark.parametrize("name", [*PROVING, "me"])
def test_one_account_asks_so_much_of_its_page(
    browser: Browser, settings: Settings, make_user: MakeUser, name: str
) -> None:
    allow(settings, ACCOUNT="2/min")
    method = "patch" if name == "me" else "post"
    for number in range(3):
        # An empty body is a request like any other.
        answer = browser.send(method, name, {})
        assert (answer.status_code == 429) is (number == 2)
    browser.client.defaults["REMOTE_ADDR"] = ELSEWHERE
    assert browser.send(method, name, {}).status_code == 429
    make_user("eve")
    eves = Browser()
    eves.log_in("eve@example.com")
    assert eves.send(method, name, {}).status_code != 429


def test_looking_is_not_counted(browser: Browser, settings: Settings) -> None:
    allow(settings, ACCOUNT="1/min")
    for _ in range(3):
        assert browser.me() is not None
    assert browser.patch({}).status_code == 200


def test_by_default_it_is_enough_for_a_person(browser: Browser) -> None:
    for _ in range(120):
        assert browser.patch({}).status_code == 200
    assert answer_of(browser.patch({})) == THROTTLED


def ask(browser: Browser, new: str = NEW) -> int:
    body = {"email": new, "password": PASSWORD}
    return int(browser.post("change_email", body).status_code)


def test_one_account_asks_for_so_many_addresses(browser: Browser) -> None:
    seen = [ask(browser, f"ada@n{number}.example") for number in range(11)]
    assert seen == [200] * 10 + [429]


@pytest.mark.parametrize("hidden", [True, False])
def test_one_address_gets_so_many_mails(
    browser: Browser, settings: Settings, make_user: MakeUser, hidden: bool
) -> None:
    """No client can fill the mailbox of another user, or learn of other accounts."""
    configure(settings, PREVENT_ENUMERATION=hidden)
    make_user("eve")
    eves = Browser(ELSEWHERE)
    eves.log_in("eve@example.com")
    seen = [
        ask(browser if number % 2 else eves, NEW if number % 3 else NEW.upper())
        for number in range(7)
    ]
    assert seen == [200] * 7
    assert len([to for to, _ in mails() if to.lower() == NEW]) == 5


def test_no_refusal_tells_who_has_an_account(
    browser: Browser, settings: Settings
) -> None:
    """A reset counts where there is an account, and only there."""
    allow(settings, MAIL_ADDRESS="1/hour")
    browser.post("send_pw_reset_email", {"email": "ada@example.com"})
    assert ask(browser) == 200


def test_one_client_asks_for_so_many_mails(
    browser: Browser, settings: Settings
) -> None:
    allow(settings, MAIL_ADDRESS="1/hour")
    assert [ask(browser), ask(browser, "ada@third.example")] == [200, 429]


def test_a_wrong_password_uses_up_no_mail(browser: Browser, settings: Settings) -> None:
    allow(settings, CHANGE_EMAIL="1/hour")
    body = {"email": NEW, "password": "wrong"}
    assert browser.post("change_email", body).status_code == 400
    assert [ask(browser), ask(browser)] == [200, 429]


def test_links_are_counted_with_the_others(ada: Any, settings: Settings) -> None:
    allow(settings, LINK="2/min")
    wrong = {"ident": "1", "token": "x"}
    nobody = Browser()
    assert nobody.post("activate", wrong).status_code == 400
    assert nobody.post("confirm_email", wrong).status_code == 400
    good = own_link(services.get_email_change_url(ada, NEW))
    assert answer_of(nobody.post("confirm_email", good)) == THROTTLED
    assert Browser(ELSEWHERE).post("confirm_email", good).status_code == 200


def test_without_rates_nobody_waits(browser: Browser, settings: Settings) -> None:
    allow(settings)
    for _ in range(40):
        assert prove(browser, "confirm_password") == WRONG_PASSWORD
    assert browser.confirm_password().status_code == 200


FIGHTING = ("change_password", "logout_others", "confirm_password", "delete_account")


@pytest.mark.parametrize("name", FIGHTING)
@pytest.mark.parametrize("asked", [*FIGHTING, "change_email"])
def test_what_a_stolen_session_asks_keeps_the_owner_from_nothing(
    browser: Browser, settings: Settings, name: str, asked: str
) -> None:
    """Not even in the very session that was stolen."""
    allow(settings, ACCOUNT="5/min")
    for _ in range(6):
        answer = browser.post(asked, {})
    assert answer_of(answer) == THROTTLED
    assert prove(browser, name, PASSWORD)[0] == 200


@pytest.mark.parametrize("address", [ELSEWHERE, "127.0.0.1"])
@pytest.mark.parametrize("name", FIGHTING)
def test_what_a_stolen_session_guesses_keeps_the_owner_from_nothing(
    browser: Browser, settings: Settings, name: str, address: str
) -> None:
    """From many IP addresses, or from one that is not known."""
    settings.REST_FRAMEWORK = {}
    allow(settings, LOGIN_ACCOUNT="5/min")
    thief = Browser(address)
    thief.log_in()
    seen = [prove(thief, "confirm_password") for _ in range(6)]
    assert seen == [WRONG_PASSWORD] * 5 + [THROTTLED]
    assert prove(browser, name, PASSWORD)[0] == 200
    if name != "delete_account":
        owner = {"password": OTHER_PASSWORD} if name == "change_password" else {}
        assert Browser().log_in(**owner).status_code == 200


@pytest.mark.parametrize("name", FIGHTING)
def test_what_a_stolen_session_guesses_next_door_keeps_the_owner_from_nothing(
    browser: Browser, name: str
) -> None:
    """From the very IP address of the owner, as in one household."""
    thief = Browser()
    thief.log_in()
    seen = [prove(thief, "confirm_password") for _ in range(11)]
    assert seen == [WRONG_PASSWORD] * 10 + [THROTTLED]
    assert prove(browser, name, PASSWORD)[0] == 200


@pytest.mark.parametrize("name", FIGHTING)
def test_nor_do_wrong_logins_from_next_door(
    browser: Browser, settings: Settings, name: str
) -> None:
    """At the owner's name and at others, until the IP address has used all limits."""
    allow(settings, LOGIN_ACCOUNT_ADDRESS="10/min", LOGIN_ADDRESS="15/min")
    for ident in ("ada@example.com", "bob@example.com"):
        seen = [Browser().log_in(ident, "wrong").status_code for _ in range(11)]
    assert seen == [400] * 5 + [429] * 6
    assert prove(browser, name, PASSWORD)[0] == 200


def test_a_session_has_half_of_its_addresss_guesses_to_itself(
    browser: Browser,
) -> None:
    for _ in range(10):
        assert Browser().log_in(password="wrong").status_code == 400
    seen = [prove(browser, "confirm_password") for _ in range(6)]
    assert seen == [WRONG_PASSWORD] * 5 + [THROTTLED]
    # Another address is another one.
    browser.client.defaults["REMOTE_ADDR"] = ELSEWHERE
    assert prove(browser, "confirm_password", PASSWORD)[0] == 200


def test_what_a_session_is_refused_is_not_counted(
    browser: Browser, settings: Settings
) -> None:
    """Nor is it taken from the half that the session has."""
    allow(settings, LOGIN_ACCOUNT_ADDRESS="4/min", LOGIN_ACCOUNT="1/min")
    seen = [prove(browser, "confirm_password") for _ in range(6)]
    assert seen == [WRONG_PASSWORD] + [THROTTLED] * 5
    allow(settings, LOGIN_ACCOUNT_ADDRESS="4/min")
    seen = [prove(browser, "confirm_password") for _ in range(4)]
    assert seen == [WRONG_PASSWORD] * 3 + [THROTTLED]


def keep_in(settings: Settings, engine: str, tmp_path: Any) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.SESSION_SAVE_EVERY_REQUEST = True
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.Visits"]


class Visits:
    """A project's middleware that writes into the session at every request."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        request.session["visits"] = request.session.get("visits", 0) + 1
        return self.get_response(request)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_session_is_one_however_often_it_is_saved(
    ada: Any, settings: Settings, tmp_path: Any, engine: str
) -> None:
    keep_in(settings, engine, tmp_path)
    allow(settings, LOGIN_ACCOUNT="3/min", ACCOUNT="2/min")
    browser = Browser()
    browser.log_in()
    seen = [prove(browser, "confirm_password") for _ in range(2)]
    # Which gives the session another key, too.
    assert browser.confirm_password().status_code == 200
    seen += [prove(browser, "confirm_password") for _ in range(2)]
    assert seen == [WRONG_PASSWORD] * 3 + [THROTTLED]
    asked = [browser.post("change_email", {"email": NEW}) for _ in range(3)]
    assert [answer.status_code for answer in asked] == [200, 200, 429]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_session_from_before_sessions_had_names_is_limited(
    ada: Any, settings: Settings, tmp_path: Any, engine: str
) -> None:
    """And a user who logs in again is not limited."""
    keep_in(settings, engine, tmp_path)
    allow(settings, LOGIN_ACCOUNT="3/min")
    browser = Browser()
    browser.log_in()
    session = browser.client.session
    session.pop("_ai_kit_auth_session", None)
    session.save()
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    seen = [prove(browser, "confirm_password") for _ in range(4)]
    assert seen == [WRONG_PASSWORD] * 3 + [THROTTLED]
    owner = Browser(ELSEWHERE)
    owner.log_in()
    assert prove(owner, "change_password", PASSWORD)[0] == 200


@pytest.mark.parametrize("request_of", [HttpRequest, lambda: None])
def test_a_login_without_a_session_is_still_a_login(
    ada: Any, request_of: Callable[[], Any]
) -> None:
    """As where a project's API knows its users by a token, and tells Django."""
    told = user_logged_in.send(sender=type(ada), request=request_of(), user=ada)
    assert all(answer is None for _, answer in told)


def test_a_fresh_session_is_counted_by_itself(
    browser: Browser, settings: Settings
) -> None:
    allow(settings, ACCOUNT="2/min")
    thief = Browser(ELSEWHERE)
    thief.log_in()
    for _ in range(3):
        thief.post("delete_account", {})
    browser.confirm_password()
    seen = [browser.post("change_email", {"email": NEW}).status_code for _ in range(3)]
    assert seen == [200, 200, 429]
    assert prove(browser, "change_password", PASSWORD)[0] == 200
