"""
The previews on a server of this machine, for whoever edits templates.

Each request renders anew. The pages ask once a second whether a template or a compiled
catalog has changed, and load themselves again when that is so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

from django.apps import apps
from django.conf import settings
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.utils.translation.reloader import translation_file_changed

from . import mail_names, preview, stem
from .pages import index_page, mail_page, page_path

__all__ = ["LiveServer"]

_TYPES = {"html": "text/html", "txt": "text/plain"}


class LiveServer(ThreadingHTTPServer):
    """
    A server of the previews in ``languages``, on ``port`` of 127.0.0.1.

    ``port`` 0 takes a free one. Raises :exc:`OSError` if the port is in use.
    """

    daemon_threads = True

    def __init__(self, languages: Sequence[str], port: int) -> None:
        self.languages = languages
        # Rendering changes the catalogs for a moment.
        self._lock = Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def answer(self, path: str) -> tuple[str, str] | None:
        """Return the content type and the content at ``path``; None for no page."""
        if path == "changes":
            return "text/plain", _state()
        with self._lock:
            _forget_templates()
            if path in {"", "index.html"}:
                found = [
                    preview(name, code)
                    for code in self.languages
                    for name in mail_names()
                ]
                return "text/html", index_page(found, live=True)
            return self._mail(path)

    def _mail(self, path: str) -> tuple[str, str] | None:
        for language in self.languages:
            for name in mail_names():
                if path == page_path(name, language):
                    page = mail_page(
                        preview(name, language), mail_names(), self.languages, live=True
                    )
                    return "text/html", page
                base, _dot, ending = path.rpartition(".")
                if base == stem(name, language) and ending in _TYPES:
                    content = preview(name, language).files().get(path)
                    return None if content is None else (_TYPES[ending], content)
        return None


class _Handler(BaseHTTPRequestHandler):
    server: LiveServer

    def do_GET(self) -> None:
        found = self.server.answer(unquote(urlsplit(self.path).path).lstrip("/"))
        status = HTTPStatus.OK if found else HTTPStatus.NOT_FOUND
        kind, content = found or ("text/plain", "There is no such mail.\n")
        body = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the pages ask each second."""


def _forget_templates() -> None:
    for engine in engines.all():
        # Another engine reads changed files itself, or does so under DEBUG.
        if isinstance(engine, DjangoTemplates):
            for loader in engine.engine.template_loaders:
                loader.reset()
    translation_file_changed(None, Path("django.mo"))


def _state() -> str:
    """Return a text that changes with each template and each compiled catalog."""
    digest = hashlib.sha256()
    for path in _watched():
        digest.update(f"{path}|{path.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _watched() -> Iterator[Path]:
    for engine in engines.all():
        for folder in engine.template_dirs:
            yield from sorted(one for one in Path(folder).rglob("*") if one.is_file())
    locales = [config.path + "/locale" for config in apps.get_app_configs()]
    for folder in (*settings.LOCALE_PATHS, *locales):
        yield from sorted(Path(folder).glob("*/LC_MESSAGES/*.mo"))
