"""
Finding a user: by what somebody typed, or by the ident of a link.

Also the one ``authenticate()``, and what the columns of a row say about its account.
"""

from __future__ import annotations

import enum
import operator
import unicodedata
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

from django.conf import settings
from django.contrib import auth
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import (
    BooleanField,
    CharField,
    EmailField,
    ExpressionWrapper,
    Field,
    IntegerField,
    Q,
    TextField,
)
from django.db.models.manager import BaseManager
from django.db.models.signals import class_prepared, pre_save
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from .collation import one_spelling, spelling
from .settings import SETTING_NAME, InvalidConfigurationError, api_settings

# The host's user model, and one of its rows: known when the host runs.
UserModel: Any = get_user_model()
if TYPE_CHECKING:
    User: TypeAlias = Any
else:
    # Projects import the class by this name, from ``admin`` and ``services`` as well.
    User = UserModel


def users() -> Any:
    """
    Return the manager that a project means when it says "all users".

    What it hides (rows that are deleted softly, another tenant's) cannot log in or get
    a mail. It reads where it writes: a link, a mail and a login end in a write, and a
    replica may not have the row yet, or have an older one.
    """
    manager = UserModel._default_manager
    if not router.routers:
        return manager
    return manager.db_manager(router.db_for_write(UserModel))


def all_rows() -> Any:
    """
    Return every row of the user model, as the database that is written to has it.

    The names of an account are taken, whether or not the project's manager shows it.
    """
    return UserModel._base_manager.using(router.db_for_write(UserModel))


def hides_rows() -> bool:
    """Tell whether the default manager may hide rows."""
    manager = type(UserModel._default_manager)
    return manager.get_queryset is not BaseManager.get_queryset


def has_column(name: str) -> bool:
    """Tell whether ``name`` is a column of the user model, not just an attribute."""
    return any(field.name == name for field in UserModel._meta.concrete_fields)


def email_field() -> str:
    """Return the name of the user model's e-mail field."""
    return str(UserModel.get_email_field_name())


def username_field() -> str | None:
    """Return the name of the username field, None where people log in by e-mail."""
    name = str(UserModel.USERNAME_FIELD)
    return None if name == email_field() else name


def email_of(user: User) -> str:
    """Return the address that mails to ``user`` go to, "" for none."""
    return getattr(user, email_field()) or ""


def own_name(name: str) -> str | None:
    """
    Return what the user model calls the field that defaults call ``name``.

    ``"email"`` and ``"username"`` stand for the model's own fields of these roles; None
    where it has no such field.
    """
    if has_column(name):
        return name
    own = {"email": email_field(), "username": username_field()}.get(name)
    return own if own and has_column(own) else None


def identity_fields() -> list[str]:
    """
    Return the names of the fields that a person may log in by, in order.

    Raises :exc:`InvalidConfigurationError` for a name that the host wrote and the user
    model lacks.
    """
    if api_settings.is_default("USER_IDENTITY_FIELDS"):
        names = map(own_name, api_settings.USER_IDENTITY_FIELDS)
        return list(dict.fromkeys(name for name in names if name))
    for name in api_settings.USER_IDENTITY_FIELDS:
        if not has_column(name):
            raise InvalidConfigurationError(
                f"{SETTING_NAME}['USER_IDENTITY_FIELDS']: {UserModel._meta.label} "
                f"has no field {name!r}"
            )
    return list(api_settings.USER_IDENTITY_FIELDS)


def is_email(field: Field[Any, Any]) -> bool:
    return isinstance(field, EmailField) or field.name == email_field()


def normal_address(address: str) -> str:
    """
    Return the one form in which an address is compared and stored.

    The domain becomes what the mail system sees: NFKC, ideographic full stops as dots,
    lower case, IDNA. The local part stays as it is, since only its own host may know
    whether case matters there; comparing ignores it.

    Raises :exc:`ValueError` for a domain that IDNA cannot encode, or would turn into
    another one: SECURITY: "faß.example" would get its mail at "fass.example", which
    somebody else may own.
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


def equals(name: str, value: str, *, any_case: bool = False) -> Q | None:
    """
    Return the condition that finds ``value`` in the field ``name``.

    E-mail fields compare case-insensitively, other texts with ``any_case``. None where
    nothing can match.
    """
    field = UserModel._meta.get_field(name)
    if is_email(field):
        return _equals_address(name, value)
    if name == UserModel.USERNAME_FIELD:
        value = normal_username(value)
    if not is_value(field, value):
        return None
    value = field.to_python(value)
    if field.is_relation:
        return Q((f"{name}__{field.target_field.name}", value))
    folds = any_case and isinstance(value, str)
    return Q((f"{name}__iexact" if folds else name, value))


def _equals_address(name: str, value: str) -> Q | None:
    # An ident without @ is no address: spare the database the scan.
    if "@" not in value:
        return None
    same = Q((f"{name}__iexact", value))
    try:
        normal = normal_address(value)
    except ValueError:
        return same
    # All of them, as older rows may hold what was typed then.
    forms = {normal, _in_unicode(normal)} - {value}
    return reduce(operator.or_, (Q((f"{name}__iexact", form)) for form in forms), same)


def _in_unicode(address: str) -> str:
    """Return a normal form as people write it, with the letters of their alphabet."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode().decode('idna')}"
    except UnicodeError:
        return address


def normal_username(username: str) -> str:
    """Return the one form in which a username is compared and stored: Django's NFKC."""
    normal: str = UserModel.normalize_username(username)
    # One that is no text, a number or a related row, comes back as it is.
    return normal


def find_for_login(typed: str) -> tuple[User | None, str]:
    """
    Return who is found by what somebody typed, and what backends may be asked for.

    In one query at most: USER_IDENTITY_FIELDS is walked in order, and the first field
    that finds exactly one user decides.

    The second is for :func:`authenticate`. SECURITY: it is one text for all spellings
    that would find one account. What counts failures by name, as django-axes does, sees
    the stored name of a known account, however it is typed, and must not see as many
    names of an unknown one as there are spellings.
    """
    found = _found_by_field(typed)
    asked_for = _one_spelling(typed)
    # Of several a backend may know which one is meant, by the very letters.
    return _the_one(found), typed if any(found.values()) else asked_for


def _one_spelling(typed: str) -> str:
    is_address = _is_address(typed)
    column, normal = _normal(typed, is_address=is_address)
    alias = router.db_for_read(UserModel)
    return one_spelling(column, normal, alias, any_case=is_address)


# More accounts of one address than this get no mail at one request.
_MOST_RECIPIENTS = 10


def find_recipients(typed: str) -> list[User]:
    """
    Return the users whom a mail for ``typed`` is for, in one query at most.

    The one that :func:`find_for_login` finds; otherwise those who share the address,
    as old rows may. Each has a link of its own, and they log in by their usernames.
    """
    found = _found_by_field(typed)
    one = _the_one(found)
    return found.get(email_field(), [])[:_MOST_RECIPIENTS] if one is None else [one]


def _the_one(found: Mapping[str, list[User]]) -> User | None:
    return next((rows[0] for rows in found.values() if len(rows) == 1), None)


def _found_by_field(typed: str) -> dict[str, list[User]]:
    """Return the users that each of the identity fields finds, in their order."""
    conditions = {
        name: condition
        for name in identity_fields()
        if (condition := equals(name, typed)) is not None
    }
    if not conditions:
        return {}
    found_by = {name: f"found_by_{name}" for name in conditions}
    # The database says which field matched: Python's idea of equal text is another one.
    candidates = list(
        users()
        .filter(reduce(operator.or_, conditions.values()))
        .annotate(
            **{
                found_by[name]: ExpressionWrapper(
                    condition, output_field=BooleanField()
                )
                for name, condition in conditions.items()
            }
        )
    )
    return {
        name: [user for user in candidates if getattr(user, found_by[name])]
        for name in conditions
    }


def find_by_address(address: str) -> User | None:
    """Return the one user whose mails go to ``address``, whatever people log in by."""
    found = users().filter(equals(email_field(), address))[:2]
    return found[0] if len(found) == 1 else None


@sensitive_variables()
def authenticate(
    request: HttpRequest, found: User | None, password: str, typed: str = ""
) -> User | None:
    """
    Return the account that ``password`` proves, or None.

    ``found``: whom an ident named. ``typed``: what was typed for it, as
    :func:`find_for_login` returns it. A backend may know an account that has no row yet
    (a directory's), or decide which one is meant (by tenant), so it is asked for that
    where nobody is found, and the account that it returns is taken. Without ``typed``
    it is ``found`` or none.

    Sends Django's ``user_login_failed`` once where the answer is None.

    SECURITY: calls Django's ``authenticate()`` exactly once, whatever was found, so an
    unknown account costs the same one hash as a known one (OWASP ASVS 5.0, 6.3.8). A
    backend would find what was typed in fields that USER_IDENTITY_FIELDS leaves out, so
    it gets that only where the username is no such field, and an account that it has
    named by another field is refused.
    """
    username = name_of(found) if found else _username_to_ask_for(typed)
    holding = _held.set(None if found is None or found.is_active else found)
    try:
        user = None
        if username is None:
            user = _authenticate_nameless(found, password)
        else:
            user = auth.authenticate(request, username=username, password=password)
            if user is None:
                return None
    finally:
        _held.reset(holding)
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


# They look for an account by its username, then at its password and ``is_active``.
_DJANGOS_BACKENDS = ("ModelBackend", "AllowAllUsersModelBackend")


def _is_djangos(backend: Any) -> bool:
    # By its name: the module of these needs the user model, and so comes after this.
    kind = type(backend)
    is_one = kind.__qualname__ in _DJANGOS_BACKENDS
    return is_one and kind.__module__ == "django.contrib.auth.backends"


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
    row = None
    if found is not None and all(map(_is_djangos, backends)):
        row = users().filter(pk=found.pk).first()
    if row is None:
        UserModel().set_password(password)
    elif row.check_password(password):
        for path, backend in zip(paths, backends, strict=True):
            if backend.user_can_authenticate(row):
                row.backend = path
                return row
    return None


def name_of(user: User) -> Any:
    """Return the username of ``user``; of a related row what refers to it."""
    field = UserModel._meta.get_field(UserModel.USERNAME_FIELD)
    return getattr(user, field.attname) if field.is_relation else user.get_username()


def _username_to_ask_for(typed: str) -> str | None:
    """Return what backends are asked for where nobody is found; None where nothing."""
    name = str(UserModel.USERNAME_FIELD)
    # Always the same for one name: a backend that counts failures by name must lock an
    # unknown one as it does a known one. It is of the length of a UUID, and secret.
    nobody = salted_hmac(
        "ai_kit_auth.users.nobody", account_key(None, typed), algorithm="sha256"
    ).hexdigest()[:32]
    # Below zero, as no key and no number of a customer is.
    number = f"-{int(nobody[:7], 16) + 1}"
    names = [typed] if typed and name in identity_fields() else []
    field = UserModel._meta.get_field(name)
    return next((n for n in (*names, nobody, number) if is_value(field, n)), None)


def is_value(field: Field[Any, Any], text: str) -> bool:
    """Tell whether a lookup in ``field`` takes ``text``."""
    target = getattr(field, "target_field", field)
    try:
        value = field.to_python(text)
        field.get_prep_value(value)
        if isinstance(target, IntegerField):
            # Not every database driver takes a number that no row can have.
            target.run_validators(value)
    except (ValidationError, ValueError, TypeError):
        return False
    return True


def _is_meant(user: User, found: User | None, typed: str) -> bool:
    """Tell whether a backend may name ``user``, whom it returns, by ``typed``."""
    own = identity_fields()
    named_by = {
        field.name
        for field in UserModel._meta.concrete_fields
        if _folded(getattr(user, field.attname)) == _folded(typed)
    }
    # Its own way from a name to an account is the backend's to know.
    return not named_by.isdisjoint(own) or (found is None and not named_by)


def _folded(value: object) -> str:
    return unicodedata.normalize("NFKC", str(value)).casefold()


# An inactive account whose password is looked at. A backend that finds it right hashes
# it anew where ``PASSWORD_HASHERS`` has changed, and then refuses the account; the new
# hash would make the pending activation link void. It is written once it is active.
_held: ContextVar[User | None] = ContextVar("held", default=None)


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
    is_address = as_address or _is_address(typed)
    form = _looked_up(typed, is_address=is_address) if typed else ""
    if found is not None:
        return f"account|{found.pk}|{found.password}"
    return f"typed|{form}"


def _is_address(typed: str) -> bool:
    """Tell whether ``typed`` is looked up in an e-mail field."""
    fields = map(UserModel._meta.get_field, identity_fields())
    return "@" in typed and any(map(is_email, fields))


def _looked_up(typed: str, *, is_address: bool) -> str:
    column, normal = _normal(typed, is_address=is_address)
    alias = router.db_for_read(UserModel)
    return spelling(column, normal, alias, any_case=is_address)


def _normal(typed: str, *, is_address: bool) -> tuple[Field[Any, Any], str]:
    """Return the column that ``typed`` is looked up in, and its normal form there."""
    if is_address:
        with suppress(ValueError):
            typed = normal_address(typed)
    else:
        typed = normal_username(typed)
    name = email_field() if is_address else UserModel.USERNAME_FIELD
    return UserModel._meta.get_field(name), typed


def loose_keys(typed: str) -> list[str]:
    """
    Return what a login is counted by besides, where the project's own code finds names.

    SECURITY: a backend or a manager may take spellings for one name that this app takes
    for several. Each would have a counter of its own, and a guesser a limit per
    spelling. So whatever is typed is counted by its letters alone as well, whether or
    not it has an account: it tells nothing. Accounts that are found by these letters
    count with their passwords, so that a new one starts afresh.
    """
    asked_for_typed = UserModel.USERNAME_FIELD in identity_fields()
    if not asked_for_typed or not _names_are_found_by_others():
        return []
    letters = _letters(typed)
    conditions = [equals(name, letters, any_case=True) for name in identity_fields()]
    found = reduce(operator.or_, filter(None, conditions), Q(pk__in=[]))
    rows = users().filter(found).order_by("pk").values_list("password", flat=True)
    return ["|".join(["loose", letters, *rows[:_MOST_RECIPIENTS]])]


def _names_are_found_by_others() -> bool:
    """Tell whether code of the project's own turns a name into an account."""
    manager = type(UserModel._default_manager)
    finders = [getattr(manager, "get_by_natural_key", None)]
    for path in settings.AUTHENTICATION_BACKENDS:
        finders.append(getattr(import_string(path), "authenticate", None))
    return any(finder and not _is_djangos_auth(finder) for finder in finders)


def _is_djangos_auth(finder: Any) -> bool:
    return str(finder.__module__).startswith("django.contrib.auth.")


def _letters(text: str) -> str:
    """Return ``text`` without case, accents, width and whatever shows nothing."""
    letters = unicodedata.normalize("NFKD", _folded(text))
    seen = (
        letter for letter in letters if unicodedata.category(letter)[0] not in "MZC"
    )
    return "".join(seen)


def can_be_made_up(field: Field[Any, Any]) -> bool:
    """Tell whether :func:`unique_username` is a value for ``field``."""
    # One of another package may have rules for what a text is.
    return isinstance(field, CharField | TextField) and is_djangos(field)


def is_djangos(field: Field[Any, Any]) -> bool:
    """Tell whether the class of ``field`` is one of Django's own."""
    return type(field).__module__.startswith("django.db.models.")


def unique_username() -> str:
    """Return a username that nobody has, for an account that was given none."""
    length = UserModel._meta.get_field(UserModel.USERNAME_FIELD).max_length
    return uuid.uuid4().hex[:length]


def scramble_id(pk: Any) -> Any:
    """
    Hide a sequential primary key; the function is its own inverse.

    ``pk``: an integer from 0 to 2**32 - 1, or a string of one, gives another such
    integer; anything else (a UUID) comes back as it is. It is no secret: the 32-bit
    Feistel network of the PostgreSQL wiki's page *Pseudo encrypt*.
    """
    number = _number(pk)
    if number is None:
        return pk
    left, right = number >> 16, number & 0xFFFF
    for _ in range(3):
        half = round((1366 * right + 150889) % 714025 / 714025.0 * 32767)
        left, right = right, left ^ half
    return (right << 16) + left


def _number(pk: Any) -> int | None:
    if isinstance(pk, str):
        # One spelling a number: "007" and other alphabets' digits are no idents.
        pk = int(pk) if pk.isdecimal() and len(pk) <= 10 and str(int(pk)) == pk else pk
    if isinstance(pk, int) and not isinstance(pk, bool) and 0 <= pk < 2**32:
        return pk
    return None


def ident_of(user: User) -> str:
    """Return the ident of ``user`` in links."""
    return str(scramble_id(user.pk))


def find_by_ident(ident: str) -> User | None:
    """Return the user behind the ident of a link, or None."""
    try:
        pk = UserModel._meta.pk.to_python(scramble_id(ident))
    except ValidationError:
        return None
    user = users().filter(pk=pk).first()
    if user is None and hides_rows():
        # A manager that shows active accounts alone hides those that wait, too. Who
        # activates one asks is_hidden() afterwards.
        user = all_rows().filter(in_state(AccountState.WAITING), pk=pk).first()
    # Another spelling of the same key (a UUID in capitals) is no ident of ours.
    return user if user is not None and ident_of(user) == ident else None


def is_hidden(user: User) -> bool:
    """Tell whether the project's manager hides ``user`` as the row is now."""
    return hides_rows() and not users().filter(pk=user.pk).exists()


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


def can_wait() -> bool:
    """Tell whether the user model has the columns that show a waiting account."""
    return all(map(has_column, _STATE_COLUMNS))


def waiting_accounts() -> Any:
    """
    Return the accounts that wait for their first activation, as a queryset.

    Reports and clean-ups ask this, and not ``last_login``. It is a queryset of the user
    model's default manager, empty where the model cannot show such accounts.
    """
    return users().filter(in_state(AccountState.WAITING))


def in_state(state: AccountState) -> Q:
    """Return the condition that finds the accounts in ``state``."""
    if state is AccountState.ACTIVE:
        return Q(is_active=True) if has_column("is_active") else Q()
    if not can_wait():
        inactive = state is AccountState.UNKNOWN and has_column("is_active")
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


_STATE_COLUMNS = ("is_active", "last_login")
_MARK_UID = "ai_kit_auth.keep_waiting_mark"


def watch_saves() -> None:
    """
    Connect :func:`keep_waiting_mark` to each model whose rows are accounts.

    SECURITY: not to ``get_user_model()`` alone: an admin may deactivate an account
    through a proxy or a child of it, whose signals have another sender.
    """
    if not can_wait():
        return
    # Where the user model is itself a proxy or a child, the table is its parent's.
    family = [UserModel._meta.get_field("last_login").model]
    for model in family:
        _watch_model(model)
        family += model.__subclasses__()
    class_prepared.connect(_watch_model, dispatch_uid=_MARK_UID)


def _watch_model(sender: Any, **kwargs: object) -> None:
    owners = [UserModel._meta.get_field(name).model for name in _STATE_COLUMNS]
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
    held = _held.get()
    if (
        held is not None
        and held.pk == instance.pk
        and update_fields == frozenset({"password"})
    ):
        instance.password = held.password
    written = set(_STATE_COLUMNS)
    if update_fields is not None:
        written &= update_fields
    if raw or not written:
        return
    state = state_of(instance)
    adding = instance._state.adding
    if adding:
        # An account may be made in two steps, by one object: that deactivates nobody.
        instance._state.ai_kit_auth_made = True
        right = waiting_mark() if state is AccountState.UNKNOWN else instance.last_login
    else:
        right = instance.last_login
    rows = UserModel._base_manager.using(using).filter(pk=instance.pk)
    if state is AccountState.ACTIVE:
        right = None if is_mark(right) else right
    elif not adding:
        right = _last_login_of_inactive(instance, state, rows, written)
    if right != instance.last_login:
        instance.last_login = right
        if "last_login" not in written:
            rows.update(last_login=right)


def _last_login_of_inactive(
    user: User, state: AccountState, rows: Any, written: Collection[str]
) -> datetime | None:
    """Return the ``last_login`` that the row of an inactive ``user`` shall have."""
    own: datetime | None = user.last_login
    if state is AccountState.DEACTIVATED:
        # SECURITY: a backend such as AllowAllUsersModelBackend logs a waiting account
        # in. It waits on, or the login would make its link and every reset void.
        if set(written) == {"last_login"}:
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
    # SECURITY: one that is deactivated before its first login looks as 2.0.0 has left
    # one that waits, and a link of 2.0.0 would open it; one that was activated past
    # this receiver, by ``queryset.update()``, still has its mark.
    if row is not None and (own is None or is_mark(row["last_login"])):
        return timezone.now()
    return own
