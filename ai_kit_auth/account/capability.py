"""The declaration of the account page."""

from __future__ import annotations

import logging

from ..capability import Capability, Event, LinkPurpose, Mail, Notice
from .settings import AccountSettings

_NOTICE = Mail(
    "SEND_SECURITY_NOTICE",
    service="ai_kit_auth.account.services.mail_notice",
    greets=True,
)

ACCOUNT = Capability(
    name="ai_kit_auth",
    settings=AccountSettings,
    codes={
        "email_change_link_invalid": "confirm_email: wrong, used or expired link",
        "no_password": "the account has no usable password to check or change",
        "reauthentication_required": "the session needs re-authentication",
        "account_protected": "delete_account: rows that must stay refer to the account",
    },
    events={
        "resend_requested": Event(
            "an activation mail was requested again; ``user`` is ``-`` if none is sent"
        ),
        "password_confirmed": Event("a session was re-authenticated"),
        "password_refused": Event(
            "a logged-in session sent a wrong password", logging.WARNING
        ),
        "password_changed": Event(
            "a password was changed, and all other sessions ended"
        ),
        "others_logged_out": Event("all other sessions of an account ended"),
        "email_change_requested": Event("a change of the e-mail address was requested"),
        "email_changed": Event("a new e-mail address was confirmed"),
        "account_updated": Event("a user changed their account"),
        "account_deleted": Event("a user deleted their account"),
    },
    mails={
        # To an address that is not proven yet, so it greets without a name.
        "CONFIRM_EMAIL": Mail(
            "SEND_CONFIRM_EMAIL_MAIL",
            "CONFIRM_EMAIL_ROUTE",
            "ai_kit_auth.account.services.send_confirm_email_mail",
            timeouts=("EMAIL_CHANGE_TIMEOUT",),
        ),
        "PASSWORD_CHANGED": _NOTICE,
        "EMAIL_CHANGE_REQUESTED": _NOTICE,
        "EMAIL_CHANGED": _NOTICE,
        "ACCOUNT_DELETED": _NOTICE,
    },
    notices={
        "PASSWORD_CHANGED": Notice("PASSWORD_CHANGED", "CHANGE_PASSWORD"),
        "PASSWORD_RESET": Notice("PASSWORD_CHANGED", "RESET_PASSWORD"),
        "EMAIL_CHANGE_REQUESTED": Notice(
            "EMAIL_CHANGE_REQUESTED", "CHANGE_EMAIL", names_address=True
        ),
        "EMAIL_CHANGED": Notice("EMAIL_CHANGED", "CHANGE_EMAIL", names_address=True),
        "ACCOUNT_DELETED": Notice(
            "ACCOUNT_DELETED", "DELETE_ACCOUNT", names_address=True
        ),
    },
    sends={
        "RESEND_ACTIVATION_MAIL": ("USER_CREATED",),
        "CHANGE_EMAIL": ("CONFIRM_EMAIL", "ACCOUNT_EXISTS"),
    },
    link_purposes={
        "confirm_email": LinkPurpose(
            "CHANGE_EMAIL",
            "ai_kit_auth.account.services.email_change_link_status",
            "email_change_link_invalid",
        ),
    },
    routes="ai_kit_auth.account.urls.routes",
    operations="ai_kit_auth.account.operations.OPERATIONS",
    signals="ai_kit_auth.account.signals",
    views="ai_kit_auth.account.views",
)
