"""No mail is lost where the response of the view is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from rest_framework.test import APIClient

from tests.accounts import post
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.database("sqlite")]

ADA = "ada@example.com"
PATH = "tests.projects.envelope.middleware"
REQUESTS: dict[str, tuple[str, dict[str, str]]] = {
    "reset": ("send_pw_reset_email", {"email": ADA}),
    "resend": ("resend_activation_email", {"email": "bob@example.com"}),
    "taken address": ("register", {"email": ADA, "password": PASSWORD}),
    "free address": ("register", {"email": "eve@example.com", "password": PASSWORD}),
}


@pytest.fixture(autouse=True)
def _accounts(settings: Any) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    get_user_model().objects.create_user("ada", ADA, PASSWORD)
    data = {"email": "bob@example.com", "username": "bob", "password": PASSWORD}
    assert post(APIClient(), "register", data).status_code == 201
    mail.outbox.clear()


def recipients() -> list[str]:
    return [address for message in mail.outbox for address in message.to]


@pytest.mark.parametrize("request_name", REQUESTS)
def test_the_mail_goes_out(request_name: str) -> None:
    route, data = REQUESTS[request_name]
    answer = post(APIClient(), route, data)
    assert answer.json() == {"ok": True, "data": {}}
    assert recipients() == [data["email"]]


@pytest.mark.parametrize("request_name", REQUESTS)
def test_it_does_so_where_a_middleware_fails_later(
    request_name: str, settings: Any
) -> None:
    """The account exists, or the mail is sent, even if the client sees an error."""
    settings.MIDDLEWARE = [settings.MIDDLEWARE[0], f"{PATH}.Crash"]
    route, data = REQUESTS[request_name]
    answer = post(APIClient(raise_request_exception=False), route, data)
    assert answer.status_code == 500
    assert recipients() == [data["email"]]
