"""The endpoints of the list of sessions, each as the story of its flow."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.contrib.auth import logout
from django.db.models import Q
from django.middleware.csrf import rotate_token
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from .. import security_log
from .. import services as core
from ..account.serializers import ReauthenticationSerializer
from ..account.views import AccountView
from ..endpoints import AuthView
from ..params import watch
from ..settings import api_settings
from ..throttling import LinkThrottle
from . import services
from .devices import device_of
from .models import SessionRecord
from .new_devices import disown
from .serializers import NotMeSerializer, SessionNameSerializer


def shown(record: SessionRecord, sid: str | None) -> dict[str, Any]:
    """Return what a user sees of ``record``; ``sid`` is of the session that asks."""
    return {
        "id": record.id,
        "current": record.sid == sid,
        "created": record.created,
        "last_seen": record.last_seen,
        "ip_address": record.ip_address,
        "device": device_of(record.user_agent),
        "name": record.name,
        "factor": record.factor,
    }


class SessionList(AccountView):
    """
    ``GET sessions/`` → 200, a list; ``DELETE sessions/`` → 200 ``{"ended", "csrf"}``.

    The list has ``{"id", "current", "created", "last_seen", "ip_address", "device",
    "name", "factor"}`` of each session, the one last seen first. ``DELETE`` ends all
    but this one, for a freshly authenticated session or with the ``password``. 400 with
    codes under ``password``; 403 also ``reauthentication_required``.
    """

    serializer_class: type[Any] | None = ReauthenticationSerializer
    needs = ("user",)

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        found = services.live_rows(request.user).order_by("-last_seen", "-created")
        sid = services.sid_of(request)
        return Response([shown(record, sid) for record in found])

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = self.given()["user"]
        ended = services.end_all(user, "others", but=services.sid_of(request))
        count = sum(map(services.is_live, ended))
        # SECURITY: a copy of this session's own key ends as well.
        request.session.cycle_key()
        rotate_token(request._request)
        security_log.log("others_logged_out", request, user=user)
        return Response({"ended": count, "csrf": self.csrf()})


class SessionDetail(AccountView):
    """
    ``PATCH sessions/<id>/`` ``{"name"}`` → 200, as in the list; ``DELETE`` → 204.

    ``DELETE`` ends the session, for a freshly authenticated session or with the
    ``password``; this one is logged out. 404 ``not_found`` for an id that is no live
    session of this user; 400 with codes under the field; 403.
    """

    serializer_class: type[Any] | None = ReauthenticationSerializer
    needs = ("user",)

    def get_name_serializer_class(self) -> type[Any]:
        """Return the class that validates ``PATCH``."""
        return SessionNameSerializer

    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_name_serializer_class()(
            data=request.data, context=self.get_serializer_context()
        )
        watch(serializer)
        serializer.is_valid(raise_exception=True)
        record = self.record()
        record.name = serializer.validated_data["name"]
        services.rows().filter(pk=record.pk).update(name=record.name)
        return Response(shown(record, services.sid_of(request)))

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = self.given()["user"]
        record = self.record()
        if record.sid == services.sid_of(request):
            logout(request._request)
            rotate_token(request._request)
            security_log.log("logged_out", request, user=user)
        elif services.end(Q(pk=record.pk), "user", user=user):
            security_log.log("session_ended", request, user=user)
        else:
            # Another request was faster.
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)

    def record(self) -> SessionRecord:
        """
        Return the record that the URL names.

        SECURITY: one answer for what is no id, another user's and an ended one.
        """
        try:
            pk = uuid.UUID(self.kwargs["id"])
        except ValueError:
            raise NotFound from None
        found = services.live_rows(self.request.user).filter(pk=pk).first()
        if found is None:
            raise NotFound
        record: SessionRecord = found
        return record


class NotMe(AuthView):
    """
    ``POST sessions/not_me/`` ``{"ident", "token"}`` → 200 ``{}``.

    All sessions of the account end, no browser is known or trusted any more, and a mail
    with a link to set another password goes out. 400 ``{"error":
    "not_me_link_invalid"}``.
    """

    throttles = [LinkThrottle]
    serializer_class: type[Any] | None = NotMeSerializer
    needs = ("user", "token")

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = self.given()
        user = data["user"]
        disown(user, data["token"])
        security_log.log("login_disowned", request, user=user)
        if api_settings.ENABLE_ENDPOINTS.RESET_PASSWORD:
            self.after_answer(
                f"The reset mail of user {user.pk}",
                partial(core.send_reset_pw_mail, user),
            )
        return Response({})
