"""What each view of the list of sessions takes and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import NotFound

from ..account.errors import ReauthenticationRequired
from ..account.operations import password_codes
from ..operations import CSRF, PASSWORD_SCOPES, Operation, Operations
from . import views
from .devices import KINDS
from .errors import NotMeLinkInvalid
from .models import NAME_LENGTH

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_SESSION: Mapping[str, Mapping[str, Any]] = {
    "id": {"type": "string", "format": "uuid"},
    "current": {"type": "boolean"},
    "created": _TIME,
    "last_seen": _TIME,
    "ip_address": _TEXT,
    "device": {
        "type": "object",
        "properties": {
            "browser": _TEXT,
            "system": _TEXT,
            "kind": {**_TEXT, "enum": list(KINDS)},
        },
        "required": ["browser", "system", "kind"],
        "additionalProperties": False,
    },
    "name": {**_TEXT, "maxLength": NAME_LENGTH},
    "factor": _TEXT,
}


OPERATIONS: Operations = {
    (views.SessionList, "GET"): Operation(
        "sessions",
        "List the sessions of the user",
        "Where the user is logged in, the session that was seen last first.",
        answer=_SESSION,
        many=True,
    ),
    (views.SessionList, "DELETE"): Operation(
        "end_sessions",
        "End all sessions but this one",
        "The CSRF token changes; the answer has the new one.",
        answer={"ended": {"type": "integer", "minimum": 0}, "csrf": CSRF},
        body="get_serializer_class",
        fields=password_codes,
        forbidden=ReauthenticationRequired.default_code,
        scopes=PASSWORD_SCOPES,
    ),
    (views.SessionDetail, "PATCH"): Operation(
        "name_session",
        "Give a session a name",
        "An empty name takes the name away.",
        answer=_SESSION,
        body="get_name_serializer_class",
        missing=NotFound.default_code,
    ),
    (views.SessionDetail, "DELETE"): Operation(
        "end_session",
        "End a session",
        "It is out at its next request. This session is logged out at once.",
        success=204,
        body="get_serializer_class",
        fields=password_codes,
        forbidden=ReauthenticationRequired.default_code,
        missing=NotFound.default_code,
        scopes=PASSWORD_SCOPES,
    ),
    (views.NotMe, "POST"): Operation(
        "not_me",
        "Say with a mailed link that a login was not one's own",
        "`ident` and `token` are from the link. All sessions of the account end, and "
        "a reset mail goes out. The page asks before it sends this: a mail scanner "
        "opens links, too.",
        body="get_serializer_class",
        refusal=NotMeLinkInvalid.default_code,
    ),
}
