"""
The token of a change of address.

It carries the new address, signed, since no column holds it until it is confirmed.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from ..accounts import email_of
from .settings import account_settings

_SALT = "ai_kit_auth.account.tokens.email_change"


def email_change_timeout() -> int:
    """Return how many seconds a link that confirms an address is good for."""
    own = account_settings.EMAIL_CHANGE_TIMEOUT
    return settings.PASSWORD_RESET_TIMEOUT if own is None else own


def make_email_change_token(user: Any, address: str) -> str:
    """
    Return the token that gives ``user`` the ``address``.

    SECURITY: signed together with a digest of the account, its password, its present
    address and whether it is active: it is no good for another account, for another
    address, or once any of these has changed. A login does not revoke it, as users
    read their mail when they are logged out.
    """
    before = _digest(user, email_of(user), settings.SECRET_KEY)
    # The account as the link leaves it: the old address is not stored any more then.
    # Both are one text, which a worker of a version that knows only the first refuses.
    after = _digest(user, address, settings.SECRET_KEY)
    return signing.dumps([address, before + after, time.time()], salt=_SALT)


def read_email_change_token(user: Any, token: str) -> tuple[str, float] | None:
    """
    Return the address that ``token`` gives ``user`` and when it was made, or None.

    None for a token that is forged, too old, or not for ``user`` as it is. The time is
    in seconds since 1970.
    """
    value = _signed(token)
    if value is None:
        return None
    address, digests, made = value
    before = digests[:_LENGTH]
    return (address, made) if _is_of(user, before) else None


def was_email_changed(user: Any, token: str) -> bool:
    """
    Tell whether ``user`` already has the address that ``token`` gives ``user``.

    False for a token that is forged or too old, and once the password has changed.
    """
    value = _signed(token)
    # A link of a version before has only one digest.
    return value is not None and _is_of(user, value[1][_LENGTH:])


def _signed(token: str) -> tuple[str, str, float] | None:
    try:
        address, digests, made = signing.loads(
            token, salt=_SALT, max_age=email_change_timeout()
        )
    except signing.BadSignature:
        return None
    return address, digests, made


_LENGTH = 32


def _is_of(user: Any, digest: str) -> bool:
    # The signature may be of a secret key that has been replaced, so the digest may.
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    address = email_of(user)
    return any(
        constant_time_compare(digest, _digest(user, address, key)) for key in keys
    )


def _digest(user: Any, address: str, key: str | bytes) -> str:
    state = f"{user.pk}|{user.password}|{address}|{user.is_active}"
    digest = salted_hmac(_SALT, state, secret=key, algorithm="sha256")
    return digest.hexdigest()[:_LENGTH]
