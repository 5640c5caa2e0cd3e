"""Names that are found loosely are counted loosely, whether or not they exist."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from tests.accounts import log_in, post
from tests.conftest import OTHER_PASSWORD, PASSWORD

from ...conftest import MakeUser

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

# MariaDB takes each spelling for the same name.
letters_differ = pytest.mark.database("sqlite", "postgresql")
HERE = "tests.projects.any_case.backends"
# Thirty-two spellings of one name.
SPELLINGS = ["".join(letters) for letters in product("aA", "dD", "eE", "lL", "eE")]
TRIMMED = ["adele", "a dele", "ade\u00adle", "ádele", "ad ele", "ade le", "ad\u00adele"]


def guess(typed: str, address: str = "192.0.2.7", password: str = "wrong") -> int:
    client = APIClient(REMOTE_ADDR=address)
    return int(
        post(client, "login", {"ident": typed, "password": password}).status_code
    )


@pytest.mark.parametrize("known", [True, False])
def test_a_name_has_ten_guesses_from_one_address_in_all_its_spellings(
    make_user: MakeUser, known: bool
) -> None:
    if known:
        make_user("adele")
    seen = [guess(typed) for typed in SPELLINGS]
    assert seen == [400] * 10 + [429] * 22
    # And it locks no user out elsewhere.
    if known:
        assert guess("Adele", "203.0.113.9", PASSWORD) == 200


@pytest.mark.parametrize("known", [True, False])
def test_a_name_has_thirty_guesses_from_all_addresses_in_all_its_spellings(
    make_user: MakeUser, known: bool
) -> None:
    if known:
        make_user("adele")
    seen = [guess(typed, f"198.51.100.{n}") for n, typed in enumerate(SPELLINGS)]
    assert seen == [400] * 30 + [429] * 2


@pytest.mark.parametrize("known", [True, False])
def test_what_a_backend_drops_is_no_other_name(
    make_user: MakeUser, settings: Settings, known: bool
) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{HERE}.TrimmingBackend"]
    rates = {"LOGIN_ACCOUNT_ADDRESS": "3/min"}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "THROTTLE_RATES": rates}
    if known:
        make_user("adele")
        assert [log_in(APIClient(), typed).status_code for typed in TRIMMED] == [
            200
        ] * 7
    assert [guess(typed) for typed in TRIMMED] == [400] * 3 + [429] * 4


def test_another_name_is_another_counter(make_user: MakeUser) -> None:
    make_user("bob")
    for typed in SPELLINGS:
        guess(typed)
    assert guess("BOB", password=PASSWORD) == 200
    assert guess("adela") == 400


def test_the_right_password_forgets_the_wrong_ones(make_user: MakeUser) -> None:
    make_user("adele")
    for _ in range(3):
        assert [guess(typed) for typed in SPELLINGS[:9]] == [400] * 9
        assert guess("Adele", password=PASSWORD) == 200


def test_a_new_password_starts_afresh(make_user: MakeUser) -> None:
    user = make_user("adele")
    for typed in SPELLINGS:
        guess(typed)
    assert guess("Adele", password=PASSWORD) == 429
    user.set_password(OTHER_PASSWORD)
    user.save()
    assert guess("Adele", password=OTHER_PASSWORD) == 200


@letters_differ
def test_where_names_are_not_passed_on_none_is_found_loosely(
    make_user: MakeUser, settings: Settings
) -> None:
    """Of addresses this app knows the spellings itself."""
    changes = {"USER_IDENTITY_FIELDS": ("email",)}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **changes}
    make_user("adele")
    assert [guess(f"{typed}@example.com") for typed in SPELLINGS[:11]] == (
        [400] * 10 + [429]
    )
    assert [guess(typed) for typed in SPELLINGS[:11]] == [400] * 11


@letters_differ
def test_a_backend_that_asks_djangos_own_changes_nothing(
    make_user: MakeUser, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two names that differ by their case stay two where the database says so."""
    monkeypatch.delattr(type(get_user_model().objects), "get_by_natural_key")
    settings.AUTHENTICATION_BACKENDS = [f"{HERE}.LenientBackend"]
    make_user("adele")
    assert [guess("adele") for _ in range(11)] == [400] * 10 + [429]
    assert guess("Adele") == 400
    assert guess("adele", "203.0.113.9", PASSWORD) == 200
