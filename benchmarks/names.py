"""The names of the operations, in the order of the tables."""

from __future__ import annotations

# The endpoints of the core, and those of the account page.
CORE = (
    "me_anonymous",
    "me_authenticated",
    "login_email",
    "login_username",
    "login_wrong_password",
    "login_unknown",
    "logout",
    "register",
    "activate",
    "validate_password",
    "reset_mail",
    "reset_mail_unknown",
    "reset_password",
)
ACCOUNT_PAGE = (
    "resend_activation",
    "change_password",
    "logout_others",
    "change_email",
    "confirm_email",
    "confirm_password",
    "update_me",
    "delete_account",
)
OPERATIONS = (*CORE, *ACCOUNT_PAGE)
