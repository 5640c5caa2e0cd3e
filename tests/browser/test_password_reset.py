"""A forgotten password, from the request to the login with a new one."""

from __future__ import annotations

import pytest

from .example import OTHER_PASSWORD, WEAK_PASSWORD, Example, Person
from .test_registration import check_letter
from .visit import Visit

pytestmark = pytest.mark.user_model("auth_user")

# Where the CSRF token is kept makes no difference to these.
one_mode = pytest.mark.parametrize("example", ["sessions"], indirect=True)


def ask_for_a_link(visit: Visit, ident: str) -> str:
    """Send the form and return all that the page says then, but for the ident."""
    visit.go("/auth/forgot_password")
    visit.submit(ident=ident)
    visit.sees("status", "forgot.done", ident=ident)
    return visit.page.locator("main").inner_text().replace(ident, "...")


def test_from_the_mail_to_a_login_with_the_new_password(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    visit.become_member(ada)
    visit.go("/auth/login")
    visit.follow("login.forgot")
    visit.is_on("/auth/forgot_password", "forgot.title")
    visit.screenshot("forgot-password")
    ask_for_a_link(visit, ada.email)
    letter = example.post_office.letter_to(ada.email, 2)
    check_letter(letter, ada.email, f"{example.frontend}/auth/reset_password?", "en")
    assert letter.subject == "Reset your password - AI Kit Auth"

    visit.open_mail()
    visit.click_link_in_html()
    visit.is_on("/auth/reset_password", "reset.title")
    visit.expects("400 validate_password/", "400 validate_password/")
    visit.type(password=WEAK_PASSWORD)
    visit.sees("errors-password", "errors.password_too_common")
    visit.type(password=ada.email)
    visit.sees("errors-password", "errors.password_too_similar")
    visit.screenshot("reset-weak-password")
    visit.expects("400 reset_password/")
    visit.submit(password2=ada.email)
    visit.sees("status", "form.check")
    visit.sees("errors-password", "errors.password_too_similar")

    visit.type(password=OTHER_PASSWORD)
    visit.sees("errors-password", "field.password_good")
    visit.submit(password2=OTHER_PASSWORD)
    visit.sees("status", "reset.done")
    visit.screenshot("reset-done")

    visit.follow("reset.login")
    visit.expects("400 login/")
    visit.submit(ident=ada.email, password=ada.password)
    visit.sees("status", "errors.invalid_credentials")
    visit.submit(ident=ada.email, password=OTHER_PASSWORD)
    visit.is_on("/auth/profile", "profile.title")


@one_mode
def test_known_and_unknown_addresses_look_the_same(
    visit: Visit, example: Example
) -> None:
    ada, stranger = example.somebody(), example.somebody()
    visit.become_member(ada)
    unknown = ask_for_a_link(visit, stranger.email)
    visit.screenshot("forgot-password-done")
    assert ask_for_a_link(visit, ada.email) == unknown
    example.post_office.letter_to(ada.email, 2)
    assert example.post_office.letters_to(stranger.email) == []


@one_mode
def test_a_reset_link_survives_a_reload_and_works_once(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    visit.become_member(ada)
    ask_for_a_link(visit, ada.username)
    link = example.post_office.letter_to(ada.email, 2).link
    visit.open_link(link)
    # The token is not in the address bar any more.
    visit.is_on("/auth/reset_password", "reset.title")
    visit.page.reload()
    visit.submit(password=OTHER_PASSWORD, password2=OTHER_PASSWORD)
    visit.sees("status", "reset.done")

    # Before a password is typed for nothing.
    visit.open_link(link)
    visit.sees("status", "errors.reset_password_link_invalid")
    visit.screenshot("reset-refused")
    visit.log_in(Person(ada.username, OTHER_PASSWORD))


@one_mode
def test_a_link_without_a_token_is_refused(visit: Visit) -> None:
    visit.go("/auth/reset_password/")
    visit.sees("status", "errors.reset_password_link_invalid")
    visit.follow("reset.again")
    visit.is_on("/auth/forgot_password", "forgot.title")
