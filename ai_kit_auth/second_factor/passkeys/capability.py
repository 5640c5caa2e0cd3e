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
    routes="ai_kit_auth.second_factor.passkeys.urls.routes",
    operations="ai_kit_auth.second_factor.passkeys.operations.OPERATIONS",
    views="ai_kit_auth.second_factor.passkeys.views",
    walk="ai_kit_auth.second_factor.passkeys.walk.walk_passkeys",
    checks=("ai_kit_auth.second_factor.passkeys.checks.check_passkeys",),
    problems={
        "ai_kit_auth_passkeys.E001": "an endpoint of passkeys is on, and "
        "``django_otp_webauthn`` is missing from ``INSTALLED_APPS``",
        "ai_kit_auth_passkeys.E002": "no page of ``FRONTEND.URL`` can use passkeys of "
        "the RP ID: another host, no HTTPS, an IP address or a public suffix",
        "ai_kit_auth_passkeys.E003": "an entry of ``RELATED_ORIGINS`` is no origin "
        "that browsers treat as secure",
        "ai_kit_auth_passkeys.E004": "``OTP_WEBAUTHN_HELPER_CLASS`` does not derive "
        "from ``Ceremonies``",
        "ai_kit_auth_passkeys.W001": "with ``--database``: there are passkeys of "
        "another RP ID, which no longer log in",
        "ai_kit_auth_passkeys.W002": "``PASSKEY_SIGN_UP`` is on, and ``PASSKEY_LOGIN`` "
        "is off",
    },
)
