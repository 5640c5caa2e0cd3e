"""
Who is counted by what, at which rate.

DRF's throttles are the frame: views name them, rates are written as DRF writes them,
and ``NUM_PROXIES`` says whom to believe about an address. The counting is this
module's own, since DRF's reads a list and writes it back, and so forgets what another
process counted in between.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends import signed_cookies
from django.middleware.csrf import CSRF_SESSION_KEY
from django.utils.crypto import get_random_string
from rest_framework.exceptions import Throttled
from rest_framework.settings import api_settings as drf_settings
from rest_framework.throttling import BaseThrottle

from .caching import ask_cache, cache_key
from .hashing import gate
from .settings import api_settings, parse_rate

logger = logging.getLogger("ai_kit_auth")


_WITH_PORT = re.compile(
    r"(?:\[(?P<bracketed>[^\]]+)\]|(?P<plain>[0-9.]+):)(?::?[0-9]+)?"
)


def address_of(request: Any) -> str:
    """
    Return the IP address of the request, as it is counted and logged.

    ``X-Forwarded-For`` is believed as far as DRF's ``NUM_PROXIES`` goes, and not at all
    without it, since a client may write there what it likes. IPv6 is cut to /56, what a
    provider assigns to a home (RFC 6177), so that no customer is 2**72 clients. An IPv4
    address within IPv6 counts as itself: mapped (RFC 4291), or written so by a
    translator (RFC 6052, RFC 8215), behind which all of IPv4 would be one client.

    It need not be a client's: :func:`client_address` tells.
    """
    proxies = drf_settings.NUM_PROXIES
    found = BaseThrottle().get_ident(request) if proxies else None
    text = str(found or request.META.get("REMOTE_ADDR") or "")
    address = _parsed(text)
    if address is None:
        # SECURITY: a forged header must not write its own fields into the log.
        return re.sub(r"[^0-9A-Za-z.:%_-]", "_", text[:64]) or "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address in _LOCAL_TRANSLATORS:
        return str(address)
    return str(ipaddress.ip_network((int(address), 56), strict=False))


_TRANSLATOR = ipaddress.IPv6Network("64:ff9b::/96")
# Where the IPv4 address stands in it is for its network to decide.
_LOCAL_TRANSLATORS = ipaddress.IPv6Network("64:ff9b:1::/48")


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that ``text`` is, IPv4 where IPv6 holds one, or None."""
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


def client_address(request: Any) -> str | None:
    """
    Return :func:`address_of` the request, None where it may be that of a proxy.

    A limit per IP address would turn all clients of an undeclared proxy into one, of
    which a single stranger uses up the rate. So it only holds where the address is
    known to be a client's:

    - ``NUM_PROXIES`` is 0: the project says that there is no proxy;
    - ``NUM_PROXIES`` is N: the proxies have written the address into
      ``X-Forwarded-For``;
    - the request comes from a public address, and no header tells of a proxy, or the
      header names that address as a client's, as where a server or a middleware has
      put it into ``REMOTE_ADDR``.

    Otherwise the first request writes a line to the log.
    """
    proxies = drf_settings.NUM_PROXIES
    if proxies == 0 or _is_known(request, proxies):
        return address_of(request)
    _say_once(request)
    return None


# Which proxies write or pass on. SECURITY: what they hold is never believed: a client
# writes them as easily.
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


def _is_known(request: Any, proxies: int | None) -> bool:
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR") or ""
    entries = [_parsed(entry.strip()) for entry in forwarded.split(",")]
    if proxies is not None and any(entries):
        return True
    address = _parsed(str(request.META.get("REMOTE_ADDR") or ""))
    if not _is_public(address):
        return False
    tells = any(request.META.get(name) for name in FORWARDING_HEADERS)
    return proxies is not None or not tells or address in entries


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    return address is not None and not any(address in network for network in _INNER)


_said = False


def _say_once(request: Any) -> None:
    global _said
    if _said:
        return
    _said = True
    logger.log(
        # A development server is called from its own machine, and need not care.
        logging.INFO if settings.DEBUG else logging.WARNING,
        "A request came from %s, which may be a proxy: limits per IP address are off "
        "for such requests. Say how many proxies there are: REST_FRAMEWORK = "
        "{'NUM_PROXIES': 1}, or 0 for none.",
        (request.META.get("REMOTE_ADDR") and address_of(request)) or "no address",
    )


@dataclass(frozen=True)
class Counter:
    """
    Counts the events of ``key`` in one ``scope`` of THROTTLE_RATES.

    A rate of N a period is N numbered slots. An event takes a free number for the
    length of a period, so no period ever holds more than N. Taking one is ``cache.add``
    of a name of this period by the clock, which was never used before: that is atomic
    in Redis, Memcached, the database and local memory alike.
    """

    scope: str
    key: str
    # Seconds after which an event is forgotten, if that is before the period's end.
    lifetime: int | None = None
    # How much of the rate this counter may use, rounded up.
    part: Fraction = Fraction(1)

    @classmethod
    def by_address(cls, scope: str, request: Any, *key: str) -> list[Counter]:
        """
        Return the counter of ``key`` and the client's IP address, if that is known.

        An empty list where the scope is off, or the address may be a proxy's.
        """
        if getattr(api_settings.THROTTLE_RATES, scope) is None:
            return []
        address = client_address(request)
        return [] if address is None else [cls(scope, "|".join((*key, address)))]

    def take(self) -> str | None:
        """
        Take a slot and return its name, None where the scope is off or the cache fails.

        Raises DRF's ``Throttled`` where none is free. A cache that fails throttles
        nobody: an outage must not lock everybody out. It is logged.
        """
        rate = self._rate()
        if rate is None:
            return None
        try:
            slot, wait = self._free_slot(*rate)
        except Exception:
            logger.exception("The cache failed, so %s is not throttled", self.scope)
            return None
        if slot is None:
            raise Throttled(wait=wait)
        return slot

    def _free_slot(self, slots: int, period: int) -> tuple[str | None, float]:
        now = time.time()
        period_now = int(now // period)
        name, before = self._prefix(period_now), self._prefix(period_now - 1)
        waits: list[float] = []
        for numbers in _in_any_order(slots):
            pairs = [(f"{name}{number}", f"{before}{number}") for number in numbers]
            taken = ask_cache("get_many", [slot for pair in pairs for slot in pair])
            for slot, last in pairs:
                held = slot in taken or taken.get(last, now) > now
                if not held and ask_cache("add", slot, now + period, period):
                    return slot, 0
            waits += [end - now for end in taken.values() if end > now]
        return None, max(min(waits, default=0), 1)

    def clear(self) -> None:
        """Free all slots."""
        slots, period = self._rate() or (0, 1)
        now = int(time.time() // period)
        prefixes = [self._prefix(now), self._prefix(now - 1)]
        release([f"{name}{n}" for name in prefixes for n in range(slots)])

    def _rate(self) -> tuple[int, int] | None:
        rate = getattr(api_settings.THROTTLE_RATES, self.scope)
        if rate is None:
            return None
        slots, period = parse_rate(rate)
        slots = math.ceil(slots * self.part)
        return slots, period if self.lifetime is None else min(period, self.lifetime)

    def _prefix(self, period: int) -> str:
        return cache_key("throttle", self.scope, self.key, period) + ":"


def _in_any_order(slots: int) -> Iterator[list[int]]:
    """Yield a slot's number at random, then all the others, shuffled."""
    # The first is nearly always free, which spares the look at all of them; and many
    # processes at once would queue at each, if all went in the same order.
    first = random.randrange(slots)  # noqa: S311  # no secret
    yield [first]
    others = [number for number in range(slots) if number != first]
    random.shuffle(others)
    yield others


def release(slots: Sequence[str]) -> None:
    """Free ``slots``, for an event that turned out to be none that counts."""
    if not slots:
        return
    try:
        ask_cache("delete_many", slots)
    except Exception:
        logger.exception("The cache failed, so throttles stay as they are")


def take_all(*counters: Counter) -> list[str]:
    """
    Take a slot of each counter, or none of any; return the slots.

    Raises DRF's ``Throttled`` with the longest wait. An event that is refused is not
    counted.
    """
    slots: list[str] = []
    waits: list[float] = []
    for counter in counters:
        try:
            slot = counter.take()
        except Throttled as throttled:
            waits.append(getattr(throttled, "wait", None) or 1)
        else:
            slots += [] if slot is None else [slot]
    if waits:
        release(slots)
        raise Throttled(wait=max(waits))
    return slots


def note(counters: Sequence[Counter]) -> list[str]:
    """Take a slot of each counter that has one free; return them."""
    slots: list[str] = []
    for counter in counters:
        with suppress(Throttled):
            slots += filter(None, [counter.take()])
    return slots


def _of_address(
    request: Any, accounts: Sequence[str]
) -> tuple[list[Counter], list[Counter]]:
    """
    Return what limits the guesses from one address, and what only notes them.

    From a client's address come so many as LOGIN_ACCOUNT_ADDRESS says. From a public
    one that may be a proxy's come at most two thirds of LOGIN_ACCOUNT: others behind
    that proxy lose the rest, which who has used up this much would have used up as
    well. Each kind is noted in the counter of the other, or a client that claims now
    and then to be a proxy had both.
    """
    if api_settings.THROTTLE_RATES.LOGIN_ACCOUNT_ADDRESS is None:
        return [], []
    known = client_address(request) is not None
    remote = _parsed(str(request.META.get("REMOTE_ADDR") or ""))
    # Any other is everybody's.
    may_claim = drf_settings.NUM_PROXIES is None and _is_public(remote)
    keys = [f"{account}|{address_of(request)}" for account in accounts]
    of_client = [Counter("LOGIN_ACCOUNT_ADDRESS", key) for key in keys]
    of_proxy = [
        Counter("LOGIN_ACCOUNT", f"{key}|proxy", part=Fraction(2, 3)) for key in keys
    ]
    if not may_claim:
        return (of_client if known else []), []
    return (of_client, of_proxy) if known else (of_proxy, of_client)


class LoginAttempt:
    """
    One attempt to log in, counted as a failure until it has succeeded.

    SECURITY: counted before the password is hashed, so that a burst over many processes
    gets no more guesses than the rate allows (OWASP ASVS 5.0, 6.3.1). Per account and
    address against guessing; per account over all addresses against guessing from many;
    per address against trying many accounts. The first is lower than the second, so one
    address cannot use up an account's guesses and lock its owner out elsewhere. Where
    the address is not known to be a client's, only the limit per account holds: a right
    password is never refused for what others did from "the same address". But a client
    that only claims to be a proxy must not use that limit up, so two thirds of it are
    all that comes from one public address.

    ``accounts``: what the account is counted by, by each of them. ``session``: the name
    of the session that asks for the password once more. SECURITY: what one session
    guesses is counted per session, not per account, or a stolen session could keep the
    owner, in another one, from the password's change that ends it. Nor may one from
    behind the same address: half of what an address may try each session has to itself,
    whatever others have tried from there. Raises DRF's ``Throttled``.
    """

    def __init__(
        self, request: Any, *accounts: str, session: str | None = None
    ) -> None:
        limits, notes = _of_address(request, accounts)
        addresses = Counter.by_address("LOGIN_ADDRESS", request)
        own: list[Counter] = []
        of = ""
        if session is not None:
            of = f"|session|{session}"
            own = [
                Counter(
                    "LOGIN_ACCOUNT_ADDRESS", f"{limit.key}{of}", part=Fraction(1, 2)
                )
                for limit in limits
            ]
        self._here = [*own, *limits, *notes]
        self._slots = note(own)
        if self._slots:
            limits, addresses, notes = [], [], [*limits, *addresses, *notes]
        try:
            self._slots += take_all(
                *limits,
                *(Counter("LOGIN_ACCOUNT", f"{account}{of}") for account in accounts),
                *addresses,
            )
        except Throttled:
            release(self._slots)
            raise
        self._slots += note(notes)

    @contextmanager
    def hashing(self) -> Iterator[None]:
        """
        Hold a place for the hash of the password.

        Raises DRF's ``Throttled`` where none gets free in time. The attempt is then
        forgotten: it was no guess, and a busy server must lock no owner out.
        """
        with ExitStack() as held:
            try:
                held.enter_context(gate)
            except Throttled:
                release(self._slots)
                raise
            yield

    def succeeded(self) -> None:
        """Forget it, and the failures of this account from this address."""
        release(self._slots)
        for counter in self._here:
            counter.clear()


_NAME = "_ai_kit_auth_session"


def watch_logins() -> None:
    """Connect :func:`_name_session` to the logins of all ways to log in."""
    user_logged_in.connect(_name_session, dispatch_uid="ai_kit_auth.name_session")


def _name_session(request: Any, **kwargs: object) -> None:
    session = getattr(request, "session", None)
    if session is not None:
        session[_NAME] = get_random_string(16)


def session_name(request: Any) -> str:
    """
    Return what the session is counted by, from its login on; it is no secret.

    Not the key: Django and this app give a session another one, and a session that
    lives in a cookie has another one whenever it is saved, which began its limits anew.
    A session from before it got a name counts by its key, and in a cookie together with
    all such sessions of its account, till the next login.
    """
    session = request.session
    if _NAME in session:
        return str(session[_NAME])
    in_cookie = isinstance(session, signed_cookies.SessionStore)
    return "" if in_cookie else str(session.session_key)


class Mail:
    """A mail to one mailbox, counted until it turns out that it did not go out."""

    def __init__(self, slots: Sequence[str] = ()) -> None:
        self._slots = slots

    def not_sent(self) -> None:
        """Give the mailbox its slots back: what did not arrive is no help to it."""
        release(self._slots)


def may_mail(
    request: Any, mailbox: str, *scopes: str, kind: str, by: str | None = None
) -> Mail | None:
    """
    Count a mail, and return it if it may go out, else None.

    ``mailbox``: what the recipient is counted by, in each of ``scopes`` as well.
    ``kind``: of the mail. ``by``: the account that asks for it, if one does.

    SECURITY: one client takes fewer of a mailbox's mails than there are, so that it
    never takes the last one of its owner: a client is an IP address, and also the
    account ``by`` which it asks. Where neither is known, each kind of mail has that
    share instead, so that mails which help the owner of an account to nothing never
    take the place of those with a link.
    """
    address = client_address(request)
    clients = [f"address|{address}"] if address else []
    clients += [f"account|{by}"] if by else []
    lifetime = _lifetime_of_links()
    asked = [] if address is None or by else [Counter("MAIL_ADDRESS", address)]
    try:
        of_client = take_all(*asked)
    except Throttled:
        return None
    try:
        return Mail(
            take_all(
                *(Counter(scope, mailbox) for scope in scopes),
                Counter("MAIL_RECIPIENT", mailbox, lifetime),
                *(
                    Counter("MAIL_RECIPIENT_ADDRESS", f"{mailbox}|{client}", lifetime)
                    for client in clients or [f"kind|{kind}"]
                ),
            )
        )
    except Throttled:
        release(of_client)
        return None


def _lifetime_of_links() -> int:
    # A mailbox whose links have expired needs another, whatever it has had before.
    timeouts = (settings.PASSWORD_RESET_TIMEOUT, api_settings.ACTIVATION_TIMEOUT)
    return max(1, min(timeout for timeout in timeouts if timeout is not None))


class CountingThrottle(BaseThrottle):
    """
    A DRF throttle that counts every request of one ``key`` in one scope.

    Requests whose key is None are not counted.
    """

    scope: str

    def __init__(self) -> None:
        self._wait: float | None = None

    def key(self, request: Any) -> str | None:
        """Return what is counted: the client's IP address, None if it is not known."""
        return client_address(request)

    def allow_request(self, request: Any, view: Any) -> bool:
        if getattr(api_settings.THROTTLE_RATES, self.scope) is None:
            return True
        key = self.key(request)
        if key is None:
            return True
        try:
            Counter(self.scope, key).take()
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

    For CSRF_USE_SESSIONS: each is a row that stays till the session's end. SECURITY: a
    cookie with an unknown key is as good as none.
    """

    scope = "SESSION"

    def key(self, request: Any) -> str | None:
        # Looking for anything in it forgets a key that no session has.
        request.session.get(CSRF_SESSION_KEY)
        return super().key(request) if request.session.is_empty() else None


class ValidatePasswordThrottle(CountingThrottle):
    scope = "VALIDATE_PASSWORD"


class LinkThrottle(CountingThrottle):
    scope = "LINK"
