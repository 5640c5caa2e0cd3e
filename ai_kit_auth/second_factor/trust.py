"""
SECOND_FACTOR_TRUST_AGE: browsers in which a login needs no second step for some time.

A user asks for that with the second step. The cookie is signed over the account, its
password and its set of factors, so a change of any of them voids it. So does the end of
all sessions of a user.
"""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpResponseBase
from django.views.decorators.debug import sensitive_variables

from ..device_cookies import DeviceCookie
from ..errors import ServiceUnavailable
from ..signals import sessions_ended
from ..user_model import User
from .factors import fingerprint
from .settings import second_factor_settings

logger = logging.getLogger("ai_kit_auth")

COOKIE = "ai_kit_auth_trust"

_cookie = DeviceCookie(
    COOKIE, salt="ai_kit_auth.second_factor.trust", purpose="trust_voided"
)


@sensitive_variables()
def is_trusted(request: Any, user: User) -> bool:
    """
    Tell whether ``user`` has proven a second factor in this browser, and trusts it.

    False while the cache is down: then it is unknown whether
    :func:`void_trusted_browsers` was called.
    """
    age = second_factor_settings.SECOND_FACTOR_TRUST_AGE
    # The factors are asked for only where there is a cookie.
    if age is None or COOKIE not in request.COOKIES:
        return False
    found = _cookie.find(request, _account(user), age)
    if found is None:
        return False
    try:
        return not _cookie.is_void(user, found, insist=True)
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
    if age is not None:
        _cookie.put(response, request, _account(user), age)


def void_trusted_browsers(user: User) -> None:
    """
    Have no browser trusted by ``user`` until the next second step there.

    For a user who says "this was not me". Raises
    :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache is down.
    """
    age = second_factor_settings.SECOND_FACTOR_TRUST_AGE
    if age is not None:
        _cookie.void(user, age)


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


def _account(user: User) -> str:
    return f"{user.pk}|{user.password}|{fingerprint(user)}"
