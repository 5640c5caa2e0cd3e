"""Mails about second factors, which go out when the client has its answer."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..account.services import send_security_notice
from ..after_answer import after_answer
from ..user_model import User


def http_request(request: Any) -> Any:
    """Return Django's request behind ``request``, which may be DRF's."""
    return getattr(request, "_request", request)


def tell(request: Any, user: User, notice: str) -> None:
    """Send ``user`` the ``notice``, a key of SECURITY_NOTICES, after the answer."""
    after_answer(
        http_request(request),
        f"The notice {notice} to user {user.pk}",
        partial(send_security_notice, user, notice, request),
    )
