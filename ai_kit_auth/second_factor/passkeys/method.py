"""Passkeys as one of the methods that prove a second factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables
from rest_framework.serializers import Field

from ...user_model import User
from .. import recovery_codes
from . import credentials, proofs
from .serializers import CredentialField


class PasskeyMethod:
    """A passkey, or a security key that only works beside a password."""

    name = "passkey"
    field = "credential"
    refusal = "invalid_credential"

    def serializer_field(self) -> Field[Any, Any, Any, Any]:
        return CredentialField(required=False)

    def offered_to(self, user: User) -> bool:
        return bool(self.factor_ids(user))

    def factor_ids(self, user: User) -> list[str]:
        if not credentials.is_installed():
            return []
        keys = credentials.of_user(user).values_list("pk", flat=True)
        return [credentials.factor_id(pk) for pk in keys]

    def demands(self, user: User) -> bool:
        """
        Tell whether there are recovery codes, too.

        A user who lost the one device with a passkey would be locked out by it.
        """
        return self.offered_to(user) and recovery_codes.left(user) > 0

    @sensitive_variables()
    def verify(self, view: Any, user: User, data: Mapping[str, Any]) -> str:
        passkey = proofs.prove(view.request, user, data[self.field])
        return credentials.factor_id(passkey.pk)

    def remove_all(self, user: User) -> None:
        if credentials.is_installed():
            credentials.of_user(user).delete()
