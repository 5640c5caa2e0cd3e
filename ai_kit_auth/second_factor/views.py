"""The endpoints of second factors, each as the story of its flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ..account import views as account
from ..account.serializers import ReauthenticationSerializer
from ..account.services import lock
from ..accounts import AccountTransaction
from ..views import SessionBeginning
from . import factors, pending, proven, recovery_codes, services, totp, trust
from .errors import LastFactor, invalid_code
from .passkeys import credentials
from .permissions import FactorProven, must_have_factor
from .serializers import (
    ConfirmationSerializer,
    ConfirmTOTPSerializer,
    SecondFactorSerializer,
)

__all__ = [
    "TOTP",
    "ConfirmPassword",
    "ConfirmTOTP",
    "Factors",
    "RecoveryCodes",
    "SecondFactor",
]


class SecondFactor(SessionBeginning):
    """
    The second step of a login; ``login/`` has answered ``second_factor_required``.

    ``GET second_factor/`` → 200 ``{"methods": ["recovery_code", "totp"], "csrf":
    "..."}``.

    ``POST second_factor/`` ``{"method", "code"}`` → 200 ``{"user": {...}, "csrf":
    "..."}``, as ``login/``. ``trust``, an optional boolean: True lets later logins in
    this browser do without, for SECOND_FACTOR_TRUST_AGE. 400 ``invalid_code`` under
    ``code``; 403 ``login_not_pending``, and the login has to begin again; 429; 503
    while the cache is down.
    """

    serializer_class: type[Any] | None = SecondFactorSerializer
    needs = ("method",)

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        login = pending.read(request)
        methods = factors.methods_of(login.user)
        return Response({"methods": methods, "csrf": self.csrf()})

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        login = pending.read(request)
        data = self.given()
        services.prove_at_login(self, login, data)
        user = login.user
        response = self.begin_session(user, login.remember, proof=data["method"])
        if data.get("trust"):
            trust.trust_browser(response, request, user)
        return response


class ConfirmPassword(account.ConfirmPassword):
    """
    ``POST confirm_password/`` ``{"password"}``, or ``{"method", "code"}`` → 200 ``{}``.

    As that of the account page. A factor makes the session freshly authenticated as
    well, and the session has then proven it. 400 ``invalid_code`` under ``code``.
    """

    serializer_class: type[Any] | None = ConfirmationSerializer

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().post(request, *args, **kwargs)
        proven.record_noted(request, request.user)
        return response


class Factors(account.AccountView):
    """
    ``GET factors/`` → 200: which second factors the user has, and a CSRF token.

    ``{"totp": true, "recovery_codes_left": 9, "passkeys": [...], "csrf": "..."}``; 403.
    A passkey is as ``POST factors/passkeys/`` answers it.
    """

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = request.user
        return Response(
            {
                "totp": factors.METHODS[totp.TOTPMethod.name].offered_to(user),
                "recovery_codes_left": recovery_codes.left(user),
                "passkeys": credentials.all_shown(user),
                "csrf": self.csrf(),
            }
        )


class FactorView(account.AccountView):
    """
    An endpoint that changes the factors of a user, who is freshly authenticated.

    The session has proven one of them if there are any: 403 ``second_factor_required``.
    """

    permission_classes = [IsAuthenticated, FactorProven]
    serializer_class: type[Any] | None = ReauthenticationSerializer
    needs: Sequence[str] = ("user",)


class TOTP(FactorView):
    """
    The user's authenticator app.

    ``POST factors/totp/`` ``{}`` → 200 ``{"secret", "uri", "svg"}``: a new secret as
    base32, as an ``otpauth`` URI and as a QR code. It counts once
    ``factors/totp/confirm/`` gets a code; until then an older app stays.

    ``DELETE factors/totp/`` → 204, without a body. 404 ``not_found``; 409
    ``last_factor``.

    Both take ``password`` where the session is not freshly authenticated: 400 with
    codes under it; 403.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = self.given()["user"]
        with AccountTransaction():
            device = totp.enrol(lock(user))
        uri = totp.uri_of(device, user)
        secret = totp.secret_of(device)
        return Response({"secret": secret, "uri": uri, "svg": totp.svg_of(uri)})

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = self.given()["user"]
        method = factors.METHODS[totp.TOTPMethod.name]
        with AccountTransaction():
            user = lock(user)
            ids = method.factor_ids(user)
            if not ids:
                raise NotFound
            is_last = set(factors.factor_ids(user)) == set(ids)
            if is_last and must_have_factor(user):
                raise LastFactor
            method.remove_all(user)
            factors.after_removing(request, user, method.name)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConfirmTOTP(FactorView):
    """
    ``POST factors/totp/confirm/`` ``{"code"}`` → 200 ``{"recovery_codes": [...]}``.

    The new authenticator app counts from now on, in the place of an older one. The
    recovery codes are new as well, and are never shown again. 400 ``invalid_code``
    under ``code``; 403.
    """

    serializer_class: type[Any] | None = ConfirmTOTPSerializer
    needs = ("user", "code")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        codes: list[str] = []
        with AccountTransaction():
            user = lock(data["user"])
            factor = totp.confirm(user, data["code"])
            if factor is not None:
                codes = recovery_codes.renew(user)
                proven.record(request, user, totp.TOTPMethod.name, factor)
                factors.after_adding(request, user, totp.TOTPMethod.name)
        if factor is None:
            raise invalid_code()
        return Response({"recovery_codes": codes})


class RecoveryCodes(FactorView):
    """
    ``POST factors/recovery_codes/`` ``{}`` → 200 ``{"recovery_codes": [...]}``.

    New ones; all older ones are void. 404 ``not_found`` for a user without a factor,
    whom no recovery code could stand in for.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = self.given()["user"]
        with AccountTransaction():
            user = lock(user)
            if not factors.factor_ids(user):
                raise NotFound
            codes = recovery_codes.renew(user)
        return Response({"recovery_codes": codes})
