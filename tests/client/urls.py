"""The endpoints at the root: the paths of the types are those below ``baseUrl``."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("ai_kit_auth.urls"))]
