"""The guide to a capability of a project's own, and the reference with one."""

from __future__ import annotations

from types import ModuleType

import pytest

from ..openapi.with_wishlist import with_wishlist

NEEDED = ":Needs: ``wishlist`` in ``INSTALLED_APPS``"
WRITTEN = {
    "settings": [
        ".. setting:: MAX_WISHES",
        NEEDED,
        "how many wishes one list holds",
        ".. setting:: ENABLE_ENDPOINTS.WISHLIST",
        ".. setting:: THROTTLE_RATES.WISH",
        ".. setting:: EMAIL_TEMPLATES.WISH_ADDED.TITLE",
    ],
    "endpoints": [".. endpoint:: wishlist/", "ai_kit_auth:wishlist", NEEDED],
    "codes": [".. errorcode:: wishlist_full", NEEDED],
    "events": [".. event:: wish_added", NEEDED],
    "signals": [
        ".. signal:: pre_add_wish",
        "nothing saved yet",
        ":class:`~wishlist.views.WishlistView`",
        NEEDED,
    ],
    "mails": [".. mail:: WISH_ADDED", ":setting:`FRONTEND.WISHLIST_ROUTE`", NEEDED],
    "checks": [".. check:: wishlist.W001", NEEDED],
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


def test_a_signal_that_has_no_pair_says_what_it_is(declarations: ModuleType) -> None:
    source = (
        "# keywords ``user``, ``wish`` and ``by``; a wish was granted. ``by`` is who "
        "did it\n"
        "wish_granted = Signal()\n\n"
        "# keyword ``user``\n"
        "# pre: nothing saved yet; post: saved\n"
        "pre_add_wish = Signal()\n"
        "post_add_wish = Signal()\n"
    )
    assert dict(declarations._moments(source)) == {
        "wish_granted": "a wish was granted. ``by`` is who did it",
        "pre_add_wish": "nothing saved yet",
        "post_add_wish": "saved",
    }
