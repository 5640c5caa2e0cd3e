"""``manage.py ai_kit_auth_init``: the three steps of the installation."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...checks.origins import origin_of
from ...installing import trial
from ...installing.sources import Source
from ...installing.steps import Plan, configured_frontend, plan

PREFIX = "api/v1/auth/"


class Command(BaseCommand):
    """
    ``manage.py ai_kit_auth_init``. A project that lacks the app has no such command
    yet: there it is ``python -m ai_kit_auth init``, in the folder of ``manage.py``.

    Prints a unified diff of the settings and the URLconf. A change is tried in another
    process before a file is replaced. Where a setting is computed, it says what to add
    by hand.

    The exit code is 0 if nothing is left to do or a diff was shown, 1 if ``--check``
    found something missing or the checks or the doctor fail, 2 for options that are
    wrong or a change that would break the project, and 3 if something is to be done by
    hand.
    """

    help = (
        "Show what the project's settings and URLs lack for django-ai-kit-auth. "
        "Changes nothing without --apply or a yes."
    )
    # It is for projects that fail the checks. It runs them when it is done.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--frontend",
            metavar="URL",
            help="the URL of the frontend, such as https://app.example.com (default: "
            "FRONTEND.URL, or the answer to a question)",
        )
        parser.add_argument(
            "--prefix",
            default=PREFIX,
            help="the path of the endpoints (default: %(default)s)",
        )
        parser.add_argument(
            "--same-origin",
            action="store_true",
            help="the project serves the frontend itself, so it needs no CORS",
        )
        parser.add_argument(
            "--apply",
            action="store_true",
            help="change the files without a question; then run the checks and the "
            "doctor",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="change nothing; the exit code is 1 if something is missing",
        )
        parser.add_argument(
            "--no-input",
            "--noinput",
            action="store_true",
            help="ask nothing",
        )

    def handle(self, *args: object, **options: Any) -> None:
        if options["apply"] and options["check"]:
            raise CommandError("--apply and --check exclude each other.", returncode=2)
        asks = not options["no_input"] and sys.stdin.isatty()
        request = {
            "module": os.environ.get("DJANGO_SETTINGS_MODULE", ""),
            "frontend": self._frontend(options["frontend"], asks),
            "prefix": _prefix(options["prefix"]),
            "same_origin": options["same_origin"],
        }
        found = plan(settings, **request)
        self._show(found)
        if options["check"]:
            self._name(found.by_hand)
            raise SystemExit(1 if found.missing else 0)
        wanted = options["apply"] or (
            bool(found.sources)
            and asks
            and _answer("Change the files? [y/N] ").lower() in {"y", "yes"}
        )
        if wanted:
            self._apply(found, request)
        self._name(found.by_hand)
        failed = wanted and not found.by_hand and self._fails(request["module"])
        if found.by_hand or failed:
            raise SystemExit(3 if found.by_hand else 1)

    def _frontend(self, given: str | None, asks: bool) -> str:
        there = configured_frontend(settings)
        if there and given and given.rstrip("/") != there.rstrip("/"):
            raise CommandError(
                f"--frontend {given!r} is not FRONTEND.URL, which is {there!r}. This "
                "command changes no value that is there.",
                returncode=2,
            )
        url = there or given
        if not url and asks:
            url = _answer("URL of the frontend, such as http://localhost:3000: ")
        if not url:
            raise CommandError(
                "Where does the frontend live? --frontend http://localhost:3000",
                returncode=2,
            )
        try:
            origin_of(url)
        except ValueError as error:
            raise CommandError(f"The frontend {url!r} {error}.", returncode=2) from None
        return url

    def _show(self, found: Plan) -> None:
        if not found.missing:
            self.stdout.write("Nothing is missing.")
        for source in found.sources:
            self.stdout.write(source.diff(Path.cwd()), ending="")

    def _name(self, by_hand: list[str]) -> None:
        if by_hand:
            self.stdout.write("To be added by hand:")
        for line in by_hand:
            self.stdout.write(f"  {line}")

    def _apply(self, found: Plan, request: dict[str, Any]) -> None:
        changed = {source.path: source.changed_bytes for source in found.sources}
        if not changed:
            return
        try:
            missing = trial.still_missing(changed, request)
        except trial.Failed as error:
            raise CommandError(
                f"{error}\nThe project would not start with these changes, so nothing "
                "was changed.",
                returncode=2,
            ) from None
        found.by_hand += [
            f"{line} (a later line of the settings takes it out)"
            for line in missing
            if line in found.added
        ]
        _write_all(found.sources)
        for source in found.sources:
            self.stdout.write(f"Changed {os.path.relpath(source.path)}")

    def _fails(self, module: str) -> bool:
        """Run the checks, and the doctor if the tables are there."""
        django = [sys.executable, "-m", "django"]
        done = trial.run([*django, "check"], module)
        self.stdout.write(done.stdout + done.stderr, ending="")
        if done.returncode:
            return True
        if trial.run([*django, "migrate", "--check"], module).returncode:
            self.stdout.write(
                "Next: python manage.py migrate, then python manage.py "
                "ai_kit_auth_doctor, which tries what a browser does."
            )
            return False
        done = trial.run([*django, "ai_kit_auth_doctor"], module)
        self.stdout.write(done.stdout + done.stderr, ending="")
        return bool(done.returncode)


def _prefix(given: str) -> str:
    """Return a path for ``path()``: no slash before it, and one after it."""
    if not re.fullmatch(r"[\w./-]*", given, re.ASCII):
        raise CommandError(
            f"--prefix {given!r} has characters that no path of this kind has.",
            returncode=2,
        )
    bare = given.strip("/")
    return f"{bare}/" if bare else ""


def _answer(question: str) -> str:
    """Ask at the terminal; the end of the input is the answer ""."""
    try:
        return input(question).strip()
    except EOFError:
        return ""


def _write_all(sources: list[Source]) -> None:
    """Replace all files, or none of them."""
    written: list[Source] = []
    try:
        for source in sources:
            if source.path.read_bytes() != source.bytes:
                raise OSError(f"{source.path} has changed meanwhile.")
            source.write(source.changed_bytes)
            written.append(source)
    except OSError as error:
        for source in written:
            source.write(source.bytes)
        raise CommandError(f"Nothing was changed: {error}", returncode=2) from None
