"""The checks for a server in production: they run with ``--deploy``."""

from __future__ import annotations

import socket
import warnings
from contextlib import suppress
from typing import Any

from django.conf import global_settings, settings
from django.core import mail
from django.core.mail.backends.smtp import EmailBackend
from django.urls import get_resolver
from django.views.defaults import server_error

from ..settings import api_settings, django_tasks
from .mails import backend, mailer, mails
from .origins import origin_of
from .problems import Problems, is_readable, is_served, item, key, problem


def check_deployment() -> Problems:
    """W004, W016, W017, W040, W044, I001."""
    if is_readable():
        url = api_settings.FRONTEND.URL
        with suppress(ValueError):
            if not origin_of(url).is_secure:
                safe = "https" + url[len("http") :]
                yield problem(
                    "W004",
                    f"{key('FRONTEND.URL')} is {url!r}: links with their tokens, and "
                    "passwords, are sent unencrypted.",
                    f"AI_KIT_AUTH = {{'FRONTEND': {{'URL': {safe!r}}}}}",
                )
        if any(mails()):
            yield from _mail_problems()
        if is_served("ACTIVATE_EMAIL") and not api_settings.ACTIVATION_PROOF:
            yield problem(
                "I001",
                f"{key('ACTIVATION_PROOF')} is off: a mail scanner that opens links "
                "can activate an account that a stranger registered.",
                "AI_KIT_AUTH = {'ACTIVATION_PROOF': True}, once the frontend asks for "
                "the password when the answer is activation_proof_required.",
            )


_NOWHERE = {
    f"django.core.mail.backends.{name}.EmailBackend"
    for name in ("console", "dummy", "filebased", "locmem")
}


def _mail_problems() -> Problems:
    setting, path = backend()
    if isinstance(path, str) and path in _NOWHERE:
        yield problem(
            "W016",
            f"{setting} is {path!r}: no user gets an activation or reset mail.",
            f"MAILERS = {{{mailer()!r}: {{'BACKEND': "
            "'django.core.mail.backends.smtp.EmailBackend', 'OPTIONS': {'host': ...}}}"
            if setting.startswith("MAILERS")
            else "EMAIL_BACKEND = 'django.core.mail.backends.smtp.EmailBackend'; "
            "EMAIL_HOST = ...",
        )
    if settings.DEFAULT_FROM_EMAIL == global_settings.DEFAULT_FROM_EMAIL:
        yield problem(
            "W017",
            f"DEFAULT_FROM_EMAIL is Django's {settings.DEFAULT_FROM_EMAIL!r}: mail "
            "servers treat mails from that address as spam.",
            "DEFAULT_FROM_EMAIL = 'Example <hello@example.com>'",
        )
    if _waits_for_ever():
        by_mailers = setting.startswith("MAILERS")
        wanted = (
            f"MAILERS[{mailer()!r}]['OPTIONS']['timeout']"
            if by_mailers
            else "EMAIL_TIMEOUT"
        )
        yield problem(
            "W040",
            f"{wanted} is not set: a connection to a mail server that does not answer "
            "never ends, and four of them stop all mails of a process.",
            f"{wanted} = 10",
        )
    yield from _queue_problems()


# The backends that django.tasks brings along, and what becomes of a mail there.
_NO_WORKER = {
    "DummyBackend": "does no task, so no user gets a mail",
    "ImmediateBackend": "does its tasks in the request and forgets those that fail, so "
    "no request learns of a mail that was not sent",
}


def _queue_problems() -> Problems:
    alias = api_settings.MAIL_TASK
    if alias is None:
        return
    try:
        kind = type(django_tasks().task_backends[alias])
    except Exception:  # noqa: BLE001  # E019 tells what is wrong with it
        return
    # Earlier releases of the backport had backends with workers in the same package.
    is_theirs = kind.__module__.startswith(("django.tasks.", "django_tasks."))
    if is_theirs and kind.__name__ in _NO_WORKER:
        yield problem(
            "W044",
            f"{key('MAIL_TASK')} is {alias!r}, and its {kind.__name__} "
            f"{_NO_WORKER[kind.__name__]}.",
            f"TASKS = {{{alias!r}: {{'BACKEND': "
            "'django_tasks_db.DatabaseBackend'}}, or the dotted path of another class "
            "with workers.",
        )


def _waits_for_ever() -> bool:
    """Tell whether mails go by SMTP and the connections have no time-out."""
    try:
        backend = _mail_backend()
    except Exception:  # noqa: BLE001  # W034 and Django tell what is wrong with it
        return False
    return (
        isinstance(backend, EmailBackend)
        and backend.timeout is None
        and socket.getdefaulttimeout() is None
    )


def _mail_backend() -> Any:
    """Return the mail backend of the project, not connected yet."""
    with warnings.catch_warnings():
        # Django 6.1 warns of each setting that MAILERS replaces.
        warnings.simplefilter("ignore")
        mailers = getattr(mail, "mailers", None)
        return mail.get_connection() if mailers is None else mailers[mailer()]


_ENOUGH_ENTRIES = 10_000
_CULLING_CACHES = {"DatabaseCache", "FileBasedCache", "LocMemCache"}
_UNFIT_CACHES = {
    "LocMemCache": "is not shared by processes, so each would allow the full rate",
    "DummyCache": "keeps nothing",
    "FileBasedCache": "can lose a count when two processes write at once",
}


def check_cache() -> Problems:
    """W001, W002."""
    cache = item(settings.CACHES, "default")
    name = str(item(cache, "BACKEND") or "").rpartition(".")[2]
    if name in _UNFIT_CACHES:
        yield problem(
            "W001",
            f"Throttles count in the cache, and {name} {_UNFIT_CACHES[name]}.",
            "Set CACHES['default'] to Redis, Memcached or the database cache.",
        )
    most = item(item(cache, "OPTIONS"), "MAX_ENTRIES")
    most = most if isinstance(most, int) else 300
    if name in _CULLING_CACHES and most < _ENOUGH_ENTRIES:
        yield problem(
            "W002",
            f"Throttles count in the cache, and {name} deletes entries once it holds "
            f"{most}: an attacker with as many IP addresses clears the counters.",
            "Set CACHES['default']['OPTIONS']['MAX_ENTRIES'] to 100_000.",
        )


def check_error_page() -> Problems:
    """W045."""
    if settings.CSRF_USE_SESSIONS and _has_djangos_error_page():
        yield problem(
            "W045",
            "CSRF_USE_SESSIONS is on, so Django reads the session before a view: while "
            "its store is down, the frontend gets Django's HTML page for status 500.",
            "In the URLconf: handler500 = 'ai_kit_auth.views.server_error'",
        )


def _has_djangos_error_page() -> bool:
    try:
        handler = get_resolver().resolve_error_handler(500)
    except Exception:  # noqa: BLE001  # Django tells what is wrong with the URLconf
        return False
    return handler is server_error
