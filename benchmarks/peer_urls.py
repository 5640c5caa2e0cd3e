"""The URLs of the peers' projects, as their documentation says to include them."""

from __future__ import annotations

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import TemplateView

urlpatterns: list[URLPattern | URLResolver] = []

if apps.is_installed("djoser"):
    urlpatterns = [
        path("", include("djoser.urls")),
        path("", include("djoser.urls.authtoken")),
    ]
elif apps.is_installed("dj_rest_auth"):
    urlpatterns = [
        path("", include("dj_rest_auth.urls")),
        path("registration/", include("dj_rest_auth.registration.urls")),
        # The mail of a reset has its URL.
        path(
            "reset/<uidb64>/<token>/",
            TemplateView.as_view(),
            name="password_reset_confirm",
        ),
    ]
elif apps.is_installed("rest_registration"):
    urlpatterns = [path("", include("rest_registration.api.urls"))]
elif apps.is_installed("allauth.headless"):
    urlpatterns = [path("_allauth/", include("allauth.headless.urls"))]
