"""
The route table, built when the URLconf loads.

A disabled endpoint has no URL. Under a broken ``AI_KIT_AUTH`` every URL below the
prefix raises the configuration error when it is asked for, so that ``manage.py check``
can load the URLconf and say what is wrong.
"""

from __future__ import annotations

from typing import NoReturn

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import URLPattern, include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from . import views
from .capability import served
from .settings import api_settings

ROUTES: dict[str, URLPattern] = {
    "LOGIN": path("login/", views.LoginView.as_view(), name="login"),
    "LOGOUT": path("logout/", views.LogoutView.as_view(), name="logout"),
    "ME": path("me/", views.MeView.as_view(), name="me"),
    "REGISTER": path("register/", views.RegistrationView.as_view(), name="register"),
    "SEND_PW_RESET_MAIL": path(
        "send_pw_reset_email/",
        views.InitiatePasswordResetView.as_view(),
        name="send_pw_reset_email",
    ),
    "RESET_PASSWORD": path(
        "reset_password/", views.ResetPassword.as_view(), name="pw_reset"
    ),
    "VALIDATE_PASSWORD": path(
        "validate_password/",
        views.ValidatePassword.as_view(),
        name="validate_password",
    ),
    "ACTIVATE_EMAIL": path(
        "activate_email/", views.ActivateUser.as_view(), name="activate"
    ),
    "LINK_STATUS": path(
        "link_status/", views.LinkStatusView.as_view(), name="link_status"
    ),
}


# Exempt from whatever would answer in its place, and hide the error.
@csrf_exempt
@login_not_required
def _refuse(
    request: HttpRequest, *args: object, error: ImproperlyConfigured, **kwargs: object
) -> NoReturn:
    raise error


# Names of version 2.0.0, which projects import: the endpoints that it had, by key,
# and those that are served. A project that routes all of the former gets no other one.
endpoints = {key: route for key, route in ROUTES.items() if key != "LINK_STATUS"}
auth_patterns: list[URLPattern]

try:
    auth_patterns = served(api_settings.ENABLE_ENDPOINTS)
except ImproperlyConfigured as error:
    auth_patterns = [re_path("", _refuse, {"error": error})]

# The namespace is in here, so that the module also serves as ``ROOT_URLCONF``.
urlpatterns = [path("", include((auth_patterns, "ai_kit_auth")))]
