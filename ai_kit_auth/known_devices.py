"""
DEVICE_COOKIE_AGE: the cookie that tells in which browsers an account has logged in.

An attack on an account uses up the limits of the account, and its owner then waits as
the attacker does. So a browser in which the account has logged in before is counted by
itself: OWASP's *Slow Down Online Guessing Attacks with Device Cookies*. The cookie
proves nothing else. No limit but those on guesses and mails depends on it.
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

from .cache import ask_cache, cache_key
from .cookies import set_cookie
from .errors import ServiceUnavailable
from .settings import api_settings
from .user_model import User

logger = logging.getLogger("ai_kit_auth")

COOKIE = "ai_kit_auth_devices"
# How many accounts one browser is known to. The cookie stays below 400 bytes.
MOST_ACCOUNTS = 5

_SALT = "ai_kit_auth.known_devices"
# A random name, the time and the signature. No entry shows whose it is.
_ENTRY = re.compile(r"[\w-]{22}:[0-9A-Za-z]{1,8}:[\w-]{43}", re.ASCII)
_LONGEST = 400
# As long as most keys and hashes: an unknown account costs the work of a known one.
_NOBODY = "-" * 96


@sensitive_variables()
def device_of(request: Any, user: User | None) -> str | None:
    """
    Return the name of the browser, if the account of ``user`` has logged in there.

    The name is random, new at each login, and what the attempts of the browser are
    counted by. None without a valid cookie, and while the cache is down: then it is
    unknown whether :func:`void_known_devices` was called.
    """
    age = api_settings.DEVICE_COOKIE_AGE
    if age is None:
        return None
    signer, found = _signer(user), None
    for entry in _entries(request):
        with suppress(BadSignature):
            found = (signer.unsign(entry, max_age=age), entry.split(":")[1])
    if user is None or found is None:
        return None
    name, issued = found
    try:
        voided = ask_cache("get", _void_key(user), 0)
    except Exception:
        logger.exception("The cache failed, so no device is known")
        return None
    return name if b62_decode(issued) > voided else None


def is_known_device(request: Any, user: User) -> bool:
    """
    Tell whether ``user`` has logged in before in the browser that sends ``request``.

    During a login, such as in a receiver of ``user_logged_in``, this tells about the
    logins before it. Always False without DEVICE_COOKIE_AGE.
    """
    return device_of(request, user) is not None


@sensitive_variables()
def remember_device(
    response: HttpResponseBase,
    request: Any,
    user: User,
    *,
    instead_of: str | None = None,
) -> None:
    """
    Set the cookie that lets this browser be known to ``user``, who has just logged in.

    It keeps what other accounts have in it. ``instead_of``: the name that the browser
    had before the password has changed. Nothing happens without DEVICE_COOKIE_AGE.
    """
    age = api_settings.DEVICE_COOKIE_AGE
    if age is None:
        return
    signer = _signer(user)
    others = [
        entry
        for entry in _entries(request)
        if entry.split(":")[0] != instead_of and not _is_of(signer, entry)
    ]
    entries = [signer.sign(secrets.token_urlsafe(16)), *others]
    set_cookie(
        response, request, COOKIE, ".".join(entries[:MOST_ACCOUNTS]), max_age=age
    )


def keep_device(
    response: HttpResponseBase, request: Any, user: User, device: str | None
) -> None:
    """
    Let this browser stay known after it has given ``user`` another hash.

    ``device``: its name before that, None where it was not known. It gets a new cookie.

    SECURITY: the signature is over the password's hash, so the cookies of all other
    browsers are void.
    """
    if device is not None:
        remember_device(response, request, user, instead_of=device)


def void_known_devices(user: User) -> None:
    """
    Have no browser known to ``user`` until the next login there.

    For a user who says "this was not me". The password stays. Raises
    :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache is down.
    """
    age = api_settings.DEVICE_COOKIE_AGE
    if age is None:
        return
    try:
        ask_cache("set", _void_key(user), time.time(), age, insist=True)
    except Exception as error:
        logger.exception("The cache failed, so known devices are not void")
        raise ServiceUnavailable from error


def _void_key(user: User) -> str:
    return cache_key("devices_voided", user.pk)


def _entries(request: Any) -> list[str]:
    """Return what may be entries of the cookie: a client writes there what it likes."""
    cookie = request.COOKIES.get(COOKIE, "")
    entries = cookie.split(".") if len(cookie) <= _LONGEST else ()
    return [entry for entry in entries if _ENTRY.fullmatch(entry)][:MOST_ACCOUNTS]


def _is_of(signer: TimestampSigner, entry: str) -> bool:
    """Tell whether ``signer`` has made ``entry``, at any time."""
    with suppress(BadSignature):
        signer.unsign(entry)
        return True
    return False


def _signer(user: User | None) -> TimestampSigner:
    account = _NOBODY if user is None else f"{user.pk}|{user.password}"
    return TimestampSigner(salt=f"{_SALT}|{account}")
