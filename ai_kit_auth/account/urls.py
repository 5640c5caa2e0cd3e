"""The routes of the account page, by key of ENABLE_ENDPOINTS."""

from __future__ import annotations

from django.urls import URLPattern, path

from ..settings import EnableEndpoints
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


def routes(endpoints: EnableEndpoints) -> list[URLPattern]:
    """Return the routes that ``endpoints`` switches on, that of ``PATCH me/`` apart."""
    return [
        route
        for key, part in ROUTES.items()
        if getattr(endpoints, key)
        for route in part
    ]


def me(endpoints: EnableEndpoints) -> URLPattern:
    """Return the route of ``me/`` under UPDATE_ME: with ``GET`` only if ME is on."""
    methods = ["get", "head", "patch"] if endpoints.ME else ["patch"]
    view = views.UpdateMe.as_view(http_method_names=methods)
    route: URLPattern = path("me/", view, name="me")
    return route
