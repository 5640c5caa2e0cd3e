"""The usual URLs, as a project has them that serves fewer endpoints."""

from __future__ import annotations

from django.urls import include, path

from ai_kit_auth.urls import auth_patterns

LEFT_OUT = ("passkey_login", "factors_passkey")
kept = [each for each in auth_patterns if not str(each.name).startswith(LEFT_OUT)]
urlpatterns = [path("api/v1/auth/", include((kept, "ai_kit_auth")))]
