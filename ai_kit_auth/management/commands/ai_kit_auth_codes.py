"""``manage.py ai_kit_auth_codes --lang CODE``: the sentences for the error codes."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...sentences import UnknownLanguageError, find_sentences


class Command(BaseCommand):
    """
    A regional language falls back as it does in Django: ``de-at`` has the sentences of
    ``de``. A code without a sentence in the language has its English one. The command
    names such codes, and codes without any sentence, on the standard error.

    ``{min_length}`` is replaced by what ``AUTH_PASSWORD_VALIDATORS`` says.
    ``{retry_after}`` stays in the sentence of :errorcode:`throttled`: the frontend puts
    in the header ``Retry-After``.
    """

    help = (
        "Print a JSON object with a sentence in one language for each error code of "
        "the project, for the build of a frontend."
    )
    # A frontend is built where there may be no database and no secrets.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--lang",
            metavar="CODE",
            required=True,
            help="The language, by the code that Django has for it, such as de or "
            "pt-br.",
        )
        parser.add_argument(
            "--out",
            metavar="FILE",
            type=Path,
            help="Write to this file in UTF-8, in place of printing. Its folder must "
            "exist. A reader sees the old file or the new one, never half of one.",
        )

    def handle(self, *, lang: str, out: Path | None = None, **options: Any) -> None:
        try:
            found = find_sentences(lang)
        except (ImproperlyConfigured, UnknownLanguageError) as error:
            raise CommandError(str(error)) from error
        text = json.dumps(found.by_code, ensure_ascii=False, indent=2) + "\n"
        if out is None:
            self._print(text)
        else:
            _write(out, text)
            count = len(found.by_code)
            self.stdout.write(f"{count} sentences in {found.language}: {out}")
        if found.in_english:
            codes = ", ".join(found.in_english)
            self.stderr.write(f"In English, for want of {found.language}: {codes}")
        if found.missing:
            self.stderr.write(f"Without a sentence: {', '.join(found.missing)}")

    def _print(self, text: str) -> None:
        # JSON is UTF-8. A terminal or a pipe may have another encoding.
        reconfigure = getattr(self.stdout, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8")
        self.stdout.write(text)


def _write(out: Path, text: str) -> None:
    target = out.resolve()
    # os.path: a name that is too long is an exception to Path.is_dir().
    if os.path.isdir(target):
        raise CommandError(f"--out {out} is a folder. Name a file.")
    if not os.path.isdir(target.parent):
        raise CommandError(f"--out {out}: the folder {target.parent} does not exist.")
    # In the same folder: a rename is atomic within a file system.
    new = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        new.write_text(text, encoding="utf-8", newline="\n")
        new.replace(target)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise CommandError(f"--out {out}: {error}") from error
