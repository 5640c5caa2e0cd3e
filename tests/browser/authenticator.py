"""An authenticator of passkeys that Chromium plays: the CDP domain ``WebAuthn``."""

from __future__ import annotations

import time
from typing import Any

from .visit import Visit


class Authenticator:
    """
    A virtual authenticator in the page of ``visit``.

    By default that of a phone or a laptop: built in, with discoverable passkeys and
    user verification, which succeeds. ``transport="usb"`` is a security key.
    """

    def __init__(
        self,
        visit: Visit,
        *,
        transport: str = "internal",
        is_discoverable: bool = True,
        verifies_users: bool = True,
    ) -> None:
        self._session = visit.context.new_cdp_session(visit.page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": transport,
            "hasResidentKey": is_discoverable,
            "hasUserVerification": verifies_users,
            "isUserVerified": verifies_users,
            "automaticPresenceSimulation": True,
        }
        added = self._send("addVirtualAuthenticator", options=options)
        self._id = added["authenticatorId"]

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        sent = self._session.send(f"WebAuthn.{method}", params)
        assert isinstance(sent, dict)
        return sent

    def credentials(self) -> list[dict[str, Any]]:
        """Return the passkeys in it, each with its ``signCount`` and private key."""
        found = self._send("getCredentials", authenticatorId=self._id)["credentials"]
        assert isinstance(found, list)
        return found

    def waits_until_empty(self) -> None:
        """Wait until the browser has taken each passkey out of it."""
        deadline = time.monotonic() + 10
        while self.credentials() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.credentials() == []

    def put(self, credential: dict[str, Any]) -> None:
        """Put a copy of a passkey into it."""
        self._send("addCredential", authenticatorId=self._id, credential=credential)

    def hold(self) -> None:
        """Have nobody touch it until :meth:`touch`."""
        self._touch(is_touched=False)

    def touch(self) -> None:
        """Have somebody touch it whenever it asks, as at the beginning."""
        self._touch(is_touched=True)

    def _touch(self, *, is_touched: bool) -> None:
        params = {"authenticatorId": self._id, "enabled": is_touched}
        self._send("setAutomaticPresenceSimulation", **params)

    def refuse_verification(self, *, refuses: bool = True) -> None:
        """Have the finger of another person from now on."""
        params = {"authenticatorId": self._id, "isUserVerified": not refuses}
        self._send("setUserVerified", **params)
