"""What the manager hides has no way in, and keeps its names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.account.services import get_email_change_url
from tests.accounts import csrf, log_in, mailed_link, post, registration
from tests.conftest import OTHER_PASSWORD, PASSWORD
from tests.test_links import own_link

from . import models

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

# Their managers are generic in the stubs.
User: Any = models.User


def account(name: str = "ada", **columns: Any) -> Any:
    columns = {"email": f"{name}@example.com", **columns}
    return User.objects.create_user(name, password=PASSWORD, **columns)


def gone(name: str = "ada", **columns: Any) -> Any:
    user = account(name, **columns)
    user.delete()
    return user


def test_a_person_goes_the_whole_way(client: APIClient) -> None:
    """The manager does not show the account before it is active."""
    assert post(client, "register", registration()).status_code == 201
    assert not User.objects.exists()
    assert log_in(client, "ada").status_code == 400
    assert post(client, "activate", mailed_link()).status_code == 200
    assert log_in(client, "ada").status_code == 200
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    new = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", new).status_code == 200
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200


@pytest.mark.parametrize("typed", ["ada", "ada@example.com"])
def test_who_is_hidden_cannot_log_in_or_get_a_mail(
    client: APIClient, typed: str
) -> None:
    gone()
    assert log_in(client, typed).status_code == 400
    for route in ("send_pw_reset_email", "resend_activation_email"):
        assert post(client, route, {"ident": typed}).json() == {}
    assert mail.outbox == []


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("endpoint", ["activate", "pw_reset"])
def test_a_link_opens_no_account_that_is_hidden_since(
    client: APIClient, endpoint: str, waits: bool
) -> None:
    user = account(is_active=not waits)
    links = [
        own_link(make(user))
        for make in (services.get_activation_url, services.get_password_reset_url)
    ]
    user.delete()
    for link in links:
        answer = post(client, endpoint, {**link, "password": OTHER_PASSWORD})
        assert answer.status_code == 400
    row = User.every.get()
    assert row.is_active is not waits
    assert row.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("columns", "refusal"),
    [
        ({"username": "ada"}, {"username": ["username_unique"]}),
        ({"username": "ADA"}, {"username": ["username_unique"]}),
        ({"email": "Ada@example.com"}, {"email": ["email_unique"]}),
        ({"phone": "+39 1"}, {"phone": ["unique"]}),
    ],
)
@pytest.mark.parametrize("waits", [True, False])
def test_a_registration_does_not_get_what_a_hidden_row_has(
    client: APIClient, columns: dict[str, str], refusal: Any, waits: bool
) -> None:
    if waits:
        account(is_active=False, phone="+39 1")
    else:
        gone(phone="+39 1")
    answer = post(client, "register", registration("bob", **columns))
    assert (answer.status_code, answer.json()) == (400, refusal)
    assert User.every.count() == 1


@pytest.mark.parametrize(
    ("columns", "refusal"),
    [
        ({"username": "ada"}, {"username": ["username_unique"]}),
        ({"phone": "+39 1"}, {"phone": ["unique"]}),
    ],
)
def test_nor_does_the_account_page(
    client: APIClient, columns: dict[str, str], refusal: Any
) -> None:
    gone(phone="+39 1")
    account("bob")
    assert log_in(client, "bob").status_code == 200
    answer = client.patch(
        reverse("ai_kit_auth:me"), columns, format="json", **csrf(client)
    )
    assert (answer.status_code, answer.json()) == (400, refusal)


def test_nor_does_a_change_of_address(client: APIClient) -> None:
    gone()
    bob = account("bob")
    link = own_link(get_email_change_url(bob, "ada@example.com"))
    answer = post(client, "confirm_email", link)
    assert (answer.status_code, answer.json()) == (400, {"email": ["email_unique"]})


@pytest.mark.parametrize("page", ["add", "change"])
def test_nor_does_the_admin(page: str) -> None:
    gone()
    root = User.objects.create_superuser("root", "root@example.com", PASSWORD)
    browser = Client()
    browser.force_login(root)
    args = [root.pk] if page == "change" else []
    url = reverse(f"admin:soft_deletion_user_{page}", args=args)
    for names in (
        {"username": "ada", "email": "new@example.com"},
        {"username": "new", "email": "ADA@example.com"},
    ):
        answer = browser.post(url, names)
        assert answer.status_code == 200
        errors = answer.context["adminform"].form.errors.as_data()
        codes = {p.code for problems in errors.values() for p in problems}
        assert codes & {"unique", "email_unique"}


class DeadBackend(locmem.EmailBackend):
    def send_messages(self, messages: Any) -> int:
        raise OSError


def test_a_registration_without_its_mail_frees_the_names(
    client: APIClient, settings: Settings
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locmem.EmailBackend, "send_messages", DeadBackend.send_messages)
        assert post(client, "register", registration()).status_code == 503
    assert not User.every.exists()
    assert post(client, "register", registration()).status_code == 201
