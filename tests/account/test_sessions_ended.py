"""The signal ``sessions_ended``: what ends sessions says so, and which one stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from rest_framework.test import APIClient

from ai_kit_auth.account_changes import end_sessions
from ai_kit_auth.signals import sessions_ended

from ..accounts import csrf, log_in, mailed_link, post
from ..conftest import OTHER_PASSWORD, PASSWORD, Connect, MakeUser, with_activation

Heard = list[tuple[Any, str, bool]]


@pytest.fixture
def heard(connect: Connect) -> Heard:
    """Collect who, by what, and whether a request's session stays."""
    found: Heard = []

    def hear(sender: Any, user: Any, by: str, kept: Any, **kwargs: object) -> None:
        assert sender is get_user_model()
        found.append((user.pk, by, kept is not None and bool(kept.session.session_key)))

    connect(sessions_ended, hear)
    return found


def authorized(client: APIClient, user: Any, password: str = PASSWORD) -> Any:
    token = log_in(client, "ada@example.com", password).json()["csrf"]
    return {"headers": {"X-CSRFToken": token}}


def test_the_account_page_tells_which_session_stays(
    client: APIClient, make_user: MakeUser, heard: Heard
) -> None:
    user = make_user()
    token = authorized(client, user)
    changed = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = post(client, "change_password", changed, **token)
    token = {"headers": {"X-CSRFToken": answer.json()["csrf"]}}
    answer = post(client, "logout_others", {"password": OTHER_PASSWORD}, **token)
    assert answer.status_code == 200
    assert heard == [(user.pk, "password", True), (user.pk, "others", True)]


def test_deletion_tells_while_the_account_is_there(
    client: APIClient, make_user: MakeUser, heard: Heard
) -> None:
    user = make_user()
    token = authorized(client, user)
    answer = post(client, "delete_account", {"password": PASSWORD}, **token)
    assert answer.status_code == 200
    assert heard == [(user.pk, "deleted", False)]


def test_a_reset_ends_all(client: APIClient, make_user: MakeUser, heard: Heard) -> None:
    user = make_user()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    link = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", link).status_code == 200
    assert heard == [(user.pk, "password", False)]


def test_a_wrong_password_ends_nothing(
    client: APIClient, make_user: MakeUser, heard: Heard
) -> None:
    token = authorized(client, make_user())
    wrong = {"password": "wrong", "new_password": OTHER_PASSWORD}
    assert post(client, "change_password", wrong, **token).status_code == 400
    assert heard == []


def test_a_receiver_may_end_what_cannot_be_searched(
    make_user: MakeUser, settings: Any, connect: Connect, heard: Heard
) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    ada, ben = make_user(), make_user("ben")
    assert end_sessions([ada, ben]) == [ada, ben]
    connect(sessions_ended, lambda user, **kwargs: user.pk == ben.pk)
    assert end_sessions([ada, ben], by="robbed") == [ada]
    assert heard[-1] == (ben.pk, "robbed", False)


@with_activation
def test_sessions_in_the_database_end_in_any_case(
    client: APIClient, make_user: MakeUser, heard: Heard
) -> None:
    user = make_user()
    authorized(client, user)
    assert end_sessions([user]) == []
    assert not Session.objects.exists()
    assert client.get("/api/v1/auth/me/").json()["user"] is None
    assert csrf(client)
    assert heard == [(user.pk, "admin", False)]
