"""
Counting events: at most so many of a kind in any period, over all processes.

:func:`take` counts one event in several counters in one step, in all or in none. How it
does so is the affair of three stores, by what the project's default cache is:

- Redis runs a script, which is one round trip (``redis_lists``);
- local memory has a lock (``local_memory``);
- all other caches have no operation on several entries, and are asked more than once
  (``slots``).

DRF's throttles read a list and write it back, and lose what another process has counted
in between.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

from ..cache import with_cache
from .local_memory import LocalMemory
from .model import Count, Event, Full, Role, Store, Unable
from .redis_lists import RedisLists, client_of
from .slots import Slots

__all__ = ["Count", "Full", "Role", "Taken", "take"]


class Taken:
    """The event that :func:`take` has counted."""

    def __init__(self, store: Store, events: Sequence[Event]) -> None:
        self._store = store
        self._events = events

    def release(
        self, forgotten: Sequence[Count] = (), kept: Sequence[Count] = ()
    ) -> None:
        """
        Uncount the event, save in ``kept``, and every event that ``forgotten`` count.

        Raises any error of the cache.
        """
        names = {count.name for count in kept}
        events = [event for event in self._events if event.of.name not in names]
        with_cache(lambda cache: self._store.release(cache, events, forgotten))


def take(counts: Sequence[Count]) -> Taken:
    """
    Count an event in all ``counts`` that have room, or in none.

    Raises :exc:`Full` where it is refused, and any error of the cache.
    """
    # Returned, since the cache has not failed.
    taken = with_cache(lambda cache: _taken(cache, counts))
    if isinstance(taken, Full):
        raise taken
    return taken


def _taken(cache: BaseCache, counts: Sequence[Count]) -> Taken | Full:
    now = time.time()
    store = _store_of(cache)
    try:
        try:
            return Taken(store, store.take(cache, counts, now))
        except Unable:
            return Taken(_slots, _slots.take(cache, counts, now))
    except Full as full:
        return full


_local_memory, _slots = LocalMemory(), Slots()
# Each thread has a cache of its own, and a client of Redis takes time to make.
_stores: WeakKeyDictionary[BaseCache, Store] = WeakKeyDictionary()


def _store_of(cache: BaseCache) -> Store:
    if isinstance(cache, LocMemCache):
        return _local_memory
    store = _stores.get(cache)
    if store is None:
        client = client_of(cache)
        store = _slots if client is None else RedisLists(client)
        _stores[cache] = store
    return store
