"""A minimal HTTP client that sends what a frontend sends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from threading import Barrier
from typing import Any, TypeVar

API = "api/v1/auth/"
PATIENCE = 60

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: Any


class Client:
    """Sends requests to the project on ``port``, each by a new connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}
        self._csrf = ""

    def get(self, path: str) -> Answer:
        return self.request("GET", path, None)

    def post(self, endpoint: str, data: Mapping[str, Any]) -> Answer:
        return self.prepared_post(endpoint, data)()

    def me(self) -> Any:
        """Return the user that ``me/`` shows, or None; keep the CSRF token."""
        return self.get(f"{API}me/").body["user"]

    def another_tab(self) -> Client:
        """Return a client with the same session, which goes its own ways from now."""
        tab = Client(self._port)
        tab._cookies, tab._csrf = dict(self._cookies), self._csrf
        return tab

    def prepared_update(self, data: Mapping[str, Any]) -> Callable[[], Answer]:
        return self.prepared("PATCH", f"{API}me/", data)

    def log_in(self, ident: str, password: str) -> Answer:
        """Post to ``login/``, with the CSRF token that ``me/`` gave the first time."""
        if not self._csrf:
            self.me()
        return self.post("login", {"ident": ident, "password": password})

    def prepared_post(
        self, endpoint: str, data: Mapping[str, Any]
    ) -> Callable[[], Answer]:
        return self.prepared("POST", f"{API}{endpoint}/", data)

    def request(self, method: str, path: str, data: Any) -> Answer:
        return self.prepared(method, path, data)()

    def headers(self) -> dict[str, str]:
        """Return what shows the session and its CSRF token, once there are any."""
        if not self._cookies:
            return {}
        cookies = "; ".join(f"{k}={v}" for k, v in self._cookies.items())
        return {"Cookie": cookies, "X-CSRFToken": self._csrf}

    def prepared(self, method: str, path: str, data: Any) -> Callable[[], Answer]:
        """Connect, and return what sends the request and reads the answer."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        connection.connect()
        headers = {"Content-Type": "application/json", **self.headers()}

        def send() -> Answer:
            connection.request(method, f"/{path}", json.dumps(data), headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            body = None
            if answer.status != 204:
                assert answer.headers["Content-Type"] == "application/json", content
                body = json.loads(content)
            for cookie in answer.headers.get_all("Set-Cookie", []):
                name, _, value = cookie.split(";")[0].partition("=")
                self._cookies[name] = value
            if isinstance(body, dict):
                self._csrf = body.get("csrf", self._csrf)
            return Answer(answer.status, answer.headers, body)

        return send


def at_once(actions: Iterable[Callable[[], T]]) -> list[T]:
    """Start ``actions`` at the same moment, one thread each; return their results."""
    actions = list(actions)
    barrier = Barrier(len(actions))

    def start(action: Callable[[], T]) -> T:
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(start, actions))


def race(port: int, endpoint: str, bodies: Iterable[Mapping[str, Any]]) -> list[Answer]:
    """Post ``bodies`` to ``endpoint`` at the same moment."""
    return at_once([Client(port).prepared_post(endpoint, body) for body in bodies])
