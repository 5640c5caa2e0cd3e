"""What the endpoints of second factors take, and a field that shows what is proven."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from ..account.serializers import (
    ConfirmPasswordSerializer,
    ReauthenticationSerializer,
)
from ..serializers import Discreet, FlagField, PasswordField
from ..user_model import User
from . import factors, services
from .permissions import proven_method
from .totp import code_field

__all__ = [
    "ConfirmTOTPSerializer",
    "ConfirmationSerializer",
    "ProvenFactorField",
    "SecondFactorSerializer",
]

Fields = dict[str, serializers.Field[Any, Any, Any, Any]]


class MethodField(serializers.ChoiceField):
    """The name of a method; every other value is ``invalid``."""

    default_error_messages = {"invalid": ""}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=sorted(factors.METHODS), **kwargs)
        # The code of this package for it is "invalid".
        del self.error_messages["invalid_choice"]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid")
        return data


def _proof_fields(*, required: bool) -> Fields:
    fields: Fields = {"method": MethodField(required=required, write_only=True)}
    for method in factors.METHODS.values():
        fields.setdefault(method.field, method.serializer_field())
    return fields


def _insist_on_proof(attrs: dict[str, Any]) -> None:
    """Raise ``required`` under the field of the method that ``attrs`` names."""
    field = factors.METHODS[attrs["method"]].field
    if field not in attrs:
        raise _missing(field)


def _missing(field: str) -> ValidationError:
    return ValidationError({field: [ErrorDetail("", "required")]})


class SecondFactorSerializer(Discreet, serializers.Serializer[Any]):
    """``method``, the proof that it takes, and ``trust`` for a trusted browser."""

    trust = FlagField(required=False)

    def get_fields(self) -> Fields:
        return {**_proof_fields(required=True), **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _insist_on_proof(attrs)
        return attrs


class ConfirmationSerializer(ConfirmPasswordSerializer):
    """``password``, or ``method`` and the proof that it takes; gives ``user``."""

    password = PasswordField(required=False)

    def get_fields(self) -> Fields:
        return {**super().get_fields(), **_proof_fields(required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "method" not in attrs:
            if "password" not in attrs:
                raise _missing("password")
            return super().validate(attrs)
        _insist_on_proof(attrs)
        view = self.context["view"]
        services.prove_again(view, attrs)
        return {**attrs, "user": view.request.user, "factor": attrs["method"]}


class ConfirmTOTPSerializer(ReauthenticationSerializer):
    """``code`` of the new authenticator app, and ``password``."""

    def get_fields(self) -> Fields:
        code = code_field()
        code.required = True
        return {"code": code, **super().get_fields()}


class ProvenFactorField(serializers.Field[Any, Any, Any, Any]):
    """
    By which method the session has proven a second factor, or null; for ``me/``.

    A project's own USER_SERIALIZER declares it::

        class UserSerializer(ai_kit_auth.serializers.UserSerializer):
            second_factor = ProvenFactorField()

    It costs queries only in a session that has proven one.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: User) -> str | None:
        request = self.context.get("request")
        return None if request is None else proven_method(request, value)
