"""The bodies that the endpoints accept, with any declared content type."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.http import QueryDict
from django.urls import reverse
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser as DRFMultiPartParser
from rest_framework.test import APIClient, APIRequestFactory

from ai_kit_auth import views
from ai_kit_auth.parsers import FormParser, JSONParser

from .accounts import csrf, registration, the_user

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

if TYPE_CHECKING:
    from pytest_django import Settings

FOREIGN_PASSWORD = "grüne Farne im Regen 雨"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
KINDS = [JSON, FORM, MULTIPART]


def send(
    client: APIClient,
    body: bytes,
    content_type: str,
    route: str = "validate_password",
    **extra: Any,
) -> tuple[int, Any]:
    post: Any = client.generic  # its stubs know text alone
    answer = post("POST", reverse(f"ai_kit_auth:{route}"), body, content_type, **extra)
    return answer.status_code, answer.json()


def encoded(data: dict[str, Any], content_type: str) -> bytes:
    """Return ``data`` as a body in UTF-8 of this kind, as browsers send it."""
    if content_type.startswith(JSON):
        return json.dumps(data, ensure_ascii=False).encode()
    if content_type.startswith(FORM):
        return "&".join(
            f"{name}={quote(str(value))}" for name, value in data.items()
        ).encode()
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in data.items()
    ]
    return "".join([*parts, "--x--\r\n"]).encode()


REFUSED = (400, {"error": "parse_error"})
BROKEN_FILE = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n--x--\r\n"
)
HARMLESS = {"email": "", "password": "tall ferns in the rain"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_body_is_understood(client: APIClient, kind: str) -> None:
    assert send(client, encoded(HARMLESS, kind), kind) == (200, {})
    weak = {**HARMLESS, "password": "8402957163"}
    assert send(client, encoded(weak, kind), kind) == (
        400,
        {"password": ["password_entirely_numeric"]},
    )


@pytest.mark.parametrize(
    "kind", ["Application/JSON", "application/json ; charset=utf-8", FORM.upper()]
)
def test_a_content_type_is_understood_in_any_case(client: APIClient, kind: str) -> None:
    assert send(client, encoded(HARMLESS, kind.lower()), kind) == (200, {})


@pytest.mark.django_db
@pytest.mark.parametrize(
    "charset", ["", "utf-8", "iso-8859-1", "utf-16", "utf-7", "no-such-charset", "'"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_password_is_utf8_whatever_charset_is_claimed(
    client: APIClient, kind: str, charset: str
) -> None:
    body = encoded(registration(password=FOREIGN_PASSWORD), kind)
    claimed = f"{kind}; charset={charset}"
    assert send(client, body, claimed, "register") == (201, {})
    assert the_user().check_password(FOREIGN_PASSWORD)


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "no-such-charset"])
@pytest.mark.parametrize("kind", KINDS)
def test_login_reads_the_same_body_though_csrf_is_checked_first(
    client: APIClient, make_user: Callable[..., Any], kind: str, charset: str
) -> None:
    """Django looks for the token among the fields of a form, too."""
    make_user("ada", FOREIGN_PASSWORD)
    body = encoded({"ident": "ada@example.com", "password": FOREIGN_PASSWORD}, kind)
    claimed = f"{kind}; charset={charset}"
    assert send(client, body, claimed, "login") == (403, {"error": "csrf_failed"})
    status, answer = send(client, body, claimed, "login", **csrf(client))
    assert status == 200
    assert answer["user"]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [FORM, MULTIPART])
def test_login_refuses_a_form_of_too_many_fields(
    client: APIClient, settings: Settings, kind: str
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 1
    token = csrf(client)
    assert send(client, encoded(HARMLESS, kind), kind, "login", **token) == REFUSED
    assert send(client, BROKEN_FILE, MULTIPART, "login", **token) == REFUSED


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(HARMLESS).encode("utf-16"),
        json.dumps(HARMLESS).encode("utf-8-sig"),
        '{"email": "", "password": "grün"}'.encode("iso-8859-1"),
        b'{"email": "", "password": "\xed\xa0\x80"}',
        b"\xff",
    ],
)
def test_json_in_another_encoding_is_refused(client: APIClient, body: bytes) -> None:
    assert send(client, body, JSON) == REFUSED


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_takes_for_a_number_is_refused(
    client: APIClient, value: str
) -> None:
    body = f'{{"email": {value}, "password": "x"}}'.encode()
    assert send(client, body, JSON) == REFUSED


@pytest.mark.parametrize(
    "body",
    [b"{", b"}", b"'", b'{"email": }', b'{"email": ""} {}', b"\0", b"{'a': 1}", b"nul"],
)
def test_what_is_no_json_is_refused(client: APIClient, body: bytes) -> None:
    assert send(client, body, JSON) == REFUSED


@pytest.mark.parametrize(("opening", "depth"), [(b"[", 200_000), (b'{"a":', 100_000)])
def test_a_deep_body_is_refused(client: APIClient, opening: bytes, depth: int) -> None:
    """Python's parser ends it in a RecursionError, which is a 500 by itself."""
    assert send(client, opening * depth, JSON) == REFUSED


@pytest.mark.parametrize("digits", [20, 5000])
def test_a_huge_number_is_no_500(client: APIClient, digits: int) -> None:
    """Python refuses to read integers of more than 4300 digits."""
    body = b'{"email": "", "password": ' + b"9" * digits + b"}"
    status, answer = send(client, body, JSON)
    assert status == 400
    assert answer in [{"password": ["invalid"]}, {"error": "parse_error"}]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"[]", "invalid"), (b'"text"', "invalid"), (b"7", "invalid"), (b"null", "null")],
)
@pytest.mark.parametrize("route", ["validate_password", "register", "activate"])
@pytest.mark.django_db
def test_json_that_is_no_object(
    client: APIClient, route: str, body: bytes, code: str
) -> None:
    assert send(client, body, JSON, route) == (400, {"non_field_errors": [code]})


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_body_lacks_its_fields(client: APIClient, kind: str) -> None:
    status, answer = send(client, b"", kind)
    assert status == 400
    assert answer["password"] == ["required"]


@pytest.mark.parametrize("kind", [JSON, FORM])
def test_a_body_of_just_the_hosts_limit_is_read(
    client: APIClient, settings: Settings, kind: str
) -> None:
    body = encoded(HARMLESS, kind)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(body)
    assert send(client, body, kind) == (200, {})
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(body) - 1
    assert send(client, body, kind) == REFUSED


@pytest.mark.parametrize("parser", [JSONParser(), FormParser()])
def test_a_stream_above_the_hosts_limit_is_refused(
    settings: Settings, parser: JSONParser | FormParser
) -> None:
    """Later DRF measures the body itself; 3.16 leaves that to the parser."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 4
    assert parser.parse(io.BytesIO(b"1234")) in (1234, QueryDict("1234"))
    with pytest.raises(ParseError):
        parser.parse(io.BytesIO(b"12345"))


def test_fields_of_an_upload_above_the_hosts_limit_are_refused(
    client: APIClient, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 20
    assert send(client, encoded(HARMLESS, MULTIPART), MULTIPART) == REFUSED


@pytest.mark.parametrize("kind", [JSON, FORM])
def test_a_host_may_have_no_limit(
    client: APIClient, settings: Settings, kind: str
) -> None:
    body = encoded({**HARMLESS, "padding": "a" * 3_000_000}, kind)
    assert send(client, body, kind) == REFUSED
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    assert send(client, body, kind) == (200, {})


@pytest.mark.parametrize("kind", [FORM, MULTIPART])
def test_a_form_of_too_many_fields_is_refused(
    client: APIClient, settings: Settings, kind: str
) -> None:
    body = encoded({**HARMLESS, "one": "1", "two": "2"}, kind)
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 4
    assert send(client, body, kind) == (200, {})
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3
    assert send(client, body, kind) == REFUSED


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (encoded(HARMLESS, MULTIPART), "multipart/form-data"),
        (encoded(HARMLESS, MULTIPART), "multipart/form-data; boundary="),
        (encoded(HARMLESS, MULTIPART), "multipart/form-data; boundary=\xff"),
        (BROKEN_FILE, MULTIPART),
    ],
)
def test_a_broken_upload_is_refused(client: APIClient, body: bytes, kind: str) -> None:
    assert send(client, body, kind) == REFUSED


@pytest.mark.parametrize(
    "body", [b"no parts", b"--x", b"--x\r\n\r\n\r\n--x--", b"--y\r\n"]
)
def test_an_upload_without_parts_lacks_its_fields(
    client: APIClient, body: bytes
) -> None:
    status, answer = send(client, body, MULTIPART)
    assert status == 400
    assert answer["password"] == ["required"]


def with_file(name: bytes, filename: bytes, content: bytes) -> bytes:
    """Return a harmless upload with a file in it."""
    part = b'--x\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n\r\n'
    return part % (name, filename) + content + b"\r\n" + encoded(HARMLESS, MULTIPART)


ROUTES = [
    "validate_password",
    "pw_reset",
    "register",
    "send_pw_reset_email",
    "activate",
]


@pytest.mark.django_db
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", [b"password", b"avatar"])
def test_no_file_is_taken(client: APIClient, route: str, name: bytes) -> None:
    body = with_file(name, b"p.txt", b"tall ferns in the rain")
    assert send(client, body, MULTIPART, route) == REFUSED


def test_no_file_is_stored(
    client: APIClient, settings: Settings, tmp_path: Path
) -> None:
    """Nor spooled to the disk while the rest arrives."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    body = with_file(b"avatar", b"p.txt", b"x" * 900_000)
    assert send(client, body, MULTIPART) == REFUSED
    assert list(tmp_path.iterdir()) == []


def test_a_forms_empty_field_for_a_file_is_no_file(client: APIClient) -> None:
    """As browsers send where none was chosen."""
    assert send(client, with_file(b"avatar", b"", b""), MULTIPART) == (200, {})


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({f"field{number}": "" for number in range(98)}, (200, {})),
        ({f"field{number}": "" for number in range(99)}, REFUSED),
        ({"padding": "x" * 1_000_000}, (200, {})),
        ({"padding": "x" * 1_100_000}, REFUSED),
    ],
    ids=["100 parts", "101 parts", "a million bytes", "more bytes"],
)
def test_an_upload_is_bounded_whatever_the_project_allows(
    client: APIClient,
    settings: Settings,
    extra: dict[str, str],
    expected: tuple[int, Any],
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = None
    assert (
        send(client, encoded({**HARMLESS, **extra}, MULTIPART), MULTIPART) == expected
    )


class TakesFiles(views.ValidatePassword):
    """A project's view, whose serializer takes a file."""

    parser_classes = [DRFMultiPartParser]


def test_a_projects_view_may_take_files() -> None:
    body = with_file(b"avatar", b"p.txt", b"x" * 2_000_000)
    request = APIRequestFactory().generic("POST", "/", body, MULTIPART)  # type: ignore[arg-type]  # its stubs know text alone
    assert TakesFiles.as_view()(request).status_code == 200


@pytest.mark.django_db
def test_the_signs_of_a_form_are_taken_as_browsers_write_them(
    client: APIClient,
) -> None:
    password = "a+b c&d=e%20 f"
    body = encoded(registration(password=password), FORM).replace(b"%20c", b"+c")
    assert send(client, body, FORM, "register") == (201, {})
    assert the_user().check_password(password)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [FORM, MULTIPART])
def test_a_form_that_names_a_field_twice_is_read_as_django_does(
    client: APIClient, kind: str
) -> None:
    first = encoded({"password": "8402957163"}, kind).removesuffix(b"--x--\r\n")
    second = encoded(HARMLESS, kind)
    glue = b"&" if kind == FORM else b""
    assert send(client, first + glue + second, kind) == (200, {})
