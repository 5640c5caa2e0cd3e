"""
Find a user by the name that was typed, or by the ident of a link.

This module also has ``authenticate()``, and the keys by which events are counted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.core.exceptions import ValidationError
from django.db import connections, router
from django.db.models import BooleanField, ExpressionWrapper, Field, Q
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from . import collation
from .accounts import AccountState as AccountState
from .accounts import (
    address_forms,
    all_rows,
    being_checked,
    ident_of,
    in_any_case,
    in_state,
    is_named,
    lookup_of,
    normal_address,
    scramble_id,
)
from .accounts import waiting_mark as waiting_mark
from .prepared import Lookup, prepared
from .settings import api_settings
from .user_model import (
    DEFAULT_IDENTITY_FIELDS,
    DJANGOS_BACKENDS,
    User,
    identity_columns,
    is_value,
    user_model,
)
from .user_model import UserModel as UserModel


def users() -> Any:
    """
    Return the user model's default manager.

    Rows that it hides (soft-deleted rows, rows of another tenant) cannot log in or get
    a mail. It reads from the database that is written to: a link, a mail and a login
    end in a write, and a replica may lack the row or have an older one.
    """
    manager = UserModel._default_manager
    if not router.routers:
        return manager
    return manager.db_manager(router.db_for_write(UserModel))


def waiting_accounts() -> Any:
    """
    Return the accounts that wait for their first activation, as a queryset.

    Reports and clean-ups should use this instead of ``last_login``. It is a queryset of
    the user model's default manager, empty if the model cannot show such accounts.
    """
    return users().filter(in_state(AccountState.WAITING))


def identity_fields() -> tuple[str, ...]:
    """
    Return the names of the fields that a user may log in by, in order.

    Raises :exc:`InvalidConfigurationError` for a name that the project wrote and the
    user model lacks.
    """
    names = api_settings.USER_IDENTITY_FIELDS
    return identity_columns(tuple(names), are_default=names is DEFAULT_IDENTITY_FIELDS)


# Finding


def find_for_login(typed: str) -> tuple[User | None, str, list[str]]:
    """
    Return the user that ``typed`` names, and what a login asks for and counts by.

    In the order of USER_IDENTITY_FIELDS, the first field that finds exactly one user
    decides. This takes one query at most, and a second one where several users have the
    name.

    The name is for :func:`authenticate`. SECURITY: it is the same for all spellings
    that would find one account. A package that counts failures by name, such as
    django-axes, sees the stored name of a known account for every spelling. It must not
    see several names of an unknown account.

    The attempt is counted by the keys: :func:`account_key` and, if code of the project
    finds names, the letters alone.
    """
    names = identity_fields()
    found = _found_by_field(typed, names)
    is_address = _is_address(typed, names)
    form, asked_for = _spellings(typed, is_address=is_address)
    if not is_address and _is_address(asked_for, names):
        # NFKC turned a full-width @ into @.
        form, _ = _spellings(asked_for, is_address=True)
    if any(found.values()):
        # A backend may choose one of several accounts by the exact letters.
        asked_for = typed
    user = _the_one(found)
    return user, asked_for, [_key(user, form), *_loose_keys(asked_for, names)]


# The most accounts with one e-mail address that get a mail for one request.
_MOST_RECIPIENTS = 10


def find_recipients(typed: str) -> list[User]:
    """
    Return the users that get a mail for ``typed``, in as many queries as a login.

    The one that :func:`find_for_login` finds, or the users that share the address, as
    old rows may. Each has a link of its own, and they log in by their usernames.
    """
    found = _found_by_field(typed, identity_fields())
    one = _the_one(found)
    return found.get(user_model.email, [])[:_MOST_RECIPIENTS] if one is None else [one]


def _the_one(found: Mapping[str, list[User]]) -> User | None:
    for rows in found.values():
        if len(rows) == 1:
            return rows[0]
    return None


def _found_by_field(typed: str, names: Sequence[str]) -> dict[str, list[User]]:
    """
    Return the users that each of the identity fields finds, in their order.

    Where only one user is found in all, it stands for each of the fields.
    """
    ways = {name: lookups for name in names if (lookups := _lookups(name, typed))}
    candidates = _found_by_any([lookup for each in ways.values() for lookup in each])
    if len(candidates) < 2:
        return dict.fromkeys(ways, candidates)
    # The database tells which field matched: Python compares texts in another way.
    conditions = {name: Q(*lookups, _connector=Q.OR) for name, lookups in ways.items()}
    marked = list(
        users()
        .filter(Q(*conditions.values(), _connector=Q.OR))
        .annotate(
            **{
                f"found_by_{name}": ExpressionWrapper(
                    condition, output_field=BooleanField()
                )
                for name, condition in conditions.items()
            }
        )
    )
    return {
        name: [user for user in marked if getattr(user, f"found_by_{name}")]
        for name in conditions
    }


def _found_by_any(lookups: Sequence[Lookup]) -> list[User]:
    """
    Return the users that one of ``lookups`` finds.

    Without a LIMIT, for which PostgreSQL may prefer to read the whole table.
    """
    if not lookups:
        return []
    rows, statement = users(), None
    names = [name for name, _ in lookups]
    if user_model.finds_plainly and user_model.takes_any_text(names):
        statement = prepared("users", rows.db, names, partial(_with_any, rows))
    if statement is None:
        return list(_with_any(rows, lookups))
    return statement.instances(lookups)


def _with_any(rows: Any, lookups: Sequence[Lookup]) -> Any:
    return rows.filter(Q(*lookups, _connector=Q.OR))


def _lookups(name: str, typed: str) -> list[Lookup]:
    """
    Return the lookups that find ``typed`` in the column ``name``.

    E-mail addresses are compared regardless of case. None if nothing can match.
    """
    if name in user_model.addresses:
        if "@" not in typed:
            # It is not an e-mail address, so the database need not scan.
            return []
        if typed.isascii() and "xn--" not in typed.lower():
            return [in_any_case(name, typed)]
        return [in_any_case(name, form) for form in address_forms(typed)]
    lookup = lookup_of(name, typed)
    return [] if lookup is None else [lookup]


def find_by_address(address: str) -> User | None:
    """Return the one user with the e-mail address ``address``, or None."""
    found = _found_by_any(_lookups(user_model.email, address))
    return found[0] if len(found) == 1 else None


def find_by_ident(ident: str) -> User | None:
    """Return the user behind the ident of a link, or None."""
    try:
        pk = UserModel._meta.pk.to_python(scramble_id(ident))
    except ValidationError:
        return None
    rows = _found_by_key(pk)
    if not rows and user_model.hides_rows:
        # A manager that shows only active accounts hides those that wait, too. A caller
        # that activates one calls is_hidden() afterwards.
        rows = list(all_rows().filter(in_state(AccountState.WAITING), pk=pk)[:1])
    user = rows[0] if rows else None
    # Another spelling of the same key (a UUID in upper case) is not an ident.
    return user if user is not None and ident_of(user) == ident else None


def _found_by_key(pk: Any) -> list[User]:
    rows, statement = users(), None
    # Not every database takes a number that no row can have; Django asks it for none.
    is_large = isinstance(pk, int) and pk >= _LARGE
    if user_model.finds_plainly and not is_large:
        statement = prepared("user", rows.db, (), lambda _: rows.filter(pk=pk))
    if statement is None:
        return list(rows.filter(pk=pk))
    return statement.instances((), pk)


_LARGE = 2**31


def is_hidden(user: User) -> bool:
    """Tell whether the project's manager hides ``user`` as the row is now."""
    return user_model.hides_rows and not users().filter(pk=user.pk).exists()


# Authentication


@sensitive_variables()
def authenticate(
    request: HttpRequest, found: User | None, password: str, typed: str = ""
) -> User | None:
    """
    Return the account that has ``password``, or None.

    ``found`` is the user of an ident, and ``typed`` the name, as :func:`find_for_login`
    returns them. If no user is found, the backends get ``typed``, and the account that
    one returns counts: a backend may know an account without a row (of a directory), or
    choose one (by tenant). Without ``typed`` the result is ``found`` or None.

    This sends Django's ``user_login_failed`` once if the result is None.

    SECURITY: a name costs exactly one call of Django's ``authenticate()``, so an
    unknown account costs the same one hash as a known one (OWASP ASVS 5.0, 6.3.8). A
    backend would look ``typed`` up in fields that USER_IDENTITY_FIELDS leaves out. So
    it gets ``typed`` only if the username is one of the identity fields, and an account
    that it found by another field is refused.
    """
    username = _username_to_ask_for(typed) if found is None else name_of(found)
    holding = being_checked.set(None if found is None or found.is_active else found)
    try:
        user = None
        if username is None:
            user = _authenticate_nameless(found, password)
        elif not typed and _has_only_djangos_backends():
            # They would look for the row that is here already. A copy, since a hash
            # by newer settings may replace its own.
            user = _with_password(copy(found), password)
        else:
            user = auth.authenticate(request, username=username, password=password)
            if user is None:
                return None
    finally:
        being_checked.reset(holding)
    if user is not None:
        same = found is not None and user.pk == found.pk
        if same or (typed and _is_meant(user, found, typed)):
            return user
    auth.signals.user_login_failed.send(
        sender=auth.__name__,
        credentials={"username": username or typed, "password": "*" * 20},
        request=request,
    )
    return None


def name_of(user: User) -> Any:
    """Return the username of ``user``; for a related row, its key."""
    field = user_model.username_field
    return getattr(user, field.attname) if field.is_relation else user.get_username()


def _authenticate_nameless(found: User | None, password: str) -> User | None:
    """
    Return ``found``, whose username is NULL, if it has ``password``, or None.

    No backend can look it up, so this does what Django's backends do. It always costs
    one hash.

    SECURITY: another backend may have a rule, such as a lock, that this would bypass.
    So this works only with Django's backends.
    """
    row = None
    if found is not None and _has_only_djangos_backends():
        row = users().filter(pk=found.pk).first()
    if row is None:
        UserModel().set_password(password)
        return None
    return _with_password(row, password)


def _has_only_djangos_backends() -> bool:
    kinds = [type(backend) for backend in auth.get_backends()]
    return DJANGOS_BACKENDS.issuperset(
        f"{kind.__module__}.{kind.__qualname__}" for kind in kinds
    )


@sensitive_variables()
def _with_password(row: User, password: str) -> User | None:
    """Do with ``row`` what Django's backends do with the row that they find."""
    if row.check_password(password):
        paths = settings.AUTHENTICATION_BACKENDS
        backends: list[Any] = list(auth.get_backends())
        for path, backend in zip(paths, backends, strict=True):
            if backend.user_can_authenticate(row):
                row.backend = path
                return row
    return None


def _username_to_ask_for(typed: str) -> str | None:
    """Return the username for backends if no user is found, or None."""
    field = user_model.username_field
    # It is always the same for one name: a backend that counts failures by name must
    # lock an unknown name like a known one. It has the length of a UUID, and is secret.
    unknown = salted_hmac(
        "ai_kit_auth.users.nobody", account_key(None, typed), algorithm="sha256"
    ).hexdigest()[:32]
    # Negative, since no primary key and no customer number is.
    number = f"-{int(unknown[:7], 16) + 1}"
    names = [typed] if typed and field.name in identity_fields() else []
    return next((n for n in (*names, unknown, number) if is_value(field, n)), None)


def _is_meant(user: User, found: User | None, typed: str) -> bool:
    """Tell whether a backend may return ``user`` for ``typed``."""
    named_by = {
        name
        for name, field in user_model.columns.items()
        if _folded(getattr(user, field.attname)) == _folded(typed)
    }
    # A backend may find an account for a name in its own way.
    return not named_by.isdisjoint(identity_fields()) or (
        found is None and not named_by
    )


def _folded(value: object) -> str:
    return unicodedata.normalize("NFKC", str(value)).casefold()


# What events are counted by


def account_key(found: User | None, typed: str, *, as_address: bool = False) -> str:
    """
    Return the key by which events of the account for ``typed`` are counted.

    With ``as_address`` it was looked up by :func:`find_by_address` instead of
    USER_IDENTITY_FIELDS.

    The key has the account and its password's hash: failed guesses at the old password
    do not count for a new one, and the next user of a test suite with the same primary
    key starts at zero.

    SECURITY: without an account, the key is ``typed`` in the form in which it was
    looked up. Two spellings share a counter exactly if the database would find one
    account by both. Otherwise the counters would show which accounts exist. Computing
    the form takes the same time if there is an account.
    """
    form = ""
    if typed:
        is_address = as_address or _is_address(typed, identity_fields())
        form, _ = _spellings(typed, is_address=is_address)
    return _key(found, form)


def _key(found: User | None, form: str) -> str:
    return f"typed|{form}" if found is None else f"account|{found.pk}|{found.password}"


def _is_address(typed: str, names: Sequence[str]) -> bool:
    """Tell whether ``typed`` is looked up in an e-mail field."""
    return "@" in typed and not user_model.addresses.isdisjoint(names)


def _spellings(typed: str, *, is_address: bool) -> tuple[str, str]:
    """Return :func:`spellings` of ``typed`` in the column that it is looked up in."""
    if not is_address:
        typed = UserModel.normalize_username(typed)
        return spellings(user_model.username_field, typed, any_case=False)
    with suppress(ValueError):
        typed = _normal_address(typed)
    field = UserModel._meta.get_field(user_model.email)
    return spellings(field, typed, any_case=True)


def spellings(field: Field[Any, Any], text: str, *, any_case: bool) -> tuple[str, str]:
    """
    Return the form that all spellings of ``text`` share, and one spelling of them.

    The same rows are found by all of them, and by no others. ``any_case``: by
    ``__iexact`` in the column of ``field``, otherwise by ``=``. Python's ``casefold()``
    is another idea of it than each database's: SQLite folds the letters of ASCII alone,
    PostgreSQL by the locale of the database, MariaDB and MySQL by the collation of the
    column. Where the database has letters for equal of which this package knows
    nothing, two spellings may have two.
    """
    alias = router.db_for_read(UserModel)
    connection = connections[alias]
    if connection.vendor == "mysql":
        return collation.spellings_by_collation(field, text, alias, any_case=any_case)
    # SQLite's one collation in which "=" has no regard to case.
    folds = str(getattr(field, "db_collation", None)).upper() == "NOCASE"
    if not any_case and not folds:
        return text, text
    upper = _upper_ascii
    if connection.vendor == "postgresql":
        upper = collation.upper_by_locale
    form = upper(text, alias)
    candidates = (form.lower(), form)
    same = (each for each in candidates if upper(each, alias) == form)
    return form, next(same, text)


def _normal_address(address: str) -> str:
    if address.isascii():
        local, _, domain = address.rpartition("@")
        return f"{local}@{domain.lower()}"
    return normal_address(address)


def _upper_ascii(text: str, alias: str) -> str:
    return text.translate(_UPPER)


_UPPER = {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}


def _loose_keys(typed: str, names: Sequence[str]) -> list[str]:
    """
    Return further keys by which a login is counted, if code of the project finds names.

    SECURITY: a backend or a manager may accept several spellings of one name. Each
    would have its own counter, so an attacker would have a limit for each spelling. So
    a login is also counted by its letters alone. This is done with and without an
    account, so it shows nothing. The key has the password hashes of the accounts with
    these letters, so that a new password starts at zero.
    """
    backends = tuple(settings.AUTHENTICATION_BACKENDS)
    if UserModel.USERNAME_FIELD not in names or not _names_are_found_by_others(
        backends
    ):
        return []
    letters = _letters(typed)
    found = users().filter(is_named(letters, names))
    # Sorted here: for a LIMIT in the order of the primary key, PostgreSQL may read the
    # whole table in that order.
    rows = sorted(found.values_list("pk", "password"))[:_MOST_RECIPIENTS]
    return ["|".join(["loose", letters, *(password for _, password in rows)])]


@cache
def _names_are_found_by_others(backends: Sequence[str]) -> bool:
    """Tell whether code of the project turns a name into an account."""
    manager = type(UserModel._default_manager)
    finders = [getattr(manager, "get_by_natural_key", None)]
    for path in backends:
        finders.append(getattr(import_string(path), "authenticate", None))
    return any(
        finder and not str(finder.__module__).startswith("django.contrib.auth.")
        for finder in finders
    )


def _letters(text: str) -> str:
    """Return ``text`` without case, accents, width and invisible characters."""
    letters = unicodedata.normalize("NFKD", _folded(text))
    seen = (
        letter for letter in letters if unicodedata.category(letter)[0] not in "MZC"
    )
    return "".join(seen)
