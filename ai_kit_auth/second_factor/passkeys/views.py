"""The endpoints of passkeys, each as the story of its flow."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.request import Request
from rest_framework.response import Response

from ...endpoints import AuthView, CSRFEnforcement
from ...throttling import SessionThrottle
from ...views import SessionBeginning
from . import services
from .relying_party import well_known_origins
from .serializers import PasskeyLoginSerializer


class PasskeyLoginOptions(AuthView):
    """
    ``POST passkey_login/options/`` ``{}`` → 200 ``{"publicKey": {...}}``.

    For ``navigator.credentials.get()``, by a button or in the field for the name
    (``mediation: "conditional"``). 403 ``csrf_failed``.
    """

    authentication_classes = [CSRFEnforcement]
    throttles = [SessionThrottle]

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response({"publicKey": services.login_options(request)})


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
        return self.begin_session(data["user"], data.get("remember"), proof="passkey")


@method_decorator(login_not_required, name="dispatch")
class RelatedOrigins(View):
    """
    ``GET /.well-known/webauthn`` → 200 ``{"origins": ["https://...", ...]}``.

    A project routes it on the host of the RP ID. Browsers ask it where a page of
    another domain uses the passkeys (WebAuthn Level 3, section 5.11).
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return JsonResponse({"origins": well_known_origins()})
