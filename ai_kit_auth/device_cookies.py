"""
Cookies that tell which accounts know a browser: OWASP's *device cookies*.

A cookie has an entry for each account: a random name, the time and a signature. No
entry shows whose it is. The signature is over a text of the account, so that a change
of the text voids the entry. A time in the cache voids all entries before it.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from contextlib import suppress
from typing import Any, NamedTuple

from django.core.signing import BadSignature, TimestampSigner, b62_decode
from django.http import HttpResponseBase
from django.views.decorators.debug import sensitive_variables

from .cache import ask_cache, cache_key
from .cookies import set_cookie
from .errors import ServiceUnavailable
from .user_model import User

logger = logging.getLogger("ai_kit_auth")

# How many accounts know one browser. The cookie stays below 400 bytes.
MOST_ACCOUNTS = 5

# A random name, the time and the signature.
_ENTRY = re.compile(r"[\w-]{22}:[0-9A-Za-z]{1,8}:[\w-]{43}", re.ASCII)
_LONGEST = 400


class Entry(NamedTuple):
    """What a browser has of an account: a random ``name``, and a time in seconds."""

    name: str
    issued: int


class DeviceCookie:
    """
    The cookie ``name``, which goes the way of the session cookie.

    ``salt``: of the signatures. ``purpose``: a word for the keys in the cache.
    """

    def __init__(self, name: str, *, salt: str, purpose: str) -> None:
        self.name, self._salt, self._purpose = name, salt, purpose

    @sensitive_variables()
    def find(self, request: Any, account: str, age: int) -> Entry | None:
        """
        Return the entry of ``account`` in ``request``, not older than ``age`` seconds.

        ``account``: the text that is signed. It costs the same, found or not.
        """
        signer, found = self._signer(account), None
        for entry in self._entries(request):
            with suppress(BadSignature):
                name = signer.unsign(entry, max_age=age)
                found = Entry(name, b62_decode(entry.split(":")[1]))
        return found

    @sensitive_variables()
    def put(
        self,
        response: HttpResponseBase,
        request: Any,
        account: str,
        age: int,
        *,
        instead_of: str | None = None,
    ) -> None:
        """
        Set the cookie with a new entry of ``account`` for ``age`` seconds.

        It keeps the entries of other accounts. ``instead_of``: the name of one that
        goes, since the account had another text.
        """
        signer = self._signer(account)
        others = [
            entry
            for entry in self._entries(request)
            if entry.split(":")[0] != instead_of and not _is_of(signer, entry)
        ]
        entries = [signer.sign(secrets.token_urlsafe(16)), *others][:MOST_ACCOUNTS]
        set_cookie(response, request, self.name, ".".join(entries), max_age=age)

    def is_void(self, user: User, entry: Entry, *, insist: bool = False) -> bool:
        """
        Tell whether :meth:`void` was called since ``entry`` was made for ``user``.

        ``insist``: ask the cache also where it has just failed. Raises its errors.
        """
        voided: float = ask_cache("get", self._key(user), 0, insist=insist)
        return entry.issued <= voided

    def void(self, user: User, age: int) -> None:
        """
        Void all entries of ``user`` until now, which live for ``age`` seconds at most.

        Raises :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache is down.
        """
        try:
            ask_cache("set", self._key(user), time.time(), age, insist=True)
        except Exception as error:
            logger.exception(
                "The cache failed, so no cookie %s is made void", self.name
            )
            raise ServiceUnavailable from error

    def _key(self, user: User) -> str:
        return cache_key(self._purpose, user.pk)

    def _signer(self, account: str) -> TimestampSigner:
        return TimestampSigner(salt=f"{self._salt}|{account}")

    def _entries(self, request: Any) -> list[str]:
        # A client writes there what it likes.
        cookie = request.COOKIES.get(self.name, "")
        entries = cookie.split(".") if len(cookie) <= _LONGEST else ()
        return [entry for entry in entries if _ENTRY.fullmatch(entry)][:MOST_ACCOUNTS]


def _is_of(signer: TimestampSigner, entry: str) -> bool:
    """Tell whether ``signer`` has made ``entry``, at any time."""
    with suppress(BadSignature):
        signer.unsign(entry)
        return True
    return False
