"""
The floor: the endpoints as plain Django views, and the URLs of their project.

The middleware checks the CSRF token where a request acts for a session or begins one.
Each view is as short as one project needs it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from . import steps

View = Callable[[HttpRequest], HttpResponseBase]


def answer(data: dict[str, Any], status: int = 200) -> JsonResponse:
    return JsonResponse(data, status=status, headers={"Cache-Control": "no-store"})


def posted(view: Callable[[HttpRequest, dict[str, str]], JsonResponse]) -> View:
    """Make a view of ``view``, which takes a JSON object of strings."""

    @require_POST
    @wraps(view)
    def parse(request: HttpRequest) -> JsonResponse:
        return parsed(view, request)

    return parse


def parsed(
    view: Callable[[HttpRequest, dict[str, str]], JsonResponse], request: HttpRequest
) -> JsonResponse:
    try:
        data = json.loads(request.body)
        if not isinstance(data, dict) or not all(
            isinstance(value, str) for value in data.values()
        ):
            return answer({"error": "invalid"}, 400)
        return view(request, data)
    except ValidationError as error:
        return answer({"errors": error.messages}, 400)
    except (KeyError, ValueError):
        return answer({"error": "invalid"}, 400)


def session_user(request: HttpRequest) -> User:
    """Return the user who is logged in. Raises :exc:`PermissionDenied`."""
    user = request.user
    if isinstance(user, AnonymousUser):
        raise PermissionDenied
    return user


def proven(request: HttpRequest, data: dict[str, str]) -> User:
    """Return the user who is logged in and gave the password."""
    user = session_user(request)
    if not user.check_password(data["password"]):
        raise ValidationError("The password is wrong.", code="invalid_credentials")
    return user


@require_http_methods(["GET", "PATCH"])
def me(request: HttpRequest) -> JsonResponse:
    if request.method == "PATCH":
        return parsed(update_me, request)
    user = request.user
    found = steps.shown(user) if isinstance(user, User) else None
    return answer({"user": found, "csrf": get_token(request)})


def update_me(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = session_user(request)
    with transaction.atomic():
        user.username = User.normalize_username(data["username"])
        user.clean_fields(exclude=["password", "email", "last_login"])
        if steps.is_taken(user):
            raise ValidationError("It is taken.", code="unique")
        user.save(update_fields=["username"])
    return answer({"user": steps.shown(user), "csrf": get_token(request)})


@posted
def log_in(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = steps.logs_in(request, data["ident"], data["password"])
    if user is None:
        return answer({"error": "invalid_credentials"}, 400)
    login(request, user)
    return answer({"user": steps.shown(user), "csrf": get_token(request)})


@posted
def log_out(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    session_user(request)
    logout(request)
    return answer({"csrf": get_token(request)})


@csrf_exempt
@posted
def register(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = User(username=data["username"], email=data["email"], is_active=False)
    validate_email(user.email)
    validate_password(data["password"], user)
    user.set_password(data["password"])
    user.clean_fields(exclude=["last_login"])
    with transaction.atomic():
        if steps.is_taken(user):
            raise ValidationError("It is taken.", code="unique")
        user.save(force_insert=True)
    steps.mail_activation(user)
    return answer({}, 201)


@csrf_exempt
@posted
def resend_activation(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = steps.by_mail(data["email"])
    if user is not None and not user.is_active:
        steps.mail_activation(user)
    return answer({})


@csrf_exempt
@posted
def activate(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = steps.owner_of(data["ident"])
    if not steps.activation_tokens.check_token(user, data["token"]):
        raise ValidationError("The link is not valid.", code="link_invalid")
    user.is_active = True
    user.save(update_fields=["is_active"])
    return answer({})


@csrf_exempt
@posted
def check_password(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = User(username=data.get("username", ""), email=data["email"])
    validate_password(data["password"], user)
    return answer({})


@csrf_exempt
@posted
def send_reset(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = steps.by_mail(data["email"])
    known = user is not None and user.is_active
    # An unknown address costs what a known one costs, up to the sending.
    steps.mail_reset(user or User(pk=0, email=data["email"]), send=known)
    return answer({})


@csrf_exempt
@posted
def reset(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = steps.owner_of(data["ident"])
    if not steps.reset_tokens.check_token(user, data["token"]):
        raise ValidationError("The link is not valid.", code="link_invalid")
    validate_password(data["password"], user)
    user.set_password(data["password"])
    user.save(update_fields=["password"])
    return answer({})


@posted
def change_password(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = proven(request, data)
    validate_password(data["new_password"], user)
    user.set_password(data["new_password"])
    user.save(update_fields=["password"])
    update_session_auth_hash(request, user)
    steps.mail_notice(user.email, "Your password was changed.")
    return answer({"csrf": get_token(request)})


@posted
def logout_others(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = proven(request, data)
    user.set_password(data["password"])
    user.save(update_fields=["password"])
    update_session_auth_hash(request, user)
    return answer({"csrf": get_token(request)})


@posted
def change_email(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = proven(request, data)
    validate_email(data["email"])
    if User.objects.filter(email__iexact=data["email"]).exists():
        raise ValidationError("It is taken.", code="unique")
    steps.mail_email_change(user, data["email"])
    steps.mail_notice(user.email, "Your address is to be changed.")
    return answer({})


@csrf_exempt
@posted
def confirm_email(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    pk, old, new = steps.new_address(data["token"])
    with transaction.atomic():
        user = User.objects.filter(pk=pk, email=old).first()
        if user is None:
            raise ValidationError("The link is not valid.", code="link_invalid")
        user.email = new
        if steps.is_taken(user):
            raise ValidationError("It is taken.", code="unique")
        user.save(update_fields=["email"])
    steps.mail_notice(old, "Your address was changed.")
    return answer({})


@posted
def confirm_password(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    proven(request, data)
    steps.confirm(request)
    return answer({})


@posted
def delete_account(request: HttpRequest, data: dict[str, str]) -> JsonResponse:
    user = proven(request, data)
    user.delete()
    logout(request)
    steps.mail_notice(user.email, "Your account was deleted.")
    return answer({"csrf": get_token(request)})


urlpatterns = [
    path("me/", me),
    path("login/", log_in),
    path("logout/", log_out),
    path("register/", register),
    path("resend_activation_email/", resend_activation),
    path("activate_email/", activate),
    path("validate_password/", check_password),
    path("send_pw_reset_email/", send_reset),
    path("reset_password/", reset),
    path("change_password/", change_password),
    path("logout_others/", logout_others),
    path("change_email/", change_email),
    path("confirm_email/", confirm_email),
    path("confirm_password/", confirm_password),
    path("delete_account/", delete_account),
]
