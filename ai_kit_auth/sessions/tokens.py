"""The token of the link by which a user says that a login was not theirs."""

from __future__ import annotations

from ..accounts import ResetPasswordTokenGenerator


class NotMeTokenGenerator(ResetPasswordTokenGenerator):
    """
    A token for ``PASSWORD_RESET_TIMEOUT`` seconds, revoked as that of a reset link is.

    SECURITY: a login does not revoke it: a thief would log in again. Because of its own
    salt it cannot reset a password. Its use is noted in the cache, since it changes
    nothing that would revoke it.
    """

    key_salt = "ai_kit_auth.sessions.tokens.NotMeTokenGenerator"


not_me_tokens = NotMeTokenGenerator()
