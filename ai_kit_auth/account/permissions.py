"""
Freshly authenticated sessions: who has lately proven to be who they are.

A stolen or unattended session must not be enough for what cannot be undone (OWASP ASVS
5.0, 7.5.1: re-authentication before sensitive changes).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission

from ..settings import api_settings
from .errors import ReauthenticationRequired

_CONFIRMED = "_ai_kit_auth_confirmed"
_HELD = "_ai_kit_auth_held_proof"
_CLOCKS_DIFFER = 60  # seconds


def mark_recently_authenticated(request: Any) -> None:
    """
    Let the session count as freshly authenticated for REAUTHENTICATION_TIMEOUT seconds.

    ``confirm_password/`` calls it. A host calls it where it has made sure by other
    means who is there, such as a single sign-on that it has just asked again; after
    ``login()``, since the mark is for the account that is logged in.
    """
    request.session[_CONFIRMED] = _proof(request)


@contextmanager
def proof_in_memory(request: Any) -> Iterator[None]:
    """
    Let the session count as freshly authenticated within the block, and save nothing.

    For receivers that ask, before the session has the key that the proof is good for.
    """
    setattr(request.session, _HELD, _proof(request))
    try:
        yield
    finally:
        delattr(request.session, _HELD)


def _proof(request: Any) -> list[Any]:
    return [str(request.user.pk), time.time()]


def save_session(request: Any) -> None:
    """
    Save the session now, and not when the view is done.

    Raises DRF's ``NotAuthenticated`` where another request has ended it meanwhile,
    which Django's middleware would answer with a page.
    """
    try:
        request.session.save()
    except UpdateError as gone:
        # Or the middleware would try once more.
        request.session.flush()
        raise NotAuthenticated from gone
    # A key that the browser does not have yet is still to be sent.
    known = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    request.session.modified = request.session.session_key != known


def is_recently_authenticated(request: Any) -> bool:
    """Tell whether the session of ``request`` is freshly authenticated."""
    timeout = api_settings.REAUTHENTICATION_TIMEOUT
    session = request.session
    confirmed = getattr(session, _HELD, None) or session.get(_CONFIRMED)
    if timeout is None or confirmed is None or not request.user.is_authenticated:
        return False
    # SECURITY: a host's view may know its user by a token, and a stolen one may come
    # with the session of somebody else.
    who, when = confirmed
    # A clock that was set back must not make a session fresh for good; those of two
    # servers are never quite the same.
    age = time.time() - when
    return bool(who == str(request.user.pk) and -_CLOCKS_DIFFER < age < timeout)


class RecentlyAuthenticated(BasePermission):
    """
    A DRF permission for a host's own views: logged in, and lately proven to be so.

    Who is not logged in gets what DRF answers to that; who is, but without a proof of
    the last REAUTHENTICATION_TIMEOUT seconds, 403 with the code
    ``reauthentication_required`` as the exception's ``detail`` and ``code``. The page
    then asks for the password, posts it to ``confirm_password/`` and tries again.
    """

    code = ReauthenticationRequired.default_code
    message = ReauthenticationRequired.default_code

    def has_permission(self, request: Any, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        return is_recently_authenticated(request)
