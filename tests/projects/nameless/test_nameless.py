"""A user without a username logs in by the e-mail address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.signals import user_login_failed
from django.core import checks, mail
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.accounts import state_of
from ai_kit_auth.users import AccountState
from tests.accounts import csrf, log_in, mailed_link, post
from tests.conftest import OTHER_PASSWORD, PASSWORD

from .models import User

pytestmark = pytest.mark.django_db

ADA, BOB = "ada@example.com", "bob@example.com"
INVALID = (400, {"non_field_errors": ["invalid_credentials"]})
DJANGOS = "django.contrib.auth.backends.ModelBackend"
ALL = "django.contrib.auth.backends.AllowAllUsersModelBackend"
OWN = "tests.projects.nameless.backends.OfficeHours"


def make(address: str = ADA, **columns: Any) -> Any:
    user = User(username=None, email=address, **columns)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def failures() -> Iterator[list[Any]]:
    """Collect the credentials of each failed login."""
    seen: list[Any] = []

    def note(credentials: Any, **kwargs: Any) -> None:
        seen.append(credentials["username"])

    user_login_failed.connect(note)
    yield seen
    user_login_failed.disconnect(note)


def answer(client: APIClient, ident: str = ADA, password: str = PASSWORD) -> Any:
    answer = log_in(client, ident, password)
    return answer.status_code, answer.json()


def test_each_of_several_logs_in(client: APIClient) -> None:
    for address in (ADA, BOB):
        user = make(address)
        assert answer(client, address.upper())[0] == 200
        me = client.get(reverse("ai_kit_auth:me")).json()["user"]
        assert me == {"id": user.pk, "email": address, "username": None}


def test_a_wrong_password_is_refused_and_told_once(
    client: APIClient, failures: list[Any]
) -> None:
    make()
    assert answer(client, password="wrong") == INVALID
    assert failures == [ADA]


@pytest.mark.parametrize("typed", ["", "None", "null", " "])
def test_no_username_is_no_name(client: APIClient, typed: str) -> None:
    make()
    assert answer(client, typed)[0] == 400


@pytest.mark.parametrize(
    ("backends", "status"),
    [([DJANGOS], 400), ([ALL], 200), ([DJANGOS, ALL], 200), ([OWN, DJANGOS], 400)],
)
def test_a_deactivated_account_comes_in_where_a_backend_of_djangos_lets_it(
    client: APIClient, settings: Any, backends: list[str], status: int
) -> None:
    make(is_active=False)
    settings.AUTHENTICATION_BACKENDS = backends
    assert answer(client)[0] == status


def test_an_archived_account_stays_closed(
    client: APIClient, failures: list[Any]
) -> None:
    make(archived=True)
    assert answer(client) == INVALID
    assert failures == [ADA]


@pytest.mark.parametrize("backends", [[OWN], [DJANGOS, OWN]])
def test_no_rule_of_another_backend_is_led_around(
    client: APIClient, settings: Any, failures: list[Any], backends: list[str]
) -> None:
    make()
    settings.AUTHENTICATION_BACKENDS = backends
    assert answer(client) == INVALID
    assert failures == [ADA]


@pytest.mark.parametrize("backends", [[DJANGOS], [ALL], [OWN], [DJANGOS, OWN]])
def test_the_check_speaks_where_such_an_account_cannot_log_in(
    backends: list[str],
) -> None:
    with override_settings(AUTHENTICATION_BACKENDS=backends):
        found = [m for m in checks.run_checks() if m.id == "ai_kit_auth.W039"]
    assert bool(found) == (OWN in backends)
    assert all(OWN in message.msg for message in found)


def test_the_session_lasts_and_names_its_backend(client: APIClient) -> None:
    make()
    assert answer(client)[0] == 200
    assert client.session["_auth_user_backend"] == DJANGOS
    change = {"username": "countess"}
    url = reverse("ai_kit_auth:me")
    assert client.patch(url, change, format="json", **csrf(client)).status_code == 200
    assert answer(APIClient(enforce_csrf_checks=True), "countess")[0] == 200


def test_the_account_page_takes_its_password(client: APIClient) -> None:
    make()
    assert answer(client)[0] == 200
    for password, status in (("wrong", 400), (PASSWORD, 200)):
        body = {"password": password, "new_password": OTHER_PASSWORD}
        changed = post(client, "change_password", body, **csrf(client))
        assert changed.status_code == status
    assert answer(client, password=OTHER_PASSWORD)[0] == 200


def test_a_reset_gives_another_password(client: APIClient) -> None:
    make()
    post(client, "send_pw_reset_email", {"email": ADA})
    new = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", new).status_code == 200
    assert answer(client, password=OTHER_PASSWORD)[0] == 200


def test_a_refused_login_leaves_a_pending_link_good(
    client: APIClient, settings: Any
) -> None:
    """A new hash is only for accounts that may log in."""
    user = make(is_active=False)
    assert state_of(user) is AccountState.WAITING
    services.send_user_activation_mail(user)
    [message] = mail.outbox
    assert message.to == [ADA]
    md5, pbkdf2 = (
        f"django.contrib.auth.hashers.{name}PasswordHasher"
        for name in ("MD5", "PBKDF2")
    )
    settings.PASSWORD_HASHERS = [pbkdf2, md5]
    assert answer(client) == INVALID
    assert post(client, "activate", mailed_link()).status_code == 200
    assert answer(client)[0] == 200
    user.refresh_from_db()
    assert user.password.startswith("pbkdf2_sha256")


def test_it_costs_what_a_login_by_name_costs(client: APIClient) -> None:
    make()
    named = make(BOB)
    named.username = "bob"
    named.save()
    counts = []
    for address in (ADA, BOB, ADA, BOB):
        browser = APIClient(enforce_csrf_checks=True)
        token = csrf(browser)
        body = {"ident": address, "password": PASSWORD}
        with CaptureQueriesContext(connection) as queries:
            assert post(browser, "login", body, **token).status_code == 200
        counts.append(len(queries))
    assert counts[2] == counts[3]
