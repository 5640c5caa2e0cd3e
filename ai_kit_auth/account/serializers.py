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
    ``password``, in a fresh session as well: it is hashed anew.

    An account without a usable password needs a fresh session instead.
    """

    def proven(self, attrs: Mapping[str, Any]) -> User:
        request = self.context["request"]
        if "password" not in attrs and request.user.has_usable_password():
            raise ValidationError({"password": [ErrorDetail("", "required")]})
        return super().proven(attrs)


class ConfirmPasswordSerializer(ReauthenticationSerializer):
    """``password``, always: what it proves may not rest on an older proof."""

    password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _insist_on_password(self.context["request"].user)
        return super().validate(attrs)


class ChangePasswordSerializer(ReauthenticationSerializer):
    """``password`` and the ``new_password``."""

    new_password = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _insist_on_password(self.context["request"].user)
        # The proof first: what the validators say is about the account.
        attrs = super().validate(attrs)
        weak = password_problems(attrs["new_password"], attrs["user"])
        if weak:
            raise ValidationError({"new_password": weak})
        return attrs


def _insist_on_password(user: User) -> None:
    if not user.has_usable_password():
        raise NoPassword


class ChangeEmailSerializer(ReauthenticationSerializer):
    """``email``, the new address, in whatever form; and ``password``."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"email": email_serializer_field(), **super().get_fields()}


class ConfirmEmailSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``ident`` and ``token`` of a link; gives ``user`` and the new ``address``.

    Under ACTIVATION_PROOF it takes the account's ``password`` as well.
    """

    ident = serializers.CharField(max_length=MAX_LENGTH)
    token = serializers.CharField(max_length=MAX_LENGTH)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), **proof_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user, address = services.find_by_email_change_link(
            attrs["ident"], attrs["token"]
        )
        return {**attrs, "user": user, "address": address}


class ResendActivationMailSerializer(InitiatePasswordResetSerializer):
    """``email`` or ``ident``, as for a reset mail, of who waits for an activation."""

    email = serializers.CharField(max_length=MAX_LENGTH, required=False)
    ident = serializers.CharField(max_length=MAX_LENGTH, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise ValidationError({"email": [ErrorDetail("", "required")]})
        return super().validate(attrs)

    def may_receive_mail(self, user: User) -> bool:
        return state_of(user) is AccountState.WAITING


class UserUpdateSerializer(ModelSerializer):
    """
    What ``PATCH me/`` changes: the username, where the model has one.

    A host's subclass declares further fields, or lists them in ``Meta.fields``. The
    address, the password, flags and groups are never changed here, whatever it lists.
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
    Take out of ``serializer`` what ``PATCH me/`` never changes.

    SECURITY: whatever a host's USER_UPDATE_SERIALIZER lists. Who has a name already is
    answered by :func:`services.save_update`, in any case and with a code that says
    which, so the field's own validator goes too.
    """
    for name, field in list(serializer.fields.items()):
        if not services.is_updatable(field.source):
            serializer.fields.pop(name)
        elif field.source in identities():
            without_unique_validator(field)
