"""The declaration of the wish list."""

from __future__ import annotations

from ai_kit_auth.capability import Capability, Event, Mail

from .settings import WishlistSettings

WISHLIST = Capability(
    name="wishlist",
    settings=WishlistSettings,
    codes={"wishlist_full": "wishlist: the list holds MAX_WISHES wishes"},
    events={"wish_added": Event("a wish was added")},
    mails={
        "WISH_ADDED": Mail(
            "SEND_WISH_MAIL", "WISHLIST_ROUTE", "wishlist.services.mail_wish"
        )
    },
    sends={"WISHLIST": ("WISH_ADDED",)},
    routes="wishlist.urls.ROUTES",
    operations="wishlist.operations.OPERATIONS",
    signals="wishlist.signals",
    views="wishlist.views",
    checks=("wishlist.checks.check_wishlist",),
    problems={"wishlist.W001": "``MAX_WISHES`` is below 1"},
)
