"""What the endpoints of passkeys take."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers

from ...account.serializers import ReauthenticationSerializer
from ...serializers import (
    ActivateUserSerializer,
    Discreet,
    FlagField,
    TextField,
)
from ...user_model import user_model
from . import proofs

# As long as the column.
MAX_NAME = 64


class CredentialField(serializers.JSONField):
    """
    The browser's ``PublicKeyCredential.toJSON()``: an object, in a form as text.

    Whatever else comes is ``invalid_credential``, as is one that is not accepted.
    """

    default_error_messages = {"invalid": "invalid_credential"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, str):
            try:
                data = json.loads(data)
            except (ValueError, RecursionError):
                self.fail("invalid")
        if not isinstance(data, dict):
            self.fail("invalid")
        return data


class PasskeyLoginSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``credential`` of ``navigator.credentials.get()``; gives ``user`` and ``passkey``.

    ``remember``, optional: whether the session outlives the browser.
    """

    credential = CredentialField()
    # Null, as a form that lacks it would otherwise mean False.
    remember = FlagField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        proof = proofs.prove_login(self.context["request"], attrs["credential"])
        return {**attrs, "user": proof.user, "passkey": proof.passkey}


class ActivationSerializer(ActivateUserSerializer):
    """
    ``ident`` and ``token`` of an activation link, ``credential`` and ``name``.

    An account without a password needs the ``credential`` of
    ``navigator.credentials.create()``; ``name`` is what the user calls it.
    """

    credential = CredentialField(required=False)
    name = TextField(max_length=MAX_NAME, required=False, allow_blank=True)


def allow_no_password(serializer: Any) -> None:
    """
    Let a registration leave ``password`` out; its account then has none.

    Not where accounts wait for no activation, which brings the passkey.
    """
    field = serializer.fields.get("password")
    if field is not None and user_model.can_be_inactive:
        field.required = False
        # Managers of a project may insist on the argument.
        field.default = None


class NamedPasskeySerializer(ReauthenticationSerializer):
    """``name``, as the user calls the passkey, and ``password``."""

    name = TextField(max_length=MAX_NAME)


class NewPasskeySerializer(NamedPasskeySerializer):
    """``credential`` of ``navigator.credentials.create()``, ``name``, ``password``."""

    credential = CredentialField()
