"""
Writes to an account that exists: activation, a new password, the end of its sessions.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, password_validation
from django.contrib.auth.hashers import make_password
from django.db import router
from django.db.models import Q
from django.db.models.signals import post_save, pre_save
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from .accounts import AccountState, activation_tokens, state_of
from .cache import ask_cache, cache_key
from .errors import ActivationLinkInvalid, ResetPasswordLinkInvalid
from .signals import sessions_ended
from .throttling import gate
from .user_model import User, UserModel, user_model
from .users import is_hidden

logger = logging.getLogger("ai_kit_auth")


@sensitive_variables()
def activate(user: User, token: str = "") -> None:
    """
    Activate the account of an activation link that was checked.

    ``token`` is from the link. If the account is active already, nothing is written,
    and the cache stores that the link was used. Raises
    :exc:`~ai_kit_auth.errors.ActivationLinkInvalid` if the row has changed since the
    check: another request used the link, or an admin changed the account.
    """
    if user.is_active:
        _use_once(user, token)
        return
    # SECURITY: the project's manager may hide the account for another reason than that
    # it waits. Then the transaction rolls the activation back.
    if not write_checked(user, **_activation(user)) or is_hidden(user):
        raise ActivationLinkInvalid


def _use_once(user: User, token: str) -> None:
    # SECURITY: the use of such a link changes nothing that would revoke it.
    key = _used_key(user, token)
    try:
        is_first = ask_cache("add", key, True, activation_tokens.timeout(), insist=True)
    except Exception as error:
        logger.exception(_NO_USE)
        raise ActivationLinkInvalid from error
    if not is_first:
        raise ActivationLinkInvalid


_NO_USE = "The cache failed, so no active account uses a link"


def _used_key(user: User, token: str) -> str:
    return cache_key("used_link", user.pk, token)


def was_used(user: User, token: str) -> bool | None:
    """
    Tell whether the active ``user`` has used the checked activation link ``token``.

    None if the cache is down: then :func:`activate` refuses the link.
    """
    try:
        return bool(ask_cache("get", _used_key(user, token), insist=True))
    except Exception:
        logger.exception(_NO_USE)
        return None


@sensitive_variables()
def reset_password(user: User, password: str) -> None:
    """
    Set the password of the account of a checked reset link, and activate the account.

    This ends every session of the user, since Django binds sessions to the password.

    Raises :exc:`~ai_kit_auth.errors.ResetPasswordLinkInvalid` if the row has changed
    since the check.
    """
    changes = {} if user.is_active else _activation(user)
    # A login in between does not end the link of an active account.
    regardless_of = ("last_login",) if user.is_active else ()
    changes["password"] = hash_of(user, password)
    written = write_checked(user, regardless_of=regardless_of, **changes)
    if not written or is_hidden(user):
        raise ResetPasswordLinkInvalid
    password_validation.password_changed(password, user)


@sensitive_variables()
def hash_of(user: User, password: str) -> str:
    """
    Return the hash of a new ``password`` for ``user``, which keeps the old one.

    By the model's ``set_password``, which a project may have overridden. Raises DRF's
    ``Throttled`` where too many passwords are hashed at this moment.
    """
    old_hash = user.password
    with gate:
        user.set_password(password)
    new_hash: str = user.password
    user.password = old_hash
    # SECURITY: Django keeps the raw one for the next save(). Receivers, security
    # notices and each pickle of the user would have it, and a save() of theirs would
    # tell the validators a second time.
    user._password = None
    return new_hash


def _activation(user: User) -> dict[str, Any]:
    changes: dict[str, Any] = {"is_active": True}
    if "last_login" in user_model.columns:
        # SECURITY: the used link must stay revoked when an admin deactivates the
        # account before its first login. Removing the mark does that. A row of 2.0.0
        # has no mark, so it gets the current time.
        waiting = state_of(user) is AccountState.WAITING
        changes["last_login"] = None if waiting else timezone.now()
    return changes


@cache
def auto_now_columns(model: type[Any]) -> list[Any]:
    """Return the columns of ``model`` with ``auto_now``."""
    columns = model._meta.concrete_fields
    return [column for column in columns if getattr(column, "auto_now", False)]


@sensitive_variables()
def write_checked(
    user: User, *, regardless_of: Collection[str] = (), **changes: Any
) -> bool:
    """
    Write ``changes`` if the row has not changed since the check; tell whether it had
    not.

    The columns in ``regardless_of`` may have changed.

    This is one UPDATE with a condition on everything that a token depends on. So a link
    is used once, and a deactivation before the write takes precedence. A ``save()``
    would write unconditionally. Receivers of ``pre_save`` and ``post_save``, and
    ``auto_now`` columns, work as with a ``save()``.
    """
    # type() does not work: the user of a request is a lazy object.
    model = user.__class__
    checked = {
        name: getattr(user, name)
        for name in ("password", "is_active", "last_login", user_model.email)
        if name in user_model.columns and name not in regardless_of
    }
    for name, value in changes.items():
        setattr(user, name, value)
    using = router.db_for_write(model, instance=user)
    seen: dict[str, Any] = {
        "sender": model,
        "instance": user,
        "raw": False,
        "using": using,
        "update_fields": frozenset(changes),
    }
    pre_save.send(**seen)
    for column in auto_now_columns(model):
        changes[column.attname] = column.pre_save(user, add=False)
    rows = model._base_manager.using(using).filter(Q(pk=user.pk, **checked))
    if not rows.update(**changes):
        return False
    post_save.send(created=False, **seen)
    return True


def _has_no_session(user: User) -> bool:
    """Tell whether ``user`` has no session; end those without a usable password."""
    if state_of(user) is AccountState.WAITING:
        # A new placeholder would also revoke the link of an invitation.
        return True
    return not user.has_usable_password() and write_checked(
        user, regardless_of=("last_login",), password=make_password(None)
    )


def tell_of_ended_sessions(user: User, by: str, kept: Any = None) -> bool:
    """
    Send ``sessions_ended``; return whether a receiver has ended all sessions itself.

    ``by``: why they end. ``kept``: Django's request whose session stays, None for none.
    """
    heard: list[tuple[Any, Any]] = sessions_ended.send(
        sender=UserModel, user=user, by=by, kept=kept
    )
    return any(has_ended is True for _receiver, has_ended in heard)


def end_sessions(users: Collection[User], *, by: str = "admin") -> list[User]:
    """
    End every session of ``users`` without changing a password.

    Sessions in the database are searched once for all users. Other engines cannot be
    searched. With them this works only where a receiver of ``sessions_ended`` ends
    them, as :mod:`ai_kit_auth.sessions` does, and for an account without a usable
    password, since its sessions are bound to a random placeholder. ``by``: what
    ``sessions_ended`` tells. Return the users with sessions that did not end.
    """
    ended = {user.pk for user in users if _has_no_session(user)}
    ended |= {user.pk for user in users if tell_of_ended_sessions(user, by)}
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    if not hasattr(store, "get_model_class"):
        return [user for user in users if user.pk not in ended]
    keys = {str(user.pk) for user in users}
    model = store.get_model_class()
    sessions = model._default_manager.using(router.db_for_write(model))
    for session in sessions.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) in keys:
            # The store may also have a copy in the cache.
            store(session.session_key).delete()
    return []
