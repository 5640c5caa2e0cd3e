"""The frontend's origin: files, a fallback to the app shell, and strict headers."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

FRONTEND_DIR = Path(__file__).resolve().parent / "frontend"

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


class FrontendServer(ThreadingHTTPServer):
    """Serves ``frontend/`` on ``port``; ``host_url`` is the origin of the API.

    ``demo_logins`` is what the login page shows: a list of ``{"username", "email",
    "password"}``, the password ``None`` if only its owner knows it.
    """

    def __init__(self, port: int, host_url: str) -> None:
        """Bind ``port`` on the loopback interface, or raise ``OSError``."""
        self.host_url = host_url
        self.demo_logins: list[dict[str, str | None]] = []
        super().__init__(("127.0.0.1", port), FrontendHandler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Report an error of the server's; a browser that left the page is none."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # passed on as it came


class FrontendHandler(BaseHTTPRequestHandler):
    """``GET`` and ``HEAD``: a file, what is made here, or the app shell for a route.

    A path whose last part has no dot is a route of the single-page app and gets
    ``index.html``; ``/config.js`` is an ES module that exports ``HOST_URL`` and
    ``DEMO_LOGINS``.
    """

    protocol_version = "HTTP/1.1"
    server_version = "ExampleFrontend"
    sys_version = ""
    server: FrontendServer

    def do_GET(self) -> None:
        """Answer with the file behind the path, or 404."""
        path = unquote(urlsplit(self.path).path)
        made = self._made(path)
        file = self._file(path)
        if made is not None:
            content_type = CONTENT_TYPES[Path(path).suffix]
            self._answer(HTTPStatus.OK, content_type, made.encode())
        elif file is None:
            body = b"Not found.\n"
            self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", body)
        else:
            self._answer(HTTPStatus.OK, CONTENT_TYPES[file.suffix], file.read_bytes())

    def do_HEAD(self) -> None:
        """Answer as ``do_GET`` does, without the body."""
        self.do_GET()

    def _made(self, path: str) -> str | None:
        if path != "/config.js":
            return None
        exports = {
            "HOST_URL": self.server.host_url,
            "DEMO_LOGINS": self.server.demo_logins,
        }
        return "".join(
            f"export const {name} = {json.dumps(value)};\n"
            for name, value in exports.items()
        )

    def _file(self, path: str) -> Path | None:
        if "." not in path.rpartition("/")[2]:
            return FRONTEND_DIR / "index.html"
        try:
            file = (FRONTEND_DIR / path.lstrip("/")).resolve()
            # SECURITY: after resolve(), so that neither ".." nor a symbolic link leads
            # out of the folder.
            known = file.is_relative_to(FRONTEND_DIR) and file.suffix in CONTENT_TYPES
            return file if known and file.is_file() else None
        except (OSError, ValueError):
            return None

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", self._csp())
        # SECURITY: the address of a page may hold a token; no other site may see it.
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _csp(self) -> str:
        # The preview of a mail inherits the policy of the page around it, and mails
        # carry their styles inline. That page alone gets the exception.
        outbox = urlsplit(self.path).path.rstrip("/") == "/outbox"
        inline_styles = " 'unsafe-inline'" if outbox else ""
        return "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                f"style-src 'self'{inline_styles}",
                "img-src 'self' data:",
                f"connect-src 'self' {self.server.host_url}",
                "frame-src 'self'" if outbox else "frame-src 'none'",
                "base-uri 'none'",
                # Forms are sent by script. Without it, nothing may put a password
                # into an address.
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        )

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a request line may hold a token."""
