"""The queue of mails in a test, on each version of Django."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import django
import pytest
from django.utils import translation
from django.utils.module_loading import import_string

from ai_kit_auth.settings import django_tasks

from .account.page import configure
from .extras import missing_modules

# Django 5.2 has the backport, if that is installed.
TASKS = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"


with_tasks = pytest.mark.skipif(
    bool(missing_modules(TASKS)), reason="django-ai-kit-auth[queue] is not installed"
)


# As an app of a project does, by which the backport notices that settings change.
_SIGNALS = None if missing_modules(TASKS) else import_module(f"{TASKS}.signals")


def backend(name: str) -> dict[str, Any]:
    path = f"{TASKS}.backends.{name.lower()}.{name}Backend"
    return {"BACKEND": path, "QUEUES": ["low", "high"]}


def use(settings: Any, name: str, **changes: Any) -> None:
    """Have mails sent by a backend of Django's own: Immediate or Dummy."""
    settings.TASKS = {"mails": backend(name)}
    configure(settings, MAIL_TASK="mails", **changes)


class Queue:
    """The queue of the backend Dummy, and its worker."""

    def __init__(self) -> None:
        self.backend = django_tasks().task_backends["mails"]

    def tasks(self) -> list[dict[str, Any]]:
        """Return the arguments of the tasks that wait, as they are stored."""
        return [json.loads(json.dumps(r.kwargs)) for r in self.backend.results]

    def work(self, *, again: bool = False) -> None:
        """Do all tasks as a worker does, which finds them by their path."""
        results = list(self.backend.results)
        if not again:
            self.backend.clear()
        for result in results:
            task = import_string(result.task.module_path)
            with translation.override("en"):
                task.call(**json.loads(json.dumps(result.kwargs)))
