"""What ``manage.py check`` says of Django, DRF and the URLconf."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication, SessionAuthentication

import ai_kit_auth.urls
from ai_kit_auth import urls, views

from .test_checks import TOKENS, findings, ids

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
    """What a host makes of one of our views."""


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
