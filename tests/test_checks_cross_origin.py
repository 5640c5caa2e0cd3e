"""``manage.py check`` on CORS, CSRF and cookies."""

from __future__ import annotations

import re
from typing import Any

import pytest
from corsheaders.middleware import CorsMiddleware
from corsheaders.signals import check_request_enabled
from django.conf import settings
from django.core.checks import ERROR
from django.middleware.common import CommonMiddleware
from django.test import override_settings
from django.utils.translation import gettext_lazy
from rest_framework.test import APIClient

from .test_checks import CORS, findings, ids, middleware

APP = "https://app.example.com"
NOTHING: dict[str, Any] = {
    "CORS_ALLOWED_ORIGINS": [],
    "CORS_ALLOW_CREDENTIALS": False,
    "CSRF_TRUSTED_ORIGINS": [],
    "INSTALLED_APPS": [a for a in settings.INSTALLED_APPS if a != "corsheaders"],
    "MIDDLEWARE": [path for path in settings.MIDDLEWARE if path != CORS],
}
ALL = ["W006", "W007", "W009", "W010", "W011"]
COMMON = "django.middleware.common.CommonMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"


def at(url: str) -> dict[str, Any]:
    return {"AI_KIT_AUTH": {**settings.AI_KIT_AUTH, "FRONTEND": {"URL": url}}}


def allowed(url: str) -> dict[str, Any]:
    """Return the settings of a frontend at ``url`` that CORS and CSRF know."""
    return {**at(url), "CORS_ALLOWED_ORIGINS": [url], "CSRF_TRUSTED_ORIGINS": [url]}


# The frontend's origin


@pytest.mark.parametrize(
    ("url", "hosts", "debug"),
    [
        (APP, ["app.example.com"], False),
        (f"{APP}/shop/", ["api.example.com", "App.Example.com"], False),
        ("http://app.example.com:80", ["app.example.com"], False),
        ("http://[::1]", ["[::1]"], False),
        # runserver's.
        ("http://localhost:8000", [], True),
        ("http://127.0.0.1:8000", ["127.0.0.1"], False),
    ],
)
def test_a_frontend_on_the_hosts_own_origin_needs_no_cors(
    url: str, hosts: list[str], debug: bool
) -> None:
    overlay = {**NOTHING, **at(url), "ALLOWED_HOSTS": hosts, "DEBUG": debug}
    assert ids(**overlay) == []


@pytest.mark.parametrize(
    ("url", "hosts", "debug"),
    [
        (APP, ["api.example.com"], False),
        (APP, [".example.com"], False),
        (APP, ["*"], False),
        (f"{APP}:8443", ["app.example.com"], False),
        ("http://localhost:3000", ["localhost"], True),
        ("http://localhost:8000", ["app.localhost"], True),
        ("http://app.example.com:8000", [], True),
    ],
)
def test_a_frontend_elsewhere_is_told_all_that_it_needs(
    url: str, hosts: list[str], debug: bool
) -> None:
    overlay = {**NOTHING, **at(url), "ALLOWED_HOSTS": hosts, "DEBUG": debug}
    found = [number for number in ids(**overlay) if number != "W013"]
    assert found == ALL


@pytest.mark.parametrize("number", ["W006", "W007"])
def test_a_host_that_is_its_own_frontend_is_told_how_to_say_so(number: str) -> None:
    found = {str(p.id)[-4:]: p for p in findings(**NOTHING)}
    assert f"If {APP} is the API's own origin, put its name into ALLOWED_HOSTS" in str(
        found[number].hint
    )


@pytest.mark.parametrize(
    ("hosts", "found"),
    [
        (["app.example.com", "api.example.com"], ["W011"]),
        (["app.example.com", "backend.example.com"], ["W011"]),
        (["app.example.com"], []),
        (["app.example.com", "localhost"], []),
        # CORS lets it in by name: it is no origin of this project's.
        (["app.example.com", "www.example.com"], ["W011"]),
    ],
)
def test_a_frontend_whose_name_is_among_the_hosts_may_live_elsewhere(
    hosts: list[str], found: list[str]
) -> None:
    assert ids(ALLOWED_HOSTS=hosts, CSRF_TRUSTED_ORIGINS=[]) == found


# Apps and middleware


def test_w006_the_app_may_be_named_by_its_configuration() -> None:
    apps = [a for a in settings.INSTALLED_APPS if a != "corsheaders"]
    apps.append("corsheaders.apps.CorsHeadersAppConfig")
    assert ids(INSTALLED_APPS=apps) == []


class OwnCors(CorsMiddleware):
    pass


class OwnCommon(CommonMiddleware):
    pass


@pytest.mark.parametrize(
    "first",
    [
        (SECURITY, CORS),
        ("whitenoise.middleware.WhiteNoiseMiddleware", CORS),
        ("django.middleware.cache.UpdateCacheMiddleware", CORS),
        ("django.middleware.gzip.GZipMiddleware", CORS),
    ],
)
def test_w008_what_answers_nothing_of_the_api_may_stand_above(
    first: tuple[str, ...],
) -> None:
    assert ids(**middleware(*first)) == []


def test_w007_a_subclass_is_as_good() -> None:
    assert ids(**middleware(f"{__name__}.OwnCors", without=(CORS,))) == []


@pytest.mark.parametrize(
    "above",
    [
        f"{__name__}.OwnCommon",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.cache.CacheMiddleware",
        "django.middleware.cache.FetchFromCacheMiddleware",
    ],
)
def test_w008_what_answers_by_itself_stands_below(above: str) -> None:
    [problem] = findings(**middleware(above, CORS))
    assert problem.id == "ai_kit_auth.W008"
    assert f"below {above}: " in problem.msg
    assert f"above {above}" in str(problem.hint)


# Origins


@pytest.mark.parametrize(
    "allowing",
    [
        {"CORS_ALLOWED_ORIGINS": (APP,)},
        {"CORS_ORIGIN_WHITELIST": [APP]},
        {"CORS_ALLOW_ALL_ORIGINS": True},
        {"CORS_ORIGIN_ALLOW_ALL": True},
        {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.example\.com$"]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": (re.compile(r"https://app\."),)},
    ],
)
def test_w010_there_are_more_ways_to_allow_an_origin(allowing: dict[str, Any]) -> None:
    with override_settings():
        # The old name counts where there is no new one.
        del settings.CORS_ALLOWED_ORIGINS
        old = "CORS_ORIGIN_" in next(iter(allowing))
        assert ids(**allowing) == (["W036"] if old else [])


@pytest.mark.parametrize(
    "allowing",
    [
        {"CORS_ALLOWED_ORIGIN_REGEXES": ["^https://api\\."]},
        {"CORS_ALLOWED_ORIGIN_REGEXES": ["("]},
        {"CORS_ALLOWED_ORIGINS": ["http://app.example.com"]},
        {"CORS_ALLOWED_ORIGINS": [f"{APP}:8443"]},
        {"CORS_ALLOWED_ORIGINS": []},
    ],
)
def test_w010_what_does_not_allow_it(allowing: dict[str, Any]) -> None:
    assert ids(**{"CORS_ALLOWED_ORIGINS": [], **allowing}) == ["W010"]


def test_w010_a_receiver_may_allow_what_the_settings_do_not() -> None:
    def allow(sender: object, request: object, **kwargs: Any) -> None: ...

    check_request_enabled.connect(allow)
    try:
        assert ids(CORS_ALLOWED_ORIGINS=[], CORS_URLS_REGEX="^/other/") == []
    finally:
        check_request_enabled.disconnect(allow)


@pytest.mark.parametrize(
    ("trusted", "found"),
    [
        ((APP,), []),
        (["https://*.example.com"], []),
        (["http://app.example.com"], ["W011"]),
        (["https://*.example.org"], ["W011"]),
        (["http://*.example.com"], ["W011"]),
    ],
)
def test_w011_an_origin_is_trusted_by_name_or_wildcard(
    trusted: Any, found: list[str]
) -> None:
    assert ids(CSRF_TRUSTED_ORIGINS=trusted) == found


@pytest.mark.parametrize("setting", ["CORS_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS"])
@pytest.mark.parametrize(
    ("entry", "told", "right"),
    [
        ("other.example.com", "has no scheme", "https://other.example.com"),
        ("localhost:3000", "has no scheme", "http://localhost:3000"),
        ("https://other.example.com/", "ends in a slash", "https://other.example.com"),
        ("https://other.example.com/a", "has a path", "https://other.example.com"),
        ("https://other.example.com/a/", "has a path", "https://other.example.com"),
        ("https://other.example.com?a", "has a path", "https://other.example.com"),
        (" https://other.example.com", "no", "https://other.example.com"),
        ("https://Other.example.com", "in another way", "https://other.example.com"),
        ("https://o.example.com:443", "in another way", "https://o.example.com"),
        ("http://o.example.com:80", "in another way", "http://o.example.com"),
        ("https://bücher.example", "another way", "https://xn--bcher-kva.example"),
        ("httpss://other.example.com", "'httpss'", "https://other.example.com"),
        ("capacitor://localhost/", "has a path", "capacitor://localhost"),
    ],
)
def test_w012_an_entry_that_no_origin_equals(
    setting: str, entry: str, told: str, right: str
) -> None:
    overlay: dict[str, Any] = {setting: [APP, entry]}
    [problem] = findings(**overlay)
    assert problem.id == "ai_kit_auth.W012"
    assert f"{setting} has {entry!r}, which " in problem.msg
    assert told in problem.msg
    assert problem.hint == f"Write {right!r}."


@pytest.mark.parametrize("entry", ["capacitor://localhost", "http://10.0.0.7:3000"])
@pytest.mark.parametrize("setting", ["CORS_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS"])
def test_w012_an_apps_own_scheme_is_fine(setting: str, entry: str) -> None:
    overlay: dict[str, Any] = {setting: [APP, entry]}
    assert ids(**overlay) == []


def test_w012_what_browsers_send_for_files_is_fine() -> None:
    assert ids(CORS_ALLOWED_ORIGINS=[APP, "null", "file://"]) == []


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("*.example.org", "Write 'https://*.example.org'."),
        ("https://*.example.org/", "Write 'https://*.example.org'."),
        ("*", "Write 'https://*.example.com' for all names below example.com."),
        ("https://*", "Write 'https://*.example.com' for all names below example.com."),
        (
            "https://a*.b.example",
            "Write 'https://*.example.com' for all names below example.com.",
        ),
    ],
)
def test_w012_a_wildcard_that_django_does_not_take(entry: str, hint: str) -> None:
    [problem] = findings(CSRF_TRUSTED_ORIGINS=[APP, entry])
    assert problem.id == "ai_kit_auth.W012"
    assert problem.hint == hint


def test_w012_cors_takes_no_wildcard_but_regular_expressions() -> None:
    [problem] = findings(CORS_ALLOWED_ORIGINS=[APP, "https://*.example.com"])
    assert problem.id == "ai_kit_auth.W012"
    assert problem.hint == (
        r"CORS_ALLOWED_ORIGIN_REGEXES = [r'^https://[\w-]+\.example\.com$']"
    )


def test_w010_and_w011_keep_what_is_right_in_the_line_to_paste() -> None:
    found = findings(
        CORS_ALLOWED_ORIGINS=["https://a.example.com", "app.example.com"],
        CSRF_TRUSTED_ORIGINS=["https://*.example.org", "app.example.com"],
    )
    lines = [str(p.hint) for p in found if p.id != "ai_kit_auth.W012"]
    assert lines == [
        f"CORS_ALLOWED_ORIGINS = ['https://a.example.com', '{APP}']",
        f"CSRF_TRUSTED_ORIGINS = ['https://*.example.org', '{APP}']",
    ]


@pytest.mark.parametrize(
    ("setting", "value", "right"),
    [
        ("CORS_ALLOWED_ORIGINS", APP, [APP]),
        (
            "CORS_ALLOWED_ORIGINS",
            f"{APP}, https://b.example",
            [APP, "https://b.example"],
        ),
        ("CORS_ALLOWED_ORIGINS", b"https://a.example", [b"https://a.example"]),
        ("CORS_ALLOWED_ORIGINS", gettext_lazy("Save"), ["Save"]),
        ("CORS_ORIGIN_WHITELIST", f"{APP} ", [APP]),
        ("CORS_ALLOWED_ORIGIN_REGEXES", r"^https://\w+$", [r"^https://\w+$"]),
        ("CORS_ALLOWED_ORIGIN_REGEXES", r"https://a, b", [r"https://a, b"]),
        ("CORS_ALLOWED_ORIGIN_REGEXES", re.compile("^h"), [re.compile("^h")]),
        ("CORS_ORIGIN_REGEX_WHITELIST", "^https://", ["^https://"]),
        (
            "CORS_ALLOW_HEADERS",
            "x-csrftoken,content-type",
            ["x-csrftoken", "content-type"],
        ),
        ("CORS_ALLOW_METHODS", "GET POST", ["GET", "POST"]),
        ("CORS_EXPOSE_HEADERS", "Content-Length", ["Content-Length"]),
        ("CSRF_TRUSTED_ORIGINS", APP, [APP]),
        ("CSRF_TRUSTED_ORIGINS", "", [""]),
    ],
)
def test_e014_a_text_where_a_list_belongs(
    setting: str, value: Any, right: list[Any]
) -> None:
    overlay: dict[str, Any] = {setting: value}
    [problem, *_] = findings(**overlay)
    assert problem.id == "ai_kit_auth.E014"
    assert problem.level == ERROR
    assert problem.hint == f"{setting} = {right!r}"
    opens = "REGEX" in setting and "^" in str(value) and isinstance(value, str)
    assert ("every origin" in problem.msg) is opens


def test_e014_such_a_text_lets_every_origin_in_indeed(client: APIClient) -> None:
    regex = r"^https://\w+\.example\.com$"
    headers = {"Origin": "https://evil.example.net"}
    with override_settings(CORS_ALLOWED_ORIGIN_REGEXES=regex):
        answer = client.get("/api/v1/auth/me/", headers=headers)
    assert answer["Access-Control-Allow-Origin"] == headers["Origin"]


# Sites and cookies

FOREIGN = "https://app.example.org"
NONE: dict[str, Any] = {
    "SESSION_COOKIE_SAMESITE": "None",
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SAMESITE": "None",
    "CSRF_COOKIE_SECURE": True,
}


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["*"],
        ["*", "api.example.com"],
        ["api.example.com", "api.example.org"],
        [".example.org"],
        # How a proxy or a health check calls it.
        ["web", "10.0.0.7", "[2001:db8::7]"],
    ],
)
def test_w013_hosts_that_may_share_a_site_with_the_frontend(hosts: list[str]) -> None:
    assert ids(**allowed(FOREIGN), ALLOWED_HOSTS=hosts) == []


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        (FOREIGN, ["api.example.com", "localhost", "10.0.0.7"]),
        (FOREIGN, [".example.com"]),
        ("http://localhost:3000", ["127.0.0.1"]),
        ("http://127.0.0.1:3000", ["localhost"]),
        ("http://[::1]:3000", ["localhost"]),
    ],
)
def test_w013_cookies_that_the_frontend_never_sends(url: str, hosts: list[str]) -> None:
    overlay = {**allowed(url), "ALLOWED_HOSTS": hosts}
    assert ids(**overlay) == ["W013"]
    assert ids(**overlay, **NONE) == []


@pytest.mark.parametrize(
    ("url", "hosts", "host", "all_hosts"),
    [
        ("http://localhost:3000", ["127.0.0.1"], "localhost", "127.0.0.1', 'localhost"),
        ("http://127.0.0.1:3000", ["localhost"], "127.0.0.1", "localhost', '127.0.0.1"),
        ("http://[::1]:3000", ["a.localhost"], "[::1]", "a.localhost', '[::1]"),
    ],
)
def test_w013_one_machine_by_two_names_is_told_to_use_one(
    url: str, hosts: list[str], host: str, all_hosts: str
) -> None:
    [problem] = findings(**allowed(url), ALLOWED_HOSTS=hosts)
    assert problem.id == "ai_kit_auth.W013"
    assert f"call the API at {host}, with ALLOWED_HOSTS = ['{all_hosts}']" in str(
        problem.hint
    )
    assert "SAMESITE" not in str(problem.hint)


@pytest.mark.parametrize(
    ("cookies", "named"),
    [
        ({"CSRF_USE_SESSIONS": True}, "SESSION_COOKIE_SAMESITE"),
        (
            {"SESSION_COOKIE_SAMESITE": "none", "SESSION_COOKIE_SECURE": True},
            "CSRF_COOKIE_SAMESITE",
        ),
        (
            {"SESSION_COOKIE_SAMESITE": False, "CSRF_COOKIE_SAMESITE": "Strict"},
            "SESSION_COOKIE_SAMESITE and CSRF_COOKIE_SAMESITE",
        ),
    ],
)
def test_w013_names_the_cookies_that_stay_behind(
    cookies: dict[str, Any], named: str
) -> None:
    overlay = {**allowed(FOREIGN), "ALLOWED_HOSTS": ["api.example.com"]}
    [problem] = findings(**overlay, **cookies)
    assert problem.id == "ai_kit_auth.W013"
    assert f' and {named} is not "None"' in problem.msg


def test_w014_each_cookie_needs_its_own_secure() -> None:
    none: dict[str, Any] = {
        "SESSION_COOKIE_SAMESITE": "None",
        "CSRF_COOKIE_SAMESITE": "none",
    }
    assert ids(**none) == ["W014", "W014"]
    assert ids(**none, CSRF_USE_SESSIONS=True) == ["W014"]
    assert ids(**none, CSRF_COOKIE_SECURE=True) == ["W014"]
    assert ids(**NONE) == []


@pytest.mark.parametrize(
    ("domain", "hosts", "found"),
    [
        (None, ["api.example.com"], []),
        (".example.com", ["api.example.com"], []),
        ("example.com", ["api.example.com"], []),
        ("API.example.com", ["api.example.com"], []),
        ("example.com", [".example.com"], []),
        ("api.example.com", [".example.com"], []),
        ("example.com", ["*"], []),
        ("example.com", [], []),
        ("example.com", ["web"], []),
        ("example.com", ["myexample.com"], ["W013", "W022"]),
        ("app.example.com", ["api.example.com"], ["W022"]),
        ("example.org", [".example.com"], ["W022"]),
    ],
)
def test_w022_a_domain_that_no_host_may_set(
    domain: str | None, hosts: list[str], found: list[str]
) -> None:
    assert ids(SESSION_COOKIE_DOMAIN=domain, ALLOWED_HOSTS=hosts) == found


def test_w022_the_cookie_of_the_token_counts_where_there_is_one() -> None:
    overlay: dict[str, Any] = {
        "CSRF_COOKIE_DOMAIN": "example.org",
        "ALLOWED_HOSTS": ["api.example.com"],
    }
    assert ids(**overlay) == ["W022"]
    assert ids(**overlay, CSRF_USE_SESSIONS=True) == []


# Headers and paths


@pytest.mark.parametrize(
    ("headers", "name", "found"),
    [
        (["x-csrftoken", "content-type"], "HTTP_X_CSRFTOKEN", []),
        (("X-XSRF-Token", "Content-Type"), "HTTP_X_XSRF_TOKEN", []),
        (["x-csrftoken", "content-type"], "HTTP_X_XSRF_TOKEN", ["W021"]),
        (["x-csrftoken"], "HTTP_X_CSRFTOKEN", ["W021"]),
        (["*"], "HTTP_X_CSRFTOKEN", ["W021"]),
    ],
)
def test_w021_preflights_allow_what_the_frontend_sends(
    headers: Any, name: str, found: list[str]
) -> None:
    assert ids(CORS_ALLOW_HEADERS=headers, CSRF_HEADER_NAME=name) == found


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("X-CSRFToken", "HTTP_X_CSRFTOKEN"),
        ("X_CSRFTOKEN", "HTTP_X_CSRFTOKEN"),
        ("HTTP-X-XSRF-TOKEN", "HTTP_X_XSRF_TOKEN"),
    ],
)
def test_w020_the_name_of_a_header_in_request_meta(name: str, right: str) -> None:
    [problem] = findings(CSRF_HEADER_NAME=name)
    assert problem.id == "ai_kit_auth.W020"
    assert problem.hint == f'CSRF_HEADER_NAME = "{right}"'


@pytest.mark.parametrize(
    ("regex", "found"),
    [
        ("^/api/.*$", []),
        (re.compile("/api/v1"), []),
        ("^/api/v2/", ["W024"]),
        ("api", ["W024"]),
    ],
)
def test_w024_cors_may_be_on_for_some_paths(regex: Any, found: list[str]) -> None:
    assert ids(CORS_URLS_REGEX=regex) == found


@pytest.mark.parametrize(
    ("regex", "found"), [("^/v1/a/", []), ("^/v[12]/", []), ("^/api/", ["W024"])]
)
def test_w024_endpoints_below_arguments_of_the_project(
    regex: str, found: list[str]
) -> None:
    urls = "tests.urlconfs.with_arguments"
    assert ids(ROOT_URLCONF=urls, CORS_URLS_REGEX=regex) == found


def test_w024_endpoints_whose_path_is_unknown() -> None:
    overlay: dict[str, Any] = {
        "ROOT_URLCONF": "tests.test_checks",
        "CORS_URLS_REGEX": "^/other/",
    }
    assert ids(**overlay) == ["W023"]
