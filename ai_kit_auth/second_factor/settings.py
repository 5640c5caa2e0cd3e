"""The keys of ``AI_KIT_AUTH`` that second factors have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..settings import (
    Dotted,
    Nested,
    Positive,
    ProjectSettings,
    Rate,
    Seconds,
    Section,
    Setting,
    templates_of,
)


class EnableEndpoints(Section):
    SECOND_FACTOR = Setting(
        False,
        "serve ``second_factor/``, and let ``login/`` ask for a second factor of users "
        "who have one",
    )
    FACTORS = Setting(
        False, "serve ``factors/`` and what is below it: a user's own second factors"
    )


class EmailTemplates(Section):
    FACTOR_ADDED = templates_of(
        "factor_added", "the notice that a second factor was added"
    )
    FACTOR_REMOVED = templates_of(
        "factor_removed", "the notice that a second factor was removed"
    )
    RECOVERY_CODE_USED = templates_of(
        "recovery_code_used", "the notice that a recovery code was used"
    )


class ThrottleRates(Section):
    SECOND_FACTOR = Rate(
        "10/min",
        "wrong second factors of one account, and passkeys that ``passkey_login/`` "
        "refuses from one IP address",
    )


class SecurityNotices(Section):
    FACTOR_ADDED = Setting(True, "mail after a second factor was added")
    FACTOR_REMOVED = Setting(
        True, "mail after a second factor was removed, by the user or by an admin"
    )
    RECOVERY_CODE_USED = Setting(True, "mail after a recovery code was used")


class SecondFactorSettings(ProjectSettings):
    """The keys of second factors, read in the same dict as those of the core."""

    ENABLE_ENDPOINTS = Nested(EnableEndpoints)
    EMAIL_TEMPLATES = Nested(EmailTemplates)
    THROTTLE_RATES = Nested(ThrottleRates)
    SECURITY_NOTICES = Nested(SecurityNotices)
    SECOND_FACTOR_TIMEOUT = Positive(
        300, "how many seconds a login waits for its second step"
    )
    SECOND_FACTOR_TRIES = Positive(
        5, "how many wrong codes end a login that waits for its second step"
    )
    SECOND_FACTOR_TRUST_AGE = Seconds(
        None,
        "how many seconds a browser may leave out the second step after a login there "
        'with ``"trust": true``; None for never',
    )
    SECOND_FACTOR_REQUIRED = Dotted[Callable[[Any], bool]](
        "ai_kit_auth.second_factor.permissions.nobody",
        "called with (user); True: this user must have a second factor. The login goes "
        "on without one; ``SecondFactorVerified`` refuses, and the last factor stays",
    )
    TOTP_ISSUER = Setting(
        "",
        'what authenticator apps call this account\'s provider; "" for the host of '
        "``FRONTEND.URL``",
    )
    RECOVERY_CODES = Positive(10, "how many recovery codes a user gets")


second_factor_settings = SecondFactorSettings()
