"""Eight users at the same time on one process with eight threads: no request fails."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..conftest import PASSWORD
from .client import at_once, race
from .hosts import CHEAP, Host, Running
from .post_office import PostOffice

Say = Callable[[str], None]

PEOPLE = 8
ROUNDS = 20
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
