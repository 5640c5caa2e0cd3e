"""What is counted, and when an event is refused; of no cache in particular."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from django.core.cache.backends.base import BaseCache

# ``limit`` refuses the event when it is full. ``note`` counts the event if it has room,
# and never refuses. ``own`` is a note that stands in for those that are ``spared``:
# these are limits, and notes where at least one ``own`` has room.
Role = Literal["limit", "note", "own", "spared"]


class Count(NamedTuple):
    """At most ``most`` events in ``period`` seconds, under ``name`` in the cache."""

    name: str
    most: int
    period: int
    role: Role = "limit"


class Event(NamedTuple):
    """An event in the counter ``of``; the store finds it again by ``token``."""

    of: Count
    token: str | bytes


class Full(Exception):
    """An event is refused; ``wait`` is how many seconds until it no longer is."""

    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = wait


class Unable(Exception):
    """The cache has not what this store needs, so another one has to count."""


class Store(Protocol):
    """Counts in one kind of cache."""

    def take(
        self, cache: BaseCache, counts: Sequence[Count], now: float
    ) -> list[Event]:
        """
        Count an event of ``now`` in all ``counts`` that have room, or in none.

        Raises :exc:`Full` as :func:`refuse_if_full` does, :exc:`Unable` before it has
        counted anything, and any error of the cache.
        """

    def release(
        self, cache: BaseCache, events: Sequence[Event], forgotten: Sequence[Count]
    ) -> None:
        """Uncount ``events``, and all events that ``forgotten`` count."""


def refuse_if_full(counts: Sequence[Count], waits: Sequence[float]) -> None:
    """
    Raise :exc:`Full` with the longest wait, if a limit among ``counts`` is full.

    ``counts`` are at least one. ``waits``: for each the seconds until it has room, 0 or
    less where it has.
    """
    if max(waits) <= 0:
        return
    stands_in = any(
        count.role == "own" and wait <= 0
        for count, wait in zip(counts, waits, strict=True)
    )
    refusing = ("limit",) if stands_in else ("limit", "spared")
    longest = max(
        (
            wait
            for count, wait in zip(counts, waits, strict=True)
            if count.role in refusing
        ),
        default=0,
    )
    if longest > 0:
        raise Full(longest)
