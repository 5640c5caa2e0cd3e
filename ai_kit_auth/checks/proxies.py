"""Whether the throttles can tell the IP address of a client from a proxy's."""

from __future__ import annotations

from django.conf import settings

from ..settings import api_settings, keys_below
from .origins import Origin, named_hosts
from .problems import Problems, drf, is_readable, problem

_FROM_A_PROXY = (
    "SECURE_PROXY_SSL_HEADER",
    "USE_X_FORWARDED_HOST",
    "USE_X_FORWARDED_PORT",
)


def check_proxies() -> Problems:
    """
    W019, with and without ``--deploy``.

    A setting tells of a proxy, or the server answers to a name in the public DNS, where
    nearly every server has a proxy. A developer's machine gets no warning.
    """
    if drf("NUM_PROXIES") is not None or not _counts():
        return
    signs = [name for name in _FROM_A_PROXY if getattr(settings, name)]
    if not settings.DEBUG and any(map(_is_public, named_hosts())):
        signs.append("ALLOWED_HOSTS")
    if not signs:
        return
    lead = f"{signs[0]} suggests that a proxy stands before the server, but "
    yield problem(
        "W019",
        f"{lead}NUM_PROXIES is not set: limits per IP address do not apply to requests "
        "that may come through a proxy.",
        "REST_FRAMEWORK = {'NUM_PROXIES': 1}, or the number of proxies that add to "
        "X-Forwarded-For; 0 if clients connect to Django's server directly.",
    )


def _is_public(host: str) -> bool:
    return "." in host.strip(".") and not Origin("http", host, 80).is_local


def _counts() -> bool:
    if not is_readable():
        return True
    rates = api_settings.THROTTLE_RATES
    return any(getattr(rates, name) for name in keys_below("THROTTLE_RATES"))
