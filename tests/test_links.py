"""Which link works for which account at which endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from ai_kit_auth import accounts, services, tokens, users
from ai_kit_auth.accounts import ident_of
from ai_kit_auth.signals import (
    user_post_activated,
    user_pre_activated,
    user_pre_reset_password,
)
from ai_kit_auth.user_model import user_model

from .accounts import attributes_of, log_in, mailed_link, post, registration, the_user
from .conftest import OTHER_PASSWORD, PASSWORD, USER_MODELS, MakeUser, with_activation

if TYPE_CHECKING:
    from pytest_django import Settings

Link = dict[str, str]

pytestmark = pytest.mark.django_db

# All but "bare", whose accounts are active at once.

INVALID = {
    "activate": {"error": "activation_link_invalid"},
    "pw_reset": {"error": "reset_password_link_invalid"},
}


class PlainTokenGenerator(PasswordResetTokenGenerator):
    """What 2.0.0 put into both of its mails, and Django's own reset views still do."""

    algorithm = "sha256"


class OlderTokenGenerator(PlainTokenGenerator):
    """The same, five hours ago, when 2.0.0 was still running."""

    def _now(self) -> datetime:
        return super()._now() - timedelta(hours=5)


@pytest.fixture(autouse=True)
def _long_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has run for longer than the workers of 2.0.0 may beside it."""
    monkeypatch.setattr(accounts, "_PROCESS_START", accounts._PROCESS_START - 2 * 3600)


def own_link(url: str) -> Link:
    return {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}


def plain_link(user: Any, generator: PasswordResetTokenGenerator) -> Link:
    return {"ident": ident_of(user), "token": generator.make_token(user)}


LINKS: dict[str, Callable[[Any], Link]] = {
    "activation": lambda user: own_link(services.get_activation_url(user)),
    "reset": lambda user: own_link(services.get_password_reset_url(user)),
    "plain": lambda user: plain_link(user, PlainTokenGenerator()),
    "older": lambda user: plain_link(user, OlderTokenGenerator()),
}


def follow(client: APIClient, endpoint: str, link: Link) -> Any:
    """Do what the page behind a link does; ``activate/`` ignores the password."""
    return post(client, endpoint, {**link, "password": OTHER_PASSWORD})


def assert_dead(client: APIClient, endpoint: str, link: Link) -> None:
    """The link is refused, and the account is what it was."""
    before = get_user_model()._default_manager.order_by("pk").values()
    rows = list(before)
    answer = follow(client, endpoint, link)
    assert (answer.status_code, answer.json()) == (400, INVALID[endpoint])
    assert list(before.all()) == rows


def row_of_2_0_0(name: str = "ada", **columns: Any) -> Any:
    """An account that 2.0.0 made: inactive, never logged in, and no mark of ours."""
    user = get_user_model()(
        **{
            **attributes_of(name),
            "is_active": False,
            "password": make_password(PASSWORD),
            **columns,
        }
    )
    get_user_model()._default_manager.bulk_create([user])
    return the_user(name)


# Accounts that live


@pytest.mark.parametrize(
    ("kind", "endpoint", "opens"),
    [
        ("activation", "activate", True),
        ("activation", "pw_reset", False),
        ("reset", "activate", False),
        ("reset", "pw_reset", True),
        ("plain", "activate", True),
        ("plain", "pw_reset", True),
        ("older", "activate", True),
        ("older", "pw_reset", True),
    ],
)
@with_activation
def test_an_account_that_waits(
    client: APIClient, make_user: MakeUser, kind: str, endpoint: str, opens: bool
) -> None:
    user = make_user(is_active=False)
    link = LINKS[kind](user)
    if opens:
        answer = follow(client, endpoint, link)
        assert (answer.status_code, answer.json()) == (200, {})
        assert the_user().is_active is True
        password = OTHER_PASSWORD if endpoint == "pw_reset" else PASSWORD
        assert log_in(client, "ada@example.com", password).status_code == 200
    else:
        assert_dead(client, endpoint, link)


@pytest.mark.parametrize(
    ("kind", "endpoint", "opens"),
    [
        ("activation", "pw_reset", False),
        ("reset", "activate", False),
        ("reset", "pw_reset", True),
        ("plain", "activate", False),
        ("plain", "pw_reset", True),
        ("older", "activate", False),
        ("older", "pw_reset", True),
    ],
)
def test_an_active_account(
    client: APIClient, make_user: MakeUser, kind: str, endpoint: str, opens: bool
) -> None:
    link = LINKS[kind](make_user())
    if opens:
        answer = follow(client, endpoint, link)
        assert (answer.status_code, answer.json()) == (200, {})
        assert the_user().check_password(OTHER_PASSWORD)
    else:
        assert_dead(client, endpoint, link)


@pytest.mark.parametrize(
    ("kind", "endpoint"),
    [
        ("activation", "activate"),
        ("reset", "pw_reset"),
        ("plain", "activate"),
        ("plain", "pw_reset"),
        ("older", "activate"),
        ("older", "pw_reset"),
    ],
)
@with_activation
def test_a_link_is_good_once(
    client: APIClient, make_user: MakeUser, kind: str, endpoint: str
) -> None:
    link = LINKS[kind](make_user(is_active=False))
    assert follow(client, endpoint, link).status_code == 200
    assert_dead(client, "activate", link)
    assert_dead(client, "pw_reset", link)


@pytest.mark.parametrize("kind", ["reset", "plain", "older"])
def test_a_reset_link_of_an_active_account_is_good_once(
    client: APIClient, make_user: MakeUser, kind: str
) -> None:
    link = LINKS[kind](make_user())
    assert follow(client, "pw_reset", link).status_code == 200
    assert_dead(client, "pw_reset", link)


def test_every_reset_link_dies_with_the_first_that_is_used(
    client: APIClient, make_user: MakeUser
) -> None:
    user = make_user()
    links = [LINKS[kind](user) for kind in ("reset", "plain", "older")]
    assert follow(client, "pw_reset", links[0]).status_code == 200
    for link in links:
        assert_dead(client, "pw_reset", link)


def test_a_weak_password_does_not_use_up_the_link(
    client: APIClient, make_user: MakeUser
) -> None:
    link = LINKS["reset"](make_user())
    weak = post(client, "pw_reset", {**link, "password": "short"})
    assert weak.json() == {"password": ["password_too_short"]}
    assert follow(client, "pw_reset", link).status_code == 200


def test_a_login_does_not_revoke_a_reset_link(
    client: APIClient, make_user: MakeUser
) -> None:
    """Otherwise a person who knows the old password could stop every reset."""
    link = LINKS["reset"](make_user())
    thief = APIClient()
    assert log_in(thief, "ada@example.com").status_code == 200
    assert oracle(client, link["ident"]) == SIMILAR
    assert follow(client, "pw_reset", link).status_code == 200
    assert thief.get(reverse("ai_kit_auth:me")).json()["user"] is None
    assert log_in(thief, "ada@example.com").status_code == 400
    assert_dead(client, "pw_reset", link)


def test_a_login_while_a_reset_link_is_used_does_not_stop_it(
    client: APIClient, make_user: MakeUser
) -> None:
    link = LINKS["reset"](make_user())

    def log_in_meanwhile(**kwargs: object) -> None:
        log_in_once(client)

    user_pre_reset_password.connect(log_in_meanwhile)
    try:
        assert follow(client, "pw_reset", link).status_code == 200
    finally:
        user_pre_reset_password.disconnect(log_in_meanwhile)
    assert the_user().check_password(OTHER_PASSWORD)


def test_a_login_revokes_a_plain_link(client: APIClient, make_user: MakeUser) -> None:
    link = LINKS["plain"](make_user())
    assert log_in(client, "ada@example.com").status_code == 200
    assert_dead(client, "pw_reset", link)


@with_activation
def test_a_login_does_not_keep_a_reset_link_from_a_deactivation(
    client: APIClient, make_user: MakeUser
) -> None:
    link = LINKS["reset"](make_user())
    log_in_once(client)
    deactivate_by_update(client)
    assert_dead(client, "pw_reset", link)


@pytest.mark.parametrize("kind", ["reset", "plain"])
def test_a_new_address_revokes_a_reset_link(
    client: APIClient, make_user: MakeUser, kind: str
) -> None:
    """A person who reads the old mailbox must not get in by it."""
    user = make_user()
    link = LINKS[kind](user)
    setattr(user, user_model.email, "countess@example.com")
    user.save()
    assert_dead(client, "pw_reset", link)


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("endpoint", INVALID)
@with_activation
def test_an_expired_link_of_an_account_that_waits(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    kind: str,
    endpoint: str,
) -> None:
    link = LINKS[kind](make_user(is_active=False))
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert_dead(client, endpoint, link)


@pytest.mark.parametrize("kind", LINKS)
def test_an_expired_link_of_an_active_account(
    client: APIClient, make_user: MakeUser, settings: Settings, kind: str
) -> None:
    link = LINKS[kind](make_user())
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert_dead(client, "pw_reset", link)


@pytest.mark.parametrize("endpoint", INVALID)
@pytest.mark.parametrize("kind", LINKS)
def test_a_token_is_good_for_its_own_account_only(
    client: APIClient, make_user: MakeUser, kind: str, endpoint: str
) -> None:
    link = LINKS[kind](make_user())
    make_user("bob")
    link["ident"] = ident_of(the_user("bob"))
    assert_dead(client, endpoint, link)


@pytest.mark.parametrize("endpoint", INVALID)
@pytest.mark.parametrize("kind", LINKS)
@with_activation
def test_a_token_of_one_who_waits_opens_nobody_else_who_waits(
    client: APIClient, make_user: MakeUser, kind: str, endpoint: str
) -> None:
    link = LINKS[kind](make_user(is_active=False))
    make_user("bob", is_active=False)
    link["ident"] = ident_of(the_user("bob"))
    assert_dead(client, endpoint, link)


@pytest.mark.parametrize("endpoint", INVALID)
@pytest.mark.user_model(*(m for m in USER_MODELS if m != "uuid_key"))
def test_the_primary_key_itself_is_no_ident(
    client: APIClient, make_user: MakeUser, endpoint: str
) -> None:
    user = make_user()
    link = {**LINKS["reset"](user), "ident": str(user.pk)}
    assert_dead(client, endpoint, link)


@pytest.mark.parametrize("endpoint", INVALID)
@pytest.mark.user_model("uuid_key")
def test_a_uuid_in_another_spelling_is_no_ident(
    client: APIClient, make_user: MakeUser, endpoint: str
) -> None:
    user = make_user()
    link = {**LINKS["reset"](user), "ident": user.pk.hex}
    assert_dead(client, endpoint, link)


# Accounts that an admin deactivated


def activate(client: APIClient) -> None:
    link = LINKS["activation"](the_user())
    assert follow(client, "activate", link).status_code == 200


def activate_by_reset(client: APIClient) -> None:
    link = LINKS["reset"](the_user())
    body = {**link, "password": PASSWORD}
    assert post(client, "pw_reset", body).status_code == 200


def activate_in_the_admin(client: APIClient) -> None:
    user = the_user()
    user.is_active = True
    user.save(update_fields=["is_active"])


def log_in_once(client: APIClient) -> None:
    assert log_in(APIClient(), "ada@example.com").status_code == 200


def deactivate_by_save(client: APIClient) -> None:
    user = the_user()
    user.is_active = False
    user.save()


def deactivate_by_save_of_one_field(client: APIClient) -> None:
    user = the_user()
    user.is_active = False
    user.save(update_fields=["is_active"])


def deactivate_by_update(client: APIClient) -> None:
    get_user_model()._default_manager.update(is_active=False)


DEACTIVATIONS = [
    deactivate_by_save,
    deactivate_by_save_of_one_field,
    deactivate_by_update,
]

HISTORIES: dict[str, tuple[bool, list[Callable[[APIClient], None]]]] = {
    "activated": (False, [activate]),
    "activated by a reset": (False, [activate_by_reset]),
    "activated by an admin": (False, [activate_in_the_admin]),
    "activated, logged in": (False, [activate, log_in_once]),
    "born active": (True, []),
    "born active, logged in": (True, [log_in_once]),
}


@pytest.mark.parametrize("deactivate", DEACTIVATIONS)
@pytest.mark.parametrize("history", HISTORIES)
@with_activation
def test_nothing_revives_an_account_that_an_admin_deactivated(
    client: APIClient,
    make_user: MakeUser,
    history: str,
    deactivate: Callable[[APIClient], None],
) -> None:
    """No link of any kind, however old, no reset mail and no second registration."""
    born_active, steps = HISTORIES[history]
    user = make_user(is_active=born_active)
    kinds = ["activation", "reset", "plain"]
    links = [LINKS[kind](user) for kind in kinds]
    for step in steps:
        step(client)
        links += [LINKS[kind](the_user()) for kind in kinds]
    deactivate(client)

    for link in links:
        for endpoint in INVALID:
            assert_dead(client, endpoint, link)

    for key in ("email", "ident"):
        asked = post(client, "send_pw_reset_email", {key: "ada@example.com"})
        assert (asked.status_code, asked.json()) == (200, {})
    again = post(client, "register", registration(password=OTHER_PASSWORD))
    assert again.status_code == 400
    assert mail.outbox == []
    assert the_user().is_active is False
    assert the_user().check_password(PASSWORD)


@with_activation
def test_a_second_registration_of_a_deactivated_address_names_the_address(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user(is_active=True)
    deactivate_by_update(client)
    body = registration("ada") | {"email": "ADA@example.com"}
    if user_model.username is not None:
        body["username"] = "bob"
    answer = post(client, "register", body)
    assert answer.status_code == 400
    assert answer.json() == {"email": [f"{user_model.email}_unique"]}


@with_activation
def test_an_admin_may_let_a_deactivated_account_in_again(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    deactivate_by_save(client)
    activate_in_the_admin(client)
    assert log_in(client, "ada@example.com").status_code == 200


@with_activation
def test_saving_an_account_that_waits_does_not_end_its_waiting(
    client: APIClient, make_user: MakeUser
) -> None:
    link = LINKS["activation"](make_user(is_active=False))
    the_user().save()
    deactivate_by_save(client)
    assert follow(client, "activate", link).status_code == 200


@with_activation
def test_a_reset_mail_activates_an_account_that_waits(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user(is_active=False)
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert follow(client, "pw_reset", mailed_link()).status_code == 200
    assert the_user().is_active is True
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200


# Accounts that 2.0.0 left behind


@pytest.mark.parametrize("endpoint", INVALID)
@with_activation
def test_mail_that_2_0_0_sent_opens_an_account_that_2_0_0_made(
    client: APIClient, db: None, endpoint: str
) -> None:
    link = LINKS["older"](row_of_2_0_0())
    assert follow(client, endpoint, link).status_code == 200
    assert the_user().is_active is True
    assert_dead(client, "activate", link)
    assert_dead(client, "pw_reset", link)


@pytest.mark.parametrize("endpoint", INVALID)
@with_activation
def test_a_plain_token_that_2_0_0_cannot_have_made_opens_none(
    client: APIClient, db: None, endpoint: str
) -> None:
    """It is of Django's own reset views, and the account may be a deactivated one."""
    assert_dead(client, endpoint, LINKS["plain"](row_of_2_0_0()))


@pytest.mark.parametrize("endpoint", INVALID)
@with_activation
def test_mail_that_2_0_0_sends_while_its_workers_are_replaced_opens_its_account(
    client: APIClient, db: None, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    """One worker runs this version already, another one still mails as 2.0.0."""
    start = tokens.legacy_tokens._num_seconds(tokens.legacy_tokens._now()) - 60
    monkeypatch.setattr(accounts, "_PROCESS_START", start)
    link = LINKS["plain"](row_of_2_0_0())
    assert follow(client, endpoint, link).status_code == 200
    assert the_user().is_active is True
    assert_dead(client, "activate", link)
    assert_dead(client, "pw_reset", link)


@with_activation
def test_a_host_may_mail_a_new_activation_link_to_an_account_of_2_0_0(
    client: APIClient, db: None
) -> None:
    services.send_user_activation_mail(row_of_2_0_0())
    assert follow(client, "activate", mailed_link()).status_code == 200
    assert log_in(client, "ada@example.com").status_code == 200


@with_activation
def test_no_reset_is_offered_where_an_admin_may_have_deactivated(
    client: APIClient, db: None
) -> None:
    user = row_of_2_0_0()
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert mail.outbox == []
    assert_dead(client, "pw_reset", LINKS["reset"](user))


@pytest.mark.parametrize("deactivate", DEACTIVATIONS)
@pytest.mark.parametrize("endpoint", INVALID)
@with_activation
def test_an_account_of_2_0_0_that_is_deactivated_after_its_activation_stays_so(
    client: APIClient,
    db: None,
    endpoint: str,
    deactivate: Callable[[APIClient], None],
) -> None:
    user = row_of_2_0_0()
    links = [link(user) for link in LINKS.values()]
    assert follow(client, endpoint, LINKS["older"](user)).status_code == 200
    links += [link(the_user()) for link in LINKS.values()]
    deactivate(client)
    for link in links:
        assert_dead(client, "activate", link)
        assert_dead(client, "pw_reset", link)


@pytest.mark.parametrize("endpoint", INVALID)
@pytest.mark.parametrize("kind", LINKS)
@with_activation
def test_an_account_that_2_0_0_deactivated_after_a_login_stays_so(
    client: APIClient, db: None, kind: str, endpoint: str
) -> None:
    user = row_of_2_0_0(last_login=users.waiting_mark().replace(year=2020))
    assert_dead(client, endpoint, LINKS[kind](user))


# What a link lets one ask at validate_password/


def test_a_new_secret_key_keeps_the_answer_while_the_old_one_counts(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    ident = ident_of(make_user())
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key, as secret as this"
    assert oracle(client, ident) == {}
    settings.SECRET_KEY_FALLBACKS = ["a key of long ago", old]
    assert oracle(client, ident) == SIMILAR


def oracle(client: APIClient, ident: str) -> Any:
    """Ask whether a password is too similar to what the account holds."""
    body = {"ident": ident, "password": "ada@example.com"}
    return post(client, "validate_password", body).json()


SIMILAR = {"password": ["password_too_similar"]}


def test_strangers_learn_nothing_of_an_account_by_its_ident(
    client: APIClient, make_user: MakeUser
) -> None:
    assert oracle(client, ident_of(make_user())) == {}


def test_whoever_came_by_a_reset_mail_is_told_until_the_link_is_used(
    client: APIClient, make_user: MakeUser
) -> None:
    ident = ident_of(make_user())
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert oracle(client, ident) == SIMILAR
    assert follow(client, "pw_reset", mailed_link()).status_code == 200
    assert oracle(client, ident) == {}


@with_activation
def test_whoever_came_by_an_activation_mail_is_told_until_the_link_is_used(
    client: APIClient, db: None
) -> None:
    post(client, "register", registration())
    ident = mailed_link()["ident"]
    assert oracle(client, ident) == SIMILAR
    assert follow(client, "activate", mailed_link()).status_code == 200
    assert oracle(client, ident) == {}


def test_a_link_of_one_account_tells_nothing_of_another(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user("bob")
    ident = ident_of(make_user())
    post(client, "send_pw_reset_email", {"email": "bob@example.com"})
    assert len(mail.outbox) == 1
    assert oracle(client, ident) == {}


def test_an_expired_link_tells_nothing(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    settings.PASSWORD_RESET_TIMEOUT = 0
    user = make_user()
    services.get_password_reset_url(user)
    assert oracle(client, ident_of(user)) == {}


def test_an_unknown_ident_is_answered_as_a_user_without_attributes(
    client: APIClient, db: None
) -> None:
    assert oracle(client, "4711") == {}
    body = {"ident": "4711", "password": "1234567"}
    assert post(client, "validate_password", body).json() == {
        "password": [
            "password_too_short",
            "password_too_common",
            "password_entirely_numeric",
        ]
    }


def test_a_blank_ident_is_an_unknown_one(client: APIClient, db: None) -> None:
    assert oracle(client, "") == {}


def test_an_active_account_confirms_its_address_once(
    client: APIClient, make_user: MakeUser, activations: list[str]
) -> None:
    """A project mails the link for that; nothing is written, the signals are sent."""
    user = make_user()
    link = LINKS["activation"](user)
    before = vars(the_user())
    answer = follow(client, "activate", link)
    assert (answer.status_code, answer.json()) == (200, {})
    assert activations == ["pre", "post"]
    assert {**vars(the_user()), "_state": None} == {**before, "_state": None}
    assert_dead(client, "activate", link)


@pytest.mark.user_model("auth_user")
def test_a_link_of_an_active_account_dies_with_its_deactivation(
    client: APIClient, make_user: MakeUser
) -> None:
    user = make_user()
    link = LINKS["activation"](user)
    user.is_active = False
    user.save()
    assert_dead(client, "activate", link)


def test_without_a_cache_no_active_account_uses_a_link(
    client: APIClient, make_user: MakeUser, settings: Any
) -> None:
    """It would be unknown whether the link was used before."""
    link = LINKS["activation"](make_user())
    settings.CACHES = {"default": {"BACKEND": "tests.test_services.DownCache"}}
    assert_dead(client, "activate", link)


@pytest.fixture
def activations() -> Iterator[list[str]]:
    """Collect which signals of an activation are sent."""
    seen: list[str] = []

    def pre(**kwargs: Any) -> None:
        seen.append("pre")

    def post_(**kwargs: Any) -> None:
        seen.append("post")

    user_pre_activated.connect(pre)
    user_post_activated.connect(post_)
    yield seen
    user_pre_activated.disconnect(pre)
    user_post_activated.disconnect(post_)


@pytest.mark.user_model("auth_user")
def test_a_plain_token_of_another_time_opens_no_account_that_was_switched_off(
    client: APIClient, make_user: MakeUser
) -> None:
    """Django's own reset views make the same kind, long after the registration."""
    joined = timezone.now() - timedelta(days=1)
    user = make_user(date_joined=joined)
    link = LINKS["older"](user)
    get_user_model()._default_manager.update(is_active=False)
    assert_dead(client, "activate", link)
