"""The endpoint of the wish list."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from ai_kit_auth import security_log
from ai_kit_auth.endpoints import AuthView, SessionAuthentication
from ai_kit_auth.throttling import CountingThrottle

from .services import mail_wish
from .settings import wishlist_settings
from .signals import post_add_wish, pre_add_wish


class WishlistFull(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = ""
    default_code = "wishlist_full"


class WishThrottle(CountingThrottle):
    scope = "WISH"

    def key(self, request: Any) -> str:
        return str(request.user.pk)


class WishSerializer(serializers.Serializer[Any]):
    wish = serializers.CharField(max_length=100)


class WishlistView(AuthView):
    """
    The wishes of the session.

    ``GET wishlist/`` → 200 ``{"wishes", "csrf"}``; ``POST wishlist/`` ``{"wish"}`` →
    201 ``{}``.
    """

    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]
    throttles = [WishThrottle]
    serializer_class = WishSerializer

    def get(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        wishes = request.session.get("wishes", [])
        return Response({"wishes": wishes, "csrf": self.csrf()})

    def post(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        wish = self.given()["wish"]
        wishes = request.session.get("wishes", [])
        if len(wishes) >= wishlist_settings.MAX_WISHES:
            raise WishlistFull
        user = request.user
        pre_add_wish.send(sender=self.__class__, user=user, wish=wish)
        request.session["wishes"] = [*wishes, wish]
        post_add_wish.send(sender=self.__class__, user=user, wish=wish)
        security_log.log("wish_added", request, user=user)
        self.after_answer(f"The wish mail of user {user.pk}", partial(mail_wish, user))
        return Response({}, status=status.HTTP_201_CREATED)
