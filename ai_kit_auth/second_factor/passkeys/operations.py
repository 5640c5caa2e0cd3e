"""What each view of passkeys takes and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ... import operations as core
from ... import signals
from ... import views as core_views
from ...account.errors import ReauthenticationRequired
from ...account.operations import password_codes
from ...errors import ActivationLinkInvalid
from ...operations import CSRF, PASSWORD_SCOPES, USER, Operation, Operations
from ..errors import LastFactor, LoginNotPending
from . import views
from .serializers import allow_no_password

# As the browser's parseRequestOptionsFromJSON() takes them.
_OPTIONS: Mapping[str, Any] = {"type": "object", "additionalProperties": {}}
_TIME = {"type": "string", "format": "date-time"}
PASSKEY: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "created": _TIME,
        "last_used": {**_TIME, "nullable": True},
        "backed_up": {"type": "boolean"},
        "passwordless": {"type": "boolean"},
    },
    "required": [
        *("id", "name", "created", "last_used", "backed_up", "passwordless"),
    ],
}
_REGISTER = core.OPERATIONS[core_views.RegistrationView, "POST"]
_ACTIVATE = core.OPERATIONS[core_views.ActivateUser, "POST"]


def _new() -> Mapping[str, set[str]]:
    return {**password_codes(), "non_field_errors": {"max_length"}}


def _sign_up() -> Mapping[str, set[str]]:
    return {"credential": {"required", "invalid_credential"}}


OPERATIONS: Operations = {
    (views.PasskeyLoginOptions, "POST"): Operation(
        "passkey_login_options",
        "Get the options of a login with a passkey",
        "For `navigator.credentials.get()`. They are good for one attempt within an "
        "hour, in this session.",
        answer={"publicKey": _OPTIONS},
    ),
    (views.PasskeyLogin, "POST"): Operation(
        "passkey_login",
        "Log in with a passkey",
        "`credential` is what `navigator.credentials.get()` has returned, as JSON. No "
        "second step follows. The CSRF token changes; the answer has the new one.",
        answer={"user": USER, "csrf": CSRF},
        body="get_serializer_class",
        signals=(signals.user_pre_login, signals.user_post_login),
        scopes=("SECOND_FACTOR",),
    ),
    (views.SecondFactorOptions, "POST"): Operation(
        "second_factor_passkey_options",
        "Get the options of a second step with a passkey",
        "For `navigator.credentials.get()`, and one attempt: at `second_factor` while "
        "a login waits, at `confirm_password` for a logged-in user.",
        answer={"publicKey": _OPTIONS},
        forbidden=LoginNotPending.default_code,
        missing="not_found",
    ),
    (views.Registration, "POST"): replace(
        _REGISTER,
        description=f"{_REGISTER.description} Without a password the account gets a "
        "passkey when it is activated.",
        restrict=allow_no_password,
    ),
    (views.SignUpOptions, "POST"): Operation(
        "activate_passkey_options",
        "Get the options of the passkey of a new account",
        "For `navigator.credentials.create()`. `ident` and `token` are from the link, "
        "which stays good.",
        answer={"publicKey": _OPTIONS},
        body="get_serializer_class",
        fields=_sign_up,
        refusal=ActivationLinkInvalid.default_code,
    ),
    (views.ActivateUser, "POST"): replace(
        _ACTIVATE,
        description=f"{_ACTIVATE.description} `credential` is the passkey of an "
        "account without a password.",
        fields=_sign_up,
    ),
    (views.PasskeyOptions, "POST"): Operation(
        "passkey_options",
        "Get the options of a new passkey",
        "For `navigator.credentials.create()`, and one attempt within ten minutes.",
        answer={"publicKey": _OPTIONS},
        body="get_serializer_class",
        fields=password_codes,
        forbidden=ReauthenticationRequired.default_code,
        scopes=PASSWORD_SCOPES,
    ),
    (views.Passkeys, "POST"): Operation(
        "add_passkey",
        "Add a passkey",
        "`credential` is what `navigator.credentials.create()` has returned, as JSON.",
        success=201,
        answer=PASSKEY["properties"],
        body="get_serializer_class",
        fields=_new,
        forbidden=ReauthenticationRequired.default_code,
        scopes=PASSWORD_SCOPES,
    ),
    (views.Passkey, "PATCH"): Operation(
        "rename_passkey",
        "Give a passkey another name",
        "`id` is from the list of factors.",
        answer=PASSKEY["properties"],
        body="get_serializer_class",
        fields=password_codes,
        forbidden=ReauthenticationRequired.default_code,
        missing="not_found",
        scopes=PASSWORD_SCOPES,
    ),
    (views.Passkey, "DELETE"): Operation(
        "remove_passkey",
        "Remove a passkey",
        "The last factor takes the recovery codes with it.",
        success=204,
        body="get_removal_serializer_class",
        fields=password_codes,
        forbidden=ReauthenticationRequired.default_code,
        missing="not_found",
        conflict=LastFactor.default_code,
        scopes=PASSWORD_SCOPES,
    ),
}
