"""
A project's own capability is wherever those of the package are.

``INSTALLED_APPS`` alone installs it, and no file of the package names it. Its part of
the OpenAPI schema and of the reference is in ``tests/openapi`` and ``tests/docs``.
"""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import checks, mail
from django.test import override_settings
from django.urls import resolve, reverse
from rest_framework.test import APIClient

import ai_kit_auth
from ai_kit_auth import errors, security_log
from ai_kit_auth.capability import served
from ai_kit_auth.mail_preview import mail_names, preview
from ai_kit_auth.openapi.codes import answers_of
from ai_kit_auth.sentences import code_sentences
from ai_kit_auth.settings import (
    APISettings,
    InvalidConfigurationError,
    UnknownConfigurationError,
    api_settings,
)
from tests.accounts import log_in, view_of
from tests.conftest import PASSWORD
from tests.examinations import HEALTHY, SMTP, examine, transport
from tests.queues import Queue, use, with_tasks

pytestmark = [pytest.mark.django_db, pytest.mark.database("sqlite")]

PATH = "/api/v1/auth/wishlist/"
views: Any = import_module("wishlist.views")
signals: Any = import_module("wishlist.signals")


@pytest.fixture
def ada() -> APIClient:
    get_user_model().objects.create_user("ada", "ada@example.com", PASSWORD)
    browser = APIClient(enforce_csrf_checks=True)
    token = browser.get("/api/v1/auth/me/").json()["csrf"]
    browser.credentials(HTTP_X_CSRFTOKEN=token)
    answer = log_in(browser, "ada")
    browser.credentials(HTTP_X_CSRFTOKEN=answer.json()["csrf"])
    return browser


def wish(browser: APIClient, text: str = "a fern") -> tuple[int, Any]:
    answer = browser.post(PATH, {"wish": text}, format="json")
    return answer.status_code, answer.json()


def with_settings(**given: Any) -> Any:
    endpoints = {"ENABLE_ENDPOINTS": {"WISHLIST": True}}
    frontend = {"FRONTEND": {"URL": "https://app.example.com"}}
    return override_settings(AI_KIT_AUTH={**frontend, **endpoints, **given})


# The endpoint


def test_a_wish_is_added_mailed_and_logged(
    ada: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        assert wish(ada) == (201, {})
    assert ada.get(PATH).json()["wishes"] == ["a fern"]
    [message] = mail.outbox
    assert message.subject == "A new wish is on your list"
    assert "https://app.example.com/wishlist" in message.body
    [line] = [text for text in caplog.messages if "wish_added" in text]
    user = get_user_model().objects.get()
    assert line == f"event=wish_added code=- user={user.pk} address=127.0.0.1"


@with_tasks
def test_a_worker_mails_it(ada: APIClient, settings: Any) -> None:
    use(settings, "Dummy")
    queue = Queue()
    assert wish(ada) == (201, {})
    assert mail.outbox == []
    assert [task["purpose"] for task in queue.tasks()] == ["WISH_ADDED"]
    queue.work()
    assert mail.outbox[0].to == ["ada@example.com"]


def test_its_own_code_is_an_answer_of_the_usual_shape(ada: APIClient) -> None:
    with with_settings(MAX_WISHES=1):
        assert wish(ada) == (201, {})
        assert wish(ada) == (409, {"error": "wishlist_full"})
    assert wish(ada, "") == (400, {"wish": ["blank"]})


def test_its_throttle_counts_the_account(ada: APIClient) -> None:
    with with_settings(THROTTLE_RATES={"WISH": "1/hour"}):
        assert wish(ada) == (201, {})
        assert wish(ada) == (429, {"error": "throttled"})
    with with_settings(THROTTLE_RATES={"WISH": None}):
        assert wish(ada) == (201, {})


def test_its_signals_frame_the_change(ada: APIClient) -> None:
    heard: list[Any] = []

    def hear(signal: Any, sender: Any, user: Any, wish: str, **_: Any) -> None:
        heard.append((signal, sender, user.username, wish))

    pair = (signals.pre_add_wish, signals.post_add_wish)
    for signal in pair:
        signal.connect(hear)
    wish(ada)
    for signal in pair:
        signal.disconnect(hear)
    assert heard == [(each, views.WishlistView, "ada", "a fern") for each in pair]


def test_it_is_for_logged_in_users_with_a_token(ada: APIClient) -> None:
    ada.credentials()
    assert wish(ada) == (403, {"error": "csrf_failed"})
    assert wish(APIClient()) == (403, {"error": "not_authenticated"})


# Settings


def test_a_typo_in_its_keys_is_told_the_nearest_name() -> None:
    with pytest.raises(UnknownConfigurationError, match="did you mean 'MAX_WISHES'"):
        APISettings({"MAX_WISH": 1})
    with pytest.raises(UnknownConfigurationError, match="did you mean 'WISHLIST'"):
        APISettings({"ENABLE_ENDPOINTS": {"WISHLISTS": True}})
    with pytest.raises(InvalidConfigurationError, match=r"MAX_WISHES.* must be a int"):
        APISettings({"MAX_WISHES": "many"})


def test_its_keys_are_read_through_either_view_of_the_settings() -> None:
    own: Any = import_module("wishlist.settings").wishlist_settings
    merged: Any = api_settings
    assert merged.MAX_WISHES == own.MAX_WISHES == 20
    with with_settings(MAX_WISHES=3, FRONTEND={"URL": "https://b.example.com"}):
        assert merged.MAX_WISHES == own.MAX_WISHES == 3
        assert merged.FRONTEND.WISHLIST_ROUTE == "/wishlist/"
        assert own.FRONTEND.URL == "https://b.example.com"
        assert merged.THROTTLE_RATES.WISH == "30/hour"


def test_without_the_app_its_keys_are_unknown() -> None:
    with (
        override_settings(INSTALLED_APPS=["rest_framework", "ai_kit_auth"]),
        pytest.raises(UnknownConfigurationError, match="WISHLIST"),
    ):
        api_settings.USERNAME_REQUIRED  # noqa: B018  # the read is what is tested
    assert api_settings.USERNAME_REQUIRED is False


# What the package says of its capabilities


def test_the_route_table_has_it_where_its_key_is_on() -> None:
    assert reverse("ai_kit_auth:wishlist") == PATH
    assert view_of(resolve(PATH).func) is views.WishlistView
    for on in (True, False):
        endpoints = APISettings({"ENABLE_ENDPOINTS": {"WISHLIST": on}}).ENABLE_ENDPOINTS
        names = [route.name for route in served(endpoints)]
        assert ("wishlist" in names) is on
        assert len(names) == 8 + on


def test_its_check_runs_with_the_others() -> None:
    assert checks.run_checks() == []
    with with_settings(MAX_WISHES=0):
        assert [found.id for found in checks.run_checks()] == ["wishlist.W001"]


def test_a_template_of_its_mail_that_is_missing_is_found() -> None:
    templates = {"WISH_ADDED": {"TITLE": "no_such.txt"}}
    with with_settings(EMAIL_TEMPLATES=templates):
        [found] = checks.run_checks()
    assert found.id == "ai_kit_auth.E007"
    assert "['WISH_ADDED']['TITLE']" in found.msg


@pytest.mark.parametrize(
    ("language", "subject", "action"),
    [
        ("en", "A new wish is on your list", "Open the list"),
        ("de", "Ein neuer Wunsch steht auf Ihrer Liste", "Liste öffnen"),
    ],
)
def test_its_mail_is_previewed(language: str, subject: str, action: str) -> None:
    assert mail_names()[-1] == "WISH_ADDED"
    found = preview("WISH_ADDED", language)
    assert (found.problems, found.untranslated) == ([], {})
    assert found.parts["TITLE"].strip() == subject
    assert action in found.parts["BODY_HTML"]
    assert "https://app.example.com/wishlist?" in found.parts["BODY_PLAINTEXT"]


def test_the_doctor_asks_its_routes_and_sends_its_mail() -> None:
    cross = ("--origin", "https://app.example.com", "--api", "https://api.example.com")
    with override_settings(**HEALTHY):
        report = examine(*cross)
    assert report.findings == []
    for name in ("preflight wishlist/", "preflight POST wishlist/"):
        assert report.step(name)["state"] == "ok"
    with override_settings(**HEALTHY, **transport(SMTP, host="192.0.2.1", timeout=1)):
        report = examine(*cross, "--mail", "ada@example.com")
    assert report.step("SEND_WISH_MAIL")["state"] == "failed"


def test_the_doctor_tells_which_view_hides_its_route() -> None:
    with override_settings(**HEALTHY, ROOT_URLCONF="tests.projects.wishlist.hidden"):
        report = examine("--origin", "https://app.example.com")
    found = report.step("route wishlist/")
    assert found["state"] == "warning"
    assert "TemplateView" in found["cause"]


def test_the_doctor_tells_its_warnings() -> None:
    with override_settings(**HEALTHY), with_settings(MAX_WISHES=0):
        report = examine("--origin", "https://app.example.com")
    assert report.step("check wishlist.W001")["state"] == "warning"


def test_its_codes_events_and_answers_are_among_the_packages() -> None:
    assert errors.CODES["wishlist_full"]
    assert security_log.EVENTS["wish_added"] == "a wish was added"
    answers = answers_of(views.WishlistView, "POST")
    assert answers.allows(409, "error", "wishlist_full")
    assert answers.allows(429, "error", "throttled")
    assert answers.allows(400, "wish", "max_length")
    # All that it can say is declared.
    assert not answers.allows(400, "error", "out_of_stock")


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "Ihre Wunschliste ist voll. Bitte entfernen Sie zuerst einen Wunsch."),
        ("fr", "Your wish list is full. Please remove a wish first."),
    ],
)
def test_its_code_has_a_sentence(language: str, sentence: str) -> None:
    found = code_sentences(language)
    assert list(found) == list(errors.CODES)
    assert found["wishlist_full"] == sentence


def test_no_file_of_the_package_names_it() -> None:
    folder = Path(ai_kit_auth.__file__).parent
    texts = [
        p
        for p in folder.rglob("*")
        if p.suffix in {".py", ".html", ".json", ".txt", ".po"}
    ]
    assert len(texts) > 80
    assert [p for p in texts if "wish" in p.read_text(encoding="utf-8").lower()] == []
