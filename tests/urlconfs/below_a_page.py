"""The package below a catch-all route, such as a frontend's."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import include, path, re_path


def page(request: HttpRequest) -> Any: ...


urlpatterns = [
    re_path("^", page),
    path("api/v1/auth/", include("ai_kit_auth.urls")),
]
