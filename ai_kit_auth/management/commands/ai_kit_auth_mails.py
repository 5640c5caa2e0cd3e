"""``manage.py ai_kit_auth_mails --out DIR``: write every mail to files, send none."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from ...mail_preview import (
    describe,
    index_page,
    known_languages,
    mail_names,
    preview,
    require_configuration,
)


class Command(BaseCommand):
    help = (
        "Render every mail in every language with the templates and settings of this "
        "project into DIR/index.html and DIR/<language>/<mail>.html and .txt. Send "
        "nothing. A broken or missing template or translation is an error."
    )
    # The checks may need the database. handle() checks what mails need.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--out",
            metavar="DIR",
            type=Path,
            required=True,
            help="The folder to write to. It is created if it is missing; other files "
            "in it stay.",
        )
        parser.add_argument(
            "--language",
            metavar="CODE",
            action="append",
            dest="languages",
            help="Render only this language of LANGUAGES; you can repeat the option.",
        )

    def handle(
        self, *, out: Path, languages: list[str] | None = None, **options: Any
    ) -> None:
        try:
            require_configuration()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        chosen = _chosen(languages)
        try:
            previews = [preview(name, code) for code in chosen for name in mail_names()]
            files = {"index.html": index_page(previews)}
            for found in previews:
                files.update(found.files())
            for path, content in files.items():
                target = out / path
                target.parent.mkdir(parents=True, exist_ok=True)
                # Exactly as it would be sent, line breaks included.
                target.write_text(content, encoding="utf-8", newline="")
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{len(previews)} mails in {', '.join(chosen)}: {out / 'index.html'}"
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
