"""PostgreSQL and Redis of a test's own, which it may stop and start again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from redis import Redis as RedisClient

from ..browser.processes import Program, environment, free_port
from ..extras import skip_or_fail

# Where Debian has the programs that a user does not start by hand.
PROGRAMS = "/usr/lib/postgresql"


def _program(name: str) -> str:
    of_debian = sorted(Path(PROGRAMS).glob(f"*/bin/{name}"), reverse=True)
    found = shutil.which(name) or next(map(str, of_debian), "")
    if not found:
        skip_or_fail(f"{name} not found")
    return found


class PostgreSQL:
    """A server on ``port`` of the loopback interface, with its data in ``folder``."""

    user = "postgres"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        # It refuses to run as root.
        self._account = "postgres" if os.getuid() == 0 else None
        if self._account:
            shutil.chown(folder, self._account)
        self._run("initdb", "--auth", "trust", "--username", self.user, "--no-sync")

    def start(self) -> Self:
        options = f"-p {self.port} -h 127.0.0.1 -k '' -c max_connections=100"
        log = str(self._folder / "server.log")
        self._run("pg_ctl", "--wait", "--log", log, "--options", options, "start")
        return self

    def stop(self) -> None:
        """End all its connections and then the server."""
        self._run("pg_ctl", "--wait", "--mode", "fast", "stop")

    def make_database(self, name: str) -> None:
        self.name = name
        self._ask("postgres", f"CREATE DATABASE {name}")

    def size(self, table: str) -> int:
        """Return the bytes of ``table`` and its indexes."""
        return int(self._ask(self.name, f"SELECT pg_total_relation_size('{table}')"))

    def _ask(self, database: str, statement: str) -> str:
        address = f"postgresql://{self.user}@127.0.0.1:{self.port}/{database}"
        return subprocess.run(  # noqa: S603  # of this suite
            [_program("psql"), address, "--quiet", "-At", "--command", statement],
            check=True,
            capture_output=True,
            encoding="utf-8",
        ).stdout

    def _run(self, name: str, *arguments: str) -> None:
        command = [_program(name), "--pgdata", str(self._folder / "data"), *arguments]
        # A server that inherits a pipe would keep its reader waiting.
        with (self._folder / "commands.log").open("ab") as log:
            subprocess.run(  # noqa: S603  # of this suite
                command,
                check=True,
                cwd=self._folder,
                user=self._account,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


class Redis:
    """A server that keeps its data in ``folder`` while it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._program: Program | None = None

    def start(self) -> Self:
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1"]
        arguments += ["--dir", str(self._folder), "--appendonly", "yes"]
        self._program = Program(
            [_program("redis-server"), *arguments],
            log=self._folder / "redis.log",
            cwd=self._folder,
            env=environment(),
        )
        self._program.wait_for_port(self.port)
        return self

    def memory(self) -> int:
        """Return the bytes that its data takes."""
        with RedisClient(port=self.port) as client:
            return int(client.info("memory")["used_memory_dataset"])

    def stop(self) -> None:
        if self._program is not None:
            self._program.stop(signal.SIGTERM)
            self._program = None


@contextmanager
def own_services() -> Iterator[tuple[PostgreSQL, Redis]]:
    """Run both for the block, in a folder that PostgreSQL's account can reach."""
    with tempfile.TemporaryDirectory(prefix="ai_kit_auth_") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "postgresql").mkdir()
        (folder / "redis").mkdir()
        database = PostgreSQL(folder / "postgresql").start()
        try:
            redis = Redis(folder / "redis").start()
            try:
                yield database, redis
            finally:
                redis.stop()
        finally:
            database.stop()
