"""The same request twice at the same time: the second does not undo the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from ..conftest import OTHER_PASSWORD, PASSWORD
from . import noted_sessions
from .page import ADA, EVERY_MODEL, OUT, Browser, answer_of

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]

ENGINE = "tests.account.noted_sessions"


def second_click(browser: Browser) -> Browser:
    """Return a browser that sends the cookies which ``browser`` has at this moment."""
    other = Browser()
    for name, cookie in browser.client.cookies.items():
        other.client.cookies[name] = cookie.value
    other.token = browser.token
    return other


@pytest.mark.parametrize("in_session", [True, False])
@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("confirm_password", {"password": PASSWORD}),
        (
            "change_password",
            {"password": PASSWORD, "new_password": OTHER_PASSWORD},
        ),
        ("logout_others", {"password": PASSWORD}),
    ],
)
def test_the_second_of_two_clicks_does_not_log_out(
    ada: Any, settings: Settings, route: str, body: dict[str, str], in_session: bool
) -> None:
    settings.CSRF_USE_SESSIONS = in_session
    here = Browser()
    here.log_in()
    again = second_click(here)
    assert here.post(route, body).status_code == 200
    answer = again.post(route, body)
    assert answer.status_code == 403
    # The cookie in the browser is the one of the first answer by now.
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert here.me() is not None


@pytest.mark.parametrize("in_session", [True, False])
def test_two_clicks_on_log_in(ada: Any, settings: Settings, in_session: bool) -> None:
    settings.CSRF_USE_SESSIONS = in_session
    here = Browser()
    here.me()
    again = second_click(here)
    body = {"ident": ADA, "password": PASSWORD}
    assert here.post("login", body).status_code == 200
    answer = again.post("login", body)
    if in_session:
        assert answer_of(answer) == (403, {"error": "csrf_failed"})
        assert settings.SESSION_COOKIE_NAME not in answer.cookies
    else:
        assert answer.status_code == 200
    assert here.me() is not None


def test_without_sessions_there_is_no_cookie_to_keep(settings: Settings) -> None:
    middleware = "django.contrib.sessions.middleware.SessionMiddleware"
    needs = "django.contrib.messages.middleware.MessageMiddleware"
    settings.MIDDLEWARE = [
        name
        for name in settings.MIDDLEWARE
        if name not in {middleware, needs} and ".auth." not in name
    ]
    client = APIClient(enforce_csrf_checks=True)
    answer = client.post(reverse("ai_kit_auth:login"), {}, format="json")
    assert answer_of(answer) == (403, {"error": "csrf_failed"})


def test_the_session_that_ended_in_between_is_told_in_codes(ada: Any) -> None:
    here = Browser()
    here.log_in()
    again = second_click(here)
    here.post("logout")
    answer = again.post("confirm_password", {"password": PASSWORD})
    assert answer_of(answer) == OUT


def test_the_mark_of_a_fresh_session_is_never_written_under_the_old_key(
    ada: Any, settings: Settings
) -> None:
    """A copied key would be fresh for as long as both are there."""
    settings.SESSION_ENGINE = ENGINE
    browser = Browser()
    browser.log_in()
    old = browser.cookie()
    noted_sessions.written.clear()
    assert browser.confirm_password().status_code == 200
    marked = {key for key, data in noted_sessions.written if is_marked(data)}
    assert marked == {browser.cookie()}
    assert old not in marked


def is_marked(data: dict[str, Any]) -> bool:
    return any("confirmed" in name for name in data)
