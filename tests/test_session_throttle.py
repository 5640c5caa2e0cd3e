"""The limit of sessions that ``me/`` starts for one IP address."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from .accounts import csrf, log_in, post
from .conftest import USER_MODELS, MakeUser

pytestmark = [pytest.mark.django_db, pytest.mark.user_model("auth_user", "uuid_key")]


HERE, ELSEWHERE = "192.0.2.7", "203.0.113.9"


@pytest.fixture(autouse=True)
def tokens_in_sessions(settings: Any) -> None:
    settings.CSRF_USE_SESSIONS = True
    allow(settings, "3/min")


def allow(settings: Any, rate: str | None) -> None:
    rates = {"THROTTLE_RATES": {"SESSION": rate}}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **rates}


def visit(key: str = "", address: str = HERE, **extra: Any) -> Any:
    """Ask ``me/`` from a new browser, with a session's ``key``, if there is one."""
    client = APIClient(REMOTE_ADDR=address, **extra)
    if key:
        client.cookies[django_settings.SESSION_COOKIE_NAME] = key
    return client.get(reverse("ai_kit_auth:me"))


def statuses(*answers: Any) -> list[int]:
    return [answer.status_code for answer in answers]


UNKNOWN = ["", "x", "a" * 32]


@pytest.mark.parametrize("key", UNKNOWN)
def test_so_many_sessions_are_begun_and_no_more(key: str) -> None:
    answers = [visit(key) for _ in range(5)]
    assert statuses(*answers) == [200, 200, 200, 429, 429]
    assert answers[-1].json() == {"error": "throttled"}
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert answers[-1]["Cache-Control"] == "no-store, private"
    assert Session.objects.count() == 3
    assert statuses(visit(address=ELSEWHERE)) == [200]


def test_an_ended_session_is_none(settings: Any) -> None:
    allow(settings, "1/min")
    key = visit().cookies[settings.SESSION_COOKIE_NAME].value
    assert statuses(visit(key), visit(key)) == [200, 200]
    Session.objects.all().delete()
    assert statuses(visit(key)) == [429]
    assert not Session.objects.exists()


def test_who_has_a_session_asks_as_often_as_it_likes(make_user: MakeUser) -> None:
    make_user()
    client = APIClient(enforce_csrf_checks=True, REMOTE_ADDR=HERE)
    me = reverse("ai_kit_auth:me")
    assert statuses(*(client.get(me) for _ in range(5))) == [200] * 5
    assert log_in(client, "ada@example.com").status_code == 200
    answers = [client.get(me) for _ in range(5)]
    assert {answer.json()["user"]["email"] for answer in answers} == {"ada@example.com"}
    assert post(client, "logout", **csrf(client)).status_code == 200
    assert statuses(*(client.get(me) for _ in range(5))) == [200] * 5
    assert statuses(visit(), visit(), visit()) == [200, 200, 429]


@pytest.mark.parametrize("given", [{"HTTP_VIA": "1.1 proxy"}, {"address": "10.0.0.7"}])
def test_an_address_that_may_be_a_proxys_is_not_counted(
    settings: Any, given: dict[str, str]
) -> None:
    settings.REST_FRAMEWORK = {}
    assert statuses(*(visit(**given) for _ in range(5))) == [200] * 5


def test_a_rate_of_none_counts_nobody(settings: Any) -> None:
    allow(settings, None)
    assert statuses(*(visit() for _ in range(5))) == [200] * 5


@pytest.mark.user_model(*USER_MODELS)
def test_a_token_in_a_cookie_costs_no_session_and_is_not_counted(
    settings: Any,
) -> None:
    settings.CSRF_USE_SESSIONS = False
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        answers = [visit(key) for key in ("", "") for _ in range(3)]
    assert statuses(*answers) == [200] * 6
    assert len(queries) == 0
    assert not Session.objects.exists()


@pytest.mark.urls("tests.urlconfs.account")
def test_the_account_page_counts_them_as_well() -> None:
    assert statuses(*(visit() for _ in range(4))) == [200, 200, 200, 429]


def test_the_log_tells_of_it(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(4):
        visit()
    said = [r.getMessage() for r in caplog.records if r.name.endswith("security")]
    assert len(said) == 1
    assert HERE in said[0]
    assert "throttled" in said[0]
