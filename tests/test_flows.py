"""Whole flows, as a frontend goes through them, on every user model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.urls import reverse
from rest_framework.test import APIClient

from .accounts import (
    csrf,
    has_activation,
    log_in,
    mailed_link,
    post,
    registration,
    the_user,
)
from .conftest import OTHER_PASSWORD, PASSWORD

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


def test_from_registration_to_a_new_password(client: APIClient) -> None:
    assert post(client, "register", registration()).json() == {}
    if has_activation():
        refused = log_in(client, "ada@example.com")
        assert refused.json() == {"non_field_errors": ["invalid_credentials"]}
        assert post(client, "activate", mailed_link()).status_code == 200
        assert post(client, "activate", mailed_link()).json() == {
            "error": "activation_link_invalid"
        }
    else:
        assert mail.outbox == []

    answer = log_in(client, "Ada@Example.com")
    assert answer.status_code == 200
    user = answer.json()["user"]
    assert user["id"] == (
        the_user().pk if isinstance(the_user().pk, int) else str(the_user().pk)
    )
    assert client.get(reverse("ai_kit_auth:me")).json()["user"] == user
    token = {"headers": {"X-CSRFToken": answer.json()["csrf"]}}
    assert post(client, "logout", **token).status_code == 200
    assert client.get(reverse("ai_kit_auth:me")).json()["user"] is None

    asked = post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert (asked.status_code, asked.json()) == (200, {})
    link = mailed_link()
    assert post(client, "pw_reset", {**link, "password": "ada@example.com"}).json() == {
        "password": ["password_too_similar"]
    }
    new = {**link, "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", new).json() == {}
    assert post(client, "pw_reset", new).json() == {
        "error": "reset_password_link_invalid"
    }
    assert log_in(client, "ada@example.com", PASSWORD).status_code == 400
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200
    assert csrf(client)


def test_a_frontend_on_another_origin(client: APIClient, settings: Settings) -> None:
    """Over HTTPS, its page being the origin, the token in the session."""
    settings.CSRF_USE_SESSIONS = True

    def call(method: str, route: str, token: str, /, **data: str) -> Any:
        answer = getattr(client, method)(
            reverse(f"ai_kit_auth:{route}"),
            data,
            format="json",
            secure=True,
            headers={"Origin": "https://app.example.com", "X-CSRFToken": token},
        )
        assert answer["Access-Control-Allow-Origin"] == "https://app.example.com"
        assert answer["Access-Control-Allow-Credentials"] == "true"
        return answer

    assert call("post", "register", "", **registration()).status_code == 201
    if has_activation():
        assert call("post", "activate", "", **mailed_link()).status_code == 200
    token = call("get", "me", "").json()["csrf"]
    login = {"ident": "ada@example.com", "password": PASSWORD}
    answer = call("post", "login", token, **login)
    assert answer.status_code == 200
    answer = call("post", "logout", answer.json()["csrf"])
    assert answer.status_code == 200
    assert call("post", "login", answer.json()["csrf"], **login).status_code == 200
    assert "csrftoken" not in client.cookies


def test_the_pages_of_the_client_that_2_0_0_came_with(client: APIClient) -> None:
    """It sends its token with everything, and blanks for what is not typed yet."""
    none_yet: dict[str, Any] = {"headers": {"X-CSRFToken": ""}}
    assert client.get(reverse("ai_kit_auth:me"), **none_yet).json()["user"] is None
    token = csrf(client)
    typed = {"username": "", "email": "", "password": ""}
    checked = post(client, "validate_password", typed, **token)
    assert checked.json() == {"password": ["blank"]}
    typed["password"] = PASSWORD
    assert post(client, "validate_password", typed, **token).json() == {}

    data = registration() | {"username": ""}
    assert post(client, "register", data, **token).status_code == 201
    twice = post(client, "register", data, **token)
    assert list(twice.json()) == ["email"]
    if has_activation():
        assert post(client, "activate", mailed_link(), **token).json() == {}

    asked = post(client, "send_pw_reset_email", {"ident": "ada@example.com"}, **token)
    assert asked.json() == {}
    link = mailed_link()
    weak = {"ident": link["ident"], "password": "ada@example.com"}
    checked = post(client, "validate_password", weak, **token)
    assert checked.json() == {"password": ["password_too_similar"]}
    good = {**link, "password": OTHER_PASSWORD}
    assert post(client, "validate_password", good, **token).json() == {}
    assert post(client, "pw_reset", good, **token).json() == {}
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200


def test_whoever_lost_the_activation_mail_asks_for_a_reset(client: APIClient) -> None:
    post(client, "register", registration())
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    new = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", new).status_code == 200
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200
    if has_activation():
        assert post(client, "activate", mailed_link(0)).json() == {
            "error": "activation_link_invalid"
        }


def test_whoever_registers_an_address_twice_leaves_the_first_account_alone(
    client: APIClient,
) -> None:
    post(client, "register", registration())
    mails = len(mail.outbox)
    again = registration("ada", email="ADA@example.com", password=OTHER_PASSWORD)
    assert post(client, "register", again).status_code == 400
    assert len(mail.outbox) == mails
    if has_activation():
        assert post(client, "activate", mailed_link()).status_code == 200
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 400
    assert log_in(client, "ada@example.com", PASSWORD).status_code == 200
