"""
How many reset requests one worker answers while the mail server takes 300 ms for each.

RESETS is the number of requests, in five rounds; the rates are those of the best round,
which other programs have disturbed least. The table of the documentation needs
``RESETS=200 tox run -e servers -- -n 0 -k test_resets``. The rates are figures for
people; a test fails by requests and mails that are lost.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..conftest import PASSWORD
from ..databases import need_server
from .cpu import cpu_of
from .hosts import CHEAP, Host, Running, database_address, documented, new_host
from .post_office import PostOffice

Say = Callable[[str], None]

CLIENTS = 4
ROUNDS = 5
# Requests of one measurement.
NUMBER = max(int(os.environ.get("RESETS", "40")) // ROUNDS // CLIENTS, 1) * CLIENTS
# Seconds that a mail takes: none, and those of a slow mail server.
PAUSES = (0.0, 0.3)


def asks(running: Running, name: str) -> tuple[float, set[int]]:
    """Ask NUMBER times for the mail of ``name``; return the rate and the answers."""

    def ask(turns: int) -> set[int]:
        # Each of a new connection, which no worker prefers.
        return {
            running.client().post("send_pw_reset_email", {"ident": name}).status
            for _ in range(turns)
        }

    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(ask, [NUMBER // CLIENTS] * CLIENTS))
    rate = NUMBER / (time.perf_counter() - start)
    return rate, set().union(*found)


def arrive(post_office: PostOffice, name: str, number: int) -> None:
    """Wait for the mails, of which each thread sends three a second."""
    for wanted in range(20, number, 20):
        post_office.letter_to(f"{name}@example.com", wanted)
    if number:
        post_office.letter_to(f"{name}@example.com", number)


@pytest.mark.parametrize("server", ["gunicorn", "gthread", "uvicorn-wsgi", "uvicorn"])
def test_resets(host: Host, post_office: PostOffice, say: Say, server: str) -> None:
    run = host.running(
        server, workers=1, smtp_port=post_office.port, PASSWORD_HASHERS=CHEAP
    )
    rates: dict[tuple[str, float], list[float]] = {
        (kind, pause): [] for kind in ("known", "unknown") for pause in PAUSES
    }
    with run as running:
        names = {"known": f"k{running.port}", "unknown": f"u{running.port}"}
        running.make_account(names["known"], PASSWORD)
        # The first requests import modules and open connections.
        asks(running, names["unknown"])
        mails = 0
        used = dict.fromkeys(names, 0.0)
        for _ in range(ROUNDS):
            for (kind, pause), found in rates.items():
                post_office.pause = pause
                before = cpu_of(running.program)
                rate, statuses = asks(running, names[kind])
                assert statuses == {200}
                found.append(rate)
                mails += NUMBER if kind == "known" else 0
                arrive(post_office, names["known"], mails)
                # For what follows the last answers.
                time.sleep(0.5)
                used[kind] += cpu_of(running.program) - before
    shown = [
        f"{kind} {max(found):.0f} with {1000 * pause:.0f} ms"
        for (kind, pause), found in rates.items()
    ]
    cpu = [
        f"{kind} {1000 * seconds / NUMBER / ROUNDS / len(PAUSES):.1f} ms"
        for kind, seconds in used.items()
    ]
    say(f"a second: {', '.join(shown)}; CPU with the mail: {', '.join(cpu)}")


def test_resets_with_a_queue(tmp_path: Path, post_office: PostOffice, say: Say) -> None:
    """The answer waits for the row of the queue, and for no mail."""
    need_server("postgresql", *database_address("postgresql"))
    project = documented("howto/queue.rst", tmp_path)
    post_office.pause = PAUSES[1]
    with ExitStack() as stack:
        host = stack.enter_context(new_host("postgresql", tmp_path, project))
        running = stack.enter_context(
            host.running(workers=1, smtp_port=post_office.port, PASSWORD_HASHERS=CHEAP)
        )
        name = f"q{running.port}"
        running.make_account(name, PASSWORD)
        asks(running, f"u{running.port}")
        known, answers = asks(running, name)
        unknown, others = asks(running, f"u{running.port}")
        assert answers == others == {200}
        assert post_office.letters() == []
    say(f"known {known:.0f} and unknown {unknown:.0f} a second")
