"""Generated requests: no 5xx, codes only, and links that parse back."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote_from_bytes, urlencode, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.db import transaction
from django.test import override_settings
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.account.services import get_email_change_url

from ..account.test_hostile import FIELDS as PAGE_FIELDS
from ..accounts import csrf, log_in, post, registration
from ..conftest import OTHER_PASSWORD, PASSWORD
from ..test_hostile import CODE, ENDPOINTS, FIELDS, strings_in
from ..urlconfs.account import ALL_ON
from .hosts import no_throttles

Say = Callable[[str], None]

pytestmark = [pytest.mark.django_db, pytest.mark.user_model("auth_user")]

# In full, the six kinds of request below make more than 50 000.
EXAMPLES = {"full": 1060, "quick": 60}
ALL = os.environ.get("AI_KIT_AUTH_REQUIRE_ALL") == "1"
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "full" if ALL else "quick")
# The account page shares its parsers, fields and answers with them.
PAGE_EXAMPLES = {"full": 40, "quick": 30}

# The gate's run always is the same; a developer's quick one finds something new.
generously = settings(
    max_examples=EXAMPLES[PROFILE],
    derandomize=PROFILE == "full",
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# What people and programs send, and what breaks programs.

EVERY_FIELD = {**FIELDS, **PAGE_FIELDS, "login": [*FIELDS["login"], "remember"]}
FIELD_NAMES = sorted({name for names in EVERY_FIELD.values() for name in names})
half_characters = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=2)
labels = st.text(min_size=1, max_size=12)
addresses = st.one_of(
    st.emails(),
    st.builds("{}@{}.{}".format, st.just("ada"), labels, labels),
    st.builds("{}@{}".format, labels, st.sampled_from(["example.com", "[::1]", "x"])),
)
texts = st.one_of(
    st.text(max_size=40),
    addresses,
    half_characters,
    st.integers(-1, 2**33).map(str),
    st.sampled_from(["ada", "ada@example.com", "eve@example.com", PASSWORD, "", " "]),
    st.builds(lambda text, times: text * times, st.text(max_size=4), st.just(2000)),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(texts, parts, max_size=3)
    ),
    max_leaves=4,
)
content_types = st.one_of(
    st.sampled_from(
        [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=b",
            "application/json; charset=utf-16",
            "text/plain",
            "",
        ]
    ),
    st.text(st.characters(max_codepoint=255), max_size=40),
)
latin = st.text(st.characters(max_codepoint=255), max_size=60)


@dataclass(frozen=True)
class Sent:
    """One request, but for the endpoint."""

    body: bytes = b"{}"
    content_type: str = "application/json"
    method: str = "POST"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(value: Any) -> Sent:
    return Sent(json.dumps(value).encode())


def as_form(pairs: list[tuple[str, str]]) -> Sent:
    body = urlencode(pairs, errors="surrogatepass").encode()
    return Sent(body, "application/x-www-form-urlencoded")


def as_bytes_form(pairs: list[tuple[str, bytes]]) -> Sent:
    body = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs)
    return Sent(body.encode(), "application/x-www-form-urlencoded")


def as_multipart(parts: list[tuple[str, bytes, bytes]]) -> Sent:
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % (name.encode(), extra, value)
        for name, extra, value in parts
    )
    return Sent(body + b"--b--\r\n", "multipart/form-data; boundary=b")


names = st.sampled_from(FIELD_NAMES)
fields = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELD_NAMES, texts | values))
forms = st.one_of(
    st.lists(st.tuples(names, texts), max_size=6).map(as_form),
    st.lists(st.tuples(names, st.binary(max_size=40)), max_size=6).map(as_bytes_form),
    st.lists(
        st.tuples(
            names,
            st.sampled_from(
                [
                    b"",
                    b'; filename="f"',
                    b"\r\nContent-Type: text/plain; charset=x",
                    b"\r\nContent-Transfer-Encoding: base64",
                ]
            ),
            st.binary(max_size=40),
        ),
        max_size=6,
    ).map(as_multipart),
)
headers = st.dictionaries(
    st.sampled_from(
        [
            "Accept",
            "Accept-Language",
            "Authorization",
            "Content-Length",
            "Cookie",
            "Origin",
            "Referer",
            "X-CSRFToken",
            "X-Forwarded-For",
            "X-HTTP-Method-Override",
            "X-Requested-With",
        ]
    ),
    st.one_of(latin, st.integers().map(str), st.sampled_from(["null", "http://["])),
    max_size=4,
).filter(lambda given: given.get("Content-Length", "0").isascii())


def promises_more(sent: Sent) -> bool:
    """Tell whether a server would wait for the rest, where Django's client raises."""
    length = sent.headers.get("Content-Length", "0")
    return length.isdecimal() and int(length) > len(sent.body)


around = st.builds(
    Sent,
    body=fields.map(lambda value: json.dumps(value).encode()),
    method=st.sampled_from(["POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "X"]),
    query=latin,
    headers=headers,
).filter(lambda sent: not promises_more(sent))


@pytest.fixture
def right() -> dict[str, Any]:
    """Make ada and return all that a right request to any endpoint takes."""
    user = get_user_model()._default_manager.create_user(
        "ada", "ada@example.com", PASSWORD
    )
    query = urlsplit(services.get_password_reset_url(user)).query
    return {**registration("new"), **dict(parse_qsl(query))}


class Sender:
    """
    Sends a request to every endpoint, and checks the answer.

    Visitor 0 is an anonymous user, the next one is eve. On the account page the last
    one is eve in a re-authenticated session, which needs no password. There ``POST
    me/`` is ``PATCH``.
    """

    def __init__(self, endpoints: Sequence[str], *, page: bool = False) -> None:
        self.eve = get_user_model()._default_manager.create_user(
            "eve", "eve@example.com", PASSWORD
        )
        self._client = APIClient(enforce_csrf_checks=True)
        self._visitors: list[tuple[SimpleCookie, dict[str, str]]] = []
        for ident in (None, "eve", "eve")[: 3 if page else 2]:
            if ident is not None:
                log_in(self._client, ident)
            token = csrf(self._client)
            if len(self._visitors) == 2:
                proof = post(
                    self._client, "confirm_password", {"password": PASSWORD}, **token
                )
                assert proof.status_code == 200
            self._visitors.append((self._client.cookies, token["headers"]))
            self._client.cookies = SimpleCookie()
        patched = {"me"} if page else set()
        self._targets = [
            (reverse(f"ai_kit_auth:{name}"), name in patched) for name in endpoints
        ]
        self.visitors = st.integers(0, len(self._visitors) - 1)
        self.statuses: Counter[int] = Counter()

    def send(self, sent: Sent, visitor: int) -> None:
        cookies, token = self._visitors[visitor]
        for path, patched in self._targets:
            method = "PATCH" if patched and sent.method == "POST" else sent.method
            self._client.cookies = SimpleCookie(cookies.output(header="", sep=";"))
            # For each endpoint anew: some end the session, or the account.
            with nothing_stays():
                # It raises what the endpoint does not catch.
                answer = self._client.generic(
                    method,
                    f"{path}?{sent.query}" if sent.query else path,
                    sent.body,  # type: ignore[arg-type]  # bytes are fine
                    content_type=sent.content_type,
                    headers={**token, **sent.headers},
                )
            self.statuses[answer.status_code] += 1
            self._judge(sent.method, answer)

    def _judge(self, method: str, answer: Any) -> None:
        assert answer.status_code < 500
        if answer.status_code < 300 or method == "HEAD":
            return
        assert answer["Content-Type"] == "application/json"
        body = answer.json()
        assert isinstance(body, dict)
        assert body
        assert all(CODE.fullmatch(text) for text in strings_in(body)), body


@contextmanager
def nothing_stays() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    mail.outbox.clear()
    cache.clear()


KINDS: dict[str, st.SearchStrategy[Sent]] = {
    "fields": fields.map(as_json),
    "JSON": values.map(as_json),
    "bytes": st.builds(Sent, st.binary(max_size=200), content_types),
    "forms": forms,
    "headers": around,
}


@pytest.fixture
def sender() -> Iterator[Sender]:
    with override_settings(
        AI_KIT_AUTH={
            "FRONTEND": {"URL": "https://app.example.com"},
            "THROTTLE_RATES": no_throttles(),
        }
    ):
        yield Sender(ENDPOINTS)


@pytest.fixture
def page() -> Iterator[Sender]:
    """Give a sender to the account page."""
    with override_settings(
        ROOT_URLCONF="tests.urlconfs.account",
        AI_KIT_AUTH={
            "FRONTEND": {"URL": "https://app.example.com"},
            "THROTTLE_RATES": no_throttles(),
            "ENABLE_ENDPOINTS": ALL_ON,
        },
    ):
        yield Sender(tuple(PAGE_FIELDS), page=True)


def report(sender: Sender, say: Say, expected: int) -> None:
    statuses = dict(sorted(sender.statuses.items()))
    say(f"{sender.statuses.total()} requests; {statuses}")
    assert sender.statuses.total() >= expected


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_sent(sender: Sender, kind: str, say: Say) -> None:
    @generously
    @given(sent=KINDS[kind], visitor=sender.visitors)
    def run(sent: Sent, visitor: int) -> None:
        sender.send(sent, visitor)

    run()
    report(sender, say, EXAMPLES[PROFILE] * len(ENDPOINTS))


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_sent_to_the_account_page(
    page: Sender, kind: str, say: Say
) -> None:
    @settings(generously, max_examples=PAGE_EXAMPLES[PROFILE])
    @given(sent=KINDS[kind], visitor=page.visitors)
    def run(sent: Sent, visitor: int) -> None:
        page.send(sent, visitor)

    run()
    report(page, say, PAGE_EXAMPLES[PROFILE] * len(PAGE_FIELDS))


def test_requests_that_are_right_but_for_a_field_or_two(
    right: dict[str, Any], sender: Sender, say: Say
) -> None:
    """They come deepest: some make an account, some use a link."""

    @generously
    @given(body=nearly(right), visitor=sender.visitors)
    def run(body: dict[str, Any], visitor: int) -> None:
        sender.send(as_json(body), visitor)

    run()
    report(sender, say, EXAMPLES[PROFILE] * len(ENDPOINTS))
    assert {200, 201, 400} <= sender.statuses.keys()


def test_what_is_nearly_right_on_the_account_page(page: Sender, say: Say) -> None:
    """Some change the account, some end it."""
    new = "new@example.com"
    query = urlsplit(get_email_change_url(page.eve, new)).query
    right = {
        "username": "new",
        "email": new,
        "password": PASSWORD,
        "new_password": OTHER_PASSWORD,
        **dict(parse_qsl(query)),
    }

    @settings(generously, max_examples=PAGE_EXAMPLES[PROFILE])
    @given(body=nearly(right), visitor=page.visitors)
    def run(body: dict[str, Any], visitor: int) -> None:
        page.send(as_json(body), visitor)

    run()
    report(page, say, PAGE_EXAMPLES[PROFILE] * len(PAGE_FIELDS))
    assert {200, 400, 403} <= page.statuses.keys()


def nearly(right: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return bodies in which a field or two are not as in ``right``."""
    wrong = st.dictionaries(names, values | texts, max_size=2)
    # With a right token or ident, cut and spliced.
    spliced = st.builds(
        lambda name, at, text: {name: right[name][:at] + text + right[name][at:]},
        st.sampled_from(["ident", "token", "email", "username"]),
        st.integers(0, 40),
        st.text(max_size=2),
    )
    return (wrong | spliced).map(lambda changes: {**right, **changes})


@generously
@given(pk=st.integers(0, 2**32 - 1))
def test_scrambling_an_id_twice_gives_it_back(pk: int) -> None:
    scrambled = services.scramble_id(pk)
    assert 0 <= scrambled < 2**32
    assert services.scramble_id(scrambled) == pk
    assert services.scramble_id(str(pk)) == scrambled


@generously
@given(pk=st.one_of(st.text(), st.uuids(), st.none(), st.booleans(), st.floats()))
def test_what_is_no_number_is_not_scrambled(pk: Any) -> None:
    scrambled = services.scramble_id(pk)
    if isinstance(scrambled, int) and isinstance(pk, str):
        assert str(services.scramble_id(scrambled)) == pk
    else:
        assert scrambled is pk


@generously
@given(query=st.dictionaries(st.text(min_size=1).filter(str.isidentifier), st.text()))
def test_a_url_gives_back_its_query(query: dict[str, str]) -> None:
    url = services.make_url("https://app.example.com/", "/route/", **query)
    location, _, found = url.partition("?")
    assert location == "https://app.example.com/route"
    pairs = parse_qs(found, keep_blank_values=True, strict_parsing=bool(query))
    assert pairs == {name: [value] for name, value in query.items()}


def test_a_link_comes_back_to_its_account(sender: Sender, say: Say) -> None:
    @settings(generously, max_examples=EXAMPLES[PROFILE] // 4)
    @given(
        pk=st.integers(3, 2**63 - 1),
        username=st.text(
            st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
            min_size=1,
            max_size=150,
        ),
    )
    def run(pk: int, username: str) -> None:
        with nothing_stays():
            user = get_user_model()(
                pk=pk, username=username, email="new@example.com", is_active=False
            )
            user.set_password(PASSWORD)
            user.save()
            use(services.get_activation_url(user), "activate")
            user.refresh_from_db()
            assert user.is_active
            use(services.get_password_reset_url(user), "pw_reset")
            user.refresh_from_db()
            assert user.check_password(OTHER_PASSWORD)

    def use(url: str, endpoint: str) -> None:
        """The link works once."""
        link = dict(parse_qsl(urlsplit(url).query))
        path = reverse(f"ai_kit_auth:{endpoint}")
        for status in (200, 400):
            answer = APIClient().post(
                path, {**link, "password": OTHER_PASSWORD}, format="json"
            )
            sender.statuses[answer.status_code] += 1
            assert answer.status_code == status

    run()
    say(f"{sender.statuses.total()} requests; {dict(sender.statuses)}")
    assert sender.statuses[200] == sender.statuses[400] > 0
