"""Tasks after the answer: they run once, in their context, on our threads."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from threading import Event, current_thread
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation
from rest_framework.test import APIRequestFactory

from ai_kit_auth import after_answer as module
from ai_kit_auth.after_answer import after_answer, drain
from ai_kit_auth.views import InitiatePasswordResetView

# About threads, whatever the user model is.
pytestmark = pytest.mark.user_model("auth_user")

WAIT = 10.0

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a process that Django's test environment has not touched."""
    monkeypatch.delattr(mail, "outbox")
    yield
    drain(WAIT)


def a_request(*, handled: bool = True) -> HttpRequest:
    """Return a request; ``handled``: by a handler, which closes it."""
    request = HttpRequest()
    request.resolver_match = object() if handled else None  # type: ignore[assignment]  # whatever it is
    return request


def now(what: str, work: Callable[[], object]) -> None:
    after_answer(a_request(handled=False), what, work)


def waits(begun: Event, go_on: Event) -> Callable[[], object]:
    def work() -> None:
        begun.set()
        go_on.wait(WAIT)

    return work


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


# Once, and when the client has its answer


@pytest.mark.usefixtures("served")
def test_it_waits_for_the_end_of_the_request_and_runs_once() -> None:
    done = Event()
    names: list[str] = []

    def work() -> None:
        names.append(current_thread().name)
        done.set()

    request = a_request()
    after_answer(request, "A mail", work)
    assert not done.wait(0.2)
    request.close()
    assert done.wait(WAIT)
    request.close()
    drain(WAIT)
    assert names == ["ai_kit_auth"]


@pytest.mark.usefixtures("served")
def test_it_runs_where_no_response_is_ever_closed() -> None:
    """An ASGI client has left, say."""
    done = Event()
    after_answer(a_request(), "A mail", done.set)
    assert done.wait(module.PATIENCE + WAIT)


@pytest.mark.usefixtures("served")
def test_an_asgi_server_is_kept_until_it_is_done() -> None:
    """Some end without an exit handler, but all wait for their requests."""
    done = Event()
    request = a_request()
    request.scope = {"type": "http"}  # type: ignore[attr-defined]  # an ASGIRequest has it

    def slow() -> None:
        Event().wait(0.1)
        done.set()

    after_answer(request, "A mail", slow)
    request.close()
    assert done.is_set()


@pytest.mark.usefixtures("served")
def test_a_request_that_is_kept_holds_no_connection_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A burst of them would leave none to others while a mail server is slow."""
    events: list[str] = []
    close_all = connections.close_all

    def close() -> None:
        events.append(f"closed by {current_thread().name}")
        close_all()

    monkeypatch.setattr(connections, "close_all", close)
    request = a_request()
    request.scope = {"type": "http"}  # type: ignore[attr-defined]  # an ASGIRequest has it
    after_answer(request, "A mail", lambda: events.append("mailed"))
    request.close()
    here = f"closed by {current_thread().name}"
    assert events == [here, "mailed", "closed by ai_kit_auth"]


@pytest.mark.usefixtures("served")
def test_uwsgi_without_threads_does_it_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    uwsgi: Any = types.ModuleType("uwsgi")
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    for options in ({}, {"enable-threads": b"true"}, {"threads": b"4"}):
        uwsgi.opt = options
        request = a_request()
        after_answer(request, "A mail", lambda: names.append(current_thread().name))
        request.close()
        drain(WAIT)
    assert names == [current_thread().name, "ai_kit_auth", "ai_kit_auth"]


# In the context of the request


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("language", ["de", None])
def test_it_runs_in_the_context_of_the_request(language: str | None) -> None:
    seen: list[Any] = []

    def state() -> list[Any]:
        zone = timezone.get_current_timezone_name()
        urls = (get_urlconf(), get_script_prefix())
        return [tenant.get(), translation.get_language(), zone, *urls]

    before = state()
    token = tenant.set("the second")
    set_urlconf("tests.urlconfs.account")
    set_script_prefix("/below/")
    with translation.override(language), timezone.override("Asia/Tokyo"):
        request = a_request()
        after_answer(request, "A mail", lambda: seen.extend(state()))
        expected = state()
    tenant.reset(token)
    set_urlconf(None)
    set_script_prefix("/")
    request.close()
    drain(WAIT)
    assert seen == expected
    assert expected[:3] == ["the second", language, "Asia/Tokyo"]
    assert state() == before


# Under tests


def test_a_test_runs_it_in_its_own_thread_when_the_response_is_closed() -> None:
    names: list[str] = []
    request = a_request()
    after_answer(request, "A mail", lambda: names.append(current_thread().name))
    assert names == []
    request.close()
    request.close()
    assert names == [current_thread().name]


@pytest.mark.usefixtures("served")
def test_the_test_client_is_known_outside_of_a_test_environment() -> None:
    names: list[str] = []
    request = RequestFactory().post("/")
    after_answer(request, "A mail", lambda: names.append(current_thread().name))
    assert names == [current_thread().name]


@pytest.mark.django_db
def test_a_view_that_is_called_without_a_handler_sends_before_it_returns(
    make_user: Callable[..., Any],
) -> None:
    make_user()
    request = APIRequestFactory().post("/", {"email": "ada@example.com"})
    assert InitiatePasswordResetView.as_view()(request).status_code == 200
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]


# What goes wrong is in the log


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(1)])
def test_a_failure_ends_no_thread(
    caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    done = Event()
    for _ in range(2 * module.THREADS):
        now("The mail of user 7", fail)
    now("Another", done.set)
    assert done.wait(WAIT)
    drain(WAIT)
    line = ("ERROR", "The mail of user 7: failed after the answer")
    assert logged(caplog).count(line) == 2 * module.THREADS


@pytest.mark.usefixtures("served")
def test_what_is_too_much_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no request waits, not even on a server that waits for tasks."""
    monkeypatch.setattr(module, "LIMIT", 1)
    begun, go_on, never = Event(), Event(), Event()
    now("The first", waits(begun, go_on))
    assert begun.wait(WAIT)
    request = a_request()
    request.scope = {}  # type: ignore[attr-defined]  # an ASGIRequest has it
    after_answer(request, "The second", never.set)
    request.close()
    go_on.set()
    drain(WAIT)
    assert not never.is_set()
    assert ("ERROR", "The second: lost, as 1 others wait") in logged(caplog)


@pytest.mark.usefixtures("served")
def test_what_is_not_done_in_time_is_named(caplog: pytest.LogCaptureFixture) -> None:
    begun, go_on = Event(), Event()
    now("The slow one", waits(begun, go_on))
    assert begun.wait(WAIT)
    drain(0.05)
    go_on.set()
    assert logged(caplog) == [
        ("WARNING", "The process ends after: The slow one"),
        ("ERROR", "The process has ended before: The slow one"),
    ]
    drain(WAIT)
    caplog.clear()
    drain(0)
    assert logged(caplog) == []


# Processes


PROGRAM = """
import logging, os, sys, time
import django
from django.conf import settings
settings.configure(DATABASES={{}}, USE_TZ=True)
django.setup()
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from django.http import HttpRequest
from ai_kit_auth.after_answer import after_answer, drain

def mail(name, seconds):
    def work():
        time.sleep(seconds)
        os.write(1, f"{{name}} done\\n".encode())
    after_answer(HttpRequest(), name, work)

{body}
"""


def output_of(body: str) -> list[str]:
    run = subprocess.run(  # noqa: S603  # this Python, these lines
        [sys.executable, "-W", "ignore", "-c", PROGRAM.format(body=body)],
        cwd=Path(__file__).parents[1],
        env={n: v for n, v in os.environ.items() if n != "DJANGO_SETTINGS_MODULE"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return run.stdout.splitlines()


def test_a_process_that_ends_does_first_what_it_owes() -> None:
    first, *lines = output_of("for n in range(6): mail(f'mail {n}', 0.3)")
    names = [f"mail {n}" for n in range(6)]
    assert first == f"The process ends after: {'; '.join(names)}"
    assert sorted(lines) == [f"{name} done" for name in names]


def test_a_process_that_was_forked_has_threads_of_its_own() -> None:
    """As behind gunicorn --preload, whose first process may have sent mails already."""
    body = """
mail("parent", 0)
drain(10)
if os.fork() == 0:
    mail("child", 0)
    sys.exit()
os.wait()
"""
    lines = output_of(body)
    assert [line for line in lines if "done" in line] == ["parent done", "child done"]


@pytest.mark.usefixtures("served")
def test_a_connection_that_cannot_be_closed_ends_no_thread(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After as many of them as there are threads nothing would be sent any more."""

    def fail() -> None:
        raise OSError("The server has gone away.")

    with monkeypatch.context() as patch:
        patch.setattr(connections, "close_all", fail)
        for _ in range(2 * module.THREADS):
            now("A mail", lambda: None)
        drain(WAIT)
    done = Event()
    now("A mail", done.set)
    assert done.wait(WAIT)
    assert ("ERROR", "A mail: a connection was not closed") in logged(caplog)
