"""The passkeys of an account: their rows, what its owner sees of them, their rules."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import auth
from django.db import IntegrityError, router, transaction
from django.utils.module_loading import import_string
from django_otp_webauthn.settings import app_settings
from django_otp_webauthn.utils import get_credential_model
from rest_framework.exceptions import NotFound, ValidationError

from ...params import Code
from ...user_model import User, is_value
from ...users import is_hidden
from .challenges import refusal

# More than a person has devices, and few enough for the options of a second step.
MOST = 20


def is_installed() -> bool:
    """Tell whether the project has the tables of passkeys."""
    return apps.is_installed("django_otp_webauthn")


def ceremonies(request: Any) -> Any:
    """Return the helper of ``request``: the project's, or :class:`.Ceremonies`."""
    # By name, since it needs the tables of django_otp_webauthn.
    return import_string(app_settings.OTP_WEBAUTHN_HELPER_CLASS)(request)


def of_user(user: User) -> Any:
    """Return the passkeys of ``user``, the oldest first, with their attestations."""
    model = get_credential_model()
    rows = model._base_manager.using(router.db_for_write(model))
    rows = rows.filter(user=user, confirmed=True)
    return rows.select_related("attestation").order_by("pk")


def factor_id(pk: Any) -> str:
    """Return the id of the passkey ``pk`` among the factors of its user."""
    return f"passkey:{pk}"


def find(user: User, pk: str) -> Any:
    """Return the passkey ``pk`` of ``user``; raises DRF's ``NotFound``."""
    known = is_value(get_credential_model()._meta.pk, pk)
    found = of_user(user).filter(pk=pk).first() if known else None
    if found is None:
        raise NotFound
    return found


def shown(passkey: Any) -> dict[str, Any]:
    """
    Return what the owner sees.

    ``id``, ``name``, ``created`` and ``last_used`` (datetimes; the latter may be None),
    ``backed_up`` and ``passwordless`` (booleans).
    """
    return {
        "id": passkey.pk,
        "name": passkey.name,
        "created": passkey.created_at,
        "last_used": passkey.last_used_at,
        "backed_up": passkey.backup_state,
        "passwordless": is_passwordless(passkey),
    }


def all_shown(user: User) -> list[dict[str, Any]]:
    """Return what ``user`` sees of each passkey, the oldest first."""
    return list(map(shown, of_user(user))) if is_installed() else []


def is_passwordless(passkey: Any) -> bool:
    """
    Tell whether ``passkey`` logs in without a password.

    Its authenticator keeps it by itself, and has verified the user at registration.
    """
    attestation = getattr(passkey, "attestation", None)
    if attestation is None or not passkey.discoverable:
        return False
    return bool(attestation.attestation_object.auth_data.flags.uv)


def store(helper: Any, made: Any, attestation: Any, name: str) -> Any:
    """
    Save the new passkey ``made`` under ``name``, and return it.

    ``helper``: the ceremonies that have made it. The account is locked by the caller.
    Raises a ``ValidationError``: ``max_length`` where the account has :data:`MOST`, or
    the refusal of a credential that is registered already.
    """
    if of_user(made.user).count() >= MOST:
        raise ValidationError("", code=Code("max_length", {"max_length": MOST}))
    made.name = name
    try:
        with transaction.atomic(using=router.db_for_write(type(made))):
            made.save()
    except IntegrityError as known:
        # SECURITY: also one of another account (WebAuthn Level 3, section 7.1, step
        # 26): an attacker may have learned its id.
        raise refusal() from known
    row = helper.create_attestation(
        made, attestation.attestation_object, attestation.client_data
    )
    made.attestation = row
    return made


def with_backend(user: User) -> User | None:
    """
    Return the row of ``user`` with the backend that its session is of, or None.

    The first of AUTHENTICATION_BACKENDS that knows the account and lets it log in.
    None where there is none: the account is not active, or hidden.
    """
    for path in settings.AUTHENTICATION_BACKENDS:
        found: User | None = auth.load_backend(path).get_user(user.pk)
        if found is not None and found.is_active and not is_hidden(found):
            found.backend = path
            return found
    return None
