"""What the views of the core take and answer, where their classes do not show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.dispatch import Signal

from . import signals, views
from .errors import ActivationLinkInvalid, ResetPasswordLinkInvalid
from .registration import identities
from .serializers import (
    PasswordResetSerializer,
    RegistrationSerializer,
    ValidatePasswordSerializer,
)
from .settings import api_settings
from .user_model import user_model


def _no_codes() -> Mapping[str, set[str]]:
    return {}


@dataclass(frozen=True)
class Operation:
    """
    One method of one view, where the classes of the view do not show it.

    - ``id`` is the schema's ``operationId``. It never changes, since generated clients
      name their functions by it.
    - ``answer`` has the keys of the body, each with its kind: ``csrf``, ``user``,
      ``user or null``, or a JSON schema.
    - ``body`` is the view's method that returns the serializer class of the body; None
      for a body that is not read.
    - ``fields`` returns further codes by field.
    - With ``many`` the body is a list of such objects.
    - ``refusal`` is a code for the whole request with status 400, ``forbidden`` with
      403, ``missing`` with 404, ``conflict`` with 409.
    - With ``is_partial`` every field is optional.
    - ``restrict`` is what the view does to its serializer first.
    - ``new_passwords`` has serializer classes, each with the field that
      AUTH_PASSWORD_VALIDATORS check.
    - ``needs_proof`` tells whether ACTIVATION_PROOF applies.
    - ``sender`` is the setting whose function mails before the answer.
    - ``calls`` returns another function of the project.
    - Receivers of ``signals`` may veto.
    - ``scopes`` are the THROTTLE_RATES that count within the flow, in addition to those
      of the view's throttles. With ``waits`` it answers ``throttled`` without any rate.
    """

    id: str
    summary: str
    description: str
    success: int = 200
    answer: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    many: bool = False
    body: str | None = None
    fields: Callable[[], Mapping[str, set[str]]] = _no_codes
    refusal: str | None = None
    forbidden: str | None = None
    missing: str | None = None
    conflict: str | None = None
    is_partial: bool = False
    restrict: Callable[[Any], object] | None = None
    new_passwords: Mapping[type[Any], str] = field(default_factory=dict)
    needs_proof: bool = False
    sender: str | None = None
    calls: Callable[[], Any] | None = None
    signals: tuple[Signal, ...] = ()
    scopes: tuple[str, ...] = ()
    waits: bool = False

    def serializer_of(self, view: type[Any]) -> type[Any] | None:
        """Return the serializer class of the body, None where it is not read."""
        if self.body is None:
            return None
        # As drf-spectacular has a view: without a request, and saying so.
        asked = view(
            request=None, args=(), kwargs={}, format_kwarg=None, swagger_fake_view=True
        )
        found: type[Any] = getattr(asked, self.body)()
        return found


Operations = Mapping[tuple[type[Any], str], Operation]

# The keys of an answer's body, and what they hold.
CSRF = "csrf"
USER = "user"
USER_OR_NULL = "user or null"

PASSWORD_SCOPES = ("LOGIN_ACCOUNT_ADDRESS", "LOGIN_ACCOUNT", "LOGIN_ADDRESS")


def _taken() -> Mapping[str, set[str]]:
    """Return ``<field>_unique`` by field."""
    codes = {name: {f"{name}_unique"} for name in identities()}
    if api_settings.PREVENT_ENUMERATION:
        codes.pop(user_model.email, None)
    return codes


def _typed_so_far() -> Mapping[str, set[str]]:
    needed = ["email"]
    if api_settings.USERNAME_REQUIRED and user_model.username:
        needed.append("username")
    return {name: {"required"} for name in needed}


OPERATIONS: Operations = {
    (views.LoginView, "POST"): Operation(
        "login",
        "Log in",
        "`ident` is a username or an e-mail address. The answer sets the session "
        "cookie. The CSRF token changes; the answer has the new one.",
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
        "Get the user of the session and a CSRF token",
        "`user` is null for an anonymous user. A frontend calls this first: the answer "
        "has the CSRF token that the other operations need.",
        answer={"user": USER_OR_NULL, "csrf": CSRF},
    ),
    (views.RegistrationView, "POST"): Operation(
        "register",
        "Register",
        "Creates an account that waits for its activation, and mails the link.",
        success=201,
        body="get_serializer_class",
        fields=_taken,
        new_passwords={RegistrationSerializer: "password"},
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
        "Set a new password with a mailed link",
        "`ident` and `token` are from the link. This also activates an account that "
        "waits for its activation.",
        body="get_serializer_class",
        refusal=ResetPasswordLinkInvalid.default_code,
        new_passwords={PasswordResetSerializer: "password"},
        signals=(signals.user_pre_reset_password, signals.user_post_reset_password),
    ),
    (views.ValidatePassword, "POST"): Operation(
        "validate_password",
        "Check a password while it is typed",
        "Changes nothing. Takes the `ident` of a mailed link, or what the user has "
        "typed so far, which may be blank.",
        body="get_serializer_class",
        fields=_typed_so_far,
        new_passwords={ValidatePasswordSerializer: "password"},
    ),
    (views.ActivateUser, "POST"): Operation(
        "activate_email",
        "Activate an account with a mailed link",
        "`ident` and `token` are from the link. A link works once.",
        body="get_serializer_class",
        refusal=ActivationLinkInvalid.default_code,
        needs_proof=True,
        signals=(signals.user_pre_activated, signals.user_post_activated),
    ),
    (views.LinkStatusView, "POST"): Operation(
        "link_status",
        "Ask what a mailed link is good for",
        "`ident` and `token` are from the link. Changes nothing, and does not use the "
        "link. `used` is a genuine link whose effect is already there; `invalid` is "
        "everything else that is not valid.",
        answer={"status": {"type": "string", "enum": ["valid", "used", "invalid"]}},
        body="get_serializer_class",
    ),
}
