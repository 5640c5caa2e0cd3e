"""
Links and mails.

Projects import these functions, call them, and patch them in tests by their names in
this module.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from copy import copy
from email import policy
from email.message import Message, MIMEPart
from email.utils import make_msgid, parseaddr
from functools import cache, partial
from typing import Any
from urllib.parse import quote, urlencode

import django
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import router, transaction
from django.template import Context
from django.template.backends.django import Template as DjangoTemplate
from django.template.loader import get_template
from django.utils import translation
from django.utils.encoding import punycode
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import APIException

from . import mail_queue
from .account_changes import was_used
from .accounts import (
    AccountState,
    activation_tokens,
    email_of,
    ident_of,
    invitation_tokens,
    is_state,
    legacy_tokens,
    reset_password_tokens,
    scramble_id,
    state_digest,
    state_of,
    waiting_mark,
)
from .after_answer import bound
from .cache import ask_cache, cache_key
from .capability import LinkStatus
from .errors import ActivationLinkInvalid, MailNotSent, ResetPasswordLinkInvalid
from .failures import log_failure
from .mail_facts import MailFacts, facts_of
from .registration import mail_at_the_end, withdraw
from .settings import MailTemplates, Section, api_settings, require_frontend_url
from .user_model import User, UserModel, user_model
from .users import account_key, find_by_ident

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
    "send_or_queue",
    "send_reset_pw_mail",
    "send_user_activation_mail",
]

logger = logging.getLogger("ai_kit_auth")

_Function = Callable[..., Any]


# Links


def make_url(*path: object, **query: object) -> SafeString:
    """
    Join the parts of ``path`` by single slashes and append ``query``, quoted.

    ``path``: values with a text form. ``query``: in the order given; the values are
    quoted. The result is safe for templates, so each template shows the link as it is.

    The result keeps a query of the parts, and an anchor such as ``/reset#form`` after
    the query. A slash after the ``#`` begins a route of the frontend's router, which
    reads the query there: ``/#/reset?ident=...``.

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

    It works once, within ACTIVATION_TIMEOUT seconds.
    """
    return _link(api_settings.FRONTEND.ACTIVATION_ROUTE, user, activation_tokens)


@sensitive_variables()
def get_password_reset_url(user: User) -> SafeString:
    """
    Return the link that resets the password of ``user``, to RESET_PW_ROUTE.

    It works once, within ``PASSWORD_RESET_TIMEOUT`` seconds.
    """
    return _link(api_settings.FRONTEND.RESET_PW_ROUTE, user, reset_password_tokens)


@sensitive_variables()
def _link(route: str, user: User, tokens: PasswordResetTokenGenerator) -> SafeString:
    token, ident, state = tokens.make_token(user), ident_of(user), state_digest(user)
    timeout = max(activation_tokens.timeout(), reset_password_tokens.timeout())
    try:
        ask_cache("set", cache_key("live_link", user.pk), state, timeout)
    except Exception:
        logger.exception(_CACHE_FAILED)
    # SECURITY: the URL is from the settings, never from the request's Host header. An
    # attacker who requests the reset mail of another user can set that header (OWASP
    # Forgot Password Cheat Sheet).
    frontend = api_settings.FRONTEND.URL or require_frontend_url("")
    return make_url(frontend, route, ident=ident, token=token)


# The cache has only a hint about links, which lets validate_password/ report problems
# earlier. So a cache that is down must not stop mails or logins.
_CACHE_FAILED = "The cache failed; links work without it"


def has_live_link(user: User) -> bool:
    """Tell whether a link of ``user`` was made that is neither used nor revoked."""
    try:
        state = ask_cache("get", cache_key("live_link", user.pk))
    except Exception:
        logger.exception(_CACHE_FAILED)
        return False
    # When a link is used or revoked, the state that it was made for changes.
    return is_state(user, state)


def find_by_activation_link(ident: str, token: str) -> User:
    """
    Return the account that a valid activation link activates.

    Raises :exc:`~ai_kit_auth.errors.ActivationLinkInvalid` if the link is not valid.
    """
    user = find_by_ident(ident)
    if user is not None and _link_activates(user, token):
        return user
    raise ActivationLinkInvalid


def _link_activates(user: User, token: str) -> bool:
    state = state_of(user)
    if _is_activation_link(user, token):
        # A project may mail such a link to an active account, to let its owner
        # confirm the e-mail address. A link that has activated an account is
        # revoked.
        return state is not AccountState.DEACTIVATED
    return _legacy_link_may_activate(user, state, token)


def _is_activation_link(user: User, token: str) -> bool:
    return any(
        tokens.check_token(user, token)
        for tokens in (activation_tokens, invitation_tokens)
    )


def activation_link_status(ident: str, token: str) -> LinkStatus:
    """
    Return what ``activate_email/`` would make of a link, without using it.

    ``"used"``: the account is active, and its link from when it was not. Nothing about
    that is stored: the token is checked against the account as it was, inactive and
    with the same password and e-mail address. If one of these has changed since,
    nothing shows that the link was genuine, and the status is ``"invalid"``.

    SECURITY: the link must not be too old either, as the mail may be anywhere by then.
    Links of 2.0.0 are never ``"used"``: they were the same for both purposes.
    """
    user = find_by_ident(ident)
    if user is None:
        return "invalid"
    is_active = state_of(user) is AccountState.ACTIVE
    if _link_activates(user, token):
        used = is_active and was_used(user, token)
        return "invalid" if used is None else "used" if used else "valid"
    if is_active and user_model.can_be_inactive:
        for before in _before_activation(user):
            if _is_activation_link(before, token):
                return "used"
    return "invalid"


def _before_activation(user: User) -> Iterator[User]:
    """Yield the active ``user`` as its row may have been before the activation."""
    # A row from before 3.0 has no mark, and neither has a model without the column.
    for last_login in (waiting_mark(), None) if user_model.can_wait else (None,):
        before = copy(user)
        before.is_active, before.last_login = False, last_login
        yield before


def find_by_reset_link(ident: str, token: str) -> User:
    """
    Return the account whose password a valid reset link sets.

    Raises :exc:`~ai_kit_auth.errors.ResetPasswordLinkInvalid` if the link is not valid.
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


def reset_link_status(ident: str, token: str) -> LinkStatus:
    """
    Return what ``reset_password/`` would make of a link, without using it.

    That is never ``"used"``. A used link is bound to the hash of the old password,
    which is not stored any more: nothing shows that the link was genuine. And its user
    may need another link, since the password may not be the one they remember.
    """
    try:
        find_by_reset_link(ident, token)
    except ResetPasswordLinkInvalid:
        return "invalid"
    return "valid"


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
    Tell whether ``user`` may get a reset mail: the account is active or waits.

    SECURITY: a reset also activates the account. So an account that an admin
    deactivated, or may have deactivated, gets no reset mail.
    """
    return state_of(user) in {AccountState.ACTIVE, AccountState.WAITING}


# Mails


def custom_email_data() -> dict[str, Any]:
    """Return values for the template context of every mail: none by default."""
    return {}


# The address that the answers to a mail go to. Not an argument of send_email(), which
# projects replace by a function of four arguments.
_reply_to: ContextVar[str] = ContextVar("reply_to", default="")


@sensitive_variables()
def send_email(subject: str, text: str, html: str, to_address: str) -> None:
    """
    Send one mail from ``DEFAULT_FROM_EMAIL``: plain text with an HTML alternative.

    ``subject`` is folded into one line. The setting MAILER names the mailer. Raises
    what the project's mail backend raises.
    """
    message = _message(subject, text, html, to_address)
    mailer = api_settings.MAILER if django.VERSION >= (6, 1) else None
    by: dict[str, Any] = {} if mailer is None else {"using": mailer}
    message.send(**by)


@sensitive_variables()
def _message(subject: str, text: str, html: str, to_address: str) -> _Message:
    reply_to = _reply_to.get()
    mail = _Message(
        " ".join(subject.split()),
        text,
        to=[to_address],
        headers=_headers(str(settings.DEFAULT_FROM_EMAIL)),
        reply_to=[reply_to] if reply_to else None,
    )
    mail.attach_alternative(html, "text/html")
    return mail


def _headers(sender: str) -> dict[str, str]:
    """
    Return the headers that keep out-of-office answers away, and the mail's id.

    RFC 3834, section 5, and for Exchange [MS-OXCMAIL], section 2.2.3.2.14.
    """
    headers = {
        "Auto-Submitted": _header("Auto-Submitted", "auto-generated"),
        "X-Auto-Response-Suppress": _header("X-Auto-Response-Suppress", "All"),
    }
    # An address without a domain leaves the domain to Django.
    if domain := _domain_of(sender):
        headers["Message-ID"] = make_msgid(domain=domain)
    return headers


@cache
def _header(name: str, value: str) -> str:
    """Return a header that is parsed already; a message takes it as it is."""
    parsed: str = policy.default.header_factory(name, value)
    return parsed


@cache
def _domain_of(sender: str) -> str:
    _name, at, domain = parseaddr(sender)[1].rpartition("@")
    return punycode(domain) if at else ""


class _Message(EmailMultiAlternatives):
    """
    A mail whose text is sent as it is.

    From Django 6.0 on Python chooses the encoding, and takes quoted-printable for each
    text with a line of more than 78 characters, as a link is. That breaks the link in
    the console and in a file. Django 5.2 sends the text as it is. The headers of the
    parts are made once, since Python would parse them anew for each mail, which costs
    more than to render it.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> _Message:
        # The outbox of tests takes such a copy. It would copy each text and each
        # header, which are never changed: only the lists and the dict are.
        mail = copy(self)
        for name, value in vars(mail).items():
            if isinstance(value, list | dict):
                setattr(mail, name, value.copy())
        return mail

    def _add_bodies(self, message: Any) -> None:
        message["MIME-Version"] = _header("MIME-Version", "1.0")
        message["Content-Type"] = _header("Content-Type", "multipart/alternative")
        message.attach(_part(str(self.body), "plain"))
        for content, _mimetype in self.alternatives:
            message.attach(_part(str(content), "html"))

    # Called by Django 5.2 alone, and the one above by Django 6.0 and later.
    def _create_mime_attachment(self, content: str, mimetype: str) -> Message:
        sent = _as_sent(content)
        if sent is None:
            long: Message = super()._create_mime_attachment(content, mimetype)  # type: ignore[misc]  # the types are Django 6's
            return long
        text, encoding = sent
        part = copy(_empty_part(mimetype))
        # This copies the headers, too.
        del part["Content-Transfer-Encoding"]
        part["Content-Transfer-Encoding"] = encoding
        Message.set_payload(part, text)
        return part


@cache
def _empty_part(mimetype: str) -> Message:
    made: Message = EmailMultiAlternatives()._create_mime_attachment("", mimetype)  # type: ignore[attr-defined]  # the types are Django 6's
    return made


def _as_sent(text: str) -> tuple[str, str] | None:
    """
    Return ``text`` as Python's parser has a part that is not encoded, and its encoding.

    None for a text that has to be encoded: a line has at most 998 octets (RFC 5322,
    section 2.1.1).
    """
    content = text.encode()
    if max(map(len, content.splitlines()), default=0) > _LONGEST_LINE:
        return None
    if text.isascii():
        return text, "7bit"
    return content.decode("ascii", "surrogateescape"), "8bit"


def _part(text: str, subtype: str) -> MIMEPart:
    part = MIMEPart(policy.default)
    sent = _as_sent(text)
    if sent is None:
        part.set_content(text, subtype=subtype, cte="quoted-printable")
        return part
    payload, encoding = sent
    part["Content-Type"] = _header("Content-Type", f'text/{subtype}; charset="utf-8"')
    part["Content-Transfer-Encoding"] = _header("Content-Transfer-Encoding", encoding)
    part.set_payload(payload)
    return part


_LONGEST_LINE = 998


@sensitive_variables()
def pretend_to_mail(templates: MailTemplates) -> None:
    """
    Render the mail of ``templates`` for no account, and do not send it.

    SECURITY: the work after an answer shares the processor, and Python's lock, with the
    next request. A client could measure a mail that is made for known accounts alone.
    The transport is left out: it waits for others, and the mail has no recipient. With
    MAIL_TASK the queue gets a task that its worker drops: all that a mail costs here.
    """
    if _has_queue():
        try:
            mail_queue.enqueue("", None, translation.get_language())
        except Exception as error:  # noqa: BLE001  # it is logged
            log_failure(error, "The queue of mails did not take a task")
        return
    address = "nobody@invalid"
    user = UserModel(**{user_model.email: address})
    try:
        parts = render_mail(templates, user, get_password_reset_url(user))
        message = _message(*parts, address).message()
        # Django's outbox takes the message as it is; all other backends write it.
        if not hasattr(mail, "outbox"):
            message.as_bytes()
    except Exception:
        # Templates of a project may need a user that is stored.
        logger.debug("A mail without a recipient was not made", exc_info=True)


def _render(template_name: str, context: dict[str, Any], *, escape: bool) -> str:
    template = get_template(template_name)
    if isinstance(template, DjangoTemplate):
        # Not the engine's default: a plain text must never hold "&amp;", and HTML is
        # escaped even if a project has switched that off for its pages.
        return template.template.render(Context(context, autoescape=escape))
    if not escape:
        # Other engines escape by their own rules, but never a safe string.
        context = {
            name: mark_safe(value) if isinstance(value, str) else value  # noqa: S308  # it is no HTML
            for name, value in context.items()
        }
    return str(template.render(context))


@sensitive_variables()
def mail_context(user: User, url: str, mail: str = "") -> dict[str, Any]:
    """
    Return the context of a mail's templates: ``user``, ``url`` and the custom data.

    ``url`` is not a safe string: HTML templates escape its ``&``, and plain texts are
    never escaped. ``mail``: its key of EMAIL_TEMPLATES. ``ai_kit_auth`` has the
    :class:`~ai_kit_auth.mail_facts.MailFacts`, unless the custom data has that name.

    Raises what CUSTOM_DATA_FUNCTION and the callables of BRANDING raise.
    """
    custom_data = _chosen(
        api_settings.EMAIL_TEMPLATES, "CUSTOM_DATA_FUNCTION", custom_email_data
    )
    context = {
        **custom_data(),
        "user": user,
        # This turns a SafeString into a plain one.
        "url": "".join((url, "")) if url else url,
    }
    facts = facts_of(mail, user, url, context)
    context.setdefault("ai_kit_auth", facts)
    context.setdefault("brand", facts.brand)
    return context


@sensitive_variables()
def render_part(templates: MailTemplates, part: str, context: dict[str, Any]) -> str:
    """
    Return one part of a mail: TITLE, BODY_PLAINTEXT or BODY_HTML.

    Raises ``TemplateDoesNotExist``, ``TemplateSyntaxError``, and what the template
    raises.
    """
    text = _render(getattr(templates, part), context, escape=part == "BODY_HTML")
    # A subject is one line.
    return " ".join(text.split()) if part == "TITLE" else text


def mail_language(user: User) -> str:
    """
    Return the code of the language of a mail to ``user``, such as ``"pt-br"``.

    It is what USER_LANGUAGE returns for a stored account, if ``LANGUAGES`` has it or a
    language that it is a variety of; otherwise the language that is active for the
    request, or ``LANGUAGE_CODE``.
    """
    choose = api_settings.USER_LANGUAGE
    # Accounts that are not stored, and deleted ones, have no key.
    if choose is not None and user.pk is not None:
        try:
            chosen = choose(user)
        except Exception as error:  # noqa: BLE001  # code of the project
            # A mail in another language is better than none.
            log_failure(error, "USER_LANGUAGE failed for user %s", user.pk)
            chosen = None
        with suppress(LookupError):
            return translation.get_supported_language_variant(str(chosen or ""))
    return translation.get_language() or settings.LANGUAGE_CODE


@sensitive_variables()
def render_mail(templates: MailTemplates, user: User, url: str) -> tuple[str, str, str]:
    """
    Return subject, plain text and HTML of one mail, from the project's templates.

    They are in the language of :func:`mail_language`. Raises what :func:`mail_context`
    and :func:`render_part` raise.
    """
    return _rendered(templates, user, url)[0]


@sensitive_variables()
def _rendered(
    templates: MailTemplates,
    user: User,
    url: str,
    more: Mapping[str, Any] | None = None,
) -> tuple[tuple[str, str, str], str]:
    """Return the parts of a mail, and the address that its answers go to."""
    language = mail_language(user)
    if language != translation.get_language():
        with translation.override(language):
            return _rendered_here(templates, user, url, more)
    return _rendered_here(templates, user, url, more)


@sensitive_variables()
def _rendered_here(
    templates: MailTemplates, user: User, url: str, more: Mapping[str, Any] | None
) -> tuple[tuple[str, str, str], str]:
    context = mail_context(user, url, templates.name)
    facts = context["ai_kit_auth"]
    if more is not None:
        # No other mail may show what is in this one.
        shown = facts._replace(fixed=None) if isinstance(facts, MailFacts) else facts
        context |= {**more, "ai_kit_auth": shown}
    parts = (
        render_part(templates, "TITLE", context),
        render_part(templates, "BODY_PLAINTEXT", context),
        render_part(templates, "BODY_HTML", context),
    )
    # The custom data of a project may have the name.
    return parts, facts.brand.support_email if isinstance(facts, MailFacts) else ""


@sensitive_variables()
def send_from_templates(
    templates: MailTemplates,
    user: User,
    url: str,
    more: Mapping[str, Any] | None = None,
) -> None:
    """
    Send ``user`` the mail of ``templates``. Raises what :func:`render_mail` does.

    ``more``: what the context of the templates has besides.
    """
    parts, reply_to = _rendered(templates, user, url, more)
    before = _reply_to.set(reply_to)
    try:
        send_email(*parts, email_of(user))
    finally:
        _reply_to.reset(before)


@sensitive_variables()
def default_send_user_activation_mail(user: User, url: str) -> None:
    """Send the mail of a new registration from the templates of USER_CREATED."""
    send_from_templates(api_settings.EMAIL_TEMPLATES.USER_CREATED, user, url)


@sensitive_variables()
def default_send_activation_by_admin_mail(user: User, url: str) -> None:
    """Send the mail of an account from the admin, by the templates of SET_PASSWORD."""
    send_from_templates(api_settings.EMAIL_TEMPLATES.SET_PASSWORD, user, url)


@sensitive_variables()
def default_send_account_exists_mail(user: User, url: str) -> None:
    """Send the mail for a taken address from the templates of ACCOUNT_EXISTS."""
    send_from_templates(api_settings.EMAIL_TEMPLATES.ACCOUNT_EXISTS, user, url)


@sensitive_variables()
def default_send_reset_pw_mail(user: User, url: str) -> None:
    """Send the mail of a reset request from the templates of RESET_PASSWORD."""
    send_from_templates(api_settings.EMAIL_TEMPLATES.RESET_PASSWORD, user, url)


def _chosen(section: Section, name: str, default: _Function) -> _Function:
    """Return the function that the setting ``name`` holds, or else ``default``."""
    given = getattr(section, "values", None)
    # Tests of projects replace the settings by a mock.
    if isinstance(given, Mapping) and name not in given:
        return default
    found: _Function = getattr(section, name)
    return found


@sensitive_variables()
def hand_over(send: Callable[[Any, str], object], user: User, url: str) -> None:
    """
    Call a sender of the project's with ``user`` and ``url``.

    Raises a DRF exception of the sender, and
    :exc:`~ai_kit_auth.errors.MailNotSent` instead of any other exception.
    """
    try:
        send(user, url)
    except APIException:
        raise
    except Exception as error:
        # A project's sender may raise any error of its mail service's client.
        message = "A mail to user %s was not handed over"
        if log_failure(error, message, user.pk):
            raise MailNotSent from error
    else:
        return
    # SECURITY: not raised from the error, whose text has the e-mail address: callers
    # log the exception with its cause.
    raise MailNotSent


@sensitive_variables()
def send_or_queue(
    purpose: str,
    user: User,
    send: Callable[[], object],
    address: str | None = None,
    about: str | None = None,
) -> None:
    """
    Call ``send`` when its mail may leave: in this process, or in a worker of MAIL_TASK.

    ``purpose``: the key of EMAIL_TEMPLATES, or of SECURITY_NOTICES. ``send`` makes the
    link, and hands it over by :func:`hand_over`. With MAIL_TASK a worker calls the
    ``service`` of the mail's declaration instead, which calls this function again.
    ``address``: where the mail goes, if that is not the stored e-mail address.
    ``about``: what the ``service`` takes in a worker besides, in a string.

    Raises :exc:`~ai_kit_auth.errors.MailNotSent`, also if the queue does not take the
    mail. Within a transaction it does what :func:`when_committed` does.
    """
    if mail_queue.works.get():
        # At once, also where the backend has a transaction around its tasks: the
        # account is committed, and the backend has to learn of a failure.
        send()
        return
    if _has_queue():
        put = partial(_enqueue, purpose, address, about)
        send = partial(hand_over, put, user, "")
    when_committed(f"The mail {purpose} to user {user.pk}", send)


def _has_queue() -> bool:
    # Tests of projects replace the settings by a mock.
    return isinstance(getattr(api_settings, "MAIL_TASK", None), str)


def _enqueue(
    purpose: str, address: str | None, about: str | None, user: User, url: str
) -> None:
    mail_queue.enqueue(purpose, user, mail_language(user), address, about)


def when_committed(what: str, work: Callable[[], object]) -> None:
    """
    Call ``work`` at once, or when the transaction around this call is committed.

    A transaction that is rolled back drops it. After a commit its exceptions are
    logged, since no caller is left that could tell of them. ``what``: the log's name
    for it, without a secret.

    The transactions in which Django's ``TestCase`` runs a test do not count: they are
    never committed.
    """
    using = router.db_for_write(UserModel)
    blocks = transaction.get_connection(using).atomic_blocks
    if not blocks or blocks[0]._from_testcase:
        work()
    else:
        transaction.on_commit(bound(what, work), using=using)


@sensitive_variables()
def send_user_activation_mail(user: User) -> None:
    """
    Hand the activation mail of ``user`` to SEND_USER_ACTIVATION_MAIL.

    Raises :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    send = _chosen(
        api_settings, "SEND_USER_ACTIVATION_MAIL", default_send_user_activation_mail
    )
    send_or_queue(
        "USER_CREATED", user, lambda: hand_over(send, user, get_activation_url(user))
    )


@sensitive_variables()
def send_activation_by_admin_mail(user: User) -> None:
    """
    Hand the activation mail of ``user`` to SEND_ACTIVATION_BY_ADMIN_MAIL.

    An account that waits for its activation and has no usable password gets the link
    with which its owner sets one; that activates it, too. Raises
    :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    send = _chosen(
        api_settings,
        "SEND_ACTIVATION_BY_ADMIN_MAIL",
        default_send_activation_by_admin_mail,
    )
    send_or_queue(
        "SET_PASSWORD", user, lambda: hand_over(send, user, _invitation_url(user))
    )


@sensitive_variables()
def _invitation_url(user: User) -> SafeString:
    if not user.has_usable_password() and may_receive_reset_mail(user):
        return get_password_reset_url(user)
    return _link(api_settings.FRONTEND.ACTIVATION_ROUTE, user, invitation_tokens)


@sensitive_variables()
def resend_activation_mail(user: User) -> None:
    """
    Mail ``user``, whose account waits for its activation, once more.

    A user that was invited without a password gets the link to set one, any other user
    that of the registration. Raises :exc:`~ai_kit_auth.errors.MailNotSent`.
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
    send = _chosen(api_settings, "SEND_RESET_PW_MAIL", default_send_reset_pw_mail)
    send_or_queue(
        "RESET_PASSWORD",
        user,
        lambda: hand_over(send, user, get_password_reset_url(user)),
    )


@sensitive_variables()
def send_account_exists_mail(user: User) -> None:
    """
    Hand a mail with a reset link to SEND_ACCOUNT_EXISTS_MAIL, for a taken address.

    Raises :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    send = _chosen(
        api_settings, "SEND_ACCOUNT_EXISTS_MAIL", default_send_account_exists_mail
    )
    send_or_queue(
        "ACCOUNT_EXISTS",
        user,
        lambda: hand_over(send, user, get_password_reset_url(user)),
    )


def tell_owner(owner: User | None) -> bool:
    """
    Mail ``owner`` that their e-mail address was used again, if they may get mails.

    Return False if a mail was due and could not be sent, which is logged.
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
    Return what the mails to ``found``, or to the name ``typed``, are counted by.

    The state that links depend on is part of it: an event that makes the mailed links
    void (a login, a new password or address) must not leave the owner without another.
    ``as_address``: as of :func:`account_key`.
    """
    key = account_key(found, typed, as_address=as_address)
    return key if found is None else f"{key}|{state_digest(found)}"


def mail_new_account(user: User) -> None:
    """
    Mail the activation link to ``user``, whose account is new.

    The mail is sent, or put into the queue of MAIL_TASK, when the transaction has
    ended. If that fails the account is deleted. Raises
    :exc:`~ai_kit_auth.errors.MailNotSent`; within a transaction of the project's own
    the log has an entry instead.
    """
    mail_at_the_end(user, mail_or_withdraw)


def mail_or_withdraw(user: User) -> None:
    """
    Mail the activation link of ``user`` if it waits; delete the account if that fails.

    Raises what :func:`send_user_activation_mail` raises, and within a transaction what
    :func:`when_committed` says.
    """
    when_committed(
        f"The activation mail of user {user.pk}", partial(_mail_or_withdraw, user)
    )


def _mail_or_withdraw(user: User) -> None:
    if user.is_active:
        return
    try:
        send_user_activation_mail(user)
    except BaseException:
        # Also when a worker exits because its time is up: no account may stay behind.
        logger.warning("The account of user %s is taken back", user.pk)
        withdraw(user)
        raise
