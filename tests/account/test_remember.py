"""``remember`` at login: whether the session ends with the browser."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from ..conftest import PASSWORD
from .page import ADA, EVERY_MODEL, Browser, answer_of, invalid

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]

MONTH = 30 * 24 * 3600
ENDS_WITH_THE_BROWSER = ""


@pytest.fixture(autouse=True)
def _a_month(settings: Settings) -> None:
    settings.SESSION_COOKIE_AGE = MONTH


def age(browser: Browser) -> Any:
    """Return the seconds that the browser keeps the session's cookie."""
    return browser.client.cookies["sessionid"]["max-age"]


@pytest.mark.parametrize("remember", [True, "true", 1, "yes", "on"])
@pytest.mark.parametrize("usual", [True, False])
def test_it_is_kept(ada: Any, settings: Settings, remember: Any, usual: bool) -> None:
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = usual
    browser = Browser()
    assert browser.log_in(remember=remember).status_code == 200
    assert age(browser) == MONTH
    ends = Session.objects.get().expire_date
    assert abs(ends - timezone.now() - timedelta(seconds=MONTH)) < timedelta(minutes=1)


@pytest.mark.parametrize("remember", [False, "false", 0, "no", "off"])
@pytest.mark.parametrize("usual", [True, False])
def test_it_ends_with_the_browser(
    ada: Any, settings: Settings, remember: Any, usual: bool
) -> None:
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = usual
    browser = Browser()
    assert browser.log_in(remember=remember).status_code == 200
    assert age(browser) == ENDS_WITH_THE_BROWSER
    assert browser.me() is not None


@pytest.mark.parametrize("body", [{}, {"remember": None}])
@pytest.mark.parametrize(
    ("usual", "expected"), [(True, ENDS_WITH_THE_BROWSER), (False, MONTH)]
)
def test_without_it_the_host_s_settings_decide(
    ada: Any, settings: Settings, body: dict[str, Any], usual: bool, expected: Any
) -> None:
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = usual
    browser = Browser()
    assert browser.log_in(**body).status_code == 200
    assert age(browser) == expected


@pytest.mark.parametrize("form", ["multipart", "urlencoded"])
@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ({}, MONTH),
        ({"remember": "true"}, MONTH),
        ({"remember": "on"}, MONTH),
        ({"remember": "false"}, ENDS_WITH_THE_BROWSER),
    ],
)
def test_a_form_without_it_is_like_json_without_it(
    ada: Any, form: str, field: dict[str, str], expected: Any
) -> None:
    """Though an HTML form says of an empty box nothing at all."""
    browser = Browser()
    browser.me()
    body: Any = {"ident": ADA, "password": PASSWORD, **field}
    encoded: dict[str, Any] = {"format": "multipart"}
    if form == "urlencoded":
        body = "&".join(f"{name}={value}" for name, value in body.items())
        encoded = {"format": None, "content_type": "application/x-www-form-urlencoded"}
    assert browser.post("login", body, **encoded).status_code == 200
    assert age(browser) == expected


@pytest.mark.parametrize("remember", ["maybe", "", [], {}, 2, [True], "x" * 5000])
def test_what_is_neither_is_refused(ada: Any, remember: Any) -> None:
    browser = Browser()
    answer = browser.log_in(remember=remember)
    # An empty text is DRF's null.
    assert answer.status_code == (200 if remember == "" else 400)
    assert remember == "" or answer_of(answer) == invalid(remember="invalid")


@pytest.mark.parametrize("engine", ["cache", "signed_cookies", "cached_db"])
def test_it_holds_with_other_sessions(
    ada: Any, settings: Settings, engine: str
) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    for remember, expected in ((True, MONTH), (False, ENDS_WITH_THE_BROWSER)):
        browser = Browser()
        browser.log_in(remember=remember)
        assert age(browser) == expected
        assert browser.me() is not None


def test_a_wrong_password_is_remembered_nowhere(ada: Any) -> None:
    browser = Browser()
    assert browser.log_in(password="wrong", remember=True).status_code == 400
    assert "sessionid" not in browser.client.cookies


@pytest.mark.parametrize("usual", [True, False])
def test_a_later_login_without_it_does_not_inherit_it(
    ada: Any, settings: Settings, usual: bool
) -> None:
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = usual
    browser = Browser()
    assert browser.log_in(remember=usual).status_code == 200
    assert age(browser) == (MONTH if usual else ENDS_WITH_THE_BROWSER)
    assert browser.log_in().status_code == 200
    assert age(browser) == (ENDS_WITH_THE_BROWSER if usual else MONTH)
