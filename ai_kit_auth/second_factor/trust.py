"""
SECOND_FACTOR_TRUST_AGE: browsers in which a login needs no second step for some time.

A user asks for that with the second step. The cookie is signed over the account, its
password and its set of factors, so a change of any of them voids it. So does the end of
all sessions of a user.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from contextlib import suppress
from typing import Any

from django.core.signing import BadSignature, TimestampSigner, b62_decode
from django.http import HttpResponseBase
from django.views.decorators.debug import sensitive_variables

from ..cache import ask_cache, cache_key
from ..cookies import set_cookie
from ..errors import ServiceUnavailable
from ..signals import sessions_ended
from ..user_model import User
from .factors import fingerprint
from .settings import second_factor_settings

logger = logging.getLogger("ai_kit_auth")

COOKIE = "ai_kit_auth_trust"
# How many accounts one browser is trusted by. The cookie stays below 400 bytes.
MOST_ACCOUNTS = 5

_SALT = "ai_kit_auth.second_factor.trust"
_ENTRY = re.compile(r"[\w-]{22}:[0-9A-Za-z]{1,8}:[\w-]{43}", re.ASCII)
_LONGEST = 400


@sensitive_variables()
def is_trusted(request: Any, user: User) -> bool:
    """
    Tell whether ``user`` has proven a second factor in this browser, and trusts it.

    False while the cache is down: then it is unknown whether
    :func:`void_trusted_browsers` was called.
    """
    age, entries = second_factor_settings.SECOND_FACTOR_TRUST_AGE, _entries(request)
    if age is None or not entries:
        return False
    signer, issued = _signer(user), None
    for entry in entries:
        with suppress(BadSignature):
            signer.unsign(entry, max_age=age)
            issued = b62_decode(entry.split(":")[1])
    if issued is None:
        return False
    try:
        return bool(issued > ask_cache("get", _void_key(user), 0, insist=True))
    except Exception:
        logger.exception("The cache failed, so no browser is trusted")
        return False


@sensitive_variables()
def trust_browser(response: HttpResponseBase, request: Any, user: User) -> None:
    """
    Set the cookie by which this browser is trusted, on the answer of a second step.

    Nothing happens without SECOND_FACTOR_TRUST_AGE.
    """
    age = second_factor_settings.SECOND_FACTOR_TRUST_AGE
    if age is None:
        return
    signer = _signer(user)
    others = [entry for entry in _entries(request) if not _is_of(signer, entry)]
    entries = [signer.sign(secrets.token_urlsafe(16)), *others][:MOST_ACCOUNTS]
    set_cookie(response, request, COOKIE, ".".join(entries), max_age=age)


def void_trusted_browsers(user: User) -> None:
    """
    Have no browser trusted by ``user`` until the next second step there.

    For a user who says "this was not me". Raises
    :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache is down.
    """
    age = second_factor_settings.SECOND_FACTOR_TRUST_AGE
    if age is None:
        return
    try:
        ask_cache("set", _void_key(user), time.time(), age, insist=True)
    except Exception as error:
        logger.exception("The cache failed, so trusted browsers are not void")
        raise ServiceUnavailable from error


# Why sessions end with a new hash of the password, or with the account.
_VOID_ANYWAY = ("others", "password", "deleted")


def watch_ends() -> None:
    """Connect :func:`_follow` to the end of all sessions of a user."""
    sessions_ended.connect(_follow, dispatch_uid="ai_kit_auth.second_factor")


def _follow(user: User, by: str, **kwargs: object) -> None:
    if by in _VOID_ANYWAY:
        return
    try:
        void_trusted_browsers(user)
    except ServiceUnavailable:
        # It is logged. The sessions of the user must end all the same, and the admin
        # has no page for it.
        if by != "admin":
            raise


def _void_key(user: User) -> str:
    return cache_key("trust_voided", user.pk)


def _entries(request: Any) -> list[str]:
    """Return what may be entries of the cookie: a client writes there what it likes."""
    cookie = request.COOKIES.get(COOKIE, "")
    entries = cookie.split(".") if len(cookie) <= _LONGEST else ()
    return [entry for entry in entries if _ENTRY.fullmatch(entry)][:MOST_ACCOUNTS]


def _is_of(signer: TimestampSigner, entry: str) -> bool:
    with suppress(BadSignature):
        signer.unsign(entry)
        return True
    return False


def _signer(user: User) -> TimestampSigner:
    account = f"{user.pk}|{user.password}|{fingerprint(user)}"
    return TimestampSigner(salt=f"{_SALT}|{account}")
