"""Browsers in which a login needs no second step for some time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model

from ai_kit_auth.account_changes import end_sessions
from ai_kit_auth.errors import ServiceUnavailable
from ai_kit_auth.second_factor.trust import COOKIE, void_trusted_browsers

from ...account.page import configure
from ...conftest import OTHER_PASSWORD, PASSWORD, Clock, MakeUser
from .page import ASKED, UNPROVEN, Ada, Page, enrol

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

AGE = 1000
GIVEN = {"password": PASSWORD}


@pytest.fixture(autouse=True)
def _with_trust(settings: Settings) -> None:
    configure(settings, SECOND_FACTOR_TRUST_AGE=AGE)


@pytest.fixture
def trusted(ada: Ada, page: Page) -> Page:
    """Return a page in a browser that Ada trusts, logged out."""
    page.log_in()
    assert page.prove(ada.app.code(), trust=True)[0] == 200
    page.post("logout")
    return page


def test_a_trusted_browser_needs_the_password_alone(trusted: Page) -> None:
    assert trusted.log_in()[0] == 200
    assert Page().log_in() == ASKED


def test_the_cookie_goes_the_way_of_the_session(ada: Ada, page: Page) -> None:
    page.log_in()
    page.prove(ada.app.code(), trust=True)
    cookie = page.client.cookies[COOKIE]
    session = page.client.cookies["sessionid"]
    assert cookie["httponly"]
    assert int(cookie["max-age"]) == AGE
    assert cookie["samesite"] == session["samesite"]
    assert cookie["path"] == session["path"]
    assert "ada" not in cookie.value


@pytest.mark.parametrize("trust", [False, None])
def test_a_browser_is_trusted_only_where_the_user_says_so(
    ada: Ada, page: Page, trust: bool | None
) -> None:
    page.log_in()
    said: dict[str, Any] = {} if trust is None else {"trust": trust}
    page.prove(ada.app.code(), **said)
    assert COOKIE not in page.client.cookies


def test_without_the_setting_no_browser_is_trusted(
    ada: Ada, trusted: Page, page: Page, settings: Settings
) -> None:
    configure(settings, SECOND_FACTOR_TRUST_AGE=None)
    assert trusted.log_in() == ASKED
    other = Page()
    other.log_in()
    assert other.prove(ada.app.code(), trust=True)[0] == 200
    assert COOKIE not in other.client.cookies
    void_trusted_browsers(ada.user)


def change_password(ada: Ada) -> None:
    user = get_user_model().objects.get()
    user.set_password(PASSWORD)
    user.save()


def add_app(ada: Ada) -> None:
    from django_otp.plugins.otp_totp.models import TOTPDevice

    TOTPDevice.objects.create(user=ada.user, name="Another")


def void(ada: Ada) -> None:
    void_trusted_browsers(ada.user)


def wait(ada: Ada) -> None:
    ada.app._clock.now += AGE + 1


@pytest.mark.parametrize("change", [change_password, add_app, void, wait])
def test_trust_ends(ada: Ada, trusted: Page, change: Callable[[Ada], None]) -> None:
    ada.app._clock.now += 1
    change(ada)
    assert trusted.log_in() == ASKED
    assert trusted.prove(ada.app.code(), trust=True)[0] == 200
    trusted.post("logout")
    assert trusted.log_in()[0] == 200


@pytest.mark.parametrize("by", ["admin", "not_me"])
def test_the_end_of_all_sessions_ends_it(ada: Ada, trusted: Page, by: str) -> None:
    ada.app._clock.now += 1
    end_sessions([ada.user], by=by)
    assert trusted.log_in() == ASKED


def test_a_new_password_ends_it_without_the_cache(
    ada: Ada, trusted: Page, settings: Settings
) -> None:
    trusted.log_in()
    settings.CACHES = {"default": {"BACKEND": "tests.caches.Down"}}
    changed = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert trusted.post("change_password", changed)[0] == 200


def test_while_the_cache_is_down_sessions_end_all_the_same(
    ada: Ada, trusted: Page, settings: Settings
) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.caches.Down"}}
    assert end_sessions([ada.user], by="admin") == []
    with pytest.raises(ServiceUnavailable):
        end_sessions([ada.user], by="not_me")


def test_several_users_of_one_browser_trust_it(
    ada: Ada, trusted: Page, make_user: MakeUser, clock: Clock
) -> None:
    for name in "bcdefg":
        make_user(name)
        page = Page()
        page.log_in(name)
        app, _ = enrol(page, clock)
        trusted.log_in(name)
        trusted.prove(app.code(), trust=True)
        trusted.post("logout")
        assert trusted.log_in(name)[0] == 200
        trusted.post("logout")
    # The five last ones; the cookie does not grow without end.
    assert [trusted.log_in(name)[0] for name in ("c", "ada")] == [200, 400]


@pytest.mark.parametrize(
    "value", ["", ".", "x" * 5000, "a:b:c", ".".join(["a" * 22 + ":1:" + "b" * 43] * 5)]
)
def test_a_forged_cookie_is_none(ada: Ada, page: Page, value: str) -> None:
    page.client.cookies[COOKIE] = value
    assert page.log_in() == ASKED
    assert page.prove(ada.app.code())[0] == 200


def test_the_cookie_of_another_user_is_none(
    ada: Ada, trusted: Page, make_user: MakeUser, clock: Clock
) -> None:
    make_user("bob")
    page = Page()
    page.log_in("bob")
    enrol(page, clock)
    assert trusted.log_in("bob") == ASKED


def test_while_the_cache_is_down_no_browser_is_trusted(
    ada: Ada, trusted: Page, settings: Settings
) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.caches.Down"}}
    assert trusted.log_in() == ASKED
    with pytest.raises(ServiceUnavailable):
        void_trusted_browsers(ada.user)


def test_a_trusted_browser_cannot_change_factors_by_itself(
    ada: Ada, trusted: Page
) -> None:
    trusted.log_in()
    assert trusted.post("factors_recovery_codes", GIVEN) == UNPROVEN
    proof = {"method": "totp", "code": ada.app.code()}
    assert trusted.post("confirm_password", proof) == (200, {})
    assert trusted.post("factors_recovery_codes")[0] == 200


def test_a_wrong_password_in_a_trusted_browser_is_wrong(trusted: Page) -> None:
    refused = {"non_field_errors": ["invalid_credentials"]}
    assert trusted.log_in(password=OTHER_PASSWORD) == (400, refused)


def test_the_session_of_a_trusted_browser_says_so(
    ada: Ada, trusted: Page, settings: Settings
) -> None:
    configure(settings, USER_SERIALIZER=f"{__package__}.test_policy.ShownUser")
    trusted.log_in()
    shown: Any = trusted.me()
    assert shown["second_factor"] == "trusted_browser"
