"""The number of SQL statements of each request, on Django's own user model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from ai_kit_auth import services

from .accounts import csrf, log_in, mailed_link, post, registration, the_user
from .conftest import OTHER_PASSWORD, PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.user_model("auth_user")]

# What opens and closes a transaction is no work of the view. MariaDB has to be told to
# free a lock, where PostgreSQL and SQLite do so at the end of the transaction.
TRANSACTION_CONTROL = (
    "SAVEPOINT",
    "RELEASE",
    "BEGIN",
    "COMMIT",
    "SELECT RELEASE_LOCK",
)


@contextmanager
def at_most(allowed: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as context:
        yield
    statements = [
        query["sql"]
        for query in context.captured_queries
        if not query["sql"].startswith(TRANSACTION_CONTROL)
    ]
    assert len(statements) <= allowed, "\n".join(statements)


def test_me_of_nobody_asks_the_database_nothing(client: APIClient) -> None:
    with at_most(0):
        assert client.get(reverse("ai_kit_auth:me")).json()["user"] is None


def test_me_of_a_user(client: APIClient, make_user: Callable[..., Any]) -> None:
    make_user()
    log_in(client, "ada")
    with at_most(2):
        answer = client.get(reverse("ai_kit_auth:me"))
    assert answer.json()["user"]["username"] == "ada"


@pytest.mark.parametrize("ident", ["ada", "ada@example.com", "ADA@Example.com"])
def test_login(client: APIClient, make_user: Callable[..., Any], ident: str) -> None:
    make_user()
    token = csrf(client)
    with at_most(6):
        answer = post(client, "login", {"ident": ident, "password": PASSWORD}, **token)
    assert answer.status_code == 200


@pytest.mark.parametrize("ident", ["ada", "ada@example.com", "bob", "bob@example.com"])
def test_login_that_fails(
    client: APIClient, make_user: Callable[..., Any], ident: str
) -> None:
    make_user()
    token = csrf(client)
    with at_most(2):
        answer = post(client, "login", {"ident": ident, "password": "wrong"}, **token)
    assert answer.json() == {"non_field_errors": ["invalid_credentials"]}


def test_logout(client: APIClient, make_user: Callable[..., Any]) -> None:
    make_user()
    log_in(client, "ada")
    token = csrf(client)
    with at_most(4):
        answer = post(client, "logout", **token)
    assert answer.status_code == 200


@pytest.mark.parametrize("username", ["ada", ""])
def test_register(client: APIClient, username: str) -> None:
    with at_most(3):
        answer = post(client, "register", registration(username=username))
    assert answer.status_code == 201
    assert the_user().is_active is False


def test_activate(client: APIClient) -> None:
    post(client, "register", registration())
    link = mailed_link()
    with at_most(2):
        answer = post(client, "activate", link)
    assert answer.status_code == 200


def test_validate_password_without_ident_asks_the_database_nothing(
    client: APIClient,
) -> None:
    with at_most(0):
        answer = post(client, "validate_password", registration())
    assert answer.status_code == 200


def test_validate_password_with_ident(
    client: APIClient, make_user: Callable[..., Any]
) -> None:
    """The table is silent here; finding the user is one statement."""
    services.get_password_reset_url(user := make_user())
    body = {"ident": str(services.scramble_id(user.pk)), "password": PASSWORD}
    with at_most(1):
        answer = post(client, "validate_password", body)
    assert answer.status_code == 200


@pytest.mark.parametrize("typed", ["ada", "ada@example.com"])
def test_reset_mail(
    client: APIClient, make_user: Callable[..., Any], typed: str
) -> None:
    make_user()
    with at_most(1):
        post(client, "send_pw_reset_email", {"email": typed})
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("typed", ["bob", "bob@example.com"])
def test_reset_mail_for_nobody(client: APIClient, db: None, typed: str) -> None:
    with at_most(2):
        post(client, "send_pw_reset_email", {"email": typed})
    assert mail.outbox == []


def test_reset(client: APIClient, make_user: Callable[..., Any]) -> None:
    make_user()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    body = {**mailed_link(), "password": OTHER_PASSWORD}
    with at_most(2):
        answer = post(client, "pw_reset", body)
    assert answer.status_code == 200
