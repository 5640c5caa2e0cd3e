from __future__ import annotations

from django.urls import include, path

from . import views

urlpatterns = [
    path("api/v1/auth/", include("ai_kit_auth.urls")),
    path("suite/accounts/", views.accounts),
    path("suite/hashes/", views.hashes),
    path("suite/tasks/", views.tasks),
]
