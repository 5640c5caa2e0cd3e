"""
Every first step with every second step, and what may happen in between: who gets in.

Only the cells of :data:`GOES_ON` log in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from ai_kit_auth.account.services import get_email_change_url
from ai_kit_auth.accounts import waiting_mark
from ai_kit_auth.second_factor.passkeys.soft_authenticator import SoftAuthenticator
from ai_kit_auth.services import get_activation_url, get_password_reset_url
from tests.account.page import configure
from tests.conftest import OTHER_PASSWORD, PASSWORD, Clock, MakeUser
from tests.projects.second_factor.page import ASKED, NOT_PENDING, Ada, Page, enrol

from .pages import ORIGIN, give_passkey, passkey_of

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

METHODS = ("passkey", "recovery_code", "totp")
DOWN = (503, {"error": "service_unavailable"})
FULL = (429, {"error": "throttled"})


@dataclass
class Login:
    """A login of Ada, whose password was right, in ``page``; all that she has."""

    ada: Ada
    key: SoftAuthenticator
    page: Page
    clock: Clock
    settings: Settings

    def prove(self, method: str, page: Page | None = None) -> Any:
        """Send the factor in ``page``; return status and body of the last answer."""
        page = page or self.page
        if method != "passkey":
            app, codes = self.ada.app, self.ada.codes
            return page.prove(app.code() if method == "totp" else codes.pop(), method)
        status, body = page.post("second_factor_options")
        if status != 200:
            return status, body
        credential = self.key.get(body["publicKey"])
        proof = {"method": method, "credential": credential}
        return page.post("second_factor", proof)

    def name(self, page: Page | None = None) -> str | None:
        """Return who is logged in in ``page``."""
        user = (page or self.page).me()
        return user and str(user["username"])


def link_in(url: str) -> dict[str, str]:
    """Return what the frontend reads from a link."""
    return dict(parse_qsl(urlsplit(url).query))


# First steps. Each leaves a login that waits.


def by_password(login: Login) -> None:
    assert login.page.log_in() == ASKED


def remembered(login: Login) -> None:
    assert login.page.log_in(remember=True) == ASKED


def after_a_reset(login: Login) -> None:
    link = link_in(get_password_reset_url(login.ada.user))
    reset = {**link, "password": OTHER_PASSWORD}
    assert login.page.post("pw_reset", reset) == (200, {})
    assert login.name() is None
    assert login.page.log_in(password=OTHER_PASSWORD) == ASKED


def over_another_session(login: Login) -> None:
    assert login.page.log_in("bob")[0] == 200
    assert login.page.log_in() == ASKED


FIRST_STEPS = [by_password, remembered, after_a_reset, over_another_session]

# What happens in between. Each returns what the second step has to answer, None for a
# login.


def nothing(login: Login, method: str) -> Any:
    return None


def a_second_tab(login: Login, method: str) -> Any:
    assert login.page.get("second_factor")[0] == 200
    return None


def the_cache_was_away(login: Login, method: str) -> Any:
    working = login.settings.CACHES
    login.settings.CACHES = {"default": {"BACKEND": "tests.caches.Down"}}
    assert login.prove(method) == DOWN
    login.settings.CACHES = working
    # A code that was not checked is not used up; these take the next one.
    return None


def another_browser_of_the_owner(login: Login, method: str) -> Any:
    other = Page()
    password = OTHER_PASSWORD if is_reset(login) else PASSWORD
    assert other.log_in(password=password) == ASKED
    assert login.prove(method, other)[0] == 200
    return None


GOES_ON = [nothing, a_second_tab, the_cache_was_away, another_browser_of_the_owner]


def the_cache_is_down(login: Login, method: str) -> Any:
    login.settings.CACHES = {"default": {"BACKEND": "tests.caches.Down"}}
    return DOWN


def password_changed(login: Login, method: str) -> Any:
    login.ada.user.set_password("three foxes under a bridge")
    login.ada.user.save()
    return NOT_PENDING


def deactivated(login: Login, method: str) -> Any:
    login.ada.user.is_active = False
    login.ada.user.save()
    return NOT_PENDING


def deleted(login: Login, method: str) -> Any:
    login.ada.user.delete()
    return NOT_PENDING


def factor_added(login: Login, method: str) -> Any:
    give_passkey(login.ada.user, SoftAuthenticator(ORIGIN), "Laptop")
    return NOT_PENDING


def factor_removed(login: Login, method: str) -> Any:
    if method == "totp":
        passkey_of(login.ada.user).delete()
    else:
        login.ada.user.totpdevice_set.all().delete()
    return NOT_PENDING


def expired(login: Login, method: str) -> Any:
    login.clock.now += 301
    return NOT_PENDING


def replayed_after_its_end(login: Login, method: str) -> Any:
    thief = login.page.copy()
    assert login.prove(method)[0] == 200
    login.page = thief
    return NOT_PENDING


def replayed_after_a_logout(login: Login, method: str) -> Any:
    thief = login.page.copy()
    assert login.prove(method)[0] == 200
    login.page.post("logout")
    login.page = thief
    return NOT_PENDING


def another_user_logged_in_there(login: Login, method: str) -> Any:
    assert login.page.log_in("bob")[0] == 200
    # Bob, who has no passkey, would be asked for one of his.
    return (404, {"error": "not_found"}) if method == "passkey" else NOT_PENDING


def too_many_wrong_codes(login: Login, method: str) -> Any:
    for _ in range(5):
        assert login.page.prove("aaaa-bbbb-cccc-dddd", "recovery_code")[0] == 400
    return NOT_PENDING


def throttled(login: Login, method: str) -> Any:
    configure(login.settings, THROTTLE_RATES={"SECOND_FACTOR": "2/hour"})
    for _ in range(2):
        assert login.page.prove("aaaa-bbbb-cccc-dddd", "recovery_code")[0] == 400
    return FULL


def another_secret_key(login: Login, method: str) -> Any:
    login.settings.SECRET_KEY = "a key of which nobody had heard before"
    return NOT_PENDING


STOPS = [
    the_cache_is_down,
    password_changed,
    deactivated,
    deleted,
    factor_added,
    factor_removed,
    expired,
    replayed_after_its_end,
    replayed_after_a_logout,
    another_user_logged_in_there,
    too_many_wrong_codes,
    throttled,
    another_secret_key,
]


def is_reset(login: Login) -> bool:
    login.ada.user.refresh_from_db()
    return bool(login.ada.user.check_password(OTHER_PASSWORD))


@pytest.fixture
def login(make_user: MakeUser, clock: Clock, settings: Settings) -> Login:
    user, page = make_user(), Page()
    make_user("bob")
    assert page.log_in()[0] == 200
    ada = Ada(user, *enrol(page, clock))
    return Login(ada, give_passkey(user), Page(), clock, settings)


@pytest.mark.parametrize("between", [*GOES_ON, *STOPS])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("first", FIRST_STEPS)
def test_only_the_intended_cells_log_in(
    login: Login,
    first: Callable[[Login], None],
    method: str,
    between: Callable[[Login, str], Any],
) -> None:
    first(login)
    assert login.name() is None
    refusal = between(login, method)
    answer = login.prove(method)
    if refusal is None:
        assert answer[0] == 200, answer
        assert login.name() == "ada"
        assert login.prove(method) == NOT_PENDING
        return
    assert answer == refusal
    if refusal != DOWN:
        others = between is another_user_logged_in_there
        assert login.name() == ("bob" if others else None)


# Links. None of them logs a user in.


def activation(login: Login) -> Any:
    user = login.ada.user
    type(user).objects.filter(pk=user.pk).update(
        is_active=False, last_login=waiting_mark()
    )
    user.refresh_from_db()
    return login.page.post("activate", link_in(get_activation_url(user)))


def change_of_the_address(login: Login) -> Any:
    login.ada.user.refresh_from_db()
    url = get_email_change_url(login.ada.user, "ada@example.org")
    return login.page.post("confirm_email", link_in(url))


@pytest.mark.parametrize("link", [activation, change_of_the_address])
def test_no_link_leads_past_a_factor(
    login: Login, link: Callable[[Login], Any]
) -> None:
    assert link(login) == (200, {})
    assert login.name() is None
    login.ada.user.refresh_from_db()
    body = {"ident": login.ada.user.email, "password": PASSWORD}
    assert login.page.post("login", body) == ASKED
    assert login.name() is None
