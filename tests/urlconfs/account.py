"""The URLs of a project with every endpoint on."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from ai_kit_auth.capability import served
from ai_kit_auth.settings import APISettings, keys_below

ALL_ON = dict.fromkeys(keys_below("ENABLE_ENDPOINTS"), True)

ROUTES = served(APISettings({"ENABLE_ENDPOINTS": ALL_ON}).ENABLE_ENDPOINTS)

urlpatterns = [
    path("api/v1/auth/", include((ROUTES, "ai_kit_auth"))),
    path("admin/", admin.site.urls),
]
