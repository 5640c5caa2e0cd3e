"""Security notices: recipients, texts, languages, and failures of the mail server."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from rest_framework.exceptions import PermissionDenied

from ai_kit_auth import services as core
from ai_kit_auth import signals as core_signals
from ai_kit_auth.account import services, signals
from ai_kit_auth.accounts import email_of
from ai_kit_auth.settings import keys_below
from ai_kit_auth.user_model import user_model

from ..accounts import post
from ..conftest import OTHER_PASSWORD, PASSWORD, Connect
from ..test_links import own_link
from ..test_signals import refuse
from .page import ADA, EVERY_MODEL, NEW, Browser, address, configure, mails, rows
from .test_change_email import break_mail

if TYPE_CHECKING:
    from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

Act = Callable[[Browser, Any, dict[str, str]], Any]

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]

ENGLISH = {
    "PASSWORD_CHANGED": "Your password was changed",
    "PASSWORD_RESET": "Your password was changed",
    "EMAIL_CHANGE_REQUESTED": "A new e-mail address for your account",
    "EMAIL_CHANGED": "Your e-mail address was changed",
    "ACCOUNT_DELETED": "Your account was deleted",
}
GERMAN = {
    "PASSWORD_CHANGED": "Ihr Passwort wurde ge\u00e4ndert",
    "PASSWORD_RESET": "Ihr Passwort wurde ge\u00e4ndert",
    "EMAIL_CHANGE_REQUESTED": "Eine neue E-Mail-Adresse f\u00fcr Ihr Konto",
    "EMAIL_CHANGED": "Ihre E-Mail-Adresse wurde ge\u00e4ndert",
    "ACCOUNT_DELETED": "Ihr Konto wurde gel\u00f6scht",
}


def change_password(browser: Browser, ada: Any, headers: dict[str, str]) -> Any:
    body = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    return browser.post("change_password", body, headers=headers)


def reset_password(browser: Browser, ada: Any, headers: dict[str, str]) -> Any:
    ada.refresh_from_db()
    body = {**own_link(core.get_password_reset_url(ada)), "password": OTHER_PASSWORD}
    return browser.post("pw_reset", body, headers=headers)


def change_email(browser: Browser, ada: Any, headers: dict[str, str]) -> Any:
    body = {"email": NEW, "password": PASSWORD}
    return browser.post("change_email", body, headers=headers)


def confirm_email(browser: Browser, ada: Any, headers: dict[str, str]) -> Any:
    link = own_link(services.get_email_change_url(ada, NEW))
    return browser.post("confirm_email", link, headers=headers)


def delete_account(browser: Browser, ada: Any, headers: dict[str, str]) -> Any:
    body = {"password": PASSWORD}
    return browser.post("delete_account", body, headers=headers)


CAUSES: dict[str, Act] = {
    "PASSWORD_CHANGED": change_password,
    "PASSWORD_RESET": reset_password,
    "EMAIL_CHANGE_REQUESTED": change_email,
    "EMAIL_CHANGED": confirm_email,
    "ACCOUNT_DELETED": delete_account,
}
each = pytest.mark.parametrize("notice", CAUSES)


@pytest.fixture
def cause(
    browser: Browser,
    ada: Any,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Callable[..., None]:
    """Return a function that does what a notice is about, and succeeds."""

    def cause(notice: str, **headers: str) -> None:
        browser.me()
        with django_capture_on_commit_callbacks(execute=True):
            answer = CAUSES[notice](
                browser, ada, {"X-CSRFToken": browser.token, **headers}
            )
        assert answer.status_code == 200

    return cause


def told(notice: str) -> list[Any]:
    """Return the mails that are this notice, in whatever language."""
    subjects = {subject(ENGLISH[notice]), subject(GERMAN[notice])}
    return [sent for sent in mail.outbox if sent.subject in subjects]


def subject(title: str) -> str:
    return f"{title} - app.example.com"


def switch(settings: Settings, **notices: bool) -> None:
    configure(settings, SECURITY_NOTICES=notices)


def test_all_are_here() -> None:
    assert set(CAUSES) == set(keys_below("SECURITY_NOTICES"))


@each
def test_by_default_all_are_told_but_what_2_0_0_did_not_tell(
    cause: Callable[..., None], notice: str
) -> None:
    cause(notice)
    expected = [] if notice == "PASSWORD_RESET" else [[ADA]]
    assert [sent.to for sent in told(notice)] == expected


@each
@pytest.mark.parametrize("on", [True, False])
def test_each_can_be_switched(
    cause: Callable[..., None], settings: Settings, notice: str, on: bool
) -> None:
    switch(settings, **{notice: on})
    cause(notice)
    assert [sent.to for sent in told(notice)] == ([[ADA]] if on else [])


@each
def test_none_holds_a_link_that_opens_something(
    cause: Callable[..., None], settings: Settings, notice: str
) -> None:
    """What is mailed to a mailbox that may be a stranger's must open nothing."""
    switch(settings, **{notice: True})
    cause(notice)
    [sent] = told(notice)
    html = sent.alternatives[0][0]
    links = re.findall(r"\w+://\S+", sent.body) + re.findall(r'href="([^"]*)"', html)
    assert set(links) == {"https://app.example.com"}
    assert "token" not in f"{sent.body}{html}{sent.subject}"
    assert len(sent.body.strip().splitlines()) >= 3
    # Each part says the same.
    assert re.sub(r"\s+", " ", sent.body.split("\n\n")[1]).strip()[:40] in html


@each
def test_it_is_in_the_language_of_the_page(
    cause: Callable[..., None], settings: Settings, notice: str
) -> None:
    switch(settings, **{notice: True})
    cause(notice, **{"Accept-Language": "de"})
    [sent] = told(notice)
    assert sent.subject == subject(GERMAN[notice])
    assert "Konto" in sent.body
    assert "account" not in sent.body


@each
@pytest.mark.parametrize("sender", ["fail", "deny"])
def test_one_that_fails_hinders_nothing_and_is_logged(
    cause: Callable[..., None],
    ada: Any,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    notice: str,
    sender: str,
) -> None:
    key, before = ada.pk, rows()
    # The link is sent, the notice is not.
    configure(settings, SEND_SECURITY_NOTICE=f"{__name__}.{sender}")
    switch(settings, **{notice: True})
    cause(notice)
    assert f"The notice {notice} to user {key} was not sent" in caplog.text
    assert (rows() == before) is (notice == "EMAIL_CHANGE_REQUESTED")


def deny(user: Any, notice: str) -> None:
    """A sender of the project that the client waits for."""
    raise PermissionDenied


def fail(user: Any, notice: str) -> None:
    raise OSError("the mail service is down")


def test_a_transport_that_fails_is_no_different(
    cause: Callable[..., None], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    break_mail(settings)
    cause("PASSWORD_CHANGED")
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200
    assert "The notice PASSWORD_CHANGED" in caplog.text


@each
def test_a_host_may_send_it_itself(
    cause: Callable[..., None], ada: Any, settings: Settings, notice: str
) -> None:
    sent: list[tuple[str, str]] = []

    def send(user: Any, notice: str) -> None:
        sent.append((email_of(user), notice))

    configure(settings, SEND_SECURITY_NOTICE=send)
    switch(settings, **{notice: True})
    cause(notice)
    assert sent == [(ADA, notice)]
    assert told(notice) == []


def test_who_has_no_address_is_told_nothing(
    browser: Browser, ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    setattr(ada, user_model.email, "")
    ada.save()
    assert change_password(browser, ada, {"X-CSRFToken": browser.token}).json()
    assert mails() == []
    assert "not sent" not in caplog.text


def test_a_reset_that_is_undone_is_not_told(
    ada: Any,
    settings: Settings,
    connect: Connect,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    switch(settings, PASSWORD_RESET=True)
    connect(core_signals.user_post_reset_password, refuse)
    body = {**own_link(core.get_password_reset_url(ada)), "password": OTHER_PASSWORD}
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        assert post(Browser().client, "pw_reset", body).status_code == 403
    assert callbacks == []
    assert mails() == []


@pytest.mark.parametrize(
    ("notice", "signal"),
    [
        ("PASSWORD_CHANGED", signals.user_post_change_password),
        ("EMAIL_CHANGED", signals.user_post_confirm_email),
        ("ACCOUNT_DELETED", signals.user_post_delete_account),
    ],
)
def test_nor_is_another_change(
    browser: Browser, ada: Any, connect: Connect, notice: str, signal: Any
) -> None:
    connect(signal, refuse)
    answer = CAUSES[notice](browser, ada, {"X-CSRFToken": browser.token})
    assert answer.status_code == 403
    assert mails() == []
    assert address(ada) == ADA


def test_the_host_s_templates_are_used(
    cause: Callable[..., None], settings: Settings, tmp_path: Any
) -> None:
    (tmp_path / "changed.txt").write_text("New password & all, {{ user.pk }}{{ url }}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    templates = {"PASSWORD_CHANGED": {"BODY_PLAINTEXT": "changed.txt"}}
    configure(settings, EMAIL_TEMPLATES=templates)
    cause("PASSWORD_CHANGED")
    [sent] = told("PASSWORD_CHANGED")
    assert re.fullmatch(r"New password & all, [0-9a-f-]+", sent.body)


def test_wrong_passwords_are_no_news(browser: Browser) -> None:
    browser.post("delete_account", {"password": "wrong"})
    browser.post("change_password", {"password": "wrong", "new_password": "x"})
    assert mails() == []


def count_mails(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Tell, as a middleware, how many mails were sent until there was an answer."""

    def middleware(request: Any) -> Any:
        answer = get_response(request)
        answer["X-Mails"] = len(mail.outbox)
        return answer

    return middleware


@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("notice", [n for n in CAUSES if n != "PASSWORD_RESET"])
def test_the_client_has_its_answer_before_a_notice_is_made(
    ada: Any, settings: Settings, notice: str, hidden: bool
) -> None:
    """Only the endpoint whose answer depends on the link waits for the mail."""
    configure(settings, PREVENT_ENUMERATION=hidden)
    settings.MIDDLEWARE = [f"{__name__}.count_mails", *settings.MIDDLEWARE]
    browser = Browser()
    browser.log_in()
    answer = CAUSES[notice](browser, ada, {"X-CSRFToken": browser.token})
    waits = notice == "EMAIL_CHANGE_REQUESTED" and not hidden
    assert answer.headers["X-Mails"] == ("1" if waits else "0")
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert len(told(notice)) == 1


@pytest.mark.user_model("auth_user", "email_login", "uuid_key", "extra_field")
def test_so_it_has_before_an_activation_mail_is_made_once_more(
    make_user: Callable[..., Any], settings: Settings
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.count_mails", *settings.MIDDLEWARE]
    make_user(is_active=False)
    answer = Browser().post("resend_activation_email", {"email": ADA})
    assert answer.headers["X-Mails"] == "0"
    assert len(mails()) == 1
