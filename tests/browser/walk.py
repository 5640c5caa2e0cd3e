"""The doctor's requests, made by a real browser with the example's frontend."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .example import DEMO_ADMIN, DEMO_USER, Example

if TYPE_CHECKING:
    from playwright.sync_api import (
        BrowserContext,
        ConsoleMessage,
        Request,
        Response,
    )

# How a page of the frontend ends: with a user, an error, or a link to the login.
OUTCOME = (
    "[data-testid=profile-email], [data-testid=status][data-kind=error], "
    "[data-testid=status] [data-i18n='login.needed']"
)
# The request that the doctor makes, by the same headers.
LOGIN = """async ([url, token, body]) => {
    const headers = {"Content-Type": "application/json", "X-CSRFToken": token};
    const options = {method: "POST", credentials: "include", headers};
    try {
        const answer = await fetch(url, {...options, body: JSON.stringify(body)});
        await answer.text();
        return answer.status;
    } catch (error) {
        return 0;
    }
}"""
PATIENCE = 5.0
BLOCKED = "has been blocked by CORS policy: "


@dataclass(frozen=True)
class Failure:
    """
    The first step that fails for a user of the browser.

    ``step`` is the doctor's name for it. ``endpoint`` and ``status`` are those of the
    answer; the status is 0 if the browser gave the page none. ``carried`` has the names
    of the cookies of the request, ``console`` the messages of Chromium.
    """

    step: str
    endpoint: str = ""
    status: int = 0
    carried: frozenset[str] = frozenset()
    console: tuple[str, ...] = ()

    @property
    def policies(self) -> list[str]:
        """Return the sentences by which the console says what CORS blocked."""
        return [line.partition(BLOCKED)[2] for line in self.console if BLOCKED in line]


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class Walk:
    """
    One browser profile on its way through the frontend that is opened at ``frontend``.
    """

    def __init__(
        self, context: BrowserContext, example: Example, frontend: str
    ) -> None:
        self.context = context
        self.example = example
        self.frontend = frontend
        self._console: list[str] = []
        self._requests: list[Request] = []
        self.page = context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("requestfinished", self._on_request)
        self.page.on("requestfailed", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._console.append(message.text)

    def _on_request(self, request: Request) -> None:
        self._requests.append(request)

    def first_failure(self) -> Failure | None:
        """Walk until something fails; return that, or None."""
        try:
            self._walk()
        except _Failed as failed:
            return failed.failure
        return None

    def _walk(self) -> None:
        self._go("/auth/login")
        self.page.locator("h1").wait_for()
        stale = self._me("me/")["csrf"]

        self._log_in("login/")
        assert self._me("me/ after login")["user"]["email"] == DEMO_USER.email
        self._reload()
        self._me("me/ after login")

        status = self.log_in_as_the_doctor(stale)
        if status != 403:
            raise _Failed(Failure("stale token", "login/", status))

        self._enter_the_admin("admin login in the same browser")
        self._reload()
        colleague = self._me("me/ after the admin login")["user"]
        assert colleague["email"] == DEMO_ADMIN.email

        self.page.get_by_test_id("logout").click()
        self.page.locator(
            "[data-i18n='login.logged_out'], [data-kind=error]"
        ).wait_for()
        self._answers("logout/", "logout/")
        self._log_in("login/ with the token of logout/")
        self._me("login/ with the token of logout/")

    def log_in_as_the_doctor(self, token: str = "a" * 32) -> int:
        """Return the status that the page gets for the doctor's login, 0 for none."""
        body = {"ident": DEMO_USER.username, "password": DEMO_USER.password}
        login = [self.example.api("login/"), token, body]
        status: int = self.page.evaluate(LOGIN, login)
        return status

    def console(self, *, after: int = 0) -> list[str]:
        """Return what was written, which may be a little behind the answers."""
        deadline = time.monotonic() + PATIENCE
        while len(self._console) <= after and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        return self._console[after:]

    # Steps

    def _go(self, path: str) -> None:
        self._requests.clear()
        self.page.goto(self.frontend + path)

    def _reload(self) -> None:
        self._requests.clear()
        self.page.reload()
        self.page.locator(OUTCOME).first.wait_for()

    def _log_in(self, step: str) -> None:
        self._requests.clear()
        self.page.locator("#ident").fill(DEMO_USER.username)
        self.page.locator("#password").fill(DEMO_USER.password)
        self.page.get_by_test_id("submit").click()
        self.page.locator(OUTCOME).first.wait_for()
        self._answers("login/", step)

    def _me(self, step: str) -> dict[str, Any]:
        """Return the answer of ``me/``; in a step after a login it must have a user."""
        data, request = self._answers("me/", step)
        nobody = data.get("user") is None
        if nobody and step != "me/":
            raise _Failed(self._failure(step, request, 200))
        return data

    def _enter_the_admin(self, step: str) -> None:
        self._requests.clear()
        page = self.context.new_page()
        found = page.goto(f"{self.example.host}/admin/")
        assert found is not None
        if found.status == 200:
            page.locator("#id_username").fill(DEMO_ADMIN.username)
            page.locator("#id_password").fill(DEMO_ADMIN.password)
            with page.expect_navigation() as navigation:
                page.locator("[type=submit]").click()
            found = navigation.value
        if not page.locator("#user-tools").count():
            raise _Failed(self._failure(step, found.request, found.status))
        page.close()

    # Evidence

    def _answers(self, endpoint: str, step: str) -> tuple[dict[str, Any], Request]:
        """
        Return the last answer of ``endpoint`` since the step began, and its request.

        Of all requests to the API since then the first that failed ends the walk.
        """
        # The page may know an answer before Playwright does.
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = None
            for request in self._requests:
                asked = self._endpoint(request)
                if asked is None:
                    continue
                response = None if request.failure else request.response()
                status = response.status if response else 0
                if response is None or status != 200 or not _is_json(response):
                    raise _Failed(self._failure(step, request, status))
                if asked == endpoint:
                    found = response, request
            if found is not None:
                return found[0].json(), found[1]
            self.page.wait_for_timeout(20)
        raise AssertionError(f"the page did not ask {endpoint}")

    def _endpoint(self, request: Request) -> str | None:
        """Return the endpoint that the page asked, with any redirect."""
        while request.redirected_from is not None:
            request = request.redirected_from
        mark = self.example.api("")
        return request.url[len(mark) :] if request.url.startswith(mark) else None

    def _failure(self, step: str, request: Request, status: int) -> Failure:
        cookies = request.all_headers().get("cookie", "")
        carried = {part.partition("=")[0].strip() for part in cookies.split(";")}
        return Failure(
            step,
            self._endpoint(request) or "",
            status,
            frozenset(carried - {""}),
            tuple(self.console() if status != 200 else self._console),
        )


def _is_json(response: Response) -> bool:
    return "json" in response.headers.get("content-type", "")
