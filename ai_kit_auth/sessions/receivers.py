"""What begins and ends records: receivers of Django's signals and of the core's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.db.models import Q

from ..user_model import User, user_model
from . import new_devices, services

_APP = "ai_kit_auth.sessions"


def _while_installed(receiver: Callable[..., object]) -> Callable[..., object]:
    # A test may install the app for a while, with no table. Django keeps the receivers.
    @wraps(receiver)
    def receive(*args: Any, **kwargs: Any) -> object:
        return receiver(*args, **kwargs) if apps.is_installed(_APP) else None

    return receive


@_while_installed
def logged_in(sender: Any, request: Any, user: Any, **kwargs: object) -> None:
    """Record a login that has begun a session, by any view."""
    session = getattr(request, "session", None)
    # A login for a token sends the signal, too, and begins no session.
    if session is None or session.get(SESSION_KEY) is None:
        return
    new_devices.tell_of_new_device(request, user, services.begin(request, user))


@_while_installed
def about_to_log_in(sender: Any, user: User, **kwargs: object) -> None:
    """Note whether it is the first login of the account."""
    new_devices.note_earlier_login(user)


@_while_installed
def logged_out(sender: Any, request: Any, user: Any, **kwargs: object) -> None:
    """End the record of a session that is logged out, by any view."""
    sid = services.sid_of(request)
    if sid is not None:
        services.end(Q(sid=sid), "user", user=user)


@_while_installed
def ended(sender: Any, user: Any, by: str, kept: Any = None, **kwargs: object) -> bool:
    """End the records of ``user`` but that of ``kept``; tell that all have ended."""
    services.end_all(user, by, but=services.sid_of(kept))
    return True


@_while_installed
def saved(
    sender: Any,
    instance: User,
    created: bool,
    raw: bool,
    update_fields: frozenset[str] | None,
    **kwargs: object,
) -> None:
    """End the sessions of an account that is saved inactive, or with a new password."""
    owner: type[Any] = user_model.columns["password"].model
    if raw or created or not isinstance(instance, owner):
        return
    if not instance.is_active:
        services.end_all(instance, "deactivated")
    # Django keeps the text of a new password for this moment. A view of the project may
    # let its own session go on, by ``update_session_auth_hash()``; if it does not,
    # Django ends that session.
    elif getattr(instance, "_password", None) is not None and (
        update_fields is None or "password" in update_fields
    ):
        services.end_all(instance, "password", but=services.served(instance))
