"""A login of the project's, whose body has a field ``params``."""

from __future__ import annotations

from django.urls import include, path
from rest_framework import serializers

from ai_kit_auth.serializers import LoginSerializer
from ai_kit_auth.views import LoginView


class WithParams(LoginSerializer):
    params = serializers.JSONField(required=False)


class OwnLogin(LoginView):
    serializer_class = WithParams


urlpatterns = [
    path("api/v1/auth/login/", OwnLogin.as_view()),
    path("api/v1/auth/", include("ai_kit_auth.urls")),
]
