"""The endpoints of the floor in DRF, by hand: views, serializers and their URLs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from django.middleware.csrf import get_token
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from . import steps


class ByHand(APIView):
    """Takes what ``takes`` validates, from any client, with or without a session."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    takes: type[serializers.Serializer[Any]]

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, DjangoValidationError):
            exc = ValidationError(exc.messages)
        return super().handle_exception(exc)

    def given(self) -> dict[str, Any]:
        serializer = self.takes(data=self.request.data, context={"view": self})
        serializer.is_valid(raise_exception=True)
        given: dict[str, Any] = serializer.validated_data
        return given

    def answer(self, data: dict[str, Any], status: int = 200) -> Response:
        return Response(data, status=status, headers={"Cache-Control": "no-store"})

    def csrf(self) -> str:
        return get_token(self.request._request)


class OfSession(ByHand):
    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]

    def proven(self, data: dict[str, Any]) -> User:
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101  # the permission class saw to it
        if not user.check_password(data["password"]):
            raise ValidationError({"password": ["The password is wrong."]})
        return user


class Shown(serializers.Serializer[User]):
    id = serializers.IntegerField()
    email = serializers.CharField()
    username = serializers.CharField()


class Name(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)


class Login(serializers.Serializer[Any]):
    ident = serializers.CharField(max_length=300)
    password = serializers.CharField(max_length=300, trim_whitespace=False)


class Registration(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=300, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = User(username=attrs["username"], email=attrs["email"])
        validate_password(attrs["password"], user)
        return {**attrs, "user": user}


class Address(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=300)


class Link(serializers.Serializer[Any]):
    ident = serializers.CharField(max_length=300)
    token = serializers.CharField(max_length=300)


class NewPasswordByLink(Link):
    password = serializers.CharField(max_length=300, trim_whitespace=False)


class Password(serializers.Serializer[Any]):
    password = serializers.CharField(max_length=300, trim_whitespace=False)


class NewPassword(Password):
    new_password = serializers.CharField(max_length=300, trim_whitespace=False)


class NewAddress(Password):
    email = serializers.EmailField(max_length=254)


class MeView(ByHand):
    authentication_classes = [SessionAuthentication]
    takes = Name

    def get(self, request: Request) -> Response:
        user = request.user if request.user.is_authenticated else None
        shown = Shown(user).data if user else None
        return self.answer({"user": shown, "csrf": self.csrf()})

    def patch(self, request: Request) -> Response:
        if not request.user.is_authenticated:
            self.permission_denied(request)
        data, user = self.given(), request.user
        with transaction.atomic():
            user.username = User.normalize_username(data["username"])
            user.clean_fields(exclude=["password", "email", "last_login"])
            if steps.is_taken(user):
                raise ValidationError({"username": ["It is taken."]})
            user.save(update_fields=["username"])
        return self.answer({"user": Shown(user).data, "csrf": self.csrf()})


@method_decorator(csrf_protect, name="dispatch")
class LoginView(ByHand):
    takes = Login

    def post(self, request: Request) -> Response:
        data = self.given()
        user = steps.logs_in(request._request, data["ident"], data["password"])
        if user is None:
            raise ValidationError("The login failed.", code="invalid_credentials")
        login(request._request, user)
        return self.answer({"user": Shown(user).data, "csrf": self.csrf()})


class LogoutView(OfSession):
    def post(self, request: Request) -> Response:
        logout(request._request)
        return self.answer({"csrf": self.csrf()})


class RegisterView(ByHand):
    takes = Registration

    def post(self, request: Request) -> Response:
        data = self.given()
        user: User = data["user"]
        user.is_active = False
        user.set_password(data["password"])
        user.clean_fields(exclude=["last_login"])
        with transaction.atomic():
            if steps.is_taken(user):
                raise ValidationError({"email": ["It is taken."]})
            user.save(force_insert=True)
        steps.mail_activation(user)
        return self.answer({}, 201)


class ResendView(ByHand):
    takes = Address

    def post(self, request: Request) -> Response:
        user = steps.by_mail(self.given()["email"])
        if user is not None and not user.is_active:
            steps.mail_activation(user)
        return self.answer({})


class ActivateView(ByHand):
    takes = Link

    def post(self, request: Request) -> Response:
        data = self.given()
        user = steps.owner_of(data["ident"])
        if not steps.activation_tokens.check_token(user, data["token"]):
            raise ValidationError("The link is not valid.")
        user.is_active = True
        user.save(update_fields=["is_active"])
        return self.answer({})


class CheckPasswordView(ByHand):
    takes = Registration

    def post(self, request: Request) -> Response:
        self.given()
        return self.answer({})


class SendResetView(ByHand):
    takes = Address

    def post(self, request: Request) -> Response:
        data = self.given()
        user = steps.by_mail(data["email"])
        known = user is not None and user.is_active
        # An unknown address costs what a known one costs, up to the sending.
        steps.mail_reset(user or User(pk=0, email=data["email"]), send=known)
        return self.answer({})


class ResetView(ByHand):
    takes = NewPasswordByLink

    def post(self, request: Request) -> Response:
        data = self.given()
        user = steps.owner_of(data["ident"])
        if not steps.reset_tokens.check_token(user, data["token"]):
            raise ValidationError("The link is not valid.")
        validate_password(data["password"], user)
        user.set_password(data["password"])
        user.save(update_fields=["password"])
        return self.answer({})


class ChangePasswordView(OfSession):
    takes = NewPassword

    def post(self, request: Request) -> Response:
        data = self.given()
        user = self.proven(data)
        validate_password(data["new_password"], user)
        user.set_password(data["new_password"])
        user.save(update_fields=["password"])
        update_session_auth_hash(request._request, user)
        steps.mail_notice(user.email, "Your password was changed.")
        return self.answer({"csrf": self.csrf()})


class LogoutOthersView(OfSession):
    takes = Password

    def post(self, request: Request) -> Response:
        data = self.given()
        user = self.proven(data)
        user.set_password(data["password"])
        user.save(update_fields=["password"])
        update_session_auth_hash(request._request, user)
        return self.answer({"csrf": self.csrf()})


class ChangeEmailView(OfSession):
    takes = NewAddress

    def post(self, request: Request) -> Response:
        data = self.given()
        user = self.proven(data)
        if User.objects.filter(email__iexact=data["email"]).exists():
            raise ValidationError({"email": ["It is taken."]})
        steps.mail_email_change(user, data["email"])
        steps.mail_notice(user.email, "Your address is to be changed.")
        return self.answer({})


class ConfirmEmailView(ByHand):
    takes = Link

    def post(self, request: Request) -> Response:
        pk, old, new = steps.new_address(self.given()["token"])
        with transaction.atomic():
            user = User.objects.filter(pk=pk, email=old).first()
            if user is None:
                raise ValidationError("The link is not valid.")
            user.email = new
            if steps.is_taken(user):
                raise ValidationError({"email": ["It is taken."]})
            user.save(update_fields=["email"])
        steps.mail_notice(old, "Your address was changed.")
        return self.answer({})


class ConfirmPasswordView(OfSession):
    takes = Password

    def post(self, request: Request) -> Response:
        self.proven(self.given())
        steps.confirm(request._request)
        return self.answer({})


class DeleteView(OfSession):
    takes = Password

    def post(self, request: Request) -> Response:
        user = self.proven(self.given())
        user.delete()
        logout(request._request)
        steps.mail_notice(user.email, "Your account was deleted.")
        return self.answer({"csrf": self.csrf()})


urlpatterns = [
    path("me/", MeView.as_view()),
    path("login/", LoginView.as_view()),
    path("logout/", LogoutView.as_view()),
    path("register/", RegisterView.as_view()),
    path("resend_activation_email/", ResendView.as_view()),
    path("activate_email/", ActivateView.as_view()),
    path("validate_password/", CheckPasswordView.as_view()),
    path("send_pw_reset_email/", SendResetView.as_view()),
    path("reset_password/", ResetView.as_view()),
    path("change_password/", ChangePasswordView.as_view()),
    path("logout_others/", LogoutOthersView.as_view()),
    path("change_email/", ChangeEmailView.as_view()),
    path("confirm_email/", ConfirmEmailView.as_view()),
    path("confirm_password/", ConfirmPasswordView.as_view()),
    path("delete_account/", DeleteView.as_view()),
]
