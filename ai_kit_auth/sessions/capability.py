"""The declaration of the list of sessions."""

from __future__ import annotations

import logging

from ..capability import Capability, Event, Mail
from .settings import SessionsSettings

NAME = "ai_kit_auth_sessions"
PROBLEMS = {
    f"{NAME}.E001": "``SessionsMiddleware`` stands above ``AuthenticationMiddleware``",
    f"{NAME}.W001": "``SessionsMiddleware`` is missing from ``MIDDLEWARE``: no session "
    "ends before it expires",
    f"{NAME}.W002": "with ``--deploy``: the processes do not share the cache, so a "
    "session that one of them ends lives on in another for up to ``SESSION_TOUCH`` "
    "seconds",
    f"{NAME}.W003": "``SESSION_DEVICE_NAME`` is that of this package, and ua-parser is "
    "not installed",
    f"{NAME}.W004": "``SECURITY_NOTICES.NEW_DEVICE`` is on, and no notice can be sent: "
    "``DEVICE_COOKIE_AGE`` or ``ENABLE_ENDPOINTS.SESSIONS`` is off",
    f"{NAME}.I001": "``ENABLE_ENDPOINTS.SESSIONS`` is off: sessions are recorded, and "
    "no user sees them",
}

SESSIONS = Capability(
    name=NAME,
    settings=SessionsSettings,
    codes={"not_me_link_invalid": "sessions/not_me: wrong, used or expired link"},
    events={
        "session_ended": Event("a user ended one of their other sessions"),
        "login_disowned": Event(
            "a user said that a login was not theirs, and all sessions ended",
            logging.WARNING,
        ),
    },
    mails={
        "NEW_DEVICE": Mail(
            "SEND_NEW_DEVICE_MAIL",
            "NOT_ME_ROUTE",
            "ai_kit_auth.sessions.new_devices.mail_new_device",
            timeouts=("",),
            greets=True,
        )
    },
    sends={"SESSIONS": ("NEW_DEVICE", "RESET_PASSWORD")},
    problems=PROBLEMS,
    routes="ai_kit_auth.sessions.urls.ROUTES",
    operations="ai_kit_auth.sessions.operations.OPERATIONS",
    signals="ai_kit_auth.sessions.signals",
    views="ai_kit_auth.sessions.views",
    checks=("ai_kit_auth.sessions.checks.check_sessions",),
    admin_inlines=("ai_kit_auth.sessions.admin.SessionInline",),
)
