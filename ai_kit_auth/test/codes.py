"""Codes of authenticator apps, and a clock that makes the next one good."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


class TOTPClock:
    """
    The clock of ``django-otp``'s codes, some seconds before that of the machine.

    ``seconds``: how many.
    """

    def __init__(self) -> None:
        self.seconds = 0

    def move(self, seconds: int) -> None:
        """Move it by ``seconds``, backwards where they are negative."""
        self.seconds += seconds

    def time(self) -> float:
        """Return the time in seconds since 1970, as :func:`time.time` does."""
        return time.time() + self.seconds


_clocks: list[TOTPClock] = []


@contextmanager
def totp_clock() -> Iterator[TOTPClock]:
    """
    Give the codes a clock of their own within the block, which yields it.

    A code is good once, so two in one test need two steps of 30 seconds. Within the
    block :func:`totp` moves the clock to the step of the code that it returns. Sessions
    and links stay with the time of the machine. Also a decorator of a test.
    """
    clock = TOTPClock()
    # It is called as the module is: ``time.time()``.
    with patch("django_otp.plugins.otp_totp.models.time", clock):
        _clocks.append(clock)
        try:
            yield clock
        finally:
            _clocks.remove(clock)


def totp(device_or_user: Any) -> str:
    """
    Return the code that the authenticator app shows, one that was not used before.

    ``device_or_user``: a ``TOTPDevice`` of ``django-otp``, or a user, whose confirmed
    device it then is, and without one the device that waits for its first code.

    The code is that of this step (RFC 6238). If it was used, it is that of the next
    one: the device takes it early, by its ``tolerance``. Raises :exc:`AssertionError`
    where that is not enough, and :func:`totp_clock` is; also if the user has no device.
    """
    from django_otp.oath import hotp

    device = _device(device_or_user)
    clock = _clocks[-1] if _clocks else TOTPClock()
    now = (int(clock.time()) - device.t0) // device.step + device.drift
    step = max(now, device.last_t + 1)
    if _clocks:
        clock.move((step - now) * device.step)
    elif step > now + device.tolerance:
        raise AssertionError(
            "The code of this step and those that the device takes early are used. "
            "Call totp() within ai_kit_auth.test.totp_clock(), which moves the time."
        )
    return f"{hotp(device.bin_key, step, digits=device.digits):0{device.digits}}"


def _device(device_or_user: Any) -> Any:
    from django_otp.plugins.otp_totp.models import TOTPDevice

    rows = TOTPDevice._default_manager
    if isinstance(device_or_user, TOTPDevice):
        # As it is now: a request has noted the last code.
        return rows.get(pk=device_or_user.pk)
    own = rows.filter(user_id=device_or_user.pk).order_by("-confirmed", "-pk")
    device = own.first()
    if device is None:
        raise AssertionError(f"{device_or_user!r} has no authenticator app.")
    return device
