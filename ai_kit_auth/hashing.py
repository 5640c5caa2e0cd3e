"""How many passwords one process hashes at the same time."""

from __future__ import annotations

import os
import threading
from types import TracebackType

from rest_framework.exceptions import Throttled

# A hash keeps one core busy, and hashlib lets other threads run meanwhile. More hashes
# than cores at a time finish no sooner, and leave no core to other requests.
PLACES = os.cpu_count() or 1
# Shorter than the 5 seconds that SQLite waits for a lock: a registration waits within
# its transaction, and must give up before the others do.
PATIENCE = 3.0  # seconds


class Gate:
    """
    Lets ``places`` threads in at a time; a context manager.

    ``patience``: how many seconds a thread waits for a place. Then it gets DRF's
    ``Throttled``, whatever account the request names. A thread that is in may enter
    again, and gives its place back when it has left as often.

    SECURITY: rates bound the hashes of a minute, and not those of a moment: 900 at
    once would keep every core busy (OWASP Password Storage Cheat Sheet, *Work
    Factors*, warns of that denial of service). It holds for one process; the processes
    of a server share the cores.
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._here.entered -= 1
        if not self._here.entered:
            self._free.release()


gate = Gate(PLACES, PATIENCE)
