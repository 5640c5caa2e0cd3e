"""The names of browsers and systems, of honest and of hostile user agents."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.test import RequestFactory

from ai_kit_auth.sessions import devices
from ai_kit_auth.sessions.checks import check_cache, check_sessions
from ai_kit_auth.settings import InvalidConfigurationError, api_settings
from tests.account.page import configure

from .browsers import FIREFOX, browser, current, record_of

UNKNOWN = {"browser": "", "system": "", "kind": "other"}
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1"
)
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.4 Safari/605.1.15"
)
NOKIA = "Mozilla/5.0 (Mobile; Nokia 8110 4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "browser", "system", "kind"),
    [
        (FIREFOX, "Firefox", "Linux", "desktop"),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36",
            "Chrome",
            "Windows",
            "desktop",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {CHROME} Mobile Safari/537.36",
            "Chrome Mobile",
            "Android",
            "phone",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 14; SM-X910) {CHROME} Safari/537.36",
            "Chrome",
            "Android",
            "tablet",
        ),
        (
            IPAD,
            "Mobile Safari",
            "iOS",
            "tablet",
        ),
        (
            MAC,
            "Safari",
            "Mac OS X",
            "desktop",
        ),
        (
            NOKIA,
            "Firefox Mobile",
            "KaiOS",
            "phone",
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Googlebot",
            "Other",
            "other",
        ),
    ],
)
def test_a_browser_has_its_name(
    user_agent: str, browser: str, system: str, kind: str
) -> None:
    found = devices.device_of(user_agent)
    assert found["kind"] == kind
    assert found["browser"].startswith(browser.split()[0])
    assert found["system"] in {system, ""}


def request(user_agent: str) -> Any:
    return RequestFactory().get("/", headers={"User-Agent": user_agent})


@pytest.mark.parametrize(
    "user_agent",
    [
        "",
        "x" * 10_000,
        "Mozilla/5.0 (" + "Android 1; " * 1000,
        "(" * 5000 + ")" * 5000,
        "\x00\x01\r\n<script>",
        "".join(map(chr, range(256))) * 40,
        "\ud800\udfff\U0001f600 Firefox/128.0",
        b"\xff\xfe\xc3\x28".decode("latin-1"),
    ],
)
@pytest.mark.django_db
def test_a_hostile_user_agent_does_no_harm(ada: Any, user_agent: str) -> None:
    began = time.perf_counter()
    stored = devices.user_agent_of(request(user_agent))
    assert len(stored) <= 256
    assert stored.isprintable()
    stored.encode("latin-1")
    assert set(devices.device_of(stored)) == set(UNKNOWN)
    # The first use reads the patterns.
    assert time.perf_counter() - began < 2
    own = browser(user_agent)
    assert record_of(own).user_agent == stored
    assert set(current(own)["device"]) == set(UNKNOWN)


def crash(user_agent: str) -> Any:
    raise RuntimeError


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (crash, UNKNOWN),
        (lambda agent: None, UNKNOWN),
        (lambda agent: {}, UNKNOWN),
        (
            lambda agent: {"browser": "B" * 100, "system": None, "kind": "toaster"},
            {"browser": "B" * 64, "system": "", "kind": "other"},
        ),
        (
            lambda agent: {"browser": "Own", "system": "OS", "kind": "tablet"},
            {"browser": "Own", "system": "OS", "kind": "tablet"},
        ),
    ],
)
def test_a_project_names_devices_itself(
    settings: Any, function: Any, found: dict[str, str]
) -> None:
    configure(settings, SESSION_DEVICE_NAME=function)
    assert devices.device_of("any") == found
    assert devices.device_of("") == UNKNOWN


def test_without_ua_parser_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ua_parser", None)
    devices.by_ua_parser.cache_clear()
    assert devices.device_of(FIREFOX) == UNKNOWN
    devices.by_ua_parser.cache_clear()


# Addresses


@pytest.mark.parametrize(
    ("address", "prefixes", "stored"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", (24, 48), "192.0.2.0/24"),
        ("192.0.2.7", (32, 128), "192.0.2.7"),
        ("192.0.2.7", (0, 0), ""),
        ("2001:db8:1:2::3", None, "2001:db8:1::/56"),
        ("2001:db8:1:2::3", (24, 48), "2001:db8:1::/48"),
        ("2001:db8:1:2::3", (24, 64), "2001:db8:1::/56"),
        ("::ffff:192.0.2.7", (16, 48), "192.0.0.0/16"),
        ("no address", None, ""),
        ("", None, ""),
    ],
)
def test_an_address_is_stored_as_far_as_the_project_says(
    settings: Any, address: str, prefixes: Any, stored: str
) -> None:
    configure(settings, SESSION_IP_PREFIX=prefixes)
    asked = RequestFactory(REMOTE_ADDR=address).get("/")
    assert devices.stored_address(asked) == stored


def test_the_address_of_a_proxy_is_not_stored(settings: Any) -> None:
    settings.REST_FRAMEWORK = {}
    assert devices.stored_address(RequestFactory(REMOTE_ADDR="10.0.0.1").get("/")) == ""
    settings.REST_FRAMEWORK = {"NUM_PROXIES": 1}
    asked = RequestFactory(REMOTE_ADDR="10.0.0.1").get(
        "/", headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.4"}
    )
    assert devices.stored_address(asked) == "198.51.100.4"


# Settings and checks


@pytest.mark.parametrize(
    "wrong",
    [
        {"SESSION_TOUCH": 0},
        {"SESSION_TOUCH": True},
        {"SESSION_RECORD_AGE": None},
        {"SESSION_IP_PREFIX": 24},
        {"SESSION_IP_PREFIX": (24,)},
        {"SESSION_IP_PREFIX": (33, 48)},
        {"SESSION_IP_PREFIX": (24, "48")},
    ],
)
def test_a_wrong_setting_is_told(settings: Any, wrong: dict[str, Any]) -> None:
    configure(settings, **wrong)
    with pytest.raises(InvalidConfigurationError, match=next(iter(wrong))):
        api_settings.USERNAME_REQUIRED  # noqa: B018  # the read is what is tested
    assert [found.id for found in check_sessions()] == []


def ids() -> list[str]:
    return [
        str(found.id).removeprefix("ai_kit_auth_sessions.")
        for found in checks.run_checks(
            tags=["ai_kit_auth"], include_deployment_checks=True
        )
        if str(found.id).startswith("ai_kit_auth_sessions.")
    ]


OWN = "ai_kit_auth.sessions.middleware.SessionsMiddleware"


def test_the_checks_name_what_is_missing(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ids() == ["W002"]
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}
    }
    assert check_cache(None) == []
    middleware = settings.MIDDLEWARE
    settings.MIDDLEWARE = [name for name in middleware if name != OWN]
    assert ids() == ["W001"]
    settings.MIDDLEWARE = [OWN, *settings.MIDDLEWARE]
    assert ids() == ["E001"]
    settings.MIDDLEWARE = middleware
    configure(settings, SECURITY_NOTICES={"NEW_DEVICE": True})
    assert ids() == ["W004"]
    configure(settings, DEVICE_COOKIE_AGE=60)
    assert ids() == []
    configure(settings, ENABLE_ENDPOINTS={"SESSIONS": False})
    assert ids() == ["W004", "I001"]
    configure(settings, SECURITY_NOTICES={"NEW_DEVICE": False})
    assert ids() == ["I001"]
    configure(settings, ENABLE_ENDPOINTS={"SESSIONS": True})
    monkeypatch.setattr("ai_kit_auth.sessions.checks.find_spec", lambda name: None)
    assert ids() == ["W003"]
    configure(settings, SESSION_DEVICE_NAME=crash)
    assert ids() == []


@pytest.mark.django_db(transaction=True)
def test_the_migration_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("makemigrations", "ai_kit_auth_sessions", check=True, dry_run=True)
    assert "No changes detected" in capsys.readouterr().out
    call_command("sqlmigrate", "ai_kit_auth_sessions", "0001")
    statements = capsys.readouterr().out
    assert statements.count("CREATE TABLE") == 1
    assert "ai_kit_auth_sessions_user" in statements
