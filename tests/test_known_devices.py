"""DEVICE_COOKIE_AGE: an attack on an account never locks its owner out at home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.signals import user_logged_in
from django.core import mail
from django.core.signing import TimestampSigner
from django.urls import reverse
from rest_framework.test import APIClient, APIRequestFactory

from ai_kit_auth import throttling
from ai_kit_auth.device_cookies import MOST_ACCOUNTS
from ai_kit_auth.errors import ServiceUnavailable
from ai_kit_auth.known_devices import COOKIE, is_known_device, void_known_devices

from .accounts import configure, mailed_link, post, the_user
from .conftest import OTHER_PASSWORD, Clock, Connect, MakeUser
from .stopping import Cache, stopped
from .test_throttling import allow, fail, log_in, statuses

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

HOME = "192.0.2.7"
ADA = "ada@example.com"
BOB = "bob@example.com"
MONTH = 30 * 24 * 60 * 60


@pytest.fixture(autouse=True)
def _known(settings: Settings) -> None:
    configure(settings, DEVICE_COOKIE_AGE=MONTH)


@pytest.fixture
def home() -> APIClient:
    """Return the browser of the owner."""
    return APIClient(REMOTE_ADDR=HOME)


@pytest.fixture
def known_here(home: APIClient, make_user: MakeUser) -> None:
    """Let the owner have an account, and be logged in at home."""
    make_user()
    assert log_in(home).status_code == 200


def with_cookie(value: str) -> APIClient:
    client = APIClient(REMOTE_ADDR=HOME)
    client.cookies[COOKIE] = value
    return client


def copy_of(client: APIClient) -> APIClient:
    """Return the browser of a thief, who has the cookie and no session."""
    return with_cookie(client.cookies[COOKIE].value)


def entries(client: APIClient) -> list[str]:
    return client.cookies[COOKIE].value.split(".")


def is_known(client: APIClient, user: Any = None) -> bool:
    request = APIRequestFactory().get("/")
    request.COOKIES = {name: each.value for name, each in client.cookies.items()}
    return is_known_device(request, user or the_user())


def ask(client: APIClient, name: str = ADA, route: str = "send_pw_reset_email") -> int:
    """Ask for a mail; return how many were sent."""
    before = len(mail.outbox)
    assert post(client, route, {"email": name}).status_code == 200
    return len(mail.outbox) - before


def attack(tries: int, ident: str = ADA, addresses: int = 50) -> list[int]:
    """Return the answers to guesses from many IP addresses at once."""
    stranger = APIClient()
    return statuses(
        *(
            fail(stranger, ident, REMOTE_ADDR=f"198.51.100.{number % addresses}")
            for number in range(tries)
        )
    )


def ask_from_everywhere(requests: int) -> int:
    return sum(
        ask(APIClient(REMOTE_ADDR=f"198.51.100.{number}")) for number in range(requests)
    )


# The attack


def test_an_attack_from_50_addresses_keeps_the_owner_out_of_nothing(
    home: APIClient, make_user: MakeUser
) -> None:
    """It is bounded as before, and the owner logs in and resets meanwhile."""
    make_user()
    assert log_in(home).status_code == 200
    assert attack(100) == [400] * 30 + [429] * 70
    # An owner in a browser that is not known waits, as before.
    assert log_in(APIClient(REMOTE_ADDR="203.0.113.9")).status_code == 429
    assert ask_from_everywhere(8) == 5
    for _ in range(3):
        assert statuses(fail(home), log_in(home)) == [400, 200]
        assert attack(50) == [429] * 50
    # The mails are used up for strangers, not here.
    assert ask(home) == 1
    reset = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(home, "pw_reset", reset).status_code == 200
    # The attack goes on at once, with the counters of the new password.
    assert attack(100) == [400] * 30 + [429] * 70
    assert log_in(home, password=OTHER_PASSWORD).status_code == 200
    assert attack(10) == [429] * 10


def test_an_attack_behind_the_owners_own_address_neither(
    home: APIClient, known_here: None, settings: Settings
) -> None:
    allow(settings, LOGIN_ACCOUNT_ADDRESS="3/hour", LOGIN_ADDRESS="4/hour")
    neighbour = APIClient(REMOTE_ADDR=HOME)
    assert statuses(*(fail(neighbour) for _ in range(4))) == [400] * 3 + [429]
    assert fail(neighbour, BOB).status_code == 400
    assert fail(neighbour, BOB).status_code == 429
    assert log_in(home).status_code == 200


def test_what_a_device_tries_uses_up_nothing_of_others(
    home: APIClient, known_here: None, settings: Settings
) -> None:
    allow(
        settings,
        LOGIN_ACCOUNT_ADDRESS="3/hour",
        LOGIN_ACCOUNT="3/hour",
        LOGIN_ADDRESS="3/hour",
    )
    assert statuses(*(fail(home) for _ in range(5))) == [400] * 3 + [429] * 2
    # From the same IP address.
    assert attack(4, addresses=1) == [400] * 3 + [429]
    assert log_in(APIClient(REMOTE_ADDR=HOME), BOB).status_code == 400


@pytest.mark.parametrize("scope", ["LOGIN_ACCOUNT_ADDRESS", "LOGIN_ACCOUNT"])
def test_a_stolen_cookie_is_good_for_the_few_guesses_of_one_device(
    home: APIClient, known_here: None, settings: Settings, scope: str
) -> None:
    """Also where the project has only one of the two limits on."""
    allow(settings, **{scope: "3/hour"})
    thieves = [copy_of(home) for _ in range(3)]
    guesses = [
        fail(thief, REMOTE_ADDR=f"198.51.100.{n}")
        for n in range(4)
        for thief in thieves
    ]
    assert statuses(*guesses) == [400] * 3 + [429] * 9
    # Without it, the account's own limit is what it was.
    assert attack(4, addresses=1) == [400] * 3 + [429]


def test_each_login_gives_the_device_a_new_name(
    home: APIClient, known_here: None, settings: Settings
) -> None:
    """So a thief of an older cookie does not use up the newer one's guesses."""
    thief = copy_of(home)
    assert log_in(home).status_code == 200
    assert len(entries(home)) == 1
    assert entries(home) != entries(thief)
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/hour")
    assert statuses(*(fail(thief) for _ in range(3))) == [400, 400, 429]
    assert log_in(home).status_code == 200


def test_a_success_clears_the_failures_of_the_device(
    home: APIClient, known_here: None, settings: Settings
) -> None:
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/hour")
    here = copy_of(home)
    for _ in range(3):
        assert statuses(fail(here), log_in(here)) == [400, 200]
        here = copy_of(here)


def test_where_all_hashing_places_are_taken_a_guess_is_not_counted(
    home: APIClient,
    known_here: None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow(settings, LOGIN_ACCOUNT_ADDRESS="1/hour")
    with monkeypatch.context() as patched:
        patched.setattr(throttling, "gate", throttling.Gate(0, 0.01))
        assert statuses(log_in(home), log_in(home)) == [429, 429]
    assert log_in(home).status_code == 200


# Mails


def test_the_mails_that_a_device_asks_for_are_counted_apart(
    home: APIClient, known_here: None, settings: Settings
) -> None:
    allow(
        settings,
        MAIL_RECIPIENT="3/hour",
        MAIL_RECIPIENT_ADDRESS="2/hour",
        MAIL_ADDRESS="1/hour",
    )
    assert [ask(home) for _ in range(4)] == [1, 1, 0, 0]
    assert ask_from_everywhere(5) == 3
    assert ask(home) == 0


def test_the_devices_of_an_account_together_fill_no_mailbox(
    home: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """A thief who knows the password has as many devices as logins."""
    make_user()
    browsers = [APIClient(), APIClient(), APIClient()]
    for browser in browsers:
        log_in(browser)
    allow(settings, MAIL_RECIPIENT="3/hour", MAIL_RECIPIENT_ADDRESS="2/hour")
    assert [ask(copy_of(browser)) for browser in browsers for _ in range(2)] == [
        *(1, 1),
        *(1, 0),
        *(0, 0),
    ]


# The cookie


def test_the_cookie(home: APIClient, make_user: MakeUser, settings: Settings) -> None:
    make_user()
    settings.SESSION_COOKIE_SAMESITE = "None"
    settings.SESSION_COOKIE_DOMAIN = "example.com"
    settings.SESSION_COOKIE_PATH = "/api/"
    answer = log_in(home)
    assert set(answer.cookies) >= {COOKIE, "sessionid"}
    cookie = answer.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["max-age"] == MONTH
    assert (cookie["samesite"], cookie["domain"]) == ("None", "example.com")
    assert (cookie["path"], cookie["secure"]) == ("/api/", "")
    # Nothing of the account is in it.
    for secret in ("ada", str(the_user().pk) + "|", the_user().password):
        assert secret not in cookie.value
    assert len(cookie.value) < 100
    settings.SESSION_COOKIE_SECURE = True
    assert log_in(home).cookies[COOKIE]["secure"]


def test_over_https_the_cookie_is_secure(home: APIClient, make_user: MakeUser) -> None:
    make_user()
    assert log_in(home, secure=True).cookies[COOKIE]["secure"]


def test_without_the_setting_there_is_no_cookie_and_none_is_believed(
    home: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    ada = make_user()
    log_in(home)
    configure(settings, DEVICE_COOKIE_AGE=None)
    assert COOKIE not in log_in(home).cookies
    assert not is_known(home)
    void_known_devices(ada)
    allow(settings, LOGIN_ACCOUNT="1/hour")
    assert statuses(fail(home), fail(home)) == [400, 429]
    configure(settings, DEVICE_COOKIE_AGE=MONTH)
    assert is_known(home)


def garbled(value: str) -> dict[str, str]:
    name, issued, signature = value.split(":")
    return {
        "empty": "",
        "a word": "x",
        "truncated": value[:-1],
        "another name": f"{'A' * 22}:{issued}:{signature}",
        "another time": f"{name}:zzzzzz:{signature}",
        "another signature": f"{name}:{issued}:{'A' * 43}",
        "huge": value + "." + "x" * 10_000,
        "many": ".".join([f"{name}:{issued}:{'A' * 43}"] * 5 + [value]),
        "not UTF-8": value + "\xff\xfe",
        "other letters": ("\u0660" * 22).encode().decode("latin-1")
        + f":{issued}:{signature}",
        "parts": "::.:.::::...",
    }


@pytest.mark.parametrize("kind", garbled("name:time:signature"))
def test_a_forged_cookie_is_as_none(
    home: APIClient, known_here: None, settings: Settings, kind: str
) -> None:
    """It is neither an error nor a way around the limits, and a login replaces it."""
    forged = with_cookie(garbled(home.cookies[COOKIE].value)[kind])
    allow(settings, LOGIN_ACCOUNT="1/hour")
    assert not is_known(forged)
    assert statuses(fail(forged), fail(forged)) == [400, 429]
    allow(settings)
    assert log_in(forged).status_code == 200
    assert len(entries(forged)) <= MOST_ACCOUNTS
    assert is_known(forged)


def test_it_expires(
    home: APIClient, known_here: None, settings: Settings, clock: Clock
) -> None:
    clock.now += MONTH - 1
    assert is_known(home)
    clock.now += 2
    assert not is_known(home)
    # The server's clock decides, and the present setting.
    log_in(home)
    assert is_known(home)
    configure(settings, DEVICE_COOKIE_AGE=60)
    clock.now += 61
    assert not is_known(home)


def test_it_is_of_no_use_for_another_account(
    home: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    bob = make_user("bob")
    log_in(home)
    assert not is_known(home, bob)
    allow(settings, LOGIN_ACCOUNT="1/hour")
    assert statuses(fail(home, BOB), fail(home, BOB)) == [400, 429]


def test_a_new_password_ends_it(
    home: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """In every other browser than that which has set it, which another test shows."""
    ada = make_user()
    log_in(home)
    ada.set_password(OTHER_PASSWORD)
    ada.save()
    assert not is_known(home)
    allow(settings, LOGIN_ACCOUNT="1/hour")
    assert statuses(fail(home), fail(home)) == [400, 429]


def test_it_outlives_a_change_of_the_secret_key(
    home: APIClient, known_here: None, settings: Settings
) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one, which has come since then"
    assert is_known(home)
    settings.SECRET_KEY_FALLBACKS = []
    assert not is_known(home)


def test_two_accounts_in_one_browser(
    home: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    bob = make_user("bob")
    log_in(home)
    log_in(home, BOB)
    log_in(home)
    assert len(entries(home)) == 2
    assert (is_known(home), is_known(home, bob)) == (True, True)
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/hour")
    assert statuses(*(fail(home) for _ in range(3))) == [400, 400, 429]
    assert log_in(home, BOB).status_code == 200


def test_a_browser_forgets_the_account_that_was_away_for_longest(
    home: APIClient, make_user: MakeUser
) -> None:
    users = [make_user(f"user{number}") for number in range(6)]
    for number in range(6):
        log_in(home, f"user{number}@example.com")
    assert [is_known(home, user) for user in users] == [False] + [True] * 5
    assert len(home.cookies[COOKIE].value) < 400


# Who learns something


@pytest.mark.parametrize("prevent", [True, False])
@pytest.mark.parametrize("ident", [ADA, BOB, "nobody@example.com"])
def test_a_login_that_fails_tells_as_little_as_before(
    home: APIClient,
    make_user: MakeUser,
    settings: Settings,
    ident: str,
    prevent: bool,
) -> None:
    """To a browser with the cookie of one account, and to one with none."""
    configure(settings, PREVENT_ENUMERATION=prevent)
    make_user()
    make_user("bob")
    log_in(home, BOB)
    stranger, knower = APIClient(), copy_of(home)
    for client in (stranger, knower):
        answer = fail(client, ident)
        assert answer.status_code == 400
        assert answer.json() == {"non_field_errors": ["invalid_credentials"]}
        assert COOKIE not in answer.cookies
        assert (
            COOKIE not in post(client, "send_pw_reset_email", {"email": ident}).cookies
        )


def test_an_unknown_account_costs_the_work_of_a_known_one(
    home: APIClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user()
    make_user("bob")
    log_in(home, BOB)
    made: list[str] = []
    unsign = TimestampSigner.unsign

    def counted(signer: Any, value: str, **options: Any) -> str:
        made.append(value)
        return unsign(signer, value, **options)

    monkeypatch.setattr(TimestampSigner, "unsign", counted)
    knower = copy_of(home)
    work = []
    for ident in (ADA, "nobody@example.com"):
        made.clear()
        fail(knower, ident)
        ask(knower, "nobody@example.com")
        work.append(list(made))
    assert work[0] == work[1]
    assert made


def test_the_answers_to_a_reset_are_the_same_at_a_known_device(
    home: APIClient, known_here: None, settings: Settings
) -> None:
    allow(settings, MAIL_RECIPIENT="2/hour")
    for name in (ADA, "nobody@example.com"):
        for _ in range(4):
            answer = post(home, "send_pw_reset_email", {"email": name})
            assert (answer.status_code, answer.json()) == (200, {})


# New passwords, and "this was not me"


def test_a_reset_in_another_browser_makes_that_browser_not_known(
    home: APIClient, known_here: None
) -> None:
    """A thief of the mailbox must not look like somebody who was here before."""
    ask(home)
    thief = APIClient()
    reset = {**mailed_link(), "password": OTHER_PASSWORD}
    answer = post(thief, "pw_reset", reset)
    assert answer.status_code == 200
    assert COOKIE not in answer.cookies
    assert not is_known(home)


def test_a_user_voids_the_known_devices(
    home: APIClient, make_user: MakeUser, settings: Settings, clock: Clock
) -> None:
    ada, bob = make_user(), make_user("bob")
    log_in(home)
    log_in(home, BOB)
    clock.now += 1
    void_known_devices(ada)
    assert (is_known(home), is_known(home, bob)) == (False, True)
    clock.now += 1
    log_in(home)
    assert (is_known(home), is_known(home, bob)) == (True, True)
    assert len(entries(home)) == 2


def test_while_the_cache_is_down_no_cookie_counts(
    home: APIClient,
    make_user: MakeUser,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who logs in gets in, and a voided device may not come back meanwhile."""
    settings.CACHES = {"default": {"BACKEND": "tests.stopping.Cache"}}
    ada = make_user()
    log_in(home)
    with stopped(Cache):
        assert not is_known(home)
        assert log_in(home).status_code == 200
        with pytest.raises(ServiceUnavailable):
            void_known_devices(ada)
    assert "The cache failed, so no device is known" in caplog.text
    assert "so no cookie ai_kit_auth_devices is made void" in caplog.text


def test_receivers_of_a_login_are_told_about_the_logins_before_it(
    home: APIClient, make_user: MakeUser, connect: Connect
) -> None:
    make_user()
    seen: list[bool] = []

    def note(request: Any, user: Any, **kwargs: object) -> None:
        seen.append(is_known_device(request, user))

    connect(user_logged_in, note)
    log_in(home)
    log_in(home)
    log_in(APIClient())
    assert seen == [False, True, False]


def test_a_refused_login_sets_no_cookie(
    home: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    answer = fail(home)
    assert answer.status_code == 400
    assert COOKIE not in answer.cookies
    assert COOKIE not in home.get(reverse("ai_kit_auth:me")).cookies
