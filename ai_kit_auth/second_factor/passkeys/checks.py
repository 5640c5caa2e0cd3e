"""What ``manage.py check`` says about passkeys."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

from django.core import checks
from django.db import DatabaseError, router
from django.utils.module_loading import import_string
from django_otp_webauthn.settings import app_settings
from django_otp_webauthn.utils import get_attestation_model

from ...checks.origins import is_ip_address, is_public_suffix, origin_of
from ...checks.problems import is_readable
from ...settings import SETTING_NAME, api_settings
from .credentials import is_installed
from .relying_party import HELPER, related_origins, rp_id, suits
from .settings import passkey_settings

_NAME = "ai_kit_auth_passkeys"
_OWN = ("PASSKEY_LOGIN", "PASSKEY_SIGN_UP")
# These serve passkeys where the project has their tables.
_SHARED = ("FACTORS", "SECOND_FACTOR")
# The latest passkeys tell which RP ID was there last.
_LATEST = 100


def check_passkeys() -> Iterator[checks.CheckMessage]:
    """Yield what keeps passkeys from working in this project."""
    keys = _keys()
    if not keys:
        return
    if not is_installed():
        app = "django_otp_webauthn"
        yield checks.Error(
            f"{SETTING_NAME}['ENABLE_ENDPOINTS'][{keys[0]!r}] is on, and "
            f"INSTALLED_APPS lacks {app}.",
            hint=f"INSTALLED_APPS += [{app!r}], then manage.py migrate",
            id=f"{_NAME}.E001",
        )
        return
    yield from _check_rp()
    yield from _check_related()
    if keys[0] == "PASSKEY_SIGN_UP":
        switches = f"{SETTING_NAME}['ENABLE_ENDPOINTS']"
        yield checks.Warning(
            f"{switches}['PASSKEY_SIGN_UP'] is on and PASSKEY_LOGIN is off: who signs "
            "up with a passkey cannot log in.",
            hint=f"{switches}['PASSKEY_LOGIN'] = True",
            id=f"{_NAME}.W002",
        )
    helper = app_settings.OTP_WEBAUTHN_HELPER_CLASS
    if not _is_ours(helper):
        yield checks.Error(
            f"OTP_WEBAUTHN_HELPER_CLASS names {helper}, which does not derive from "
            f"{HELPER}.",
            hint=f"Derive it from {HELPER}, or take the setting out.",
            id=f"{_NAME}.E004",
        )


def _keys() -> list[str]:
    """Return the keys of ENABLE_ENDPOINTS that are on and serve passkeys."""
    endpoints: Any = passkey_settings.ENABLE_ENDPOINTS
    names = (*_OWN, *_SHARED) if is_installed() else _OWN
    return [name for name in names if getattr(endpoints, name)]


def _check_rp() -> Iterator[checks.CheckMessage]:
    url, rp = api_settings.FRONTEND.URL, rp_id()
    try:
        page = origin_of(url)
    except ValueError:
        # The core tells what is wrong with it.
        return
    may_be = not is_ip_address(rp) and not is_public_suffix(rp)
    # One of several domains, which the host of the RP ID lists.
    is_related = page.is_secure and str(page) in related_origins()
    if may_be and (suits(page, rp) or is_related):
        return
    right = f"{SETTING_NAME}['RP_ID'] = {page.host!r}, or a domain above it"
    if not page.is_secure:
        right = f"{SETTING_NAME}['FRONTEND']['URL'] = 'https://{page.host}'"
    elif is_ip_address(page.host):
        right = "Give the frontend a name, such as http://localhost for development."
    yield checks.Error(
        f"No page of {page} can use passkeys of the RP ID {rp!r}: browsers need HTTPS "
        "or localhost, and as RP ID the host of the page or a domain above it.",
        hint=right,
        id=f"{_NAME}.E002",
    )


def _check_related() -> Iterator[checks.CheckMessage]:
    for text in passkey_settings.RELATED_ORIGINS:
        try:
            origin = origin_of(text)
            why = "" if origin.is_secure else "is not HTTPS"
        except ValueError as error:
            why = str(error)
        if why:
            yield checks.Error(
                f"{text!r} in {SETTING_NAME}['RELATED_ORIGINS'] is no origin that "
                f"browsers treat as secure: it {why}.",
                hint="Write it as https://www.example.com.",
                id=f"{_NAME}.E003",
            )


def _is_ours(helper: str) -> bool:
    try:
        found = import_string(helper)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, import_string(HELPER))


def check_stored(
    app_configs: object, databases: Collection[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Return W001, where Django's ``check --database`` asks this database."""
    if not (is_readable() and is_installed() and _keys()):
        return []
    model = get_attestation_model()
    alias = router.db_for_read(model)
    if alias not in (databases or ()):
        return []
    now = hashlib.sha256(rp_id().encode()).digest()
    rows = model._base_manager.using(alias).order_by("-pk")
    is_one = True
    # ``migrate`` runs the check before it makes the table.
    with suppress(DatabaseError):
        is_one = all(_rp_hash(row) == now for row in rows[:_LATEST])
    if is_one:
        return []
    return [
        checks.Warning(
            f"There are passkeys of another RP ID than {rp_id()!r}: they no longer log "
            "in, and their users have to add them again.",
            hint=f"Name the former one by {SETTING_NAME}['RP_ID'], or delete them.",
            id=f"{_NAME}.W001",
        )
    ]


def _rp_hash(attestation: Any) -> bytes:
    found: bytes = attestation.attestation_object.auth_data.rp_id_hash
    return found
