"""Mails about second factors, which go out when the client has its answer."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import router, transaction

from ..account.services import send_security_notice
from ..after_answer import after_answer
from ..user_model import User, UserModel


def http_request(request: Any) -> Any:
    """Return Django's request behind ``request``, which may be DRF's."""
    return getattr(request, "_request", request)


def tell(request: Any, user: User, notice: str) -> None:
    """
    Send ``user`` the ``notice``, a key of SECURITY_NOTICES, after the answer.

    ``request`` is None for a change without a request; then after the commit.
    """
    send = partial(send_security_notice, user, notice, request)
    if request is None:
        transaction.on_commit(send, using=router.db_for_write(UserModel))
        return
    what = f"The notice {notice} to user {user.pk}"
    after_answer(http_request(request), what, send)
