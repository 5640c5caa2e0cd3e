"""
The signals of second factors. ``sender`` is the user model.

Receivers write in the transaction of the change, and undo it where they raise; those of
``second_factor_failed`` run outside of a transaction, so that what they write stays.
"""

from __future__ import annotations

from django.dispatch import Signal

# keywords ``user`` and ``method``
# a factor can be used from now on; the method is its kind, such as ``"totp"``
factor_added = Signal()

# keywords ``user`` and ``method``
# a factor is gone, by the user or by an admin
factor_removed = Signal()

# keywords ``user`` and ``method``
# a recovery code was right, and is void by now
recovery_code_used = Signal()

# keywords ``user`` and ``method``
# a code was wrong, at a login or at a re-authentication
second_factor_failed = Signal()
