"""The modules of ``howto/axios.rst`` and ``howto/vue.rst`` with the real libraries."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import insist, running_example
from .pages import ROOT, blocks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

API = "https://api.example.com"
# A user that the example prints when it starts.
LOGIN = '"demo@example.com", "walk-in-the-park-7"'
# The file of each package that a browser can import as it is.
LIBRARIES = {
    "axios": "dist/esm/axios.min.js",
    "vue": "dist/vue.esm-browser.prod.js",
}


@dataclass(frozen=True)
class Frontend:
    """A page on the frontend's origin, which can import a guide's modules."""

    page: Page

    def run(self, code: str) -> Any:
        """Run ``code`` with ``account``, the module of that name; return its value."""
        return self.page.evaluate(
            f"""async () => {{
                const account = await import("/guide/account.js");
                {code}
            }}"""
        )


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fetch the libraries and return the folder of the packages."""
    npm = shutil.which("npm")
    insist(*(["npm"] if npm is None else []))
    assert npm is not None
    folder = tmp_path_factory.mktemp("npm")
    subprocess.run(  # noqa: S603  # the path of npm, and names of packages
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *LIBRARIES],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "node_modules"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Run the example and return the ports of the project and of the frontend."""
    with running_example(tmp_path_factory.mktemp("example")) as ports:
        yield ports


def served(code: str, project: int) -> str:
    """Return a module that asks the example and imports what is served here."""
    code = code.replace(API, f"http://localhost:{project}")
    for name in LIBRARIES:
        code = code.replace(f'from "{name}"', f'from "/guide/{name}.js"')
    return code


def readme_module(project: int) -> str:
    """Return the README's lines for axios, as a module that exports ``api``."""
    text = (ROOT / "README.rst").read_text("utf-8")
    lines = text.partition("    import axios")[2].partition("\n    await api.get")[0]
    code = dedent(f"    import axios{lines}\n")
    return served(code.replace("const api", "export const api"), project)


@pytest.fixture
def frontend(
    request: pytest.FixtureRequest,
    browser: Browser,
    libraries: Path,
    example: tuple[int, int],
) -> Iterator[Frontend]:
    project, port = example
    files = {
        f"{name}.js": (libraries / name / path).read_text("utf-8")
        for name, path in LIBRARIES.items()
    }
    for block in blocks(request.param):
        if block.language == "javascript":
            files[Path(block.path).name] = served(block.code, project)
    files["readme.js"] = readme_module(project)

    def serve(route: Route) -> None:
        name = route.request.url.rpartition("/guide/")[2]
        route.fulfill(body=files[name], content_type="text/javascript")

    with browser.new_context() as context:
        page = context.new_page()
        page.route("**/guide/*", serve)
        # A page that never came over the network may not ask this machine anything.
        # And its own first request must not race with the guide's for the cookie.
        page.goto(f"http://localhost:{port}/", wait_until="networkidle")
        yield Frontend(page)


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
def test_the_lines_of_the_readme_log_in_and_out(frontend: Frontend) -> None:
    ident, password = LOGIN.split(", ")
    statuses = frontend.run(
        f"""
        const {{ api }} = await import("/guide/readme.js");
        const first = await api.get("me/");
        const login = await api.post(
            "login/", {{ ident: {ident}, password: {password} }});
        const logout = await api.post("logout/", {{}});
        return [first.status, login.data.user.email, logout.status];
        """
    )
    assert statuses == [200, "demo@example.com", 200]


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


@pytest.mark.parametrize("frontend", ["howto/vue.rst"], indirect=True)
def test_the_vue_module_keeps_one_user_for_all_components(frontend: Frontend) -> None:
    states = frontend.run(
        f"""
        const vue = await import("/guide/vue.js");
        const states = [];
        vue.watch(
            account.user, (user) => states.push(user && user.email),
            {{ flush: "sync" }});
        await account.load();
        const refusal = await account.login("demo@example.com", "no").catch((e) => e);
        states.push(refusal.non_field_errors[0]);
        await account.login({LOGIN});
        await account.logout();
        return states;
        """
    )
    assert states == [None, "invalid_credentials", "demo@example.com", None]


@pytest.mark.parametrize("frontend", ["howto/vue.rst"], indirect=True)
def test_the_guard_sends_an_anonymous_user_to_the_login_page(
    frontend: Frontend,
) -> None:
    goals = frontend.run(
        f"""
        const {{ guard }} = await import("/guide/guard.js");
        const to = {{ fullPath: "/orders?page=2", meta: {{ needsUser: true }} }};
        const first = await guard(to);
        const open = await guard({{ fullPath: "/", meta: {{}} }});
        await account.login({LOGIN});
        return [first, open ?? "goes on", (await guard(to)) ?? "goes on"];
        """
    )
    login = {"name": "login", "query": {"next": "/orders?page=2"}}
    assert goals == [login, "goes on", "goes on"]
