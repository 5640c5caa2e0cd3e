"""
Counting in Redis: a counter is a list of its latest events, the newest at the end.

One script reads all counters and counts in all or in none. Redis runs a script as one
command, so no other process comes in between, and a request waits for one answer. A
counter is full if the event that is as far from the end as the rate allows is younger
than the period. Redis finds both ends of a list at once, so what a request costs does
not depend on the rate. An event takes about ten bytes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.redis import RedisCache

from .model import Count, Event, Full, Unable

logger = logging.getLogger("ai_kit_auth")


class Script:
    """A script in Lua, which the server is sent once and then knows by its digest."""

    def __init__(self, lua: str) -> None:
        self._lua = lua
        self._digest = hashlib.sha1(lua.encode()).hexdigest()  # noqa: S324  # Redis asks for SHA-1

    def __call__(self, client: Any, keys: Sequence[str], *args: object) -> Any:
        try:
            return client.evalsha(self._digest, len(keys), *keys, *args)
        except Exception as error:
            if not _is_one_of(error, "NoScriptError"):
                raise
        return client.eval(self._lua, len(keys), *keys, *args)


def _is_one_of(error: Exception, *names: str) -> bool:
    # By name: redis-py is not installed in every project, and Valkey has a client of
    # its own with the same classes.
    return any(kind.__name__ in names for kind in type(error).__mro__)


# Times are whole microseconds, which Redis stores as short integers and Lua's numbers
# hold exactly. The decision is that of refuse_if_full().
_TAKE = Script("""
local now = tonumber(ARGV[1])
local waits, stands_in = {}, false
for i, key in ipairs(KEYS) do
  local most, period = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local earlier = redis.call('LINDEX', key, -most)
  waits[i] = earlier and earlier + period - now or 0
  stands_in = stands_in or ARGV[3 * i + 1] == 'own' and waits[i] <= 0
end
local longest = 0
for i, wait in ipairs(waits) do
  local role = ARGV[3 * i + 1]
  if role == 'limit' or role == 'spared' and not stands_in then
    longest = math.max(longest, wait)
  end
end
if longest > 0 then return {longest} end
local taken = {0}
for i, key in ipairs(KEYS) do
  if waits[i] <= 0 then
    redis.call('RPUSH', key, ARGV[1])
    redis.call('LTRIM', key, -ARGV[3 * i - 1], -1)
    redis.call('PEXPIRE', key, math.ceil(ARGV[3 * i] / 1000))
    taken[#taken + 1] = i
  end
end
return taken
""")
# The first ARGV[2] keys lose the event of ARGV[1], and the others all they have.
_RELEASE = Script("""
for i, key in ipairs(KEYS) do
  if i <= tonumber(ARGV[2]) then
    redis.call('LREM', key, -1, ARGV[1])
  else
    redis.call('DEL', key)
  end
end
""")
_SECOND = 1_000_000


class RedisLists:
    """Counts by the scripts above, with ``client`` of redis-py."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def take(
        self, cache: BaseCache, counts: Sequence[Count], now: float
    ) -> list[Event]:
        keys = [cache.make_key(count.name) for count in counts]
        stamp = str(int(now * _SECOND))
        args: list[object] = []
        for count in counts:
            args += (count.most, count.period * _SECOND, count.role)
        try:
            wait, *taken = _TAKE(self._client, keys, stamp, *args)
        except Exception as error:
            # As of a user who may not call scripts, or of a cluster, where the counters
            # of a request are on several servers.
            if not _is_one_of(error, "ResponseError", "RedisClusterException"):
                raise
            _say_once(error)
            raise Unable from error
        if wait:
            raise Full(wait / _SECOND)
        return [Event(counts[number - 1], stamp) for number in taken]

    def release(
        self, cache: BaseCache, events: Sequence[Event], forgotten: Sequence[Count]
    ) -> None:
        gone = {count.name for count in forgotten}
        left = [count.name for count, _ in events if count.name not in gone]
        keys = [cache.make_key(name) for name in (*left, *gone)]
        # All events of a step have the same time.
        stamp = events[0].token if events else ""
        _RELEASE(self._client, keys, stamp, len(left))


_said = False


def _say_once(error: Exception) -> None:
    global _said
    if not _said:
        _said = True
        logger.warning(
            "Redis refused a script, so throttles count in more steps: %s", error
        )


def client_of(cache: BaseCache) -> Any:
    """
    Return the client of redis-py with which ``cache`` writes, None if there is none.

    Of Django's cache, and of django-redis, whose ``client`` has the same method. That
    of several servers, each with a part of the keys, raises.
    """
    attribute = "_cache" if isinstance(cache, RedisCache) else "client"
    clients: Any = getattr(cache, attribute, None)
    try:
        client = clients.get_client(write=True)
    except (AttributeError, NotImplementedError):
        return None
    return client if hasattr(client, "evalsha") else None
