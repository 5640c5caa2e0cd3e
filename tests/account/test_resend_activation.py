"""The activation mail again, for accounts that wait, without showing which do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ai_kit_auth.account import signals

from ..accounts import mailed_link, post, registration, the_user
from ..conftest import OTHER_PASSWORD, USER_MODELS, Connect, MakeUser
from .page import (
    ADA,
    WITH_USERNAME,
    Browser,
    answer_of,
    configure,
    invalid,
    mails,
    refused,
    take_password,
)
from .test_change_email import break_mail

if TYPE_CHECKING:
    from pytest_django import Settings


# Accounts of the others never wait, or cannot show that they do.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.user_model(*(model for model in USER_MODELS if model != "bare")),
]

DONE: tuple[int, Any] = (200, {})


def ask(ident: Any = ADA, key: str = "email", browser: Browser | None = None) -> Any:
    return (browser or Browser()).post("resend_activation_email", {key: ident})


@pytest.fixture
def waiting(db: None) -> Any:
    """Return an account whose activation mail was lost."""
    assert post(Browser().client, "register", registration()).status_code == 201
    mail.outbox.clear()
    return the_user()


def test_the_new_link_activates(waiting: Any) -> None:
    assert answer_of(ask()) == DONE
    assert [to for to, _ in mails()] == [ADA]
    assert post(Browser().client, "activate", mailed_link()).status_code == 200
    assert Browser().log_in().status_code == 200


def test_it_is_the_mail_of_the_registration(settings: Settings) -> None:
    post(Browser().client, "register", registration())
    ask()
    first, second = mail.outbox
    assert first.subject == second.subject


@pytest.mark.parametrize("key", ["email", "ident"])
@pytest.mark.parametrize("typed", [ADA, "ADA@EXAMPLE.com", f"  {ADA} "])
def test_either_name_takes_an_address_in_any_case(
    waiting: Any, key: str, typed: str
) -> None:
    assert answer_of(ask(typed, key)) == DONE
    assert len(mails()) == 1


@pytest.mark.user_model(*WITH_USERNAME)
def test_a_username_does_as_well(waiting: Any) -> None:
    assert answer_of(ask("ada", "ident")) == DONE
    assert len(mails()) == 1


def test_an_older_link_stays_good(settings: Settings) -> None:
    """The first mail may just have been slow."""
    post(Browser().client, "register", registration())
    first = mailed_link()
    ask()
    assert post(Browser().client, "activate", first).status_code == 200
    second = post(Browser().client, "activate", mailed_link())
    assert answer_of(second) == refused("activation_link_invalid", 400)


def test_who_was_invited_gets_the_link_to_set_a_password(make_user: MakeUser) -> None:
    user = make_user(is_active=False)
    take_password(user)
    assert answer_of(ask()) == DONE
    body = {**mailed_link(), "password": OTHER_PASSWORD}
    assert "reset_password" in str(mail.outbox[-1].body)
    assert post(Browser().client, "pw_reset", body).status_code == 200
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


@pytest.mark.parametrize("state", ["active", "deactivated", "of 2.0.0", "nobody"])
def test_nobody_else_gets_a_mail(make_user: MakeUser, state: str) -> None:
    if state != "nobody":
        make_user()
    if state == "deactivated":
        Browser().log_in()
    if state in {"deactivated", "of 2.0.0"}:
        get_user_model()._default_manager.update(is_active=False)
    assert answer_of(ask()) == DONE
    assert mails() == []


def test_the_answer_never_tells_who_waits(make_user: MakeUser) -> None:
    make_user("ada", is_active=False)
    make_user("eve")
    seen = []
    for name in ("ada", "ADA", "eve", "nobody"):
        with CaptureQueriesContext(connection) as queries:
            answer = ask(f"{name}@EXAMPLE.com")
        # The mail itself asks the database nothing.
        kinds = [sql["sql"][:20] for sql in queries if "SAVEPOINT" not in sql["sql"]]
        headers = sorted(answer.headers.items())
        seen.append((answer.status_code, answer.content, headers, kinds))
        assert not answer.cookies
    assert seen == [seen[0]] * 4
    assert len(mails()) == 1


def test_it_cools_down(waiting: Any) -> None:
    """And says nothing of that either."""
    assert answer_of(ask()) == answer_of(ask()) == DONE
    assert len(mails()) == 1


def test_the_time_to_cool_down_is_the_host_s(waiting: Any, settings: Settings) -> None:
    configure(settings, THROTTLE_RATES={"RESEND_RECIPIENT": None})
    for _ in range(7):
        assert answer_of(ask()) == DONE
    # That of all mails to one recipient which one client asks for.
    assert len(mails()) == 3


def test_one_recipient_s_does_not_cool_another_s(
    waiting: Any, make_user: MakeUser
) -> None:
    make_user("eve", is_active=False)
    ask()
    ask("eve@example.com")
    assert [to for to, _ in mails()] == [ADA, "eve@example.com"]


def test_an_address_asks_for_so_many_mails(
    make_user: MakeUser, settings: Settings
) -> None:
    configure(settings, THROTTLE_RATES={"MAIL_ADDRESS": "1/hour"})
    make_user(is_active=False)
    make_user("eve", is_active=False)
    assert answer_of(ask()) == answer_of(ask("eve@example.com")) == DONE
    assert len(mails()) == 1
    ask("eve@example.com", browser=Browser("203.0.113.9"))
    assert len(mails()) == 2


def test_a_mail_that_fails_is_not_told(
    waiting: Any, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    break_mail(settings)
    assert answer_of(ask()) == DONE
    assert f"mail of user {waiting.pk} was not sent" in caplog.text


def test_a_receiver_that_fails_after_it_is_not_told(
    waiting: Any, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("a bug of the host's")

    connect(signals.user_post_resend_activation, fail)
    assert answer_of(ask()) == DONE
    assert f"mail of user {waiting.pk} failed" in caplog.text
    assert len(mails()) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, invalid(email="required")),
        ({"email": ""}, invalid(email="blank")),
        ({"ident": None}, invalid(ident="null")),
        ({"email": []}, invalid(email="invalid")),
        ({"email": "x" * 2000}, invalid(email="max_length")),
        ({"email": "nobody", "ident": ADA}, DONE),
    ],
)
def test_it_takes_one_text(waiting: Any, body: Any, expected: Any) -> None:
    assert answer_of(Browser().post("resend_activation_email", body)) == expected
    assert mails() == []


def test_who_is_logged_in_may_ask_for_somebody_else(
    browser: Browser, make_user: MakeUser
) -> None:
    make_user("eve", is_active=False)
    assert answer_of(ask("eve@example.com", browser=browser)) == DONE
    assert len(mails()) == 1
