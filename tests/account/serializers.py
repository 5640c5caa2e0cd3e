"""Serializers that projects name in USER_UPDATE_SERIALIZER; some are mistakes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework import serializers

from ai_kit_auth.account.serializers import UserUpdateSerializer
from ai_kit_auth.user_model import user_model

from ..shop.models import Topic


class Everything(UserUpdateSerializer):
    """All that the model has, without a look at what that is."""

    class Meta:
        model = get_user_model()
        fields = "__all__"


class EverythingOfDRFs(serializers.ModelSerializer):  # type: ignore[type-arg]  # as hosts write it
    """The same, and not by way of the package's own."""

    class Meta:
        model = get_user_model()
        fields = "__all__"


class Disguised(UserUpdateSerializer):
    """The forbidden under harmless names."""

    nick = serializers.BooleanField(source="is_superuser")
    contact = serializers.CharField(source=get_user_model().get_email_field_name())
    motto = serializers.CharField(source="password")
    number = serializers.CharField(source="pk")


class Scattered(UserUpdateSerializer):
    """One field whose value is for several columns."""

    class Everywhere(serializers.Field):  # type: ignore[type-arg]  # as hosts write it
        def to_internal_value(self, data: object) -> object:
            return data

    everything = Everywhere(source="*")


class Plain(serializers.ModelSerializer):  # type: ignore[type-arg]  # as hosts write it
    """A serializer of a project's profile page: it saves by itself."""

    class Inside(serializers.Serializer):  # type: ignore[type-arg]  # as hosts write it
        def get_fields(self) -> dict[str, Any]:
            names = ("is_superuser", "password", user_model.email)
            return {name: serializers.JSONField(required=False) for name in names}

    everything = Inside(source="*", required=False)

    class Meta:
        model = get_user_model()
        fields = (get_user_model().USERNAME_FIELD, "everything")


class Shout(UserUpdateSerializer):
    """A field that is no column: the model's own property writes one."""

    shout = serializers.CharField()


class WithAge(UserUpdateSerializer):
    """The column of the user model ``extra_field``, and what belongs to a user."""

    topics = serializers.PrimaryKeyRelatedField(
        many=True, queryset=Topic._default_manager.all()
    )

    class Meta(UserUpdateSerializer.Meta):
        fields = (*UserUpdateSerializer.Meta.fields, "age")

    def validate_age(self, age: int) -> int:
        if age < 16:
            raise serializers.ValidationError("age_too_low")
        return age


class Topics(UserUpdateSerializer):
    topics = serializers.PrimaryKeyRelatedField(
        many=True, queryset=Topic._default_manager.all()
    )


class Names(UserUpdateSerializer):
    """The names of Django's own user model."""

    class Meta(UserUpdateSerializer.Meta):
        fields = (*UserUpdateSerializer.Meta.fields, "first_name", "last_name")
