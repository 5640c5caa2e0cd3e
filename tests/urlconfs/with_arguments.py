"""The package below URL arguments of the project."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path

urlpatterns = [
    path("admin/", admin.site.urls),
    re_path(
        r"^(?P<version>v[12])/", include([path("a/", include("ai_kit_auth.urls"))])
    ),
]
