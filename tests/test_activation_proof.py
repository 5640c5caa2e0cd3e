"""ACTIVATION_PROOF: a program that only opens a link gives an attacker no account."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail, signing
from rest_framework.test import APIClient

from ai_kit_auth import services, tokens
from ai_kit_auth.activation_proof import COOKIE

from .accounts import csrf, log_in, mailed_link, post, registration, the_user
from .conftest import OTHER_PASSWORD, PASSWORD, MakeUser

pytestmark = [
    pytest.mark.django_db,
    # The models whose accounts wait for an activation.
    pytest.mark.user_model(
        "auth_user", "email_login", "uuid_key", "renamed_email", "extra_field"
    ),
]

REQUIRED = (400, {"error": "activation_proof_required"})
INVALID = (400, {"error": "activation_link_invalid"})
DONE: tuple[int, dict[str, Any]] = (200, {})


@pytest.fixture(autouse=True)
def _proof(settings: Any) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "ACTIVATION_PROOF": True}


def send(client: APIClient, route: str, data: Any, **extra: Any) -> tuple[int, Any]:
    answer = post(client, route, data, **extra)
    return answer.status_code, answer.json()


def register(client: APIClient, **changes: Any) -> dict[str, str]:
    """Register ada and return what the mailed link holds."""
    assert send(client, "register", registration(**changes)) == (201, {})
    return mailed_link()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"password": ""},
        {"password": "not hers"},
        {"password": None},
        {"password": ["tall ferns in the rain"]},
        {"password": 5},
        {"password": True},
    ],
)
def test_a_scanner_that_opens_the_link_activates_nothing(
    client: APIClient, more: dict[str, Any]
) -> None:
    link = register(APIClient())
    assert send(client, "activate", {**link, **more}) == REQUIRED
    assert not the_user().is_active
    # And what it has done keeps the owner from nothing.
    assert send(client, "activate", {**link, "password": PASSWORD}) == DONE


def test_a_stranger_who_registered_an_address_of_somebody_else_never_gets_in(
    client: APIClient,
) -> None:
    stranger, scanner, owner = APIClient(), APIClient(), client
    link = register(stranger)
    assert send(scanner, "activate", link) == REQUIRED
    assert log_in(stranger, "ada@example.com").status_code == 400
    post(owner, "send_pw_reset_email", {"email": "ada@example.com"})
    reset = {**mailed_link(), "password": OTHER_PASSWORD}
    assert send(owner, "pw_reset", reset) == DONE
    assert log_in(stranger, "ada@example.com").status_code == 400
    assert log_in(owner, "ada@example.com", OTHER_PASSWORD).status_code == 200


def test_the_browser_that_registered_needs_nothing_more(client: APIClient) -> None:
    link = register(client)
    cookie = client.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["max-age"] == tokens.activation_tokens.timeout()
    assert cookie["samesite"] == "Lax"
    assert not cookie["secure"]
    assert send(client, "activate", link) == DONE
    assert send(client, "activate", link) == INVALID


def test_the_cookie_is_sent_as_that_of_the_session_is(
    client: APIClient, settings: Any
) -> None:
    settings.SESSION_COOKIE_SAMESITE = "None"
    settings.SESSION_COOKIE_DOMAIN = "example.com"
    settings.SESSION_COOKIE_SECURE = True
    register(client)
    cookie = client.cookies[COOKIE]
    assert (cookie["samesite"], cookie["domain"]) == ("None", "example.com")
    assert cookie["secure"]


def test_over_https_the_cookie_is_secure(client: APIClient) -> None:
    post(client, "register", registration(), secure=True)
    assert client.cookies[COOKIE]["secure"]


def test_the_cookie_of_another_account_proves_nothing(client: APIClient) -> None:
    link = register(APIClient())
    post(client, "register", registration("bob"))
    assert send(client, "activate", link) == REQUIRED
    client.cookies[COOKIE] = signing.dumps("forged")
    assert send(client, "activate", link) == REQUIRED


def test_the_cookie_outlives_a_change_of_the_secret_key(
    client: APIClient, settings: Any
) -> None:
    link = register(client)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one, which has come since then"
    assert send(client, "activate", link) == DONE


def test_a_link_that_is_no_good_is_told_first(client: APIClient) -> None:
    link = register(APIClient())
    bad = {**link, "token": "x", "password": PASSWORD}
    assert send(client, "activate", bad) == INVALID


def test_guesses_are_counted_as_those_of_a_login_are(
    client: APIClient, settings: Any
) -> None:
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        "THROTTLE_RATES": {"LOGIN_ACCOUNT_ADDRESS": "2/min"},
    }
    link = register(APIClient())
    for _ in range(2):
        wrong = {**link, "password": "not hers"}
        assert send(client, "activate", wrong) == REQUIRED
    right = {**link, "password": PASSWORD}
    assert send(client, "activate", right) == (429, {"error": "throttled"})


def test_without_the_setting_a_link_is_enough(client: APIClient, settings: Any) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "ACTIVATION_PROOF": False}
    register(client)
    assert COOKIE not in client.cookies
    assert send(APIClient(), "activate", {**mailed_link(), "password": 5}) == DONE


@pytest.mark.user_model("auth_user")
def test_whoever_an_admin_invites_needs_no_proof(
    client: APIClient, make_user: MakeUser
) -> None:
    user = make_user(is_active=False)
    services.send_activation_by_admin_mail(user)
    invitation = mailed_link()
    services.send_user_activation_mail(user)
    assert send(client, "activate", mailed_link()) == REQUIRED
    assert send(client, "activate", invitation) == DONE


@pytest.mark.user_model("auth_user")
@pytest.mark.parametrize("knows_password", [True, False])
def test_a_link_that_an_admin_mails_once_more_asks_for_the_password(
    admin_client: Any, client: APIClient, make_user: MakeUser, knows_password: bool
) -> None:
    """A row does not tell that an admin has made it; a reset is the other way in."""
    user = make_user(is_active=False)
    data = {"action": "send_activation_mail", "_selected_action": [user.pk]}
    answer = admin_client.post("/admin/auth/user/", data, follow=True)
    assert "1 activation mail was sent" in answer.content.decode()
    link = mailed_link()
    assert send(client, "activate", link) == REQUIRED
    if knows_password:
        assert send(client, "activate", {**link, "password": PASSWORD}) == DONE
    else:
        post(client, "send_pw_reset_email", {"email": "ada@example.com"})
        new = {**mailed_link(), "password": OTHER_PASSWORD}
        assert send(client, "pw_reset", new) == DONE
    user.refresh_from_db()
    assert user.is_active


@pytest.mark.user_model("auth_user")
def test_without_a_password_the_link_of_an_admin_lets_its_owner_choose_one(
    admin_client: Any, client: APIClient, make_user: MakeUser
) -> None:
    user = make_user(is_active=False)
    user.set_unusable_password()
    user.save(update_fields=["password"])
    data = {"action": "send_activation_mail", "_selected_action": [user.pk]}
    admin_client.post("/admin/auth/user/", data, follow=True)
    new = {**mailed_link(), "password": OTHER_PASSWORD}
    assert send(client, "pw_reset", new) == DONE
    user.refresh_from_db()
    assert user.is_active


def test_under_prevent_enumeration_the_cookie_does_not_tell_either(
    client: APIClient, settings: Any, make_user: MakeUser
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    make_user("bob")
    cookies = []
    for name in ("bob", "carol"):
        own = APIClient()
        data = registration(name)
        if "username" in data:
            data["username"] = f"{name}2"
        assert send(own, "register", data) == (201, {})
        cookies.append(own.cookies[COOKIE])
    assert len(cookies[0].value) == len(cookies[1].value)
    attributes = [dict(cookie) for cookie in cookies]
    for each in attributes:
        del each["expires"]
    assert attributes[0] == attributes[1]


# confirm_email/


@pytest.fixture
def change(make_user: MakeUser, settings: Any) -> tuple[APIClient, dict[str, str]]:
    """Return the page of ada, who requested another address, and the link."""
    settings.ROOT_URLCONF = "tests.urlconfs.account"
    make_user()
    page = APIClient(enforce_csrf_checks=True)
    log_in(page, "ada@example.com")
    data = {"email": "victim@example.com", "password": PASSWORD}
    assert send(page, "change_email", data, **csrf(page)) == DONE
    link = next(m for m in mail.outbox if m.to == ["victim@example.com"])
    return page, mailed_link(mail.outbox.index(link))


@pytest.mark.parametrize("more", [{}, {"password": "not hers"}, {"password": None}])
def test_a_scanner_confirms_no_address(
    client: APIClient,
    change: tuple[APIClient, dict[str, str]],
    make_user: MakeUser,
    more: dict[str, Any],
) -> None:
    _, link = change
    assert send(client, "confirm_email", {**link, **more}) == REQUIRED
    make_user("bob")
    log_in(client, "bob@example.com")
    assert send(client, "confirm_email", {**link, **more}) == REQUIRED
    assert the_user().pk


def test_the_session_of_the_account_confirms_it(
    change: tuple[APIClient, dict[str, str]],
) -> None:
    page, link = change
    assert send(page, "confirm_email", link) == DONE
    assert the_user("victim").pk


def test_the_password_confirms_it_in_another_browser(
    client: APIClient, change: tuple[APIClient, dict[str, str]]
) -> None:
    _, link = change
    assert send(client, "confirm_email", {**link, "password": PASSWORD}) == DONE
    assert get_user_model()._default_manager.count() == 1


@pytest.mark.user_model("auth_user")
def test_without_the_setting_the_link_confirms_it(
    client: APIClient, change: tuple[APIClient, dict[str, str]], settings: Any
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "ACTIVATION_PROOF": False}
    assert send(client, "confirm_email", change[1]) == DONE
