"""What the account page takes; each gives the account that the request is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from ..accounts import AccountState, state_of
from ..registration import identities
from ..serializers import (
    MAX_LENGTH,
    Discreet,
    InitiatePasswordResetSerializer,
    ModelSerializer,
    PasswordField,
    TextField,
    email_serializer_field,
    password_problems,
    proof_fields,
    username_serializer_field,
    without_unique_validator,
)
from ..user_model import User, UserModel, user_model
from . import services
from .errors import NoPassword, ReauthenticationRequired
from .permissions import is_recently_authenticated

__all__ = [
    "ChangeEmailSerializer",
    "ChangePasswordSerializer",
    "ConfirmEmailSerializer",
    "ConfirmPasswordSerializer",
    "LogoutOthersSerializer",
    "ReauthenticationSerializer",
    "ResendActivationMailSerializer",
    "UserUpdateSerializer",
    "restrict_update",
]


class ReauthenticationSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``password``, which a freshly authenticated session may leave out; gives ``user``.

    Raises ``required`` under ``password`` where there is one to be sent, and otherwise
    :exc:`~ai_kit_auth.account.errors.ReauthenticationRequired`.
    """

    password = PasswordField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {**attrs, "user": self.proven(attrs)}

    def proven(self, attrs: Mapping[str, Any]) -> User:
        request = self.context["request"]
        if "password" in attrs:
            return services.prove(request, attrs["password"])
        if is_recently_authenticated(request):
            return request.user
        if not request.user.has_usable_password():
            raise ReauthenticationRequired
        raise ValidationError({"password": [ErrorDetail("", "required")]})


class LogoutOthersSerializer(ReauthenticationSerializer):
    """
    ``password``, also in a re-authenticated session, since it is hashed again.

    An account without a usable password needs a re-authenticated session instead.
    """

    def proven(self, attrs: Mapping[str, Any]) -> User:
        request = self.context["request"]
        if "password" not in attrs and request.user.has_usable_password():
            raise ValidationError({"password": [ErrorDetail("", "required")]})
        return super().proven(attrs)


class ConfirmPasswordSerializer(ReauthenticationSerializer):
    """``password``, always: an older re-authentication does not count."""

    password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _insist_on_password(self.context["request"].user)
        return super().validate(attrs)


class ChangePasswordSerializer(ReauthenticationSerializer):
    """``password`` and the ``new_password``."""

    new_password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _insist_on_password(self.context["request"].user)
        # The proof comes first: the answers of the validators are about the account.
        attrs = super().validate(attrs)
        weak = password_problems(attrs["new_password"], attrs["user"])
        if weak:
            raise ValidationError({"new_password": weak})
        return attrs


def _insist_on_password(user: User) -> None:
    if not user.has_usable_password():
        raise NoPassword


class ChangeEmailSerializer(ReauthenticationSerializer):
    """``email``, the new e-mail address in any form, and ``password``."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"email": email_serializer_field(), **super().get_fields()}


class ConfirmEmailSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``ident`` and ``token`` of a link. The result has ``user`` and the new ``address``.

    With ACTIVATION_PROOF it also takes the account's ``password``.
    """

    ident = TextField(max_length=MAX_LENGTH)
    token = TextField(max_length=MAX_LENGTH)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), **proof_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user, address = services.find_by_email_change_link(
            attrs["ident"], attrs["token"]
        )
        return {**attrs, "user": user, "address": address}


class ResendActivationMailSerializer(InitiatePasswordResetSerializer):
    """``email`` or ``ident``, as for a reset mail, of an account that waits."""

    email = TextField(max_length=MAX_LENGTH, required=False)
    ident = TextField(max_length=MAX_LENGTH, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise ValidationError({"email": [ErrorDetail("", "required")]})
        return super().validate(attrs)

    def may_receive_mail(self, user: User) -> bool:
        return state_of(user) is AccountState.WAITING


class UserUpdateSerializer(ModelSerializer):
    """
    What ``PATCH me/`` changes: the username, if the model has one.

    A subclass of the project declares further fields, or lists them in ``Meta.fields``.
    It can never change the e-mail address, the password, flags and groups, even if it
    lists them.
    """

    class Meta:
        model = UserModel
        fields: Collection[str] = tuple(filter(None, (user_model.username,)))

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        name = user_model.username
        listed = self.listed()
        wanted = listed is None or name in listed
        own = (
            wanted and user_model.username_is_text and name not in self._declared_fields
        )
        if name is not None and own:
            fields[name] = username_serializer_field(required=True)
        return fields

    def update(self, instance: User, validated_data: Mapping[str, Any]) -> User:
        return services.update_user(instance, validated_data)


def restrict_update(serializer: Any) -> None:
    """
    Remove from ``serializer`` the fields that ``PATCH me/`` never changes.

    SECURITY: this also holds if the project's USER_UPDATE_SERIALIZER lists them.
    :func:`services.save_update` finds taken names, regardless of case and with a code
    for each, so this also removes the field's own validator.
    """
    for name, field in list(serializer.fields.items()):
        if not services.is_updatable(field.source):
            serializer.fields.pop(name)
        elif field.source in identities():
            without_unique_validator(field)
