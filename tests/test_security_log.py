"""The security log has each event once, and no secret."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import (
    user_logged_in,
    user_logged_out,
    user_login_failed,
)
from django.core.mail.backends.locmem import EmailBackend
from django.dispatch import Signal
from django.urls import reverse
from rest_framework.exceptions import PermissionDenied
from rest_framework.test import APIClient, APIRequestFactory

from ai_kit_auth import security_log, services, signals
from ai_kit_auth.security_log import EVENTS

from . import accounts
from .conftest import OTHER_PASSWORD, PASSWORD, MakeUser, with_activation

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


ADA = "ada@example.com"
HERE = "192.0.2.7"
WRONG = "a wrong guess indeed"


@pytest.fixture
def client() -> APIClient:
    return APIClient(enforce_csrf_checks=True, REMOTE_ADDR=HERE)


@dataclass(frozen=True)
class Line:
    """What a line says, after a look at whether its parts say the same."""

    event: str
    code: str
    user: str
    warning: bool


@dataclass
class Log:
    caplog: pytest.LogCaptureFixture

    def texts(self) -> list[str]:
        return [
            record.getMessage()
            for record in self.caplog.records
            if record.name == "ai_kit_auth.security"
        ]

    def lines(self) -> list[Line]:
        """Return the lines since the last call."""
        lines = []
        for record in self.caplog.records:
            if record.name == "ai_kit_auth.security":
                said = vars(record)
                assert record.getMessage() == (
                    f"event={said['event']} code={said['code']} "
                    f"user={said['user_pk']} address={said['address']}"
                )
                assert said["address"] == HERE
                assert record.levelno in {logging.INFO, logging.WARNING}
                warning = record.levelno == logging.WARNING
                lines.append(
                    Line(said["event"], said["code"], said["user_pk"], warning)
                )
        self.caplog.clear()
        return lines


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    caplog.set_level(logging.DEBUG)
    return Log(caplog)


def info(event: str, user: Any = None) -> list[Line]:
    return [Line(event, "-", "-" if user is None else str(user.pk), warning=False)]


def warning(event: str, code: str, user: Any = None) -> list[Line]:
    return [Line(event, code, "-" if user is None else str(user.pk), warning=True)]


# Logins


def test_a_login(client: APIClient, make_user: MakeUser, log: Log) -> None:
    user = make_user()
    assert accounts.log_in(client, ADA).status_code == 200
    assert log.lines() == info("login_succeeded", user)


def test_a_wrong_password(client: APIClient, make_user: MakeUser, log: Log) -> None:
    """The answer shows nothing, the log has the account."""
    user = make_user()
    assert accounts.log_in(client, ADA, WRONG).status_code == 400
    assert log.lines() == warning("login_failed", "invalid_credentials", user)


def test_an_unknown_account(client: APIClient, log: Log) -> None:
    assert accounts.log_in(client, ADA).status_code == 400
    assert log.lines() == warning("login_failed", "invalid_credentials")


@with_activation
def test_an_account_that_is_not_active(
    client: APIClient, make_user: MakeUser, log: Log
) -> None:
    user = make_user(is_active=False)
    assert accounts.log_in(client, ADA).status_code == 400
    assert log.lines() == warning("login_failed", "invalid_credentials", user)


def test_a_login_that_a_receiver_vetoes_is_none(
    client: APIClient, make_user: MakeUser, log: Log
) -> None:
    def veto(**kwargs: object) -> None:
        raise PermissionDenied

    make_user()
    signals.user_pre_login.connect(veto)
    assert accounts.log_in(client, ADA).status_code == 403
    signals.user_pre_login.disconnect(veto)
    assert "login_succeeded" not in {line.event for line in log.lines()}


def test_a_logout(client: APIClient, make_user: MakeUser, log: Log) -> None:
    user = make_user()
    token = accounts.log_in(client, ADA).json()["csrf"]
    log.lines()
    answer = accounts.post(client, "logout", headers={"X-CSRFToken": token})
    assert answer.status_code == 200
    assert log.lines() == info("logged_out", user)


def test_a_request_without_the_token(
    client: APIClient, make_user: MakeUser, log: Log
) -> None:
    """At login, and at a logout that a foreign page causes."""
    make_user()
    credentials = {"ident": ADA, "password": PASSWORD}
    assert accounts.post(client, "login", credentials).status_code == 403
    assert log.lines() == warning("csrf_failed", "csrf_failed")
    accounts.log_in(client, ADA)
    log.lines()
    assert accounts.post(client, "logout").json() == {"error": "csrf_failed"}
    assert log.lines() == warning("csrf_failed", "csrf_failed")


# Registrations and links


def test_a_registration(client: APIClient, log: Log) -> None:
    assert accounts.post(client, "register", accounts.registration()).status_code == 201
    assert log.lines() == info("registered", accounts.the_user())


def test_a_registration_that_is_refused_is_none(
    client: APIClient, make_user: MakeUser, log: Log
) -> None:
    make_user()
    assert accounts.post(client, "register", accounts.registration()).status_code == 400
    assert accounts.post(client, "register").status_code == 400
    assert log.lines() == []


def refuse(*args: object) -> int:
    raise ConnectionRefusedError("nobody listens")


@with_activation
def test_a_registration_whose_mail_fails_is_none(
    client: APIClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    assert accounts.post(client, "register", accounts.registration()).status_code == 503
    assert log.lines() == []


@with_activation
def test_an_activation(client: APIClient, log: Log) -> None:
    """Once; a second use of the link is refused and logged."""
    accounts.post(client, "register", accounts.registration())
    log.lines()
    assert accounts.post(client, "activate", accounts.mailed_link()).status_code == 200
    assert log.lines() == info("activated", accounts.the_user())
    assert accounts.post(client, "activate", accounts.mailed_link()).status_code == 400
    assert log.lines() == warning("link_refused", "activation_link_invalid")


def test_a_reset(client: APIClient, make_user: MakeUser, log: Log) -> None:
    user = make_user()
    accounts.post(client, "send_pw_reset_email", {"email": ADA})
    assert log.lines() == info("reset_requested", user)
    data = {**accounts.mailed_link(), "password": OTHER_PASSWORD}
    assert accounts.post(client, "pw_reset", data).status_code == 200
    assert log.lines() == info("password_reset", user)
    assert accounts.post(client, "pw_reset", data).status_code == 400
    assert log.lines() == warning("link_refused", "reset_password_link_invalid")


def test_a_reset_that_is_asked_for_nobody(client: APIClient, log: Log) -> None:
    accounts.post(client, "send_pw_reset_email", {"email": ADA})
    assert log.lines() == info("reset_requested")


@with_activation
def test_a_reset_that_is_asked_for_an_account_that_gets_none(
    client: APIClient, make_user: MakeUser, log: Log
) -> None:
    user = make_user()
    type(user)._default_manager.update(is_active=False)
    accounts.post(client, "send_pw_reset_email", {"email": ADA})
    assert log.lines() == info("reset_requested")


def test_a_weak_password_is_no_event(
    client: APIClient, make_user: MakeUser, log: Log
) -> None:
    link = services.get_password_reset_url(make_user()).partition("ident=")[2]
    ident, _, token = link.partition("&token=")
    data = {"ident": ident, "token": token, "password": "12345678"}
    assert "password" in accounts.post(client, "pw_reset", data).json()
    assert log.lines() == []


def test_what_is_no_event(client: APIClient, log: Log) -> None:
    """Calls of ``me/``, checks of a password, and incomplete forms."""
    client.get(reverse("ai_kit_auth:me"))
    typed = {"email": ADA, "password": PASSWORD}
    assert accounts.post(client, "validate_password", typed).status_code == 200
    assert accounts.post(client, "logout").json() == {"error": "not_authenticated"}
    for route in ("pw_reset", "register"):
        assert accounts.post(client, route).status_code == 400
    assert accounts.post(client, "login", **accounts.csrf(client)).status_code == 400
    assert log.lines() == []


# Throttles


THROTTLED: dict[str, Callable[[APIClient], Any]] = {
    "LOGIN_ADDRESS": lambda client: accounts.log_in(client, ADA, WRONG),
    "REGISTER": lambda client: accounts.post(client, "register"),
    "VALIDATE_PASSWORD": lambda client: accounts.post(client, "validate_password"),
    "LINK": lambda client: accounts.post(client, "pw_reset"),
}


@pytest.mark.parametrize("scope", THROTTLED)
def test_who_is_throttled(
    client: APIClient, settings: Settings, log: Log, scope: str
) -> None:
    allow(settings, scope)
    assert THROTTLED[scope](client).status_code == 400
    log.lines()
    assert THROTTLED[scope](client).status_code == 429
    assert log.lines() == warning("throttled", "throttled")


@pytest.mark.parametrize("scope", ["MAIL_ADDRESS", "MAIL_RECIPIENT"])
def test_a_reset_mail_that_is_throttled(
    client: APIClient, make_user: MakeUser, settings: Settings, log: Log, scope: str
) -> None:
    """The client sees no difference, the log does."""
    user = make_user()
    allow(settings, scope)
    accounts.post(client, "send_pw_reset_email", {"email": ADA})
    assert log.lines() == info("reset_requested", user)
    accounts.post(client, "send_pw_reset_email", {"email": ADA})
    assert log.lines() == warning("throttled", "throttled", user)


def allow(settings: Settings, scope: str) -> None:
    rates = {"THROTTLE_RATES": {scope: "1/hour"}}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **rates}


# What is in a line


def a_whole_journey(client: APIClient, settings: Settings) -> set[str]:
    """Meet every event, whatever can go wrong included; return the secrets."""
    secrets = {PASSWORD, OTHER_PASSWORD, WRONG}

    def follow(route: str, **more: str) -> None:
        link = accounts.mailed_link()
        secrets.add(link["token"])
        accounts.post(client, route, {**link, "token": link["token"][:-1], **more})
        accounts.post(client, route, {**link, **more})
        accounts.post(client, route, {**link, **more})

    accounts.post(client, "register", {"email": "ada@", "password": PASSWORD})
    accounts.post(client, "register", accounts.registration())
    accounts.post(client, "register", accounts.registration())
    accounts.log_in(client, ADA)
    if accounts.has_activation():
        follow("activate")
    typed = {"email": ADA, "password": PASSWORD}
    accounts.post(client, "validate_password", typed)
    accounts.post(client, "login", {"ident": ADA, "password": PASSWORD})
    for ident in (ADA, "ada", "nobody@example.com"):
        accounts.log_in(client, ident, WRONG)
    answer = accounts.log_in(client, ADA)
    assert answer.status_code == 200
    token = {"X-CSRFToken": answer.json()["csrf"]}
    secrets |= {client.cookies["sessionid"].value, answer.json()["csrf"]}
    assert accounts.post(client, "logout", headers=token).status_code == 200
    allow(settings, "MAIL_RECIPIENT")
    for ident in (ADA, ADA, "nobody@example.com"):
        accounts.post(client, "send_pw_reset_email", {"ident": ident})
    follow("pw_reset", password=OTHER_PASSWORD)
    assert accounts.log_in(client, ADA, OTHER_PASSWORD).status_code == 200
    return secrets


# In the tests of that page.
OF_THE_ACCOUNT_PAGE = {
    "resend_requested",
    "password_confirmed",
    "password_refused",
    "password_changed",
    "others_logged_out",
    "email_change_requested",
    "email_changed",
    "account_updated",
    "account_deleted",
}


def test_a_whole_journey_meets_all_events_and_leaks_nothing(
    client: APIClient, settings: Settings, log: Log
) -> None:
    """No password, token or session key anywhere, and no name in the security log."""
    secrets = a_whole_journey(client, settings)
    everything = log.caplog.text
    assert [secret for secret in secrets if secret in everything] == []
    texts = "\n".join(log.texts())
    for user in get_user_model()._default_manager.all():
        # A random key may hold the name by chance.
        texts = texts.replace(str(user.pk), "")
    assert "ada" not in texts.lower()
    assert "nobody" not in texts
    unreachable = set() if accounts.has_activation() else {"activated"}
    met = {line.event for line in log.lines()}
    assert met == set(EVENTS) - OF_THE_ACCOUNT_PAGE - unreachable


def test_a_name_that_reads_like_a_line_gets_nowhere(
    client: APIClient, log: Log
) -> None:
    forged = "x\nevent=login_succeeded code=- user=1 address=192.0.2.1"
    accounts.log_in(client, forged, forged)
    accounts.post(client, "send_pw_reset_email", {"email": forged})
    accounts.post(client, "activate", {"ident": forged, "token": forged})
    assert [line.event for line in log.lines()] == [
        "login_failed",
        "reset_requested",
        "link_refused",
    ]


@pytest.mark.parametrize(
    "address",
    [
        "x event=login_succeeded user=1",
        "x\nevent=login_succeeded code=- user=1 address=192.0.2.1",
        "x\x1b[2J\x00\u2028y",
        "x" * 10_000,
    ],
)
def test_an_address_forges_no_fields(
    client: APIClient, settings: Settings, log: Log, address: str
) -> None:
    """An address from a header, if NUM_PROXIES is too high."""
    settings.REST_FRAMEWORK = {"NUM_PROXIES": 1}
    accounts.log_in(APIClient(HTTP_X_FORWARDED_FOR=address), ADA)
    [text] = log.texts()
    fixed = "event=login_failed code=invalid_credentials user=- address="
    assert re.fullmatch(re.escape(fixed) + r"[!-<>-~]{1,64}", text), text


@pytest.mark.parametrize(
    ("key", "written"),
    [
        (7, "7"),
        ("x\nevent=login_succeeded user=1", "x%0Aevent%3Dlogin_succeeded%20user%3D1"),
        ("a b", "a%20b"),
        ("ada@example.com", "ada@example.com"),
        ("-", "-"),
        ("\u2028é", "%E2%80%A8%C3%A9"),
    ],
)
def test_a_primary_key_that_is_a_text_forges_no_fields(
    log: Log, key: Any, written: str
) -> None:
    """Whatever the user model keeps its keys in."""
    request = APIRequestFactory().get("/", REMOTE_ADDR=HERE)
    security_log.log("logged_out", request, user=get_user_model()(pk=key))
    assert log.texts() == [f"event=logged_out code=- user={written} address={HERE}"]


def test_the_address_is_what_throttles_count_by(settings: Settings, log: Log) -> None:
    settings.REST_FRAMEWORK = {"NUM_PROXIES": 1}
    accounts.log_in(APIClient(REMOTE_ADDR="2001:db8:0:1::1"), ADA)
    accounts.log_in(APIClient(HTTP_X_FORWARDED_FOR="10.0.0.1, 198.51.100.1"), ADA)
    assert [text.rpartition("=")[2] for text in log.texts()] == [
        "2001:db8::/56",
        "198.51.100.1",
    ]


def test_the_events_are_documented() -> None:
    """Each by a name that a log's filter can rely on."""
    assert [name for name in EVENTS if not re.fullmatch("[a-z]+(_[a-z]+)*", name)] == []
    assert all(EVENTS.values())


# Django's own signals


@pytest.fixture
def heard() -> Iterator[list[Signal]]:
    """Yield the list of Django's signals, as they come."""
    heard: list[Signal] = []

    def hear(signal: Signal, **kwargs: object) -> None:
        heard.append(signal)

    for signal in (user_logged_in, user_logged_out, user_login_failed):
        signal.connect(hear, dispatch_uid=__name__)
    yield heard
    for signal in (user_logged_in, user_logged_out, user_login_failed):
        signal.disconnect(dispatch_uid=__name__)


def test_djangos_signals_come_once_an_event(
    client: APIClient, make_user: MakeUser, log: Log, heard: list[Signal]
) -> None:
    """In addition to our log, so receivers of a project still work."""
    make_user()
    accounts.log_in(client, ADA, WRONG)
    accounts.log_in(client, "nobody@example.com")
    assert heard == [user_login_failed] * 2
    heard.clear()
    # The second login of one browser is one more.
    token = [accounts.log_in(client, ADA).json()["csrf"] for _ in range(2)][1]
    assert heard == [user_logged_in] * 2
    heard.clear()
    accounts.post(client, "logout", headers={"X-CSRFToken": token})
    assert heard == [user_logged_out]
    assert [line.event for line in log.lines()] == [
        "login_failed",
        "login_failed",
        "login_succeeded",
        "login_succeeded",
        "logged_out",
    ]


def test_a_login_that_is_throttled_is_no_failed_one(
    client: APIClient, settings: Settings, heard: list[Signal]
) -> None:
    """Its password was never looked at."""
    allow(settings, "LOGIN_ADDRESS")
    assert accounts.log_in(client, ADA).status_code == 400
    assert accounts.log_in(client, ADA).status_code == 429
    assert heard == [user_login_failed]
