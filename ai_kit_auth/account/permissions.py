"""
Freshly authenticated sessions: the user has sent the password a short time ago.

A stolen or unattended session must not be enough for what cannot be undone (OWASP ASVS
5.0, 7.5.1: re-authentication before sensitive changes).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.sessions.backends.base import UpdateError
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission

from ..session_saving import write_session
from .errors import ReauthenticationRequired
from .settings import account_settings

_CONFIRMED = "_ai_kit_auth_confirmed"
_HELD = "_ai_kit_auth_held_proof"
_CLOCKS_DIFFER = 60  # seconds


def mark_recently_authenticated(request: Any) -> None:
    """
    Let the session count as freshly authenticated for REAUTHENTICATION_TIMEOUT seconds.

    ``confirm_password/`` calls it. A project calls it where it has re-authenticated the
    user by other means, such as a single sign-on; after ``login()``, since the mark is
    for the account that is logged in.
    """
    request.session[_CONFIRMED] = _proof(request)


@contextmanager
def proof_in_memory(request: Any) -> Iterator[None]:
    """
    Let the session count as freshly authenticated within the block, and save nothing.

    For receivers, which run before the session has its new key.
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

    Raises DRF's ``NotAuthenticated`` where another request has ended it meanwhile.
    Django's middleware would answer that with a page.
    """
    try:
        write_session(request.session)
    except UpdateError as gone:
        # Otherwise the middleware would try once more.
        request.session.flush()
        raise NotAuthenticated from gone


def is_recently_authenticated(request: Any) -> bool:
    """Tell whether the session of ``request`` is freshly authenticated."""
    timeout = account_settings.REAUTHENTICATION_TIMEOUT
    session = request.session
    confirmed = getattr(session, _HELD, None) or session.get(_CONFIRMED)
    if timeout is None or confirmed is None or not request.user.is_authenticated:
        return False
    pk, when = confirmed
    # A clock that was set back must not make a session fresh for good; the clocks of
    # two servers are never quite the same.
    age = time.time() - when
    # SECURITY: a project's view may know its user by a token, and a stolen token may
    # come with the session of another user.
    return bool(pk == str(request.user.pk) and -_CLOCKS_DIFFER < age < timeout)


class RecentlyAuthenticated(BasePermission):
    """
    A DRF permission for a project's own views: the session is freshly authenticated.

    An anonymous user gets DRF's own answer. A user without a re-authentication in the
    last REAUTHENTICATION_TIMEOUT seconds gets 403 with the code
    ``reauthentication_required`` as the exception's ``detail`` and ``code``. The page
    then asks for the password, posts it to ``confirm_password/`` and tries again.
    """

    code = ReauthenticationRequired.default_code
    message = ReauthenticationRequired.default_code

    def has_permission(self, request: Any, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        return is_recently_authenticated(request)
