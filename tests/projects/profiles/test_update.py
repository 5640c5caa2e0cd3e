"""``PATCH me/`` writes what its serializer takes, and no row of others."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.test import override_settings
from django.urls import reverse
from rest_framework.test import APIClient

from tests.accounts import csrf, log_in
from tests.conftest import PASSWORD

from .models import Badge, City, Company, Desk, Interest, Profile, User

pytestmark = pytest.mark.django_db

HERE = "tests.projects.profiles.serializers"


@pytest.fixture
def ada() -> Any:
    user: Any = User._default_manager.create_user("ada", "ada@example.com", PASSWORD)
    user.preferences = {"lang": "it", "colours": {"hue": 1, "tone": 2}}
    user.save()
    return user


@pytest.fixture
def browser(client: APIClient, ada: Any) -> APIClient:
    assert log_in(client, "ada").status_code == 200
    return client


def patch(browser: APIClient, body: dict[str, Any]) -> tuple[int, Any]:
    url = reverse("ai_kit_auth:me")
    answer = browser.patch(url, body, format="json", **csrf(browser))
    return answer.status_code, answer.json()


def use(settings: Any, name: str) -> None:
    own = {"USER_UPDATE_SERIALIZER": f"{HERE}.{name}"}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **own}


def names(manager: Any) -> set[str]:
    return set(manager.values_list("name", flat=True))


@pytest.mark.parametrize("serializer", ["FullUpdate", "PlainUpdate"])
def test_rows_of_the_account_alone_are_made_and_then_changed(
    browser: APIClient, ada: Any, settings: Any, serializer: str
) -> None:
    use(settings, serializer)
    tea = Interest._default_manager.create(name="tea")
    for word in ("one", "two"):
        badge = {"colour": word}
        body = {"motto": word, "room": word, "badge": badge, "first_name": word}
        status, answer = patch(browser, {**body, "interests": [tea.pk]})
        assert status == 200, answer
        ada = User._default_manager.get(pk=ada.pk)
        assert (ada.profile.motto, ada.desk.room, ada.first_name) == (word, word, word)
        # What was not sent stays.
        assert (str(ada.badge), str(ada.desk)) == (
            f"{word}, round",
            f"{word}, floor 1",
        )
        assert names(ada.interests) == {"tea"}
    rows = [Profile, Desk, Badge]
    assert [model._default_manager.count() for model in rows] == [1, 1, 1]


def test_one_key_of_a_json_column_leaves_the_others(
    browser: APIClient, ada: Any
) -> None:
    assert patch(browser, {"theme": "dark"})[0] == 200
    assert patch(browser, {"hue": {"r": 7}})[0] == 200
    ada.refresh_from_db()
    assert ada.preferences == {
        "lang": "it",
        "theme": "dark",
        "colours": {"hue": {"r": 7}, "tone": 2},
    }
    ada.preferences = []
    ada.save()
    assert patch(browser, {"theme": "light", "hue": 3})[0] == 200
    ada.refresh_from_db()
    assert ada.preferences == {"theme": "light", "colours": {"hue": 3}}


def test_what_many_rows_share_can_be_chosen_for_a_row_as_well(
    browser: APIClient, ada: Any
) -> None:
    keys = [Interest._default_manager.create(name=name).pk for name in ("chess", "tea")]
    acme = Company._default_manager.create(name="ACME")
    body = {"likes": keys, "interests": keys[:1], "company": acme.pk}
    assert patch(browser, body)[0] == 200
    ada = User._default_manager.get(pk=ada.pk)
    assert ada.company == acme
    assert names(ada.profile.likes) == {"chess", "tea"}
    assert names(ada.interests) == {"chess"}
    assert patch(browser, {"likes": []})[0] == 200
    assert names(ada.profile.likes) == set()


def test_what_is_wrong_changes_nothing(browser: APIClient, ada: Any) -> None:
    body = {"motto": "x" * 51, "room": "7", "theme": "dark"}
    assert patch(browser, body) == (400, {"motto": ["max_length"]})
    ada.refresh_from_db()
    assert (ada.desk, "theme" in ada.preferences) == (None, False)


UNWISE: dict[str, Any] = {
    "employer": "Evil Ltd",
    "deskmates": "Evil Ltd",
    "power": True,
    "interests": [{"name": "evil"}],
    "first": "evil",
    "initials": "E",
    "full": "Eve",
    "invitation": "7",
}


@pytest.mark.parametrize("name", UNWISE)
def test_what_others_may_share_is_left_alone(
    browser: APIClient, ada: Any, settings: Any, name: str
) -> None:
    use(settings, "UnwiseUpdate")
    city = City._default_manager.create(name="Turin")
    company = Company._default_manager.create(name="ACME", city=city)
    ada.company = company
    ada.desk = Desk._default_manager.create(room="1", company=company)
    ada.save()
    Profile._default_manager.create(user=ada, motto="On we go")
    ada.interests.add(Interest._default_manager.create(name="tea"))
    status, answer = patch(browser, {name: UNWISE[name], "username": "countess"})
    assert status == 200, answer
    ada = User._default_manager.get(pk=ada.pk)
    assert ada.username == "countess"
    assert not ada.is_superuser
    assert names(ada.interests) == names(Interest._default_manager) == {"tea"}
    assert names(Company._default_manager) == {"ACME"}


def test_a_row_of_another_account_is_nobodys_to_take(
    browser: APIClient, ada: Any, settings: Any
) -> None:
    eve: Any = User._default_manager.create_user("eve", "eve@example.com", PASSWORD)
    theirs = Profile._default_manager.create(user=eve, motto="Theirs")
    use(settings, "UnwiseUpdate")
    assert patch(browser, {"badge": eve.badge.pk})[0] == 200
    use(settings, "UnwiseProfile")
    body = {"id": theirs.pk, "user": eve.pk, "motto": "Mine"}
    assert patch(browser, {"profile": body})[0] == 200
    theirs.refresh_from_db()
    assert (theirs.motto, theirs.user) == ("Theirs", eve)
    assert Profile._default_manager.get(user=ada).motto == "Mine"
    assert Badge._default_manager.get(user=eve) != Badge._default_manager.get(user=ada)


def told(**given: Any) -> list[str]:
    own = {**given, "ENABLE_ENDPOINTS": {"UPDATE_ME": True}}
    from django.conf import settings

    with override_settings(AI_KIT_AUTH={**settings.AI_KIT_AUTH, **own}):
        found = checks.run_checks(tags=["ai_kit_auth"])
    return [message.msg for message in found if message.id == "ai_kit_auth.W038"]


@pytest.mark.parametrize("name", [*UNWISE, "badge"])
def test_the_check_names_what_would_be_left_alone(name: str) -> None:
    found = told(USER_UPDATE_SERIALIZER=f"{HERE}.UnwiseUpdate")
    assert len([message for message in found if f"takes '{name}'," in message]) == 1
    assert len(found) == len(UNWISE) + 1


@pytest.mark.parametrize("name", ["FullUpdate", "PlainUpdate", "UnwiseProfile"])
def test_the_check_has_nothing_to_say_of_what_is_kept(name: str) -> None:
    assert told(USER_UPDATE_SERIALIZER=f"{HERE}.{name}") == []


@pytest.mark.parametrize("name", ["interests", "initials", "badge"])
def test_the_check_names_what_a_registration_would_drop(name: str) -> None:
    found = told(REGISTRATION_SERIALIZER=f"{HERE}.UnwiseRegistration")
    assert len([message for message in found if f"takes '{name}'," in message]) == 1
    assert told(REGISTRATION_SERIALIZER=f"{HERE}.TeamRegistration") == []


def test_a_number_that_a_row_of_others_has_changes_nothing(
    browser: APIClient, ada: Any, settings: Any
) -> None:
    other = User._default_manager.create_user("bob", "bob@example.com", PASSWORD)
    Badge._default_manager.filter(user=other).update(number=7)
    refused = (400, {"number": ["unique"]})
    use(settings, "NumberedUpdate")
    assert patch(browser, {"number": 6})[0] == 200
    assert patch(browser, {"number": 6})[0] == 200
    assert patch(browser, {"number": 7}) == refused
    # The desk is a column of the account's that is unique, and no value here.
    assert patch(browser, {"number": 7, "room": "north"}) == refused
    assert not Desk._default_manager.exists()
    use(settings, "NestedNumberedUpdate")
    assert patch(browser, {"badge": {"serial": "a", "number": 6}})[0] == 200
    assert patch(browser, {"badge": {"serial": "b", "number": 7}}) == refused
    badge = Badge._default_manager.get(user=ada)
    assert (badge.serial, badge.number) == ("a", 6)
