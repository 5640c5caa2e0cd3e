"""The log has a mail that failed, without the recipient's e-mail address."""

from __future__ import annotations

import logging
import re
import smtplib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.exceptions import PermissionDenied
from rest_framework.test import APIClient

from .accounts import post, registration, the_user

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"


def refuse_recipient(user: Any, url: str) -> None:
    raise smtplib.SMTPRecipientsRefused({ADA: (550, b"no ada@example.com")})


def refuse_data(user: Any, url: str) -> None:
    raise smtplib.SMTPDataError(554, b"the mailbox ada of example.com is full")


def refuse_wrapped(user: Any, url: str) -> None:
    try:
        refuse_recipient(user, url)
    except smtplib.SMTPException as error:
        raise RuntimeError("the mail service refused") from error


def refuse_by_api(user: Any, url: str) -> None:
    raise ValueError(f"400: {ADA} is on the list of bounces")


def refuse_by_rule(user: Any, url: str) -> None:
    try:
        refuse_recipient(user, url)
    except smtplib.SMTPException as error:
        raise PermissionDenied from error


def break_down(user: Any, url: str) -> None:
    raise OSError("the mail service is down")


SENDERS: dict[Callable[[Any, str], None], str] = {
    refuse_recipient: "SMTPRecipientsRefused 550",
    refuse_data: "SMTPDataError 554",
    refuse_wrapped: "RuntimeError",
    refuse_by_api: "ValueError",
    refuse_by_rule: "PermissionDenied",
}


def ask_for_reset(client: APIClient) -> None:
    assert post(client, "send_pw_reset_email", {"email": ADA}).status_code == 200


def register_taken(client: APIClient) -> None:
    body = registration()
    body.pop("username", None)
    assert post(client, "register", body).status_code == 201


def register_new(client: APIClient) -> None:
    the_user().delete()
    assert post(client, "register", registration()).status_code == 201


def text_of(records: list[logging.LogRecord]) -> str:
    """Return all that a handler may write, with the tracebacks."""
    return "\n".join(
        f"{logging.Formatter().format(record)} {record.args}" for record in records
    )


def use(settings: Settings, sender: Callable[[Any, str], None]) -> None:
    path = f"{__name__}.{sender.__name__}"
    names = ("RESET_PW", "USER_ACTIVATION", "ACCOUNT_EXISTS")
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        **{f"SEND_{name}_MAIL": path for name in names},
        "PREVENT_ENUMERATION": True,
    }


ASKING = [
    ask_for_reset,
    register_taken,
    pytest.param(
        register_new,
        marks=pytest.mark.user_model("auth_user", "email_login", "uuid_key"),
    ),
]


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("sender", SENDERS)
def test_a_refused_address_does_not_stand_in_the_log(
    make_user: Callable[..., Any],
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    ask: Callable[[APIClient], None],
    sender: Callable[[Any, str], None],
) -> None:
    make_user()
    use(settings, sender)
    ask(APIClient())
    text = text_of(caplog.records)
    assert SENDERS[sender] in text
    assert not re.search(r"\bada\b", text)
    assert "example.com" not in text


def test_what_holds_no_address_keeps_its_traceback(
    make_user: Callable[..., Any],
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_user()
    use(settings, break_down)
    ask_for_reset(APIClient())
    text = text_of(caplog.records)
    assert "Traceback" in text
    assert "OSError: the mail service is down" in text
