"""
The signals of every flow. ``sender`` is the view class, unless a signal says otherwise.

A receiver of a ``pre`` signal vetoes by raising a DRF exception: the client gets its
code and nothing has changed. Receivers write in the transaction of the request.
"""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

# keyword ``user``
# pre: credentials checked, session not yet begun; post: session begun
user_pre_login = Signal()
user_post_login = Signal()

# keyword ``user``
# pre: session still there; post: session ended; ``user`` is the user who logged out
user_pre_logout = Signal()
user_post_logout = Signal()

# pre: keyword ``user_data``, the request's data; nothing checked or created yet
# post: keyword ``user``, saved; its mail not yet sent
user_pre_registered = Signal()
user_post_registered = Signal()

# keyword ``user``
# pre: link checked, ``is_active`` still False; post: ``is_active`` is True
user_pre_activated = Signal()
user_post_activated = Signal()

# keyword ``user``; not sent for unknown accounts
# pre: mail not yet created; post: mail sent (after the client has its answer)
user_pre_forgot_password = Signal()
user_post_forgot_password = Signal()

# keyword ``user``
# pre: link checked, old password still set; post: new password saved
user_pre_reset_password = Signal()
user_post_reset_password = Signal()

# keywords ``user``, ``by`` and ``kept``
# All sessions of ``user`` end, but that of the request ``kept`` where this is not None.
# ``by`` is ``"others"`` (the user has ended the others), ``"password"`` (the password
# was changed or reset), ``"admin"``, ``"deleted"`` (sent before the account goes), or
# what a capability or a project names. A receiver that keeps its own record of sessions
# ends them there, and returns True if that ends every session of ``user``.
sessions_ended = Signal()


def invalidate_tokens_on_user_deactivation(
    sender: Any = None, instance: Any = None, **kwargs: object
) -> None:
    """
    Do nothing. A ``pre_save`` receiver of version 2.0.0, which projects import.

    .. deprecated:: 3.0
       A link is void as soon as ``is_active`` changes, whatever code changes it.
    """
