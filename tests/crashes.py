"""A crash within a request, and the report that Django would send."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import got_request_exception
from django.views.debug import ExceptionReporter


@contextmanager
def collected_reports() -> Iterator[list[str]]:
    """Collect what Django would mail to ADMINS about a crash."""
    collected: list[str] = []

    def collect(request: Any, **kwargs: object) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        collected.append(reporter.get_traceback_html())

    got_request_exception.connect(collect)
    yield collected
    got_request_exception.disconnect(collect)


def crash(**kwargs: object) -> None:
    raise RuntimeError("the database is on fire")
