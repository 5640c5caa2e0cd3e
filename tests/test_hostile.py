"""Hostile requests get codes and no 5xx, and change nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.user_model import user_model

from .accounts import csrf, log_in, registration
from .conftest import OTHER_PASSWORD, PASSWORD, MakeUser
from .test_links import own_link

# One model with the most fields is enough: what differs between models is no input.
pytestmark = [pytest.mark.django_db, pytest.mark.user_model("extra_field")]

ENDPOINTS = (
    "login",
    "logout",
    "me",
    "register",
    "send_pw_reset_email",
    "pw_reset",
    "validate_password",
    "activate",
)
FIELDS = {
    "login": ["ident", "password"],
    "register": ["email", "username", "password", "age"],
    "send_pw_reset_email": ["email", "ident"],
    "pw_reset": ["ident", "token", "password"],
    "validate_password": ["password", "ident", "email", "username"],
    "activate": ["ident", "token"],
}
EVERY_FIELD = [(name, field) for name in FIELDS for field in FIELDS[name]]

# JSON as text, since a client's encoder would not write some of it.
VALUES = {
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "negative": "-1",
    "fraction": "1.5",
    "huge": "9" * 4000,
    "huge exponent": "1e999",
    "list": "[]",
    "list of lists": "[[[]]]",
    "list of text": '["a", "b"]',
    "object": "{}",
    "object with a query": '{"$ne": null}',
    "empty": '""',
    "blank": '" \\t\\n"',
    "NUL": '"\\u0000"',
    "NUL within": '"a\\u0000b@x.yz"',
    "lone surrogate": '"\\ud800"',
    "surrogate within": '"a\\udfffb"',
    "control": '"\\u0007\\u001b"',
    "newline": '"a\\r\\nB:c"',
    "right to left": '"\\u202ea"',
    "other digits": '"\\u0663\\u00b2"',
    "emoji": '"\\ud83d\\udca3"',
    "wildcards": '"%_*"',
    "SQL": '"\' or 1"',
    "only an at": '"@"',
    "long": json.dumps("a" * 1_000_000),
    "long address": json.dumps("a" * 1_000_000 + "@example.com"),
    "nested": "[" * 500 + "]" * 500,
}
BODIES = {
    "nothing": b"",
    "null": b"null",
    "list": b"[]",
    "list of objects": b'[{"ident": "ada", "password": "x"}]',
    "text": b'"ident"',
    "number": b"1",
    "huge number": b"9" * 5000,
    "true": b"true",
    "not a number": b"NaN",
    "infinity": b'{"password": -Infinity}',
    "empty object": b"{}",
    "other keys": b'{"": 1, "__class__": 2, "pk": 3, "is_active": true}',
    "broken": b'{"ident": "ada"',
    "single quotes": b"{'ident': 'ada'}",
    "two values": b"{}{}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "invalid UTF-8": b'{"ident": "\xff\xfe"}',
    "UTF-16": '{"ident": "ada"}'.encode("utf-16"),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "many keys": json.dumps({str(n): n for n in range(5000)}).encode(),
    "over the limit": b'"' + b"a" * 3_000_000 + b'"',
    "form in JSON's clothes": b"ident=ada&password=x",
}
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
JSON_UTF16 = "application/json; charset=utf-16"
CONTENT = {
    "text": ("text/plain", b"ident=ada"),
    "XML": ("application/xml", b"<ident>ada</ident>"),
    "HTML": ("text/html; charset=utf-8", b"<p>"),
    "empty type": ("", b"{}"),
    "no type": ("nonsense", b"{}"),
    "only a slash": ("/", b"{}"),
    "JSON's cousin": ("application/vnd.api+json", b"{}"),
    "any type": ("*/*", b"{}"),
    "capitals": ("APPLICATION/JSON", b"[]"),
    "parameters": ("application/json;;;=;a=b;charset", b"[]"),
    "foreign charset": (JSON_UTF16, '{"ident": "ada"}'.encode("utf-16")),
    "unknown charset": ("application/json; charset=klingon", b"[]"),
    "form": (FORM, b"&&==&a&%00=%00&%ff=%fe&password=%"),
    "form in a foreign charset": (FORM + "; charset=utf-7", b"ident=+AGE-"),
    "form in no charset": (FORM + "; charset=klingon", b"ident=a"),
    "form of bytes": (FORM, b"ident=\xff\xfe&password=\x00&token=\xff&email=\xc3"),
    "form of surrogates": (FORM, b"ident=%ED%A0%80&email=%ED%A0%80&token=%ED%A0%80"),
    "form of 2000 fields": (FORM, b"&".join(b"f%d=1" % n for n in range(2000))),
    "form of 2000 passwords": (FORM, b"password=1&" * 2000),
    "form over the limit": (FORM, b"ident=" + b"a" * 3_000_000),
    "form of JSON": (FORM, b'{"ident": "ada"}'),
    "multipart without a boundary": ("multipart/form-data", b"--b--"),
    "multipart, bad boundary": ("multipart/form-data; boundary=\xff", b"--b--"),
    "multipart, empty": (MULTIPART, b""),
    "multipart, cut off": (MULTIPART, b"--b\r\nContent-Disposition: form-da"),
    "multipart, no name": (
        MULTIPART,
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
    ),
    "multipart, NUL": (
        MULTIPART,
        b'--b\r\nContent-Disposition: form-data; name="ident"\r\n\r\n\0\r\n--b--\r\n',
    ),
    "multipart, bytes": (
        MULTIPART + "; charset=klingon",
        (
            b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n\xff\xfe'
            b"\r\n--b--\r\n"
        ),
    ),
    "multipart, bad base64": (
        MULTIPART,
        (
            b'--b\r\nContent-Disposition: form-data; name="ident"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n--b--\r\n"
        ),
    ),
    "multipart of 2000 fields": (
        MULTIPART,
        b"".join(
            b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n
            for n in range(2000)
        )
        + b"--b--\r\n",
    ),
    "multipart of 200 files": (
        MULTIPART,
        b"".join(
            b'--b\r\nContent-Disposition: form-data; name="f%d"; filename="f"\r\n\r\n1'
            b"\r\n" % n
            for n in range(200)
        )
        + b"--b--\r\n",
    ),
}
QUERIES = (
    "format=api",
    "format=xml",
    "_method=DELETE&_content=1",
    "%ff=%00&%",
    "ident=ada&password=" + PASSWORD,
    "a=1&" * 2000,
)
METHODS = ("GET", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "X")
HEADERS: tuple[dict[str, str], ...] = (
    {"X-CSRFToken": "a" * 100_000},
    {"X-CSRFToken": "\xff\x00"},
    {"X-CSRFToken": ""},
    {"X-CSRFToken": "\u20ac".encode().decode("latin1")},
    {"Cookie": "csrftoken=\xff; sessionid=\xff"},
    {"Cookie": "sessionid=" + "a" * 5000 + "; csrftoken=" + "a" * 5000},
    {"Cookie": ";=;,;sessionid=;csrftoken=%00"},
    {"Referer": "http://["},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Accept": "text/html"},
    {"Accept": "a/b;q=x, /, ;;"},
    {"Accept-Language": "de," * 5000},
    {"Authorization": "Basic !"},
    {"X-Forwarded-For": "a, b, \xff"},
    {"X-HTTP-Method-Override": "DELETE"},
)
CODE = re.compile(r"[a-z0-9_]+")


def strings_in(body: Any) -> list[str]:
    if isinstance(body, dict):
        return [*body, *(text for part in body.values() for text in strings_in(part))]
    if isinstance(body, list):
        return [text for part in body for text in strings_in(part)]
    assert isinstance(body, str)
    return [body]


def assert_one_of_the_shapes(response: Any, success: Any = None) -> None:
    """The answer is JSON: ``success``, or {}, or an error in codes of a known shape."""
    assert response.status_code < 500
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store, private"
    body = response.json()
    if response.status_code == 200:
        assert body == (success or {})
        return
    assert isinstance(body, dict)
    assert body
    assert all(CODE.fullmatch(text) for text in strings_in(body)), body
    if "error" in body:
        assert list(body) == ["error"]
        assert isinstance(body["error"], str)
    else:
        assert response.status_code == 400
        assert all(isinstance(codes, list) and codes for codes in body.values())


def everything() -> list[Any]:
    """What a hostile request must leave alone."""
    return [
        list(get_user_model()._default_manager.order_by("pk").values()),
        list(Session.objects.order_by("pk").values()),
        list(mail.outbox),
    ]


@pytest.fixture
def live(make_user: MakeUser) -> dict[str, dict[str, Any]]:
    """Return, for each endpoint, a body that is right but for one thing at most."""
    user = make_user()
    link = own_link(services.get_password_reset_url(user))
    login = {"ident": "ada@example.com", "password": PASSWORD}
    return {
        "login": login,
        # Taken, so that no change of another field can make an account.
        "register": registration(),
        "send_pw_reset_email": {},
        "pw_reset": {**link, "password": OTHER_PASSWORD},
        "validate_password": login | registration() | {"ident": link["ident"]},
        "activate": own_link(services.get_activation_url(user)),
    }


@pytest.fixture(params=["nobody", "somebody"])
def visitor(
    request: pytest.FixtureRequest, client: APIClient, make_user: MakeUser
) -> tuple[APIClient, dict[str, Any]]:
    """Return a client and its CSRF token's header; the one visitor has a session."""
    if request.param == "somebody":
        make_user("eve")
        log_in(client, "eve@example.com")
    return client, csrf(client)


Visitor = tuple[APIClient, dict[str, Any]]


def statuses(endpoint: str) -> set[int]:
    """Return how a hostile body is answered: a reset request tells the least."""
    return {200, 400} if endpoint == "send_pw_reset_email" else {400}


def send(visitor: Visitor, method: str, path: str, body: Any, content: str) -> Any:
    client, token = visitor
    return client.generic(method, path, body, content_type=content, **token)


def send_link(client: APIClient, endpoint: str, link: dict[str, Any]) -> Any:
    path = reverse(f"ai_kit_auth:{endpoint}")
    body = json.dumps(link).encode()
    return send((client, {}), "POST", path, body, "application/json")


@pytest.mark.parametrize(("endpoint", "field"), EVERY_FIELD)
def test_values_in_a_field(
    visitor: Visitor, live: dict[str, dict[str, Any]], endpoint: str, field: str
) -> None:
    others = {name: part for name, part in live[endpoint].items() if name != field}
    path = reverse(f"ai_kit_auth:{endpoint}")
    tolerant = endpoint in {"send_pw_reset_email", "validate_password"}
    before = everything()
    for name, value in VALUES.items():
        body = json.dumps({**others, field: "HERE"}).replace('"HERE"', value)
        response = send(visitor, "POST", path, body.encode(), "application/json")
        assert response.status_code in ({200, 400} if tolerant else {400}), name
        assert_one_of_the_shapes(response)
        assert everything() == before, name


@pytest.mark.parametrize(("endpoint", "field"), EVERY_FIELD)
def test_a_field_that_is_missing(
    visitor: Visitor, live: dict[str, dict[str, Any]], endpoint: str, field: str
) -> None:
    others = {name: part for name, part in live[endpoint].items() if name != field}
    before = everything()
    path = reverse(f"ai_kit_auth:{endpoint}")
    body = json.dumps(others).encode()
    response = send(visitor, "POST", path, body, "application/json")
    assert_one_of_the_shapes(response)
    assert everything() == before


@pytest.mark.parametrize(("endpoint", "field"), EVERY_FIELD)
def test_a_file_in_place_of_a_field(
    visitor: Visitor, live: dict[str, dict[str, Any]], endpoint: str, field: str
) -> None:
    client, token = visitor
    upload = SimpleUploadedFile("p.txt", PASSWORD.encode(), "text/plain")
    data = {**live[endpoint], field: upload}
    before = everything()
    path = reverse(f"ai_kit_auth:{endpoint}")
    assert_one_of_the_shapes(client.post(path, data, format="multipart", **token))
    assert everything() == before


@pytest.mark.parametrize("endpoint", FIELDS)
def test_bodies(visitor: Visitor, endpoint: str) -> None:
    before = everything()
    path = reverse(f"ai_kit_auth:{endpoint}")
    for name, body in BODIES.items():
        response = send(visitor, "POST", path, body, "application/json")
        assert response.status_code in statuses(endpoint), name
        assert_one_of_the_shapes(response)
        assert everything() == before, name


@pytest.mark.parametrize("endpoint", FIELDS)
def test_kinds_of_content(visitor: Visitor, endpoint: str) -> None:
    before = everything()
    path = reverse(f"ai_kit_auth:{endpoint}")
    for name, (content_type, body) in CONTENT.items():
        response = send(visitor, "POST", path, body, content_type)
        assert response.status_code in {200, 400, 415}, name
        assert_one_of_the_shapes(response)
        assert everything() == before, name


@pytest.mark.parametrize("endpoint", FIELDS)
def test_query_strings(visitor: Visitor, endpoint: str) -> None:
    before = everything()
    path = reverse(f"ai_kit_auth:{endpoint}")
    for query in QUERIES:
        response = send(visitor, "POST", f"{path}?{query}", b"{}", "application/json")
        assert response.status_code in statuses(endpoint), query
        assert_one_of_the_shapes(response)
        assert everything() == before, query


@pytest.mark.parametrize("endpoint", FIELDS)
def test_methods(visitor: Visitor, endpoint: str) -> None:
    before = everything()
    path = reverse(f"ai_kit_auth:{endpoint}")
    for method in METHODS:
        response = send(visitor, method, path, b"{}", "application/json")
        assert response.status_code == 405, method
        assert response.json() == {"error": "method_not_allowed"}
        assert "POST" in response["Allow"]
        assert everything() == before, method


@pytest.mark.parametrize("endpoint", FIELDS)
def test_head(visitor: Visitor, endpoint: str) -> None:
    path = reverse(f"ai_kit_auth:{endpoint}")
    response = send(visitor, "HEAD", path, b"", "")
    assert (response.status_code, response.content) == (405, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "OPTIONS", "X"])
def test_a_method_at_me(visitor: Visitor, method: str) -> None:
    path = reverse("ai_kit_auth:me")
    response = send(visitor, method, path, b"{}", "application/json")
    assert response.status_code == 405
    assert_one_of_the_shapes(response)
    assert "GET" in response["Allow"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_body_at_me_is_not_read(visitor: Visitor, method: str) -> None:
    before = everything()
    path = reverse("ai_kit_auth:me")
    for name, body in BODIES.items():
        response = send(visitor, method, path, body, "application/json")
        assert response.status_code == 200, name
        assert everything() == before, name


def test_nobody_logs_out_whatever_they_send(client: APIClient, db: None) -> None:
    path = reverse("ai_kit_auth:logout")
    token = csrf(client)
    for name, body in BODIES.items():
        response = send((client, token), "POST", path, body, "application/json")
        assert response.status_code == 403, name
        assert response.json() == {"error": "not_authenticated"}, name


@pytest.mark.parametrize("content", CONTENT.values(), ids=list(CONTENT))
def test_a_logout_in_whatever_content_is_as_it_is_told(
    client: APIClient, make_user: MakeUser, content: tuple[str, bytes]
) -> None:
    """A refused logout sends no signal, and the other way round."""
    make_user()
    log_in(client, "ada@example.com")
    token = csrf(client)
    path = reverse("ai_kit_auth:logout")
    response = send((client, token), "POST", path, content[1], content[0])
    left = client.get(reverse("ai_kit_auth:me")).json()["user"] is None
    assert (response.status_code, left) in {(200, True), (400, False), (415, False)}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("secure", [False, True])
def test_headers(client: APIClient, db: None, endpoint: str, secure: bool) -> None:
    path = reverse(f"ai_kit_auth:{endpoint}")
    allowed = {"me": 200, "logout": 403}.get(endpoint, 405)
    for headers in HEADERS:
        response = client.post(path, {}, format="json", headers=headers, secure=secure)
        assert response.status_code in {*statuses(endpoint), 403, 405}, headers
        assert_one_of_the_shapes(response)
        answer = client.get(path, headers=headers, secure=secure)
        assert answer.status_code == allowed, headers


@pytest.mark.parametrize(
    "ident", ["0", "-1", "007", "1e3", "4294967295", "4294967296", "9" * 1000, "\u0663"]
)
@pytest.mark.parametrize("endpoint", ["activate", "pw_reset"])
def test_an_ident_that_is_nobodys(
    client: APIClient,
    live: dict[str, dict[str, Any]],
    endpoint: str,
    ident: str,
) -> None:
    response = send_link(client, endpoint, {**live[endpoint], "ident": ident})
    code = {"activate": "activation_link_invalid"}.get(
        endpoint, "reset_password_link_invalid"
    )
    assert (response.status_code, response.json()) == (400, {"error": code})


@pytest.mark.parametrize(
    "token", ["-", "a-b", "zzzzzzzzzzzzzz-b", "1-" + "a" * 32, "\u0663-b", "--", "a b"]
)
@pytest.mark.parametrize("endpoint", ["activate", "pw_reset"])
def test_a_token_that_nobody_mailed(
    client: APIClient,
    live: dict[str, dict[str, Any]],
    endpoint: str,
    token: str,
) -> None:
    response = send_link(client, endpoint, {**live[endpoint], "token": token})
    assert response.status_code == 400
    assert list(response.json()) == ["error"]


def test_a_registration_that_names_columns_that_are_not_its_own(
    client: APIClient, db: None
) -> None:
    """A client cannot make itself a superuser or an active account."""
    extra = {
        "is_staff": True,
        "is_superuser": True,
        "is_active": True,
        "id": 7,
        "pk": 7,
        "last_login": "2020-01-01T00:00:00Z",
    }
    path = reverse("ai_kit_auth:register")
    body = json.dumps({**registration(), **extra}).encode()
    response = send((client, {}), "POST", path, body, "application/json")
    assert response.status_code == 201
    user = get_user_model()._default_manager.get()
    assert not getattr(user, "is_superuser", False)
    assert user.is_active is ("is_active" not in user_model.columns)
