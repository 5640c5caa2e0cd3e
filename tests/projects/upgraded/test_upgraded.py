"""It starts, and a person goes the whole way."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import call_command
from rest_framework.test import APIClient

from tests.accounts import post
from tests.projects.journey import go_the_whole_way

ORIGIN = "http://localhost:3000"


def test_no_check_stops_it() -> None:
    call_command("check", fail_level="ERROR")


@pytest.mark.django_db
def test_the_whole_way() -> None:
    # The client of 2.0.0 sends a blank where no name was typed.
    go_the_whole_way(ORIGIN, ORIGIN, {"username": ""})


@pytest.mark.django_db
def test_the_projects_own_mail_shows_its_text_and_a_button() -> None:
    get_user_model().objects.create_user("ada", "ada@example.com", "x")
    post(APIClient(), "send_pw_reset_email", {"email": "ada@example.com"})
    sent: Any = mail.outbox[0]
    html, _ = sent.alternatives[0]
    assert "<title>A new password</title>" in html
    assert "Dear ada, here you go." in html
    # In a cell that has the colour of a button, also in Word, which gives the link
    # itself neither room nor a background; the text has its style in the link.
    button = re.search(
        r'<td [^>]*bgcolor="#1f4fd8"[^>]*mso-padding-alt:14px 24px">'
        r'<a href="[^"]*" target="_blank" [^>]*style="([^"]*)">Choose a password</a>'
        "</td>",
        html,
    )
    assert button is not None
    assert "background-color:#1f4fd8;color:#ffffff;" in button[1]
    assert "text-decoration:none" in button[1]
