"""Whole journeys, as a frontend makes them, on every user model."""

from __future__ import annotations

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
