"""
A site with passkeys over TLS: the API, and an empty page at each of its hosts.

A program. Environment variables: ``SITE_FOLDER``, which has ``certificate.pem`` and
gets the database; ``SITE_PORT``; ``SITE_RP_ID``, "" for the default;
``SITE_RELATED_ORIGIN``, "" for none. It has one account, ada, with the password of the
suite.
"""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

from tests.projects.passkeys.settings import *  # noqa: F403  # what settings are for
from tests.projects.passkeys.settings import AI_KIT_AUTH, DATABASES, MIDDLEWARE

FOLDER = Path(os.environ["SITE_FOLDER"])
DATABASES["default"]["NAME"] = str(FOLDER / "db.sqlite3")
ALLOWED_HOSTS = [".example.com", "www.example.net"]
AI_KIT_AUTH["RP_ID"] = os.environ["SITE_RP_ID"]
_related = os.environ["SITE_RELATED_ORIGIN"]
if _related:
    AI_KIT_AUTH["RELATED_ORIGINS"] = [_related]
    ROOT_URLCONF = "tests.projects.passkeys.well_known"
CSRF_TRUSTED_ORIGINS = ["https://app.example.com", "https://www.example.net"]
# What the schema has is not asked here.
MIDDLEWARE = [name for name in MIDDLEWARE if name != "tests.recorder.Recorder"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about connections that the browser opens and does not use."""


def serve() -> None:
    """Make the tables and the account, and serve until the program is stopped."""
    import django
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    get_user_model().objects.create_user(
        "ada", "ada@example.com", "tall ferns in the rain"
    )
    api = get_wsgi_application()

    def site(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.url_scheme"] = "https"
        if environ["PATH_INFO"].startswith(("/api/", "/.well-known/")):
            return api(environ, start)
        start("200 OK", [("Content-Type", "text/html")])
        return [b"<!doctype html><link rel=icon href=data:,><title>Page</title>"]

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "certificate.pem")
    port = int(os.environ["SITE_PORT"])
    server = make_server("127.0.0.1", port, site, server_class=_Server)
    # In the thread of the connection: Chromium opens some that it never uses.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    print("Ready", flush=True)  # noqa: T201  # what the tests wait for
    server.serve_forever()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.passkey_site"
    # A shell starts what runs in its background with the signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        serve()
