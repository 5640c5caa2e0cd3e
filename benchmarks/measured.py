"""
The process that is measured: one subject, its operations one after another.

It prints one JSON object a block of requests. Around each block it calls
``os.getloadavg()``, where callgrind writes down what it has counted so far: nothing
else of Python calls that function.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from . import projects

# Requests of each operation before the counted ones.
WARM = 3
# What opens and closes a transaction is no statement of a view. The update of no row
# is how our package tells SQLite that a transaction is going to write.
TRANSACTION_CONTROL = re.compile(
    r'BEGIN|COMMIT|RELEASE|ROLLBACK|SAVEPOINT|UPDATE "\w+" SET "id" = "id" WHERE 1 = 0'
)


def load_tables(path: Path) -> None:
    """Fill the database in memory from the file ``path``."""
    from django.db import connection

    connection.ensure_connection()
    with sqlite3.connect(path) as file:
        file.backup(connection.connection)


def save_tables(path: Path) -> None:
    """Write empty tables of the subject's apps to the file ``path``."""
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with sqlite3.connect(path) as file:
        connection.connection.backup(file)


def repeatable(seed: int) -> None:
    """
    Draw the random bytes of keys, salts and tokens from ``seed``.

    How often Python has to draw again depends on them, and so do the instructions.
    """
    drawn = random.Random(seed).randbytes  # noqa: S311  # keeps no secret
    os.urandom = drawn
    # Where random.SystemRandom, and so the module secrets, has it from.
    vars(random)["_urandom"] = drawn


def clear() -> None:
    """Remove what the last block has left, so that each begins with the same tables."""
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session
    from django.core import mail
    from django.core.cache import caches
    from django.core.cache.backends.locmem import LocMemCache

    User.objects.all().delete()
    Session.objects.all().delete()
    # A server may hold what others need; its counters are of other users by now.
    cache = caches["default"]
    if isinstance(cache, LocMemCache):
        cache.clear()
    mail.outbox = []  # as Django's tests do


class Measurement:
    """
    The blocks of requests of one subject.

    ``requests``: how many a block has.
    """

    def __init__(self, subject: projects.Subject, requests: int) -> None:
        from django.utils.module_loading import import_string

        from .browser import Server

        self.server = Server()
        self.api = import_string(subject.api)(self.server)
        self.requests = requests
        self.number = 10_000

    def prepare(self, operation: str, requests: int) -> list[Any]:
        clear()
        make = self.api.operation(operation)
        self.number += 1_000
        return [make(self.number + index) for index in range(requests)]

    def send(self, exchanges: list[Any]) -> None:
        for exchange in exchanges:
            answer = self.server.send(exchange.environ)
            if answer.status != exchange.status:
                what = f"{exchange.environ['PATH_INFO']}: {answer.status}"
                sys.exit(f"{what} {answer.body!r}")

    def warm(self, operation: str) -> int:
        """Send an operation's first requests; return how many statements one takes."""
        from django.db import connection

        statements: list[str] = []

        def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
            statements.append(sql)
            return execute(sql, params, many, context)

        self.send(self.prepare(operation, WARM))
        exchanges = self.prepare(operation, 1)
        with connection.execute_wrapper(note):
            self.send(exchanges)
        return sum(not TRANSACTION_CONTROL.match(sql) for sql in statements)

    def block(self, operation: str, seed: int) -> float:
        """Send a block of requests and return the CPU seconds of one."""
        repeatable(seed)
        exchanges = self.prepare(operation, self.requests)
        # A collection would fall on whichever request is running.
        gc.collect()
        gc.disable()
        begin = time.process_time()
        os.getloadavg()
        self.send(exchanges)
        os.getloadavg()
        cpu = (time.process_time() - begin) / self.requests
        gc.enable()
        return cpu


def begin_to_count() -> None:
    """Let callgrind count from now on: until then it is several times as fast."""
    command = ["callgrind_control", "--instr=on", str(os.getpid())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr or done.stdout}")


def resident() -> int:
    """Return the KiB of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.measured")
    parser.add_argument("subject", choices=projects.SUBJECTS)
    parser.add_argument("--tables", type=Path, help="a database with empty tables")
    parser.add_argument("--save-tables", type=Path)
    parser.add_argument("--operations", nargs="*", default=[])
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--requests", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", action="store_true", help="it is under callgrind")
    options = parser.parse_args(arguments)
    subject = projects.configure(options.subject)
    if options.save_tables:
        save_tables(options.save_tables)
    if not options.tables:
        return
    load_tables(options.tables)
    measurement = Measurement(subject, options.requests)
    sql = {
        operation: measurement.warm(operation)
        for operation in options.operations
        if measurement.api.operation(operation) is not None
    }
    if options.count:
        begin_to_count()
    for operation, statements in sql.items():
        for block in range(options.blocks):
            cpu = measurement.block(operation, options.seed + block)
            print(json.dumps({"operation": operation, "sql": statements, "cpu": cpu}))
    print(json.dumps({"memory": resident()}))
