"""
The package in three sites, each driven through the whole journey in Chromium.

The sites are of another origin than the example's backend. Each has the same
``data-testid`` attributes: a Vite project with React in StrictMode, a Next.js project
with server components, and a page without a build step.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..browser.conftest import CHROMIUM_ARGUMENTS, MODES, chromium
from ..browser.example import OTHER_PASSWORD, WEAK_PASSWORD, Example, Person
from ..browser.post_office import Letter, PostOffice
from ..browser.visit import Visit
from ..extras import missing_modules
from .conftest import Package, need, npm, run
from .site import NAMES, Site, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A user of the example, whose app has this secret.
CAREFUL = Person("careful", "two-locks-at-the-park-7")
CAREFUL_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
FRESH = 4  # seconds, in which a login counts as a re-authentication
TOO_SHORT = {
    "de": "Dieses Passwort ist zu kurz. Mindestzahl der Zeichen: 8.",
    "en": "This password is too short. Minimum number of characters: 8.",
}
NO_NETWORK = "The server does not answer. Please check your connection and try again."
STORED = "() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    missing = missing_modules("aiosmtpd", "playwright", "pyotp")
    need(not missing, ", ".join(missing))
    need(chromium(), "chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def build(
    # Before the sites, which take long to build.
    browser: Browser,
    package: Package,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], Site]]:
    """Return a function that builds a site and serves it until the last test."""
    with ExitStack() as sites:
        # pytest may set up a parameter more than once.
        @cache
        def built(name: str) -> Site:
            folder = tmp_path_factory.mktemp(name)
            return sites.enter_context(served(name, package, folder))

        yield built


@pytest.fixture(scope="module", params=NAMES)
def site(request: pytest.FixtureRequest, build: Callable[[str], Site]) -> Site:
    return build(request.param)


@pytest.fixture(scope="module", params=MODES)
def example(
    request: pytest.FixtureRequest,
    site: Site,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Example]:
    """Run the example for the site, with the CSRF token in sessions or in a cookie."""
    folder = tmp_path_factory.mktemp("example")
    with PostOffice(folder / "outbox") as post_office:
        example = Example(
            request.param,
            folder,
            post_office,
            ports=(site.api_port, site.own_port),
            EXAMPLE_SETTINGS="tests.client.site_settings",
            EXAMPLE_REAUTHENTICATION_TIMEOUT=str(FRESH),
            SITE_ORIGIN=site.origin,
        )
        # Its own frontend is another one, which these tests do not visit.
        example.frontend = site.origin
        yield example
        example.stop()


@pytest.fixture
def new_visit(
    browser: Browser, example: Example, tmp_path: Path
) -> Iterator[Callable[..., Visit]]:
    """Return a function that opens a browser profile with the given options."""
    with ExitStack() as visits:

        def new(**options: Any) -> Visit:
            usual = {"locale": "en-US", "timezone_id": "UTC"}
            context = browser.new_context(**{**usual, **options})
            context.set_default_timeout(15_000)
            visit = Visit(context, example, tmp_path)
            visits.callback(visit.close)
            return visit

        yield new


@pytest.fixture
def visit(new_visit: Callable[..., Visit]) -> Visit:
    return new_visit()


def go(visit: Visit, path: str) -> None:
    """Open a page, and wait until it knows the user."""
    visit.page.goto(visit.example.frontend + path)
    knows_the_user(visit)


def knows_the_user(visit: Visit) -> None:
    from playwright.sync_api import expect

    expect(visit.page.get_by_test_id("user")).not_to_have_text("loading")


def open_link(visit: Visit, letter: Letter, state: str) -> None:
    """Open the link of a mail. Its address holds no token once the page has it."""
    from playwright.sync_api import expect

    visit.page.goto(letter.link)
    expect(visit.page.get_by_test_id("link")).to_have_attribute("data-state", state)
    assert "token" not in visit.page.url
    assert "ident" not in visit.page.url


def is_user(visit: Visit, name: str) -> None:
    from playwright.sync_api import expect

    expect(visit.page.get_by_test_id("user")).to_have_text(name)


def log_in(visit: Visit, person: Person) -> None:
    go(visit, "/auth/login")
    visit.submit(ident=person.username, password=person.password)
    visit.reads("email", person.email)
    is_user(visit, person.username)


def stores_nothing(visit: Visit) -> None:
    assert visit.page.evaluate(STORED) == []


def end_all_sessions(example: Example) -> None:
    """Let every session end, as if its time were over."""
    with closing(sqlite3.connect(example.folder / "db.sqlite3", timeout=20)) as base:
        base.execute("DELETE FROM django_session")
        base.commit()


def test_the_whole_journey(
    new_visit: Callable[..., Visit], site: Site, example: Example
) -> None:
    from playwright.sync_api import expect

    visit = new_visit(locale="de-DE")
    page = visit.page
    ada = example.somebody()
    letters = example.post_office

    # Registration: sentences in the language of the browser, then in another one.
    go(visit, "/auth/register")
    visit.expects("400 register/", "400 register/")
    visit.submit(email="ada", username=ada.username, password="fern7")
    visit.reads("errors-email", "Bitte geben Sie einen gültigen Wert ein.")
    visit.submit(email=ada.email)
    visit.reads("errors-password", TOO_SHORT["de"])
    visit.press("language-en")
    visit.reads("errors-password", TOO_SHORT["en"])
    visit.submit(password=ada.password)
    visit.reads("status", ada.email)

    # Activation: a click here, and the password as well on another device.
    letter = letters.letter_to(ada.email)
    assert letter.part("plain").startswith("Hello,")
    phone = new_visit()
    open_link(phone, letter, "ready")
    phone.expects("400 activate_email/", "400 activate_email/")
    phone.press("use-link")
    phone.submit(password=WEAK_PASSWORD)
    phone.page.get_by_test_id("submit").wait_for()
    open_link(visit, letter, "ready")
    visit.press("use-link")
    visit.reads("link", "Your account is active.")
    open_link(visit, letter, "used")
    visit.reads("link", "Log in.")

    # Login, and what is known after a reload.
    go(visit, "/auth/login")
    visit.press("language-de")
    visit.expects("400 login/")
    visit.submit(ident=ada.email, password=WEAK_PASSWORD)
    visit.reads("errors", "Benutzername, E-Mail-Adresse oder Passwort ist falsch")
    visit.submit(ident=ada.email, password=ada.password)
    visit.reads("email", ada.email)
    page.reload()
    is_user(visit, ada.username)
    if site.name == "next":
        visit.reads("server-user", ada.username)

    # Another e-mail address, which asks for the password again.
    page.wait_for_timeout(FRESH * 1_000)
    new = f"new.{ada.email}"
    visit.expects("400 change_email/", "400 confirm_password/")
    visit.submit(new_email=new)
    visit.type(confirm_password=WEAK_PASSWORD)
    visit.press("confirm")
    visit.reads("errors-confirm_password", "Passwort ist falsch")
    visit.type(confirm_password=ada.password)
    visit.press("confirm")
    visit.reads("status", new)
    expect(page.get_by_test_id("dialog")).to_be_hidden()
    open_link(visit, letters.letter_to(new), "ready")
    visit.press("use-link")
    visit.reads("link", "The address is yours.")
    go(visit, "/account")
    visit.reads("email", new)

    # Logout.
    visit.press("logout")
    # The page goes there by itself, a little after it knows.
    page.wait_for_url(f"{example.frontend}/")
    is_user(visit, "anonymous")
    go(visit, "/account")
    page.get_by_test_id("needs-login").wait_for()
    if site.name == "next":
        visit.reads("server-user", "anonymous")

    # A new password. A link that was used is dead, which the page says at once.
    go(visit, "/auth/forgot_password")
    visit.submit(email=new)
    page.get_by_test_id("status").wait_for()
    visit.reads("status", "a mail is on its way")
    reset = letters.letter_to(new, 2)
    open_link(visit, reset, "ready")
    visit.expects("400 reset_password/")
    visit.submit(password="fern7")
    visit.reads("errors-password", TOO_SHORT["de"])
    visit.submit(password=OTHER_PASSWORD)
    visit.reads("link", "You have a new password.")
    open_link(visit, reset, "invalid")
    assert not page.locator("#password").is_visible()
    log_in(visit, Person(ada.username, OTHER_PASSWORD))
    stores_nothing(visit)


# Where the CSRF token is kept makes no difference to these.
one_mode = pytest.mark.parametrize("example", ["sessions"], indirect=True)


def member(visit: Visit) -> Person:
    """Return a user with an account. Nobody is logged in."""
    person = visit.example.somebody()
    visit.become_member(person)
    return person


def log_in_elsewhere(visit: Visit, person: Person) -> None:
    """Log in with the cookies of the tabs, of which no tab is told."""
    request = visit.context.request
    token = request.get(visit.example.api("me/")).json()["csrf"]
    answer = request.post(
        visit.example.api("login/"),
        data={"ident": person.username, "password": person.password},
        headers={"Origin": visit.example.frontend, "X-CSRFToken": token},
    )
    assert answer.status == 200


def test_two_tabs_share_the_user_and_a_stale_token_is_replaced(
    visit: Visit, site: Site
) -> None:
    from playwright.sync_api import expect

    ada = member(visit)
    go(visit, "/auth/login")
    other = visit.context.new_page()
    other.goto(visit.example.frontend + "/account")
    other.get_by_test_id("needs-login").wait_for()

    # The other tab is told of the login, and shows the page of its user.
    visit.submit(ident=ada.username, password=ada.password)
    is_user(visit, ada.username)
    expect(other.get_by_test_id("email")).to_have_text(ada.email)
    if site.name == "next":
        expect(other.get_by_test_id("server-user")).to_have_text(ada.username)
    renamed = f"{ada.username}.b"
    other.locator("#username").fill(renamed)
    other.get_by_test_id("rename").click()
    expect(other.get_by_test_id("status")).to_have_text("Saved.")
    is_user(visit, renamed)

    # Now without being told: the token of both tabs is one of a session before.
    log_in_elsewhere(visit, Person(renamed))
    visit.expects("403 me/")
    visit.type(username=ada.username)
    visit.press("rename")
    visit.reads("status", "Saved.")
    is_user(visit, ada.username)
    expect(other.get_by_test_id("user")).to_have_text(ada.username)

    # A logout in one tab is one in the other.
    visit.press("logout")
    is_user(visit, "anonymous")
    expect(other.get_by_test_id("user")).to_have_text("anonymous")
    other.get_by_test_id("needs-login").wait_for()


def test_a_session_that_ends_leads_to_the_login(visit: Visit, example: Example) -> None:
    ada = member(visit)
    log_in(visit, ada)
    end_all_sessions(example)
    visit.expects("403 change_email/")
    visit.submit(new_email=f"new.{ada.email}")
    visit.page.wait_for_url("**/auth/login")
    knows_the_user(visit)
    is_user(visit, "anonymous")
    log_in(visit, ada)


def test_a_second_factor_is_asked_for(visit: Visit) -> None:
    import pyotp

    go(visit, "/auth/login")
    visit.expects("400 login/", "400 second_factor/")
    visit.submit(ident=CAREFUL.username, password=CAREFUL.password)
    visit.submit(code="000000")
    visit.reads("errors-code", "This code is wrong or was already used.")
    # After a wrong code the backend refuses every code for a second.
    visit.page.wait_for_timeout(1_100)
    visit.submit(code=pyotp.TOTP(CAREFUL_SECRET).now())
    visit.reads("email", CAREFUL.email)
    is_user(visit, CAREFUL.username)


@one_mode
def test_too_many_attempts_say_how_long_to_wait(visit: Visit) -> None:
    ada = member(visit)
    sent: list[str] = []
    visit.context.on("request", lambda request: sent.append(request.url))
    go(visit, "/auth/login")
    visit.expects(*["400 login/"] * 3, "429 login/")
    for _ in range(3):
        with visit.page.expect_response("**/login/"):
            visit.submit(ident=ada.username, password=WEAK_PASSWORD)
    with visit.page.expect_response("**/login/"):
        visit.submit(ident=ada.username, password=WEAK_PASSWORD)
    waiting = re.compile(r"^Too many attempts. Please try again in (\d+) s.$")
    seconds = seconds_in(visit, waiting)
    assert 50 < seconds <= 60

    # The same again is not sent before that: its sentence counts down.
    before = len(sent)
    visit.page.wait_for_timeout(2_100)
    visit.press("submit")
    visit.page.wait_for_timeout(300)
    assert seconds - 10 < seconds_in(visit, waiting) < seconds
    assert len(sent) == before


def seconds_in(visit: Visit, sentence: re.Pattern[str]) -> int:
    from playwright.sync_api import expect

    errors = visit.page.get_by_test_id("errors")
    expect(errors).to_have_text(sentence)
    found = sentence.match(errors.inner_text())
    assert found is not None
    return int(found[1])


@one_mode
def test_a_page_that_is_offline_says_so_and_goes_on_afterwards(visit: Visit) -> None:
    ada = member(visit)
    go(visit, "/auth/login")
    visit.context.set_offline(True)
    visit.expects_offline()
    visit.submit(ident=ada.username, password=ada.password)
    visit.reads("errors", NO_NETWORK)
    visit.context.set_offline(False)
    visit.press("submit")
    visit.reads("email", ada.email)


@one_mode
@pytest.mark.parametrize("site", ["next"], indirect=True)
def test_an_address_stays_clean_when_the_server_renders_its_page_again(
    visit: Visit, example: Example
) -> None:
    """Next.js keeps the address of a page, and writes it at each refresh."""
    from playwright.sync_api import expect

    ada = member(visit)
    visit.context.request.post(
        example.api("send_pw_reset_email/"), data={"email": ada.email}
    )
    letter = example.post_office.letter_to(ada.email, 2)
    open_link(visit, letter, "ready")
    # The link is still there after a reload.
    visit.page.reload()
    expect(visit.page.get_by_test_id("link")).to_have_attribute("data-state", "ready")
    other = visit.context.new_page()
    other.goto(example.frontend + "/auth/login")
    other.locator("#ident").fill(ada.username)
    other.locator("#password").fill(ada.password)
    other.get_by_test_id("submit").click()
    expect(visit.page.get_by_test_id("server-user")).to_have_text(ada.username)
    assert "token" not in visit.page.url
    visit.submit(password=OTHER_PASSWORD)
    visit.reads("link", "You have a new password.")


@one_mode
@pytest.mark.parametrize("site", ["vite"], indirect=True)
def test_strict_mode_asks_once_for_the_user(visit: Visit, site: Site) -> None:
    # These texts are in no build for production, where StrictMode does nothing.
    built = (site.folder / "dist" / "assets").glob("*.js")
    assert any("https://react.dev/link/" in path.read_text("utf-8") for path in built)
    asked: list[str] = []
    visit.context.on("request", lambda request: asked.append(request.url))
    go(visit, "/account")
    visit.page.get_by_test_id("needs-login").wait_for()
    assert asked.count(visit.example.api("me/")) == 1


@pytest.mark.parametrize("site", ["vite"], indirect=True)
def test_a_strict_project_compiles(site: Site) -> None:
    # The build of Next.js does so by itself.
    npm(site.folder, "exec", "--", "tsc")


@pytest.mark.parametrize(
    ("site", "folders"),
    [("vite", ["src", "react"]), ("next", ["app", "lib"])],
    indirect=["site"],
)
def test_the_sites_pass_the_linter_of_the_package(
    site: Site, folders: list[str], project: Path
) -> None:
    linter = project / "node_modules" / ".bin" / "eslint"
    config = ("--config", project / "eslint.config.js", "--max-warnings", "0")
    linted = run([linter, *config, *folders], site.folder)
    assert linted.returncode == 0, linted.stdout + linted.stderr
