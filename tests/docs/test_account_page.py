"""The script of ``howto/account-page.rst``, in a real browser against the example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..extras import missing_modules
from .conftest import insist, running_example
from .pages import blocks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGE = "howto/account-page.rst"
HOST = "https://api.example.com"
# Those that the example prints when it starts.
PASSWORD = "walk-in-the-park-7"
OTHER_PASSWORD = "a-walk-by-the-lake-9"


@dataclass(frozen=True)
class Reader:
    """A user's page on the frontend's origin, with the script of the page."""

    script: str
    page: Page

    def run(self, code: str) -> Any:
        """Run ``code``, which calls what the script exports, and return its value."""
        script = self.script.replace("export ", "")
        return self.page.evaluate(
            f"""async () => {{
                {script}
                let asked = 0;
                const ask = async () => {{ asked += 1; return "{PASSWORD}"; }};
                try {{
                    await call("GET", "auth/me/");
                    await call("POST", "auth/login/", {{
                        ident: "demo@example.com", password: "{PASSWORD}",
                    }});
                    {code}
                }} catch (answer) {{
                    // A browser shows an object that is thrown without what it holds.
                    throw answer instanceof Error ? answer
                        : new Error(JSON.stringify(answer));
                }}
            }}"""
        )


@pytest.fixture
def reader(browser: Browser, tmp_path: Path) -> Iterator[Reader]:
    insist(*missing_modules("drf_spectacular"))
    (script,) = (block.code for block in blocks(PAGE) if block.language == "javascript")
    assert HOST in script
    with running_example(tmp_path) as (host, frontend), browser.new_page() as page:
        # The frontend asks for the user when it starts. Two requests without a cookie
        # get two CSRF tokens, and the later answer would make ours wrong.
        with page.expect_request_finished(lambda sent: sent.url.endswith("/me/")):
            page.goto(f"http://localhost:{frontend}/")
        yield Reader(script.replace(HOST, f"http://localhost:{host}"), page)


def test_the_password_is_asked_for_when_the_host_wants_it(reader: Reader) -> None:
    """Once for all that a fresh session may do, and always to log the others out."""
    guessed, times, asked, user, again = reader.run(
        f"""
        const refused = (refusal) => refusal;
        const guessed = await leave(async () => "guessed").catch(refused);

        const times = [];
        const send = async (endpoint, fields = {{}}) => {{
            await proven(
                (proof) => call("POST", endpoint, {{ ...fields, ...proof }}), ask);
            times.push(asked);
        }};
        await send("auth/logout_others/");
        await send("auth/logout_others/");
        await send("auth/change_email/", {{ email: "demo@example.org" }});
        await send("auth/change_password/", {{ new_password: "{OTHER_PASSWORD}" }});

        await leave(ask);
        const {{ user }} = await call("GET", "auth/me/");
        const login = {{ ident: "demo@example.com", password: "{OTHER_PASSWORD}" }};
        const again = await call("POST", "auth/login/", login).catch(refused);
        return [guessed, times, asked, user, again];
        """
    )
    assert guessed == {"password": ["invalid_credentials"]}
    assert (times, asked) == ([1, 2, 2, 2], 2)
    assert user is None
    assert again == {"non_field_errors": ["invalid_credentials"]}
