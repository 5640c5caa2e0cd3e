"""The admin: the action that removes factors, and the site of django-otp."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.core import mail
from django.test import Client
from django.urls import include, path, reverse
from django_otp.admin import OTPAdminSite
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from ai_kit_auth.admin import AIUserAdmin
from ai_kit_auth.second_factor.services import remove_all_factors

from ...conftest import PASSWORD, Clock, MakeUser
from .page import ASKED, Ada, Page, enrol, let_try, told

if TYPE_CHECKING:
    from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

site = OTPAdminSite(name="otp")
urlpatterns = [
    path("api/v1/auth/", include("ai_kit_auth.urls")),
    path("admin/", admin.site.urls),
    path("otp/", site.urls),
]
LIST = "admin:auth_user_changelist"


@pytest.fixture
def root(make_user: MakeUser) -> Client:
    user = make_user("root", is_staff=True, is_superuser=True)
    browser = Client()
    browser.force_login(user)
    return browser


def remove_factors(browser: Client, *users: Any) -> str:
    chosen = [user.pk for user in users]
    data = {"action": "remove_second_factors", "_selected_action": chosen}
    answer: Any = browser.post(reverse(LIST), data, follow=True)
    return str(answer.content.decode())


def test_an_admin_removes_the_factors_of_a_user_who_has_lost_them(
    ada: Ada, root: Client, caplog: pytest.LogCaptureFixture
) -> None:
    mail.outbox.clear()
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        text = remove_factors(root, ada.user)
    assert "Accounts without second factors now: 1" in text
    assert Page().log_in()[0] == 200
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]
    assert told(caplog) == [("factor_removed", "totp")]
    entry = LogEntry.objects.get(object_id=str(ada.user.pk))
    assert entry.change_message == "Remove second factors"


def test_what_the_admin_has_proven_stays_proven(
    ada: Ada, make_user: MakeUser, page: Page, clock: Clock
) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    page.log_in("root")
    enrol(page, clock)
    browser = Client()
    browser.cookies["sessionid"] = page.client.cookies["sessionid"].value
    assert "now: 1" in remove_factors(browser, ada.user)
    assert page.post("factors_recovery_codes", {"password": PASSWORD})[0] == 200
    # Without the factor nothing is proven.
    assert "now: 1" in remove_factors(browser, root)
    assert page.get("factors")[1]["totp"] is False


def test_a_user_without_a_factor_is_left_out(
    ada: Ada, root: Client, make_user: MakeUser
) -> None:
    mail.outbox.clear()
    text = remove_factors(root, make_user("bob"))
    assert "has no second factor" in text
    assert "Accounts without second factors now: 0" in text
    assert mail.outbox == []
    assert Page().log_in() == ASKED


def test_an_app_that_was_not_confirmed_goes_as_well(
    make_user: MakeUser, page: Page, root: Client
) -> None:
    ada = make_user()
    page.log_in()
    page.post("factors_totp", {"password": PASSWORD})
    remove_factors(root, ada)
    assert not TOTPDevice.objects.exists()


def test_the_list_offers_it_to_who_may_change_users(
    root: Client, make_user: MakeUser
) -> None:
    assert "Remove second factors" in root.get(reverse(LIST)).content.decode()
    from django.contrib.auth.models import Permission

    reader = make_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_user"))
    browser = Client()
    browser.force_login(reader)
    assert "Remove second factors" not in browser.get(reverse(LIST)).content.decode()


def test_an_admin_without_actions_has_none() -> None:
    class Plain(AIUserAdmin):
        actions = None  # type: ignore[assignment]  # which Django's admin documents

    assert Plain(get_user_model(), admin.AdminSite()).actions is None


def test_a_user_admin_of_the_project_lists_it(
    ada: Ada, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ai_kit_auth.second_factor.admin import remove_second_factors

    class OwnAdmin(UserAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
        actions = [remove_second_factors]

    model = get_user_model()
    monkeypatch.setitem(admin.site._registry, model, OwnAdmin(model, admin.site))
    assert "now: 1" in remove_factors(root, ada.user)


def test_code_of_the_project_removes_them_without_a_request(
    ada: Ada, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert remove_all_factors(None, ada.user) == ["totp"]
    assert len(mail.outbox) == 1
    assert remove_all_factors(None, ada.user) == []


# OTPAdminSite


@pytest.fixture
def _middleware(settings: Settings) -> None:
    settings.MIDDLEWARE += ["django_otp.middleware.OTPMiddleware"]


@pytest.mark.usefixtures("_middleware")
def test_the_site_of_the_library_takes_a_code_of_the_same_app(
    make_user: MakeUser, clock: Clock
) -> None:
    make_user(is_staff=True, is_superuser=True)
    page = Page()
    page.log_in()
    app, codes = enrol(page, clock)
    browser = Client()
    form = {"username": "ada", "password": PASSWORD, "next": "/otp/"}
    here = {**form, "otp_device": TOTPDevice.objects.get().persistent_id}
    backup = StaticDevice.objects.get()
    paper = {**form, "otp_device": backup.persistent_id}
    for code in ("", app.wrong()):
        browser.post("/otp/login/", {**here, "otp_token": code})
        let_try()
    for code in (codes[0], codes[0].replace("-", "")):
        browser.post("/otp/login/", {**paper, "otp_token": code})
        StaticDevice.objects.update(throttling_failure_timestamp=None)
    assert browser.get("/otp/").status_code == 302
    answer = browser.post("/otp/login/", {**here, "otp_token": app.code()})
    assert answer.status_code == 302
    assert browser.get("/otp/").status_code == 200
    # The code was used, for the frontend as well.
    page = Page()
    page.log_in()
    assert page.prove(app.now())[0] == 400


@pytest.mark.usefixtures("_middleware")
def test_the_frontend_goes_on_beside_the_middleware_of_the_library(
    ada: Ada, page: Page
) -> None:
    page.log_in()
    assert page.prove(ada.app.code())[0] == 200
    assert page.is_in()
    given = {"password": PASSWORD}
    assert page.post("factors_recovery_codes", given)[0] == 200
    # Its site wants a code of its own.
    ada.user.refresh_from_db()
    ada.user.is_staff = True
    ada.user.save()
    assert page.client.get("/otp/").status_code == 302
