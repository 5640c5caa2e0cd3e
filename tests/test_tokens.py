"""The token of a link: what it allows, and what revokes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.utils import timezone

from ai_kit_auth import accounts, services
from ai_kit_auth.tokens import activation_tokens, legacy_tokens, reset_password_tokens
from ai_kit_auth.user_model import user_model

from .conftest import OTHER_PASSWORD, MakeUser, with_activation

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

GENERATORS = {
    "activation": activation_tokens,
    "reset": reset_password_tokens,
    "legacy": legacy_tokens,
}
every_purpose = pytest.mark.parametrize("purpose", GENERATORS)
own_purposes = pytest.mark.parametrize("purpose", ["activation", "reset"])


def later(seconds: int) -> Callable[[], datetime]:
    """Return a clock that replaces a generator's ``_now``."""
    start = activation_tokens._now()
    return lambda: start + timedelta(seconds=seconds)


@every_purpose
def test_a_token_opens_its_own_account(make_user: MakeUser, purpose: str) -> None:
    generator = GENERATORS[purpose]
    ada, bob = make_user("ada"), make_user("bob")
    token = generator.make_token(ada)
    assert generator.check_token(ada, token)
    assert not generator.check_token(bob, token)
    assert not generator.check_token(None, token)


@every_purpose
@pytest.mark.parametrize("other", GENERATORS)
def test_purposes_do_not_mix(make_user: MakeUser, purpose: str, other: str) -> None:
    ada = make_user()
    token = GENERATORS[purpose].make_token(ada)
    assert GENERATORS[other].check_token(ada, token) is (purpose == other)


def a_new_password(user: Any) -> dict[str, Any]:
    user.set_password(OTHER_PASSWORD)
    return {"password": user.password}


def the_same_password_again(user: Any) -> dict[str, Any]:
    """Another salt: a new password, also the same one, revokes the link."""
    user.set_password("tall ferns in the rain")
    return {"password": user.password}


def a_login(user: Any) -> dict[str, Any]:
    return {"last_login": timezone.now()}


def a_new_address(user: Any) -> dict[str, Any]:
    return {user_model.email: "elsewhere@example.com"}


CHANGES = [a_new_password, the_same_password_again, a_login, a_new_address]


@pytest.mark.parametrize(
    ("purpose", "change"),
    [
        (purpose, change)
        for purpose in ("activation", "reset")
        for change in CHANGES
        if (purpose, change) != ("reset", a_login)
    ],
)
def test_what_revokes_a_token(
    make_user: MakeUser, purpose: str, change: Callable[[Any], dict[str, Any]]
) -> None:
    generator = GENERATORS[purpose]
    ada = make_user()
    token = generator.make_token(ada)
    rows = get_user_model()._default_manager.filter(pk=ada.pk)
    assert generator.check_token(rows.get(), token)
    rows.update(**change(ada))
    assert not generator.check_token(rows.get(), token)


def test_a_login_does_not_revoke_a_reset_token(make_user: MakeUser) -> None:
    ada = make_user()
    token = reset_password_tokens.make_token(ada)
    ada.last_login = timezone.now()
    assert reset_password_tokens.check_token(ada, token)


@with_activation
@own_purposes
@pytest.mark.parametrize("active", [True, False])
def test_a_change_of_is_active_revokes_a_token(
    make_user: MakeUser, purpose: str, active: bool
) -> None:
    generator = GENERATORS[purpose]
    ada = make_user(is_active=active)
    token = generator.make_token(ada)
    rows = get_user_model()._default_manager.filter(pk=ada.pk)
    assert generator.check_token(rows.get(), token)
    rows.update(is_active=not active)
    assert not generator.check_token(rows.get(), token)


@own_purposes
def test_a_save_that_changes_nothing_keeps_a_token(
    make_user: MakeUser, purpose: str
) -> None:
    generator = GENERATORS[purpose]
    ada = make_user()
    token = generator.make_token(ada)
    ada.save()
    ada.refresh_from_db()
    assert generator.check_token(ada, token)


@every_purpose
def test_a_token_ends_with_its_time(
    make_user: MakeUser,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    purpose: str,
) -> None:
    generator = GENERATORS[purpose]
    settings.PASSWORD_RESET_TIMEOUT = 60
    ada = make_user()
    token = generator.make_token(ada)
    monkeypatch.setattr(generator, "_now", later(58))
    assert generator.check_token(ada, token)
    monkeypatch.setattr(generator, "_now", later(63))
    assert not generator.check_token(ada, token)


@every_purpose
def test_a_longer_time_revives_a_token(
    make_user: MakeUser,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    purpose: str,
) -> None:
    generator = GENERATORS[purpose]
    ada = make_user()
    token = generator.make_token(ada)
    week = 7 * 24 * 3600
    monkeypatch.setattr(generator, "_now", later(week))
    settings.PASSWORD_RESET_TIMEOUT = week - 60
    assert not generator.check_token(ada, token)
    settings.PASSWORD_RESET_TIMEOUT = week + 60
    assert generator.check_token(ada, token)


def lifetimes(settings: Settings, activation: int | None, reset: int) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "ACTIVATION_TIMEOUT": activation}
    settings.PASSWORD_RESET_TIMEOUT = reset


@pytest.mark.parametrize(
    ("activation", "reset", "alive"),
    [
        (60, 3600, {"reset", "legacy"}),
        (3600, 60, {"activation"}),
        (None, 60, set()),
        (None, 3600, {"activation", "reset", "legacy"}),
    ],
)
def test_an_activation_link_may_live_longer_or_shorter_than_a_reset_link(
    make_user: MakeUser,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    activation: int | None,
    reset: int,
    alive: set[str],
) -> None:
    """The links of 2.0.0, for both purposes, live as long as they did then."""
    lifetimes(settings, activation, reset)
    ada = make_user()
    tokens = {name: each.make_token(ada) for name, each in GENERATORS.items()}
    still_alive = []
    for clock in (later(55), later(65)):
        for generator in GENERATORS.values():
            monkeypatch.setattr(generator, "_now", clock)
        still_alive.append(
            {n for n, t in tokens.items() if GENERATORS[n].check_token(ada, t)}
        )
    assert still_alive == [set(GENERATORS), alive]


@pytest.mark.parametrize("longest", ["activation", "reset"])
def test_a_link_counts_as_live_for_as_long_as_any_kind_may(
    make_user: MakeUser, settings: Settings, longest: str
) -> None:
    lifetimes(
        settings,
        activation=3600 if longest == "activation" else 1,
        reset=3600 if longest == "reset" else 1,
    )
    ada = make_user()
    services.get_activation_url(ada)
    time.sleep(1.2)
    assert services.has_live_link(ada)


@every_purpose
@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: "",
        lambda token: "-",
        lambda token: "no token",
        lambda token: "a-b-c",
        lambda token: token.split("-")[0],
        lambda token: token.split("-")[1],
        lambda token: token[:-1],
        lambda token: token + "0",
        lambda token: token.upper(),
        lambda token: f" {token}",
        lambda token: f"{token}-",
        lambda token: f"0{token}",
        lambda token: f"+{token}",
        lambda token: f"-{token}",
        lambda token: token.replace("-", "--"),
        lambda token: token.replace("-", "_-"),
        lambda token: token.translate({ord(d): ord(d) + 0xFEE0 for d in "0123456789"}),
        lambda token: "zzzzzz-" + token.split("-")[1],
        lambda token: "z" * 14 + "-" + token.split("-")[1],
        lambda token: "é" + token,
        lambda token: token.split("-")[0] + "-é",
    ],
)
def test_a_spoilt_token_opens_nothing(
    make_user: MakeUser, purpose: str, spoil: Callable[[str], str]
) -> None:
    generator = GENERATORS[purpose]
    ada = make_user()
    assert not generator.check_token(ada, spoil(generator.make_token(ada)))


@every_purpose
def test_a_host_may_rotate_its_secret_key(
    make_user: MakeUser, settings: Settings, purpose: str
) -> None:
    """Links in flight live on with the old key in SECRET_KEY_FALLBACKS."""
    generator = GENERATORS[purpose]
    ada = make_user()
    token = generator.make_token(ada)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key, as secret as this"
    assert not generator.check_token(ada, token)
    settings.SECRET_KEY_FALLBACKS = ["a key of long ago", old]
    assert generator.check_token(ada, token)
    assert generator.check_token(ada, generator.make_token(ada))
    settings.SECRET_KEY_FALLBACKS = ["a key of long ago"]
    assert not generator.check_token(ada, token)


def test_the_links_of_2_0_0_are_those_of_djangos_own_generator(
    make_user: MakeUser,
) -> None:
    ada = make_user()
    token = default_token_generator.make_token(ada)
    assert legacy_tokens.check_token(ada, token)
    assert not activation_tokens.check_token(ada, token)
    assert not reset_password_tokens.check_token(ada, token)


@pytest.mark.parametrize("change", CHANGES)
def test_what_revokes_a_legacy_token(
    make_user: MakeUser, change: Callable[[Any], dict[str, Any]]
) -> None:
    ada = make_user()
    token = default_token_generator.make_token(ada)
    rows = get_user_model()._default_manager.filter(pk=ada.pk)
    rows.update(**change(ada))
    assert not legacy_tokens.check_token(rows.get(), token)


@pytest.mark.parametrize(
    ("seconds", "may"), [(-24 * 3600, True), (0, True), (3000, True), (4000, False)]
)
def test_a_legacy_token_tells_whether_2_0_0_may_have_made_it(
    make_user: MakeUser,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    may: bool,
) -> None:
    """Before this process, or while other workers still ran 2.0.0."""
    ada = make_user()
    start = legacy_tokens._num_seconds(legacy_tokens._now())
    monkeypatch.setattr(accounts, "_PROCESS_START", start)
    monkeypatch.setattr(legacy_tokens, "_now", later(seconds))
    token = legacy_tokens.make_token(ada)
    assert legacy_tokens.predates_this_process(token) is may


@pytest.mark.django_db
def test_a_project_without_time_zones_knows_when_an_account_was_made(
    make_user: Any,
) -> None:
    """There ``date_joined`` is a naive date, of this machine's clock as in a token."""
    user = make_user()
    token = legacy_tokens.make_token(user)
    for hours, is_of_it in ((0, True), (2, False)):
        joined = datetime.now() - timedelta(hours=hours)
        user.date_joined = joined
        assert legacy_tokens.is_of_registration(user, token) is is_of_it
