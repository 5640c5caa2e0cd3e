"""The package and the admin below the name and the key of a tenant."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("t/<slug:tenant>/auth/", include("ai_kit_auth.urls"), {"extra": 1}),
]
