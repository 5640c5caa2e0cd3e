"""The twelve signals: arguments, order, and the effect of an exception."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import (
    user_logged_in,
    user_logged_out,
    user_login_failed,
)
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.dispatch import Signal
from django.urls import include, path, reverse
from rest_framework import exceptions
from rest_framework.test import APIClient

from ai_kit_auth import services, signals, views

from .accounts import (
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
    Connect,
    MakeUser,
    with_activation,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[False, True], ids=["autocommit", "atomic_requests"])
def _with_or_without_atomic_requests(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)


class Recorder:
    """A receiver that notes what it is sent, and what ``look`` sees at that moment."""

    def __init__(self, look: Callable[[], object] = lambda: None) -> None:
        self.look = look
        self.senders: list[Any] = []
        self.keywords: list[dict[str, Any]] = []
        self.seen: list[object] = []

    def __call__(self, signal: Signal, sender: Any, **keywords: Any) -> None:
        self.senders.append(sender)
        self.keywords.append(keywords)
        self.seen.append(self.look())


def refuse(**kwargs: object) -> None:
    raise exceptions.PermissionDenied("Not on a Sunday.", "closed_on_sundays")


REFUSED = (403, {"error": "closed_on_sundays"})


def write_a_witness(**kwargs: object) -> None:
    """A receiver of the project that writes: it is part of the transaction."""
    Session.objects.create(
        session_key="witness", session_data="", expire_date="2999-01-01T00:00Z"
    )


def witnesses() -> int:
    return Session.objects.filter(session_key="witness").count()


def rows() -> list[Any]:
    return list(get_user_model()._default_manager.order_by("pk").values())


def answer_of(response: Any) -> tuple[int, Any]:
    return response.status_code, response.json()


def me(client: APIClient) -> Any:
    return client.get(reverse("ai_kit_auth:me")).json()["user"]


def watch(
    connect: Connect, pre: Signal, post_: Signal, look: Callable[[], object]
) -> tuple[Recorder, Recorder]:
    before, after = Recorder(look), Recorder(look)
    connect(pre, before)
    connect(post_, after)
    return before, after


def assert_sent_once(recorders: tuple[Recorder, Recorder], sender: Any) -> None:
    for recorder in recorders:
        assert recorder.senders == [sender]
        assert recorder.keywords == [{"user": the_user()}]


# Login


def last_login() -> object:
    return the_user().last_login is not None


def test_login(client: APIClient, make_user: MakeUser, connect: Connect) -> None:
    make_user()
    before, after = watch(
        connect, signals.user_pre_login, signals.user_post_login, last_login
    )
    djangos = Recorder()
    connect(user_logged_in, djangos)
    assert log_in(client, "ada@example.com").status_code == 200
    assert_sent_once((before, after), views.LoginView)
    assert (before.seen, after.seen) == ([False], [True])
    assert [keywords["user"] for keywords in djangos.keywords] == [the_user()]


@pytest.mark.parametrize(
    ("ident", "password"),
    [("ada@example.com", "wrong"), ("bob@example.com", PASSWORD), ("bob", PASSWORD)],
)
def test_a_login_that_fails_sends_djangos_signal_once_and_none_of_ours(
    client: APIClient,
    make_user: MakeUser,
    connect: Connect,
    ident: str,
    password: str,
) -> None:
    make_user()
    ours = watch(connect, signals.user_pre_login, signals.user_post_login, rows)
    failed, logged_in = Recorder(), Recorder()
    connect(user_login_failed, failed)
    connect(user_logged_in, logged_in)
    assert log_in(client, ident, password).status_code == 400
    assert len(failed.senders) == 1
    assert failed.keywords[0]["request"] is not None
    assert password not in str(failed.keywords[0]["credentials"])
    assert not logged_in.senders
    assert not ours[0].senders
    assert not ours[1].senders


@pytest.mark.usefixtures("_with_or_without_atomic_requests")
@pytest.mark.django_db(transaction=True)
def test_what_a_host_notes_of_a_failed_login_stays_written(
    client: APIClient,
    make_user: MakeUser,
    connect: Connect,
) -> None:
    """Otherwise code that counts failures would count none."""
    make_user()
    connect(user_login_failed, write_a_witness)
    assert log_in(client, "ada@example.com", "wrong").status_code == 400
    assert witnesses() == 1


def test_a_login_that_succeeds_sends_no_failure(
    client: APIClient, make_user: MakeUser, connect: Connect
) -> None:
    make_user()
    failed = Recorder()
    connect(user_login_failed, failed)
    assert log_in(client, "ada@example.com").status_code == 200
    assert not failed.senders


def test_a_login_without_a_password_sends_no_signal(
    client: APIClient, make_user: MakeUser, connect: Connect
) -> None:
    make_user()
    failed = Recorder()
    connect(user_login_failed, failed)
    answer = post(client, "login", {"ident": "ada@example.com"}, **csrf(client))
    assert answer_of(answer) == (400, {"password": ["required"]})
    assert not failed.senders


@pytest.mark.parametrize(
    "signal", [signals.user_pre_login, signals.user_post_login, user_logged_in]
)
def test_a_login_that_a_receiver_refuses_did_not_happen(
    client: APIClient, make_user: MakeUser, connect: Connect, signal: Signal
) -> None:
    make_user()
    token = csrf(client)
    before = rows()
    connect(signals.user_pre_login, write_a_witness)
    connect(signal, refuse)
    data = {"ident": "ada@example.com", "password": PASSWORD}
    assert answer_of(post(client, "login", data, **token)) == REFUSED
    assert rows() == before
    assert Session.objects.count() == 0
    assert me(client) is None


def test_a_receivers_bug_at_login_leaves_no_session_either(
    client: APIClient, make_user: MakeUser, connect: Connect
) -> None:
    make_user()

    def stumble(**kwargs: object) -> None:
        raise RuntimeError("a bug of the host")

    connect(signals.user_post_login, stumble)
    with pytest.raises(RuntimeError):
        log_in(client, "ada@example.com")
    assert Session.objects.count() == 0
    assert me(client) is None


def test_who_was_refused_may_log_in_once_the_receiver_lets_them(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    signals.user_post_login.connect(refuse)
    refused = log_in(client, "ada@example.com")
    signals.user_post_login.disconnect(refuse)
    assert answer_of(refused) == REFUSED
    assert log_in(client, "ada@example.com").status_code == 200
    assert me(client) is not None


# Logout


def test_logout(client: APIClient, make_user: MakeUser, connect: Connect) -> None:
    make_user()
    log_in(client, "ada@example.com")
    token = csrf(client)
    recorders = watch(
        connect,
        signals.user_pre_logout,
        signals.user_post_logout,
        Session.objects.count,
    )
    djangos = Recorder()
    connect(user_logged_out, djangos)
    assert post(client, "logout", **token).status_code == 200
    assert_sent_once(recorders, views.LogoutView)
    assert [recorder.seen for recorder in recorders] == [[1], [0]]
    assert [keywords["user"] for keywords in djangos.keywords] == [the_user()]


def test_nobody_logs_out(client: APIClient, db: None, connect: Connect) -> None:
    recorders = watch(connect, signals.user_pre_logout, signals.user_post_logout, rows)
    djangos = Recorder()
    connect(user_logged_out, djangos)
    answer = post(client, "logout", **csrf(client))
    assert answer_of(answer) == (403, {"error": "not_authenticated"})
    assert not recorders[0].senders
    assert not recorders[1].senders
    assert not djangos.senders


# Django sends its own while the session is still there.
@pytest.mark.parametrize("signal", [signals.user_pre_logout, user_logged_out])
def test_a_receiver_may_keep_a_user_logged_in(
    client: APIClient, make_user: MakeUser, connect: Connect, signal: Signal
) -> None:
    make_user()
    log_in(client, "ada@example.com")
    token = csrf(client)
    connect(signals.user_pre_logout, write_a_witness)
    connect(signal, refuse)
    assert answer_of(post(client, "logout", **token)) == REFUSED
    assert me(client) is not None
    assert witnesses() == 0


def test_the_session_is_dead_though_a_receiver_fails_after_logout(
    client: APIClient, make_user: MakeUser, connect: Connect
) -> None:
    make_user()
    log_in(client, "ada@example.com")
    token = csrf(client)
    stolen = client.cookies["sessionid"].value
    connect(signals.user_pre_logout, write_a_witness)
    connect(signals.user_post_logout, refuse)
    assert answer_of(post(client, "logout", **token)) == REFUSED
    assert Session.objects.count() == 0
    thief = APIClient()
    thief.cookies["sessionid"] = stolen
    assert me(thief) is None
    assert me(client) is None


@pytest.mark.usefixtures("_with_or_without_atomic_requests")
@pytest.mark.django_db(transaction=True)
def test_a_session_that_ended_does_not_come_back_with_a_transaction(
    client: APIClient,
    make_user: MakeUser,
    connect: Connect,
) -> None:
    """Not with the request's transaction either, with ATOMIC_REQUESTS."""
    make_user()
    log_in(client, "ada@example.com")
    token = csrf(client)
    thief = APIClient()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    connect(signals.user_post_logout, refuse)
    assert answer_of(post(client, "logout", **token)) == REFUSED
    assert me(thief) is None


# Registration


def user_count() -> object:
    return get_user_model()._default_manager.count()


def test_registration(client: APIClient, db: None, connect: Connect) -> None:
    before, after = watch(
        connect,
        signals.user_pre_registered,
        signals.user_post_registered,
        user_count,
    )
    post(client, "register", registration())
    assert before.senders == after.senders == [views.RegistrationView]
    assert before.keywords == [{"user_data": registration()}]
    assert after.keywords == [{"user": the_user()}]
    assert (before.seen, after.seen) == ([0], [1])
    assert after.keywords[0]["user"].is_active is not has_activation()


@pytest.mark.parametrize("kind", ["json", "multipart"])
def test_the_data_of_a_registration_is_read_by_key(
    client: APIClient, db: None, connect: Connect, kind: str
) -> None:
    """Both as JSON and as a form, whose values Django keeps in lists."""
    seen: list[Any] = []

    def note(user_data: Any, **kwargs: object) -> None:
        seen.append((user_data["email"], user_data.get("password")))

    connect(signals.user_pre_registered, note)
    url = reverse("ai_kit_auth:register")
    assert client.post(url, registration(), format=kind).status_code == 201
    assert seen == [("ada@example.com", PASSWORD)]


def test_registration_is_announced_before_it_is_checked(
    client: APIClient, db: None, connect: Connect
) -> None:
    before, after = watch(
        connect,
        signals.user_pre_registered,
        signals.user_post_registered,
        user_count,
    )
    connect(signals.user_pre_registered, write_a_witness)
    data = registration(password="short")
    assert post(client, "register", data).status_code == 400
    assert before.keywords == [{"user_data": data}]
    assert not after.senders
    assert witnesses() == 0


@pytest.mark.parametrize(
    "signal", [signals.user_pre_registered, signals.user_post_registered]
)
def test_a_registration_that_a_receiver_refuses_did_not_happen(
    client: APIClient, db: None, connect: Connect, signal: Signal
) -> None:
    connect(signals.user_pre_registered, write_a_witness)
    connect(signal, refuse)
    assert answer_of(post(client, "register", registration())) == REFUSED
    assert rows() == []
    assert mail.outbox == []
    assert witnesses() == 0


def test_a_receiver_names_the_field_that_it_refuses(
    client: APIClient, db: None, connect: Connect
) -> None:
    def no_example_addresses(user_data: Any, **kwargs: object) -> None:
        assert user_data["email"] == "ada@example.com"
        raise exceptions.ValidationError({"email": ["domain_not_allowed"]})

    connect(signals.user_pre_registered, no_example_addresses)
    answer = post(client, "register", registration())
    assert answer_of(answer) == (400, {"email": ["domain_not_allowed"]})


def note_the_account(user: Any, **kwargs: object) -> None:
    LogEntry.objects.create(user=user, object_repr="new", action_flag=1)


@with_activation
def test_a_mail_that_is_not_sent_takes_back_what_belongs_to_the_account(
    client: APIClient,
    db: None,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The mail follows the commit, so what refers to no account stays."""

    def down(*args: object) -> None:
        raise ConnectionRefusedError

    connect(signals.user_post_registered, note_the_account)
    connect(signals.user_post_registered, write_a_witness)
    monkeypatch.setattr(services, "send_email", down)
    answer = post(client, "register", registration())
    assert answer_of(answer) == (503, {"error": "mail_not_sent"})
    assert rows() == []
    assert not LogEntry.objects.exists()
    assert witnesses() == 1


# Activation


def is_active() -> object:
    return the_user().is_active


@with_activation
def test_activation(client: APIClient, db: None, connect: Connect) -> None:
    post(client, "register", registration())
    before, after = watch(
        connect, signals.user_pre_activated, signals.user_post_activated, is_active
    )
    in_memory: list[bool] = []
    for signal in (signals.user_pre_activated, signals.user_post_activated):
        connect(signal, lambda user, **kwargs: in_memory.append(user.is_active))
    assert post(client, "activate", mailed_link()).status_code == 200
    assert_sent_once((before, after), views.ActivateUser)
    assert (before.seen, after.seen) == ([False], [True])
    assert in_memory == [False, True]


@with_activation
def test_a_wrong_link_activates_nobody(
    client: APIClient, db: None, connect: Connect
) -> None:
    post(client, "register", registration())
    recorders = watch(
        connect, signals.user_pre_activated, signals.user_post_activated, rows
    )
    link = {**mailed_link(), "token": "wrong"}
    assert post(client, "activate", link).status_code == 400
    assert not recorders[0].senders
    assert not recorders[1].senders


@pytest.mark.parametrize(
    "signal", [signals.user_pre_activated, signals.user_post_activated]
)
@with_activation
def test_an_activation_that_a_receiver_refuses_did_not_happen(
    client: APIClient, db: None, connect: Connect, signal: Signal
) -> None:
    """The link is not used up: it works when the receiver allows."""
    post(client, "register", registration())
    before = rows()
    connect(signals.user_pre_activated, write_a_witness)
    signal.connect(refuse)
    refused = post(client, "activate", mailed_link())
    signal.disconnect(refuse)
    assert answer_of(refused) == REFUSED
    assert rows() == before
    assert witnesses() == 0
    assert post(client, "activate", mailed_link()).status_code == 200


@with_activation
def test_a_receiver_may_write_to_the_user_before_activation(
    client: APIClient, db: None, connect: Connect
) -> None:
    post(client, "register", registration())

    def note(user: Any, **kwargs: object) -> None:
        type(user)._default_manager.filter(pk=user.pk).update(password="!")

    connect(signals.user_post_activated, note)
    assert post(client, "activate", mailed_link()).status_code == 200
    assert the_user().is_active is True
    assert the_user().password == "!"


# Reset request


def outbox() -> object:
    return len(mail.outbox)


def test_reset_request(
    client: APIClient, make_user: MakeUser, connect: Connect
) -> None:
    make_user()
    recorders = watch(
        connect,
        signals.user_pre_forgot_password,
        signals.user_post_forgot_password,
        outbox,
    )
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert_sent_once(recorders, views.InitiatePasswordResetView)
    assert [recorder.seen for recorder in recorders] == [[0], [1]]


@pytest.mark.parametrize("typed", ["bob@example.com", "bob", "ada@example.org"])
def test_a_reset_request_for_nobody_sends_no_signal(
    client: APIClient, make_user: MakeUser, connect: Connect, typed: str
) -> None:
    make_user()
    recorders = watch(
        connect,
        signals.user_pre_forgot_password,
        signals.user_post_forgot_password,
        outbox,
    )
    asked = post(client, "send_pw_reset_email", {"email": typed})
    assert answer_of(asked) == (200, {})
    assert not recorders[0].senders
    assert not recorders[1].senders


def test_a_reset_request_that_a_receiver_refuses_mails_nothing(
    client: APIClient, make_user: MakeUser, connect: Connect
) -> None:
    make_user()
    after = Recorder()
    connect(signals.user_pre_forgot_password, write_a_witness)
    connect(signals.user_pre_forgot_password, refuse)
    connect(signals.user_post_forgot_password, after)
    asked = post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert answer_of(asked) == REFUSED
    assert mail.outbox == []
    assert not after.senders
    assert witnesses() == 0


def test_a_receiver_that_fails_after_the_reset_mail_is_logged(
    client: APIClient,
    make_user: MakeUser,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client had its answer, and the mail is out: both stay as they are."""
    make_user()
    connect(signals.user_post_forgot_password, write_a_witness)
    connect(signals.user_post_forgot_password, refuse)
    asked = post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert answer_of(asked) == (200, {})
    assert len(mail.outbox) == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert witnesses() == 0


# Reset


def has_the_new_password() -> object:
    return the_user().check_password(OTHER_PASSWORD)


def ask_for_a_link(client: APIClient) -> dict[str, str]:
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    return {**mailed_link(), "password": OTHER_PASSWORD}


def test_reset(client: APIClient, make_user: MakeUser, connect: Connect) -> None:
    make_user()
    data = ask_for_a_link(client)
    before, after = watch(
        connect,
        signals.user_pre_reset_password,
        signals.user_post_reset_password,
        has_the_new_password,
    )
    in_memory: list[bool] = []
    for signal in (signals.user_pre_reset_password, signals.user_post_reset_password):
        connect(
            signal,
            lambda user, **kwargs: in_memory.append(
                user.check_password(OTHER_PASSWORD)
            ),
        )
    assert post(client, "pw_reset", data).status_code == 200
    assert_sent_once((before, after), views.ResetPassword)
    assert (before.seen, after.seen) == ([False], [True])
    assert in_memory == [False, True]


@pytest.mark.parametrize("change", [{"token": "wrong"}, {"password": "short"}])
def test_a_reset_that_fails_sends_no_signal(
    client: APIClient,
    make_user: MakeUser,
    connect: Connect,
    change: dict[str, str],
) -> None:
    make_user()
    data = {**ask_for_a_link(client), **change}
    recorders = watch(
        connect,
        signals.user_pre_reset_password,
        signals.user_post_reset_password,
        rows,
    )
    assert post(client, "pw_reset", data).status_code == 400
    assert not recorders[0].senders
    assert not recorders[1].senders


@pytest.mark.parametrize(
    "signal", [signals.user_pre_reset_password, signals.user_post_reset_password]
)
def test_a_reset_that_a_receiver_refuses_did_not_happen(
    client: APIClient, make_user: MakeUser, connect: Connect, signal: Signal
) -> None:
    """The link is not used up: it works when the receiver allows."""
    make_user()
    data = ask_for_a_link(client)
    before = rows()
    connect(signals.user_pre_reset_password, write_a_witness)
    signal.connect(refuse)
    refused = post(client, "pw_reset", data)
    signal.disconnect(refuse)
    assert answer_of(refused) == REFUSED
    assert rows() == before
    assert witnesses() == 0
    assert post(client, "pw_reset", data).status_code == 200


# Subclasses


OWN_VIEWS: dict[str, Any] = {
    name: type("Own", (view,), {})
    for name, view in (
        ("login", views.LoginView),
        ("logout", views.LogoutView),
        ("register", views.RegistrationView),
        ("activate", views.ActivateUser),
        ("send_pw_reset_email", views.InitiatePasswordResetView),
        ("pw_reset", views.ResetPassword),
    )
}
PAIRS = {
    "login": (signals.user_pre_login, signals.user_post_login),
    "logout": (signals.user_pre_logout, signals.user_post_logout),
    "register": (signals.user_pre_registered, signals.user_post_registered),
    "activate": (signals.user_pre_activated, signals.user_post_activated),
    "send_pw_reset_email": (
        signals.user_pre_forgot_password,
        signals.user_post_forgot_password,
    ),
    "pw_reset": (signals.user_pre_reset_password, signals.user_post_reset_password),
}


def test_the_sender_is_the_class_that_the_project_routes(
    client: APIClient, db: None, connect: Connect, settings: Any
) -> None:
    settings.ROOT_URLCONF = (
        *(path(f"own/{name}/", view.as_view()) for name, view in OWN_VIEWS.items()),
        path("", include("ai_kit_auth.urls")),
    )
    seen: list[Any] = []
    for pair in PAIRS.values():
        for signal in pair:
            connect(signal, lambda sender, **kwargs: seen.append(sender))

    def send(name: str, data: Any = None) -> None:
        url = f"/own/{name}/"
        answer = client.post(url, data or {}, format="json", **csrf(client))
        assert answer.status_code in {200, 201}
        assert seen == [OWN_VIEWS[name]] * 2
        seen.clear()

    send("register", registration())
    if has_activation():
        send("activate", mailed_link())
    send("login", {"ident": "ada@example.com", "password": PASSWORD})
    send("logout")
    send("send_pw_reset_email", {"ident": "ada@example.com"})
    send("pw_reset", {**mailed_link(), "password": OTHER_PASSWORD})


# With real transactions


@pytest.mark.usefixtures("_with_or_without_atomic_requests")
@pytest.mark.django_db(transaction=True)
def test_a_refused_request_leaves_nothing_in_the_database(
    client: APIClient,
    make_user: MakeUser,
    connect: Connect,
) -> None:
    """Once with real transactions: above, a test's own one is around everything."""
    make_user()
    data = ask_for_a_link(client)
    before = rows()
    for signal in (
        signals.user_pre_login,
        signals.user_pre_registered,
        signals.user_pre_reset_password,
    ):
        connect(signal, write_a_witness)
    for signal in (
        signals.user_post_login,
        signals.user_post_registered,
        signals.user_post_reset_password,
    ):
        connect(signal, refuse)
    assert answer_of(log_in(client, "ada@example.com")) == REFUSED
    assert me(client) is None
    assert answer_of(post(client, "register", registration("bob"))) == REFUSED
    assert answer_of(post(client, "pw_reset", data)) == REFUSED
    assert rows() == before
    assert Session.objects.count() == 0
