"""Registration, from the form by way of the mail to an active account."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest

from .example import DEMO_USER, OTHER_PASSWORD, WEAK_PASSWORD, Example
from .post_office import Letter
from .visit import Visit

pytestmark = pytest.mark.user_model("auth_user")

# Where the CSRF token is kept makes no difference to these.
one_mode = pytest.mark.parametrize("example", ["sessions"], indirect=True)


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
    assert f'<html lang="{language}" dir="ltr">' in letter.part("html")


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
    assert letter.subject == ("Please confirm your e-mail address - AI Kit Auth")

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


@one_mode
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

    visit.open_link(letter.link)
    visit.sees("status", "activation.used")
    visit.screenshot("activation-used")
    visit.follow("activation.login")
    visit.is_on("/auth/login", "login.title")


@one_mode
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


@one_mode
def test_a_link_without_a_token_is_refused(visit: Visit) -> None:
    visit.go("/auth/activation/?ident=1")
    visit.sees("status", "errors.activation_link_invalid")


@one_mode
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

    # In another browser of the owner the password is the proof.
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


@one_mode
def test_who_is_logged_in_registers_no_second_account(visit: Visit) -> None:
    visit.log_in(DEMO_USER)
    visit.go("/auth/register")
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", DEMO_USER.email)


@one_mode
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


@one_mode
def test_two_different_passwords_are_not_sent(visit: Visit, example: Example) -> None:
    ada = example.somebody()
    visit.go("/auth/register")
    visit.type(email=ada.email, password=ada.password)
    visit.sees("errors-password", "field.password_good")
    visit.submit(password2=f"{ada.password} ")
    visit.sees("errors-password2", "errors.passwords_not_identical")
    visit.screenshot("register-mismatch")
    assert example.post_office.letters_to(ada.email) == []


@one_mode
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


@one_mode
def test_all_that_is_wrong_with_a_form_shows_at_once(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    visit.go("/auth/register")
    visit.press("submit")
    for name in ("email", "password", "password2"):
        visit.sees(f"errors-{name}", "errors.blank")
    assert visit.page.evaluate("document.activeElement.id") == "email"
    visit.screenshot("register-empty")

    visit.expects("400 validate_password/")
    visit.type(email="ada at example", password=WEAK_PASSWORD)
    visit.sees("errors-password", "errors.password_too_common")
    visit.submit(password2=ada.password)
    visit.sees("errors-email", "errors.invalid")
    visit.sees("errors-password", "errors.password_too_common")
    visit.sees("errors-password2", "errors.passwords_not_identical")
    visit.sees("status", "form.check")
    visit.screenshot("register-all-wrong")


@one_mode
def test_the_red_box_goes_when_the_marked_fields_are_corrected(
    visit: Visit, example: Example
) -> None:
    from playwright.sync_api import expect

    ada = example.somebody()
    status = visit.page.get_by_test_id("status")
    visit.go("/auth/register")
    visit.type(
        email=DEMO_USER.email, username=DEMO_USER.username, password=ada.password
    )
    visit.sees("errors-password", "field.password_good")
    visit.expects("400 register/")
    visit.submit(password2=ada.password)
    visit.sees("status", "form.check")
    visit.sees("errors-email", "errors.email_unique")
    visit.type(username=ada.username)
    # One of two is not enough.
    expect(visit.page.get_by_test_id("errors-username")).to_have_text("")
    visit.sees("status", "form.check")
    visit.type(email=ada.email)
    expect(status).to_be_hidden()

    # A password is corrected when the host takes it, its repetition by either field.
    visit.submit(password2=f"{ada.password}x")
    visit.sees("status", "form.check")
    visit.type(password=f"{ada.password}x")
    expect(visit.page.get_by_test_id("errors-password2")).to_have_text("")
    expect(status).to_be_hidden()
    visit.sees("errors-password", "field.password_good")
    visit.press("submit")
    visit.sees("status", "register.done", email=ada.email)


@one_mode
def test_an_address_and_a_repetition_are_checked_when_they_are_left(
    visit: Visit, example: Example
) -> None:
    from playwright.sync_api import expect

    def left(**values: str) -> None:
        visit.type(**values)
        visit.page.keyboard.press("Tab")

    ada = example.somebody()
    email, password2 = map(
        visit.page.get_by_test_id, ("errors-email", "errors-password2")
    )
    visit.go("/auth/register")
    left(email="")
    for address in ("ada", "ada at example", "ada@", "ada@example"):
        expect(email).to_have_text("")
        visit.page.locator("#email").press_sequentially(address)
        # The user is not interrupted.
        expect(email).to_have_text("")
        visit.page.keyboard.press("Tab")
        visit.sees("errors-email", "errors.invalid")
        visit.type(email="")
    left(email=ada.email)
    expect(email).to_have_text("")

    left(password=ada.password)
    visit.sees("errors-password", "field.password_good")
    left(password2="")
    expect(password2).to_have_text("")
    left(password2=OTHER_PASSWORD)
    visit.sees("errors-password2", "errors.passwords_not_identical")
    visit.screenshot("register-left")
    left(password2=ada.password)
    expect(password2).to_have_text("")
    left(password=OTHER_PASSWORD)
    visit.sees("errors-password2", "errors.passwords_not_identical")
    left(password=ada.password)
    expect(password2).to_have_text("")
    # No red box before the form is sent.
    expect(visit.page.get_by_test_id("status")).to_be_hidden()


@one_mode
def test_a_click_beside_a_wrong_address_meets_what_it_aims_at(visit: Visit) -> None:
    """The sentence that appears moves the link, but not before the click is over."""
    visit.go("/auth/register")
    visit.type(email="ada at example")
    visit.follow("register.login")
    visit.is_on("/auth/login", "login.title")


@one_mode
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


@one_mode
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
