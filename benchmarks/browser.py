"""A frontend in a browser, down to what a WSGI server hands to Django."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from importlib import import_module
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.middleware.csrf import get_token


@dataclass
class Browser:
    """
    What a browser keeps: its IP address, its cookies and the CSRF token.

    ``headers``: further ones that it sends with each request, as WSGI names them.
    """

    address: str
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def begin(self, user: User | None = None) -> None:
        """Get a CSRF token and, for ``user``, a session."""
        request = HttpRequest()
        request.META["REMOTE_ADDR"] = self.address
        self.csrf = get_token(request)
        if user is not None:
            engine = import_module(settings.SESSION_ENGINE)
            request.session = engine.SessionStore()
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            request.session.save()
            self.cookies["sessionid"] = str(request.session.session_key)
            # login() has made a new secret.
            self.csrf = get_token(request)
        self.cookies["csrftoken"] = request.META["CSRF_COOKIE"]

    def keep(self, answer: Answer) -> None:
        """Take over the cookies that ``answer`` sets."""
        for name, value in answer.headers:
            if name == "Set-Cookie":
                self.cookies.update(
                    {key: part.value for key, part in SimpleCookie(value).items()}
                )

    def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Return the ``environ`` of a request that sends ``body`` as JSON."""
        sent = b"" if body is None else json.dumps(body).encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": f"/{path}",
            "QUERY_STRING": "",
            "SCRIPT_NAME": "",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.address,
            "HTTP_ACCEPT": "application/json",
            "HTTP_HOST": "testserver",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(sent),
            "wsgi.errors": BytesIO(),
            "wsgi.multiprocess": True,
            "wsgi.multithread": False,
            "wsgi.run_once": False,
            **self.headers,
        }
        if body is not None:
            environ["CONTENT_TYPE"] = "application/json"
            environ["CONTENT_LENGTH"] = str(len(sent))
        if self.csrf:
            environ["HTTP_X_CSRFTOKEN"] = self.csrf
        if self.cookies:
            environ["HTTP_COOKIE"] = "; ".join(
                f"{name}={value}" for name, value in self.cookies.items()
            )
        return environ


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Server:
    """Django's WSGI handler; it closes each response, as a server does."""

    def __init__(self) -> None:
        self.handler = WSGIHandler()

    def send(self, environ: dict[str, Any]) -> Answer:
        begun: list[Any] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            begun.extend([int(status[:3]), headers])

        response = self.handler(environ, start_response)
        body = b"".join(response)
        response.close()
        return Answer(begun[0], begun[1], body)
