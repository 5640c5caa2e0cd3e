"""DRF's session authentication, whose CSRF failure is a code."""

from __future__ import annotations

from typing import Any

from rest_framework import authentication, exceptions
from rest_framework.request import Request

from .errors import CSRFFailed


class SessionAuthentication(authentication.SessionAuthentication):
    """The session's user, with a CSRF token for unsafe methods (``csrf_failed``)."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as refusal:
            raise CSRFFailed from refusal


class CSRFEnforcement(SessionAuthentication):
    """
    Nobody's authentication: it asks for the CSRF token and leaves the user anonymous.

    SECURITY: DRF asks only those who are logged in. Without a token at login a foreign
    page can log the visitor in to an account of its own, and read what is then entered
    (OWASP CSRF Prevention Cheat Sheet, "login CSRF").
    """

    def authenticate(self, request: Request) -> None:
        self.enforce_csrf(request)


class StrictSessionAuthentication(SessionAuthentication):
    """The session's user, with a CSRF token also where there is none: at login."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        self.enforce_csrf(request)
        found: tuple[Any, None] | None = super().authenticate(request)
        return found
