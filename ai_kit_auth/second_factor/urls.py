"""The routes of second factors, by key of ENABLE_ENDPOINTS."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from ..capability import Routes
from . import views

ROUTES: dict[str, tuple[URLPattern, ...]] = {
    "SECOND_FACTOR": (
        path("second_factor/", views.SecondFactor.as_view(), name="second_factor"),
    ),
    "FACTORS": (
        path("factors/", views.Factors.as_view(), name="factors"),
        path("factors/totp/", views.TOTP.as_view(), name="factors_totp"),
        path(
            "factors/totp/confirm/",
            views.ConfirmTOTP.as_view(),
            name="factors_totp_confirm",
        ),
        path(
            "factors/recovery_codes/",
            views.RecoveryCodes.as_view(),
            name="factors_recovery_codes",
        ),
    ),
}
# In the place of the account page's: it takes a factor as well.
CONFIRM_PASSWORD = path(
    "confirm_password/", views.ConfirmPassword.as_view(), name="confirm_password"
)


def routes(endpoints: Any) -> Routes:
    """Return the routes by key of ENABLE_ENDPOINTS."""
    if not (endpoints.SECOND_FACTOR or endpoints.FACTORS):
        return ROUTES
    return {**ROUTES, "CONFIRM_PASSWORD": (CONFIRM_PASSWORD,)}
