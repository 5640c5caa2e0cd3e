"""What django-axes locks tells nothing about who has an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from tests.accounts import log_in

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


def test_no_check_stops_it() -> None:
    call_command("check", fail_level="ERROR")


@pytest.mark.parametrize("identities", [("email", "username"), ("email",)])
@pytest.mark.parametrize("known", [True, False])
def test_a_known_name_and_an_unknown_one_are_locked_alike(
    make_user: Callable[..., Any],
    settings: Settings,
    known: bool,
    identities: tuple[str, ...],
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "USER_IDENTITY_FIELDS": identities}
    make_user("ada" if known else "bob")
    typed = [
        log_in(APIClient(), "ada@example.com", f"wrong {number}") for number in range(5)
    ]
    assert [answer.status_code for answer in typed] == [400, 400, 429, 429, 429]


def test_the_right_password_is_refused_while_the_name_is_locked(
    client: APIClient, make_user: Callable[..., Any]
) -> None:
    make_user("ada")
    assert log_in(client, "ada").status_code == 200
    for number in range(3):
        log_in(APIClient(), "ada", f"wrong {number}")
    assert log_in(APIClient(), "ada@example.com").status_code == 429
