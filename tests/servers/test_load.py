"""
The recipe of docs/howto/production.rst under load, and while its services are down.

LOAD_VISITS is how often each of eight visitors comes, and logs in and out, in each
round; LOAD_ROUNDS is the number of rounds; LOAD_ACCOUNTS that of accounts whose size is
measured. The tables of the documentation need ``LOAD_VISITS=40 LOAD_ROUNDS=5
LOAD_ACCOUNTS=20000``. The times are figures for people; no test fails by
them. Each is given beside that of hand-written views in DRF, by the same server in the
same run.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import copytree
from statistics import median, quantiles
from threading import Event

import pytest

from ..browser.processes import Program, environment, free_port
from ..conftest import PASSWORD
from ..docs.pages import ROOT, source
from .cpu import cpu_of
from .post_office import PostOffice
from .services import PostgreSQL, Redis, own_services
from .visitors import BY_HAND, JSON, OURS, Answer, Visitor, together

Say = Callable[[str], None]

EXAMPLE = ROOT / "example_project"
VISITS = int(os.environ.get("LOAD_VISITS", "3"))
ROUNDS = int(os.environ.get("LOAD_ROUNDS", "2"))
# For the sizes of rows and keys.
ACCOUNTS = int(os.environ.get("LOAD_ACCOUNTS", "2000"))
LOGINS = ACCOUNTS // 40
PEOPLE = [f"person{number}" for number in range(8)]
# Seconds for which a service is down, and those that the load may go on at most.
DOWN = 1.0
LONGEST = 60


@dataclass(frozen=True)
class Recipe:
    """The services of the recipe, and the environment of its server."""

    database: PostgreSQL
    redis: Redis
    folder: Path
    variables: dict[str, str]

    @contextmanager
    def served(self, command: str, workers: int, engine: str = "") -> Iterator[Served]:
        """Run the page's ``command`` until the block ends."""
        port = free_port()
        arguments = with_workers(command, port, workers)
        of_run = {"RECIPE_SESSIONS": engine}
        if "uvicorn" in command:
            of_run["POSTGRES_CONN_MAX_AGE"] = "0"
        program = Program(
            [sys.executable, "-m", *arguments],
            log=self.folder / f"server-{port}.log",
            cwd=EXAMPLE,
            env=environment(**self.variables, **of_run),
        )
        try:
            program.wait_for_port(port)
            yield Served(port, program)
        finally:
            program.stop(signal.SIGTERM)


@dataclass(frozen=True)
class Served:
    port: int
    program: Program


def commands() -> dict[str, str]:
    """Return what the page tells to type, by the kind of the server."""
    found = re.findall(
        r"^   (g?u(?:ni|vi)corn .*)$", source("howto/production.rst"), re.M
    )
    kinds = ["gthread" if "gthread" in line else line.split()[0] for line in found]
    return dict(zip(kinds, found, strict=True))


COMMANDS = commands()


def with_workers(command: str, port: int, workers: int) -> list[str]:
    arguments = shlex.split(command)
    arguments = [arg.replace("8000", str(port)) for arg in arguments]
    arguments[arguments.index("--workers") + 1] = str(workers)
    quiet = ["--log-level", "critical"]
    return (
        arguments + quiet + (["--no-control-socket"] if "gunicorn" in command else [])
    )


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipe]:
    folder = tmp_path_factory.mktemp("recipe")
    # Not the folder above, where the package itself would hide the one installed.
    for name, source_folder in (
        ("recipe", Path(__file__).parent / "recipe"),
        ("benchmarks", ROOT / "benchmarks"),
    ):
        copytree(source_folder, folder / name)
    with own_services() as (database, redis), PostOffice(folder / "letters") as office:
        database.make_database("accounts")
        variables = {
            "ALLOWED_HOSTS": "api.example.com",
            "BEHIND_TLS_PROXY": "1",
            "DJANGO_SETTINGS_MODULE": "recipe.settings",
            "EXAMPLE_DATA_DIR": str(folder / "data"),
            "FRONTEND_ORIGIN": "https://app.example.com",
            "POSTGRES_DB": "accounts",
            "POSTGRES_HOST": "127.0.0.1",
            "POSTGRES_PORT": str(database.port),
            "POSTGRES_USER": database.user,
            "PYTHONPATH": str(folder),
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}",
            "SECRET_KEY": "for these tests alone, since everybody can read 0123456789",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(office.port),
            "SMTP_TLS": "none",
        }
        made = Program(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            log=folder / "migrate.log",
            cwd=EXAMPLE,
            env=environment(**variables),
        )
        assert made.wait(60) == 0, made.output
        yield Recipe(database, redis, folder, variables)


def make_accounts(port: int, names: list[str]) -> None:
    body = {"names": names, "password": PASSWORD}
    assert Visitor(port).request("POST", "suite/accounts/", body).status == 200


def emails(port: int) -> set[str]:
    return set(Visitor(port).request("GET", "suite/accounts/").body)


def comes(port: int, prefix: str, times: int) -> Callable[[str], list[Answer]]:
    """Return what a visitor does: come ``times``, each time with a new browser."""

    def visits(name: str) -> list[Answer]:
        found = [Visitor(port, prefix).visit(name) for _ in range(times)]
        return [answer for answers in found for answer in answers]

    return visits


def percentile(answers: list[Answer], percent: int) -> float:
    return quantiles([answer.seconds for answer in answers], n=100)[percent - 1]


@pytest.mark.parametrize(
    ("kind", "workers"),
    [("gunicorn", 1), ("gunicorn", 2), ("gunicorn", 4), ("gthread", 2), ("uvicorn", 2)],
)
def test_load(recipe: Recipe, say: Say, kind: str, workers: int) -> None:
    with recipe.served(COMMANDS[kind], workers) as served:
        port = served.port
        names = [f"{name}x{port}" for name in PEOPLE]
        make_accounts(port, names)
        seen: dict[str, list[Answer]] = {OURS: [], BY_HAND: []}
        rates: dict[str, list[float]] = {OURS: [], BY_HAND: []}
        used = {OURS: 0.0, BY_HAND: 0.0}
        # The first requests import modules and open connections.
        for prefix in seen:
            together(names, comes(port, prefix, 1))
        for _ in range(ROUNDS):
            for prefix, answers in seen.items():
                start, before = time.perf_counter(), cpu_of(served.program)
                found = together(names, comes(port, prefix, VISITS))
                used[prefix] += cpu_of(served.program) - before
                rates[prefix].append(len(found) / (time.perf_counter() - start))
                answers += found
    for answers in seen.values():
        assert {answer.status for answer in answers} == {200}
    rate = median(rates[OURS]) / median(rates[BY_HAND])
    shares = [
        percentile(seen[OURS], percent) / percentile(seen[BY_HAND], percent)
        for percent in (50, 99)
    ]
    requests = ROUNDS * VISITS * 4 * len(PEOPLE)
    cpu = {prefix: 1000 * seconds / requests for prefix, seconds in used.items()}
    say(
        f"{requests} requests each, {median(rates[OURS]):.0f} and "
        f"{median(rates[BY_HAND]):.0f} a second, {cpu[OURS]:.1f} and "
        f"{cpu[BY_HAND]:.1f} ms of CPU; against the hand-written views: throughput "
        f"{rate:.2f}, p50 {shares[0]:.2f}, p99 {shares[1]:.2f}, CPU "
        f"{cpu[OURS] / cpu[BY_HAND]:.2f}"
    )


# What is stored


def test_sizes(recipe: Recipe, say: Say) -> None:
    """Rows and keys: what an account takes, and a session in Redis or in PostgreSQL."""
    figures = []
    for sessions in ("", "db"):
        with recipe.served(COMMANDS["gunicorn"], 2, sessions) as served:
            names = [f"size{served.port}n{number}" for number in range(ACCOUNTS)]
            make_accounts(served.port, names[:1])
            before = recipe.database.size("auth_user")
            make_accounts(served.port, names[1:])
            grown = recipe.database.size("auth_user") - before
            figures.append(f"{grown / (ACCOUNTS - 1):.0f} bytes an account")
            size = (
                partial(recipe.database.size, "django_session")
                if sessions
                else recipe.redis.memory
            )
            logged_in = names[:LOGINS]
            together(logged_in[:8], comes(served.port, OURS, 1))
            before = size()
            for name in logged_in:
                visitor = Visitor(served.port)
                visitor.get("me")
                login = {"ident": name, "password": PASSWORD}
                assert visitor.post("login", login).status == 200
            where = "PostgreSQL" if sessions else "Redis, with its counters"
            figures.append(f"{(size() - before) / LOGINS:.0f} a session in {where}")
    say(", ".join(figures))


# Services that stop


@dataclass
class Seen:
    """What visitors have been told while services came and went."""

    answers: list[Answer]
    registered: list[str]
    logged_in: list[tuple[Visitor, str]]


def goes_on(port: int, name: str, over: Event) -> Seen:
    """Register and log in, with a new browser each time, until it is ``over``."""
    seen = Seen([], [], [])
    end = time.monotonic() + LONGEST
    turn = 0
    while not over.is_set() and time.monotonic() < end:
        turn += 1
        visitor = Visitor(port)
        email = f"{name}-{turn}@example.com"
        new = {"email": email, "password": PASSWORD, "username": f"{name}-{turn}"}
        seen.answers.append(visitor.post("register", new))
        if seen.answers[-1].status == 201:
            seen.registered.append(email)
        seen.answers.append(visitor.get("me"))
        login = {"ident": name, "password": PASSWORD}
        if seen.answers[-1].status == 200:
            seen.answers.append(visitor.post("login", login))
        if seen.answers[-1].status == 200:
            seen.logged_in.append((visitor, name))
            seen.answers.append(visitor.get("me"))
            if seen.answers[-1].status == 200:
                # A user who has logged in is never called anonymous.
                assert seen.answers[-1].body["user"]["username"] == name
    return seen


@pytest.mark.parametrize(
    ("kind", "workers", "sessions"),
    [("gunicorn", 2, ""), ("uvicorn", 1, ""), ("gthread", 1, "db")],
)
def test_services_that_stop(
    recipe: Recipe, say: Say, kind: str, workers: int, sessions: str
) -> None:
    over = Event()
    with (
        recipe.served(COMMANDS[kind], workers, sessions) as served,
        ThreadPoolExecutor() as pool,
    ):
        port = served.port
        names = [f"{name}s{port}" for name in PEOPLE[:4]]
        make_accounts(port, names)
        running = [pool.submit(goes_on, port, name, over) for name in names]
        try:
            for service in (recipe.redis, recipe.database):
                time.sleep(DOWN)
                service.stop()
                time.sleep(DOWN)
                service.start()
            time.sleep(DOWN)
        finally:
            over.set()
        seen = [each.result() for each in running]
        answers = [answer for one in seen for answer in one.answers]
        counts = Counter(
            f"{answer.status} {answer.body['error']}"
            if answer.status >= 300 and isinstance(answer.body, dict)
            else str(answer.status)
            for answer in answers
        )
        say(
            ", ".join(f"{number} times {what}" for what, number in counts.most_common())
        )
        wrong = [
            answer
            for answer in answers
            if answer.content_type != JSON
            or not (answer.status in {200, 201} or answer.is_down)
        ]
        assert wrong == []
        assert any(answer.is_down for answer in answers)
        # The services are back, and the server was not restarted.
        assert {answer.status for answer in Visitor(port).visit(names[0])} == {200}
        registered = {email for one in seen for email in one.registered}
        assert registered <= emails(port)
        logged_in = [pair for one in seen for pair in one.logged_in]
        assert logged_in
        for visitor, name in logged_in:
            assert visitor.get("me").body["user"]["username"] == name
