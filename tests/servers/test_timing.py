"""
Whether the time of an answer shows that an account exists.

Each run measures the cases that it compares in turn. The figures are for people: a test
fails only if noise cannot explain them.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from http.client import HTTPConnection
from statistics import median, quantiles

import pytest

from ..conftest import PASSWORD
from .client import API, Answer, Client
from .hosts import CHEAP, Host, Running
from .post_office import PostOffice

Say = Callable[[str], None]

TRANSPORT = 0.3
RESETS = 60
RESENDS = 20
CHANGES = 15
REGISTRATIONS = 20
LOGINS = 20
# Of a mail, where the next request takes a few milliseconds.
NEXT_TRANSPORT = 0.15
NEXT = 10
# Far outside of what a busy machine does to a median.
LOWEST, HIGHEST = 0.5, 2.0


@contextmanager
def apart(run: AbstractContextManager[Running]) -> Iterator[Running]:
    """
    Serve the project on all CPUs but one, which this client uses.

    On the same CPU, work after an answer could delay the client's read, which is not
    possible over a network.
    """
    if sys.platform != "linux":
        with run as running:
            yield running
        return
    every = os.sched_getaffinity(0)
    last = {max(every)}
    os.sched_setaffinity(0, every - last or every)
    try:
        with run as running:
            os.sched_setaffinity(0, last)
            yield running
    finally:
        os.sched_setaffinity(0, every)


@pytest.fixture
def mailing(host: Host, post_office: PostOffice) -> Iterator[Running]:
    post_office.pause = TRANSPORT
    # Always some that have no mail in hand.
    run = host.running(workers=8, smtp_port=post_office.port, PASSWORD_HASHERS=CHEAP)
    with apart(run) as running:
        yield running


@pytest.fixture
def hashing(host: Host) -> Iterator[Running]:
    """Yield a project with Django's default hasher."""
    with apart(host.running()) as running:
        yield running


def seconds(action: Callable[[], Answer], status: int) -> float:
    """Return how long ``action`` took."""
    start = time.perf_counter()
    answer = action()
    taken = time.perf_counter() - start
    assert answer.status == status
    return taken


def order(names: Iterable[str], times: int) -> list[str]:
    """Return each name so many times, in no order that could be felt."""
    repeated = list(names) * times
    random.Random(times).shuffle(repeated)  # noqa: S311  # no secret
    return repeated


def compare(name: str, known: list[float], other: list[float], say: Say) -> None:
    ratio = median(known) / median(other)
    say(f"{name}: {shown(known)} / {shown(other)} = {ratio:.3f}")
    assert LOWEST < ratio < HIGHEST


def shown(times: list[float]) -> str:
    low, middle, high = (1000 * cut for cut in quantiles(times, n=4))
    return f"{middle:.2f} ms ({low:.2f} to {high:.2f})"


def test_a_reset_request(mailing: Running, post_office: PostOffice, say: Say) -> None:
    known, unknown, inactive = (f"{name}{mailing.port}" for name in ("a", "b", "c"))
    mailing.make_account(known, PASSWORD)
    mailing.make_account(inactive, PASSWORD)
    # As an admin does, to an account that has logged in.
    mailing.client().log_in(inactive, PASSWORD)
    mailing.deactivate(inactive)
    times: dict[str, list[float]] = {known: [], unknown: [], inactive: []}
    for name in order(times, RESETS):
        data = {"email": f"{name}@example.com"}
        request = mailing.client().prepared_post("send_pw_reset_email", data)
        times[name].append(seconds(request, 200))
        # By then a worker only waits for the mail server, if at all.
        time.sleep(TRANSPORT / 3)
    post_office.letter_to(f"{known}@example.com", RESETS)
    assert not post_office.letters_to(f"{inactive}@example.com")
    compare("known / unknown", times[known], times[unknown], say)
    compare("known / inactive", times[known], times[inactive], say)


def test_a_registration_that_is_told_nothing(
    host: Host, post_office: PostOffice, say: Say
) -> None:
    """With Django's default hasher, as what else it costs is small beside that."""
    post_office.pause = TRANSPORT
    run = host.running(smtp_port=post_office.port, auth={"PREVENT_ENUMERATION": True})
    with apart(run) as running:
        taken = f"a{running.port}@example.com"
        running.make_account(f"a{running.port}", PASSWORD)
        times: dict[str, list[float]] = {"taken": [], "free": []}
        for number, name in enumerate(order(times, REGISTRATIONS)):
            free = f"b{number}{running.port}@example.com"
            data = {"email": taken if name == "taken" else free, "password": PASSWORD}
            request = running.client().prepared_post("register", data)
            times[name].append(seconds(request, 201))
            time.sleep(NEXT_TRANSPORT + 0.05)
    compare("taken / free", times["taken"], times["free"], say)


def test_a_wrong_password(hashing: Running, say: Say) -> None:
    known, unknown, inactive = (f"{name}{hashing.port}" for name in ("a", "b", "c"))
    hashing.make_account(known, PASSWORD)
    hashing.make_account(inactive, PASSWORD, is_active=False)
    client = hashing.client()
    times: dict[str, list[float]] = {known: [], unknown: [], inactive: []}
    for name in order(times, LOGINS):
        attempt = partial(client.log_in, f"{name}@example.com", "wrong")
        times[name].append(seconds(attempt, 400))
    compare("known / unknown", times[known], times[unknown], say)
    compare("known / inactive", times[known], times[inactive], say)


def test_an_activation_mail_once_more(
    mailing: Running, post_office: PostOffice, say: Say
) -> None:
    waiting, unknown, active = (f"{name}{mailing.port}" for name in ("a", "b", "c"))
    data = {"email": f"{waiting}@example.com", "password": PASSWORD}
    assert mailing.client().post("register", data).status == 201
    mailing.make_account(active, PASSWORD)
    times: dict[str, list[float]] = {waiting: [], unknown: [], active: []}
    for name in order(times, RESENDS):
        data = {"email": f"{name}@example.com"}
        request = mailing.client().prepared_post("resend_activation_email", data)
        times[name].append(seconds(request, 200))
        time.sleep(TRANSPORT / 3)
    post_office.letter_to(f"{waiting}@example.com", 1 + RESENDS)
    assert not post_office.letters_to(f"{active}@example.com")
    compare("waiting / unknown", times[waiting], times[unknown], say)
    compare("waiting / active", times[waiting], times[active], say)


def test_a_change_of_address_that_is_told_nothing(
    host: Host, post_office: PostOffice, say: Say
) -> None:
    """With a cheap hasher, as the password is checked at either."""
    post_office.pause = TRANSPORT
    run = host.running(
        workers=8,
        smtp_port=post_office.port,
        auth={"PREVENT_ENUMERATION": True},
        PASSWORD_HASHERS=CHEAP,
    )
    with apart(run) as running:
        asking, owning = f"a{running.port}", f"b{running.port}"
        running.make_account(asking, PASSWORD)
        running.make_account(owning, PASSWORD)
        client = running.owner(asking, PASSWORD)
        times: dict[str, list[float]] = {"taken": [], "free": []}
        for number, name in enumerate(order(times, CHANGES)):
            free = f"c{number}{running.port}@example.com"
            address = f"{owning}@example.com" if name == "taken" else free
            data = {"email": address, "password": PASSWORD}
            request = client.prepared_post("change_email", data)
            times[name].append(seconds(request, 200))
            # Each has two mails to send, and some workers must have none in hand.
            time.sleep(TRANSPORT / 2)
        # Either tells the one that asked, and the owner of a taken address as well.
        post_office.letter_to(f"{asking}@example.com", 2 * CHANGES)
        post_office.letter_to(f"{owning}@example.com", CHANGES)
    compare("taken / free", times["taken"], times["free"], say)


# The next request


class Line:
    """One connection that is kept, where the server keeps it."""

    def __init__(self, running: Running, browser: Client | None = None) -> None:
        self._connection = HTTPConnection("127.0.0.1", running.port, timeout=60)
        self._headers = {
            "Content-Type": "application/json",
            **(browser.headers() if browser else {}),
        }

    def post(self, endpoint: str, data: dict[str, str]) -> None:
        status = self._send("POST", endpoint, json.dumps(data))
        assert status in {200, 201}

    def next_request(self) -> float:
        """Return how many seconds ``me/`` takes."""
        start = time.perf_counter()
        assert self._send("GET", "me", None) == 200
        return time.perf_counter() - start

    def close(self) -> None:
        self._connection.close()

    def _send(self, method: str, endpoint: str, body: str | None) -> int:
        self._connection.request(method, f"/{API}{endpoint}/", body, self._headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


def reset(number: int, *, known: bool, port: int) -> tuple[str, dict[str, str]]:
    name = "known" if known else "unknown"
    return "send_pw_reset_email", {"email": f"{name}{port}@example.com"}


def resend(number: int, *, known: bool, port: int) -> tuple[str, dict[str, str]]:
    name = "waiting" if known else "unknown"
    return "resend_activation_email", {"email": f"{name}{port}@example.com"}


def new_account(number: int, *, known: bool, port: int) -> tuple[str, dict[str, str]]:
    name = "known" if known else f"new{number}x"
    email = f"{name}{port}@example.com"
    return "register", {"email": email, "password": PASSWORD}


def new_address(number: int, *, known: bool, port: int) -> tuple[str, dict[str, str]]:
    name = "known" if known else f"free{number}x"
    email = f"{name}{port}@example.com"
    return "change_email", {"email": email, "password": PASSWORD}


@pytest.mark.parametrize("server", ["gunicorn", "gthread", "waitress", "uvicorn"])
def test_the_next_request(
    host: Host, post_office: PostOffice, say: Say, server: str
) -> None:
    """The next request must not wait for work that an answer leaves behind."""
    post_office.pause = NEXT_TRANSPORT
    run = host.running(
        server,
        workers=1,
        smtp_port=post_office.port,
        auth={"PREVENT_ENUMERATION": True},
        PASSWORD_HASHERS=CHEAP,
    )
    ratios: dict[str, float] = {}
    with apart(run) as running, ExitStack() as stack:
        for name in ("known", "asking"):
            running.make_account(f"{name}{running.port}", PASSWORD)
        data = {"email": f"waiting{running.port}@example.com", "password": PASSWORD}
        assert running.client().post("register", data).status == 201
        asking = running.owner(f"asking{running.port}", PASSWORD)
        for kind in (reset, resend, new_account, new_address):
            line = Line(running, asking if kind is new_address else None)
            stack.callback(line.close)
            # A few of a few milliseconds are noisy. What waits does so a second time.
            for first in (0, 2 * NEXT):
                times: dict[str, list[float]] = {"known": [], "unknown": []}
                for number, name in enumerate(order(times, NEXT), first):
                    line.post(*kind(number, known=name == "known", port=running.port))
                    times[name].append(line.next_request())
                    time.sleep(NEXT_TRANSPORT + 0.05)
                known, unknown = shown(times["known"]), shown(times["unknown"])
                ratio = median(times["known"]) / median(times["unknown"])
                say(f"{kind.__name__}: {known} / {unknown} = {ratio:.3f}")
                ratios[kind.__name__] = ratio
                if LOWEST < ratio < HIGHEST:
                    break
    for ratio in ratios.values():
        assert LOWEST < ratio < HIGHEST
