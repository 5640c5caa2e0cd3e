"""Every endpoint takes the key of the related row."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from tests.accounts import csrf, log_in, mailed_link, post
from tests.conftest import PASSWORD

from . import models

pytestmark = pytest.mark.django_db

# Their managers are generic in the stubs.
Member: Any = models.Member
User: Any = models.User


def register(member: int, email: str = "ada@example.com") -> Any:
    body = {"member": member, "email": email, "password": PASSWORD}
    return post(APIClient(), "register", body)


@pytest.fixture
def ada() -> Any:
    assert register(Member.objects.create(name="Ada").pk).status_code == 201
    assert post(APIClient(), "activate", mailed_link()).status_code == 200
    return User.objects.get()


def test_no_check_stops_it() -> None:
    call_command("check", fail_level="ERROR")


@pytest.mark.parametrize("by_key", [True, False])
def test_login_and_me(client: APIClient, ada: Any, by_key: bool) -> None:
    answer = log_in(client, str(ada.member.pk) if by_key else "ada@example.com")
    shown = {"id": ada.pk, "email": "ada@example.com", "member": ada.member.pk}
    assert answer.json().get("user") == shown
    assert client.get(reverse("ai_kit_auth:me")).json()["user"] == shown


@pytest.mark.parametrize(
    "typed", ["Ada", "0", "-1", "1.5", "9" * 30, "nobody@example.com"]
)
def test_a_login_that_fails(client: APIClient, ada: Any, typed: str) -> None:
    answer = log_in(client, typed)
    assert answer.json() == {"non_field_errors": ["invalid_credentials"]}


def test_a_member_has_one_account(ada: Any) -> None:
    answer = register(ada.member.pk, "bob@example.com")
    assert answer.json() == {"member": ["member_unique"]}
    assert register(4711, "bob@example.com").json() == {"member": ["does_not_exist"]}


def test_the_account_page(client: APIClient, ada: Any) -> None:
    log_in(client, "ada@example.com")
    other = Member.objects.create(name="Bob")
    assert str(other) == "Bob"
    answer = client.patch(
        reverse("ai_kit_auth:me"), {"member": other.pk}, format="json", **csrf(client)
    )
    assert answer.json()["user"]["member"] == other.pk


@pytest.mark.parametrize("typed", ["1", "x", ""])
def test_the_password_is_validated_while_it_is_typed(
    client: APIClient, typed: str
) -> None:
    body = {"email": "", "username": typed, "password": PASSWORD}
    assert post(client, "validate_password", body).status_code == 200
