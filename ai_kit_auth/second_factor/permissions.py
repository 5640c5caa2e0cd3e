"""
Who must have proven a second factor: DRF permissions, and the default of the policy.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from rest_framework.permissions import BasePermission

from ..user_model import User
from . import factors, proven
from .errors import SecondFactorRequired
from .settings import second_factor_settings


def nobody(user: User) -> bool:
    """Return False: no user must have a second factor."""
    return False


def proven_method(request: Any, user: User | None = None) -> str | None:
    """
    Return by which method the session has proven a second factor, such as ``"totp"``.

    ``user``: whose session it is, by default that of ``request``. None for a session
    that has proven none; ``"trusted_browser"`` for one that a trusted browser has begun
    without a second step.
    """
    user = request.user if user is None else user
    return proven.method_of(request, user, factors.factor_ids)


def must_have_factor(user: User) -> bool:
    """Tell whether SECOND_FACTOR_REQUIRED demands a second factor of ``user``."""
    return bool(second_factor_settings.SECOND_FACTOR_REQUIRED(user))


class _FactorPermission(BasePermission):
    code = SecondFactorRequired.default_code
    message = SecondFactorRequired.default_code

    def has_permission(self, request: Any, view: Any) -> bool:
        user = request.user
        return bool(user and user.is_authenticated and self.admits(request, user))

    @abstractmethod
    def admits(self, request: Any, user: User) -> bool:
        """Tell whether the session of ``user``, who is logged in, has proven enough."""


class SecondFactorVerified(_FactorPermission):
    """
    A DRF permission for a project's own views: the session has proven a second factor.

    Demanded of users who have a factor, and of those for whom SECOND_FACTOR_REQUIRED is
    true, who must add one first. All other users pass; with
    ``SecondFactorVerified(everyone=True)`` it is demanded of them, too. A browser that
    the user trusts has proven it before.

    An anonymous user gets DRF's own answer, any other user 403 with the code
    ``second_factor_required`` as the exception's ``detail`` and ``code``. The page then
    asks for a code and posts it to ``confirm_password/``, or leads to the page where a
    factor is added.
    """

    def __init__(self, *, everyone: bool = False) -> None:
        self._everyone = everyone

    def __call__(self) -> SecondFactorVerified:
        # DRF calls each entry of permission_classes.
        return self

    def admits(self, request: Any, user: User) -> bool:
        if proven_method(request, user) is not None:
            return True
        demanded = self._everyone or must_have_factor(user) or factors.factor_ids(user)
        return not demanded


class FactorProven(_FactorPermission):
    """
    Whoever changes the factors of an account that has some has proven one of them.

    SECURITY: a session that began before there was a factor, or in a trusted browser,
    has shown a password at most. A thief of it could otherwise put a factor of their
    own in the place of the owner's.
    """

    def admits(self, request: Any, user: User) -> bool:
        method = proven_method(request, user)
        if method is not None:
            return method != proven.TRUSTED_BROWSER
        return not factors.factor_ids(user)
