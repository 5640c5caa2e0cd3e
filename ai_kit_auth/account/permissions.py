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


def mark_recently_authenticated(request: Any, factor: str | None = None) -> None:
    """
    Let the session count as freshly authenticated for REAUTHENTICATION_TIMEOUT seconds.

    ``factor``: the second factor that has proven the user, None for the password.

    ``confirm_password/`` calls it. A project calls it where it has re-authenticated the
    user by other means, such as a single sign-on; after ``login()``, since the mark is
    for the account that is logged in.
    """
    request.session[_CONFIRMED] = _proof(request, factor)


@contextmanager
def proof_in_memory(request: Any, factor: str | None = None) -> Iterator[None]:
    """
    Let the session count as freshly authenticated within the block, and save nothing.

    ``factor``: as of :func:`mark_recently_authenticated`.

    For receivers, which run before the session has its new key.
    """
    setattr(request.session, _HELD, _proof(request, factor))
    try:
        yield
    finally:
        delattr(request.session, _HELD)


def _proof(request: Any, factor: str | None) -> list[Any]:
    return [str(request.user.pk), time.time(), factor]


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


def is_recently_authenticated(request: Any, *, factor: bool = False) -> bool:
    """
    Tell whether the session of ``request`` is freshly authenticated.

    ``factor``: by a second factor, and not by the password.
    """
    timeout = account_settings.REAUTHENTICATION_TIMEOUT
    session = request.session
    confirmed = getattr(session, _HELD, None) or session.get(_CONFIRMED)
    if timeout is None or confirmed is None or not request.user.is_authenticated:
        return False
    # A session of an earlier version has no factor there.
    pk, when, *rest = confirmed
    if factor and not any(rest):
        return False
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

    ``RecentlyAuthenticated(factor=True)`` asks for a second factor there, of the app
    ``ai_kit_auth.second_factor``; the password is not enough then.
    """

    code = ReauthenticationRequired.default_code
    message = ReauthenticationRequired.default_code

    def __init__(self, *, factor: bool = False) -> None:
        self._factor = factor

    def __call__(self) -> RecentlyAuthenticated:
        # DRF calls each entry of permission_classes.
        return self

    def has_permission(self, request: Any, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        return is_recently_authenticated(request, factor=self._factor)
