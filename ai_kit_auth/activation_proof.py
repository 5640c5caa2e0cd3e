"""
ACTIVATION_PROOF: the proof, in addition to a mailed link, that its user asked for it.

A link alone shows only that a program or a person opened the mail. Mail scanners of
companies open links in a browser that runs JavaScript. So a page that posts the link by
itself would activate an account that an attacker registered for the address of another
person, with a password that the attacker knows. A scanner has the link only. The
attacker has the password and the cookie only. The owner of the address has both, or
resets the password, which locks the attacker out.
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
from .accounts import activation_tokens, email_of, invitation_tokens
from .cookies import set_cookie
from .errors import ActivationProofRequired
from .known_devices import device_of
from .throttling import LoginAttempt
from .user_model import User
from .users import account_key, authenticate

COOKIE = "ai_kit_auth_activation"

_SALT = "ai_kit_auth.activation_proof"


def set_proof(response: HttpResponseBase, request: Any, user: User | None) -> None:
    """
    Set the cookie that proves, with the link, that this browser registered ``user``.

    ``user`` is None if no account was created because of PREVENT_ENUMERATION; then the
    cookie looks the same and proves nothing. It lasts as long as the link.
    """
    value = secrets.token_hex(32) if user is None else next(_proofs_of(user))
    set_cookie(response, request, COOKIE, value, max_age=activation_tokens.timeout())


def _proofs_of(user: User) -> Iterator[str]:
    """Yield the proofs of ``user`` by SECRET_KEY, then by SECRET_KEY_FALLBACKS."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        # SECURITY: the password's hash is part of it, so that the cookie of one
        # registration proves nothing for a later one of the same e-mail address.
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
    Raise :exc:`~ai_kit_auth.errors.ActivationProofRequired` without a proof of
    ``user``.

    ``token`` is from a valid link. The link of an account that an admin created needs
    no proof. ``password`` is from the request; a wrong one counts as a failed login.
    Raises DRF's ``Throttled``.
    """
    if invitation_tokens.check_token(user, token):
        return
    cookie = request.COOKIES.get(COOKIE, "")
    if any(constant_time_compare(cookie, proof) for proof in _proofs_of(user)):
        return
    if password:
        # authenticate() does not work: backends refuse an account that is not active.
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
    Raise ``ActivationProofRequired`` unless ``user`` is logged in or ``password`` is
    right.

    This is for a link that changes an active account. Raises DRF's ``Throttled``.
    """
    # request.user does not work: these endpoints authenticate no user.
    if get_user(request._request) == user:
        return
    if password:
        device = device_of(request, user)
        with LoginAttempt(request, account_key(user, ""), device=device) as attempt:
            proven = authenticate(request._request, user, password)
        if proven is not None:
            attempt.succeeded()
            return
        _log_refusal(request, user)
    raise ActivationProofRequired


def _log_refusal(request: Any, user: User) -> None:
    code = ActivationProofRequired.default_code
    security_log.log("password_refused", request, user=user, code=code)
