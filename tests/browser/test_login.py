"""Login, logout, and when a session ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from .example import DEMO_ADMIN, DEMO_USER, OTHER_PASSWORD, Example, Person
from .post_office import PostOffice
from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.user_model("auth_user")

# Where the CSRF token is kept makes no difference to these.
one_mode = pytest.mark.parametrize("example", ["sessions"], indirect=True)


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


@one_mode
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


@one_mode
def test_empty_fields_are_pointed_at(visit: Visit) -> None:
    visit.go("/auth/login")
    visit.expects("400 login/")
    visit.press("submit")
    visit.sees("errors-ident", "errors.blank")
    visit.sees("errors-password", "errors.blank")
    assert visit.page.evaluate("document.activeElement.id") == "ident"


@one_mode
def test_the_page_says_how_long_to_wait(visit: Visit) -> None:
    """The backend lets a page of another origin read the header."""

    def refuse(route: Route) -> None:
        real = route.fetch()
        # To be refused in earnest would take ten attempts of half a second.
        headers = {**real.headers, "retry-after": "37"}
        route.fulfill(status=429, headers=headers, json={"error": "throttled"})

    visit.go("/auth/login")
    visit.page.route(visit.example.api("login/"), refuse)
    visit.expects("429 login/")
    visit.press("submit")
    visit.sees("status", "errors.throttled", retry_after="37")


@one_mode
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
    """It learns of the logout, and what was to be done there is the case."""
    from playwright.sync_api import expect

    visit.log_in(DEMO_USER)
    first = visit.page
    visit.page = visit.context.new_page()
    visit.go("/auth/profile")
    visit.press("logout")
    visit.is_on("/auth/login", "login.title")
    visit.page = first
    expect(visit.page.get_by_test_id("header-user")).to_have_count(0)
    visit.expects("403 logout/")
    visit.press("logout")
    visit.is_on("/auth/login", "login.title")


def test_a_tab_learns_of_a_login_in_another_one_and_may_write(visit: Visit) -> None:
    visit.go("/")
    first = visit.page
    visit.page = visit.context.new_page()
    visit.log_in(DEMO_USER)
    visit.page = first
    visit.sees("header-user", "header.user", name=DEMO_USER.username)
    # The login has replaced its CSRF token.
    visit.press("header-logout")
    visit.is_on("/auth/login", "login.title")


# The way back


@one_mode
def test_a_login_leads_back_to_the_page_that_was_asked_for(
    new_visit: Callable[..., Visit],
) -> None:
    here, elsewhere = new_visit(), new_visit()
    here.go("/auth/account")
    here.is_on("/auth/login", "login.title")
    here.sees("status", "login.needed")
    # Neither a reload nor a wrong password makes the page forget it.
    here.page.reload()
    here.expects("400 login/")
    here.submit(ident=DEMO_USER.username, password="x")
    here.sees("status", "errors.invalid_credentials")
    here.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
    here.is_on("/auth/account", "account.title")

    # Also where the session ended while the page was open.
    elsewhere.log_in(DEMO_USER)
    elsewhere.open_account()
    elsewhere.expects("400 logout_others/")
    elsewhere.press("others-submit")
    elsewhere.confirm(DEMO_USER.password)
    elsewhere.sees("others-status", "account.others_done")
    here.expects("403 me/")
    here.press("username-submit")
    here.sees("status", "login.ended")
    here.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
    here.is_on("/auth/account", "account.title")

    # A user who logged out asked for no page.
    here.press("header-logout")
    here.sees("status", "login.logged_out")
    here.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
    here.is_on("/auth/profile", "profile.title")


@one_mode
@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://other.example/outbox",
        "//other.example/outbox",
        "/\\other.example/outbox",
        "{frontend}@other.example/outbox",
        "{host}/outbox",
        "javascript:document.title='run'",
        "http://[",
    ],
)
def test_a_login_leads_to_no_other_origin(
    visit: Visit, example: Example, elsewhere: str
) -> None:
    """Neither by the URL, which anyone can write, nor by a broken state."""
    address = elsewhere.format(frontend=example.frontend, host=example.host)
    visit.go(f"/auth/login?next={quote(address, safe='')}")
    visit.page.evaluate(
        "next => history.replaceState({next}, '', location.href)", address
    )
    visit.page.reload()
    visit.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
    visit.is_on("/auth/profile", "profile.title")
    assert visit.page.url == f"{example.frontend}/auth/profile"


# The demo logins


@one_mode
@pytest.mark.parametrize("person", [DEMO_USER, DEMO_ADMIN], ids=lambda p: p.username)
def test_the_login_page_shows_and_fills_in_the_demo_logins(
    visit: Visit, person: Person
) -> None:
    visit.go("/auth/login")
    for value in (person.username, person.email, person.password):
        visit.reads(f"demo-{person.username}", value)
    # What was typed before makes no difference, nor does what was said of it.
    visit.expects("400 login/")
    visit.press("submit")
    visit.sees("errors-ident", "errors.blank")
    visit.press(f"demo-fill-{person.username}")
    visit.press("submit")
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", person.email)


@one_mode
def test_a_demo_password_that_was_changed_is_not_shown(
    new_visit: Callable[..., Visit], example: Example, tmp_path: Path
) -> None:
    with PostOffice(tmp_path / "outbox") as post_office:
        visit = new_visit()
        visit.example = Example(example.mode, tmp_path, post_office)
        visit.log_in(DEMO_USER)
        visit.open_account()
        visit.expects("400 change_password/")
        visit.type(new_password=OTHER_PASSWORD, password2=OTHER_PASSWORD)
        visit.press("password-submit")
        visit.confirm(DEMO_USER.password)
        visit.sees("password-status", "account.password_done")
        visit.example.stop()

        visit = new_visit()
        visit.example = Example(example.mode, tmp_path, post_office)
        visit.go("/auth/login")
        visit.sees("demo-demo", "login.demo_changed")
        assert OTHER_PASSWORD not in visit.page.content()
        assert DEMO_USER.password not in visit.page.content()
        visit.reads("demo-admin", DEMO_ADMIN.password)
        visit.example.stop()


# The head of every page


@one_mode
def test_every_page_says_who_is_logged_in_and_logs_out(
    visit: Visit, example: Example
) -> None:
    from playwright.sync_api import expect

    ada = example.somebody()
    visit.become_member(ada)
    visit.go("/")
    expect(visit.page.get_by_test_id("header-user")).to_have_count(0)
    for path in ("/", "/auth/account", "/outbox", "/nowhere"):
        visit.log_in(ada)
        visit.go(path)
        visit.sees("header-user", "header.user", name=ada.username)
        visit.press("header-logout")
        visit.is_on("/auth/login", "login.title")
        expect(visit.page.get_by_test_id("header-user")).to_have_count(0)
    visit.go("/auth/profile")
    visit.sees("status", "login.needed")


@one_mode
def test_the_head_follows_the_name_and_the_language(
    visit: Visit, example: Example
) -> None:
    ada, new = example.somebody(), example.somebody()
    visit.become_member(ada)
    visit.log_in(ada)
    visit.open_account()
    visit.type(username=new.username)
    visit.press("username-submit")
    visit.sees("header-user", "header.user", name=new.username)
    visit.press("lang-de")
    visit.language = "de"
    visit.sees("header-user", "header.user", name=new.username)
    visit.sees("header-logout", "header.logout")


@one_mode
def test_a_logout_that_fails_is_told_until_the_next_page(visit: Visit) -> None:
    from playwright.sync_api import expect

    def refuse(route: Route) -> None:
        route.fulfill(
            status=503,
            headers=route.fetch(method="OPTIONS").headers,
            json={"error": "service_unavailable"},
        )

    visit.log_in(DEMO_USER)
    visit.go("/")
    visit.page.route(visit.example.api("logout/"), refuse)
    visit.expects("503 logout/")
    visit.press("header-logout")
    visit.sees("header-status", "errors.service_unavailable")
    visit.sees("header-user", "header.user", name=DEMO_USER.username)
    visit.screenshot("header-logout-failed")
    visit.page.locator("#nav a").first.click()
    visit.is_on("/auth/profile", "profile.title")
    expect(visit.page.get_by_test_id("header-status")).to_have_text("")
