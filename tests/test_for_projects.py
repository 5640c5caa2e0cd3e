"""What the package gives to the tests of projects: ``ai_kit_auth.test``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test import Client, override_settings
from django.urls import include, path
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

import ai_kit_auth
from ai_kit_auth.account.permissions import RecentlyAuthenticated
from ai_kit_auth.services import make_url
from ai_kit_auth.settings import api_settings
from ai_kit_auth.test import (
    PASSWORD,
    browser,
    fresh,
    last_mail,
    link_in,
    stale,
    throttles_off,
    waiting_user,
)
from ai_kit_auth.user_model import user_model

from .accounts import attributes_of
from .browser.processes import environment
from .conftest import MakeUser, with_activation

pytestmark = pytest.mark.django_db

FRONTEND = "https://app.example.com"


class Sensitive(APIView):
    permission_classes = [RecentlyAuthenticated]

    def post(self, request: Any) -> Response:
        return Response([request.get_host(), request.headers["Origin"]])


# Another prefix than that of the other tests.
urlpatterns = [
    path("<str:version>/accounts/", include("ai_kit_auth.urls")),
    path("sensitive/", Sensitive.as_view()),
]
elsewhere = pytest.mark.urls(__name__)


def waiting(**more: Any) -> Any:
    """Return a waiting user of any user model of these tests."""
    age = {"age": 36} if "age" in user_model.columns else {}
    return waiting_user(**age, **more)


# Browsers


def test_a_page_logs_in_and_out_with_its_tokens(make_user: MakeUser) -> None:
    make_user()
    page = browser()
    answer = page.login("ada@example.com", "wrong")
    assert answer.json() == {"non_field_errors": ["invalid_credentials"]}
    answer = page.login("ada@example.com", PASSWORD)
    assert page.csrf == answer.json()["csrf"]
    assert page.get("me/").json()["user"] is not None
    assert page.logout().status_code == 200
    assert page.get("me/").json()["user"] is None
    assert browser().get("me/").json()["user"] is None


@pytest.mark.parametrize("in_session", [False, True])
def test_a_page_has_a_token_wherever_the_project_keeps_it(
    make_user: MakeUser, settings: Any, in_session: bool
) -> None:
    settings.CSRF_USE_SESSIONS = in_session
    ada = make_user()
    assert browser().login("ada@example.com", PASSWORD).status_code == 200
    page = browser().logged_in_as(ada)
    assert page.get("me/").json()["user"] is not None
    page.csrf = "A" * 64
    answer = page.logout()
    assert (answer.status_code, answer.json()) == (403, {"error": "csrf_failed"})
    page = browser().logged_in_as(ada)
    assert page.logout().status_code == 200


def test_a_foreign_page_is_refused(make_user: MakeUser) -> None:
    make_user()
    answer = browser("https://evil.example").login("ada@example.com", PASSWORD)
    assert (answer.status_code, answer.json()) == (403, {"error": "csrf_failed"})
    with pytest.raises(ValueError, match="has no scheme"):
        browser("evil.example")


@elsewhere
def test_the_prefix_is_the_projects_own() -> None:
    assert browser().url("me/").endswith("/accounts/me/")
    assert browser().get("me/").status_code == 200


@override_settings(ROOT_URLCONF="tests.urlconfs.without_the_app")
def test_a_project_without_the_urls_is_told() -> None:
    with pytest.raises(LookupError, match="are not in ROOT_URLCONF"):
        browser().get("me/")


def test_an_endpoint_that_is_off_does_not_hide_the_others() -> None:
    # The table has no route of the account page, which is off by default.
    assert browser().get("change_password/").status_code == 404


@elsewhere
def test_a_frontend_of_the_projects_own_is_no_foreign_host(
    make_user: MakeUser, settings: Any
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = []
    settings.ALLOWED_HOSTS = ["*"]
    ada = make_user()
    page = browser().logged_in_as(ada)
    fresh(page)
    # Who allows every host has not said that this one is the project's.
    assert page.post("/sensitive/", {}).status_code == 403
    settings.ALLOWED_HOSTS = [".example.com"]
    page = browser().logged_in_as(ada)
    fresh(page)
    answer = page.post("/sensitive/", {})
    assert answer.json() == ["app.example.com", FRONTEND]
    page = browser(host="app.example.com").logged_in_as(ada)
    fresh(page)
    assert page.post("/sensitive/", {}).json() == ["app.example.com", FRONTEND]


@pytest.mark.parametrize(
    "name", ["SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"]
)
def test_a_project_of_https_alone_is_asked_by_https(settings: Any, name: str) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["http://localhost:3000"]
    page = browser("http://localhost:3000")
    assert page.get("me/").wsgi_request.scheme == "http"
    setattr(settings, name, True)
    page = browser("http://localhost:3000")
    assert page.get("me/").wsgi_request.scheme == "https"
    assert browser().head("me/").wsgi_request.scheme == "https"


def test_json_is_sent_where_the_project_tests_with_forms(settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.MultiPartRenderer"],
    }
    request = browser().post("validate_password/", {"password": "x"}).wsgi_request
    assert request.content_type == "application/json"


# Freshness


@elsewhere
@pytest.mark.parametrize("engine", ["db", "signed_cookies"])
def test_a_session_is_made_fresh_and_stale(
    make_user: MakeUser, settings: Any, engine: str
) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    page = browser().logged_in_as(make_user())

    def answer() -> Any:
        return page.post("/sensitive/", {}).json()

    assert answer() == {"detail": "reauthentication_required"}
    fresh(page)
    assert answer() == ["testserver", FRONTEND]
    stale(page)
    assert answer() == {"detail": "reauthentication_required"}


def test_what_cannot_be_fresh_says_so(make_user: MakeUser, settings: Any) -> None:
    with pytest.raises(AssertionError, match="No user is logged in"):
        fresh(Client())
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "REAUTHENTICATION_TIMEOUT": None}
    with pytest.raises(AssertionError, match="TIMEOUT is None"):
        fresh(browser().logged_in_as(make_user()))


# Waiting users, and their mails


@with_activation
def test_a_waiting_user_activates_the_account_by_the_mailed_link() -> None:
    user = waiting()
    address = getattr(user, user_model.email)
    page = browser()
    assert page.login(address, PASSWORD).status_code == 400
    link = link_in()
    assert (link, link.purpose) == (link_in(last_mail(address)), "activation")
    assert page.post("activate_email/", link.data).status_code == 200
    assert page.login(address, PASSWORD).status_code == 200


@with_activation
def test_each_waiting_user_is_another_one() -> None:
    assert waiting().pk != waiting().pk
    assert len(mail.outbox) == 2


@with_activation
def test_a_waiting_user_has_the_fields_that_the_test_gives() -> None:
    user = waiting(email="Ada@example.com", password="nine lanterns on a hill")
    assert getattr(user, user_model.email) == "Ada@example.com"
    assert user.check_password("nine lanterns on a hill")
    with pytest.raises(ValidationError) as refused:
        waiting(email="ada@example.com")
    assert "unique" in str(refused.value.get_codes())
    with (
        override_settings(
            AI_KIT_AUTH={"FRONTEND": {"URL": FRONTEND}, "PREVENT_ENUMERATION": True}
        ),
        pytest.raises(ValueError, match="An account has"),
    ):
        waiting(email="ada@example.com")


@pytest.mark.user_model("bare")
def test_where_no_account_waits_there_is_no_waiting_user() -> None:
    with pytest.raises(ImproperlyConfigured, match="has no is_active"):
        waiting_user()


@pytest.mark.parametrize(
    "route",
    [
        "/auth/reset-password/",
        "reset",
        "/?view=reset",
        "/#/reset",
        "/reset#form",
        "/app?x=1&amp#!/deep/reset?y=2",
    ],
)
@pytest.mark.parametrize("form", ["text", "html", "both"])
def test_a_link_is_found_on_every_route_and_in_every_mail(
    settings: Any, route: str, form: str
) -> None:
    settings.AI_KIT_AUTH = {"FRONTEND": {"URL": FRONTEND, "RESET_PW_ROUTE": route}}
    url = str(make_url(FRONTEND, route, ident="1", token="a-b"))
    page = f'<a href="{url.replace("&", "&amp;")}">Reset</a>'
    text = f"See https://example.com/ and (open {url})."
    message = EmailMultiAlternatives("Reset", text if form == "text" else "Hello", "a")
    if form == "html":
        message.body, message.content_subtype = page, "html"
    if form == "both":
        message.attach_alternative("BEGIN:VCALENDAR", "text/calendar")
        message.attach_alternative(page, "text/html")
    link = link_in(message)
    assert link.url == url
    assert (link.ident, link.token, link.purpose) == ("1", "a-b", "reset_password")


def test_a_link_to_no_route_or_to_two_has_no_purpose(settings: Any) -> None:
    url = f"{FRONTEND}/other?ident=1&token=2"
    assert link_in(EmailMessage("Hi", url)).purpose == ""
    routes = {"ACTIVATION_ROUTE": "/other", "RESET_PW_ROUTE": "/other"}
    settings.AI_KIT_AUTH = {"FRONTEND": {"URL": FRONTEND, **routes}}
    assert link_in(EmailMessage("Hi", url)).purpose == ""


def test_a_mail_that_is_missing_is_reported_with_those_that_are_there() -> None:
    with pytest.raises(AssertionError, match=r"outbox\. It is empty\."):
        link_in()
    mail.outbox.append(EmailMessage("Hello", "No link", to=["ada@example.com"]))
    with pytest.raises(AssertionError, match=r"No mail to bob(.|\n)*'Hello' to \['ada"):
        last_mail("bob@example.com")
    assert last_mail("ADA@example.com").subject == "Hello"
    with pytest.raises(AssertionError, match=r"No link with an ident(.|\n)*No link"):
        link_in()
    mail.outbox.append(EmailMessage("Half", f"{FRONTEND}/?ident=1"))
    with pytest.raises(AssertionError, match="in the mail 'Half'"):
        link_in()


# Limits

TIGHT = {
    "FRONTEND": {"URL": FRONTEND},
    "THROTTLE_RATES": {
        "LOGIN_ACCOUNT": "1/day",
        "LOGIN_ACCOUNT_ADDRESS": "1/day",
        "VALIDATE_PASSWORD": "1/day",
    },
}


def statuses() -> list[int]:
    page = browser()
    return [
        answer.status_code
        for _ in range(2)
        for answer in (
            page.login("ada@example.com", "wrong"),
            page.post("validate_password/", {"password": "x", **attributes()}),
        )
    ]


def attributes() -> dict[str, Any]:
    return {**attributes_of("ada"), "email": "ada@example.com", "username": "ada"}


@override_settings(AI_KIT_AUTH=TIGHT)
def test_no_limit_holds_within_the_block() -> None:
    limited = statuses()
    assert limited[2:] == [429, 429]
    with throttles_off():
        assert 429 not in statuses()
        # A test inside may change the dict.
        with override_settings(AI_KIT_AUTH={**TIGHT, "USERNAME_REQUIRED": True}):
            assert 429 not in statuses()
        with throttles_off():
            assert api_settings.THROTTLE_RATES.LOGIN_ACCOUNT is None
        assert 429 not in statuses()
    assert statuses() == [429] * 4


@throttles_off()
@override_settings(AI_KIT_AUTH=TIGHT)
def test_a_test_may_be_decorated() -> None:
    assert 429 not in statuses()


def test_limits_come_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="inside"), throttles_off():
        raise ValueError("inside")
    assert api_settings.THROTTLE_RATES.LOGIN_ACCOUNT == "30/min"


# The package itself, and pytest's fixtures

PROJECT = """
import pytest


def test_browser(auth_browser, waiting_user, throttles_off):
    from ai_kit_auth.settings import api_settings
    from ai_kit_auth.test import PASSWORD, link_in

    assert api_settings.THROTTLE_RATES.LOGIN_ACCOUNT is None
    assert auth_browser.post("activate_email/", link_in().data).status_code == 200
    assert auth_browser.login(waiting_user.email, PASSWORD).status_code == 200


def test_clock(totp_clock):
    assert totp_clock.time() > 0


def test_passkey(soft_authenticator):
    assert soft_authenticator.origin == "https://app.example.com"
"""


@pytest.mark.user_model("auth_user")
def test_the_fixtures_work_in_a_project_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        'pytest_plugins = ["ai_kit_auth.test.fixtures"]\n'
    )
    (tmp_path / "test_accounts.py").write_text(PROJECT)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nDJANGO_SETTINGS_MODULE = tests.projects.passkeys.settings\n"
        "filterwarnings = error\ndjango_find_project = false\n"
    )
    root = Path(__file__).resolve().parents[1]
    package = Path(ai_kit_auth.__file__).parents[1]
    done = subprocess.run(  # noqa: S603  # this Python, the tests above
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=environment(PYTHONPATH=f"{package}:{root}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert "3 passed" in done.stdout, done.stdout


@pytest.mark.user_model("auth_user")
def test_the_helpers_need_no_pytest_and_the_package_no_helpers(tmp_path: Path) -> None:
    code = """
import sys, django
django.setup()
import ai_kit_auth.urls, ai_kit_auth.admin
from django.core.management import call_command
call_command("check")
assert "ai_kit_auth.test" not in sys.modules
assert "unittest.mock" not in sys.modules
import ai_kit_auth.test
assert not {"pytest", "fido2", "django_otp"} & set(sys.modules)
"""
    root = Path(__file__).resolve().parents[1]
    package = Path(ai_kit_auth.__file__).parents[1]
    done = subprocess.run(  # noqa: S603  # this Python, the code above
        [sys.executable, "-c", code],
        env=environment(
            PYTHONPATH=f"{package}:{root}",
            DJANGO_SETTINGS_MODULE="tests.settings.auth_user",
        ),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
