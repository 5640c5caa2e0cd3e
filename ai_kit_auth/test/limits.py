"""Tests without limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from django.apps import apps
from django.conf import settings
from django.core.signals import setting_changed

from ..settings import SETTING_NAME, Rate, Section


@contextmanager
def throttles_off() -> Iterator[None]:
    """
    Switch every scope of THROTTLE_RATES off within the block.

    A context manager, a decorator of a test, and with ``self.enterContext()`` the line
    of a ``setUp()``. Failed logins and mails count for nothing, and neither do wrong
    codes of ``django-otp``'s devices. An ``override_settings(AI_KIT_AUTH=…)`` inside
    has no limits either. What was counted before counts again afterwards.

    It holds for the whole process, such as the thread of a live server. Throttles of
    the project's own, and the limit of passwords that are hashed at a time, stay on.
    """
    with ExitStack() as stack:
        # Not override_settings(): one inside, with a dict of its own, would undo it,
        # and pytest-django's ``settings`` may be put back in another order.
        stack.callback(_forget)
        stack.enter_context(patch.object(Rate, "read", _no_limit))
        for label in ("otp_totp.TOTPDevice", "otp_static.StaticDevice"):
            if apps.is_installed(f"django_otp.plugins.{label.split('.')[0]}"):
                device = apps.get_model(label)
                stack.enter_context(
                    patch.object(device, "get_throttle_factor", lambda device: 0)
                )
        _forget()
        yield


def _no_limit(declared: Rate, section: Section) -> None:
    vars(section)[declared.name] = None


def _forget() -> None:
    """Let all settings of the package be read again."""
    setting_changed.send(
        sender=throttles_off,
        setting=SETTING_NAME,
        value=getattr(settings, SETTING_NAME, None),
        enter=True,
    )
