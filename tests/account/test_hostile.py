"""Hostile requests to the account page get codes and no 5xx, and change nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from ai_kit_auth.account import services
from ai_kit_auth.settings import keys_below

from ..conftest import OTHER_PASSWORD, PASSWORD
from ..test_hostile import (
    BODIES,
    CONTENT,
    HEADERS,
    QUERIES,
    VALUES,
    assert_one_of_the_shapes,
    everything,
)
from ..test_links import own_link
from .page import NEW, Browser, configure

if TYPE_CHECKING:
    from pytest_django import Settings

# One model with the most fields is enough: what differs between models is no input.
pytestmark = [pytest.mark.django_db, pytest.mark.user_model("extra_field")]

FIELDS = {
    "change_password": ["password", "new_password"],
    "logout_others": ["password"],
    "change_email": ["email", "password"],
    "delete_account": ["password"],
    "confirm_password": ["password"],
    "confirm_email": ["ident", "token"],
    "link_status": ["purpose", "ident", "token"],
    "resend_activation_email": ["email", "ident"],
    "me": ["username", "age"],
}
EVERY_FIELD = [(name, field) for name in FIELDS for field in FIELDS[name]]
# As at registration: a number is the text that it looks like, and Django's rule is
# generous.
NAMES = {"zero", "negative", "fraction", "huge exponent", "other digits", "only an at"}
CHANGES_OF_NOTHING = {"nothing", "empty object", "other keys", "many keys", "infinity"}
# Every client may send any request; a text that is no link is not wrong there.
TOLERANT = {"link_status": {"status": "invalid"}, "resend_activation_email": {}}


@pytest.fixture(autouse=True)
def _unlimited(settings: Settings) -> None:
    configure(
        settings,
        THROTTLE_RATES=dict.fromkeys(keys_below("THROTTLE_RATES")),
        USER_UPDATE_SERIALIZER="tests.account.serializers.WithAge",
    )


@pytest.fixture(params=["stale", "fresh"])
def visitor(request: pytest.FixtureRequest, browser: Browser) -> Browser:
    """Return a browser with a session: a fresh one needs no password to do harm."""
    if request.param == "fresh":
        browser.confirm_password()
    return browser


@pytest.fixture
def live(ada: Any) -> dict[str, dict[str, Any]]:
    """Return, for each endpoint, a body that is right."""
    password = {"password": PASSWORD}
    return {
        "change_password": {**password, "new_password": OTHER_PASSWORD},
        "logout_others": password,
        "change_email": {**password, "email": NEW},
        "delete_account": password,
        "confirm_password": password,
        "confirm_email": own_link(services.get_email_change_url(ada, NEW)),
        "link_status": {
            "purpose": "confirm_email",
            **own_link(services.get_email_change_url(ada, NEW)),
        },
        "resend_activation_email": {},
        "me": {},
    }


def send(visitor: Browser, name: str, body: Any, content: str, **extra: Any) -> Any:
    method = "PATCH" if name == "me" else "POST"
    path = reverse(f"ai_kit_auth:{name}") + extra.pop("query", "")
    headers = {"X-CSRFToken": visitor.token, **extra.pop("headers", {})}
    return visitor.client.generic(
        method, path, body, content_type=content, headers=headers
    )


@pytest.mark.parametrize(("name", "field"), EVERY_FIELD)
def test_values_in_a_field(
    visitor: Browser, live: dict[str, dict[str, Any]], name: str, field: str
) -> None:
    before = everything()
    for value, text in VALUES.items():
        body = json.dumps({**live[name], field: "HERE"}).replace('"HERE"', text)
        answer = send(visitor, name, body.encode(), "application/json")
        if name == "me" and answer.status_code == 200:
            # What is a name in some alphabet is one.
            assert value in NAMES, value
            before = everything()
            continue
        expected = {200, 400} if name in TOLERANT else {400}
        assert answer.status_code in expected, value
        assert_one_of_the_shapes(answer, TOLERANT.get(name))
        assert everything() == before, value


@pytest.mark.parametrize(("name", "field"), EVERY_FIELD)
def test_a_file_in_place_of_a_field(
    browser: Browser, live: dict[str, dict[str, Any]], name: str, field: str
) -> None:
    upload = SimpleUploadedFile("p.txt", PASSWORD.encode(), "text/plain")
    before = everything()
    method = "patch" if name == "me" else "post"
    answer = browser.send(
        method, name, {**live[name], field: upload}, format="multipart"
    )
    assert answer.status_code == 400
    assert_one_of_the_shapes(answer)
    assert everything() == before


@pytest.mark.parametrize("name", FIELDS)
def test_bodies(browser: Browser, name: str) -> None:
    before = everything()
    for kind, body in BODIES.items():
        answer = send(browser, name, body, "application/json")
        if name == "me" and answer.status_code == 200:
            assert kind in CHANGES_OF_NOTHING, kind
            continue
        assert answer.status_code == 400, kind
        assert_one_of_the_shapes(answer)
    assert everything() == before


@pytest.mark.parametrize("name", FIELDS)
def test_content_types(browser: Browser, name: str) -> None:
    before = everything()
    for kind, (content, body) in CONTENT.items():
        answer = send(browser, name, body, content)
        if name == "me" and answer.status_code == 200:
            # Forms without a field of ours.
            assert answer.json()["user"]["username"] == "ada"
            continue
        expected = {200, 400, 415} if name in TOLERANT else {400, 415}
        assert answer.status_code in expected, kind
        assert_one_of_the_shapes(answer, TOLERANT.get(name))
    assert everything() == before


@pytest.mark.parametrize("name", FIELDS)
def test_headers_and_queries(browser: Browser, name: str) -> None:
    before = everything()
    for headers in HEADERS:
        cookie = headers.get("Cookie")
        visitor = Browser() if cookie else browser
        answer = send(visitor, name, b"[]", "application/json", headers=headers)
        assert answer.status_code in {400, 403}, headers
        assert_one_of_the_shapes(answer)
    for query in QUERIES:
        answer = send(browser, name, b"[]", "application/json", query=f"?{query}")
        assert answer.status_code == 400, query
        assert_one_of_the_shapes(answer)
    assert everything() == before


@pytest.mark.parametrize("name", ["change_email", "change_password", "delete_account"])
def test_nothing_is_taken_from_the_query(browser: Browser, name: str) -> None:
    query = f"?password={PASSWORD}&new_password={OTHER_PASSWORD}&email={NEW}"
    before = everything()
    answer = send(browser, name, b"{}", "application/json", query=query)
    assert set(map(tuple, answer.json().values())) == {("required",)}
    assert everything() == before


def test_of_two_passwords_in_a_form_the_last_counts_and_no_list_is_one(
    browser: Browser,
) -> None:
    body = f"password={PASSWORD}&password=wrong".encode()
    form = "application/x-www-form-urlencoded"
    answer = send(browser, "confirm_password", body, form)
    assert answer.json() == {"password": ["invalid_credentials"]}
