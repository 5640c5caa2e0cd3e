"""The mail of the wish list."""

from __future__ import annotations

from functools import partial
from typing import Any

from ai_kit_auth import services
from ai_kit_auth.settings import api_settings

from .settings import wishlist_settings


def mail_wish(user: Any) -> None:
    """Hand the mail about a new wish to SEND_WISH_MAIL, here or in a worker."""
    route = wishlist_settings.FRONTEND.WISHLIST_ROUTE
    url = services.make_url(api_settings.FRONTEND.URL, route)
    send = partial(services.hand_over, wishlist_settings.SEND_WISH_MAIL, user, url)
    services.send_or_queue("WISH_ADDED", user, send)


def send_wish_mail(user: Any, url: str) -> None:
    """Send the mail about a new wish from the templates of WISH_ADDED."""
    templates = wishlist_settings.EMAIL_TEMPLATES.WISH_ADDED
    services.send_from_templates(templates, user, url)
