"""The exception of the list of sessions; its code is in :data:`errors.CODES`."""

from __future__ import annotations

from ..errors import LinkInvalid


class NotMeLinkInvalid(LinkInvalid):
    default_code = "not_me_link_invalid"
