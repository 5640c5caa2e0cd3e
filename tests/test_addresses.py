"""A limit per IP address applies only if the address is a client's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from rest_framework.test import APIClient

from ai_kit_auth import throttling
from ai_kit_auth.settings import keys_below

from .accounts import post, registration
from .conftest import PASSWORD, MakeUser

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"
EDGE = "203.0.113.9"
# As requests arrive from an undeclared proxy, of whichever client they are.
PROXIED: dict[str, dict[str, str]] = {
    "nginx on the same machine": {
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_X_FORWARDED_FOR": "198.51.100.1",
    },
    "nginx that adds no header": {"REMOTE_ADDR": "127.0.0.1"},
    "a Unix socket": {"REMOTE_ADDR": ""},
    "a container network": {"REMOTE_ADDR": "172.18.0.2"},
    "a load balancer": {"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_PROTO": "https"},
    "a platform's shared addresses": {"REMOTE_ADDR": "100.64.0.7"},
    "IPv6 on the same machine": {"REMOTE_ADDR": "::1"},
    "a loopback that is mapped": {"REMOTE_ADDR": "::ffff:127.0.0.1"},
    "unique local IPv6": {"REMOTE_ADDR": "fd00::2"},
    "a CDN's public address": {
        "REMOTE_ADDR": EDGE,
        "HTTP_X_FORWARDED_FOR": "198.51.100.1",
    },
    "a CDN with a header of its own": {
        "REMOTE_ADDR": EDGE,
        "HTTP_CF_CONNECTING_IP": "198.51.100.1",
    },
    "a proxy by RFC 7239": {"REMOTE_ADDR": EDGE, "HTTP_FORWARDED": "for=198.51.100.1"},
}
proxied = pytest.mark.parametrize("there", PROXIED.values(), ids=list(PROXIED))


@pytest.fixture(autouse=True)
def _undeclared(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be an unchanged project of 2.0.0, in a process that has said nothing yet."""
    settings.REST_FRAMEWORK = {}
    monkeypatch.setattr(throttling, "_said", False)


def allow(settings: Settings, **rates: str | None) -> None:
    none = dict.fromkeys(keys_below("THROTTLE_RATES"))
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "THROTTLE_RATES": none | rates}


def log_in(ident: str, password: str, **extra: str) -> int:
    data = {"ident": ident, "password": password}
    return int(post(APIClient(), "login", data, **extra).status_code)


@proxied
def test_a_stranger_behind_the_same_proxy_keeps_nobody_out(
    make_user: MakeUser, settings: Settings, there: dict[str, str]
) -> None:
    """By invented names, nor by the same name from what may be another client."""
    make_user()
    allow(settings, LOGIN_ADDRESS="3/min", LOGIN_ACCOUNT_ADDRESS="3/min")
    for number in range(6):
        assert log_in(f"nobody{number}@example.com", "wrong", **there) == 400
        assert log_in(ADA, "wrong", **there) == 400
    assert log_in(ADA, PASSWORD, **there) == 200


@proxied
def test_the_limit_per_account_holds_all_the_same(
    make_user: MakeUser, settings: Settings, there: dict[str, str]
) -> None:
    make_user()
    allow(settings, LOGIN_ACCOUNT="3/min")
    assert [log_in(ADA, "wrong", **there) for _ in range(4)] == [400, 400, 400, 429]


@proxied
def test_registrations_and_reset_mails_of_strangers_stop_nobodys(
    make_user: MakeUser, settings: Settings, there: dict[str, str]
) -> None:
    make_user()
    allow(
        settings,
        REGISTER="1/min",
        MAIL_ADDRESS="1/hour",
        LINK="1/min",
        VALIDATE_PASSWORD="1/min",
    )
    client = APIClient()
    for name in ("register", "activate", "pw_reset", "validate_password"):
        seen = [post(client, name, **there).status_code for _ in range(3)]
        assert seen == [400] * 3, name
    for ident in ("nobody@example.com", "nobody2@example.com", ADA):
        post(client, "send_pw_reset_email", {"ident": ident}, **there)
    assert [message.to for message in mail.outbox] == [[ADA]]
    answer = post(client, "register", registration("eve"), **there)
    assert answer.status_code == 201


CLAIMS = {
    "Via": {"HTTP_VIA": "1.1 nobody"},
    "X-Forwarded-For": {"HTTP_X_FORWARDED_FOR": "198.51.100.1"},
    "Forwarded": {"HTTP_FORWARDED": "for=198.51.100.1"},
    "X-Real-IP": {"HTTP_X_REAL_IP": "198.51.100.1"},
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
@pytest.mark.parametrize("known", [True, False])
def test_a_client_that_claims_to_be_a_proxy_leaves_others_a_login(
    make_user: MakeUser, claim: dict[str, str], known: bool
) -> None:
    """Of the thirty tries that an account has, whether or not there is one."""
    if known:
        make_user()
    there = {"REMOTE_ADDR": EDGE, **claim}
    seen = [log_in(ADA, "wrong", **there) for _ in range(40)]
    assert seen == [400] * 20 + [429] * 20
    assert log_in(ADA, "wrong", REMOTE_ADDR="198.51.100.77") == 400
    if known:
        assert log_in(ADA, PASSWORD, REMOTE_ADDR="198.51.100.77") == 200


@pytest.mark.parametrize("claims_first", [True, False])
def test_nor_does_it_by_claiming_that_now_and_then(
    make_user: MakeUser, claims_first: bool
) -> None:
    """What it has tried as itself is not on top of that."""
    make_user()
    here = {"REMOTE_ADDR": EDGE}
    ways = [here | CLAIMS["Via"], here][:: 1 if claims_first else -1]
    seen = [log_in(ADA, "wrong", **way) for way in ways for _ in range(30)]
    assert seen.count(400) == 20
    assert log_in(ADA, PASSWORD, REMOTE_ADDR="198.51.100.77") == 200


def test_nor_does_it_by_claiming_to_be_another_each_time(make_user: MakeUser) -> None:
    """Within one home's IPv6 addresses either."""
    make_user()
    claims = list(CLAIMS.values())
    for number in range(40):
        there = {"REMOTE_ADDR": f"2001:db8::{number:x}", **claims[number % 4]}
        log_in(ADA, "wrong", **there)
    assert log_in(ADA, PASSWORD, REMOTE_ADDR=EDGE) == 200


@proxied
def test_behind_a_proxy_some_wrong_passwords_of_others_keep_nobody_out(
    make_user: MakeUser, there: dict[str, str]
) -> None:
    """More than one client may have, at the rates that a project has by default."""
    make_user()
    assert [log_in(ADA, "wrong", **there) for _ in range(19)] == [400] * 19
    assert log_in(ADA, PASSWORD, **there) == 200


@pytest.mark.parametrize("proxies", [None, 0, 1])
def test_without_a_limit_per_address_no_address_has_a_share(
    settings: Settings, proxies: int | None
) -> None:
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    allow(settings, LOGIN_ACCOUNT="6/min")
    there = {"REMOTE_ADDR": EDGE, "HTTP_VIA": "1.1 nobody"}
    assert [log_in(ADA, "wrong", **there) for _ in range(7)] == [400] * 6 + [429]


KNOWN: dict[str, tuple[int | None, dict[str, str]]] = {
    "a public address": (None, {"REMOTE_ADDR": EDGE}),
    "a public IPv6 address": (None, {"REMOTE_ADDR": "2001:db8::1"}),
    "an address that a server has taken from the header": (
        None,
        {"REMOTE_ADDR": EDGE, "HTTP_X_FORWARDED_FOR": f"10.0.0.1, {EDGE}"},
    ),
    "an intranet without proxies": (0, {"REMOTE_ADDR": "10.1.2.3"}),
    "whatever a client adds where there are no proxies": (
        0,
        {"REMOTE_ADDR": EDGE, "HTTP_X_FORWARDED_FOR": "198.51.100.1"},
    ),
    "what the one proxy says": (
        1,
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": EDGE},
    ),
    "a public address past the proxy": (1, {"REMOTE_ADDR": EDGE}),
}


@pytest.mark.parametrize(("proxies", "there"), KNOWN.values(), ids=list(KNOWN))
def test_a_known_client_has_its_limit(
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    proxies: int | None,
    there: dict[str, str],
) -> None:
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    allow(settings, LOGIN_ADDRESS="2/min")
    seen = [log_in(f"nobody{n}@example.com", "wrong", **there) for n in range(3)]
    assert seen == [400, 400, 429]
    assert lines(caplog) == []


def test_a_declared_proxy_that_says_nothing_is_no_client(settings: Settings) -> None:
    """As where nginx was told to count, and not to pass on."""
    settings.REST_FRAMEWORK = {"NUM_PROXIES": 1}
    allow(settings, LOGIN_ADDRESS="1/min")
    there = {"REMOTE_ADDR": "127.0.0.1"}
    seen = [log_in(f"nobody{n}@example.com", "wrong", **there) for n in range(3)]
    assert seen == [400] * 3


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name == "ai_kit_auth"
    ]


@pytest.mark.parametrize(
    ("debug", "level"), [(False, logging.WARNING), (True, logging.INFO)]
)
@pytest.mark.parametrize(
    ("there", "name"), [("10.1.2.3", "10.1.2.3"), ("", "no address")]
)
def test_the_first_such_request_is_told_once(
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    debug: bool,
    level: int,
    there: str,
    name: str,
) -> None:
    settings.DEBUG = debug
    caplog.set_level(logging.INFO, "ai_kit_auth")
    for _ in range(3):
        log_in(ADA, "wrong", REMOTE_ADDR=there)
    [(said, text)] = lines(caplog)
    assert said == level
    assert f"from {name}, " in text
    assert "REST_FRAMEWORK = {'NUM_PROXIES': 1}" in text


def test_where_no_limit_needs_an_address_nothing_is_told(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    allow(settings, LOGIN_ACCOUNT="10/min")
    log_in(ADA, "wrong", REMOTE_ADDR="127.0.0.1")
    post(APIClient(), "register", REMOTE_ADDR="127.0.0.1")
    assert lines(caplog) == []


CLIENTS = [
    # A provider gives a home a /56.
    ("2001:db8:0:1::1", "2001:db8:0:ff::1", True),
    ("2001:db8:0:1::1", "2001:db8:0:100::1", False),
    # A translator writes each IPv4 client into one network (RFC 6052).
    ("64:ff9b::c633:6401", "64:ff9b::c633:6402", False),
    ("64:ff9b::c633:6401", "198.51.100.1", True),
    # And a local one into another (RFC 8215).
    ("64:ff9b:1::c633:6401", "64:ff9b:1::c633:6402", False),
    ("64:ff9b:1::c633:6401", "64:ff9b:1::c633:6401", True),
]


@pytest.mark.parametrize(("one", "other", "same"), CLIENTS)
def test_customers_of_ipv6_and_clients_of_translators(
    settings: Settings, one: str, other: str, same: bool
) -> None:
    allow(settings, LOGIN_ADDRESS="1/min")
    assert log_in("nobody@example.com", "wrong", REMOTE_ADDR=one) == 400
    second = log_in("nobody2@example.com", "wrong", REMOTE_ADDR=other)
    assert second == (429 if same else 400)
