"""
DEVICE_COOKIE_AGE: the cookie that tells in which browsers an account has logged in.

An attack on an account uses up the limits of the account, and its owner then waits as
the attacker does. So a browser in which the account has logged in before is counted by
itself: OWASP's *Slow Down Online Guessing Attacks with Device Cookies*. The cookie
proves nothing else. No limit but those on guesses and mails depends on it.
"""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpResponseBase
from django.views.decorators.debug import sensitive_variables

from .device_cookies import DeviceCookie
from .settings import api_settings
from .user_model import User

logger = logging.getLogger("ai_kit_auth")

COOKIE = "ai_kit_auth_devices"

_cookie = DeviceCookie(
    COOKIE, salt="ai_kit_auth.known_devices", purpose="devices_voided"
)
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
    found = _cookie.find(request, _account(user), age)
    if user is None or found is None:
        return None
    try:
        return None if _cookie.is_void(user, found) else found.name
    except Exception:
        logger.exception("The cache failed, so no device is known")
        return None


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
    if age is not None:
        account = _account(user)
        _cookie.put(response, request, account, age, instead_of=instead_of)


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
    if age is not None:
        _cookie.void(user, age)


def _account(user: User | None) -> str:
    return _NOBODY if user is None else f"{user.pk}|{user.password}"
