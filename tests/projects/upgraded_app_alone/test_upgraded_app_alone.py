"""It starts, and a person goes the whole way."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.management import call_command
from django.urls import reverse

from tests.projects.journey import go_the_whole_way

# The app and the page are one origin here.
ORIGIN = "http://testserver"


def test_no_check_stops_it() -> None:
    call_command("check", fail_level="ERROR")


def test_a_warning_says_what_to_write_for_the_address() -> None:
    said = [str(message.hint) for message in checks.run_checks()]
    assert any("'https://example.com'" in hint for hint in said)


def test_the_urlconf_is_the_app() -> None:
    assert reverse("ai_kit_auth:send_pw_reset_email") == "/send_pw_reset_email/"


@pytest.mark.django_db
def test_the_whole_way() -> None:
    names = {"username": "ada", "first_name": "Ada"}
    go_the_whole_way(ORIGIN, "example.com", names)
    user = get_user_model().objects.get()
    assert (user.first_name, user.last_name) == ("Ada", "of Example")
