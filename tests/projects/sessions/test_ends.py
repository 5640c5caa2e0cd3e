"""Whatever ends a session ends its record, and what does not leaves it alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model, signals, update_session_auth_hash
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import include, path
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.test import APIClient

from ai_kit_auth.account_changes import end_sessions
from ai_kit_auth.sessions import services
from ai_kit_auth.sessions.models import SessionRecord
from ai_kit_auth.sessions.signals import session_ended, session_started
from ai_kit_auth.signals import user_post_login
from tests.account.page import ADA, ENGINES, Browser, configure
from tests.accounts import mailed_link, post
from tests.conftest import OTHER_PASSWORD, PASSWORD, Clock, Connect, MakeUser

from .browsers import PHONE, ask, browser, current, listed, record_of

pytestmark = pytest.mark.django_db

PROOF = {"password": PASSWORD}


@pytest.fixture
def ends(connect: Connect) -> list[str]:
    """Collect why sessions end."""
    found: list[str] = []

    def hear(sender: Any, user: Any, record: Any, by: str, **kwargs: object) -> None:
        assert sender is SessionRecord
        assert record.user_id == user.pk
        assert record.ended is not None
        found.append(by)

    connect(session_ended, hear)
    return found


def live() -> int:
    return int(services.rows().filter(ended=None).count())


# By the user


def test_a_logout_ends_the_record(ada: Any, ends: list[str]) -> None:
    own, other = browser(), browser()
    assert own.post("logout").status_code == 200
    assert [each["current"] for each in listed(other)] == [True]
    assert ends == ["user"]


def test_a_logout_by_another_view_does_too(ada: Any, ends: list[str]) -> None:
    own = browser()
    own.client.logout()
    assert (live(), ends) == (0, ["user"])


def test_a_second_login_in_a_browser_ends_the_first(ada: Any, ends: list[str]) -> None:
    own = browser()
    first = record_of(own)
    own.log_in()
    assert record_of(own).pk != first.pk
    assert [each["id"] for each in listed(own)] == [str(record_of(own).pk)]
    assert ends == ["user"]


def test_the_login_of_another_user_ends_the_first(
    ada: Any, make_user: MakeUser, ends: list[str]
) -> None:
    make_user("ben")
    own = browser()
    own.log_in("ben@example.com")
    assert not services.live_rows(ada).exists()
    assert len(listed(own)) == 1
    assert ends == ["user"]


def test_a_refused_login_leaves_no_record(ada: Any, connect: Connect) -> None:
    own = browser()

    def veto(**kwargs: object) -> None:
        raise PermissionDenied

    connect(user_post_login, veto)
    assert Browser().log_in().status_code == 403
    assert [each["current"] for each in listed(own)] == [True]


def test_a_start_is_told(ada: Any, connect: Connect) -> None:
    heard: list[Any] = []
    connect(session_started, lambda record, user, **_: heard.append((record, user)))
    own = browser()
    assert heard == [(record_of(own), ada)]


def test_a_login_for_a_token_begins_no_session(ada: Any) -> None:
    request = RequestFactory().post("/token/")
    for session in (None, SessionStore()):
        request.session = session  # type: ignore[assignment]  # an app may leave it out
        signals.user_logged_in.send(type(ada), request=request, user=ada)
    signals.user_logged_in.send(type(ada), request=None, user=ada)
    signals.user_logged_out.send(type(ada), request=None, user=ada)
    assert not services.rows().exists()


# By the password


def test_a_new_password_ends_the_others(ada: Any, ends: list[str]) -> None:
    own, other = browser(), browser()
    body = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert own.post("change_password", body).status_code == 200
    assert [each["current"] for each in listed(own)] == [True]
    assert (other.me(), ends) == (None, ["password"])


def test_logout_others_ends_the_others(ada: Any, ends: list[str]) -> None:
    own, other = browser(), browser()
    assert own.post("logout_others", PROOF).status_code == 200
    assert [each["current"] for each in listed(own)] == [True]
    assert (other.me(), ends) == (None, ["others"])


def test_a_reset_ends_all(ada: Any, ends: list[str]) -> None:
    own = browser()
    post(APIClient(), "send_pw_reset_email", {"email": ADA})
    link = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(APIClient(), "pw_reset", link).status_code == 200
    assert (own.me(), live(), ends) == (None, 0, ["password"])


def test_a_new_password_by_other_code_ends_all(ada: Any, ends: list[str]) -> None:
    own = browser()
    other = get_user_model().objects.get()
    other.set_password(OTHER_PASSWORD)
    # This writes no password.
    other.save(update_fields=["last_login"])
    assert own.me() is not None
    ada.set_password(OTHER_PASSWORD)
    ada.save()
    assert (own.me(), live(), ends) == (None, 0, ["password"])


def test_a_new_hash_of_the_same_password_ends_none(ada: Any, settings: Any) -> None:
    own = browser()
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    # The check of the password hashes it anew.
    assert own.confirm_password().status_code == 200
    assert current(own)


def change_by_the_project(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    user.set_password(OTHER_PASSWORD)
    user.save()
    if request.GET:
        update_session_auth_hash(request, user)
    return HttpResponse()


urlpatterns = [
    path("own/", change_by_the_project, name="own"),
    path("api/v1/auth/", include("ai_kit_auth.urls")),
]


def test_a_session_that_the_project_keeps_keeps_its_record(
    ada: Any, settings: Any, ends: list[str]
) -> None:
    own, other = browser(), browser()
    record = record_of(own)
    settings.ROOT_URLCONF = __name__
    own.client.get("/own/?kept")
    assert record_of(own).pk == record.pk
    assert [each["current"] for each in listed(own)] == [True]
    assert (other.me(), ends) == (None, ["password"])


def test_a_session_that_django_ends_loses_its_record_at_its_next_touch(
    ada: Any, settings: Any, ends: list[str], clock: Clock
) -> None:
    own = browser()
    settings.ROOT_URLCONF = __name__
    own.client.get("/own/")
    assert live() == 1
    clock.now += 301
    assert own.me() is None
    assert (live(), ends) == (0, ["password"])


# By others


def test_deactivation_ends_all(ada: Any, ends: list[str]) -> None:
    own, _other = browser(), browser()
    ada.is_active = False
    ada.save()
    assert (own.me(), live(), ends) == (None, 0, ["deactivated"] * 2)


def test_a_deactivation_without_a_save_ends_them_when_they_are_seen(
    ada: Any, ends: list[str], clock: Clock
) -> None:
    own = browser()
    get_user_model().objects.update(is_active=False)
    assert own.me() is None
    clock.now += 301
    assert own.me() is None
    assert (live(), ends) == (0, ["deactivated"])


def test_deletion_leaves_no_record(ada: Any, ends: list[str]) -> None:
    own, _other = browser(), browser()
    assert own.post("delete_account", PROOF).status_code == 200
    assert ends == ["deleted"] * 2
    assert not services.rows().exists()
    assert not get_user_model().objects.exists()


def test_an_anonymised_account_keeps_no_record(ada: Any, settings: Any) -> None:
    own = browser()
    function = "ai_kit_auth.account.services.anonymise_user"
    configure(settings, ACCOUNT_DELETION_FUNCTION=function)
    assert own.post("delete_account", PROOF).status_code == 200
    assert get_user_model().objects.count() == 1
    assert not services.rows().exists()


@pytest.mark.django_db(transaction=True)
def test_a_deletion_that_fails_ends_nothing(ada: Any, settings: Any) -> None:
    own, other = browser(), browser()
    configure(settings, ACCOUNT_DELETION_FUNCTION=refuse)
    assert own.post("delete_account", PROOF).status_code == 409
    assert len(listed(own)) == 2
    assert other.me() is not None


def refuse(user: Any) -> None:
    raise IntegrityError


def test_an_account_that_is_deleted_elsewhere_takes_its_records_along(
    ada: Any, clock: Clock
) -> None:
    own = browser()
    ada.delete()
    assert not services.rows().exists()
    clock.now += 301
    assert own.me() is None


@pytest.mark.parametrize("engine", ENGINES)
def test_the_admin_ends_all_with_every_engine(
    ada: Any, settings: Any, engine: str, ends: list[str], tmp_path: Any
) -> None:
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    own = browser()
    assert end_sessions([ada]) == []
    assert (own.me(), ends) == (None, ["admin"])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_copy_of_an_ended_session_is_of_no_use(
    ada: Any, settings: Any, engine: str, clock: Clock, tmp_path: Any
) -> None:
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    desk, phone = browser(), browser(PHONE)
    copy = phone.cookie()
    assert ask(desk, "delete", current(phone)["id"], PROOF) == (204, None)
    for age in (0, 301, 601, 86_400):
        clock.now += age
        thief = Browser()
        thief.client.cookies["sessionid"] = copy
        assert thief.me() is None
        assert phone.me() is None
    assert desk.me() is not None


# Expiry


def test_old_records_are_cleared(
    ada: Any, ends: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    own, expired, ended, old = (browser() for _ in range(4))
    now = timezone.now()

    def change(by: Browser, **columns: Any) -> None:
        services.rows().filter(pk=record_of(by).pk).update(**columns)

    change(expired, last_seen=now - timedelta(days=15))
    change(ended, ended=now - timedelta(days=29))
    change(old, ended=now - timedelta(days=31))
    call_command("ai_kit_auth_clear_sessions")
    assert capsys.readouterr().out == "Records deleted: 1.\n"
    assert ends == ["expired"]
    left = services.rows().values_list("pk", flat=True)
    assert set(left) == {record_of(each).pk for each in (own, expired, ended)}


def test_one_login_of_many_clears(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    browser().post("logout")
    services.rows().update(ended=timezone.now() - timedelta(days=31))
    monkeypatch.setattr(services, "CLEARED_BY_ONE_OF", 1)
    own = browser()
    assert services.rows().get().pk == record_of(own).pk
