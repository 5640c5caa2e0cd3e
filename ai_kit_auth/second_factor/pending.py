"""
Logins whose password was right, and which wait for the second factor.

The session holds ``[pk, backend, state, at, remember, nonce]`` and nobody is logged in.
The cache counts the tries by the nonce: a copy of the session has no tries of its own.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user, logout
from django.core.exceptions import ValidationError
from django.middleware.csrf import CSRF_SESSION_KEY
from django.utils.crypto import constant_time_compare, salted_hmac

from ..cache import ask_cache, cache_key
from ..errors import ServiceUnavailable
from ..user_model import User
from ..users import users
from .errors import LoginNotPending
from .factors import fingerprint
from .settings import second_factor_settings

logger = logging.getLogger("ai_kit_auth")

_KEY = "_ai_kit_auth_pending"
_SALT = "ai_kit_auth.second_factor.pending"
_CLOCKS_DIFFER = 60  # seconds


@dataclass(frozen=True)
class PendingLogin:
    """A login of ``user`` that waits; ``remember`` is what the client sent at first."""

    user: User
    remember: bool | None
    nonce: str

    def claim(self) -> int:
        """
        Return the number of this try, from 1, and count it.

        SECURITY: counted before the code is checked, one after the other in the cache,
        so that requests at once have no more tries than SECOND_FACTOR_TRIES.

        Raises :exc:`~ai_kit_auth.second_factor.errors.LoginNotPending` where none is
        left, and :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache is down.
        """
        for number in range(1, second_factor_settings.SECOND_FACTOR_TRIES + 1):
            if _ask("add", self._name(number), True, _timeout()):
                return number
        raise LoginNotPending

    def give_back(self, number: int) -> None:
        """Uncount a try that was none, since no code was checked."""
        _ask("delete", self._name(number))

    def end(self, request: Any) -> None:
        """
        End it, for every copy of the session.

        Raises what :meth:`claim` does: another request may have ended it before.
        """
        if not _ask("add", _ended(self.nonce), True, _timeout()):
            # The session is left alone: the other request has replaced it.
            raise LoginNotPending
        forget(request.session)

    def _name(self, number: int) -> str:
        return cache_key("second_factor_try", self.nonce, number)


def begin(request: Any, user: User, remember: bool | None) -> None:
    """
    Let the session of ``request``, under a new key, wait for the factor of ``user``.

    Whoever is logged in there is logged out. The CSRF token stays what it is, since the
    body of an error brings no new one.
    """
    session, http = request.session, request._request
    if SESSION_KEY in session:
        secret = session.get(CSRF_SESSION_KEY)
        # Receivers of user_logged_out look for whose session it was.
        http.user = get_user(http)
        logout(http)
        if secret is not None:
            session[CSRF_SESSION_KEY] = secret
    else:
        session.cycle_key()
    session[_KEY] = [
        str(user.pk),
        user.backend,
        _digest(_state(user), settings.SECRET_KEY),
        time.time(),
        remember,
        secrets.token_urlsafe(16),
    ]


def forget(session: Any) -> None:
    """Remove the login that waits from ``session``, if there is one."""
    session.pop(_KEY, None)


def read(request: Any) -> PendingLogin:
    """
    Return the login that waits in the session of ``request``.

    A change of the password, of ``is_active`` or of the factors voids it, and so does
    SECOND_FACTOR_TIMEOUT. Raises
    :exc:`~ai_kit_auth.second_factor.errors.LoginNotPending`, and
    :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache is down: then it is
    unknown whether it has ended.
    """
    found = request.session.get(_KEY)
    if found is None:
        raise LoginNotPending
    pk, backend, digest, at, remember, nonce = found
    is_over = _ask("get", _ended(nonce), False)
    age = time.time() - at
    in_time = -_CLOCKS_DIFFER < age < second_factor_settings.SECOND_FACTOR_TIMEOUT
    user = _find(pk) if in_time and not is_over else None
    if (
        user is None
        or backend not in settings.AUTHENTICATION_BACKENDS
        or not _is_state(user, digest)
    ):
        raise LoginNotPending
    user.backend = backend
    return PendingLogin(user, remember, nonce)


def _find(pk: str) -> User | None:
    try:
        found: User | None = users().filter(pk=pk).first()
    except (ValueError, ValidationError):
        # The project has another user model since.
        return None
    return found


def _state(user: User) -> str:
    return f"{user.pk}|{user.password}|{user.is_active}|{fingerprint(user)}"


def _digest(state: str, key: str | bytes) -> str:
    return salted_hmac(_SALT, state, secret=key, algorithm="sha256").hexdigest()


def _is_state(user: User, digest: str) -> bool:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    state = _state(user)
    return any(constant_time_compare(digest, _digest(state, key)) for key in keys)


def _ended(nonce: str) -> str:
    return cache_key("second_factor_ended", nonce)


def _timeout() -> int:
    # As long as the session can be used, at two clocks.
    return second_factor_settings.SECOND_FACTOR_TIMEOUT + 2 * _CLOCKS_DIFFER


def _ask(operation: str, *args: object) -> Any:
    # SECURITY: without the cache nobody gets in past a factor, since nobody counts.
    try:
        return ask_cache(operation, *args, insist=True)
    except Exception as error:
        logger.exception("The cache failed, so no login gets past a second factor")
        raise ServiceUnavailable from error
