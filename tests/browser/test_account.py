"""The account page in a browser, with mails and with the admin."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from .example import (
    DEMO_ADMIN,
    DEMO_USER,
    OTHER_PASSWORD,
    WEAK_PASSWORD,
    Example,
    Person,
)
from .post_office import Letter, PostOffice
from .test_admin import log_in_to_admin
from .test_pages import LOOKS
from .test_registration import check_letter
from .visit import Visit

pytestmark = pytest.mark.user_model("auth_user")

NewVisit = Callable[..., Visit]

# Where the CSRF token is kept makes no difference to these.
one_mode = pytest.mark.parametrize("example", ["sessions"], indirect=True)

CACHE = "django.contrib.sessions.backends.cache"
# For two tests, since every start of the example takes its time.
HASTY = {
    "EXAMPLE_SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
    "EXAMPLE_REAUTHENTICATION_TIMEOUT": "1",
}


@pytest.fixture(scope="module")
def host_with(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Example]]:
    """Return a function that runs the example once more, under these variables."""
    hosts: dict[tuple[tuple[str, str], ...], Example] = {}
    with ExitStack() as parts:

        def host_with(**variables: str) -> Example:
            key = tuple(variables.items())
            if key not in hosts:
                folder = tmp_path_factory.mktemp("host")
                post_office = parts.enter_context(PostOffice(folder / "outbox"))
                host = Example("sessions", folder, post_office, ports=None, **variables)
                parts.callback(host.stop)
                hosts[key] = host
            return hosts[key]

        yield host_with


def check_notice(letter: Letter, address: str, subject: str) -> None:
    """Check a mail that tells of something and opens nothing."""
    assert letter.envelope_recipients == (address,)
    assert letter.subject == f"{subject} - AI Kit Auth"
    text, page = letter.part("plain"), letter.part("html")
    links = re.findall(r"http\S+", text) + re.findall(r'href="([^"]*)"', page)
    # The start page of the frontend, and the one where a user asks for a reset mail.
    pages = {re.sub(r":\d+", "", link) for link in links}
    assert pages - {"http://localhost/auth/forgot_password"} == {"http://localhost"}


def member_in(visit: Visit, person: Person) -> None:
    """Make an account for ``person``, log in and open the account page."""
    visit.become_member(person)
    visit.log_in(person)
    visit.open_account()


# Passwords and sessions


def test_a_new_password_logs_out_the_other_browser_and_not_this_one(
    new_visit: NewVisit, example: Example
) -> None:
    ada = example.somebody()
    here, elsewhere = new_visit(), new_visit()
    member_in(here, ada)
    elsewhere.log_in(ada)
    elsewhere.open_account()

    here.expects("400 validate_password/", "400 validate_password/")
    here.type(new_password=WEAK_PASSWORD)
    here.sees("errors-new_password", "errors.password_too_common")
    here.type(new_password=ada.email)
    here.sees("errors-new_password", "errors.password_too_similar")
    here.type(new_password=OTHER_PASSWORD)
    here.sees("errors-new_password", "field.password_good")
    here.type(password2=ada.password)
    here.press("password-submit")
    here.sees("errors-password2", "errors.passwords_not_identical")
    here.type(password2=OTHER_PASSWORD)

    here.expects("400 change_password/", "400 confirm_password/")
    here.press("password-submit")
    here.confirm(OTHER_PASSWORD, "confirm.wrong_password")
    here.confirm(ada.password)
    here.sees("password-status", "account.password_done")
    assert here.page.locator("#new_password").input_value() == ""
    # After the mails of the registration and of the login in another browser.
    notice = example.post_office.letter_to(ada.email, 3)
    check_notice(notice, ada.email, "Your password was changed")

    elsewhere.expects("403 me/")
    elsewhere.type(username=f"{ada.username}-elsewhere")
    elsewhere.press("username-submit")
    elsewhere.is_on("/auth/login", "login.title")
    elsewhere.sees("status", "login.ended")
    elsewhere.expects("400 login/")
    elsewhere.submit(ident=ada.username, password=ada.password)
    elsewhere.sees("status", "errors.invalid_credentials")

    # This session continues, and the user need not enter the password again.
    here.type(username=f"{ada.username}-here")
    here.press("username-submit")
    here.sees("username-status", "account.username_done")
    here.type(new_password=ada.password, password2=ada.password)
    here.press("password-submit")
    here.sees("password-status", "account.password_done")
    here.page.reload()
    here.is_on("/auth/account", "account.title")
    example.post_office.letter_to(ada.email, 4)


@one_mode
@pytest.mark.parametrize("engine", ["db", "cache", "signed_cookies"])
def test_logging_out_elsewhere_works_wherever_the_sessions_are(
    new_visit: NewVisit,
    example: Example,
    host_with: Callable[..., Example],
    engine: str,
) -> None:
    here, elsewhere = new_visit(), new_visit()
    if engine == "cache":
        here.example = elsewhere.example = host_with(EXAMPLE_SESSION_ENGINE=CACHE)
    elif engine == "signed_cookies":
        here.example = elsewhere.example = host_with(**HASTY)
    here.log_in(DEMO_USER)
    here.open_account()
    elsewhere.log_in(DEMO_USER)

    here.expects("400 logout_others/")
    here.press("others-submit")
    here.confirm(DEMO_USER.password)
    here.sees("others-status", "account.others_done")

    elsewhere.page.reload()
    elsewhere.is_on("/auth/login", "login.title")
    # The password is the same, and a login with it ends no other session.
    elsewhere.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
    elsewhere.is_on("/auth/profile", "profile.title")
    here.page.reload()
    here.is_on("/auth/account", "account.title")


@one_mode
def test_a_proof_gets_too_old(
    visit: Visit, example: Example, host_with: Callable[..., Example]
) -> None:
    """What comes after a second is asked for the password again."""
    host = visit.example = host_with(**HASTY)
    visit.log_in(DEMO_USER)
    visit.open_account()
    # On a slow machine the proof may be too old for what it was given for, too; the
    # page then sends the password along.
    visit.expects_repeatedly("400 change_email/")
    for number in (1, 2):
        address = f"new{number}@example.com"
        visit.type(email=address)
        visit.press("email-submit")
        visit.confirm(DEMO_USER.password)
        visit.sees("email-status", "account.email_done", email=address)
        host.post_office.letter_to(address)
        if number == 1:
            visit.page.wait_for_timeout(1100)


@one_mode
def test_the_keyboard_is_enough_for_the_dialogs(visit: Visit) -> None:
    visit.log_in(DEMO_USER)
    visit.open_account()
    focused = "document.activeElement.dataset.testid ?? document.activeElement.id"
    keys = visit.page.keyboard

    visit.page.get_by_test_id("delete-submit").focus()
    keys.press("Enter")
    visit.sees("dialog", "account.delete_question")
    assert visit.page.evaluate(focused) == "delete-keep"
    keys.press("Escape")
    visit.has_no_dialog()
    assert visit.page.evaluate(focused) == "delete-submit"

    visit.page.get_by_test_id("others-submit").focus()
    visit.expects("400 logout_others/", "400 confirm_password/", "400 logout_others/")
    keys.press("Enter")
    visit.sees("dialog", "confirm.title")
    assert visit.page.evaluate(focused) == "password"
    keys.press("Enter")
    visit.sees("errors-password", "errors.blank")
    keys.press("Escape")
    visit.has_no_dialog()
    assert visit.page.evaluate(focused) == "others-submit"
    keys.press("Enter")
    visit.sees("dialog", "confirm.title")
    keys.type(DEMO_USER.password)
    keys.press("Enter")
    visit.sees("others-status", "account.others_done")


@one_mode
def test_a_login_lasts_as_long_as_the_box_says(visit: Visit, example: Example) -> None:
    def session_ends() -> float:
        cookies = visit.context.cookies(example.host)
        (expires,) = [c["expires"] for c in cookies if c["name"] == "sessionid"]
        return expires

    def log_in() -> None:
        visit.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
        visit.is_on("/auth/profile", "profile.title")

    visit.go("/auth/login")
    log_in()
    # With the browser.
    assert session_ends() == -1

    visit.press("logout")
    visit.is_on("/auth/login", "login.title")
    visit.page.get_by_label(visit.text("login.remember")).check()
    visit.screenshot("login-remember")
    log_in()
    two_weeks = 14 * 24 * 60 * 60
    assert session_ends() == pytest.approx(time.time() + two_weeks, abs=60)


# Names and addresses


@one_mode
def test_a_name_is_changed_unless_somebody_has_it(
    visit: Visit, example: Example
) -> None:
    ada, new = example.somebody(), example.somebody()
    member_in(visit, ada)
    for name, code in (
        (DEMO_USER.username.upper(), "username_unique"),
        ("", "blank"),
        ("a b", "invalid"),
    ):
        visit.expects("400 me/")
        visit.type(username=name)
        visit.press("username-submit")
        visit.sees("errors-username", f"errors.{code}")
    visit.type(username=new.username)
    visit.press("username-submit")
    visit.sees("username-status", "account.username_done")
    visit.go("/auth/profile")
    visit.reads("profile-username", new.username)
    visit.press("logout")
    visit.is_on("/auth/login", "login.title")
    visit.submit(ident=new.username, password=ada.password)
    visit.reads("profile-email", ada.email)


@one_mode
def test_a_new_address_is_confirmed_from_any_browser(
    new_visit: NewVisit, example: Example
) -> None:
    ada, new = example.somebody(), example.somebody()
    here, there, elsewhere = new_visit(), new_visit(), new_visit()
    member_in(here, ada)
    there.log_in(ada)
    here.expects("400 change_email/", "400 change_email/", "400 change_email/")
    here.type(email="nowhere")
    here.press("email-submit")
    here.sees("errors-email", "errors.invalid")
    here.type(email=DEMO_USER.email)
    here.press("email-submit")
    here.confirm(ada.password)
    here.sees("errors-email", "errors.email_unique")
    here.type(email=new.email)
    here.press("email-submit")
    here.sees("email-status", "account.email_done", email=new.email)

    letter = example.post_office.letter_to(new.email)
    page = f"{example.frontend}/auth/confirm_email?"
    check_letter(letter, new.email, page, "en")
    assert letter.subject == ("Please confirm your new e-mail address - AI Kit Auth")
    notice = example.post_office.letter_to(ada.email, 3)
    check_notice(notice, ada.email, "A new e-mail address for your account")
    # So far nothing has changed.
    here.go("/auth/profile")
    here.reads("profile-email", ada.email)

    elsewhere.open_link(letter.link)
    elsewhere.is_on("/auth/confirm_email", "confirm_email.title")
    # In a browser without a session the password is the proof.
    elsewhere.expects("400 confirm_email/")
    elsewhere.use_link()
    elsewhere.sees("status", "confirm_email.proof")
    elsewhere.type(password=ada.password)
    elsewhere.press("proof-submit")
    elsewhere.sees("status", "confirm_email.done")
    elsewhere.screenshot("confirm-email-done")
    notice = example.post_office.letter_to(ada.email, 4)
    check_notice(notice, ada.email, "Your e-mail address was changed")
    elsewhere.follow("confirm_email.login")
    elsewhere.expects("400 login/")
    elsewhere.submit(ident=ada.email, password=ada.password)
    elsewhere.sees("status", "errors.invalid_credentials")
    elsewhere.submit(ident=new.email, password=ada.password)
    elsewhere.reads("profile-email", new.email)

    # The logged-in user still is, and the link no longer works.
    for visit in (here, there):
        visit.page.reload()
        visit.reads("profile-email", new.email)
    here.open_link(letter.link)
    here.sees("status", "confirm_email.used")
    here.follow("confirm_email.account")
    here.is_on("/auth/account", "account.title")


# Leaving


@one_mode
def test_an_account_is_deleted_when_its_owner_is_sure(
    new_visit: NewVisit, example: Example
) -> None:
    ada = example.somebody()
    here, elsewhere = new_visit(), new_visit()
    member_in(here, ada)
    elsewhere.log_in(ada)
    here.press("delete-submit")
    here.sees("dialog", "account.delete_warning")
    here.press("delete-keep")
    here.has_no_dialog()

    here.expects("400 delete_account/", "400 delete_account/")
    for answer in ("confirm-cancel", "confirm-submit"):
        here.press("delete-submit")
        here.type(delete_name=ada.username)
        here.press("delete-sure")
        here.sees("dialog", "confirm.title")
        here.type(password=ada.password)
        here.press(answer)
        here.has_no_dialog()
    here.is_on("/auth/login", "login.title")
    here.sees("status", "login.deleted")
    here.screenshot("login-account-deleted")
    farewell = example.post_office.letter_to(ada.email, 3)
    check_notice(farewell, ada.email, "Your account was deleted")

    here.expects("400 login/")
    here.submit(ident=ada.email, password=ada.password)
    here.sees("status", "errors.invalid_credentials")
    elsewhere.page.reload()
    elsewhere.is_on("/auth/login", "login.title")
    # The address is free.
    here.ask_for_an_account(ada)


@one_mode
@pytest.mark.parametrize("language", ["en", "de"])
def test_an_account_is_deleted_by_who_types_its_name(
    visit: Visit, example: Example, language: str
) -> None:
    from playwright.sync_api import expect

    ada = example.somebody()
    member_in(visit, ada)
    visit.press(f"lang-{language}")
    visit.language = language
    title = {"en": "Delete account", "de": "Konto löschen"}[language]
    expect(visit.page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    visit.press("delete-submit")
    visit.reads("dialog", ada.username)
    visit.reads("dialog", ada.email)
    sure = visit.page.get_by_test_id("delete-sure")
    expect(sure).to_be_disabled()
    for text in ("x", DEMO_USER.username, ada.username[:-1], f"{ada.username}x", " "):
        visit.type(delete_name=text)
        expect(sure).to_be_disabled()
        visit.page.locator("#delete_name").press("Enter")
        visit.sees("dialog", "account.delete_question")
    for text in (ada.username, ada.email, f" {ada.email.upper()} "):
        visit.type(delete_name=text)
        expect(sure).to_be_enabled()
        visit.type(delete_name="")
        expect(sure).to_be_disabled()

    visit.type(delete_name=ada.email)
    visit.check_accessibility()
    visit.screenshot(f"account-delete-{language}")
    visit.expects("400 delete_account/")
    visit.page.locator("#delete_name").press("Enter")
    visit.confirm(ada.password)
    visit.is_on("/auth/login", "login.title")
    visit.sees("status", "login.deleted")


# Activation


@one_mode
def test_an_activation_mail_is_sent_once_more_where_one_is_waited_for(
    visit: Visit, example: Example
) -> None:
    ada, stranger = example.somebody(), example.somebody()
    visit.register(ada)
    visit.press("resend-submit")
    visit.sees("resend-status", "resend.done", ident=ada.email)
    visit.screenshot("register-done-resent")
    letter = example.post_office.letter_to(ada.email, 2)
    check_letter(letter, ada.email, f"{example.frontend}/auth/activation?", "en")

    visit.go("/auth/login")
    visit.follow("login.resend")
    visit.is_on("/auth/resend_activation", "resend.title")
    visit.screenshot("resend-activation")
    visit.submit(ident=stranger.email)
    visit.sees("status", "resend.done", ident=stranger.email)
    visit.screenshot("resend-activation-done")

    visit.open_link(letter.link)
    visit.use_link()
    visit.sees("status", "activation.done")
    # An active account gets none; the page says the same.
    visit.go("/auth/resend_activation")
    visit.submit(ident=ada.username)
    visit.sees("status", "resend.done", ident=ada.username)
    visit.open_link(letter.link)
    visit.sees("status", "activation.used")
    visit.follow("activation.login")
    visit.log_in(ada)
    assert len(example.post_office.letters_to(ada.email)) == 2
    assert example.post_office.letters_to(stranger.email) == []


# The admin


@one_mode
def test_an_admin_invites_somebody_who_chooses_the_password(
    new_visit: NewVisit, example: Example
) -> None:
    ada = example.somebody()
    admin, owner = new_visit(), new_visit()
    log_in_to_admin(admin, DEMO_ADMIN)
    admin.page.goto(f"{example.host}/admin/auth/user/add/")
    admin.page.locator("#id_username").fill(ada.username)
    admin.page.locator("#id_email").fill(ada.email)
    admin.screenshot("admin-invite-user")
    admin.page.locator("[name=_save]").click()
    admin.page.locator(".messagelist .success").wait_for()

    letter = example.post_office.letter_to(ada.email)
    check_letter(letter, ada.email, f"{example.frontend}/auth/reset_password?", "en")
    owner.open_link(letter.link)
    owner.submit(password=ada.password, password2=ada.password)
    owner.sees("status", "reset.done")
    owner.log_in(ada)


@one_mode
def test_the_admin_s_actions_say_for_whom_they_were_done(
    new_visit: NewVisit, example: Example
) -> None:
    waiting, member = example.somebody(), example.somebody()
    admin, owner = new_visit(), new_visit()
    owner.ask_for_an_account(waiting)
    owner.become_member(member)
    owner.log_in(member)
    log_in_to_admin(admin, DEMO_ADMIN)

    def act(action: str, *people: Person) -> list[str]:
        page = admin.page
        page.goto(f"{example.host}/admin/auth/user/?o=-2")
        for person in people:
            row = page.get_by_role("row").filter(has_text=person.email)
            row.locator("[name=_selected_action]").check()
        page.locator("[name=action]").select_option(action)
        page.locator("[name=index]").click()
        page.locator(".messagelist li").first.wait_for()
        return page.locator(".messagelist li").all_inner_texts()

    assert act("send_activation_mail", waiting, member) == [
        f"“{member.username}”: does not wait for an activation",
        "1 activation mail was sent.",
    ]
    admin.screenshot("admin-action")
    letter = example.post_office.letter_to(waiting.email, 2)
    page = f"{example.frontend}/auth/activation?"
    check_letter(letter, waiting.email, page, "en")

    assert act("send_password_reset_mail", waiting, member) == [
        "2 password reset mails were sent."
    ]
    page = f"{example.frontend}/auth/reset_password?"
    for person, number in ((waiting, 3), (member, 2)):
        letter = example.post_office.letter_to(person.email, number)
        check_letter(letter, person.email, page, "en")

    owner.page.reload()
    owner.reads("profile-email", member.email)
    assert act("end_all_sessions", member) == ["All sessions of 1 account have ended."]
    owner.page.reload()
    owner.is_on("/auth/login", "login.title")
    owner.log_in(member)


# Languages and looks


@one_mode
def test_the_account_page_and_its_mails_are_german_too(
    visit: Visit, example: Example
) -> None:
    ada, new = example.somebody(), example.somebody()
    member_in(visit, ada)
    visit.type(email=new.email)
    visit.press("lang-de")
    visit.language = "de"
    visit.is_on("/auth/account", "account.title")
    assert visit.page.locator("#email").input_value() == new.email
    visit.expects("400 change_email/", "400 confirm_password/")
    visit.press("email-submit")
    visit.confirm(OTHER_PASSWORD, "confirm.wrong_password")
    visit.confirm(ada.password)
    visit.sees("email-status", "account.email_done", email=new.email)
    visit.screenshot("account-german")
    letter = example.post_office.letter_to(new.email)
    page = f"{example.frontend}/auth/confirm_email?"
    check_letter(letter, new.email, page, "de")
    notice = example.post_office.letter_to(ada.email, 2)
    check_notice(notice, ada.email, "Eine neue E-Mail-Adresse für Ihr Konto")

    visit.go("/outbox")
    mails = visit.page.get_by_test_id("outbox-item")
    mails.filter(has_text=letter.subject).first.click()
    visit.click_link_in_html()
    visit.is_on("/auth/confirm_email", "confirm_email.title")
    visit.use_link()
    visit.sees("status", "confirm_email.done")


@one_mode
@pytest.mark.parametrize("look", LOOKS)
def test_the_account_page_is_good_to_look_at(new_visit: NewVisit, look: str) -> None:
    """It scrolls nowhere sideways, and axe finds nothing."""
    visit = new_visit(**LOOKS[look])

    def inspect(name: str) -> None:
        visit.screenshot(f"{look}-{name}")
        visit.check_accessibility()

    for name, path in (
        ("resend-activation", "/auth/resend_activation"),
        ("confirm-email-refused", "/auth/confirm_email/"),
    ):
        visit.go(path)
        inspect(name)
        visit.press("lang-de")
        inspect(f"german-{name}")
        visit.press("lang-en")
    visit.log_in(DEMO_USER)
    visit.open_account()
    inspect("account")
    # German words are long.
    visit.press("lang-de")
    inspect("german-account")
    for language in ("en", "de"):
        visit.press(f"lang-{language}")
        visit.language = language
        visit.press("delete-submit")
        visit.sees("dialog", "account.delete_question")
        inspect(f"account-delete-{language}")
        visit.press("delete-keep")
        visit.has_no_dialog()
        visit.expects("400 logout_others/", "400 confirm_password/")
        visit.press("others-submit")
        visit.confirm(OTHER_PASSWORD, "confirm.wrong_password")
        inspect(f"account-confirm-{language}")
        visit.press("confirm-cancel")
        visit.has_no_dialog()
