"""A registration writes what its serializer takes, whatever row it belongs to."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from tests.accounts import post
from tests.conftest import PASSWORD

from .models import Badge, Company, Interest, User

pytestmark = pytest.mark.django_db


def body(**more: Any) -> dict[str, Any]:
    passwords = {"password": PASSWORD, "password2": PASSWORD}
    return {"email": "ada@example.com", "username": "ada", **passwords, **more}


def test_no_check_stops_it() -> None:
    call_command("check", fail_level="WARNING")


def test_all_at_once(client: APIClient) -> None:
    keys = [Interest._default_manager.create(name=name).pk for name in ("chess", "tea")]
    answer = post(
        client,
        "register",
        body(
            interests=keys,
            motto="On we go",
            colour="green",
            employer="ACME",
            town="Turin",
            preferences={"theme": "dark"},
        ),
    )
    assert answer.status_code == 201, answer.content
    user: Any = User.objects.get()
    assert set(user.interests.values_list("name", flat=True)) == {"chess", "tea"}
    assert {str(interest) for interest in user.interests.all()} == {"chess", "tea"}
    assert str(user.profile) == "On we go"
    # The project's receiver has made it; what was not sent stays as it was.
    assert str(user.badge) == "green, round"
    assert user.company is not None
    assert (str(user.company), str(user.company.city)) == ("ACME", "Turin")
    assert user.preferences == {"theme": "dark"}
    assert not user.is_active
    # The receiver is for new rows alone.
    user.save()
    assert str(user.badge) == "green, round"


@pytest.mark.parametrize("kind", ["json", "multipart", "form"])
def test_nothing_more_than_is_needed(client: APIClient, kind: str) -> None:
    """A form cannot tell a relation that was not sent from an empty one."""
    url = reverse("ai_kit_auth:register")
    if kind == "form":
        text = "&".join(f"{name}={value}" for name, value in body().items())
        form = "application/x-www-form-urlencoded"
        answer = client.post(url, text, content_type=form)
    else:
        answer = client.post(url, body(), format=kind)
    assert answer.status_code == 201, answer.content
    user = User.objects.get()
    assert not user.interests.exists()
    assert not hasattr(user, "profile")
    assert user.company is None


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"password2": "other"}, {"password2": ["passwords_not_identical"]}),
        ({"interests": [77]}, {"interests": ["does_not_exist"]}),
        ({"interests": "x"}, {"interests": ["not_a_list"]}),
        ({"motto": ["x"]}, {"motto": ["invalid"]}),
    ],
)
def test_what_is_wrong_makes_nothing(
    client: APIClient, changes: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    answer = post(client, "register", body(**changes))
    assert (answer.status_code, answer.json()) == (400, errors)
    assert not User.objects.exists()


def use(settings: Any, name: str) -> None:
    path = f"tests.projects.profiles.serializers.{name}"
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "REGISTRATION_SERIALIZER": path}


def test_what_cannot_be_kept_hinders_no_registration(
    client: APIClient, settings: Any
) -> None:
    use(settings, "UnwiseRegistration")
    eve: Any = User._default_manager.create_user("eve", "eve@example.com", PASSWORD)
    rows = {"interests": [{"name": "evil"}], "badge": eve.badge.pk, "initials": "E"}
    answer = post(client, "register", body(**rows))
    assert answer.status_code == 201, answer.content
    ada: Any = User._default_manager.get(username="ada")
    assert ada.initials == "a"
    assert not Interest._default_manager.exists()
    assert Badge._default_manager.get(user=eve) == eve.badge


def test_a_row_that_others_share_is_not_a_new_accounts_to_change(
    client: APIClient, settings: Any
) -> None:
    use(settings, "TeamRegistration")
    everyone = Company._default_manager.create(name="Everyone")
    answer = post(client, "register", body(team="Evil Ltd"))
    assert answer.status_code == 201, answer.content
    everyone.refresh_from_db()
    assert everyone.name == "Everyone"
    assert str(Badge._default_manager.get().team) == "Evil Ltd"


def test_a_number_that_a_row_of_others_has_makes_no_account(
    client: APIClient, settings: Any
) -> None:
    use(settings, "NumberedRegistration")
    other = User._default_manager.create_user("bob", "bob@example.com", PASSWORD)
    Badge._default_manager.filter(user=other).update(number=7)
    answer = post(client, "register", body(number=7))
    assert (answer.status_code, answer.json()) == (400, {"number": ["unique"]})
    assert User.objects.count() == 1
    assert post(client, "register", body(number=8)).status_code == 201
    assert set(Badge._default_manager.values_list("number", flat=True)) == {7, 8}
