"""The app's configuration: its capability, and the receivers that keep the record."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core import checks
from django.db.models.signals import post_save
from django.utils.translation import gettext_lazy as _

_UID = "ai_kit_auth.sessions"


class SessionsConfig(AppConfig):
    name = "ai_kit_auth.sessions"
    label = "ai_kit_auth_sessions"
    verbose_name = _("Sessions")
    ai_kit_auth_capabilities = ("ai_kit_auth.sessions.capability.SESSIONS",)

    def ready(self) -> None:
        from ..signals import sessions_ended, user_pre_login
        from . import receivers
        from .checks import check_cache

        user_pre_login.connect(receivers.about_to_log_in, dispatch_uid=_UID)
        user_logged_in.connect(receivers.logged_in, dispatch_uid=_UID)
        user_logged_out.connect(receivers.logged_out, dispatch_uid=_UID)
        sessions_ended.connect(receivers.ended, dispatch_uid=_UID)
        post_save.connect(receivers.saved, dispatch_uid=_UID)
        checks.register(check_cache, "ai_kit_auth", checks.Tags.caches, deploy=True)
