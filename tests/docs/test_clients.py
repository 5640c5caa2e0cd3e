"""What ``howto/axios.rst`` and the README have for a page without the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from .pages import ROOT, blocks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

API = "https://api.example.com"
# A user that the example prints when it starts.
LOGIN = '"demo@example.com", "walk-in-the-park-7"'
# The file of each package that a browser can import as it is.
LIBRARIES = {
    "axios": "dist/esm/axios.min.js",
    "django-ai-kit-auth": "dist/django-ai-kit-auth.js",
    "django-ai-kit-auth/messages": "dist/messages.js",
    "django-ai-kit-auth/messages/en": "dist/messages/en.js",
}


@dataclass(frozen=True)
class Frontend:
    """A page on the frontend's origin, which can import a guide's modules."""

    page: Page
    files: dict[str, str]

    def run(self, code: str) -> Any:
        """Run ``code`` with ``account``, the module of that name; return its value."""
        return self.page.evaluate(
            f"""async () => {{
                const account = await import("/guide/account.js");
                {code}
            }}"""
        )


def served(code: str, project: int) -> str:
    """Return a module that asks the example and imports what is served here."""
    code = code.replace(API, f"http://localhost:{project}")
    for name in LIBRARIES:
        code = code.replace(f'from "{name}"', f'from "/guide/{name}.js"')
    return code


def readme_module(project: int) -> str:
    """Return the README's lines for the npm package, as a module."""
    text = (ROOT / "README.rst").read_text("utf-8")
    lines = text.partition("    import { createClient")[2].partition("\n    // ")[0]
    code = dedent(f"    import {{ createClient{lines}\n")
    return served(code, project)


@pytest.fixture
def frontend(
    request: pytest.FixtureRequest,
    browser: Browser,
    compilers: Path,
    example: tuple[int, int],
) -> Iterator[Frontend]:
    project, port = example
    files = {
        f"{name}.js": (
            compilers / "node_modules" / name.partition("/")[0] / path
        ).read_text("utf-8")
        for name, path in LIBRARIES.items()
    }
    for block in blocks(request.param):
        if block.language == "javascript":
            files[Path(block.path).name] = served(block.code, project)
    files["readme.js"] = readme_module(project)

    def serve(route: Route) -> None:
        name = route.request.url.rpartition("/guide/")[2].partition("?")[0]
        route.fulfill(body=files[name], content_type="text/javascript")

    with browser.new_context() as context:
        page = context.new_page()
        page.route("**/guide/**", serve)
        # A page that never came over the network may not ask this machine anything.
        # And its own first request must not race with the guide's for the cookie.
        page.goto(f"http://localhost:{port}/", wait_until="networkidle")
        yield Frontend(page, files)


@pytest.mark.parametrize("frontend", ["howto/axios.rst"], indirect=True)
def test_the_axios_module_leads_through_login_and_logout(frontend: Frontend) -> None:
    before, user, after, left = frontend.run(
        f"""
        const before = await account.me();
        const user = await account.login({LOGIN});
        const after = await account.me();
        await account.logout();
        return [before, user.email, after.email, await account.me()];
        """
    )
    assert (before, user, after, left) == (
        None,
        "demo@example.com",
        "demo@example.com",
        None,
    )


@pytest.mark.parametrize("frontend", ["howto/axios.rst"], indirect=True)
def test_the_lines_of_the_readme_say_what_it_shows(frontend: Frontend) -> None:
    text = (ROOT / "README.rst").read_text("utf-8")
    [sentence] = re.findall(r"^    // (The user name.*)$", text, re.MULTILINE)
    said: list[str] = []
    frontend.page.on("console", lambda message: said.append(message.text))
    frontend.run('await import("/guide/readme.js");')
    frontend.files["readme.js"] = (
        frontend.files["readme.js"]
        .replace('"ada@example.com"', LOGIN.split(", ")[0])
        .replace('"…"', LOGIN.split(", ")[1])
    )
    frontend.run('await import("/guide/readme.js?again");')
    assert [line for line in said if "status of 400" not in line] == [
        sentence,
        "Welcome, demo!",
    ]


@pytest.mark.parametrize("frontend", ["howto/axios.rst"], indirect=True)
def test_a_stale_token_is_replaced_without_the_user_noticing(
    frontend: Frontend,
) -> None:
    """Neither the first request needs one, nor one after a login in another tab."""
    seen: list[str] = []
    frontend.page.on(
        "response",
        lambda answer: seen.append(f"{answer.request.method} {answer.status}"),
    )
    user = frontend.run(f"return (await account.login({LOGIN})).email;")
    assert user == "demo@example.com"
    assert [line for line in seen if line.startswith("POST")] == [
        "POST 403",
        "POST 200",
    ]


@pytest.mark.parametrize("frontend", ["howto/axios.rst"], indirect=True)
def test_a_refusal_comes_as_codes_and_is_not_sent_again(frontend: Frontend) -> None:
    codes = frontend.run(
        """
        const refusal = await account.login("demo@example.com", "").catch((e) => e);
        return [account.codesOf(refusal), account.codesOf(new Error("offline"))];
        """
    )
    assert codes == [{"password": ["blank"]}, {"error": ["no_answer"]}]
