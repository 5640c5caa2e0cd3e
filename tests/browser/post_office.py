"""A mail server on the loopback interface that keeps the mails, also as files."""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from .processes import free_port

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

PATIENCE = 10.0


@dataclass(frozen=True)
class Letter:
    """A mail as it came through SMTP."""

    envelope_sender: str
    envelope_recipients: tuple[str, ...]
    message: EmailMessage

    def part(self, subtype: str) -> str:
        """Return the text of the one part ``text/<subtype>``."""
        bodies = [
            part
            for part in self.message.walk()
            if part.get_content_type() == f"text/{subtype}"
        ]
        assert len(bodies) == 1
        content = bodies[0].get_content()
        assert isinstance(content, str)
        return content

    @property
    def subject(self) -> str:
        """Return the subject as a mail program shows it."""
        # Django 5.2 begins a long one on a line of its own, after a space.
        return str(self.message["Subject"]).strip()

    @property
    def link(self) -> str:
        """Return the one link with a token in the plain text."""
        (link,) = re.findall(r"https?://\S+[?&]token=\S+", self.part("plain"))
        assert isinstance(link, str)
        return link


class PostOffice:
    """
    Serves SMTP on ``port`` within a ``with`` block.

    Every letter becomes a file of ``folder`` too: the outbox that the example shows.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self._letters: list[Letter] = []
        self.refusals = 0
        self._closed_to: set[str] = set()
        self._news = threading.Condition()

    def __enter__(self) -> PostOffice:
        from aiosmtpd.controller import Controller

        connections: list[SMTP] = []

        class OwnController(Controller):
            def factory(self) -> SMTP:
                connection: SMTP = super().factory()  # type: ignore[no-untyped-call]  # aiosmtpd has no types here
                connections.append(connection)
                return connection

        self._controller = OwnController(self, hostname="127.0.0.1", port=self.port)
        self._connections = connections
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        hung_up = asyncio.run_coroutine_threadsafe(
            self._hang_up(), self._controller.loop
        )
        hung_up.result(PATIENCE)
        self._controller.stop()

    async def _hang_up(self) -> None:
        """End each open connection: stopping the loop leaves their sockets open."""
        assert isinstance(self._controller.server, asyncio.Server)
        # A server that is closed loses the socket that it has just accepted.
        for listener in self._controller.server.sockets:
            self._controller.loop.remove_reader(listener)
        # What was accepted just now has a transport after a few turns of the loop.
        for _ in range(10):
            await asyncio.sleep(0)
        # A connection has no transport any more once it is lost.
        while transports := [
            connection.transport
            for connection in self._connections
            if isinstance(connection.transport, asyncio.Transport)
        ]:
            for transport in transports:
                transport.abort()
            await asyncio.sleep(0.001)

    def letters_to(self, address: str) -> list[Letter]:
        """Return what has arrived for ``address`` so far, oldest first."""
        with self._news:
            return [
                letter
                for letter in self._letters
                if address in letter.envelope_recipients
            ]

    def letter_to(self, address: str, number: int = 1) -> Letter:
        """Wait for the ``number``-th letter to ``address`` and return it."""
        with self._news:
            arrived = self._news.wait_for(
                lambda: len(self.letters_to(address)) >= number, PATIENCE
            )
        assert arrived, f"no letter {number} to {address}"
        return self.letters_to(address)[number - 1]

    def close_to(self, address: str) -> None:
        """Refuse letters to ``address`` until ``open_to`` is called."""
        self._closed_to.add(address)

    def open_to(self, address: str) -> None:
        self._closed_to.remove(address)

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if address in self._closed_to:
            self.refusals += 1
            return "451 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        assert envelope.mail_from is not None
        letter = Letter(envelope.mail_from, tuple(envelope.rcpt_tos), message)
        with self._news:
            file = self.folder / f"{len(self._letters):04}.eml"
            # Under its name only when it is whole: the outbox may be read meanwhile.
            part = file.with_suffix(".part")
            part.write_bytes(envelope.content)
            part.rename(file)
            self._letters.append(letter)
            self._news.notify_all()
        return "250 OK"
