"""The endpoints of the account page, each as the story of its flow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib.auth import logout
from django.middleware.csrf import rotate_token
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from .. import activation_proof, security_log
from .. import services as core
from ..account_changes import tell_of_ended_sessions
from ..accounts import AccountTransaction, session_name
from ..endpoints import AuthView, MailRequestView, SessionAuthentication
from ..failures import log_failure
from ..known_devices import device_of, keep_device
from ..params import watch
from ..registration import identity_transaction, taken_codes
from ..settings import api_settings
from ..throttling import (
    Counter,
    CountingThrottle,
    LinkThrottle,
    Mail,
    client_address,
    may_mail,
    take_all,
)
from ..user_model import User, user_model
from ..users import account_key, find_by_address
from ..views import MeView
from . import services
from .permissions import (
    is_recently_authenticated,
    mark_recently_authenticated,
    proof_in_memory,
    save_session,
)
from .serializers import (
    ChangeEmailSerializer,
    ChangePasswordSerializer,
    ConfirmEmailSerializer,
    ConfirmPasswordSerializer,
    LogoutOthersSerializer,
    ReauthenticationSerializer,
    ResendActivationMailSerializer,
    restrict_update,
)
from .settings import account_settings
from .signals import (
    user_post_change_email,
    user_post_change_password,
    user_post_confirm_email,
    user_post_confirm_password,
    user_post_delete_account,
    user_post_logout_others,
    user_post_resend_activation,
    user_post_update_me,
    user_pre_change_email,
    user_pre_change_password,
    user_pre_confirm_email,
    user_pre_confirm_password,
    user_pre_delete_account,
    user_pre_logout_others,
    user_pre_resend_activation,
    user_pre_update_me,
)


class AccountThrottle(CountingThrottle):
    """Counts the requests of one account to its account page."""

    scope = "ACCOUNT"

    def key(self, request: Any) -> str | None:
        return str(request.user.pk)


class ProofThrottle(AccountThrottle):
    """
    The same for endpoints that ask for the password.

    SECURITY: the owner ends with these what an intruder has, so they are never counted
    together with what an intruder does. :func:`services.prove` counts a request with a
    password as a login. This class counts one without, by the account, and in a freshly
    authenticated session by that session. A stolen session has neither.
    """

    def key(self, request: Any) -> str | None:
        if request.method not in SAFE_METHODS:
            data = request.data
            if isinstance(data, Mapping) and data.get("password"):
                return None
            if is_recently_authenticated(request):
                return f"{request.user.pk}|session|{session_name(request)}"
        return super().key(request)


def notify(view: AuthView, user: User, notice: str) -> None:
    """Send ``user`` the ``notice``, a key of SECURITY_NOTICES, after the answer."""
    view.after_answer(
        f"The notice {notice} to user {user.pk}",
        partial(services.send_security_notice, user, notice, view.request),
    )


class AccountView(AuthView):
    """An endpoint for logged-in users, who send a CSRF token."""

    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]
    throttles = [ProofThrottle]

    def renew_session(self, user: User) -> None:
        """Keep this session, under a new key and CSRF token; all others end."""
        services.keep_session(self.request, user)
        rotate_token(self.request._request)

    def renewed(self, user: User, device: str | None) -> Response:
        """
        Return the answer with the CSRF token of the renewed session.

        ``device``: the name of this browser before that, if it was known.
        """
        response = Response({"csrf": self.csrf()})
        keep_device(response, self.request, user, device)
        return response


class ResendActivationMail(MailRequestView):
    """
    ``POST resend_activation_email/`` ``{"email"}`` or ``{"ident"}`` → 200 ``{}``.

    The answer is the same, after the same work, whether or not the account exists. Only
    an account that waits for its activation gets a mail.
    """

    mail = "activation"
    template = "USER_CREATED"
    event = "resend_requested"
    serializer_class: type[Any] | None = ResendActivationMailSerializer
    scopes = ("RESEND_RECIPIENT",)
    pre_signal = user_pre_resend_activation
    post_signal = user_post_resend_activation

    def send_mail(self, user: User) -> None:
        core.resend_activation_mail(user)


class ConfirmPassword(AccountView):
    """
    ``POST confirm_password/`` ``{"password"}`` → 200 ``{}``.

    For REAUTHENTICATION_TIMEOUT seconds the session then is freshly authenticated, and
    it has a new key. 400 ``invalid_credentials`` under ``password``, or ``{"error":
    "no_password"}``; 403.
    """

    serializer_class: type[Any] | None = ConfirmPasswordSerializer
    needs = ("user",)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        # Of a subclass that takes a second factor in the password's place.
        user, factor = data["user"], data.get("factor")
        with AccountTransaction():
            user_pre_confirm_password.send(sender=self.__class__, user=user)
            with proof_in_memory(request, factor):
                user_post_confirm_password.send(sender=self.__class__, user=user)
        # Or a session that another request has ended would live on by its new key.
        save_session(request)
        # SECURITY: before the mark is written. A copied key must not become fresh as
        # well, not even for the time between two writes (OWASP ASVS 5.0, 7.2.4). Last,
        # since an answer that fails brings no new key.
        request.session.cycle_key()
        mark_recently_authenticated(request, factor)
        security_log.log("password_confirmed", request, user=user)
        return Response({})


class ChangePassword(AccountView):
    """
    ``POST change_password/`` → 200 ``{"csrf": "..."}``.

    Takes ``{"password", "new_password"}``. This session stays, every other one of the
    account ends. 400 with codes under ``password`` or ``new_password``, or ``{"error":
    "no_password"}``; 403.
    """

    serializer_class: type[Any] | None = ChangePasswordSerializer
    needs = ("user", "new_password")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user = data["user"]
        device = device_of(request, user)
        with AccountTransaction():
            user_pre_change_password.send(sender=self.__class__, user=user)
            services.change_password(user, data["new_password"])
            tell_of_ended_sessions(user, "password", request._request)
            user_post_change_password.send(sender=self.__class__, user=user)
        self.renew_session(user)
        security_log.log("password_changed", request, user=user)
        notify(self, user, "PASSWORD_CHANGED")
        return self.renewed(user, device)


class LogoutOthers(AccountView):
    """
    ``POST logout_others/`` ``{"password"}`` → 200 ``{"csrf": "..."}``.

    Ends every other session of the account, with every session engine; the password
    stays what it is. 400 with codes under ``password``; 403.
    """

    serializer_class: type[Any] | None = LogoutOthersSerializer
    needs = ("user",)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user = data["user"]
        device = device_of(request, user)
        with AccountTransaction():
            user_pre_logout_others.send(sender=self.__class__, user=user)
            services.logout_others(user, data.get("password"))
            tell_of_ended_sessions(user, "others", request._request)
            user_post_logout_others.send(sender=self.__class__, user=user)
        self.renew_session(user)
        security_log.log("others_logged_out", request, user=user)
        return self.renewed(user, device)


class ChangeEmail(AccountView):
    """
    ``POST change_email/`` ``{"email", "password"}`` → 200 ``{}``.

    Mails a link to the new address; nothing changes before ``confirm_email/`` gets it.
    400 with codes under ``email`` (``email_unique``) or ``password``; 403; 503
    ``mail_not_sent``. Under PREVENT_ENUMERATION a taken address answers 200 as well,
    and its owner gets the mail that says so.
    """

    serializer_class: type[Any] | None = ChangeEmailSerializer
    needs = ("user", "email")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user, address = data["user"], data["email"]
        by, client = str(request.user.pk), client_address(request)
        # SECURITY: counted apart from the mails of other endpoints. Their number
        # depends on which accounts exist, and the client would see a refusal here.
        counters = [Counter("CHANGE_EMAIL", by)]
        counters += [Counter("MAIL_ADDRESS", f"new|{client}")] if client else []
        take_all(*counters)
        taken = taken_codes({user_model.email: address}, but=user)
        answer_first = api_settings.PREVENT_ENUMERATION
        if taken and not answer_first:
            services.refuse_address(taken)
        # One account takes some of the mails to an address, and leaves the rest to
        # others. SECURITY: a refusal is for the log alone, since it would tell what
        # others have asked for.
        mailbox = f"new|{account_key(None, address, as_address=True)}"
        mail = may_mail(request, mailbox, kind="new address", by=by)
        event, code = ("throttled", "throttled")
        if mail is not None:
            event, code = ("email_change_requested", "-")
        with AccountTransaction():
            user_pre_change_email.send(sender=self.__class__, user=user, email=address)
        if mail is not None and not answer_first:
            self.hand_over(user, address, mail)
            mail = None
        security_log.log(event, request, user=user, code=code)
        self.after_answer(
            f"The mails about a new address of user {user.pk}",
            partial(self.finish, user, address, mail, is_taken=bool(taken)),
        )
        return Response({})

    def hand_over(self, user: User, address: str, mail: Mail) -> None:
        """Mail the link, in no transaction; then tell the receivers, in one."""
        try:
            services.send_confirm_email_mail(user, address)
        except Exception:
            mail.not_sent()
            raise
        with AccountTransaction():
            user_post_change_email.send(sender=self.__class__, user=user, email=address)

    def finish(
        self, user: User, address: str, mail: Mail | None, *, is_taken: bool
    ) -> None:
        """
        Send the mails that the client does not wait for.

        ``mail``: to ``address``, where it was not sent before the answer: the link, or
        the mail to the owner that another user has asked for the address.
        """
        if mail is not None:
            # SECURITY: looked for and counted in both cases, at the same cost. The next
            # request shares the processor, and its delay would tell.
            owner = find_by_address(address)
            mailbox = core.mailbox_key(owner, address, as_address=True)
            by = str(self.request.user.pk)
            theirs = may_mail(self.request, mailbox, kind="taken", by=by)
            if not is_taken:
                try:
                    self.hand_over(user, address, mail)
                except Exception as error:  # noqa: BLE001  # it is logged
                    log_failure(
                        error, "The new address of user %s got no mail", user.pk
                    )
            elif theirs is not None and not core.tell_owner(owner):
                mail.not_sent()
                theirs.not_sent()
        services.send_security_notice(user, "EMAIL_CHANGE_REQUESTED", self.request)


class ConfirmEmail(AuthView):
    """
    ``POST confirm_email/`` ``{"ident", "token"}`` → 200 ``{}``.

    The link is enough, with or without a session. 400 ``{"error":
    "email_change_link_invalid"}``, or ``email_unique`` under ``email`` where another
    account has taken the address since; under ACTIVATION_PROOF also
    ``activation_proof_required``, unless the account is logged in here or its
    ``password`` comes along.
    """

    throttles = [LinkThrottle]
    serializer_class: type[Any] | None = ConfirmEmailSerializer
    needs = ("user", "address")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user, address = data["user"], data["address"]
        if api_settings.ACTIVATION_PROOF:
            activation_proof.insist_on_owner(request, user, data.get("password"))
        before = getattr(user, user_model.email)
        with identity_transaction():
            user_pre_confirm_email.send(sender=self.__class__, user=user, email=address)
            services.confirm_email(user, address)
            user_post_confirm_email.send(
                sender=self.__class__, user=user, email=address
            )
            services.void_email_change_links(user)
        security_log.log("email_changed", request, user=user)
        notify(self, services.addressed(user, before), "EMAIL_CHANGED")
        return Response({})


class UpdateMe(MeView):
    """
    :class:`MeView`, and ``PATCH me/`` → 200 ``{"user": {...}, "csrf": "..."}``.

    Takes the fields of USER_UPDATE_SERIALIZER, each of them optional. 400 with codes
    under the fields; 403 ``not_authenticated`` or ``csrf_failed``.
    """

    permissions_of = {"PATCH": [IsAuthenticated]}
    throttles_of = {"PATCH": [AccountThrottle]}

    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not isinstance(request.data, Mapping):
            self.get_update_serializer(request.user).is_valid(raise_exception=True)
        with identity_transaction():
            user = services.lock(request.user)
            user_pre_update_me.send(
                sender=self.__class__, user=user, user_data=request.data
            )
            serializer = self.get_update_serializer(user)
            serializer.is_valid(raise_exception=True)
            user = services.save_update(user, serializer)
            user_post_update_me.send(sender=self.__class__, user=user)
        security_log.log("account_updated", request, user=user)
        csrf = self.csrf()
        return Response({"user": self.user_data(user), "csrf": csrf})

    def get_update_serializer_class(self) -> type[Any]:
        """Return the class that validates ``PATCH``: USER_UPDATE_SERIALIZER."""
        found: type[Any] = account_settings.USER_UPDATE_SERIALIZER
        return found

    def get_update_serializer(self, user: User) -> Any:
        """Return the serializer of this request, less what ``PATCH`` never changes."""
        serializer = self.get_update_serializer_class()(
            user,
            data=self.request.data,
            partial=True,
            context=self.get_serializer_context(),
        )
        restrict_update(serializer)
        watch(serializer)
        return serializer


class DeleteAccount(AccountView):
    """
    ``POST delete_account/`` ``{"password"}`` → 200 ``{"csrf": "..."}``.

    ACCOUNT_DELETION_FUNCTION deletes the account, and the session ends. 400
    with codes under ``password``; 403; 409 ``account_protected``, with nothing deleted.
    """

    serializer_class: type[Any] | None = ReauthenticationSerializer
    needs = ("user",)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = self.given()["user"]
        with services.deletion():
            user = services.lock(user)
            left = services.addressed(user, getattr(user, user_model.email))
            user_pre_delete_account.send(sender=self.__class__, user=user)
            tell_of_ended_sessions(user, "deleted")
            # What deletion means to the project.
            account_settings.ACCOUNT_DELETION_FUNCTION(user)
            user_post_delete_account.send(sender=self.__class__, user=left)
        # Receivers of user_logged_out look for what belongs to the account.
        request._request.user = left if user.pk is None else user
        logout(request._request)
        rotate_token(request._request)
        security_log.log("account_deleted", request, user=left)
        notify(self, left, "ACCOUNT_DELETED")
        return Response({"csrf": self.csrf()})
