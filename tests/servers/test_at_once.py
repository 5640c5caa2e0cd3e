"""Eight users at the same time on one process with eight threads: no request fails."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from ..conftest import PASSWORD
from ..databases import need_server
from .client import at_once, race
from .hosts import CHEAP, Host, Running, redis_address, sqlite_host
from .post_office import PostOffice

Say = Callable[[str], None]

PEOPLE = 8
ROUNDS = 20
VISITS = 10
SLOW_MAIL = 3.0


@pytest.fixture
def running(every_host: Host, post_office: PostOffice) -> Iterator[Running]:
    with every_host.running(
        "gthread", smtp_port=post_office.port, PASSWORD_HASHERS=CHEAP
    ) as running:
        yield running
        assert "Traceback" not in running.program.output, running.program.output


@pytest.fixture
def people(running: Running) -> list[str]:
    names = [f"p{number}x{running.port}" for number in range(PEOPLE)]
    for name in names:
        running.make_account(name, PASSWORD)
    return names


def test_logins(running: Running, people: list[str], say: Say) -> None:
    seen: Counter[int] = Counter()
    for _ in range(ROUNDS):
        clients = [running.client() for _ in people]
        for client in clients:
            client.me()
        logins = [
            client.prepared_post("login", {"ident": name, "password": PASSWORD})
            for client, name in zip(clients, people, strict=True)
        ]
        seen.update(answer.status for answer in at_once(logins))
    say(f"{dict(seen)}")
    assert seen == {200: ROUNDS * PEOPLE}


def test_registrations(running: Running, say: Say) -> None:
    seen: Counter[int] = Counter()
    for turn in range(ROUNDS):
        bodies = [
            {"email": f"r{turn}x{n}x{running.port}@example.com", "password": PASSWORD}
            for n in range(PEOPLE)
        ]
        answers = race(running.port, "register", bodies)
        seen.update(answer.status for answer in answers)
    say(f"{dict(seen)}")
    assert seen == {201: ROUNDS * PEOPLE}


def test_resets(running: Running, people: list[str], say: Say) -> None:
    seen: Counter[int] = Counter()
    for _ in range(ROUNDS):
        bodies = [{"ident": name} for name in people]
        answers = race(running.port, "send_pw_reset_email", bodies)
        seen.update(answer.status for answer in answers)
    say(f"{dict(seen)}")
    assert seen == {200: ROUNDS * PEOPLE}


def test_all_of_them_mixed(running: Running, people: list[str]) -> None:
    for turn in range(ROUNDS):
        clients = [running.client() for _ in people]
        for client in clients[:4]:
            client.me()
        requests = [
            client.prepared_post("login", {"ident": name, "password": PASSWORD})
            for client, name in zip(clients[:4], people[:4], strict=True)
        ]
        for number, client in enumerate(clients[4:]):
            address = f"m{turn}x{number}x{running.port}@example.com"
            registration = {"email": address, "password": PASSWORD}
            mail = ("send_pw_reset_email", {"ident": people[number]})
            kind = ("register", registration) if number % 2 else mail
            requests.append(client.prepared_post(*kind))
        assert {answer.status for answer in at_once(requests)} == {200, 201}


@pytest.mark.parametrize("way", ["register", "change_email"])
def test_a_login_does_not_wait_for_the_mail_of_another(
    running: Running,
    people: list[str],
    post_office: PostOffice,
    say: Say,
    way: str,
) -> None:
    owner = running.owner(people[0], PASSWORD)
    body = {"email": f"slow{running.port}{way}@example.com", "password": PASSWORD}
    slow = owner if way == "change_email" else running.client()
    post_office.pause = SLOW_MAIL
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(slow.prepared_post(way, body))
        time.sleep(0.5)
        started = time.perf_counter()
        assert running.client().log_in(people[1], PASSWORD).status == 200
        taken = time.perf_counter() - started
        assert not waiting.done()
        assert waiting.result().status in {200, 201}
    say(f"{1000 * taken:.0f} ms")
    assert taken < SLOW_MAIL / 2


# SQLite, where one writes at a time

# With Django's defaults, and with those of the example.
SQLITE: dict[str, dict[str, Any]] = {
    "plain": {},
    "example": {
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL",
        }
    },
}


@pytest.mark.parametrize("options", SQLITE)
@pytest.mark.parametrize("server", ["gthread", "gunicorn"])
def test_people_who_come_and_go_on_sqlite(
    tmp_path: Path, post_office: PostOffice, say: Say, server: str, options: str
) -> None:
    """Threads of one process and four processes: all wait for each other."""
    people = [f"p{number}" for number in range(PEOPLE)]

    def comes(served: Running, person: int) -> list[int]:
        seen = []
        for turn in range(VISITS):
            client = served.client()
            new = {"email": f"c{person}x{turn}@example.com", "password": PASSWORD}
            seen.append(client.post("register", new).status)
            client.me()
            seen.append(client.log_in(people[person], PASSWORD).status)
            assert client.me()["username"] == people[person]
            seen.append(client.post("logout", {}).status)
        return seen

    need_server("redis", *redis_address())
    with (
        sqlite_host(tmp_path, **SQLITE[options]) as host,
        host.running(
            server, smtp_port=post_office.port, PASSWORD_HASHERS=CHEAP
        ) as served,
        ThreadPoolExecutor(PEOPLE) as pool,
    ):
        for name in people:
            served.make_account(name, PASSWORD)
        seen = Counter(
            chain.from_iterable(pool.map(partial(comes, served), range(PEOPLE)))
        )
        say(f"{dict(seen)}")
        assert seen == {200: 2 * VISITS * PEOPLE, 201: VISITS * PEOPLE}
        assert len(served.accounts()) == PEOPLE + VISITS * PEOPLE
        assert "Traceback" not in served.program.output, served.program.output
