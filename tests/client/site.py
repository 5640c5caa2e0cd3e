"""The projects of ``sites/``: each is copied, built with the package, and served."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from ..browser.processes import Program, environment, free_port
from .conftest import INSTALL, Package, npm

SITES = Path(__file__).resolve().parent / "sites"
NAMES = ("vite", "next", "plain")
# What a page without a build step copies out of the package.
COPIES = ("django-ai-kit-auth.js", "messages.js", "messages/de.js", "messages/en.js")
# The address of the backend in the page of the plain site.
PLACEHOLDER = "http://localhost:8000/api/v1/auth/"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True)
class Site:
    """
    A frontend that is built and served at ``origin``.

    ``api_port`` is that of the backend that its pages talk to. ``folder`` holds the
    copy of its project, with what npm installed.
    """

    name: str
    folder: Path
    origin: str
    api_port: int
    # Of the example's own frontend, which is not visited.
    own_port: int


class StaticSite(ThreadingHTTPServer):
    """Serves the files of ``folder``, and its ``index.html`` for every page."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int, api: str) -> None:
        self.folder = folder
        # A strict policy: no script of the page's own, and no other server.
        self.policy = (
            "default-src 'none'; script-src 'self'; img-src data:; "
            f"connect-src {api}; base-uri 'none'; form-action 'none'"
        )
        super().__init__(("127.0.0.1", port), StaticFile)


class StaticFile(BaseHTTPRequestHandler):
    server: StaticSite

    def do_GET(self) -> None:
        """Answer with the file of the path; without a suffix it is a page."""
        path = urlsplit(self.path).path
        file = self.server.folder / (path[1:] if Path(path).suffix else "index.html")
        if not file.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = file.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPES[file.suffix])
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the tests ask the browser what it saw."""


@contextmanager
def served(name: str, package: Package, folder: Path) -> Iterator[Site]:
    """Build the site ``name`` in ``folder`` and serve it within a ``with`` block."""
    api_port, port = free_port(), free_port()
    api = f"http://localhost:{api_port}/api/v1/auth/"
    site = Site(name, folder, f"http://localhost:{port}", api_port, free_port())
    if name == "plain":
        _copy_plain(package, folder, api)
    else:
        _install(name, package, folder)
    if name == "next":
        with _running_next(folder, port, api):
            yield site
        return
    if name == "vite":
        npm(
            folder,
            *("exec", "--", "vite", "build", "--mode", "development"),
            # React's StrictMode and its warnings are in this build alone.
            NODE_ENV="development",
            VITE_AUTH_API=api,
        )
        folder /= "dist"
    with StaticSite(folder, port, api) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,))
        thread.start()
        yield site
        server.shutdown()
        thread.join()


@contextmanager
def _running_next(folder: Path, port: int, api: str) -> Iterator[None]:
    variables = {"NEXT_PUBLIC_AUTH_API": api, "NEXT_TELEMETRY_DISABLED": "1"}
    npm(folder, "exec", "--", "next", "build", **variables)
    program = Program(
        [
            *("node", "node_modules/next/dist/bin/next", "start"),
            *("--hostname", "127.0.0.1", "--port", str(port)),
        ],
        log=folder / "next.log",
        cwd=folder,
        env=environment(**variables),
    )
    program.wait_for_port(port)
    yield
    program.stop()
    assert "Error" not in program.output, program.output


def _copy_plain(package: Package, folder: Path, api: str) -> None:
    shutil.copytree(SITES / "plain", folder, dirs_exist_ok=True)
    (folder / "vendor" / "messages").mkdir(parents=True)
    for name in COPIES:
        shutil.copyfile(package.folder / "dist" / name, folder / "vendor" / name)
    page = folder / "index.html"
    text = page.read_text("utf-8")
    assert PLACEHOLDER in text
    page.write_text(text.replace(PLACEHOLDER, api), "utf-8")


def _install(name: str, package: Package, folder: Path) -> None:
    """Copy the project and install its packages, this one from its archive."""
    shutil.copytree(SITES / name, folder, dirs_exist_ok=True)
    shutil.copytree(SITES / "react", folder / "react")
    manifest = folder / "package.json"
    content = json.loads(manifest.read_text("utf-8"))
    content["dependencies"]["django-ai-kit-auth"] = f"file:{package.archive}"
    manifest.write_text(json.dumps(content), "utf-8")
    npm(folder, "install", *INSTALL, "--no-package-lock")
