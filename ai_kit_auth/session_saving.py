"""
Sessions that are saved within the view, and stores that hide their failure.

Django's middleware saves the session when the view is done, and answers with a page of
HTML where that fails. Saved within the view, the failure is an answer of this package.
"""

from __future__ import annotations

import time
from copy import deepcopy
from typing import Any
from weakref import ref

from django.conf import settings
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest
from django.middleware.csrf import CSRF_SESSION_KEY

from .accounts import LOCK_SECONDS, when_free
from .errors import ServiceUnavailable
from .outages import is_outage


class _Save:
    """The method ``save`` of one session, which writes only what it has not written."""

    def __init__(self, session: Any) -> None:
        # The session has this object, and must not have to wait for the collector.
        self._session = ref(session)
        self._written: tuple[str | None, dict[str, Any]] | None = None

    def __call__(self, must_create: bool = False) -> None:
        session: Any = self._session()
        if must_create or self._written != (session.session_key, dict(session.items())):
            _write(session, must_create)
            # A copy, as a value may be a list that changes.
            self._written = session.session_key, deepcopy(dict(session.items()))


def _write(session: Any, must_create: bool) -> None:
    try:
        type(session).save(session, must_create)
    except UpdateError as ended:
        # Django's engine on a database takes every error of the database for the end of
        # the session: a lock that is not free, and a server that is down.
        error = ended.__context__
        if error is not None and is_outage(error):
            raise error from None
        raise


def write_session(session: Any) -> None:
    """
    Save ``session``, unless it is as it was saved in this request.

    On SQLite this waits for other writers for at most ``LOCK_SECONDS``. Raises what the
    session engine raises: Django's ``UpdateError`` only where another request has ended
    the session.
    """
    if not isinstance(session.save, _Save):
        session.save = _Save(session)
    when_free(session.save, time.monotonic() + LOCK_SECONDS)


def save_session(request: HttpRequest) -> None:
    """
    Save the session of ``request`` now, if Django's middleware would.

    The middleware then sends the cookie, and saves again only what has changed since.
    Raises what :func:`write_session` raises.
    """
    session: Any = getattr(request, "session", None)
    if session is None:
        return
    if settings.CSRF_USE_SESSIONS and request.META.get("CSRF_COOKIE_NEEDS_UPDATE"):
        # CsrfViewMiddleware would write it after the view.
        secret = request.META["CSRF_COOKIE"]
        if session.get(CSRF_SESSION_KEY) != secret:
            session[CSRF_SESSION_KEY] = secret
    is_due = session.modified or settings.SESSION_SAVE_EVERY_REQUEST
    if is_due and not session.is_empty():
        write_session(session)


def insist_on_store(request: HttpRequest) -> None:
    """
    Raise where the session of ``request`` is missing because its store has failed.

    SECURITY: Django's ``cache`` engine takes a cache that fails for a session that has
    ended, and its middleware then deletes the cookie: an outage would log users out.

    Raises ``ServiceUnavailable``, or the error of the store.
    """
    session: Any = getattr(request, "session", None)
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    # Engines on a database raise its errors.
    if not key or session is None or isinstance(session, db.SessionStore):
        return
    if session.accessed and session.session_key is None and _has(session, key):
        raise ServiceUnavailable


def spare_cookie(request: HttpRequest) -> None:
    """
    Keep the cookie of a session that is missing because its store has failed.

    For a view that needs no session, and so has an answer. Django's middleware would
    delete the cookie with that answer.
    """
    if getattr(getattr(request, "session", None), "modified", True):
        # There is none, or the view has ended it, or it is saved.
        return
    try:
        insist_on_store(request)
    except Exception:  # noqa: BLE001  # whatever the store raises, it has failed
        request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)


def _has(session: Any, key: str) -> bool:
    try:
        return bool(session.exists(key))
    except Exception as error:
        if is_outage(error):
            raise
        # A key that no cache takes leads to no session.
        return False
