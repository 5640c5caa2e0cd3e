"""
Counting: logins by account and IP address, mails by mailbox, requests by client.

DRF's throttles are the frame: views name them, rates are written as DRF writes them,
and ``NUM_PROXIES`` says how many proxies write ``X-Forwarded-For``. ``counting`` is
what counts.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import os
import re
import threading
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.middleware.csrf import CSRF_SESSION_KEY
from rest_framework.exceptions import Throttled
from rest_framework.settings import api_settings as drf_settings
from rest_framework.throttling import BaseThrottle

from .cache import cache_key
from .counting import Count, Full, Role, Taken, take
from .settings import api_settings, parse_rate

logger = logging.getLogger("ai_kit_auth")


# Hashes at the same time


# A hash keeps one core busy, and hashlib lets other threads run meanwhile. More hashes
# than cores at a time finish no sooner, and leave no core to other requests.
PLACES = os.cpu_count() or 1
# Shorter than the 5 seconds that SQLite waits for a lock: a registration waits within
# its transaction, and must give up before the others do.
PATIENCE = 3.0  # seconds


class Gate:
    """
    Lets ``places`` threads hash a password at a time; a context manager.

    ``patience``: how many seconds a thread waits for a place. Then the gate raises
    DRF's ``Throttled``, whatever account the request names. A thread that is in may
    enter again. It gives its place back when it has left as often.

    SECURITY: rates bound the hashes of a minute, and not those of a moment: 900 at
    once would keep every core busy (OWASP Password Storage Cheat Sheet, *Work
    Factors*, warns of that denial of service). The gate holds for one process; the
    processes of a server share the cores.
    """

    def __init__(self, places: int, patience: float) -> None:
        self._free = threading.BoundedSemaphore(places)
        self._patience = patience
        self._here = threading.local()

    def __enter__(self) -> None:
        entered = getattr(self._here, "entered", 0)
        if not entered and not self._free.acquire(timeout=self._patience):
            raise Throttled(wait=1)
        self._here.entered = entered + 1

    def __exit__(self, *raised: object) -> None:
        self._here.entered -= 1
        if not self._here.entered:
            self._free.release()


gate = Gate(PLACES, PATIENCE)


# IP addresses


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_WITH_PORT = re.compile(
    r"(?:\[(?P<bracketed>[^\]]+)\]|(?P<plain>[0-9.]+):)(?::?[0-9]+)?"
)
_TRANSLATOR = ipaddress.IPv6Network("64:ff9b::/96")
# Each network decides for itself where the IPv4 address stands in these.
_LOCAL_TRANSLATORS = ipaddress.IPv6Network("64:ff9b:1::/48")


# No address is longer, and what a client writes must not fill the memory.
_LONGEST = 64


def _parsed(text: object) -> _Address | None:
    """Return the IP address that ``text`` is, IPv4 where IPv6 holds one, or None."""
    text = str(text or "")
    return _address(text) if len(text) <= _LONGEST else None


@lru_cache
def _address(text: str) -> _Address | None:
    with_port = _WITH_PORT.fullmatch(text)
    if with_port:
        # Some proxies write the port, of which a client has many.
        text = with_port["bracketed"] or with_port["plain"]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _TRANSLATOR:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def address_of(request: Any) -> str:
    """
    Return the IP address of the request, as it is counted and logged.

    DRF's ``NUM_PROXIES`` says how much of ``X-Forwarded-For`` to believe: nothing
    without it, since a client writes there what it likes. IPv6 is cut to /56, which a
    provider assigns to a home (RFC 6177), so that no customer is 2**72 clients. An IPv4
    address within IPv6 counts as itself: mapped (RFC 4291), or written by a translator
    (RFC 6052, RFC 8215), behind which all of IPv4 would be one client.

    It may be a proxy's: see :func:`client_address`.
    """
    found = BaseThrottle().get_ident(request) if drf_settings.NUM_PROXIES else None
    # One more than the longest, so that it is seen to be too long.
    return _counted_as(
        str(found or request.META.get("REMOTE_ADDR") or "")[: _LONGEST + 1]
    )


@lru_cache
def _counted_as(text: str) -> str:
    address = _parsed(text)
    if address is None:
        # SECURITY: a forged header must not write its own fields into the log.
        return re.sub(r"[^0-9A-Za-z.:%_-]", "_", text[:_LONGEST]) or "unknown"
    if isinstance(address, ipaddress.IPv4Address) or address in _LOCAL_TRANSLATORS:
        return str(address)
    return str(ipaddress.ip_network((int(address), 56), strict=False))


def client_address(request: Any) -> str | None:
    """
    Return :func:`address_of` the request, None where it may be that of a proxy.

    A limit per IP address would turn all clients of an undeclared proxy into one, and
    a single stranger could use up their rate. So it only holds where the address is
    known to be a client's:

    - ``NUM_PROXIES`` is 0: the project says that there is no proxy;
    - ``NUM_PROXIES`` is N: the proxies have written the address into
      ``X-Forwarded-For``;
    - the request comes from a public address, and no header tells of a proxy, or the
      header names that address as a client's, as where a server or a middleware has
      put it into ``REMOTE_ADDR``.

    Otherwise the first request writes a line to the log.
    """
    address = address_of(request)
    if drf_settings.NUM_PROXIES == 0 or _is_clients(request):
        return address
    global _said
    if not _said:
        _said = True
        logger.log(
            # A development server is called from its own machine, and need not care.
            logging.INFO if settings.DEBUG else logging.WARNING,
            "A request came from %s, which may be a proxy: limits per IP address are "
            "off for such requests. Say how many proxies there are: REST_FRAMEWORK = "
            "{'NUM_PROXIES': 1}, or 0 for none.",
            address if request.META.get("REMOTE_ADDR") else "no address",
        )
    return None


_said = False
# Proxies write these or pass them on. SECURITY: their values are never believed, since
# a client writes them as easily.
FORWARDING_HEADERS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_VIA",
)
# Not ``is_private``, which is also True for addresses that only documents use.
_INNER = [
    ipaddress.ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
        "100.64.0.0/10",  # RFC 6598; load balancers of some platforms
        *("127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8"),
        *("::/127", "fc00::/7", "fe80::/10"),
    )
]


def _is_clients(request: Any) -> bool:
    """Tell whether the IP address is a client's, where a proxy may be there."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR") or ""
    entries = [_parsed(entry.strip()) for entry in forwarded.split(",")]
    declared = drf_settings.NUM_PROXIES is not None
    if declared and any(entries):
        return True
    address = _parsed(request.META.get("REMOTE_ADDR"))
    if not _is_public(address):
        return False
    tells = any(request.META.get(name) for name in FORWARDING_HEADERS)
    return declared or not tells or address in entries


@lru_cache
def _is_public(address: _Address | None) -> bool:
    return address is not None and not any(address in network for network in _INNER)


# Counters


class Counter:
    """
    Counts the events of ``key`` in one ``scope`` of THROTTLE_RATES.

    ``lifetime``: seconds after which an event is forgotten, if that is before the
    period's end. ``part``: how much of the rate this counter may use, rounded up; all
    of it by default. ``role``: whether it refuses an event when it is full.
    """

    def __init__(
        self,
        scope: str,
        key: str,
        *,
        lifetime: int | None = None,
        part: Fraction | None = None,
        role: Role = "limit",
    ) -> None:
        self.scope, self.key = scope, key
        # What the cache counts; None where the scope is off.
        self.count: Count | None = None
        rate = getattr(api_settings.THROTTLE_RATES, scope)
        if rate is not None:
            events, period = parse_rate(rate)
            self.count = Count(
                cache_key("throttle", scope, key),
                events if part is None else math.ceil(events * part),
                period if lifetime is None else min(period, lifetime),
                role,
            )


class Counted:
    """An event that was counted, if the scopes are on and the cache works."""

    def __init__(self, taken: Taken | None = None) -> None:
        self._taken = taken

    def release(
        self, forgotten: Sequence[Counter] = (), kept: Sequence[Counter] = ()
    ) -> None:
        """Uncount it, save in ``kept``, and all events that ``forgotten`` count."""
        if self._taken is None:
            return
        try:
            self._taken.release(_counts_of(forgotten), _counts_of(kept))
        except Exception:
            logger.exception("The cache failed, so throttles stay as they are")


def _counts_of(counters: Sequence[Counter]) -> list[Count]:
    """Return what the cache counts of ``counters``, whose scopes may be off."""
    return [counter.count for counter in counters if counter.count is not None]


def take_all(*counters: Counter) -> Counted:
    """
    Count an event in each counter, or in none of them, in one step.

    Raises DRF's ``Throttled`` with the longest wait where a limit among them is full.
    An event that is refused is not counted. A cache that fails throttles nothing and is
    logged: an outage must not lock all users out.
    """
    counts = _counts_of(counters)
    if not counts:
        return Counted()
    try:
        return Counted(take(counts))
    except Full as full:
        raise Throttled(wait=max(full.wait, 1)) from None
    except Exception:
        scopes = dict.fromkeys(c.scope for c in counters if c.count is not None)
        logger.exception(
            "The cache failed, so there is no limit by %s", ", ".join(scopes)
        )
        return Counted()


class LoginAttempt:
    """
    One attempt to log in, counted as a failure until it has succeeded.

    A context manager, for the hash of the password. Both raise DRF's ``Throttled``: the
    attempt where a limit is reached, the ``with`` where no place to hash gets free in
    time. That is no guess, and is not counted: a busy server must lock no owner out.

    ``accounts``: the keys that the account is counted by. ``session``: the name of the
    session that asks for the password once more. ``device``: the name of the browser,
    if the account has logged in there before.

    SECURITY: counted before the password is hashed, so that a burst over many processes
    gets no more guesses than the rate allows (OWASP ASVS 5.0, 6.3.1). Per account and
    IP address against guessing; per account over all IP addresses against guessing from
    many; per IP address against trying many accounts. The first is lower than the
    second, so one IP address cannot use up an account's guesses and lock its owner out
    elsewhere. Where the IP address is not known to be a client's, only the limit per
    account holds: a right password is never refused for what others did from "the same
    address".

    SECURITY: a client that only claims to be a proxy must not use that limit up. So
    from a public IP address that may be a proxy's come at most two thirds of
    LOGIN_ACCOUNT; the clients behind a true proxy lose the rest, which the same guesser
    would use up as well. Each kind is noted in the counter of the other, or a client
    that claims now and then to be a proxy had both.

    SECURITY: the guesses of one session are counted per session, not per account. A
    stolen session could otherwise keep the owner, in another one, from changing the
    password, which ends it. Nor may other clients of the same IP address do so: each
    session has half of an IP address's guesses to itself.

    SECURITY: a known device is counted by itself alone, as if it were the one client of
    an IP address. No attack from elsewhere uses its guesses up, and a thief of its
    cookie has these and no others.
    """

    def __init__(
        self,
        request: Any,
        *accounts: str,
        session: str | None = None,
        device: str | None = None,
    ) -> None:
        rates = api_settings.THROTTLE_RATES
        counts_here = rates.LOGIN_ACCOUNT_ADDRESS is not None
        if device is not None:
            # A project may have only the other limit on.
            scope = "LOGIN_ACCOUNT_ADDRESS" if counts_here else "LOGIN_ACCOUNT"
            self._here = [Counter(scope, f"device|{device}")]
            self._counted = take_all(*self._here)
            return
        asks = counts_here or rates.LOGIN_ADDRESS is not None
        client = client_address(request) if asks else None
        own: list[Counter] = []
        limits: list[Counter] = []
        notes: list[Counter] = []
        # The limits, unless the session has guesses of its own left.
        role: Role = "limit" if session is None else "spared"
        of_session = "" if session is None else f"|session|{session}"
        if counts_here:
            address = client or address_of(request)
            keys = [f"{account}|{address}" for account in accounts]
            may_be_proxy = drf_settings.NUM_PROXIES is None and _is_public(
                _parsed(request.META.get("REMOTE_ADDR"))
            )
            # An IP address that is not public may be a proxy's, and limits nothing.
            if client is not None:
                limits = [_here(key, role) for key in keys]
                notes = [_by_proxy(key, "note") for key in keys if may_be_proxy]
            elif may_be_proxy:
                limits = [_by_proxy(key, role) for key in keys]
                notes = [_here(key, "note") for key in keys]
            if session is not None:
                half = Fraction(1, 2)
                own = [
                    _here(f"{limit.key}{of_session}", "own", half) for limit in limits
                ]
        addresses = [Counter("LOGIN_ADDRESS", client, role=role)] if client else []
        everywhere = [
            Counter("LOGIN_ACCOUNT", f"{account}{of_session}") for account in accounts
        ]
        self._here = [*own, *limits, *notes]
        self._counted = take_all(*self._here, *everywhere, *addresses)

    def __enter__(self) -> LoginAttempt:
        try:
            gate.__enter__()
        except Throttled:
            self._counted.release()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        gate.__exit__(*raised)

    def succeeded(self) -> None:
        """Forget it, and the failures of this account from this IP address."""
        self._counted.release(self._here)


def _here(key: str, role: Role, part: Fraction | None = None) -> Counter:
    """Count the guesses at an account from an IP address."""
    return Counter("LOGIN_ACCOUNT_ADDRESS", key, part=part, role=role)


def _by_proxy(key: str, role: Role) -> Counter:
    """Count those from a public IP address that may be a proxy's."""
    return Counter("LOGIN_ACCOUNT", f"{key}|proxy", part=Fraction(2, 3), role=role)


class Mail:
    """
    A mail to one mailbox, counted until it turns out that it did not go out.

    ``by_client``: the counters that count it all the same, for whoever has asked.
    """

    def __init__(
        self, counted: Counted | None = None, by_client: Sequence[Counter] = ()
    ) -> None:
        self._counted = counted or Counted()
        self._by_client = by_client

    def not_sent(self) -> None:
        """Uncount it: a mail that did not go out must not count for the mailbox."""
        self._counted.release(kept=self._by_client)


def may_mail(
    request: Any,
    mailbox: str,
    *scopes: str,
    kind: str,
    by: str | None = None,
    device: str | None = None,
) -> Mail | None:
    """
    Count a mail, and return it if it may be sent, or None.

    The recipient is counted by the key ``mailbox``, in each of ``scopes`` as well.
    ``kind`` is the kind of the mail, and ``by`` the account that requests it, if any.
    ``device``: the name of the browser, if the account of the mailbox has logged in
    there before.

    SECURITY: one client can use up only a part of a mailbox's mails, so that it never
    takes the last one from the owner. A client is an IP address, and also the account
    ``by``. If neither is known, each kind of mail has that part instead, so that mails
    that do not help the owner never use up those with a link.

    SECURITY: mails that known devices request are counted apart from all others, so
    strangers use none of them up. One device can use up only its part of these as well:
    a thief of its cookie leaves the rest to the owner's other devices.
    """
    if device is not None:
        mailbox, address = f"{mailbox}|devices", None
        clients = [f"device|{device}"]
    else:
        address = client_address(request)
        clients = [f"address|{address}"] if address else []
        clients += [f"account|{by}"] if by else []
    # A mailbox whose links have expired needs another link, in any case.
    timeouts = (settings.PASSWORD_RESET_TIMEOUT, api_settings.ACTIVATION_TIMEOUT)
    lifetime = max(1, min(timeout for timeout in timeouts if timeout is not None))
    counters = [Counter(scope, mailbox) for scope in scopes]
    counters.append(Counter("MAIL_RECIPIENT", mailbox, lifetime=lifetime))
    counters += [
        Counter("MAIL_RECIPIENT_ADDRESS", f"{mailbox}|{share}", lifetime=lifetime)
        for share in clients or [f"kind|{kind}"]
    ]
    counts = address is not None and not by
    by_client = [Counter("MAIL_ADDRESS", f"{address}")] if counts else []
    try:
        return Mail(take_all(*counters, *by_client), by_client)
    except Throttled:
        return None


class CountingThrottle(BaseThrottle):
    """
    A DRF throttle that counts every request of one ``key`` in one scope.

    Requests whose key is None are not counted.
    """

    scope: str
    _wait: float | None = None

    def key(self, request: Any) -> str | None:
        """Return what is counted: the client's IP address, None if it is not known."""
        return client_address(request)

    def allow_request(self, request: Any, view: Any) -> bool:
        if getattr(api_settings.THROTTLE_RATES, self.scope) is None:
            return True
        key = self.key(request)
        try:
            if key is not None:
                take_all(Counter(self.scope, key))
        except Throttled as throttled:
            self._wait = getattr(throttled, "wait", None)
            return False
        return True

    def wait(self) -> float | None:
        return self._wait


class RegisterThrottle(CountingThrottle):
    scope = "REGISTER"


class SessionThrottle(CountingThrottle):
    """
    Counts requests that begin a session, which keeps an anonymous user's CSRF token.

    For CSRF_USE_SESSIONS: each is a row that stays until the session ends. SECURITY: a
    cookie with an unknown key counts as none.
    """

    scope = "SESSION"

    def key(self, request: Any) -> str | None:
        # Reading anything makes Django forget a key that no session has.
        request.session.get(CSRF_SESSION_KEY)
        return super().key(request) if request.session.is_empty() else None


class ValidatePasswordThrottle(CountingThrottle):
    scope = "VALIDATE_PASSWORD"


class LinkThrottle(CountingThrottle):
    scope = "LINK"
