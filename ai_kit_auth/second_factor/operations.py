"""What each view of second factors takes and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import operations as core
from .. import views as core_views
from ..account import operations as account
from ..account import views as account_views
from ..account.errors import ReauthenticationRequired
from ..operations import CSRF, PASSWORD_SCOPES, USER, Operation, Operations
from . import signals, views
from .errors import INVALID_CODE, LastFactor, LoginNotPending, SecondFactorRequired
from .factors import METHODS
from .passkeys.operations import PASSKEY

_LOGIN = core.OPERATIONS[core_views.LoginView, "POST"]
_CONFIRM = account.OPERATIONS[account_views.ConfirmPassword, "POST"]
_TEXTS = {"type": "array", "items": {"type": "string"}}
_OF_PROOF = (signals.recovery_code_used, signals.second_factor_failed)
_NOT_FOUND = "not_found"


def _login() -> Mapping[str, set[str]]:
    known = _LOGIN.fields()
    step = SecondFactorRequired.default_code
    return {**known, "non_field_errors": {*known["non_field_errors"], step}}


def _proof() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for method in METHODS.values():
        found.setdefault(method.field, set()).update({"required", method.refusal})
    return found


def _confirmation() -> Mapping[str, set[str]]:
    return {**_proof(), **account.password_codes()}


def _code() -> Mapping[str, set[str]]:
    return {**account.password_codes(), "code": {INVALID_CODE}}


def _methods() -> dict[str, Any]:
    # drf-spectacular would otherwise find one enum by two names, and warn: that of the
    # field ``method`` has the same values.
    methods = {"enum": sorted(METHODS), "x-spec-enum-id": "second_factor_methods"}
    return {"type": "array", "items": {"type": "string", **methods}}


OPERATIONS: Operations = {
    (core_views.LoginView, "POST"): replace(
        _LOGIN,
        description=f"{_LOGIN.description} With `second_factor_required` the password "
        "was right, and `second_factor` ends the login.",
        fields=_login,
    ),
    (views.SecondFactor, "GET"): Operation(
        "second_factor_methods",
        "Ask how the login can go on",
        "For a session whose login has answered `second_factor_required`.",
        answer={"methods": _methods(), "csrf": CSRF},
        forbidden=LoginNotPending.default_code,
    ),
    (views.SecondFactor, "POST"): Operation(
        "second_factor",
        "End the login with a second factor",
        "The answer is that of `login`. A few wrong tries end the login, which then "
        "has to begin again.",
        answer={"user": USER, "csrf": CSRF},
        body="get_serializer_class",
        fields=_proof,
        forbidden=LoginNotPending.default_code,
        signals=(*_LOGIN.signals, *_OF_PROOF),
        scopes=("SECOND_FACTOR",),
        # After a wrong code the device takes none for some seconds.
        waits=True,
    ),
    (views.ConfirmPassword, "POST"): replace(
        _CONFIRM,
        summary="Re-authenticate with the password or a second factor",
        fields=_confirmation,
        signals=(*_CONFIRM.signals, *_OF_PROOF),
        scopes=(*_CONFIRM.scopes, "SECOND_FACTOR"),
        waits=True,
    ),
    (views.Factors, "GET"): Operation(
        "factors",
        "List the second factors of the user",
        "What the account page shows.",
        answer={
            "totp": {"type": "boolean"},
            "recovery_codes_left": {"type": "integer"},
            "passkeys": {"type": "array", "items": PASSKEY},
            "csrf": CSRF,
        },
    ),
    (views.TOTP, "POST"): Operation(
        "enrol_totp",
        "Get a secret for a new authenticator app",
        "It counts once `confirm_totp` gets a code of the app.",
        answer={
            "secret": {"type": "string"},
            "uri": {"type": "string"},
            "svg": {"type": "string", "description": "The URI as a QR code."},
        },
        body="get_serializer_class",
        fields=account.password_codes,
        forbidden=ReauthenticationRequired.default_code,
        scopes=PASSWORD_SCOPES,
    ),
    (views.TOTP, "DELETE"): Operation(
        "remove_totp",
        "Remove the authenticator app",
        "The last factor takes the recovery codes with it.",
        success=204,
        body="get_serializer_class",
        fields=account.password_codes,
        forbidden=ReauthenticationRequired.default_code,
        missing=_NOT_FOUND,
        conflict=LastFactor.default_code,
        signals=(signals.factor_removed,),
        scopes=PASSWORD_SCOPES,
    ),
    (views.ConfirmTOTP, "POST"): Operation(
        "confirm_totp",
        "Confirm the new authenticator app",
        "The answer has new recovery codes, which are never shown again.",
        answer={"recovery_codes": _TEXTS},
        body="get_serializer_class",
        fields=_code,
        signals=(signals.factor_added,),
        forbidden=ReauthenticationRequired.default_code,
        scopes=PASSWORD_SCOPES,
    ),
    (views.RecoveryCodes, "POST"): Operation(
        "renew_recovery_codes",
        "Get new recovery codes",
        "All older ones are void. They are never shown again.",
        answer={"recovery_codes": _TEXTS},
        body="get_serializer_class",
        fields=account.password_codes,
        forbidden=ReauthenticationRequired.default_code,
        missing=_NOT_FOUND,
        scopes=PASSWORD_SCOPES,
    ),
}
