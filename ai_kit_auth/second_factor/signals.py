"""
The signals of second factors. ``sender`` is the class of the user.

Receivers write in the transaction of the change, and undo it where they raise; those of
``second_factor_failed`` run outside of a transaction, so that what they write stays.
"""

from __future__ import annotations

from django.dispatch import Signal

# keywords ``user`` and ``method``, such as "totp"
# the factor can be used, or is gone
factor_added = Signal()
factor_removed = Signal()

# keywords ``user`` and ``method``
# a recovery code was right, and is void by now
recovery_code_used = Signal()

# keywords ``user`` and ``method``
# a code was wrong, at a login or at a re-authentication
second_factor_failed = Signal()
