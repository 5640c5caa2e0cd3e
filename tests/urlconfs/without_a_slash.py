"""The package at a prefix without a trailing slash."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth", include("ai_kit_auth.urls")),
]
