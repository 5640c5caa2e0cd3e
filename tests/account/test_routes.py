"""The routes of the account page: permissions, and that all are off by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import NoReverseMatch, resolve, reverse

from ai_kit_auth import urls
from ai_kit_auth.account import urls as account_urls
from ai_kit_auth.account import views
from ai_kit_auth.capability import served as routes_of
from ai_kit_auth.settings import APISettings, keys_below

from ..accounts import view_of
from ..conftest import OTHER_PASSWORD, PASSWORD
from .page import ADA, EVERY_MODEL, NEW, OUT, Browser, answer_of, refused

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]

PREFIX = "/api/v1/auth/"
# The table, word by word.
ENDPOINTS = {
    "resend_activation_email": ("RESEND_ACTIVATION_MAIL", views.ResendActivationMail),
    "change_password": ("CHANGE_PASSWORD", views.ChangePassword),
    "logout_others": ("LOGOUT_OTHERS", views.LogoutOthers),
    "change_email": ("CHANGE_EMAIL", views.ChangeEmail),
    "confirm_email": ("CHANGE_EMAIL", views.ConfirmEmail),
    "delete_account": ("DELETE_ACCOUNT", views.DeleteAccount),
    "confirm_password": ("CONFIRM_PASSWORD", views.ConfirmPassword),
}
BODIES: dict[str, dict[str, Any]] = {
    "change_password": {"password": PASSWORD, "new_password": OTHER_PASSWORD},
    "logout_others": {"password": PASSWORD},
    "change_email": {"email": NEW, "password": PASSWORD},
    "delete_account": {"password": PASSWORD},
    "confirm_password": {"password": PASSWORD},
}
PUBLIC = {"resend_activation_email": {"email": ADA}, "confirm_email": {}}


def served(**switches: bool) -> list[str]:
    """Return the paths of a project with these keys on."""
    endpoints = APISettings({"ENABLE_ENDPOINTS": switches}).ENABLE_ENDPOINTS
    return [str(route.pattern) for route in routes_of(endpoints)]


def test_none_is_served_by_default(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.urls"
    for name in ENDPOINTS:
        with pytest.raises(NoReverseMatch):
            reverse(f"ai_kit_auth:{name}")
        assert Browser().client.post(f"{PREFIX}{name}/").status_code == 404
    assert Browser().client.patch(f"{PREFIX}me/").status_code == 405


def test_each_has_its_documented_name_path_and_view() -> None:
    assert {key for key, _ in ENDPOINTS.values()} == set(account_urls.ROUTES)
    for name, (_, view) in ENDPOINTS.items():
        assert reverse(f"ai_kit_auth:{name}") == f"{PREFIX}{name}/"
        assert view_of(resolve(f"{PREFIX}{name}/").func) is view


def test_each_key_adds_its_paths_and_no_other() -> None:
    usual = served()
    assert len(usual) == 8
    for key in account_urls.ROUTES:
        own = [f"{name}/" for name, (its, _) in ENDPOINTS.items() if its == key]
        assert served(**{key: True}) == [*usual, *own]
    assert served(UPDATE_ME=True) == usual


def test_the_eight_are_the_same_views_whether_or_not_the_page_is_served() -> None:
    everything = APISettings(
        {"ENABLE_ENDPOINTS": dict.fromkeys(keys_below("ENABLE_ENDPOINTS"), True)}
    )
    routes = routes_of(everything.ENABLE_ENDPOINTS)
    unchanged = [route for route in urls.ROUTES.values() if route.name != "me"]
    assert set(unchanged) <= set(routes)


@pytest.mark.parametrize("me", [True, False])
def test_patch_me_does_not_serve_a_get_that_is_switched_off(
    settings: Settings, browser: Browser, me: bool
) -> None:
    endpoints = APISettings({"ENABLE_ENDPOINTS": {"ME": me, "UPDATE_ME": True}})
    [route] = [
        route for route in routes_of(endpoints.ENABLE_ENDPOINTS) if route.name == "me"
    ]
    asked = Browser().client
    browser.me()
    request = asked.get("/").wsgi_request
    answer = route.callback(request)
    assert answer.status_code == (200 if me else 405)
    assert answer.data == (answer.data if me else {"error": "method_not_allowed"})
    assert answer.headers["Allow"] == ("GET, HEAD, PATCH" if me else "PATCH")


@pytest.mark.parametrize("name", BODIES)
def test_it_is_for_who_is_logged_in(ada: Any, name: str) -> None:
    browser = Browser()
    browser.me()
    answer = browser.post(name, BODIES[name])
    assert answer_of(answer) == OUT
    assert answer.headers["Cache-Control"] == "no-store, private"


def test_me_is_patched_by_who_is_logged_in(ada: Any) -> None:
    browser = Browser()
    browser.me()
    assert answer_of(browser.patch({})) == OUT


@pytest.mark.parametrize("token", ["", "x" * 64, "nonsense"])
@pytest.mark.parametrize("name", [*BODIES, "me"])
def test_it_takes_a_csrf_token(browser: Browser, name: str, token: str) -> None:
    method = "patch" if name == "me" else "post"
    headers = {"X-CSRFToken": token}
    answer = browser.send(method, name, BODIES.get(name), headers=headers)
    assert answer_of(answer) == refused("csrf_failed")
    assert browser.me() is not None


@pytest.mark.parametrize("name", PUBLIC)
def test_what_comes_out_of_a_mail_takes_none(ada: Any, name: str) -> None:
    answer = Browser().post(name, PUBLIC[name], headers={})
    assert answer.status_code == (200 if PUBLIC[name] else 400)


@pytest.mark.parametrize("name", [*BODIES, "me"])
def test_no_answer_is_kept_by_a_cache(browser: Browser, name: str) -> None:
    method = "patch" if name == "me" else "post"
    for body in ({"password": 1, "new_password": 2}, BODIES.get(name)):
        answer = browser.send(method, name, body)
        assert answer.headers["Cache-Control"] == "no-store, private"
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "X"])
@pytest.mark.parametrize("name", ENDPOINTS)
def test_there_is_no_other_method(browser: Browser, name: str, method: str) -> None:
    headers = {"X-CSRFToken": browser.token}
    path = reverse(f"ai_kit_auth:{name}")
    answer = browser.client.generic(method, path, headers=headers)
    assert answer_of(answer) == refused("method_not_allowed", 405)
    assert answer.headers["Allow"] == "POST"
    assert answer.headers["Cache-Control"] == "no-store, private"


@pytest.mark.parametrize("name", BODIES)
def test_a_form_is_understood(browser: Browser, name: str) -> None:
    for form in ("multipart", None):
        fresh = Browser()
        assert fresh.log_in().status_code == 200
        body = {**BODIES[name], "password": "wrong"}
        assert fresh.post(name, body, format=form).status_code == 400
    form = "&".join(f"{key}={value}" for key, value in BODIES[name].items())
    answer = browser.client.post(
        reverse(f"ai_kit_auth:{name}"),
        form,
        content_type="application/x-www-form-urlencoded",
        headers={"X-CSRFToken": browser.token},
    )
    assert answer.status_code == 200
