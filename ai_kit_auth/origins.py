"""
Origins and sites, as browsers know them: what the checks and the doctor reckon with.

An origin is scheme, host and port (RFC 6454). A site is scheme and registrable domain
(the HTML standard, "schemeful same site"): it decides which cookies go along, and ports
have no part in it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.http import is_same_domain

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port; the host in lower case, without an IPv6's brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        """Return what the ``Host`` header says: the port only where it is not usual."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Tell whether it is on this machine, where browsers trust ``http`` too."""
        return is_local(self.host)

    @property
    def is_secure(self) -> bool:
        """Tell whether browsers take it for safe: HTTPS, or this machine."""
        return self.scheme == "https" or self.is_local

    def is_same_site(self, other: Origin) -> bool:
        """Tell whether cookies that are ``SameSite=Lax`` go along between the two."""
        return self.scheme == other.scheme and site_of(self.host) == site_of(other.host)


def parse_origin(text: str) -> Origin:
    """
    Return the origin that ``text`` is, as ``CORS_ALLOWED_ORIGINS`` wants it written.

    Raises :exc:`ValueError`, whose message says what is wrong with it: "has no scheme",
    "has a path".
    """
    origin = origin_of(text)
    rest = text.partition("://")[2]
    if rest.rstrip("/") != rest and not any(m in rest.rstrip("/") for m in "/?#"):
        raise ValueError("ends in a slash")
    if any(mark in rest for mark in "/?#"):
        raise ValueError("has a path")
    return origin


def origin_of(url: str) -> Origin:
    """
    Return the origin of ``url``, whatever its path.

    Raises :exc:`ValueError` with what is wrong: "has no scheme", "has no host", ...
    """
    scheme, mark, _ = url.partition("://")
    if not mark:
        raise ValueError("has no scheme")
    if scheme.lower() not in _PORTS:
        raise ValueError(f"has the scheme {scheme!r}, not http or https")
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a user name")
    if not parts.hostname:
        raise ValueError("has no host")
    if not url.isascii() or url != "".join(url.split()):
        raise ValueError("has characters that no host name has")
    # May raise, too: "Port out of range 0-65535".
    port = parts.port
    return Origin(
        parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port
    )


def is_local(host: str) -> bool:
    """Tell whether ``host`` is this machine (W3C Secure Contexts, section 3.1)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def site_of(host: str) -> str:
    """
    Return the registrable domain of ``host``; an address is a site of its own.

    By the Public Suffix List where ``django-ai-kit-auth[doctor]`` is installed, which
    knows that two tenants of ``vercel.app`` are strangers. Without it the last two
    labels count.
    """
    if is_local(host) or _is_address(host):
        return host
    suffixes = _suffixes()
    if suffixes is not None:
        return str(suffixes.privatesuffix(host) or host)
    return ".".join(host.split(".")[-2:])


def is_public_suffix(host: str) -> bool:
    """Tell whether strangers register names below ``host``, such as ``co.uk``."""
    suffixes = _suffixes()
    if suffixes is not None:
        return suffixes.privatesuffix(host) is None
    return "." not in host and not is_local(host)


def knows_suffixes() -> bool:
    """Tell whether :func:`site_of` has the Public Suffix List to go by."""
    return _suffixes() is not None


@cache
def _suffixes() -> PublicSuffixList | None:
    try:
        from publicsuffixlist import PublicSuffixList
    except ImportError:
        return None
    return PublicSuffixList()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_trusted(origin: Origin, trusted: list[str]) -> bool:
    """
    Tell whether ``CSRF_TRUSTED_ORIGINS`` has ``origin``, as Django reads it.

    An entry is an origin, or has a wildcard: ``https://*.example.com``.
    """
    for entry in trusted:
        scheme, _, netloc = entry.partition("://")
        if entry == str(origin):
            return True
        if (
            "*" in netloc
            and scheme == origin.scheme
            and is_same_domain(origin.netloc, netloc.lstrip("*"))
        ):
            return True
    return False


def named_hosts() -> list[str]:
    """Return the names in ``ALLOWED_HOSTS``: neither ``"*"`` nor with a leading dot."""
    hosts = [str(host).lower() for host in settings.ALLOWED_HOSTS]
    return [host.strip("[]") for host in hosts if host and host[0] not in "*."]


def frontend_origins(url: str) -> Iterator[Origin]:
    """Yield the origin of ``url`` (FRONTEND.URL), and each that CORS allows by name."""
    seen = set()
    for text in [url, *getattr(settings, "CORS_ALLOWED_ORIGINS", ())]:
        try:
            origin = origin_of(text)
        except ValueError:
            continue
        if origin not in seen:
            seen.add(origin)
            yield origin
