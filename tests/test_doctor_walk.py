"""
The doctor reports no fault of a sound project, and leaves nothing behind.

``test_misconfigurations`` has its reports on misconfigured projects.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model, user_logged_in
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.core.mail import send_mail
from django.db import connection
from django.db.models.signals import post_save
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponseBase
from django.test import override_settings
from django.test.utils import override_script_prefix
from django.urls import clear_url_caches
from rest_framework.exceptions import PermissionDenied, Throttled

from ai_kit_auth.signals import user_pre_login

from .examinations import HEALTHY, SMTP, Report, examine, transport
from .misconfigurations import API, ELSEWHERE, FRONTEND, SECURITY, WITH_ADMIN

pytestmark = pytest.mark.django_db

WITHOUT_ADMIN_APP = [a for a in settings.INSTALLED_APPS if not a.endswith(".admin")]
ENGINES = ("db", "cache", "cached_db", "signed_cookies", "file")


@pytest.fixture(autouse=True)
def _own_routes() -> Iterator[None]:
    yield
    clear_url_caches()


def visit(*options: str, **overlay: Any) -> Report:
    """Return the report on a sound project with ``overlay``."""
    given = options or ("--origin", FRONTEND, "--api", API)
    with override_settings(**{**HEALTHY, **overlay}):
        return examine(*given)


def well(report: Report) -> None:
    assert report.findings == []
    assert report.code == 0


@contextmanager
def connected(signal: Signal, receiver: Callable[..., object]) -> Iterator[None]:
    signal.connect(receiver)
    try:
        yield
    finally:
        signal.disconnect(receiver)


def sessions_in_the_cache() -> list[str]:
    kept: list[str] = list(cache._cache)  # type: ignore[attr-defined]  # of LocMemCache
    return [key for key in kept if "sessions" in key]


def only_users(receiver: Callable[..., object]) -> Callable[..., object]:
    def of_users(sender: Any, **kwargs: Any) -> None:
        if sender is get_user_model():
            receiver(sender, **kwargs)

    return of_users


# Sound projects


@pytest.mark.parametrize("in_session", [True, False])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_healthy_host_hears_nothing(
    engine: str, in_session: bool, tmp_path: Path
) -> None:
    report = visit(
        SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}",
        SESSION_FILE_PATH=str(tmp_path),
        CSRF_USE_SESSIONS=in_session,
    )
    well(report)
    assert report.walks[0]["relation"] == "same site"
    assert len(report.walked) > 15
    # Its sessions have ended, in every store.
    assert not Session.objects.exists()
    assert list(tmp_path.iterdir()) == []
    assert sessions_in_the_cache() == []


class OwnCache(LocMemCache):
    """A backend that the doctor does not know."""


def test_a_healthy_host_in_production_hears_nothing() -> None:
    well(
        visit(
            DEBUG=False,
            CACHES={"default": {"BACKEND": "tests.test_doctor_walk.OwnCache"}},
            **transport(SMTP, timeout=10),
        )
    )


def test_a_page_of_the_apis_own_origin_needs_no_preflight() -> None:
    report = visit(
        *("--origin", API, "--api", API),
        CORS_ALLOWED_ORIGINS=[],
        CSRF_TRUSTED_ORIGINS=[],
        AI_KIT_AUTH={**settings.AI_KIT_AUTH, "FRONTEND": {"URL": API}},
    )
    well(report)
    assert report.walks[0]["relation"] == "same origin"
    assert report.step("preflight login/")["state"] == "skipped"
    assert report.step("logout/")["state"] == "ok"


ACCOUNT_PAGE: dict[str, Any] = {
    "ROOT_URLCONF": "tests.urlconfs.account",
    "AI_KIT_AUTH": {**settings.AI_KIT_AUTH, "ENABLE_ENDPOINTS": {"UPDATE_ME": True}},
}


def test_the_account_page_is_asked_for_where_it_is_on() -> None:
    report = visit(**ACCOUNT_PAGE)
    well(report)
    for path in ("change_password/", "confirm_email/", "PATCH me/"):
        assert report.step(f"preflight {path}")["state"] == "ok"


def test_a_method_that_is_not_allowed_is_named() -> None:
    report = visit(**ACCOUNT_PAGE, CORS_ALLOW_METHODS=["GET", "POST"])
    assert report.code == 1
    assert [step["name"] for step in report.failed] == ["preflight PATCH me/"]
    step = report.failed[0]
    assert "Method PATCH is not allowed by Access-Control" in step["console"]
    assert step["setting"].startswith("CORS_ALLOW_METHODS = ")


def test_two_ports_of_this_machine_are_one_site() -> None:
    page = "http://localhost:3000"
    report = visit(
        *("--origin", page, "--api", "http://localhost:8000"),
        ALLOWED_HOSTS=[],
        AI_KIT_AUTH={**settings.AI_KIT_AUTH, "FRONTEND": {"URL": page}},
        CORS_ALLOWED_ORIGINS=[page],
        CSRF_TRUSTED_ORIGINS=[page],
        SESSION_COOKIE_SECURE=True,
    )
    well(report)
    assert report.walks[0]["relation"] == "same site"


def test_another_site_hears_of_nothing_but_third_party_cookies() -> None:
    report = visit(
        *("--origin", ELSEWHERE, "--api", API),
        AI_KIT_AUTH={**settings.AI_KIT_AUTH, "FRONTEND": {"URL": ELSEWHERE}},
        CORS_ALLOWED_ORIGINS=[ELSEWHERE],
        CSRF_TRUSTED_ORIGINS=[ELSEWHERE],
        SESSION_COOKIE_SAMESITE="None",
        SESSION_COOKIE_SECURE=True,
        CSRF_COOKIE_SAMESITE="None",
        CSRF_COOKIE_SECURE=True,
    )
    well(report)
    assert report.walks[0]["relation"] == "cross-site"
    told = report.step("third-party cookies")
    assert told["state"] == "info"
    assert "Safari" in told["cause"]


@pytest.mark.parametrize(
    "headers",
    [
        ("HTTP_X_XSRF_TOKEN", ["x-xsrf-token", "content-type"]),
        ("HTTP_X_CSRF", ["X-CSRF", "Content-Type", "authorization"]),
        ("HTTP_CSRF_TOKEN2", ["csrf-token2", "content-type"]),
    ],
)
@pytest.mark.parametrize("in_session", [True, False])
def test_the_frontend_sends_the_token_as_the_settings_say(
    headers: tuple[str, list[str]], in_session: bool
) -> None:
    name, allowed = headers
    well(
        visit(
            CSRF_HEADER_NAME=name,
            CORS_ALLOW_HEADERS=allowed,
            CSRF_USE_SESSIONS=in_session,
        )
    )


def test_the_app_may_be_the_whole_urlconf() -> None:
    well(visit(ROOT_URLCONF="ai_kit_auth.urls", INSTALLED_APPS=WITHOUT_ADMIN_APP))


@pytest.mark.parametrize("urls", ["with_arguments", "with_a_tenant"])
def test_urls_may_take_arguments_of_the_project(urls: str) -> None:
    report = visit(ROOT_URLCONF=f"tests.urlconfs.{urls}")
    well(report)
    assert re.search("/(v1/a|t/[^/]+/auth)/$", report.walks[0]["api"])


@pytest.mark.parametrize(
    ("hosts", "api"),
    [
        (["app.example.com", "api.example.com"], API),
        (["app.example.com", "backend.example.com"], "https://backend.example.com"),
        (["app.example.com", "www.example.com"], "https://www.example.com"),
        (["https://app.example.com", "https://api.example.com:8443"], API),
    ],
)
def test_the_frontends_own_name_among_the_hosts_is_not_the_apis(
    hosts: list[str], api: str
) -> None:
    report = visit("--origin", FRONTEND, ALLOWED_HOSTS=hosts)
    assert report.walks[0]["api"].startswith(api)


@pytest.mark.parametrize(
    "overlay",
    [
        {"CORS_ALLOWED_ORIGINS": ["https://partner.example"]},
        {"MIDDLEWARE": [m for m in settings.MIDDLEWARE if "cors" not in m]},
    ],
)
def test_a_project_that_serves_its_frontend_may_have_two_names(
    overlay: dict[str, Any],
) -> None:
    hosts = ["app.example.com", "www.example.com"]
    report = visit("--origin", FRONTEND, ALLOWED_HOSTS=hosts, **overlay)
    assert report.walks[0]["relation"] == "same origin"


def test_causes_that_have_nothing_to_do_with_each_other_are_all_told() -> None:
    report = visit(
        CORS_ALLOW_CREDENTIALS=False, CSRF_TRUSTED_ORIGINS=[], SESSION_COOKIE_AGE=-1
    )
    assert [step["name"] for step in report.walked if step["state"] == "failed"] == [
        "preflight login/",
        "login/",
    ]
    assert "CSRF_TRUSTED_ORIGINS" in report.failed[1]["setting"]
    # What works beyond the failure no browser ever sees.
    assert "ok" not in {step["state"] for step in report.walked}


@pytest.mark.parametrize(
    ("overlay", "setting"),
    [
        (
            {"CSRF_TRUSTED_ORIGINS": ["https://a.example", "https://*.b.example"]},
            f"['https://a.example', 'https://*.b.example', '{FRONTEND}']",
        ),
        (
            {"CORS_ALLOWED_ORIGINS": ["https://a.example", "b.example"]},
            f"CORS_ALLOWED_ORIGINS = ['https://a.example', '{FRONTEND}']",
        ),
        (
            {"ALLOWED_HOSTS": ["a.example", ".b.example"]},
            "ALLOWED_HOSTS = ['a.example', '.b.example', 'api.example.com']",
        ),
        (
            {"CORS_ALLOW_HEADERS": ["accept", "x-shop", "content-type"]},
            "CORS_ALLOW_HEADERS = [*default_headers, 'x-shop', 'x-csrftoken']",
        ),
        (
            {"AUTHENTICATION_BACKENDS": ["tests.middleware.NoBackend"]},
            "['tests.middleware.NoBackend', 'django.contrib.auth.backends.ModelB",
        ),
    ],
)
def test_a_list_to_paste_is_whole(overlay: dict[str, Any], setting: str) -> None:
    report = visit(**overlay)
    assert any(setting in step["setting"] for step in report.walked)


@pytest.mark.parametrize(
    ("overlay", "step", "setting"),
    [
        # Raised by Django's own code, on a value that it does not check.
        ({"SESSION_COOKIE_AGE": "soon"}, "login/", "unknown"),
        ({"CSRF_COOKIE_AGE": "soon", "CSRF_USE_SESSIONS": False}, "me/", "unknown"),
        (
            {"CORS_ALLOW_HEADERS": [7]},
            "preflight login/",
            'MIDDLEWARE: "corsheaders.middleware.CorsMiddleware"',
        ),
    ],
)
@pytest.mark.parametrize("propagate", [True, False])
def test_no_line_of_a_library_is_named(
    overlay: dict[str, Any], step: str, setting: str, propagate: bool
) -> None:
    """Nor a middleware of the project's own that only passed the request on."""
    report = visit(**overlay, DEBUG_PROPAGATE_EXCEPTIONS=propagate)
    failed = next(s for s in report.walked if s["state"] == "failed")
    assert failed["name"] == step
    assert failed["setting"] == setting


def test_a_text_in_one_setting_is_not_the_other_settings_fault() -> None:
    report = visit(CSRF_TRUSTED_ORIGINS=FRONTEND, CORS_ALLOWED_ORIGINS=["https://a.b"])
    blocked, refused = (s for s in report.walked if s["state"] == "failed")
    assert blocked["setting"].startswith("CORS_ALLOWED_ORIGINS = ['https://a.b', ")
    assert refused["setting"] == f"CSRF_TRUSTED_ORIGINS = ['{FRONTEND}']"


def test_a_view_in_the_place_of_one_endpoint_is_named() -> None:
    report = visit(ROOT_URLCONF="tests.urlconfs.own_login")
    [failed] = (s for s in report.walked if s["state"] == "failed")
    assert failed["name"] == "login/"
    assert (
        "tests.urlconfs.own_login.log_in answers instead of an endpoint"
        in failed["cause"]
    )
    assert "above the route 'api/v1/auth/login/'" in failed["setting"]


def test_the_old_name_of_a_list_counts_in_what_is_to_be_pasted() -> None:
    with override_settings():
        del settings.CORS_ALLOWED_ORIGINS
        report = visit(CORS_ORIGIN_WHITELIST=["https://a.example"])
    whole = f"CORS_ALLOWED_ORIGINS = ['https://a.example', '{FRONTEND}']"
    assert whole in report.failed[0]["setting"]


@pytest.mark.parametrize(
    "overlay",
    [
        # POST needs no leave: browsers do not read Access-Control-Allow-Methods for it.
        {"CORS_ALLOW_METHODS": ["GET"]},
        {
            "CORS_ALLOWED_ORIGINS": [],
            "CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://app\."],
        },
        {"CORS_ALLOWED_ORIGINS": [], "CORS_ALLOW_ALL_ORIGINS": True},
        {"CSRF_TRUSTED_ORIGINS": ["https://*.example.com"]},
        {"ALLOWED_HOSTS": ["*"]},
        {"DEBUG_PROPAGATE_EXCEPTIONS": True},
        {"USE_TZ": False},
        {"USE_X_FORWARDED_HOST": True},
        {
            "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
            "SECURE_SSL_REDIRECT": True,
            "MIDDLEWARE": [SECURITY, *settings.MIDDLEWARE],
        },
        {"SESSION_COOKIE_NAME": "__Host-id", "SESSION_COOKIE_SECURE": True},
        {"CSRF_COOKIE_DOMAIN": ".example.com", "SESSION_COOKIE_DOMAIN": "example.com"},
        {"MIDDLEWARE": [*settings.MIDDLEWARE, "tests.test_doctor_walk.asynchronous"]},
    ],
    ids=lambda overlay: " ".join(overlay),
)
def test_what_works_otherwise_is_fine_as_well(overlay: dict[str, Any]) -> None:
    well(visit(**overlay))


def asynchronous(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def middleware(request: HttpRequest) -> HttpResponseBase:
        return await get_response(request)

    return middleware


asynchronous.async_capable = True  # type: ignore[attr-defined]  # Django's marks
asynchronous.sync_capable = False  # type: ignore[attr-defined]


def test_a_host_that_counts_proxies_is_fine() -> None:
    well(visit(REST_FRAMEWORK={"NUM_PROXIES": 1}))


def test_a_host_below_a_path_is_fine() -> None:
    with override_script_prefix("/backend/"):
        report = visit(FORCE_SCRIPT_NAME="/backend")
        well(report)
    assert report.walks[0]["api"] == f"{API}/backend/api/v1/auth/"


def test_transactions_of_whole_requests_are_fine() -> None:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        well(visit())
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert not get_user_model().objects.exists()


def test_endpoints_that_are_switched_off_are_left_out() -> None:
    report = visit(ROOT_URLCONF="tests.urlconfs.without_login")
    well(report)
    names = [step["name"] for step in report.walked]
    assert "preflight login/" not in names
    assert report.step("login/") == {
        "name": "login/",
        "state": "skipped",
        "console": "",
        "cause": "LOGIN is not enabled.",
        "setting": "",
    }
    report = visit(ROOT_URLCONF="tests.urlconfs.without_logout")
    well(report)
    assert report.step("logout/")["state"] == "skipped"
    report = visit(ROOT_URLCONF="tests.urlconfs.without_me")
    well(report)
    assert report.step("me/")["state"] == "skipped"


def test_without_an_admin_that_step_is_left_out() -> None:
    report = visit(ROOT_URLCONF="tests.urlconfs.without_admin")
    well(report)
    assert report.step("admin login in the same browser")["state"] == "skipped"
    assert report.step("logout/")["state"] == "ok"


@pytest.mark.user_model("bare")
def test_a_model_that_no_admin_knows_skips_the_admin() -> None:
    report = visit()
    well(report)
    assert "is_staff" in report.step("admin login in the same browser")["cause"]


@pytest.mark.user_model(*WITH_ADMIN)
def test_an_admin_that_asks_for_more_is_not_entered() -> None:
    report = visit(ROOT_URLCONF="tests.urlconfs.admin_with_a_second_factor")
    well(report)
    assert "more than" in report.step("admin login in the same browser")["cause"]
    assert report.step("me/ after the admin login")["state"] == "ok"


@pytest.mark.user_model(*WITH_ADMIN)
def test_the_admin_is_entered_beside_the_page() -> None:
    report = visit()
    assert report.step("admin login in the same browser")["state"] == "ok"
    assert report.step("unsafe call after the admin login")["state"] == "ok"


# Nothing is left


def test_no_account_session_or_mail_is_left() -> None:
    seen: list[Any] = []

    def greet(sender: Any, user: Any, **kwargs: Any) -> None:
        send_mail("Hello", "You logged in.", None, ["ada@example.com"])
        ContentType.objects.create(app_label="greeted", model=f"visit{len(seen)}")
        cache.set("greeted", 1)
        seen.append(user)

    def welcome(sender: Any, instance: Any, **kwargs: Any) -> None:
        ContentType.objects.get_or_create(app_label=f"{instance.pk}", model="profile")
        seen.append(instance)

    before = ContentType.objects.count()
    with connected(user_logged_in, greet), connected(post_save, only_users(welcome)):
        well(visit())
    # The receivers ran, and what they wrote is not there any more.
    assert len(seen) > 3
    assert ContentType.objects.count() == before
    assert not get_user_model().objects.exists()
    assert not Session.objects.exists()
    assert mail.outbox == []
    # But a cache knows no way back.
    assert cache.get("greeted") == 1


def test_sessions_end_that_browsers_refuse() -> None:
    report = visit(
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        SESSION_COOKIE_DOMAIN="other.example",
    )
    assert report.code == 1
    assert sessions_in_the_cache() == []


def test_the_visit_counts_for_no_throttle() -> None:
    # LOGIN_ACCOUNT_ADDRESS is 10 a minute.
    for _ in range(3):
        well(visit())


def test_nothing_is_logged_and_logs_are_as_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        visit(MIDDLEWARE=[*settings.MIDDLEWARE, "tests.middleware.Broken"])
        assert caplog.messages == []
        logging.getLogger("ai_kit_auth.security").info("afterwards")
    assert caplog.messages == ["afterwards"]


def test_the_settings_of_mails_are_as_before() -> None:
    visit()
    send_mail("Hello", "Still here.", None, ["ada@example.com"])
    assert [message.subject for message in mail.outbox] == ["Hello"]


# What is in the way of the doctor itself


# Where a table can be dropped within the test's transaction.
@pytest.mark.database("sqlite", "postgresql")
@pytest.mark.parametrize("propagate", [True, False])
def test_without_tables_it_says_migrate(propagate: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE django_session")
    report = visit(DEBUG_PROPAGATE_EXCEPTIONS=propagate, CSRF_USE_SESSIONS=False)
    assert report.code == 1
    assert [step["name"] for step in report.failed] == ["login/"]
    assert "manage.py migrate" in report.failed[0]["setting"]
    assert "django_session" in report.failed[0]["cause"]


def test_a_receiver_that_raises_is_found() -> None:
    def refuse(sender: Any, **kwargs: Any) -> None:
        raise KeyError("plan")

    with connected(post_save, refuse):
        report = visit()
    [step] = report.failed
    assert step["name"] == "login/"
    assert "KeyError: 'plan'" in step["cause"]
    assert "tests.test_doctor_walk" in step["setting"]


@pytest.mark.parametrize(
    ("error", "told"),
    [(PermissionDenied(), "ai_kit_auth.signals"), (Throttled(), "THROTTLE_RATES")],
    ids=["permission_denied", "throttled"],
)
def test_a_rule_of_the_hosts_own_is_named(error: Exception, told: str) -> None:
    def refuse(sender: Any, **kwargs: Any) -> None:
        raise error

    with connected(user_pre_login, refuse):
        report = visit()
    [step] = report.failed
    assert step["name"] == "login/"
    assert step["console"].endswith(error.default_code)  # type: ignore[attr-defined]
    assert told in step["setting"]


@pytest.mark.user_model(*WITH_ADMIN)
def test_an_admin_that_fails_is_found() -> None:
    def refuse(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
        if request.path.startswith("/admin/"):
            raise KeyError("plan")

    with connected(user_logged_in, refuse):
        report = visit()
    [step] = report.failed
    assert step["name"] == "admin login in the same browser"
    assert "tests.test_doctor_walk" in step["setting"]


def test_a_constraint_that_made_up_values_miss_is_nobodys_fault() -> None:
    def insist(sender: Any, created: bool, **kwargs: Any) -> None:
        ContentType.objects.create(app_label="once", model="only")

    ContentType.objects.create(app_label="once", model="only")
    with connected(post_save, only_users(insist)):
        report = visit()
    assert report.code == 0
    assert report.step("login/")["state"] == "skipped"
    assert "No account" in report.step("login/")["cause"]


def test_after_a_failure_the_rest_is_said_to_be_skipped() -> None:
    report = visit(CORS_ALLOW_CREDENTIALS=False)
    assert [step["name"] for step in report.failed] == ["preflight login/"]
    assert "7 more preflights fail for the same cause." in report.failed[0]["cause"]
    assert report.walked[-1]["name"] == "all further steps"
    assert report.walked[-1]["state"] == "skipped"
