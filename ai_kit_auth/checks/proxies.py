"""Whether the throttles can tell a client's IP address from a proxy's."""

from __future__ import annotations

from django.conf import settings

from ..origins import Origin, named_hosts
from ..settings import api_settings
from .problems import Problems, drf, is_readable, problem

_FROM_A_PROXY = (
    "SECURE_PROXY_SSL_HEADER",
    "USE_X_FORWARDED_HOST",
    "USE_X_FORWARDED_PORT",
)


def check_proxies() -> Problems:
    """
    W019, without ``--deploy`` as well.

    Where a setting tells of a proxy; and where the server answers to a name of the
    public DNS, which nearly always is a proxy's. Not on a developer's machine.
    """
    if drf("NUM_PROXIES") is not None or not _counts():
        return
    signs = [name for name in _FROM_A_PROXY if getattr(settings, name)]
    if not settings.DEBUG and any(map(_is_public, named_hosts())):
        signs.append("ALLOWED_HOSTS")
    if not signs:
        return
    lead = f"{signs[0]} tells of a server that a proxy may stand before, and "
    yield problem(
        "W019",
        f"{lead}NUM_PROXIES does not say how many proxies there are: requests whose IP "
        "address may be a proxy's meet no limit per IP address.",
        "REST_FRAMEWORK = {'NUM_PROXIES': 1}, or how many add to X-Forwarded-For; 0 "
        "where clients connect to Django's server itself.",
    )


def _is_public(host: str) -> bool:
    return "." in host.strip(".") and not Origin("http", host, 80).is_local


def _counts() -> bool:
    if not is_readable():
        return True
    rates = api_settings.THROTTLE_RATES
    return any(getattr(rates, name) for name in type(rates).members())
