"""
Recovery codes, for a user who has lost the other factors. Each works once.

``django_otp.plugins.otp_static`` has the table. Its own tokens have 40 bits and stand
there in clear; here a code has 80 bits (OWASP ASVS 5.0, 6.5.4, asks for 20), and a
keyed hash of it is stored, so that no backup of the table logs anybody in.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db import router
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables
from rest_framework.serializers import Field

from ..accounts import AccountTransaction
from ..user_model import User, UserModel
from .errors import INVALID_CODE, invalid_code
from .notices import tell
from .settings import second_factor_settings
from .signals import recovery_code_used
from .totp import code_field

NAME = "Recovery codes"
_BYTES = 10
# Four groups of four are read and typed without a mistake.
_GROUP = 4
_SALT = "ai_kit_auth.second_factor.recovery_codes"
# No code has these digits, which are easily taken for letters.
_MISREAD = str.maketrans("01", "ol")


class RecoveryCodeMethod:
    """One of the codes that the user has written down."""

    name = "recovery_code"
    field = "code"
    refusal = INVALID_CODE

    def serializer_field(self) -> Field[Any, Any, Any, Any]:
        return code_field()

    def offered_to(self, user: User) -> bool:
        return left(user) > 0

    def factor_ids(self, user: User) -> list[str]:
        """Return none: a code that is used must not change the set of factors."""
        return []

    def demands(self, user: User) -> bool:
        return False

    @sensitive_variables()
    def verify(self, view: Any, user: User, data: Mapping[str, Any]) -> str:
        if not use(user, data["code"]):
            raise invalid_code()
        tell(view.request, user, "RECOVERY_CODE_USED")
        return self.name

    def remove_all(self, user: User) -> None:
        _devices().filter(user_id=user.pk, name=NAME).delete()


def left(user: User) -> int:
    """Return how many codes of ``user`` are unused."""
    found: int = _tokens(user).count()
    return found


def renew(user: User) -> list[str]:
    """
    Return new codes of ``user``, RECOVERY_CODES in number; all older ones are void.

    They cannot be read again. Call it within a transaction.
    """
    RecoveryCodeMethod().remove_all(user)
    # SECURITY: unconfirmed, or the forms of django-otp would offer the device, and take
    # for a code what is stored.
    device = _devices().create(user_id=user.pk, name=NAME, confirmed=False)
    codes = [_new_code() for _ in range(second_factor_settings.RECOVERY_CODES)]
    kind = _token_model()
    kind.objects.using(router.db_for_write(kind)).bulk_create(
        kind(device=device, token=_hash(user, _plain(code), settings.SECRET_KEY))
        for code in codes
    )
    return codes


@sensitive_variables()
def use(user: User, typed: str) -> bool:
    """Use up a code of ``user``; tell whether it was one, and unused."""
    with AccountTransaction():
        used = _delete(user, _plain(typed))
        if used:
            recovery_code_used.send(
                sender=UserModel, user=user, method=RecoveryCodeMethod.name
            )
    return used


def _delete(user: User, code: str) -> bool:
    hashes = [_hash(user, code, key) for key in _keys()]
    keys = list(_tokens(user).filter(token__in=hashes).values_list("pk", flat=True))
    # SECURITY: the number of deleted rows decides. Of several requests with one code
    # one deletes the row.
    kind = _token_model()
    rows = kind.objects.using(router.db_for_write(kind)).filter(pk__in=keys)
    return bool(keys and rows.delete()[0])


def _keys() -> Iterator[str | bytes]:
    yield settings.SECRET_KEY
    yield from settings.SECRET_KEY_FALLBACKS


def _new_code() -> str:
    text = b32encode(secrets.token_bytes(_BYTES)).decode().lower()
    return "-".join(text[i : i + _GROUP] for i in range(0, len(text), _GROUP))


def _plain(typed: str) -> str:
    return "".join(typed.replace("-", " ").split()).lower().translate(_MISREAD)


def _hash(user: User, code: str, key: str | bytes) -> str:
    # 80 bits fill the 16 characters of the column, in letters that no collation takes
    # for one another.
    digest = salted_hmac(
        _SALT, f"{user.pk}|{code}", secret=key, algorithm="sha256"
    ).digest()
    return b32encode(digest[:_BYTES]).decode().lower()


def _devices() -> Any:
    from django_otp.plugins.otp_static.models import StaticDevice

    return StaticDevice.objects.using(router.db_for_write(StaticDevice))


def _token_model() -> Any:
    from django_otp.plugins.otp_static.models import StaticToken

    return StaticToken


def _tokens(user: User) -> Any:
    kind = _token_model()
    rows = kind.objects.using(router.db_for_write(kind))
    return rows.filter(device__user_id=user.pk, device__name=NAME)
