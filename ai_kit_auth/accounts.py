"""
The rows of accounts: their names, their states, and the transactions that write them.

The receivers of Django's signals that every account and every login pass stand here as
well.
"""

from __future__ import annotations

import enum
import re
import sys
import time
import unicodedata
from collections.abc import Collection, Iterable
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends import signed_cookies
from django.db import OperationalError, router, transaction
from django.db.models import Q
from django.db.models.signals import class_prepared, pre_save
from django.utils import timezone
from django.utils.crypto import get_random_string

from .user_model import User, UserModel, is_value, user_model

# Rows


def all_rows() -> Any:
    """
    Return every row of the user model, as the database that is written to has it.

    The names of an account are taken, whether or not the project's manager shows it.
    """
    return UserModel._base_manager.using(router.db_for_write(UserModel))


class AccountTransaction(transaction.Atomic):
    """
    A transaction on the database that the user model is written to.

    On SQLite it begins with a write, which waits for other writers: SQLite refuses at
    once ("database is locked") a write of a transaction that has read before. So
    nothing slow, a mail above all, belongs into it.
    """

    def __init__(self) -> None:
        super().__init__(router.db_for_write(UserModel), savepoint=True, durable=False)

    def __enter__(self) -> None:
        connection = transaction.get_connection(self.using)
        is_outermost = not connection.in_atomic_block
        super().__enter__()
        if is_outermost and connection.vendor == "sqlite":
            try:
                _lock_file(connection)
            except BaseException:
                self.__exit__(*sys.exc_info())
                raise


LOCK_SECONDS = 30
_LOCK_PAUSE = 0.01  # seconds


def _lock_file(connection: Any) -> None:
    # A write, even of no row, takes the write lock of the whole file.
    table = connection.ops.quote_name(UserModel._meta.db_table)
    column = connection.ops.quote_name(UserModel._meta.pk.column)
    statement = f"UPDATE {table} SET {column} = {column} WHERE 1 = 0"  # noqa: S608  # names from the model
    with connection.cursor() as cursor:
        execute_when_free(cursor, statement, time.monotonic() + LOCK_SECONDS)


def execute_when_free(cursor: Any, statement: str, deadline: float) -> None:
    """Execute ``statement`` as soon as the lock is free; raise after ``deadline``."""
    while True:
        try:
            cursor.execute(statement)
        except OperationalError as error:
            # SQLite itself waits for 5 seconds, unless the project has set another
            # time, and it is not fair: some wait while others get the lock again and
            # again.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_LOCK_PAUSE)
        else:
            return


# Names


def email_of(user: User) -> str:
    """Return the address that mails to ``user`` go to, "" for none."""
    return getattr(user, user_model.email) or ""


def normal_address(address: str) -> str:
    """
    Return the one form in which an address is compared and stored.

    The domain becomes what the mail system sees: NFKC, ideographic full stops as dots,
    lower case, IDNA. The local part stays as it is, since only its own mail server
    knows whether case matters there; comparing ignores case.

    Raises :exc:`ValueError` for a domain that IDNA cannot encode, or would turn into
    another one: SECURITY: "faß.example" would get its mail at "fass.example", which
    another person may own.
    """
    local, at, domain = address.rpartition("@")
    domain = unicodedata.normalize("NFKC", domain).replace("\u3002", ".").lower()
    if not at or "@" in domain:
        # A full-width @ has become one: the parts are not those that were typed.
        raise ValueError(address)
    if not domain.isascii():
        encoded = domain.encode("idna")
        if encoded.decode("idna") != domain:
            raise ValueError(domain)
        domain = encoded.decode()
    return f"{local}{at}{domain}"


# Most addresses are in normal form: of ASCII alone, with a domain in lower case.
is_normal_ascii = re.compile(r"[\x00-\x7f]+@[a-z0-9.-]+").fullmatch


def address_forms(address: str) -> list[str]:
    """
    Return the forms of ``address`` that rows may hold, in any case; none without ``@``.

    Older rows may hold what was typed then, in the letters of an alphabet.
    """
    if "@" not in address:
        return []
    try:
        normal = normal_address(address)
    except ValueError:
        return [address]
    local, _, domain = normal.rpartition("@")
    forms = [address] if address.isascii() else [address, normal]
    with suppress(UnicodeError):
        in_unicode = f"{local}@{domain.encode().decode('idna')}"
        # One of ASCII alone is another case of the address.
        forms += [] if in_unicode.isascii() else [in_unicode]
    return list(dict.fromkeys(forms))


def is_named(value: str, columns: Iterable[str]) -> Q:
    """Return the condition that finds ``value`` in one of ``columns``, in any case."""
    found = Q(pk__in=[])
    for name in columns:
        if name in user_model.addresses:
            for form in address_forms(value):
                found |= Q((f"{name}__iexact", form))
        elif (condition := is_called(name, value, any_case=True)) is not None:
            found |= condition
    return found


def is_called(name: str, typed: str, *, any_case: bool = False) -> Q | None:
    """
    Return the condition that finds ``typed`` in the column ``name``, no address.

    None where nothing can match.
    """
    field: Any = user_model.columns[name]
    if field is user_model.username_field:
        typed = UserModel.normalize_username(typed)
    if name not in user_model.texts and not is_value(field, typed):
        return None
    value = field.to_python(typed)
    if field.is_relation:
        return Q((f"{name}__{field.target_field.name}", value))
    folds = any_case and isinstance(value, str)
    return Q((f"{name}__iexact" if folds else name, value))


# States


class AccountState(enum.Enum):
    """What a row says about its account."""

    ACTIVE = "may log in"
    WAITING = "born inactive and not activated since"
    UNKNOWN = (
        "inactive and never logged in: either made before 3.0 and never activated, or "
        "deactivated by an admin"
    )
    DEACTIVATED = "was active, and an admin has ended that"


# SECURITY: Django's user has no column that tells an account that waits for its first
# activation from one that an admin deactivated before its first login, and a link or a
# reset must open the one and never the other. ``last_login`` of a waiting account holds
# a date of this year, which no login can have had; activation takes it away. It lies in
# the future so that a project's clean-up of accounts "not used since" leaves them
# alone, far from the ends of the calendar so that projects can calculate with it (the
# year 2262 is the last one of a 64-bit number of nanoseconds), and in the middle of its
# year so that no time zone moves it out of that. Rows of early versions hold the year
# 9999.
_WAITING_YEAR = 2200


def waiting_mark() -> datetime:
    """Return the ``last_login`` of an account that waits for its first activation."""
    return _in_waiting_year(7)


def _in_waiting_year(month: int) -> datetime:
    return datetime(_WAITING_YEAR, month, 1, tzinfo=UTC if settings.USE_TZ else None)


def in_state(state: AccountState) -> Q:
    """Return the condition that finds the accounts in ``state``."""
    if state is AccountState.ACTIVE:
        return Q(is_active=True) if user_model.can_be_inactive else Q()
    if not user_model.can_wait:
        inactive = state is AccountState.UNKNOWN and user_model.can_be_inactive
        return Q(is_active=False) if inactive else Q(pk__in=[])
    began = _in_waiting_year(1)
    last_login = {
        AccountState.WAITING: Q(last_login__gte=began),
        AccountState.UNKNOWN: Q(last_login=None),
        AccountState.DEACTIVATED: Q(last_login__lt=began),
    }
    return Q(is_active=False) & last_login[state]


def state_of(user: User) -> AccountState:
    """Return what the columns of ``user`` say."""
    if user.is_active:
        return AccountState.ACTIVE
    if user.last_login is None:
        return AccountState.UNKNOWN
    if is_mark(user.last_login):
        return AccountState.WAITING
    return AccountState.DEACTIVATED


def is_mark(last_login: datetime | None) -> bool:
    """Tell whether ``last_login`` is the waiting mark, of this or an early version."""
    return last_login is not None and last_login.year >= _WAITING_YEAR


# What happens at every save


_STATE_COLUMNS = frozenset({"is_active", "last_login"})
_MARK_UID = "ai_kit_auth.keep_waiting_mark"
# An inactive account whose password is being checked. A backend that finds it right
# hashes it anew where ``PASSWORD_HASHERS`` has changed, and then refuses the account.
# The new hash would make the pending activation link void. It is written once the
# account is active.
being_checked: ContextVar[User | None] = ContextVar("being_checked", default=None)


def watch_saves() -> None:
    """
    Connect :func:`keep_waiting_mark` to each model whose rows are accounts.

    SECURITY: not to ``get_user_model()`` alone: an admin may deactivate an account
    through a proxy or a child of it, whose signals have another sender.
    """
    if not user_model.can_wait:
        return
    # Where the user model is itself a proxy or a child, the table is its parent's.
    family = [user_model.columns["last_login"].model]
    for model in family:
        _watch_model(model)
        family += model.__subclasses__()
    class_prepared.connect(_watch_model, dispatch_uid=_MARK_UID)


def _watch_model(sender: Any, **kwargs: object) -> None:
    owners = [user_model.columns[name].model for name in _STATE_COLUMNS]
    if all(issubclass(sender, owner) for owner in owners):
        pre_save.connect(keep_waiting_mark, sender=sender, dispatch_uid=_MARK_UID)


def keep_waiting_mark(
    sender: Any,
    instance: User,
    raw: bool,
    using: str,
    update_fields: frozenset[str] | None,
    **kwargs: object,
) -> None:
    """
    Leave in the row what tells a waiting account from a deactivated one.

    A ``pre_save`` receiver: it changes the row that is about to be written, and holds
    for accounts that a project's own code makes, activates or deactivates. An account
    that is born inactive gets the mark, one that turns active loses it, and one that is
    deactivated before its first login gets the present as its ``last_login``. It asks
    the database about the saves of accounts that are inactive and never logged in.
    """
    checked = being_checked.get()
    if (
        checked is not None
        and checked.pk == instance.pk
        and update_fields == frozenset({"password"})
    ):
        instance.password = checked.password
    written = _STATE_COLUMNS
    if update_fields is not None:
        written &= update_fields
    if raw or not written:
        return
    last_login: datetime | None = instance.last_login
    right = last_login
    if instance._state.adding:
        # An account may be made in two steps, by one object: that deactivates nobody.
        instance._state.ai_kit_auth_made = True
        if not instance.is_active and last_login is None:
            right = waiting_mark()
    elif not instance.is_active:
        rows = UserModel._base_manager.using(using).filter(pk=instance.pk)
        right = _last_login_of_inactive(instance, rows, written)
    if instance.is_active and last_login is not None and is_mark(last_login):
        right = None
    if right != last_login:
        instance.last_login = right
        if "last_login" not in written:
            rows = UserModel._base_manager.using(using).filter(pk=instance.pk)
            rows.update(last_login=right)


def _last_login_of_inactive(
    user: User, rows: Any, written: Collection[str]
) -> datetime | None:
    """Return the ``last_login`` that the row of an inactive ``user`` shall have."""
    own: datetime | None = user.last_login
    if state_of(user) is AccountState.DEACTIVATED:
        # SECURITY: a backend such as AllowAllUsersModelBackend logs a waiting account
        # in. It waits on, or the login would make its link and every reset void.
        if written == {"last_login"}:
            own = (
                rows.filter(in_state(AccountState.WAITING))
                .values_list("last_login", flat=True)
                .first()
                or own
            )
        return own
    if "is_active" not in written or hasattr(user._state, "ai_kit_auth_made"):
        return own
    row = rows.filter(is_active=True).values("last_login").first()
    # SECURITY: an account that is deactivated before its first login looks as 2.0.0 has
    # left one that waits, and a link of 2.0.0 would open it. One that was activated
    # past this receiver, by ``queryset.update()``, still has its mark.
    if row is not None and (own is None or is_mark(row["last_login"])):
        return timezone.now()
    return own


# What happens at every login


_SESSION_NAME = "_ai_kit_auth_session"


def watch_logins() -> None:
    """Connect :func:`_name_session` to the logins of all ways to log in."""
    user_logged_in.connect(_name_session, dispatch_uid="ai_kit_auth.name_session")


def _name_session(request: Any, **kwargs: object) -> None:
    session = getattr(request, "session", None)
    if session is not None:
        session[_SESSION_NAME] = get_random_string(16)


def session_name(request: Any) -> str:
    """
    Return what the session is counted by, from its login on; it is no secret.

    Not the key: Django and this package give a session another one, and a session that
    lives in a cookie has another one whenever it is saved, which began its limits anew.
    A session from before it got a name counts by its key, and in a cookie together with
    all such sessions of its account, till the next login.
    """
    session = request.session
    if _SESSION_NAME in session:
        return str(session[_SESSION_NAME])
    in_cookie = isinstance(session, signed_cookies.SessionStore)
    return "" if in_cookie else str(session.session_key)
