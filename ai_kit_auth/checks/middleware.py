"""The middleware that logins need, and its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings

from .origins import texts_of
from .problems import Problems, dotted, imported, is_served, problem


class _Middleware(NamedTuple):
    """An entry of MIDDLEWARE, with the dotted paths of its class and its bases."""

    path: str
    names: frozenset[str]

    def is_a(self, *paths: str) -> bool:
        return not self.names.isdisjoint(paths)


def middleware_of(setting: object) -> list[_Middleware]:
    """Return all entries of ``setting``, importable or not."""
    found = []
    for path in texts_of(setting):
        middleware = imported(path)
        bases = middleware.__mro__ if isinstance(middleware, type) else ()
        found.append(_Middleware(path, frozenset({path, *map(dotted, bases)})))
    return found


def place_of(middleware: Sequence[_Middleware], wanted: str) -> int | None:
    """Return the place of ``wanted``, of a subclass, or of a class of the same name."""
    name = wanted.rpartition(".")[2]
    for place, one in enumerate(middleware):
        # Some packages have a class of that name and purpose with other bases.
        if one.is_a(wanted) or one.path.endswith(name):
            return place
    return None


CORS = "corsheaders.middleware.CorsMiddleware"
_SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
_AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
# Middleware of Django that may answer before the view. SecurityMiddleware is not here:
# it redirects to HTTPS, and a frontend with the right URL never gets that redirect.
ANSWERING = (
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "django.contrib.redirects.middleware.RedirectFallbackMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.locale.LocaleMiddleware",
)


def check_middleware() -> Problems:
    """W027."""
    if not is_served("LOGIN", "LOGOUT", "ME"):
        return
    middleware = middleware_of(settings.MIDDLEWARE)
    hint = f'MIDDLEWARE = [..., "{_SESSION}", ..., "{_AUTHENTICATION}", ...]'
    session = place_of(middleware, _SESSION)
    authentication = place_of(middleware, _AUTHENTICATION)
    if session is None:
        yield problem("W027", "MIDDLEWARE lacks SessionMiddleware.", hint)
    if authentication is None:
        yield problem("W027", "MIDDLEWARE lacks AuthenticationMiddleware.", hint)
    elif session is not None and authentication < session:
        yield problem(
            "W027",
            "MIDDLEWARE has AuthenticationMiddleware above SessionMiddleware, but "
            "needs it below.",
            hint,
        )
