"""
The security log, by the logger ``ai_kit_auth.security``: one line for each event.

A line reads ``event=login_failed code=invalid_credentials user=- address=192.0.2.7``;
the record has the same as attributes ``event``, ``code``, ``user_pk`` and ``address``.
A line never has a password, a token or the text that a user typed (OWASP Logging Cheat
Sheet, *Data to exclude*).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from .capability import Event, capabilities
from .throttling import address_of

logger = logging.getLogger("ai_kit_auth.security")

# The events of all capabilities, with their meanings.
EVENTS: Mapping[str, str]


def __getattr__(name: str) -> Mapping[str, str]:
    if name == "EVENTS":
        return {name: event.meaning for name, event in _events().items()}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _events() -> dict[str, Event]:
    return {name: event for one in capabilities() for name, event in one.events.items()}


@cache
def _level_of(event: str) -> int:
    return _events()[event].level


def log(event: str, request: Any, *, user: Any = None, code: str = "-") -> None:
    """
    Write the line of ``event``, a key of :data:`EVENTS`.

    ``request`` is None for an event without a request.
    """
    # SECURITY: a primary key that is a string must not add fields to the line.
    pk = "-" if user is None else quote(str(user.pk), safe="@+:.,")
    address = "-" if request is None else address_of(request)
    logger.log(
        _level_of(event),
        "event=%s code=%s user=%s address=%s",
        event,
        code,
        pk,
        address,
        extra={"event": event, "code": code, "user_pk": pk, "address": address},
    )
