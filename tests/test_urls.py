"""The URLs of the endpoints; a disabled endpoint has none."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import (
    NoReverseMatch,
    Resolver404,
    clear_url_caches,
    resolve,
    reverse,
)
from rest_framework.test import APIClient

from ai_kit_auth import urls, views

from . import urls as root_urls
from .accounts import (
    registration,
    view_of,
)

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

# The contract's table, word by word.
ENDPOINTS = {
    "LOGIN": ("login", "login/", views.LoginView),
    "LOGOUT": ("logout", "logout/", views.LogoutView),
    "ME": ("me", "me/", views.MeView),
    "REGISTER": ("register", "register/", views.RegistrationView),
    "SEND_PW_RESET_MAIL": (
        "send_pw_reset_email",
        "send_pw_reset_email/",
        views.InitiatePasswordResetView,
    ),
    "RESET_PASSWORD": ("pw_reset", "reset_password/", views.ResetPassword),
    "VALIDATE_PASSWORD": (
        "validate_password",
        "validate_password/",
        views.ValidatePassword,
    ),
    "ACTIVATE_EMAIL": ("activate", "activate_email/", views.ActivateUser),
}
PREFIX = "/api/v1/auth/"
FRONTEND = {"URL": "https://app.example.com"}

Load = Callable[[dict[str, Any]], None]


def reload_urls() -> None:
    module: ModuleType
    for module in (urls, root_urls):
        importlib.reload(module)
    clear_url_caches()


@pytest.fixture
def load() -> Iterator[Load]:
    """Return a function that loads the URLconf anew under another AI_KIT_AUTH."""

    def load_under(configuration: dict[str, Any]) -> None:
        with override_settings(AI_KIT_AUTH=configuration):
            reload_urls()

    yield load_under
    reload_urls()


def test_there_is_no_further_endpoint() -> None:
    assert [str(route.pattern) for route in urls.auth_patterns] == [
        path for _, path, _ in ENDPOINTS.values()
    ]


@pytest.mark.parametrize("key", ENDPOINTS)
def test_each_has_its_documented_name_path_and_view(key: str) -> None:
    name, path, view = ENDPOINTS[key]
    assert reverse(f"ai_kit_auth:{name}") == PREFIX + path
    match = resolve(PREFIX + path)
    assert match.view_name == f"ai_kit_auth:{name}"
    assert match.app_names == match.namespaces == ["ai_kit_auth"]
    assert view_of(match.func) is view


@pytest.mark.parametrize("key", ENDPOINTS)
def test_each_path_ends_in_a_slash(key: str) -> None:
    with pytest.raises(Resolver404):
        resolve(PREFIX + ENDPOINTS[key][1].rstrip("/"))


@pytest.mark.parametrize("key", ENDPOINTS)
def test_a_disabled_endpoint_is_nowhere_and_the_others_stay(
    client: APIClient, load: Load, key: str
) -> None:
    load({"FRONTEND": FRONTEND, "ENABLE_ENDPOINTS": {key: False}})
    name, path, _ = ENDPOINTS[key]
    with pytest.raises(NoReverseMatch):
        reverse(f"ai_kit_auth:{name}")
    for answer in (client.get(PREFIX + path), client.post(PREFIX + path)):
        assert answer.status_code == 404
    others = {other[:2] for other in ENDPOINTS.values()} - {(name, path)}
    assert {
        (other, reverse(f"ai_kit_auth:{other}").removeprefix(PREFIX))
        for other, _ in others
    } == others


def test_all_may_be_disabled(client: APIClient, load: Load) -> None:
    load({"FRONTEND": FRONTEND, "ENABLE_ENDPOINTS": dict.fromkeys(ENDPOINTS, False)})
    assert urls.auth_patterns == []
    assert client.get(f"{PREFIX}me/").status_code == 404


def test_true_is_the_default_written_out(load: Load) -> None:
    load({"FRONTEND": FRONTEND, "ENABLE_ENDPOINTS": {"LOGIN": True}})
    assert reverse("ai_kit_auth:login") == f"{PREFIX}login/"
    assert reverse("ai_kit_auth:me") == f"{PREFIX}me/"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"ENABLE_ENDPOINTS": {"LOGINN": False}}, "did you mean 'LOGIN'"),
        ({"ENABLE_ENDPOINTS": {"LOGIN": "no"}}, "must be a bool, not str"),
        ({"ENABLE_ENDPOINTS": ["LOGIN"]}, "must be a dict, not list"),
    ],
)
def test_under_a_broken_setting_the_urlconf_loads_and_every_request_says_why(
    client: APIClient, load: Load, broken: dict[str, Any], message: str
) -> None:
    """An exception at import would keep ``manage.py check`` from telling."""
    load(broken)
    for name, path, _ in ENDPOINTS.values():
        with pytest.raises(NoReverseMatch):
            reverse(f"ai_kit_auth:{name}")
        with pytest.raises(ImproperlyConfigured, match=message):
            client.post(PREFIX + path, registration())
