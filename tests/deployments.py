"""A deployed project: Django behind a TLS proxy that is set up right or wrong."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import BaseServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.handlers.wsgi import WSGIHandler


@contextmanager
def django() -> Iterator[int]:
    """Serve the project over HTTP, under the settings of now, and yield the port."""
    server = make_server(
        "127.0.0.1", 0, WSGIHandler(), server_class=WSGIServer, handler_class=_Quiet
    )
    with running(server):
        yield server.server_port


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def running(server: BaseServer) -> Iterator[None]:
    """Let ``server`` serve in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Proxy:
    """
    A proxy in front of Django.

    With ``proto`` it sends X-Forwarded-Proto, with ``host`` it passes Host on.
    ``plain`` tells whether it will ``redirect``, ``serve`` or ``refuse`` HTTP. ``adds``
    are headers that it adds to answers, ``without`` is what it removes from the values
    of headers. With ``caches`` it repeats the first answer, ``blindly`` or ``by
    origin``. ``answers`` has a method that it answers itself, with a status.
    """

    proto: bool = True
    host: bool = True
    plain: str = "redirect"
    adds: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()
    caches: str = ""
    answers: tuple[str, int] = ("", 0)

    @contextmanager
    def before(self, upstream: int, certificate: Path, host: str) -> Iterator[str]:
        """Run before the port ``upstream``; yield its own origin, by https."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        handler = type(
            "Handler", (_Forwarding,), {"proxy": self, "upstream": upstream, "kept": {}}
        )
        with _BothServer((host, 0), handler, bind_and_activate=True) as server:
            server.context = context
            with running(server):
                yield f"https://{host}:{server.server_port}"


class _BothServer(HTTPServer):
    """Speaks TLS with those that do, and HTTP with the rest, on one port."""

    context: ssl.SSLContext

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            return self.context.wrap_socket(connection, server_side=True), address
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about a client that does not like the certificate."""


class _Forwarding(BaseHTTPRequestHandler):
    proxy: Proxy
    upstream: int
    kept: dict[str, tuple[int, list[tuple[str, str]], bytes]]

    def _forward(self) -> None:
        host = self.headers["Host"]
        if not isinstance(self.connection, ssl.SSLSocket):
            if self.proxy.plain == "redirect":
                self.send_response(301)
                self.send_header("Location", f"https://{host}{self.path}")
                self.end_headers()
                return
            if self.proxy.plain == "refuse":
                return
        method, status = self.proxy.answers
        if method == self.command:
            self._answer(status, [], b"")
            return
        key = f"{self.command} {self.path}"
        if self.proxy.caches == "by origin":
            key += self.headers.get("Origin", "")
        found = self.kept.get(key) if self.proxy.caches else None
        if found is None:
            found = self.kept[key] = self._ask(host)
        self._answer(*found)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in [*headers, *self.proxy.adds]:
            for part in self.proxy.without:
                value = value.replace(part, "")
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _ask(self, host: str) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = dict(self.headers.items())
        headers["X-Forwarded-Host"] = host
        headers["Host"] = host if self.proxy.host else "backend"
        if self.proxy.proto and isinstance(self.connection, ssl.SSLSocket):
            headers["X-Forwarded-Proto"] = "https"
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream)
        try:
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    do_GET = do_POST = do_OPTIONS = _forward

    def log_message(self, *args: Any) -> None:
        pass


def make_certificate(folder: Path) -> Path:
    """Return a file with a key and a certificate for this machine, signed by itself."""
    file, key = folder / "certificate.pem", folder / "key.pem"
    extensions = {
        "subjectAltName": "DNS:localhost,IP:127.0.0.1,IP:0.0.0.0",
        "keyUsage": "critical,digitalSignature,keyCertSign",
    }
    subprocess.run(  # noqa: S603  # a command of the suite's
        [  # noqa: S607  # wherever the system has it
            "openssl",
            *("req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-keyout", key, "-out", file),
            *(
                part
                for name, value in extensions.items()
                for part in ("-addext", f"{name}={value}")
            ),
        ],
        check=True,
        capture_output=True,
    )
    with file.open("a") as together:
        together.write(key.read_text())
    return file
