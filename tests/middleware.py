"""Middleware and other code of projects; most of it breaks a frontend."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from django.contrib.auth.backends import ModelBackend
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotFound,
    HttpResponseRedirect,
)

GetResponse = Callable[[HttpRequest], HttpResponse]


class _Middleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response


class LoginWall(_Middleware):
    """Redirects every anonymous user to a page, as a site of pages does."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(f"/accounts/login/?next={quote(request.path)}")


class Maintenance(_Middleware):
    """Answers in HTML that no user is logged in."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("<h1>Back at noon</h1>")


class Broken(_Middleware):
    """Has a bug."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(os.environ["NO_SUCH_VARIABLE"])


class Uninstalled(_Middleware):
    """Imports a module late that is not installed."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(import_module("no_such_package")))


class Cached(_Middleware):
    """Lets every cache on the way keep the answer."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["Cache-Control"] = "public, max-age=600"
        return response


class WithoutCSRF(_Middleware):
    """Turns CSRF checks off, as some advice on the web says."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # Django's own
        return self.get_response(request)


class Hoarder(_Middleware):
    """Keeps in the session what belongs into a database."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated:
            # Of random digits, since signed cookies are compressed.
            request.session["basket"] = os.urandom(4096).hex()
        return response


class Amnesia(_Middleware):
    """Ends the session that the request is about to end."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.endswith("/logout/"):
            request.session.flush()
        return self.get_response(request)


class AllowsAll(_Middleware):
    """Sets by hand what a package sets as well, and better."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["Access-Control-Allow-Origin"] = "*"
        return response


class NoCredentials(_Middleware):
    """Takes a header away that it does not know."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        del response["Access-Control-Allow-Credentials"]
        return response


class Cookieless(_Middleware):
    """Takes cookies away, as a law is said to ask for."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.cookies.clear()
        return response


class Forgetful(_Middleware):
    """Ends every session that it meets."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "_auth_user_id" in request.session:
            request.session.flush()
        return self.get_response(request)


class NoBackend:
    """Knows no account."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        return None


class NoAdminHere(_Middleware):
    """Keeps the admin to the machines of the house."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/admin/"):
            return HttpResponseNotFound("<h1>Not found</h1>")
        return self.get_response(request)


class NoStaffBackend(ModelBackend):
    """Refuses users with more permissions than others."""

    def user_can_authenticate(self, user: Any) -> bool:
        return not getattr(user, "is_staff", False)


def shows_an_object(user: Any, context: Any) -> Any:
    """Show what no JSON can hold."""
    return SimpleNamespace(data={"id": object()})


def sends_to_one(user: Any) -> None:
    """Take less than it is called with."""


def broken_serializer(user: Any, context: Any) -> Any:
    """Fail, in the way of a serializer that wants what a new account lacks."""
    return user.profile.name
