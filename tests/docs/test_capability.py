"""The guide to a capability of a project's own, and the reference with one."""

from __future__ import annotations

from types import ModuleType

import pytest

from ..openapi.with_wishlist import with_wishlist

WRITTEN = {
    "settings": [
        ".. setting:: MAX_WISHES",
        "how many wishes one list holds",
        ".. setting:: ENABLE_ENDPOINTS.WISHLIST",
        ".. setting:: THROTTLE_RATES.WISH",
        ".. setting:: EMAIL_TEMPLATES.WISH_ADDED.TITLE",
    ],
    "endpoints": [".. endpoint:: wishlist/", "ai_kit_auth:wishlist"],
    "codes": [".. errorcode:: wishlist_full"],
    "events": [".. event:: wish_added"],
    "signals": [
        ".. signal:: pre_add_wish",
        "nothing saved yet",
        ":class:`~wishlist.views.WishlistView`",
    ],
    "mails": [".. mail:: WISH_ADDED", ":setting:`FRONTEND.WISHLIST_ROUTE`"],
    "checks": [".. check:: wishlist.W001"],
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_reference_has_what_an_installed_app_declares(
    declarations: ModuleType, kind: str
) -> None:
    before = "".join(declarations.KINDS[kind]())
    with with_wishlist():
        after = "".join(declarations.KINDS[kind]())
    for text in WRITTEN[kind]:
        assert text in after
        assert text not in before
