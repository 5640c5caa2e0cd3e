"""
One identity, one account: the check that it is free, its locks, and the new account.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any

from django.db import IntegrityError, OperationalError, connections, router
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import ErrorDetail, ValidationError

from . import related
from .accounts import (
    LOCK_SECONDS,
    AccountTransaction,
    all_rows,
    is_named,
    is_normal_ascii,
    normal_address,
    waiting_mark,
    ways_to_name,
)
from .prepared import Lookup, prepared
from .settings import api_settings
from .throttling import gate
from .user_model import (
    DEFAULT_IDENTITY_FIELDS,
    User,
    UserModel,
    identity_columns,
    user_model,
)

logger = logging.getLogger("ai_kit_auth")


@dataclass
class _Claims:
    """What an :func:`identity_transaction` holds."""

    locks: list[str] = field(default_factory=list)
    # The locks of the identities that were found free.
    free: set[str] = field(default_factory=set)
    # Accounts whose activation mail is due at its end, and the function that mails.
    to_mail: list[User] = field(default_factory=list)
    mail: Callable[[User], None] | None = None


_current: ContextVar[_Claims | None] = ContextVar("claims", default=None)


@contextmanager
def identity_transaction(*, mails: bool = True) -> Iterator[_Claims]:
    """
    Open the transaction in which an identity is checked and taken.

    Another transaction that checks the same identity, in any process, waits for its
    end, since :func:`taken_codes` locks the identities. The e-mail column of Django's
    user model has no constraint that would decide the race.

    With ``mails`` the activation mails of registrations are sent when the transaction
    has ended. Otherwise the caller sends them.
    """
    current = _Claims()
    before = _current.set(current)
    try:
        with AccountTransaction():
            yield current
    finally:
        _current.reset(before)
        if current.locks:
            _unlock(current.locks)
    if mails and current.mail is not None:
        for user in current.to_mail:
            current.mail(user)


def mail_at_the_end(user: User, mail: Callable[[User], None]) -> None:
    """Call ``mail`` with ``user`` when the transaction around this call has ended."""
    current = _current.get()
    if current is None:
        mail(user)
    else:
        current.to_mail.append(user)
        current.mail = mail


# Locks


def _lock(using: str, current: _Claims, names: Sequence[str]) -> None:
    """Hold the locks ``names`` until the transaction ends."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        # Freed by the database at the end of the transaction.
        calls = ", ".join(["pg_advisory_xact_lock(%s)"] * len(names))
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {calls}", [_lock_number(name) for name in names])
    if connection.vendor == "mysql":
        calls = ", ".join(["GET_LOCK(%s, %s)"] * len(names))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {calls}",
                [value for name in names for value in (name, LOCK_SECONDS)],
            )
            answers = cursor.fetchone()
        current.locks += [
            name for name, got in zip(names, answers, strict=True) if got == 1
        ]
        if len(current.locks) < len(names):
            raise OperationalError("The lock of a registration is not available")


def _unlock(names: Sequence[str]) -> None:
    # Only for MariaDB and MySQL, whose locks outlive the transaction. Django's cursor
    # would refuse within a broken transaction of the project.
    driver = connections[router.db_for_write(UserModel)].connection
    if driver is not None:
        calls = ", ".join(["RELEASE_LOCK(%s)"] * len(names))
        with driver.cursor() as cursor:
            cursor.execute(f"SELECT {calls}", names)


def _lock_name(identity: Any) -> str:
    folded = unicodedata.normalize("NFKC", _typed(identity)).casefold()
    return f"aka:{hashlib.sha256(folded.encode()).hexdigest()[:40]}"


def _lock_number(name: str) -> int:
    """Return ``name`` as PostgreSQL's signed 64-bit key."""
    return int.from_bytes(bytes.fromhex(name[4:20]), "big", signed=True)


# Identities


def identities() -> tuple[str, ...]:
    """Return the columns whose values must not name two accounts."""
    names = api_settings.USER_IDENTITY_FIELDS
    columns = identity_columns(
        tuple(names), are_default=names is DEFAULT_IDENTITY_FIELDS
    )
    return tuple(dict.fromkeys((*columns, *user_model.names)))


def is_anybodys(value: str) -> Q:
    """Return the condition that finds each account with the identity ``value``."""
    return is_named(value, identities())


def taken_codes(
    fields: Mapping[str, Any], *, but: User | None = None
) -> dict[str, str]:
    """
    Return ``{"<field>": "<field>_unique"}`` for each identity that has an account.

    With PREVENT_ENUMERATION a name that is not an e-mail address must not have an
    ``@``: its code is ``invalid``. SECURITY: "taken" would show that the address has an
    account.

    Identities are the e-mail address, the username and USER_IDENTITY_FIELDS. They are
    compared regardless of case, and each with all columns. SECURITY: an address that is
    the username of another user, or the reverse, would let that user log in in place of
    the owner.

    ``fields`` has values by names of the user model. Within
    :func:`identity_transaction` they stay locked until its end. The identities of the
    account ``but`` do not count.
    """
    columns = identities()
    values = {name: _typed(fields[name]) for name in columns if fields.get(name)}
    refused: dict[str, str] = {}
    if api_settings.PREVENT_ENUMERATION:
        for name, value in values.items():
            tells = "@" in value and name not in user_model.addresses
            # The account's own value shows nothing new.
            if tells and not (but and str(getattr(but, name)) == value):
                refused[name] = "invalid"
        values = {name: value for name, value in values.items() if name not in refused}
    if not values:
        return refused
    using = router.db_for_write(UserModel)
    current = _current.get()
    locks = {name: _lock_name(value) for name, value in values.items()}
    if current is not None:
        # Sorted, so that two registrations cannot deadlock.
        _lock(using, current, sorted(set(locks.values())))
    taken = _taken(using, values, columns, but)
    if current is not None:
        current.free |= {lock for name, lock in locks.items() if name not in taken}
    return refused | {name: f"{name}_unique" for name in taken}


def _taken(
    using: str, values: Mapping[str, str], columns: Sequence[str], but: User | None
) -> list[str]:
    """Return which of ``values``, by name, an account has; ``but`` does not count."""
    ways = {name: ways_to_name(value, columns) for name, value in values.items()}
    asked = {name: lookups for name, lookups in ways.items() if lookups}
    if not asked:
        return []
    rows = _rows_named(using, list(asked.values()), but)
    found = [any(column) for column in zip(*rows, strict=True)]
    return [name for name, is_taken in zip(asked, found, strict=False) if is_taken]


def _rows_named(using: str, ways: Sequence[Sequence[Lookup]], but: User | None) -> Any:
    """
    Return the rows with one of several identities, each found by any of its lookups.

    A row of it has one truth value for each identity. The database tells which one
    matched: Python compares texts in another way.
    """
    lookups = [lookup for each in ways for lookup in each]
    names = [name for name, _ in lookups]
    statement = None
    if user_model.has_plain_rows and user_model.takes_any_text(names):
        sizes = tuple(map(len, ways))

        def make(marks: Sequence[Lookup]) -> Any:
            rest = iter(marks)
            marked = [list(islice(rest, size)) for size in sizes]
            return _queryset_named(using, marked, but)

        purpose = ("taken", but is not None, sizes)
        statement = prepared(purpose, using, names, make)
    if statement is None:
        return _queryset_named(using, ways, but)
    return statement.rows(lookups, but and but.pk)


def _queryset_named(
    using: str, ways: Sequence[Sequence[Lookup]], but: User | None
) -> Any:
    conditions = [Q(*lookups, _connector=Q.OR) for lookups in ways]
    rows = UserModel._base_manager.using(using)
    if but is not None:
        rows = rows.exclude(pk=but.pk)
    return rows.filter(Q(*conditions, _connector=Q.OR)).values_list(
        *[
            ExpressionWrapper(condition, output_field=BooleanField())
            for condition in conditions
        ]
    )


def _typed(value: Any) -> str:
    """Return the text of an identity; for a row, its primary key."""
    return str(getattr(value, "pk", value))


def refuse(codes: Mapping[str, str]) -> None:
    """Raise a ``ValidationError`` with ``codes``, by field, if there are any."""
    if codes:
        raise ValidationError(
            {name: [ErrorDetail("", code)] for name, code in codes.items()}
        )


# The new account


class AddressTaken(ValidationError):
    """
    The e-mail address has an account, and PREVENT_ENUMERATION hides that.

    ``values`` are the values for the new account.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        name = user_model.email
        super().__init__({name: [ErrorDetail("", f"{name}_unique")]})
        self.values = values


@sensitive_variables()
def register(fields: Mapping[str, Any]) -> User:
    """
    Create an account that waits for its activation, and return it.

    ``fields`` are for the manager's ``create_user``, by names of the model, with the
    password. Rows of a many-to-many relation, and values of a related row by its name
    (as DRF's dotted ``source`` gives them), are written after the account. A name that
    neither ``create_user`` nor the model knows is left out. Without a username the
    account gets a unique one. It is active at once if the model has no ``is_active``
    column or ``fields`` says so.

    Raises a ``ValidationError`` with the codes of :func:`taken_codes` if an identity is
    taken, and :exc:`AddressTaken` if PREVENT_ENUMERATION hides that. Raises DRF's
    ``Throttled`` if too many passwords are being hashed. Outside of
    :func:`identity_transaction` it opens one and checks the identities itself.
    """
    current = _current.get()
    if current is None:
        with identity_transaction():
            return register(fields)
    values = _normal(fields)
    # A serializer of the project may leave the checks out.
    unchecked = {
        name: values[name]
        for name in identities()
        if values.get(name) and _lock_name(values[name]) not in current.free
    }
    if unchecked:
        _refuse_taken(unchecked, values)
    username = user_model.username
    if username is not None and not values.get(username):
        if not user_model.username_can_be_made_up:
            refuse({username: "required"})
        values[username] = unique_username()
    try:
        with gate, AccountTransaction():
            return _create_user(values)
    except IntegrityError:
        # Other code created an account after the check.
        _refuse_taken(values, values)
        refuse(related.taken_columns(UserModel, values))
        raise


@sensitive_variables()
def _refuse_taken(unchecked: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    taken = taken_codes(unchecked)
    hidden = api_settings.PREVENT_ENUMERATION and taken.pop(user_model.email, "")
    # The answer always shows that a username is taken or invalid.
    refuse(taken)
    if hidden:
        raise AddressTaken(values)


def _normal(fields: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(fields)
    address, username = user_model.email, user_model.username
    # Serializers of this package normalise it already; a project's may not.
    if values.get(address) and not is_normal_ascii(values[address]):
        try:
            values[address] = normal_address(values[address])
        except ValueError:
            refuse({address: "invalid"})
    if username is not None and values.get(username):
        values[username] = UserModel.normalize_username(values[username])
    return values


def unique_username() -> str:
    """Return a new username, for an account without one."""
    return uuid.uuid4().hex[: getattr(user_model.username_field, "max_length", None)]


@sensitive_variables()
def _create_user(values: dict[str, Any]) -> User:
    users = UserModel._default_manager
    if router.routers:
        users = users.db_manager(router.db_for_write(UserModel))
    create_user = getattr(users, "create_user", _create_plain_user)
    named, takes_any = _parameters(getattr(create_user, "__func__", create_user))
    columns = user_model.columns
    given, later = values, dict[str, Any]()
    nested = any(isinstance(value, Mapping) for value in values.values())
    if nested or not values.keys() <= columns.keys():
        given, later = related.in_order(UserModel, values, new=True)
    waits = user_model.can_be_inactive and not given.setdefault("is_active", False)
    taken = {
        name: value
        for name, value in given.items()
        if name in named
        or (takes_any and (name in columns or hasattr(UserModel, name)))
    }
    user = create_user(**taken)
    # The manager in Django's example of a custom user takes no flags.
    rest = {n: v for n, v in given.items() if n not in taken and n in columns}
    if rest:
        _write_rest(user, rest, waits=waits)
    if later:
        # In a form, "none" and "not sent" look the same.
        later = {name: value for name, value in later.items() if value}
        related.write(user, later, new=True)
    return user


@cache
def _parameters(function: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    """Return the names that ``function`` takes, and whether it takes any other."""
    parameters = inspect.signature(function).parameters.values()
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return frozenset(p.name for p in parameters), takes_any


@sensitive_variables()
def _write_rest(user: User, values: dict[str, Any], *, waits: bool) -> None:
    if waits and user_model.can_wait:
        values["last_login"] = waiting_mark()
    for name, value in values.items():
        setattr(user, name, value)
    user.save(update_fields=list(values))


@sensitive_variables()
def _create_plain_user(**values: Any) -> User:
    password = values.pop("password", None)
    user = UserModel(**values)
    user.set_password(password)
    user.save()
    return user


def withdraw(user: User) -> None:
    """
    Delete the account of a registration whose mail could not be sent, if it is unused.

    Rows that refer to it are handled by the ``on_delete`` of their foreign keys. If one
    forbids the deletion the account stays, and the log has an entry.
    """
    untouched = {"password": user.password, "is_active": False}
    try:
        with AccountTransaction():
            all_rows().filter(pk=user.pk, **untouched).delete()
    except IntegrityError:
        # Django's ProtectedError and RestrictedError are subclasses.
        logger.exception("The account of user %s stays without its mail", user.pk)
