"""
Finding a user: by what a client typed, or by the ident of a link.

Also the one ``authenticate()``, and what the events of an account are counted by.
"""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, reduce
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
    in_state,
    is_called,
    is_named,
    normal_address,
    scramble_id,
)
from .accounts import waiting_mark as waiting_mark
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
    Return the manager that a project means by "all users".

    What it hides (rows that are deleted softly, another tenant's) cannot log in or get
    a mail. It reads where it writes: a link, a mail and a login end in a write, and a
    replica may not have the row yet, or have an older one.
    """
    manager = UserModel._default_manager
    if not router.routers:
        return manager
    return manager.db_manager(router.db_for_write(UserModel))


def waiting_accounts() -> Any:
    """
    Return the accounts that wait for their first activation, as a queryset.

    Reports and clean-ups ask this, and not ``last_login``. It is a queryset of the user
    model's default manager, empty where the model cannot show such accounts.
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

    In one query at most: USER_IDENTITY_FIELDS is walked in order, and the first field
    that finds exactly one user decides.

    The second is for :func:`authenticate`. SECURITY: it is one text for all spellings
    that would find one account. What counts failures by name, as django-axes does, sees
    the stored name of a known account, however it is typed, and must not see as many
    names of an unknown one as there are spellings.

    The third are the keys that the attempt is counted by: :func:`account_key`, and
    where the project's own code finds names, the letters alone.
    """
    names = identity_fields()
    found = _found_by_field(typed, names)
    is_address = _is_address(typed, names)
    form, asked_for = _spellings(typed, is_address=is_address)
    if not is_address and _is_address(asked_for, names):
        # A full-width @ has become one.
        form, _ = _spellings(asked_for, is_address=True)
    if any(found.values()):
        # Of several a backend may know which one is meant, by the very letters.
        asked_for = typed
    user = _the_one(found)
    key = f"typed|{form}" if user is None else f"account|{user.pk}|{user.password}"
    return user, asked_for, [key, *_loose_keys(asked_for, names)]


# More accounts of one address than this get no mail at one request.
_MOST_RECIPIENTS = 10


def find_recipients(typed: str) -> list[User]:
    """
    Return the users that get a mail for ``typed``, in one query at most.

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
    """Return the users that each of the identity fields finds, in their order."""
    conditions: dict[str, Q] = {}
    for name in names:
        condition = _condition(name, typed)
        if condition is not None:
            conditions[name] = condition
    if not conditions:
        return {}
    # The database says which field matched: Python's idea of equal text is another one.
    candidates = list(
        users()
        .filter(reduce(operator.or_, conditions.values()))
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
        name: [user for user in candidates if getattr(user, f"found_by_{name}")]
        for name in conditions
    }


def _condition(name: str, typed: str) -> Q | None:
    """
    Return the condition that finds ``typed`` in the column ``name``.

    Addresses compare in any case. None where nothing can match.
    """
    if name in user_model.addresses:
        if "@" not in typed:
            # No address: this spares the database the scan.
            return None
        if typed.isascii() and "xn--" not in typed.lower():
            return Q((f"{name}__iexact", typed))
        forms = [Q((f"{name}__iexact", form)) for form in address_forms(typed)]
        return reduce(operator.or_, forms)
    if name not in user_model.texts:
        return is_called(name, typed)
    if name == user_model.username:
        typed = UserModel.normalize_username(typed)
    return Q((name, typed))


def find_by_address(address: str) -> User | None:
    """Return the one user with the e-mail address ``address``, or None."""
    found = users().filter(_condition(user_model.email, address))[:2]
    return found[0] if len(found) == 1 else None


def find_by_ident(ident: str) -> User | None:
    """Return the user behind the ident of a link, or None."""
    try:
        pk = UserModel._meta.pk.to_python(scramble_id(ident))
    except ValidationError:
        return None
    user = users().filter(pk=pk).first()
    if user is None and user_model.hides_rows:
        # A manager that shows active accounts alone hides those that wait, too. The
        # caller that activates one asks is_hidden() afterwards.
        user = all_rows().filter(in_state(AccountState.WAITING), pk=pk).first()
    # Another spelling of the same key (a UUID in capitals) is no ident of ours.
    return user if user is not None and ident_of(user) == ident else None


def is_hidden(user: User) -> bool:
    """Tell whether the project's manager hides ``user`` as the row is now."""
    return user_model.hides_rows and not users().filter(pk=user.pk).exists()


# Authentication


@sensitive_variables()
def authenticate(
    request: HttpRequest, found: User | None, password: str, typed: str = ""
) -> User | None:
    """
    Return the account that ``password`` proves, or None.

    ``found``: the user that an ident named. ``typed``: what was typed for it, as
    :func:`find_for_login` returns it. A backend may know an account that has no row yet
    (a directory's), or decide which one is meant (by tenant), so it is asked for that
    where no user is found, and the account that it returns is taken. Without ``typed``
    it is ``found`` or none.

    Sends Django's ``user_login_failed`` once where the answer is None.

    SECURITY: calls Django's ``authenticate()`` exactly once, whatever was found, so an
    unknown account costs the same one hash as a known one (OWASP ASVS 5.0, 6.3.8). A
    backend would find what was typed in fields that USER_IDENTITY_FIELDS leaves out, so
    it gets that only where the username is no such field, and an account that it has
    named by another field is refused.
    """
    username = _username_to_ask_for(typed) if found is None else name_of(found)
    holding = being_checked.set(None if found is None or found.is_active else found)
    try:
        user = None
        if username is None:
            user = _authenticate_nameless(found, password)
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
    """Return the username of ``user``; of a related row what refers to it."""
    field = user_model.username_field
    return getattr(user, field.attname) if field.is_relation else user.get_username()


def _authenticate_nameless(found: User | None, password: str) -> User | None:
    """
    Return ``found``, whose username is NULL, if ``password`` is its own, or None.

    No backend can look for it, so this does what Django's own do. It costs a hash
    either way.

    SECURITY: another backend may know a rule, such as a lock, that nothing may lead
    around.
    """
    paths = settings.AUTHENTICATION_BACKENDS
    backends: list[Any] = list(auth.get_backends())
    kinds = [type(backend) for backend in backends]
    row = None
    if found is not None and DJANGOS_BACKENDS.issuperset(
        f"{kind.__module__}.{kind.__qualname__}" for kind in kinds
    ):
        row = users().filter(pk=found.pk).first()
    if row is None:
        UserModel().set_password(password)
    elif row.check_password(password):
        for path, backend in zip(paths, backends, strict=True):
            if backend.user_can_authenticate(row):
                row.backend = path
                return row
    return None


def _username_to_ask_for(typed: str) -> str | None:
    """Return what backends are asked for where no user is found, or None."""
    field = user_model.username_field
    # Always the same for one name: a backend that counts failures by name must lock an
    # unknown one as it does a known one. It is of the length of a UUID, and secret.
    unknown = salted_hmac(
        "ai_kit_auth.users.nobody", account_key(None, typed), algorithm="sha256"
    ).hexdigest()[:32]
    # Below zero, as no key and no number of a customer is.
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
    # A backend may have a way of its own from a name to an account.
    return not named_by.isdisjoint(identity_fields()) or (
        found is None and not named_by
    )


def _folded(value: object) -> str:
    return unicodedata.normalize("NFKC", str(value)).casefold()


# What events are counted by


def account_key(found: User | None, typed: str, *, as_address: bool = False) -> str:
    """
    Return what the events of the account that ``typed`` names are counted by.

    ``as_address``: it was looked up by :func:`find_by_address`, and not in
    USER_IDENTITY_FIELDS.

    An account is itself together with its password: guesses at the last one say nothing
    about a new one, and a test suite's next user with the same key starts afresh.

    SECURITY: where no account is found, it is what was typed in the form in which it
    was looked up, so that two spellings share a counter exactly if the database would
    find one account by both. Otherwise the counters would tell which accounts exist.
    The form costs the same where an account is found.
    """
    form = ""
    if typed:
        is_address = as_address or _is_address(typed, identity_fields())
        form, _ = _spellings(typed, is_address=is_address)
    if found is not None:
        return f"account|{found.pk}|{found.password}"
    return f"typed|{form}"


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
    Return what a login is counted by besides, where the project's own code finds names.

    SECURITY: a backend or a manager may take spellings for one name that this package
    takes for several. Each would have a counter of its own, and a guesser a limit per
    spelling. So what is typed is counted by its letters alone as well, whether or not
    it has an account: it tells nothing. Accounts that are found by these letters count
    with their passwords, so that a new one starts afresh.
    """
    backends = tuple(settings.AUTHENTICATION_BACKENDS)
    if UserModel.USERNAME_FIELD not in names or not _names_are_found_by_others(
        backends
    ):
        return []
    letters = _letters(typed)
    found = users().filter(is_named(letters, names))
    rows = found.order_by("pk").values_list("password", flat=True)
    return ["|".join(["loose", letters, *rows[:_MOST_RECIPIENTS]])]


@cache
def _names_are_found_by_others(backends: Sequence[str]) -> bool:
    """Tell whether code of the project's own turns a name into an account."""
    manager = type(UserModel._default_manager)
    finders = [getattr(manager, "get_by_natural_key", None)]
    for path in backends:
        finders.append(getattr(import_string(path), "authenticate", None))
    return any(
        finder and not str(finder.__module__).startswith("django.contrib.auth.")
        for finder in finders
    )


def _letters(text: str) -> str:
    """Return ``text`` without case, accents, width and all that shows nothing."""
    letters = unicodedata.normalize("NFKD", _folded(text))
    seen = (
        letter for letter in letters if unicodedata.category(letter)[0] not in "MZC"
    )
    return "".join(seen)
