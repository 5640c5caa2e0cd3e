"""
The signals of the account page. ``sender`` is the view class.

As in :mod:`ai_kit_auth.signals`, a receiver of a ``pre`` signal vetoes by raising a DRF
exception, and receivers write in the transaction of the request.
"""

from __future__ import annotations

from django.dispatch import Signal

# keyword ``user``; not sent for accounts that get no mail
# pre: mail not yet created; post: mail sent (after the client has its answer)
user_pre_resend_activation = Signal()
user_post_resend_activation = Signal()

# keyword ``user``
# pre: old password checked and still set; post: new password saved
user_pre_change_password = Signal()
user_post_change_password = Signal()

# keyword ``user``
# pre: password checked, all sessions still there; post: the others have ended
user_pre_logout_others = Signal()
user_post_logout_others = Signal()

# keywords ``user`` and ``email``, the new address
# pre: no mail sent yet; post: link sent (with PREVENT_ENUMERATION after the client has
# its answer), the old address still set
user_pre_change_email = Signal()
user_post_change_email = Signal()

# keywords ``user`` and ``email``, the new address
# pre: link checked, old address still set; post: new address saved
user_pre_confirm_email = Signal()
user_post_confirm_email = Signal()

# keyword ``user``; pre also ``user_data``, the request's data, nothing checked yet
# post: saved
user_pre_update_me = Signal()
user_post_update_me = Signal()

# keyword ``user``
# pre: password checked, nothing deleted; post: deleted; ``user`` has the values from
# before, its primary key included
user_pre_delete_account = Signal()
user_post_delete_account = Signal()

# keyword ``user``
# pre: password checked; post: the session is re-authenticated
user_pre_confirm_password = Signal()
user_post_confirm_password = Signal()
