"""A project without an admin."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("api/v1/auth/", include("ai_kit_auth.urls"))]
