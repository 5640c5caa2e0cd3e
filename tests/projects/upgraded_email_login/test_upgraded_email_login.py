"""It starts, all flows work, and the admin shows the configured fields."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from tests.projects.journey import Frontend, go_the_whole_way

from .models import Person

ORIGIN = "http://localhost:3000"


def test_no_check_stops_it() -> None:
    call_command("check", fail_level="ERROR")


@pytest.mark.django_db
def test_the_whole_way() -> None:
    go_the_whole_way(ORIGIN, ORIGIN, {})


@pytest.mark.django_db
def test_a_user_is_what_the_projects_serializer_shows() -> None:
    person = Person.objects.create_user("ada@example.com", "tall ferns in the rain")
    answer = Frontend(ORIGIN)
    answer.ask("me")
    body = {"ident": str(person), "password": "tall ferns in the rain"}
    assert answer.ask("login", body)["user"] == {"id": person.pk, "email": str(person)}


@pytest.mark.django_db
def test_the_admin_shows_the_projects_fieldsets() -> None:
    flags = {"is_staff": True, "is_superuser": True}
    admin = Person.objects.create_user("boss@example.com", "x", **flags)
    client = Client()
    client.force_login(admin)
    url = reverse("admin:upgraded_email_login_person_change", args=[admin.pk])
    page = client.get(url)
    assert page.status_code == 200
    assert "Rights" in page.content.decode()
