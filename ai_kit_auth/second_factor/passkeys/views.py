"""The endpoints of passkeys, each as the story of its flow."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework import status
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ... import activation_proof, security_log
from ... import views as core
from ...account.serializers import ReauthenticationSerializer
from ...account_changes import activate
from ...accounts import AccountTransaction
from ...endpoints import AuthView, CSRFEnforcement, StrictSessionAuthentication
from ...serializers import ActivateUserSerializer
from ...settings import api_settings
from ...signals import user_post_activated, user_pre_activated
from ...throttling import LinkThrottle, SessionThrottle
from ...views import RegistrationView, SessionBeginning
from .. import pending, proven
from ..views import FactorView
from . import credentials, proofs, services
from .method import PasskeyMethod
from .relying_party import well_known_origins
from .serializers import (
    ActivationSerializer,
    NamedPasskeySerializer,
    NewPasskeySerializer,
    PasskeyLoginSerializer,
    allow_no_password,
)


class PasskeyLoginOptions(AuthView):
    """
    ``POST passkey_login/options/`` ``{}`` → 200 ``{"publicKey": {...}}``.

    For ``navigator.credentials.get()``, by a button or in the field for the name
    (``mediation: "conditional"``). 403 ``csrf_failed``.
    """

    authentication_classes = [CSRFEnforcement]
    throttles = [SessionThrottle]

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response({"publicKey": proofs.login_options(request)})


class PasskeyLogin(SessionBeginning):
    """
    ``POST passkey_login/`` ``{"credential"}`` → 200 ``{"user": {...}, "csrf": "..."}``.

    A passkey that has verified its user is two factors, so no second step follows (NIST
    SP 800-63B-4, AAL2). ``remember`` as at ``login/``. 400 ``invalid_credential`` under
    ``credential``; 403 ``csrf_failed``.
    """

    serializer_class: type[Any] | None = PasskeyLoginSerializer
    needs = ("user", "passkey")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        factor = credentials.factor_id(data["passkey"].pk)
        proven.note(request, PasskeyMethod.name, factor)
        return self.begin_session(
            data["user"], data.get("remember"), proof=PasskeyMethod.name
        )


class SecondFactorOptions(AuthView):
    """
    ``POST second_factor/passkey_options/`` ``{}`` → 200 ``{"publicKey": {...}}``.

    For ``navigator.credentials.get()``: for the second step of a login, or for
    ``confirm_password/`` where the user is logged in. 404 ``not_found`` for a user
    without a passkey; 403 ``login_not_pending``, ``csrf_failed``.
    """

    authentication_classes = [StrictSessionAuthentication]

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        is_logged_in = IsAuthenticated().has_permission(request, self)
        user = request.user if is_logged_in else pending.read(request).user
        return Response({"publicKey": proofs.proof_options(request, user)})


class PasskeyOptions(FactorView):
    """
    ``POST factors/passkeys/options/`` ``{}`` → 200 ``{"publicKey": {...}}``.

    For ``navigator.credentials.create()``. Takes ``password`` where the session is not
    freshly authenticated: 400 with codes under it; 403.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = self.given()["user"]
        return Response({"publicKey": services.registration_options(request, user)})


class Passkeys(FactorView):
    """
    ``POST factors/passkeys/`` ``{"name", "credential"}`` → 201, the passkey.

    ``{"id": 3, "name": "Phone", "created": "...", "last_used": null, "backed_up": true,
    "passwordless": true}``. 400 ``invalid_credential`` under ``credential``, or
    ``max_length`` under ``non_field_errors`` for one too many; 403.
    """

    serializer_class: type[Any] | None = NewPasskeySerializer
    needs = ("user", "name", "credential")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        passkey = services.add(request, data["user"], data["credential"], data["name"])
        made = credentials.shown(passkey)
        return Response(made, status=status.HTTP_201_CREATED)


class Passkey(FactorView):
    """
    One passkey of the user.

    ``PATCH factors/passkeys/<id>/`` ``{"name"}`` → 200, the passkey.

    ``DELETE factors/passkeys/<id>/`` → 204, without a body. 409 ``last_factor``.

    Both: 404 ``not_found``, also for that of another user; 403.
    """

    serializer_class: type[Any] | None = NamedPasskeySerializer

    def get_serializer_class(self) -> type[Any]:
        """Return the class that validates the body: that of ``DELETE`` has no name."""
        removes = getattr(self.request, "method", None) == "DELETE"
        if removes:
            return self.get_removal_serializer_class()
        return super().get_serializer_class()

    def get_removal_serializer_class(self) -> type[Any]:
        """Return the class that validates the body of ``DELETE``."""
        return ReauthenticationSerializer

    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        passkey = credentials.find(data["user"], kwargs["pk"])
        renamed = services.rename(data["user"], passkey, data["name"])
        return Response(credentials.shown(renamed))

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.remove(request, self.given()["user"], kwargs["pk"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class Registration(RegistrationView):
    """
    ``POST register/`` ``{"email"[, "username"][, "password"]}`` → 201 ``{}``.

    As that of the core. An account without a password gets a passkey at its activation.
    """

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        serializer = super().get_serializer(*args, **kwargs)
        allow_no_password(serializer)
        return serializer


class SignUpOptions(AuthView):
    """
    ``POST activate_email/passkey_options/`` ``{"ident", "token"}`` → 200.

    ``{"publicKey": {...}}`` for ``navigator.credentials.create()``. The link stays
    good. 400 ``{"error": "activation_link_invalid"}``, or ``invalid_credential`` under
    ``credential`` for an account that is active already.
    """

    throttles = [LinkThrottle, SessionThrottle]
    serializer_class: type[Any] | None = ActivateUserSerializer
    needs = ("user",)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = self.given()["user"]
        return Response({"publicKey": services.sign_up_options(request, user)})


class ActivateUser(core.ActivateUser):
    """
    ``POST activate_email/`` ``{"ident", "token", "credential"}`` → 200 ``{}``.

    As that of the core, with ``name`` for the passkey. An account without a password
    needs ``credential``, unless an admin has invited its user: 400 ``required`` under
    it, or ``invalid_credential``, and the link stays good. ACTIVATION_PROOF asks for
    nothing where there is no password: a scanner has no passkey, and a stranger who has
    registered the address no way in.
    """

    serializer_class: type[Any] | None = ActivationSerializer

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user, token = data["user"], data.get("token", "")
        has_password = user.has_usable_password()
        if api_settings.ACTIVATION_PROOF and has_password:
            password = data.get("password")
            activation_proof.insist_on_registrant(request, user, token, password)
        credential, verified = data.get("credential"), None
        if credential is not None:
            verified = services.sign_up(request, user, credential)
        elif not (
            has_password or user.is_active or services.is_invitation(user, token)
        ):
            raise ValidationError({"credential": [ErrorDetail("", "required")]})
        with AccountTransaction():
            user_pre_activated.send(sender=self.__class__, user=user)
            activate(user, token)
            if verified is not None:
                name = data.get("name", "")
                services.finish_sign_up(request, user, verified, name)
            user_post_activated.send(sender=self.__class__, user=user)
        security_log.log("activated", request, user=user)
        return Response({})


@method_decorator(login_not_required, name="dispatch")
class RelatedOrigins(View):
    """
    ``GET /.well-known/webauthn`` → 200 ``{"origins": ["https://...", ...]}``.

    A project routes it on the host of the RP ID. Browsers ask it where a page of
    another domain uses the passkeys (WebAuthn Level 3, section 5.11).
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return JsonResponse({"origins": well_known_origins()})
