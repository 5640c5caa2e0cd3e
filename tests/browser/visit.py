"""One visit with a browser: input, visible texts, and messages of the console."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from .example import Example, Person, sentence
from .post_office import Letter

if TYPE_CHECKING:
    from playwright.sync_api import (
        BrowserContext,
        ConsoleMessage,
        Page,
        Response,
        WebError,
    )

# What Chromium writes about every answer of this kind.
REFUSED = re.compile(
    r"Failed to load resource: the server responded with a status of (\d{3}) .* "
    r"\[(.*)\]$"
)
# And about an answer that a page of a foreign origin may not read.
BLOCKED = re.compile(r"Access to fetch at .* has been blocked by CORS policy")
NOT_LOADED = re.compile(r"Failed to load resource: net::ERR_FAILED")
OFFLINE = re.compile(r"Failed to load resource: net::ERR_INTERNET_DISCONNECTED")
# Rules that axe leaves out by itself: the name of a button contains what the button
# shows, and what people tap is large enough.
RULES_BESIDES = ("label-content-name-mismatch", "target-size")
OVERFLOW = """() => {
    const page = document.documentElement;
    return page.scrollWidth - page.clientWidth;
}"""


def check_accessibility(page: Page) -> None:
    """Let axe look at the page; nothing may be wrong with it."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships none

    rules = {name: {"enabled": True} for name in RULES_BESIDES}
    found = Axe().run(page, options={"rules": rules}).response["violations"]
    assert [
        (item["id"], [node["target"] for node in item["nodes"]]) for item in found
    ] == []


class Visit:
    """
    One browser profile with one page.

    A test names the refusals that it provokes by ``expects``. ``close`` fails on any
    other, and on whatever else the console calls an error.
    """

    def __init__(
        self, context: BrowserContext, example: Example, screenshots: Path
    ) -> None:
        self.context = context
        self.example = example
        self.language = "en"
        self._screenshots = screenshots
        self._console: list[str] = []
        self._refused: list[str] = []
        self._expected: list[str] = []
        self._repeated: set[str] = set()
        self._blocked = 0
        self._offline = 0
        context.on("console", self._on_console)
        context.on("weberror", self._on_web_error)
        context.on("response", self._on_response)
        self.page = context.new_page()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location["url"]
            self._console.append(f"{message.text} [{self._endpoint(where)}]")

    def _on_web_error(self, error: WebError) -> None:
        self._console.append(f"Uncaught: {error.error}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self._refused.append(f"{response.status} {self._endpoint(response.url)}")

    def _endpoint(self, url: str) -> str:
        return url.removeprefix(self.example.api(""))

    def expects(self, *refusals: str) -> None:
        """Announce answers such as "400 login/", each once."""
        self._expected += refusals

    def expects_repeatedly(self, refusal: str) -> None:
        """Announce an answer that comes once at least."""
        self._repeated.add(refusal)

    def expects_blocked(self) -> None:
        """Announce an answer that the browser keeps from the page (CORS)."""
        self._blocked += 1

    def expects_offline(self) -> None:
        """Announce a request that the browser cannot send: it is offline."""
        self._offline += 1

    def close(self) -> None:
        """Leave, and check what the console said."""
        # The console may be a little behind the answers.
        deadline = time.monotonic() + 2
        announced = len(self._expected) + 2 * self._blocked + self._offline
        while len(self._console) < announced and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        self.context.close()
        assert self._repeated <= set(self._refused)
        assert self._counted(self._refused) == Counter(self._expected)
        said = self._counted([self._short(line) for line in self._console])
        blocked = ["blocked", "not loaded"] * self._blocked
        offline = ["offline"] * self._offline
        assert said == Counter(self._expected + blocked + offline)

    def _counted(self, lines: list[str]) -> Counter[str]:
        return Counter(line for line in lines if line not in self._repeated)

    def _short(self, line: str) -> str:
        """Return a line of the console as ``expects`` would have announced it."""
        if found := REFUSED.match(line):
            return f"{found[1]} {found[2]}"
        if BLOCKED.match(line):
            return "blocked"
        if NOT_LOADED.match(line):
            return "not loaded"
        if OFFLINE.match(line):
            return "offline"
        return line

    def go(self, path: str) -> None:
        """Open a page of the frontend by its address."""
        self.page.goto(self.example.frontend + path)
        self.page.locator("h1").wait_for()

    def type(self, **values: str) -> None:
        """Type into the fields of these ids."""
        for name, value in values.items():
            self.page.locator(f"#{name}").fill(value)

    def press(self, test_id: str) -> None:
        """Click on what carries this ``data-testid``."""
        self.page.get_by_test_id(test_id).click()

    def submit(self, **values: str) -> None:
        """Type into the fields and send the form."""
        self.type(**values)
        self.press("submit")

    def follow(self, key: str) -> None:
        """Click on the link or button of the page that says ``key``."""
        self.page.locator("main").get_by_text(self.text(key), exact=True).click()

    def text(self, key: str, **params: str) -> str:
        """Return the sentence ``key`` in the language of this visit."""
        return sentence(key, self.language, **params)

    def sees(self, test_id: str, key: str, **params: str) -> None:
        """Wait until what carries this ``data-testid`` says ``key``."""
        self.reads(test_id, self.text(key, **params))

    def reads(self, test_id: str, text: str) -> None:
        """Wait until what carries this ``data-testid`` contains ``text``."""
        from playwright.sync_api import expect

        expect(self.page.get_by_test_id(test_id)).to_contain_text(text)

    def is_on(self, path: str, title: str) -> None:
        """Wait until the page of ``path`` is shown, under the heading ``title``."""
        from playwright.sync_api import expect

        expect(self.page).to_have_url(re.compile(f"{re.escape(path)}/?$"))
        expect(self.page.locator("h1")).to_have_text(self.text(title))

    def screenshot(self, name: str) -> None:
        """Keep what the page looks like; nothing may need scrolling sideways."""
        has_frame = bool(self.page.locator("iframe").count())
        if has_frame:
            self.page.frame_locator("iframe").get_by_role("link").first.wait_for()
            # Chromium draws a frame only when it has been in sight. Not to be scrolled
            # from inside: that leaves Playwright's listeners there, and the sandbox
            # says at the next click, in the console, that it blocked them.
            self.page.locator("iframe").scroll_into_view_if_needed()
        assert self.page.evaluate(OVERFLOW) <= 0
        # The pages of the two modes look the same.
        if self.example.mode == "sessions":
            file = self._screenshots / f"{name}.png"
            # A full page resizes the window for a moment, after which Chromium may
            # leave the frame blank and deaf to clicks. What lies behind a dialog goes
            # as far as the window does.
            full = not (has_frame or self.page.locator("dialog").count())
            self.page.screenshot(path=file, full_page=full, animations="disabled")

    def check_accessibility(self) -> None:
        """Let axe look at the page; nothing may be wrong with it."""
        check_accessibility(self.page)

    # Flows that other tests begin with.

    def register(self, person: Person) -> None:
        """Fill in the form and wait for the page that says that a mail is coming."""
        self.go("/auth/register")
        self.type(email=person.email, username=person.username)
        self.type(password=person.password, password2=person.password)
        self.sees("errors-password", "field.password_good")
        self.press("submit")
        self.sees("status", "register.done", email=person.email)

    def open_mail(self, number: int = 1) -> None:
        """Show the ``number``-th newest mail of the outbox."""
        self.go("/outbox")
        self.page.get_by_test_id("outbox-item").nth(number - 1).click()

    def click_link_in_html(self) -> None:
        """Click on the button of the mail that is shown."""
        mail = self.page.frame_locator("[data-testid=outbox-html]")
        link = mail.get_by_role("link").first
        outbox = self.page.url
        # A busy Chromium may drop a click into a frame that it is laying out.
        for _ in range(3):
            link.click()
            deadline = time.monotonic() + 3
            while self.page.url == outbox and time.monotonic() < deadline:
                self.page.wait_for_timeout(50)
            if self.page.url != outbox:
                return

    def click_link_in_text(self) -> None:
        """Click on the address in the plain text that is shown."""
        self.page.get_by_test_id("outbox-text").get_by_role("link").first.click()

    def use_link(self) -> None:
        """Click on the button of the page that a mail links to."""
        self.press("use-link")

    def open_link(self, letter_link: str) -> None:
        """Open the address of a letter, as a mail program does."""
        self.page.goto(letter_link)
        self.page.locator("h1").wait_for()

    def ask_for_an_account(self, person: Person) -> Letter:
        """Register without the page, which has its own tests; return the mail."""
        data = {
            "email": person.email,
            "username": person.username,
            "password": person.password,
        }
        url = self.example.api("register/")
        assert self.context.request.post(url, data=data).status == 201
        return self.example.post_office.letter_to(person.email)

    def become_member(self, person: Person) -> None:
        """Register and activate without the pages."""
        link = self.ask_for_an_account(person).link
        data = dict(parse_qsl(urlsplit(link).query))
        url = self.example.api("activate_email/")
        assert self.context.request.post(url, data=data).status == 200

    def log_in(self, person: Person) -> None:
        self.go("/auth/login")
        self.submit(ident=person.username, password=person.password)
        self.is_on("/auth/profile", "profile.title")
        self.reads("profile-email", person.email)

    def open_account(self) -> None:
        """Show the account page of the user who is logged in."""
        self.go("/auth/account")
        self.is_on("/auth/account", "account.title")

    def confirm(self, password: str, refusal: str | None = None) -> None:
        """Give the dialog the password it asks for; it closes, or says ``refusal``."""
        self.reads("dialog", self.text("confirm.title"))
        self.type(password=password)
        self.press("confirm-submit")
        if refusal is None:
            self.has_no_dialog()
        else:
            self.sees("errors-password", refusal)

    def has_no_dialog(self) -> None:
        """Wait until no dialog is open."""
        from playwright.sync_api import expect

        expect(self.page.get_by_test_id("dialog")).to_have_count(0)

    def origins_differ(self) -> bool:
        """Tell whether the page and the API it talks to are of two origins."""
        page = urlsplit(self.page.url)
        host = urlsplit(self.example.host)
        return (page.scheme, page.netloc) != (host.scheme, host.netloc)
