"""The package's URLs in a namespace of the project's choice."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from ai_kit_auth import urls

urlpatterns = [
    path("api/v1/auth/", include((urls.auth_patterns, "accounts"))),
    path("admin/", admin.site.urls),
]
