"""Serializers that subclass ours, as this project has them."""

from __future__ import annotations

from typing import Any

from ai_kit_auth import serializers


class OwnUserSerializer(serializers.UserSerializer):
    class Meta(serializers.UserSerializer.Meta):
        fields = ("id", "username", "email", "first_name")


class OwnRegistrationSerializer(serializers.RegistrationSerializer):
    class Meta(serializers.RegistrationSerializer.Meta):
        fields = ("username", "email", "password", "first_name")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        attrs["last_name"] = "of Example"
        return attrs
