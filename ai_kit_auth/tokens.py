"""
What a mailed link carries: the ident of a user, and a token for one purpose.

All tokens are of Django's ``PasswordResetTokenGenerator``: an HMAC over the state that
must revoke the link, so nothing is stored. What each adds is argued at the class.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import base36_to_int

from .settings import api_settings
from .user_model import User


def scramble_id(pk: Any) -> Any:
    """
    Hide a sequential primary key; the function is its own inverse.

    ``pk``: an integer from 0 to 2**32 - 1, or a string of one, gives another such
    integer; anything else (a UUID) comes back as it is. It is no secret: the 32-bit
    Feistel network of the PostgreSQL wiki's page *Pseudo encrypt*.
    """
    number = _number(pk)
    if number is None:
        return pk
    left, right = number >> 16, number & 0xFFFF
    for _ in range(3):
        half = round((1366 * right + 150889) % 714025 / 714025.0 * 32767)
        left, right = right, left ^ half
    return (right << 16) + left


def _number(pk: Any) -> int | None:
    if isinstance(pk, str):
        # One spelling a number: "007" and other alphabets' digits are no idents.
        pk = int(pk) if pk.isdecimal() and len(pk) <= 10 and str(int(pk)) == pk else pk
    if isinstance(pk, int) and not isinstance(pk, bool) and 0 <= pk < 2**32:
        return pk
    return None


def ident_of(user: User) -> str:
    """Return the ident of ``user`` in links."""
    return str(scramble_id(user.pk))


class _LinkTokenGenerator(PasswordResetTokenGenerator):
    """
    Revoked by a new password, a new address, and any change of ``is_active``.

    SECURITY: without the last a link mailed to an active account would still open it
    after an admin has deactivated it.
    """

    # Named, since Django has deprecated relying on its default.
    algorithm = "sha256"

    def timeout(self) -> int:
        """Return how many seconds a link is good for."""
        return settings.PASSWORD_RESET_TIMEOUT

    def check_token(self, user: Any, token: str | None) -> bool:
        """Tell whether ``token`` was made for ``user`` as it is, and is not too old."""
        # Django's own knows one timeout for all purposes.
        if user is None or not token:
            return False
        parts = token.split("-")
        try:
            made = base36_to_int(parts[0])
        except ValueError:
            return False
        secrets = [self.secret, *self.secret_fallbacks]
        right = any(
            constant_time_compare(
                self._make_token_with_timestamp(user, made, secret), token
            )
            for secret in secrets
        )
        return right and self._num_seconds(self._now()) - made <= self.timeout()

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}|{user.is_active}"


class ActivationTokenGenerator(_LinkTokenGenerator):
    """
    The link of an activation mail, good once, for ACTIVATION_TIMEOUT seconds.

    Also revoked by a login, as Django's.

    SECURITY: its own salt keeps it from resetting a password.
    """

    key_salt = "ai_kit_auth.tokens.ActivationTokenGenerator"

    def timeout(self) -> int:
        own = api_settings.ACTIVATION_TIMEOUT
        return super().timeout() if own is None else own


class InvitationTokenGenerator(ActivationTokenGenerator):
    """
    The activation link of an account that an admin has made.

    SECURITY: its own salt tells it from that of a registration, which a stranger may
    have made: only that one needs ACTIVATION_PROOF's proof.
    """

    key_salt = "ai_kit_auth.tokens.InvitationTokenGenerator"


class ResetPasswordTokenGenerator(_LinkTokenGenerator):
    """
    The link of a reset mail, good once, for ``PASSWORD_RESET_TIMEOUT`` seconds.

    Its use revokes it by the new password. SECURITY: a login does not, unlike with
    Django's: an owner asks for the link because somebody else may know the password,
    and whoever knows that could make one link after the other void by logging in. What
    the link gives, the mailbox gives at any time by another request, so a link that
    outlives a login tells nobody more. Only the first login after a change of
    ``PASSWORD_HASHERS`` voids it, since the row's hash then is another one.

    The ``last_login`` of an inactive account stays in, as it tells one that waits from
    one that an admin has deactivated since.

    SECURITY: its own salt keeps it from activating an account by the other endpoint.
    """

    key_salt = "ai_kit_auth.tokens.ResetPasswordTokenGenerator"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        if not user.is_active:
            return super()._make_hash_value(user, timestamp)
        address = getattr(user, user.get_email_field_name(), "")
        return f"{user.pk}|{user.password}|{timestamp}|{address}|{user.is_active}"


class LegacyTokenGenerator(PasswordResetTokenGenerator):
    """
    The links that version 2.0.0 mailed, for both purposes: Django's plain generator.

    Only checked, never made. Which accounts it may open is decided by the caller.
    """

    algorithm = "sha256"

    def is_of_registration(self, user: Any, token: str) -> bool:
        """
        Tell whether a token that was checked was made when ``user`` registered.

        By ``date_joined``, where the model has it. SECURITY: 2.0.0 mailed at once. A
        later token of this kind comes from Django's own reset views, was made for an
        account that was active, and must not open it once it is deactivated.
        """
        joined = getattr(user, "date_joined", None)
        if joined is None:
            return True
        if timezone.is_aware(joined):
            # As the time in a token: without a zone, by this machine's clock.
            joined = joined.astimezone().replace(tzinfo=None)
        made = base36_to_int(token.split("-")[0])
        return made <= self._num_seconds(joined) + REGISTRATION

    def predates_this_process(self, token: str) -> bool:
        """
        Tell whether 2.0.0 may have made a token that was checked.

        SECURITY: 2.0.0 cannot run in this process, so its tokens are older, but for the
        time in which a deployment replaces one worker after the other. A younger one
        comes from Django's own reset views, which mint the same kind, and says nothing
        about an account that never was activated.
        """
        made = base36_to_int(token.split("-")[0])
        return made < _PROCESS_START + ROLLING_DEPLOYMENT


# Within how many seconds 2.0.0 had made the link of a new account.
REGISTRATION = 600

# How long, in seconds, workers of 2.0.0 may go on mailing beside those of this version.
ROLLING_DEPLOYMENT = 3600


def state_digest(user: Any, secret: str | bytes | None = None) -> str:
    """
    Return a digest of all that a reset link of ``user`` depends on, besides the time.

    An activation link depends on more than that, but what revokes it alone, a login,
    needs no link. ``secret``: by default ``SECRET_KEY``.
    """
    return salted_hmac(
        "ai_kit_auth.tokens.state_digest",
        reset_password_tokens._make_hash_value(user, 0),
        secret=secret,
        algorithm="sha256",
    ).hexdigest()


def is_state(user: Any, digest: object) -> bool:
    """Tell whether ``digest`` is of ``user`` as it is, by a key that still counts."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return isinstance(digest, str) and any(
        constant_time_compare(digest, state_digest(user, key)) for key in keys
    )


activation_tokens = ActivationTokenGenerator()
invitation_tokens = InvitationTokenGenerator()
reset_password_tokens = ResetPasswordTokenGenerator()
legacy_tokens = LegacyTokenGenerator()

_PROCESS_START = legacy_tokens._num_seconds(legacy_tokens._now())
