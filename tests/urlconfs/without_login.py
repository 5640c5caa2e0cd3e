"""The package's routes with ENABLE_ENDPOINTS = {"LOGIN": False}."""

from __future__ import annotations

from django.urls import include, path

from ai_kit_auth.urls import ROUTES

_enabled = [route for key, route in ROUTES.items() if key != "LOGIN"]
urlpatterns = [path("api/v1/auth/", include((_enabled, "ai_kit_auth")))]
