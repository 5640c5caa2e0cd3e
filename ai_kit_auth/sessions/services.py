"""
The story of a session's record: begun at a login, seen at requests, ended once.

Two things say that a session has ended: its row, and an entry of the cache. The entry
ends it at its next request, in every process, and costs no query. The row decides
where the entry is not there: at the latest SESSION_TOUCH seconds after the last look.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, router, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import get_random_string, salted_hmac

from ..accounts import login_proof, session_name
from ..after_answer import after_answer
from ..cache import CacheDown, ask_cache, cache_key
from ..services import when_committed
from ..user_model import User
from .devices import stored_address, user_agent_of
from .models import FACTOR_LENGTH, SessionRecord
from .settings import sessions_settings
from .signals import session_ended, session_started

logger = logging.getLogger("ai_kit_auth")

# The name that a session has for itself; no key of Django's.
SID = "_ai_kit_auth_sid"
# What the middleware has seen, where a login has begun another session since.
_SEEN_SID = "_ai_kit_auth_seen_sid"
_LIVES, _ENDED = "lives", "ended"
# One login of so many clears what is too old.
CLEARED_BY_ONE_OF = 1000
_BATCH = 1000


def rows() -> Any:
    """Return all records, from the database that is written to."""
    alias = router.db_for_write(SessionRecord)
    return SessionRecord._base_manager.using(alias)


def live_rows(user: User) -> Any:
    """Return the records of the sessions of ``user`` that have not ended or expired."""
    return rows().filter(user_id=user.pk, ended=None, last_seen__gt=_expiry())


def _expiry() -> Any:
    return timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)


def is_live(record: SessionRecord) -> bool:
    """Tell whether the session of a record that had not ended had not expired."""
    return bool(record.last_seen > _expiry())


def sid_of(request: Any) -> str | None:
    """Return the name that the session of ``request`` has for itself, None for none."""
    session = getattr(request, "session", None)
    return None if session is None else session.get(SID)


# The session that this thread or task is serving: its user's key, and its own name.
_served: ContextVar[tuple[str, str] | None] = ContextVar("_served", default=None)


def served(user: User) -> str | None:
    """Return the name of the session that is served, if it is one of ``user``."""
    found = _served.get()
    return found[1] if found is not None and found[0] == str(user.pk) else None


# The beginning


def begin(request: Any, user: User) -> SessionRecord:
    """
    Record the session that has just begun, and return the record: one query.

    The session that the browser had before has ended then.
    """
    session = request.session
    before = {session.get(SID), getattr(request, _SEEN_SID, None)} - {None}
    sid = get_random_string(32)
    session[SID] = sid
    record = _record(request, user, sid, login_proof(request))
    record.save(using=router.db_for_write(SessionRecord), force_insert=True)
    session_started.send(sender=SessionRecord, user=user, record=record)
    _tell_cache("set", sid, _LIVES, sessions_settings.SESSION_TOUCH)
    if before:
        end(Q(sid__in=before), "user")
    if record.id.int % CLEARED_BY_ONE_OF == 0:
        after_answer(request, "The old records of sessions", clear)
    return record


def _record(request: Any, user: User, sid: str, factor: str) -> SessionRecord:
    now = timezone.now()
    return SessionRecord(
        # Not the user itself: a router may read users from a replica.
        user_id=user.pk,
        sid=sid,
        created=now,
        last_seen=now,
        ip_address=stored_address(request),
        user_agent=user_agent_of(request),
        factor=factor[:FACTOR_LENGTH],
    )


def _adopt(request: Any) -> str | None:
    """
    Give a session a record that has none: it began before the app was installed.

    SECURITY: its name derives from the session, so that a copy of it, such as a signed
    cookie, gets the same name, and ends with it.
    """
    if not request.user.is_authenticated:
        return None
    own = session_name(request) or request.session.session_key
    sid = salted_hmac(SID, own, algorithm="sha256").hexdigest()[:32]
    record = _record(request, request.user, sid, "other")
    try:
        rows().bulk_create([record], ignore_conflicts=True)
    except IntegrityError:
        # The account was deleted a moment ago.
        return None
    request.session[SID] = sid
    return sid


# Every request


def look(request: Any) -> None:
    """
    Make the user of ``request`` anonymous if its session has ended.

    One look into the cache; where it has no entry, one UPDATE of the row. Nothing for a
    session without a user. Raises :exc:`ImproperlyConfigured` above Django's
    ``AuthenticationMiddleware``.
    """
    _served.set(None)
    session = getattr(request, "session", None)
    # Without a key there is no session, and nothing is to be loaded.
    if session is None or session.session_key is None or SESSION_KEY not in session:
        return
    if not hasattr(request, "user"):
        raise ImproperlyConfigured(
            "MIDDLEWARE needs SessionsMiddleware below AuthenticationMiddleware"
        )
    sid = session.get(SID) or _adopt(request)
    if sid is None:
        return
    setattr(request, _SEEN_SID, sid)
    if _lives(request, sid):
        _served.set((session[SESSION_KEY], sid))
    else:
        _forget(request)


def look_away() -> None:
    """Forget which session was served."""
    _served.set(None)


def _lives(request: Any, sid: str) -> bool:
    try:
        known = ask_cache("get", _key(sid))
    except Exception as error:  # noqa: BLE001  # it is logged
        _log(error)
        # Without a write, or an outage of the cache would be a load on the database.
        return bool(rows().filter(sid=sid, ended=None).exists())
    if known is not None:
        return bool(known == _LIVES)
    touch = sessions_settings.SESSION_TOUCH
    if rows().filter(sid=sid, ended=None).update(last_seen=timezone.now()):
        if request.user.is_authenticated:
            # SECURITY: "add" never replaces the entry of an end that came between.
            _tell_cache("add", sid, _LIVES, touch)
            return True
        # Django has ended it: another password, or an account that is not active. The
        # first has emptied the session.
        end(Q(sid=sid), "deactivated" if SESSION_KEY in request.session else "password")
    else:
        _tell_cache("set", sid, _ENDED, 2 * touch)
    return False


def _forget(request: Any) -> None:
    """Flush the session. The rest of the request has an anonymous user."""
    request.session.flush()
    nobody = AnonymousUser()

    async def auser() -> AnonymousUser:
        return nobody

    request.user, request.auser = nobody, auser


# The end


def end(which: Q, by: str, *, user: User | None = None) -> list[SessionRecord]:
    """
    End the sessions of the records ``which``; return those that had not ended before.

    ``by``: as of the signal ``session_ended``. ``user``: whose they are, if the caller
    has it. Each is out at its next request.
    """
    now = timezone.now()
    with transaction.atomic(using=router.db_for_write(SessionRecord)):
        # The write comes first: a transaction of SQLite that has read before is refused
        # a write at once.
        if not rows().filter(which, ended=None).update(ended=now):
            return []
        ended: list[SessionRecord] = list(rows().filter(which, ended=now))
        # After the commit: a rollback must leave the sessions alive.
        when_committed("The end of sessions", lambda: _tell_end(ended))
        if session_ended.has_listeners(SessionRecord):
            for record in ended:
                session_ended.send(
                    sender=SessionRecord, user=user or record.user, record=record, by=by
                )
    return ended


def end_all(user: User, by: str, *, but: str | None = None) -> list[SessionRecord]:
    """
    End the sessions of ``user`` as :func:`end` does, but that with the name ``but``.

    Those of a deleted account leave no record: the row of the account may stay.
    """
    which = Q(user_id=user.pk)
    ended = end(which if but is None else which & ~Q(sid=but), by, user=user)
    if by == "deleted":
        rows().filter(which).delete()
    return ended


def _tell_end(records: Iterable[SessionRecord]) -> None:
    entries = {_key(record.sid): _ENDED for record in records}
    try:
        ask_cache("set_many", entries, 2 * sessions_settings.SESSION_TOUCH, insist=True)
    except Exception as error:  # noqa: BLE001  # it is logged
        _log(error)


def clear() -> int:
    """
    Delete the records that are kept no longer; return how many there were.

    Those whose session has expired end first.
    """
    while found := _some(ended=None, last_seen__lte=_expiry()):
        end(Q(pk__in=found), "expired")
    age = timedelta(seconds=sessions_settings.SESSION_RECORD_AGE)
    deleted = 0
    while found := _some(ended__lte=timezone.now() - age):
        deleted += rows().filter(pk__in=found).delete()[0]
    return deleted


def _some(**condition: object) -> list[Any]:
    # Not all at once, which would lock the table for long.
    return list(rows().filter(**condition).values_list("pk", flat=True)[:_BATCH])


# The cache


def _key(sid: str) -> str:
    return cache_key("session", sid)


def _tell_cache(operation: str, sid: str, *entry: object) -> None:
    try:
        ask_cache(operation, _key(sid), *entry)
    except Exception as error:  # noqa: BLE001  # it is logged
        _log(error)


def _log(error: Exception) -> None:
    # A cache that is down is said to be so once in a while, and not at each request.
    if not isinstance(error, CacheDown):
        logger.error(
            "The cache failed; the rows say which sessions live", exc_info=error
        )
