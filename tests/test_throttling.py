"""Throttles: they stop a client that tries too often, and no other."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.signals import user_login_failed
from django.core import mail
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.db import connections
from django.db.models import CharField, Model
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView

from ai_kit_auth import users, views
from ai_kit_auth.settings import ThrottleRates, keys_below
from ai_kit_auth.throttling import Counter, take_all
from ai_kit_auth.user_model import user_model

from .accounts import has_activation, post, registration
from .caches import Foreign
from .conftest import (
    OTHER_PASSWORD,
    PASSWORD,
    Clock,
    MakeUser,
    with_username,
)

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker, Settings

pytestmark = pytest.mark.django_db


ADA = "ada@example.com"
HERE = "192.0.2.7"
ELSEWHERE = "203.0.113.9"
PERIODS = {"min": 60, "hour": 60 * 60}


@pytest.fixture
def client() -> APIClient:
    """Return a client that needs no CSRF token: what is counted here comes after."""
    return APIClient(REMOTE_ADDR=HERE)


def allow(settings: Settings, **rates: str | None) -> None:
    """Have these throttles and no others."""
    none = dict.fromkeys(keys_below("THROTTLE_RATES"))
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "THROTTLE_RATES": none | rates}


def log_in(
    client: APIClient, ident: str = ADA, password: str = PASSWORD, **extra: Any
) -> Any:
    return post(client, "login", {"ident": ident, "password": password}, **extra)


def fail(client: APIClient, ident: str = ADA, **extra: Any) -> Any:
    return log_in(client, ident, "wrong", **extra)


def statuses(*answers: Any) -> list[int]:
    return [answer.status_code for answer in answers]


# One event of each scope that answers, the number telling it from the others.
EVENTS: dict[str, Callable[[APIClient, int], Any]] = {
    "LOGIN_ACCOUNT_ADDRESS": lambda client, number: fail(client),
    "LOGIN_ACCOUNT": lambda client, number: fail(
        client, REMOTE_ADDR=f"198.51.100.{number}"
    ),
    "LOGIN_ADDRESS": lambda client, number: fail(client, f"user{number}@example.com"),
    "REGISTER": lambda client, number: post(client, "register"),
    "VALIDATE_PASSWORD": lambda client, number: post(client, "validate_password"),
    # The two kinds of link share a counter.
    "LINK": lambda client, number: post(client, ("activate", "pw_reset")[number % 2]),
}
DEFAULTS = {
    "LOGIN_ACCOUNT_ADDRESS": (10, "min"),
    "LOGIN_ACCOUNT": (30, "min"),
    "LOGIN_ADDRESS": (300, "min"),
    "REGISTER": (600, "min"),
    "MAIL_RECIPIENT": (5, "hour"),
    "MAIL_RECIPIENT_ADDRESS": (3, "hour"),
    "MAIL_ADDRESS": (1000, "hour"),
    "VALIDATE_PASSWORD": (1000, "min"),
    "LINK": (1000, "min"),
    "SESSION": (600, "min"),
}

scopes = pytest.mark.parametrize("scope", EVENTS)


def test_every_scope_has_its_test() -> None:
    # In the tests of that page.
    of_the_account_page = {"RESEND_RECIPIENT", "CHANGE_EMAIL", "ACCOUNT"}
    assert set(DEFAULTS) == set(ThrottleRates.members()) - of_the_account_page
    of_mails = {"MAIL_RECIPIENT", "MAIL_RECIPIENT_ADDRESS", "MAIL_ADDRESS"}
    # In test_session_throttle.py.
    assert set(DEFAULTS) - set(EVENTS) == of_mails | {"SESSION"}


# Of a thousand more it would tell nothing, and take its time.
@pytest.mark.parametrize("scope", [name for name in EVENTS if DEFAULTS[name][0] <= 300])
@pytest.mark.user_model("auth_user")
def test_by_default_so_many_and_no_more(client: APIClient, scope: str) -> None:
    """As the documentation says; a refusal has the time to wait."""
    limit, period = DEFAULTS[scope]
    answers = [EVENTS[scope](client, number) for number in range(limit)]
    assert set(statuses(*answers)) == {400}
    refused = EVENTS[scope](client, limit)
    assert refused.status_code == 429
    assert refused.json() == {"error": "throttled"}
    assert 0 < int(refused["Retry-After"]) <= PERIODS[period]
    assert refused["Content-Type"] == "application/json"
    assert refused["Cache-Control"] == "no-store, private"


@scopes
def test_a_host_sets_its_own_rate_while_it_runs(
    client: APIClient, settings: Settings, scope: str
) -> None:
    event = EVENTS[scope]
    allow(settings, **{scope: "2/hour"})
    answers = [event(client, number) for number in range(4)]
    assert statuses(*answers) == [400, 400, 429, 429]
    allow(settings, **{scope: None})
    assert statuses(*(event(client, number) for number in range(4))) == [400] * 4
    allow(settings, **{scope: "2/hour"})
    assert event(client, 5).status_code == 429
    allow(settings, **{scope: "3/hour"})
    assert statuses(event(client, 6), event(client, 7)) == [400, 429]


@scopes
def test_another_address_is_another_client(
    client: APIClient, settings: Settings, scope: str
) -> None:
    """For all scopes but the one that counts over all addresses."""
    allow(settings, **{scope: "1/hour"})
    neighbour = APIClient(REMOTE_ADDR=ELSEWHERE)
    assert statuses(EVENTS[scope](client, 0), EVENTS[scope](client, 1)) == [400, 429]
    there = EVENTS[scope](neighbour, 2).status_code
    assert there == (429 if scope == "LOGIN_ACCOUNT" else 400)


# Retry-After


def test_retry_after_is_true(
    client: APIClient, settings: Settings, clock: Clock
) -> None:
    """A second early is too early, and then it is time."""
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/min")
    assert statuses(fail(client), fail(client)) == [400, 400]
    clock.now += 12.5
    refused = fail(client)
    assert refused.status_code == 429
    wait = int(refused["Retry-After"])
    assert wait == 48
    clock.now += wait - 1
    assert fail(client)["Retry-After"] == "1"
    clock.now += 1
    assert statuses(fail(client), fail(client), fail(client)) == [400, 400, 429]


def test_no_period_holds_more_than_the_rate(
    client: APIClient, settings: Settings, clock: Clock
) -> None:
    """The period begins with an attempt, not with the minute of a clock."""
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/min")
    assert fail(client).status_code == 400
    clock.now += 50
    assert fail(client).status_code == 400
    clock.now += 11
    assert fail(client).status_code == 400
    refused = fail(client)
    assert (refused.status_code, refused["Retry-After"]) == (429, "49")


def test_who_is_refused_is_not_counted(
    client: APIClient, settings: Settings, clock: Clock
) -> None:
    """Knocking on does not make the wait longer, in any of the counters."""
    allow(
        settings,
        LOGIN_ACCOUNT_ADDRESS="1/min",
        LOGIN_ACCOUNT="2/hour",
        LOGIN_ADDRESS="3/hour",
    )
    assert fail(client).status_code == 400
    for _ in range(9):
        clock.now += 5
        assert fail(client).status_code == 429
    clock.now += 16
    assert fail(client).status_code == 400
    assert fail(client, "bob@example.com").status_code == 400
    assert fail(client, "cleo@example.com").status_code == 429


def test_retry_after_is_true_where_two_counters_are_full(
    client: APIClient, settings: Settings, clock: Clock
) -> None:
    allow(settings, LOGIN_ACCOUNT_ADDRESS="1/min", LOGIN_ADDRESS="1/hour")
    assert fail(client).status_code == 400
    refused = fail(client)
    assert refused.status_code == 429
    clock.now += int(refused["Retry-After"])
    assert fail(client).status_code == 400


def test_the_wait_ends_by_itself(client: APIClient, settings: Settings) -> None:
    """By the clock on the wall."""
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/second")
    tries = (fail(client) for _ in range(100))
    refused = next(answer for answer in tries if answer.status_code == 429)
    assert refused["Retry-After"] == "1"
    time.sleep(1)
    assert fail(client).status_code == 400


# Logins


def test_a_success_clears_the_failures_of_the_account_and_address(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    allow(settings, LOGIN_ACCOUNT_ADDRESS="3/hour")
    assert statuses(fail(client), fail(client)) == [400, 400]
    assert log_in(client).status_code == 200
    assert statuses(*(fail(client) for _ in range(4))) == [400, 400, 400, 429]
    # From then on the right password is no way to find out that it is right.
    assert log_in(client).status_code == 429


@pytest.mark.parametrize("scope", ["LOGIN_ACCOUNT", "LOGIN_ADDRESS"])
def test_a_success_clears_no_more_than_that(
    client: APIClient, make_user: MakeUser, settings: Settings, scope: str
) -> None:
    """It is not counted, and the other counters' failures stay."""
    make_user()
    allow(settings, **{scope: "2/hour"})
    assert statuses(*(log_in(client) for _ in range(5))) == [200] * 5
    assert statuses(fail(client), log_in(client), fail(client)) == [400, 200, 400]
    assert log_in(client).status_code == 429


def test_an_own_account_is_no_way_to_go_on_guessing_at_others(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user("ada")
    make_user("mallory")
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/hour")
    assert statuses(fail(client), fail(client)) == [400, 400]
    assert log_in(client, "mallory@example.com").status_code == 200
    assert fail(client).status_code == 429


def test_one_address_cannot_lock_the_owner_out_elsewhere(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    answers = [fail(client) for _ in range(60)]
    assert statuses(*answers) == [400] * 10 + [429] * 50
    assert log_in(client, REMOTE_ADDR=ELSEWHERE).status_code == 200


def test_many_addresses_cannot_guess_on_at_one_account(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    make_user("bob")
    answers = [fail(client, REMOTE_ADDR=f"198.51.100.{n // 8}") for n in range(60)]
    assert statuses(*answers) == [400] * 30 + [429] * 30
    assert log_in(client, "bob@example.com").status_code == 200


SPELLINGS = ["jürgen", "ju\u0308rgen", "ｊüｒｇｅｎ", " jürgen ", "JÜRGEN", "Jürgen"]


def test_an_unknown_name_is_one_however_it_is_written(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """
    In every Unicode form.

    Capitals are another name where the database says so; what counts is that it is
    the same for names that have an account.
    """
    allow(settings, LOGIN_ACCOUNT_ADDRESS="1/hour")
    unknown = statuses(*(fail(client, spelling) for spelling in SPELLINGS))
    assert unknown[:4] == [400, 429, 429, 429]
    make_user("jürgen")
    cache.clear()
    assert statuses(*(fail(client, spelling) for spelling in SPELLINGS)) == unknown
    assert fail(client, "jurgen2").status_code == 400


@pytest.mark.parametrize("known", [True, False])
def test_an_address_is_one_however_it_is_written(
    client: APIClient, make_user: MakeUser, settings: Settings, known: bool
) -> None:
    """Also if no account has the address: a difference would show that."""
    allow(settings, LOGIN_ACCOUNT_ADDRESS="1/hour")
    if known:
        make_user(**{user_model.email: "ada@xn--bcher-kva.example"})
    assert fail(client, "ada@bücher.example").status_code == 400
    others = ["ADA@BÜCHER.EXAMPLE", "ada@xn--bcher-kva.example", "ada@bücher。example"]
    assert statuses(*(fail(client, other) for other in others)) == [429] * 3


# Each a name that an account has, and another spelling of it, which one database takes
# for the same and another does not.
LETTERS = [
    ("mark", "mar\u212a"),
    ("mar\u212a", "mark"),
    ("strasse", "straße"),
    ("straße", "STRASSE"),
    ("straße", "STRAßE"),
    ("sofia", "soﬁa"),
    ("zoé", "ZOÉ"),
    ("zoé", "zoe"),
    ("zoé", "zoe\u0301"),
    ("νικος", "ΝΙΚΟΣ"),
    ("νικοσ", "ΝΙΚΟΣ"),
    ("izmir", "İzmir"),
    ("izmir", "\u0131zmir"),
    ("izmir", "IZMIR"),
    ("sam", "\u017fam"),
    ("\uff41da", "ada"),
    ("иван", "ИВАН"),
    ("𐐨a", "𐐀a"),
]


@pytest.mark.parametrize(("stored", "typed"), LETTERS)
@pytest.mark.parametrize("as_address", [True, False])
@pytest.mark.user_model("auth_user")
def test_two_spellings_are_one_name_exactly_if_the_database_says_so(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    stored: str,
    typed: str,
    as_address: bool,
) -> None:
    """Or the counter tells which accounts there are."""
    allow(settings, LOGIN_ACCOUNT_ADDRESS="1/hour")
    if as_address:
        stored, typed = f"{stored}@example.com", f"{typed}@example.com"
    unknown = statuses(fail(client, stored), fail(client, typed))
    make_user(**{"email" if as_address else "username": stored})
    cache.clear()
    assert statuses(fail(client, stored), fail(client, typed)) == unknown
    assert unknown[0] == 400


@pytest.mark.parametrize(("one", "other"), LETTERS)
@pytest.mark.parametrize("as_address", [True, False])
@pytest.mark.user_model("auth_user")
def test_what_counts_failures_by_name_gets_one_name_exactly_if_the_database_says_so(
    client: APIClient,
    make_user: MakeUser,
    failures: list[str],
    one: str,
    other: str,
    as_address: bool,
) -> None:
    """Or a lock by name, as that of django-axes, tells which accounts there are."""
    field = "username"
    if as_address:
        field, one, other = "email", f"{one}@example.com", f"{other}@example.com"
    statuses(fail(client, one), fail(client, other))
    unknown = len(set(failures))
    make_user(**{field: one})
    failures.clear()
    statuses(fail(client, one), fail(client, other))
    assert len(set(failures)) == unknown
    # Nor may it be the name of another account, whose guesses count elsewhere.
    found = [users.find_for_login(typed) for typed in (one, other)]
    assert {users.account_key(None, typed) for _, typed, _ in found} == {
        users.account_key(None, typed) for typed in (one, other)
    }


@pytest.fixture
def failures() -> Iterator[list[str]]:
    """Collect the names that receivers of ``user_login_failed`` are told."""
    names: list[str] = []

    def note(credentials: dict[str, str], **kwargs: object) -> None:
        names.append(credentials["username"])

    user_login_failed.connect(note)
    yield names
    user_login_failed.disconnect(note)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.database("sqlite", "postgresql")
@pytest.mark.user_model("auth_user")
def test_a_username_with_an_at_sign_is_no_address_where_addresses_do_not_count(
    client: APIClient, make_user: MakeUser, settings: Settings, known: bool
) -> None:
    """In other capitals it is another name, whether or not there is an account."""
    allow(settings, LOGIN_ACCOUNT_ADDRESS="1/hour")
    changes = {"USER_IDENTITY_FIELDS": ("username",)}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **changes}
    if known:
        make_user(username="ada@home")
    typed = ("ada@home", "ADA@home", "ADA@home")
    assert statuses(*(fail(client, name) for name in typed)) == [400, 400, 429]


@with_username
def test_an_account_is_one_by_whatever_it_is_named(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/hour")
    assert statuses(fail(client, ADA), fail(client, "ada")) == [400, 400]
    assert statuses(fail(client, ADA), log_in(client, "ada")) == [429, 429]


def test_a_new_password_starts_afresh(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """A user who was locked out and has reset the password need not wait."""
    user = make_user()
    allow(settings, LOGIN_ACCOUNT_ADDRESS="1/hour", LOGIN_ACCOUNT="1/hour")
    assert statuses(fail(client), log_in(client)) == [400, 429]
    user.set_password(OTHER_PASSWORD)
    user.save()
    assert log_in(client, password=OTHER_PASSWORD).status_code == 200


class CountingHasher(MD5PasswordHasher):
    """Counts what takes the time: every check of a password encodes it once."""

    encoded = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.encoded += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("ident", [ADA, "nobody@example.com"])
def test_of_60_bad_logins_10_reach_the_hasher(
    client: APIClient, make_user: MakeUser, settings: Settings, ident: str
) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user()
    CountingHasher.encoded = 0
    answers = [fail(client, ident) for _ in range(60)]
    assert CountingHasher.encoded == 10
    assert statuses(*answers).count(429) == 50


@pytest.mark.usefixtures("clock")
def test_whoever_it_is_the_throttle_looks_the_same(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """Status, body, headers and hashes of twelve tries, known account or not."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user()
    if has_activation():
        make_user("waiting", is_active=False)
    make_user("unusable", password=None)

    def seen(ident: str) -> list[Any]:
        tries = []
        for _ in range(12):
            CountingHasher.encoded = 0
            answer = fail(client, ident)
            facts = (answer.status_code, answer.content, dict(answer.headers))
            tries.append((*facts, CountingHasher.encoded))
        return tries

    expected = seen("nobody@example.com")
    assert [(facts[0], facts[3]) for facts in expected] == [(400, 1)] * 10 + [
        (429, 0)
    ] * 2
    for name in ("ada", "waiting", "unusable"):
        assert seen(f"{name}@example.com") == expected, name


def test_what_is_no_attempt_is_not_counted(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """A form sent too early, or by a foreign page, is no guess."""
    make_user()
    allow(settings, LOGIN_ACCOUNT_ADDRESS="1/hour", LOGIN_ADDRESS="1/hour")
    for _ in range(3):
        assert log_in(client, password="").json() == {"password": ["blank"]}
        foreign = APIClient(enforce_csrf_checks=True, REMOTE_ADDR=HERE)
        assert fail(foreign).json() == {"error": "csrf_failed"}
    assert fail(client).status_code == 400


# Mails


def ask(client: APIClient, address: str = ADA, **extra: Any) -> int:
    """Ask for a reset mail; return how many mails that was."""
    before = len(mail.outbox)
    answer = post(client, "send_pw_reset_email", {"email": address}, **extra)
    assert (answer.status_code, answer.json()) == (200, {})
    assert "Retry-After" not in answer
    return len(mail.outbox) - before


def test_an_account_gets_five_reset_mails_an_hour(
    client: APIClient, make_user: MakeUser, clock: Clock
) -> None:
    """For every client and IP address; the answer stays the same."""
    make_user()
    make_user("bob")
    sent = [ask(client, REMOTE_ADDR=f"198.51.100.{n}") for n in range(7)]
    assert sent == [1, 1, 1, 1, 1, 0, 0]
    assert ask(client, "bob@example.com") == 1
    clock.now += 3600
    assert ask(client) == 1


@pytest.mark.user_model("auth_user")
def test_an_address_makes_us_send_so_many_mails_and_no_more(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """With and without accounts of these names: a difference would show them."""
    make_user()
    allow(settings, MAIL_ADDRESS="100/hour")
    asked = [ask(client, f"nobody{number}@example.com") for number in range(100)]
    assert sum(asked) == 0
    assert ask(client) == 0
    assert ask(client, REMOTE_ADDR=ELSEWHERE) == 1


@pytest.mark.parametrize("scope", ["MAIL_RECIPIENT", "MAIL_ADDRESS"])
def test_a_host_sets_its_own_rate_of_mails(
    client: APIClient, make_user: MakeUser, settings: Settings, scope: str
) -> None:
    make_user()
    allow(settings, **{scope: "2/hour"})
    assert [ask(client) for _ in range(3)] == [1, 1, 0]
    allow(settings, **{scope: None})
    assert [ask(client) for _ in range(3)] == [1, 1, 1]
    allow(settings, **{scope: "2/hour"})
    assert ask(client) == 0


def test_mails_that_an_address_may_not_ask_for_are_not_the_accounts(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    allow(settings, MAIL_ADDRESS="1/hour", MAIL_RECIPIENT="2/hour")
    assert [ask(client) for _ in range(9)] == [1] + [0] * 8
    assert ask(client, REMOTE_ADDR=ELSEWHERE) == 1


def test_mails_about_a_taken_address_are_mails_too(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """A client that may not learn that it is taken cannot flood the owner instead."""
    make_user()
    allow(settings, MAIL_RECIPIENT="2/hour")
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    taken = {**registration("somebody"), "email": ADA}
    answers = [post(client, "register", taken) for _ in range(4)]
    assert statuses(*answers) == [201] * 4
    assert len(mail.outbox) == 2
    assert ask(client) == 0


@pytest.mark.usefixtures("clock")
def test_the_answer_over_the_limit_is_the_one_below_it(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()

    def seen(name: str) -> list[Any]:
        data = {"ident": f"{name}@example.com"}
        answers = [post(client, "send_pw_reset_email", data) for _ in range(7)]
        return [(a.status_code, a.content, dict(a.headers)) for a in answers]

    known = seen("ada")
    assert len(mail.outbox) == 3
    assert [facts for facts in known if facts != known[0]] == []
    assert seen("nobody") == known


# Addresses

PROXIES: dict[str, tuple[int | None, dict[str, str], dict[str, str], bool]] = {
    "one customer's IPv6": (
        None,
        {"REMOTE_ADDR": "2001:db8:0:1::1"},
        {"REMOTE_ADDR": "2001:DB8:0:1:ffff:ffff:ffff:ffff"},
        True,
    ),
    "two customers' IPv6": (
        None,
        {"REMOTE_ADDR": "2001:db8:0:1::1"},
        {"REMOTE_ADDR": "2001:db8:0:100::1"},
        False,
    ),
    "a loopback of each kind": (
        None,
        {"REMOTE_ADDR": "::1"},
        {"REMOTE_ADDR": "127.0.0.1"},
        False,
    ),
    "IPv4 in IPv6 is IPv4": (
        None,
        {"REMOTE_ADDR": "::ffff:192.0.2.7"},
        {"REMOTE_ADDR": "192.0.2.7"},
        True,
    ),
    "two IPv4 in IPv6 are two": (
        None,
        {"REMOTE_ADDR": "::ffff:192.0.2.7"},
        {"REMOTE_ADDR": "::ffff:192.0.2.8"},
        False,
    ),
    "neighbours in IPv4": (
        None,
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "192.0.2.8"},
        False,
    ),
    "an interface's name": (
        0,
        {"REMOTE_ADDR": "fe80::1%eth0"},
        {"REMOTE_ADDR": "fe80::2%eth1"},
        True,
    ),
    "a Unix socket has no address": (
        None,
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": ""},
        False,
    ),
    "what is no address": (
        None,
        {"REMOTE_ADDR": "unix:\n\0 socket" * 50},
        {"REMOTE_ADDR": "192.0.2.7"},
        False,
    ),
    "without proxies a header tells of one, whose clients are not one": (
        None,
        {"HTTP_X_FORWARDED_FOR": "198.51.100.1"},
        {"HTTP_X_FORWARDED_FOR": "198.51.100.1"},
        False,
    ),
    "with no proxy a header is anybody's claim": (
        0,
        {"HTTP_X_FORWARDED_FOR": "198.51.100.1"},
        {"HTTP_X_FORWARDED_FOR": "198.51.100.2"},
        True,
    ),
    "behind a proxy its word counts": (
        1,
        {"HTTP_X_FORWARDED_FOR": "198.51.100.1"},
        {"HTTP_X_FORWARDED_FOR": "198.51.100.2"},
        False,
    ),
    "and not what the client told it": (
        1,
        {"HTTP_X_FORWARDED_FOR": "10.0.0.1, 198.51.100.1"},
        {"HTTP_X_FORWARDED_FOR": "10.0.0.2, 198.51.100.1"},
        True,
    ),
    "behind two proxies the second last is the client": (
        2,
        {"HTTP_X_FORWARDED_FOR": "10.0.0.1, 198.51.100.1, 10.1.1.1"},
        {"HTTP_X_FORWARDED_FOR": "10.0.0.1, 198.51.100.2, 10.1.1.1"},
        False,
    ),
    "and nothing before it": (
        2,
        {"HTTP_X_FORWARDED_FOR": "10.0.0.1, 198.51.100.1, 10.1.1.1"},
        {"HTTP_X_FORWARDED_FOR": "10.0.0.2, 198.51.100.1, 10.2.2.2"},
        True,
    ),
    "who comes past the proxy is who it is": (
        1,
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "192.0.2.8"},
        False,
    ),
    "a proxy that names nobody": (
        1,
        {"HTTP_X_FORWARDED_FOR": "198.51.100.1,"},
        {"HTTP_X_FORWARDED_FOR": ""},
        True,
    ),
    "the proxy's IPv6": (
        1,
        {"HTTP_X_FORWARDED_FOR": "2001:db8:0:1::1"},
        {"HTTP_X_FORWARDED_FOR": "2001:db8:0:1::2"},
        True,
    ),
    "a proxy that writes the port": (
        1,
        {"HTTP_X_FORWARDED_FOR": "198.51.100.1:40001"},
        {"HTTP_X_FORWARDED_FOR": "198.51.100.1:40002"},
        True,
    ),
    "a proxy that writes the port of IPv6": (
        1,
        {"HTTP_X_FORWARDED_FOR": "[2001:db8:0:1::1]:40001"},
        {"HTTP_X_FORWARDED_FOR": "[2001:db8:0:1::1]:40002"},
        True,
    ),
}


@pytest.mark.parametrize(
    ("proxies", "one", "other", "same"), PROXIES.values(), ids=list(PROXIES)
)
def test_who_counts_as_one_client(
    client: APIClient,
    settings: Settings,
    proxies: int | None,
    one: dict[str, str],
    other: dict[str, str],
    same: bool,
) -> None:
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    allow(settings, VALIDATE_PASSWORD="1/hour")
    assert post(client, "validate_password", **one).status_code == 400
    answer = post(client, "validate_password", **other)
    assert answer.status_code == (429 if same else 400)


# The cache


def _down(*args: object, **kwargs: object) -> Any:
    raise ConnectionError("the cache is away")


class DownCache(LocMemCache):
    add = get = set = get_many = delete_many = _down


class ForgetfulCache(LocMemCache):
    """Fails only where something is to be removed."""

    delete_many = _down


def use_cache(settings: Settings, backend: str, location: str = "") -> None:
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": location}}


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "ai_kit_auth" and record.levelno == logging.ERROR
    ]


@scopes
def test_a_cache_that_is_down_locks_nobody_out(
    client: APIClient,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    scope: str,
) -> None:
    use_cache(settings, f"{__name__}.DownCache")
    allow(settings, **{scope: "1/hour"})
    answers = [EVENTS[scope](client, number) for number in range(3)]
    assert statuses(*answers) == [400, 400, 400]
    assert errors(caplog) == [f"The cache failed, so there is no limit by {scope}"] * 3


def test_people_log_in_and_get_mail_while_the_cache_is_down(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    use_cache(settings, f"{__name__}.DownCache")
    make_user()
    assert log_in(client).status_code == 200
    assert [ask(client) for _ in range(7)] == [1] * 7
    limits = "LOGIN_ACCOUNT_ADDRESS, LOGIN_ACCOUNT, LOGIN_ADDRESS"
    assert f"The cache failed, so there is no limit by {limits}" in errors(caplog)


def test_a_cache_that_forgets_nothing_costs_nobody_the_login(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    use_cache(settings, f"{__name__}.ForgetfulCache")
    make_user()
    assert log_in(client).status_code == 200
    assert set(errors(caplog)) == {"The cache failed, so throttles stay as they are"}
    assert "the cache is away" in caplog.text


def test_without_throttles_the_cache_is_not_asked(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A project that counts in its proxy pays nothing here."""
    use_cache(settings, f"{__name__}.DownCache")
    allow(settings)
    make_user()
    assert statuses(fail(client), log_in(client)) == [400, 200]
    assert statuses(*(event(client, 0) for event in EVENTS.values())) == [400] * 6
    assert errors(caplog) == []


class Ledger(LocMemCache):
    """Remembers what it was given."""

    entries: list[str] = []

    def set(self, key: str, value: Any, *args: Any, **kwargs: Any) -> None:
        self.entries.append(f"{self.make_key(key)}\n{value!r}")
        super().set(key, value, *args, **kwargs)


class ForeignLedger(Foreign):
    """Remembers what it was given, and is no cache of Django's."""

    def add(self, key: str, value: Any, *args: Any, **kwargs: Any) -> bool:
        Ledger.entries.append(f"{self.make_key(key)}\n{value!r}")
        return super().add(key, value, *args, **kwargs)


@pytest.mark.parametrize("kind", ["Ledger", "ForeignLedger"])
def test_what_is_kept_fits_memcached_and_names_nobody(
    client: APIClient, make_user: MakeUser, settings: Settings, kind: str
) -> None:
    """Keys of at most 250 printable bytes, without an address or a name in clear."""
    use_cache(settings, f"{__name__}.{kind}")
    user = make_user()
    Ledger.entries.clear()
    long = "nobody knows\tme " * 60
    for address in (HERE, "2001:db8:0:1::1", "no address at all"):
        there = {"REMOTE_ADDR": address}
        assert statuses(fail(client, **there), fail(client, long, **there)) == [400] * 2
        assert ask(client, **there) == 1
        for event in EVENTS.values():
            assert event(APIClient(REMOTE_ADDR=address), 0).status_code == 400
    assert len(Ledger.entries) > 20
    secrets = (ADA, "nobody", HERE, "2001:db8", "no address", user.password)
    for entry in Ledger.entries:
        assert re.fullmatch(r"[!-~]{1,250}\n[^\n]+", entry), entry
        assert [secret for secret in secrets if secret in entry] == []


THREADS = 8
TRIES = 64


def takes_at_once() -> int:
    """Return how many of 64 tries in 8 threads were counted by LINK."""
    barrier = threading.Barrier(THREADS)

    def tries(_: int) -> int:
        barrier.wait()
        taken = 0
        for _ in range(TRIES // THREADS):
            with contextlib.suppress(Throttled):
                take_all(Counter("LINK", HERE))
                taken += 1
        connections.close_all()
        return taken

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(tries, range(THREADS)))


class Far(BaseCache):
    """What it says is a moment old when it arrives, as from any server."""

    def get_many(self, *args: Any, **kwargs: Any) -> Any:
        found = super().get_many(*args, **kwargs)
        time.sleep(0.01)
        return found


class FarCache(Far, LocMemCache):
    pass


class FarForeign(Far, Foreign):
    pass


@pytest.mark.parametrize("kind", ["FarCache", "FarForeign"])
@pytest.mark.parametrize("at", [0, 30, 59.999])
def test_no_event_is_lost(
    settings: Settings, clock: Clock, at: float, kind: str
) -> None:
    """However many try at once: counting loses nothing, nor at the turn of a period."""
    use_cache(settings, f"{__name__}.{kind}")
    allow(settings, LINK="10/min")
    clock.now = clock.now // 60 * 60 + at
    assert takes_at_once() == 10
    clock.now += 60
    allow(settings, LINK="7/min")
    assert takes_at_once() == 7
    # Of 20 in a minute 7 are from the one before this.
    clock.now += 59
    allow(settings, LINK="20/min")
    assert takes_at_once() == 13


class CacheRouter:
    """Sends the cache's table to the database of the test."""

    alias = ""

    def db_for_read(self, model: type[Model], **hints: object) -> str | None:
        return self.alias if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read


@pytest.fixture
def own_file(django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> Iterator[None]:
    """Add a database in a file: SQLite's memory does not wait for another thread."""
    connections.settings["file"] = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "cache.sqlite3"),
        "OPTIONS": {"timeout": 60, "transaction_mode": "IMMEDIATE"},
    }
    # Django's tests may open none but the databases that were there when they began.
    with django_db_blocker.unblock():
        yield
    connections["file"].close()
    del connections["file"], connections.settings["file"]


DATABASES = pytest.mark.parametrize(
    "database_cache",
    [
        "file",
        pytest.param("default", marks=pytest.mark.database("postgresql", "mariadb")),
    ],
    indirect=True,
)


@pytest.fixture
def database_cache(
    request: pytest.FixtureRequest,
    transactional_db: None,
    own_file: None,
    settings: Settings,
) -> Iterator[Any]:
    """Count in Django's database cache; yield the connection to its table."""
    CacheRouter.alias = request.param
    settings.DATABASE_ROUTERS = [f"{__name__}.CacheRouter"]
    use_cache(settings, "django.core.cache.backends.db.DatabaseCache", "slots")
    call_command("createcachetable", database=request.param)
    yield connections[request.param]
    with connections[request.param].cursor() as cursor:
        cursor.execute("DROP TABLE slots")


@DATABASES
def test_no_slot_in_a_database_is_taken_twice(
    database_cache: Any, settings: Settings, clock: Clock
) -> None:
    """Nor a counter whose period is over, though its row still exists."""
    allow(settings, LINK="10/hour")
    for rows in (10, 20):
        assert takes_at_once() == 10
        with database_cache.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM slots")
            assert cursor.fetchone() == (rows,)
        clock.now += 2 * 60 * 60


@DATABASES
@pytest.mark.usefixtures("database_cache")
def test_a_database_is_as_good_a_cache(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/hour", MAIL_RECIPIENT="1/hour")
    assert statuses(fail(client), log_in(client)) == [400, 200]
    refused = [fail(client) for _ in range(3)][-1]
    assert refused.json() == {"error": "throttled"}
    assert 3590 <= int(refused["Retry-After"]) <= 3600
    assert [ask(client), ask(client)] == [1, 0]


# Projects


class OnceAMinute(AnonRateThrottle):
    rate = "1/minute"


def test_a_hosts_default_throttles_go_on_counting(
    client: APIClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DRF reads DEFAULT_THROTTLE_CLASSES into this attribute when it is imported."""
    monkeypatch.setattr(APIView, "throttle_classes", [OnceAMinute])
    allow(settings)
    answers = [post(client, "validate_password") for _ in range(2)]
    assert statuses(*answers) == [400, 429]
    assert answers[1].json() == {"error": "throttled"}
    assert post(client, "login").status_code == 429
    assert post(client, "login", REMOTE_ADDR=ELSEWHERE).status_code == 400


class ThousandADay(AnonRateThrottle):
    rate = "1000/day"


class HostsValidatePassword(views.ValidatePassword):
    throttle_classes = [ThousandADay]


class UncountedValidatePassword(views.ValidatePassword):
    throttles = []


@pytest.mark.parametrize(
    ("view", "expected"),
    [(HostsValidatePassword, [400, 429]), (UncountedValidatePassword, [400, 400])],
)
def test_a_hosts_view_counts_besides_ours_or_instead(
    settings: Settings, view: type[APIView], expected: list[int]
) -> None:
    allow(settings, VALIDATE_PASSWORD="1/hour")
    requests = [APIRequestFactory().post("/", {}, format="json") for _ in range(2)]
    assert statuses(*(view.as_view()(request) for request in requests)) == expected


@pytest.mark.user_model("auth_user")
def test_a_full_width_at_sign_counts_as_one_of_ascii(db: None) -> None:
    """A username is looked up with the one for the other."""
    counted = {
        tuple(users.find_for_login(typed)[2])
        for typed in ("ada@example.com", "ada\uff20example.com")
    }
    assert len(counted) == 1


@pytest.mark.database("sqlite")
@pytest.mark.user_model("auth_user")
def test_a_column_with_a_collation_of_its_own_folds_by_equality_too(db: None) -> None:
    """Otherwise the limit would tell which names have an account."""
    plain: Any = CharField(max_length=20)
    folding: Any = CharField(max_length=20, db_collation="NOCASE")
    spellings = [
        [users.spellings(field, text, any_case=False)[0] for text in pair]
        for field in (plain, folding)
        for pair in (("MARK", "mark"),)
    ]
    assert [len(set(pair)) for pair in spellings] == [2, 1]
