"""Visitors of a site behind a TLS proxy, each with an IP address of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any

from ..conftest import PASSWORD

OURS = "api/v1/auth/"
BY_HAND = "by-hand/"
SITE = {
    "Host": "api.example.com",
    "X-Forwarded-Proto": "https",
    "Origin": "https://app.example.com",
    "Content-Type": "application/json",
}
JSON = "application/json"
_addresses = count(1)


@dataclass(frozen=True)
class Answer:
    """What came back; ``status`` is 0 where the server has dropped the connection."""

    to: str
    status: int
    content_type: str
    body: Any
    seconds: float

    @property
    def is_down(self) -> bool:
        """Whether this is the documented answer while a service is down."""
        # The example sends parameters beside its codes.
        codes = self.body | {"params": None} if isinstance(self.body, dict) else None
        expected = {"error": "service_unavailable", "params": None}
        return (self.status, codes) == (503, expected)


class Visitor:
    """A browser with an IP address of its own, so that nobody shares its limits."""

    def __init__(self, port: int, prefix: str = OURS) -> None:
        self._port = port
        self._prefix = prefix
        number = next(_addresses)
        self._address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self._cookies: dict[str, str] = {}
        self._csrf = ""

    def get(self, endpoint: str) -> Answer:
        return self.request("GET", f"{self._prefix}{endpoint}/")

    def post(self, endpoint: str, data: Any) -> Answer:
        return self.request("POST", f"{self._prefix}{endpoint}/", data)

    def request(self, method: str, path: str, data: Any = None) -> Answer:
        headers = {**SITE, "X-Forwarded-For": self._address, "X-CSRFToken": self._csrf}
        if self._cookies:
            pairs = (f"{name}={value}" for name, value in self._cookies.items())
            headers["Cookie"] = "; ".join(pairs)
        start = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, f"/{path}", json.dumps(data), headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException) as error:
            return Answer(path, 0, "", repr(error), time.perf_counter() - start)
        finally:
            connection.close()
        seconds = time.perf_counter() - start
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.split(";")[0].partition("=")
            self._cookies[name] = value
        kind = response.headers.get("Content-Type", "")
        body = json.loads(content) if kind == JSON else content[:80]
        if isinstance(body, dict):
            self._csrf = body.get("csrf", self._csrf)
        return Answer(path, response.status, kind, body, seconds)

    def visit(self, name: str) -> list[Answer]:
        """Come, log in, look and log out."""
        login = {"ident": f"{name}@example.com", "password": PASSWORD}
        answers = [self.get("me"), self.post("login", login), self.get("me")]
        assert answers[1].status != 200 or answers[1].body["user"]["username"] == name
        return [*answers, self.post("logout", {})]


def together(people: Iterable[str], visit: Callable[[str], list[Answer]]) -> list[Any]:
    """Let ``people`` make their visits at the same time; return all answers."""
    people = list(people)
    with ThreadPoolExecutor(len(people)) as pool:
        return [answer for answers in pool.map(visit, people) for answer in answers]
