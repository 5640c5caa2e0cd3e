"""Every endpoint takes a phone number, in whatever way it is written."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.signals import user_login_failed
from django.core.management import call_command
from django.urls import reverse
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient

from ai_kit_auth.registration import register as make_account
from tests.accounts import csrf, log_in, mailed_link, post
from tests.conftest import PASSWORD

from . import models

pytestmark = pytest.mark.django_db

# Their managers are generic in the stubs.
User: Any = models.User

BODY = {"phone": "+39 06 1234", "email": "ada@example.com", "password": PASSWORD}


def register(**changes: str) -> Any:
    return post(APIClient(), "register", {**BODY, **changes})


@pytest.fixture
def ada() -> Any:
    assert register().status_code == 201
    assert post(APIClient(), "activate", mailed_link()).status_code == 200
    return User.objects.get()


def test_no_check_stops_it() -> None:
    call_command("check", fail_level="ERROR")


@pytest.mark.parametrize("typed", ["+39 06 1234", "39061234", "ada@example.com"])
def test_login_and_me(client: APIClient, ada: Any, typed: str) -> None:
    answer = log_in(client, typed)
    shown = {"id": ada.pk, "email": "ada@example.com", "phone": "+39061234"}
    assert answer.json().get("user") == shown
    assert client.get(reverse("ai_kit_auth:me")).json()["user"] == shown


@pytest.mark.parametrize("typed", ["+39 06 1234", "ada", "0", "nobody@example.com"])
def test_a_login_that_fails(client: APIClient, ada: Any, typed: str) -> None:
    failed: list[Any] = []

    def note(**kwargs: Any) -> None:
        failed.append(kwargs["credentials"])

    user_login_failed.connect(note)
    answer = log_in(client, typed, "wrong")
    user_login_failed.disconnect(note)
    assert answer.json() == {"non_field_errors": ["invalid_credentials"]}
    assert len(failed) == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"phone": "39 061234", "email": "b@example.com"}, {"phone": ["phone_unique"]}),
        ({"phone": "", "email": "b@example.com"}, {"phone": ["blank"]}),
        ({"phone": "38", "email": "ADA@example.com"}, {"email": ["email_unique"]}),
    ],
)
def test_a_registration_that_is_refused(
    ada: Any, changes: dict[str, str], refusal: Any
) -> None:
    answer = register(**changes)
    assert (answer.status_code, answer.json()) == (400, refusal)


def test_a_registration_without_it_or_with_none() -> None:
    body = {name: value for name, value in BODY.items() if name != "phone"}
    assert post(APIClient(), "register", body).json() == {"phone": ["required"]}
    assert register(phone="none").json() == {"phone": ["invalid"]}
    assert not User.objects.exists()


def test_the_account_page_changes_it(client: APIClient, ada: Any) -> None:
    log_in(client, "39061234")
    answer = client.patch(
        reverse("ai_kit_auth:me"), {"phone": "+39 5"}, format="json", **csrf(client)
    )
    assert answer.status_code == 200
    answer = client.get(reverse("ai_kit_auth:me"))
    assert answer.json()["user"]["phone"] == "+395"
    assert User.objects.get().phone == "+395"


def test_the_password_is_validated_while_it_is_typed(client: APIClient) -> None:
    body = {"email": "", "username": "+39", "password": PASSWORD}
    assert post(client, "validate_password", body).status_code == 200


@pytest.mark.django_db
def test_code_of_the_projects_own_has_to_say_the_number() -> None:
    """It cannot be made up."""
    with pytest.raises(ValidationError) as raised:
        make_account({"email": "ada@example.com", "password": PASSWORD})
    assert raised.value.get_codes() == {"phone": ["required"]}
