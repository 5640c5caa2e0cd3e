"""A page of the frontend, as the project sees it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.request import validate_host
from django.middleware.csrf import CSRF_SESSION_KEY, get_token
from django.test import Client
from rest_framework.renderers import JSONRenderer
from rest_framework.settings import api_settings as drf_settings
from rest_framework.test import APIClient

from ..account.permissions import _CONFIRMED, mark_recently_authenticated
from ..account.settings import account_settings
from ..checks.origins import is_trusted, origin_of
from ..checks.routes import NAMESPACE, path_of
from ..settings import api_settings, require_frontend_url
from ..urls import auth_patterns
from ..user_model import User

_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


class Browser(APIClient):
    """
    A client of DRF that sends what a page of the frontend sends.

    - Each request has the page's ``Origin`` and ``Referer``, and is checked for a CSRF
      token as a browser's is.
    - The page keeps the ``csrf`` of every answer and sends it from then on. It has a
      token at its first request, as a page that has asked ``me/`` before.
    - Bodies are JSON. Paths without a slash before them are below the URLs of the
      package, wherever the project has them: ``browser.post("login/", …)``.
    - A page of HTTPS asks by HTTPS, and so does every page of a project with secure
      cookies or SECURE_SSL_REDIRECT.

    ``origin``: scheme, host and port of the page; FRONTEND.URL by default. ``host``:
    the ``Host`` header of the requests. By default it is "testserver". It is the page's
    own for an origin that CSRF_TRUSTED_ORIGINS leaves out and ALLOWED_HOSTS names: a
    frontend that the project serves itself. ``defaults``: further headers and parts of
    the WSGI environment, as Django's test client takes them. Raises
    :exc:`ValueError` for an origin that is none.
    """

    default_format = "json"

    def __init__(
        self, origin: str | None = None, host: str | None = None, **defaults: Any
    ) -> None:
        own = origin_of(origin or api_settings.FRONTEND.URL or require_frontend_url(""))
        self.origin = str(own)
        # The CSRF token that the page has; None before its first request.
        self.csrf: str | None = None
        named = [each for each in settings.ALLOWED_HOSTS if each != "*"]
        if (
            host is None
            and not is_trusted(own, settings.CSRF_TRUSTED_ORIGINS)
            and validate_host(own.host, named)
        ):
            host = own.netloc
        self.is_secure = own.scheme == "https" or (
            settings.SECURE_SSL_REDIRECT
            or settings.SESSION_COOKIE_SECURE
            or settings.CSRF_COOKIE_SECURE
        )
        self.renderer_classes_list = (
            *drf_settings.TEST_REQUEST_RENDERER_CLASSES,
            JSONRenderer,
        )
        usual = {"HTTP_ORIGIN": self.origin, "HTTP_REFERER": f"{self.origin}/"}
        if host is not None:
            usual["HTTP_HOST"] = host
        super().__init__(enforce_csrf_checks=True, **{**usual, **defaults})

    def url(self, endpoint: str) -> str:
        """
        Return the path of an endpoint, such as ``me/``, in the project's URLs.

        Raises :exc:`LookupError` where the project includes no URLs of the package.
        """
        for each in auth_patterns:
            route = str(each.pattern)
            path = path_of(f"{NAMESPACE}:{each.name}") if "<" not in route else None
            if path is not None:
                return f"{path.removesuffix(route)}{endpoint}"
        raise LookupError(
            "The URLs of ai_kit_auth are not in ROOT_URLCONF, or serve no endpoint."
        )

    def login(self, ident: str, password: str, **more: Any) -> Any:  # type: ignore[override]  # Django's takes credentials, and asks no server
        """
        Post ``ident`` and ``password`` to ``login/``; return the answer.

        ``more``: further keys of the body. :meth:`logged_in_as` is faster.
        """
        return self.post("login/", {"ident": ident, "password": password, **more})

    def logout(self) -> Any:
        """Post to ``logout/``; return the answer."""
        return self.post("logout/", {})

    def logged_in_as(self, user: User, backend: str | None = None) -> Browser:
        """
        Log ``user`` in without a password, get a CSRF token, and return the browser.

        ``backend``: as of Django's ``force_login()``. No factor is asked for.
        """
        self.force_login(user, backend)
        self._take_token()
        return self

    def generic(self, method: str, path: Any, *args: Any, **extra: Any) -> Any:
        """Send a request, as all the methods of Django's test client do."""
        if not str(path).startswith(("/", "http://", "https://")):
            path = self.url(path)
        if self.csrf is None and method not in _SAFE:
            self._take_token()
        if self.csrf is not None:
            extra.setdefault(settings.CSRF_HEADER_NAME, self.csrf)
        extra["secure"] = extra.get("secure") or self.is_secure
        return super().generic(method, path, *args, **extra)

    def request(self, **kwargs: Any) -> Any:
        """Send a request, and keep the token of its answer."""
        answer = super().request(**kwargs)
        kind = answer.headers.get("Content-Type", "")
        if kind.startswith("application/json") and not answer.streaming:
            body = answer.json() if answer.content else None
            if isinstance(body, dict) and isinstance(body.get("csrf"), str):
                self.csrf = body["csrf"]
        return answer

    def _take_token(self) -> None:
        """Get a token as ``me/`` gives one, which the project may have switched off."""
        request = HttpRequest()
        self.csrf = get_token(request)
        secret = request.META["CSRF_COOKIE"]
        if settings.CSRF_USE_SESSIONS:
            session = self.session
            session[CSRF_SESSION_KEY] = secret
            _save(self, session)
        else:
            self.cookies[settings.CSRF_COOKIE_NAME] = secret


def browser(origin: str | None = None, host: str | None = None) -> Browser:
    """
    Return a :class:`Browser` with a page of ``origin``, by default of FRONTEND.URL.

    Each call gives another browser: another user, or another device of the same one.
    ``host``: as of :class:`Browser`.
    """
    return Browser(origin, host)


def fresh(client: Client, factor: str | None = None) -> None:
    """
    Make the session of ``client`` as fresh as after ``confirm_password/``.

    ``factor``: the id of the second factor that has proven the user, such as "totp:1";
    None for the password. Raises :exc:`AssertionError` if no user is logged in, or if
    REAUTHENTICATION_TIMEOUT is None, so that no session is ever fresh.
    """
    if account_settings.REAUTHENTICATION_TIMEOUT is None:
        raise AssertionError("REAUTHENTICATION_TIMEOUT is None: no session is fresh.")
    request = HttpRequest()
    request.session = client.session
    request.user = get_user(request)
    if not request.user.is_authenticated:
        raise AssertionError("No user is logged in, so the session cannot be fresh.")
    mark_recently_authenticated(request, factor)
    _save(client, request.session)


def stale(client: Client) -> None:
    """Make the session of ``client`` one that has to send the password again."""
    session = client.session
    session.pop(_CONFIRMED, None)
    _save(client, session)


def _save(client: Client, session: Any) -> None:
    session.save()
    # The engine of signed cookies has the session's data in the cookie.
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
