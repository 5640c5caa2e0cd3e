"""
What is told of the browser of a session: its name, its system, its address.

A user agent is what a client writes. It is cut and cleaned before anything reads it.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..throttling import client_address
from .models import USER_AGENT_LENGTH
from .settings import sessions_settings

logger = logging.getLogger("ai_kit_auth")

KINDS = ("desktop", "phone", "tablet", "other")
# Longer names are no names.
_LONGEST = 64

Device = dict[str, str]


def user_agent_of(request: Any) -> str:
    """
    Return the user agent of ``request``, of at most 256 printable characters.

    HTTP has bytes there, which servers read as ISO 8859-1; all else is left out.
    """
    # SECURITY: cut first, as a header may be as long as the server lets it be.
    given = str(request.META.get("HTTP_USER_AGENT") or "")[:USER_AGENT_LENGTH]
    return "".join(sign for sign in given if sign.isprintable() and sign <= "\xff")


def stored_address(request: Any) -> str:
    """
    Return the IP address of ``request`` as it is stored, "" where none is known.

    It is that of ``throttling.client_address``: nothing where it may be a proxy's, and
    the /56 of an IPv6 address. SESSION_IP_PREFIX cuts it further, to a network such as
    ``"192.0.2.0/24"``.
    """
    whole = (32, 128)
    return cut(
        client_address(request) or "", sessions_settings.SESSION_IP_PREFIX or whole
    )


def cut(address: str, prefixes: tuple[int, int]) -> str:
    """
    Return the network of an IP address or a network, "" for what is neither.

    ``prefixes``: the most leading bits that an IPv4 and an IPv6 network keeps. With 0
    the result is "".
    """
    try:
        network = ipaddress.ip_network(address, strict=False)
    except ValueError:
        return ""
    wanted = prefixes[network.version == 6]
    if wanted < network.prefixlen:
        network = network.supernet(new_prefix=wanted)
    if not network.prefixlen:
        # Nothing is left of it.
        return ""
    is_one = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_one else network)


def device_of(user_agent: str) -> Device:
    """
    Return ``{"browser", "system", "kind"}`` of a stored user agent.

    Texts of at most 64 characters, "" for what is not known. ``kind`` is one of
    :data:`KINDS`. A SESSION_DEVICE_NAME that fails is logged, and nothing is known.
    """
    found: Mapping[str, Any] = {}
    try:
        if user_agent:
            found = sessions_settings.SESSION_DEVICE_NAME(user_agent)
        texts = {
            key: str(found.get(key) or "")[:_LONGEST] for key in ("browser", "system")
        }
        kind = found.get("kind")
    except Exception:
        logger.exception("SESSION_DEVICE_NAME failed")
        texts, kind = {"browser": "", "system": ""}, ""
    return {**texts, "kind": kind if kind in KINDS else "other"}


@lru_cache(maxsize=1000)
def by_ua_parser(user_agent: str) -> Mapping[str, str]:
    """
    Return ``{"browser", "system", "kind"}`` as ua-parser reads ``user_agent``.

    Empty without the extra ``sessions``, which a check tells.
    """
    try:
        from ua_parser import parse
    except ImportError:
        return {}
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    device = found.device.family if found.device else ""
    return {
        "browser": browser,
        "system": system,
        "kind": _kind(user_agent, system, device),
    }


_DESKTOPS = re.compile(
    r"Windows(?! Phone)|Mac OS X|Chrome OS|.*(Linux|BSD)|Ubuntu|Fedora"
)
_PHONES = re.compile(r"Windows Phone|KaiOS|BlackBerry OS|Firefox OS")


def _kind(user_agent: str, system: str, device: str) -> str:
    if device.startswith("Spider"):
        return "other"
    if system == "iOS":
        return "tablet" if device.startswith("iPad") else "phone"
    if system == "Android":
        # By what Google tells makers to write: "Mobile" for phones alone.
        return "phone" if "Mobile" in user_agent else "tablet"
    if _PHONES.match(system):
        return "phone"
    return "desktop" if _DESKTOPS.match(system) else "other"
