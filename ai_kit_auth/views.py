"""
The eight endpoints, each as the story of its flow.

A host subclasses a view and routes it itself, or connects to the signals.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth import SESSION_KEY, login, logout
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router, transaction
from django.dispatch import Signal
from django.middleware.csrf import get_token, rotate_token
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    PermissionDenied,
    Throttled,
    ValidationError,
)
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from . import activation_proof, security_log, services
from .after_answer import after_answer
from .authentication import (
    CSRFEnforcement,
    SessionAuthentication,
    StrictSessionAuthentication,
)
from .errors import CSRFFailed, LinkInvalid, MailNotSent, exception_handler
from .failures import log_failure
from .parsers import FormParser, JSONParser, MultiPartParser
from .serializers import (
    ActivateUserSerializer,
    InitiatePasswordResetSerializer,
    LoginSerializer,
    PasswordResetSerializer,
    ValidatePasswordSerializer,
    is_saved_by_drf,
    surely_lacking,
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
    SessionThrottle,
    ValidatePasswordThrottle,
    gate,
    may_mail,
)
from .users import (
    User,
    UserModel,
    account_key,
    all_rows,
    email_field,
    email_of,
    find_by_address,
)

logger = logging.getLogger("ai_kit_auth")


_EVENTS: dict[type[APIException], str] = {
    LinkInvalid: "link_refused",
    CSRFFailed: "csrf_failed",
    Throttled: "throttled",
}


# What finds the user of the session in place of what looks for none, by the classes of
# the endpoint.
_WITH_USER: dict[tuple[Any, ...], type[SessionAuthentication]] = {
    (): SessionAuthentication,
    (CSRFEnforcement,): StrictSessionAuthentication,
}


def _is_of_ours(thing: Any) -> bool:
    return bool(thing.__module__.split(".")[0] == "ai_kit_auth")


# Rules that a login may satisfy.
_LOGGED_IN = (IsAuthenticated, IsAdminUser)


class JSONOnly(BaseContentNegotiation):
    """Whatever the client accepts, the answer is JSON: errors promise to be."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        media_type = request.content_type.split(";")[0].strip().lower()
        return next((p for p in parsers if p.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


# SECURITY: error reports show the locals of every frame, DRF's among them, in which
# passwords and tokens pass by. The nearest decorated frame decides, so no function
# below this one may name its sensitive variables: it would expose the rest.
@method_decorator(sensitive_variables(), name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
class AuthView(APIView):
    """
    What the endpoints have in common.

    Nothing here follows the host's ``REST_FRAMEWORK`` defaults, which are for the
    host's own API, except for the throttles: a host that counts requests goes on
    counting these.

    The answers of all are ``Cache-Control: no-store, private``, since most carry a
    token. ``private`` is for caches that do not heed ``no-store``, as the site cache of
    Django before 5.2.14.
    """

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    parser_classes = [JSONParser, FormParser, MultiPartParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JSONOnly
    versioning_class = None
    # Besides those of the host.
    throttles: Sequence[type[BaseThrottle]] = ()
    # What the body is validated by; ``get_serializer_class()`` returns it.
    serializer_class: type[Any] | None = None
    # What that must find in the body, or put beside it.
    needs: Sequence[str] = ()
    # No OPTIONS: DRF would answer with the docstring. A preflight never comes this far.
    http_method_names = [
        name for name in APIView.http_method_names if name != "options"
    ]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """
        Return the view.

        Raises Django's ``ImproperlyConfigured`` where its serializer cannot give what
        it :attr:`needs`.
        """
        if cls._uses_serializer_class():
            used = initkwargs.get("serializer_class", cls.serializer_class)
            cls._insist_on_needs(used, surely_lacking(used, cls.needs))
        # SECURITY: the views open their transactions themselves. In ATOMIC_REQUESTS'
        # an error would also undo the end of a session, and what a host's receiver of
        # user_login_failed has counted.
        view = super().as_view(**initkwargs)
        return transaction.non_atomic_requests(router.db_for_write(UserModel))(view)

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {
            **super().default_response_headers,
            "Cache-Control": "no-store, private",
        }

    def get_throttles(self) -> list[BaseThrottle]:
        return [*super().get_throttles(), *(throttle() for throttle in self.throttles)]

    def get_authenticators(self) -> list[Any]:
        """
        Return what finds the user of the request.

        A subclass whose permissions ask for more than :class:`AllowAny` gets the user
        of the session, where the endpoint itself would not look for one.
        """
        own = self._session_of_a_rule()
        return [own()] if own else super().get_authenticators()

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        """Raise what a refusing permission means: its own code, if it has one."""
        asks_for_login = any(
            isinstance(rule, _LOGGED_IN) for rule in self.get_permissions()
        )
        # A rule about something else is not satisfied by a login.
        if self._session_of_a_rule() and not asks_for_login:
            raise PermissionDenied(message, code)
        super().permission_denied(request, message, code)

    def _session_of_a_rule(self) -> type[SessionAuthentication] | None:
        """Return what finds the user where only a subclass's permissions ask for it."""
        asks = any(type(rule) is not AllowAny for rule in self.get_permissions())
        classes = tuple(self.authentication_classes)
        return _WITH_USER.get(classes) if asks else None

    def handle_exception(self, exc: Exception) -> Response:
        for kind, event in _EVENTS.items():
            if isinstance(exc, kind):
                security_log.log(event, self.request, code=exc.default_code)
        response = super().handle_exception(exc)
        if response.status_code == status.HTTP_403_FORBIDDEN:
            self._keep_cookie()
        return response

    def _keep_cookie(self) -> None:
        # A double click sends one key twice, and the first answer has replaced it. The
        # session middleware would delete the cookie in the second, with the new key in
        # it, since the old key leads to no session any more.
        session = getattr(self.request, "session", None)
        if session is not None and session.is_empty():
            self.request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return exception_handler

    def get_serializer_class(self) -> type[Any]:
        """Return what the body is validated by: ``serializer_class``."""
        assert self.serializer_class is not None, f"{type(self)} has no serializer"  # noqa: S101  # as DRF's own view does
        return self.serializer_class

    def get_serializer_context(self) -> dict[str, Any]:
        """Return what serializers get to know: ``request``, ``view``, ``format``."""
        return {"request": self.request, "view": self, "format": self.format_kwarg}

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Return the serializer of this request, made with ``args`` and ``kwargs``."""
        kwargs.setdefault("context", self.get_serializer_context())
        return self.get_serializer_class()(*args, **kwargs)

    def validated(self) -> Any:
        """Return a serializer of the request's data that has found it valid."""
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer

    def given(self) -> Any:
        """
        Return the request's data, valid, with all that the view :attr:`needs`.

        Raises Django's ``ImproperlyConfigured`` where the serializer leaves it out.
        """
        serializer = self.validated()
        data = serializer.validated_data
        missing = [name for name in self.needs if name not in data]
        self._insist_on_needs(type(serializer), missing)
        return data

    @classmethod
    def _insist_on_needs(cls, used: Any, missing: Sequence[str]) -> None:
        if not missing:
            return
        ours = [
            base.__dict__["serializer_class"]
            for base in cls.__mro__
            if _is_of_ours(base) and base.__dict__.get("serializer_class")
        ]
        names = " and ".join(map(repr, missing))
        derive = [
            f"Write class {used.__qualname__}({found.__qualname__}), "
            f"of {found.__module__}; or have"
            for found in ours[:1]
        ]
        msg = (
            f"{cls.__qualname__} needs {names} of its serializer, and "
            f"{used.__qualname__} gives none. {(derive or ['Have'])[0]} its validate() "
            f"return {names} as well."
        )
        raise ImproperlyConfigured(msg)

    @classmethod
    def _uses_serializer_class(cls) -> bool:
        """Tell whether our own ``post()`` takes what ``serializer_class`` gives."""
        hooks = ("get_serializer", "get_serializer_class", "validated", "given", "post")
        return bool(cls.needs) and all(
            _is_of_ours(getattr(cls, name, AuthView)) for name in hooks
        )

    def get_user_serializer_class(self) -> type[Any]:
        """Return what shows a user to the frontend: USER_SERIALIZER."""
        found: type[Any] = api_settings.USER_SERIALIZER
        return found

    def user_data(self, user: User) -> Any:
        """Return what the frontend may see of ``user``."""
        serializer_class = self.get_user_serializer_class()
        return serializer_class(user, context=self.get_serializer_context()).data

    def after_answer(self, what: str, work: Callable[[], object]) -> None:
        """
        Call ``work`` once, when the client has its answer, in the request's context.

        ``what``: how the log calls it where it fails, without a secret. The transaction
        that ``work`` relies on must be over.
        """
        after_answer(self.request._request, what, work)

    def csrf(self) -> str:
        """Return the token for the header ``X-CSRFToken`` of the next request."""
        return get_token(self.request._request)


class LoginView(AuthView):
    """
    ``POST login/`` ``{"ident", "password"}`` → 200 ``{"user": {...}, "csrf": "..."}``.

    ``remember``, an optional boolean: False ends the session with the browser, True
    keeps it for ``SESSION_COOKIE_AGE``; without it the host's settings decide. 400
    ``invalid_credentials`` under ``non_field_errors``; 403 ``csrf_failed``.
    """

    authentication_classes = [CSRFEnforcement]
    serializer_class: type[Any] | None = LoginSerializer
    needs = ("user",)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Outside of the transaction: what others note of a failure must stay written.
        data = self.given()
        user, remember = data["user"], data.get("remember")
        try:
            with services.atomic():
                user_pre_login.send(sender=self.__class__, user=user)
                if SESSION_KEY in request.session:
                    # What an earlier login wanted is not what this one wants.
                    request.session.set_expiry(None)
                    # SECURITY: Django keeps the key at a second login of the same user.
                    request.session.cycle_key()
                login(request._request, user)
                if remember is not None:
                    request.session.set_expiry(
                        settings.SESSION_COOKIE_AGE if remember else 0
                    )
                user_post_login.send(sender=self.__class__, user=user)
        except Exception as error:
            if request._request.user == user:
                request.session.flush()
            # Deleted since the password was checked: Django finds no row to note the
            # login in.
            gone = isinstance(error, DatabaseError) and not (
                all_rows().filter(pk=user.pk).exists()
            )
            if gone:
                raise ValidationError("", code="invalid_credentials") from error
            raise
        security_log.log("login_succeeded", request, user=user)
        return Response({"user": self.user_data(user), "csrf": self.csrf()})


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
            with services.atomic():
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

    def get_serializer_class(self) -> type[Any]:
        return self.serializer_class or api_settings.USER_SERIALIZER

    def get_user_serializer_class(self) -> type[Any]:
        return self.get_serializer_class()

    def get_throttles(self) -> list[BaseThrottle]:
        own = [SessionThrottle()] if settings.CSRF_USE_SESSIONS else []
        return [*super().get_throttles(), *own]

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # A host may have told DRF to call nobody None.
        user = request.user if IsAuthenticated().has_permission(request, self) else None
        return Response({"user": user and self.user_data(user), "csrf": self.csrf()})


class RegistrationView(AuthView):
    """
    ``POST register/`` ``{"email", "password"[, "username"]}`` → 201 ``{}``.

    400 with ``<field>_unique``, the validators' codes under ``password``, or a field's
    codes; 503 ``mail_not_sent``, after which the same data may be sent again.
    """

    throttles = [RegisterThrottle]

    def get_serializer_class(self) -> type[Any]:
        """Return ``serializer_class`` of a subclass, else REGISTRATION_SERIALIZER."""
        return self.serializer_class or api_settings.REGISTRATION_SERIALIZER

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not isinstance(request.data, Mapping):
            self.validated()
        # SECURITY: who must not learn that the address is taken gets the answer first.
        answer_first = api_settings.PREVENT_ENUMERATION
        try:
            return self.registered(answer_first=answer_first)
        except services.AddressTaken as taken:
            return self.answer_for_taken(taken.values)

    def registered(self, *, answer_first: bool) -> Response:
        """Make the account and answer; its mail goes out as ``create()`` asks for."""
        request = self.request
        # Its mail follows the commit, and takes the account back where it fails: one
        # whose link got lost would block its address.
        with services.registration(mails=not answer_first) as current:
            user_pre_registered.send(sender=self.__class__, user_data=request.data)
            serializer = self.validated()
            taken = getattr(serializer, "address_is_taken", False)
            # What a project's own serializer makes may be another object.
            made = None if taken else self.made_by(serializer)
            user = made if isinstance(made, UserModel) else None
            if not taken:
                user_post_registered.send(sender=self.__class__, user=made)
        if taken:
            return self.answer_for_taken(serializer.validated_data)
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
        activation_proof.set_proof(response, request, user)
        return response

    def made_by(self, serializer: Any) -> Any:
        """Make the account, and return what ``create()`` does."""
        if is_saved_by_drf(serializer, "create"):
            # SECURITY: DRF would store the password as it was typed.
            user = services.register(serializer.validated_data)
            services.mail_new_account(user)
            return user
        return serializer.save()

    def answer_for_taken(self, data: Mapping[str, Any]) -> Response:
        """Do what a registration costs, and tell the address's owner instead."""
        with gate:
            UserModel().set_password(data.get("password"))
        self.after_answer(
            "The mail about a taken address",
            partial(self.tell_owner, data[email_field()]),
        )
        response = Response({}, status=status.HTTP_201_CREATED)
        activation_proof.set_proof(response, self.request, None)
        return response

    def tell_owner(self, address: str) -> None:
        """Mail the owner that the address has an account, if so many mails may go."""
        owner = find_by_address(address)
        mailbox = services.mailbox_key(owner, address, as_address=True)
        mail = may_mail(self.request, mailbox, kind="taken")
        if mail is not None and not services.tell_owner(owner):
            mail.not_sent()

    def hand_over(self, user: User, mails: bool) -> None:
        """Send the activation mail; take the account back where that fails."""
        # SECURITY: counted as the mail to an owner is, or what a stranger has left of
        # the rate would tell.
        mailbox = account_key(None, email_of(user), as_address=True)
        mail = may_mail(self.request, mailbox, kind="activation") or Mail()
        # A transaction of the project's own around the request may have been undone.
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
        user = data["user"]
        activation_proof.insist_on_registrant(
            request, user, data.get("token", ""), data.get("password")
        )
        with services.atomic():
            user_pre_activated.send(sender=self.__class__, user=user)
            services.activate(user, data.get("token", ""))
            user_post_activated.send(sender=self.__class__, user=user)
        security_log.log("activated", request, user=user)
        return Response({})


class MailRequestView(AuthView):
    """
    A request for a mail, which anybody may make and which tells nobody anything.

    SECURITY: the same answer after the same work, whether or not the account exists:
    the mail is made and sent when the client has its answer.
    """

    # What the server's log calls the mail, and the security log the request.
    mail: str
    # The key of EMAIL_TEMPLATES.
    template: str
    event: str
    # In which the recipient is counted, besides those of all mails.
    scopes: Sequence[str] = ()
    pre_signal: Signal
    post_signal: Signal
    serializer_class: type[Any] | None = InitiatePasswordResetSerializer
    needs = ("user", "typed")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user = data["user"]
        # Counted whoever it is, since a throttle that only known accounts meet tells.
        mailbox = services.mailbox_key(user, data["typed"])
        mail = may_mail(request, mailbox, *self.scopes, kind=self.mail)
        security_log.log(
            "throttled" if mail is None else self.event,
            request,
            user=user,
            code="throttled" if mail is None else "-",
        )
        work: Callable[[], object] = self.pretend
        with services.atomic():
            if user is not None and mail is not None:
                recipients = [user, *data.get("others", ())]
                for each in recipients:
                    self.pre_signal.send(sender=self.__class__, user=each)
                work = partial(self.hand_over_all, recipients, mail)
        self.after_answer(
            f"The {self.mail} mail of user {user.pk if user else '-'}", work
        )
        return Response({})

    def hand_over_all(self, recipients: Sequence[User], mail: Mail) -> None:
        """Send each its mail; what went to their mailbox counts, if anything did."""
        sent = [self.hand_over(user) for user in recipients]
        if not any(sent):
            mail.not_sent()

    def hand_over(self, user: User) -> bool:
        """
        Send the mail and tell whether it went out.

        A failure is logged, the client knows nothing of it.
        """
        try:
            self.send_mail(user)
        except MailNotSent:
            logger.error("The %s mail of user %s was not sent", self.mail, user.pk)
            return False
        except Exception as error:  # noqa: BLE001  # it is logged
            log_failure(error, "The %s mail of user %s failed", self.mail, user.pk)
            return False
        try:
            with services.atomic():
                self.post_signal.send(sender=self.__class__, user=user)
        except Exception:
            logger.exception("The %s mail of user %s failed", self.mail, user.pk)
        return True

    def pretend(self) -> None:
        """Cost what ``hand_over`` does, without a mail."""
        services.pretend_to_mail(getattr(api_settings.EMAIL_TEMPLATES, self.template))
        with services.atomic():
            pass

    @abstractmethod
    def send_mail(self, user: User) -> None:
        """Send ``user`` what was asked for."""


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
    ``password``. Also activates an account that waits for it.
    """

    throttles = [LinkThrottle]
    serializer_class: type[Any] | None = PasswordResetSerializer
    needs = ("user", "password")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user = data["user"]
        with services.atomic():
            user_pre_reset_password.send(sender=self.__class__, user=user)
            services.reset_password(user, data["password"])
            user_post_reset_password.send(sender=self.__class__, user=user)
        security_log.log("password_reset", request, user=user)
        return Response({})


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
