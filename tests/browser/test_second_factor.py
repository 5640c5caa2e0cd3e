"""Logins with a second step, and the factors on the account page."""

from __future__ import annotations

import time
from collections.abc import Callable

import pyotp
import pytest

from .authenticator import Authenticator
from .example import Example, Person
from .test_account import member_in
from .test_pages import LOOKS
from .visit import Visit

pytestmark = pytest.mark.user_model("auth_user")

NewVisit = Callable[..., Visit]

CAREFUL = Person("careful", "two-locks-at-the-park-7")
STEP = 30  # seconds

# Where the CSRF token is kept makes no difference to these.
one_mode = pytest.mark.parametrize("example", ["sessions"], indirect=True)


def begin_login(visit: Visit, person: Person) -> None:
    """Send the password, and wait for the page of the second step."""
    visit.go("/auth/login")
    visit.expects("400 login/")
    visit.submit(ident=person.username, password=person.password)
    visit.is_on("/auth/second_step", "second_step.title")


def wait_for_next_code(secret: str, used: str) -> str:
    """Return the next code: a step is good once."""
    totp = pyotp.TOTP(secret)
    # The backend takes the step before and after this one as well.
    code = totp.at(time.time() + STEP)
    return code if code != used else totp.at(time.time() - STEP)


def set_up_app(visit: Visit, person: Person) -> tuple[str, str, list[str]]:
    """Enrol an app. Return its secret, the code that was used and recovery codes."""
    visit.expects("400 factors/totp/")
    visit.press("totp-submit")
    visit.confirm(person.password)
    visit.page.get_by_test_id("totp-qr").wait_for()
    visit.follow("account.totp_cannot_scan")
    secret = visit.page.get_by_test_id("totp-secret").inner_text()
    code = pyotp.TOTP(secret).now()
    visit.type(totp_code=code)
    visit.press("totp-submit")
    visit.sees("totp-news", "account.totp_done")
    codes = visit.page.get_by_test_id("codes-list").locator("li").all_inner_texts()
    return secret, code, codes


def add_passkey(visit: Visit, password: str | None, name: str = "Laptop") -> None:
    """Add a passkey on the account page. ``password``: None in a fresh session."""
    visit.type(passkey_name=name)
    if password is not None:
        visit.expects("400 factors/passkeys/options/")
    visit.press("passkey-add-submit")
    if password is not None:
        visit.confirm(password)
    visit.sees("passkeys-news", "account.passkey_added")
    visit.reads("passkeys", name)


def test_the_demo_user_logs_in_with_an_app(visit: Visit) -> None:
    begin_login(visit, CAREFUL)
    visit.expects("400 second_factor/")
    visit.submit(code="000000")
    visit.sees("errors-code", "errors.invalid_code")
    visit.check_accessibility()
    visit.screenshot("second-step-refused")
    visit.press("demo-code")
    # After a wrong code the backend refuses every code for a second.
    visit.page.wait_for_timeout(1_100)
    visit.press("submit")
    visit.is_on("/auth/profile", "profile.title")
    visit.reads("profile-email", CAREFUL.email)


@one_mode
def test_an_app_is_set_up_used_and_removed(visit: Visit, example: Example) -> None:
    ada = example.somebody()
    member_in(visit, ada)
    secret, code, codes = set_up_app(visit, ada)
    assert len(set(codes)) == 10
    visit.screenshot("recovery-codes")
    with visit.page.expect_download() as downloading:
        visit.press("codes-download")
    saved = downloading.value.path().read_text("utf-8")
    assert all(f"{each}\n" in saved for each in codes)
    added = example.post_office.letter_to(ada.email, 2)
    assert ada.username in added.part("plain")

    visit.page.get_by_test_id("header-logout").click()
    visit.is_on("/auth/login", "login.title")
    begin_login(visit, ada)
    visit.submit(code=wait_for_next_code(secret, code))
    visit.is_on("/auth/profile", "profile.title")

    visit.open_account()
    visit.expects("400 factors/totp/")
    visit.press("totp-submit")
    visit.confirm(ada.password)
    visit.sees("totp-news", "account.totp_removed")
    visit.sees("codes-left", "account.codes_left", count="0")
    visit.press("header-logout")
    visit.is_on("/auth/login", "login.title")
    visit.log_in(ada)


@one_mode
def test_a_recovery_code_works_once(visit: Visit, example: Example) -> None:
    ada = example.somebody()
    member_in(visit, ada)
    *_, codes = set_up_app(visit, ada)
    for expected in ("account.codes_left", "errors.invalid_code"):
        visit.press("header-logout")
        visit.is_on("/auth/login", "login.title")
        begin_login(visit, ada)
        visit.press("use-recovery_code")
        if expected == "errors.invalid_code":
            visit.expects("400 second_factor/")
        visit.submit(code=codes[0].lower())
        if expected == "errors.invalid_code":
            visit.sees("errors-code", expected)
            break
        visit.is_on("/auth/profile", "profile.title")
        visit.open_account()
        visit.sees("codes-left", expected, count="9")


@one_mode
def test_a_trusted_browser_is_not_asked_again(
    new_visit: NewVisit, example: Example
) -> None:
    ada = example.somebody()
    here, elsewhere = new_visit(), new_visit()
    member_in(here, ada)
    secret, code, _ = set_up_app(here, ada)
    here.press("header-logout")
    here.is_on("/auth/login", "login.title")
    begin_login(here, ada)
    here.page.locator("#trust").check()
    here.submit(code=wait_for_next_code(secret, code))
    here.is_on("/auth/profile", "profile.title")
    here.press("header-logout")
    here.is_on("/auth/login", "login.title")

    here.log_in(ada)
    begin_login(elsewhere, ada)


@one_mode
def test_the_second_step_begins_again_after_five_wrong_codes(
    visit: Visit, example: Example
) -> None:
    ada = example.somebody()
    member_in(visit, ada)
    set_up_app(visit, ada)
    visit.press("header-logout")
    visit.is_on("/auth/login", "login.title")
    begin_login(visit, ada)
    visit.press("use-recovery_code")
    for _ in range(5):
        visit.expects_repeatedly("400 second_factor/")
        visit.submit(code="AAAA-BBBB-CCCC-DDDD")
        visit.sees("errors-code", "errors.invalid_code")
    visit.expects("403 second_factor/")
    visit.submit(code="AAAA-BBBB-CCCC-DDDD")
    visit.is_on("/auth/login", "login.title")
    visit.sees("status", "second_step.over")


@one_mode
@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_fit_every_look(
    new_visit: NewVisit, example: Example, look: str
) -> None:
    ada = example.somebody()
    visit = new_visit(**LOOKS[look])
    authenticator = Authenticator(visit)
    member_in(visit, ada)
    set_up_app(visit, ada)
    add_passkey(visit, None, "A laptop with a rather long name of its own")
    for language in ("de", "en"):
        visit.press(f"lang-{language}")
        visit.screenshot(f"{look}-{language}-account-factors")
        visit.check_accessibility()
    # Or the passkey would log in from the list of the first field.
    authenticator.hold()
    visit.page.context.clear_cookies()
    begin_login(visit, ada)
    for language in ("de", "en"):
        visit.press(f"lang-{language}")
        visit.screenshot(f"{look}-{language}-second-step")
        visit.check_accessibility()
