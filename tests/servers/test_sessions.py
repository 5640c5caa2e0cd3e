"""Ends of sessions between server processes, while the sessions are in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from ..conftest import PASSWORD
from ..databases import need_server
from .client import API, Answer, Client, at_once
from .hosts import CHEAP, Host, Running, database_address, new_host, redis_address

ENGINES = ("db", "cache", "cached_db", "file", "signed_cookies")
# Of each engine, so 500 in all.
SESSIONS = 100
AT_ONCE = 10
KIND = "postgresql"
_DJANGOS = "django.contrib"
OWN: dict[str, Any] = {
    "INSTALLED_APPS": [
        *(f"{_DJANGOS}.{name}" for name in ("auth", "contenttypes", "sessions")),
        *("rest_framework", "ai_kit_auth", "ai_kit_auth.sessions", "corsheaders"),
    ],
    "MIDDLEWARE": [
        f"{_DJANGOS}.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        f"{_DJANGOS}.auth.middleware.AuthenticationMiddleware",
        "ai_kit_auth.sessions.middleware.SessionsMiddleware",
    ],
    "PASSWORD_HASHERS": CHEAP,
}
ENDPOINTS = {"SESSIONS": True, "CONFIRM_PASSWORD": True}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    need_server("redis", *redis_address())
    need_server(KIND, *database_address(KIND))
    with new_host(KIND, tmp_path_factory.mktemp(KIND), **OWN) as host:
        yield host


@pytest.fixture
def running(
    host: Host, request: pytest.FixtureRequest, tmp_path: Any
) -> Iterator[Running]:
    with host.running(
        workers=2,
        auth={"ENABLE_ENDPOINTS": ENDPOINTS},
        SESSION_ENGINE=f"django.contrib.sessions.backends.{request.param}",
        SESSION_FILE_PATH=str(tmp_path),
    ) as running:
        yield running
        assert "Traceback" not in running.program.output, running.program.output


def ends(desk: Client, pk: str) -> Callable[[], Answer]:
    return desk.another_tab().prepared("DELETE", f"{API}sessions/{pk}/", {})


def asks(session: Client) -> Callable[[], Answer]:
    return session.prepared("GET", f"{API}me/", None)


@pytest.mark.parametrize("running", ENGINES, indirect=True)
def test_no_session_survives_its_end(running: Running) -> None:
    """
    Each session is asked while it is ended, by two requests, and then by each worker.

    A copy of its cookie from before is asked as well.
    """
    name = f"ada{running.port}"
    running.make_account(name, PASSWORD)
    desk = running.owner(name, PASSWORD)
    assert desk.post("confirm_password", {"password": PASSWORD}).status == 200
    sessions: list[Client] = []
    for _ in range(SESSIONS // AT_ONCE):
        logins = [partial(running.owner, name, PASSWORD)] * AT_ONCE
        sessions += at_once(logins)
    copies = [session.another_tab() for session in sessions]
    listed = desk.get(f"{API}sessions/").body
    ids = [each["id"] for each in listed if not each["current"]]
    assert len(ids) == SESSIONS
    for start in range(0, SESSIONS, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        answers = at_once(
            [
                *(ends(desk, pk) for pk in ids[part]),
                # The list may have them in another order; then these end later.
                *(asks(session) for session in sessions[part]),
                *(asks(session.another_tab()) for session in sessions[part]),
            ]
        )
        assert {answer.status for answer in answers[:AT_ONCE]} == {204}
        assert {answer.status for answer in answers} <= {200, 204}
    for each in (sessions, copies):
        for start in range(0, SESSIONS, AT_ONCE):
            again = at_once(asks(one) for one in each[start : start + AT_ONCE])
            assert [answer.body["user"] for answer in again] == [None] * AT_ONCE
    assert desk.me() is not None
    assert [each["current"] for each in desk.get(f"{API}sessions/").body] == [True]
