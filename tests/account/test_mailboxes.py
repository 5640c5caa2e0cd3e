"""Limits of the mails to one mailbox, by client, and the cost of a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.account import services as account

from ..accounts import post, registration
from ..conftest import OTHER_PASSWORD, PASSWORD, Clock, MakeUser
from ..test_throttling import log_in
from .page import NEW, Browser, configure

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model("auth_user")]

ADA = "ada@example.com"
CHANGED = "Your password was changed - app.example.com"
STRANGER = "192.0.2.66"
OWNER = "203.0.113.9"


def mailed(name: str, data: dict[str, Any], address: str = STRANGER) -> int:
    """Post ``data`` anonymously; return how many mails that was."""
    before = len(mail.outbox)
    answer = post(APIClient(), name, data, REMOTE_ADDR=address)
    assert answer.status_code in {200, 201}
    return len(mail.outbox) - before


def reset(address: str = STRANGER) -> int:
    return mailed("send_pw_reset_email", {"email": ADA}, address)


def test_one_ip_address_leaves_the_owner_a_reset_mail(make_user: MakeUser) -> None:
    make_user()
    assert [reset() for _ in range(8)] == [1, 1, 1, 0, 0, 0, 0, 0]
    assert [reset(OWNER) for _ in range(4)] == [1, 1, 0, 0]


def test_one_ip_address_leaves_the_owner_an_activation_mail(
    make_user: MakeUser, settings: Settings
) -> None:
    configure(settings, THROTTLE_RATES={"RESEND_RECIPIENT": None})
    make_user(is_active=False)
    asked = {"email": ADA}
    sent = [mailed("resend_activation_email", asked) for _ in range(5)]
    assert sent == [1, 1, 1, 0, 0]
    assert mailed("resend_activation_email", asked, OWNER) == 1


def test_registrations_of_a_taken_address_leave_the_owner_a_reset_mail(
    make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    taken = {**registration("eve"), "email": ADA}
    assert [mailed("register", taken) for _ in range(5)] == [1, 1, 1, 0, 0]
    assert reset() == 0
    assert reset(OWNER) == 1


@pytest.mark.parametrize("hidden", [True, False])
def test_one_account_leaves_others_the_mails_to_a_new_address(
    make_user: MakeUser, settings: Settings, hidden: bool
) -> None:
    """From whichever IP addresses it asks."""
    configure(settings, PREVENT_ENUMERATION=hidden)
    make_user("mallory")
    make_user()
    strangers, owners = Browser(STRANGER), Browser(OWNER)
    strangers.log_in("mallory@example.com")
    owners.log_in()

    def to_new(browser: Browser) -> int:
        body = {"email": NEW, "password": PASSWORD}
        assert browser.post("change_email", body).status_code == 200
        return len([message for message in mail.outbox if message.to == [NEW]])

    seen = []
    for number in range(6):
        strangers.client.defaults["REMOTE_ADDR"] = f"198.51.100.{number}"
        seen.append(to_new(strangers))
    assert seen == [1, 2, 3, 3, 3, 3]
    assert to_new(owners) == 4


def test_a_change_to_a_taken_address_mails_its_owner_within_the_owners_mails(
    make_user: MakeUser, settings: Settings
) -> None:
    configure(settings, PREVENT_ENUMERATION=True)
    make_user("mallory")
    make_user()
    browser = Browser(STRANGER)
    browser.log_in("mallory@example.com")
    for _ in range(6):
        browser.post("change_email", {"email": ADA, "password": PASSWORD})
    assert len([message for message in mail.outbox if message.to == [ADA]]) == 3
    assert [reset(OWNER) for _ in range(3)] == [1, 1, 0]


@pytest.mark.parametrize("address", ["", "127.0.0.1", "10.0.0.7"])
def test_where_the_ip_address_is_not_known_a_kind_of_mail_has_the_share(
    make_user: MakeUser, settings: Settings, address: str
) -> None:
    """Mails without a link leave room for those with one."""
    settings.REST_FRAMEWORK = {}
    make_user()
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    taken = {**registration("eve"), "email": ADA}
    assert sum(mailed("register", taken, address) for _ in range(6)) == 3
    assert [reset(address) for _ in range(3)] == [1, 1, 0]


def test_a_mailbox_is_not_refused_when_its_links_have_expired(
    make_user: MakeUser, settings: Settings, clock: Clock
) -> None:
    settings.PASSWORD_RESET_TIMEOUT = 600
    make_user()
    for number in range(6):
        reset(f"198.51.100.{number}")
    assert reset(OWNER) == 0
    clock.now += 601
    assert reset(OWNER) == 1


def test_a_mailbox_is_not_refused_when_activation_links_have_expired(
    make_user: MakeUser, settings: Settings, clock: Clock
) -> None:
    configure(
        settings, ACTIVATION_TIMEOUT=900, THROTTLE_RATES={"RESEND_RECIPIENT": None}
    )
    make_user(is_active=False)
    asked = {"email": ADA}
    for number in range(6):
        mailed("resend_activation_email", asked, f"198.51.100.{number}")
    assert mailed("resend_activation_email", asked, OWNER) == 0
    clock.now += 901
    assert mailed("resend_activation_email", asked, OWNER) == 1


def test_links_that_a_new_address_made_void_do_not_count(make_user: MakeUser) -> None:
    """The rest of what revokes them is in :func:`ai_kit_auth.accounts.state_digest`."""
    user = make_user()
    for number in range(6):
        reset(f"198.51.100.{number}")
    assert reset(OWNER) == 0
    user.email = "ada@example.org"
    user.save()
    data = {"email": "ada@example.org"}
    assert mailed("send_pw_reset_email", data, OWNER) == 1


def test_reset_mails_that_were_refused_do_not_count(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user()
    with monkeypatch.context() as patch:
        patch.setattr(services, "send_email", _refuse)
        assert [reset() for _ in range(6)] == [0] * 6
    assert reset() == 1


def _refuse(*args: object, **kwargs: object) -> None:
    raise ConnectionRefusedError


def test_mails_about_a_taken_address_that_were_refused_do_not_count(
    make_user: MakeUser, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(settings, PREVENT_ENUMERATION=True)
    make_user("mallory")
    make_user()
    taken = {**registration("eve"), "email": ADA}
    browser = Browser(STRANGER)
    browser.log_in("mallory@example.com")
    with monkeypatch.context() as patch:
        patch.setattr(services, "send_email", _refuse)
        assert [mailed("register", taken) for _ in range(4)] == [0] * 4
        for _ in range(4):
            browser.post("change_email", {"email": ADA, "password": PASSWORD})
    assert [reset() for _ in range(4)] == [1, 1, 1, 0]


@pytest.mark.parametrize("hidden", [True, False])
def test_mails_to_a_new_address_that_were_refused_do_not_count(
    make_user: MakeUser,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    hidden: bool,
) -> None:
    configure(settings, PREVENT_ENUMERATION=hidden)
    make_user()
    browser = Browser(OWNER)
    browser.log_in()
    body = {"email": NEW, "password": PASSWORD}
    with monkeypatch.context() as patch:
        patch.setattr(services, "send_email", _refuse)
        for _ in range(4):
            browser.post("change_email", body)
    browser.post("change_email", body)
    assert [message.to for message in mail.outbox if message.to == [NEW]] == [[NEW]]


def test_registrations_whose_mail_was_refused_do_not_count(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    with monkeypatch.context() as patch:
        patch.setattr(services, "send_email", _refuse)
        for _ in range(6):
            assert mailed("register", registration("ada")) == 0
    # No account, and so the key of what was typed: none of its slots is taken.
    assert mailed("register", registration("ada")) == 1
    assert log_in(APIClient(), ADA, PASSWORD).status_code == 400


def test_refused_mails_count_for_who_asks(
    make_user: MakeUser, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a mailbox that takes nothing would be a way to make us work."""
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        "THROTTLE_RATES": {"MAIL_ADDRESS": "2/hour"},
    }
    make_user()
    with monkeypatch.context() as patch:
        patch.setattr(services, "send_email", _refuse)
        assert [reset() for _ in range(2)] == [0, 0]
    assert [reset(), reset(OWNER)] == [0, 1]


def change_password(browser: Browser, times: int) -> list[str]:
    """Change the password so often; return the subjects of the mails about it."""
    mail.outbox.clear()
    old, new = PASSWORD, OTHER_PASSWORD
    for _ in range(times):
        body = {"password": old, "new_password": new}
        assert browser.post("change_password", body).status_code == 200
        old, new = new, old
    return [str(sent.subject) for sent in mail.outbox]


def test_one_mailbox_gets_five_notices_of_a_kind(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    assert change_password(browser, 8) == [CHANGED] * 5
    events = [getattr(record, "event", "") for record in caplog.records]
    assert events.count("throttled") == 3


def test_notices_leave_the_owner_the_reset_mails_and_other_notices(
    browser: Browser,
) -> None:
    change_password(browser, 6)
    assert [reset() for _ in range(4)] == [1, 1, 1, 0]
    mail.outbox.clear()
    assert browser.post("delete_account", {"password": PASSWORD}).status_code == 200
    assert [sent.to for sent in mail.outbox] == [[ADA]]


def test_a_notice_that_failed_does_not_count(
    browser: Browser, settings: Settings
) -> None:
    configure(settings, SEND_SECURITY_NOTICE=f"{__name__}.refuse_notice")
    assert change_password(browser, 6) == []
    configure(
        settings,
        SEND_SECURITY_NOTICE="ai_kit_auth.account.services.default_send_security_notice",
    )
    assert change_password(browser, 6) == [CHANGED] * 5


def refuse_notice(user: Any, notice: str) -> None:
    raise OSError("the mail service is down")


def test_a_notice_of_a_reset_counts_without_its_request(
    ada: Any, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    configure(settings, SECURITY_NOTICES={"PASSWORD_RESET": True})
    for _ in range(6):
        account.send_security_notice(ada, "PASSWORD_RESET")
    assert len(mail.outbox) == 5
    [line] = [r for r in caplog.records if getattr(r, "event", "") == "throttled"]
    assert line.getMessage().endswith(f"user={ada.pk} address=-")
