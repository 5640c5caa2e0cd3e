"""Databases, and the project on gunicorn, waitress or uvicorn with one of them."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any

import django

from ..browser.processes import Program, environment, free_port
from ..docs.pages import blocks
from .client import Client

HERE = Path(__file__).resolve().parent

# The names are those of the unit suite's settings.
ENGINES = {
    "postgresql": ("django.db.backends.postgresql", "5432", "postgres"),
    "mariadb": ("django.db.backends.mysql", "3306", "root"),
}
CHEAP = ["django.contrib.auth.hashers.MD5PasswordHasher"]
COUNTED = ["host.hashers.Counted"]


def address_of(service: str, port: str) -> tuple[str, str]:
    """Return where ``service`` is, by TEST_<SERVICE>_HOST and TEST_<SERVICE>_PORT."""
    name = f"TEST_{service.upper()}"
    host = os.environ.get(f"{name}_HOST", "127.0.0.1")
    return host, os.environ.get(f"{name}_PORT", port)


def redis_address() -> tuple[str, str]:
    return address_of("redis", "6379")


def database_address(kind: str) -> tuple[str, str]:
    return address_of(kind, ENGINES[kind][1])


def no_throttles() -> dict[str, str | None]:
    """Return THROTTLE_RATES with every scope switched off."""
    from ai_kit_auth.settings import keys_below

    return dict.fromkeys(keys_below("THROTTLE_RATES"))


@dataclass(frozen=True)
class Host:
    """The project on its own database, with its logs in ``folder``."""

    kind: str
    folder: Path
    database: dict[str, Any]
    # The folder with the package ``host``.
    project: Path = HERE
    # Settings of all its runs, and of its database.
    own: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def running(
        self,
        server: str = "gunicorn",
        *,
        workers: int = 4,
        timeout: int = 30,
        smtp_port: int = 1,
        smtp_timeout: float = 30,
        throttles: Mapping[str, str | None] | None = None,
        auth: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Iterator[Running]:
        """
        Serve the project until the block ends.

        ``server`` is gunicorn with ``workers`` and ``timeout`` seconds for a request;
        gthread, one process of gunicorn with 8 threads; waitress; uvicorn, or
        uvicorn-wsgi.
        ``throttles`` are THROTTLE_RATES; without them all are off. ``auth`` has values
        of AI_KIT_AUTH, and ``settings`` replace the project's settings.
        """
        port = free_port()
        settings = {
            **self.settings(smtp_port, smtp_timeout, throttles, auth),
            **settings,
        }
        gunicorn = [
            *("gunicorn", "host.wsgi", "--bind", f"127.0.0.1:{port}"),
            *("--log-level", "warning", "--no-control-socket"),
        ]
        uvicorn = ["--port", f"{port}", "--log-level", "warning", "--lifespan", "off"]
        commands = {
            "gunicorn": [
                *gunicorn,
                *("--workers", f"{workers}", "--timeout", f"{timeout}"),
            ],
            "gthread": [*gunicorn, "--worker-class", "gthread", "--threads", "8"],
            "waitress": [
                *("waitress", "--listen", f"127.0.0.1:{port}", "--threads", "8"),
                "host.wsgi:application",
            ],
            "uvicorn": ["uvicorn", "host.asgi:application", *uvicorn],
            "uvicorn-wsgi": [
                *("uvicorn", "host.wsgi:application", "--interface", "wsgi"),
                *uvicorn,
            ],
        }
        program = self.program(f"{server}-{port}", commands[server], **settings)
        running = Running(port, program)
        try:
            program.wait_for_port(port)
            yield running
        finally:
            program.stop(signal.SIGTERM)

    def settings(
        self,
        smtp_port: int,
        smtp_timeout: float = 30,
        throttles: Mapping[str, str | None] | None = None,
        auth: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the settings of one run, which all its processes share."""
        redis_host, redis_port = redis_address()
        rates = no_throttles() if throttles is None else throttles
        return {
            **_mailer(smtp_port, smtp_timeout),
            "AI_KIT_AUTH": {
                "FRONTEND": {"URL": "https://app.example.com"},
                "THROTTLE_RATES": rates,
                **(auth or {}),
            },
            "CACHES": {
                "default": {
                    "BACKEND": "django.core.cache.backends.redis.RedisCache",
                    "LOCATION": f"redis://{redis_host}:{redis_port}",
                    "KEY_PREFIX": f"ai_kit_auth_{secrets.token_hex(4)}",
                }
            },
        }

    def program(self, name: str, arguments: Sequence[str], **settings: Any) -> Program:
        """Start ``python -m`` with ``arguments`` in the project."""
        return Program(
            [sys.executable, "-m", *arguments],
            log=self.folder / f"{name}.log",
            cwd=self.project,
            env=self._environment(**settings),
        )

    def manage_database(self, action: str) -> None:
        done = subprocess.run(  # noqa: S603  # a command of the suite's
            [sys.executable, "-m", "host.database", action],
            cwd=self.project,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout

    def _environment(self, **settings: Any) -> dict[str, str]:
        settings = {"DATABASES": {"default": self.database}, **self.own, **settings}
        return environment(
            DJANGO_SETTINGS_MODULE="host.settings", HOST_SETTINGS=json.dumps(settings)
        )


@dataclass(frozen=True)
class Running:
    """A running server of the project."""

    port: int
    program: Program

    def client(self) -> Client:
        return Client(self.port)

    def accounts(self) -> list[dict[str, Any]]:
        """Return the columns of all accounts."""
        found = self.client().get("suite/accounts/").body
        assert isinstance(found, list)
        return found

    def make_account(self, name: str, password: str, **columns: Any) -> None:
        made = self.client().request(
            "POST",
            "suite/accounts/",
            {
                "username": name,
                "email": f"{name}@example.com",
                "password": password,
                **columns,
            },
        )
        assert made.status == 200

    def owner(self, name: str, password: str) -> Client:
        """Return a browser in which the account ``name`` is logged in."""
        client = self.client()
        assert client.log_in(name, password).status == 200
        return client

    def deactivate(self, name: str) -> None:
        """Do what an admin does to an account."""
        columns = {"username": name, "is_active": False}
        assert self.client().request("PUT", "suite/accounts/", columns).status == 200

    def hashes(self) -> int:
        """Return how many passwords were hashed since ``forget_hashes``."""
        return int(self.client().get("suite/hashes/").body)

    def forget_hashes(self) -> None:
        self.client().request("POST", "suite/hashes/", {})


def documented(page: str, folder: Path) -> Path:
    """Write the project that ``page`` tells to write; return its folder."""
    project = folder / "project"
    copytree(HERE / "host", project / "host")
    (project / "shop").mkdir()
    (project / "shop" / "__init__.py").touch()
    for block in blocks(page):
        if block.path.split("/")[0] in {"host", "shop"}:
            block.write(project)
    return project


@contextmanager
def new_host(
    kind: str, folder: Path, project: Path = HERE, **own: Any
) -> Iterator[Host]:
    """
    Make a database on the server ``kind``, and drop it after the block.

    ``own`` are settings of all runs of the project, such as its apps.
    """
    engine, _, user = ENGINES[kind]
    name = f"test_ai_kit_auth_{secrets.token_hex(4)}"
    host, port = database_address(kind)
    database: dict[str, Any] = {
        "ENGINE": engine,
        "HOST": host,
        "PORT": port,
        "USER": os.environ.get(f"TEST_{kind.upper()}_USER", user),
        "PASSWORD": os.environ.get(f"TEST_{kind.upper()}_PASSWORD", ""),
        "NAME": name,
        # Kept open, so that a lock that is never given back is found out.
        "CONN_MAX_AGE": 600,
        "TEST": {
            "NAME": name,
            **({"CHARSET": "utf8mb4"} if kind == "mariadb" else {}),
        },
    }
    with _made(Host(kind, folder, database, project, own)) as made:
        yield made


@contextmanager
def sqlite_host(folder: Path, **settings: Any) -> Iterator[Host]:
    """Make a database in a file of ``folder``; ``settings`` are added to it."""
    name = str(folder / "db.sqlite3")
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "TEST": {"NAME": name},
        **settings,
    }
    with _made(Host("sqlite", folder, database)) as made:
        yield made


@contextmanager
def _made(host: Host) -> Iterator[Host]:
    host.manage_database("create")
    try:
        yield host
    finally:
        host.manage_database("drop")


def _mailer(port: int, timeout: float) -> dict[str, Any]:
    """Return the settings of a mail server on ``port`` of the loopback interface."""
    # Django 6.1 has MAILERS, its predecessors EMAIL_*.
    if django.VERSION >= (6, 1):
        backend = "django.core.mail.backends.smtp.EmailBackend"
        options = {"host": "127.0.0.1", "port": port, "timeout": timeout}
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    return {
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": port,
        "EMAIL_TIMEOUT": timeout,
    }
