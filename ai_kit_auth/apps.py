"""The app's configuration: binds the checks and the receivers of Django's signals."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class AIKitAuthConfig(AppConfig):
    name = "ai_kit_auth"
    verbose_name = _("Accounts")
    ai_kit_auth_capabilities = (
        "ai_kit_auth.core.CORE",
        "ai_kit_auth.account.capability.ACCOUNT",
    )

    def ready(self) -> None:
        from .accounts import watch_logins, watch_saves
        from .checks import register
        from .settings import api_settings

        # What an app read before the keys of all apps were known.
        api_settings.forget()
        register()
        watch_saves()
        watch_logins()
        if apps.is_installed("drf_spectacular"):
            # By name, since the import contract puts that package above this module.
            import_module("ai_kit_auth.openapi")


def __getattr__(name: str) -> type[AIKitAuthConfig]:
    # The name of version 2.0.0, which projects have in INSTALLED_APPS. The module must
    # not hold it: Django would find two configurations and take neither.
    if name == "DjangoAiKitAuthConfig":
        return AIKitAuthConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
