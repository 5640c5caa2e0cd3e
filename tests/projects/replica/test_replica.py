"""Whatever decides a write is read where it is written."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from ai_kit_auth.account.services import get_email_change_url
from ai_kit_auth.users import waiting_accounts
from tests.accounts import csrf, log_in, mailed_link, post, registration
from tests.conftest import OTHER_PASSWORD, PASSWORD
from tests.test_links import own_link

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(databases=["default", "replica"])


def rows() -> Any:
    return User.objects.using("default")


def replicate() -> None:
    """Have the replica catch up."""
    User.objects.using("replica").all().delete()
    for user in rows():
        user.save(using="replica", force_insert=True)


def test_two_registrations_of_one_address_make_one_account(client: APIClient) -> None:
    assert post(client, "register", registration()).status_code == 201
    answer = post(client, "register", registration(username="other"))
    assert (answer.status_code, answer.json()) == (400, {"email": ["email_unique"]})
    answer = post(client, "register", registration("ADA", email="new@example.com"))
    assert answer.json() == {"username": ["username_unique"]}
    assert rows().count() == 1


def test_a_link_is_good_before_the_replica_has_the_account(client: APIClient) -> None:
    post(client, "register", registration())
    assert waiting_accounts().count() == 1
    post(client, "resend_activation_email", {"email": "ada@example.com"})
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert len(mail.outbox) == 3
    assert post(client, "activate", mailed_link(1)).status_code == 200
    assert rows().get().is_active


def test_a_link_is_made_of_the_row_that_it_is_checked_by(client: APIClient) -> None:
    """Another address was confirmed a moment ago."""
    user = User.objects.create_user("ada", "old@example.com", PASSWORD)
    replicate()
    user.email = "ada@example.com"
    user.save(using="default")
    post(client, "send_pw_reset_email", {"ident": "ada"})
    assert mail.outbox[0].to == ["ada@example.com"]
    new = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", new).status_code == 200


def test_a_used_link_is_dead_at_once(client: APIClient) -> None:
    post(client, "register", registration())
    link = mailed_link()
    replicate()
    assert post(client, "activate", link).status_code == 200
    assert post(client, "activate", link).status_code == 400


def test_the_status_of_a_link_is_that_of_the_row_that_is_written(
    client: APIClient, settings: Settings
) -> None:
    endpoints = {"LINK_STATUS": True}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "ENABLE_ENDPOINTS": endpoints}
    post(client, "register", registration())
    body = {"purpose": "activation", **mailed_link()}
    assert post(client, "link_status", body).json() == {"status": "valid"}
    replicate()
    assert post(client, "activate", mailed_link()).status_code == 200
    assert post(client, "link_status", body).json() == {"status": "used"}


def test_the_account_page(client: APIClient) -> None:
    for name in ("ada", "bob"):
        User.objects.create_user(name, f"{name}@example.com", PASSWORD)
    replicate()
    assert log_in(client, "ada").status_code == 200
    User.objects.create_user("cyd", "cyd@example.com", PASSWORD)
    answer = client.patch(
        reverse("ai_kit_auth:me"), {"username": "cyd"}, format="json", **csrf(client)
    )
    assert answer.json() == {"username": ["username_unique"]}
    link = own_link(get_email_change_url(rows().get(username="bob"), "cyd@example.com"))
    assert post(client, "confirm_email", link).json() == {"email": ["email_unique"]}


def test_a_replica_has_no_index_that_its_source_lacks() -> None:
    """Nothing writes to it: the statements are those of the other database."""
    printed = {}
    for alias in ("default", "replica"):
        text = StringIO()
        call_command("ai_kit_auth_indexes", database=alias, stdout=text)
        printed[alias] = text.getvalue()
    assert "CREATE INDEX" in printed["default"]
    assert printed["replica"] == printed["default"]
