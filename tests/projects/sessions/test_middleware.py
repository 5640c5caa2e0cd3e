"""The middleware: outages of the cache, sessions from before the app, ASGI."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError
from django.test import AsyncClient
from django.urls import reverse
from rest_framework.test import APIClient

from ai_kit_auth.sessions import services
from tests.account.page import ENGINES, Browser
from tests.conftest import PASSWORD, Clock
from tests.test_queries import at_most

from .browsers import DOWN, PHONE, ask, browser, current, listed, record_of

pytestmark = pytest.mark.django_db

PROOF = {"password": PASSWORD}
ME = "/api/v1/auth/me/"


@pytest.fixture
def cache_down(settings: Any) -> Any:
    """Return a function after which the cache is down."""

    def stop() -> None:
        settings.CACHES = {"default": {"BACKEND": DOWN}}

    return stop


# The cache


def test_while_the_cache_is_down_the_row_decides(ada: Any, cache_down: Any) -> None:
    desk, phone, other = browser(), browser(PHONE), browser()
    desk.confirm_password()
    cache_down()
    with at_most(2 + 1):
        assert other.client.get(ME).json()["user"] is not None
    services.end_all(ada, "others", but=record_of(desk).sid)
    assert (phone.me(), other.me()) == (None, None)
    assert desk.me() is not None


def test_a_login_works_while_the_cache_is_down(ada: Any, cache_down: Any) -> None:
    cache_down()
    own = browser()
    assert own.me() is not None
    assert [each["current"] for each in listed(own)] == [True]


def test_an_end_that_the_cache_has_lost_counts_at_the_touch(
    ada: Any, clock: Clock
) -> None:
    desk, phone = browser(), browser(PHONE)
    ask(desk, "delete", current(phone)["id"], PROOF)
    cache.clear()
    assert phone.me() is None
    assert desk.me() is not None


def test_a_process_that_shares_no_cache_learns_of_an_end_at_the_touch(
    ada: Any, clock: Clock
) -> None:
    own = browser()
    # What another process does.
    services.rows().update(ended="2026-01-01T00:00Z")
    assert own.me() is not None
    clock.now += 301
    assert own.me() is None


def test_an_end_between_look_and_touch_counts(
    ada: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = browser()
    clock.now += 301
    tell = services._tell_cache

    def end_first(operation: str, sid: str, *entry: object) -> None:
        services.end_all(ada, "admin")
        tell(operation, sid, *entry)

    with monkeypatch.context() as patch:
        patch.setattr(services, "_tell_cache", end_first)
        assert own.me() is not None
    assert own.me() is None


# Sessions from before the app


def forget(by: Browser) -> None:
    """Make a session as it was before the app was installed."""
    services.rows().all().delete()
    session = by.client.session
    del session[services.SID]
    session.save()


def test_a_session_from_before_gets_a_record_once(ada: Any) -> None:
    own = browser()
    forget(own)
    assert own.me() is not None
    [found] = listed(own)
    assert (found["current"], found["factor"]) == (True, "other")
    with at_most(2):
        own.client.get(ME)


def test_two_requests_at_once_make_one_record(ada: Any) -> None:
    own = browser()
    forget(own)
    before = dict(own.client.session.items())
    own.me()
    session = own.client.session
    session.clear()
    session.update(before)
    session.save()
    own.me()
    assert len(listed(own)) == 1


def test_a_copy_from_before_is_of_no_use_after_the_end(ada: Any, settings: Any) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    own = browser()
    session = own.client.session
    del session[services.SID]
    del session["_ai_kit_auth_session"]
    session.save()
    own.client.cookies["sessionid"] = copy = str(session.session_key)
    services.rows().all().delete()
    assert ask(own, "delete", current(own)["id"], PROOF)[0] == 204
    thief = Browser()
    thief.client.cookies["sessionid"] = copy
    assert thief.me() is None


def test_a_session_of_nobody_gets_none(ada: Any) -> None:
    own = browser()
    forget(own)
    get_user_model().objects.update(is_active=False)
    assert own.me() is None
    visitor = APIClient()
    session = visitor.session
    session["basket"] = [1]
    session.save()
    visitor.cookies["sessionid"] = str(session.session_key)
    assert visitor.get(ME).json()["user"] is None
    assert visitor.session["basket"] == [1]
    assert not services.rows().exists()


@pytest.mark.django_db(transaction=True)
def test_an_account_that_is_deleted_meanwhile_does_no_harm(ada: Any, rf: Any) -> None:
    own = browser()
    forget(own)
    request = rf.get(ME)
    request.session, request.user = own.client.session, ada
    get_user_model().objects.all().delete()
    services.look(request)
    assert not services.rows().exists()
    assert own.me() is None


def test_a_store_that_is_cleared_ends_sessions_without_a_word(ada: Any) -> None:
    own, other = browser(), browser()
    Session.objects.filter(session_key=other.cookie()).delete()
    assert other.me() is None
    # Nothing tells that it is gone; it expires as others do.
    assert len(listed(own)) == 2


def test_a_logout_in_another_tab_is_one_here(ada: Any) -> None:
    own = browser()
    tab = Browser()
    tab.client.cookies["sessionid"] = own.cookie()
    tab.me()
    assert tab.post("logout").status_code == 200
    assert own.me() is None


# Outages of the database


@pytest.mark.parametrize(
    ("error", "status"), [(OperationalError("down"), 200), (DatabaseError("bug"), 500)]
)
def test_an_outage_is_left_to_the_view(
    ada: Any,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
) -> None:
    own = browser()
    clock.now += 301

    def fail() -> Any:
        raise error

    monkeypatch.setattr(services, "rows", fail)
    own.client.raise_request_exception = False
    assert own.client.get(ME).status_code == status


# ASGI


@pytest.mark.parametrize("engine", ENGINES)
def test_under_asgi_a_session_ends_as_well(
    ada: Any, settings: Any, engine: str, tmp_path: Any
) -> None:
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    own = browser()
    client = AsyncClient()
    client.cookies = own.client.cookies

    async def asks() -> Any:
        return (await client.get(ME)).json()["user"]

    assert async_to_sync(asks)() is not None
    assert len(services.end_all(ada, "admin")) == 1
    assert async_to_sync(asks)() is None


def test_an_async_view_sees_nobody(ada: Any, rf: Any) -> None:
    own = browser()
    services.end_all(ada, "admin")
    request = rf.get(ME)
    request.session, request.user = own.client.session, ada
    services.look(request)
    assert request.user == async_to_sync(request.auser)() == AnonymousUser()
    assert reverse("ai_kit_auth:me") == ME


def test_above_the_user_it_says_where_it_belongs(ada: Any, rf: Any) -> None:
    request = rf.get(ME)
    request.session = browser().client.session
    with pytest.raises(ImproperlyConfigured, match="below AuthenticationMiddleware"):
        services.look(request)


def test_without_sessions_nothing_is_asked(rf: Any) -> None:
    with at_most(0):
        services.look(rf.get(ME))
