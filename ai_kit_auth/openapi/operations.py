"""What each view takes and answers, as far as no serializer shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.dispatch import Signal

from .. import signals, views
from ..errors import ActivationLinkInvalid, ResetPasswordLinkInvalid
from ..serializers import (
    ActivateUserSerializer,
    InitiatePasswordResetSerializer,
    LoginSerializer,
    PasswordResetSerializer,
    ValidatePasswordSerializer,
)
from ..services import identities
from ..settings import api_settings
from ..users import email_field, own_name, username_field

# What an answer's body holds: key → "user", "user or null", "csrf".
EMPTY: Mapping[str, str] = {}
CSRF: Mapping[str, str] = {"csrf": "csrf"}
USER: Mapping[str, str] = {"user": "user", "csrf": "csrf"}
USER_OR_NULL: Mapping[str, str] = {"user": "user or null", "csrf": "csrf"}


def _no_codes() -> Mapping[str, set[str]]:
    return {}


@dataclass(frozen=True)
class Operation:
    """
    One method of one view.

    ``serializer``: returns what the body is validated by, None for a body that is not
    read. ``passwords``: its fields that AUTH_PASSWORD_VALIDATORS look at. ``fields``:
    returns further codes by field. ``errors``: codes about the whole request, by
    status. ``signals``: whose receivers may veto. ``counted``: whether a throttle
    within the flow may answer 429, besides those of the view.
    """

    summary: str
    success: int = 200
    answer: Mapping[str, str] = field(default_factory=dict)
    serializer: Callable[[], type[Any]] | None = None
    passwords: tuple[str, ...] = ()
    fields: Callable[[], Mapping[str, set[str]]] = _no_codes
    errors: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    signals: tuple[Signal, ...] = ()
    counted: bool = False


def _taken() -> Mapping[str, set[str]]:
    """Return ``<field>_unique`` by field, also under the names that are understood."""
    codes = {name: {f"{name}_unique"} for name in identities()}
    if api_settings.PREVENT_ENUMERATION:
        codes.pop(email_field(), None)
    for documented in ("email", "username"):
        own = own_name(documented)
        if own in codes:
            codes.setdefault(documented, codes[own])
    return codes


def _nothing_typed() -> Mapping[str, set[str]]:
    return {"email": {"required"}}


def _typed_so_far() -> Mapping[str, set[str]]:
    username = username_field() and api_settings.USERNAME_REQUIRED
    return {
        name: {"required"} for name in ("email", *(["username"] if username else []))
    }


OPERATIONS: dict[tuple[type[Any], str], Operation] = {
    (views.LoginView, "POST"): Operation(
        "Log in",
        answer=USER,
        serializer=lambda: LoginSerializer,
        fields=lambda: {"non_field_errors": {"invalid_credentials"}},
        errors={403: ("csrf_failed",)},
        signals=(signals.user_pre_login, signals.user_post_login),
        counted=True,
    ),
    (views.LogoutView, "POST"): Operation(
        "Log out",
        answer=CSRF,
        errors={403: ("not_authenticated", "csrf_failed")},
        signals=(signals.user_pre_logout, signals.user_post_logout),
    ),
    (views.MeView, "GET"): Operation(
        "Ask who is logged in, and for a CSRF token", answer=USER_OR_NULL
    ),
    (views.RegistrationView, "POST"): Operation(
        "Register",
        success=201,
        answer=EMPTY,
        serializer=lambda: api_settings.REGISTRATION_SERIALIZER,
        passwords=("password",),
        fields=_taken,
        errors={503: ("mail_not_sent",)},
        signals=(signals.user_pre_registered, signals.user_post_registered),
    ),
    (views.InitiatePasswordResetView, "POST"): Operation(
        "Ask for a reset mail",
        answer=EMPTY,
        serializer=lambda: InitiatePasswordResetSerializer,
        fields=_nothing_typed,
        signals=(signals.user_pre_forgot_password, signals.user_post_forgot_password),
    ),
    (views.ResetPassword, "POST"): Operation(
        "Set a new password by a mailed link",
        answer=EMPTY,
        serializer=lambda: PasswordResetSerializer,
        passwords=("password",),
        errors={400: (ResetPasswordLinkInvalid.default_code,)},
        signals=(signals.user_pre_reset_password, signals.user_post_reset_password),
    ),
    (views.ValidatePassword, "POST"): Operation(
        "Check a password while it is typed",
        answer=EMPTY,
        serializer=lambda: ValidatePasswordSerializer,
        passwords=("password",),
        fields=_typed_so_far,
    ),
    (views.ActivateUser, "POST"): Operation(
        "Activate an account by a mailed link",
        answer=EMPTY,
        serializer=lambda: ActivateUserSerializer,
        errors={400: (ActivationLinkInvalid.default_code,)},
        signals=(signals.user_pre_activated, signals.user_post_activated),
    ),
}


def operation_of(view: type[Any], method: str) -> Operation | None:
    """Return the operation of ``method`` on ``view`` or what it inherits from."""
    for base in view.__mro__:
        found = OPERATIONS.get((base, method))
        if found is not None:
            return found
    return None
