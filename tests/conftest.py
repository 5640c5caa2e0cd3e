"""
Options, fixtures and marks for all tests.

``pytest --user-model email_login`` runs the suite on another user model. A test that is
about one model has the mark ``@pytest.mark.user_model("auth_user")`` and is not
collected on the others. Every other test runs on all models but ``no_last_login``,
which has its own module.

``pytest --database postgresql`` (or ``mariadb``) runs it on a server, by default on
this machine; the environment variables ``TEST_POSTGRESQL_HOST``, ``_PORT``, ``_USER``
and ``_PASSWORD`` name another one. Without a server the tests that need a database are
skipped; with ``AI_KIT_AUTH_REQUIRE_ALL=1`` they fail. A test for some databases only
has the mark ``@pytest.mark.database("sqlite", "postgresql")``.

``pytest --project proxy`` runs only the tests in that folder of ``tests/projects``,
with the settings there. ``test_projects.py`` runs each of these folders.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.dispatch import Signal

from .extras import NAMED_ONLY, TESTS, left_out, named

if TYPE_CHECKING:
    from rest_framework.test import APIClient

USER_MODELS = (
    "auth_user",
    "email_login",
    "uuid_key",
    "renamed_email",
    "bare",
    "extra_field",
)
DATABASES = ("sqlite", "postgresql", "mariadb")
PROJECTS = TESTS / "projects"
PASSWORD = "tall ferns in the rain"
OTHER_PASSWORD = "nine lanterns on a hill"

MakeUser = Callable[..., Any]
Connect = Callable[..., None]

with_username = pytest.mark.user_model(
    "auth_user", "uuid_key", "renamed_email", "extra_field"
)
with_activation = pytest.mark.user_model(*(m for m in USER_MODELS if m != "bare"))


class Clock:
    """The time, which stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--user-model", choices=(*USER_MODELS, "no_last_login"), default="auth_user"
    )
    parser.addoption(
        "--database",
        choices=DATABASES,
        default=os.environ.get("TEST_DATABASE", "sqlite"),
    )
    parser.addoption("--project", help="a folder of tests/projects")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "user_model(*names): the test is about these user models"
    )
    config.addinivalue_line(
        "markers", "database(*names): the test is about these databases"
    )
    model, project = config.getoption("--user-model"), config.getoption("--project")
    os.environ["DJANGO_SETTINGS_MODULE"] = (
        f"tests.projects.{project}.settings" if project else f"tests.settings.{model}"
    )
    os.environ["TEST_DATABASE"] = config.getoption("--database")
    django.setup()
    if config.getoption("numprocesses", None):
        # pytest-xdist's workers would import it before they can find this folder.
        del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    project = config.getoption("--project")
    if project:
        own = PROJECTS / project
        # The folder, what is in it, and the way to it.
        wanted = collection_path.is_relative_to(own) or collection_path in own.parents
        return None if wanted else True
    return True if collection_path in [PROJECTS, *left_out(config)] else None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    everything = any(TESTS.is_relative_to(path) for path in named(config))
    for folder in NAMED_ONLY if everything else ():
        terminalreporter.write_line(f"not run: tests/{folder} (`tox run -e {folder}`)")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    model = config.getoption("--user-model")
    database = config.getoption("--database")
    other = [
        item
        for item in items
        if model not in _names(item, "user_model", USER_MODELS)
        or database not in _names(item, "database", DATABASES)
    ]
    config.hook.pytest_deselected(items=other)
    items[:] = [item for item in items if item not in other]


def _names(item: pytest.Item, mark: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    marker = item.get_closest_marker(mark)
    return marker.args if marker else usual


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Look for the server before pytest-django makes a database there."""
    from django.conf import settings

    from .databases import need_server

    server = settings.DATABASES["default"]
    need_server(os.environ["TEST_DATABASE"], server["HOST"], server["PORT"])


@pytest.fixture(autouse=True)
def _clean_process() -> Iterator[None]:
    from django.core.cache import cache
    from django.utils import translation

    yield
    cache.clear()
    translation.activate("en")


@pytest.fixture(autouse=True)
def _codes_of_the_schema() -> Iterator[None]:
    """Fail the test that saw a code which the schema does not list."""
    from .recorder import unknown

    yield
    seen = unknown.copy()
    unknown.clear()
    assert seen == []


@pytest.fixture
def client() -> APIClient:
    """Return a client that is asked for CSRF tokens, as a browser is."""
    from rest_framework.test import APIClient

    return APIClient(enforce_csrf_checks=True)


@pytest.fixture
def make_user(db: None) -> Callable[..., Any]:
    """Return a function that makes a user on whatever the user model is."""
    from django.contrib.auth import get_user_model

    from .accounts import attributes_of

    def make(name: str = "ada", password: str = PASSWORD, **columns: Any) -> Any:
        user = get_user_model()(**{**attributes_of(name), **columns})
        user.set_password(password)
        user.save()
        return user

    return make


@pytest.fixture
def reports() -> Iterator[list[str]]:
    """Collect what Django would mail to ADMINS about a crash."""
    from .crashes import collected_reports

    with collected_reports() as collected:
        yield collected


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that connects a receiver for the length of the test."""
    connected: list[tuple[Signal, Callable[..., object]]] = []

    def connect(signal: Signal, receiver: Callable[..., object]) -> None:
        signal.connect(receiver, weak=False)
        connected.append((signal, receiver))

    yield connect
    for signal, receiver in connected:
        signal.disconnect(receiver)


@pytest.fixture
def same_indexes(db: None) -> Iterator[None]:
    """Drop the indexes of the user table that a test makes."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    table = get_user_model()._meta.db_table

    def names() -> set[str]:
        with connection.cursor() as cursor:
            return set(connection.introspection.get_constraints(cursor, table))

    before = names()
    yield
    where = f" ON {table}" if connection.vendor == "mysql" else ""
    with connection.cursor() as cursor:
        for name in names() - before:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}{where}")
