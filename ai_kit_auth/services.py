"""
Every side effect: links, mails, register, activate, set a password.

Hosts import these functions, call them from their own code, and patch them in tests by
their name in this module.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import time
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth import SESSION_KEY, password_validation
from django.contrib.auth.hashers import make_password
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, OperationalError, router, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.signals import post_save, pre_save
from django.template import Context
from django.template.backends.django import Template as DjangoTemplate
from django.template.loader import get_template
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError

from . import related
from .errors import ActivationLinkInvalid, MailNotSent, ResetPasswordLinkInvalid
from .failures import log_failure
from .settings import MailTemplates, api_settings, require_frontend_url
from .throttling import ask_cache, cache_key, gate
from .tokens import (
    activation_tokens,
    invitation_tokens,
    is_state,
    legacy_tokens,
    reset_password_tokens,
    state_digest,
)
from .users import (
    AccountState,
    User,
    UserModel,
    account_key,
    all_rows,
    can_be_made_up,
    email_field,
    email_of,
    equals,
    find_by_ident,
    has_column,
    ident_of,
    identity_fields,
    is_email,
    is_hidden,
    normal_address,
    normal_username,
    scramble_id,
    state_of,
    unique_username,
    username_field,
    users,
    waiting_mark,
)

__all__ = [
    "custom_email_data",
    "default_send_account_exists_mail",
    "default_send_activation_by_admin_mail",
    "default_send_reset_pw_mail",
    "default_send_user_activation_mail",
    "get_activation_url",
    "get_password_reset_url",
    "make_url",
    "scramble_id",
    "send_account_exists_mail",
    "send_activation_by_admin_mail",
    "send_email",
    "send_reset_pw_mail",
    "send_user_activation_mail",
]

logger = logging.getLogger("ai_kit_auth")


@contextmanager
def atomic() -> Iterator[None]:
    """
    Open a transaction on the database that the user model is written to.

    On SQLite it begins with a write, which waits for whoever else writes: one that has
    read before is refused at once ("database is locked"). So nothing slow, a mail above
    all, belongs into it.
    """
    using = router.db_for_write(UserModel)
    is_outermost = not transaction.get_connection(using).in_atomic_block
    with transaction.atomic(using=using):
        if is_outermost:
            _lock_file()
        yield


# Links


def make_url(*path: object, **query: object) -> SafeString:
    """
    Join the parts of ``path`` by single slashes and append ``query``, quoted.

    ``path``: whatever has a text form. ``query``: in the order given; the values are
    quoted. The result is safe for templates, so a template of a project's own, escaped
    or not, shows the link as it is.

    A query that the parts have is kept, and so is an anchor such as ``/reset#form``,
    which the query then stands before. What begins with a slash after the ``#`` is a
    route of the frontend's router, which reads the query there: ``/#/reset?ident=...``.

    >>> make_url("https://app.example.com/", "/auth/activation/", ident="1", token="a")
    'https://app.example.com/auth/activation?ident=1&token=a'
    """
    location = "/".join(filter(None, (str(part).strip("/") for part in path)))
    page, mark, fragment = location.partition("#")
    anchor = ""
    if mark and not fragment.startswith(("/", "!/")):
        location, anchor = page.rstrip("/"), f"{mark}{fragment}"
    last = location.rpartition("#")[2]
    joined_by = "?" if "?" not in last else "" if last[-1] in "?&" else "&"
    values = urlencode(query, quote_via=quote)
    return mark_safe(f"{location}{joined_by}{values}{anchor}")  # noqa: S308  # from settings, and quoted


@sensitive_variables()
def get_activation_url(user: User) -> SafeString:
    """
    Return the link that activates ``user``, to the frontend's ACTIVATION_ROUTE.

    It is good once and for ACTIVATION_TIMEOUT seconds.
    """
    return _link(
        api_settings.FRONTEND.ACTIVATION_ROUTE, user, activation_tokens.make_token(user)
    )


def _get_invitation_url(user: User) -> SafeString:
    return _link(
        api_settings.FRONTEND.ACTIVATION_ROUTE, user, invitation_tokens.make_token(user)
    )


@sensitive_variables()
def get_password_reset_url(user: User) -> SafeString:
    """
    Return the link that resets the password of ``user``, to RESET_PW_ROUTE.

    It is good once and for ``PASSWORD_RESET_TIMEOUT`` seconds.
    """
    return _link(
        api_settings.FRONTEND.RESET_PW_ROUTE,
        user,
        reset_password_tokens.make_token(user),
    )


def _link(route: str, user: User, token: str) -> SafeString:
    _remember_link(user)
    # SECURITY: from the settings, never from the request's Host header, which whoever
    # asks for somebody else's reset mail could set (OWASP Forgot Password Cheat Sheet).
    return make_url(
        require_frontend_url(api_settings.FRONTEND.URL),
        route,
        ident=ident_of(user),
        token=token,
    )


def _link_key(user: User) -> str:
    return cache_key("live_link", user.pk)


def _remember_link(user: User) -> None:
    timeout = max(activation_tokens.timeout(), reset_password_tokens.timeout())
    _try_cache("set", _link_key(user), state_digest(user), timeout)


def _try_cache(operation: str, *args: object) -> Any:
    # What is kept there only decides how early a weak password is reported, so a cache
    # that is down must not stop mails or logins.
    try:
        return ask_cache(operation, *args)
    except Exception:
        logger.exception("The cache failed; links work without it")
        return None


def has_live_link(user: User) -> bool:
    """Tell whether a link of ``user`` was made and is neither used nor void."""
    # Whatever uses or revokes a link changes the state that it was made for.
    return is_state(user, _try_cache("get", _link_key(user)))


def find_by_activation_link(ident: str, token: str) -> User:
    """
    Return the account that an activation link may activate.

    Raises :exc:`~ai_kit_auth.errors.ActivationLinkInvalid` for any other.
    """
    user = find_by_ident(ident)
    if user is not None:
        state = state_of(user)
        if any(
            tokens.check_token(user, token)
            for tokens in (activation_tokens, invitation_tokens)
        ):
            # A project may mail an active account a link of this kind, to have its
            # address confirmed. One that has activated an account is void.
            good = state is not AccountState.DEACTIVATED
        else:
            good = _legacy_link_may_activate(user, state, token)
        if good:
            return user
    raise ActivationLinkInvalid


def find_by_reset_link(ident: str, token: str) -> User:
    """
    Return the account whose password a reset link may set.

    Raises :exc:`~ai_kit_auth.errors.ResetPasswordLinkInvalid` for any other.
    """
    user = find_by_ident(ident)
    if user is not None:
        state = state_of(user)
        if reset_password_tokens.check_token(user, token):
            good = may_receive_reset_mail(user)
        elif state is AccountState.ACTIVE:
            good = legacy_tokens.check_token(user, token)
        else:
            good = _legacy_link_may_activate(user, state, token)
        if good:
            return user
    raise ResetPasswordLinkInvalid


def _legacy_link_may_activate(user: User, state: AccountState, token: str) -> bool:
    return legacy_tokens.check_token(user, token) and (
        state is AccountState.WAITING
        or (
            state is AccountState.UNKNOWN
            and legacy_tokens.predates_this_process(token)
            and legacy_tokens.is_of_registration(user, token)
        )
    )


def may_receive_reset_mail(user: User) -> bool:
    """
    Tell whether a reset may be offered to ``user``: active, or not yet activated.

    SECURITY: a reset also activates, so an account that an admin deactivated, or may
    have deactivated, gets none.
    """
    return state_of(user) in {AccountState.ACTIVE, AccountState.WAITING}


# Mails


def custom_email_data() -> dict[str, Any]:
    """Return what is added to every mail's template context: nothing by default."""
    return {}


@sensitive_variables()
def send_email(subject: str, text: str, html: str, to_address: str) -> None:
    """
    Send one mail from ``DEFAULT_FROM_EMAIL``: plain text with an HTML alternative.

    ``subject`` is folded into one line, whatever a template made of it. Raises what the
    host's mail transport raises.
    """
    _message(subject, text, html, to_address).send()


def _message(
    subject: str, text: str, html: str, to_address: str
) -> EmailMultiAlternatives:
    mail = EmailMultiAlternatives(" ".join(subject.split()), text, to=[to_address])
    mail.attach_alternative(html, "text/html")
    return mail


@sensitive_variables()
def pretend_to_mail(templates: MailTemplates) -> None:
    """
    Make the mail of ``templates`` for no account, and drop it.

    SECURITY: what follows an answer shares the processor, and Python's lock, with the
    next request, which would feel a mail that is made for known accounts alone. Its
    transport is left out: that waits for others, and can be sent to nobody.
    """
    address = "nobody@invalid"
    user = UserModel(**{email_field(): address})
    try:
        parts = render_mail(templates, user, get_password_reset_url(user))
        _message(*parts, address).message().as_bytes()
    except Exception:
        # Templates of a project may need a user that is stored.
        logger.debug("A mail to nobody was not made", exc_info=True)


def _render(template_name: str, context: dict[str, Any], *, escape: bool) -> str:
    template = get_template(template_name)
    if isinstance(template, DjangoTemplate):
        # Not the engine's default: a plain text must never hold "&amp;", and HTML is
        # escaped even where a host has switched that off for its pages.
        return template.template.render(Context(context, autoescape=escape))
    if not escape:
        # Other engines escape by their own rules, but no text that is called safe.
        context = {
            name: mark_safe(value) if isinstance(value, str) else value  # noqa: S308  # it is no HTML
            for name, value in context.items()
        }
    return str(template.render(context))


@sensitive_variables()
def mail_context(user: User, url: str) -> dict[str, Any]:
    """
    Return what a mail's templates are given: ``user``, ``url`` and the project's own.

    ``url`` is a plain text, not a safe one: HTML templates escape its ``&`` as every
    other one, and plain texts are never escaped.

    Raises whatever CUSTOM_DATA_FUNCTION raises.
    """
    return {
        **api_settings.EMAIL_TEMPLATES.CUSTOM_DATA_FUNCTION(),
        "user": user,
        # Of a SafeString, too, this is no SafeString.
        "url": "".join((url, "")) if url else url,
    }


@sensitive_variables()
def render_part(templates: MailTemplates, part: str, context: dict[str, Any]) -> str:
    """
    Return one part of a mail: TITLE, BODY_PLAINTEXT or BODY_HTML.

    Raises ``TemplateDoesNotExist``, ``TemplateSyntaxError``, and whatever the template
    raises.
    """
    text = _render(getattr(templates, part), context, escape=part == "BODY_HTML")
    # A subject is one line, whatever a template made of it.
    return " ".join(text.split()) if part == "TITLE" else text


@sensitive_variables()
def render_mail(templates: MailTemplates, user: User, url: str) -> tuple[str, str, str]:
    """
    Return subject, plain text and HTML of one mail, from the host's templates.

    Raises what :func:`mail_context` and :func:`render_part` raise.
    """
    context = mail_context(user, url)
    return (
        render_part(templates, "TITLE", context),
        render_part(templates, "BODY_PLAINTEXT", context),
        render_part(templates, "BODY_HTML", context),
    )


@sensitive_variables()
def send_from_templates(templates: MailTemplates, user: User, url: str) -> None:
    """Send ``user`` the mail of ``templates``. Raises what :func:`render_mail` does."""
    send_email(*render_mail(templates, user, url), email_of(user))


@sensitive_variables()
def default_send_user_activation_mail(user: User, url: str) -> None:
    """Send the mail of a new registration from the templates of USER_CREATED."""
    send_from_templates(api_settings.EMAIL_TEMPLATES.USER_CREATED, user, url)


@sensitive_variables()
def default_send_activation_by_admin_mail(user: User, url: str) -> None:
    """Send the mail of an account made in the admin, from those of SET_PASSWORD."""
    send_from_templates(api_settings.EMAIL_TEMPLATES.SET_PASSWORD, user, url)


@sensitive_variables()
def default_send_account_exists_mail(user: User, url: str) -> None:
    """Send the mail for a taken address from the templates of ACCOUNT_EXISTS."""
    send_from_templates(api_settings.EMAIL_TEMPLATES.ACCOUNT_EXISTS, user, url)


@sensitive_variables()
def default_send_reset_pw_mail(user: User, url: str) -> None:
    """Send the mail of a reset request from the templates of RESET_PASSWORD."""
    send_from_templates(api_settings.EMAIL_TEMPLATES.RESET_PASSWORD, user, url)


@sensitive_variables()
def hand_over(send: Callable[[Any, str], object], user: User, url: str) -> None:
    """
    Call a host's sender with ``user`` and ``url``.

    Raises a DRF exception of the sender's own, and
    :exc:`~ai_kit_auth.errors.MailNotSent` in place of any other.
    """
    try:
        send(user, url)
    except APIException:
        raise
    except Exception as error:
        # A host's sender may raise whatever its mail service's client raises.
        message = "A mail to user %s was not handed over"
        if log_failure(error, message, user.pk):
            raise MailNotSent from error
    else:
        return
    # SECURITY: not from the error, whose text has the address: callers log what they
    # get.
    raise MailNotSent


@sensitive_variables()
def send_user_activation_mail(user: User) -> None:
    """
    Hand the activation mail of ``user`` to SEND_USER_ACTIVATION_MAIL.

    Raises :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    hand_over(api_settings.SEND_USER_ACTIVATION_MAIL, user, get_activation_url(user))


@sensitive_variables()
def send_activation_by_admin_mail(user: User) -> None:
    """
    Hand the activation mail of ``user`` to SEND_ACTIVATION_BY_ADMIN_MAIL.

    An account that waits for its activation and has no usable password gets the link
    with which its owner sets one; that activates it, too. Raises
    :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    invited = not user.has_usable_password() and may_receive_reset_mail(user)
    make_link = get_password_reset_url if invited else _get_invitation_url
    hand_over(api_settings.SEND_ACTIVATION_BY_ADMIN_MAIL, user, make_link(user))


@sensitive_variables()
def resend_activation_mail(user: User) -> None:
    """
    Mail ``user``, who waits for the activation, once more.

    Who was invited without a password gets the link to set one, everybody else that of
    the registration. Raises :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    if user.has_usable_password():
        send_user_activation_mail(user)
    else:
        send_activation_by_admin_mail(user)


@sensitive_variables()
def send_reset_pw_mail(user: User) -> None:
    """
    Hand the reset mail of ``user`` to SEND_RESET_PW_MAIL.

    Raises :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    hand_over(api_settings.SEND_RESET_PW_MAIL, user, get_password_reset_url(user))


@sensitive_variables()
def send_account_exists_mail(user: User) -> None:
    """
    Hand a mail with a reset link to SEND_ACCOUNT_EXISTS_MAIL, for a taken address.

    Raises :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    hand_over(api_settings.SEND_ACCOUNT_EXISTS_MAIL, user, get_password_reset_url(user))


def tell_owner(owner: User | None) -> bool:
    """
    Mail the owner of an address that it was asked for again, if mails go there.

    Returns False where a mail was due and could not be handed over, which is logged.
    """
    if owner is None or not may_receive_reset_mail(owner):
        pretend_to_mail(api_settings.EMAIL_TEMPLATES.ACCOUNT_EXISTS)
        return True
    try:
        send_account_exists_mail(owner)
    except Exception as error:  # noqa: BLE001  # it is logged
        log_failure(error, "The mail to the owner, user %s, was not sent", owner.pk)
        return False
    return True


def mailbox_key(found: User | None, typed: str, *, as_address: bool = False) -> str:
    """
    Return what the mails to ``found``, or to whatever ``typed`` names, are counted by.

    By the state that links depend on as well: what makes the mailed links void (a
    login, a new password or address) must not leave the owner without another.
    ``as_address``: as of :func:`account_key`.
    """
    key = account_key(found, typed, as_address=as_address)
    return key if found is None else f"{key}|{state_digest(found)}"


# Accounts


@dataclass
class _Registration:
    """What a registration holds: its locks, and the identities that it found free."""

    locks: list[str] = field(default_factory=list)
    free: set[str] = field(default_factory=set)
    # Accounts whose activation mail is due when it has ended.
    to_mail: list[User] = field(default_factory=list)


_current: ContextVar[_Registration | None] = ContextVar("registration", default=None)


@contextmanager
def registration(*, mails: bool = True) -> Iterator[_Registration]:
    """
    Open the transaction in which an identity is checked and taken.

    Whoever checks the same identity meanwhile, in whatever process, waits for its end:
    :func:`taken_codes` locks what it looks at. The e-mail column of Django's user has
    no constraint that would decide the race.

    ``mails``: whether the activation mails that :func:`mail_new_account` asks for are
    sent when the transaction has ended, or by the caller.
    """
    current = _Registration()
    token = _current.set(current)
    try:
        with atomic():
            yield current
    finally:
        _current.reset(token)
        _unlock(current.locks)
    for user in current.to_mail if mails else ():
        mail_or_withdraw(user)


def _lock_file() -> None:
    connection = transaction.get_connection(router.db_for_write(UserModel))
    if connection.vendor == "sqlite":
        # A write, even of no row, takes the write lock of the whole file. It must come
        # first: SQLite lets nobody who has read write after somebody else has.
        table = connection.ops.quote_name(UserModel._meta.db_table)
        column = connection.ops.quote_name(UserModel._meta.pk.column)
        statement = f"UPDATE {table} SET {column} = {column} WHERE 1 = 0"  # noqa: S608  # names from the model
        deadline = time.monotonic() + _LOCK_SECONDS
        with connection.cursor() as cursor:
            _execute_when_free(cursor, statement, deadline)


def _execute_when_free(cursor: Any, statement: str, deadline: float) -> None:
    """Execute ``statement`` as soon as the lock is free; raise when it is too late."""
    while True:
        try:
            cursor.execute(statement)
        except OperationalError as error:
            # The wait of SQLite itself is 5 seconds, unless the project has set
            # another, and it is not fair: some wait while others get the lock again
            # and again.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_LOCK_PAUSE)
        else:
            return


def _lock(names: Sequence[str]) -> None:
    """Hold the locks ``names`` until the registration ends."""
    current = _current.get()
    if current is None or not names:
        return
    connection = transaction.get_connection(router.db_for_write(UserModel))
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
                [value for name in names for value in (name, _LOCK_SECONDS)],
            )
            answers = cursor.fetchone()
        current.locks += [
            name for name, got in zip(names, answers, strict=True) if got == 1
        ]
        if len(current.locks) < len(names):
            raise OperationalError("The lock of a registration is not to be had")


def _unlock(names: Sequence[str]) -> None:
    if names:
        # Only MariaDB and MySQL, whose locks outlive the transaction. Not by Django's
        # cursor, which refuses within a host's own transaction that is broken.
        driver = transaction.get_connection(router.db_for_write(UserModel)).connection
        if driver is not None:
            calls = ", ".join(["RELEASE_LOCK(%s)"] * len(names))
            with driver.cursor() as cursor:
                cursor.execute(f"SELECT {calls}", names)


_LOCK_SECONDS = 30
_LOCK_PAUSE = 0.01  # seconds


def _lock_name(identity: str) -> str:
    folded = unicodedata.normalize("NFKC", identity).casefold()
    return f"aka:{hashlib.sha256(folded.encode()).hexdigest()[:40]}"


def _lock_number(name: str) -> int:
    """Return ``name`` as PostgreSQL's signed 64-bit key."""
    return int.from_bytes(bytes.fromhex(name[4:20]), "big", signed=True)


def mail_new_account(user: User) -> None:
    """
    Mail ``user``, who has just registered, the activation link.

    Within :func:`registration` it is sent when that has ended; called by a project's
    own code outside of it, at once. An account whose mail cannot be sent is taken back.
    Raises :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    current = _current.get()
    if current is not None:
        current.to_mail.append(user)
    else:
        mail_or_withdraw(user)


def mail_or_withdraw(user: User) -> None:
    """
    Mail the activation link of ``user``, if it waits; take it back where that fails.

    Raises what :func:`send_user_activation_mail` raises.
    """
    if not waits_for_activation(user):
        return
    try:
        send_user_activation_mail(user)
    except BaseException:
        # Nor may a worker that runs out of time, which exits, leave the account behind.
        logger.warning("The account of user %s is taken back", user.pk)
        withdraw(user)
        raise


def taken_codes(
    fields: Mapping[str, Any], *, but: User | None = None
) -> dict[str, str]:
    """
    Return ``{"<field>": "<field>_unique"}`` for each identity that has an account.

    Under PREVENT_ENUMERATION a name that is no address may hold no ``@``: its code is
    ``invalid``. SECURITY: "taken" would tell that the address has an account.

    Identities are the address, the username and USER_IDENTITY_FIELDS. They compare in
    any case, and crosswise: SECURITY: an address that is somebody's username, or the
    other way round, would let a stranger stand in front of its owner at login.

    ``fields``: values by the user model's own names. Within :func:`registration` they
    are locked till its end. ``but``: whose own identities do not count.
    """
    values = {name: _typed(fields[name]) for name in identities() if fields.get(name)}
    refused = {
        name: "invalid"
        for name, value in values.items()
        # What an account has already tells it nothing.
        if tells(name, value) and not (but and str(getattr(but, name)) == value)
    }
    values = {name: value for name, value in values.items() if name not in refused}
    locks = {name: _lock_name(value) for name, value in values.items()}
    # In order, so that two registrations never wait for each other.
    _lock(sorted(set(locks.values())))
    conditions = {name: is_anybodys(value) for name, value in values.items()}
    if not conditions:
        return refused
    others = all_rows() if but is None else all_rows().exclude(pk=but.pk)
    rows = others.filter(reduce(or_, conditions.values())).values_list(
        *[
            ExpressionWrapper(condition, output_field=BooleanField())
            for condition in conditions.values()
        ]
    )
    found = [any(column) for column in zip(*rows, strict=True)]
    taken = [
        name for name, somebodys in zip(conditions, found, strict=False) if somebodys
    ]
    current = _current.get()
    if current is not None:
        current.free |= {lock for name, lock in locks.items() if name not in taken}
    return refused | {name: f"{name}_unique" for name in taken}


def _typed(value: Any) -> str:
    """Return what a person types for ``value``, an identity; for a row its key."""
    return str(getattr(value, "pk", value))


def tells(name: str, value: str) -> bool:
    """Tell whether "taken" for ``value`` of ``name`` would tell about an address."""
    return (
        api_settings.PREVENT_ENUMERATION
        and "@" in value
        and not is_email(UserModel._meta.get_field(name))
    )


def identities() -> list[str]:
    """Return the columns whose values must not stand for two people."""
    names = [*identity_fields(), email_field(), username_field()]
    return list(dict.fromkeys(filter(None, names)))


def is_anybodys(value: str) -> Q:
    """Return the condition that finds whoever is named ``value`` by any identity."""
    columns = identities()
    conditions = (equals(column, value, any_case=True) for column in columns)
    return reduce(or_, filter(None, conditions), Q(pk__in=[]))


@sensitive_variables()
def register(fields: Mapping[str, Any]) -> User:
    """
    Make an account that waits for its activation, and return it.

    ``fields``: what the manager's ``create_user`` takes, by the model's own names, the
    password among them. Rows of a many-to-many relation, and the values of a related
    row by its name (as DRF's dotted ``source`` gives them), are written after it. A
    name that neither ``create_user`` nor the model knows is left out. Without a
    username the account gets a unique one. Where the model has no ``is_active`` column,
    or ``fields`` says that it is active, it is active at once.

    Raises a ``ValidationError`` with the codes of :func:`taken_codes` where an identity
    is taken: :exc:`AddressTaken` where PREVENT_ENUMERATION hides that. Raises DRF's
    ``Throttled`` where too many passwords are hashed at this moment. Outside of
    :func:`registration` it opens one and checks that itself.
    """
    current = _current.get()
    if current is None:
        with registration():
            return register(fields)
    values = _normal(fields)
    # A host's serializer may have left our checks out.
    unchecked = {
        name: values[name]
        for name in identities()
        if values.get(name) and _lock_name(_typed(values[name])) not in current.free
    }
    _refuse_taken(unchecked, values)
    username = username_field()
    if username is not None and not values.get(username):
        if not can_be_made_up(UserModel._meta.get_field(username)):
            refuse({username: "required"})
        values[username] = unique_username()
    try:
        with gate, atomic():
            return _create_user(values)
    except IntegrityError:
        # Other code than this made an account since the check.
        _refuse_taken(values, values)
        refuse(related.taken_columns(UserModel, values))
        raise


class AddressTaken(ValidationError):
    """
    The address has an account, and PREVENT_ENUMERATION keeps that from the client.

    ``values``: what the account was to be made of.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        name = email_field()
        super().__init__({name: [ErrorDetail("", f"{name}_unique")]})
        self.values = values


@sensitive_variables()
def _refuse_taken(unchecked: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    taken = taken_codes(unchecked)
    hidden = api_settings.PREVENT_ENUMERATION and taken.pop(email_field(), "")
    # A name that is taken, or no good, is told either way.
    refuse(taken)
    if hidden:
        raise AddressTaken(values)


def _normal(fields: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(fields)
    address, username = email_field(), username_field()
    if values.get(address):
        try:
            values[address] = normal_address(values[address])
        except ValueError:
            refuse({address: "invalid"})
    if username is not None and values.get(username):
        values[username] = normal_username(values[username])
    return values


def refuse(codes: Mapping[str, str]) -> None:
    """Raise a ``ValidationError`` with ``codes``, by field, if there are any."""
    if codes:
        raise ValidationError(
            {name: [ErrorDetail("", code)] for name, code in codes.items()}
        )


def withdraw(user: User) -> None:
    """
    Take a registration back whose mail could not be sent, unless it was used.

    With it goes what refers to it, by the ``on_delete`` of each foreign key. Where that
    forbids it the account stays, which the log tells.
    """
    untouched = {"password": user.password, "is_active": False}
    try:
        with atomic():
            all_rows().filter(pk=user.pk, **untouched).delete()
    except IntegrityError:
        # Django's ProtectedError and RestrictedError are such.
        logger.exception("The account of user %s stays without its mail", user.pk)


@sensitive_variables()
def _create_user(values: dict[str, Any]) -> User:
    create_user = getattr(users(), "create_user", _create_plain_user)
    parameters = inspect.signature(create_user).parameters.values()
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    named = {p.name for p in parameters}
    given, later = related.in_order(UserModel, values, new=True)
    # A form cannot tell "none" from "not sent".
    later = {name: value for name, value in later.items() if value}
    waits = has_column("is_active") and not given.setdefault("is_active", False)
    taken = {
        name: value
        for name, value in given.items()
        if name in named or (takes_any and _is_known(name))
    }
    user = create_user(**taken)
    # The manager of Django's own custom user example takes no flags.
    rest = {n: v for n, v in given.items() if n not in taken and has_column(n)}
    if rest:
        _write_rest(user, rest, waits=waits)
    related.write(user, later, new=True)
    return user


def _is_known(name: str) -> bool:
    return has_column(name) or hasattr(UserModel, name)


@sensitive_variables()
def _write_rest(user: User, values: dict[str, Any], *, waits: bool) -> None:
    if waits and has_column("last_login"):
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


def waits_for_activation(user: User) -> bool:
    """Tell whether a new account needs its activation mail."""
    return not user.is_active


@sensitive_variables()
def activate(user: User, token: str = "") -> None:
    """
    Activate an account that an activation link was checked for.

    ``token``: of the link. Where the account is active already, nothing is written, and
    the cache remembers that the link was used. Raises
    :exc:`~ai_kit_auth.errors.ActivationLinkInvalid` where the row is no longer what was
    checked: another request used the link, or an admin has intervened.
    """
    if user.is_active:
        _use_once(user, token)
        return
    # SECURITY: the project's manager may hide it for more than that it waits; then the
    # transaction takes the activation back.
    if not write_checked(user, **_activation(user)) or is_hidden(user):
        raise ActivationLinkInvalid


def _use_once(user: User, token: str) -> None:
    # SECURITY: nothing that such a link changes would make it void.
    key = cache_key("used_link", user.pk, token)
    try:
        is_first = ask_cache("add", key, True, activation_tokens.timeout(), insist=True)
    except Exception as error:
        logger.exception("The cache failed, so no active account uses a link")
        raise ActivationLinkInvalid from error
    if not is_first:
        raise ActivationLinkInvalid


@sensitive_variables()
def reset_password(user: User, password: str) -> None:
    """
    Set the password of an account that a reset link was checked for, and activate it.

    Ends every session of the user, as Django binds sessions to the password.

    Raises :exc:`~ai_kit_auth.errors.ResetPasswordLinkInvalid` where the row is no
    longer what was checked.
    """
    changes = {} if user.is_active else _activation(user)
    # A login in between does not end the link of an active account.
    regardless_of = ("last_login",) if user.is_active else ()
    changes["password"] = hash_of(user, password)
    written = write_checked(user, regardless_of=regardless_of, **changes)
    if not written or is_hidden(user):
        raise ResetPasswordLinkInvalid
    password_validation.password_changed(password, user)


@sensitive_variables()
def hash_of(user: User, password: str) -> str:
    """
    Return the hash of a new ``password`` of ``user``, who keeps the old one.

    By the model's own ``set_password``, which a host may have overridden. Raises DRF's
    ``Throttled`` where too many passwords are hashed at this moment.
    """
    old_hash = user.password
    with gate:
        user.set_password(password)
    new_hash: str = user.password
    user.password = old_hash
    # SECURITY: Django keeps the raw one for the next save(). Receivers, security
    # notices and whatever pickles the user would have it, and a save() of theirs would
    # tell the validators a second time.
    user._password = None
    return new_hash


def _activation(user: User) -> dict[str, Any]:
    changes: dict[str, Any] = {"is_active": True}
    if has_column("last_login"):
        # SECURITY: whatever link led here must stay dead when an admin deactivates the
        # account before its first login. Losing the mark does that; a row of 2.0.0 has
        # no mark to lose, so it remembers this moment.
        waiting = state_of(user) is AccountState.WAITING
        changes["last_login"] = None if waiting else timezone.now()
    return changes


def auto_now_columns(model: type[Any]) -> list[Any]:
    """Return the columns of ``model`` that every ``save()`` sets to the present."""
    columns = model._meta.concrete_fields
    return [column for column in columns if getattr(column, "auto_now", False)]


@sensitive_variables()
def write_checked(
    user: User, *, regardless_of: Collection[str] = (), **changes: Any
) -> bool:
    """
    Write ``changes`` if the row still is what was checked, and tell whether it was.

    ``regardless_of``: columns that may have changed meanwhile.

    One UPDATE whose condition is all that a token depends on, so a link is consumed
    once and a deactivation in between wins. It is no ``save()``, which would write
    unconditionally; receivers of ``pre_save`` and ``post_save`` and ``auto_now``
    columns see what they would see of one.
    """
    # Not type(): the user of a request is a lazy object around it.
    model = user.__class__
    checked = {
        name: getattr(user, name)
        for name in ("password", "is_active", "last_login", email_field())
        if has_column(name) and name not in regardless_of
    }
    for name, value in changes.items():
        setattr(user, name, value)
    using = router.db_for_write(model, instance=user)
    seen: dict[str, Any] = {
        "sender": model,
        "instance": user,
        "raw": False,
        "using": using,
        "update_fields": frozenset(changes),
    }
    pre_save.send(**seen)
    for column in auto_now_columns(model):
        changes[column.attname] = column.pre_save(user, add=False)
    rows = model._base_manager.using(using).filter(Q(pk=user.pk, **checked))
    if not rows.update(**changes):
        return False
    post_save.send(created=False, **seen)
    return True


def _has_no_session(user: User) -> bool:
    """Tell whether ``user`` has none, or none any more: those of a placeholder end."""
    if state_of(user) is AccountState.WAITING:
        # Nor would the link with which it was invited survive another placeholder.
        return True
    return not user.has_usable_password() and write_checked(
        user, regardless_of=("last_login",), password=make_password(None)
    )


def end_sessions(users: Collection[User]) -> list[User]:
    """
    End every session of ``users``, whose passwords stay what they are.

    Sessions in the database are looked through for theirs, once for all of them. Other
    engines cannot be searched; there it works for an account without a usable password
    alone, whose random placeholder every session is bound to. Returns those whose
    sessions still go on.
    """
    ended = {user.pk for user in users if _has_no_session(user)}
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    if not hasattr(store, "get_model_class"):
        return [user for user in users if user.pk not in ended]
    keys = {str(user.pk) for user in users}
    model = store.get_model_class()
    sessions = model._default_manager.using(router.db_for_write(model))
    for session in sessions.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) in keys:
            # By the store, which may keep a copy in the cache.
            store(session.session_key).delete()
    return []
