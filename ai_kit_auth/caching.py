"""
The one way to the project's cache: keys for one tenant each, and one time-out.

The project's ``KEY_FUNCTION``, ``KEY_PREFIX`` and ``VERSION`` hold, as for all keys.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any
from weakref import WeakKeyDictionary

from django.contrib.auth import get_user_model
from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.base import BaseCache
from django.db import router


def cache_key(purpose: str, *parts: object) -> str:
    """
    Return the key of ``parts`` for ``purpose``, a word.

    SECURITY: with the alias of the database that the accounts are in. Where each tenant
    has a database, primary keys repeat, and what one tenant's user did must not count
    for another's. Hashed: Memcached takes no blanks and no long keys, and a reader of
    the cache need not learn addresses.
    """
    alias = router.db_for_write(get_user_model())
    text = "\0".join(map(str, (alias, *parts)))
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    return f"ai_kit_auth:{purpose}:{digest}"


class CacheDown(Exception):
    """The cache failed a moment ago, and is not asked again yet."""


_PAUSE = 5  # seconds
# Each thread has a connection of its own, and serves one request at a time.
_down_until: WeakKeyDictionary[BaseCache, float] = WeakKeyDictionary()


def ask_cache(operation: str, *args: object, insist: bool = False) -> Any:
    """
    Call the method ``operation`` of the default cache; return what it returns.

    ``insist``: also where the cache has just failed, since nothing works without it.
    Raises whatever the cache raises, and then :exc:`CacheDown` for a few seconds: a
    login asks four times, and must not wait for four time-outs of a cache that hangs.
    """
    cache = caches[DEFAULT_CACHE_ALIAS]
    if not insist and time.monotonic() < _down_until.get(cache, 0):
        raise CacheDown
    try:
        return getattr(cache, operation)(*args)
    except Exception:
        _down_until[cache] = time.monotonic() + _PAUSE
        raise
