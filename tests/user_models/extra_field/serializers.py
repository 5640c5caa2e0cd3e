from __future__ import annotations

from rest_framework import serializers

from ai_kit_auth.serializers import RegistrationSerializer as Base


class RegistrationSerializer(Base):
    age = serializers.IntegerField(min_value=0, max_value=150)

    def validate_age(self, age: int) -> int:
        if age < 16:
            raise serializers.ValidationError("age_too_low")
        return age
