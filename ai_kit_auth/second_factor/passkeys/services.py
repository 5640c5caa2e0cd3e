"""What an account does with its passkeys: adds, renames and removes them."""

from __future__ import annotations

from typing import Any, NamedTuple

from rest_framework.exceptions import NotFound, ValidationError

from ...account.services import lock
from ...accounts import AccountTransaction, invitation_tokens
from ...user_model import User
from .. import proven
from ..errors import LastFactor
from ..factors import after_adding, after_removing, factor_ids
from ..permissions import must_have_factor
from . import challenges, credentials
from .method import PasskeyMethod
from .proofs import log_refusal

KIND = PasskeyMethod.name


def registration_options(request: Any, user: User) -> dict[str, Any]:
    """Return ``publicKey`` for a new passkey of ``user``, and keep its challenge."""
    helper = credentials.ceremonies(request._request)
    options, state = helper.register_begin(user)
    challenges.keep(request, challenges.REGISTRATION, state, user)
    return dict(options)


def sign_up_options(request: Any, user: User) -> dict[str, Any]:
    """
    Return ``publicKey`` for the passkey of a new account, and keep its challenge.

    SECURITY: a link to an active account adds no passkey, or whoever reads the mail
    would have one for good. Raises the refusal of a credential.
    """
    if user.is_active:
        raise challenges.refusal()
    helper = credentials.ceremonies(request._request)
    helper.is_sign_up = True
    options, state = helper.register_begin(user)
    challenges.keep(request, challenges.SIGN_UP, state, user)
    return dict(options)


class Verified(NamedTuple):
    """A new passkey that is not saved yet, and what has made it."""

    helper: Any
    passkey: Any
    attestation: Any


def sign_up(request: Any, user: User, response: Any) -> Verified:
    """
    Return the passkey of an account that waits, for :func:`finish_sign_up`.

    Raises the refusal of a credential.
    """
    try:
        if user.is_active:
            raise challenges.refusal()
        state = challenges.take(request, challenges.SIGN_UP, response, user)
        helper = credentials.ceremonies(request._request)
        helper.is_sign_up = True
        return Verified(helper, *helper.registered(user, state, response))
    except ValidationError:
        log_refusal(request, user)
        raise


def is_invitation(user: User, token: str) -> bool:
    """Tell whether ``token`` is of the link by which an admin has invited ``user``."""
    return invitation_tokens.check_token(user, token)


def finish_sign_up(request: Any, user: User, verified: Verified, name: str) -> None:
    """
    Save the passkey of :func:`sign_up`, in the transaction that activates ``user``.

    Raises the refusal of a credential that is registered already.
    """
    credentials.store(*verified, name)
    # No mail: the user has just answered one.
    after_adding(request, user, KIND, tells=False)


def add(request: Any, user: User, response: Any, name: str) -> Any:
    """
    Add the passkey of the credential ``response`` to ``user``, and return it.

    Raises a ``ValidationError``: the refusal, or ``max_length`` for one too many; and
    DRF's ``NotAuthenticated`` where the account has changed meanwhile.
    """
    try:
        state = challenges.take(request, challenges.REGISTRATION, response, user)
        helper = credentials.ceremonies(request._request)
        made, attestation = helper.registered(user, state, response)
        with AccountTransaction():
            user = lock(user)
            passkey = credentials.store(helper, made, attestation, name)
            proven.record(request, user, KIND, credentials.factor_id(passkey.pk))
            after_adding(request, user, KIND)
    except ValidationError as error:
        if "credential" in error.detail:
            log_refusal(request, user)
        raise
    return passkey


def rename(user: User, passkey: Any, name: str) -> Any:
    """Give ``passkey`` another name, and return it; raises DRF's ``NotFound``."""
    rows = credentials.of_user(user).filter(pk=passkey.pk)
    # Without the attestation beside it, which no UPDATE can have.
    if not rows.select_related(None).order_by().update(name=name):
        raise NotFound
    passkey.name = name
    return passkey


def remove(request: Any, user: User, pk: str) -> None:
    """
    Delete the passkey ``pk`` of ``user``.

    Raises DRF's ``NotFound``, and
    :exc:`~ai_kit_auth.second_factor.errors.LastFactor`.
    """
    with AccountTransaction():
        user = lock(user)
        passkey = credentials.find(user, pk)
        is_last = factor_ids(user) == [credentials.factor_id(passkey.pk)]
        if is_last and must_have_factor(user):
            raise LastFactor
        passkey.delete()
        after_removing(request, user, KIND)
