"""The guides' frontends: compiled, bundled, and used in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from ..client.conftest import run
from . import frontends
from .conftest import running_example
from .pages import blocks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

API = "https://api.example.com"
# A user that the example prints when it starts.
EMAIL = "demo@example.com"
PASSWORD = "walk-in-the-park-7"
REFUSED = (
    "The user name, e-mail address or password is wrong, or the account is not active."
)
# The guides call an endpoint of the reader's own. This one needs a session and a token
# as well.
ORDER = {
    "/api/v1/orders/": "/api/v1/auth/confirm_password/",
    "{ item: 7 }": f'{{ password: "{PASSWORD}" }}',
}
WITH_PAGES = ["angular", "react", "svelte", "vue"]
# The script of the example's page, which makes room for the guide's.
SCRIPT = """document.body.innerHTML =
  '<div id="app"><shop-app></shop-app><shop-activation></shop-activation></div>';
globalThis.guide = await import("/guide/page.js");
"""


@dataclass(frozen=True)
class Example:
    """The running example: the ports of both origins, and the folder of its data."""

    project: int
    frontend: int
    data: Path

    def register(self, email: str) -> str:
        """Register ``email`` from elsewhere, and return the link of the mail."""
        request = Request(  # of this machine
            f"http://localhost:{self.project}/api/v1/auth/register/",
            json.dumps({"email": email, "password": PASSWORD}).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request) as answer:  # noqa: S310  # of this machine
            assert answer.status == 201
        for file in (self.data / "outbox").iterdir():
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
            if mail["To"] == email:
                text = mail.get_body(("plain",))
                assert text is not None
                [link] = re.findall(r"http\S+&token=\S+", text.get_content())
                return str(link)
        pytest.fail(f"no mail to {email}")


@dataclass
class Visit:
    """A guide's frontend in a browser; ``posts`` are the endpoints it sent to."""

    page: Page
    origin: str
    posts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.origin + path)

    def sees(self, text: str) -> Locator:
        from playwright.sync_api import expect

        found = self.page.get_by_text(text, exact=True).filter(visible=True)
        expect(found.first).to_be_visible()
        return found

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def log_in(self, password: str) -> None:
        self.page.get_by_label("E-mail").fill(EMAIL)
        self.page.get_by_label("Password").fill(password)
        self.press("Log in")


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    folder = tmp_path_factory.mktemp("beside")
    with running_example(folder) as (project, frontend):
        yield Example(project, frontend, folder / "data")


@dataclass
class Frontend:
    """The frontend of a guide: what its compiler says, and the bundle."""

    said: str
    bundle: str


@pytest.fixture(scope="module")
def built(compilers: Path, beside: Example) -> Callable[[str], Frontend]:
    """Return a function that builds the frontend of a guide, once."""

    def to_the_example(code: str) -> str:
        for shown, real in ORDER.items():
            code = code.replace(shown, real)
        return code.replace(API, f"http://localhost:{beside.project}")

    @cache
    def build(name: str) -> Frontend:
        project = frontends.write(name, compilers, to_the_example)
        # Angular's compiler makes what is bundled.
        return Frontend(frontends.check(name, project), frontends.bundle(project))

    return build


@pytest.fixture
def visit(
    request: pytest.FixtureRequest,
    beside: Example,
    built: Callable[[str], Frontend],
    browser: Browser,
) -> Iterator[Visit]:
    code = built(request.param).bundle

    def serve(route: Route) -> None:
        is_first = route.request.url.endswith("/main.js")
        route.fulfill(body=SCRIPT if is_first else code, content_type="text/javascript")

    # The example's policy allows no eval(), with which Angular's compiler links.
    with browser.new_context(bypass_csp=True, locale="en-US") as context:
        page = context.new_page()
        visit = Visit(page, f"http://localhost:{beside.frontend}")
        page.on("pageerror", lambda error: visit.problems.append(str(error)))
        page.on(
            "request",
            lambda sent: (
                visit.posts.append(urlsplit(sent.url).path.split("/")[-2])
                if sent.method == "POST"
                else None
            ),
        )
        page.route("**/js/main.js", serve)
        page.route("**/guide/page.js", serve)
        yield visit
        assert visit.problems == []


def each(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("visit", names, indirect=True)


def test_the_compilers_are_pinned() -> None:
    manifest = json.loads(frontends.MANIFEST.read_text("utf-8"))
    for name, version in manifest["dependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name


@pytest.mark.parametrize("name", frontends.GUIDES)
def test_the_files_of_a_guide_compile(
    name: str, built: Callable[[str], Frontend]
) -> None:
    assert built(name).said == ""


def test_a_mistake_in_a_guide_is_seen(compilers: Path) -> None:
    project = frontends.write(
        "axios",
        compilers / "mistaken",
        lambda code: code.replace("result.data.user", "result.data.account"),
    )
    (project.parent / "node_modules").symlink_to(compilers / "node_modules")
    assert "Property 'account' does not exist" in frontends.check("axios", project)


def test_the_calls_of_the_page_about_sentences_return_what_it_shows(
    compilers: Path,
) -> None:
    [block] = (it for it in blocks("howto/sentences.rst") if it.path == "src/texts.ts")
    # The comment above a call is what it returns.
    shown = re.compile(r"^// (\{.*\})\n(messages\(.*\));$", re.MULTILINE)
    code, calls = shown.subn(
        r"console.log(JSON.stringify(\1) === JSON.stringify(\2));", block.code
    )
    assert calls == 1
    last = "message("
    assert code.count(f"\n{last}") == 1
    code = code.replace(f"\n{last}", f"\nconsole.log({last}").rstrip(";\n") + ");\n"
    script = compilers / "texts.js"
    script.write_text(code, encoding="utf-8")
    ended = run(["node", script], compilers)
    assert ended.stdout == "true\nIhre Wunschliste ist voll.\n", ended.stderr


@each(*WITH_PAGES)
def test_a_user_logs_in_is_told_why_not_and_logs_out(visit: Visit) -> None:
    visit.open()
    visit.log_in("")
    visit.sees("Please fill in this field.")
    visit.log_in("not-the-password")
    visit.sees(REFUSED)
    visit.log_in(PASSWORD)
    visit.sees(f"You are {EMAIL}.")
    visit.page.reload()
    visit.sees(f"You are {EMAIL}.")
    visit.press("Order")
    visit.sees("Ordered.")
    visit.press("Log out")
    visit.page.get_by_role("button", name="Log in").wait_for()


@each(*WITH_PAGES)
def test_a_user_whose_session_has_ended_is_asked_to_log_in(visit: Visit) -> None:
    visit.open()
    visit.log_in(PASSWORD)
    visit.sees(f"You are {EMAIL}.")
    visit.page.context.clear_cookies()
    visit.press("Order")
    visit.sees("Your session has ended. Please log in again.")
    visit.log_in(PASSWORD)
    visit.sees(f"You are {EMAIL}.")


@each(*WITH_PAGES)
def test_a_link_is_used_by_a_click_and_not_before(
    visit: Visit, beside: Example, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["visit"]
    link = beside.register(f"{name}@example.com")
    visit.page.goto(link)
    button = visit.page.get_by_role("button", name="Activate my account")
    button.wait_for()
    assert "token" not in visit.page.url
    assert "activate_email" not in visit.posts
    # The backend asks for more than the link, which a mail scanner has as well.
    button.click()
    visit.page.get_by_label("Password").fill(PASSWORD)
    button.click()
    visit.sees("Log in")
    assert visit.posts.count("activate_email") == 2
    visit.page.goto(link)
    visit.sees("Log in")
    visit.open("/auth/activation/?ident=x&token=y")
    visit.sees("This link is wrong or too old.")
    assert visit.posts.count("activate_email") == 2


@each("angular")
def test_requests_of_http_client_carry_the_session(visit: Visit) -> None:
    visit.open()
    visit.log_in(PASSWORD)
    visit.press("Order by HttpClient")
    visit.sees("Ordered by HttpClient.")
    visit.page.context.clear_cookies()
    visit.press("Order by HttpClient")
    visit.page.get_by_role("button", name="Log in").wait_for()


@each("vue")
def test_the_guard_sends_an_anonymous_user_to_the_login_page(visit: Visit) -> None:
    visit.open()
    visit.page.wait_for_function("globalThis.guide")
    goals = visit.page.evaluate(
        """async ([ident, password]) => {
            const { auth, guard } = globalThis.guide;
            const to = { fullPath: "/orders?page=2", meta: { needsUser: true } };
            const first = await guard(to);
            const open = await guard({ fullPath: "/", meta: {} });
            await auth.login({ ident, password });
            return [first, open, await guard(to)];
        }""",
        [EMAIL, PASSWORD],
    )
    login = {"name": "login", "query": {"next": "/orders?page=2"}}
    assert goals == [login, True, True]


@each("axios")
def test_requests_of_axios_carry_the_session(visit: Visit) -> None:
    visit.open()
    visit.page.wait_for_function("globalThis.guide")
    said = visit.page.evaluate(
        """async ([email, password]) => {
            const { auth, api, logIn } = globalThis.guide;
            const users = [];
            auth.subscribe((user) => users.push(user && user.email));
            const order = () =>
                api.post("auth/confirm_password/", { password })
                    .then(({ status }) => status, ({ response }) => response.status);
            const anonymous = await order();
            const refused = await logIn(email, "not-the-password");
            const greeting = await logIn(email, password);
            const ordered = await order();
            await auth.logout();
            const after = await order();
            return { anonymous, refused, greeting, ordered, after, users };
        }""",
        [EMAIL, PASSWORD],
    )
    assert said == {
        "anonymous": 403,
        "refused": REFUSED,
        "greeting": f"You are {EMAIL}.",
        "ordered": 200,
        "after": 403,
        "users": [None, EMAIL, None],
    }
