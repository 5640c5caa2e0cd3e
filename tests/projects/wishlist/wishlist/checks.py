"""What ``manage.py check`` says about the settings of the wish list."""

from __future__ import annotations

from collections.abc import Iterator

from django.core import checks

from .settings import wishlist_settings


def check_wishlist() -> Iterator[checks.CheckMessage]:
    if wishlist_settings.MAX_WISHES < 1:
        yield checks.Warning(
            "AI_KIT_AUTH['MAX_WISHES'] is below 1: every list is full.",
            hint="AI_KIT_AUTH = {'MAX_WISHES': 20}",
            id="wishlist.W001",
        )
