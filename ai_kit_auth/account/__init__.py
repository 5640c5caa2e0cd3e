"""
The account page: resend, change, update, confirm, sign out elsewhere, leave.

Off by default, key by key in ENABLE_ENDPOINTS. It imports the core, and of the core
only ``urls`` imports it. ``RecentlyAuthenticated`` in ``permissions`` is for a host's
own views, too.
"""
