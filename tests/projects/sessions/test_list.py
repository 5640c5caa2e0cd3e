"""What a user sees of their sessions, and does with them."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from ai_kit_auth.sessions import services
from ai_kit_auth.sessions.models import SessionRecord
from ai_kit_auth.sessions.views import SessionDetail
from tests.account.page import (
    OUT,
    PASSWORD_REQUIRED,
    WRONG,
    WRONG_PASSWORD,
    Browser,
    answer_of,
    configure,
    take_password,
)
from tests.conftest import PASSWORD, Clock, MakeUser
from tests.test_queries import at_most

from .browsers import (
    NOT_FOUND,
    PHONE,
    SESSION_KEYS,
    ask,
    browser,
    current,
    listed,
    record_of,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

PROOF = {"password": PASSWORD}


# The list


def test_a_user_sees_where_they_are_logged_in(ada: Any) -> None:
    desk, phone = browser(), browser(PHONE, "198.51.100.9")
    found = listed(phone)
    assert [list(each) for each in found] == [SESSION_KEYS] * 2
    assert [each["current"] for each in found] == [True, False]
    here, there = found
    assert here["device"] == {
        "browser": "Mobile Safari",
        "system": "iOS",
        "kind": "phone",
    }
    assert there["device"] == {
        "browser": "Firefox",
        "system": "Linux",
        "kind": "desktop",
    }
    assert (here["ip_address"], there["ip_address"]) == ("198.51.100.9", "192.0.2.7")
    assert {each["factor"] for each in found} == {"password"}
    assert current(desk)["id"] == there["id"]


def test_nobody_sees_the_sessions_of_others(ada: Any, make_user: MakeUser) -> None:
    make_user("ben")
    browser()
    bens = browser(name="ben")
    assert [each["current"] for each in listed(bens)] == [True]
    assert answer_of(APIClient().get(reverse("ai_kit_auth:sessions"))) == OUT


def test_the_answer_is_not_stored_and_holds_no_key(ada: Any) -> None:
    own = browser()
    answer = own.client.get(reverse("ai_kit_auth:sessions"))
    assert "no-store" in answer.headers["Cache-Control"]
    assert own.cookie() not in answer.content.decode()
    assert record_of(own).sid not in answer.content.decode()


def test_no_row_leads_to_a_session(ada: Any) -> None:
    own = browser()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {SessionRecord._meta.db_table}")  # noqa: S608  # from the model
        stored = str(cursor.fetchall())
    assert own.cookie() not in stored
    assert str(record_of(own)) == current(own)["id"]


def test_a_session_that_has_expired_is_not_listed(ada: Any) -> None:
    own, other = browser(), browser()
    long_ago = timezone.now() - timedelta(days=15)
    services.rows().filter(pk=record_of(other).pk).update(last_seen=long_ago)
    assert [each["id"] for each in listed(own)] == [str(record_of(own).pk)]
    assert own.send("delete", "sessions", PROOF).json()["ended"] == 0


def test_a_login_by_another_view_is_listed_too(ada: Any) -> None:
    own = browser()
    APIClient().force_login(ada)
    assert {each["factor"] for each in listed(own)} == {"password", "other"}


def test_an_app_that_is_installed_no_longer_records_nothing(
    ada: Any, settings: Any
) -> None:
    settings.INSTALLED_APPS = [
        name for name in settings.INSTALLED_APPS if name != "ai_kit_auth.sessions"
    ]
    settings.AI_KIT_AUTH = {"FRONTEND": {"URL": "https://app.example.com"}}
    APIClient().force_login(ada)
    ada.is_active = False
    ada.save()
    assert not services.rows().exists()


# Names


def test_a_session_gets_a_name(ada: Any) -> None:
    desk, phone = browser(), browser(PHONE)
    pk = current(phone)["id"]
    status, body = ask(desk, "patch", pk, {"name": "  My phone "})
    assert (status, list(body), body["name"]) == (200, SESSION_KEYS, "My phone")
    assert body["current"] is False
    assert current(phone)["name"] == "My phone"
    assert ask(desk, "patch", pk, {"name": ""})[1]["name"] == ""


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "required"),
        ({"name": "x" * 65}, "max_length"),
        ({"name": None}, "null"),
        ({"name": []}, "invalid"),
        ({"name": "a\0b"}, "null_characters_not_allowed"),
    ],
)
def test_a_wrong_name_changes_nothing(
    ada: Any, given: dict[str, Any], code: str
) -> None:
    own = browser()
    pk = current(own)["id"]
    assert ask(own, "patch", pk, given) == (400, {"name": [code]})
    assert ask(own, "patch", pk, []) == (400, {"non_field_errors": ["invalid"]})
    assert current(own)["name"] == ""


def test_a_name_that_is_too_long_is_told_how_long_it_may_be(
    ada: Any, settings: Settings
) -> None:
    configure(settings, ERROR_PARAMS=True)
    own = browser()
    _, body = ask(own, "patch", current(own)["id"], {"name": "x" * 65})
    assert body["params"] == {"name": {"max_length": {"max_length": 64}}}


# Ending one


def test_an_ended_session_is_out_at_its_next_request(
    ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    desk, phone = browser(), browser(PHONE)
    pk = current(phone)["id"]
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        assert ask(desk, "delete", pk, PROOF) == (204, None)
    assert "event=session_ended" in caplog.text
    assert phone.me() is None
    assert desk.me() is not None
    assert [each["current"] for each in listed(desk)] == [True]
    assert answer_of(phone.client.get(reverse("ai_kit_auth:sessions"))) == OUT


def test_ending_needs_the_password_or_a_fresh_session(ada: Any) -> None:
    desk, phone = browser(), browser(PHONE)
    pk = current(phone)["id"]
    assert ask(desk, "delete", pk) == PASSWORD_REQUIRED
    assert ask(desk, "delete", pk, {"password": WRONG}) == WRONG_PASSWORD
    assert phone.me() is not None
    desk.confirm_password()
    assert ask(desk, "delete", pk) == (204, None)
    assert phone.me() is None


def test_an_account_without_a_password_confirms_first(ada: Any) -> None:
    desk, phone = browser(), browser(PHONE)
    desk.confirm_password()
    take_password(ada)
    for each in (desk, phone):
        each.client.force_login(ada)
        each.me()
    expected = (403, {"error": "reauthentication_required"})
    assert ask(desk, "delete", current(phone)["id"]) == expected
    assert answer_of(desk.send("delete", "sessions")) == expected


def test_the_current_session_is_logged_out(
    ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    own = browser()
    record = record_of(own)
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        assert ask(own, "delete", record.pk, PROOF) == (204, None)
    assert "event=logged_out" in caplog.text
    assert own.me() is None
    record.refresh_from_db()
    assert record.ended is not None


def test_unknown_foreign_and_ended_ids_look_alike(
    ada: Any, make_user: MakeUser
) -> None:
    make_user("ben")
    own, other, bens = browser(), browser(), browser(name="ben")
    ended, foreign = current(other)["id"], current(bens)["id"]
    ask(own, "delete", ended, PROOF)
    for pk in (ended, foreign, uuid.uuid4(), "me", "x" * 300, "%00"):
        assert ask(own, "patch", pk, {"name": "mine"}) == NOT_FOUND
        assert ask(own, "delete", pk, PROOF) == NOT_FOUND
    assert bens.me() is not None
    assert current(bens)["name"] == ""


def test_the_token_is_needed(ada: Any) -> None:
    own = browser()
    pk = current(own)["id"]
    own.token = "x"
    refused = (403, {"error": "csrf_failed"})
    assert ask(own, "delete", pk, PROOF) == refused
    assert ask(own, "patch", pk, {"name": "mine"}) == refused
    assert answer_of(own.send("delete", "sessions", PROOF)) == refused
    assert own.me() is not None


def test_two_requests_at_once_end_a_session_once(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, phone = browser(), browser(PHONE)
    found = SessionDetail.record

    def and_ended(view: Any) -> Any:
        record = found(view)
        services.end_all(ada, "others", but=services.sid_of(view.request))
        return record

    monkeypatch.setattr(SessionDetail, "record", and_ended)
    assert ask(desk, "delete", current(phone)["id"], PROOF) == NOT_FOUND


# Ending all others


def test_all_others_end(ada: Any, caplog: pytest.LogCaptureFixture) -> None:
    own, others = browser(), [browser(), browser(PHONE)]
    key = own.cookie()
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        answer = own.send("delete", "sessions", PROOF)
    assert (answer.status_code, answer.json()["ended"]) == (200, 2)
    assert "event=others_logged_out" in caplog.text
    assert [each.me() for each in others] == [None, None]
    assert own.me() is not None
    # A copy of the key is of no use.
    copy = Browser()
    copy.client.cookies["sessionid"] = key
    assert copy.me() is None
    # The token that came along is the one that counts.
    assert own.send("delete", "sessions", PROOF).json()["ended"] == 0


def test_an_intruder_cannot_keep_the_owner_from_ending(ada: Any, settings: Any) -> None:
    configure(settings, THROTTLE_RATES={"ACCOUNT": "3/min"})
    own, intruder = browser(), browser()
    for _ in range(3):
        listed(intruder)
    answer = intruder.client.get(reverse("ai_kit_auth:sessions"))
    assert answer_of(answer) == (429, {"error": "throttled"})
    assert own.send("delete", "sessions", PROOF).status_code == 200


# What it costs


def test_a_login_costs_one_more_query(ada: Any) -> None:
    """Six without the app, as ``tests/test_queries.py`` says."""
    fresh = Browser()
    fresh.me()
    with at_most(6 + 1):
        assert fresh.log_in().status_code == 200


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what the cache is asked."""
    found: list[str] = []

    def noting(name: str, own: Any) -> Any:
        def ask(*args: Any, **kwargs: Any) -> Any:
            found.append(name)
            return own(*args, **kwargs)

        return ask

    for name in ("get", "set", "add", "get_many", "set_many", "touch", "has_key"):
        own = getattr(LocMemCache, name)
        monkeypatch.setattr(LocMemCache, name, noting(name, own))
    return found


def test_a_request_costs_no_query_and_one_look_into_the_cache(
    ada: Any, asked: list[str]
) -> None:
    own = browser()
    asked.clear()
    with at_most(2):
        assert own.client.get(reverse("ai_kit_auth:me")).json()["user"]
    assert asked == ["get"]


def test_a_request_of_nobody_costs_nothing(asked: list[str]) -> None:
    with at_most(0):
        answer = APIClient().get(reverse("ai_kit_auth:me"))
    assert (answer.json()["user"], asked) == (None, [])


def test_the_list_is_one_query(ada: Any) -> None:
    own = browser()
    for _ in range(3):
        browser()
    with at_most(3):
        assert len(listed(own)) == 4


def test_a_touch_is_one_query(ada: Any, clock: Clock) -> None:
    own = browser()
    before = timezone.now() - timedelta(hours=1)
    services.rows().update(last_seen=before)
    with at_most(2):
        own.client.get(reverse("ai_kit_auth:me"))
    assert record_of(own).last_seen == before
    clock.now += 301
    with at_most(3):
        own.client.get(reverse("ai_kit_auth:me"))
    assert record_of(own).last_seen > before
    with at_most(2):
        own.client.get(reverse("ai_kit_auth:me"))


def test_a_touch_does_not_lengthen_the_life_of_a_session(
    ada: Any, clock: Clock
) -> None:
    own = browser()
    clock.now += 301
    answer = own.client.get(reverse("ai_kit_auth:sessions"))
    assert "sessionid" not in answer.cookies
