"""The sessions of a user in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from ai_kit_auth.admin import AIUserAdmin
from ai_kit_auth.sessions import services
from ai_kit_auth.sessions.admin import SessionInline
from tests.account.page import ENGINES
from tests.conftest import MakeUser

from .browsers import PHONE, browser

pytestmark = pytest.mark.django_db

PAGE = "admin:auth_user_change"


@pytest.fixture
def staff(make_user: MakeUser) -> Any:
    return make_user("eve", is_staff=True, is_superuser=True)


def admin_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_staff_see_the_sessions_of_a_user(ada: Any, staff: Any) -> None:
    browser(PHONE, "198.51.100.9")
    services.end_all(ada, "admin")
    own = browser()
    page = admin_of(staff).get(reverse(PAGE, args=[ada.pk])).content.decode()
    for text in ("Mobile Safari, iOS", "Firefox, Linux", "198.51.100.9", "192.0.2.7"):
        assert text in page
    assert own.cookie() not in page
    assert "Last seen" in page


def test_staff_change_the_user_and_no_session(ada: Any, staff: Any) -> None:
    browser()
    before = list(services.rows().values())
    client = admin_of(staff)
    page = client.get(reverse(PAGE, args=[ada.pk]))
    [formset] = page.context["inline_admin_formsets"]
    prefix = formset.formset.prefix
    data: dict[str, Any] = {
        **{
            key: value or ""
            for key, value in page.context["adminform"].form.initial.items()
        },
        "groups": [],
        "user_permissions": [],
        "first_name": "Ada",
        "last_login_0": "",
        "last_login_1": "",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        f"{prefix}-TOTAL_FORMS": "1",
        f"{prefix}-INITIAL_FORMS": "1",
        f"{prefix}-0-id": str(before[0]["id"]),
        f"{prefix}-0-factor": "forged",
        f"{prefix}-0-DELETE": "on",
    }
    assert client.post(reverse(PAGE, args=[ada.pk]), data).status_code == 302
    assert get_user_model().objects.get(pk=ada.pk).first_name == "Ada"
    after = services.rows().filter(user_id=ada.pk)
    assert [each["factor"] for each in after.values()] == ["password"]


def test_staff_who_may_not_view_sessions_do_not(ada: Any, make_user: MakeUser) -> None:
    browser()
    clerk = make_user("ben", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="change_user"))
    page = admin_of(clerk).get(reverse(PAGE, args=[ada.pk]))
    assert page.status_code == 200
    assert page.context["inline_admin_formsets"] == []


def test_a_subclass_that_lists_the_inline_has_it_once(ada: Any, rf: Any) -> None:
    class Own(AIUserAdmin):
        inlines = (SessionInline,)

    own = Own(get_user_model(), admin.site)
    assert own.get_inlines(rf.get("/"), ada) == [SessionInline]
    usual = AIUserAdmin(get_user_model(), admin.site)
    assert list(usual.get_inlines(rf.get("/"), None)) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_the_action_ends_all_with_every_engine(
    ada: Any, staff: Any, settings: Any, engine: str, tmp_path: Any
) -> None:
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    own = browser()
    client = admin_of(staff)
    answer = client.post(
        reverse("admin:auth_user_changelist"),
        {"action": "end_all_sessions", "_selected_action": [str(ada.pk)]},
        follow=True,
    )
    assert "cannot be searched" not in answer.content.decode()
    assert own.me() is None
    assert client.get(reverse(PAGE, args=[ada.pk])).status_code == 200
