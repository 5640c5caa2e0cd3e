"""
What a request costs the database, by the number of accounts: ``tox run -e growth``.

Each size has a database of its own on one server, all beside each other. A round sends
each request once to each of them, and so sees the same machine. The figure is the
processor time of the server's process or thread for this connection, from Linux's
``/proc``; so the server must be on this machine. The databases are dropped at the end.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import secrets
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import django

from . import projects

SIZES = (1_000, 100_000, 1_000_000, 5_000_000)
OPERATIONS = (
    "me_authenticated",
    "login_email",
    "login_username",
    "login_unknown",
    "register",
    "reset_mail",
    "reset_mail_unknown",
    "change_email",
    "update_me",
)
# A round at five million accounts reads the whole table dozens of times.
ROUNDS_WITHOUT = 3
WARM_UP = 5
# The largest ratio to the smallest size that an operation may have with the indexes.
MOST = 2.0
# More than any row has: the numbers of accounts that are still to come.
_NEW = count(10_000_000)

# As the suite "databases" names them.
SERVERS: dict[str, dict[str, Any]] = {
    "postgresql": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("TEST_POSTGRESQL_HOST", "127.0.0.1"),
        "PORT": os.environ.get("TEST_POSTGRESQL_PORT", "5432"),
        "USER": os.environ.get("TEST_POSTGRESQL_USER", "postgres"),
        "PASSWORD": os.environ.get("TEST_POSTGRESQL_PASSWORD", ""),
        # What other processes take for this connection would not be counted.
        "OPTIONS": {"options": "-c max_parallel_workers_per_gather=0"},
    },
    "mariadb": {
        "ENGINE": "django.db.backends.mysql",
        "HOST": os.environ.get("TEST_MARIADB_HOST", "127.0.0.1"),
        "PORT": os.environ.get("TEST_MARIADB_PORT", "3306"),
        "USER": os.environ.get("TEST_MARIADB_USER", "root"),
        "PASSWORD": os.environ.get("TEST_MARIADB_PASSWORD", ""),
    },
}
_COLUMNS = (
    "password, is_superuser, username, first_name, last_name, email, is_staff, "
    "is_active, date_joined"
)
# One statement for up to a million rows, from the row number on.
FILL = {
    "postgresql": (
        f"INSERT INTO auth_user ({_COLUMNS}) "  # noqa: S608  # no value of a user
        "SELECT %s, false, 'user' || n, '', '', 'user' || n || '@example.com', false, "
        "true, now() FROM generate_series(%s, %s) AS n"
    ),
    "mysql": (
        f"INSERT INTO auth_user ({_COLUMNS}) "  # noqa: S608  # no value of a user
        "SELECT %s, false, CONCAT('user', n), '', '', CONCAT('user', n, "
        "'@example.com'), false, true, NOW() FROM (SELECT seq + %s - 1 AS n FROM "
        "seq_1_to_1000000 LIMIT %s) AS numbers"
    ),
}


@dataclass
class Crowd:
    """The accounts of one size, in a database of their own."""

    size: int
    connection: Any
    clock: Path | None = None

    def enter(self) -> None:
        """Let the project use this database from now on."""
        from django.db import connections

        connections["default"] = self.connection

    def ask(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall()) if cursor.description else []

    def fill(self) -> None:
        from django.contrib.auth.hashers import make_password
        from django.core.management import call_command

        from .operations import PASSWORD

        self.enter()
        call_command("migrate", verbosity=0)
        vendor, password = self.connection.vendor, make_password(PASSWORD)
        for first in range(1, self.size + 1, 1_000_000):
            last = min(self.size, first + 999_999)
            end = last if vendor == "postgresql" else last - first + 1
            self.ask(FILL[vendor], [password, first, end])
        # The rows are at rest: otherwise the first scans would write, too.
        postgresql = vendor == "postgresql"
        self.ask("VACUUM ANALYZE" if postgresql else "ANALYZE TABLE auth_user")

    def time(self) -> int:
        """Return the nanoseconds of processor time that this connection has taken."""
        if self.clock is None:
            [[thread]] = self.ask(
                "SELECT pg_backend_pid()"
                if self.connection.vendor == "postgresql"
                else "SELECT tid FROM information_schema.processlist "
                "WHERE id = CONNECTION_ID()"
            )
            self.clock = Path(f"/proc/{thread}/schedstat")
        return int(self.clock.read_text().split()[0])


@contextmanager
def crowds(sizes: Sequence[int]) -> Iterator[list[Crowd]]:
    """Make the databases, and drop them at the end."""
    from django.db import connections

    base = connections["default"]
    made: list[Crowd] = []
    try:
        for size in sizes:
            connection = base.copy()
            name = f"ai_kit_auth_growth_{secrets.token_hex(4)}"
            connection.settings_dict = {**base.settings_dict, "NAME": name}
            with base._nodb_cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name}")
            made.append(Crowd(size, connection))
        yield made
    finally:
        for crowd in made:
            crowd.connection.close()
            with base._nodb_cursor() as cursor:
                cursor.execute(
                    f"DROP DATABASE {crowd.connection.settings_dict['NAME']}"
                )


def requests() -> dict[str, Callable[[Crowd], int]]:
    """Return what makes the request of each operation for one account of a crowd."""
    from django.contrib.auth.models import User

    from .browser import Server
    from .operations import Api, Exchange

    class OfACrowd(Api):
        """The requests of accounts that are there already, by their primary keys."""

        def user(self, number: int, *, active: bool = True) -> User:
            found = User.objects.filter(pk__gte=number, is_active=active)
            return found.order_by("pk")[:1].get()

        def update_me(self, number: int) -> Exchange:
            browser = self.browser(number, self.user(number))
            body = {"username": f"new{next(_NEW)}"}
            return Exchange(browser.request("PATCH", "me/", body))

    api = OfACrowd(Server())

    def send(name: str, crowd: Crowd) -> int:
        is_new = name in {"login_unknown", "register", "reset_mail_unknown"}
        number = next(_NEW) if is_new else random.randint(1, crowd.size)  # noqa: S311  # any account
        exchange = getattr(api, name)(number)
        before = crowd.time()
        api.sent(exchange)
        return crowd.time() - before

    return {name: partial(send, name) for name in OPERATIONS}


Figures = dict[str, dict[int, list[int]]]


def measure(made: Sequence[Crowd], rounds: int) -> Figures:
    """Return the nanoseconds of each request, by its operation and the size."""
    from django.core import mail

    # Where no test runner has made it.
    mail.outbox = []
    found: Figures = {name: {crowd.size: [] for crowd in made} for name in OPERATIONS}
    for number in range(-WARM_UP if rounds > ROUNDS_WITHOUT else -1, rounds):
        for name, send in requests().items():
            for crowd in random.sample(made, len(made)):
                crowd.enter()
                taken = send(crowd)
                if number >= 0:
                    found[name][crowd.size].append(taken)
        mail.outbox.clear()
    return found


def table(found: Figures, title: str) -> Iterator[str]:
    """Yield the lines of a table: medians in ms, and ratios to the smallest size."""
    sizes = list(next(iter(found.values())))
    yield f"{title:20}" + "".join(f"{size:>17,}" for size in sizes)
    for name, by_size in found.items():
        medians = [statistics.median(by_size[size]) / 1e6 for size in sizes]
        cells = [f"{m:9.2f} ms {m / medians[0]:4.1f}x" for m in medians]
        yield f"{name:20}" + "".join(f"{cell:>17}" for cell in cells)


def ratios(found: Figures) -> dict[str, float]:
    """Return the largest ratio to the smallest size, by the operations."""
    medians = {
        name: [statistics.median(values) for values in by_size.values()]
        for name, by_size in found.items()
    }
    return {name: max(each) / each[0] for name, each in medians.items()}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="growth", description=__doc__)
    parser.add_argument("--database", choices=SERVERS, default="postgresql")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args(arguments)
    # Without an age Django would end the connection after each request.
    server = {**SERVERS[options.database], "NAME": "", "CONN_MAX_AGE": None}
    # A project of our package that has no throttles, on this server.
    ours = projects.SUBJECTS["ours"]
    projects.SUBJECTS["growth"] = replace(
        ours, settings={**ours.settings, "DATABASES": {"default": server}}
    )
    projects.configure("growth")
    from django.core.management import call_command
    from django.db import connection

    with crowds(sorted(options.sizes)) as made:
        for crowd in made:
            print(f"Making {crowd.size:,} accounts", file=sys.stderr, flush=True)
            crowd.fill()
        version = connection.get_database_version()
        print(
            f"{connection.display_name} {'.'.join(map(str, version))}, "
            f"Django {django.__version__}, Python {platform.python_version()}, "
            f"{platform.machine()}; processor time of the server for one request\n"
        )
        print(*table(measure(made, ROUNDS_WITHOUT), "without indexes"), sep="\n")
        for crowd in made:
            crowd.enter()
            call_command("ai_kit_auth_indexes", apply=True, stdout=sys.stderr)
        found = measure(made, options.rounds)
        print("", *table(found, "with indexes"), sep="\n")
    grown = {name: ratio for name, ratio in ratios(found).items() if ratio > MOST}
    if grown:
        print(f"\nMore than {MOST} times the figure of the smallest size: {grown}")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
