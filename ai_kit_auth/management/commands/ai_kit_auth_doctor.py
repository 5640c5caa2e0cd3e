"""``manage.py ai_kit_auth_doctor``: find the setting that keeps a browser out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from ...checks.origins import Origin, frontend_origins, origin_of, parse_origin
from ...doctor import walks
from ...doctor.walks import FAILED, INFO, OK, SKIPPED, WARNING, Step, Walk
from ...settings import api_settings

_STYLES = {OK: "SUCCESS", FAILED: "ERROR", WARNING: "WARNING", INFO: "NOTICE"}


class Command(BaseCommand):
    """
    ``manage.py ai_kit_auth_doctor``. The exit code is 0 if no step failed, 1 if a step
    failed, and 2 for options that are wrong.

    ``--json`` prints one object: ``ok`` (a bool), ``checks`` and ``mails`` (lists of
    steps), and ``walks``, a list of objects with ``origin``, ``api``, ``relation``
    (``same origin``, ``same site``, with how that is known, or ``cross-site``),
    ``guessed`` (a bool: whether ``api`` is a guess) and ``steps``. A step is five
    strings: ``name``, ``state`` (``ok``, ``failed``, ``warning``, ``info``,
    ``skipped``), ``console``, ``cause`` and ``setting``. An ``info`` step reports no
    fault.
    """

    help = (
        "Send the requests that a browser sends for the frontend, and name the setting "
        "that is wrong. Changes nothing, and sends no mail without --mail."
    )
    # The command is for projects that fail the checks. It runs them as its first step.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            metavar="URL",
            help="the origin of a frontend, such as https://app.example.com; you can "
            "repeat the option (default: FRONTEND.URL and CORS_ALLOWED_ORIGINS)",
        )
        parser.add_argument(
            "--api",
            metavar="URL",
            help="the origin at which browsers reach the API, such as "
            "https://api.example.com (default: from ALLOWED_HOSTS)",
        )
        parser.add_argument(
            "--url",
            help="test a running server over HTTP instead: the URL of its endpoints, "
            "such as https://api.example.com/api/v1/auth/; needs no account there and "
            "changes nothing",
        )
        parser.add_argument(
            "--mail",
            metavar="ADDRESS",
            help="also send each mail once to this e-mail address, by the mail backend "
            "of the project",
        )
        parser.add_argument(
            "--json", action="store_true", help="print the report as JSON"
        )

    def handle(self, *args: object, **options: Any) -> None:
        url, api = options["url"], options["api"]
        if url and api:
            raise CommandError(
                "--url contains the --api: use one of the two options.", returncode=2
            )
        there = _origin("--api", api) if api else None
        if url:
            _origin("--url", url)
        address = options["mail"]
        if address:
            _insist_on_address(address)
        given = [_origin("--origin", text) for text in options["origin"]]
        origins = given or _frontends()
        found = [] if url else walks.checks()
        if not origins:
            found.append(_NO_FRONTEND)
        walked = [
            walks.over_http(origin, url)
            if url
            else walks.in_process(
                origin, there or walks.api_origin(origin), guessed=there is None
            )
            for origin in origins
        ]
        sent = walks.mails(address) if address else []
        steps = [*found, *(step for walk in walked for step in walk.steps), *sent]
        ok = not any(step.state == FAILED for step in steps)
        with self._open_pipe():
            if options["json"]:
                self._print_json(ok, found, walked, sent)
            else:
                self._print_text(found, walked, sent, steps)
        if not ok:
            raise SystemExit(1)

    @contextmanager
    def _open_pipe(self) -> Iterator[None]:
        """Stop printing when the reader stops: ``ai_kit_auth_doctor | head``."""
        try:
            yield
            self.stdout.flush()
        except BrokenPipeError:
            # Python writes to it once more when it exits.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())

    def _print_json(
        self, ok: bool, found: list[Step], walked: list[Walk], sent: list[Step]
    ) -> None:
        report = {
            "ok": ok,
            "checks": [vars(step) for step in found],
            "walks": [walk.as_data() for walk in walked],
            "mails": [vars(step) for step in sent],
        }
        self.stdout.write(json.dumps(report, indent=2))

    def _print_text(
        self, found: list[Step], walked: list[Walk], sent: list[Step], steps: list[Step]
    ) -> None:
        if found:
            self._print_part("System checks", found)
        for walk in walked:
            self._print_part(
                f"{walk.origin} to {walk.api} ({walk.relation})", walk.steps
            )
        if any(walk.guessed for walk in walked):
            self.stdout.write(
                "The API's origin is a guess from ALLOWED_HOSTS. If it is wrong, pass "
                "the right one with --api."
            )
        if sent:
            self._print_part("Mails", sent)
        states = [step.state for step in steps]
        counts = ", ".join(
            f"{states.count(state)} {state}"
            for state in (OK, FAILED, WARNING, INFO, SKIPPED)
            if state in states
        )
        self.stdout.write(counts)

    def _print_part(self, title: str, steps: list[Step]) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(title))
        said: set[tuple[str, str]] = set()
        for step in steps:
            state = f"{step.state:8}"
            if step.state in _STYLES:
                state = getattr(self.style, _STYLES[step.state])(state)
            self.stdout.write(f"  {state} {step.name}")
            told = (step.cause, step.setting)
            if told in said and any(told):
                self.stdout.write("           same cause as above")
                continue
            said.add(told)
            for label in ("console", "cause", "setting"):
                text = getattr(step, label)
                if text:
                    self.stdout.write(f"           {label:8} {text}")
        self.stdout.write("")


_NO_FRONTEND = Step(
    "frontend",
    FAILED,
    cause="No setting names a frontend, and --origin is missing.",
    setting='AI_KIT_AUTH = {"FRONTEND": {"URL": "https://app.example.com"}}',
)


def _frontends() -> list[Origin]:
    try:
        url = api_settings.FRONTEND.URL
    except ImproperlyConfigured:
        # The checks report it.
        url = ""
    return list(frontend_origins(url))


def _origin(option: str, text: str) -> Origin:
    try:
        if option != "--url":
            return parse_origin(text.rstrip("/"))
        if "?" in text or "#" in text:
            raise ValueError("has a query or a fragment")
        return origin_of(text)
    except ValueError as error:
        raise CommandError(f"{option} {text!r} {error}.", returncode=2) from None


def _insist_on_address(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError:
        raise CommandError(
            f"--mail {address!r} is not an e-mail address.", returncode=2
        ) from None
