"""``PATCH me/``: what a user may change, and what never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection
from django.db.models.signals import pre_save
from django.test.utils import CaptureQueriesContext

from ai_kit_auth.account import services, signals
from ai_kit_auth.accounts import email_of

from ..accounts import wide
from ..conftest import PASSWORD, Connect, MakeUser, with_username
from ..shop.models import Topic
from .page import (
    ADA,
    EVERY_MODEL,
    OUT,
    Browser,
    address,
    answer_of,
    before_savepoint,
    configure,
    invalid,
    make_other,
    refused,
    rows,
    username,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]


SERIALIZERS = "tests.account.serializers"


def name_field() -> str:
    return str(get_user_model().USERNAME_FIELD)


def rename(browser: Browser, new: Any) -> tuple[int, Any]:
    return answer_of(browser.patch({name_field(): new}))


@with_username
def test_a_new_username_is_good_for_the_next_login(browser: Browser, ada: Any) -> None:
    answer = browser.patch({name_field(): "lovelace"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"user", "csrf"}
    assert answer.json()["user"] == browser.me()
    assert answer.json()["user"][name_field()] == "lovelace"
    assert username(ada) == "lovelace"
    assert Browser().log_in("lovelace").status_code == 200
    assert Browser().log_in("ada").status_code == 400
    assert browser.post("logout").status_code == 200


def test_nothing_is_a_change_as_well(browser: Browser) -> None:
    before = rows()
    answer = browser.patch({})
    assert answer.status_code == 200
    assert answer.json()["user"] == browser.me()
    assert rows() == before


@pytest.mark.parametrize(
    "body", [{"nonsense": 1}, {"": None}, {"__class__": "x", "_state": {}}]
)
def test_keys_that_nobody_knows_are_ignored(
    browser: Browser, body: dict[str, Any]
) -> None:
    before = rows()
    assert browser.patch(body).status_code == 200
    assert rows() == before


@with_username
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" lovelace\n", "lovelace"),
        (wide("lovelace"), "lovelace"),
        ("\ufb01nn", "finn"),
        ("Ada", "Ada"),
        ("ada", "ada"),
    ],
)
def test_it_is_kept_in_its_normal_form(
    browser: Browser, ada: Any, typed: str, kept: str
) -> None:
    assert rename(browser, typed)[0] == 200
    assert username(ada) == kept


@with_username
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "blank"),
        (None, "null"),
        (["ada"], "invalid"),
        ({}, "invalid"),
        (True, "invalid"),
        ("a" * 151, "max_length"),
        ("\ufdfa" * 20, "max_length"),
        ("a\x00b", "null_characters_not_allowed"),
    ],
)
def test_a_bad_one_is_refused(
    browser: Browser, ada: Any, typed: Any, code: str
) -> None:
    status, body = rename(browser, typed)
    assert status == 400
    assert code in body[name_field()]
    assert username(ada) == "ada"


@pytest.mark.user_model("auth_user", "uuid_key", "extra_field")
@pytest.mark.parametrize("typed", ["a b", "a!", "<a>", "a/b"])
def test_the_model_s_own_rules_hold(browser: Browser, typed: str) -> None:
    assert rename(browser, typed) == invalid(username="invalid")


@with_username
@pytest.mark.parametrize("typed", ["eve", "EVE", wide("Eve")])
def test_one_that_somebody_has_is_refused_in_any_case(
    browser: Browser, ada: Any, make_user: MakeUser, typed: str
) -> None:
    make_user("eve")
    assert rename(browser, typed) == (
        400,
        {name_field(): [f"{name_field()}_unique"]},
    )
    assert username(ada) == "ada"


@pytest.mark.user_model("auth_user", "uuid_key", "extra_field")
@pytest.mark.parametrize("typed", ["eve@example.com", "EVE@Example.com"])
def test_somebody_s_address_is_no_username(
    browser: Browser, make_user: MakeUser, typed: str
) -> None:
    """At login it would find two, and so its owner no more."""
    make_user("eve")
    assert rename(browser, typed) == invalid(username="username_unique")


@with_username
def test_one_s_own_address_is_one(browser: Browser, ada: Any) -> None:
    assert rename(browser, ADA)[0] == 200
    assert username(ada) == ADA
    assert Browser().log_in(ADA).status_code == 200


@with_username
def test_where_addresses_are_hidden_no_username_looks_like_one(
    browser: Browser, make_user: MakeUser, settings: Settings
) -> None:
    make_user("eve")
    configure(settings, PREVENT_ENUMERATION=True)
    for typed in ("eve@example.com", "nobody@example.com", "@"):
        assert rename(browser, typed) == (400, {name_field(): ["invalid"]})


@with_username
@pytest.mark.parametrize("typed", ["eve", "EVE", wide("Eve"), "eve@example.com"])
def test_a_serializer_that_knows_none_of_these_rules_is_held_to_them(
    browser: Browser,
    ada: Any,
    make_user: MakeUser,
    settings: Settings,
    typed: str,
) -> None:
    configure(settings, USER_UPDATE_SERIALIZER=f"{SERIALIZERS}.Plain")
    make_user("eve")
    answer = rename(browser, typed)
    assert answer == (400, {name_field(): [f"{name_field()}_unique"]})
    assert rename(browser, wide("lovelace"))[0] == 200
    assert username(ada) == "lovelace"


# What is never changed


def forbidden() -> dict[str, Any]:
    """Return a change of each column that ``PATCH me/`` must not change."""
    return {
        "pk": "7",
        "id": 7,
        "key": "00000000-0000-0000-0000-000000000007",
        "email": "eve@example.com",
        "mail": "eve@example.com",
        "contact": "eve@example.com",
        "password": "nothing that is hashed",
        "motto": "nothing that is hashed",
        "number": "00000000-0000-0000-0000-000000000007",
        "is_active": False,
        "is_staff": True,
        "is_superuser": True,
        "nick": True,
        "groups": [Group.objects.create(name="admins").pk],
        "user_permissions": [1],
        "last_login": "2000-01-01T00:00Z",
        "date_joined": "2000-01-01T00:00Z",
    }


def powers(user: Any) -> list[str]:
    groups = getattr(user, "groups", None)
    return list(groups.values_list("name", flat=True)) if groups else []


@pytest.mark.parametrize(
    "serializer",
    ["", "Everything", "EverythingOfDRFs", "Disguised", "Scattered", "Plain"],
)
def test_the_rest_is_left_alone_whatever_a_host_s_serializer_lists(
    browser: Browser, ada: Any, settings: Settings, serializer: str
) -> None:
    if serializer:
        configure(settings, USER_UPDATE_SERIALIZER=f"{SERIALIZERS}.{serializer}")
    body = forbidden()
    before = rows()
    answer = browser.patch({**body, "everything": {**body, "groups": [], "x": 1}})
    assert answer.status_code == 200, answer.json()
    for row in (*before, *(after := rows())):
        # Django's clock in a column of the project.
        row.pop("changed_at", None)
    assert after == before
    assert powers(ada) == []
    assert browser.me() is not None


@pytest.mark.user_model("auth_user", "extra_field", "uuid_key")
def test_what_is_allowed_beside_it_is_changed(
    browser: Browser, ada: Any, settings: Settings
) -> None:
    configure(settings, USER_UPDATE_SERIALIZER=f"{SERIALIZERS}.Everything")
    answer = browser.patch({"is_staff": True, "first_name": "Augusta"})
    assert answer.status_code == 200
    ada.refresh_from_db()
    assert (ada.is_staff, ada.first_name) == (False, "Augusta")


# The project's own fields


@pytest.mark.user_model("auth_user")
def test_a_host_s_fields_are_changed_alone_or_together(
    browser: Browser, ada: Any, settings: Settings
) -> None:
    configure(settings, USER_UPDATE_SERIALIZER=f"{SERIALIZERS}.Names")
    assert browser.patch({"first_name": "Augusta"}).status_code == 200
    assert browser.patch({"last_name": "King", "username": "aak"}).status_code == 200
    ada.refresh_from_db()
    assert (ada.first_name, ada.last_name, ada.username) == ("Augusta", "King", "aak")
    long = browser.patch({"first_name": "x" * 151})
    assert answer_of(long) == invalid(first_name="max_length")
    configure(settings, ERROR_PARAMS=True)
    long = browser.patch({"first_name": "x" * 151})
    assert long.json()["params"] == {"first_name": {"max_length": {"max_length": 150}}}


@pytest.mark.user_model("extra_field")
def test_a_host_s_column_has_the_host_s_rules(
    browser: Browser, ada: Any, settings: Settings
) -> None:
    configure(settings, USER_UPDATE_SERIALIZER=f"{SERIALIZERS}.WithAge")
    assert answer_of(browser.patch({"age": 12})) == invalid(age="age_too_low")
    changed_at = ada.changed_at
    assert browser.patch({"age": 37}).status_code == 200
    ada.refresh_from_db()
    assert ada.age == 37
    assert ada.changed_at > changed_at


@pytest.mark.parametrize("serializer", ["Topics"])
def test_what_many_users_share_can_be_chosen(
    browser: Browser, ada: Any, settings: Settings, serializer: str
) -> None:
    configure(settings, USER_UPDATE_SERIALIZER=f"{SERIALIZERS}.{serializer}")
    ferns, rain = (Topic.objects.create(name=name) for name in ("ferns", "rain"))
    assert browser.patch({"topics": [ferns.pk, rain.pk]}).status_code == 200
    assert set(ada.topics.all()) == {ferns, rain}
    assert browser.patch({}).status_code == 200
    assert set(ada.topics.all()) == {ferns, rain}
    assert browser.patch({"topics": [rain.pk]}).status_code == 200
    assert set(ada.topics.all()) == {rain}
    unknown = browser.patch({"topics": [0]})
    assert answer_of(unknown) == invalid(topics="does_not_exist")


@pytest.mark.user_model("auth_user")
def test_what_a_property_of_the_model_s_writes_is_kept(
    browser: Browser, ada: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shout(user: Any, value: str) -> None:
        user.first_name = value.upper()

    model = get_user_model()
    monkeypatch.setattr(model, "shout", property(fset=shout), raising=False)
    configure(settings, USER_UPDATE_SERIALIZER=f"{SERIALIZERS}.Shout")
    assert browser.patch({"shout": "augusta"}).status_code == 200
    ada.refresh_from_db()
    assert ada.first_name == "AUGUSTA"


# Bodies


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"null", "null"),
        (b"[]", "invalid"),
        (b'[{"username": "eve"}]', "invalid"),
        (b'"username"', "invalid"),
        (b"7", "invalid"),
        (b"true", "invalid"),
    ],
)
def test_what_is_no_object_reaches_no_receiver(
    browser: Browser, connect: Connect, body: bytes, code: str
) -> None:
    seen: list[Any] = []

    def note(user_data: Any, **kwargs: Any) -> None:
        seen.append(user_data)

    connect(signals.user_pre_update_me, note)
    answer = browser.client.patch(
        "/api/v1/auth/me/",
        body,
        content_type="application/json",
        headers={"X-CSRFToken": browser.token},
    )
    assert answer_of(answer) == invalid(non_field_errors=code)
    assert seen == []
    browser.patch({"a": "b"})
    assert seen == [{"a": "b"}]


@with_username
def test_a_form_changes_what_it_holds_only(browser: Browser, ada: Any) -> None:
    assert browser.patch({}, format="multipart").status_code == 200
    assert username(ada) == "ada"
    form = {name_field(): "lovelace"}
    assert browser.patch(form, format="multipart").status_code == 200
    assert username(ada) == "lovelace"


# Races


def test_an_account_that_is_just_gone_is_nobody(browser: Browser, ada: Any) -> None:
    """Another browser deletes it while this one waits for its turn."""
    with before_savepoint(1, ada.delete):
        answer = browser.patch({})
    assert answer_of(answer) == OUT
    assert rows() == []


@with_username
def test_an_account_that_was_just_anonymised_stays_so(
    browser: Browser, ada: Any
) -> None:
    with before_savepoint(1, lambda: services.anonymise_user(ada)):
        answer = browser.patch({name_field(): "lovelace"})
    assert answer_of(answer) == OUT
    assert "lovelace" not in str(rows())


@with_username
def test_code_of_the_host_s_that_is_faster_gets_the_username(
    browser: Browser, ada: Any
) -> None:
    with before_savepoint(2, lambda: make_other(**{name_field(): "lovelace"})):
        answer = rename(browser, "lovelace")
    assert answer == (400, {name_field(): [f"{name_field()}_unique"]})
    assert username(ada) == "ada"


@with_username
def test_a_constraint_of_the_host_s_is_its_own_affair(browser: Browser) -> None:
    def spoil(**kwargs: Any) -> None:
        raise IntegrityError("another constraint")

    pre_save.connect(spoil, sender=get_user_model())
    with pytest.raises(IntegrityError, match="another"):
        rename(browser, "lovelace")
    pre_save.disconnect(spoil, sender=get_user_model())


# What it leaves alone


def test_get_me_is_what_it_was(browser: Browser, settings: Settings) -> None:
    seen = []
    for urlconf in ("tests.urls", "tests.urlconfs.account"):
        settings.ROOT_URLCONF = urlconf
        with CaptureQueriesContext(connection) as queries:
            answer = browser.client.get("/api/v1/auth/me/")
        assert len(queries) == 2
        headers = {name: answer.headers[name] for name in answer.headers}
        headers.pop("Allow")
        seen.append((answer.json()["user"], sorted(headers.items())))
    assert seen[0] == seen[1]


def test_nobody_s_me_still_asks_the_database_nothing(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert Browser().me() is None
    assert len(queries) == 0


def test_a_head_is_still_answered(browser: Browser) -> None:
    assert browser.client.head("/api/v1/auth/me/").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_there_is_no_other_method(browser: Browser, method: str) -> None:
    headers = {"X-CSRFToken": browser.token}
    answer = browser.client.generic(method, "/api/v1/auth/me/", headers=headers)
    assert answer_of(answer) == refused("method_not_allowed", 405)


def test_sessions_live_on(browser: Browser, elsewhere: Browser, ada: Any) -> None:
    browser.patch({name_field(): "lovelace"})
    assert browser.me() is not None
    assert elsewhere.me() is not None
    assert address(ada) == ADA


def test_hosts_may_call_the_service(ada: Any) -> None:
    """It filters what is never updated by itself, too."""
    changed = services.update_user(ada, {"is_superuser": True, "password": PASSWORD})
    changed.refresh_from_db()
    assert changed.password != PASSWORD
    assert getattr(changed, "is_superuser", False) is False
    assert email_of(changed) == ADA
