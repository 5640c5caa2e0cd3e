"""``manage.py check`` on Django, DRF and the URLconf."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.test import override_settings
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from rest_framework.authentication import BaseAuthentication, SessionAuthentication

import ai_kit_auth.urls
from ai_kit_auth import urls, views
from ai_kit_auth.checks.routes import path_of

from .test_checks import TOKENS, findings, ids, mails_by_path
from .test_checks_deployment import own_sender

BASIC = "rest_framework.authentication.BasicAuthentication"
ALL_OFF = dict.fromkeys(ai_kit_auth.urls.ROUTES, False)


class OwnSessions(SessionAuthentication):
    pass


class CookieSession(BaseAuthentication):
    """Does the work of DRF's by another way."""


def known_by(*classes: Any) -> dict[str, Any]:
    return {"REST_FRAMEWORK": {"DEFAULT_AUTHENTICATION_CLASSES": classes}}


@pytest.mark.parametrize(
    "classes", [(TOKENS,), (TOKENS, BASIC), (), (BaseAuthentication,)]
)
def test_w018_who_logs_in_here_is_unknown_elsewhere(classes: Any) -> None:
    [problem] = findings(**known_by(*classes))
    assert problem.id == "ai_kit_auth.W018"


@pytest.mark.parametrize(
    "classes",
    [
        ("rest_framework.authentication.SessionAuthentication",),
        (TOKENS, f"{__name__}.OwnSessions"),
        (OwnSessions, TOKENS),
        (CookieSession,),
        # DRF says so where it is used.
        ("no.such.Authentication",),
    ],
)
def test_w018_a_class_that_knows_sessions(classes: Any) -> None:
    assert ids(**known_by(*classes)) == []


@pytest.mark.parametrize(
    "drf", [{}, {"NUM_PROXIES": 1}, {"DEFAULT_AUTHENTICATION_CLASSES": TOKENS}]
)
def test_w018_drfs_default_is_good(drf: dict[str, Any]) -> None:
    assert ids(REST_FRAMEWORK=drf) == []


@pytest.mark.parametrize(
    ("off", "found"),
    [
        (("REGISTER", "RESET_PASSWORD"), []),
        (("REGISTER",), ["W015"]),
        (("RESET_PASSWORD",), ["W015"]),
    ],
)
def test_w015_a_host_that_takes_no_passwords_checks_none(
    off: tuple[str, ...], found: list[str]
) -> None:
    endpoints = dict.fromkeys(off, False)
    given = {**settings.AI_KIT_AUTH, "ENABLE_ENDPOINTS": endpoints}
    assert ids(AI_KIT_AUTH=given, AUTH_PASSWORD_VALIDATORS=[]) == found


def a_page(request: HttpRequest) -> Any: ...


class OwnMe(views.MeView):
    """What a project makes of a view of the package."""


def urlconf(*patterns: Any) -> ModuleType:
    """Return a URLconf that has ``patterns``, beside the admin and a page."""
    found = ModuleType("urlconf")
    found.urlpatterns = [path("admin/", admin.site.urls), path("", a_page), *patterns]  # type: ignore[attr-defined]  # it is a URLconf's own
    return found


def routed(*patterns: Any) -> list[str]:
    return ids(ROOT_URLCONF=urlconf(*patterns))


def test_w023_a_urlconf_of_other_pages() -> None:
    assert routed() == ["W023"]
    assert routed(path("api/", include([path("page/", a_page)]))) == ["W023"]


def test_w023_the_app_may_be_anywhere_below() -> None:
    included = path("auth/", include("ai_kit_auth.urls"))
    assert routed(included) == []
    assert routed(path("v1/", include(([included], "v1"), namespace="v1"))) == []
    assert routed(path("accounts/", include((urls.auth_patterns, "accounts")))) == []


def test_w023_a_host_may_route_its_own_views() -> None:
    assert routed(path("me/", OwnMe.as_view())) == []


def test_w023_a_host_that_serves_nothing_needs_no_url() -> None:
    given = {**settings.AI_KIT_AUTH, "ENABLE_ENDPOINTS": ALL_OFF}
    assert ids(AI_KIT_AUTH=given, ROOT_URLCONF=urlconf()) == []


def an_own_login(request: HttpRequest) -> Any: ...


INCLUDED = path("auth/", include("ai_kit_auth.urls"))


@pytest.mark.parametrize(
    ("above", "found"),
    [
        (re_path(r"^(?!admin)", a_page), ["W033"]),
        (path("<path:rest>", a_page), ["W033"]),
        (re_path(r"^auth/.*", RedirectView.as_view(url="/")), ["W033"]),
        (re_path("", partial(a_page)), ["W033"]),
        # One endpoint of the project's own is what it may want.
        (path("auth/login/", an_own_login), []),
        (path("auth/me/", OwnMe.as_view()), []),
        (re_path(r"^other/.*", a_page), []),
    ],
)
def test_w033_another_route_above_the_endpoints(above: Any, found: list[str]) -> None:
    urlconf_module = urlconf()
    urlconf_module.urlpatterns = [above, INCLUDED]  # type: ignore[attr-defined]  # it is a URLconf's own
    assert ids(ROOT_URLCONF=urlconf_module) == found


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("auth", ["W032"]),
        ("api/v1/auth", ["W032"]),
        ("<tenant>", ["W032"]),
        ("", []),
        ("api/<version>/auth/", []),
        ("t/<int:tenant>/<slug:version>/", []),
        ("<uuid:tenant>/auth/", []),
    ],
)
def test_w032_a_prefix_without_its_slash(prefix: str, found: list[str]) -> None:
    urlconf_module = urlconf()
    included = path(prefix, include("ai_kit_auth.urls"))
    urlconf_module.urlpatterns = [included]  # type: ignore[attr-defined]  # it is a URLconf's own
    installed = [a for a in settings.INSTALLED_APPS if not a.endswith(".admin")]
    assert ids(ROOT_URLCONF=urlconf_module, INSTALLED_APPS=installed) == found


def test_arguments_that_the_project_declares_are_tried_first() -> None:
    urlconf_module = urlconf()
    urlconf_module.urlpatterns = [path("<version>/", include("ai_kit_auth.urls"))]  # type: ignore[attr-defined]  # it is a URLconf's own
    with override_settings(ROOT_URLCONF=urlconf_module):
        assert path_of("ai_kit_auth:me") == "/v1/me/"
        with override_settings(REST_FRAMEWORK={"ALLOWED_VERSIONS": ["2026-11"]}):
            assert path_of("ai_kit_auth:me") == "/2026-11/me/"
        assert path_of("ai_kit_auth:nothing") is None
        assert path_of("elsewhere:me") is None


def test_arguments_that_cannot_be_guessed_leave_the_path_unknown() -> None:
    urlconf_module = urlconf()
    regex = re_path(r"^(?P<tenant>[0-9a-f]{40})/", include("ai_kit_auth.urls"))
    urlconf_module.urlpatterns = [regex]  # type: ignore[attr-defined]  # it is a URLconf's own
    assert ids(ROOT_URLCONF=urlconf_module) == []


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (["api.example.com:8000"], ["api.example.com"]),
        (["http://localhost:8000/", "127.0.0.1:8000"], ["localhost", "127.0.0.1"]),
        (["https://[::1]:8000"], ["[::1]"]),
        (["::1"], ["[::1]"]),
        (["*.example.com", "testserver"], [".example.com", "testserver"]),
        (["api.example.com/v1", "api.example.com"], ["api.example.com"]),
        ([" api.example.com "], ["api.example.com"]),
    ],
)
def test_w035_an_entry_that_no_host_header_equals(
    given: list[str], right: list[str]
) -> None:
    found = [f for f in findings(ALLOWED_HOSTS=given) if "W013" not in str(f.id)]
    assert [problem.id for problem in found] == ["ai_kit_auth.W035"]
    assert found[0].hint == f"ALLOWED_HOSTS = {right!r}"


@pytest.mark.parametrize(
    "entry", ["*", ".example.com", "API.example.com", "[::1]", "10.0.0.7", "web", ""]
)
def test_w035_what_an_entry_may_be(entry: str) -> None:
    assert ids(ALLOWED_HOSTS=["api.example.com", entry]) == []


@pytest.mark.parametrize(
    "path_of_class", ["django.core.mail.backends.smtp.Backend", "words", ".a.b"]
)
def test_w034_a_mail_backend_that_is_not_there(path_of_class: str) -> None:
    assert ids(**mails_by_path(path_of_class)) == ["W034"]
    senders = dict.fromkeys(
        (
            "SEND_USER_ACTIVATION_MAIL",
            "SEND_ACTIVATION_BY_ADMIN_MAIL",
            "SEND_RESET_PW_MAIL",
        ),
        own_sender,
    )
    given = {**settings.AI_KIT_AUTH, **senders}
    assert ids(**mails_by_path(path_of_class), AI_KIT_AUTH=given) == []
