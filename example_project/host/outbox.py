"""The outbox: the mails that the backend sent, read from their files."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import TypedDict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from .settings import OUTBOX_DIR

# Django's file-based backend writes a line of 79 dashes after each message; what a mail
# server stored as a file has none.
_SEPARATOR = re.compile(rb"^-{79}\r?\n", re.MULTILINE)

Mail = TypedDict(
    "Mail",
    {
        "id": str,
        "date": str,
        "from": str,
        "to": str,
        "subject": str,
        "text": str,
        "html": str,
    },
)


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """Answer with the mails that the backend sent, newest first.

    ``{"messages": [{"id", "date", "from", "to", "subject", "text", "html"}, ...]}``:
    all strings, ``date`` in ISO 8601, ``text`` and ``html`` empty where a mail has no
    such part.
    """
    return JsonResponse({"messages": read_outbox(OUTBOX_DIR)})


def read_outbox(folder: Path) -> list[Mail]:
    """Return the mails in the ``.eml`` and ``.log`` files of ``folder``, newest first.

    A file holds one raw RFC 5322 message, or any number of them as Django's file-based
    mail backend writes them.
    """
    files = [path for path in folder.iterdir() if path.suffix in {".eml", ".log"}]
    # The Date header counts in seconds only, too coarse for an order.
    files.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
    return [mail for path in files for mail in _read_file(path)][::-1]


def _read_file(path: Path) -> list[Mail]:
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return [
        _parse(raw, f"{path.stem}-{number}", modified)
        for number, raw in enumerate(_SEPARATOR.split(path.read_bytes()))
        if raw.strip()
    ]


def _parse(raw: bytes, ident: str, modified: datetime) -> Mail:
    message = message_from_bytes(raw, policy=policy.default)
    sent = message["Date"].datetime if message["Date"] else modified
    if sent.tzinfo is None:
        # Parsed from "-0000", which RFC 5322 defines as UTC from nowhere in particular.
        sent = sent.replace(tzinfo=UTC)
    plain = message.get_body(("plain",))
    html = message.get_body(("html",))
    return {
        "id": ident,
        "date": sent.isoformat(),
        "from": str(message["From"] or ""),
        "to": str(message["To"] or ""),
        "subject": str(message["Subject"] or ""),
        "text": plain.get_content() if plain else "",
        "html": html.get_content() if html else "",
    }
