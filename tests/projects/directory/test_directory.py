"""A backend chooses the account, but cannot use fields that the settings leave out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.db import connection
from rest_framework.test import APIClient

from tests.accounts import csrf, log_in, post
from tests.conftest import PASSWORD

from .backends import DIRECTORY, asked

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

HERE = "tests.projects.directory.backends"
SECRET = DIRECTORY["grace"]


@pytest.fixture(autouse=True)
def _nobody_asked() -> None:
    asked.clear()


@pytest.fixture
def failed() -> Iterator[list[Any]]:
    collected: list[Any] = []

    def note(credentials: Any, **kwargs: object) -> None:
        collected.append(credentials["username"])

    user_login_failed.connect(note)
    yield collected
    user_login_failed.disconnect(note)


def identities(settings: Settings, *names: str) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "USER_IDENTITY_FIELDS": names}


@pytest.mark.parametrize("typed", ["grace", "Grace", "grace@corp.example"])
def test_the_first_login_makes_the_row(client: APIClient, typed: str) -> None:
    answer = log_in(client, typed, SECRET)
    assert answer.status_code == 200
    assert answer.json()["user"]["email"] == "grace@corp.example"
    # MariaDB takes all spellings of a name for one, and backends are asked for that.
    spelling = typed.lower() if connection.vendor == "mysql" else typed
    assert asked == [spelling]
    assert log_in(APIClient(), "grace", SECRET).status_code == 200
    assert User.objects.count() == 1


def test_the_account_page_is_proven_by_the_directory(client: APIClient) -> None:
    log_in(client, "grace", SECRET)
    assert post(client, "logout", **csrf(client)).status_code == 200


@pytest.mark.parametrize("typed", ["grace", "nobody", "grace@corp.example"])
def test_a_wrong_password_makes_none(
    client: APIClient, typed: str, failed: list[Any]
) -> None:
    assert log_in(client, typed, "wrong").status_code == 400
    assert asked == [typed]
    assert failed == [typed]
    assert not User.objects.exists()


def test_a_name_is_not_passed_on_where_only_addresses_count(
    client: APIClient, settings: Settings, failed: list[Any]
) -> None:
    identities(settings, "email")
    assert log_in(client, "grace", SECRET).status_code == 400
    assert "grace" not in asked
    assert len(failed) == 1
    assert not User.objects.exists()


def badge_holder(name: str = "ada", badge: str = "4711") -> User:
    return User.objects.create_user(
        name, f"{name}@example.com", PASSWORD, last_name=badge
    )


def test_a_backend_opens_no_field_that_is_left_out(
    client: APIClient, settings: Settings, failed: list[Any]
) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{HERE}.BadgeBackend"]
    badge_holder()
    assert log_in(client, "4711").status_code == 400
    assert failed == ["4711"]
    identities(settings, "username", "last_name")
    badge_holder("bob", "4712")
    badge_holder("cyd", "4711")
    assert log_in(APIClient(), "4711").status_code == 200


def test_a_backend_may_not_turn_one_who_is_found_into_another(
    client: APIClient, settings: Settings, failed: list[Any]
) -> None:
    """The username of one is the badge of another."""
    settings.AUTHENTICATION_BACKENDS = [f"{HERE}.BadgeBackend"]
    badge_holder()
    User.objects.create_user("4711", "bob@example.com", "a password of bob")
    assert log_in(client, "bob@example.com").status_code == 400
    assert len(failed) == 1


@pytest.mark.parametrize(("tenant", "status"), [("a", 200), ("b", 200), ("c", 400)])
def test_a_backend_decides_by_tenant(
    client: APIClient, settings: Settings, tenant: str, status: int
) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"{HERE}.TenantBackend"]
    for name in ("a", "b"):
        User.objects.create_user(
            f"ada-{name}", "ada@example.com", PASSWORD, last_name=name
        )
    headers = {**csrf(client)["headers"], "X-Tenant": tenant}
    body = {"ident": "ada@example.com", "password": PASSWORD}
    answer = post(client, "login", body, headers=headers)
    assert answer.status_code == status
    assert answer.json().get("user", {}).get("username") in {f"ada-{tenant}", None}
