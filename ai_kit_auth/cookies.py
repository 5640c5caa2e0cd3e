"""Cookies of this package beside that of the session, which go the same way."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponseBase


def set_cookie(
    response: HttpResponseBase, request: Any, name: str, value: str, *, max_age: int
) -> None:
    """
    Set the cookie ``name`` on ``response`` for ``max_age`` seconds.

    It has the domain, path and ``SameSite`` of the session cookie, so it comes along
    where the session does. It is always ``HttpOnly``, and ``Secure`` over HTTPS.
    """
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE or request.is_secure(),
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )
