"""
Every kind of link at every endpoint that takes one, after every event.

One table says where a link works. Every other combination must be refused, and must
change no account.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model

from ai_kit_auth import services as core
from ai_kit_auth.account import services
from ai_kit_auth.accounts import email_of, ident_of
from ai_kit_auth.user_model import user_model

from ..accounts import the_user
from ..conftest import OTHER_PASSWORD, USER_MODELS, MakeUser
from ..test_links import (
    OlderTokenGenerator,
    PlainTokenGenerator,
    own_link,
    plain_link,
)
from .page import ADA, NEW, Browser, rows

if TYPE_CHECKING:
    from pytest_django import Settings

Link = dict[str, str]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.user_model(*(model for model in USER_MODELS if model != "bare")),
]


# The kinds of link, and the account of each: active, waiting, or invited


def activation(user: Any) -> Link:
    return own_link(core.get_activation_url(user))


def reset(user: Any) -> Link:
    return own_link(core.get_password_reset_url(user))


def email_change(user: Any) -> Link:
    return own_link(services.get_email_change_url(user, NEW))


def of_2_0_0(user: Any) -> Link:
    return plain_link(user, OlderTokenGenerator())


def of_djangos_views(user: Any) -> Link:
    return plain_link(user, PlainTokenGenerator())


KINDS: dict[str, tuple[Callable[[Any], Link], str]] = {
    "activation": (activation, "waiting"),
    "reset": (reset, "active"),
    "reset of who waits": (reset, "waiting"),
    "invitation": (reset, "invited"),
    "change of address": (email_change, "active"),
    "change of address of who waits": (email_change, "waiting"),
    "2.0.0": (of_2_0_0, "active"),
    "2.0.0, of who waits": (of_2_0_0, "waiting"),
    "Django": (of_djangos_views, "active"),
}


def account(make_user: MakeUser, name: str, kind: str) -> Any:
    state = KINDS[kind][1]
    user = make_user(name, is_active=state == "active")
    if state == "active":
        assert Browser().log_in(f"{name}@example.com").status_code == 200
    if state == "invited":
        user.set_unusable_password()
        user.save()
    return the_user(name)


# The endpoints: what a page sends there, how it is refused, and what it does


class Endpoint:
    def __init__(self, refusal: tuple[int, Any], **body: str) -> None:
        self.refusal = refusal
        self.body = body


def link_invalid(code: str) -> tuple[int, Any]:
    return 400, {"error": f"{code}_link_invalid"}


ENDPOINTS = {
    "activate": Endpoint(link_invalid("activation")),
    "pw_reset": Endpoint(link_invalid("reset_password"), password=OTHER_PASSWORD),
    "confirm_email": Endpoint(link_invalid("email_change")),
    # Compares with the account's own address while a link of it is live, and knows
    # nothing of the account otherwise.
    "validate_password": Endpoint((200, {}), password=ADA),
}


def effect_of(endpoint: str, answer: Any) -> bool:
    """Tell whether the endpoint has had its effect on ada's account."""
    user = the_user_of_any_address()
    if endpoint == "validate_password":
        return bool(answer.json() == {"password": ["password_too_similar"]})
    effects = {
        "activate": user.is_active,
        "pw_reset": user.is_active and user.check_password(OTHER_PASSWORD),
        "confirm_email": email_of(user) == NEW,
    }
    return (answer.status_code, answer.json()) == (200, {}) and bool(effects[endpoint])


def the_user_of_any_address() -> Any:
    first = get_user_model()._default_manager.exclude(
        **{user_model.email: "eve@example.com"}
    )
    return first.get()


# What happens before the link is opened


def nothing(user: Any) -> None:
    pass


def new_password(user: Any) -> None:
    user.set_password("set by other means")
    user.save()


def new_address(user: Any) -> None:
    setattr(user, user_model.email, "ada@third.example")
    user.save()


def deactivation(user: Any) -> None:
    """One that an admin ends; one that waits was let in before."""
    for active in (True, False):
        user.is_active = active
        user.save()


CONDITIONS: dict[str, Callable[[Any], None]] = {
    "unused": nothing,
    "used": nothing,
    "expired": nothing,
    "another's": nothing,
    "after a new password": new_password,
    "after a new address": new_address,
    "after a deactivation": deactivation,
}

# The cells in which a link opens something; all are of links that nothing happened to.
OPENS = {
    "activation": {"activate", "validate_password"},
    "reset": {"pw_reset", "validate_password"},
    "reset of who waits": {"pw_reset", "validate_password"},
    "invitation": {"pw_reset", "validate_password"},
    "change of address": {"confirm_email"},
    "change of address of who waits": set(),
    "2.0.0": {"pw_reset"},
    "2.0.0, of who waits": {"activate", "pw_reset"},
    "Django": {"pw_reset"},
}
USES = [
    (kind, endpoint)
    for kind, endpoints in OPENS.items()
    for endpoint in sorted(endpoints - {"validate_password"})
]


def send(endpoint: str, link: Link) -> Any:
    return Browser().post(endpoint, {**link, **ENDPOINTS[endpoint].body})


def assert_refused(endpoint: str, link: Link) -> None:
    before = rows()
    answer = send(endpoint, link)
    assert (answer.status_code, answer.json()) == ENDPOINTS[endpoint].refusal
    assert rows() == before


def test_the_table_is_about_what_there_is() -> None:
    assert set(OPENS) == set(KINDS)
    assert set().union(*OPENS.values()) == set(ENDPOINTS)


@pytest.mark.parametrize(
    ("kind", "endpoint", "condition"),
    [cell for cell in product(KINDS, ENDPOINTS, CONDITIONS) if cell[2] != "used"],
)
def test_only_the_intended_cell_opens_anything(
    make_user: MakeUser, settings: Settings, kind: str, endpoint: str, condition: str
) -> None:
    user = account(make_user, "ada", kind)
    if condition == "expired":
        # Whatever is made from now on was good until a second ago.
        settings.PASSWORD_RESET_TIMEOUT = -1
    link = KINDS[kind][0](user)
    if condition == "another's":
        eve = account(make_user, "eve", kind)
        link["ident"] = ident_of(eve)
    CONDITIONS[condition](user)
    if condition == "unused" and endpoint in OPENS[kind]:
        assert effect_of(endpoint, send(endpoint, link))
    else:
        assert_refused(endpoint, link)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(("kind", "used_at"), USES)
def test_a_used_link_opens_nothing_anywhere(
    make_user: MakeUser, kind: str, used_at: str, endpoint: str
) -> None:
    link = KINDS[kind][0](account(make_user, "ada", kind))
    assert effect_of(used_at, send(used_at, link))
    assert_refused(endpoint, link)


@pytest.mark.parametrize(("kind", "used_at"), USES)
def test_the_other_links_of_an_account_die_with_it(
    make_user: MakeUser, kind: str, used_at: str
) -> None:
    """Whichever of them is opened first."""
    user = account(make_user, "ada", kind)
    links = {other: KINDS[other][0](user) for other in KINDS}
    assert effect_of(used_at, send(used_at, links[kind]))
    for link in links.values():
        for endpoint in ("activate", "pw_reset", "confirm_email"):
            assert_refused(endpoint, link)


def test_a_token_of_one_kind_is_none_with_an_address_added(make_user: MakeUser) -> None:
    link = reset(make_user())
    assert_refused("confirm_email", {**link, "email": NEW, "address": NEW})
