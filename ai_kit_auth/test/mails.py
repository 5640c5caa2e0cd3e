"""The mails that a test has caused, and their links."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core import mail as django_mail
from django.core.mail import EmailMessage

from ..services import make_url
from ..settings import api_settings, keys_below

_URL = re.compile(r"""https?://[^\s<>"']+""")
_PURPOSES = {"RESET_PW_ROUTE": "reset_password"}


@dataclass(frozen=True)
class Link:
    """
    The link of a mail.

    ``ident`` and ``token`` are what a frontend posts. ``purpose`` tells which page the
    link leads to, by FRONTEND's routes: ``activation``, ``reset_password``,
    ``confirm_email``, ``not_me``. It is "" for a page that no route names, or two do.
    """

    url: str
    ident: str
    token: str
    purpose: str

    @property
    def data(self) -> dict[str, str]:
        """What the link's endpoint takes: ``ident`` and ``token``."""
        return {"ident": self.ident, "token": self.token}


def last_mail(to: str | None = None) -> EmailMessage:
    """
    Return the last mail in ``mail.outbox``; with ``to`` the last to that address.

    Raises :exc:`AssertionError` that lists the mails, if there is none.
    """
    outbox: list[EmailMessage] = getattr(django_mail, "outbox", [])
    for sent in reversed(outbox):
        if to is None or to.lower() in (each.lower() for each in sent.recipients()):
            return sent
    there = "\n".join(f"  {each.subject!r} to {each.recipients()}" for each in outbox)
    whose = "" if to is None else f" to {to}"
    raise AssertionError(
        f"No mail{whose} in mail.outbox."
        + (f" There are:\n{there}" if there else " It is empty.")
    )


def link_in(mail: EmailMessage | None = None) -> Link:
    """
    Return the link of the package in ``mail``, by default in :func:`last_mail`.

    It is the first URL with an ``ident`` and a ``token``, wherever the route has its
    query: ``/reset?ident=…``, ``/#/reset?ident=…``, ``?view=reset&ident=…#form``. It
    may be in the text or only in the HTML. Raises :exc:`AssertionError` with the text,
    if there is no link.
    """
    sent = last_mail() if mail is None else mail
    for text in _texts(sent):
        for found in _URL.findall(text):
            url = found.rstrip(".,;:!?)")
            given = _parameters(url)
            if "ident" in given and "token" in given:
                ident, token = given["ident"], given["token"]
                return Link(url, ident, token, _purpose(url, ident, token))
    raise AssertionError(
        f"No link with an ident and a token in the mail {sent.subject!r} to "
        f"{sent.recipients()}:\n{sent.body}"
    )


def _texts(sent: EmailMessage) -> Iterator[str]:
    is_html = sent.content_subtype == "html"
    yield html.unescape(str(sent.body)) if is_html else str(sent.body)
    parts: list[Any] = getattr(sent, "alternatives", [])
    for content, kind in parts:
        yield html.unescape(str(content)) if kind == "text/html" else str(content)


def _parameters(url: str) -> dict[str, str]:
    """Return the parameters in the query, and in that of a route after the ``#``."""
    parts = urlsplit(url)
    queries = (parts.query, parts.fragment.partition("?")[2])
    return {
        name: values[-1] for text in queries for name, values in parse_qs(text).items()
    }


def _purpose(url: str, ident: str, token: str) -> str:
    frontend = api_settings.FRONTEND
    found = [
        name
        for name in keys_below("FRONTEND")
        if name.endswith("_ROUTE")
        and make_url(frontend.URL, getattr(frontend, name), ident=ident, token=token)
        == url
    ]
    if len(found) != 1:
        return ""
    return _PURPOSES.get(found[0], found[0].removesuffix("_ROUTE").lower())
