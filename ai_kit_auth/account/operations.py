"""What each view of the account page takes and answers."""

from __future__ import annotations

from collections.abc import Mapping

from ..operations import CSRF, PASSWORD_SCOPES, USER, Operation, Operations
from ..registration import identities
from ..settings import api_settings
from ..user_model import user_model
from . import signals, views
from .errors import (
    AccountProtected,
    EmailChangeLinkInvalid,
    NoPassword,
    ReauthenticationRequired,
)
from .serializers import ChangePasswordSerializer, restrict_update
from .settings import account_settings


def password_codes() -> Mapping[str, set[str]]:
    """Return the codes under ``password`` where only a fresh session leaves it out."""
    return {"password": {"invalid_credentials", "required"}}


def _given_password() -> Mapping[str, set[str]]:
    return {"password": {"invalid_credentials"}}


def _new_address() -> Mapping[str, set[str]]:
    if api_settings.PREVENT_ENUMERATION:
        return password_codes()
    return {**password_codes(), **_unique_address()}


def _unique_address() -> Mapping[str, set[str]]:
    return {"email": {f"{user_model.email}_unique"}}


def _taken_by_others() -> Mapping[str, set[str]]:
    return {
        name: {f"{name}_unique"} for name in identities() if name != user_model.email
    }


OPERATIONS: Operations = {
    (views.ResendActivationMail, "POST"): Operation(
        "resend_activation_email",
        "Ask for the activation mail again",
        "Takes `email`, or anything else that a login takes, as `ident`. The answer "
        "is the same whether or not such an account waits for its activation.",
        body="get_serializer_class",
        fields=lambda: {"email": {"required"}},
        signals=(
            signals.user_pre_resend_activation,
            signals.user_post_resend_activation,
        ),
    ),
    (views.ConfirmPassword, "POST"): Operation(
        "confirm_password",
        "Re-authenticate with the password",
        "For some minutes after it, the other operations of the account page need no "
        "password.",
        body="get_serializer_class",
        fields=_given_password,
        refusal=NoPassword.default_code,
        signals=(
            signals.user_pre_confirm_password,
            signals.user_post_confirm_password,
        ),
        scopes=PASSWORD_SCOPES,
    ),
    (views.ChangePassword, "POST"): Operation(
        "change_password",
        "Change the password",
        "This session continues, all other sessions of the account end. The CSRF token "
        "changes; the answer has the new one.",
        answer={"csrf": CSRF},
        body="get_serializer_class",
        fields=password_codes,
        refusal=NoPassword.default_code,
        new_passwords={ChangePasswordSerializer: "new_password"},
        signals=(
            signals.user_pre_change_password,
            signals.user_post_change_password,
        ),
        scopes=PASSWORD_SCOPES,
    ),
    (views.LogoutOthers, "POST"): Operation(
        "logout_others",
        "End all other sessions",
        "The password does not change. The CSRF token changes; the answer has the "
        "new one.",
        answer={"csrf": CSRF},
        body="get_serializer_class",
        fields=password_codes,
        forbidden=ReauthenticationRequired.default_code,
        signals=(
            signals.user_pre_logout_others,
            signals.user_post_logout_others,
        ),
        scopes=PASSWORD_SCOPES,
    ),
    (views.ChangeEmail, "POST"): Operation(
        "change_email",
        "Ask for another e-mail address",
        "Mails a link to the new e-mail address. The account gets the address when "
        "`confirm_email` gets the link.",
        body="get_serializer_class",
        fields=_new_address,
        forbidden=ReauthenticationRequired.default_code,
        sender="SEND_CONFIRM_EMAIL_MAIL",
        signals=(
            signals.user_pre_change_email,
            signals.user_post_change_email,
        ),
        scopes=(*PASSWORD_SCOPES, "CHANGE_EMAIL", "MAIL_ADDRESS"),
    ),
    (views.ConfirmEmail, "POST"): Operation(
        "confirm_email",
        "Confirm an e-mail address with a mailed link",
        "`ident` and `token` are from the link. It works with and without a session.",
        body="get_serializer_class",
        fields=_unique_address,
        refusal=EmailChangeLinkInvalid.default_code,
        needs_proof=True,
        signals=(
            signals.user_pre_confirm_email,
            signals.user_post_confirm_email,
        ),
    ),
    (views.UpdateMe, "PATCH"): Operation(
        "update_me",
        "Change the account of the user",
        "Every field is optional. The e-mail address and the password have their own "
        "operations.",
        answer={"user": USER, "csrf": CSRF},
        body="get_update_serializer_class",
        fields=_taken_by_others,
        is_partial=True,
        restrict=restrict_update,
        signals=(
            signals.user_pre_update_me,
            signals.user_post_update_me,
        ),
    ),
    (views.DeleteAccount, "POST"): Operation(
        "delete_account",
        "Delete the account",
        "The session ends. The answer has a CSRF token for the next request.",
        answer={"csrf": CSRF},
        body="get_serializer_class",
        fields=password_codes,
        forbidden=ReauthenticationRequired.default_code,
        conflict=AccountProtected.default_code,
        signals=(
            signals.user_pre_delete_account,
            signals.user_post_delete_account,
        ),
        calls=lambda: account_settings.ACCOUNT_DELETION_FUNCTION,
        scopes=PASSWORD_SCOPES,
    ),
}
