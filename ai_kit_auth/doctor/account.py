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

from ..users import User, UserModel, email_field, has_column

# Nobody receives mail there (RFC 2606, section 2).
DOMAIN = "doctor.invalid"


@contextmanager
def rolled_back() -> Iterator[None]:
    """
    Undo whatever is written to the databases of accounts and sessions meanwhile.

    Mails go nowhere, through whatever backend Django would send them.
    """
    with ExitStack() as stack:
        stack.enter_context(_connections_kept())
        for alias in sorted(_databases()):
            stack.enter_context(transaction.atomic(using=alias))
            stack.callback(transaction.set_rollback, True, using=alias)
        stack.enter_context(_no_mail())
        yield


@contextmanager
def _connections_kept() -> Iterator[None]:
    # Django closes a connection that is within a transaction when a request begins or
    # ends, and would take the transaction with it; its test client does the same.
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
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    if hasattr(store, "get_model_class"):
        written.add(router.db_for_write(store.get_model_class()))
    return written


@contextmanager
def _no_mail() -> Iterator[None]:
    nowhere = "django.core.mail.backends.dummy.EmailBackend"
    # Django 6.1 has MAILERS, its predecessors EMAIL_BACKEND.
    name, value = (
        ("MAILERS", {alias: {"BACKEND": nowhere} for alias in settings.MAILERS})
        if hasattr(settings, "MAILERS")
        else ("EMAIL_BACKEND", nowhere)
    )
    before = getattr(settings, name)
    setattr(settings, name, value)
    try:
        yield
    finally:
        setattr(settings, name, before)


class NoAccount(Exception):
    """The user model wants something that the doctor cannot make up."""


def make_account(*, staff: bool) -> tuple[User, str]:
    """
    Save an active account and return it with its password.

    ``staff``: whether it may do everything in the admin.

    Whatever else the user model requires is filled with something of the right type.
    The host's receivers of ``post_save`` run, since its serializer may need what they
    make. Raises :exc:`NoAccount`, and what the host's receivers and database raise.
    """
    password = secrets.token_urlsafe()
    user = get_user_model()()
    for field in UserModel._meta.concrete_fields:
        if _is_needed(field):
            setattr(user, field.attname, _made_up(field))
    setattr(user, email_field(), f"{secrets.token_hex(8)}@{DOMAIN}")
    flags = {"is_active": True, "is_staff": staff, "is_superuser": staff}
    for name, value in flags.items():
        if has_column(name):
            setattr(user, name, value)
    user.set_password(password)
    user.save()
    return user, password


def _is_needed(field: Any) -> bool:
    return bool(
        not field.has_default()
        and getattr(field, "db_default", NOT_PROVIDED) is NOT_PROVIDED
        and not field.null
        and not field.primary_key
        and not getattr(field, "auto_now", False)
        and not getattr(field, "auto_now_add", False)
    )


def _made_up(field: Any) -> Any:
    if field.choices:
        return field.flatchoices[0][0]
    if isinstance(field, models.ForeignKey):
        return _related(field)
    for kind, make in _VALUES.items():
        if isinstance(field, kind):
            return make(field)
    raise NoAccount(
        f"{UserModel._meta.label}.{field.name} is required, and a "
        f"{type(field).__name__} is nothing that the doctor can make up"
    )


def _related(field: Any) -> Any:
    found = field.related_model._base_manager.values_list(
        field.target_field.attname, flat=True
    ).first()
    if found is None:
        raise NoAccount(
            f"{UserModel._meta.label}.{field.name} is required, and there is no "
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
    models.IntegerField: lambda field: 1,
    models.FloatField: lambda field: 1.0,
    models.DecimalField: lambda field: decimal.Decimal(1),
    models.DateTimeField: lambda field: timezone.now(),
    models.DateField: lambda field: timezone.localdate(),
    models.TimeField: lambda field: datetime.time(12),
    models.DurationField: lambda field: datetime.timedelta(),
    models.UUIDField: lambda field: uuid.uuid4(),
    models.JSONField: lambda field: {},
}


def end_sessions(keys: set[str]) -> None:
    """End the sessions ``keys``, which may be kept where no transaction reaches."""
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    for key in keys:
        store(key).delete()
