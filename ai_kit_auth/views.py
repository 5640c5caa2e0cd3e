"""
The endpoints of the core, each as the story of its flow.

A project subclasses a view and routes it itself, or connects to the signals.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from inspect import unwrap
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, login, logout
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import rotate_token
from django.urls import Resolver404, resolve
from django.views import defaults
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from . import activation_proof, security_log, services
from .account_changes import activate, reset_password, tell_of_ended_sessions
from .accounts import AccountTransaction, all_rows, email_of, proven_by
from .capability import link_purposes, login_steps
from .endpoints import (
    NO_STORE,
    AuthView,
    CSRFEnforcement,
    MailRequestView,
    SessionAuthentication,
)
from .errors import ServiceUnavailable, body_of
from .known_devices import device_of, keep_device, remember_device
from .outages import is_outage
from .registration import AddressTaken, identity_transaction
from .serializers import (
    ActivateUserSerializer,
    LinkStatusSerializer,
    LoginSerializer,
    PasswordResetSerializer,
    ValidatePasswordSerializer,
    created_by,
)
from .settings import api_settings
from .signals import (
    user_post_activated,
    user_post_forgot_password,
    user_post_login,
    user_post_logout,
    user_post_registered,
    user_post_reset_password,
    user_pre_activated,
    user_pre_forgot_password,
    user_pre_login,
    user_pre_logout,
    user_pre_registered,
    user_pre_reset_password,
)
from .throttling import (
    LinkThrottle,
    Mail,
    RegisterThrottle,
    ValidatePasswordThrottle,
    gate,
    may_mail,
)
from .user_model import User, UserModel, user_model
from .users import account_key, find_by_address

__all__ = [
    "ActivateUser",
    "AuthView",
    "InitiatePasswordResetView",
    "LinkStatusView",
    "LoginView",
    "LogoutView",
    "MailRequestView",
    "MeView",
    "RegistrationView",
    "ResetPassword",
    "SessionBeginning",
    "UserModel",
    "ValidatePassword",
    "server_error",
]


class SessionBeginning(AuthView):
    """An endpoint that logs a user in: it needs the CSRF token, and no user."""

    authentication_classes = [CSRFEnforcement]

    def begin_session(
        self, user: User, remember: bool | None = None, *, proof: str = "password"
    ) -> Response:
        """
        Log ``user`` in, and return the answer ``{"user": {...}, "csrf": "..."}``.

        The receivers of ``user_pre_login`` may refuse, and then there is no session.
        ``remember``: False ends the session with the browser, True keeps it for
        ``SESSION_COOKIE_AGE``, None leaves that to the project's settings. ``proof``:
        what has proven the user, for ``ai_kit_auth.accounts.login_proof``.
        """
        request = self.request
        try:
            with AccountTransaction():
                user_pre_login.send(sender=self.__class__, user=user)
                if SESSION_KEY in request.session:
                    # The ``remember`` of an earlier login is not that of this one.
                    request.session.set_expiry(None)
                    # SECURITY: Django keeps the key at a second login of the same user.
                    request.session.cycle_key()
                with proven_by(request._request, proof):
                    login(request._request, user)
                if remember is not None:
                    request.session.set_expiry(
                        settings.SESSION_COOKIE_AGE if remember else 0
                    )
                user_post_login.send(sender=self.__class__, user=user)
        except Exception as error:
            if request._request.user == user:
                request.session.flush()
            # The account was deleted since it was proven: Django finds no row to write
            # ``last_login`` to.
            gone = isinstance(error, DatabaseError) and not (
                all_rows().filter(pk=user.pk).exists()
            )
            if gone:
                raise ValidationError("", code="invalid_credentials") from error
            raise
        csrf = self.csrf()
        # Before the log has it.
        self.save_session()
        security_log.log("login_succeeded", request, user=user)
        response = Response({"user": self.user_data(user), "csrf": csrf})
        remember_device(response, request, user)
        return response


class LoginView(SessionBeginning):
    """
    ``POST login/`` ``{"ident", "password"}`` → 200 ``{"user": {...}, "csrf": "..."}``.

    ``remember``, an optional boolean: False ends the session with the browser, True
    keeps it for ``SESSION_COOKIE_AGE``; without it the project's settings decide. 400
    ``invalid_credentials`` under ``non_field_errors``; 403 ``csrf_failed``.
    """

    serializer_class: type[Any] | None = LoginSerializer
    needs = ("user",)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Outside of the transaction: what receivers write about a failure must stay.
        data = self.given()
        user, remember = data["user"], data.get("remember")
        for step in login_steps():
            step(self, user, remember)
        return self.begin_session(user, remember)


class LogoutView(AuthView):
    """
    ``POST logout/`` ``{}`` → 200 ``{"csrf": "..."}``.

    403 ``not_authenticated`` or ``csrf_failed``.
    """

    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = request.user
        session_key = request.session.session_key
        try:
            with AccountTransaction():
                user_pre_logout.send(sender=self.__class__, user=user)
                logout(request._request)
                user_post_logout.send(sender=self.__class__, user=user)
        except Exception:
            # SECURITY: the browser has lost the session's key by now, so the session
            # must not come back with the transaction.
            if session_key and request.session.session_key != session_key:
                request.session.delete(session_key)
            raise
        security_log.log("logged_out", request, user=user)
        rotate_token(request._request)
        return Response({"csrf": self.csrf()})


class MeView(AuthView):
    """
    ``GET me/`` → 200 ``{"user": {...} or null, "csrf": "..."}``.

    ``serializer_class`` of a subclass shows the user; USER_SERIALIZER otherwise.
    """

    authentication_classes = [SessionAuthentication]
    begins_sessions = True

    def get_serializer_class(self) -> type[Any]:
        return self.serializer_class or api_settings.USER_SERIALIZER

    def get_user_serializer_class(self) -> type[Any]:
        return self.get_serializer_class()

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # DRF's UNAUTHENTICATED_USER may make an anonymous user None.
        user = request.user if IsAuthenticated().has_permission(request, self) else None
        csrf = self.csrf()
        return Response({"user": user and self.user_data(user), "csrf": csrf})


class RegistrationView(AuthView):
    """
    ``POST register/`` ``{"email", "password"[, "username"]}`` → 201 ``{}``.

    400 with ``<field>_unique``, the validators' codes under ``password``, or a field's
    codes; 503 ``mail_not_sent``, after which the same data may be sent again.
    """

    throttles = [RegisterThrottle]
    serializer_setting = "REGISTRATION_SERIALIZER"

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not isinstance(request.data, Mapping):
            self.validated()
        # SECURITY: a client that must not learn that the e-mail address is taken gets
        # its answer first.
        answer_first = api_settings.PREVENT_ENUMERATION
        made = taken = None
        try:
            # The mail follows the commit, and takes the account back where it fails: an
            # account whose link got lost would block its e-mail address.
            with identity_transaction(mails=not answer_first) as current:
                user_pre_registered.send(sender=self.__class__, user_data=request.data)
                serializer = self.validated()
                if getattr(serializer, "address_is_taken", False):
                    taken = serializer.validated_data
                else:
                    made = created_by(serializer)
                    user_post_registered.send(sender=self.__class__, user=made)
        except AddressTaken as refused:
            taken = refused.values
        # A serializer of a project's own may make another object.
        user = made if isinstance(made, UserModel) else None
        if taken is not None:
            self.answer_for_taken(taken)
        else:
            security_log.log("registered", request, user=user)
            # The account, also where create() returns something else.
            account = next(iter(current.to_mail), user)
            if answer_first and account is not None:
                mails = account in current.to_mail
                self.after_answer(
                    f"The activation mail of user {account.pk}",
                    partial(self.hand_over, account, mails),
                )
        response = Response({}, status=status.HTTP_201_CREATED)
        if api_settings.ACTIVATION_PROOF:
            activation_proof.set_proof(response, request, user)
        return response

    def answer_for_taken(self, data: Mapping[str, Any]) -> None:
        """Do what a registration costs, and tell the owner of the address instead."""
        with gate:
            UserModel().set_password(data.get("password"))
        self.after_answer(
            "The mail about a taken address",
            partial(self.tell_owner, data[user_model.email]),
        )

    def tell_owner(self, address: str) -> None:
        """Mail the owner that the address has an account, if the rates allow it."""
        owner = find_by_address(address)
        mailbox = services.mailbox_key(owner, address, as_address=True)
        mail = may_mail(self.request, mailbox, kind="taken")
        if mail is not None and not services.tell_owner(owner):
            mail.not_sent()

    def hand_over(self, user: User, mails: bool) -> None:
        """Send the activation mail; take the account back where that fails."""
        # SECURITY: counted as the mail to an owner is, or the rest of the rate would
        # tell a stranger which of the two went out.
        mailbox = account_key(None, email_of(user), as_address=True)
        mail = may_mail(self.request, mailbox, kind="activation") or Mail()
        # The project's own transaction around the request may have been rolled back.
        if not mails or not all_rows().filter(pk=user.pk).exists():
            return
        try:
            services.mail_or_withdraw(user)
        except BaseException:
            mail.not_sent()
            raise


class ActivateUser(AuthView):
    """
    ``POST activate_email/`` ``{"ident", "token"}`` → 200 ``{}``.

    400 ``{"error": "activation_link_invalid"}``; under ACTIVATION_PROOF also
    ``activation_proof_required``, after which the same with the ``password`` is good.
    """

    throttles = [LinkThrottle]
    serializer_class: type[Any] | None = ActivateUserSerializer
    needs = ("user",)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user, token = data["user"], data.get("token", "")
        if api_settings.ACTIVATION_PROOF:
            password = data.get("password")
            activation_proof.insist_on_registrant(request, user, token, password)
        with AccountTransaction():
            user_pre_activated.send(sender=self.__class__, user=user)
            activate(user, token)
            user_post_activated.send(sender=self.__class__, user=user)
        security_log.log("activated", request, user=user)
        return Response({})


class InitiatePasswordResetView(MailRequestView):
    """
    ``POST send_pw_reset_email/`` ``{"email"}`` or ``{"ident"}`` → 200 ``{}``.

    The answer is the same, after the same work, whether or not the account exists.
    """

    mail = "reset"
    template = "RESET_PASSWORD"
    event = "reset_requested"
    pre_signal = user_pre_forgot_password
    post_signal = user_post_forgot_password

    def send_mail(self, user: User) -> None:
        services.send_reset_pw_mail(user)


class ResetPassword(AuthView):
    """
    ``POST reset_password/`` ``{"ident", "token", "password"}`` → 200 ``{}``.

    400 ``{"error": "reset_password_link_invalid"}``, or the validators' codes under
    ``password``. Also activates an account that waits for its activation.
    """

    throttles = [LinkThrottle]
    serializer_class: type[Any] | None = PasswordResetSerializer
    needs = ("user", "password")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user = data["user"]
        device = device_of(request, user)
        with AccountTransaction():
            user_pre_reset_password.send(sender=self.__class__, user=user)
            reset_password(user, data["password"])
            tell_of_ended_sessions(user, "password")
            user_post_reset_password.send(sender=self.__class__, user=user)
        security_log.log("password_reset", request, user=user)
        response = Response({})
        # The owner logs in next, and an attack on the new password may have begun.
        keep_device(response, request, user, device)
        return response


class ValidatePassword(AuthView):
    """
    ``POST validate_password/`` → 200 ``{}``; changes nothing.

    Takes ``{"password", "ident"}``, or ``{"password", "email"[, "username"]}``. 400
    with the validators' codes under ``password``.
    """

    throttles = [ValidatePasswordThrottle]
    serializer_class: type[Any] | None = ValidatePasswordSerializer

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.validated()
        return Response({})


class LinkStatusView(AuthView):
    """
    ``POST link_status/`` ``{"purpose", "ident", "token"}`` → 200 ``{"status": ...}``.

    The status is ``valid``, ``used`` or ``invalid``. ``used`` is a genuine link whose
    effect is already there, ``invalid`` is everything else that its endpoint would
    refuse. The purposes are ``activation``, ``reset_password`` and ``confirm_email``,
    if their endpoints are on; another one is 400 ``invalid`` under ``purpose``. Nothing
    is written and no session begins, so a page may ask before the user clicks, and a
    mail scanner that opens the page does no harm.

    SECURITY: it tells no more than the endpoint of the link does. Without a genuine
    link, which only a reader of the mailbox has, every account and no account are
    ``invalid``, after the same queries. ``used`` needs a link that is not too old. It
    tells the reader that the account is active, with the password and the e-mail
    address of then. The same mailbox tells that by the mail of a reset, which a
    deactivated account does not get.
    """

    throttles = [LinkThrottle]
    serializer_class: type[Any] | None = LinkStatusSerializer
    needs = ("purpose", "status")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        if data["status"] == "invalid":
            # SECURITY: an attack on tokens must not be silent here and loud elsewhere.
            purpose = link_purposes(api_settings.ENABLE_ENDPOINTS)[data["purpose"]]
            security_log.log("link_refused", request, code=purpose.refusal)
        return Response({"status": data["status"]})


def server_error(request: HttpRequest) -> HttpResponse:
    """
    Answer a request that has failed outside of its view: the project's ``handler500``.

    Middleware that reads the session before the view is outside of it. So at a URL of
    this package an outage becomes 503 ``{"error": "service_unavailable"}``. Everything
    else gets Django's own page for status 500.
    """
    error = sys.exc_info()[1]
    if error is None or not is_outage(error) or not _is_for_us(request):
        # Without its decorator, which would ask the session once more for the CSRF
        # token. The page has no use for that.
        page: HttpResponse = unwrap(defaults.server_error)(request)
        return page
    return JsonResponse(
        body_of(ServiceUnavailable()),
        status=ServiceUnavailable.status_code,
        headers={
            "Cache-Control": NO_STORE,
            "Retry-After": str(ServiceUnavailable.wait),
        },
    )


def _is_for_us(request: HttpRequest) -> bool:
    try:
        view = resolve(request.path_info, getattr(request, "urlconf", None)).func
    except Resolver404:
        return False
    # Where DRF leaves the class of a view.
    return issubclass(getattr(view, "cls", object), AuthView)
