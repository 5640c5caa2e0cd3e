"""What a passkey proves: a login by itself, or more beside a password."""

from __future__ import annotations

from typing import Any, NamedTuple

from rest_framework.exceptions import NotFound, ValidationError

from ... import security_log
from ...throttling import Counted, Counter, client_address, take_all
from ...user_model import User
from . import challenges, credentials


class Proof(NamedTuple):
    """The account that a passkey has proven, with its backend, and the passkey."""

    user: User
    passkey: Any


def login_options(request: Any) -> dict[str, Any]:
    """Return ``publicKey`` for a login without a name, and keep its challenge."""
    helper = credentials.ceremonies(request._request)
    options, state = helper.authenticate_begin(require_user_verification=True)
    challenges.keep(request, challenges.LOGIN, state)
    return dict(options)


def prove_login(request: Any, response: Any) -> Proof:
    """
    Return who logs in by the credential ``response``.

    Only a passkey that logs in without a password does. Raises a ``ValidationError``
    with ``invalid_credential`` under ``credential``, DRF's ``Throttled``, and
    :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache is down.
    """
    counted = _count_client(request)
    refused_of = None
    try:
        state = challenges.take(request, challenges.LOGIN, response)
        helper = credentials.ceremonies(request._request)
        passkey = helper.asserted(state, response)
        refused_of = passkey.user
        user = credentials.with_backend(passkey.user)
        if user is None or not credentials.is_passwordless(passkey):
            raise challenges.refusal()
    except ValidationError:
        log_refusal(request, refused_of)
        raise
    counted.release()
    return Proof(user, passkey)


def proof_options(request: Any, user: User) -> dict[str, Any]:
    """
    Return ``publicKey`` with which ``user`` proves a passkey, and keep its challenge.

    The passkey of a user who is logged in stands in for the password, so it has to
    verify the user. Beside the password it need not. Raises DRF's ``NotFound`` where
    the user has none.
    """
    if not (credentials.is_installed() and credentials.of_user(user).exists()):
        raise NotFound
    purpose = _purpose(request)
    helper = credentials.ceremonies(request._request)
    options, state = helper.authenticate_begin(
        user, require_user_verification=purpose == challenges.RE_AUTHENTICATION
    )
    challenges.keep(request, purpose, state, user)
    return dict(options)


def prove(request: Any, user: User, response: Any) -> Any:
    """
    Return the passkey of ``user`` that the credential ``response`` proves.

    Raises what :func:`prove_login` does, save ``Throttled``. The caller counts and
    logs.
    """
    state = challenges.take(request, _purpose(request), response, user)
    return credentials.ceremonies(request._request).asserted(state, response, user)


def _purpose(request: Any) -> str:
    if request.user and request.user.is_authenticated:
        return challenges.RE_AUTHENTICATION
    return challenges.SECOND_STEP


def _count_client(request: Any) -> Counted:
    # A signature is no guess: this limits what a client makes the server verify.
    client = client_address(request)
    if client is None:
        return Counted()
    return take_all(Counter("SECOND_FACTOR", f"passkey_login|{client}"))


def log_refusal(request: Any, user: User | None) -> None:
    """Note in the security log that a credential was refused."""
    security_log.log("passkey_refused", request, user=user, code="invalid_credential")
