"""The signals of the wish list. ``sender`` is the view class."""

from __future__ import annotations

from django.dispatch import Signal

# keywords ``user`` and ``wish``, the text
# pre: nothing saved yet; post: saved, the mail not yet sent
pre_add_wish = Signal()
post_add_wish = Signal()
