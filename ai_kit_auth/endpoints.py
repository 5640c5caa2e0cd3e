"""
What all endpoints have in common: bodies, authentication, errors, requests for mails.

The bodies are JSON or one of the two kinds of form, in UTF-8. DRF's parsers trust the
client's charset, take a body of any size and let a deeply nested one end in a
``RecursionError``; here each of these is a ``parse_error``.
"""

from __future__ import annotations

import io
import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import IO, Any, NoReturn
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadhandler import FileUploadHandler
from django.db import router, transaction
from django.dispatch import Signal
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser as MultiPart
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.utils.http import parse_header_parameters
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework import authentication, parsers, status
from rest_framework.exceptions import (
    APIException,
    ParseError,
    PermissionDenied,
    Throttled,
)
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import (
    AllowAny,
    BasePermission,
    IsAdminUser,
    IsAuthenticated,
)
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.utils import json
from rest_framework.views import APIView

from . import security_log, services
from .accounts import AccountTransaction
from .after_answer import after_answer
from .errors import CSRFFailed, LinkInvalid, MailNotSent, exception_handler
from .failures import log_failure
from .known_devices import device_of
from .params import watch
from .serializers import InitiatePasswordResetSerializer, surely_lacking
from .session_saving import insist_on_store, save_session, spare_cookie
from .settings import api_settings
from .throttling import Mail, SessionThrottle, may_mail
from .user_model import User, UserModel

logger = logging.getLogger("ai_kit_auth")

NO_STORE = "no-store, private"
UTF_8 = "utf-8"
# Many times what the fields of any endpoint can hold.
MAX_MULTIPART_BYTES = 1024 * 1024
MAX_PARTS = 100


def _read(stream: IO[bytes], most: int | None = None) -> bytes:
    """
    Return the body of at most ``most`` bytes.

    Raises ``ParseError`` above them, and over ``DATA_UPLOAD_MAX_MEMORY_SIZE``.
    """
    limits = [settings.DATA_UPLOAD_MAX_MEMORY_SIZE, most]
    limit = min([limit for limit in limits if limit is not None], default=None)
    if limit is None:
        return stream.read()
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise ParseError
    return body


class JSONParser(parsers.JSONParser):
    """JSON is UTF-8 (RFC 8259, section 8.1), whatever charset the client names."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(_read(stream).decode())
        except (ValueError, RecursionError) as error:
            raise ParseError from error


class FormParser(parsers.FormParser):
    """A form is UTF-8 (WHATWG URL, ``application/x-www-form-urlencoded``)."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = _read(stream)
        try:
            unquote_to_bytes(body).decode()
        except ValueError as error:
            # Django would put another character there, in a password too.
            raise ParseError from error
        return QueryDict(body, encoding=UTF_8)


class MultiPartParser(parsers.MultiPartParser):
    """
    ``multipart/form-data`` in UTF-8 (RFC 7578, section 5.1.2), of fields alone.

    A body of more than ``MAX_MULTIPART_BYTES`` bytes or ``MAX_PARTS`` parts, or with a
    file in it, is a ``parse_error``: no endpoint here takes a file, and parsing a
    part costs far more than the bytes that a client pays for it. A project whose own
    serializer takes files names DRF's parser in ``parser_classes`` of its view.
    """

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = _read(stream, MAX_MULTIPART_BYTES)
        content_type = media_type or ""
        _, options = parse_header_parameters(content_type)
        boundary = str(options.get("boundary") or "")
        if body.count(f"--{boundary}".encode()) > MAX_PARTS + 1:
            raise ParseError
        meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": len(body)}
        try:
            data, files = MultiPart(meta, io.BytesIO(body), [_NoFiles()], UTF_8).parse()
        except MultiPartParserError as error:
            raise ParseError from error
        return parsers.DataAndFiles(data, files)


class _NoFiles(FileUploadHandler):
    """Refuses a file before a byte of it is stored."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise ParseError


class JSONOnly(BaseContentNegotiation):
    """The answer is JSON, whatever the client accepts: the contract of errors."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        media_type = request.content_type.split(";")[0].strip().lower()
        for parser in parsers:
            if parser.media_type == media_type:
                return parser
        return None

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


class SessionAuthentication(authentication.SessionAuthentication):
    """The user of the session; unsafe methods need a CSRF token (``csrf_failed``)."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as refusal:
            # The token may be in the session.
            insist_on_store(request._request)
            raise CSRFFailed from refusal

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found: tuple[Any, None] | None = super().authenticate(request)
        if found is None:
            insist_on_store(request._request)
        return found


class CSRFEnforcement(SessionAuthentication):
    """
    Needs the CSRF token, and leaves the user anonymous.

    SECURITY: DRF asks only logged-in users for the token. Without it at login a foreign
    page can log the visitor in to an account of its own, and read what is then entered
    (OWASP CSRF Prevention Cheat Sheet, "login CSRF").
    """

    def authenticate(self, request: Request) -> None:
        self.enforce_csrf(request)


class StrictSessionAuthentication(SessionAuthentication):
    """The user of the session; an anonymous user needs the CSRF token as well."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        self.enforce_csrf(request)
        return super().authenticate(request)


# By the authentication classes of an endpoint that looks for no user: the class that
# finds the user of the session in their place.
_WITH_USER: dict[tuple[Any, ...], type[SessionAuthentication]] = {
    (): SessionAuthentication,
    (CSRFEnforcement,): StrictSessionAuthentication,
}
# Rules that a login may satisfy.
_LOGGED_IN = (IsAuthenticated, IsAdminUser)
_EVENTS: dict[type[APIException], str] = {
    LinkInvalid: "link_refused",
    CSRFFailed: "csrf_failed",
    Throttled: "throttled",
}


def _is_of_ours(thing: Any) -> bool:
    return bool(thing.__module__.split(".")[0] == "ai_kit_auth")


# SECURITY: error reports show the locals of every frame, DRF's among them, in which
# passwords and tokens pass by. The nearest decorated frame decides, so no function
# below this one may name its sensitive variables: it would expose the rest.
@method_decorator(sensitive_variables(), name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
class AuthView(APIView):
    """
    The base class of all endpoints.

    It ignores the project's ``REST_FRAMEWORK`` defaults, which are for the project's
    own API, except for the throttles: a project that counts requests counts these, too.

    All answers are ``Cache-Control: no-store, private``, since most carry a token.
    ``private`` is for caches that ignore ``no-store``, such as the site cache of Django
    before 5.2.14.
    """

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    parser_classes = [JSONParser, FormParser, MultiPartParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JSONOnly
    versioning_class = None
    # In addition to those of the project.
    throttles: Sequence[type[BaseThrottle]] = ()
    # By method: permissions instead of those of the class, and further throttles.
    permissions_of: Mapping[str, Sequence[type[BasePermission]]] = {}
    throttles_of: Mapping[str, Sequence[type[BaseThrottle]]] = {}
    # Whether an anonymous user gets a CSRF token, which may begin a session.
    begins_sessions = False
    # The class that validates the body; ``get_serializer_class()`` returns it.
    serializer_class: type[Any] | None = None
    # The setting that names this class where a subclass does not.
    serializer_setting = ""
    # What its ``validated_data`` must hold.
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
            missing = surely_lacking(used, cls.needs)
            if missing:
                raise cls._lacks(used, missing)
        # SECURITY: the views open their transactions themselves. In ATOMIC_REQUESTS'
        # an error would also undo the end of a session, and what a project's receiver
        # of user_login_failed has counted.
        view = super().as_view(**initkwargs)
        return transaction.non_atomic_requests(router.db_for_write(UserModel))(view)

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {
            **super().default_response_headers,
            "Cache-Control": NO_STORE,
        }

    def get_permissions(self) -> list[Any]:
        of_method = self._of_method(self.permissions_of) if self.permissions_of else ()
        if of_method:
            return [rule() for rule in of_method]
        return list(super().get_permissions())

    def get_throttles(self) -> list[BaseThrottle]:
        own = [throttle() for throttle in self.throttles]
        if self.throttles_of:
            own += [throttle() for throttle in self._of_method(self.throttles_of)]
        if self.begins_sessions and settings.CSRF_USE_SESSIONS:
            own.append(SessionThrottle())
        return [*super().get_throttles(), *own]

    def _of_method(self, rules: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
        # drf-spectacular asks the view without a request.
        request = getattr(self, "request", None)
        return () if request is None else rules.get(request.method, ())

    def get_authenticators(self) -> list[Any]:
        """
        Return the authenticators of the request.

        A subclass whose permissions ask for more than :class:`AllowAny` gets the user
        of the session, where the endpoint itself would not look for one.
        """
        own = self._session_of_a_rule()
        return [own()] if own else super().get_authenticators()

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        """Raise the error of a permission that refuses: its own code, if it has one."""
        asks_for_login = any(
            isinstance(rule, _LOGGED_IN) for rule in self.get_permissions()
        )
        # A rule about something else is not satisfied by a login.
        if self._session_of_a_rule() and not asks_for_login:
            raise PermissionDenied(message, code)
        super().permission_denied(request, message, code)

    def _session_of_a_rule(self) -> type[SessionAuthentication] | None:
        """Return the class that finds the user for a subclass's own permissions."""
        found = _WITH_USER.get(tuple(self.authentication_classes))
        if found is None:
            return None
        asks = [rule for rule in self.get_permissions() if type(rule) is not AllowAny]
        return found if asks else None

    def handle_exception(self, exc: Exception) -> Response:
        for kind, event in _EVENTS.items():
            if isinstance(exc, kind):
                security_log.log(event, self.request, code=exc.default_code)
        response = super().handle_exception(exc)
        session = getattr(self.request, "session", None)
        is_down = response.status_code == status.HTTP_503_SERVICE_UNAVAILABLE
        if (
            (response.status_code == status.HTTP_403_FORBIDDEN or is_down)
            and session is not None
            and session.is_empty()
        ):
            # A double click sends one key twice, and the first answer has replaced it.
            # The session middleware would delete the cookie in the second, with the new
            # key in it, since the old key leads to no session any more. After an outage
            # the key leads to its session again.
            self.request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        if is_down:
            # What the browser has must do for the same request again.
            self.request.META.pop("CSRF_COOKIE_NEEDS_UPDATE", None)
        return response

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Save the session, and finish the answer."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        if finished.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
            return finished
        spare_cookie(request._request)
        try:
            self.save_session()
        except Exception as error:  # noqa: BLE001  # handle_exception() raises bugs
            failed = self.handle_exception(error)
            return super().finalize_response(request, failed, *args, **kwargs)
        return finished

    def save_session(self) -> None:
        """Save the session now, if it has changed. The view does so when it is done."""
        # Where another request has ended it, the middleware says so.
        with suppress(UpdateError):
            save_session(self.request._request)

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return exception_handler

    def get_serializer_class(self) -> type[Any]:
        """Return the class that validates the body: ``serializer_class``."""
        found: type[Any] | None = self.serializer_class
        if found is None and self.serializer_setting:
            found = getattr(api_settings, self.serializer_setting)
        assert found is not None, f"{type(self)} has no serializer"  # noqa: S101  # as DRF's own view does
        return found

    def get_serializer_context(self) -> dict[str, Any]:
        """Return the context of serializers: ``request``, ``view`` and ``format``."""
        return {"request": self.request, "view": self, "format": self.format_kwarg}

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Return the serializer of this request, made with ``args`` and ``kwargs``."""
        kwargs.setdefault("context", self.get_serializer_context())
        serializer = self.get_serializer_class()(*args, **kwargs)
        watch(serializer)
        return serializer

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
        if missing:
            raise self._lacks(type(serializer), missing)
        return data

    @classmethod
    def _lacks(cls, used: Any, missing: Sequence[str]) -> ImproperlyConfigured:
        """Return the error that the serializer class ``used`` gives no ``missing``."""
        ours = next(
            vars(base)["serializer_class"]
            for base in cls.__mro__
            if _is_of_ours(base) and "serializer_class" in vars(base)
        )
        derive = "Have"
        if ours is not None:
            start = f"Write class {used.__qualname__}({ours.__qualname__}), of"
            derive = f"{start} {ours.__module__}; or have"
        names = " and ".join(map(repr, missing))
        return ImproperlyConfigured(
            f"{cls.__qualname__} needs {names} of its serializer, and "
            f"{used.__qualname__} gives none. {derive} its validate() return {names} "
            "as well."
        )

    @classmethod
    def _uses_serializer_class(cls) -> bool:
        """Tell whether our own ``post()`` takes what ``serializer_class`` gives."""
        hooks = ("get_serializer", "get_serializer_class", "validated", "given", "post")
        return bool(cls.needs) and all(
            _is_of_ours(getattr(cls, name, AuthView)) for name in hooks
        )

    def get_user_serializer_class(self) -> type[Any]:
        """Return the class that shows a user to the frontend: USER_SERIALIZER."""
        found: type[Any] = api_settings.USER_SERIALIZER
        return found

    def user_data(self, user: User) -> Any:
        """Return what the frontend may see of ``user``."""
        context = self.get_serializer_context()
        return self.get_user_serializer_class()(user, context=context).data

    def after_answer(self, what: str, work: Callable[[], object]) -> None:
        """
        Call ``work`` once, when the client has its answer, in the request's context.

        ``what``: the log's name for it where it fails, without a secret. The
        transaction that ``work`` relies on must be over.
        """
        after_answer(self.request._request, what, work)

    def csrf(self) -> str:
        """Return the token for the header ``X-CSRFToken`` of the next request."""
        return get_token(self.request._request)


class MailRequestView(AuthView):
    """
    A request for a mail, which every client may make and which tells it nothing.

    SECURITY: the same answer after the same work, whether or not the account exists:
    the mail is made and sent when the client has its answer.
    """

    # The name of the mail in the server's log, and of the request in the security log.
    mail: str
    event: str
    # The key of EMAIL_TEMPLATES.
    template: str
    # Scopes that count the recipient, in addition to those of all mails.
    scopes: Sequence[str] = ()
    pre_signal: Signal
    post_signal: Signal
    serializer_class: type[Any] | None = InitiatePasswordResetSerializer
    needs = ("user", "typed")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user = data["user"]
        # Counted for unknown accounts too: a throttle of known ones alone would tell.
        mailbox = services.mailbox_key(user, data["typed"])
        device = device_of(request, user)
        mail = may_mail(request, mailbox, *self.scopes, kind=self.mail, device=device)
        event, code = (self.event, "-") if mail else ("throttled", "throttled")
        security_log.log(event, request, user=user, code=code)
        work: Callable[[], object] = self.pretend
        with AccountTransaction():
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
        """Mail each of ``recipients``; what was sent counts for their mailbox."""
        sent = [self.hand_over(user) for user in recipients]
        if not any(sent):
            mail.not_sent()

    def hand_over(self, user: User) -> bool:
        """
        Send the mail and tell whether it went out.

        A failure is logged; the client does not learn of it.
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
            with AccountTransaction():
                self.post_signal.send(sender=self.__class__, user=user)
        except Exception:
            logger.exception("The %s mail of user %s failed", self.mail, user.pk)
        return True

    def pretend(self) -> None:
        """Cost as much as ``hand_over``, without a mail."""
        services.pretend_to_mail(getattr(api_settings.EMAIL_TEMPLATES, self.template))
        with AccountTransaction():
            pass

    @abstractmethod
    def send_mail(self, user: User) -> None:
        """Send the mail to ``user``."""
