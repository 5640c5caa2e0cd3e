"""Both take a phone number, too."""

from __future__ import annotations

from ai_kit_auth.account.serializers import UserUpdateSerializer
from ai_kit_auth.serializers import RegistrationSerializer

from .models import User


class Registration(RegistrationSerializer):
    class Meta:
        model = User
        fields = ("username", "email", "phone", "password")


class Update(UserUpdateSerializer):
    class Meta:
        model = User
        fields = ("username", "phone")
