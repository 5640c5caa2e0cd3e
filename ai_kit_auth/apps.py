"""The app's configuration: binds the checks, and the receiver that marks accounts."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class AIKitAuthConfig(AppConfig):
    name = "ai_kit_auth"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from django.contrib.auth import get_user_model
        from django.db.models.signals import pre_save

        from .checks import check_cache, check_settings
        from .users import keep_waiting_mark

        checks.register(check_settings)
        checks.register(check_cache, deploy=True)
        pre_save.connect(
            keep_waiting_mark,
            sender=get_user_model(),
            dispatch_uid="ai_kit_auth.keep_waiting_mark",
        )
