"""An account that waits for no activation can get no passkey by one."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.accounts import log_in, post, registration, the_user
from tests.projects.passkeys.pages import give_passkey, log_in_with

pytestmark = [pytest.mark.django_db, pytest.mark.database("sqlite")]


def test_a_registration_needs_its_password(client: APIClient) -> None:
    data = registration()
    del data["password"]
    answer = post(client, "register", data)
    assert (answer.status_code, answer.json()) == (400, {"password": ["required"]})


def test_a_user_with_a_password_has_passkeys_as_well(client: APIClient) -> None:
    assert post(client, "register", registration()).status_code == 201
    assert log_in(client, "ada@example.com").status_code == 200
    phone = give_passkey(the_user())
    answer = log_in_with(APIClient(enforce_csrf_checks=True), phone)
    assert answer.status_code == 200
