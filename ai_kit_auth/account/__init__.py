"""
The account page: the endpoints with which users manage their own account.

They are off by default; each has its key in ENABLE_ENDPOINTS. This package imports the
core, and the core does not import it. Views of the project can use the permission
``RecentlyAuthenticated`` in ``permissions``, too.
"""
