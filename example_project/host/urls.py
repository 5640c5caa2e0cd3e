"""Routes of the example's backend."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from ai_kit_auth.settings import api_settings

from . import outbox

frontend = api_settings.FRONTEND.URL
admin.site.site_url = frontend

# A session store that is down is answered in JSON also where middleware asks it first.
handler500 = "ai_kit_auth.views.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/auth/", include("ai_kit_auth.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    # Browsers ask for it at the admin's pages, which name no icon.
    path("favicon.ico", RedirectView.as_view(url=f"{frontend}/favicon.svg")),
    # SECURITY: the outbox shows the activation and reset links of all users.
    *([path("outbox/", outbox.outbox)] if settings.DEBUG else []),
]
