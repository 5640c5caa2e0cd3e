"""A user model with one more required field, and a serializer that takes it."""

from __future__ import annotations

from .base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.user_models.extra_field"]
AUTH_USER_MODEL = "extra_field.User"
AI_KIT_AUTH = {
    **AI_KIT_AUTH,
    "REGISTRATION_SERIALIZER": (
        "tests.user_models.extra_field.serializers.RegistrationSerializer"
    ),
}
