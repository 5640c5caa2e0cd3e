"""
``manage.py ai_kit_auth_mails``: render every mail, send none.

``--out DIR`` writes them to files, ``--live`` shows them in a browser.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from ...mail_preview import (
    describe,
    known_languages,
    mail_names,
    preview,
    require_configuration,
)
from ...mail_preview.live import LiveServer
from ...mail_preview.pages import index_page, mail_page, page_path


class Command(BaseCommand):
    help = (
        "Render every mail in every language with the templates and settings of this "
        "project, and send nothing. --out DIR writes DIR/index.html and the files that "
        "it links to; a broken or missing template or translation is an error. --live "
        "serves the same on this machine, and the pages follow the templates as they "
        "are edited."
    )
    # The checks may need the database. handle() checks what mails need.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        way = parser.add_mutually_exclusive_group(required=True)
        way.add_argument(
            "--out",
            metavar="DIR",
            type=Path,
            help="The folder to write to. It is created if it is missing; other files "
            "in it stay.",
        )
        way.add_argument(
            "--live", action="store_true", help="Serve the mails until Ctrl-C."
        )
        parser.add_argument(
            "--port",
            type=int,
            default=8025,
            help="The port of --live on 127.0.0.1; 8025 by default, 0 for a free one.",
        )
        parser.add_argument(
            "--language",
            metavar="CODE",
            action="append",
            dest="languages",
            help="Render only this language of LANGUAGES; you can repeat the option.",
        )

    def handle(
        self,
        *,
        out: Path | None,
        live: bool,
        port: int,
        languages: list[str] | None = None,
        **options: Any,
    ) -> None:
        try:
            require_configuration()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        chosen = _chosen(languages)
        try:
            if out is None:
                self._serve(chosen, port)
            else:
                self._write(chosen, out)
        except (OSError, OverflowError) as error:
            # The latter comes from a port above 65535.
            raise CommandError(str(error)) from error

    def _serve(self, languages: Sequence[str], port: int) -> None:
        with LiveServer(languages, port) as server, suppress(KeyboardInterrupt):
            self.stdout.write(f"Mails at {server.url} until Ctrl-C.")
            self.stdout.flush()
            server.serve_forever()

    def _write(self, languages: Sequence[str], out: Path) -> None:
        names = mail_names()
        previews = [preview(name, code) for code in languages for name in names]
        files = {"index.html": index_page(previews)}
        for found in previews:
            files.update(found.files())
            path = page_path(found.name, found.language)
            files[path] = mail_page(found, names, languages)
        for path, content in files.items():
            target = out / path
            target.parent.mkdir(parents=True, exist_ok=True)
            # Exactly as it would be sent, line breaks included.
            target.write_text(content, encoding="utf-8", newline="")
        self.stdout.write(
            f"{len(previews)} mails in {', '.join(languages)}: {out / 'index.html'}"
        )
        problems = describe(previews)
        if problems:
            raise CommandError("\n".join(problems))


def _chosen(languages: list[str] | None) -> list[str]:
    known = known_languages()
    if languages is None:
        return known
    unknown = [code for code in languages if code not in known]
    if unknown:
        raise CommandError(
            f"--language {unknown[0]}: mails are in {', '.join(known)}; LANGUAGES "
            "decides that."
        )
    return [code for code in known if code in languages]
