"""
Codes of authenticator apps: TOTP (RFC 6238), by the devices of ``django-otp``.

The tables are those of ``django_otp.plugins.otp_totp``, which also checks the codes.
"""

from __future__ import annotations

import math
from base64 import b32encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.db import router
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import Throttled
from rest_framework.serializers import Field

from ..accounts import AccountTransaction, email_of
from ..serializers import TextField
from ..settings import api_settings
from ..user_model import User
from .errors import INVALID_CODE, invalid_code
from .settings import second_factor_settings

# django-otp doubles the wait with each wrong code, without a bound. The owner must not
# wait for hours because a stranger, who knows the password, has tried codes.
LONGEST_WAIT = 60  # seconds
MAX_CODE_LENGTH = 64


class TOTPMethod:
    """A code of the user's authenticator app."""

    name = "totp"
    field = "code"
    refusal = INVALID_CODE

    def serializer_field(self) -> Field[Any, Any, Any, Any]:
        return code_field()

    def offered_to(self, user: User) -> bool:
        return bool(self.factor_ids(user))

    def factor_ids(self, user: User) -> list[str]:
        keys = rows().filter(user_id=user.pk, confirmed=True).values_list("pk")
        return [factor_id(pk) for (pk,) in keys]

    def demands(self, user: User) -> bool:
        return self.offered_to(user)

    @sensitive_variables()
    def verify(self, view: Any, user: User, data: Mapping[str, Any]) -> str:
        waits: list[int] = []
        wrong: list[Any] = []
        proven = None
        code = digits_of(data["code"])
        # On SQLite a transaction that reads first could not wait for another's lock.
        with AccountTransaction():
            devices = rows().filter(user_id=user.pk, confirmed=True).order_by("pk")
            for device in devices.select_for_update() if code else ():
                wait = _wait(device)
                if wait:
                    waits.append(wait)
                elif _is_right(user, device, code):
                    proven = device
                    break
                else:
                    wrong.append(device.pk)
            if proven is not None and wrong:
                # The code was that of another device of the user's.
                rows().filter(pk__in=wrong).update(
                    throttling_failure_count=0, throttling_failure_timestamp=None
                )
        if proven is not None:
            return factor_id(proven.pk)
        if waits and not wrong:
            raise Throttled(wait=min(waits))
        raise invalid_code()

    def remove_all(self, user: User) -> None:
        rows().filter(user_id=user.pk).delete()


def code_field() -> Field[Any, Any, Any, Any]:
    """Return the field of a code that a person types, with spaces and dashes."""
    return TextField(max_length=MAX_CODE_LENGTH, write_only=True, required=False)


def rows() -> Any:
    """Return all devices, from the database that is written to."""
    # Not before the app is loaded, which a project may have left out.
    from django_otp.plugins.otp_totp.models import TOTPDevice

    return TOTPDevice.objects.using(router.db_for_write(TOTPDevice))


def factor_id(pk: int) -> str:
    return f"totp:{pk}"


def digits_of(typed: str) -> str:
    """Return the digits of a code, "" where it has anything else."""
    code = "".join(typed.replace("-", " ").split())
    # Of any script, as the keyboard has them.
    return code if code.isdecimal() else ""


def _is_right(user: User, device: Any, code: str) -> bool:
    from django_otp import verify_token

    # SECURITY: of six or of eight digits. The library compares numbers, and takes
    # leading zeros for nothing.
    if len(code) != device.digits:
        code = "-"
    return verify_token(user, device.persistent_id, code) is not None


def _wait(device: Any) -> int:
    """Return how many seconds ``device`` takes no code, 0 for none."""
    most = 1
    factor: int = device.get_throttle_factor()
    while most < 32 and factor * 2**most <= LONGEST_WAIT:
        most += 1
    if device.throttling_failure_count > most:
        device.throttling_failure_count = most
        device.save(update_fields=["throttling_failure_count"])
    is_allowed, why = device.verify_is_allowed()
    if is_allowed:
        return 0
    left: float = (why["locked_until"] - timezone.now()).total_seconds()
    return max(1, math.ceil(left))


# Enrolment


def enrol(user: User) -> Any:
    """
    Return a new device of ``user``, unconfirmed, in the place of an unconfirmed one.

    Call it within a transaction.
    """
    rows().filter(user_id=user.pk, confirmed=False).delete()
    return rows().create(user_id=user.pk, name="Authenticator app", confirmed=False)


@sensitive_variables()
def confirm(user: User, typed: str) -> str | None:
    """
    Confirm the new device of ``user`` by a code; return the id of the factor.

    It then replaces every other device. None where the code is wrong, or there is no
    new device. Call it within a transaction.
    """
    new = rows().filter(user_id=user.pk, confirmed=False).order_by("-pk")
    device = new.select_for_update().first()
    if device is None:
        return None
    # The user has the secret, so there is nothing to guess.
    device.throttle_reset()
    if not _is_right(user, device, digits_of(typed) or "-"):
        return None
    rows().filter(user_id=user.pk).exclude(pk=device.pk).delete()
    rows().filter(pk=device.pk).update(confirmed=True)
    return factor_id(device.pk)


def secret_of(device: Any) -> str:
    """Return the secret as authenticator apps take it: base32 (RFC 4648)."""
    return b32encode(device.bin_key).decode()


def uri_of(device: Any, user: User) -> str:
    """
    Return the ``otpauth`` URI that authenticator apps read from a QR code.

    Its form is that of Google Authenticator's *Key Uri Format*, as all apps read it.
    """
    issuer = second_factor_settings.TOTP_ISSUER or str(
        urlsplit(api_settings.FRONTEND.URL).hostname or ""
    )
    # A colon would end the issuer.
    issuer = issuer.replace(":", "")
    account = (email_of(user) or str(user.get_username())).replace(":", "")
    parameters = {
        "secret": secret_of(device),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": device.digits,
        "period": device.step,
    }
    label = quote(f"{issuer}:{account}".removeprefix(":"), safe=":@")
    return f"otpauth://totp/{label}?{urlencode(parameters, quote_via=quote)}"


def svg_of(uri: str) -> str:
    """Return ``uri`` as a QR code: an ``<svg>`` for the page, black on white."""
    import segno

    found: str = segno.make(uri, error="m").svg_inline(scale=4, light="white")
    return found
