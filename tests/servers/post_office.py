"""A mail server that can be slow, refuse mails or close the connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlsplit

from ..browser import post_office

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session


class PostOffice(post_office.PostOffice):
    """
    Stores the mails that it receives, and can misbehave.

    ``refuse`` refuses the recipient. ``drop`` closes the connection when the mail
    comes. ``pause`` is the number of seconds for each mail. ``shut`` sends no greeting
    before the block has ended.
    """

    pause = 0.0
    _mood = ""
    _closed: threading.Event | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def letters(self) -> list[post_office.Letter]:
        """Return all mails so far, oldest first."""
        with self._news:
            return list(self._letters)

    @contextmanager
    def mood(self, name: str) -> Iterator[None]:
        self._mood = name
        try:
            yield
        finally:
            self._mood = ""

    @contextmanager
    def shut(self) -> Iterator[None]:
        opened = self._closed = threading.Event()
        try:
            yield
        finally:
            opened.set()
            self._closed = None

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        closed = self._closed
        while closed is not None and not closed.is_set():
            await asyncio.sleep(0.01)
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if self._mood == "refuse":
            return "550 No such mailbox"
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self._mood == "drop":
            assert server.transport is not None
            server.transport.close()
            return "421 Gone"
        await asyncio.sleep(self.pause)
        return await super().handle_DATA(server, session, envelope)


def link_in(letter: post_office.Letter) -> dict[str, str]:
    """Return ``ident`` and ``token`` of the link in a mail."""
    return dict(parse_qsl(urlsplit(letter.link).query))
