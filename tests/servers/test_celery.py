"""Mails by Celery on Redis, whose worker is killed: ``docs/howto/celery.rst``."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ..browser.processes import Program, free_port
from ..conftest import OTHER_PASSWORD, PASSWORD
from ..databases import need_server
from .hosts import (
    CHEAP,
    Host,
    Running,
    database_address,
    documented,
    new_host,
    redis_address,
)
from .post_office import PostOffice, link_in

ACCOUNTS = 10
# Seconds, in place of the ten minutes of the page.
VISIBILITY = 3


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Yield the project that the page tells to write, with the Redis of the suite."""
    need_server("postgresql", *database_address("postgresql"))
    need_server("redis", *redis_address())
    folder = tmp_path_factory.mktemp("celery")
    page = documented("howto/celery.rst", folder)
    with new_host("postgresql", folder, page) as host:
        yield host


def settings_of(project: Host, office: PostOffice) -> dict[str, Any]:
    return {
        **project.settings(office.port, smtp_timeout=10),
        "PASSWORD_HASHERS": CHEAP,
    }


def change(project: Host, *, host: str, port: int | str) -> None:
    """Name the broker of this run, and shorten a time, at the end of the settings."""
    prefix = f"ai_kit_auth_{secrets.token_hex(4)}:"
    with (project.project / "host" / "settings.py").open("a") as file:
        file.write(
            f"\nCELERY_BROKER_URL = 'redis://{host}:{port}/0'\n"
            "CELERY_BROKER_TRANSPORT_OPTIONS |= {"
            f"'visibility_timeout': {VISIBILITY}, 'unacked_restore_throttle': 1, "
            f"'unacked_restore_interval': 0.5, 'global_keyprefix': {prefix!r}}}\n"
        )


@contextmanager
def worker(project: Host, name: str, settings: dict[str, Any]) -> Iterator[Program]:
    arguments = ["celery", "-A", "host", "worker", "--pool", "solo", "-l", "info"]
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    program = project.program(name, [*arguments, *alone], **settings)
    try:
        program.wait_for_output(" ready.")
        yield program
    finally:
        program.stop(signal.SIGTERM)


def register(running: Running, name: str) -> tuple[int, Any]:
    data = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    answer = running.client().post("register", data)
    return answer.status, answer.body


def test_no_mail_is_lost_with_a_worker_that_is_killed(
    project: Host, post_office: PostOffice
) -> None:
    host, port = redis_address()
    change(project, host=host, port=port)
    settings = settings_of(project, post_office)
    names = [f"ada{n}" for n in range(ACCOUNTS)]
    post_office.pause = 0.3
    with project.running(workers=1, **settings) as running:
        with worker(project, "first", settings) as first:
            for name in names:
                assert register(running, name) == (201, {})
            post_office.letter_to(f"{names[0]}@example.com")
            first.stop(signal.SIGKILL)
        arrived = len(post_office.letters())
        assert 0 < arrived < ACCOUNTS
        post_office.pause = 0
        with worker(project, "second", settings):
            for name in names:
                letter = post_office.letter_to(f"{name}@example.com")
                activated = running.client().post("activate_email", link_in(letter))
                assert activated.status == 200
            # One of them may have come twice.
            sent = len(post_office.letters_to(f"{names[0]}@example.com"))
            body = {"ident": names[0]}
            assert running.client().post("send_pw_reset_email", body).status == 200
            letter = post_office.letter_to(f"{names[0]}@example.com", sent + 1)
            reset = {**link_in(letter), "password": OTHER_PASSWORD}
            assert running.client().post("reset_password", reset).status == 200


def test_a_broker_that_is_down_is_as_a_mail_server_that_is(
    project: Host, post_office: PostOffice
) -> None:
    change(project, host="127.0.0.1", port=free_port())
    settings = settings_of(project, post_office)
    with project.running(workers=1, **settings) as running:
        before = running.accounts()
        assert register(running, "eve") == (503, {"error": "mail_not_sent"})
        assert running.accounts() == before
        running.make_account("bob", PASSWORD)
        asked = running.client().post("send_pw_reset_email", {"ident": "bob"})
        assert (asked.status, asked.body) == (200, {})
        running.program.wait_for_output("The reset mail of user ")
