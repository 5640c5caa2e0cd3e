"""The user admin: its actions for existing accounts, and invitations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ai_kit_auth import services
from ai_kit_auth.account_changes import end_sessions
from ai_kit_auth.admin import AIUserCreationForm
from ai_kit_auth.user_model import user_model

from ..accounts import attributes_of, mailed_link, post, the_user
from ..conftest import OTHER_PASSWORD, PASSWORD, USER_MODELS, MakeUser
from ..test_admin import GERMAN, NOT_SENT, count, errors_of, new_user, page, user_fields
from .page import (
    ADA,
    ENGINES,
    EVERY_MODEL,
    WITH_ACTIVATION,
    Browser,
    answer_of,
    configure,
    mails,
    refused,
    rows,
    take_password,
    with_activation,
)
from .test_change_email import break_mail
from .test_logout_others import use

if TYPE_CHECKING:
    from pytest_django import Settings

Shown = tuple[str, str]

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]

INVITING = tuple(model for model in USER_MODELS if model != "bare")
# Django's permissions for these decide who may do what.
WITH_PERMISSIONS = INVITING

inviting = pytest.mark.user_model(*INVITING)
with_permissions = pytest.mark.user_model(*WITH_PERMISSIONS)

SEARCHABLE = ("db", "cached_db")
NOT_SEARCHABLE = tuple(engine for engine in ENGINES if engine not in SEARCHABLE)

ACTIVATION = "send_activation_mail"
RESET = "send_password_reset_mail"
END = "end_all_sessions"
OURS = {ACTIVATION, RESET, END}

INVITED = "An account was made for you - app.example.com"
REGISTERED = "Please confirm your e-mail address - app.example.com"
NO_PASSWORDS = {"password1": "", "password2": ""}
HINT = "Leave it empty to let the owner of the e-mail address choose one."
RESET_PAGE = "https://app.example.com/auth/reset_password?ident="
ACTIVATION_PAGE = "https://app.example.com/auth/activation?ident="
LINK_USED = refused("reset_password_link_invalid", 400)
NOT_WAITING = "does not wait for an activation"
NO_RESET = "is deactivated, or was never activated"
NO_ADDRESS = "has no e-mail address"
MAIL_FAILED = "the mail could not be sent"
OWN = "is your own account; log out instead"
UNREACHED = (
    "the sessions of this project cannot be searched; set another password to end all "
    "of them"
)


@pytest.fixture
def engine(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Any:
    """Keep the sessions of this test by the engine that it names."""
    name = getattr(request, "param", "db")
    use(settings, name, tmp_path)
    return name


@pytest.fixture
def root(
    engine: str,
    make_user: MakeUser,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Client:
    """Return a browser in which an administrator is logged in."""
    configure(settings, ADMIN_ADD_FIELDSETS=[(None, {"fields": user_fields()})])
    model = get_user_model()
    if not hasattr(model, "has_perm"):
        for name in ("has_perm", "has_module_perms"):
            monkeypatch.setattr(model, name, lambda *args: True, raising=False)
    rights = {
        name: True
        for name in ("is_staff", "is_superuser")
        if name in user_model.columns
    }
    return entered(make_user("root", **rights))


@pytest.fixture
def make_clerk(make_user: MakeUser) -> Callable[..., Client]:
    """Return a function that makes staff members with permissions for accounts."""

    def make(*rights: str) -> Client:
        clerk = make_user("clerk", is_staff=True)
        model = clerk._meta.model_name
        codes = [f"{right}_{model}" for right in rights]
        found = Permission.objects.filter(codename__in=codes)
        assert len(found) == len(rights)
        clerk.user_permissions.set(found)
        return entered(clerk)

    return make


def entered(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def invite(root: Client, name: str = "ada", **changes: Any) -> Any:
    return root.post(page("add"), new_user(name, **{**NO_PASSWORDS, **changes}))


def act(
    client: Client, action: str, accounts: Iterable[Any], **extra: Any
) -> list[Shown]:
    """Run an action of the list; return level and text of each message, in order."""
    selected = [str(account.pk) for account in accounts]
    data = {"action": action, "_selected_action": selected}
    answer = client.post(page("changelist"), data, follow=True, **extra)
    assert answer.status_code == 200
    return [(str(sent.level_tag), str(sent)) for sent in answer.context["messages"]]


def offered(client: Client, **extra: Any) -> dict[str, str]:
    """Return the actions that the list offers, by name, with their descriptions."""
    form = client.get(page("changelist"), **extra).context["action_form"]
    choices = form.fields["action"].choices if form else []
    return {str(name): str(text) for name, text in choices if name}


def left_out(account: Any, reason: str) -> Shown:
    return "error", f"“{account}”: {reason}"


def logged_in(name: str = "ada") -> Browser:
    browser = Browser()
    assert browser.log_in(f"{name}@example.com").status_code == 200
    return browser


def from_outside(user: Any) -> Browser:
    """Return a browser of a user without a password, as with single sign-on."""
    take_password(user)
    browser = Browser()
    browser.client.force_login(user)
    assert browser.me() is not None
    return browser


def update(user: Any, **columns: Any) -> None:
    """Change a row behind the back of all receivers, those columns that it has."""
    known = {name: columns[name] for name in columns if name in user_model.columns}
    get_user_model()._default_manager.filter(pk=user.pk).update(**known)
    user.refresh_from_db()


def deactivate(user: Any) -> None:
    update(user, is_active=False, last_login=timezone.now())


def follow(link: dict[str, str], password: str = OTHER_PASSWORD) -> tuple[int, Any]:
    """Set a password, as the page behind a link does."""
    body = {**link, "password": password}
    return answer_of(post(Browser().client, "pw_reset", body))


def activate(link: dict[str, str]) -> tuple[int, Any]:
    return answer_of(post(Browser().client, "activate", link))


def body_of(index: int = -1) -> str:
    return str(mail.outbox[index].body)


class NoMailForEve(EmailBackend):
    def send_messages(self, messages: Any) -> int:
        if any("eve@example.com" in message.to for message in messages):
            raise OSError("mailbox full")
        return super().send_messages(messages)


def refuse_eve(settings: Settings) -> None:
    path = f"{__name__}.NoMailForEve"
    old = django.VERSION < (6, 1)
    name = "EMAIL_BACKEND" if old else "MAILERS"
    setattr(settings, name, path if old else {"default": {"BACKEND": path}})


# Invitations


@inviting
def test_an_account_without_password_gets_a_link_to_set_one(root: Client) -> None:
    assert invite(root).status_code == 302
    user = the_user()
    assert (user.is_active, user.has_usable_password()) == (False, False)
    assert mails() == [(ADA, INVITED)]
    assert body_of().count(RESET_PAGE) == 1
    assert "/auth/activation" not in body_of()


@inviting
def test_setting_the_password_activates_and_that_once(root: Client) -> None:
    invite(root)
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 400
    assert follow(mailed_link()) == (200, {})
    assert the_user().is_active is True
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200
    assert follow(mailed_link(), PASSWORD) == LINK_USED
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


@inviting
def test_a_weak_password_leaves_the_invitation_open(root: Client) -> None:
    invite(root)
    assert follow(mailed_link(), "12345678")[0] == 400
    assert the_user().is_active is False
    assert follow(mailed_link()) == (200, {})


@inviting
def test_the_link_of_the_invitation_activates_by_no_other_way(root: Client) -> None:
    invite(root)
    refusal = refused("activation_link_invalid", 400)
    assert activate(mailed_link()) == refusal
    assert the_user().is_active is False


@inviting
def test_the_invitation_leads_to_the_frontend_s_page(
    root: Client, settings: Settings
) -> None:
    configure(settings, FRONTEND={"RESET_PW_ROUTE": "/my/new/password/"})
    invite(root)
    assert "https://app.example.com/my/new/password?ident=" in body_of()


@inviting
def test_passwords_that_are_not_posted_at_all_are_empty(root: Client) -> None:
    assert root.post(page("add"), attributes_of("ada")).status_code == 302
    assert not the_user().has_usable_password()
    assert RESET_PAGE in body_of()


@inviting
def test_the_host_s_sender_gets_the_link_to_set_a_password(
    root: Client, settings: Settings
) -> None:
    calls: list[tuple[Any, str]] = []

    def own_sender(user: Any, url: str) -> None:
        calls.append((user.pk, url))

    configure(settings, SEND_ACTIVATION_BY_ADMIN_MAIL=own_sender)
    invite(root)
    [(pk, url)] = calls
    assert pk == the_user().pk
    assert url.startswith(RESET_PAGE)
    assert mails() == []


@with_activation
def test_an_account_with_password_gets_the_activation_link(root: Client) -> None:
    assert root.post(page("add"), new_user()).status_code == 302
    assert the_user().check_password(PASSWORD)
    assert mails() == [(ADA, INVITED)]
    assert ACTIVATION_PAGE in body_of()
    assert follow(mailed_link()) == LINK_USED
    assert activate(mailed_link()) == (200, {})
    assert Browser().log_in().status_code == 200


@inviting
@pytest.mark.parametrize("given", ["password1", "password2"])
def test_one_password_of_two_is_a_mistake(root: Client, given: str) -> None:
    answer = invite(root, **{given: PASSWORD})
    assert errors_of(answer) == {"password2": ["password_mismatch"]}
    assert count() == 1
    assert mails() == []


@pytest.mark.user_model("bare", "no_last_login")
@pytest.mark.parametrize("given", [{}, NO_PASSWORDS])
def test_where_nobody_can_be_seen_to_wait_a_password_is_required(
    root: Client, given: dict[str, str]
) -> None:
    answer = root.post(page("add"), {**attributes_of("ada"), **given})
    codes = errors_of(answer)
    assert codes == {"password1": ["required"], "password2": ["required"]}
    assert count() == 1
    assert mails() == []
    assert HINT not in answer.content.decode()


@pytest.mark.user_model("bare", "no_last_login")
@pytest.mark.parametrize(
    ("given", "missing"), [("password1", "password2"), ("password2", "password1")]
)
def test_where_a_password_is_required_the_missing_one_is_named(
    root: Client, given: str, missing: str
) -> None:
    answer = invite(root, **{given: PASSWORD})
    assert errors_of(answer) == {missing: ["required"]}
    assert count() == 1


@inviting
def test_the_page_says_that_the_password_may_stay_empty(root: Client) -> None:
    assert HINT in root.get(page("add")).content.decode()
    german = root.get(page("add"), headers=GERMAN).content.decode()
    assert "damit der Inhaber der E-Mail-Adresse selbst eines wählt." in german


@inviting
@pytest.mark.parametrize("address", [ADA, "ADA@Example.com"])
def test_who_has_an_account_is_not_invited(
    root: Client, make_user: MakeUser, address: str
) -> None:
    make_user()
    before = rows()
    name = user_model.email
    answer = invite(root, "eve", **{name: address})
    assert errors_of(answer) == {name: [f"{name}_unique"]}
    assert rows() == before
    assert mails() == []


@inviting
def test_an_invitation_that_is_not_mailed_is_none(
    root: Client, settings: Settings
) -> None:
    break_mail(settings)
    answer = invite(root)
    assert (answer.status_code, answer.headers["Location"]) == (302, page("add"))
    shown = root.get(page("add"))
    [message] = shown.context["messages"]
    assert message.level_tag == "error"
    assert str(message).startswith(NOT_SENT)
    assert count() == 1


@inviting
def test_a_form_saved_without_commit_invites_with_the_account(db: None) -> None:
    form = AIUserCreationForm(new_user(**NO_PASSWORDS))
    assert form.is_valid(), form.errors
    user = form.save(commit=False)
    assert (count(), mails()) == (0, [])
    for name, value in attributes_of("ada").items():
        setattr(user, name, value)
    user.save()
    user.save()
    assert not the_user().has_usable_password()
    assert mails() == [(ADA, INVITED)]
    assert follow(mailed_link()) == (200, {})
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


@inviting
@pytest.mark.parametrize("way", ["endpoint", "action"])
def test_who_was_invited_gets_the_link_once_more(root: Client, way: str) -> None:
    invite(root)
    mail.outbox.clear()
    if way == "endpoint":
        asked = Browser().post("resend_activation_email", {"email": ADA})
        assert answer_of(asked) == (200, {})
    else:
        shown = act(root, ACTIVATION, [the_user()])
        assert shown[-1] == ("success", "1 activation mail was sent.")
    assert mails() == [(ADA, INVITED)]
    assert RESET_PAGE in body_of()
    assert follow(mailed_link()) == (200, {})
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


@inviting
def test_a_reset_that_is_mailed_to_who_was_invited_activates(root: Client) -> None:
    invite(root)
    shown = act(root, RESET, [the_user()])
    assert shown[-1] == ("success", "1 password reset mail was sent.")
    assert follow(mailed_link()) == (200, {})
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


@with_activation
def test_who_may_have_been_deactivated_gets_the_activation_link(
    make_user: MakeUser,
) -> None:
    """A reset link would be refused to rows of 2.0.0, and to those of bulk_create()."""
    user = make_user(is_active=False)
    take_password(user)
    update(user, last_login=None)
    services.send_activation_by_admin_mail(user)
    assert ACTIVATION_PAGE in body_of()
    assert follow(mailed_link()) == LINK_USED
    assert activate(mailed_link()) == (200, {})
    assert the_user().is_active is True


# The actions of each admin


def test_the_list_offers_the_actions_beside_django_s(root: Client) -> None:
    assert offered(root) == {
        "delete_selected": f"Delete selected {get_user_model()._meta.verbose_name}s",
        ACTIVATION: "Send activation mail",
        RESET: "Send password reset mail",
        END: "End all sessions",
    }


@with_permissions
@pytest.mark.parametrize("rights", [["view"], ["view", "add", "delete"]])
def test_who_may_not_change_accounts_does_nothing_to_them(
    make_clerk: Callable[..., Client], make_user: MakeUser, rights: list[str]
) -> None:
    clerk = make_clerk(*rights)
    waiting, ada = make_user("eve", is_active=False), make_user()
    browser = logged_in()
    before = rows()
    assert OURS.isdisjoint(offered(clerk))
    for action in OURS:
        shown = act(clerk, action, [waiting, ada])
        assert "success" not in dict(shown)
    assert rows() == before
    assert mails() == []
    assert browser.me() is not None


@with_permissions
def test_who_may_change_accounts_may_do_all_three(
    make_clerk: Callable[..., Client], make_user: MakeUser
) -> None:
    clerk = make_clerk("view", "change")
    waiting, ada = make_user("eve", is_active=False), make_user()
    browser = logged_in()
    assert set(offered(clerk)) == OURS
    assert act(clerk, ACTIVATION, [waiting]) == [
        ("success", "1 activation mail was sent.")
    ]
    assert act(clerk, RESET, [ada]) == [("success", "1 password reset mail was sent.")]
    assert act(clerk, END, [ada]) == [
        ("success", "All sessions of 1 account have ended.")
    ]
    assert [to for to, _ in mails()] == ["eve@example.com", ADA]
    assert browser.me() is None


def test_a_stranger_is_sent_to_the_login(make_user: MakeUser) -> None:
    ada = make_user()
    browser = logged_in()
    for action in OURS:
        data = {"action": action, "_selected_action": [str(ada.pk)]}
        answer = Client().post(page("changelist"), data)
        assert answer.status_code == 302
        assert "login/?next=" in answer.headers["Location"]
    assert mails() == []
    assert browser.me() is not None


# Activation mails


@inviting
def test_each_who_waits_gets_an_activation_mail(
    root: Client, make_user: MakeUser
) -> None:
    waiting = [make_user(name, is_active=False) for name in ("ada", "bob")]
    make_user("eve", is_active=False)
    shown = act(root, ACTIVATION, waiting)
    assert shown == [("success", "2 activation mails were sent.")]
    assert sorted(mails()) == [(ADA, REGISTERED), ("bob@example.com", REGISTERED)]
    for index in (0, 1):
        assert ACTIVATION_PAGE in body_of(index)
        assert activate(mailed_link(index)) == (200, {})
    assert logged_in("ada").me() != logged_in("bob").me()


@inviting
def test_who_does_not_wait_is_named_and_gets_no_mail(
    root: Client, make_user: MakeUser
) -> None:
    waiting = make_user("ada", is_active=False)
    active, deactivated, old = (make_user(name) for name in ("bob", "cleo", "dan"))
    deactivate(deactivated)
    update(old, is_active=False, last_login=None)
    before = rows()
    shown = act(root, ACTIVATION, [waiting, active, deactivated, old])
    assert sorted(shown[:-1]) == [
        left_out(account, NOT_WAITING) for account in (active, deactivated, old)
    ]
    assert shown[-1] == ("success", "1 activation mail was sent.")
    assert [to for to, _ in mails()] == [ADA]
    assert rows() == before


@pytest.mark.user_model("bare", "no_last_login")
def test_where_nobody_can_be_seen_to_wait_nobody_gets_an_activation_mail(
    root: Client, make_user: MakeUser
) -> None:
    ada = make_user()
    update(ada, is_active=False)
    assert act(root, ACTIVATION, [ada]) == [
        left_out(ada, NOT_WAITING),
        ("warning", "0 activation mails were sent."),
    ]
    assert mails() == []


# Password reset mails


def test_each_who_is_active_gets_a_reset_mail(
    root: Client, make_user: MakeUser
) -> None:
    accounts = [make_user(name) for name in ("ada", "bob")]
    make_user("eve")
    browser = logged_in()
    shown = act(root, RESET, accounts)
    assert shown == [("success", "2 password reset mails were sent.")]
    assert sorted(to for to, _ in mails()) == [ADA, "bob@example.com"]
    # Nothing has changed before the link is used.
    assert browser.me() is not None
    for index in (0, 1):
        assert RESET_PAGE in body_of(index)
        assert follow(mailed_link(index)) == (200, {})
    for account in accounts:
        account.refresh_from_db()
        assert account.check_password(OTHER_PASSWORD)


@inviting
def test_a_reset_mail_goes_to_who_waits_as_well(
    root: Client, make_user: MakeUser
) -> None:
    shown = act(root, RESET, [make_user(is_active=False)])
    assert shown == [("success", "1 password reset mail was sent.")]
    assert follow(mailed_link()) == (200, {})
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


@with_activation
def test_who_is_deactivated_is_named_and_gets_no_reset_mail(
    root: Client, make_user: MakeUser
) -> None:
    active, deactivated, old = (make_user(name) for name in ("ada", "bob", "cleo"))
    deactivate(deactivated)
    update(old, is_active=False, last_login=None)
    before = rows()
    shown = act(root, RESET, [active, deactivated, old])
    assert sorted(shown[:-1]) == [
        left_out(account, NO_RESET) for account in (deactivated, old)
    ]
    assert shown[-1] == ("success", "1 password reset mail was sent.")
    assert [to for to, _ in mails()] == [ADA]
    assert rows() == before


# What hinders a mail


mailing = pytest.mark.parametrize(
    ("action", "columns", "sent"),
    [
        pytest.param(
            ACTIVATION,
            {"is_active": False},
            "activation mails were sent.",
            marks=inviting,
        ),
        (RESET, {}, "password reset mails were sent."),
    ],
)


@pytest.mark.parametrize(
    ("action", "columns"),
    [
        pytest.param(ACTIVATION, {"is_active": False}, marks=inviting),
        (RESET, {}),
    ],
)
def test_who_has_no_address_is_named(
    root: Client, make_user: MakeUser, action: str, columns: dict[str, Any]
) -> None:
    nameless = make_user("eve", **{user_model.email: ""}, **columns)
    ada = make_user("ada", **columns)
    reason, done = act(root, action, [nameless, ada])
    assert reason == left_out(nameless, NO_ADDRESS)
    assert done[0] == "success"
    assert done[1].startswith("1 ")
    assert [to for to, _ in mails()] == [ADA]


@mailing
def test_a_mail_that_fails_is_told_and_hinders_no_other(
    root: Client,
    make_user: MakeUser,
    settings: Settings,
    action: str,
    columns: dict[str, Any],
    sent: str,
) -> None:
    ada, eve, zoe = (make_user(name, **columns) for name in ("ada", "eve", "zoe"))
    refuse_eve(settings)
    shown = act(root, action, [ada, eve, zoe])
    assert shown == [left_out(eve, MAIL_FAILED), ("success", f"2 {sent}")]
    assert sorted(to for to, _ in mails()) == [ADA, "zoe@example.com"]


@mailing
def test_without_a_mail_server_the_admin_is_warned(
    root: Client,
    make_user: MakeUser,
    settings: Settings,
    action: str,
    columns: dict[str, Any],
    sent: str,
) -> None:
    accounts = [make_user(name, **columns) for name in ("ada", "eve")]
    break_mail(settings)
    shown = act(root, action, accounts)
    failed = [left_out(account, MAIL_FAILED) for account in accounts]
    assert sorted(shown[:-1]) == failed
    assert shown[-1] == ("warning", f"0 {sent}")


# Sessions


@pytest.mark.parametrize("engine", SEARCHABLE, indirect=True)
def test_the_sessions_of_who_is_selected_end_and_no_others(
    root: Client, make_user: MakeUser
) -> None:
    ada, bob, _ = (make_user(name) for name in ("ada", "bob", "eve"))
    ending = [logged_in(name) for name in ("ada", "ada", "bob")]
    eves = logged_in("eve")
    before = rows()
    shown = act(root, END, [ada, bob])
    assert shown == [("success", "All sessions of 2 accounts have ended.")]
    assert [browser.me() for browser in ending] == [None, None, None]
    assert eves.me() is not None
    assert root.get(page("changelist")).status_code == 200
    # The passwords stay what they are.
    assert rows() == before
    assert logged_in("ada").me() is not None


def test_what_a_visitor_without_account_has_kept_stays(
    root: Client, make_user: MakeUser
) -> None:
    basket = SessionStore()
    basket["basket"] = ["a fern"]
    basket.save()
    act(root, END, [make_user()])
    assert SessionStore(basket.session_key)["basket"] == ["a fern"]


def test_an_account_without_sessions_counts_as_well(
    root: Client, make_user: MakeUser
) -> None:
    shown = act(root, END, [make_user()])
    assert shown == [("success", "All sessions of 1 account have ended.")]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_own_account_is_left_out_and_stays_logged_in(
    root: Client, make_user: MakeUser
) -> None:
    own = the_user("root")
    adas = from_outside(make_user())
    shown = act(root, END, [the_user(), own])
    assert shown == [
        left_out(own, OWN),
        ("success", "All sessions of 1 account have ended."),
    ]
    assert adas.me() is None
    assert root.get(page("changelist")).status_code == 200
    assert act(root, END, [own]) == [
        left_out(own, OWN),
        ("warning", "All sessions of 0 accounts have ended."),
    ]
    assert root.get(page("changelist")).status_code == 200


def test_the_own_account_stays_logged_in_without_a_password_too(
    root: Client, make_user: MakeUser
) -> None:
    """A new placeholder instead of the password would end the session."""
    take_password(the_user("root"))
    root = entered(the_user("root"))
    act(root, END, [make_user(), the_user("root")])
    assert root.get(page("changelist")).status_code == 200


@pytest.mark.parametrize("engine", NOT_SEARCHABLE, indirect=True)
def test_sessions_that_cannot_be_searched_go_on_and_that_is_told(
    root: Client, make_user: MakeUser
) -> None:
    accounts = [make_user(name) for name in ("ada", "bob")]
    browsers = [logged_in(name) for name in ("ada", "bob")]
    before = rows()
    shown = act(root, END, accounts)
    assert sorted(shown[:-1]) == [left_out(user, UNREACHED) for user in accounts]
    assert shown[-1] == ("warning", "All sessions of 0 accounts have ended.")
    assert None not in [browser.me() for browser in browsers]
    assert rows() == before


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_sessions_of_who_has_no_password_end_whatever_keeps_them(
    engine: str, root: Client, make_user: MakeUser
) -> None:
    ada, eve = make_user(), make_user("eve")
    adas, eves = from_outside(ada), logged_in("eve")
    shown = act(root, END, [ada, eve])
    assert adas.me() is None
    assert not the_user().has_usable_password()
    if engine in SEARCHABLE:
        assert shown == [("success", "All sessions of 2 accounts have ended.")]
        assert eves.me() is None
    else:
        assert shown == [
            left_out(eve, UNREACHED),
            ("success", "All sessions of 1 account have ended."),
        ]
        assert eves.me() is not None


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_others_without_password_stay_logged_in(
    root: Client, make_user: MakeUser
) -> None:
    ada, eve = make_user(), make_user("eve")
    adas, eves = from_outside(ada), from_outside(eve)
    act(root, END, [ada])
    assert [adas.me(), eves.me() is None] == [None, False]


@inviting
@pytest.mark.parametrize("engine", ["db", "cache"], indirect=True)
def test_an_invitation_stays_open(root: Client) -> None:
    """An invited account has no session, and an admin may select all accounts."""
    invite(root)
    link = mailed_link()
    shown = act(root, END, [the_user()])
    assert shown[-1] == ("success", "All sessions of 1 account have ended.")
    assert follow(link) == (200, {})
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


@inviting
@pytest.mark.parametrize("engine", ["db", "cache"], indirect=True)
def test_a_deactivated_account_s_sessions_do_not_come_back_with_it(
    root: Client, make_user: MakeUser
) -> None:
    ada = make_user()
    browser = from_outside(ada)
    deactivate(ada)
    assert browser.me() is None
    act(root, END, [ada])
    update(ada, is_active=True)
    assert browser.me() is None


def history(root: Client) -> list[tuple[str, str, int]]:
    """Return the admin's history of actions: account, action, and admin."""
    return [
        (str(entry.object_id), entry.get_change_message(), entry.user_id)
        for entry in LogEntry.objects.order_by("pk")
    ]


def who(root: Client) -> Any:
    return get_user_model()._meta.pk.to_python(root.session["_auth_user_id"])


@with_permissions
@pytest.mark.parametrize("extra", [{}, {"headers": GERMAN}], ids=["en", "de"])
def test_each_action_stands_in_the_history_of_each_account(
    root: Client, make_user: MakeUser, extra: dict[str, Any]
) -> None:
    ada, bob = make_user("ada"), make_user("bob")
    act(root, "send_password_reset_mail", [ada, bob], **extra)
    act(root, END, [bob], **extra)
    told, by = history(root), who(root)
    assert sorted(told[:2]) == sorted(
        (str(user.pk), "Send password reset mail", by) for user in (ada, bob)
    )
    assert told[2:] == [(str(bob.pk), "End all sessions", by)]
    shown = root.get(page("history", bob.pk)).content.decode()
    assert "End all sessions" in shown


# A model without ``last_login`` cannot say that an account waits.
@pytest.mark.user_model(*(name for name in WITH_ACTIVATION if name != "no_last_login"))
def test_an_activation_mail_stands_in_the_history(
    root: Client, make_user: MakeUser
) -> None:
    ada = make_user("ada", is_active=False)
    act(root, "send_activation_mail", [ada])
    assert history(root) == [(str(ada.pk), "Send activation mail", who(root))]


@with_permissions
def test_what_an_action_left_out_stands_in_no_history(
    root: Client, make_user: MakeUser
) -> None:
    act(root, "send_activation_mail", [make_user("ada")])
    own = get_user_model()._default_manager.get(pk=who(root))
    act(root, END, [own])
    assert history(root) == []


@pytest.mark.parametrize("engine", SEARCHABLE, indirect=True)
def test_the_sessions_are_looked_through_once_for_all(
    root: Client, make_user: MakeUser
) -> None:
    crowd = [make_user(f"member{number}") for number in range(6)]
    make_user("eve")
    logged_in("eve")

    def asked(accounts: list[Any]) -> int:
        with CaptureQueriesContext(connection) as queries:
            act(root, END, accounts)
        return sum("django_session" in query["sql"] for query in queries)

    assert asked(crowd) == asked(crowd[:1]) > 0


@pytest.mark.parametrize("engine", ["db", "cache"], indirect=True)
def test_a_password_that_was_set_meanwhile_is_not_lost(
    engine: str, make_user: MakeUser
) -> None:
    ada = make_user()
    take_password(ada)
    seen_before = the_user()
    ada.set_password(OTHER_PASSWORD)
    ada.save()
    browser = Browser()
    browser.log_in(password=OTHER_PASSWORD)
    unreached = end_sessions([seen_before])
    assert the_user().check_password(OTHER_PASSWORD)
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200
    # It is told which of the two it was.
    going_on = [seen_before] if browser.me() is not None else []
    assert unreached == going_on == ([] if engine == "db" else [seen_before])


@pytest.mark.parametrize("engine", ["cache"], indirect=True)
def test_a_login_meanwhile_hinders_nothing(engine: str, make_user: MakeUser) -> None:
    ada = make_user()
    take_password(ada)
    seen_before = the_user()
    browser = Browser()
    browser.client.force_login(ada)
    assert end_sessions([seen_before]) == []
    assert browser.me() is None


def test_nobody_s_sessions_are_ended_for_nobody(engine: str, ada: Any) -> None:
    browser = logged_in()
    assert end_sessions([]) == []
    assert browser.me() is not None


# In German


@inviting
def test_the_actions_are_offered_in_german(root: Client) -> None:
    shown = offered(root, headers=GERMAN)
    assert {name: shown[name] for name in OURS} == {
        ACTIVATION: "E-Mail zur Aktivierung senden",
        RESET: "E-Mail zum Zurücksetzen des Passworts senden",
        END: "Alle Sitzungen beenden",
    }


@inviting
@pytest.mark.parametrize(
    ("action", "singular", "plural", "reason"),
    [
        (
            ACTIVATION,
            "1 E-Mail zur Aktivierung wurde gesendet.",
            "2 E-Mails zur Aktivierung wurden gesendet.",
            "wartet nicht auf eine Aktivierung",
        ),
        (
            RESET,
            "1 E-Mail zum Zurücksetzen des Passworts wurde gesendet.",
            "2 E-Mails zum Zurücksetzen des Passworts wurden gesendet.",
            "ist deaktiviert oder wurde nie aktiviert",
        ),
        (
            END,
            "Alle Sitzungen von 1 Konto sind beendet.",
            "Alle Sitzungen von 2 Konten sind beendet.",
            "ist Ihr eigenes Konto; melden Sie sich stattdessen ab",
        ),
    ],
)
def test_the_messages_are_german(
    root: Client,
    make_user: MakeUser,
    action: str,
    singular: str,
    plural: str,
    reason: str,
) -> None:
    accounts = [make_user(name, is_active=False) for name in ("ada", "bob")]
    deactivated = make_user("cleo")
    deactivate(deactivated)
    other = the_user("root") if action == END else deactivated
    assert act(root, action, accounts, headers=GERMAN) == [("success", plural)]
    assert act(root, action, [accounts[0], other], headers=GERMAN) == [
        left_out(other, reason),
        ("success", singular),
    ]


def test_what_hinders_a_mail_is_told_in_german(
    root: Client, make_user: MakeUser, settings: Settings
) -> None:
    nameless = make_user("ada", **{user_model.email: ""})
    eve = make_user("eve")
    refuse_eve(settings)
    shown = act(root, RESET, [nameless, eve], headers=GERMAN)
    assert sorted(shown[:-1]) == sorted(
        [
            left_out(nameless, "hat keine E-Mail-Adresse"),
            left_out(eve, "die E-Mail ließ sich nicht senden"),
        ]
    )
    assert shown[-1] == (
        "warning",
        "0 E-Mails zum Zurücksetzen des Passworts wurden gesendet.",
    )


@pytest.mark.parametrize("engine", ["cache"], indirect=True)
def test_why_sessions_go_on_is_told_in_german(
    root: Client, make_user: MakeUser
) -> None:
    ada = make_user()
    assert act(root, END, [ada], headers=GERMAN) == [
        left_out(
            ada,
            "die Sitzungen dieses Projekts lassen sich nicht durchsuchen; setzen Sie "
            "ein anderes Passwort, um alle zu beenden",
        ),
        ("warning", "Alle Sitzungen von 0 Konten sind beendet."),
    ]
