"""The locks of django-axes do not show whether an account exists."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.management import call_command
from rest_framework.test import APIClient

from tests.accounts import log_in
from tests.conftest import OTHER_PASSWORD

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


SPELLINGS = {
    "an address": [
        "jürgen@bücher.example",
        "JüRGEN@BÜCHER.example",
        "jürgen@xn--bcher-kva.example",
        "Jürgen@bücher。EXAMPLE",
        "jürgen@\uff42ücher.example",
    ],
    "an address in ASCII": [
        "jo@example.com",
        "JO@example.com",
        "Jo@Example.COM",
        "jO@example.com",
        "jo@EXAMPLE.com",
    ],
    "a username": [
        "jürgen",
        "ju\u0308rgen",
        "\uff4aürgen",
        "jü\uff52gen",
        "jürge\uff4e",
    ],
}


@pytest.mark.parametrize("spellings", SPELLINGS.values(), ids=list(SPELLINGS))
@pytest.mark.parametrize("known", [True, False])
def test_all_spellings_of_a_name_are_locked_as_one(
    make_user: Callable[..., Any], known: bool, spellings: list[str]
) -> None:
    """However many an unknown name has: a known one is counted by its stored name."""
    field = "email" if "@" in spellings[0] else "username"
    make_user(**({field: spellings[0]} if known else {}))
    answers = [log_in(APIClient(), typed, "wrong") for typed in spellings]
    assert [answer.status_code for answer in answers] == [400, 400, 429, 429, 429]


# MariaDB takes the two for one, as any backend that asks it does.
@pytest.mark.database("sqlite", "postgresql")
def test_several_accounts_of_an_address_are_asked_for_by_its_very_letters(
    make_user: Callable[..., Any], settings: Settings
) -> None:
    """As where a backend knows which of them is meant."""
    settings.AUTHENTICATION_BACKENDS = [
        "axes.backends.AxesStandaloneBackend",
        f"{__name__}.ExactBackend",
    ]
    make_user("ada", email="Jo@example.com")
    make_user("bob", email="jO@example.com", password=OTHER_PASSWORD)
    assert log_in(APIClient(), "Jo@example.com").status_code == 200
    assert log_in(APIClient(), "jO@example.com", OTHER_PASSWORD).status_code == 200
    assert log_in(APIClient(), "jo@example.com").status_code == 400


class ExactBackend(ModelBackend):
    """Finds accounts by their address, letter by letter."""

    def authenticate(self, *args: Any, **credentials: Any) -> Any:
        user = get_user_model().objects.filter(email=credentials["username"]).first()
        right = user is not None and user.check_password(credentials["password"])
        return user if right else None


def test_the_right_password_is_refused_while_the_name_is_locked(
    client: APIClient, make_user: Callable[..., Any]
) -> None:
    make_user("ada")
    assert log_in(client, "ada").status_code == 200
    for number in range(3):
        log_in(APIClient(), "ada", f"wrong {number}")
    assert log_in(APIClient(), "ada@example.com").status_code == 429
