"""A cache and a session engine whose server can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.contrib.sessions.backends import db
from django.core.cache.backends.locmem import LocMemCache
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse


class ConnectionError(Exception):  # redis-py calls its own so
    """As redis-py has one: not derived from Python's own."""


class Cache(LocMemCache):
    stopped = False

    def validate_key(self, key: str) -> None:
        # Every operation asks this first.
        if type(self).stopped:
            raise ConnectionError("Error 111 connecting to 127.0.0.1:6379")
        super().validate_key(key)


class SessionStore(db.SessionStore):
    """The engine on a database of its own."""

    error: ClassVar[Exception | None] = None
    saved: ClassVar[list[dict[str, Any]]] = []

    def load(self) -> Any:
        if self.error is not None:
            raise self.error
        return super().load()

    def save(self, must_create: bool = False) -> None:
        if self.error is not None:
            raise self.error
        self.saved.append(dict(self.items()))
        super().save(must_create)


@contextmanager
def stopped(kind: type[Any], error: Exception | None = None) -> Iterator[None]:
    """Stop the server of ``kind`` for the block."""
    name, value = ("stopped", True) if kind is Cache else ("error", error or refused())
    before = getattr(kind, name)
    setattr(kind, name, value)
    try:
        yield
    finally:
        setattr(kind, name, before)


def refused() -> OperationalError:
    return OperationalError("connection to server at 127.0.0.1, port 5432 failed")


class Visits:
    """Middleware of a project that writes to the session when the view is done."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        request.session["visits"] = request.session.get("visits", 0) + 1
        return response
