"""
An authenticator in software, with the browser before it: for the doctor and for tests.

It does what a browser and an authenticator do with the options of a ceremony (WebAuthn
Level 3, sections 5.1 and 6.3), the rules about origins included. It asks for no touch,
and keeps its keys in memory.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn import base64url_to_bytes
from webauthn.helpers import bytes_to_base64url

from ...checks.origins import is_public_suffix, origin_of
from .relying_party import suits

_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP, _ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
_ES256 = -7


class CeremonyRefused(Exception):
    """What a browser would say in place of an answer, such as ``SecurityError``."""


@dataclass
class SoftCredential:
    """A key pair of one relying party and user."""

    id: bytes
    rp_id: str
    user_handle: bytes
    key: ec.EllipticCurvePrivateKey
    discoverable: bool
    count: int


@dataclass
class SoftAuthenticator:
    """
    An authenticator, and a browser that shows a page of ``origin``.

    ``related``: the RP IDs whose ``/.well-known/webauthn`` lists the origin.
    ``verifies``: it asks for a PIN or a fingerprint. ``stores``: it keeps discoverable
    credentials; else it asks for the credential's id. ``synced``: copies of its keys
    are elsewhere. ``step``: what its signature counter grows by; 0 for one that counts
    nothing. ``in_frame``: the page is in a frame of another site.
    ``id_length``: the bytes of a credential's id.
    """

    origin: str
    related: tuple[str, ...] = ()
    verifies: bool = True
    stores: bool = True
    synced: bool = False
    step: int = 1
    in_frame: bool = False
    id_length: int = 32
    credentials: list[SoftCredential] = field(default_factory=list)

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """
        Make a credential; return ``PublicKeyCredential.toJSON()``.

        ``options``: the value of ``publicKey``. Raises :exc:`CeremonyRefused`.
        """
        rp_id = options["rp"]["id"]
        self._insist_on_rp(rp_id)
        selection = options.get("authenticatorSelection", {})
        self._insist_on_verification(selection)
        wanted = selection.get("residentKey", "discouraged")
        if wanted == "required" and not self.stores:
            raise CeremonyRefused("NotAllowedError: it stores no credentials")
        if _ES256 not in [each["alg"] for each in options["pubKeyCredParams"]]:
            raise CeremonyRefused("NotSupportedError: no algorithm in common")
        excluded = _ids(options.get("excludeCredentials", ()))
        if any(each.id in excluded for each in self.credentials):
            raise CeremonyRefused("InvalidStateError: it has a passkey of the account")
        made = SoftCredential(
            id=secrets.token_bytes(self.id_length),
            rp_id=rp_id,
            user_handle=base64url_to_bytes(options["user"]["id"]),
            key=ec.generate_private_key(ec.SECP256R1()),
            discoverable=self.stores and wanted != "discouraged",
            count=0,
        )
        self.credentials.append(made)
        client_data = self._client_data("webauthn.create", options["challenge"])
        attested = b"".join(
            (bytes(16), len(made.id).to_bytes(2, "big"), made.id, _cose_key(made.key))
        )
        data = self._authenticator_data(made, _ATTESTED) + attested
        statement = {"fmt": "none", "attStmt": {}, "authData": data}
        return {
            **_public_key_credential(made),
            "response": {
                "clientDataJSON": bytes_to_base64url(client_data),
                "attestationObject": bytes_to_base64url(cbor2.dumps(statement)),
                "transports": ["internal"],
            },
            "clientExtensionResults": {"credProps": {"rk": made.discoverable}},
        }

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """
        Sign the challenge; return ``PublicKeyCredential.toJSON()``.

        ``options``: the value of ``publicKey``. The latest credential that it allows
        signs. Raises :exc:`CeremonyRefused`.
        """
        rp_id = options["rpId"]
        self._insist_on_rp(rp_id)
        self._insist_on_verification(options)
        allowed = _ids(options.get("allowCredentials", ()))
        own = [
            each
            for each in self.credentials
            if each.rp_id == rp_id
            and (each.id in allowed if allowed else each.discoverable)
        ]
        if not own:
            raise CeremonyRefused("NotAllowedError: it has no passkey for this")
        used = own[-1]
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._authenticator_data(used)
        signed = data + hashlib.sha256(client_data).digest()
        handle = bytes_to_base64url(used.user_handle) if used.discoverable else None
        return {
            **_public_key_credential(used),
            "response": {
                "clientDataJSON": bytes_to_base64url(client_data),
                "authenticatorData": bytes_to_base64url(data),
                "signature": bytes_to_base64url(
                    used.key.sign(signed, ec.ECDSA(SHA256()))
                ),
                "userHandle": handle,
            },
            "clientExtensionResults": {},
        }

    def _insist_on_rp(self, rp_id: str) -> None:
        origin = origin_of(self.origin)
        if not origin.is_secure:
            raise CeremonyRefused("NotAllowedError: the page is not served by HTTPS")
        fits = suits(origin, rp_id) and not is_public_suffix(rp_id)
        if not fits and rp_id not in self.related:
            raise CeremonyRefused(
                f'SecurityError: The relying party ID "{rp_id}" is not a registrable '
                f"domain suffix of, nor equal to the current domain ({origin.host})."
            )

    def _insist_on_verification(self, options: Mapping[str, Any]) -> None:
        if options.get("userVerification") == "required" and not self.verifies:
            raise CeremonyRefused("NotAllowedError: it verifies no user")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        data = {
            "type": kind,
            "challenge": challenge,
            "origin": str(origin_of(self.origin)),
            "crossOrigin": self.in_frame,
        }
        return json.dumps(data).encode()

    def _authenticator_data(self, used: SoftCredential, flags: int = 0) -> bytes:
        used.count += self.step
        flags |= _PRESENT
        if self.verifies:
            flags |= _VERIFIED
        if self.synced:
            flags |= _ELIGIBLE | _BACKED_UP
        rp_hash = hashlib.sha256(used.rp_id.encode()).digest()
        return rp_hash + bytes([flags]) + used.count.to_bytes(4, "big")


def _ids(descriptors: Any) -> list[bytes]:
    return [base64url_to_bytes(each["id"]) for each in descriptors]


def _public_key_credential(used: SoftCredential) -> dict[str, Any]:
    name = bytes_to_base64url(used.id)
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "authenticatorAttachment": "platform",
    }


def _cose_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key as RFC 9053, section 7.1.1, writes one on P-256."""
    numbers = key.public_key().public_numbers()
    x, y = (each.to_bytes(32, "big") for each in (numbers.x, numbers.y))
    return cbor2.dumps({1: 2, 3: _ES256, -1: 1, -2: x, -3: y})
