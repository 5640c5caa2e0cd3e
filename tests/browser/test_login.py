"""Logging in and out, and what the session survives."""

from __future__ import annotations

import pytest

from .example import DEMO_USER, Example
from .visit import Visit

pytestmark = pytest.mark.user_model("auth_user")


def test_the_demo_user_logs_in_and_out(visit: Visit) -> None:
    visit.go("/auth/login")
    visit.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", DEMO_USER.email)
    visit.reads("profile-username", DEMO_USER.username)
    assert visit.origins_differ()

    visit.page.reload()
    visit.reads("profile-email", DEMO_USER.email)
    visit.screenshot("profile")

    visit.press("logout")
    visit.is_on("/auth/login", "login.title")
    visit.sees("status", "login.logged_out")
    visit.screenshot("login-logged-out")
    visit.go("/auth/profile")
    visit.is_on("/auth/login", "login.title")
    visit.sees("status", "login.needed")


def test_a_wrong_password_and_a_stranger_look_the_same(
    visit: Visit, example: Example
) -> None:
    visit.go("/auth/login")
    for ident in (DEMO_USER.username, example.somebody().email):
        visit.expects("400 login/")
        visit.submit(ident=ident, password=f"{DEMO_USER.password} ")
        visit.sees("status", "errors.invalid_credentials")
    visit.screenshot("login-refused")
    visit.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
    visit.is_on("/auth/profile", "profile.title")


def test_empty_fields_are_pointed_at(visit: Visit) -> None:
    visit.go("/auth/login")
    visit.expects("400 login/")
    visit.press("submit")
    visit.sees("errors-ident", "errors.blank")
    visit.sees("errors-password", "errors.blank")
    assert visit.page.evaluate("document.activeElement.id") == "ident"


def test_the_keyboard_is_enough(visit: Visit) -> None:
    """From the start page to the profile and out again, without a pointer."""
    keys = visit.page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(20):
            keys.press("Tab")
            if visit.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"the Tab key does not reach {selector}")

    visit.go("/")
    tab_to("#nav a[href='/auth/login']")
    visit.screenshot("home-keyboard-focus")
    keys.press("Enter")
    visit.is_on("/auth/login", "login.title")
    # The heading has the focus, so the next stop is the form's first field.
    keys.press("Tab")
    keys.type(DEMO_USER.username)
    keys.press("Tab")
    keys.type(DEMO_USER.password)
    visit.screenshot("login-keyboard")
    keys.press("Enter")
    visit.is_on("/auth/profile", "profile.title")
    tab_to("[data-testid=logout]")
    keys.press("Space")
    visit.sees("status", "login.logged_out")


def test_a_second_tab_that_logs_out_leaves_the_first_one_usable(visit: Visit) -> None:
    """Its CSRF token is stale: one refusal, and the next attempt works."""
    visit.log_in(DEMO_USER)
    first = visit.page
    visit.page = visit.context.new_page()
    visit.go("/auth/profile")
    visit.press("logout")
    visit.is_on("/auth/login", "login.title")
    visit.page = first
    visit.expects("403 logout/")
    visit.press("logout")
    visit.is_on("/auth/login", "login.title")
