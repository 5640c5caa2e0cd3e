"""What this project asks for at registration and on its account page."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from ai_kit_auth.account.serializers import UserUpdateSerializer
from ai_kit_auth.serializers import PasswordField, RegistrationSerializer

from .models import Badge, Interest, Profile, User


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


class BadgeSerializer(serializers.ModelSerializer[Badge]):
    class Meta:
        model = Badge
        fields = ("colour", "shape")


class FullUpdate(UserUpdateSerializer):
    motto = serializers.CharField(source="profile.motto", max_length=50)
    likes = serializers.PrimaryKeyRelatedField(
        source="profile.likes", many=True, queryset=Interest._default_manager.all()
    )
    badge = BadgeSerializer()
    room = serializers.CharField(source="desk.room")
    theme = serializers.CharField(source="preferences.theme")
    hue = serializers.JSONField(source="preferences.colours.hue")

    class Meta(UserUpdateSerializer.Meta):
        own = ("interests", "first_name", "company")
        fields = (*UserUpdateSerializer.Meta.fields, *own)


class PlainUpdate(serializers.ModelSerializer[User]):
    """The same for what DRF's own serializer takes, which would refuse to save it."""

    motto = serializers.CharField(source="profile.motto")
    room = serializers.CharField(source="desk.room")
    badge = BadgeSerializer()

    class Meta:
        model = User
        fields = ("first_name", "interests", "motto", "room", "badge")


class InterestSerializer(serializers.ModelSerializer[Interest]):
    class Meta:
        model = Interest
        fields = ("name",)


class BareProfile(serializers.ModelSerializer[Profile]):
    """With what a client must never choose."""

    id = serializers.IntegerField()
    user = serializers.PrimaryKeyRelatedField(queryset=User._default_manager.all())

    class Meta:
        model = Profile
        fields = ("id", "user", "motto")


class UnwiseUpdate(UserUpdateSerializer):
    """Everything that would change what is not this account's alone."""

    employer = serializers.CharField(source="company.name")
    deskmates = serializers.CharField(source="desk.company.name")
    power = serializers.BooleanField(source="profile.user.is_superuser")
    interests = InterestSerializer(many=True)
    first = serializers.CharField(source="interests.name")
    initials = serializers.CharField()
    full = serializers.CharField(source="get_full_name")
    badge = serializers.PrimaryKeyRelatedField(queryset=Badge._default_manager.all())
    invitation = serializers.CharField()


class UnwiseProfile(UserUpdateSerializer):
    profile = BareProfile()


class NumberedRegistration(RegistrationSerializer):
    number = serializers.IntegerField(source="badge.number")


class NumberedBadge(serializers.ModelSerializer[Badge]):
    class Meta:
        model = Badge
        fields = ("serial", "number")
        # DRF's own would refuse the number that the account has already.
        extra_kwargs: dict[str, Any] = {
            "serial": {"validators": []},
            "number": {"validators": []},
        }


class NestedNumberedUpdate(UserUpdateSerializer):
    badge = NumberedBadge()


class NumberedUpdate(UserUpdateSerializer):
    number = serializers.IntegerField(source="badge.number")
    room = serializers.CharField(source="desk.room", required=False)


class UnwiseRegistration(RegistrationSerializer):
    interests = InterestSerializer(many=True)
    initials = serializers.CharField()
    badge = serializers.PrimaryKeyRelatedField(queryset=Badge._default_manager.all())


class TeamRegistration(RegistrationSerializer):
    team = serializers.CharField(source="badge.team.name")
