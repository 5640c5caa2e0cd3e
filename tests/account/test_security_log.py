"""The security log has each event of the account page once, and no secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.signals import user_login_failed
from rest_framework.exceptions import PermissionDenied

from ai_kit_auth import services as core
from ai_kit_auth.account import services, signals

from ..conftest import OTHER_PASSWORD, PASSWORD, Connect
from ..crashes import crash
from ..test_links import own_link
from ..test_security_log import Line, Log, info, warning
from .page import ADA, EVERY_MODEL, NEW, WRONG, Browser, configure

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]


@pytest.fixture
def log(browser: Browser, caplog: pytest.LogCaptureFixture) -> Log:
    """Return the log since ada has logged in."""
    caplog.set_level("DEBUG")
    caplog.clear()
    return Log(caplog)


GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "confirm_password": ("password_confirmed", {}),
    "change_password": ("password_changed", {"new_password": OTHER_PASSWORD}),
    "logout_others": ("others_logged_out", {}),
    "change_email": ("email_change_requested", {"email": NEW}),
    "delete_account": ("account_deleted", {}),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_done_is_one_line(
    browser: Browser, ada: Any, log: Log, name: str
) -> None:
    event, body = GOOD[name]
    answer = browser.post(name, {"password": PASSWORD, **body})
    assert answer.status_code == 200
    assert log.lines() == info(event, ada)


@pytest.mark.parametrize("name", GOOD)
def test_so_is_a_wrong_password(
    browser: Browser, ada: Any, log: Log, name: str
) -> None:
    _, body = GOOD[name]
    assert browser.post(name, {"password": WRONG, **body}).status_code == 400
    assert log.lines() == warning("password_refused", "invalid_credentials", ada)


@pytest.mark.parametrize("name", ["logout_others", "change_email", "delete_account"])
def test_a_fresh_session_s_deed_looks_the_same(
    browser: Browser, ada: Any, log: Log, name: str
) -> None:
    event, body = GOOD[name]
    browser.confirm_password()
    # This one hashes the password anew, and needs it for that.
    needed = {"password": PASSWORD} if name == "logout_others" else {}
    assert browser.post(name, {**body, **needed}).status_code == 200
    assert log.lines() == [*info("password_confirmed", ada), *info(event, ada)]


def test_a_change_of_oneself(browser: Browser, ada: Any, log: Log) -> None:
    browser.patch({})
    assert log.lines() == info("account_updated", ada)


def test_a_link_that_confirms_an_address(ada: Any, log: Log) -> None:
    link = own_link(services.get_email_change_url(ada, NEW))
    visitor = Browser()
    assert visitor.post("confirm_email", link).status_code == 200
    assert visitor.post("confirm_email", link).status_code == 400
    assert log.lines() == [
        *info("email_changed", ada),
        *warning("link_refused", "email_change_link_invalid"),
    ]


def test_a_request_for_the_activation_mail(ada: Any, log: Log) -> None:
    """The account is active, so no mail is sent; only the log shows that."""
    for _ in range(2):
        Browser().post("resend_activation_email", {"email": ADA})
    assert log.lines() == [
        *info("resend_requested"),
        *warning("throttled", "throttled"),
    ]


@pytest.mark.user_model("auth_user", "email_login", "uuid_key", "extra_field")
def test_a_request_by_who_waits(log: Log, make_user: Callable[..., Any]) -> None:
    eve = make_user("eve", is_active=False)
    Browser().post("resend_activation_email", {"email": "eve@example.com"})
    assert log.lines() == info("resend_requested", eve)


def test_who_asks_too_often_and_who_has_no_token(
    browser: Browser, log: Log, settings: Settings
) -> None:
    configure(settings, THROTTLE_RATES={"ACCOUNT": "1/min"})
    browser.patch({})
    browser.patch({})
    browser.patch({}, headers={})
    [_, throttled, forged] = log.lines()
    assert throttled == Line("throttled", "throttled", "-", warning=True)
    assert forged == Line("csrf_failed", "csrf_failed", "-", warning=True)


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("confirm_password", signals.user_pre_confirm_password),
        ("change_password", signals.user_post_change_password),
        ("logout_others", signals.user_post_logout_others),
        ("change_email", signals.user_pre_change_email),
        ("delete_account", signals.user_post_delete_account),
    ],
)
def test_what_a_receiver_refuses_is_no_event(
    browser: Browser, log: Log, connect: Connect, name: str, signal: Any
) -> None:
    def veto(**kwargs: Any) -> None:
        raise PermissionDenied

    connect(signal, veto)
    _, body = GOOD[name]
    assert browser.post(name, {"password": PASSWORD, **body}).status_code == 403
    assert log.lines() == []


def test_no_secret_is_logged_anywhere(
    browser: Browser, ada: Any, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor any name in the security log."""
    link = own_link(services.get_email_change_url(ada, NEW))
    reset = own_link(core.get_password_reset_url(ada))
    keys = {browser.cookie()}
    browser.confirm_password(WRONG)
    browser.confirm_password()
    browser.post("logout_others")
    keys.add(browser.cookie())
    browser.post("confirm_email", {**link, "ident": "x"})
    browser.post("confirm_email", link)
    browser.post("change_email", {"email": "ada@third.example"})
    browser.post("change_password", {"new_password": OTHER_PASSWORD})
    keys.add(browser.cookie())
    browser.post("delete_account", {"password": OTHER_PASSWORD})
    tokens = {link["token"], reset["token"]}
    secrets = {PASSWORD, OTHER_PASSWORD, WRONG, *keys, *tokens}
    assert [secret for secret in secrets if secret in caplog.text] == []
    # A random key may hold the name by chance.
    texts = "\n".join(log.texts()).replace(str(ada.pk), "")
    assert "ada" not in texts.lower()
    assert len(log.lines()) >= 6


@pytest.mark.parametrize("password", [PASSWORD, WRONG])
@pytest.mark.parametrize("name", GOOD)
def test_a_crash_report_has_no_password_in_it(
    browser: Browser, connect: Connect, reports: list[str], name: str, password: str
) -> None:
    connect(user_login_failed, crash)
    connect(getattr(signals, f"user_post_{name}"), crash)
    browser.client.raise_request_exception = False
    _, body = GOOD[name]
    answer = browser.post(name, {"password": password, **body})
    assert answer.status_code == 500
    assert "the database is on fire" in reports[0]
    for secret in (PASSWORD, OTHER_PASSWORD, WRONG, "md5$"):
        assert secret not in reports[0]
