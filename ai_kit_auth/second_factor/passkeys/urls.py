"""The routes of passkeys, by key of ENABLE_ENDPOINTS."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from ...capability import Routes
from . import views
from .credentials import is_installed

# Also for ``confirm_password/``, which takes a factor where either key is on.
OPTIONS = path(
    "second_factor/passkey_options/",
    views.SecondFactorOptions.as_view(),
    name="second_factor_options",
)
_ROUTES: dict[str, tuple[URLPattern, ...]] = {
    "PASSKEY_LOGIN": (
        path(
            "passkey_login/options/",
            views.PasskeyLoginOptions.as_view(),
            name="passkey_login_options",
        ),
        path("passkey_login/", views.PasskeyLogin.as_view(), name="passkey_login"),
    ),
    "SECOND_FACTOR": (OPTIONS,),
    "FACTORS": (
        OPTIONS,
        path(
            "factors/passkeys/options/",
            views.PasskeyOptions.as_view(),
            name="factors_passkey_options",
        ),
        path("factors/passkeys/", views.Passkeys.as_view(), name="factors_passkeys"),
        path(
            "factors/passkeys/<str:pk>/",
            views.Passkey.as_view(),
            name="factors_passkey",
        ),
    ),
}
# In the place of the core's.
_SIGN_UP: dict[str, tuple[URLPattern, ...]] = {
    "REGISTER": (path("register/", views.Registration.as_view(), name="register"),),
    "ACTIVATE_EMAIL": (
        path("activate_email/", views.ActivateUser.as_view(), name="activate"),
    ),
    "PASSKEY_SIGN_UP": (
        path(
            "activate_email/passkey_options/",
            views.SignUpOptions.as_view(),
            name="activate_passkey_options",
        ),
    ),
}


def routes(endpoints: Any) -> Routes:
    """
    Return the routes by key of ENABLE_ENDPOINTS.

    None without the tables: a project may have authenticator apps alone.
    """
    if not is_installed():
        return {}
    return {**_ROUTES, **_SIGN_UP} if endpoints.PASSKEY_SIGN_UP else _ROUTES
