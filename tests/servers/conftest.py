"""
The package with real servers: gunicorn, uvicorn, PostgreSQL, MariaDB, Redis and SMTP.

These tests are slow, so pytest collects them only if the command line names the folder:
``pytest tests/servers``, as ``tox run -e servers`` does. TEST_POSTGRESQL_HOST, _PORT,
_USER and _PASSWORD name the server, TEST_MARIADB_… and TEST_REDIS_HOST and _PORT the
others; the default is the loopback interface. Without a server its tests skip. With
``AI_KIT_AUTH_REQUIRE_ALL=1`` they fail, and there are more generated requests (as with
``HYPOTHESIS_PROFILE=full``).

The coverage of the unit suite omits them (``omit`` in pyproject.toml), since the
package runs in other processes here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from ..databases import need_server
from ..extras import missing_modules, skip_or_fail
from .hosts import ENGINES, Host, database_address, new_host, redis_address, sqlite_host
from .post_office import PostOffice

FIGURE = "figure"


PACKAGES = (
    "MySQLdb",
    "aiosmtpd",
    "celery",
    "django_tasks_db",
    "gunicorn",
    "hypothesis",
    "psycopg",
    "redis",
    "uvicorn",
    "waitress",
)


def pytest_pycollect_makemodule() -> None:
    # Before any import: the modules import what may be missing.
    missing = ", ".join(missing_modules(*PACKAGES))
    if missing:
        skip_or_fail(f"{missing} not found: see `tox run -e servers`")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Reports come from pytest-xdist's workers as well, which have no terminal.
    lines = [
        f"{report.location[2]}: {line}"
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
        for name, line in report.user_properties
        if name == FIGURE
    ]
    if lines:
        terminalreporter.section("figures")
    for line in lines:
        terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    # Hypothesis would make a folder in the repository.
    # pytest has none with ``-p no:cacheprovider``.
    cache = getattr(config, "cache", None)
    if cache is not None:
        folder = str(cache.mkdir("hypothesis"))
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", folder)


@pytest.fixture
def say(
    record_property: Callable[[str, object], None],
) -> Callable[[str], None]:
    """Return a function that adds a line to the figures at the end of the run."""
    return partial(record_property, FIGURE)


def _host(kind: str, factory: pytest.TempPathFactory) -> Iterator[Host]:
    need_server("redis", *redis_address())
    need_server(kind, *database_address(kind))
    with new_host(kind, factory.mktemp(kind)) as host:
        yield host


@pytest.fixture(scope="package", params=list(ENGINES))
def each_host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """Yield the project on each database server."""
    yield from _host(request.param, tmp_path_factory)


@pytest.fixture(scope="package")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Yield the project on PostgreSQL, if the database makes no difference."""
    yield from _host("postgresql", tmp_path_factory)


@pytest.fixture(scope="package", params=["sqlite", *ENGINES])
def every_host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """Yield the project on SQLite as well."""
    if request.param != "sqlite":
        yield from _host(request.param, tmp_path_factory)
        return
    need_server("redis", *redis_address())
    with sqlite_host(tmp_path_factory.mktemp("sqlite")) as host:
        yield host


@pytest.fixture
def post_office(tmp_path: Path) -> Iterator[PostOffice]:
    with PostOffice(tmp_path / "letters") as office:
        yield office
