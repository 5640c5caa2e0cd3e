"""Origins and sites as browsers see them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import override_settings

from ai_kit_auth.checks.origins import (
    Origin,
    _suffixes,
    frontend_origins,
    is_local,
    is_public_suffix,
    is_trusted,
    knows_suffixes,
    named_hosts,
    origin_of,
    parse_origin,
    site_of,
)

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

APP = "https://app.example.com"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        (APP, "https://app.example.com"),
        (f"{APP}/", "https://app.example.com"),
        (f"{APP}:443/a/b?c#d", "https://app.example.com"),
        (f"{APP}?a", "https://app.example.com"),
        ("https://app.example.com:80", "https://app.example.com:80"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("HTTPS://App.Example.COM", "https://app.example.com"),
        ("https://my_app.example.com", "https://my_app.example.com"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
        ("http://[2001:DB8::7]", "http://[2001:db8::7]"),
        ("http://10.0.0.7", "http://10.0.0.7"),
        ("https://bücher.example/über", "https://xn--bcher-kva.example"),
        (f"{APP}/über", "https://app.example.com"),
        ("https://app.example.com:", "https://app.example.com"),
        (f"{APP}:0", "https://app.example.com:0"),
    ],
)
def test_a_url_has_the_origin_that_browsers_send(url: str, origin: str) -> None:
    assert str(origin_of(url)) == origin


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("", "has no scheme"),
        ("app.example.com", "has no scheme"),
        ("//app.example.com", "has no scheme"),
        ("localhost:3000", "has no scheme"),
        ("null", "has no scheme"),
        ("*", "has no scheme"),
        ("ftp://app.example.com", "has the scheme 'ftp', not http or https"),
        ("://app.example.com", "has the scheme '', not http or https"),
        (" https://app.example.com", "has the scheme ' https', not http or https"),
        ("https://", "has no host"),
        ("https:///a", "has no host"),
        ("https://:8000", "has no host"),
        ("https://ada@app.example.com", "has a user name"),
        ("https://ada:secret@app.example.com", "has a user name"),
        ("https://:@app.example.com", "has a user name"),
        ("https://app.example.com ", "has white space or a control character"),
        ("https://app. example.com", "has white space or a control character"),
        ("https://app.example.com\n", "has white space or a control character"),
        ("https://app.exa\tmple.com", "has white space or a control character"),
        ("https://app.example.com\x00", "has white space or a control character"),
        ("https://*.example.com", "has characters that no host name has"),
        ("https://app.example.com|", "has characters that no host name has"),
        ("https://app%2Eexample.com", "has characters that no host name has"),
        (f"https://{'ü' * 64}.example", "has characters that no host name has"),
        ("https://ü..example", "has characters that no host name has"),
    ],
)
def test_what_is_wrong_with_a_url(url: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        origin_of(url)
    assert str(raised.value) == wrong


@pytest.mark.parametrize(
    "url", ["https://[::1", "https://[x]", f"{APP}:70000", f"{APP}:https", f"{APP}:-1"]
)
def test_what_python_finds_wrong_with_a_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        origin_of(url)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (f"{APP}/", "ends in a slash"),
        (f"{APP}//", "ends in a slash"),
        (f"{APP}/a", "has a path"),
        (f"{APP}/a/", "has a path"),
        (f"{APP}?a", "has a path"),
        (f"{APP}#a", "has a path"),
        (f"{APP}?/", "has a path"),
        ("app.example.com/", "has no scheme"),
    ],
)
def test_an_origin_is_no_more_than_scheme_host_and_port(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_origin(text)
    assert str(raised.value) == wrong


@pytest.mark.parametrize("text", [APP, "http://localhost:3000", "http://[::1]:8000"])
def test_an_origin_written_as_browsers_do_comes_back(text: str) -> None:
    assert str(parse_origin(text)) == text


@pytest.mark.parametrize(
    ("text", "netloc", "usual", "local", "secure"),
    [
        (APP, "app.example.com", True, False, True),
        (f"{APP}:8443", "app.example.com:8443", False, False, True),
        ("http://app.example.com", "app.example.com", True, False, False),
        ("http://localhost:3000", "localhost:3000", False, True, True),
        ("http://app.localhost", "app.localhost", True, True, True),
        ("http://127.8.0.1", "127.8.0.1", True, True, True),
        ("http://[::1]", "[::1]", True, True, True),
    ],
)
def test_an_origin_knows_how_browsers_treat_it(
    text: str, netloc: str, usual: bool, local: bool, secure: bool
) -> None:
    origin = parse_origin(text)
    assert origin.netloc == netloc
    assert origin.has_usual_port is usual
    assert origin.is_local is local
    assert origin.is_secure is secure


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("mylocalhost", False),
        ("localhost.example.com", False),
        ("10.0.0.7", False),
        ("", False),
    ],
)
def test_what_is_this_machine(host: str, local: bool) -> None:
    assert is_local(host) is local


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (APP, "https://api.example.com", True),
        (APP, "https://api.example.com:8443", True),
        (APP, "https://example.com", True),
        (APP, "http://api.example.com", False),
        (APP, "https://app.example.org", False),
        ("http://localhost:3000", "http://localhost:8000", True),
        ("http://localhost:3000", "http://127.0.0.1:8000", False),
        ("http://10.0.0.7", "http://10.0.0.7:3000", True),
        ("http://10.0.0.7", "http://11.0.0.7", False),
        ("http://[2001:db8::7]", "http://[2001:db8::7]:3000", True),
        ("http://[2001:db8::7]", "http://[2001:db8::8]", False),
    ],
)
def test_which_cookies_go_along(one: str, other: str, same: bool) -> None:
    assert parse_origin(one).is_same_site(parse_origin(other)) is same
    assert parse_origin(other).is_same_site(parse_origin(one)) is same


def test_the_public_suffix_list_knows_strangers_below_one_name() -> None:
    assert knows_suffixes()
    assert site_of("a.b.example.co.uk") == "example.co.uk"
    assert site_of("ada.vercel.app") == "ada.vercel.app"
    # A suffix belongs to no site: it stands for itself.
    assert site_of("co.uk") == "co.uk"
    assert is_public_suffix("co.uk")
    assert is_public_suffix("vercel.app")
    assert not is_public_suffix("example.co.uk")


@pytest.fixture
def without_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where the extra is not installed."""
    monkeypatch.setitem(sys.modules, "publicsuffixlist", None)
    _suffixes.cache_clear()
    yield
    _suffixes.cache_clear()


@pytest.mark.usefixtures("without_list")
def test_without_the_list_the_last_two_labels_count() -> None:
    assert not knows_suffixes()
    assert site_of("app.example.com") == site_of("api.example.com") == "example.com"
    assert site_of("localhost") == "localhost"
    # No false alarm: what it cannot tell apart it takes for one.
    assert site_of("a.example.co.uk") == site_of("b.other.co.uk") == "co.uk"
    assert is_public_suffix("com")
    assert not is_public_suffix("localhost")
    assert not is_public_suffix("co.uk")


@pytest.mark.parametrize(
    ("host", "suffix"),
    [("com", True), ("example.com", False), ("localhost", False), ("10.0.0.7", False)],
)
def test_below_which_names_strangers_register(host: str, suffix: bool) -> None:
    assert is_public_suffix(host) is suffix


@pytest.mark.parametrize(
    ("trusted", "trusts"),
    [
        ([APP], True),
        (["https://*.example.com"], True),
        (["https://*.example.com/"], True),
        (["https://*.com"], True),
        (["http://*.example.com"], False),
        (["https://*.app.example.com"], True),
        (["https://*.other.example.com"], False),
        ([f"{APP}/"], False),
        (["app.example.com"], False),
        (["*"], False),
        (["https://*"], False),
        ([], False),
        (None, False),
        (APP, False),
        ([None, 7, APP], True),
    ],
)
def test_whom_django_trusts(trusted: Any, trusts: bool) -> None:
    assert is_trusted(parse_origin(APP), trusted) is trusts


@pytest.mark.parametrize(
    "trusted", [APP, "https://*.example.com", "https://*.app.example.com", f"{APP}/"]
)
@pytest.mark.parametrize("origin", [APP, "https://example.com", f"{APP}:8443"])
def test_django_agrees_about_whom_it_trusts(rf: Any, trusted: str, origin: str) -> None:
    headers = {"origin": origin, "host": "api.example.net"}
    with override_settings(CSRF_TRUSTED_ORIGINS=[trusted], ALLOWED_HOSTS=["*"]):
        django: Any = CsrfViewMiddleware(lambda request: HttpResponse())
        verified = django._origin_verified(rf.post("/", headers=headers))
        assert is_trusted(parse_origin(origin), [trusted]) is verified


@pytest.mark.parametrize(
    ("allowed", "named"),
    [
        (
            ["api.example.com", "API.Example.org"],
            ["api.example.com", "api.example.org"],
        ),
        (["*", ".example.com", ""], []),
        (["[::1]", "10.0.0.7"], ["::1", "10.0.0.7"]),
        # What was meant by what no Host header equals.
        (["https://a.example.com:8443/x", "::1"], ["a.example.com", "::1"]),
        (["http://[::1]:8000", "*.example.com", "a[b", "a b", "://"], ["::1"]),
        (("api.example.com",), ["api.example.com"]),
        (None, []),
        ("api.example.com", []),
        ([None, 7, b"x", []], []),
    ],
)
def test_the_names_by_which_a_host_goes(allowed: Any, named: list[str]) -> None:
    with override_settings(ALLOWED_HOSTS=allowed):
        assert named_hosts() == named


def origins(url: str) -> list[str]:
    return [str(origin) for origin in frontend_origins(url)]


@pytest.mark.parametrize(
    ("allowed", "found"),
    [
        ([APP], [APP]),
        (["https://b.example.com", f"{APP}:443"], [APP, "https://b.example.com"]),
        ((f"{APP}/a", "b.example.com", "null"), [APP]),
        (None, [APP]),
        ("https://b.example.com", [APP]),
        ([None, 7], [APP]),
    ],
)
def test_frontends_are_those_that_the_settings_name(
    allowed: Any, found: list[str]
) -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=allowed):
        assert origins(f"{APP}/shop/") == found


def test_a_host_without_a_frontend_of_its_own_may_allow_others() -> None:
    with override_settings(CORS_ALLOWED_ORIGINS=["https://b.example.com"]):
        assert origins("") == ["https://b.example.com"]


def test_two_ways_to_write_it_are_one_origin() -> None:
    assert {origin_of(APP), origin_of(f"{APP}:443/a")} == {
        Origin("https", "app.example.com", 443)
    }
