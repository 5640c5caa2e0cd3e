"""An account is the same account, whatever model a project looks at it through."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.accounts import state_of
from ai_kit_auth.users import AccountState
from tests.accounts import mailed_link, post, registration
from tests.conftest import OTHER_PASSWORD, PASSWORD

from .models import VIP, Customer, Employee

pytestmark = pytest.mark.django_db

MODELS = [User, Customer, VIP, Employee]
every_model = pytest.mark.parametrize("model", MODELS)


def ada() -> User:
    return User.objects.get(username="ada")


def new(model: type[Any], **columns: Any) -> Any:
    account = model(username="ada", email="ada@example.com", **columns)
    account.set_password(PASSWORD)
    account.save()
    return account


def assert_nothing_opens(client: APIClient, links: list[dict[str, str]]) -> None:
    """No reset mail is sent, and no sent link activates the account."""
    mail.outbox.clear()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    post(client, "resend_activation_email", {"email": "ada@example.com"})
    assert mail.outbox == []
    for link in links:
        for endpoint in ("activate", "pw_reset"):
            answer = post(client, endpoint, {**link, "password": OTHER_PASSWORD})
            assert answer.status_code == 400
    assert ada().is_active is False


@every_model
def test_an_account_that_is_born_inactive_gets_its_mails(
    client: APIClient, model: type[Any]
) -> None:
    new(model, is_active=False)
    assert state_of(ada()) is AccountState.WAITING
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    post(client, "resend_activation_email", {"email": "ada@example.com"})
    assert len(mail.outbox) == 2
    assert post(client, "activate", mailed_link()).status_code == 200


@every_model
def test_an_account_that_is_activated_and_deactivated_stays_so(
    client: APIClient, model: type[Any]
) -> None:
    if model is Employee:
        new(Employee, is_active=False)
        services.send_user_activation_mail(ada())
    else:
        post(client, "register", registration())
    links = [mailed_link()]
    for active in (True, False):
        account = model.objects.get(username="ada")
        account.is_active = active
        account.save()
    assert_nothing_opens(client, links)


@every_model
def test_an_account_of_2_0_0_that_is_switched_off_stays_so(
    client: APIClient, model: type[Any]
) -> None:
    new(Employee)
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    account = model.objects.get(username="ada")
    account.is_active = False
    account.save()
    assert state_of(ada()) is AccountState.DEACTIVATED
    assert_nothing_opens(client, [mailed_link()])


def test_the_admin_of_a_proxy_is_enough(client: APIClient) -> None:
    post(client, "register", registration())
    links = [mailed_link()]
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    url = reverse("admin:proxy_customer_change", args=[ada().pk])
    page = {
        "username": "ada",
        "email": "ada@example.com",
        "date_joined_0": "2026-01-01",
    }
    for flag in ({"is_active": "on"}, {}):
        answer = browser.post(url, {**page, "date_joined_1": "00:00:00", **flag})
        assert answer.status_code == 302, answer.content
    assert_nothing_opens(client, links)


def test_a_model_that_a_project_makes_later_is_watched_as_well() -> None:
    class Guest(User):
        class Meta:
            proxy = True
            app_label = "proxy"

    new(Guest, is_active=False)
    assert state_of(ada()) is AccountState.WAITING
