"""
The security log of the logger ``ai_kit_auth.security``: one line an event.

A line reads ``event=login_failed code=invalid_credentials user=- address=192.0.2.7``;
the record has the same as attributes ``event``, ``code``, ``user_pk`` and ``address``.
It never holds a password, a token or what a user has typed (OWASP Logging Cheat Sheet,
*Data to exclude*).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .throttling import address_of

logger = logging.getLogger("ai_kit_auth.security")

EVENTS: Mapping[str, str] = {
    "login_succeeded": "a session began",
    "login_failed": "wrong password, unknown or inactive account",
    "logged_out": "a session ended",
    "registered": "an account was made",
    "activated": "an activation link was used",
    "reset_requested": "a reset mail was asked for; ``user`` is ``-`` if none goes out",
    "password_reset": "a reset link was used",
    "resend_requested": "an activation mail was asked for once more; ``user`` as above",
    "password_confirmed": "a session was freshly authenticated",
    "password_refused": "a logged-in session sent a wrong password",
    "password_changed": "a password was changed, and all other sessions ended",
    "others_logged_out": "all other sessions of an account ended",
    "email_change_requested": "a change of address was asked for",
    "email_changed": "a new address was confirmed",
    "account_updated": "an account was changed by its owner",
    "account_deleted": "an account was deleted by its owner",
    "link_refused": "a link was wrong, used, expired or powerless; ``code`` says whose",
    "throttled": "somebody tried too often",
    "csrf_failed": "a request without the right CSRF token",
}

# The signs of an attack go to WARNING, all else to INFO.
_WARNINGS = {
    "csrf_failed",
    "link_refused",
    "login_failed",
    "password_refused",
    "throttled",
}


def log(event: str, request: Any, *, user: Any = None, code: str = "-") -> None:
    """
    Write the line of ``event``, a key of :data:`EVENTS`.

    ``request``: None where the event belongs to none.
    """
    # SECURITY: a key that is a text must not write fields of its own into the line.
    pk = "-" if user is None else quote(str(user.pk), safe="@+:.,")
    address = "-" if request is None else address_of(request)
    logger.log(
        logging.WARNING if event in _WARNINGS else logging.INFO,
        "event=%s code=%s user=%s address=%s",
        event,
        code,
        pk,
        address,
        extra={"event": event, "code": code, "user_pk": pk, "address": address},
    )
