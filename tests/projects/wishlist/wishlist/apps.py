"""The app's configuration names its capability."""

from __future__ import annotations

from django.apps import AppConfig


class WishlistConfig(AppConfig):
    name = "wishlist"
    ai_kit_auth_capabilities = ("wishlist.capability.WISHLIST",)
