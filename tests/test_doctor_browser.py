"""The doctor's browser keeps and sends cookies, and reads answers, as Chromium does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ai_kit_auth.checks.origins import knows_suffixes, parse_origin
from ai_kit_auth.doctor.browser import Blocked, Browser, CookieJar
from ai_kit_auth.doctor.servers import Answer

PAGE = "https://app.example.com"
URL = "https://api.example.com/api/v1/auth/me/"
PLAIN = "http://api.example.com/api/v1/auth/me/"
LOCAL = "http://localhost:8000/api/v1/auth/me/"
PAST = "Thu, 01 Jan 1970 00:00:00"


def jar_with(*lines: str, url: str = URL, same_site: bool = True) -> CookieJar:
    jar = CookieJar()
    for line in lines:
        answer = Answer(200, (("Set-Cookie", line),), b"")
        jar.store(answer, url, same_site=same_site)
    return jar


# Cookies


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("id=1", URL),
        ("id=1; Secure; HttpOnly; Path=/; SameSite=Strict", URL),
        ("id=1; Secure", LOCAL),
        ("id=1; SameSite=None; Secure", URL),
        ("id=1; Domain=example.com", URL),
        ("id=1; Domain=.Example.com", URL),
        ("id=1; Domain=", URL),
        ("id=1; Domain=other.example; Domain=", URL),
        ("id=1; Path=api", URL),
        ("id=1; Path=/api", URL),
        ("id=1; Max-Age=60", URL),
        ("id=1; Max-Age=soon", URL),
        (f"id=1; Max-Age=60; Expires={PAST} GMT", URL),
        ("id=1; Expires=never", URL),
        ("id=1; Expires=Thu, 01 Jan 2099 00:00:00 -0000", URL),
        ("__Host-id=1; Secure; Path=/", URL),
        ("__Secure-id=1; Secure; Domain=example.com", URL),
        ("id=1; SameSite=Nonsense", URL),
        ("1", URL),
    ],
)
def test_a_cookie_that_is_kept_goes_back(line: str, url: str) -> None:
    jar = jar_with(line, url=url)
    assert jar.header(url, same_site=True) in {
        "id=1",
        "__Host-id=1",
        "__Secure-id=1",
        "=1",
    }
    assert jar.refused == {}


@pytest.mark.parametrize(
    ("line", "url", "reason"),
    [
        ("id=1; Secure", PLAIN, "insecure"),
        ("id=1; SameSite=None", URL, "none_without_secure"),
        ("id=1; Domain=other.example", URL, "domain"),
        ("id=1; Domain=pi.example.com", URL, "domain"),
        ("id=1; Domain=com", URL, "domain"),
        ("__Host-id=1; Path=/", URL, "prefix"),
        ("__host-id=1; Secure; Path=/api", URL, "prefix"),
        ("__Host-id=1; Secure; Path=/; Domain=example.com", URL, "prefix"),
        ("__Secure-id=1", URL, "prefix"),
        (f"id={'x' * 4095}", URL, "too_big"),
        ("id=1; Max-Age=0", URL, "expired"),
        ("id=1; Max-Age=-1", URL, "expired"),
        (f"id=1; Expires={PAST} GMT", URL, "expired"),
        (f"id=1; Expires={PAST} -0000", URL, "expired"),
        (f"id=1; Max-Age=soon; Expires={PAST} GMT", URL, "expired"),
    ],
)
def test_a_cookie_that_browsers_refuse(line: str, url: str, reason: str) -> None:
    jar = jar_with(line, url=url)
    assert jar.header(url, same_site=True) == ""
    name = line.partition("=")[0]
    assert jar.refused == {name: reason}
    assert jar.missing(name, url, same_site=True) == reason


def test_a_cookie_of_the_most_bytes_is_kept() -> None:
    assert jar_with(f"id={'x' * 4094}").refused == {}


@pytest.mark.skipif(not knows_suffixes(), reason="needs django-ai-kit-auth[doctor]")
def test_no_tenant_sets_cookies_for_the_others() -> None:
    url = "https://api.tenant.co.uk/"
    assert jar_with("id=1; Domain=co.uk", url=url).refused == {"id": "domain"}
    assert jar_with("id=1; Domain=tenant.co.uk", url=url).refused == {}


@pytest.mark.parametrize("flags", ["", "; SameSite=Lax", "; SameSite=Strict"])
def test_a_page_of_another_site_gets_no_cookie_set(flags: str) -> None:
    jar = jar_with(f"id=1{flags}", same_site=False)
    assert jar.refused == {"id": "cross_site"}
    assert jar_with("id=1; SameSite=None; Secure", same_site=False).refused == {}


def test_a_cookie_goes_where_it_belongs() -> None:
    jar = jar_with("host=1; Path=/", "site=2; Path=/; Domain=example.com")
    www = "https://www.example.com/"
    assert jar.header(www, same_site=True) == "site=2"
    assert jar.missing("host", www, same_site=True) == "domain"
    assert jar.header("https://badexample.com/", same_site=True) == ""
    assert jar.missing("nobody", www, same_site=True) == "not_set"


def test_a_cookie_goes_below_its_path() -> None:
    jar = jar_with("id=1; Path=/api", "other=2; Path=/api/v1/")
    assert jar.header(URL, same_site=True) == "other=2; id=1"
    assert jar.header("https://api.example.com/api", same_site=True) == "id=1"
    assert jar.missing("id", "https://api.example.com/apis", same_site=True) == "path"
    # Without one it is the folder of the answer.
    jar = jar_with("id=1")
    assert jar.missing("id", "https://api.example.com/", same_site=True) == "path"
    top = jar_with("id=1", url="https://api.example.com")
    assert top.header(URL, same_site=True) == "id=1"


def test_a_secure_cookie_stays_off_http() -> None:
    jar = jar_with("id=1; Secure; Path=/")
    assert jar.missing("id", PLAIN, same_site=True) == "insecure"


def test_a_lax_cookie_stays_off_other_sites() -> None:
    jar = jar_with("id=1; Path=/")
    assert jar.missing("id", URL, same_site=False) == "cross_site"
    assert jar.missing("id", URL, same_site=True) is None


def test_a_cookie_is_replaced_and_ended() -> None:
    jar = jar_with("id=1; Path=/", "id=2; Path=/")
    assert jar.header(URL, same_site=True) == "id=2"
    jar = jar_with("id=1; Path=/", 'id=""; Path=/; Max-Age=0')
    assert jar.header(URL, same_site=True) == ""
    assert jar.missing("id", URL, same_site=True) == "ended"
    # What was never there is not missed.
    assert jar_with('id=""; Path=/; Max-Age=0').refused == {}
    jar = jar_with("id=1; SameSite=None", "id=1")
    assert jar.refused == {}


# CORS


class Fixed:
    """A server that always gives the same answer, and notes the requests."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Mapping[str, str], bytes]] = []

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        self.asked.append((method, headers, body))
        return self.answer


FINE = {
    "Access-Control-Allow-Origin": PAGE,
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Headers": "Content-Type, X-CSRFToken",
}


def browser_at(
    headers: Mapping[str, str] = FINE, status: int = 200, page: str = PAGE, **more: str
) -> tuple[Browser, Fixed]:
    fixed = Fixed(Answer(status, (*headers.items(), *more.items()), b"{}"))
    return Browser(parse_origin(page), fixed), fixed


def test_a_page_may_read_what_allows_its_origin_and_credentials() -> None:
    browser, server = browser_at()
    assert browser.fetch("POST", URL, {"a": 1}, csrf="token").data == {}
    [(asked, headers, _), (method, sent, body)] = server.asked
    assert (asked, method, body) == ("OPTIONS", "POST", b'{"a": 1}')
    assert headers["Access-Control-Request-Method"] == "POST"
    assert headers["Access-Control-Request-Headers"] == "content-type,x-csrftoken"
    assert "Cookie" not in headers
    assert sent["X-CSRFToken"] == "token"
    assert sent["Origin"] == PAGE


@pytest.mark.parametrize(
    ("headers", "kind", "console"),
    [
        ({}, "no_allow_origin", "No 'Access-Control-Allow-Origin' header is present"),
        ({**FINE, "Access-Control-Allow-Origin": "*"}, "wildcard", "wildcard '*'"),
        (
            {**FINE, "Access-Control-Allow-Origin": "https://www.example.com"},
            "other_origin",
            "has a value 'https://www.example.com' that is not equal",
        ),
        (
            {**FINE, "Access-Control-Allow-Origin": f"{PAGE}, {PAGE}"},
            "two_allow_origins",
            "contains multiple values",
        ),
        (
            {**FINE, "access-control-allow-origin": PAGE},
            "two_allow_origins",
            "contains multiple values",
        ),
        (
            {**FINE, "Access-Control-Allow-Credentials": "True"},
            "no_credentials",
            "is 'True' which must be 'true'",
        ),
        (
            {**FINE, "Access-Control-Allow-Headers": "content-type"},
            "header",
            "Request header field x-csrftoken is not allowed",
        ),
        (
            {**FINE, "Access-Control-Allow-Headers": "*"},
            "header",
            "Request header field content-type is not allowed",
        ),
    ],
)
def test_what_a_preflight_must_allow(
    headers: dict[str, str], kind: str, console: str
) -> None:
    browser, server = browser_at(headers)
    with pytest.raises(Blocked) as caught:
        browser.fetch("GET", URL)
    assert caught.value.kind == kind
    assert console in caught.value.console
    assert f"'{URL}' from origin '{PAGE}' has been blocked" in caught.value.console
    # The request itself is never sent.
    assert [method for method, *_ in server.asked] == ["OPTIONS"]


def test_a_preflight_wants_a_success() -> None:
    browser, _ = browser_at(status=405)
    with pytest.raises(Blocked) as caught:
        browser.fetch("GET", URL)
    assert caught.value.kind == "status"
    assert "It does not have HTTP ok status" in caught.value.console


def test_a_preflight_follows_no_redirect() -> None:
    browser, _ = browser_at(status=302, Location="/login/")
    with pytest.raises(Blocked) as caught:
        browser.fetch("GET", URL)
    assert caught.value.kind == "redirect"
    assert "Redirect is not allowed for a preflight" in caught.value.console


def test_a_page_of_the_same_origin_asks_nobody() -> None:
    browser, server = browser_at({}, page="https://api.example.com")
    browser.fetch("GET", URL)
    browser.fetch("POST", URL)
    [(_, get, _), (_, post, _)] = server.asked
    assert "Origin" not in get
    assert post["Origin"] == "https://api.example.com"


def test_an_answer_that_the_page_may_not_read_still_sets_its_cookies() -> None:
    cookie: Any = {"Set-Cookie": "id=1; Path=/"}
    browser, _ = browser_at({}, **cookie)
    browser.send("POST", URL)
    assert browser.jar.header(URL, same_site=True) == "id=1"


def test_a_page_over_https_asks_nobody_over_http() -> None:
    browser, server = browser_at()
    with pytest.raises(Blocked) as caught:
        browser.fetch("GET", PLAIN)
    assert caught.value.kind == "mixed_content"
    assert caught.value.console.startswith("Mixed Content: The page at")
    assert server.asked == []
    # But this machine counts as safe.
    assert browser.fetch("GET", LOCAL).is_success


@pytest.mark.parametrize(
    ("body", "data"), [(b'{"a": 1}', {"a": 1}), (b"[1]", {}), (b"<h1>", {}), (b"", {})]
)
def test_an_answer_that_is_no_object_has_no_data(
    body: bytes, data: dict[str, int]
) -> None:
    assert Answer(200, (), body).data == data
