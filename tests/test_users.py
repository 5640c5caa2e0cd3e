"""Which user a login finds, the cost of finding one, and the state of an account."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.signals import user_login_failed
from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from ai_kit_auth import services, users
from ai_kit_auth.accounts import state_of
from ai_kit_auth.settings import InvalidConfigurationError
from ai_kit_auth.user_model import user_model
from ai_kit_auth.users import AccountState

from .accounts import (
    attributes_of,
    csrf,
    has_activation,
    log_in,
    mailed_link,
    post,
    registration,
    the_user,
)
from .conftest import PASSWORD, MakeUser, with_activation, with_username
from .test_settings import URL

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = pytest.mark.django_db


def whom(ident: str, password: str = PASSWORD) -> Any:
    """Return the key of the user who logs in by ``ident``, or None."""
    answer = log_in(APIClient(enforce_csrf_checks=True), ident, password)
    assert answer.status_code in {200, 400}
    return answer.json().get("user", {}).get("id")


def key_of(user: Any) -> Any:
    """Return the primary key as JSON has it."""
    return user.pk if isinstance(user.pk, int) else str(user.pk)


def identities(username: str, address: str) -> dict[str, str]:
    """Return the columns of a user with these two, by the model's own names."""
    return {str(user_model.username): username, user_model.email: address}


# Which user is found


@pytest.mark.parametrize(
    "ident", ["ada@example.com", "ADA@EXAMPLE.COM", "Ada@Example.com"]
)
def test_an_address_is_found_in_any_case(make_user: MakeUser, ident: str) -> None:
    ada = make_user("ada")
    make_user("bob")
    assert whom(ident) == key_of(ada)


@with_username
@pytest.mark.parametrize("typed", ["ada", "Ada", "ADA"])
@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"ada"}, marks=pytest.mark.database("sqlite", "postgresql")),
        pytest.param({"ada", "Ada", "ADA"}, marks=pytest.mark.database("mariadb")),
    ],
)
def test_a_username_is_found_as_the_database_compares_it(
    make_user: MakeUser, typed: str, found: set[str]
) -> None:
    """Exactly as written, but for MariaDB, whose usual collations ignore case."""
    ada = make_user("ada")
    assert whom(typed) == (key_of(ada) if typed in found else None)


@pytest.mark.parametrize(
    "ident",
    ["ad", "ada@", "@example.com", "%@example.com", "ada_example.com", "*", "'"],
)
def test_half_an_identity_is_none(make_user: MakeUser, ident: str) -> None:
    make_user("ada")
    assert whom(ident) is None


@with_username
@pytest.mark.parametrize("second", ["shared@example.com", "Shared@Example.com"])
def test_an_address_of_two_accounts_is_nobodys(
    make_user: MakeUser, second: str
) -> None:
    """Neither may be picked; each still logs in by its username."""
    ada = make_user(**identities("ada", "shared@example.com"))
    bob = make_user(**identities("bob", second))
    assert whom("shared@example.com") is None
    assert whom("ada") == key_of(ada)
    assert whom("bob") == key_of(bob)


@with_username
def test_where_an_address_does_not_decide_the_username_does(
    make_user: MakeUser,
) -> None:
    make_user(**identities("ada", "shared@example.com"))
    make_user(**identities("bob", "shared@example.com"))
    third = make_user(**identities("shared@example.com", "cyd@example.com"))
    assert whom("shared@example.com") == key_of(third)


@with_username
@pytest.mark.parametrize("email_first", [True, False])
def test_the_first_field_that_finds_somebody_decides(
    make_user: MakeUser, settings: Settings, email_first: bool
) -> None:
    by_address = make_user(**identities("ada", "x@example.com"))
    by_username = make_user(**identities("x@example.com", "bob@example.com"))
    order = (user_model.email, user_model.username)
    settings.AI_KIT_AUTH = {
        **URL,
        "USER_IDENTITY_FIELDS": order if email_first else order[::-1],
    }
    expected = by_address if email_first else by_username
    assert whom("x@example.com") == key_of(expected)


@with_username
def test_the_address_comes_first_by_default(make_user: MakeUser) -> None:
    ada = make_user(**identities("ada", "x@example.com"))
    make_user(**identities("x@example.com", "bob@example.com"))
    assert whom("x@example.com") == key_of(ada)


@with_username
def test_what_has_no_at_sign_is_no_address(make_user: MakeUser) -> None:
    make_user(**identities("ada", "postmaster"))
    assert whom("postmaster") is None


@with_username
def test_what_has_no_at_sign_spares_the_database_the_scan(make_user: MakeUser) -> None:
    make_user("ada")
    with CaptureQueriesContext(connection) as context:
        assert users.find_for_login("ada")[0] is not None
    [query] = context.captured_queries
    # The one is how SQLite and MariaDB compare addresses, the other PostgreSQL.
    assert "LIKE" not in query["sql"]
    assert "UPPER" not in query["sql"]


@pytest.mark.user_model("email_login", "bare")
def test_what_has_no_at_sign_asks_nothing_where_only_addresses_count(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert users.find_for_login("ada")[0] is None


@pytest.mark.parametrize(
    "ident", ["ada@example.com", "nobody@example.com", "ADA@example.com"]
)
def test_the_lookup_is_one_statement(
    make_user: MakeUser,
    django_assert_num_queries: DjangoAssertNumQueries,
    ident: str,
) -> None:
    make_user("ada")
    with django_assert_num_queries(1):
        users.find_for_login(ident)[0]


@with_username
@pytest.mark.parametrize("typed", ["ﬁona", "fiona", "\uff46iona"])
def test_a_username_is_found_in_every_unicode_spelling(
    make_user: MakeUser, typed: str
) -> None:
    """Django stores usernames in NFKC; keyboards differ."""
    fiona = make_user("fiona")
    assert whom(typed) == key_of(fiona)


@pytest.mark.parametrize("names", [("nickname",), ("password", "nickname")])
def test_a_field_that_the_host_wrote_and_the_model_lacks_is_an_error(
    settings: Settings, make_user: MakeUser, names: tuple[str, ...]
) -> None:
    make_user("ada")
    settings.AI_KIT_AUTH = {**URL, "USER_IDENTITY_FIELDS": names}
    with pytest.raises(InvalidConfigurationError, match="nickname"):
        whom("ada@example.com")


@pytest.mark.user_model("email_login", "bare", "renamed_email")
def test_a_default_name_that_the_host_wrote_is_an_error_too(settings: Settings) -> None:
    settings.AI_KIT_AUTH = {**URL, "USER_IDENTITY_FIELDS": ["email", "username"]}
    with pytest.raises(InvalidConfigurationError, match="USER_IDENTITY_FIELDS"):
        whom("ada@example.com")


@pytest.mark.database("sqlite", "postgresql")
@pytest.mark.user_model("auth_user")
def test_another_text_to_log_in_by(make_user: MakeUser, settings: Settings) -> None:
    """It is no username, so it is compared as it was typed."""
    settings.AI_KIT_AUTH = {**URL, "USER_IDENTITY_FIELDS": ("last_name",)}
    ada = make_user("ada", last_name="Lovelace")
    make_user("bob", last_name="King")
    assert whom("Lovelace") == key_of(ada)
    assert whom("lovelace") is None


@pytest.mark.user_model("extra_field")
def test_a_number_to_log_in_by(make_user: MakeUser, settings: Settings) -> None:
    settings.AI_KIT_AUTH = {**URL, "USER_IDENTITY_FIELDS": ("age", "username")}
    ada = make_user("ada", age=36)
    bob = make_user("bob", age=40)
    assert whom("36") == key_of(ada)
    assert whom("bob") == key_of(bob)
    assert [whom(typed) for typed in ("3", "36.0", "abc", "-36", "9" * 30)] == [
        None
    ] * 5


@pytest.mark.user_model("extra_field")
def test_two_of_the_same_age_are_found_by_their_names(
    make_user: MakeUser, settings: Settings
) -> None:
    settings.AI_KIT_AUTH = {**URL, "USER_IDENTITY_FIELDS": ("age", "username")}
    make_user("ada", age=36)
    named = make_user("36", age=36)
    assert whom("36") == key_of(named)


@pytest.mark.user_model("uuid_key")
def test_a_uuid_to_log_in_by(make_user: MakeUser, settings: Settings) -> None:
    settings.AI_KIT_AUTH = {**URL, "USER_IDENTITY_FIELDS": ("key",)}
    ada = make_user("ada")
    assert whom(str(ada.pk)) == key_of(ada)
    assert whom(str(uuid.uuid4())) is None
    assert whom("ada") is None


@with_username
def test_nobody_logs_in_by_a_field_that_is_left_out(
    make_user: MakeUser, settings: Settings
) -> None:
    """Django's ModelBackend would find the username on its own."""
    ada = make_user("ada")
    trap = make_user(**identities("cyd@example.com", "bob@example.com"))
    settings.AI_KIT_AUTH = {**URL, "USER_IDENTITY_FIELDS": (user_model.email,)}
    assert whom("ada") is None
    assert whom("cyd@example.com") is None
    assert whom("ada@example.com") == key_of(ada)
    settings.AI_KIT_AUTH = {**URL, "USER_IDENTITY_FIELDS": (user_model.username,)}
    assert whom("ada@example.com") is None
    assert whom("cyd@example.com") == key_of(trap)


# What an answer costs


class CountingHasher(MD5PasswordHasher):
    hashed: list[str] = []

    def encode(self, password: str, salt: str) -> str:
        self.hashed.append(password)
        return super().encode(password, salt)


@contextmanager
def failures() -> Iterator[list[dict[str, Any]]]:
    """Collect the credentials of Django's ``user_login_failed``."""
    collected: list[dict[str, Any]] = []

    def note(credentials: dict[str, Any], **kwargs: object) -> None:
        collected.append(credentials)

    user_login_failed.connect(note)
    try:
        yield collected
    finally:
        user_login_failed.disconnect(note)


@pytest.fixture
def hashed(settings: Settings) -> list[str]:
    """Return the passwords that were hashed since."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.hashed.clear()
    return CountingHasher.hashed


@pytest.mark.parametrize(
    ("ident", "password", "logs_in"),
    [
        ("ada@example.com", PASSWORD, True),
        ("ada@example.com", "wrong", False),
        ("nobody@example.com", PASSWORD, False),
        ("nobody", PASSWORD, False),
        ("@", PASSWORD, False),
    ],
)
def test_one_hash_and_one_failure_whatever_was_typed(
    make_user: MakeUser, hashed: list[str], ident: str, password: str, logs_in: bool
) -> None:
    make_user("ada")
    hashed.clear()
    with failures() as failed:
        assert (whom(ident, password) is not None) is logs_in
    assert hashed == [password]
    assert len(failed) == (0 if logs_in else 1)
    assert not any(password in map(str, noted.values()) for noted in failed)


@with_username
@pytest.mark.parametrize("ident", ["ada", "Ada", "shared@example.com"])
def test_one_hash_by_username_and_for_the_undecided(
    make_user: MakeUser, hashed: list[str], ident: str
) -> None:
    make_user(**identities("ada", "shared@example.com"))
    make_user(**identities("bob", "shared@example.com"))
    hashed.clear()
    with failures() as failed:
        logged_in = whom(ident) is not None
    assert hashed == [PASSWORD]
    assert len(failed) == (not logged_in)


@with_activation
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
@pytest.mark.parametrize("deactivated", [True, False])
def test_one_hash_and_one_failure_for_who_may_not_log_in(
    make_user: MakeUser, hashed: list[str], password: str, deactivated: bool
) -> None:
    ada = make_user("ada", is_active=deactivated)
    get_user_model()._default_manager.filter(pk=ada.pk).update(is_active=False)
    hashed.clear()
    with failures() as failed:
        assert whom("ada@example.com", password) is None
    assert hashed == [password]
    assert len(failed) == 1


def test_a_backend_is_asked_for_what_was_typed_where_nobody_is_found(
    make_user: MakeUser,
) -> None:
    """A directory may know it, and what counts failures by name counts this one."""
    make_user("ada")
    with failures() as failed:
        assert whom("nobody@example.com") is None
    assert [noted["username"] for noted in failed] == ["nobody@example.com"]


@with_username
def test_a_backend_is_not_asked_for_it_where_the_username_is_left_out(
    make_user: MakeUser, settings: Settings
) -> None:
    """The backend gets a name of no account, always the same for one input."""
    make_user("ada")
    settings.AI_KIT_AUTH = {**URL, "USER_IDENTITY_FIELDS": (user_model.email,)}
    with failures() as failed:
        for typed in ("ada", "ada", "nobody@example.com", "Nobody@example.com", "x"):
            assert whom(typed) is None
    names = [noted["username"] for noted in failed]
    assert len(set(names)) == 3
    assert names[0] == names[1]
    assert names[2] == names[3]
    assert not {"ada", "nobody@example.com", "x"} & set(names)


@with_username
def test_an_account_called_like_somebodys_address_is_no_way_in(
    make_user: MakeUser,
) -> None:
    """The address finds ada, so bob's password proves nothing."""
    make_user(**identities("ada", "x@example.com"))
    make_user(
        "bob", "a password of bob", **identities("x@example.com", "b@example.com")
    )
    assert whom("x@example.com", "a password of bob") is None


# Idents


@pytest.mark.parametrize(
    ("pk", "scrambled"),
    [
        (0, 1777613459),
        (1, 561465857),
        (2, 436885871),
        (3, 576481439),
        (4, 483424269),
        (5, 1905133426),
    ],
)
def test_scramble_id_is_the_published_network(pk: int, scrambled: int) -> None:
    assert services.scramble_id(pk) == scrambled
    assert services.scramble_id(str(pk)) == scrambled
    assert services.scramble_id(str(scrambled)) == pk


def test_scramble_id_is_its_own_inverse() -> None:
    spread = [0, 1, 7, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
    spread += range(0, 2**32, 43_000_003)
    scrambled = [services.scramble_id(pk) for pk in spread]
    assert all(0 <= value < 2**32 for value in scrambled)
    assert len(set(scrambled)) == len(set(spread))
    assert [services.scramble_id(value) for value in scrambled] == spread


@pytest.mark.parametrize(
    "pk",
    [
        2**32,
        2**64,
        -1,
        True,
        False,
        1.0,
        None,
        "",
        "007",
        "-1",
        "+7",
        " 7",
        "7 ",
        "1_0",
        "\u0667",
        "²",
        "7.0",
        "ada",
        str(2**32),
        "9" * 5000,
        uuid.UUID(int=7),
        str(uuid.UUID(int=7)),
    ],
)
def test_scramble_id_leaves_alone_what_is_no_such_number(pk: Any) -> None:
    assert services.scramble_id(pk) is pk


def test_an_ident_finds_its_user(make_user: MakeUser) -> None:
    ada = make_user("ada")
    make_user("bob")
    assert users.find_by_ident(str(services.scramble_id(ada.pk))) == ada


@pytest.mark.parametrize(
    "respell",
    [
        lambda ident: "",
        lambda ident: "nobody",
        lambda ident: "0" + ident,
        lambda ident: "+" + ident,
        lambda ident: f" {ident}",
        lambda ident: f"{ident}.0",
        lambda ident: f"-{ident}",
        lambda ident: "9" * 30,
        lambda ident: "9" * 5000,
        lambda ident: str(2**32),
        lambda ident: ident.translate({48 + i: 0xFF10 + i for i in range(10)}),
        lambda ident: f"urn:uuid:{ident}",
        lambda ident: "{" + ident + "}",
        lambda ident: str(services.scramble_id(ident)) + "0",
    ],
)
def test_another_spelling_is_no_ident(
    make_user: MakeUser, respell: Callable[[str], str]
) -> None:
    ada = make_user("ada")
    assert users.find_by_ident(respell(str(services.scramble_id(ada.pk)))) is None


@pytest.mark.user_model("uuid_key")
def test_another_spelling_of_a_uuid_is_no_ident(make_user: MakeUser) -> None:
    ada = make_user("ada", key=uuid.UUID("abcdefab-cdef-4bcd-8fab-cdefabcdefab"))
    assert users.find_by_ident(str(ada.pk)) == ada
    assert users.find_by_ident(str(ada.pk).upper()) is None
    assert users.find_by_ident(ada.pk.hex) is None


@pytest.mark.user_model("auth_user")
@pytest.mark.parametrize("spelling", ["{}", "+{}", "0{}", " {}", "{} ", "{}.0"])
def test_the_bare_primary_key_is_no_ident_of_its_user(
    make_user: MakeUser, spelling: str
) -> None:
    """Nor in a spelling that is not scrambled, and that the column reads as a key."""
    ada = make_user("ada")
    assert users.find_by_ident(spelling.format(ada.pk)) is None


# What a row says


def rewrite(user: Any, **columns: Any) -> None:
    """Change the row as ``queryset.update`` does: no receiver hears of it."""
    get_user_model()._default_manager.filter(pk=user.pk).update(**columns)


def state() -> AccountState:
    return state_of(the_user())


def test_an_active_row(make_user: MakeUser) -> None:
    ada = make_user()
    assert state() is AccountState.ACTIVE
    assert ada.last_login is None
    assert whom("ada@example.com") == key_of(ada)
    assert state() is AccountState.ACTIVE


@with_activation
def test_a_registered_row_waits(client: APIClient) -> None:
    post(client, "register", registration())
    assert state() is AccountState.WAITING
    post(client, "activate", mailed_link())
    assert state() is AccountState.ACTIVE
    assert the_user().last_login is None


@with_activation
def test_a_row_that_host_code_made_inactive_waits(make_user: MakeUser) -> None:
    ada = make_user(is_active=False)
    assert state() is AccountState.WAITING
    ada.save()
    assert state() is AccountState.WAITING


@with_activation
def test_a_row_that_never_logged_in_may_be_either(make_user: MakeUser) -> None:
    """Also how 2.0.0 left accounts that were never activated."""
    rewrite(make_user(), is_active=False)
    assert state() is AccountState.UNKNOWN


@with_activation
def test_a_row_that_an_admin_saved_inactive_is_not_taken_for_new(
    make_user: MakeUser,
) -> None:
    ada = make_user()
    ada.is_active = False
    ada.save()
    assert state() is AccountState.UNKNOWN


@with_activation
@pytest.mark.parametrize("by_update", [True, False])
def test_a_row_that_had_logged_in_is_deactivated(
    make_user: MakeUser, by_update: bool
) -> None:
    ada = make_user(last_login=timezone.now())
    if by_update:
        rewrite(ada, is_active=False)
    else:
        ada.is_active = False
        ada.save()
    assert state() is AccountState.DEACTIVATED


@with_activation
def test_a_row_that_is_copied_with_its_last_login_is_deactivated(
    make_user: MakeUser,
) -> None:
    make_user(is_active=False, last_login=timezone.now())
    assert state() is AccountState.DEACTIVATED


@with_activation
@pytest.mark.parametrize("update_fields", [None, ["is_active"]])
def test_activation_by_host_code_takes_the_mark_away(
    make_user: MakeUser, update_fields: list[str] | None
) -> None:
    """Without that, a later deactivation would look like an account that waits."""
    ada = make_user(is_active=False)
    ada.is_active = True
    ada.save(update_fields=update_fields)
    assert state() is AccountState.ACTIVE
    assert the_user().last_login is None
    assert ada.last_login is None
    rewrite(ada, is_active=False)
    assert state() is AccountState.UNKNOWN


@with_activation
def test_activation_by_host_code_may_name_both_columns(
    make_user: MakeUser, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ada = make_user(is_active=False)
    ada.is_active = True
    with django_assert_num_queries(1):
        ada.save(update_fields=["is_active", "last_login"])
    assert the_user().last_login is None


@pytest.mark.parametrize("column", [None, "password"])
def test_the_mark_costs_nobody_elses_save_a_statement(
    make_user: MakeUser,
    django_assert_num_queries: DjangoAssertNumQueries,
    column: str | None,
) -> None:
    ada = make_user(last_login=timezone.now())
    with django_assert_num_queries(1):
        ada.save(update_fields=column and [column])


@with_activation
@pytest.mark.parametrize("last_login", [None, "2020-01-01T00:00:00Z"])
def test_a_fixture_is_loaded_as_it_is(db: None, last_login: str | None) -> None:
    row: dict[str, Any] = {
        "model": get_user_model()._meta.label_lower,
        "fields": {
            **attributes_of("ada"),
            "password": "!",
            "is_active": False,
            "last_login": last_login,
        },
    }
    if "changed_at" in user_model.columns:
        row["fields"]["changed_at"] = "2020-01-01T00:00:00Z"
    for loaded in serializers.deserialize("json", json.dumps([row])):
        loaded.save()
    assert state() is (AccountState.DEACTIVATED if last_login else AccountState.UNKNOWN)


@with_activation
@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize(
    "zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati", "Europe/Berlin"]
)
def test_the_mark_is_known_in_every_time_zone(
    settings: Settings, client: APIClient, zone: str, use_tz: bool
) -> None:
    settings.TIME_ZONE = zone
    settings.USE_TZ = use_tz
    post(client, "register", registration())
    assert state() is AccountState.WAITING
    assert post(client, "activate", mailed_link()).json() == {}
    assert state() is AccountState.ACTIVE


@with_activation
def test_the_mark_outlives_a_change_of_the_time_zone(
    settings: Settings, client: APIClient
) -> None:
    settings.USE_TZ = False
    post(client, "register", registration())
    settings.USE_TZ = True
    settings.TIME_ZONE = "America/Los_Angeles"
    with timezone.override("Pacific/Pago_Pago"):
        assert state() is AccountState.WAITING


@with_activation
def test_nobody_sees_the_mark_at_login(client: APIClient) -> None:
    post(client, "register", registration())
    post(client, "activate", mailed_link())
    answer = log_in(client, "ada@example.com")
    assert answer.status_code == 200
    assert the_user().last_login.year < 9000
    assert csrf(client)


def test_an_account_of_a_model_without_activation_is_active(client: APIClient) -> None:
    post(client, "register", registration())
    assert (state() is AccountState.ACTIVE) is not has_activation()


@pytest.mark.user_model("auth_user")
def test_a_field_that_takes_no_made_up_name_costs_a_hash_all_the_same(
    client: APIClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No backend can be asked, and a stranger must not feel that."""

    def refuse(value: object) -> object:
        raise ValidationError("not of this kind")

    failed: list[Any] = []

    def note(**kwargs: Any) -> None:
        failed.append(kwargs["credentials"])

    make_user()
    field = users.UserModel._meta.get_field("username")
    monkeypatch.setattr(field, "to_python", refuse)
    # Django's own field takes any text, which is known once and for all.
    monkeypatch.setitem(vars(user_model), "texts", frozenset())
    user_login_failed.connect(note)
    try:
        answer = log_in(client, "nobody@example.com")
    finally:
        user_login_failed.disconnect(note)
    assert answer.json() == {"non_field_errors": ["invalid_credentials"]}
    assert [credentials["username"] for credentials in failed] == ["nobody@example.com"]
