"""What the endpoint takes and answers, for the OpenAPI schema."""

from __future__ import annotations

from ai_kit_auth.operations import CSRF, Operation, Operations

from .signals import post_add_wish, pre_add_wish
from .views import WishlistFull, WishlistView

OPERATIONS: Operations = {
    (WishlistView, "GET"): Operation(
        "wishlist",
        "Read the wish list",
        "The wishes of this session.",
        answer={
            "wishes": {"type": "array", "items": {"type": "string"}},
            "csrf": CSRF,
        },
    ),
    (WishlistView, "POST"): Operation(
        "add_wish",
        "Add a wish",
        "The user gets a mail about it.",
        success=201,
        body="get_serializer_class",
        conflict=WishlistFull.default_code,
        signals=(pre_add_wish, post_add_wish),
    ),
}
