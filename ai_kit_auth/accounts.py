"""
The rows of accounts: their names, their states, and the tokens that a state makes.

The transaction that writes a row stands here as well, and so do the receivers of
Django's signals that each save of an account and each login passes.
"""

from __future__ import annotations

import enum
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.sessions.backends import signed_cookies
from django.db import OperationalError, router, transaction
from django.db.models import Q
from django.db.models.signals import class_prepared, pre_save
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare, get_random_string, salted_hmac
from django.utils.http import base36_to_int

from .prepared import Lookup
from .settings import api_settings
from .user_model import User, UserModel, is_value, user_model

# Rows


def all_rows() -> Any:
    """
    Return every row of the user model, from the database that is written to.

    The names of an account are taken even if the project's manager hides the account.
    """
    return UserModel._base_manager.using(router.db_for_write(UserModel))


class AccountTransaction(transaction.Atomic):
    """
    A transaction on the database that the user model is written to.

    On SQLite it begins with a write, which waits for other writers: SQLite refuses a
    write of a transaction that has read before at once ("database is locked"). So
    nothing slow, such as a mail, belongs into it.
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
        when_free(partial(cursor.execute, statement), time.monotonic() + LOCK_SECONDS)


def when_free(write: Callable[[], object], deadline: float) -> None:
    """Call ``write`` until it finds SQLite's lock free; raise after ``deadline``."""
    while True:
        try:
            write()
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
    """Return the e-mail address of ``user``, "" for none."""
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
        # NFKC turned a full-width @ into @: the domain still has a local part.
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
    Return the forms of ``address`` that rows may have, in any case; none without ``@``.

    Older rows may have the domain as it was typed, in the letters of an alphabet.
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


def in_any_case(name: str, text: str) -> Lookup:
    """
    Return the lookup that finds ``text`` in the column ``name``, in any case.

    An index on ``UPPER(column)`` serves it on PostgreSQL and SQLite, and one on the
    column on MariaDB and MySQL.
    """
    return f"{name}__{user_model.any_case[name]}", text


def ways_to_name(value: str, columns: Iterable[str]) -> list[Lookup]:
    """Return the lookups that find ``value`` in ``columns``, in any case."""
    found: list[Lookup] = []
    for name in columns:
        if name in user_model.addresses:
            found += [in_any_case(name, form) for form in address_forms(value)]
        elif (lookup := lookup_of(name, value, any_case=True)) is not None:
            found.append(lookup)
    return found


def is_named(value: str, columns: Iterable[str]) -> Q:
    """Return the condition that finds ``value`` in one of ``columns``, in any case."""
    ways = ways_to_name(value, columns)
    return Q(*ways, _connector=Q.OR) if ways else Q(pk__in=[])


def lookup_of(name: str, typed: str, *, any_case: bool = False) -> Lookup | None:
    """
    Return the lookup that finds ``typed`` in the column ``name``, or None.

    The column has no e-mail addresses. None means that nothing can match.
    """
    field: Any = user_model.columns[name]
    if field is user_model.username_field:
        typed = UserModel.normalize_username(typed)
    if name not in user_model.texts and not is_value(field, typed):
        return None
    value = field.to_python(typed)
    if field.is_relation:
        return f"{name}__{field.target_field.name}", value
    if any_case and isinstance(value, str):
        return in_any_case(name, value)
    return name, value


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
    """Return the state that the columns of ``user`` show."""
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

    SECURITY: ``get_user_model()`` alone is not enough: an admin may deactivate an
    account through a proxy or a child model, whose signals have another sender.
    """
    if not user_model.can_wait:
        return
    # If the user model itself is a proxy or a child, the table is its parent's.
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
    Keep the difference between a waiting account and a deactivated one in the row.

    This is a ``pre_save`` receiver. It changes the row before it is written, so it also
    works for accounts that code of the project creates, activates or deactivates. An
    account that is created inactive gets the mark. An account that becomes active loses
    it. An account that is deactivated before its first login gets the current time as
    its ``last_login``. Only the saves of inactive accounts that never logged in cost a
    query.
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
        # An account may be made in two steps, by one object: that is no deactivation.
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
    """Return the ``last_login`` that the row of an inactive ``user`` must get."""
    own: datetime | None = user.last_login
    if state_of(user) is AccountState.DEACTIVATED:
        # SECURITY: a backend such as AllowAllUsersModelBackend logs a waiting account
        # in. It must stay waiting: otherwise the login would revoke its link and every
        # reset.
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
    # SECURITY: an account that is deactivated before its first login looks like a
    # waiting account of 2.0.0, and a link of 2.0.0 would activate it. An account that
    # was activated without this receiver, by ``queryset.update()``, still has its mark.
    if row is not None and (own is None or is_mark(row["last_login"])):
        return timezone.now()
    return own


# What happens at every login


_SESSION_NAME = "_ai_kit_auth_session"


def watch_logins() -> None:
    """Connect :func:`_name_session` to every login, by any view."""
    user_logged_in.connect(_name_session, dispatch_uid="ai_kit_auth.name_session")


def _name_session(request: Any, **kwargs: object) -> None:
    session = getattr(request, "session", None)
    if session is not None:
        session[_SESSION_NAME] = get_random_string(16)


def session_name(request: Any) -> str:
    """
    Return the name that a session is counted by since its login. It is not a secret.

    The key cannot be used: Django and this package change it, and a session in a cookie
    gets a new one with every save, so its limits would begin again. A session without a
    name counts by its key. In a cookie, all sessions of an account without a name count
    together until the next login.
    """
    session = request.session
    if _SESSION_NAME in session:
        return str(session[_SESSION_NAME])
    in_cookie = isinstance(session, signed_cookies.SessionStore)
    return "" if in_cookie else str(session.session_key)


_PROOF = "_ai_kit_auth_proof"


@contextmanager
def proven_by(request: HttpRequest, proof: str) -> Iterator[None]:
    """Let :func:`login_proof` tell ``proof`` within the block, to receivers."""
    setattr(request, _PROOF, proof)
    try:
        yield
    finally:
        delattr(request, _PROOF)


def login_proof(request: HttpRequest) -> str:
    """
    Return what has proven the user, for a receiver of Django's ``user_logged_in``.

    ``"password"``, or what a capability calls its own proof; ``"other"`` for a login
    that is not of this package, such as that of the admin or of a single sign-on.
    """
    return str(getattr(request, _PROOF, "other"))


# What a mailed link carries


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
        # Each number has one spelling: "007" and digits of other scripts are no idents.
        pk = int(pk) if pk.isdecimal() and len(pk) <= 10 and str(int(pk)) == pk else pk
    if isinstance(pk, int) and not isinstance(pk, bool) and 0 <= pk < 2**32:
        return pk
    return None


def ident_of(user: User) -> str:
    """Return the ident of ``user`` in links."""
    return str(scramble_id(user.pk))


# One generator for each purpose, all based on Django's: an HMAC over the state that
# must revoke the link, so nothing is stored. Each class says what it adds, and why.


class _LinkTokenGenerator(PasswordResetTokenGenerator):
    """
    A new password, a new e-mail address and any change of ``is_active`` revoke a link.

    SECURITY: without the last one, a link mailed to an active account would activate it
    again after an admin has deactivated it.
    """

    # Explicit, since Django deprecates its default.
    algorithm = "sha256"

    def timeout(self) -> int:
        """Return the number of seconds that a link is valid."""
        return settings.PASSWORD_RESET_TIMEOUT

    def check_token(self, user: Any, token: str | None) -> bool:
        """Tell whether ``token`` is for ``user`` as it is now, and not too old."""
        # Django's method has one time-out for all purposes.
        if user is None or not token:
            return False
        parts = token.split("-")
        try:
            made = base36_to_int(parts[0])
        except ValueError:
            return False
        secrets = [self.secret, *self.secret_fallbacks]
        right = any(
            constant_time_compare(
                self._make_token_with_timestamp(user, made, secret), token
            )
            for secret in secrets
        )
        return right and self._num_seconds(self._now()) - made <= self.timeout()

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}|{user.is_active}"


class ActivationTokenGenerator(_LinkTokenGenerator):
    """
    The link of an activation mail. It works once, within ACTIVATION_TIMEOUT seconds.

    A login revokes it as well, as with Django's generator.

    SECURITY: because of its own salt it cannot reset a password.
    """

    key_salt = "ai_kit_auth.tokens.ActivationTokenGenerator"

    def timeout(self) -> int:
        own = api_settings.ACTIVATION_TIMEOUT
        return super().timeout() if own is None else own


class InvitationTokenGenerator(ActivationTokenGenerator):
    """
    The activation link of an account that an admin created.

    SECURITY: its own salt distinguishes it from the link of a registration, which an
    attacker may have made. Only the latter needs the proof of ACTIVATION_PROOF.
    """

    key_salt = "ai_kit_auth.tokens.InvitationTokenGenerator"


class ResetPasswordTokenGenerator(_LinkTokenGenerator):
    """
    The link of a reset mail. It works once, within ``PASSWORD_RESET_TIMEOUT`` seconds.

    Its use revokes it by the new password. SECURITY: a login does not, unlike with
    Django's: an owner asks for the link because a thief may know the password, and the
    thief could make one link after the other void by logging in. The mailbox gives a
    new link at any time, so a link that outlives a login gives no more. Only the first
    login after a change of ``PASSWORD_HASHERS`` voids it, as that changes the hash.

    For an inactive account the token depends on ``last_login``, which distinguishes an
    account that waits from one that an admin has deactivated.

    SECURITY: because of its own salt it cannot be used at the activation endpoint.
    """

    key_salt = "ai_kit_auth.tokens.ResetPasswordTokenGenerator"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        if not user.is_active:
            return super()._make_hash_value(user, timestamp)
        address = getattr(user, user.get_email_field_name(), "")
        return f"{user.pk}|{user.password}|{timestamp}|{address}|{user.is_active}"


class LegacyTokenGenerator(PasswordResetTokenGenerator):
    """
    The links that version 2.0.0 mailed for both purposes, by Django's own generator.

    This version checks them and makes none. The caller decides for which accounts a
    link is valid.
    """

    algorithm = "sha256"

    def is_of_registration(self, user: Any, token: str) -> bool:
        """
        Tell whether a checked token was made when ``user`` registered.

        This compares ``date_joined``, if the model has it. SECURITY: 2.0.0 sent the
        mail at once. A later token of this kind comes from Django's own reset views. It
        was made for an active account, and must not activate it after it is
        deactivated.
        """
        joined = getattr(user, "date_joined", None)
        if joined is None:
            return True
        if timezone.is_aware(joined):
            # Like the time in a token: naive, in the time zone of this machine.
            joined = joined.astimezone().replace(tzinfo=None)
        made = base36_to_int(token.split("-")[0])
        return made <= self._num_seconds(joined) + REGISTRATION

    def predates_this_process(self, token: str) -> bool:
        """
        Tell whether 2.0.0 may have made a checked token.

        SECURITY: 2.0.0 cannot run in this process. So its tokens are older, apart from
        the time in which a deployment replaces one worker after the other. A newer
        token comes from Django's own reset views, which make the same kind. It proves
        nothing about an account that was never activated.
        """
        made = base36_to_int(token.split("-")[0])
        return made < _PROCESS_START + ROLLING_DEPLOYMENT


# The seconds after a registration within which 2.0.0 made its link.
REGISTRATION = 600

# The seconds for which workers of 2.0.0 may send mails beside those of this version.
ROLLING_DEPLOYMENT = 3600


def state_digest(user: Any, secret: str | bytes | None = None) -> str:
    """
    Return a digest of the state that a reset link of ``user`` depends on, without time.

    An activation link also depends on the last login, but after a login the user needs
    no such link. ``secret`` is ``SECRET_KEY`` by default.
    """
    return salted_hmac(
        "ai_kit_auth.tokens.state_digest",
        reset_password_tokens._make_hash_value(user, 0),
        secret=secret,
        algorithm="sha256",
    ).hexdigest()


def is_state(user: Any, digest: object) -> bool:
    """Tell whether ``digest`` is of the current ``user``, by a key that is valid."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return isinstance(digest, str) and any(
        constant_time_compare(digest, state_digest(user, key)) for key in keys
    )


activation_tokens = ActivationTokenGenerator()
invitation_tokens = InvitationTokenGenerator()
reset_password_tokens = ResetPasswordTokenGenerator()
legacy_tokens = LegacyTokenGenerator()

_PROCESS_START = legacy_tokens._num_seconds(legacy_tokens._now())
