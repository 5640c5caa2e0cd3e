"""
The side effects of the account page: passwords, e-mail addresses, sessions, notices.

Projects call and patch these functions by their names in this module.
"""

from __future__ import annotations

import copy
import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.auth import password_validation, update_session_auth_hash
from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError, router, transaction
from django.db.models import CharField, TextField
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import (
    ErrorDetail,
    NotAuthenticated,
    Throttled,
    ValidationError,
)
from rest_framework.serializers import Serializer
from rest_framework.utils.model_meta import get_field_info

from .. import related, security_log, services
from ..account_changes import auto_now_columns, hash_of, write_checked
from ..accounts import (
    AccountState,
    AccountTransaction,
    email_of,
    ident_of,
    session_name,
    state_of,
)
from ..cache import ask_cache, cache_key
from ..capability import LinkStatus, notices
from ..errors import MailNotSent
from ..failures import log_failure
from ..mail_facts import ACCOUNT_ADDRESS
from ..registration import identities, refuse, taken_codes
from ..serializers import is_saved_by_drf
from ..settings import MailTemplates, api_settings, require_frontend_url
from ..signals import user_post_reset_password
from ..throttling import Counter, LoginAttempt, Mail, gate, take_all
from ..user_model import User, UserModel, user_model
from ..users import account_key, authenticate, find_by_ident
from .errors import AccountProtected, EmailChangeLinkInvalid
from .settings import account_settings
from .tokens import (
    email_change_timeout,
    make_email_change_token,
    read_email_change_token,
    was_email_changed,
)

logger = logging.getLogger("ai_kit_auth")


# Passwords and sessions


@sensitive_variables()
def prove(request: Any, password: str) -> User:
    """
    Return the account of the session, if ``password`` is its password.

    This counts, logs and hashes as a login does, so a stolen session cannot guess
    faster than a login. Raises a ``ValidationError`` with ``invalid_credentials`` under
    ``password``, and DRF's ``Throttled``.
    """
    user = request.user
    with LoginAttempt(
        request, account_key(user, ""), session=session_name(request)
    ) as attempt:
        proven = authenticate(request._request, user, password)
    if proven is None:
        security_log.log(
            "password_refused", request, user=user, code="invalid_credentials"
        )
        raise _wrong_password()
    attempt.succeeded()
    if proven.password != user.password:
        # The check hashed it again with newer settings; that must not end this session.
        keep_session(request, proven)
    return proven


def _wrong_password() -> ValidationError:
    return ValidationError({"password": [ErrorDetail("", "invalid_credentials")]})


def keep_session(request: Any, user: User) -> None:
    """
    Bind this session, under a new key, to the current password of ``user``.

    Django binds every session to the password's hash, with every session engine. So all
    other sessions end at their next request.
    """
    request._request.user = user
    request.user = user
    update_session_auth_hash(request._request, user)


@sensitive_variables()
def change_password(user: User, password: str) -> None:
    """
    Set the password of ``user``. All sessions end except those that are kept.

    Raises ``NotAuthenticated`` if the account has changed since it was checked.
    """
    _write_hash(user, hash_of(user, password))
    password_validation.password_changed(password, user)


@sensitive_variables()
def another_hash(user: User, password: str) -> str | None:
    """
    Return a new hash of ``password``, or None if it is not the password of ``user``.

    SECURITY: :func:`prove` asks the project's backends. A password that one of them
    accepts, such as that of a directory, must not get into the row: there it would stay
    valid after the directory has revoked it.
    """
    with gate:
        is_it = check_password(password, user.password)
        return make_password(password) if is_it else None


@sensitive_variables()
def logout_others(user: User, password: str | None) -> None:
    """
    Hash the password of ``user`` again, which ends all sessions that are not kept.

    ``password`` is from the request; an account without a usable password needs none.
    Raises a ``ValidationError`` under ``password`` if it is wrong, and
    ``NotAuthenticated`` if the account has changed since it was checked.
    """
    if not user.has_usable_password():
        _write_hash(user, make_password(None))
        return
    encoded = another_hash(user, password or "")
    if encoded is None:
        raise _wrong_password()
    _write_hash(user, encoded)


def _write_hash(user: User, encoded: str) -> None:
    if not write_checked(user, regardless_of=("last_login",), password=encoded):
        raise NotAuthenticated


# The address


@sensitive_variables()
def get_email_change_url(user: User, address: str) -> SafeString:
    """
    Return the link to CONFIRM_EMAIL_ROUTE that gives ``user`` the ``address``.

    It works once, within EMAIL_CHANGE_TIMEOUT seconds.
    """
    return services.make_url(
        api_settings.FRONTEND.URL or require_frontend_url(""),
        account_settings.FRONTEND.CONFIRM_EMAIL_ROUTE,
        ident=ident_of(user),
        token=make_email_change_token(user, address),
    )


def find_by_email_change_link(ident: str, token: str) -> tuple[User, str]:
    """
    Return the account of a link and the e-mail address that the link gives it.

    Raises :exc:`~ai_kit_auth.account.errors.EmailChangeLinkInvalid` if it is not valid.
    """
    user = find_by_ident(ident)
    address = None if user is None else _address_of_link(user, token)
    if user is None or address is None:
        raise EmailChangeLinkInvalid
    return user, address


def _address_of_link(user: User, token: str) -> str | None:
    if state_of(user) is AccountState.ACTIVE:
        read = read_email_change_token(user, token)
        if read is not None and read[1] > _last_change(user):
            return read[0]
    return None


def email_change_link_status(ident: str, token: str) -> LinkStatus:
    """
    Return what ``confirm_email/`` would make of a link, without using it.

    ``"used"``: the account has the new address, and the password that it had when the
    link was made. The click on a ``"valid"`` link may still be refused, where another
    account has taken the address since.
    """
    user = find_by_ident(ident)
    if user is None:
        return "invalid"
    if _address_of_link(user, token) is not None:
        return "valid"
    is_active = state_of(user) is AccountState.ACTIVE
    return "used" if is_active and was_email_changed(user, token) else "invalid"


def _change_key(user: User) -> str:
    return cache_key("email_changed", user.pk)


def _last_change(user: User) -> float:
    # SECURITY: after a change from A to B and back to A, the digest of the first link
    # is right again, and a person who reads the mails of B could use it a second time.
    # If the cache is down no link is valid, since the time of the last change is
    # unknown.
    try:
        return float(ask_cache("get", _change_key(user), 0, insist=True))
    except Exception:
        logger.exception("The cache failed, so no change of address is confirmed")
        return float("inf")


def confirm_email(user: User, address: str) -> None:
    """
    Give ``user`` the ``address`` of a link that was checked.

    Call it within ``identity_transaction()``. Raises a ``ValidationError`` with
    ``email_unique`` under ``email`` if another account has the address now, and
    :exc:`~ai_kit_auth.account.errors.EmailChangeLinkInvalid` if the account has changed
    since the check.
    """
    # Lock the row before the identity, as PATCH me/ does. The other order deadlocks.
    row = UserModel._base_manager.select_for_update().filter(pk=user.pk)
    list(row.values_list("pk"))
    refuse_address(_taken_address(user, address))
    try:
        with AccountTransaction():
            written = write_checked(
                user, regardless_of=("last_login",), **{user_model.email: address}
            )
    except IntegrityError:
        # Other code took the address after the check.
        refuse_address(_taken_address(user, address))
        raise
    if not written:
        raise EmailChangeLinkInvalid


def refuse_address(taken: Mapping[str, str]) -> None:
    """Raise ``taken``, the codes of a new address, under ``email``."""
    refuse({"email": taken[user_model.email]} if taken else {})


def _taken_address(user: User, address: str) -> dict[str, str]:
    return taken_codes({user_model.email: address}, but=user)


def void_email_change_links(user: User) -> None:
    """
    Revoke all links until now that change the e-mail address of ``user``.

    This is the last step of a change, so that a link still works after a rollback.
    Raises :exc:`~ai_kit_auth.account.errors.EmailChangeLinkInvalid` if the cache is
    down: without it a link would work more than once.
    """
    try:
        ask_cache(
            "set", _change_key(user), time.time(), email_change_timeout(), insist=True
        )
    except Exception as error:
        logger.exception("The cache failed, so no change of address is confirmed")
        raise EmailChangeLinkInvalid from error


# Deletion


@contextmanager
def deletion() -> Iterator[None]:
    """
    Open the transaction in which an account is deleted completely or not at all.

    Raises :exc:`~ai_kit_auth.account.errors.AccountProtected` if rows that must stay
    refer to the account. Some databases report that only at the end.
    """
    try:
        with AccountTransaction():
            yield
    except IntegrityError as error:
        # Django's ProtectedError and RestrictedError are subclasses. A constraint that
        # a receiver's rows break looks the same here.
        logger.warning("An account was not deleted", exc_info=True)
        raise AccountProtected from error


def lock(user: User) -> User:
    """
    Return the current row of ``user``, locked until the end of the transaction.

    Raises ``NotAuthenticated`` if the row has changed since the authentication.

    SECURITY: another request may have deleted, deactivated or anonymised the account or
    changed its password. That ends every session, and every request of such a session.
    """
    # As a list, since ``first()`` would sort by the key.
    rows = list(UserModel._base_manager.select_for_update().filter(pk=user.pk))
    if not rows or rows[0].password != user.password or not rows[0].is_active:
        raise NotAuthenticated
    return rows[0]


def delete_user(user: User) -> None:
    """
    Delete the account and all rows that Django deletes with it.

    SECURITY: the admin's history refers to the account that made a change. Django would
    delete these entries with the account, and with them the record of what a staff
    member did. An account with such entries is anonymised instead, and the entries
    stay.
    """
    if _has_admin_history(user):
        anonymise_user(user)
    else:
        user.delete()


def _has_admin_history(user: User) -> bool:
    if not apps.is_installed("django.contrib.admin"):
        return False
    from django.contrib.admin.models import LogEntry

    # The database that is written to, which may not be the one that is read.
    alias = router.db_for_write(LogEntry)
    return bool(LogEntry.objects.using(alias).filter(user=user.pk).exists())


def anonymise_user(user: User) -> None:
    """
    Remove all personal data from the row, and keep the row for those that refer to it.

    This removes names, e-mail address, password and permissions, and deactivates the
    account. Columns that the project added need a function of the project, which may
    call this one.
    """
    columns: Mapping[str, Any] = user_model.columns
    blank: dict[str, Any] = {
        name: uuid.uuid4().hex[: columns[name].max_length]
        for name in {*identities(), "username"} & columns.keys()
        if isinstance(columns[name], CharField | TextField)
    }
    blank[user_model.email] = f"{uuid.uuid4().hex}@deleted.invalid"
    blank |= {name: "" for name in ("first_name", "last_name") if name in columns}
    powers = ("is_active", "is_staff", "is_superuser")
    blank |= {name: False for name in powers if name in columns}
    for name, value in blank.items():
        setattr(user, name, value)
    user.set_unusable_password()
    user.save(update_fields=[*blank, "password"])
    for name in ("groups", "user_permissions"):
        if hasattr(user, name):
            getattr(user, name).clear()


# Updates


_NEVER_UPDATED = frozenset(
    {
        "date_joined",
        "groups",
        "id",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
        "password",
        "pk",
        "user_permissions",
    }
)


def is_updatable(name: str | None) -> bool:
    """
    Tell whether ``PATCH me/`` may change the model's attribute ``name``.

    SECURITY: all others have their own endpoint, or only an admin may change them. This
    also holds if the project's USER_UPDATE_SERIALIZER lists them.

    For a flag of the project, such as ``is_admin``, the project must not list it.
    """
    keys = {user_model.email, UserModel._meta.pk.name, UserModel._meta.pk.attname}
    return name not in _NEVER_UPDATED | keys


def save_update(user: User, serializer: Any) -> User:
    """
    Save the changes of a valid ``serializer`` to ``user`` and return the account.

    The rules of registration apply to every serializer. Call it within
    ``identity_transaction()``. Raises a ``ValidationError`` with ``<field>_unique``
    if another account has an identity.
    """
    values = serializer.validated_data
    for name in [name for name in values if not is_updatable(name)]:
        del values[name]
    username = user_model.username
    if username is not None and username in values:
        values[username] = UserModel.normalize_username(values[username])
    refuse(taken_codes(values, but=user))
    values |= _merged(user, serializer.fields.values(), values)
    try:
        with AccountTransaction():
            if is_saved_by_drf(serializer, "update"):
                return update_user(user, values)
            saved: User = serializer.save()
    except IntegrityError:
        # Other code took the identity after the check.
        refuse(taken_codes(values, but=user))
        refuse(related.taken_columns(UserModel, values, user))
        raise
    return saved


def _merged(
    user: User, fields: Collection[Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return JSON columns in which ``fields`` change a key, with their other keys."""
    relations = get_field_info(UserModel).relations
    merged: dict[str, Any] = {}
    for name, *keys in _paths(fields):
        given = values.get(name)
        is_json = name in user_model.columns and name not in relations
        if keys and is_json and isinstance(given, Mapping):
            stored = merged.get(name, getattr(user, name))
            merged[name] = _with_key(stored, keys, given)
    return merged


def _paths(fields: Collection[Any]) -> Iterator[list[str]]:
    for field in fields:
        if field.read_only or not field.source_attrs:
            continue
        if isinstance(field, Serializer):
            for below in _paths(field.fields.values()):
                yield [*field.source_attrs, *below]
        else:
            yield list(field.source_attrs)


def _with_key(stored: Any, keys: list[str], given: Any) -> Any:
    """Return ``stored`` with the value that ``given`` has below ``keys``, if any."""
    if not keys:
        return given
    key, *below = keys
    if not isinstance(given, Mapping) or key not in given:
        return stored
    stored = stored if isinstance(stored, Mapping) else {}
    return {**stored, key: _with_key(stored.get(key), below, given[key])}


def update_user(user: User, values: Mapping[str, Any]) -> User:
    """
    Write ``values``, by names of the model, and return ``user``.

    Values for a related row of this account alone, by a one-to-one relation, are
    written into that row. This neither normalises nor checks values:
    :func:`save_update` does.
    """
    changed = {name: value for name, value in values.items() if is_updatable(name)}
    own, later = changed, dict[str, Any]()
    nested = any(isinstance(value, Mapping) for value in changed.values())
    if nested or not changed.keys() <= user_model.columns.keys():
        own, later = related.in_order(UserModel, changed, user, new=False)
    for name, value in own.items():
        setattr(user, name, value)
    if not own.keys() <= user_model.columns.keys():
        # A property of the model may have set any column.
        user.save()
    elif own:
        moving = [column.name for column in auto_now_columns(UserModel)]
        user.save(update_fields=[*own, *moving])
    if later:
        related.write(user, later, new=False)
    return user


# Mails


def addressed(user: User, address: str) -> User:
    """
    Return a copy of ``user`` with the e-mail ``address``, which is never saved.

    It remembers the e-mail address of the account, which the mail shows masked.
    """
    other = copy.copy(user)
    setattr(other, ACCOUNT_ADDRESS, email_of(user))
    setattr(other, user_model.email, address)
    return other


@sensitive_variables()
def send_confirm_email_mail(user: User, address: str) -> None:
    """
    Send the mail with the link that confirms ``address``, by SEND_CONFIRM_EMAIL_MAIL.

    The sender gets a copy of ``user`` with the new address. Raises
    :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    services.send_or_queue(
        "CONFIRM_EMAIL",
        user,
        lambda: services.hand_over(
            account_settings.SEND_CONFIRM_EMAIL_MAIL,
            addressed(user, address),
            get_email_change_url(user, address),
        ),
        address,
    )


@sensitive_variables()
def default_send_confirm_email_mail(user: User, url: str) -> None:
    """Send the mail of a change of the e-mail address, by its templates."""
    services.send_from_templates(
        account_settings.EMAIL_TEMPLATES.CONFIRM_EMAIL, user, url
    )


@sensitive_variables()
def send_security_notice(
    user: User,
    notice: str,
    request: Any = None,
    mail_it: Callable[[User, str], object] | None = None,
) -> None:
    """
    Mail ``user`` the ``notice``, a key of SECURITY_NOTICES, if it is on.

    Call it after the commit: a mail that fails is logged and undoes nothing. A notice
    never has a link that logs in. ``request`` is the cause, for the security log.
    ``mail_it``: what hands the mail over, by default :func:`mail_notice`.

    One e-mail address of an account gets at most MAIL_RECIPIENT notices of a kind. A
    notice over the limit is a line ``throttled`` in the security log.
    """
    if not getattr(account_settings.SECURITY_NOTICES, notice) or not email_of(user):
        return
    # SECURITY: notices must not use up the limit of mails with a link. Each kind of
    # notice has its own limit, so that an attacker cannot suppress one by causing
    # others.
    key = f"notice|{notice}|{user.pk}|{email_of(user)}"
    try:
        mail = Mail(take_all(Counter("MAIL_RECIPIENT", key)))
    except Throttled as throttled:
        code = throttled.default_code
        security_log.log("throttled", request, user=user, code=code)
        return
    try:
        (mail_it or mail_notice)(user, notice)
    except MailNotSent:
        mail.not_sent()
        # hand_over() has logged the cause.
        logger.error("The notice %s to user %s was not sent", notice, user.pk)
    except Exception as error:  # noqa: BLE001  # it is logged
        mail.not_sent()
        message = "The notice %s to user %s was not sent"
        log_failure(error, message, notice, user.pk)


@sensitive_variables()
def mail_notice(user: User, notice: str) -> None:
    """
    Hand the ``notice`` to SEND_SECURITY_NOTICE, here or in a worker of MAIL_TASK.

    Raises :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    services.send_or_queue(
        notice,
        user,
        lambda: services.hand_over(account_settings.SEND_SECURITY_NOTICE, user, notice),
        email_of(user) if notices()[notice].names_address else None,
    )


def tell_of_reset(sender: Any, user: User, **kwargs: object) -> None:
    """Send the notice of a reset, as a receiver of ``user_post_reset_password``."""
    transaction.on_commit(
        partial(send_security_notice, user, "PASSWORD_RESET"),
        using=router.db_for_write(UserModel),
    )


user_post_reset_password.connect(tell_of_reset, dispatch_uid="ai_kit_auth.account")


@sensitive_variables()
def default_send_security_notice(user: User, notice: str) -> None:
    """Send the mail of ``notice``, a key of SECURITY_NOTICES, from its templates."""
    templates: MailTemplates = getattr(
        api_settings.EMAIL_TEMPLATES, notices()[notice].mail
    )
    services.send_from_templates(templates, user, "")
