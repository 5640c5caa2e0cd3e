"""
Freshly authenticated sessions: who has lately proven to be who they are.

A stolen or unattended session must not be enough for what cannot be undone (OWASP ASVS
5.0, 7.5.1: re-authentication before sensitive changes).
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import signed_cookies
from django.contrib.sessions.backends.base import UpdateError
from django.utils.crypto import salted_hmac
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission

from ..settings import api_settings
from .errors import ReauthenticationRequired

_CONFIRMED = "_ai_kit_auth_confirmed"
_SPARE = "_ai_kit_auth_spare_hash"
_CLOCKS_DIFFER = 60  # seconds


def mark_recently_authenticated(request: Any) -> None:
    """
    Let the session count as freshly authenticated for REAUTHENTICATION_TIMEOUT seconds.

    ``confirm_password/`` calls it. A host calls it where it has made sure by other
    means who is there, such as a single sign-on that it has just asked again; after
    ``login()``, since the mark is for the account that is logged in.
    """
    request.session[_CONFIRMED] = [str(request.user.pk), time.time()]


def forget_recent_authentication(request: Any) -> None:
    """Let the session of ``request`` count as freshly authenticated no more."""
    for key in (_CONFIRMED, _SPARE):
        request.session.pop(key, None)


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
    confirmed = request.session.get(_CONFIRMED)
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


def keep_spare_hash(request: Any, current: str, spare: str | None) -> None:
    """
    Keep another hash, if there is one, of the password that ``current`` is the hash of.

    ``logout_others/`` writes it where the session is fresh and no password is sent.
    SECURITY: not with sessions that the browser holds, which would give the hash to
    whoever reads the cookie.
    """
    if spare and not isinstance(request.session, signed_cookies.SessionStore):
        request.session[_SPARE] = [_digest(current), spare]


def spare_hash(request: Any, current: str) -> str | None:
    """Return the other hash of ``current``'s password, if there is one."""
    kept = request.session.get(_SPARE)
    return kept[1] if kept and kept[0] == _digest(current) else None


def _digest(current: str) -> str:
    return salted_hmac(_SPARE, current, algorithm="sha256").hexdigest()


def forget_spare_hash(request: Any) -> None:
    """Take the hash out of the session, once it is the password's or void."""
    request.session.pop(_SPARE, None)
