"""The app's configuration: names its capabilities, and follows Django's logins."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class SecondFactorConfig(AppConfig):
    name = "ai_kit_auth.second_factor"
    label = "ai_kit_auth_second_factor"
    verbose_name = _("Second factors")
    ai_kit_auth_capabilities = (
        "ai_kit_auth.second_factor.capability.SECOND_FACTOR",
        "ai_kit_auth.second_factor.capability.PASSKEYS",
    )

    def ready(self) -> None:
        from .passkeys.checks import check_stored
        from .passkeys.relying_party import give_defaults
        from .proven import watch_logins
        from .services import watch_deletions
        from .trust import watch_ends

        give_defaults()
        checks.register(check_stored, checks.Tags.database)
        watch_logins()
        watch_deletions()
        watch_ends()
