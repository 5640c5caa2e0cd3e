"""
What the tests of a project use: browsers, mailed links, waiting accounts, passkeys.

Plain functions and context managers, for ``unittest``, Django's ``TestCase`` and pytest
alike. ``ai_kit_auth.test.fixtures`` has some of them as fixtures of pytest.

Import it in tests only. Nothing of the package imports it, and it needs no pytest.
"""

from __future__ import annotations

from .accounts import PASSWORD, waiting_user
from .codes import TOTPClock, totp, totp_clock
from .limits import throttles_off
from .mails import Link, last_mail, link_in
from .pages import Browser, browser, fresh, stale
from .passkeys import authenticator

__all__ = [
    "PASSWORD",
    "Browser",
    "Link",
    "TOTPClock",
    "authenticator",
    "browser",
    "fresh",
    "last_mail",
    "link_in",
    "stale",
    "throttles_off",
    "totp",
    "totp_clock",
    "waiting_user",
]
