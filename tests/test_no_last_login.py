"""A user model without ``last_login``: all flows work, unclear cases are refused."""

from __future__ import annotations

import pytest
from django.core import mail
from rest_framework.test import APIClient

from .accounts import log_in, mailed_link, post, registration, the_user
from .conftest import OTHER_PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.user_model("no_last_login")]


def test_an_account_is_registered_activated_and_reset(client: APIClient) -> None:
    assert post(client, "register", registration()).status_code == 201
    assert not the_user().is_active
    assert log_in(client, "ada@example.com").status_code == 400
    assert post(client, "activate", mailed_link()).status_code == 200
    assert log_in(client, "ada@example.com").status_code == 200
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    new = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", new).status_code == 200
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200


def test_an_account_that_waits_gets_no_reset(client: APIClient) -> None:
    """It looks like one that an admin has deactivated."""
    post(client, "register", registration())
    mail.outbox.clear()
    asked = post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert (asked.status_code, asked.json()) == (200, {})
    assert mail.outbox == []
