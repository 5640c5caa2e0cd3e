"""
A passkey in software, on the CBOR and COSE of ``fido2``.

It does what a browser and an authenticator do with the options of a ceremony (WebAuthn
Level 3, sections 5.1.3, 5.1.4 and 6.3), and refuses what they refuse.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.rpid import verify_rp_id
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from ..checks.origins import origin_of

_FLAG = AuthenticatorData.FLAG
_NO_MODEL = bytes(16)  # the AAGUID without attestation


class Refused(Exception):
    """The browser gives the page no credential; ``name`` is that of its exception."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


@dataclass
class Passkey:
    """A key pair for one relying party and user; ``count`` are its signatures."""

    id: bytes
    rp_id: str
    user_handle: bytes
    key: ec.EllipticCurvePrivateKey
    is_discoverable: bool
    count: int = 0


@dataclass
class Authenticator:
    """
    An authenticator with its passkeys, and a browser that shows a page of ``origin``.

    - ``verifies_user``: it asks for a PIN or a fingerprint, and gets it.
    - ``discoverable``: it stores passkeys, so that it finds them without their ids. A
      security key without room for them does not.
    - ``backup_eligible`` and ``backed_up``: copies of its keys may be, and are,
      elsewhere, as with a passkey that is synced.
    - ``counts``: it counts its signatures; many synced passkeys send 0.
    - ``related``: RP IDs of other domains whose ``/.well-known/webauthn`` lists the
      origin.
    - ``passkeys``: those that it has made, the newest last. Assign another list, or
      other values in it, to lose a passkey or to set a counter back.
    """

    origin: str
    verifies_user: bool = True
    discoverable: bool = True
    backup_eligible: bool = True
    backed_up: bool = True
    counts: bool = False
    related: tuple[str, ...] = ()
    passkeys: list[Passkey] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.origin = str(origin_of(self.origin))
        if self.backed_up and not self.backup_eligible:
            # WebAuthn Level 3, section 6.1.3.
            raise ValueError("A passkey that is backed up is eligible for it.")

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """
        Make a passkey; return it as ``PublicKeyCredential.toJSON()`` does.

        ``options``: the endpoint's answer, or its ``publicKey``. The dict has ``id``,
        ``rawId``, ``type``, ``response`` and ``clientExtensionResults``. Raises
        :exc:`Refused`.
        """
        asked = options.get("publicKey", options)
        rp_id = asked["rp"].get("id", origin_of(self.origin).host)
        selection = asked.get("authenticatorSelection", {})
        self._insist(rp_id, selection)
        if ES256.ALGORITHM not in {each["alg"] for each in asked["pubKeyCredParams"]}:
            raise Refused("NotSupportedError", "it makes keys of ES256 alone")
        wanted = selection.get("residentKey", "discouraged")
        if wanted == "required" and not self.discoverable:
            raise Refused("NotAllowedError", "it has no room for a passkey")
        if self._found(rp_id, asked.get("excludeCredentials", ())):
            raise Refused("InvalidStateError", "it has a passkey of this account")
        passkey = Passkey(
            id=secrets.token_bytes(32),
            rp_id=rp_id,
            user_handle=websafe_decode(asked["user"]["id"]),
            key=ec.generate_private_key(ec.SECP256R1()),
            is_discoverable=self.discoverable and wanted != "discouraged",
        )
        self.passkeys.append(passkey)
        public: ES256 = ES256.from_cryptography_key(passkey.key.public_key())  # type: ignore[no-untyped-call]  # fido2 has no type there
        attested = AttestedCredentialData.create(_NO_MODEL, passkey.id, public)
        data = self._data(passkey, attested)
        response = {
            "clientDataJSON": self._client_data("webauthn.create", asked),
            "attestationObject": AttestationObject.create("none", data, {}),
        }
        return {
            **_credential(passkey, response),
            "clientExtensionResults": {"credProps": {"rk": passkey.is_discoverable}},
        }

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """
        Sign the challenge with the newest passkey that fits; return its JSON.

        ``options`` and the result are as of :meth:`create`. Raises :exc:`Refused`.
        """
        asked = options.get("publicKey", options)
        rp_id = asked.get("rpId", origin_of(self.origin).host)
        self._insist(rp_id, asked)
        allowed = asked.get("allowCredentials")
        found = (
            self._found(rp_id, allowed)
            if allowed
            else [p for p in self.passkeys if p.rp_id == rp_id and p.is_discoverable]
        )
        if not found:
            raise Refused("NotAllowedError", "it has no passkey for this")
        passkey = found[-1]
        client_data = self._client_data("webauthn.get", asked)
        data = self._data(passkey)
        signature = passkey.key.sign(
            data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256())
        )
        response = {
            "clientDataJSON": client_data,
            "authenticatorData": data,
            "signature": signature,
        }
        if passkey.is_discoverable:
            response["userHandle"] = passkey.user_handle
        return {**_credential(passkey, response), "clientExtensionResults": {}}

    def _insist(self, rp_id: str, asked: Mapping[str, Any]) -> None:
        """Refuse a foreign RP ID, and a verification that it cannot do."""
        if not origin_of(self.origin).is_secure:
            raise Refused("NotAllowedError", "the page is not served by HTTPS")
        if rp_id not in self.related and not verify_rp_id(rp_id, self.origin):
            raise Refused(
                "SecurityError", f"{rp_id!r} is no domain suffix of {self.origin}"
            )
        if asked.get("userVerification") == "required" and not self.verifies_user:
            raise Refused("NotAllowedError", "it verifies no user")

    def _found(self, rp_id: str, listed: Iterable[Mapping[str, Any]]) -> list[Passkey]:
        ids = {websafe_decode(each["id"]) for each in listed}
        return [p for p in self.passkeys if p.rp_id == rp_id and p.id in ids]

    def _client_data(self, kind: str, asked: Mapping[str, Any]) -> CollectedClientData:
        return CollectedClientData.create(kind, asked["challenge"], self.origin)

    def _data(self, passkey: Passkey, attested: bytes = b"") -> AuthenticatorData:
        passkey.count += self.counts
        flags = _FLAG.UP
        for flag, is_set in (
            (_FLAG.UV, self.verifies_user),
            (_FLAG.BE, self.backup_eligible),
            (_FLAG.BS, self.backed_up),
            (_FLAG.AT, bool(attested)),
        ):
            if is_set:
                flags |= flag
        rp_hash = hashlib.sha256(passkey.rp_id.encode()).digest()
        data: AuthenticatorData = AuthenticatorData.create(
            rp_hash, flags, passkey.count, attested
        )
        return data


def _credential(passkey: Passkey, response: Mapping[str, bytes]) -> dict[str, Any]:
    name = websafe_encode(passkey.id)
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "response": {key: websafe_encode(value) for key, value in response.items()},
    }
