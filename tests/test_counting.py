"""Counters in each kind of cache: they are exact, and cost the same however full."""

from __future__ import annotations

import cProfile
import random
import secrets
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.utils.module_loading import import_string
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient

from ai_kit_auth.accounts import ident_of
from ai_kit_auth.counting import redis_lists
from ai_kit_auth.throttling import Counter, take_all

from .accounts import post, registration
from .caches import Foreign
from .conftest import PASSWORD, Clock, MakeUser
from .test_throttling import allow, ask, fail, log_in, statuses, use_cache

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model("auth_user")]

REDIS = "django.core.cache.backends.redis.RedisCache"
HERE = "192.0.2.7"


class Fake(import_string("fakeredis.FakeRedisConnection")):  # type: ignore[misc]  # has no types
    """A connection to a Redis in this process, which remembers what it was told."""

    commands: list[str] = []

    def send_command(self, *args: Any, **kwargs: Any) -> None:
        self.commands.append(str(args[0]))
        super().send_command(*args, **kwargs)


class Forbidding(Fake):
    """A connection of a user who may not call scripts."""

    def send_command(self, *args: Any, **kwargs: Any) -> None:
        if args[0] == "EVALSHA":
            raise import_string("redis.exceptions.NoPermissionError")("EVALSHA")
        super().send_command(*args, **kwargs)


class Lost(Fake):
    """A connection to a server that is down."""

    def send_command(self, *args: Any, **kwargs: Any) -> None:
        raise import_string("redis.exceptions.ConnectionError")("no server")


class OfDjangoRedis(Foreign):
    """A cache that names its client as django-redis does."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        super().__init__(name, params)
        self.client = import_string(REDIS)(f"redis://{name}", params)._cache

    def clear(self) -> None:
        self.client.clear()


class Sharded(Foreign):
    """One with several servers, as django-redis has it: no client writes all keys."""

    @property
    def client(self) -> Sharded:
        return self

    def get_client(self, write: bool) -> Any:
        raise NotImplementedError


class Recorder(LocMemCache):
    """Remembers which of its methods the package calls, and with how many keys."""

    calls: list[tuple[str, int]] = []

    def get_many(self, keys: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(("get_many", len(keys)))
        return super().get_many(keys, *args, **kwargs)

    def set_many(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(("set_many", len(data)))
        return super().set_many(data, *args, **kwargs)

    def delete_many(self, keys: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(("delete_many", len(keys)))
        return super().delete_many(keys, *args, **kwargs)


class ForeignRecorder(Foreign):
    """The same, of a cache that the package knows nothing of."""

    def get_many(self, keys: Any, *args: Any, **kwargs: Any) -> Any:
        Recorder.calls.append(("get_many", len(keys)))
        return super().get_many(keys, *args, **kwargs)


class Rivals(Foreign):
    """Other processes take what this one is about to take, for the first few times."""

    left = 0

    def add(self, *args: Any, **kwargs: Any) -> bool:
        added = super().add(*args, **kwargs)
        if Rivals.left:
            Rivals.left -= 1
            return False
        return added


def redis(connection: type[Fake] = Fake, **params: Any) -> dict[str, Any]:
    """Return the configuration of a cache in an empty Redis."""
    Fake.commands.clear()
    return {
        "BACKEND": REDIS,
        "LOCATION": f"redis://{secrets.token_hex(4)}",
        "OPTIONS": {"connection_class": connection, "retry": None},
        **params,
    }


@pytest.fixture
def client() -> APIClient:
    return APIClient(REMOTE_ADDR=HERE)


KINDS = ["local", "redis", "django-redis", "sharded", "forbidding", "foreign"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Count in each kind of cache."""
    kind: str = request.param
    caches = {
        "local": {"BACKEND": f"{__name__}.Recorder"},
        "redis": redis(),
        "django-redis": {
            **redis(),
            "BACKEND": f"{__name__}.OfDjangoRedis",
            "LOCATION": secrets.token_hex(4),
        },
        "sharded": {"BACKEND": f"{__name__}.Sharded"},
        "forbidding": redis(Forbidding),
        "foreign": {
            "BACKEND": f"{__name__}.ForeignRecorder",
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        },
    }
    settings.CACHES = {"default": caches[kind]}
    return kind


def count(*counters: Counter) -> float:
    """Return 0 where an event is counted, and otherwise the seconds to wait."""
    try:
        take_all(*counters)
    except Throttled as throttled:
        wait: float = vars(throttled)["wait"]
        return wait
    return 0


def room(counter: Counter) -> int:
    """Return how many events ``counter`` has room for, by using it up."""
    limit = Counter(counter.scope, counter.key)
    return sum(count(limit) == 0 for _ in range(20))


# What is counted


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("most", [1, 7, 12])
def test_no_period_holds_more_than_the_rate_and_each_wait_is_true(
    settings: Settings, clock: Clock, most: int
) -> None:
    """Whenever the events come: against a list of all of them."""
    allow(settings, LINK=f"{most}/min")
    chance = random.Random(most)  # noqa: S311  # the same events at every run
    counter, times = Counter("LINK", HERE), list[float]()
    for _ in range(150):
        clock.now += chance.choice([0.001, 0.25, 3.5, 11.5])
        recent = [time for time in times if time > clock.now - 60]
        wait = count(counter)
        if len(recent) < most:
            assert wait == 0
            times.append(clock.now)
        else:
            # In whole seconds.
            assert 0 <= wait - (recent[-most] + 60 - clock.now) <= 1


@pytest.mark.usefixtures("kind")
def test_a_wait_that_is_over_lets_one_through(settings: Settings, clock: Clock) -> None:
    allow(settings, LINK="2/min")
    counter = Counter("LINK", HERE)
    assert [count(counter), count(counter)] == [0, 0]
    clock.now += count(counter)
    assert room(counter) == 2


@pytest.mark.usefixtures("kind")
def test_an_event_that_one_counter_refuses_is_in_none(settings: Settings) -> None:
    allow(settings, LINK="1/hour", REGISTER="3/hour", SESSION="3/hour")
    full, before, after = (Counter(s, HERE) for s in ("LINK", "REGISTER", "SESSION"))
    assert count(before, full, after) == 0
    for _ in range(5):
        assert 3590 < count(before, full, after) <= 3600
    assert [room(before), room(after)] == [2, 2]


@pytest.mark.usefixtures("kind")
def test_the_longest_wait_counts(settings: Settings) -> None:
    allow(settings, LINK="1/hour", REGISTER="1/min")
    both = Counter("LINK", HERE), Counter("REGISTER", HERE)
    assert count(*both) == 0
    assert count(*both) > 60


@pytest.mark.usefixtures("kind")
def test_an_event_that_does_not_count_is_taken_back(settings: Settings) -> None:
    """Also where others came in between; and what it is to be counted by stays."""
    allow(settings, LINK="3/hour", REGISTER="3/hour", SESSION="3/hour")
    link, register, session = (
        Counter(scope, HERE) for scope in ("LINK", "REGISTER", "SESSION")
    )
    first = take_all(link, register, session)
    assert count(link, register, session) == 0
    first.release(forgotten=[register], kept=[session])
    first.release(kept=[session])
    assert [room(link), room(register), room(session)] == [2, 3, 1]


@pytest.mark.usefixtures("kind")
def test_a_full_counter_has_room_as_soon_as_an_event_is_taken_back(
    settings: Settings,
) -> None:
    allow(settings, LINK="15/hour")
    counter = Counter("LINK", HERE)
    event = take_all(counter)
    assert room(counter) == 14
    event.release()
    assert room(counter) == 1


def own(settings: Settings) -> tuple[Counter, Counter, Counter, Counter]:
    """Return a limit, a limit that is spared, what spares it, and a note."""
    allow(
        settings, LINK="2/hour", REGISTER="1/hour", SESSION="1/hour", ACCOUNT="1/hour"
    )
    return (
        Counter("LINK", HERE),
        Counter("REGISTER", HERE, role="spared"),
        Counter("SESSION", HERE, role="own"),
        Counter("ACCOUNT", HERE, role="note"),
    )


@pytest.mark.usefixtures("kind")
def test_a_note_refuses_nothing_and_an_own_counter_spares_a_limit(
    settings: Settings,
) -> None:
    limit, spared, stands_in, note = own(settings)
    assert count(spared, note) == 0
    assert count(limit, spared, note) > 0
    assert count(limit, spared, stands_in, note) == 0
    # What stood in has been used up.
    assert count(limit, spared, stands_in, note) > 0
    assert [room(limit), room(spared), room(stands_in), room(note)] == [1, 0, 0, 0]


@pytest.mark.usefixtures("kind")
def test_what_has_room_is_counted_where_an_own_counter_stands_in(
    settings: Settings,
) -> None:
    limit, spared, stands_in, note = own(settings)
    assert count(limit, spared, stands_in, note) == 0
    assert [room(limit), room(spared), room(stands_in), room(note)] == [1, 0, 0, 0]


@pytest.mark.usefixtures("kind")
def test_notes_alone_may_all_be_full(settings: Settings) -> None:
    note = own(settings)[-1]
    assert [count(note), count(note), count(note)] == [0, 0, 0]


@pytest.mark.usefixtures("kind")
def test_a_part_of_a_rate_is_rounded_up(settings: Settings) -> None:
    allow(settings, LINK="7/hour")
    half = Counter("LINK", HERE, part=Fraction(1, 2))
    assert [count(half) == 0 for _ in range(5)] == [True] * 4 + [False]


@pytest.mark.usefixtures("kind")
def test_a_cache_that_is_cleared_has_no_counts(settings: Settings) -> None:
    """As test suites do between their tests."""
    allow(settings, LINK="3/hour")
    counter = Counter("LINK", HERE)
    assert room(counter) == 3
    cache.clear()
    assert room(counter) == 3


def test_the_prefix_and_the_version_of_redis_hold(settings: Settings) -> None:
    allow(settings, LINK="3/hour")
    given, counter = redis(), Counter("LINK", HERE)
    for more in ({}, {"KEY_PREFIX": "shop"}, {"VERSION": 2}):
        settings.CACHES = {"default": {**given, **more}}
        assert room(counter) == 3
        assert room(counter) == 0


# What it costs


def fill(counter: Counter, number: int) -> None:
    for _ in range(number):
        take_all(counter)


def cost(counter: Counter, done: list[Any]) -> tuple[list[Any], int]:
    """Return what an event asks of the cache, and how many functions Python calls."""
    done.clear()
    profile = cProfile.Profile()
    profile.runcall(count, counter)
    return list(done), sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("kind", ["local", "redis"], indirect=True)
def test_what_an_event_or_a_refusal_costs_does_not_depend_on_the_rate(
    kind: str, settings: Settings
) -> None:
    """Nor on how full the counter is."""
    done: list[Any] = Recorder.calls if kind == "local" else Fake.commands
    seen = []
    for rate in (10, 1000):
        allow(settings, LINK=f"{rate}/hour")
        counter = Counter("LINK", f"{rate}")
        fill(counter, 3)
        few = cost(counter, done)
        fill(counter, rate * 9 // 10 - 4)
        nearly_full = cost(counter, done)
        fill(counter, rate - rate * 9 // 10 - 1)
        # The first refusal of a process translates its message.
        full = [cost(counter, done) for _ in range(2)][-1]
        seen.append([few, nearly_full, full])
    assert seen[0] == seen[1]
    few, nearly_full, full = seen[0]
    assert few == nearly_full
    if kind == "local":
        assert [few[0], full[0]] == [
            [("get_many", 1), ("set_many", 1)],
            [("get_many", 1)],
        ]
    else:
        assert [few[0], full[0]] == [["EVALSHA"], ["EVALSHA"]]


@pytest.mark.parametrize("kind", ["foreign"], indirect=True)
@pytest.mark.usefixtures("kind")
def test_elsewhere_one_refusal_a_second_looks_at_all_slots(
    settings: Settings, clock: Clock
) -> None:
    allow(settings, LINK="1000/hour")
    counter = Counter("LINK", HERE)
    fill(counter, 1000)
    Recorder.calls.clear()
    assert count(counter) > 0
    first, Recorder.calls[:] = list(Recorder.calls), []
    assert [count(counter) > 0 for _ in range(3)] == [True] * 3
    assert first == [("get_many", 21), ("get_many", 2001)]
    assert Recorder.calls == [("get_many", 21)] * 3
    clock.now += 2
    assert count(counter) > 0
    assert Recorder.calls[3:] == first


def asked(done: list[Any], request: Any) -> list[Any]:
    """Return what the cache was asked during ``request``."""
    done.clear()
    request()
    return list(done)


def test_requests_take_few_round_trips_to_redis(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    settings.CACHES = {"default": redis()}
    ada = make_user()
    # The server learns the scripts at the first use.
    assert [fail(client).status_code, log_in(client).status_code] == [400, 200]
    done = Fake.commands
    ident = {"ident": ident_of(ada), "password": PASSWORD}
    assert asked(done, lambda: log_in(client)) == ["EVALSHA", "EVALSHA"]
    assert asked(done, lambda: fail(client)) == ["EVALSHA"]
    assert asked(done, lambda: ask(client)) == ["EVALSHA", "SET"]
    assert asked(done, lambda: ask(client, "bob@example.com")) == ["EVALSHA", "SET"]
    assert asked(done, lambda: post(client, "validate_password", ident)) == [
        "EVALSHA",
        "GET",
    ]
    assert asked(done, lambda: post(client, "activate")) == ["EVALSHA"]
    new = [registration(name) for name in ("eve", "dan")]
    assert asked(done, lambda: post(client, "register", new[0])) == ["EVALSHA", "SET"]
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    # The mail, which is counted by mailbox there, goes out after the answer.
    assert asked(done, lambda: post(client, "register", new[1])) == [
        "EVALSHA",
        "EVALSHA",
        "SET",
    ]
    allow(settings, LOGIN_ACCOUNT_ADDRESS="1/hour")
    assert fail(client).status_code == 429
    assert asked(done, lambda: log_in(client)) == ["EVALSHA"]


def test_a_login_asks_local_memory_for_all_counters_at_once(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    use_cache(settings, f"{__name__}.Recorder")
    make_user()
    done = Recorder.calls
    assert asked(done, lambda: fail(client)) == [("get_many", 3), ("set_many", 3)]
    assert asked(done, lambda: log_in(client)) == [
        ("get_many", 3),
        ("set_many", 3),
        # The failures from this IP address go, and those that others may share stay.
        ("get_many", 2),
        ("set_many", 2),
        ("delete_many", 1),
    ]


def test_one_other_client_clears_no_counter_in_local_memory(
    client: APIClient, settings: Settings
) -> None:
    """In Django's 300 entries, where each event was one."""
    use_cache(settings, "django.core.cache.backends.locmem.LocMemCache")
    assert statuses(*(fail(client) for _ in range(11))) == [400] * 10 + [429]
    for _ in range(600):
        post(client, "validate_password", REMOTE_ADDR="203.0.113.9")
    assert fail(client).status_code == 429


# What can go wrong


def test_a_server_that_refuses_scripts_is_told_of_once(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redis_lists, "_said", False)
    settings.CACHES = {"default": redis(Forbidding)}
    make_user()
    allow(settings, LOGIN_ACCOUNT_ADDRESS="2/hour")
    assert statuses(fail(client), log_in(client)) == [400, 200]
    assert statuses(*(fail(client) for _ in range(3))) == [400, 400, 429]
    told = [
        record.getMessage() for record in caplog.records if record.name == "ai_kit_auth"
    ]
    assert told == ["Redis refused a script, so throttles count in more steps: EVALSHA"]


def test_a_redis_that_is_down_locks_nobody_out(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.CACHES = {"default": redis(Lost)}
    make_user()
    assert statuses(*(fail(client) for _ in range(12)), log_in(client)) == [
        400
    ] * 12 + [200]
    assert "there is no limit by LOGIN_ACCOUNT_ADDRESS" in caplog.text


@pytest.mark.parametrize(
    ("most", "rivals", "passes"),
    [
        (3, 2, True),
        (3, 3, False),
        (15, 10, True),
        (15, 15, False),
    ],
)
def test_slots_that_others_take_first_are_theirs(
    settings: Settings, most: int, rivals: int, passes: bool
) -> None:
    """And an event that finds none after all is in no other counter."""
    use_cache(settings, f"{__name__}.Rivals")
    allow(settings, LINK=f"{most}/hour", REGISTER="1/hour")
    Rivals.left = rivals
    link, register = Counter("LINK", HERE), Counter("REGISTER", HERE)
    assert (count(link, register) == 0) == passes
    assert Rivals.left == 0
    assert room(link) == most - rivals - passes
    assert room(register) == (not passes)
