"""The routes of the account page, by key of ENABLE_ENDPOINTS."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from ..capability import Routes
from . import views

ROUTES: dict[str, tuple[URLPattern, ...]] = {
    "RESEND_ACTIVATION_MAIL": (
        path(
            "resend_activation_email/",
            views.ResendActivationMail.as_view(),
            name="resend_activation_email",
        ),
    ),
    "CHANGE_PASSWORD": (
        path(
            "change_password/", views.ChangePassword.as_view(), name="change_password"
        ),
    ),
    "LOGOUT_OTHERS": (
        path("logout_others/", views.LogoutOthers.as_view(), name="logout_others"),
    ),
    "CHANGE_EMAIL": (
        path("change_email/", views.ChangeEmail.as_view(), name="change_email"),
        path("confirm_email/", views.ConfirmEmail.as_view(), name="confirm_email"),
    ),
    "DELETE_ACCOUNT": (
        path("delete_account/", views.DeleteAccount.as_view(), name="delete_account"),
    ),
    "CONFIRM_PASSWORD": (
        path(
            "confirm_password/",
            views.ConfirmPassword.as_view(),
            name="confirm_password",
        ),
    ),
}


def routes(endpoints: Any) -> Routes:
    """
    Return the routes by key of ENABLE_ENDPOINTS.

    That of UPDATE_ME takes the place of ``me/``, with ``GET`` only if ME is on.
    """
    methods = ["get", "head", "patch"] if endpoints.ME else ["patch"]
    view = views.UpdateMe.as_view(http_method_names=methods)
    return {**ROUTES, "UPDATE_ME": path("me/", view, name="me")}
