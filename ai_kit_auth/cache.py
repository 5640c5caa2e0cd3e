"""
The project's default cache: its keys, and what happens while it fails.

The cache's own ``KEY_FUNCTION``, ``KEY_PREFIX`` and ``VERSION`` hold.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.contrib.auth import get_user_model
from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.base import BaseCache
from django.db import DEFAULT_DB_ALIAS, router

T = TypeVar("T")


def cache_key(purpose: str, *parts: object) -> str:
    """
    Return the key of ``parts`` for ``purpose``, a word.

    SECURITY: the key depends on the alias of the accounts' database. Where each tenant
    has a database, primary keys repeat, and the events of one tenant's user must not
    count for another's. The key is a hash: Memcached takes no blanks and no long keys,
    and a reader of the cache need not learn e-mail addresses.
    """
    # Most projects have no router, and need not look for the user model.
    routed = router.routers
    alias = router.db_for_write(get_user_model()) if routed else DEFAULT_DB_ALIAS
    text = "\0".join(map(str, (alias, *parts)))
    # SHA-256 costs more: OpenSSL looks it up at every call.
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return f"ai_kit_auth:{purpose}:{digest}"


class CacheDown(Exception):
    """The cache failed a moment ago, and is not asked again yet."""


_PAUSE = 5  # seconds
# Each thread has a connection of its own, and serves one request at a time.
_down_until: WeakKeyDictionary[BaseCache, float] = WeakKeyDictionary()


def with_cache(ask: Callable[[BaseCache], T], *, insist: bool = False) -> T:
    """
    Call ``ask`` with the default cache; return what it returns.

    ``insist``: also where the cache has just failed, since nothing works without it.
    Raises every error of ``ask``, and then :exc:`CacheDown` for a few seconds: a login
    asks twice, and must not wait for two time-outs of a cache that hangs.
    """
    cache = caches[DEFAULT_CACHE_ALIAS]
    # It is nearly always empty, which is quick to see.
    is_down = _down_until and time.monotonic() < _down_until.get(cache, 0)
    if is_down and not insist:
        raise CacheDown
    try:
        return ask(cache)
    except Exception:
        _down_until[cache] = time.monotonic() + _PAUSE
        raise


def ask_cache(operation: str, *args: object, insist: bool = False) -> Any:
    """Call the method ``operation`` of the default cache as :func:`with_cache` does."""
    return with_cache(lambda cache: getattr(cache, operation)(*args), insist=insist)
