"""``link_status/``: what a link is good for, without using it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from rest_framework.test import APIClient

from ai_kit_auth import services as core
from ai_kit_auth import signals
from ai_kit_auth.account import services
from ai_kit_auth.account import signals as account_signals
from ai_kit_auth.accounts import email_of, ident_of, invitation_tokens
from ai_kit_auth.user_model import user_model

from ..accounts import attributes_of, the_user
from ..conftest import OTHER_PASSWORD, PASSWORD, Clock, Connect, MakeUser
from ..test_links import OlderTokenGenerator, own_link, plain_link
from .page import (
    ADA,
    EVERY_MODEL,
    NEW,
    Browser,
    answer_of,
    configure,
    invalid,
    rows,
    with_activation,
)

if TYPE_CHECKING:
    from pytest_django import Settings

Link = dict[str, str]

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]

DAY = 24 * 60 * 60  # seconds
# By purpose: the endpoint of the link, and what is in the body beside the link.
ENDPOINTS: dict[str, tuple[str, dict[str, str]]] = {
    "activation": ("activate", {}),
    "reset_password": ("pw_reset", {"password": OTHER_PASSWORD}),
    "confirm_email": ("confirm_email", {}),
}
REFUSALS = {
    "activation": "activation_link_invalid",
    "reset_password": "reset_password_link_invalid",
    "confirm_email": "email_change_link_invalid",
}


def activation(user: Any) -> Link:
    return own_link(core.get_activation_url(user))


def reset(user: Any) -> Link:
    return own_link(core.get_password_reset_url(user))


def email_change(user: Any) -> Link:
    return own_link(services.get_email_change_url(user, NEW))


LINKS: dict[str, Callable[[Any], Link]] = {
    "activation": activation,
    "reset_password": reset,
    "confirm_email": email_change,
}
every_purpose = pytest.mark.parametrize("purpose", LINKS)


def ask(link: Link, purpose: str = "activation") -> str:
    """Return the status of a link; nothing has changed and no session has begun."""
    before = rows()
    browser = Browser()
    answer = browser.post("link_status", {"purpose": purpose, **link})
    assert answer.status_code == 200
    assert list(answer.json()) == ["status"]
    assert not answer.cookies
    assert not Session.objects.exists()
    assert rows() == before
    return str(answer.json()["status"])


def use(link: Link, purpose: str = "activation", **more: str) -> int:
    """Post the link to its own endpoint, and return the status code."""
    name, body = ENDPOINTS[purpose]
    return int(Browser().post(name, {**link, **body, **more}).status_code)


def save(user: Any, **columns: Any) -> None:
    for name, value in columns.items():
        setattr(user, name, value)
    user.save(update_fields=list(columns))


def log_in_and_forget() -> None:
    """Log ada in; nothing stays of it but ``last_login``."""
    assert Browser().log_in().status_code == 200
    Session.objects.all().delete()


def waiting(make_user: MakeUser, name: str = "ada") -> Any:
    make_user(name, is_active=False)
    return the_user(name)


def owner_of(make_user: MakeUser, purpose: str, name: str = "ada") -> Any:
    """Return an account that gets such a mail."""
    if purpose == "activation" and user_model.can_be_inactive:
        return waiting(make_user, name)
    return make_user(name)


# Valid


@every_purpose
def test_a_good_link_is_valid_however_often_a_page_asks(
    make_user: MakeUser, purpose: str
) -> None:
    link = LINKS[purpose](owner_of(make_user, purpose))
    assert [ask(link, purpose) for _ in range(3)] == ["valid"] * 3
    assert use(link, purpose) == 200


@with_activation
@pytest.mark.parametrize("purpose", ["activation", "reset_password"])
def test_a_link_of_2_0_0_is_valid_for_both_purposes_and_never_used(
    make_user: MakeUser, purpose: str
) -> None:
    """It was the same for both, so it shows nothing about the purpose."""
    link = plain_link(waiting(make_user), OlderTokenGenerator())
    assert ask(link, purpose) == "valid"
    assert use(link, purpose) == 200
    assert ask(link, purpose) == "invalid"


@every_purpose
def test_a_link_of_a_secret_key_that_was_replaced(
    make_user: MakeUser, settings: Settings, purpose: str
) -> None:
    link = LINKS[purpose](owner_of(make_user, purpose))
    old, settings.SECRET_KEY = settings.SECRET_KEY, "a new key"
    assert ask(link, purpose) == "invalid"
    settings.SECRET_KEY_FALLBACKS = ["a key of long ago", old]
    assert ask(link, purpose) == "valid"
    assert use(link, purpose) == 200
    dead = "invalid" if purpose == "reset_password" else "used"
    assert ask(link, purpose) == dead
    settings.SECRET_KEY_FALLBACKS = []
    assert ask(link, purpose) == "invalid"


@with_activation
def test_a_proof_of_the_user_is_not_asked_for(
    make_user: MakeUser, settings: Settings
) -> None:
    """So a page can ask for the password before it posts the link."""
    configure(settings, ACTIVATION_PROOF=True)
    link = activation(waiting(make_user))
    assert ask(link) == "valid"
    assert use(link) == 400
    assert use(link, password=PASSWORD) == 200
    assert ask(link) == "used"


# Used


@with_activation
def test_an_activation_link_of_an_active_account_is_used(make_user: MakeUser) -> None:
    link = activation(waiting(make_user))
    assert use(link) == 200
    assert ask(link) == "used"
    assert use(link) == 400
    log_in_and_forget()
    assert ask(link) == "used"


@with_activation
def test_so_is_one_that_another_link_has_overtaken(make_user: MakeUser) -> None:
    first, second = [activation(waiting(make_user)), activation(the_user())]
    assert use(second) == 200
    assert ask(first) == "used"


@with_activation
def test_so_is_one_whose_account_an_admin_has_activated(make_user: MakeUser) -> None:
    user = waiting(make_user)
    link = activation(user)
    save(user, is_active=True)
    assert ask(link) == "used"


@with_activation
def test_so_is_an_invitation(make_user: MakeUser) -> None:
    link = plain_link(waiting(make_user), invitation_tokens)
    assert ask(link) == "valid"
    assert use(link) == 200
    assert ask(link) == "used"


@with_activation
def test_so_is_one_of_an_account_without_a_mark(make_user: MakeUser) -> None:
    """A row of 2.0.0, or of a project's bulk_create()."""
    model = get_user_model()
    columns = {"is_active": False, "password": make_password(PASSWORD)}
    row = model(**{**attributes_of("ada"), **columns})
    model._default_manager.bulk_create([row])
    link = activation(the_user())
    assert ask(link) == "valid"
    assert use(link) == 200
    assert ask(link) == "used"


def test_a_link_that_was_mailed_to_an_active_account(make_user: MakeUser) -> None:
    """A project does so to have an address confirmed. The cache knows of its use."""
    user = make_user()
    link = activation(user)
    assert ask(link) == "valid"
    assert use(link) == 200
    assert ask(link) == "used"
    assert use(link) == 400
    if "last_login" in user_model.columns:
        log_in_and_forget()
        assert ask(link) == "invalid"


def test_a_confirmed_address(make_user: MakeUser) -> None:
    user = make_user()
    link = email_change(user)
    assert use(link, "confirm_email") == 200
    assert ask(link, "confirm_email") == "used"
    assert Browser().log_in(NEW).status_code == 200
    Session.objects.all().delete()
    assert ask(link, "confirm_email") == "used"


def test_an_address_that_was_changed_once_more(make_user: MakeUser) -> None:
    user = make_user()
    link = email_change(user)
    assert use(link, "confirm_email") == 200
    save(user, **{user_model.email: "third@example.com"})
    assert ask(link, "confirm_email") == "invalid"
    # The digest of the link is right again, but a person has used it.
    save(user, **{user_model.email: ADA})
    assert ask(link, "confirm_email") == "invalid"
    assert use(link, "confirm_email") == 400


def test_a_link_of_a_version_before_is_valid_and_never_used(
    make_user: MakeUser,
) -> None:
    """Its token has only the digest of the account as it was."""
    link = email_change(make_user())
    salt = "ai_kit_auth.account.tokens.email_change"
    address, digests, made = signing.loads(link["token"], salt=salt)
    link["token"] = signing.dumps([address, digests[:32], made], salt=salt)
    assert ask(link, "confirm_email") == "valid"
    assert use(link, "confirm_email") == 200
    assert ask(link, "confirm_email") == "invalid"


def test_a_reset_link_is_never_used(make_user: MakeUser) -> None:
    """It is bound to the hash of the old password, which is gone."""
    link = reset(make_user())
    assert use(link, "reset_password") == 200
    assert ask(link, "reset_password") == "invalid"


# Invalid: what a link was, and what has happened since


def change_password(user: Any) -> None:
    user.set_password(OTHER_PASSWORD)
    user.save()


def change_address(user: Any) -> None:
    save(user, **{user_model.email: "other@example.com"})


def deactivate_by_save(user: Any) -> None:
    save(user, is_active=False)


def deactivate_by_update(user: Any) -> None:
    get_user_model()._default_manager.update(is_active=False)


def delete(user: Any) -> None:
    user.delete()


AFTERWARDS = [change_password, change_address, delete]
DEACTIVATIONS = [deactivate_by_save, deactivate_by_update]


@every_purpose
@pytest.mark.parametrize("change", AFTERWARDS)
def test_a_link_of_an_account_that_has_changed_since(
    make_user: MakeUser, purpose: str, change: Callable[[Any], None]
) -> None:
    link = LINKS[purpose](owner_of(make_user, purpose))
    change(the_user())
    assert ask(link, purpose) == "invalid"
    assert use(link, purpose) == 400


@pytest.mark.parametrize("purpose", ["activation", "confirm_email"])
@pytest.mark.parametrize("change", AFTERWARDS)
def test_a_used_link_of_an_account_that_has_changed_since(
    make_user: MakeUser, purpose: str, change: Callable[[Any], None]
) -> None:
    """What would show that it was genuine is gone."""
    user = owner_of(make_user, purpose)
    link = LINKS[purpose](user)
    assert use(link, purpose) == 200
    user.refresh_from_db()
    change(user)
    assert ask(link, purpose) == "invalid"


@with_activation
@pytest.mark.parametrize("purpose", ["activation", "confirm_email"])
@pytest.mark.parametrize("logged_in", [True, False])
@pytest.mark.parametrize("deactivate", DEACTIVATIONS)
def test_a_used_link_of_an_account_that_an_admin_has_deactivated(
    make_user: MakeUser,
    purpose: str,
    deactivate: Callable[[Any], None],
    logged_in: bool,
) -> None:
    user = owner_of(make_user, purpose)
    link = LINKS[purpose](user)
    assert use(link, purpose) == 200
    if logged_in:
        address = NEW if purpose == "confirm_email" else ADA
        assert Browser().log_in(address).status_code == 200
        Session.objects.all().delete()
    user.refresh_from_db()
    deactivate(user)
    was = ask(link, purpose)
    # A model without last_login cannot tell the account from one that waits, and then
    # its own endpoint cannot either.
    assert was == ("valid" if use(link, purpose) == 200 else "invalid")
    if user_model.can_wait:
        assert was == "invalid"


@every_purpose
def test_a_link_that_is_too_old(
    make_user: MakeUser, settings: Settings, purpose: str
) -> None:
    link = LINKS[purpose](owner_of(make_user, purpose))
    assert ask(link, purpose) == "valid"
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert ask(link, purpose) == "invalid"
    assert use(link, purpose) == 400


@pytest.mark.parametrize("purpose", ["activation", "confirm_email"])
def test_a_used_link_that_is_too_old(
    make_user: MakeUser, settings: Settings, purpose: str
) -> None:
    """The mail may be anywhere by then, so it tells nothing any more."""
    link = LINKS[purpose](owner_of(make_user, purpose))
    assert use(link, purpose) == 200
    assert ask(link, purpose) == "used"
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert ask(link, purpose) == "invalid"


def test_each_purpose_has_its_own_lifetime(
    make_user: MakeUser, settings: Settings, clock: Clock
) -> None:
    configure(settings, ACTIVATION_TIMEOUT=DAY, EMAIL_CHANGE_TIMEOUT=2 * DAY)
    settings.PASSWORD_RESET_TIMEOUT = 3 * DAY
    user = make_user()
    change = email_change(user)
    clock.now += DAY + 1
    assert ask(change, "confirm_email") == "valid"
    clock.now += DAY
    assert ask(change, "confirm_email") == "invalid"
    configure(settings, EMAIL_CHANGE_TIMEOUT=3 * DAY)
    assert ask(change, "confirm_email") == "valid"
    assert use(change, "confirm_email") == 200
    assert ask(change, "confirm_email") == "used"
    clock.now += DAY
    assert ask(change, "confirm_email") == "invalid"


WRONG: dict[str, Callable[[Link, Any], Link]] = {
    "no such account": lambda link, eve: {**link, "ident": "4000000000"},
    "no ident": lambda link, eve: {**link, "ident": "no ident at all"},
    "another account": lambda link, eve: {**link, "ident": ident_of(eve)},
    "another token": lambda link, eve: {**link, "token": "c0ffee-" + "0" * 32},
    "no token": lambda link, eve: {**link, "token": "x"},
    "a token that is cut": lambda link, eve: {**link, "token": link["token"][:-1]},
    "a long token": lambda link, eve: {**link, "token": "a" * 1024},
    "no time": lambda link, eve: {**link, "token": f"-{link['token']}"},
}


@every_purpose
@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("wrong", WRONG)
def test_without_the_link_every_account_is_alike(
    make_user: MakeUser, purpose: str, wrong: str, used: bool
) -> None:
    """The answer, and what is asked of the database, as at the endpoint of the link."""
    link = LINKS[purpose](owner_of(make_user, purpose))
    if used:
        assert use(link, purpose) == 200
    bad = WRONG[wrong](link, make_user("eve"))
    with CaptureQueriesContext(connection) as of_status:
        answer = Browser().post("link_status", {"purpose": purpose, **bad})
    assert answer_of(answer) == (200, {"status": "invalid"})
    name, body = ENDPOINTS[purpose]
    with CaptureQueriesContext(connection) as of_endpoint:
        refused = Browser().post(name, {**bad, **body})
    assert refused.status_code == 400
    assert statements(of_status) == statements(of_endpoint)


def statements(queries: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in queries.captured_queries]


@pytest.mark.parametrize("kind", LINKS)
@every_purpose
def test_a_link_is_good_for_its_own_purpose_only(
    make_user: MakeUser, kind: str, purpose: str
) -> None:
    link = LINKS[kind](owner_of(make_user, kind))
    expected = "valid" if kind == purpose else "invalid"
    assert ask(link, purpose) == expected
    assert use(link, kind) == 200
    assert ask(link, purpose) in {"used", "invalid"}
    if kind != purpose:
        assert ask(link, purpose) == "invalid"


def test_a_link_for_the_same_address_of_another_account(make_user: MakeUser) -> None:
    """Eve asked for it; then ada got it by a link of her own."""
    ada, eve = make_user("ada"), make_user("eve")
    of_eve, of_ada = email_change(eve), email_change(ada)
    assert use(of_ada, "confirm_email") == 200
    assert ask(of_ada, "confirm_email") == "used"
    assert ask({**of_eve, "ident": ident_of(ada)}, "confirm_email") == "invalid"
    # A click learns the same: it is genuine, and the address is taken.
    assert ask(of_eve, "confirm_email") == "valid"
    assert use(of_eve, "confirm_email") == 400


class Down(LocMemCache):
    """A cache that is down, where it is asked for the use of a link."""

    is_down = False

    def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
        self._fail(key)
        return super().get(key, *args, **kwargs)

    def add(self, key: str, *args: Any, **kwargs: Any) -> bool:
        self._fail(key)
        return super().add(key, *args, **kwargs)

    def _fail(self, key: str) -> None:
        if self.is_down and ("used_link" in key or "email_changed" in key):
            raise OSError("the cache is down")


@pytest.mark.parametrize("purpose", ["activation", "confirm_email"])
def test_while_the_cache_is_down_it_knows_no_more_than_the_endpoint(
    make_user: MakeUser,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    purpose: str,
) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Down"}}
    link = LINKS[purpose](make_user())
    monkeypatch.setattr(Down, "is_down", True)
    assert ask(link, purpose) == "invalid"
    assert "The cache failed" in caplog.text
    assert use(link, purpose) == 400
    monkeypatch.setattr(Down, "is_down", False)
    assert ask(link, purpose) == "valid"
    assert use(link, purpose) == 200


# The request


@pytest.mark.parametrize("field", ["purpose", "ident", "token"])
def test_a_field_that_is_missing_or_no_text(make_user: MakeUser, field: str) -> None:
    good = {"purpose": "reset_password", **reset(make_user())}
    post = Browser().post
    without = {name: value for name, value in good.items() if name != field}
    assert answer_of(post("link_status", without)) == invalid(**{field: "required"})
    null: Any = {**good, field: None}
    assert answer_of(post("link_status", null)) == invalid(**{field: "null"})
    values: list[Any] = [[], {}, [good[field]]]
    for value in values:
        body = {**good, field: value}
        assert answer_of(post("link_status", body)) == invalid(**{field: "invalid"})


def test_a_form_is_understood(make_user: MakeUser) -> None:
    body = {"purpose": "reset_password", **reset(make_user())}
    answer = APIClient().post(reverse("ai_kit_auth:link_status"), body)
    assert answer_of(answer) == (200, {"status": "valid"})


@pytest.mark.parametrize(
    "purpose", ["", "activate", "ACTIVATION", "reset", " activation", "x" * 9999, 1]
)
def test_another_purpose_is_none(make_user: MakeUser, purpose: Any) -> None:
    body = {"purpose": purpose, **reset(make_user())}
    answer = Browser().post("link_status", body)
    assert answer_of(answer) == invalid(purpose="invalid")


@every_purpose
def test_the_purpose_of_an_endpoint_that_is_off_is_none(
    make_user: MakeUser, settings: Settings, purpose: str
) -> None:
    link = LINKS[purpose](owner_of(make_user, purpose))
    keys = {
        "activation": "ACTIVATE_EMAIL",
        "reset_password": "RESET_PASSWORD",
        "confirm_email": "CHANGE_EMAIL",
    }
    configure(settings, ENABLE_ENDPOINTS={keys[purpose]: False})
    body = {"purpose": purpose, **link}
    answer = Browser().post("link_status", body)
    assert answer_of(answer) == invalid(purpose="invalid")
    for other in keys.keys() - {purpose}:
        assert ask(link, other) == "invalid"


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_only_post_asks(method: str) -> None:
    """A link prefetcher sends no POST."""
    answer = getattr(APIClient(), method)(reverse("ai_kit_auth:link_status"))
    assert answer_of(answer) == (405, {"error": "method_not_allowed"})


def test_it_is_not_served_by_default(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.urls"
    with pytest.raises(NoReverseMatch):
        reverse("ai_kit_auth:link_status")


@every_purpose
def test_it_costs_one_query(make_user: MakeUser, purpose: str) -> None:
    link = LINKS[purpose](owner_of(make_user, purpose))
    body = {"purpose": purpose, **link}
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert Browser().post("link_status", body).status_code == 200
        assert len(queries) == 1
        use(link, purpose)


def test_it_counts_as_a_link_does(make_user: MakeUser, settings: Settings) -> None:
    configure(settings, THROTTLE_RATES={"LINK": "2/min"})
    link = reset(make_user())
    body = {"purpose": "reset_password", **link}
    page = Browser()
    wrong = {"ident": "1", "token": "x"}
    assert page.post("activate", wrong).status_code == 400
    assert page.post("link_status", body).status_code == 200
    answer = page.post("link_status", body)
    assert answer_of(answer) == (429, {"error": "throttled"})
    assert answer["Retry-After"]
    assert page.post("pw_reset", {**link, "password": OTHER_PASSWORD}).status_code == (
        429
    )


@every_purpose
def test_no_receiver_hears_of_it(
    make_user: MakeUser, connect: Connect, purpose: str
) -> None:
    heard: list[str] = []
    names = [
        (module, name)
        for module in (signals, account_signals)
        for name in vars(module)
        if name.startswith(("user_pre_", "user_post_"))
    ]
    assert len(names) > 10
    for module, name in names:

        def hear(name: str = name, **kwargs: object) -> None:
            heard.append(name)

        connect(getattr(module, name), hear)
    link = LINKS[purpose](owner_of(make_user, purpose))
    assert ask(link, purpose) == "valid"
    assert heard == []
    use(link, purpose)
    told = len(heard)
    assert told >= 2
    ask(link, purpose)
    assert len(heard) == told


@every_purpose
def test_what_the_log_says(
    make_user: MakeUser, caplog: pytest.LogCaptureFixture, purpose: str
) -> None:
    """A guess is as loud here as elsewhere; a link that is good is no event."""
    caplog.set_level(logging.INFO, "ai_kit_auth.security")
    link = LINKS[purpose](owner_of(make_user, purpose))
    ask(link, purpose)
    assert caplog.messages == []
    ask({**link, "token": "x"}, purpose)
    assert caplog.messages == [
        f"event=link_refused code={REFUSALS[purpose]} user=- address=192.0.2.7"
    ]
    assert link["token"] not in caplog.text


def test_the_session_of_the_browser_does_not_matter(
    make_user: MakeUser, settings: Settings
) -> None:
    make_user("eve")
    link = email_change(make_user("ada"))
    eve = Browser()
    assert eve.log_in("eve@example.com").status_code == 200
    before = dict(eve.client.session.items())
    eve.token = ""
    answer = eve.post("link_status", {"purpose": "confirm_email", **link})
    assert answer_of(answer) == (200, {"status": "valid"})
    assert not answer.cookies
    assert dict(eve.client.session.items()) == before
    assert email_of(the_user("ada")) == ADA
