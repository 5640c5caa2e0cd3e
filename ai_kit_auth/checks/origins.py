"""
Origins and sites as browsers see them, for the checks and the doctor.

An origin is scheme, host and port (RFC 6454). A site is scheme and registrable domain
(the HTML standard, "schemeful same site"), without the port. Browsers decide by site
which cookies they send.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from corsheaders.conf import conf as cors
from django.conf import settings
from django.utils.functional import Promise
from django.utils.http import is_same_domain

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_PORTS = {"http": 80, "https": 443}
# A name, which may hold underscores, or the inside of an IPv6 address' brackets.
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port; the host in lower case, IPv6 without its brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        """Return the ``Host`` header: with the port where it is not the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.has_usual_port else f"{host}:{self.port}"

    @property
    def has_usual_port(self) -> bool:
        """Tell whether the port is the default: 80, or 443 for HTTPS."""
        return self.port == _PORTS[self.scheme]

    @property
    def is_local(self) -> bool:
        """Tell whether it is on this machine, where browsers trust ``http`` too."""
        return is_local(self.host)

    @property
    def is_secure(self) -> bool:
        """Tell whether browsers treat it as secure: HTTPS, or this machine."""
        return self.scheme == "https" or self.is_local

    def is_same_site(self, other: Origin) -> bool:
        """Tell whether cookies that are ``SameSite=Lax`` go along between the two."""
        return self.scheme == other.scheme and site_of(self.host) == site_of(other.host)


def parse_origin(text: str) -> Origin:
    """
    Return the origin ``text``, written as ``CORS_ALLOWED_ORIGINS`` needs it.

    Raises :exc:`ValueError`, whose message says what is wrong: "has no scheme", "has a
    path".
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

    A host with letters outside ASCII becomes what browsers send: "bücher.example" is
    "xn--bcher-kva.example".

    Raises :exc:`ValueError` with what is wrong: "has no scheme", "has no host", ...
    """
    scheme, mark, _ = url.partition("://")
    if not mark:
        raise ValueError("has no scheme")
    if scheme.lower() not in _PORTS:
        raise ValueError(f"has the scheme {scheme!r}, not http or https")
    # urlsplit() silently takes some of them out.
    if not url.isprintable() or " " in url:
        raise ValueError("has white space or a control character")
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a user name")
    if not parts.hostname:
        raise ValueError("has no host")
    try:
        host = parts.hostname
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host):
        raise ValueError("has characters that no host name has")
    # May raise, too: "Port out of range 0-65535".
    port = parts.port
    return Origin(parts.scheme, host, _PORTS[parts.scheme] if port is None else port)


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
    Return the registrable domain of ``host``; an IP address is a site of its own.

    The Public Suffix List, which ``django-ai-kit-auth[doctor]`` installs, tells two
    tenants of ``vercel.app`` apart. Without it the last two labels count.
    """
    if is_local(host) or is_ip_address(host):
        return host
    suffixes = _suffixes()
    if suffixes is not None:
        return str(suffixes.privatesuffix(host) or host)
    return ".".join(host.split(".")[-2:])


def is_public_suffix(host: str) -> bool:
    """Tell whether the public registers names below ``host``, such as ``co.uk``."""
    if is_local(host) or is_ip_address(host):
        return False
    suffixes = _suffixes()
    if suffixes is not None:
        return suffixes.privatesuffix(host) is None
    return "." not in host


def knows_suffixes() -> bool:
    """Tell whether :func:`site_of` uses the Public Suffix List."""
    return _suffixes() is not None


@cache
def _suffixes() -> PublicSuffixList | None:
    try:
        from publicsuffixlist import PublicSuffixList
    except ImportError:
        return None
    return PublicSuffixList()


def is_ip_address(host: str) -> bool:
    """Tell whether ``host`` is an IP address, and no name."""
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
    for entry in texts_of(trusted):
        scheme, _, rest = entry.partition("://")
        netloc = rest.partition("/")[0]
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
    """
    Return the names in ``ALLOWED_HOSTS``: neither ``"*"`` nor with a leading dot.

    An entry with a scheme or a port means its name.
    """
    hosts = [right_host(host) for host in texts_of(settings.ALLOWED_HOSTS)]
    return [
        host.strip("[]")
        for host in hosts
        if host[:1] not in "*." and _HOST.fullmatch(host.strip("[]"))
    ]


def right_host(entry: str) -> str:
    """
    Return the right form of ``entry`` of ``ALLOWED_HOSTS``, in lower case.

    An entry is compared with the ``Host`` header less its port: it has no scheme, port
    or path, an IPv6 address has its brackets, and a leading dot stands for all names
    below.
    """
    text = entry.strip().lower()
    text = re.split("[/?#]", text.partition("://")[2] or text)[0]
    bracketed = re.match(r"\[[0-9a-f:.]+\]", text)
    if bracketed:
        return bracketed[0]
    if text.count(":") > 1:
        return f"[{text}]"
    return text.partition(":")[0].removeprefix("*" if text.startswith("*.") else "")


def texts_of(value: object) -> list[str]:
    """Return the strings in a setting, which should be a list but may be anything."""
    if not isinstance(value, list | tuple | set | frozenset):
        return []
    return [str(item) for item in value if isinstance(item, str | Promise)]


def frontend_origins(url: str) -> Iterator[Origin]:
    """Yield the origin of ``url`` (FRONTEND.URL), and each that CORS allows by name."""
    seen = set()
    # Reads CORS_ORIGIN_WHITELIST as well, which 2.0.0's documentation still had.
    for text in [url, *texts_of(cors.CORS_ALLOWED_ORIGINS)]:
        try:
            origin = origin_of(text)
        except ValueError:
            continue
        if origin not in seen:
            seen.add(origin)
            yield origin
