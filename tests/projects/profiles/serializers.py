"""What this project asks for at registration."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from ai_kit_auth.serializers import PasswordField, RegistrationSerializer


class FullRegistration(RegistrationSerializer):
    password2 = PasswordField()
    motto = serializers.CharField(source="profile.motto", required=False)
    colour = serializers.CharField(source="badge.colour", required=False)
    employer = serializers.CharField(source="company.name", required=False)
    town = serializers.CharField(source="company.city.name", required=False)
    preferences = serializers.JSONField(required=False)

    class Meta(RegistrationSerializer.Meta):
        fields = (*RegistrationSerializer.Meta.fields, "interests")
        extra_kwargs = {"interests": {"required": False}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["password2"] != attrs["password"]:
            raise ValidationError({"password2": ["passwords_not_identical"]})
        return super().validate(attrs)
