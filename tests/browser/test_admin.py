"""Django's admin and the frontend in one browser."""

from __future__ import annotations

import pytest

from .example import DEMO_ADMIN, DEMO_USER, Example, Person
from .test_registration import check_letter
from .visit import Visit

pytestmark = pytest.mark.user_model("auth_user")

# Where the CSRF token is kept makes no difference to these.
one_mode = pytest.mark.parametrize("example", ["sessions"], indirect=True)


def log_in_to_admin(visit: Visit, person: Person) -> None:
    visit.page.goto(f"{visit.example.host}/admin/")
    visit.page.locator("#id_username").fill(person.username)
    visit.page.locator("#id_password").fill(person.password)
    visit.page.locator("[type=submit]").click()
    visit.page.locator("#user-tools", has_text=person.username).wait_for()


@one_mode
def test_an_admin_makes_an_account(visit: Visit, example: Example) -> None:
    ada = example.somebody()
    log_in_to_admin(visit, DEMO_ADMIN)
    visit.page.goto(f"{example.host}/admin/auth/user/add/")
    visit.page.locator("#id_email").fill(ada.email)
    visit.page.locator("#id_password1").fill(ada.password)
    visit.page.locator("#id_password2").fill(ada.password)
    visit.screenshot("admin-add-user")
    visit.page.locator("[name=_save]").click()
    visit.page.locator(".messagelist .success").wait_for()
    visit.screenshot("admin-user-added")

    letter = example.post_office.letter_to(ada.email)
    check_letter(letter, ada.email, f"{example.frontend}/auth/activation?", "en")
    assert letter.subject == "An account was made for you - AI Kit Auth"
    visit.open_mail()
    visit.click_link_in_html()
    visit.use_link()
    visit.sees("status", "activation.done")
    # The admin's session is that of this browser: another user logs in.
    visit.go("/auth/profile")
    visit.press("logout")
    visit.is_on("/auth/login", "login.title")
    visit.submit(ident=ada.email, password=ada.password)
    visit.reads("profile-email", ada.email)


@one_mode
def test_an_account_without_an_address_is_not_made(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    log_in_to_admin(visit, DEMO_ADMIN)
    visit.page.goto(f"{example.host}/admin/auth/user/add/")
    visit.page.locator("#id_username").fill(ada.username)
    visit.page.locator("#id_password1").fill(ada.password)
    visit.page.locator("#id_password2").fill(ada.password)
    visit.page.locator("#user_form").evaluate("form => form.noValidate = true")
    visit.page.locator("[name=_save]").click()
    visit.page.locator(".field-email .errorlist").wait_for()
    visit.screenshot("admin-add-user-refused")


def test_frontend_and_admin_share_a_browser(visit: Visit, example: Example) -> None:
    """
    They share one session: the last login counts for both.

    That login changes the CSRF token of the frontend, whose client gets another one.
    """
    visit.log_in(DEMO_USER)
    frontend = visit.page
    visit.page = visit.context.new_page()
    log_in_to_admin(visit, DEMO_ADMIN)
    admin = visit.page

    visit.page = frontend
    visit.expects("403 logout/")
    visit.press("logout")
    visit.sees("status", "login.logged_out")

    admin.reload()
    admin.locator("#id_username").wait_for()


def test_the_admin_leaves_a_frontend_that_is_logged_in_alone(
    visit: Visit, example: Example
) -> None:
    """The admin's forms bring their own CSRF tokens; the frontend's stays valid."""
    log_in_to_admin(visit, DEMO_ADMIN)
    admin = visit.page
    visit.page = visit.context.new_page()
    visit.go("/auth/profile")
    visit.reads("profile-email", DEMO_ADMIN.email)
    admin.goto(f"{example.host}/admin/auth/user/add/")
    admin.goto(f"{example.host}/admin/auth/user/")
    visit.press("logout")
    visit.sees("status", "login.logged_out")
