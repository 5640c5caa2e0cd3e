"""
The two ceremonies of WebAuthn, on the helper of ``django_otp_webauthn``.

Imported where a credential is used, since it needs the tables of that app. A project
that has a helper of its own in ``OTP_WEBAUTHN_HELPER_CLASS`` derives it from
:class:`Ceremonies`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import router
from django.db.models import F
from django.utils import timezone
from django_otp_webauthn.helpers import WebAuthnHelper
from django_otp_webauthn.models import WebAuthnUserHandle
from django_otp_webauthn.utils import get_credential_model
from webauthn import (
    base64url_to_bytes,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ...accounts import AccountTransaction, email_of
from ...user_model import User
from .challenges import refusal

# What an authenticator may make its id of (WebAuthn Level 3, section 5.8.3).
MAX_ID = 1023
# As long as the column says; a key of RSA with 4096 bits has half of it. SECURITY: a
# longer one would cost the server more at each login.
MAX_KEY = 1023
# The largest value that every database has in the column.
MAX_COUNT = 2**31 - 1
# Characters of one value: certificates of an attestation are a few thousand.
MAX_VALUE = 65_536
# Authenticators that cannot keep a longer one may cut it (section 5.4.3).
MAX_NAME = 64


def usable_credentials() -> Any:
    """Return the credentials that no admin has disabled, of all users."""
    model = get_credential_model()
    rows = model.objects.using(router.db_for_write(model))
    return rows.filter(confirmed=True)


class Attestation(NamedTuple):
    """What came with a new credential, for its row beside the credential."""

    attestation_object: bytes
    client_data: bytes


class Ceremonies(WebAuthnHelper):  # type: ignore[misc]  # the library has no types
    """Makes the options of a ceremony, and verifies what the browser answers."""

    # Whether the credential will be the account's only way to log in.
    is_sign_up = False

    # Registration

    def get_discoverable_credentials_preference(self) -> ResidentKeyRequirement:
        """
        Return PREFERRED: a key that stores no credentials is a good second step.

        A sign-up without a password needs one that logs in by itself.
        """
        kind = ResidentKeyRequirement
        return kind.REQUIRED if self.is_sign_up else kind.PREFERRED

    def get_generate_registration_options_kwargs(self, *, user: User) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_generate_registration_options_kwargs(
            user=user
        )
        kind = UserVerificationRequirement
        kwargs["authenticator_selection"] = AuthenticatorSelectionCriteria(
            user_verification=kind.REQUIRED if self.is_sign_up else kind.PREFERRED,
            resident_key=self.get_discoverable_credentials_preference(),
        )
        return kwargs

    def get_credential_name(self, user: User) -> str:
        """Return the e-mail address, since a username may be made up."""
        return str(email_of(user) or user.get_username() or user.pk)[:MAX_NAME]

    def get_credential_display_name(self, user: User) -> str:
        """Return the full name with the e-mail address, or the latter alone."""
        full = str(getattr(user, "get_full_name", str)() or "")
        name = self.get_credential_name(user)
        return f"{full} ({name})"[:MAX_NAME] if full else name

    def registered(
        self, user: User, state: Mapping[str, Any], data: Any
    ) -> tuple[Any, Attestation]:
        """
        Return a new credential that is not saved yet, and its attestation.

        ``data``: the browser's ``PublicKeyCredential.toJSON()``. Raises the
        :func:`~.challenges.refusal`.
        """
        algorithms = self.get_supported_key_algorithms()
        expected = self._expected(state)
        if algorithms:
            expected["supported_pub_key_algs"] = algorithms
        with _refused_if_malformed():
            _insist_on_size(data)
            credential = parse_registration_credential_json(data)
            client_data = credential.response.client_data_json
            _insist_on_own_page(client_data)
            verified = verify_registration_response(credential=credential, **expected)
            made = self.create_credential(user, verified, credential, data)
        fits = (
            len(verified.credential_id) <= MAX_ID
            and len(verified.credential_public_key) <= MAX_KEY
        )
        # The authenticator had to make it so, or to fail.
        misfit = self.is_sign_up and not made.discoverable
        if not fits or verified.sign_count > MAX_COUNT or misfit:
            raise refusal()
        return made, Attestation(verified.attestation_object, client_data)

    def create_credential(
        self, user: User, response: Any, parsed_credential: Any, original_data: Any
    ) -> Any:
        made = super().create_credential(
            user, response, parsed_credential, original_data
        )
        # Not every browser tells. A sign-up has asked for no other kind, and what is
        # synced between devices is discoverable.
        if made.discoverable is None and (self.is_sign_up or made.backup_eligible):
            made.discoverable = True
        return made

    # Authentication

    def get_generate_authentication_options_kwargs(
        self, *, user: User | None = None, require_user_verification: bool
    ) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_generate_authentication_options_kwargs(
            user=None, require_user_verification=require_user_verification
        )
        if user is not None:
            rows = usable_credentials().filter(user=user)
            rows = rows.order_by(F("last_used_at").desc(nulls_last=True))
            kwargs["allow_credentials"] = rows.as_credential_descriptors()
        return kwargs

    def asserted(
        self, state: Mapping[str, Any], data: Any, user: User | None = None
    ) -> Any:
        """
        Return the credential that has signed the challenge, and note its use.

        ``data``: the browser's ``PublicKeyCredential.toJSON()``. ``user``: who it must
        belong to; None where the credential itself tells who logs in. Raises the
        :func:`~.challenges.refusal`.
        """
        with _refused_if_malformed():
            _insist_on_size(data)
            credential = parse_authentication_credential_json(data)
            _insist_on_own_page(credential.response.client_data_json)
        digest = get_credential_model().get_credential_id_sha256(credential.raw_id)
        rows = usable_credentials().select_related("user")
        found = rows.filter(credential_id_sha256=digest).first()
        if found is None or (user is not None and found.user_id != user.pk):
            raise refusal()
        # SECURITY: who logs in must be who the authenticator says (section 7.2, step
        # 6). It says so where nobody was named to it.
        handle = credential.response.user_handle
        if (handle or user is None) and handle != _handle_of(found):
            raise refusal()
        # Copies of a credential that is synced do not count together.
        count = 0 if found.backup_eligible else found.sign_count
        expected = self._expected(state)
        with _refused_if_malformed():
            verified = verify_authentication_response(
                credential=credential,
                credential_public_key=bytes(found.public_key),
                credential_current_sign_count=count,
                **expected,
            )
        several = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
        # SECURITY: a credential is of one kind for good (section 7.2, step 19).
        if several is not found.backup_eligible or verified.new_sign_count > MAX_COUNT:
            raise refusal()
        self._note_use(found, verified)
        return found

    def _note_use(self, found: Any, verified: Any) -> None:
        # SECURITY: one UPDATE with a condition, so that of two requests with one
        # counter, as a copy of the authenticator sends them, one succeeds.
        rows = usable_credentials().filter(pk=found.pk)
        if not found.backup_eligible:
            rows = rows.filter(sign_count=found.sign_count)
        changes = {
            "sign_count": verified.new_sign_count,
            "backup_state": verified.credential_backed_up,
            "last_used_at": timezone.now(),
        }
        with AccountTransaction():
            updated = rows.update(**changes)
        if not updated:
            raise refusal()
        for name, value in changes.items():
            setattr(found, name, value)

    def _expected(self, state: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "expected_challenge": base64url_to_bytes(state["challenge"]),
            "expected_rp_id": self.get_relying_party_domain(),
            "expected_origin": self.get_allowed_origins(),
            "require_user_verification": state["require_user_verification"],
        }


def _handle_of(credential: Any) -> bytes | None:
    rows = WebAuthnUserHandle.objects.using(credential._state.db)
    row = rows.filter(user_id=credential.user_id).first()
    return None if row is None else bytes(row.handle)


@contextmanager
def _refused_if_malformed() -> Iterator[None]:
    """Refuse what the library refuses, and whatever makes it fail."""
    try:
        yield
    except Exception as malformed:
        # SECURITY: the library parses what a client has sent, of any shape.
        raise refusal() from malformed


def _insist_on_size(data: Any) -> None:
    values = [data["id"], data["rawId"], *data["response"].values()]
    if any(isinstance(each, str) and len(each) > MAX_VALUE for each in values):
        raise ValueError("too long")


def _insist_on_own_page(client_data: bytes) -> None:
    # SECURITY: a page of another site could have it in a frame, and have the user
    # click there (section 13.4.9).
    if parse_client_data_json(client_data).cross_origin:
        raise ValueError("in a frame of another site")
