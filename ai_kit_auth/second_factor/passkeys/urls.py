"""The routes of passkeys, by key of ENABLE_ENDPOINTS."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import views

ROUTES: dict[str, tuple[URLPattern, ...]] = {
    "PASSKEY_LOGIN": (
        path(
            "passkey_login/options/",
            views.PasskeyLoginOptions.as_view(),
            name="passkey_login_options",
        ),
        path("passkey_login/", views.PasskeyLogin.as_view(), name="passkey_login"),
    ),
}
