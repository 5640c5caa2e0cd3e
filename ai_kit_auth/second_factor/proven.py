"""
Which second factor the session has proven, kept in the session.

django-otp's own middleware keeps that too, for the price of a query at each request and
of an attribute ``user.is_verified``, which a user model may have as a column.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.utils.crypto import constant_time_compare

from ..user_model import User
from .notices import http_request

# By this name a browser that is trusted stands in for a factor.
TRUSTED_BROWSER = "trusted_browser"

_KEY = "_ai_kit_auth_factor"
_NOTED = "_ai_kit_auth_proven_factor"


def watch_logins() -> None:
    """Connect :func:`_begin` to every login, by any view."""
    user_logged_in.connect(_begin, dispatch_uid="ai_kit_auth.second_factor")


def _begin(request: Any, user: User, **kwargs: object) -> None:
    from .pending import forget

    session = getattr(request, "session", None)
    if session is None:
        return
    # SECURITY: whoever logs in here now, the login of another must not be finished, nor
    # its factor be taken for one of this user.
    forget(session)
    session.pop(_KEY, None)
    record_noted(request, user)


def note(request: Any, method: str, factor: str) -> None:
    """Have :func:`record_noted` find out that ``request`` has proven ``factor``."""
    setattr(http_request(request), _NOTED, (method, factor))


def record_noted(request: Any, user: User) -> None:
    """Let the session have proven what ``request`` has, if it has proven a factor."""
    noted = getattr(http_request(request), _NOTED, None)
    if noted is not None:
        record(request, user, *noted)


def record(request: Any, user: User, method: str, factor: str) -> None:
    """
    Let the session of ``request`` have proven ``factor``, by ``method``.

    ``factor``: the id of a factor of ``user``, or the fingerprint of all factors.
    """
    request.session[_KEY] = [str(user.pk), method, factor]


def rebind(request: Any, user: User, fingerprint: str) -> None:
    """Let what the session has proven hold for the factors that it has changed."""
    session = getattr(request, "session", None)
    found = None if session is None else session.get(_KEY)
    if session is None or found is None:
        return
    pk, method, _ = found
    if pk == str(user.pk) and method != TRUSTED_BROWSER:
        session[_KEY] = [pk, method, fingerprint]


def method_of(
    request: Any, user: User, factor_ids: Callable[[User], list[str]]
) -> str | None:
    """
    Return the method by which the session of ``request`` has proven a factor, or None.

    SECURITY: bound to the account, to its password as Django binds the session, and to
    the factor, which must still be there.
    """
    session = getattr(request, "session", None)
    found = None if session is None else session.get(_KEY)
    if found is None:
        return None
    pk, method, factor = found
    if pk != str(user.pk) or not _has_password_of(session, user):
        return None
    ids = factor_ids(user)
    is_there = bool(ids) and factor in (*ids, ",".join(ids))
    return str(method) if is_there else None


def _has_password_of(session: Any, user: User) -> bool:
    stored = session.get(HASH_SESSION_KEY) or ""
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(stored, each) for each in hashes)
