"""The eight endpoints, one fact in each test, as a frontend sees them."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django import urls as django_urls
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.http import Http404, HttpRequest
from django.test import AsyncRequestFactory, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, path, reverse
from rest_framework import serializers
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.throttling import AnonRateThrottle

import ai_kit_auth.urls
from ai_kit_auth import signals, views
from ai_kit_auth.accounts import email_of, ident_of
from ai_kit_auth.serializers import (
    PasswordField,
    PasswordResetSerializer,
    RegistrationSerializer,
    UserSerializer,
)
from ai_kit_auth.user_model import user_model

from .accounts import (
    attributes_of,
    configure,
    csrf,
    has_activation,
    log_in,
    mailed_link,
    post,
    registration,
    the_user,
)
from .conftest import (
    OTHER_PASSWORD,
    PASSWORD,
    MakeUser,
    with_activation,
    with_username,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


ROUTES = {
    "login": "login/",
    "logout": "logout/",
    "me": "me/",
    "register": "register/",
    "send_pw_reset_email": "send_pw_reset_email/",
    "pw_reset": "reset_password/",
    "validate_password": "validate_password/",
    "activate": "activate_email/",
}
KEYS = dict(
    zip(
        (
            "LOGIN",
            "LOGOUT",
            "ME",
            "REGISTER",
            "SEND_PW_RESET_MAIL",
            "RESET_PASSWORD",
            "VALIDATE_PASSWORD",
            "ACTIVATE_EMAIL",
        ),
        ROUTES,
        strict=True,
    )
)
POSTED = [name for name in ROUTES if name != "me"]
FORM = "application/x-www-form-urlencoded"


def answer_of(response: Any) -> tuple[int, Any]:
    return response.status_code, response.json()


def me(client: APIClient) -> Any:
    return client.get(reverse("ai_kit_auth:me")).json()["user"]


def shown(user: Any) -> dict[str, Any]:
    """Return what the contract says of a user, spelt out anew for each model."""
    pk = user.pk if isinstance(user.pk, int) else str(user.pk)
    address = {user_model.email: "ada@example.com"}
    username = user_model.username
    return {"id": pk, **address, **({username: "ada"} if username else {})}


INVALID_CREDENTIALS = (400, {"non_field_errors": ["invalid_credentials"]})
CSRF_FAILED = (403, {"error": "csrf_failed"})


# Routes


@pytest.mark.parametrize("name", ROUTES)
def test_paths_are_those_of_the_documentation(name: str) -> None:
    assert reverse(f"ai_kit_auth:{name}") == f"/api/v1/auth/{ROUTES[name]}"


@pytest.fixture
def reload_routes(settings: Settings) -> Iterator[Callable[..., None]]:
    """Return a function that loads the route table anew, as a restart does."""

    def reload(**endpoints: bool) -> None:
        configure(settings, ENABLE_ENDPOINTS=endpoints)
        load()

    def load() -> None:
        importlib.reload(ai_kit_auth.urls)
        importlib.reload(sys.modules["tests.urls"])
        django_urls.clear_url_caches()

    yield reload
    configure(settings, ENABLE_ENDPOINTS={})
    load()


@pytest.mark.parametrize("key", KEYS)
def test_a_disabled_endpoint_is_not_there(
    client: APIClient, reload_routes: Callable[..., None], key: str
) -> None:
    reload_routes(**{key: False})
    name = KEYS[key]
    with pytest.raises(NoReverseMatch):
        reverse(f"ai_kit_auth:{name}")
    assert client.post(f"/api/v1/auth/{ROUTES[name]}").status_code == 404
    others = [other for other in ROUTES if other != name]
    assert [reverse(f"ai_kit_auth:{other}") for other in others] == [
        f"/api/v1/auth/{ROUTES[other]}" for other in others
    ]


# me/


def test_me_of_nobody(client: APIClient) -> None:
    answer = client.get(reverse("ai_kit_auth:me"))
    assert answer.status_code == 200
    assert set(answer.json()) == {"user", "csrf"}
    assert answer.json()["user"] is None
    assert isinstance(answer.json()["csrf"], str)
    assert "sessionid" not in client.cookies


def test_me_of_a_user(client: APIClient, make_user: MakeUser) -> None:
    user = make_user()
    log_in(client, "ada@example.com")
    answer = client.get(reverse("ai_kit_auth:me"))
    assert answer.status_code == 200
    assert set(answer.json()) == {"user", "csrf"}
    assert answer.json()["user"] == shown(user)
    assert list(answer.json()["user"]) == list(shown(user))


@with_activation
def test_the_session_of_a_user_whom_an_admin_deactivates_is_nobodys(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    log_in(client, "ada@example.com")
    get_user_model()._default_manager.update(is_active=False)
    assert me(client) is None
    answer = post(client, "logout", **csrf(client))
    assert answer_of(answer) == (403, {"error": "not_authenticated"})
    assert answer_of(log_in(client, "ada@example.com")) == INVALID_CREDENTIALS


def test_a_new_password_ends_the_sessions_of_the_old(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    log_in(client, "ada@example.com")
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    data = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(APIClient(), "pw_reset", data).status_code == 200
    assert me(client) is None


# Login and logout


@pytest.mark.parametrize("ident", ["ada@example.com", "ADA@Example.COM"])
def test_login_by_address(client: APIClient, make_user: MakeUser, ident: str) -> None:
    user = make_user()
    answer = log_in(client, ident)
    assert answer.status_code == 200
    assert set(answer.json()) == {"user", "csrf"}
    assert answer.json()["user"] == shown(user) == me(client)


@with_username
def test_login_by_username(client: APIClient, make_user: MakeUser) -> None:
    user = make_user()
    answer = log_in(client, "ada")
    assert answer.status_code == 200
    assert answer.json()["user"] == shown(user)


@pytest.mark.parametrize(
    ("ident", "password"),
    [
        ("ada@example.com", "wrong"),
        ("ada@example.com", PASSWORD.upper()),
        ("nobody@example.com", PASSWORD),
        ("nobody", PASSWORD),
        ("ada@", PASSWORD),
        ("%@example.com", PASSWORD),
    ],
)
def test_a_login_that_fails_says_no_more_than_that(
    client: APIClient, make_user: MakeUser, ident: str, password: str
) -> None:
    make_user()
    assert answer_of(log_in(client, ident, password)) == INVALID_CREDENTIALS
    assert me(client) is None


@with_activation
def test_who_is_not_active_learns_nothing_by_the_right_password(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user(is_active=False)
    assert answer_of(log_in(client, "ada@example.com")) == INVALID_CREDENTIALS


@pytest.mark.parametrize("data", [{}, {"ident": ""}, {"password": ""}])
def test_a_login_without_its_fields(client: APIClient, data: dict[str, str]) -> None:
    expected = {
        name: ["blank" if name in data else "required"]
        for name in ("ident", "password")
    }
    answer = post(client, "login", data, **csrf(client))
    assert answer_of(answer) == (400, expected)


def test_a_login_with_nulls(client: APIClient) -> None:
    answer = post(client, "login", {"ident": None, "password": None}, **csrf(client))
    assert answer_of(answer) == (400, {"ident": ["null"], "password": ["null"]})


def test_the_session_gets_a_new_key_at_login(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """Otherwise an attacker with a planted old key would be logged in."""
    settings.CSRF_USE_SESSIONS = True
    make_user()
    csrf(client)
    planted = client.cookies["sessionid"].value
    log_in(client, "ada@example.com")
    assert client.cookies["sessionid"].value != planted
    stranger = APIClient()
    stranger.cookies["sessionid"] = planted
    assert me(stranger) is None


def with_key(session_key: str) -> APIClient:
    """Return a browser that was given the key of a session."""
    browser = APIClient()
    browser.cookies["sessionid"] = session_key
    return browser


@pytest.mark.parametrize("next_one", ["ada", "bob"])
def test_the_session_gets_a_new_key_at_a_second_login(
    client: APIClient, make_user: MakeUser, next_one: str
) -> None:
    """Django's own login() keeps the key where the user is the same."""
    make_user("ada")
    make_user("bob")
    log_in(client, "ada@example.com")
    first = client.cookies["sessionid"].value
    assert me(with_key(first)) is not None
    assert log_in(client, f"{next_one}@example.com").status_code == 200
    second = client.cookies["sessionid"].value
    assert second != first
    assert me(with_key(first)) is None
    assert me(with_key(second))[user_model.email] == f"{next_one}@example.com"
    assert Session.objects.count() == 1


def test_a_second_login_keeps_what_the_session_holds(
    client: APIClient, make_user: MakeUser
) -> None:
    """Such as a shopping basket of the same user."""
    make_user()
    log_in(client, "ada@example.com")
    session = client.session
    session["basket"] = ["ferns"]
    session.save()
    log_in(client, "ada@example.com")
    assert client.session["basket"] == ["ferns"]


def test_a_login_that_fails_leaves_the_session_alone(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    log_in(client, "ada@example.com")
    key = client.cookies["sessionid"].value
    assert log_in(client, "ada@example.com", "wrong").status_code == 400
    assert client.cookies["sessionid"].value == key
    assert me(client) is not None


def test_the_session_gets_a_new_key_after_a_logout(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    log_in(client, "ada@example.com")
    first = client.cookies["sessionid"].value
    post(client, "logout", **csrf(client))
    assert me(with_key(first)) is None
    log_in(client, "ada@example.com")
    assert client.cookies["sessionid"].value != first
    assert me(with_key(first)) is None


def test_a_logout_ends_one_session_of_several(make_user: MakeUser) -> None:
    make_user()
    here, elsewhere = APIClient(), APIClient()
    for browser in (here, elsewhere):
        log_in(browser, "ada@example.com")
    post(here, "logout", **csrf(here))
    assert me(here) is None
    assert me(elsewhere) is not None


def test_a_reset_ends_every_session_of_its_user_and_of_nobody_else(
    make_user: MakeUser,
) -> None:
    make_user("ada")
    make_user("bob")
    browsers = {name: APIClient() for name in ("ada", "ada too", "bob")}
    for name, browser in browsers.items():
        log_in(browser, f"{name[:3]}@example.com")
    post(APIClient(), "send_pw_reset_email", {"email": "ada@example.com"})
    new = {**mailed_link(), "password": OTHER_PASSWORD}
    # Also the session that the reset is made in.
    assert post(browsers["ada too"], "pw_reset", new).status_code == 200
    assert [name for name in browsers if me(browsers[name])] == ["bob"]


def test_logout(client: APIClient, make_user: MakeUser) -> None:
    make_user()
    log_in(client, "ada@example.com")
    key = client.cookies["sessionid"].value
    answer = post(client, "logout", **csrf(client))
    assert answer.status_code == 200
    assert set(answer.json()) == {"csrf"}
    assert me(client) is None
    assert not Session.objects.filter(session_key=key).exists()


def test_nobody_cannot_log_out(client: APIClient) -> None:
    answer = post(client, "logout", **csrf(client))
    assert answer_of(answer) == (403, {"error": "not_authenticated"})


@with_username
def test_login_by_an_address_that_two_accounts_have(
    client: APIClient, make_user: MakeUser
) -> None:
    """The address decides for neither; a username that reads the same does."""
    names = str(user_model.username)
    make_user("ada")
    make_user("bob", **{user_model.email: "ada@example.com"})
    assert answer_of(log_in(client, "ada@example.com")) == INVALID_CREDENTIALS
    assert log_in(client, "bob").json()["user"][names] == "bob"
    make_user("cleo", **{names: "ada@example.com"})
    answer = log_in(APIClient(), "ada@example.com")
    assert answer.json()["user"][names] == "ada@example.com"


class CountingHasher(MD5PasswordHasher):
    """Counts what takes the time: every check of a password encodes it once."""

    encoded = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.encoded += 1
        return super().encode(password, salt)


def test_a_login_costs_one_hash_whoever_it_names(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """So that its time does not show who has an account."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user()
    if has_activation():
        make_user("waiting", is_active=False)
    make_user("unusable", password=None)
    costs = {}
    for name in ("ada", "waiting", "unusable", "nobody"):
        for ident in (name, f"{name}@example.com"):
            CountingHasher.encoded = 0
            assert log_in(client, ident, "wrong").status_code == 400
            costs[ident] = CountingHasher.encoded
    assert set(costs.values()) == {1}, costs


@with_username
def test_identity_fields_are_walked_in_their_order(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """One account's username is another's address: the first field decides."""
    names, address = str(user_model.username), user_model.email
    make_user("ada")
    make_user("bob", OTHER_PASSWORD, **{names: "ada@example.com"})
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 400
    assert log_in(client, "ada@example.com", PASSWORD).status_code == 200
    configure(settings, USER_IDENTITY_FIELDS=[names, address])
    other = APIClient()
    assert log_in(other, "ada@example.com", PASSWORD).status_code == 400
    assert log_in(other, "ada@example.com", OTHER_PASSWORD).status_code == 200


@with_username
@pytest.mark.parametrize("kept", ["email", "username"])
def test_a_field_that_is_no_identity_field_opens_nothing(
    client: APIClient, make_user: MakeUser, settings: Settings, kept: str
) -> None:
    make_user()
    own = {"email": user_model.email, "username": str(user_model.username)}
    typed = {"email": "ada@example.com", "username": "ada"}
    configure(settings, USER_IDENTITY_FIELDS=(own[kept],))
    for name, ident in typed.items():
        answer = log_in(APIClient(), ident)
        assert answer.status_code == (200 if name == kept else 400)


# CSRF


@pytest.fixture(params=[False, True], ids=["cookie", "session"])
def csrf_place(request: pytest.FixtureRequest, settings: Settings) -> None:
    settings.CSRF_USE_SESSIONS = request.param


LOGIN = {"ident": "ada@example.com", "password": PASSWORD}


@pytest.mark.usefixtures("csrf_place")
@pytest.mark.parametrize("token", [None, "", "x", "a" * 64, "a" * 32])
def test_login_needs_the_token(
    client: APIClient, make_user: MakeUser, token: str | None
) -> None:
    make_user()
    csrf(client)
    headers = {} if token is None else {"X-CSRFToken": token}
    answer = post(client, "login", LOGIN, headers=headers)
    assert answer_of(answer) == CSRF_FAILED
    assert answer["Content-Type"] == "application/json"
    assert me(client) is None


@pytest.mark.usefixtures("csrf_place")
def test_a_login_that_asked_for_no_token_fails(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    assert answer_of(post(client, "login", LOGIN)) == CSRF_FAILED


@pytest.mark.usefixtures("csrf_place")
def test_the_token_of_another_browser_is_none(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    csrf(client)
    answer = post(client, "login", LOGIN, **csrf(APIClient()))
    assert answer_of(answer) == CSRF_FAILED


@pytest.mark.usefixtures("csrf_place")
def test_each_answer_that_rotates_the_token_carries_the_new_one(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    first = csrf(client)
    answer = post(client, "login", LOGIN, **first)
    second = {"headers": {"X-CSRFToken": answer.json()["csrf"]}}
    assert answer_of(post(client, "logout", **first)) == CSRF_FAILED
    assert answer_of(post(client, "logout")) == CSRF_FAILED
    assert me(client) is not None

    answer = post(client, "logout", **second)
    assert answer.status_code == 200
    third = {"headers": {"x-csrftoken": answer.json()["csrf"]}}
    assert answer_of(post(client, "login", LOGIN, **second)) == CSRF_FAILED
    assert post(client, "login", LOGIN, **third).status_code == 200
    assert me(client) is not None


@pytest.mark.usefixtures("csrf_place")
def test_me_gives_a_token_that_is_good_as_long_as_nobody_logs_in_or_out(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    first = csrf(client)
    csrf(client)
    assert post(client, "login", LOGIN, **first).status_code == 200


@pytest.mark.usefixtures("csrf_place")
@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Origin": "https://app.example.com"}, True),
        ({"Origin": "https://testserver"}, True),
        ({"Origin": "https://evil.example.com"}, False),
        ({"Origin": "http://app.example.com"}, False),
        ({"Origin": "null"}, False),
        ({"Referer": "https://app.example.com/login"}, True),
        ({"Referer": "https://testserver/"}, True),
        ({"Referer": "https://evil.example.com/"}, False),
        ({"Referer": "http://app.example.com/login"}, False),
        ({"Referer": ""}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("route", ["login", "logout"])
def test_over_https_the_page_must_be_one_that_is_trusted(
    client: APIClient,
    make_user: MakeUser,
    route: str,
    headers: dict[str, str],
    passes: bool,
) -> None:
    make_user()
    if route == "logout":
        log_in(client, "ada@example.com")
    headers = {**headers, **csrf(client)["headers"]}
    answer = post(client, route, LOGIN, headers=headers, secure=True)
    if passes:
        assert answer.status_code == 200
    else:
        assert answer_of(answer) == CSRF_FAILED


@pytest.mark.parametrize("route", [r for r in POSTED if r not in {"login", "logout"}])
def test_the_other_endpoints_ask_for_no_token(
    client: APIClient, make_user: MakeUser, route: str
) -> None:
    """Not even of a logged-in user: these endpoints do not use the session's user."""
    make_user()
    log_in(client, "ada@example.com")
    status = 200 if route == "send_pw_reset_email" else 400
    assert post(client, route, {}).status_code == status


# Registration


def test_register(client: APIClient, db: None) -> None:
    answer = post(client, "register", registration())
    assert answer_of(answer) == (201, {})
    user = the_user()
    assert user.check_password(PASSWORD)
    assert user.is_active is not has_activation()
    if user_model.username:
        assert user.get_username() == "ada"


def test_register_in_the_models_own_keys(client: APIClient, db: None) -> None:
    data = {**attributes_of("ada"), "password": PASSWORD}
    assert answer_of(post(client, "register", data)) == (201, {})
    assert the_user().check_password(PASSWORD)


@pytest.mark.parametrize("given", [{}, {"username": ""}])
def test_who_gives_no_username_gets_a_unique_one(
    client: APIClient, db: None, given: dict[str, str]
) -> None:
    """The React client sends ``""`` where the person typed none."""
    for name in ("ada", "bob"):
        data = {k: v for k, v in registration(name).items() if k != "username"}
        assert post(client, "register", {**data, **given}).status_code == 201
    assert the_user("ada").get_username() != the_user("bob").get_username()
    assert the_user("ada").get_username()


@with_username
@pytest.mark.parametrize(
    ("given", "code"),
    [({}, "required"), ({"username": ""}, "blank"), ({"username": None}, "null")],
)
def test_where_the_host_requires_a_username(
    client: APIClient,
    db: None,
    settings: Settings,
    given: dict[str, str | None],
    code: str,
) -> None:
    configure(settings, USERNAME_REQUIRED=True)
    data = {k: v for k, v in registration().items() if k != "username"}
    answer = post(client, "register", {**data, **given})
    key = "username" if given else str(user_model.username)
    assert answer_of(answer) == (400, {key: [code]})
    assert post(client, "register", registration()).status_code == 201


@pytest.mark.user_model("email_login", "bare")
def test_where_no_username_is_no_username_can_be_required(
    client: APIClient, db: None, settings: Settings
) -> None:
    configure(settings, USERNAME_REQUIRED=True)
    assert post(client, "register", registration()).status_code == 201
    body = {"email": "", "password": PASSWORD}
    assert answer_of(post(client, "validate_password", body)) == (200, {})


def test_a_registration_of_nothing(client: APIClient, db: None) -> None:
    answer = post(client, "register", {"email": None, "password": None})
    assert answer.status_code == 400
    body = answer.json()
    assert body.pop("age", ["required"]) == ["required"]
    assert body == {"email": ["null"], "password": ["null"]}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"email": "ada"}, {"email": ["invalid"]}),
        ({"email": ""}, {"email": ["blank"]}),
        ({"email": "a" * 300 + "@example.com"}, {"email": ["max_length"]}),
        ({"password": ""}, {"password": ["blank"]}),
        ({"password": "a" * 5000}, {"password": ["max_length"]}),
        ({"password": "fern12"}, {"password": ["password_too_short"]}),
        ({"password": "ada@example.com"}, {"password": ["password_too_similar"]}),
        ({"password": "password1"}, {"password": ["password_too_common"]}),
        ({"password": "9045372618"}, {"password": ["password_entirely_numeric"]}),
        (
            {"password": "1234567"},
            {
                "password": [
                    "password_too_short",
                    "password_too_common",
                    "password_entirely_numeric",
                ]
            },
        ),
    ],
)
def test_a_registration_that_is_refused(
    client: APIClient, db: None, change: dict[str, str], errors: dict[str, list[str]]
) -> None:
    answer = post(client, "register", registration(**change))
    assert answer_of(answer) == (400, errors)
    assert get_user_model()._default_manager.count() == 0
    assert mail.outbox == []


@pytest.mark.user_model("auth_user", "uuid_key", "extra_field")
@pytest.mark.parametrize(
    ("username", "code"),
    [("a b", "invalid"), ("<ada>", "invalid"), ("a" * 200, "max_length")],
)
def test_a_username_that_the_model_does_not_take(
    client: APIClient, db: None, username: str, code: str
) -> None:
    answer = post(client, "register", registration(username=username))
    assert answer_of(answer) == (400, {"username": [code]})


@pytest.mark.parametrize("address", ["ada@example.com", "Ada@EXAMPLE.com"])
def test_an_address_that_has_an_account(
    client: APIClient, make_user: MakeUser, address: str
) -> None:
    make_user()
    data = registration("bob", email=address)
    expected = {"email": [f"{user_model.email}_unique"]}
    assert answer_of(post(client, "register", data)) == (400, expected)
    assert mail.outbox == []


@with_username
def test_all_that_is_wrong_is_told_at_once(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    answer = post(client, "register", registration(password="fern12"))
    assert answer_of(answer) == (
        400,
        {
            "email": [f"{user_model.email}_unique"],
            "username": [f"{user_model.username}_unique"],
            "password": ["password_too_short"],
        },
    )


# Serializers of projects


class LoudUserSerializer(UserSerializer):
    shout = serializers.SerializerMethodField()

    def get_shout(self, user: Any) -> str:
        return email_of(user).upper()


class WiderUserSerializer(UserSerializer):
    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "last_login")


class NarrowUserSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(source="pk")


def test_a_host_declares_one_more_field_of_the_user(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    configure(settings, USER_SERIALIZER=LoudUserSerializer)
    expected = {**shown(make_user()), "shout": "ADA@EXAMPLE.COM"}
    assert log_in(client, "ada@example.com").json()["user"] == expected
    assert me(client) == expected


def test_a_host_lists_one_more_field_of_the_user(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    configure(settings, USER_SERIALIZER=f"{__name__}.WiderUserSerializer")
    user = make_user()
    answer = log_in(client, "ada@example.com").json()["user"]
    assert answer.pop("last_login").startswith(str(the_user().last_login.year))
    assert answer == shown(user)


def test_a_host_shows_the_user_its_own_way(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    configure(settings, USER_SERIALIZER=NarrowUserSerializer)
    user = make_user()
    log_in(client, "ada@example.com")
    assert me(client) == {"key": str(user.pk)}


class Refusing(RegistrationSerializer):
    """Refuses in the way that its class attribute says."""

    error: Exception

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        raise self.error


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (
            serializers.ValidationError("No.", code="closed"),
            {"non_field_errors": ["closed"]},
        ),
        (serializers.ValidationError("closed"), {"non_field_errors": ["closed"]}),
        (
            serializers.ValidationError("We are closed."),
            {"non_field_errors": ["invalid"]},
        ),
        (serializers.ValidationError({"email": "closed"}), {"email": ["closed"]}),
        (serializers.ValidationError({"email": ["Sorry."]}), {"email": ["invalid"]}),
        (
            serializers.ValidationError({"email": ["closed", "closed", "late"]}),
            {"email": ["closed", "late"]},
        ),
        (
            serializers.ValidationError({"email": {"host": ["closed"]}}),
            {"email": ["closed"]},
        ),
        (DjangoValidationError("No.", code="closed"), {"non_field_errors": ["closed"]}),
        (DjangoValidationError("closed"), {"non_field_errors": ["closed"]}),
        (DjangoValidationError({"email": "closed"}), {"email": ["closed"]}),
        (
            DjangoValidationError("No.", code="Closed-Now"),
            {"non_field_errors": ["closed_now"]},
        ),
    ],
)
def test_what_a_hosts_registration_serializer_raises_comes_out_as_its_code(
    client: APIClient,
    db: None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    body: dict[str, list[str]],
) -> None:
    monkeypatch.setattr(Refusing, "error", error, raising=False)
    configure(settings, REGISTRATION_SERIALIZER=Refusing)
    answer = post(client, "register", registration())
    assert answer_of(answer) == (400, body)
    assert get_user_model()._default_manager.count() == 0


@pytest.mark.user_model("extra_field")
def test_a_hosts_own_field_of_the_registration(client: APIClient, db: None) -> None:
    young = post(client, "register", registration(age=15))
    assert answer_of(young) == (400, {"age": ["age_too_low"]})
    old = post(client, "register", registration(age=151))
    assert answer_of(old) == (400, {"age": ["max_value"]})
    data = {k: v for k, v in registration().items() if k != "age"}
    assert answer_of(post(client, "register", data)) == (400, {"age": ["required"]})
    assert post(client, "register", registration(age=16)).status_code == 201
    assert the_user().age == 16


class NamedRegistrationSerializer(RegistrationSerializer):
    class Meta(RegistrationSerializer.Meta):
        fields = (*RegistrationSerializer.Meta.fields, "first_name")


@pytest.mark.user_model("auth_user", "email_login", "uuid_key")
def test_a_host_lists_one_more_field_of_the_registration(
    client: APIClient, db: None, settings: Settings
) -> None:
    configure(settings, REGISTRATION_SERIALIZER=NamedRegistrationSerializer)
    data = registration(first_name="Augusta")
    assert post(client, "register", data).status_code == 201
    assert the_user().first_name == "Augusta"


# Passwords


BLANKS_AROUND = f"  {PASSWORD}\t "


def test_a_password_is_never_trimmed(client: APIClient, db: None) -> None:
    post(client, "register", registration(password=BLANKS_AROUND))
    if has_activation():
        post(client, "activate", mailed_link())
    for other in (PASSWORD, BLANKS_AROUND.strip(), f" {BLANKS_AROUND}"):
        assert log_in(client, "ada@example.com", other).status_code == 400
    assert log_in(client, "ada@example.com", BLANKS_AROUND).status_code == 200

    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    new = f"\n{OTHER_PASSWORD} "
    post(client, "pw_reset", {**mailed_link(), "password": new})
    assert log_in(APIClient(), "ada@example.com", OTHER_PASSWORD).status_code == 400
    assert log_in(APIClient(), "ada@example.com", new).status_code == 200


def test_blanks_count_where_a_password_is_checked(client: APIClient) -> None:
    """Seven letters and a blank are eight characters."""
    for password, status in (("qzjxvwk", 400), ("qzjxvwk ", 200), (" " * 9, 200)):
        body = {"email": "", "username": "", "password": password}
        assert post(client, "validate_password", body).status_code == status


@pytest.mark.parametrize("value", [12345678901, True, 1.5, [PASSWORD], {"a": "b"}])
@pytest.mark.parametrize(
    "route", ["login", "register", "pw_reset", "validate_password"]
)
def test_only_a_string_is_a_password(
    client: APIClient, make_user: MakeUser, route: str, value: object
) -> None:
    make_user()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    body = {**registration("bob"), **mailed_link(), "password": value}
    answer = post(client, route, body, **csrf(client))
    assert answer_of(answer) == (400, {"password": ["invalid"]})


def test_a_form_field_of_digits_is_a_string(client: APIClient) -> None:
    answer = client.post(
        reverse("ai_kit_auth:validate_password"),
        "email=&username=&password=9045372618",
        content_type=FORM,
    )
    assert answer.json() == {"password": ["password_entirely_numeric"]}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"password": ["required"]}),
        ({"password": PASSWORD}, {"email": ["required"]}),
        ({"password": None, "email": None}, {"password": ["null"], "email": ["null"]}),
        ({"password": "", "email": ""}, {"password": ["blank"]}),
        ({"password": "", "ident": ""}, {"password": ["blank"]}),
        ({"password": "kq7zx", "email": ""}, {"password": ["password_too_short"]}),
        (
            {"password": "ada@example.com", "email": "ada@example.com"},
            {"password": ["password_too_similar"]},
        ),
    ],
)
def test_validate_password_says_what_is_wrong(
    client: APIClient, db: None, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    assert answer_of(post(client, "validate_password", body)) == (400, errors)


class Leaked:
    """A validator of another package."""

    def validate(self, password: str, user: Any = None) -> None:
        raise DjangoValidationError("It was leaked.", code="password_leaked")


class NoDigit:
    """One that gives no code, and two problems."""

    def validate(self, password: str, user: Any = None) -> None:
        raise DjangoValidationError(
            [
                DjangoValidationError("No digit in it."),
                DjangoValidationError("%(n)s signs", "few-signs", {"n": 2}),
            ]
        )


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (["Leaked"], ["password_leaked"]),
        (["NoDigit", "Leaked"], ["invalid", "few_signs", "password_leaked"]),
    ],
)
@pytest.mark.parametrize("route", ["register", "pw_reset", "validate_password"])
def test_what_any_validator_finds_wrong_is_told_by_its_code(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    route: str,
    names: list[str],
    codes: list[str],
) -> None:
    make_user()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    body = {**registration("bob"), "password": "fern"}
    if route == "pw_reset":
        body |= mailed_link()
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.{n}"} for n in names]
    answer = post(client, route, body)
    assert answer_of(answer) == (400, {"password": codes})
    assert the_user().check_password(PASSWORD)
    assert get_user_model()._default_manager.count() == 1


@with_username
def test_validate_password_compares_with_the_username(client: APIClient) -> None:
    body = {"email": "", "username": "bartholomew", "password": "bartholomew1"}
    expected = (400, {"password": ["password_too_similar"]})
    assert answer_of(post(client, "validate_password", body)) == expected


@with_username
def test_validate_password_asks_for_a_username_where_the_host_does(
    client: APIClient, settings: Settings
) -> None:
    configure(settings, USERNAME_REQUIRED=True)
    body = {"email": "", "password": PASSWORD}
    answer = post(client, "validate_password", body)
    assert answer_of(answer) == (400, {"username": ["required"]})
    answer = post(client, "validate_password", {**body, "username": ""})
    assert answer_of(answer) == (200, {})
    both = {"password": PASSWORD}
    assert answer_of(post(client, "validate_password", both)) == (
        400,
        {"email": ["required"], "username": ["required"]},
    )


# What all answers have in common


def visit_all(client: APIClient, make_user: MakeUser) -> Iterator[Any]:
    """Yield answers of every endpoint, of success and of failure."""
    make_user()
    yield client.get(reverse("ai_kit_auth:me"))
    for route in POSTED:
        yield post(client, route)
    yield log_in(client, "ada@example.com")
    yield client.get(reverse("ai_kit_auth:me"))
    yield post(client, "register", registration("bob"))
    yield post(client, "validate_password", registration())
    yield post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    yield post(client, "pw_reset", {**mailed_link(), "password": OTHER_PASSWORD})
    for route in ROUTES:
        yield client.delete(reverse(f"ai_kit_auth:{route}"), **csrf(client))


def test_no_answer_may_be_stored_and_all_are_json(
    client: APIClient, make_user: MakeUser
) -> None:
    statuses = set()
    for answer in visit_all(client, make_user):
        statuses.add(answer.status_code)
        assert answer["Cache-Control"] == "no-store, private"
        assert answer["Content-Type"] == "application/json"
    assert statuses == {200, 201, 400, 403, 405}


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "x"])
def test_whatever_is_accepted_the_answer_is_json(
    client: APIClient, accept: str
) -> None:
    answer = client.get(reverse("ai_kit_auth:me"), headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.json()["user"] is None
    refused = post(client, "pw_reset", headers={"Accept": accept})
    expected = {name: ["required"] for name in ("ident", "token", "password")}
    assert answer_of(refused) == (400, expected)


@pytest.mark.parametrize("kind", ["form", "multipart"])
def test_forms_work_too(client: APIClient, make_user: MakeUser, kind: str) -> None:
    def send(route: str, data: dict[str, Any], **extra: Any) -> Any:
        path = reverse(f"ai_kit_auth:{route}")
        if kind == "multipart":
            return client.post(path, data, format="multipart", **extra)
        request = RequestFactory().get("/", data)
        body = request.META["QUERY_STRING"]
        return client.post(path, body, content_type=FORM, **extra)

    assert send("register", registration()).status_code == 201
    if has_activation():
        assert send("activate", mailed_link()).status_code == 200
    assert answer_of(send("login", LOGIN)) == CSRF_FAILED
    token = csrf(client)["headers"]["X-CSRFToken"]
    # As the field of Django's own forms: a header is not the only place.
    answer = send("login", {**LOGIN, "csrfmiddlewaretoken": token})
    assert answer.status_code == 200
    assert send("logout", {}, **csrf(client)).status_code == 200
    assert send("send_pw_reset_email", {"email": "ada@example.com"}).json() == {}
    new = {**mailed_link(), "password": OTHER_PASSWORD}
    assert send("validate_password", new).json() == {}
    assert send("pw_reset", new).json() == {}


@pytest.mark.parametrize("route", POSTED)
def test_a_method_that_is_not_served(
    client: APIClient, make_user: MakeUser, route: str
) -> None:
    make_user()
    log_in(client, "ada@example.com")
    answer = client.get(reverse(f"ai_kit_auth:{route}"))
    assert answer_of(answer) == (405, {"error": "method_not_allowed"})
    assert "POST" in answer["Allow"]
    assert "GET" not in answer["Allow"]


@pytest.mark.parametrize("route", POSTED)
def test_a_body_that_is_neither_json_nor_a_form(
    client: APIClient, make_user: MakeUser, route: str
) -> None:
    make_user()
    log_in(client, "ada@example.com")
    path, token = reverse(f"ai_kit_auth:{route}"), csrf(client)
    answer = client.post(path, "a", content_type="text/plain", **token)
    assert answer_of(answer) == (415, {"error": "unsupported_media_type"})


@pytest.mark.parametrize("route", [name for name in POSTED if name != "logout"])
def test_a_body_that_is_broken(client: APIClient, route: str) -> None:
    path, token = reverse(f"ai_kit_auth:{route}"), csrf(client)
    answer = client.post(path, "{", content_type="application/json", **token)
    assert answer_of(answer) == (400, {"error": "parse_error"})


@pytest.mark.parametrize("route", ROUTES)
def test_a_preflight_is_the_cors_middlewares(client: APIClient, route: str) -> None:
    """The React client sends ``X-CSRFToken`` with every request, ``me/`` included."""
    answer = client.options(
        reverse(f"ai_kit_auth:{route}"),
        headers={
            "Origin": "https://app.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-csrftoken,content-type",
        },
    )
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert "x-csrftoken" in answer["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("route", [name for name in ROUTES if name != "logout"])
def test_options_without_a_preflight_describe_nothing(
    client: APIClient, route: str
) -> None:
    answer = client.options(reverse(f"ai_kit_auth:{route}"))
    assert answer_of(answer) == (405, {"error": "method_not_allowed"})


def test_a_404_that_a_receiver_raises_is_a_code(client: APIClient, db: None) -> None:
    def hide(**kwargs: object) -> None:
        raise Http404("nothing here")

    signals.user_pre_registered.connect(hide)
    answer = post(client, "register", registration())
    signals.user_pre_registered.disconnect(hide)
    assert answer_of(answer) == (404, {"error": "not_found"})
    assert get_user_model()._default_manager.count() == 0


class OnceAMinute(AnonRateThrottle):
    rate = "1/minute"


class CountedValidatePassword(views.ValidatePassword):
    throttle_classes = [OnceAMinute]


def test_a_throttle_of_the_hosts_answers_in_code() -> None:
    view = CountedValidatePassword.as_view()
    body = {"email": "", "password": PASSWORD}
    request = APIRequestFactory().post("/", body, format="json")
    assert view(request).status_code == 200
    answer = view(APIRequestFactory().post("/", body, format="json"))
    answer.render()
    assert answer.status_code == 429
    assert json.loads(answer.content) == {"error": "throttled"}
    assert 0 < int(answer["Retry-After"]) <= 60
    assert answer["Cache-Control"] == "no-store, private"


def test_a_host_may_subclass_a_view_and_route_it_itself(make_user: MakeUser) -> None:
    class Counted(views.MeView):
        def user_data(self, user: Any) -> Any:
            return {"mail": email_of(user)}

    request = APIRequestFactory().get("/")
    request.user = make_user()
    answer = Counted.as_view()(request)
    assert answer.data["user"] == {"mail": "ada@example.com"}


HOST = """
import importlib, json, sys

root, settings_module, rest_framework = json.loads(sys.argv[1])
sys.path.append(root)
import django
from django.conf import settings

module = importlib.import_module(settings_module)
names = {name: getattr(module, name) for name in dir(module) if name.isupper()}
settings.configure(**{**names, "REST_FRAMEWORK": rest_framework})
django.setup()
from django.test import Client

client = Client(headers={"Accept": "text/html; version=8"})
prefix, kind = "/api/v1/auth/", "application/json"
answers = [
    client.get(prefix + "me/"),
    client.post(prefix + "activate_email/", {"token": ""}, kind),
    client.post(prefix + "activate_email/", [], kind),
    client.post(prefix + "activate_email/?kind=xml", "a", "text/plain"),
    client.post(prefix + "logout/", {}, kind),
]
print(json.dumps([[a.status_code, a["Content-Type"], a.json()] for a in answers]))
"""


@pytest.mark.parametrize(
    "rest_framework",
    [
        {},
        {
            "DEFAULT_RENDERER_CLASSES": [
                "rest_framework.renderers.TemplateHTMLRenderer"
            ],
            "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FileUploadParser"],
            "DEFAULT_AUTHENTICATION_CLASSES": [
                "rest_framework.authentication.BasicAuthentication"
            ],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
            "DEFAULT_VERSIONING_CLASS": (
                "rest_framework.versioning.AcceptHeaderVersioning"
            ),
            "ALLOWED_VERSIONS": ["7"],
            "NON_FIELD_ERRORS_KEY": "problems",
            "EXCEPTION_HANDLER": "builtins.print",
            "URL_FORMAT_OVERRIDE": "kind",
        },
        {"UNAUTHENTICATED_USER": None},
    ],
    ids=["none", "all others", "no anonymous user"],
)
def test_the_defaults_of_the_hosts_own_api_do_not_leak_in(
    tmp_path: Path, rest_framework: dict[str, Any]
) -> None:
    """In its own process: DRF binds most of its defaults at import."""
    root = str(Path(__file__).parents[1])
    host = json.dumps([root, django_settings.SETTINGS_MODULE, rest_framework])
    ran = subprocess.run(  # noqa: S603  # our own text
        [sys.executable, "-c", HOST, host],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    answers = json.loads(ran.stdout)
    assert answers[0][2].pop("csrf")
    assert answers == [
        [200, "application/json", {"user": None}],
        [400, "application/json", {"error": "activation_link_invalid"}],
        [400, "application/json", {"non_field_errors": ["invalid"]}],
        [415, "application/json", {"error": "unsupported_media_type"}],
        [403, "application/json", {"error": "not_authenticated"}],
    ]


# What projects patch in their tests


def test_hosts_patch_login(
    client: APIClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr("ai_kit_auth.views.login", lambda *args: calls.append(args))
    user = make_user()
    assert log_in(client, "ada@example.com").status_code == 200
    [(request, who)] = calls
    assert isinstance(request, HttpRequest)
    assert who == user
    assert me(client) is None


def test_hosts_patch_logout(
    client: APIClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user()
    log_in(client, "ada@example.com")
    calls: list[object] = []
    monkeypatch.setattr("ai_kit_auth.views.logout", calls.append)
    assert post(client, "logout", **csrf(client)).status_code == 200
    assert [isinstance(request, HttpRequest) for request in calls] == [True]
    assert me(client) is not None


def test_hosts_patch_the_reset_mail(
    client: APIClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    monkeypatch.setattr("ai_kit_auth.views.services.send_reset_pw_mail", calls.append)
    user = make_user()
    asked = post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert answer_of(asked) == (200, {})
    assert calls == [user]
    assert mail.outbox == []


# Broken validators of a project


BROKEN_VALIDATORS: list[list[dict[str, Any]]] = [
    [{"NAME": "nowhere.Validator"}],
    [{"NAME": "django.contrib.auth.password_validation.NoSuchValidator"}],
]


@pytest.mark.parametrize("validators", BROKEN_VALIDATORS)
def test_broken_validators_let_no_password_through(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    validators: list[dict[str, Any]],
) -> None:
    """None is stored, and the developer sees the name that is misspelt."""
    make_user()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    reset = {**mailed_link(), "password": OTHER_PASSWORD}
    before = list(get_user_model()._default_manager.values())
    settings.AUTH_PASSWORD_VALIDATORS = validators
    for route, body in (
        ("register", registration("bob")),
        ("pw_reset", reset),
        ("validate_password", {"email": "", "password": PASSWORD}),
    ):
        with pytest.raises(ImproperlyConfigured, match=validators[0]["NAME"]):
            post(client, route, body)
        client.raise_request_exception = False
        assert post(client, route, body).status_code == 500
        client.raise_request_exception = True
    assert list(get_user_model()._default_manager.values()) == before
    assert len(mail.outbox) == 1


# Mail


@pytest.fixture
def mail_is_down(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Refuse every connection of the mail transport, until the value is called."""

    def refuse(*args: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", refuse)
        yield patch.undo


@with_activation
def test_a_registration_whose_mail_cannot_be_sent_is_not_half_done(
    client: APIClient,
    db: None,
    mail_is_down: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = post(client, "register", registration())
    assert answer_of(answer) == (503, {"error": "mail_not_sent"})
    assert answer["Cache-Control"] == "no-store, private"
    assert get_user_model()._default_manager.count() == 0
    assert logging.ERROR in {record.levelno for record in caplog.records}
    mail_is_down()
    assert post(client, "register", registration()).status_code == 201
    assert post(client, "activate", mailed_link()).status_code == 200


def test_a_reset_mail_that_cannot_be_sent_is_the_hosts_business(
    client: APIClient,
    make_user: MakeUser,
    mail_is_down: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client learns nothing, or it would learn that there is an account."""
    make_user()
    asked = post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert answer_of(asked) == (200, {})
    assert logging.ERROR in {record.levelno for record in caplog.records}
    assert PASSWORD not in caplog.text
    mail_is_down()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    data = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", data).status_code == 200


@pytest.mark.parametrize("key", ["email", "ident"])
def test_a_reset_mail_may_be_asked_for_by_either_key(
    client: APIClient, make_user: MakeUser, key: str
) -> None:
    make_user()
    typed = ["ada@example.com", "Ada@Example.com"]
    typed += ["ada"] if user_model.username else []
    for value in typed:
        asked = post(client, "send_pw_reset_email", {key: value})
        assert answer_of(asked) == (200, {})
    assert [message.to for message in mail.outbox] == [["ada@example.com"]] * len(typed)


# What is no text, no text that could name an account, or nothing at all.
NO_TEXTS: list[Any] = [None, "", " ", ["a"], {"a": "b"}, True, "a" * 2000, "a\0b"]


@pytest.mark.parametrize("value", NO_TEXTS)
@pytest.mark.parametrize("key", ["email", "ident", "another"])
def test_a_reset_request_never_gives_back_errors(
    client: APIClient, db: None, key: str, value: Any
) -> None:
    assert answer_of(post(client, "send_pw_reset_email", {key: value})) == (200, {})
    url = reverse("ai_kit_auth:send_pw_reset_email")
    form = client.post(url, f"{key}=%00", content_type=FORM)
    assert answer_of(form) == (200, {})
    assert mail.outbox == []


def test_a_reset_request_finds_the_one_key_that_is_a_text(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    for data in (
        {"email": ["a"], "ident": "ada@example.com"},
        {"email": "ada@example.com", "ident": None},
    ):
        assert answer_of(post(client, "send_pw_reset_email", data)) == (200, {})
    assert [message.to for message in mail.outbox] == [["ada@example.com"]] * 2


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", FORM),
        ("another=ada%40example.com", FORM),
        ("email=", FORM),
        ("ident=", FORM),
        ("email=&ident=", FORM),
        ("email=a&email=b", FORM),
        (f"ident={'a' * 2000}", FORM),
        ("--b--", "multipart/form-data; boundary=b"),
        ("{}", "application/json"),
        ("", "application/json"),
    ],
)
def test_a_reset_request_without_an_account_in_it(
    client: APIClient, make_user: MakeUser, body: str, kind: str
) -> None:
    make_user()
    url = reverse("ai_kit_auth:send_pw_reset_email")
    assert answer_of(client.post(url, body, content_type=kind)) == (200, {})
    assert mail.outbox == []


@pytest.mark.parametrize("body", ["[]", "5", "null"])
def test_a_reset_request_that_is_no_object(
    client: APIClient, db: None, body: str
) -> None:
    url = reverse("ai_kit_auth:send_pw_reset_email")
    answer = client.post(url, body, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize("value", NO_TEXTS)
@pytest.mark.parametrize("key", ["ident", "token"])
def test_what_is_no_text_makes_no_link(
    client: APIClient, make_user: MakeUser, key: str, value: Any
) -> None:
    ident = ident_of(make_user())
    body = {"ident": ident, "token": "x", "password": PASSWORD, key: value}
    for route, code in (
        ("activate", "activation_link_invalid"),
        ("pw_reset", "reset_password_link_invalid"),
    ):
        assert answer_of(post(client, route, body)) == (400, {"error": code})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", FORM),
        ("ident=&token=", FORM),
        ("ident=1", FORM),
        ("--b--", "multipart/form-data; boundary=b"),
        ("{}", "application/json"),
        ('{"ident": [], "token": {}}', "application/json"),
    ],
)
def test_an_activation_of_nothing_is_a_link_that_is_no_good(
    client: APIClient, db: None, body: str, kind: str
) -> None:
    url = reverse("ai_kit_auth:activate")
    answer = client.post(url, body, content_type=kind)
    assert answer_of(answer) == (400, {"error": "activation_link_invalid"})


@pytest.mark.parametrize("missing", ["ident", "token", "password"])
def test_what_a_link_lacks(
    client: APIClient, make_user: MakeUser, missing: str
) -> None:
    """An activation tells nothing but that the link is no good."""
    ident = ident_of(make_user())
    body = {"ident": ident, "token": "x", "password": PASSWORD}
    del body[missing]
    assert answer_of(post(client, "activate", body)) == (
        400,
        {"error": "activation_link_invalid"},
    )
    answer = answer_of(post(client, "pw_reset", body))
    assert answer == (400, {missing: ["required"]})


NO_PASSWORDS: list[tuple[Any, str]] = [
    ("", "blank"),
    ("a" * 5000, "max_length"),
    ("short", "password_too_short"),
    ("\0", "null_characters_not_allowed"),
    (None, "null"),
    (12345678, "invalid"),
    (True, "invalid"),
    ([PASSWORD], "invalid"),
    ({}, "invalid"),
]


@pytest.mark.parametrize("password", [value for value, _ in NO_PASSWORDS])
def test_a_link_that_is_no_good_is_told_before_what_is_wrong_with_the_password(
    client: APIClient, make_user: MakeUser, password: Any
) -> None:
    ident = ident_of(make_user())
    body = {"ident": ident, "token": "x", "password": password}
    assert answer_of(post(client, "pw_reset", body)) == (
        400,
        {"error": "reset_password_link_invalid"},
    )


@pytest.mark.parametrize(("password", "code"), NO_PASSWORDS)
def test_a_good_link_is_told_what_is_wrong_with_the_password(
    client: APIClient, make_user: MakeUser, password: Any, code: str
) -> None:
    make_user()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    answer = post(client, "pw_reset", {**mailed_link(), "password": password})
    status, body = answer_of(answer)
    assert (status, list(body)) == (400, ["password"])
    assert code in body["password"]


class TypedTwice(PasswordResetSerializer):
    password2 = PasswordField()


class ResetTypedTwice(views.ResetPassword):
    serializer_class = TypedTwice


@pytest.mark.parametrize(
    ("again", "answer"),
    [
        ({"password2": None}, {"error": "reset_password_link_invalid"}),
        ({"password2": PASSWORD}, {"error": "reset_password_link_invalid"}),
        ({}, {"password2": ["required"]}),
    ],
)
def test_a_field_of_a_subclass_is_told_after_a_link_that_is_no_good(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    again: dict[str, Any],
    answer: dict[str, Any],
) -> None:
    settings.ROOT_URLCONF = (path("reset/", ResetTypedTwice.as_view()),)
    ident = ident_of(make_user())
    body = {"ident": ident, "token": "x", "password": PASSWORD, **again}
    assert answer_of(client.post("/reset/", body, format="json")) == (400, answer)


def test_the_answer_to_a_reset_request_never_tells_who_has_an_account(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    if has_activation():
        make_user("waiting", is_active=False)
        make_user("gone")
        gone = get_user_model()._default_manager.filter(pk=the_user("gone").pk)
        gone.update(is_active=False)
    seen = []
    for name in ("ada", "waiting", "gone", "nobody"):
        asked = post(client, "send_pw_reset_email", {"email": f"{name}@example.com"})
        seen.append((asked.status_code, asked.content, sorted(asked.headers.items())))
        assert not asked.cookies
    assert seen == [seen[0]] * 4
    assert seen[0][:2] == (200, b"{}")
    mailed = ["ada@example.com", "waiting@example.com"]
    assert [message.to[0] for message in mail.outbox] == (
        mailed if has_activation() else mailed[:1]
    )


def test_a_reset_request_for_nobody_makes_a_mail_too(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """Or the next request, which waits for the processor, would tell the difference."""
    made: list[str] = []
    work: dict[str, Any] = {}

    def data() -> dict[str, Any]:
        made.append("data of a mail")
        return {}

    configure(settings, EMAIL_TEMPLATES={"CUSTOM_DATA_FUNCTION": data})
    make_user()
    for name in ("ada", "nobody"):
        made.clear()
        with CaptureQueriesContext(connection) as context:
            asked = {"email": f"{name}@example.com"}
            post(client, "send_pw_reset_email", asked)
        statements = [query["sql"].split()[0] for query in context.captured_queries]
        work[name] = (made.copy(), statements)
    assert work["ada"][0] == ["data of a mail"]
    assert work["nobody"] == work["ada"]
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]


RESET = json.dumps({"email": "ada@example.com"})


# The handlers close connections, and what a test's own transaction has not committed.
@pytest.mark.django_db(transaction=True)
def test_a_reset_request_is_answered_before_its_mail_is_made(
    make_user: MakeUser,
) -> None:
    """Over WSGI, and in the language of the request all the same."""
    make_user()
    path = reverse("ai_kit_auth:send_pw_reset_email")
    request = RequestFactory().post(
        path, RESET, "application/json", headers={"Accept-Language": "de"}
    )
    started: list[tuple[str, dict[str, str]]] = []

    def start(status: str, headers: list[tuple[str, str]], *error: object) -> Any:
        started.append((status, dict(headers)))

    response: Any = WSGIHandler()(request.environ, start)
    assert b"".join(response) == b"{}"
    assert started[0][0] == "200 OK"
    assert started[0][1]["Content-Length"] == "2"
    assert mail.outbox == []
    response.close()
    response.close()
    [german] = mail.outbox
    post(APIClient(), "send_pw_reset_email", {"email": "ada@example.com"})
    assert german.subject != mail.outbox[1].subject


@pytest.mark.django_db(transaction=True)
def test_the_same_over_asgi(make_user: MakeUser) -> None:
    make_user()
    path = reverse("ai_kit_auth:send_pw_reset_email")
    request = AsyncRequestFactory().post(path, RESET, "application/json")
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": RESET.encode()})
    sent: list[tuple[str, int]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append((message["type"], len(mail.outbox)))

    async def serve() -> None:
        await ASGIHandler()(dict(request.scope), incoming.get, send)

    async_to_sync(serve)()
    assert sent[0] == ("http.response.start", 0)
    assert [mails for _, mails in sent] == [0] * len(sent)
    assert len(mail.outbox) == 1


@with_activation
def test_the_activation_mail_speaks_the_language_of_the_request(
    client: APIClient, db: None
) -> None:
    german = {"headers": {"Accept-Language": "de"}}
    post(client, "register", registration("ada"), **german)
    post(client, "register", registration("bob"))
    assert mail.outbox[0].subject != mail.outbox[1].subject


def test_a_hosts_sender_gets_the_user_and_the_link(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    calls: list[tuple[Any, str]] = []
    configure(settings, SEND_RESET_PW_MAIL=lambda user, url: calls.append((user, url)))
    user = make_user()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    [(who, url)] = calls
    assert who == user
    page = "https://app.example.com/auth/reset_password"
    assert url.startswith(f"{page}?ident={ident_of(user)}&token=")


class DeletesWhomItFinds(ModelBackend):
    """Stands for another browser, in which the account is deleted meanwhile."""

    def authenticate(self, *args: Any, **kwargs: Any) -> Any:
        user: Any = super().authenticate(*args, **kwargs)
        get_user_model()._base_manager.filter(pk=user.pk).delete()
        return user


def test_an_account_that_is_deleted_meanwhile_is_unknown(
    client: APIClient, make_user: Callable[..., Any], settings: Settings
) -> None:
    make_user()
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.DeletesWhomItFinds"]
    body = {"ident": "ada@example.com", "password": PASSWORD}
    answer = post(client, "login", body, **csrf(client))
    assert answer_of(answer) == INVALID_CREDENTIALS
    assert me(client) is None
