"""What each view of passkeys takes and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import signals
from ...operations import CSRF, USER, Operation, Operations
from . import views

# As the browser's parseRequestOptionsFromJSON() takes them.
_OPTIONS: Mapping[str, Any] = {"type": "object", "additionalProperties": {}}

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
}
