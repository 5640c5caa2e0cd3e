"""The account that the doctor logs in with: made in a transaction, never kept."""

from __future__ import annotations

import datetime
import decimal
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, models, router, transaction
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone
from django.utils.module_loading import import_string

from ..checks.mails import has_mailers
from ..user_model import User, UserModel, user_model
from .servers import replaced

# No server receives mail for it (RFC 2606, section 2).
DOMAIN = "doctor.invalid"


@contextmanager
def rolled_back() -> Iterator[None]:
    """
    Undo all writes to the databases of accounts and sessions at the end of the block.

    No mail is sent, with any backend.
    """
    with ExitStack() as stack:
        stack.enter_context(_connections_kept())
        for alias in sorted(_databases()):
            stack.enter_context(transaction.atomic(using=alias))
            stack.callback(transaction.set_rollback, True, using=alias)
        stack.enter_context(_no_mail())
        yield


def _session_store() -> Any:
    return import_string(f"{settings.SESSION_ENGINE}.SessionStore")


@contextmanager
def _connections_kept() -> Iterator[None]:
    # Django closes connections when a request begins or ends, and that would end the
    # transaction. Django's test client disconnects this receiver, too.
    signals = [request_started, request_finished]
    connected = [
        signal for signal in signals if signal.disconnect(close_old_connections)
    ]
    try:
        yield
    finally:
        for signal in connected:
            signal.connect(close_old_connections)


def _databases() -> set[str]:
    written: set[str] = {router.db_for_write(UserModel)}
    store = _session_store()
    if hasattr(store, "get_model_class"):
        written.add(router.db_for_write(store.get_model_class()))
    return written


@contextmanager
def _no_mail() -> Iterator[None]:
    nowhere = "django.core.mail.backends.dummy.EmailBackend"
    name, value = (
        ("MAILERS", {alias: {"BACKEND": nowhere} for alias in settings.MAILERS})
        if has_mailers()
        else ("EMAIL_BACKEND", nowhere)
    )
    with replaced(name, value):
        yield


class NoAccount(Exception):
    """A row needs a value that the doctor cannot generate."""


def make_account(*, staff: bool) -> tuple[User, str]:
    """
    Save an active account and return it with its password.

    With ``staff`` it may do everything in the admin. Other required columns get a value
    of the right type. The project's receivers of ``post_save`` run, since its
    serializer may need what they create.

    Raises :exc:`NoAccount`, and what the project's receivers and database raise.
    """
    password = secrets.token_urlsafe()
    user = get_user_model()()
    fill(user)
    setattr(user, user_model.email, f"{secrets.token_hex(8)}@{DOMAIN}")
    flags = {"is_active": True, "is_staff": staff, "is_superuser": staff}
    for name, value in flags.items():
        if name in user_model.columns:
            setattr(user, name, value)
    user.set_password(password)
    user.save()
    return user, password


def fill(row: models.Model) -> None:
    """
    Give ``row`` a value in every column that needs one and has no default.

    Raises :exc:`NoAccount`.
    """
    for field in row._meta.concrete_fields:
        if _is_needed(field):
            setattr(row, field.attname, _made_up(field))


def _is_needed(field: Any) -> bool:
    return not (
        field.has_default()
        or getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED
        or getattr(field, "generated", False)
        or field.null
        or isinstance(field, models.AutoField)
        or getattr(field.remote_field, "parent_link", False)
        or getattr(field, "auto_now", False)
        or getattr(field, "auto_now_add", False)
    )


def _made_up(field: Any) -> Any:
    if field.choices:
        return field.flatchoices[0][0]
    if isinstance(field, models.ForeignKey):
        return _related(field)
    for kind, make in _VALUES.items():
        if isinstance(field, kind):
            return make(field)
    value = field.get_default()
    if value is None:
        raise NoAccount(
            f"{field.model._meta.label}.{field.name} is required, and the doctor "
            f"cannot generate a {type(field).__name__}"
        )
    # Files and bytes may be empty.
    return value


def _related(field: Any) -> Any:
    name = field.target_field.attname
    rows = field.related_model._base_manager.all()
    if field.unique:
        taken = field.model._base_manager.values(field.attname)
        rows = rows.exclude(**{f"{name}__in": taken})
    found = rows.values_list(name, flat=True).first()
    if found is None:
        raise NoAccount(
            f"{field.model._meta.label}.{field.name} is required, and there is no free "
            f"{field.related_model._meta.label} to refer to"
        )
    return found


def _text(field: Any) -> str:
    return secrets.token_hex(16)[: field.max_length]


_VALUES: dict[type[Any], Callable[[Any], object]] = {
    models.EmailField: lambda field: f"{secrets.token_hex(8)}@{DOMAIN}",
    models.CharField: _text,
    models.TextField: _text,
    models.BooleanField: lambda field: False,
    # It fits into the smallest column, and is most likely free in a unique one.
    models.IntegerField: lambda field: secrets.randbelow(2**15),
    models.FloatField: lambda field: 0.0,
    models.DecimalField: lambda field: decimal.Decimal(0),
    models.DateTimeField: lambda field: timezone.now(),
    models.DateField: lambda field: datetime.date(2000, 1, 1),
    models.TimeField: lambda field: datetime.time(12),
    models.DurationField: lambda field: datetime.timedelta(),
    models.UUIDField: lambda field: uuid.uuid4(),
    models.JSONField: lambda field: {},
    # An IP address for documentation (RFC 5737).
    models.GenericIPAddressField: lambda field: "192.0.2.1",
}


def end_sessions(keys: set[str]) -> None:
    """End the sessions ``keys``: their store may be outside of any transaction."""
    for key in keys:
        _session_store()(key).delete()
