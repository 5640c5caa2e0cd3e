"""From the form to an active account, the mail included."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest

from .example import DEMO_USER, WEAK_PASSWORD, Example
from .post_office import Letter
from .visit import Visit

pytestmark = pytest.mark.user_model("auth_user")


def check_letter(letter: Letter, address: str, page: str, language: str) -> None:
    """Check what is the same for every mail of the package."""
    assert letter.envelope_sender == "hello@example.com"
    assert letter.envelope_recipients == (address,)
    assert letter.message["From"] == "Example <hello@example.com>"
    assert letter.message["To"] == address
    assert letter.message.get_content_type() == "multipart/alternative"
    text = letter.part("plain")
    assert html.unescape(text) == text
    assert letter.link.startswith(page)
    assert f'href="{html.escape(letter.link)}"' in letter.part("html")
    assert f'<html lang="{language}">' in letter.part("html")


def test_register_and_follow_the_link_of_the_mail(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    visit.go("/auth/register")
    assert visit.origins_differ()
    visit.register(ada)
    visit.screenshot("register-done")

    letter = example.post_office.letter_to(ada.email)
    check_letter(letter, ada.email, f"{example.frontend}/auth/activation?", "en")
    assert letter.message["Subject"] == "Please confirm your e-mail address"

    visit.expects("400 login/")
    visit.go("/auth/login")
    visit.submit(ident=ada.email, password=ada.password)
    visit.sees("status", "errors.invalid_credentials")

    visit.open_mail()
    visit.screenshot("outbox-html")
    visit.click_link_in_html()
    visit.is_on("/auth/activation", "activation.title")
    visit.sees("status", "activation.ask")
    visit.screenshot("activation")
    visit.use_link()
    visit.sees("status", "activation.done")
    visit.screenshot("activation-done")

    visit.follow("activation.login")
    visit.submit(ident=ada.email.upper(), password=ada.password)
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", ada.email)
    visit.reads("profile-username", ada.username)


def test_the_link_in_the_plain_text_activates_once(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    letter = visit.ask_for_an_account(ada)
    visit.open_mail()
    visit.press("outbox-tab-text")
    visit.screenshot("outbox-text")
    visit.click_link_in_text()
    visit.is_on("/auth/activation", "activation.title")
    visit.use_link()
    visit.sees("status", "activation.done")

    visit.expects("400 activate_email/")
    visit.open_link(letter.link)
    visit.use_link()
    visit.sees("status", "errors.activation_link_invalid")
    visit.screenshot("activation-refused")


def test_without_a_username_the_account_gets_one(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    visit.go("/auth/register")
    visit.type(email=ada.email, password=ada.password, password2=ada.password)
    visit.press("submit")
    visit.sees("status", "register.done", email=ada.email)
    visit.open_link(example.post_office.letter_to(ada.email).link)
    visit.use_link()
    visit.sees("status", "activation.done")
    visit.go("/auth/login")
    visit.submit(ident=ada.email, password=ada.password)
    visit.reads("profile-email", ada.email)
    assert visit.page.get_by_test_id("profile-username").inner_text().strip() != ""


def test_a_link_without_a_token_is_refused(visit: Visit) -> None:
    visit.go("/auth/activation/?ident=1")
    visit.sees("status", "errors.activation_link_invalid")


def test_a_browser_that_only_opens_the_link_activates_nothing(
    new_visit: Callable[..., Visit], example: Example
) -> None:
    """As the mail scanner of a company does: it runs scripts, and may click."""
    owner, stranger, scanner = new_visit(), new_visit(), new_visit()
    ada = example.somebody()
    link = stranger.ask_for_an_account(ada).link
    scanner.open_link(link)
    scanner.sees("status", "activation.ask")
    scanner.page.wait_for_timeout(500)
    stranger.expects("400 login/")
    stranger.go("/auth/login")
    stranger.submit(ident=ada.email, password=ada.password)
    stranger.sees("status", "errors.invalid_credentials")

    scanner.expects("400 activate_email/")
    scanner.use_link()
    scanner.sees("status", "activation.proof")
    scanner.screenshot("activation-proof")
    scanner.check_accessibility()
    stranger.expects("400 login/")
    stranger.press("submit")
    stranger.sees("status", "errors.invalid_credentials")

    # Another browser of the owner's: the password shows who it is.
    owner.expects(*["400 activate_email/"] * 2)
    owner.open_link(link)
    owner.use_link()
    owner.sees("status", "activation.proof")
    owner.type(password="another one")
    owner.press("proof-submit")
    owner.sees("errors-password", "confirm.wrong_password")
    owner.screenshot("activation-proof-refused")
    owner.type(password=ada.password)
    owner.press("proof-submit")
    owner.sees("status", "activation.done")
    owner.log_in(ada)


def test_who_is_logged_in_registers_no_second_account(visit: Visit) -> None:
    visit.log_in(DEMO_USER)
    visit.go("/auth/register")
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", DEMO_USER.email)


def test_a_weak_password_shows_while_it_is_typed(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    visit.go("/auth/register")
    visit.type(email=ada.email)
    visit.expects(*["400 validate_password/"] * 3)
    for password, code in (
        ("x7-kq", "password_too_short"),
        ("4711081512345678", "password_entirely_numeric"),
        (ada.email, "password_too_similar"),
    ):
        visit.type(password=password)
        visit.sees("errors-password", f"errors.{code}")
    visit.screenshot("register-weak-password")
    visit.type(password=ada.password)
    visit.sees("errors-password", "field.password_good")


def test_two_different_passwords_are_not_sent(visit: Visit, example: Example) -> None:
    ada = example.somebody()
    visit.go("/auth/register")
    visit.type(email=ada.email, password=ada.password)
    visit.sees("errors-password", "field.password_good")
    visit.submit(password2=f"{ada.password} ")
    visit.sees("errors-password2", "errors.passwords_not_identical")
    visit.screenshot("register-mismatch")
    assert example.post_office.letters_to(ada.email) == []


def test_everything_wrong_is_said_beside_its_field(visit: Visit) -> None:
    visit.go("/auth/register")
    visit.type(email="ada at example", username="a b")
    visit.expects("400 validate_password/")
    visit.type(password=WEAK_PASSWORD)
    visit.sees("errors-password", "errors.password_too_common")
    # The form's answer says nothing of the password, so the page asks again.
    visit.expects("400 register/", "400 validate_password/")
    visit.submit(password2=WEAK_PASSWORD)
    visit.sees("errors-email", "errors.invalid")
    visit.sees("errors-username", "errors.invalid")
    visit.sees("errors-password", "errors.password_too_common")
    visit.sees("status", "form.check")
    visit.screenshot("register-errors")


def test_an_address_has_one_account(visit: Visit, example: Example) -> None:
    ada = example.somebody()
    visit.ask_for_an_account(ada)
    visit.go("/auth/register")
    visit.type(email=ada.email.upper(), username=ada.username)
    visit.type(password=ada.password)
    visit.sees("errors-password", "field.password_good")
    visit.expects("400 register/")
    visit.submit(password2=ada.password)
    visit.sees("errors-email", "errors.email_unique")
    visit.sees("errors-username", "errors.username_unique")
    visit.screenshot("register-taken")
    assert len(example.post_office.letters_to(ada.email)) == 1


def test_a_mail_that_cannot_be_sent_leaves_the_address_free(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    example.post_office.close_to(ada.email)
    visit.go("/auth/register")
    visit.type(email=ada.email, username=ada.username)
    visit.type(password=ada.password)
    visit.sees("errors-password", "field.password_good")
    visit.expects("503 register/")
    visit.submit(password2=ada.password)
    visit.sees("status", "errors.mail_not_sent")

    example.post_office.open_to(ada.email)
    visit.press("submit")
    visit.sees("status", "register.done", email=ada.email)
    assert len(example.post_office.letters_to(ada.email)) == 1
