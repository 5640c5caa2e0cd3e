"""CORS and CSRF in a browser: what other origins may do."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from .example import DEMO_USER, Example
from .visit import Visit

pytestmark = pytest.mark.user_model("auth_user")

READ = """async (url) => {
    const answer = await fetch(url, {credentials: "include"});
    return {status: answer.status, body: await answer.json()};
}"""
POST = """async ([url, headers, body]) => {
    const options = {method: "POST", credentials: "include", headers};
    const answer = await fetch(url, {...options, body: JSON.stringify(body)});
    return {status: answer.status, body: await answer.json()};
}"""
# A request that a form could make: the browser sends it without a preflight.
POST_BLINDLY = """async ([url, body]) => {
    const fields = new URLSearchParams(body);
    const options = {method: "POST", mode: "no-cors", credentials: "include"};
    return (await fetch(url, {...options, body: fields})).type;
}"""
WRONG = "x" * 64
JSON = {"Content-Type": "application/json"}
LOGIN = {"ident": DEMO_USER.username, "password": DEMO_USER.password}


class ForeignPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>Foreign</title><h1>Foreign</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def foreign_origin() -> Iterator[str]:
    """Serve a page from an origin that the project does not allow."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ForeignPage) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_frontend_reads_across_origins(visit: Visit, example: Example) -> None:
    visit.log_in(DEMO_USER)
    assert visit.origins_differ()
    answer = visit.page.evaluate(READ, example.api("me/"))
    assert answer["body"]["user"]["email"] == DEMO_USER.email


def test_a_login_without_a_token_is_refused(visit: Visit, example: Example) -> None:
    visit.go("/auth/login")
    login = example.api("login/")
    for headers in (JSON, {**JSON, "X-CSRFToken": ""}, {**JSON, "X-CSRFToken": WRONG}):
        visit.expects("403 login/")
        answer = visit.page.evaluate(POST, [login, headers, LOGIN])
        assert answer == {"status": 403, "body": {"error": "csrf_failed"}}
    me = visit.page.evaluate(READ, example.api("me/"))["body"]
    assert me["user"] is None

    headers = {**JSON, "X-CSRFToken": me["csrf"]}
    answer = visit.page.evaluate(POST, [login, headers, LOGIN])
    assert answer["status"] == 200


def test_a_logout_without_a_token_is_refused(visit: Visit, example: Example) -> None:
    visit.log_in(DEMO_USER)
    visit.expects("403 logout/")
    answer = visit.page.evaluate(POST, [example.api("logout/"), JSON, {}])
    assert answer == {"status": 403, "body": {"error": "csrf_failed"}}
    assert visit.page.evaluate(READ, example.api("me/"))["body"]["user"] is not None


def test_a_foreign_origin_gets_nothing(
    visit: Visit, example: Example, foreign_origin: str
) -> None:
    """The browser sends the user's session with the request, but shows no answer."""
    from playwright.sync_api import Error

    visit.log_in(DEMO_USER)
    visit.page.goto(foreign_origin)
    visit.expects_blocked()
    with pytest.raises(Error, match="TypeError: Failed to fetch"):
        visit.page.evaluate(READ, example.api("me/"))
    visit.expects_blocked()
    with pytest.raises(Error, match="TypeError: Failed to fetch"):
        visit.page.evaluate(POST, [example.api("login/"), JSON, LOGIN])


def test_a_form_of_a_foreign_origin_cannot_log_anybody_in(
    visit: Visit, example: Example, foreign_origin: str
) -> None:
    visit.page.goto(foreign_origin)
    visit.expects("403 login/")
    posted = [example.api("login/"), LOGIN]
    assert visit.page.evaluate(POST_BLINDLY, posted) == "opaque"
    visit.go("/auth/profile")
    visit.sees("status", "login.needed")


def test_a_form_of_a_foreign_origin_cannot_log_anybody_out(
    visit: Visit, example: Example, foreign_origin: str
) -> None:
    visit.log_in(DEMO_USER)
    visit.page.goto(foreign_origin)
    visit.expects("403 logout/")
    visit.page.evaluate(POST_BLINDLY, [example.api("logout/"), {}])
    visit.go("/auth/profile")
    visit.reads("profile-email", DEMO_USER.email)
