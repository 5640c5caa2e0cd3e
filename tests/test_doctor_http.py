"""
``manage.py ai_kit_auth_doctor --url``: a deployed server, tested from outside.

The servers are real: Django over HTTP, and in front of it a TLS proxy with a
certificate that the doctor trusts by ``SSL_CERT_FILE``.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.urls import clear_url_caches

from .browser.processes import free_port
from .deployments import Proxy, django, make_certificate
from .examinations import Report, examine
from .misconfigurations import ELSEWHERE, SECURITY

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None,
    reason="needs the command openssl to make a certificate",
)

# Nothing of what --url asks for needs the database.
PAGE = "https://127.0.0.1:3000"
DEPLOYED = {
    "ALLOWED_HOSTS": ["127.0.0.1", "0.0.0.0"],  # noqa: S104  # to be called by
    "CORS_ALLOWED_ORIGINS": [PAGE],
    "CSRF_TRUSTED_ORIGINS": [PAGE],
    "CSRF_COOKIE_SECURE": True,
    "SESSION_COOKIE_SECURE": True,
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
}
BY_SESSION = {
    "CSRF_USE_SESSIONS": True,
    "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
}
REDIRECTING = {
    "SECURE_SSL_REDIRECT": True,
    "MIDDLEWARE": [SECURITY, *settings.MIDDLEWARE],
}
TWICE = (("Access-Control-Allow-Origin", PAGE),)
TO_COOKIES = (("Access-Control-Allow-Credentials", "true"),)
FOREIGN = (("Access-Control-Allow-Origin", "https://other.example.com"),)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _own_routes() -> Iterator[None]:
    yield
    clear_url_caches()


@contextmanager
def deployed(
    certificate: Path,
    proxy: Proxy,
    overlay: dict[str, Any],
    host: str = "127.0.0.1",
) -> Iterator[str]:
    """Serve this project behind ``proxy``; yield the address of its endpoints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        with (
            override_settings(**{**DEPLOYED, **overlay}),
            django() as port,
            proxy.before(port, certificate, host) as origin,
        ):
            yield f"{origin}/api/v1/auth/"


def look_at(
    certificate: Path,
    proxy: Proxy = Proxy(),  # noqa: B008  # it never changes
    page: str = PAGE,
    host: str = "127.0.0.1",
    **overlay: Any,
) -> Report:
    with deployed(certificate, proxy, overlay, host) as url:
        return examine("--origin", page, "--url", url)


@pytest.mark.parametrize(
    "overlay",
    [{}, REDIRECTING, BY_SESSION],
    ids=["cookie", "redirecting", "session"],
)
@pytest.mark.parametrize("plain", ["redirect", "refuse"])
def test_a_deployment_that_is_well_hears_nothing(
    certificate: Path, plain: str, overlay: dict[str, Any]
) -> None:
    report = look_at(certificate, Proxy(plain=plain), **overlay)
    assert report.findings == []
    assert report.code == 0
    assert [step["name"] for step in report.steps if "/" not in step["name"]] == [
        "server",
        "cookie sessionid" if overlay is BY_SESSION else "cookie csrftoken",
        "the admin's origin",
    ]
    assert report.walks[0]["guessed"] is False


@pytest.mark.parametrize(
    ("proxy", "overlay", "step", "names"),
    [
        pytest.param(
            Proxy(proto=False),
            REDIRECTING,
            "server",
            "SECURE_PROXY_SSL_HEADER",
            id="says nothing of HTTPS to a host that redirects",
        ),
        pytest.param(
            Proxy(),
            {**REDIRECTING, "SECURE_PROXY_SSL_HEADER": None},
            "server",
            "SECURE_PROXY_SSL_HEADER",
            id="is not heard by a host that redirects",
        ),
        pytest.param(
            Proxy(proto=False),
            {},
            "the admin's origin",
            "SECURE_PROXY_SSL_HEADER",
            id="says nothing of HTTPS",
        ),
        pytest.param(
            Proxy(host=False),
            {},
            "server",
            "USE_X_FORWARDED_HOST",
            id="calls Django by a name that is not allowed",
        ),
        pytest.param(
            Proxy(host=False),
            {"ALLOWED_HOSTS": ["*"]},
            "the admin's origin",
            "USE_X_FORWARDED_HOST",
            id="calls Django by another name",
        ),
        pytest.param(
            Proxy(adds=TWICE),
            {},
            "preflight login/",
            "remove the Access-Control-* headers from the proxy",
            id="adds CORS headers to those of Django",
        ),
        pytest.param(
            Proxy(adds=FOREIGN),
            {"CORS_ALLOWED_ORIGINS": []},
            "preflight login/",
            "Vary: origin",
            id="answers with the CORS headers of another origin",
        ),
        pytest.param(
            Proxy(answers=("OPTIONS", 204)),
            {},
            "preflight login/",
            "CORS_ALLOWED_ORIGINS",
            id="answers preflights itself",
        ),
        pytest.param(
            Proxy(answers=("OPTIONS", 405), adds=(*TWICE, *TO_COOKIES)),
            {},
            "preflight login/",
            "MIDDLEWARE, or a proxy",
            id="answers preflights itself, by an error",
        ),
        pytest.param(
            Proxy(answers=("GET", 502)),
            {},
            "server",
            "the server's log",
            id="finds nobody behind it",
        ),
        pytest.param(
            Proxy(caches="blindly"),
            {},
            "me/",
            "the cache must respect Cache-Control: no-store and Vary: origin",
            id="caches",
        ),
        pytest.param(
            Proxy(caches="by origin"),
            {},
            "me/ is not cached",
            "the cache must respect Cache-Control: no-store",
            id="caches for each origin",
        ),
        pytest.param(
            Proxy(adds=(("Age", "60"),)),
            {},
            "me/ is not cached",
            "the cache must respect Cache-Control",
            id="says that it caches",
        ),
        pytest.param(
            Proxy(without=("no-store",)),
            {},
            "me/",
            "Cache-Control",
            id="lets others cache",
        ),
        pytest.param(
            Proxy(without=("; Secure", "Secure")),
            {},
            "cookie csrftoken",
            "CSRF_COOKIE_SECURE",
            id="takes Secure off cookies",
        ),
        pytest.param(
            Proxy(plain="serve"),
            {},
            "http:// leads to https://",
            "SECURE_SSL_REDIRECT",
            id="serves HTTP as well",
        ),
        pytest.param(
            Proxy(),
            {**BY_SESSION, "SESSION_COOKIE_HTTPONLY": False},
            "cookie sessionid",
            "SESSION_COOKIE_HTTPONLY",
            id="session cookie without HttpOnly",
        ),
        pytest.param(
            Proxy(),
            {"CSRF_TRUSTED_ORIGINS": []},
            "login/, empty, with the token",
            "CSRF_TRUSTED_ORIGINS",
            id="origin that CSRF does not trust",
        ),
        pytest.param(
            Proxy(),
            {"MIDDLEWARE": ["tests.middleware.WithoutCSRF", *settings.MIDDLEWARE]},
            "login/, empty, with a stale token",
            "MIDDLEWARE",
            id="CSRF switched off",
        ),
        pytest.param(
            Proxy(),
            {"MIDDLEWARE": ["tests.middleware.LoginWall", *settings.MIDDLEWARE]},
            "server",
            "MIDDLEWARE, or a proxy",
            id="login wall",
        ),
        pytest.param(
            Proxy(),
            {"ROOT_URLCONF": "tests.urlconfs.without_the_app"},
            "server",
            'include("ai_kit_auth.urls")',
            id="no such URL",
        ),
        pytest.param(
            Proxy(),
            {"ROOT_URLCONF": "tests.urlconfs.without_login"},
            "login/, empty, with the token",
            "ENABLE_ENDPOINTS",
            id="no login",
        ),
    ],
)
def test_what_is_wrong_with_a_deployment_is_named(
    certificate: Path, proxy: Proxy, overlay: dict[str, Any], step: str, names: str
) -> None:
    report = look_at(certificate, proxy, **overlay)
    assert report.code == 1
    assert report.failed[0]["name"] == step
    assert names in report.failed[0]["setting"]


@pytest.mark.parametrize(
    ("overlay", "names"),
    [({}, "CSRF_COOKIE_SAMESITE"), (BY_SESSION, "SESSION_COOKIE_SAMESITE")],
)
def test_a_page_of_another_site_gets_no_cookie(
    certificate: Path, overlay: dict[str, Any], names: str
) -> None:
    report = look_at(
        certificate,
        page=ELSEWHERE,
        CORS_ALLOWED_ORIGINS=[ELSEWHERE],
        CSRF_TRUSTED_ORIGINS=[ELSEWHERE],
        **overlay,
    )
    assert [step["name"] for step in report.failed] == ["login/, empty, with the token"]
    assert names in report.failed[0]["setting"]


@pytest.mark.skipif(sys.platform == "win32", reason="nobody answers at 0.0.0.0 there")
@pytest.mark.parametrize(("seconds", "state"), [(0, "warning"), (3600, "ok")])
def test_a_server_on_the_net_should_insist_on_https(
    certificate: Path, seconds: int, state: str
) -> None:
    anywhere, page = "0.0.0.0", "https://0.0.0.0:3000"  # noqa: S104  # not this machine
    report = look_at(
        certificate,
        page=page,
        host=anywhere,
        CORS_ALLOWED_ORIGINS=[page],
        CSRF_TRUSTED_ORIGINS=[page],
        SECURE_HSTS_SECONDS=seconds,
        MIDDLEWARE=[SECURITY, *settings.MIDDLEWARE],
    )
    assert report.step("Strict-Transport-Security")["state"] == state
    assert report.code == 0


def test_a_certificate_that_nobody_knows_is_said(certificate: Path) -> None:
    with (
        deployed(certificate, Proxy(), {}) as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.delenv("SSL_CERT_FILE")
        report = examine("--origin", PAGE, "--url", url)
    assert report.failed[0]["name"] == "server"
    assert "TLS with https://127.0.0.1" in report.failed[0]["cause"]
    assert "CERTIFICATE_VERIFY_FAILED" in report.failed[0]["cause"]


def test_a_server_that_is_not_there_is_said() -> None:
    report = examine("--origin", PAGE, "--url", f"http://127.0.0.1:{free_port()}/auth")
    assert [step["name"] for step in report.failed] == ["server"]
    assert "does not answer" in report.failed[0]["cause"]
    assert report.walks[0]["api"].endswith("/auth/")


def test_a_server_of_this_machine_does_without_https() -> None:
    page = "http://127.0.0.1:3000"
    overlay = {"CORS_ALLOWED_ORIGINS": [page], "CSRF_TRUSTED_ORIGINS": [page]}
    with override_settings(**{**DEPLOYED, **overlay}), django() as port:
        report = examine(
            "--origin", page, "--url", f"http://127.0.0.1:{port}/api/v1/auth"
        )
    assert report.findings == []


def test_a_proxy_over_http_that_calls_django_by_another_name(certificate: Path) -> None:
    page = "http://127.0.0.1:3000"
    overlay = {
        "ALLOWED_HOSTS": ["*"],
        "CORS_ALLOWED_ORIGINS": [page],
        "CSRF_TRUSTED_ORIGINS": [page],
    }
    with deployed(certificate, Proxy(host=False, plain="serve"), overlay) as url:
        report = examine("--origin", page, "--url", url.replace("https", "http", 1))
    assert [step["name"] for step in report.failed] == ["the admin's origin"]
    assert "USE_X_FORWARDED_HOST" in report.failed[0]["setting"]


@pytest.mark.parametrize(("proxies", "found"), [(None, True), (0, False), (1, False)])
def test_addresses_that_may_be_a_proxys_are_said(
    certificate: Path, proxies: int | None, found: bool
) -> None:
    report = look_at(certificate, REST_FRAMEWORK={"NUM_PROXIES": proxies})
    told = [step for step in report.findings if "NUM_PROXIES" in step["setting"]]
    assert [step["name"] for step in told] == ["IP addresses of clients"] * found


@pytest.mark.parametrize(
    ("told", "seconds", "cause"),
    [
        ("", 900, "seconds ahead of"),
        ("", -900, "seconds behind"),
        ("", 20, None),
        ("no date", 0, None),
    ],
)
def test_a_clock_that_is_wrong_is_said(
    certificate: Path, told: str, seconds: int, cause: str | None
) -> None:
    date = told or formatdate(time.time() + seconds, usegmt=True)
    report = look_at(certificate, Proxy(adds=(("Date", date),)))
    found = [step for step in report.findings if step["name"] == "clock"]
    assert len(found) == (cause is not None)
    assert all(str(cause) in step["cause"] for step in found)


def test_a_page_over_https_reaches_nothing_over_http() -> None:
    with override_settings(ALLOWED_HOSTS=["*"]), django() as port:
        report = examine(
            "--origin", PAGE, "--url", f"http://0.0.0.0:{port}/api/v1/auth/"
        )
    assert [step["name"] for step in report.failed] == ["preflight login/"]
    assert "Mixed Content" in report.failed[0]["console"]
    assert "serve the API over HTTPS" in report.failed[0]["setting"]
