"""
Tasks that run when the client has its answer, mails above all.

SECURITY: a worker that sends a mail itself is busy with it, and the delay of the next
request would tell a client that an account exists. So threads of our own send it. Each
request hands over one task, whether or not there is a mail to send.

A task runs once, whatever becomes of the response. It is bound to the request, which
Django closes with the last response that its middleware makes; where no response is
closed (an ASGI client that has left), it begins after a while. It runs in a copy of the
request's context: the ``ContextVar`` values, and the language, the time zone, the
URLconf and the script's prefix, which Django keeps by thread.

In a test it runs in the request's own thread, where the test's transaction is: when
Django's test client closes the response, before it returns; at once where a view is
called without Django's handler, as with ``APIRequestFactory``. A test is recognised by
marks of Django's test environment and test client, so that no setting of a project in
production can ask for it by mistake.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from threading import Condition, Event, Thread

from django.core import mail
from django.db import connections
from django.http import HttpRequest
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation
from django.views.decorators.debug import sensitive_variables

from .failures import log_failure

logger = logging.getLogger("ai_kit_auth")

# Mails wait for their transport, not for the processor.
THREADS = 4
# Tasks that wait or run; one more is lost, with a line in the log.
LIMIT = 1000
# Seconds after which a task begins although its response was not closed.
PATIENCE = 1.0
# Seconds for which the end of the process waits; gunicorn kills after 30.
DRAIN = 20.0


def after_answer(request: HttpRequest, what: str, work: Callable[[], object]) -> None:
    """
    Call ``work`` once, when the client of ``request`` has its answer.

    ``what``: the log's name for it, without a secret. An exception of ``work`` is
    logged and goes no further. The transaction that ``work`` relies on must be over.
    """
    task = _Task(what, work)
    here = _is_tested(request) or _has_no_threads()
    if here:
        follow: Callable[[], object] = task.run
    elif hasattr(request, "scope"):
        # ASGI servers wait for their requests when they end, and some of them end in a
        # way that lets no exit handler run; each request has a thread of its own.
        _pool().add(task)
        follow = task.finish_apart
    else:
        _pool().add(task)
        follow = task.released.set
    if request.resolver_match is None:
        # No handler of Django's has the request, so nothing would close it.
        follow()
        return
    close = request.close

    def close_and_follow() -> None:
        close()
        follow()

    request.close = close_and_follow  # type: ignore[method-assign]  # of this one request


def bound(what: str, work: Callable[[], object]) -> Callable[[], None]:
    """
    Return a function that calls ``work`` in the state of the request that is here now.

    ``what``: as of :func:`after_answer`. An exception is logged and goes no further.
    """
    return _Task(what, work, after="the commit").run


def _is_tested(request: HttpRequest) -> bool:
    body = getattr(request, "environ", {}).get("wsgi.input")
    by_client = type(body).__module__ == "django.test.client"
    # Django's setup_test_environment() makes the outbox, and so does the mail backend
    # that sends nothing.
    return by_client or hasattr(mail, "outbox")


def _has_no_threads() -> bool:
    """Tell whether this is uWSGI, which by default lets no thread of ours run."""
    options = getattr(sys.modules.get("uwsgi"), "opt", None)
    return options is not None and not {"threads", "enable-threads"} & options.keys()


class _Task:
    def __init__(
        self, what: str, work: Callable[[], object], after: str = "the answer"
    ) -> None:
        self.what = what
        self._after = after
        self.released = Event()
        self.done = Event()
        self._work: Callable[[], object] | None = work
        self._context = copy_context()
        self._language = translation.get_language()
        self._zone = timezone.get_current_timezone()
        self._urls = get_urlconf(), get_script_prefix()
        self._begins = time.monotonic() + PATIENCE

    def wait(self) -> None:
        """Return when the response is closed, or PATIENCE is over."""
        self.released.wait(max(0.0, self._begins - time.monotonic()))

    def finish_apart(self) -> None:
        """Let it begin, and return when it is done, without a connection meanwhile."""
        # Django closes them when this has returned. A burst of requests that wait for a
        # slow mail server would leave no connection to others.
        connections.close_all()
        self.released.set()
        self.done.wait()

    # SECURITY: it runs outside of the view, whose decorator covers the locals of
    # everything below it in an error report. The same rule as there: nothing that is
    # called from here may name its sensitive variables.
    @sensitive_variables()
    def run(self) -> None:
        """Do the work, unless that was done."""
        work, self._work = self._work, None
        if work is None:
            return
        try:
            self._context.run(self._in_its_state, work)
        except BaseException as error:  # noqa: BLE001  # it is logged
            # Also SystemExit: a project's sender must not end this thread.
            log_failure(error, "%s: failed after %s", self.what, self._after)

    def _in_its_state(self, work: Callable[[], object]) -> None:
        # asgiref's locals are ContextVar values, and yet of one thread.
        urlconf, prefix = self._urls
        set_urlconf(urlconf)
        set_script_prefix(prefix)
        with translation.override(self._language), timezone.override(self._zone):
            work()


class _Pool:
    """The threads of a process, which start when they are needed."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Task] = SimpleQueue()
        self._unfinished: set[_Task] = set()
        self._threads = 0
        self._changed = Condition()

    def add(self, task: _Task) -> None:
        with self._changed:
            full = len(self._unfinished) >= LIMIT
            if not full:
                self._unfinished.add(task)
                self._start_thread()
        if full:
            logger.error("%s: lost, as %d others wait", task.what, LIMIT)
            task.done.set()
        else:
            self._queue.put(task)

    def _start_thread(self) -> None:
        if self._threads < THREADS:
            # A daemon thread does not keep the process from its end; drain() does.
            Thread(target=self._work, name="ai_kit_auth", daemon=True).start()
            self._threads += 1

    def _work(self) -> None:
        while True:
            task = self._queue.get()
            task.wait()
            try:
                task.run()
                # Idle threads would keep connections that others need.
                connections.close_all()
            except Exception:
                # Otherwise this thread would end, and none would replace it.
                logger.exception("%s: a connection was not closed", task.what)
            with self._changed:
                self._unfinished.discard(task)
                self._changed.notify_all()
            task.done.set()

    def drain(self, seconds: float) -> None:
        """Return when all is done, or after ``seconds``; log what is not."""
        with self._changed:
            if not self._unfinished:
                return
            # Named before the wait, in which the process may be killed.
            logger.warning("The process ends after: %s", self._names())
            for task in self._unfinished:
                task.released.set()
            if not self._changed.wait_for(lambda: not self._unfinished, seconds):
                logger.error("The process has ended before: %s", self._names())

    def _names(self) -> str:
        return "; ".join(sorted(task.what for task in self._unfinished))


# By process, since threads do not survive a fork; a server may have forked without
# telling Python.
_pools: dict[int, _Pool] = {}


def _pool() -> _Pool:
    return _pools.setdefault(os.getpid(), _Pool())


@atexit.register
def drain(seconds: float = DRAIN) -> None:
    """
    Wait at most ``seconds`` until the tasks of this process are done.

    The end of the process calls it. The log names each task that is not done by then.
    """
    _pool().drain(seconds)
