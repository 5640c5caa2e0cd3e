"""
The signals of the list of sessions. ``sender`` is the model ``SessionRecord``.

They are sent in the transaction of the change.
"""

from __future__ import annotations

from django.dispatch import Signal

# keywords ``user`` and ``record``
# A session has begun, by any login; ``record`` is its row.
session_started = Signal()

# keywords ``user``, ``record`` and ``by``
# A session has ended; ``record`` is its row. ``by`` is ``"user"`` (a logout, another
# login in the same browser, or the list), ``"others"`` (all others were ended),
# ``"password"``, ``"admin"``, ``"deactivated"``, ``"deleted"``, ``"expired"``, or what
# the sender of ``sessions_ended`` names.
session_ended = Signal()
