"""The frontend, its errors and the mails in the user's language."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .example import Example
from .test_registration import check_letter
from .visit import Visit

pytestmark = pytest.mark.user_model("auth_user")

# Where the CSRF token is kept makes no difference to these.
one_mode = pytest.mark.parametrize("example", ["sessions"], indirect=True)


@one_mode
def test_a_german_page_and_a_german_mail(visit: Visit, example: Example) -> None:
    ada = example.somebody()
    visit.go("/auth/register")
    visit.type(email=ada.email)
    visit.press("lang-de")
    visit.language = "de"
    visit.is_on("/auth/register", "register.title")
    assert visit.page.locator("html").get_attribute("lang") == "de"
    # What was typed has survived the switch.
    assert visit.page.locator("#email").input_value() == ada.email
    visit.expects("400 validate_password/")
    visit.type(password="x7-kq")
    visit.sees("errors-password", "errors.password_too_short")
    visit.screenshot("register-german")

    visit.register(ada)
    letter = example.post_office.letter_to(ada.email)
    check_letter(letter, ada.email, f"{example.frontend}/auth/activation?", "de")
    assert letter.subject == ("Bitte bestätigen Sie Ihre E-Mail-Adresse - AI Kit Auth")
    visit.open_mail()
    visit.screenshot("outbox-german")
    visit.click_link_in_html()
    visit.use_link()
    visit.sees("status", "activation.done")

    visit.press("lang-en")
    visit.language = "en"
    visit.sees("status", "activation.done")


@one_mode
def test_a_german_browser_starts_in_german(
    new_visit: Callable[..., Visit], example: Example
) -> None:
    visit = new_visit(locale="de-DE")
    visit.language = "de"
    visit.go("/auth/login")
    visit.is_on("/auth/login", "login.title")
    visit.expects("400 login/")
    visit.submit(ident=example.somebody().email, password="x")
    visit.sees("status", "errors.invalid_credentials")
    visit.screenshot("login-german")


@one_mode
def test_a_language_button_is_called_what_it_shows(visit: Visit) -> None:
    """Also from the languages of the browser, which has "EN" in upper case."""
    from playwright.sync_api import expect

    visit.go("/")
    for name in ("English", "Deutsch"):
        button = visit.page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_text(name)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        visit.check_accessibility()
