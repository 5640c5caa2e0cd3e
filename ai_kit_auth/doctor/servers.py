"""The servers that the doctor asks: the project in this process, or one over HTTP."""

from __future__ import annotations

import http.client
import io
import json
import ssl
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from rest_framework.settings import api_settings as drf_settings

from ..checks.origins import origin_of


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, headers in their order, and body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return every value of the header ``name``, in any case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        """Return the header ``name``, several joined by a comma; empty if missing."""
        return ", ".join(self.all(name))

    @property
    def data(self) -> dict[str, Any]:
        """Return the JSON object in the body, or an empty dict."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400 and bool(self.get("Location"))

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Server(Protocol):
    """Takes a request and returns the server's answer."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Return the answer. Raises :exc:`Unreachable`."""
        ...


class Unreachable(Exception):
    """There is no answer: no server listens there, or TLS failed."""


@contextmanager
def replaced(name: str, value: object) -> Iterator[None]:
    """Give the project's setting ``name`` another value while the block runs."""
    before = getattr(settings, name)
    setattr(settings, name, value)
    try:
        yield
    finally:
        setattr(settings, name, before)


class InProcess:
    """
    The project with all its middleware, called as a WSGI server calls it.

    If SECURE_PROXY_SSL_HEADER is set, an HTTPS request arrives as from a proxy that
    sets that header: over HTTP. ``exception`` is what the last request raised, if its
    answer is a 500. ``session_keys`` has the key of every session that an answer set,
    also of those that browsers reject.

    The constructor raises what the project's middleware raises at the start of a
    server.
    """

    exception: BaseException | None = None

    def __init__(self) -> None:
        self.session_keys: set[str] = set()
        self._handler = WSGIHandler()
        self._last: tuple[str, str, Mapping[str, str], bytes] = ("GET", "", {}, b"")
        self._answered = Answer(500, (), b"")

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        self._last = (method, url, headers, body)
        self._answered = self._send(*self._last)
        return self._answered

    def answering_middleware(self) -> str | None:
        """
        Return the entry of MIDDLEWARE that gave the last answer instead of a view.

        This sends the request again several times, each time with one more middleware.
        Use it for answers that the views never give: redirects, and bodies without
        JSON.
        """
        names, handler, exception = settings.MIDDLEWARE, self._handler, self.exception
        wanted = _features(self._answered)
        try:
            for count, name in enumerate(names, 1):
                with replaced("MIDDLEWARE", names[:count]):
                    self._handler = WSGIHandler()
                if _features(self._send(*self._last)) == wanted:
                    return str(name)
        finally:
            self._handler, self.exception = handler, exception
        return None

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        self.exception = None
        got_request_exception.connect(self._note)
        try:
            answer = self._answer(self._environ(method, url, headers, body))
        except Exception as error:  # noqa: BLE001  # see below
            # With DEBUG_PROPAGATE_EXCEPTIONS, for example. A server answers 500.
            self.exception = error
            return Answer(500, (), b"")
        finally:
            got_request_exception.disconnect(self._note)
        for line in answer.all("Set-Cookie"):
            morsel = SimpleCookie(line).get(settings.SESSION_COOKIE_NAME)
            if morsel is not None and morsel.value:
                self.session_keys.add(morsel.value)
        return answer

    def _note(self, **kwargs: object) -> None:
        self.exception = sys.exception()

    def _answer(self, environ: dict[str, Any]) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(
            status: str, headers: list[tuple[str, str]], error: Any = None
        ) -> Any:
            started.append((status, headers))

        response: Iterable[bytes] = self._handler(environ, start)
        try:
            content = b"".join(response)
        finally:
            response.close()  # type: ignore[attr-defined]  # Django's responses have it
        status, headers = started[0]
        return Answer(int(status[:3]), tuple(headers), content)

    def _environ(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, Any]:
        origin, parts = origin_of(url), urlsplit(url)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path_info(url), "latin-1"),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": origin.host,
            "SERVER_PORT": str(origin.port),
            "HTTP_HOST": origin.netloc,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": origin.scheme,
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "CONTENT_LENGTH": str(len(body)),
        }
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        self._pass_proxies(environ, origin.scheme, origin.netloc)
        setup_testing_defaults(environ)
        return environ

    def _pass_proxies(self, environ: dict[str, Any], scheme: str, netloc: str) -> None:
        header = settings.SECURE_PROXY_SSL_HEADER
        if header and scheme == "https":
            environ["wsgi.url_scheme"] = "http"
            # Django knows headers as HTTP_… only. If the setting has another name, or
            # is not a pair, Django itself reports it.
            name, value = (*header, "")[:2]
            if name.startswith("HTTP_"):
                environ[name] = value
        if settings.USE_X_FORWARDED_HOST:
            environ["HTTP_X_FORWARDED_HOST"] = netloc
        if drf_settings.NUM_PROXIES:
            environ["HTTP_X_FORWARDED_FOR"] = "127.0.0.1"


def path_info(url: str) -> str:
    """Return the path of ``url`` below FORCE_SCRIPT_NAME, as the URLconf gets it."""
    prefix = (settings.FORCE_SCRIPT_NAME or "").rstrip("/")
    return urlsplit(url).path.removeprefix(prefix)


def _features(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.get("Location"), answer.get("Content-Type")


class Remote:
    """Another server, asked over HTTP. Redirects are not followed."""

    def __init__(self, timeout: float = 10) -> None:
        self._timeout = timeout  # seconds

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        parts = urlsplit(url)
        origin = origin_of(url)
        kind = (
            http.client.HTTPSConnection
            if origin.scheme == "https"
            else http.client.HTTPConnection
        )
        connection = kind(origin.host, origin.port, timeout=self._timeout)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        try:
            connection.request(method, target, body or None, dict(headers))
            response = connection.getresponse()
            content = response.read(1_000_000)
        except ssl.SSLError as error:
            raise Unreachable(f"TLS with {origin} failed: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{origin} does not answer: {error}") from error
        finally:
            connection.close()
        return Answer(response.status, tuple(response.getheaders()), content)
