"""
The pages around the previews: an index of all mails, and one page for each mail.

They fetch nothing from other sites and work from a folder, without a server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.template import Context, Engine, Template

from ..settings import api_settings
from . import Preview, describe, stem

__all__ = ["index_page", "mail_page", "page_path"]


def page_path(name: str, language: str) -> str:
    """Return the path of the page of a mail, such as ``de/set_password.page.html``."""
    return f"{stem(name, language)}.page.html"


def index_page(previews: Sequence[Preview], *, live: bool = False) -> str:
    """
    Return the index: a row for each mail, a column for each language.

    ``live``: the page loads itself again when a template changes.
    """
    found = {(one.name, one.language): one for one in previews}
    languages = list(dict.fromkeys(one.language for one in previews))
    names = list(dict.fromkeys(one.name for one in previews))
    return _page(
        "index.html",
        {
            "languages": [_language(code) for code in languages],
            "rows": [
                {
                    "name": name,
                    "cells": [_cell(found[name, code]) for code in languages],
                }
                for name in names
            ],
            "mails": len(previews),
            "broken": sum(bool(_faults(one)) for one in previews),
            "paragraphs": describe(previews),
            "frontend": api_settings.FRONTEND.URL,
            "live": live,
            "changes": "changes",
        },
    )


def mail_page(
    found: Preview,
    names: Sequence[str],
    languages: Sequence[str],
    *,
    live: bool = False,
) -> str:
    """
    Return the page of one mail: its HTML in light and dark colours beside its text.

    ``names`` and ``languages``: the mails and languages that the page links to.
    """
    return _page(
        "mail.html",
        {
            "cell": _cell(found),
            "language": _language(found.language),
            "text": found.parts.get("BODY_PLAINTEXT"),
            "others": [(name, _beside(name, found.language)) for name in names],
            "languages": [
                (_language(code), _beside(found.name, code)) for code in languages
            ],
            "paragraphs": describe([found]),
            "live": live,
            "changes": "../changes",
        },
    )


def _beside(name: str, language: str) -> str:
    return f"../{page_path(name, language)}"


def _faults(found: Preview) -> list[str]:
    return [
        *(problem.part for problem in found.problems),
        *(["translation"] if found.untranslated else []),
    ]


def _cell(found: Preview) -> dict[str, Any]:
    files = {path.rpartition(".")[2]: path for path in found.files()}
    return {
        "name": found.name,
        "language": _language(found.language),
        "subject": found.parts.get("TITLE"),
        "page": page_path(found.name, found.language),
        "html": files.get("html"),
        "txt": files.get("txt"),
        "faults": _faults(found),
    }


def _language(code: str) -> Mapping[str, str]:
    right_to_left = code.split("-")[0] in settings.LANGUAGES_BIDI
    own_name = LANG_INFO.get(code, {}).get("name_local")
    return {
        "code": code,
        "direction": "rtl" if right_to_left else "ltr",
        "name": str(own_name or dict(settings.LANGUAGES).get(code, code)),
    }


def _page(name: str, context: dict[str, Any]) -> str:
    return _template(name).render(Context(context, use_l10n=False))


@cache
def _template(name: str) -> Template:
    # Not an engine of the project: its loaders and filters are not for these pages.
    folder = Path(__file__).parent / "templates"
    return Engine(dirs=[str(folder)]).get_template(name)
