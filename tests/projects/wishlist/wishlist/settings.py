"""The keys of ``AI_KIT_AUTH`` that the wish list has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ai_kit_auth.settings import (
    Dotted,
    Nested,
    ProjectSettings,
    Rate,
    Section,
    Setting,
    templates_of,
)


class EnableEndpoints(Section):
    WISHLIST = Setting(False, "serve ``wishlist/``")


class EmailTemplates(Section):
    WISH_ADDED = templates_of("wish_added", "the mail about a new wish", "wishlist")


class Frontend(Section):
    WISHLIST_ROUTE = Setting("/wishlist/", "the frontend's page of the wish list")


class ThrottleRates(Section):
    WISH = Rate("30/hour", "requests of one account to its wish list")


class WishlistSettings(ProjectSettings):
    ENABLE_ENDPOINTS = Nested(EnableEndpoints)
    EMAIL_TEMPLATES = Nested(EmailTemplates)
    FRONTEND = Nested(Frontend)
    THROTTLE_RATES = Nested(ThrottleRates)
    MAX_WISHES = Setting(20, "how many wishes one list holds")
    SEND_WISH_MAIL = Dotted[Callable[[Any, str], object]](
        "wishlist.services.send_wish_mail", "called with (user, url) for a new wish"
    )


wishlist_settings = WishlistSettings()
