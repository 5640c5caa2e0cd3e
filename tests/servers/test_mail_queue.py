"""
The queue of mails with real workers, which are killed: ``docs/howto/queue.rst``.

``MAIL_QUEUE_ACCOUNTS=500`` has that many accounts; without it there are fewer.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest

from ..browser.processes import Program
from ..conftest import OTHER_PASSWORD, PASSWORD
from ..databases import need_server
from .client import Answer, Client, at_once
from .hosts import CHEAP, Host, Running, database_address, documented, new_host
from .post_office import PostOffice, link_in

ACCOUNTS = int(os.environ.get("MAIL_QUEUE_ACCOUNTS", "40"))
WORKERS = 3
KILLS = ACCOUNTS // 10
# Seconds that the mail server takes for a mail.
SLOWNESS = 0.05


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Yield the project that the page tells to write."""
    need_server("postgresql", *database_address("postgresql"))
    folder = tmp_path_factory.mktemp("queue")
    page = documented("howto/queue.rst", folder)
    with new_host("postgresql", folder, page) as host:
        yield host


class Workers:
    """``db_worker`` processes, of which one after another is killed at work."""

    def __init__(self, start: Callable[[str], Program]) -> None:
        self._start = start
        self._started = 0
        self.killed = 0
        self._running: list[Program] = []
        self._chance = random.Random(0)  # noqa: S311  # no secret
        self._peace = threading.Event()

    def hire(self) -> None:
        self._started += 1
        self._running.append(self._start(f"worker-{self._started}"))

    def _kill_one(self) -> None:
        """Kill a worker that is at a mail, if one is, and put another in its place."""
        at_work = [each for each in self._running if each.output.endswith(AT_WORK)]
        if at_work:
            victim = self._chance.choice(at_work)
            # At any moment of it: before, while and after the server takes the mail.
            self._peace.wait(self._chance.uniform(0, 4 * SLOWNESS))
            self._running.remove(victim)
            assert victim.stop(signal.SIGKILL) == -signal.SIGKILL
            self.killed += 1
            self.hire()

    def _harass(self) -> None:
        while self.killed < KILLS and not self._peace.wait(0.02):
            self._kill_one()

    @contextmanager
    def harassed(self) -> Iterator[None]:
        thread = threading.Thread(target=self._harass)
        thread.start()
        try:
            yield
        finally:
            self._peace.set()
            thread.join()

    def dismiss(self) -> None:
        for program in self._running:
            program.stop(signal.SIGTERM)


def test_no_mail_is_lost_with_a_worker_that_is_killed(
    project: Host, post_office: PostOffice, say: Callable[[str], None]
) -> None:
    began = monotonic()
    settings = {
        **project.settings(post_office.port, smtp_timeout=10),
        "PASSWORD_HASHERS": CHEAP,
    }

    def manage(name: str, *arguments: str) -> Program:
        return project.program(name, ["django", *arguments], **settings)

    def start(name: str) -> Program:
        quick = ("--interval", "0.1", "--no-startup-delay")
        return manage(name, "db_worker", *quick)

    post_office.pause = SLOWNESS
    new = [f"new{n}" for n in range(ACCOUNTS // 2)]
    old = [f"old{n}" for n in range(ACCOUNTS - len(new))]
    workers = Workers(start)
    with project.running(**settings) as running:
        for name in old:
            running.make_account(name, PASSWORD)
        for _ in range(WORKERS):
            workers.hire()
        try:
            with workers.harassed():
                asked = ask_for_all(running, new, old)
                wait_for_the_queue(running, workers)
        finally:
            workers.dismiss()
        assert Counter(asked) == {201: len(new), 200: len(old) + len(STRANGERS)}
        left = Counter(states(running))
        # What an operator does, when no worker of these tasks can be alive.
        retry = manage("retry", "retry_mails", "--minutes", "0")
        assert retry.stop(0) == 0
        assert f"{left['RUNNING']} mails are in the queue again" in retry.output
        assert manage("last", "db_worker", "--batch").stop(0) == 0
        assert set(states(running)) == {"SUCCESSFUL"}

        letters = Counter(
            letter.envelope_recipients[0] for letter in post_office.letters()
        )
        wanted = {f"{name}@example.com" for name in (*new, *old)}
        lost = wanted - letters.keys()
        twice = sum(letters.values()) - len(wanted)
        activations = [use_all(running, post_office, name, "activate") for name in new]
        resets = [use_all(running, post_office, name, "reset") for name in old]
        say(
            f"{len(new)} registrations, {len(old)} resets, {workers.killed} workers "
            f"killed, {left['RUNNING']} tasks left by them, {len(lost)} mails lost, "
            f"{twice} sent twice, {sum(n > 1 for n in activations)} double "
            f"activations, {monotonic() - began:.0f} s"
        )
        assert lost == set()
        assert letters.keys() == wanted
        assert workers.killed >= KILLS // 2
        # The queue promises each mail at least once, and once more for each kill.
        assert twice <= workers.killed
        assert set(activations) == set(resets) == {1}
        active = {row["username"] for row in running.accounts() if row["is_active"]}
        assert active == {*new, *old}


AT_WORK = "path=ai_kit_auth.mail_queue.send_mail state=RUNNING\n"
STRANGERS = [f"stranger{n}" for n in range(3)]


def ask_for_all(running: Running, new: list[str], old: list[str]) -> list[int]:
    """Send all requests, eight at a time; return the status of each answer."""

    def register(name: str) -> int:
        email = f"{name}@example.com"
        data = {"email": email, "username": name, "password": PASSWORD}
        return running.client().post("register", data).status

    def ask(name: str) -> int:
        data = {"email": f"{name}@example.com"}
        return running.client().post("send_pw_reset_email", data).status

    requests: list[tuple[Callable[[str], int], str]] = [
        *((register, name) for name in new),
        *((ask, name) for name in (*old, *STRANGERS)),
    ]
    random.Random(1).shuffle(requests)  # noqa: S311  # no secret
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda request: request[0](request[1]), requests))


def states(running: Running) -> list[str]:
    found = running.client().get("suite/tasks/").body
    assert isinstance(found, list)
    return found


def wait_for_the_queue(running: Running, workers: Workers) -> None:
    """Wait until all tasks are stored, and only what a dead worker held is not done."""
    total = ACCOUNTS + len(STRANGERS)
    deadline = monotonic() + 60 + ACCOUNTS
    while len(found := states(running)) < total or "READY" in found:
        assert monotonic() < deadline, Counter(found)
        threading.Event().wait(0.1)


def use_all(running: Running, office: PostOffice, name: str, way: str) -> int:
    """Use each link that was mailed, all at once; return how many were good."""
    links: list[dict[str, Any]] = [
        dict(link_in(letter)) for letter in office.letters_to(f"{name}@example.com")
    ]
    endpoint, data = "activate_email", {}
    if way == "reset":
        endpoint, data = "reset_password", {"password": OTHER_PASSWORD}
    actions: list[Callable[[], Answer]] = [
        Client(running.port).prepared_post(endpoint, {**link, **data})
        for link in links
        # As a double click.
        for _ in range(2)
    ]
    return sum(answer.status == 200 for answer in at_once(actions))
