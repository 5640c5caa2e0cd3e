"""
SECURITY_NOTICES.NEW_DEVICE: a mail after a login in a browser that was not known.

Its link says "this was not me": it ends all sessions, makes known devices and trusted
browsers void, and mails a link to set another password. It logs nobody in.
"""

from __future__ import annotations

import copy
import logging
from functools import partial
from typing import Any

from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from .. import services as core
from ..account.services import send_security_notice
from ..account_changes import end_sessions
from ..accounts import AccountState, AccountTransaction, ident_of, state_of
from ..after_answer import after_answer
from ..cache import ask_cache, cache_key
from ..errors import ServiceUnavailable
from ..known_devices import is_known_device, void_known_devices
from ..settings import api_settings, require_frontend_url
from ..user_model import User
from ..users import find_by_ident
from . import services
from .devices import cut, device_of
from .errors import NotMeLinkInvalid
from .models import SessionRecord
from .settings import sessions_settings
from .tokens import not_me_tokens

logger = logging.getLogger("ai_kit_auth")

# A mail lies about for longer than a page.
_PREFIXES = (24, 48)
# An attribute of a user: whether the account had logged in before this login.
_HAD_LOGGED_IN = "_ai_kit_auth_had_logged_in"


# The notice


def note_earlier_login(user: User) -> None:
    """Note whether ``user`` has logged in before; Django will change ``last_login``."""
    setattr(user, _HAD_LOGGED_IN, getattr(user, "last_login", None) is not None)


def tell_of_new_device(request: Any, user: User, record: SessionRecord) -> None:
    """
    Mail ``user`` about a login, if it was in a browser that was not known.

    Nothing happens at the first login of an account. ``record`` is of the session that
    has just begun. The mail goes out when the client has its answer.
    """
    is_on = (
        sessions_settings.SECURITY_NOTICES.NEW_DEVICE
        and sessions_settings.ENABLE_ENDPOINTS.SESSIONS
        and api_settings.DEVICE_COOKIE_AGE is not None
    )
    if not is_on or is_known_device(request, user):
        return
    others = services.rows().filter(user_id=user.pk).exclude(pk=record.pk)
    if getattr(user, _HAD_LOGGED_IN, False) or others.exists():
        after_answer(
            request,
            f"The notice NEW_DEVICE to user {user.pk}",
            partial(_send_notice, user, record, request),
        )


def _send_notice(user: User, record: SessionRecord, request: Any) -> None:
    # A receiver may have refused the login after all.
    if services.rows().filter(pk=record.pk).exists():
        about = str(record.pk)
        send_security_notice(
            user, "NEW_DEVICE", request, lambda user, _: mail_new_device(user, about)
        )


@sensitive_variables()
def mail_new_device(user: User, about: str = "") -> None:
    """
    Hand the mail about a new device to SEND_NEW_DEVICE_MAIL, here or in a worker.

    ``about``: the key of the session's record. Raises
    :exc:`~ai_kit_auth.errors.MailNotSent`.
    """
    core.send_or_queue(
        "NEW_DEVICE",
        user,
        lambda: core.hand_over(
            sessions_settings.SEND_NEW_DEVICE_MAIL,
            _with_device(user, about),
            get_not_me_url(user),
        ),
        about=about,
    )


def _with_device(user: User, about: str) -> User:
    """Return a copy of ``user`` that has what the mail tells of the login."""
    found = services.rows().filter(pk=about).first() if about else None
    other = copy.copy(user)
    other.new_device = {}
    if found is not None:
        other.new_device = {
            **device_of(found.user_agent),
            "time": found.created,
            "ip_address": cut(found.ip_address, _PREFIXES),
        }
    return other


@sensitive_variables()
def default_send_new_device_mail(user: User, url: str) -> None:
    """Send the mail about a login in a browser that was not known, by its templates."""
    core.send_from_templates(
        sessions_settings.EMAIL_TEMPLATES.NEW_DEVICE,
        user,
        url,
        {"device": getattr(user, "new_device", {})},
    )


@sensitive_variables()
def get_not_me_url(user: User) -> SafeString:
    """
    Return the link to NOT_ME_ROUTE by which ``user`` says that a login was not theirs.

    It works once, within ``PASSWORD_RESET_TIMEOUT`` seconds.
    """
    return core.make_url(
        api_settings.FRONTEND.URL or require_frontend_url(""),
        sessions_settings.FRONTEND.NOT_ME_ROUTE,
        ident=ident_of(user),
        token=not_me_tokens.make_token(user),
    )


# The link


@sensitive_variables()
def find_by_not_me_link(ident: str, token: str) -> User:
    """
    Return the account of a valid link.

    Raises :exc:`~ai_kit_auth.sessions.errors.NotMeLinkInvalid` if the link is not
    valid, and :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache is down:
    then it is unknown whether it was used.
    """
    user = find_by_ident(ident)
    if (
        user is None
        or state_of(user) is not AccountState.ACTIVE
        or not not_me_tokens.check_token(user, token)
        or _ask("get", user, token)
    ):
        raise NotMeLinkInvalid
    return user


@sensitive_variables()
def disown(user: User, token: str) -> None:
    """
    Do what the link promises, but for the mail. The last step voids the link.

    Raises :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache is down. The
    link then works again, and the sessions have ended.
    """
    with AccountTransaction():
        end_sessions([user], by="not_me")
    void_known_devices(user)
    _ask("set", user, token, True, not_me_tokens.timeout())


def _ask(operation: str, user: User, token: str, *entry: object) -> Any:
    try:
        key = cache_key("used_link", user.pk, token)
        return ask_cache(operation, key, *entry, insist=True)
    except Exception as error:
        logger.exception("The cache failed, so no login is disowned")
        raise ServiceUnavailable from error
