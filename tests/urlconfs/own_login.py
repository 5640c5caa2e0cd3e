"""The package, with a login view of the project above it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt


@login_not_required
@csrf_exempt
def log_in(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<h1>Log in</h1>", status=201)


urlpatterns = [
    path("api/v1/auth/login/", log_in),
    path("api/v1/auth/", include("ai_kit_auth.urls")),
]
