"""The mail after a login in a browser that was not known, and its link."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.urls import reverse
from rest_framework.exceptions import PermissionDenied
from rest_framework.test import APIClient

from ai_kit_auth.services import get_password_reset_url
from ai_kit_auth.sessions import new_devices, services
from ai_kit_auth.signals import sessions_ended, user_post_login
from tests.account.page import ADA, Browser, answer_of, configure
from tests.accounts import mailed_link, post
from tests.conftest import OTHER_PASSWORD, Connect
from tests.queues import Queue, use, with_tasks

from .browsers import DOWN, PHONE, browser, listed

pytestmark = pytest.mark.django_db

SUBJECT = "New login to your account"
INVALID = (400, {"error": "not_me_link_invalid"})
DAY = 24 * 60 * 60


@pytest.fixture(autouse=True)
def _notices(settings: Any) -> None:
    configure(settings, SECURITY_NOTICES={"NEW_DEVICE": True}, DEVICE_COOKIE_AGE=DAY)


def subjects() -> list[str]:
    return [str(message.subject).split(" - ")[0] for message in mail.outbox]


def use_link(link: dict[str, str]) -> tuple[int, Any]:
    return answer_of(post(APIClient(), "not_me", link))


# The mail


def test_a_login_in_a_new_browser_is_mailed(ada: Any) -> None:
    browser()
    assert subjects() == []
    browser(PHONE, "198.51.100.9")
    message: Any
    [message] = mail.outbox
    assert message.to == [ADA]
    assert subjects() == [SUBJECT]
    html = str(message.alternatives[0][0])
    for text in (str(message.body), html):
        assert "Mobile Safari" in text
        assert "iOS" in text
        assert "198.51.100.0/24" in text
        assert "198.51.100.9" not in text
        assert "https://app.example.com/auth/not_me?ident=" in text
    assert mailed_link().keys() == {"ident", "token"}


def test_each_mail_tells_of_its_own_login(ada: Any) -> None:
    browser()
    browser(PHONE, "198.51.100.9")
    browser(address="203.0.113.5")
    first, second = (str(message.body) for message in mail.outbox)
    assert "198.51.100.0/24" in first
    assert "203.0.113.0/24" in second
    assert "198.51.100" not in second


def test_a_known_browser_is_not_mailed(ada: Any) -> None:
    own = browser()
    own.post("logout")
    own.log_in()
    assert subjects() == []


def test_the_first_login_is_not_mailed_and_a_later_one_by_any_view_is(
    ada: Any,
) -> None:
    APIClient().force_login(ada)
    assert subjects() == []
    APIClient().force_login(ada)
    assert subjects() == [SUBJECT]


def test_an_account_without_records_has_logged_in_before(ada: Any) -> None:
    browser()
    services.rows().delete()
    browser(PHONE)
    assert subjects() == [SUBJECT]


@pytest.mark.parametrize(
    "change",
    [
        {"SECURITY_NOTICES": {"NEW_DEVICE": False}},
        {"DEVICE_COOKIE_AGE": None},
        {"ENABLE_ENDPOINTS": {"SESSIONS": False}},
    ],
)
def test_without_one_of_the_settings_nothing_is_mailed(
    ada: Any, settings: Any, change: dict[str, Any]
) -> None:
    configure(settings, **change)
    browser()
    browser(PHONE)
    assert subjects() == []


def test_a_refused_login_is_not_mailed(ada: Any, connect: Connect) -> None:
    browser()

    def veto(**kwargs: object) -> None:
        raise PermissionDenied

    connect(user_post_login, veto)
    assert Browser().log_in().status_code == 403
    assert subjects() == []


@with_tasks
def test_a_worker_mails_it(ada: Any, settings: Any) -> None:
    use(settings, "Dummy")
    queue = Queue()
    browser()
    browser(PHONE)
    assert subjects() == []
    assert [task["purpose"] for task in queue.tasks()] == ["NEW_DEVICE"]
    queue.work()
    assert "Mobile Safari" in str(mail.outbox[0].body)


def test_a_record_that_is_gone_leaves_the_mail_without_a_device(ada: Any) -> None:
    new_devices.mail_new_device(ada)
    assert "Browser:" not in str(mail.outbox[0].body)


def test_a_project_mails_it_itself(ada: Any, settings: Any) -> None:
    found: list[Any] = []
    configure(
        settings,
        SEND_NEW_DEVICE_MAIL=lambda user, url: found.append((user.new_device, url)),
    )
    browser()
    browser(PHONE)
    [(device, url)] = found
    assert list(device) == ["browser", "system", "kind", "time", "ip_address"]
    assert url.startswith("https://app.example.com/auth/not_me?")
    assert subjects() == []


# The link


@pytest.fixture
def link(ada: Any) -> dict[str, str]:
    browser()
    browser(PHONE)
    return mailed_link()


def test_the_link_ends_all_sessions_and_mails_a_reset(
    ada: Any, caplog: pytest.LogCaptureFixture, connect: Connect
) -> None:
    ended: list[str] = []
    connect(sessions_ended, lambda by, **kwargs: ended.append(by))
    own, thief = browser(), browser(PHONE)
    link = mailed_link()
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        assert use_link(link) == (200, {})
    assert "event=login_disowned" in caplog.text
    assert (own.me(), thief.me(), ended) == (None, None, ["not_me"])
    assert subjects()[1:] == ["Reset your password"]
    reset = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(APIClient(), "pw_reset", reset).status_code == 200


def test_no_browser_is_known_after_it(ada: Any, link: dict[str, str]) -> None:
    own = browser()
    mail.outbox.clear()
    use_link(link)
    mail.outbox.clear()
    own.log_in()
    assert subjects() == [SUBJECT]


def test_the_link_works_once(ada: Any, link: dict[str, str]) -> None:
    assert use_link(link) == (200, {})
    again = browser()
    assert use_link(link) == INVALID
    assert again.me() is not None


def test_a_login_of_the_thief_leaves_the_link_alone(
    ada: Any, link: dict[str, str]
) -> None:
    thief = browser(PHONE)
    assert use_link(link) == (200, {})
    assert thief.me() is None


def test_a_wrong_link_changes_nothing(ada: Any, link: dict[str, str]) -> None:
    own = browser()
    reset = get_password_reset_url(ada)
    for wrong in (
        {**link, "token": link["token"][:-1]},
        {**link, "ident": "999"},
        {**link, "token": reset.rpartition("=")[2]},
    ):
        assert use_link(wrong) == INVALID
    assert use_link({}) == (400, {"ident": ["required"], "token": ["required"]})
    assert len(listed(own)) == 3


def test_a_new_password_or_a_deactivation_voids_the_link(
    ada: Any, link: dict[str, str]
) -> None:
    get_user_model().objects.update(is_active=False)
    assert use_link(link) == INVALID
    ada.refresh_from_db()
    ada.is_active = True
    ada.set_password(OTHER_PASSWORD)
    ada.save()
    assert use_link(link) == INVALID


def test_the_link_cannot_reset_a_password(ada: Any, link: dict[str, str]) -> None:
    answer = post(APIClient(), "pw_reset", {**link, "password": OTHER_PASSWORD})
    assert answer_of(answer) == (400, {"error": "reset_password_link_invalid"})


def test_without_resets_no_reset_is_mailed(
    ada: Any, settings: Any, link: dict[str, str]
) -> None:
    configure(settings, ENABLE_ENDPOINTS={"RESET_PASSWORD": False})
    assert use_link(link) == (200, {})
    assert subjects() == [SUBJECT]


def test_while_the_cache_is_down_the_link_waits(
    ada: Any, settings: Any, link: dict[str, str]
) -> None:
    works = settings.CACHES
    settings.CACHES = {"default": {"BACKEND": DOWN}}
    answer = post(APIClient(), "not_me", link)
    assert answer_of(answer) == (503, {"error": "service_unavailable"})
    settings.CACHES = works
    assert use_link(link) == (200, {})
    assert reverse("ai_kit_auth:not_me").endswith("/sessions/not_me/")
