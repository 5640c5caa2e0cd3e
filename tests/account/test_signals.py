"""The signals of the account page: arguments, order, and the effect of a veto."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.dispatch import Signal

from ai_kit_auth.account import services, signals, views
from ai_kit_auth.account.permissions import is_recently_authenticated
from ai_kit_auth.accounts import email_of
from ai_kit_auth.user_model import user_model

from ..conftest import OTHER_PASSWORD, PASSWORD, USER_MODELS, Connect
from ..test_links import own_link
from ..test_signals import Recorder, refuse, watch, witnesses, write_a_witness
from .page import (
    ADA,
    EVERY_MODEL,
    NEW,
    Browser,
    address,
    answer_of,
    configure,
    mails,
    refused,
    rows,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]

PASSWORD_ONLY = {"password": PASSWORD}


def stored_password() -> Any:
    return [row["password"] for row in rows()]


def test_all_have_their_test() -> None:
    names = [name for name in vars(signals) if name.startswith("user_")]
    assert len(names) == 16
    assert all(isinstance(getattr(signals, name), Signal) for name in names)
    stories = {name.split("_", 2)[2] for name in names}
    assert stories == {*ACTS, "confirm_email", "resend_activation", "update_me"}


ACTS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "change_password": (
        "change_password",
        {**PASSWORD_ONLY, "new_password": OTHER_PASSWORD},
        views.ChangePassword,
    ),
    "logout_others": ("logout_others", PASSWORD_ONLY, views.LogoutOthers),
    "change_email": (
        "change_email",
        {**PASSWORD_ONLY, "email": "ADA@New.example"},
        views.ChangeEmail,
    ),
    "delete_account": ("delete_account", PASSWORD_ONLY, views.DeleteAccount),
    "confirm_password": ("confirm_password", PASSWORD_ONLY, views.ConfirmPassword),
}


def signals_of(story: str) -> tuple[Signal, Signal]:
    pre: Signal = getattr(signals, f"user_pre_{story}")
    post: Signal = getattr(signals, f"user_post_{story}")
    return pre, post


def do(browser: Browser, story: str) -> Any:
    route, body, _ = ACTS[story]
    return browser.post(route, body)


@pytest.mark.parametrize("story", ACTS)
def test_each_is_sent_once_by_its_view_with_its_keywords(
    browser: Browser, ada: Any, connect: Connect, story: str
) -> None:
    before, after = watch(connect, *signals_of(story), look=lambda: None)
    assert do(browser, story).status_code == 200
    more = {"email": "ADA@new.example"} if story == "change_email" else {}
    for recorder in (before, after):
        assert recorder.senders == [ACTS[story][2]]
        [keywords] = recorder.keywords
        user = keywords.pop("user")
        assert keywords == more
        # A deleted user has no primary key, so compare by the key from before.
        assert story == "delete_account" or user == ada
        assert isinstance(user, get_user_model())
    assert after.keywords is not before.keywords


@pytest.mark.parametrize("story", ACTS)
def test_a_refusal_comes_before_anything_is_done(
    browser: Browser, connect: Connect, story: str
) -> None:
    pre, post = signals_of(story)
    after = Recorder()
    connect(pre, refuse)
    connect(post, after)
    state = rows()
    assert answer_of(do(browser, story)) == refused("closed_on_sundays")
    assert (after.senders, rows(), mail.outbox) == ([], state, [])
    assert browser.me() is not None


@pytest.mark.parametrize("story", ACTS)
def test_what_receivers_write_is_undone_with_the_rest(
    browser: Browser, connect: Connect, story: str
) -> None:
    pre, post = signals_of(story)
    connect(pre, write_a_witness)
    connect(post, refuse)
    state = rows()
    assert answer_of(do(browser, story)) == refused("closed_on_sundays")
    # A mail is out before its second signal, and in no transaction of the first.
    assert witnesses() == (1 if story == "change_email" else 0)
    assert rows() == state
    assert browser.me() is not None


@pytest.mark.parametrize("story", ACTS)
def test_what_receivers_write_stays_with_the_rest(
    browser: Browser, connect: Connect, story: str
) -> None:
    connect(signals_of(story)[0], write_a_witness)
    assert do(browser, story).status_code == 200
    assert witnesses() == 1


@pytest.mark.parametrize("story", ACTS)
def test_none_is_sent_where_the_password_is_wrong(
    browser: Browser, connect: Connect, story: str
) -> None:
    recorders = watch(connect, *signals_of(story), look=lambda: None)
    route, body, _ = ACTS[story]
    assert browser.post(route, {**body, "password": "wrong"}).status_code == 400
    assert [recorder.senders for recorder in recorders] == [[], []]


@pytest.mark.parametrize("story", ["change_password", "logout_others"])
def test_the_hash_changes_in_between(
    browser: Browser, connect: Connect, story: str
) -> None:
    old = stored_password()
    before, after = watch(connect, *signals_of(story), look=stored_password)
    do(browser, story)
    assert before.seen == [old]
    assert after.seen == [stored_password()] != [old]


def test_the_row_goes_in_between(browser: Browser, ada: Any, connect: Connect) -> None:
    keys: list[Any] = []
    before, after = watch(connect, *signals_of("delete_account"), look=rows)
    for signal in signals_of("delete_account"):
        connect(signal, lambda user, **kwargs: keys.append((user.pk, address_of(user))))
    do(browser, "delete_account")
    assert (len(before.seen), after.seen) == (1, [[]])
    assert keys == [(ada.pk, ADA)] * 2


def address_of(user: Any) -> str:
    return email_of(user)


requests: list[Any] = []


def note_request(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Keep the request, as a middleware, for receivers that get none."""

    def middleware(request: Any) -> Any:
        requests.append(request)
        return get_response(request)

    return middleware


def test_the_session_is_fresh_in_between(
    ada: Any, connect: Connect, settings: Settings
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.note_request"]
    browser = Browser()
    browser.log_in()
    before, after = watch(
        connect,
        *signals_of("confirm_password"),
        look=lambda: is_recently_authenticated(requests[-1]),
    )
    do(browser, "confirm_password")
    assert (before.seen, after.seen) == ([False], [True])


@pytest.mark.parametrize("hidden", [True, False])
def test_the_link_is_mailed_in_between(
    browser: Browser, connect: Connect, settings: Settings, hidden: bool
) -> None:
    configure(settings, PREVENT_ENUMERATION=hidden)
    before, after = watch(
        connect,
        *signals_of("change_email"),
        look=lambda: [to for to, _ in mails()],
    )
    do(browser, "change_email")
    assert (before.seen, after.seen) == ([[]], [["ADA@new.example"]])


def test_a_taken_address_that_is_hidden_has_no_second_signal(
    browser: Browser,
    connect: Connect,
    settings: Settings,
    make_user: Callable[..., Any],
) -> None:
    configure(settings, PREVENT_ENUMERATION=True)
    make_user("eve")
    before, after = watch(connect, *signals_of("change_email"), look=lambda: None)
    browser.post("change_email", {**PASSWORD_ONLY, "email": "eve@example.com"})
    assert (len(before.senders), len(after.senders)) == (1, 0)


# Those with another body


def confirm(ada: Any) -> Any:
    link = own_link(services.get_email_change_url(ada, NEW))
    return Browser().post("confirm_email", link)


def test_confirm_email(ada: Any, connect: Connect) -> None:
    def stored() -> str:
        return address(get_user_model()._default_manager.get())

    before, after = watch(connect, *signals_of("confirm_email"), look=stored)
    assert confirm(ada).status_code == 200
    for recorder in (before, after):
        assert recorder.senders == [views.ConfirmEmail]
        assert recorder.keywords == [{"user": ada, "email": NEW}]
    assert (before.seen, after.seen) == ([ADA], [NEW])


def test_confirm_email_is_refused_and_undone(ada: Any, connect: Connect) -> None:
    pre, post = signals_of("confirm_email")
    connect(pre, write_a_witness)
    connect(post, refuse)
    assert answer_of(confirm(ada)) == refused("closed_on_sundays")
    assert (witnesses(), address(ada)) == (0, ADA)


def test_update_me(browser: Browser, ada: Any, connect: Connect) -> None:
    before, after = watch(connect, *signals_of("update_me"), look=rows)
    body = {ada.USERNAME_FIELD: "lovelace", "more": [1]}
    assert browser.patch(body).status_code == 200
    assert before.senders == after.senders == [views.UpdateMe]
    assert before.keywords == [{"user": ada, "user_data": body}]
    assert after.keywords == [{"user": ada}]
    assert after.seen == [rows()]
    with_username = user_model.username is not None
    assert (before.seen == after.seen) is not with_username


def test_update_me_is_refused_before_anything_is_checked(
    browser: Browser, ada: Any, connect: Connect
) -> None:
    connect(signals.user_pre_update_me, refuse)
    answer = browser.patch({ada.USERNAME_FIELD: ""})
    assert answer_of(answer) == refused("closed_on_sundays")


def test_update_me_is_undone(browser: Browser, ada: Any, connect: Connect) -> None:
    connect(signals.user_pre_update_me, write_a_witness)
    connect(signals.user_post_update_me, refuse)
    state = rows()
    answer = browser.patch({ada.USERNAME_FIELD: "lovelace"})
    assert answer_of(answer) == refused("closed_on_sundays")
    assert (witnesses(), rows()) == (0, state)


with_activation = pytest.mark.user_model(*(m for m in USER_MODELS if m != "bare"))


@with_activation
def test_resend_activation(make_user: Callable[..., Any], connect: Connect) -> None:
    user = make_user(is_active=False)
    before, after = watch(
        connect, *signals_of("resend_activation"), look=lambda: len(mails())
    )
    Browser().post("resend_activation_email", {"email": ADA})
    for recorder in (before, after):
        assert recorder.senders == [views.ResendActivationMail]
        assert recorder.keywords == [{"user": user}]
    assert (before.seen, after.seen) == ([0], [1])
    # Too soon.
    Browser().post("resend_activation_email", {"email": ADA})
    Browser().post("resend_activation_email", {"email": "nobody@example.com"})
    assert len(before.senders) == len(after.senders) == 1


@with_activation
def test_resend_activation_is_refused(
    make_user: Callable[..., Any], connect: Connect
) -> None:
    make_user(is_active=False)
    connect(signals.user_pre_resend_activation, refuse)
    answer = Browser().post("resend_activation_email", {"email": ADA})
    assert answer_of(answer) == refused("closed_on_sundays")
    assert mails() == []
