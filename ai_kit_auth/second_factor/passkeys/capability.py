"""The declaration of passkeys."""

from __future__ import annotations

import logging

from ...capability import Capability, Event
from .settings import PasskeySettings

PASSKEYS = Capability(
    name="ai_kit_auth_passkeys",
    settings=PasskeySettings,
    codes={
        "invalid_credential": "the passkey is unknown, of another account or disabled, "
        "or its answer does not match the options",
    },
    events={
        "passkey_refused": Event("a passkey was not accepted", logging.WARNING),
    },
    routes="ai_kit_auth.second_factor.passkeys.urls.ROUTES",
    operations="ai_kit_auth.second_factor.passkeys.operations.OPERATIONS",
    views="ai_kit_auth.second_factor.passkeys.views",
)
