"""
Counting in any cache, by the one operation that all of them do atomically: ``add``.

A counter of N events is N numbered slots. An event takes a free number for the length
of a period, so no period ever holds more than N. Taking one is ``cache.add`` of a name
of this period by the clock, which was never used before.

No cache adds several names, so each counter is one more step. A request looks at a few
random slots of all its counters at once. If none of a counter's is free, it looks at
all of them. If those are held too, it notes for a second when the next one gets free.
Meanwhile one look refuses what is full.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping, Sequence

from django.core.cache.backends.base import BaseCache

from .model import Count, Event, Full, refuse_if_full

_LOOKED_AT = 10
_NOTED = 1  # seconds; a slot may be released meanwhile


class Slots:
    """Counts in Memcached, a database, or a third party's cache."""

    def take(
        self, cache: BaseCache, counts: Sequence[Count], now: float
    ) -> list[Event]:
        searches = [_Search(count, now) for count in counts]
        held = cache.get_many([name for each in searches for name in each.names()])
        for each in searches:
            each.see(cache, held)
        refuse_if_full(counts, [each.wait for each in searches])
        taken = {each: each.take(cache) for each in searches if each.wait <= 0}
        events = [Event(each.count, slot) for each, slot in taken.items() if slot]
        try:
            # Others may have taken what was free.
            refuse_if_full(counts, [each.wait for each in searches])
        except Full:
            self.release(cache, events, ())
            raise
        return events

    def release(
        self, cache: BaseCache, events: Sequence[Event], forgotten: Sequence[Count]
    ) -> None:
        now = time.time()
        names = [str(slot) for _, slot in events]
        for count in forgotten:
            pairs = _slots(count, range(count.most), now)
            names += [slot for pair in pairs for slot in pair]
        counts = {*forgotten, *(count for count, _ in events)}
        cache.delete_many([*names, *map(_note, counts)])


class _Search:
    """The search for a slot of ``count``; it has none free for ``wait`` seconds."""

    wait = 0.0

    def __init__(self, count: Count, now: float) -> None:
        self.count = count
        self._now = now
        # Random ones: many processes at once would queue at each, if all went in the
        # same order.
        numbers = random.sample(range(count.most), min(count.most, _LOOKED_AT))
        self._pairs = _slots(count, numbers, now)
        self._free: list[str] = []

    def names(self) -> list[str]:
        """Return what to read of the cache."""
        return [*(name for pair in self._pairs for name in pair), _note(self.count)]

    def see(self, cache: BaseCache, held: Mapping[str, float]) -> None:
        """Find the free slots in ``held``, what was read, or else in all there are."""
        self._look(held)
        if self._free:
            return
        noted = held.get(_note(self.count), 0) - self._now
        if noted > 0:
            self.wait = noted
        elif not self._has_seen_all():
            self._see_all(cache)
            if not self._free:
                cache.set(_note(self.count), self._next_end, _NOTED)

    def take(self, cache: BaseCache) -> str | None:
        """Take a free slot and return its name, None where others were faster."""
        slot = self._take(cache)
        if slot is None and not self._has_seen_all():
            self._see_all(cache)
            slot = self._take(cache)
        if slot is None:
            self.wait = self._next_end - self._now
        return slot

    def _take(self, cache: BaseCache) -> str | None:
        end = self._now + self.count.period
        for slot in self._free:
            if cache.add(slot, end, self.count.period):
                return slot
        return None

    def _has_seen_all(self) -> bool:
        return len(self._pairs) == self.count.most

    def _see_all(self, cache: BaseCache) -> None:
        numbers = random.sample(range(self.count.most), self.count.most)
        self._pairs = _slots(self.count, numbers, self._now)
        self._look(cache.get_many(self.names()))

    def _look(self, held: Mapping[str, float]) -> None:
        ends = {slot: held.get(slot) or held.get(old, 0) for slot, old in self._pairs}
        self._free = [slot for slot, end in ends.items() if end <= self._now]
        later = (end for end in ends.values() if end > self._now)
        self._next_end = min(later, default=self._now + self.count.period)
        self.wait = 0 if self._free else self._next_end - self._now


def _slots(count: Count, numbers: Iterable[int], now: float) -> list[tuple[str, str]]:
    """Return the slots' names, each in the period of ``now`` and in the one before."""
    period = int(now // count.period)
    this, before = (f"{count.name}:{each}" for each in (period, period - 1))
    return [(f"{this}:{number}", f"{before}:{number}") for number in numbers]


def _note(count: Count) -> str:
    return f"{count.name}:full"
