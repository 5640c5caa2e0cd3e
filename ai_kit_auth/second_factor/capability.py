"""The declaration of second factors."""

from __future__ import annotations

import logging

from ..capability import Capability, Event, Mail, Notice
from .passkeys.capability import PASSKEYS
from .settings import SecondFactorSettings

__all__ = ["PASSKEYS", "SECOND_FACTOR"]

_NOTICE = Mail(
    "SEND_SECURITY_NOTICE",
    service="ai_kit_auth.account.services.mail_notice",
    greets=True,
)

SECOND_FACTOR = Capability(
    name="ai_kit_auth_second_factor",
    settings=SecondFactorSettings,
    codes={
        "second_factor_required": "login: the password was right, and "
        "``second_factor/`` has to follow; elsewhere: the session has not proven a "
        "second factor",
        "login_not_pending": "second_factor: no login waits in this session, or no "
        "longer; it has to begin again",
        "invalid_code": "the code is wrong, used or too old",
        "last_factor": "SECOND_FACTOR_REQUIRED demands a factor, and this is the last",
    },
    events={
        "second_factor_required": Event(
            "the password was right, and the login waits for a second factor"
        ),
        "second_factor_refused": Event(
            "a second factor was wrong; ``code`` tells which kind", logging.WARNING
        ),
        "second_factor_locked": Event(
            "a login has ended after too many wrong second factors", logging.WARNING
        ),
        "factor_added": Event("a second factor was added; ``code`` is its method"),
        "factor_removed": Event("a second factor was removed; ``code`` is its method"),
    },
    mails={
        "FACTOR_ADDED": _NOTICE,
        "FACTOR_REMOVED": _NOTICE,
        "RECOVERY_CODE_USED": _NOTICE,
    },
    notices={
        "FACTOR_ADDED": Notice("FACTOR_ADDED", "FACTORS"),
        "FACTOR_REMOVED": Notice("FACTOR_REMOVED", "FACTORS"),
        "RECOVERY_CODE_USED": Notice("RECOVERY_CODE_USED", "SECOND_FACTOR"),
    },
    routes="ai_kit_auth.second_factor.urls.routes",
    operations="ai_kit_auth.second_factor.operations.OPERATIONS",
    signals="ai_kit_auth.second_factor.signals",
    views="ai_kit_auth.second_factor.views",
    checks=("ai_kit_auth.second_factor.checks.check_second_factor",),
    problems={
        "ai_kit_auth_second_factor.E001": "an endpoint of second factors is on, and "
        "an app or a package that it needs is missing",
        "ai_kit_auth_second_factor.E002": "an endpoint of second factors is on, and "
        "sessions are kept in cookies alone",
        "ai_kit_auth_second_factor.W001": "``OTPMiddleware`` is in ``MIDDLEWARE``, and "
        "the user model has a field ``is_verified``, which it overwrites",
    },
    login_step="ai_kit_auth.second_factor.services.ask_for_factor",
    admin_actions=("ai_kit_auth.second_factor.admin.remove_second_factors",),
)
