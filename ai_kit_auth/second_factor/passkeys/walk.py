"""What the doctor does with passkeys in a page of each frontend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...capability import Finding, Page
from ...checks.origins import origin_of
from ...settings import SETTING_NAME, api_settings
from .relying_party import allowed_origins, related_origins, rp_id
from .soft_authenticator import CeremonyRefused, SoftAuthenticator

_NAME = "passkeys"


def walk_passkeys(page: Page) -> None:
    """Add a passkey in ``page``, and log in with it."""
    if not page.serves("factors_passkeys"):
        return
    if page.origin not in allowed_origins():
        page.tell(
            _NAME,
            f"Pages of {page.origin} cannot use passkeys of the RP ID {rp_id()!r}.",
            f"If they should: {SETTING_NAME}['RELATED_ORIGINS'] = ['{page.origin}']",
        )
        return
    is_related = page.origin in related_origins()
    authenticator = SoftAuthenticator(
        page.origin, related=(rp_id(),) if is_related else ()
    )
    proof = {"password": page.password}
    options = page.post("passkey options", "factors_passkey_options", proof)
    credential = _ceremony(page, "new passkey", authenticator.create, options)
    body = {**proof, "name": "Doctor", "credential": credential}
    page.post("new passkey, stored", "factors_passkeys", body, 201)
    if page.serves("passkey_login"):
        options = page.post("passkey login options", "passkey_login_options", {})
        credential = _ceremony(page, "passkey", authenticator.get, options)
        page.post("passkey_login/", "passkey_login", {"credential": credential})


def _ceremony(
    page: Page,
    step: str,
    ask: Callable[[Mapping[str, Any]], dict[str, Any]],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what the browser answers to ``options``; a step of the report."""
    with page.step(step):
        try:
            return ask(options["publicKey"])
        except CeremonyRefused as refused:
            host = origin_of(api_settings.FRONTEND.URL).host
            raise Finding(
                str(refused),
                f"A browser gives pages of {page.origin} no passkeys of the RP ID "
                f"{rp_id()!r}.",
                f"{SETTING_NAME}['RP_ID'] = {host!r}, or a domain above it; and HTTPS",
            ) from refused
