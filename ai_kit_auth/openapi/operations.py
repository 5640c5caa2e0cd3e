"""What each view takes and answers, as far as no serializer or class of it shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.dispatch import Signal

from .. import signals, views
from ..account import signals as account_signals
from ..account import views as account
from ..account.errors import AccountProtected, EmailChangeLinkInvalid, NoPassword
from ..errors import ActivationLinkInvalid, ResetPasswordLinkInvalid
from ..services import identities
from ..settings import api_settings
from ..users import email_field, own_name, username_field

# The keys of an answer's body, and what they hold.
CSRF = "csrf"
USER = "user"
USER_OR_NULL = "user or null"

PASSWORD_SCOPES = ("LOGIN_ACCOUNT_ADDRESS", "LOGIN_ACCOUNT", "LOGIN_ADDRESS")


def _no_codes() -> Mapping[str, set[str]]:
    return {}


@dataclass(frozen=True)
class Operation:
    """
    One method of one view.

    ``id``: the schema's ``operationId``, which generated clients name their functions
    by, so it never changes. ``answer``: the body's keys, and of what kind each is.
    ``body``: the view's method that returns what the body is validated by, None for a
    body that is not read. ``fields``: returns further codes by field. ``refusal``: a
    code for the whole request, with status 400; ``conflict``: with 409.
    ``is_partial``: every field may be left out. ``is_sensitive``: a session that is not
    fresh may be refused. ``needs_proof``: ACTIVATION_PROOF holds here. ``sender``: the
    setting whose function mails before the answer. ``calls``: returns another function
    of the host's. ``signals``: whose receivers may veto. ``scopes``: the THROTTLE_RATES
    that count within the flow, besides those of the view's throttles.
    """

    id: str
    summary: str
    description: str
    success: int = 200
    answer: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    fields: Callable[[], Mapping[str, set[str]]] = _no_codes
    refusal: str | None = None
    conflict: str | None = None
    is_partial: bool = False
    is_sensitive: bool = False
    needs_proof: bool = False
    sender: str | None = None
    calls: Callable[[], Any] | None = None
    signals: tuple[Signal, ...] = ()
    scopes: tuple[str, ...] = ()

    def serializer_of(self, view: type[Any]) -> type[Any] | None:
        """Return what ``view`` validates the body by, None where it is not read."""
        if self.body is None:
            return None
        # As drf-spectacular has a view: without a request, and saying so.
        asked = view(
            request=None, args=(), kwargs={}, format_kwarg=None, swagger_fake_view=True
        )
        found: type[Any] = getattr(asked, self.body)()
        return found


def _taken() -> Mapping[str, set[str]]:
    """Return ``<field>_unique`` by field."""
    codes = {name: {f"{name}_unique"} for name in identities()}
    if api_settings.PREVENT_ENUMERATION:
        codes.pop(email_field(), None)
    return codes


def _typed_so_far() -> Mapping[str, set[str]]:
    needed = ["email"]
    if api_settings.USERNAME_REQUIRED and username_field():
        needed.append("username")
    return {name: {"required"} for name in needed}


OPERATIONS: dict[tuple[type[Any], str], Operation] = {
    (views.LoginView, "POST"): Operation(
        "login",
        "Log in",
        "`ident` is a username or an e-mail address. The session comes as a cookie. "
        "The CSRF token changes; the answer has the new one.",
        answer={"user": USER, "csrf": CSRF},
        body="get_serializer_class",
        fields=lambda: {"non_field_errors": {"invalid_credentials"}},
        signals=(signals.user_pre_login, signals.user_post_login),
        scopes=PASSWORD_SCOPES,
    ),
    (views.LogoutView, "POST"): Operation(
        "logout",
        "Log out",
        "Ends the session. The CSRF token changes; the answer has the new one.",
        answer={"csrf": CSRF},
        signals=(signals.user_pre_logout, signals.user_post_logout),
    ),
    (views.MeView, "GET"): Operation(
        "me",
        "Ask who is logged in, and for a CSRF token",
        "`user` is null where nobody is logged in. A frontend asks this first: the "
        "answer has the CSRF token that the other operations need.",
        answer={"user": USER_OR_NULL, "csrf": CSRF},
    ),
    (views.RegistrationView, "POST"): Operation(
        "register",
        "Register",
        "Makes an account that waits for its activation, and mails the link.",
        success=201,
        body="get_serializer_class",
        fields=_taken,
        sender="SEND_USER_ACTIVATION_MAIL",
        signals=(signals.user_pre_registered, signals.user_post_registered),
    ),
    (views.InitiatePasswordResetView, "POST"): Operation(
        "send_pw_reset_email",
        "Ask for a reset mail",
        "Takes `email`, or anything else that a login takes, as `ident`. The answer is "
        "the same whether or not there is such an account.",
        body="get_serializer_class",
        fields=lambda: {"email": {"required"}},
        # Not the post signal: its receivers run after the answer.
        signals=(signals.user_pre_forgot_password,),
    ),
    (views.ResetPassword, "POST"): Operation(
        "reset_password",
        "Set a new password by a mailed link",
        "`ident` and `token` are the link's. An account that waits for its activation "
        "is activated, too.",
        body="get_serializer_class",
        refusal=ResetPasswordLinkInvalid.default_code,
        signals=(signals.user_pre_reset_password, signals.user_post_reset_password),
    ),
    (views.ValidatePassword, "POST"): Operation(
        "validate_password",
        "Check a password while it is typed",
        "Changes nothing. Takes `ident` of a mailed link, or what the person has typed "
        "so far, which may be blank.",
        body="get_serializer_class",
        fields=_typed_so_far,
    ),
    (views.ActivateUser, "POST"): Operation(
        "activate_email",
        "Activate an account by a mailed link",
        "`ident` and `token` are the link's, which is good once.",
        body="get_serializer_class",
        refusal=ActivationLinkInvalid.default_code,
        needs_proof=True,
        signals=(signals.user_pre_activated, signals.user_post_activated),
    ),
}


# The account page


def _password() -> Mapping[str, set[str]]:
    return {"password": {"invalid_credentials", "required"}}


def _given_password() -> Mapping[str, set[str]]:
    return {"password": {"invalid_credentials"}}


def _new_address() -> Mapping[str, set[str]]:
    if api_settings.PREVENT_ENUMERATION:
        return _password()
    return {**_password(), **_unique_address()}


def _unique_address() -> Mapping[str, set[str]]:
    return {"email": {f"{email_field()}_unique"}}


def _taken_by_others() -> Mapping[str, set[str]]:
    return {name: {f"{name}_unique"} for name in identities() if name != email_field()}


OPERATIONS |= {
    (account.ResendActivationMail, "POST"): Operation(
        "resend_activation_email",
        "Ask for the activation mail once more",
        "Takes `email`, or anything else that a login takes, as `ident`. The answer "
        "is the same whether or not such an account waits for its activation.",
        body="get_serializer_class",
        fields=lambda: {"email": {"required"}},
        signals=(
            account_signals.user_pre_resend_activation,
            account_signals.user_post_resend_activation,
        ),
    ),
    (account.ConfirmPassword, "POST"): Operation(
        "confirm_password",
        "Prove the password once more",
        "The session is freshly authenticated for a while, in which the other "
        "operations need no password.",
        body="get_serializer_class",
        fields=_given_password,
        refusal=NoPassword.default_code,
        signals=(
            account_signals.user_pre_confirm_password,
            account_signals.user_post_confirm_password,
        ),
        scopes=PASSWORD_SCOPES,
    ),
    (account.ChangePassword, "POST"): Operation(
        "change_password",
        "Change the password",
        "This session goes on, all others of the account end. The CSRF token "
        "changes; the answer has the new one.",
        answer={"csrf": CSRF},
        body="get_serializer_class",
        fields=_password,
        refusal=NoPassword.default_code,
        signals=(
            account_signals.user_pre_change_password,
            account_signals.user_post_change_password,
        ),
        scopes=PASSWORD_SCOPES,
    ),
    (account.LogoutOthers, "POST"): Operation(
        "logout_others",
        "End all other sessions",
        "The password stays what it is. The CSRF token changes; the answer has the "
        "new one.",
        answer={"csrf": CSRF},
        body="get_serializer_class",
        fields=_password,
        is_sensitive=True,
        signals=(
            account_signals.user_pre_logout_others,
            account_signals.user_post_logout_others,
        ),
        scopes=PASSWORD_SCOPES,
    ),
    (account.ChangeEmail, "POST"): Operation(
        "change_email",
        "Ask for another address",
        "Mails a link to the new address, which is the account's when "
        "`confirm_email` gets it.",
        body="get_serializer_class",
        fields=_new_address,
        is_sensitive=True,
        sender="SEND_CONFIRM_EMAIL_MAIL",
        signals=(
            account_signals.user_pre_change_email,
            account_signals.user_post_change_email,
        ),
        scopes=(*PASSWORD_SCOPES, "CHANGE_EMAIL", "MAIL_ADDRESS"),
    ),
    (account.ConfirmEmail, "POST"): Operation(
        "confirm_email",
        "Confirm an address by a mailed link",
        "`ident` and `token` are the link's. For whoever has it, logged in or not.",
        body="get_serializer_class",
        fields=_unique_address,
        refusal=EmailChangeLinkInvalid.default_code,
        needs_proof=True,
        signals=(
            account_signals.user_pre_confirm_email,
            account_signals.user_post_confirm_email,
        ),
    ),
    (account.UpdateMe, "PATCH"): Operation(
        "update_me",
        "Change one's own account",
        "Every field is optional. The address and the password have operations of "
        "their own.",
        answer={"user": USER, "csrf": CSRF},
        body="get_update_serializer_class",
        fields=_taken_by_others,
        is_partial=True,
        signals=(
            account_signals.user_pre_update_me,
            account_signals.user_post_update_me,
        ),
    ),
    (account.DeleteAccount, "POST"): Operation(
        "delete_account",
        "Delete the account",
        "The session ends with it. The answer has a CSRF token for what comes next.",
        answer={"csrf": CSRF},
        body="get_serializer_class",
        fields=_password,
        is_sensitive=True,
        conflict=AccountProtected.default_code,
        signals=(
            account_signals.user_pre_delete_account,
            account_signals.user_post_delete_account,
        ),
        calls=lambda: api_settings.ACCOUNT_DELETION_FUNCTION,
        scopes=PASSWORD_SCOPES,
    ),
}


def operation_of(view: type[Any], method: str) -> Operation | None:
    """Return the operation of ``method`` on ``view`` or what it inherits from."""
    for base in view.__mro__:
        found = OPERATIONS.get((base, method))
        if found is not None:
            return found
    return None


def aliases_of(names: Mapping[str, Any]) -> dict[str, str]:
    """
    Return which further keys a registration takes, and what each stands for.

    ``names``: the keys that it has anyway.
    """
    own_names = {name: own_name(name) for name in ("email", "username")}
    return {name: own for name, own in own_names.items() if own and name not in names}
