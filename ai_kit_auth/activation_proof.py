"""
What shows, besides a mailed link, that its user asked for it: ACTIVATION_PROOF.

A link alone shows that something has read the mail. The mail scanners of companies open
links in a browser that runs JavaScript, so a page that posts the link by itself would
activate an account that a stranger has registered for somebody else's address, with a
password that the stranger knows. A scanner has the link only, the stranger has the
password and the cookie only; the owner of the account has both, or resets the password,
which shuts the stranger out.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.debug import sensitive_variables

from . import security_log
from .accounts import email_of
from .errors import ActivationProofRequired
from .throttling import LoginAttempt
from .tokens import activation_tokens, invitation_tokens
from .user_model import User
from .users import account_key, authenticate

COOKIE = "ai_kit_auth_activation"

_SALT = "ai_kit_auth.activation_proof"


def set_proof(response: HttpResponseBase, request: Any, user: User | None) -> None:
    """
    Set the cookie that shows, with the link, that this browser registered ``user``.

    ``user``: None where no account was made, under PREVENT_ENUMERATION; the cookie then
    looks the same and proves nothing. Domain, path and ``SameSite`` are those of the
    session's cookie; it is always ``HttpOnly`` and lasts as long as the link.
    """
    value = secrets.token_hex(32) if user is None else next(_proofs_of(user))
    response.set_cookie(
        COOKIE,
        value,
        max_age=activation_tokens.timeout(),
        domain=settings.SESSION_COOKIE_DOMAIN,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE or request.is_secure(),
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )


def _proofs_of(user: User) -> Iterator[str]:
    """Yield the proof of ``user`` by the secret key, then those by its fallbacks."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        # SECURITY: with the password's hash, so that the cookie of one registration is
        # no proof for a later one of the same address.
        yield salted_hmac(
            _SALT,
            f"{user.pk}|{email_of(user)}|{user.password}",
            secret=key,
            algorithm="sha256",
        ).hexdigest()


@sensitive_variables()
def insist_on_registrant(
    request: Any, user: User, token: str, password: str | None
) -> None:
    """
    Raise :exc:`~ai_kit_auth.errors.ActivationProofRequired` unless ``user`` asked.

    ``token``: of a link that is good. That of an account which an admin has made needs
    no further proof. ``password``: what was sent along; a wrong one counts as a failed
    login. Raises DRF's ``Throttled``.
    """
    if invitation_tokens.check_token(user, token):
        return
    cookie = request.COOKIES.get(COOKIE, "")
    if any(constant_time_compare(cookie, proof) for proof in _proofs_of(user)):
        return
    if password:
        # Not by authenticate(): backends refuse an account that is not active yet.
        with LoginAttempt(request, account_key(user, "")) as attempt:
            proven = user.check_password(password)
        if proven:
            attempt.succeeded()
            return
        _log_refusal(request, user)
    raise ActivationProofRequired


@sensitive_variables()
def insist_on_owner(request: Any, user: User, password: str | None) -> None:
    """
    Raise the same unless ``user`` is logged in here, or ``password`` is right.

    For a link that changes an account which is active. Raises DRF's ``Throttled``.
    """
    # Not request.user: these endpoints authenticate no user.
    if get_user(request._request) == user:
        return
    if password:
        with LoginAttempt(request, account_key(user, "")) as attempt:
            proven = authenticate(request._request, user, password)
        if proven is not None:
            attempt.succeeded()
            return
        _log_refusal(request, user)
    raise ActivationProofRequired


def _log_refusal(request: Any, user: User) -> None:
    code = ActivationProofRequired.default_code
    security_log.log("password_refused", request, user=user, code=code)
