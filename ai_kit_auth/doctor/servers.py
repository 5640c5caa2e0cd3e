"""Where the doctor's requests go: through the middleware in process, or over HTTP."""

from __future__ import annotations

import http.client
import io
import json
import ssl
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from rest_framework.settings import api_settings as drf_settings

from ..origins import origin_of


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers in their order, body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return every value of the header ``name``, in whatever case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        """Return the header ``name``, several joined by a comma; empty if missing."""
        return ", ".join(self.all(name))

    @property
    def data(self) -> dict[str, Any]:
        """Return the JSON object of the body; empty where it holds none."""
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
    """Takes a request and returns what the server answers, cookies and all."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Return the answer. Raises :exc:`Unreachable`."""
        ...


class Unreachable(Exception):
    """No answer: nobody listens there, or TLS could not be agreed upon."""


class InProcess:
    """
    The host's whole stack, middleware and all, as a WSGI server calls it.

    HTTPS arrives as SECURE_PROXY_SSL_HEADER wants to hear of it, so a host behind a
    proxy is taken for one whose proxy does its part. ``exception``: what the last
    request raised, where its answer is a 500.
    """

    exception: BaseException | None = None

    def __init__(self) -> None:
        self._handler = WSGIHandler()

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        self.exception = None
        got_request_exception.connect(self._note)
        try:
            return self._answer(self._environ(method, url, headers, body))
        except Exception as error:  # noqa: BLE001  # see below
            # As under DEBUG_PROPAGATE_EXCEPTIONS; a server would answer 500.
            self.exception = error
            return Answer(500, (), b"")
        finally:
            got_request_exception.disconnect(self._note)

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
            "PATH_INFO": unquote(parts.path, "latin-1"),
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
        if settings.SECURE_PROXY_SSL_HEADER and scheme == "https":
            name, value = settings.SECURE_PROXY_SSL_HEADER
            environ[name] = value
        if settings.USE_X_FORWARDED_HOST:
            environ["HTTP_X_FORWARDED_HOST"] = netloc
        if drf_settings.NUM_PROXIES:
            environ["HTTP_X_FORWARDED_FOR"] = "127.0.0.1"


class Remote:
    """A server somewhere else, spoken to over HTTP; it follows no redirect."""

    exception: BaseException | None = None

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
