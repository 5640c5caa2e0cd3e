"""Passkeys in Chromium, with the authenticators that it plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .authenticator import Authenticator
from .example import Example
from .test_account import member_in
from .test_second_factor import add_passkey, begin_login, set_up_app
from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.user_model("auth_user")

# Where the CSRF token is kept makes no difference to these.
one_mode = pytest.mark.parametrize("example", ["sessions"], indirect=True)


def log_out(visit: Visit) -> None:
    visit.press("header-logout")
    visit.is_on("/auth/login", "login.title")


def press_and_touch(visit: Visit, authenticator: Authenticator) -> None:
    """Log out, and use the button for passkeys, not the list of the first field."""
    options = visit.example.api("passkey_login/options/")

    def touch(route: Route) -> None:
        authenticator.touch()
        route.continue_()

    authenticator.hold()
    with visit.page.expect_response(options):
        log_out(visit)
    # The button ends the question of the list before it asks for options. A question
    # that is open before the touch would wait for another one.
    visit.page.route(options, touch, times=1)
    visit.press("passkey-submit")


def test_a_passkey_is_added_used_renamed_and_removed(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    authenticator = Authenticator(visit)
    member_in(visit, ada)
    add_passkey(visit, ada.password)
    press_and_touch(visit, authenticator)
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", ada.email)

    visit.open_account()
    row = visit.page.get_by_test_id("passkeys").locator("li")
    passkey = (row.get_attribute("data-testid") or "").removeprefix("passkey-")
    row.get_by_text(visit.text("account.rename")).click()
    visit.type(name="Telephone")
    visit.expects(f"400 factors/passkeys/{passkey}/")
    visit.press("name-submit")
    visit.confirm(ada.password)
    visit.reads("passkeys", "Telephone")
    [copy] = authenticator.credentials()
    row.get_by_text(visit.text("account.remove")).click()
    visit.sees("passkeys-news", "account.passkey_remove_done", name="Telephone")
    # The page has told the browser, which forgets what serves for nothing.
    authenticator.waits_until_empty()
    authenticator.put(copy)
    visit.expects("400 passkey_login/")
    press_and_touch(visit, authenticator)
    visit.sees("passkey-status", "errors.invalid_credential")
    authenticator.waits_until_empty()


@one_mode
def test_the_list_of_the_first_field_offers_passkeys(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    Authenticator(visit)
    member_in(visit, ada)
    add_passkey(visit, ada.password)
    visit.press("header-logout")
    # Chromium chooses for the user.
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", ada.email)


@one_mode
def test_a_security_key_is_the_second_step(visit: Visit, example: Example) -> None:
    ada = example.somebody()
    key = Authenticator(
        visit, transport="usb", is_discoverable=False, verifies_users=False
    )
    member_in(visit, ada)
    set_up_app(visit, ada)
    add_passkey(visit, None, "Key")
    assert len(key.credentials()) == 1
    visit.sees("passkeys", "account.passkey_second_only")
    log_out(visit)
    begin_login(visit, ada)
    visit.press("use-passkey")
    visit.press("submit")
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", ada.email)


@one_mode
def test_a_finger_of_another_person_logs_nobody_in(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    authenticator = Authenticator(visit)
    member_in(visit, ada)
    add_passkey(visit, ada.password)
    authenticator.refuse_verification()
    press_and_touch(visit, authenticator)
    visit.sees("passkey-status", "errors.passkey_cancelled")
    visit.check_accessibility()
    visit.screenshot("passkey-cancelled")


@one_mode
def test_an_account_is_made_with_a_passkey_and_no_password(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    Authenticator(visit)
    visit.go("/auth/register")
    visit.press("by-passkey")
    visit.type(email=ada.email, username=ada.username)
    visit.screenshot("register-passkey")
    visit.check_accessibility()
    visit.press("submit")
    visit.sees("status", "register.done", email=ada.email)
    visit.open_link(example.post_office.letter_to(ada.email).link)
    visit.expects("400 activate_email/")
    visit.use_link()
    visit.sees("status", "activation.passkey")
    visit.screenshot("activation-passkey")
    visit.press("passkey-submit")
    visit.sees("status", "activation.done")
    visit.follow("activation.login")
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", ada.email)
