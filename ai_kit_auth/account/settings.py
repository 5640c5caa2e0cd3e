"""The keys of ``AI_KIT_AUTH`` that the account page has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..settings import (
    Dotted,
    Nested,
    ProjectSettings,
    Rate,
    Seconds,
    Section,
    Setting,
    templates_of,
)


class EnableEndpoints(Section):
    RESEND_ACTIVATION_MAIL = Setting(False, "serve ``resend_activation_email/``")
    CHANGE_PASSWORD = Setting(False, "serve ``change_password/``")
    LOGOUT_OTHERS = Setting(False, "serve ``logout_others/``")
    CHANGE_EMAIL = Setting(False, "serve ``change_email/`` and ``confirm_email/``")
    UPDATE_ME = Setting(False, "serve ``PATCH me/``")
    DELETE_ACCOUNT = Setting(False, "serve ``delete_account/``")
    CONFIRM_PASSWORD = Setting(False, "serve ``confirm_password/``")


class EmailTemplates(Section):
    CONFIRM_EMAIL = templates_of(
        "confirm_email",
        "the mail to a new e-mail address, with the link that confirms it",
    )
    PASSWORD_CHANGED = templates_of(
        "password_changed", "the notice that a password was changed or reset"
    )
    EMAIL_CHANGE_REQUESTED = templates_of(
        "email_change_requested",
        "the notice to the old e-mail address that a change was requested",
    )
    EMAIL_CHANGED = templates_of(
        "email_changed", "the notice to the old e-mail address that it was changed"
    )
    ACCOUNT_DELETED = templates_of(
        "account_deleted", "the notice that the account was deleted"
    )


class Frontend(Section):
    CONFIRM_EMAIL_ROUTE = Setting(
        "/auth/confirm_email/",
        "the frontend's page for links that confirm an e-mail address",
    )


class ThrottleRates(Section):
    RESEND_RECIPIENT = Rate("1/min", "repeated activation mails to one account")
    CHANGE_EMAIL = Rate(
        "10/hour", "changes of the e-mail address that one account requests"
    )
    ACCOUNT = Rate("120/min", "requests of one account to its account page")


class SecurityNotices(Section):
    PASSWORD_CHANGED = Setting(True, "mail after ``change_password/``")
    PASSWORD_RESET = Setting(
        False, "mail after ``reset_password/``; off, since 2.0.0 sent none"
    )
    EMAIL_CHANGE_REQUESTED = Setting(
        True, "mail to the old e-mail address after ``change_email/``"
    )
    EMAIL_CHANGED = Setting(
        True, "mail to the old e-mail address after ``confirm_email/``"
    )
    ACCOUNT_DELETED = Setting(True, "mail after ``delete_account/``")


class AccountSettings(ProjectSettings):
    """The keys of the account page, read in the same dict as those of the core."""

    ENABLE_ENDPOINTS = Nested(EnableEndpoints)
    EMAIL_TEMPLATES = Nested(EmailTemplates)
    SEND_CONFIRM_EMAIL_MAIL = Dotted[Callable[[Any, str], object]](
        "ai_kit_auth.account.services.default_send_confirm_email_mail",
        "called with (user, url) when a change of the e-mail address is requested; "
        "``user`` has the new e-mail address",
    )
    SEND_SECURITY_NOTICE = Dotted[Callable[[Any, str], object]](
        "ai_kit_auth.account.services.default_send_security_notice",
        "called with (user, notice); ``notice`` is a key of SECURITY_NOTICES",
    )
    SECURITY_NOTICES = Nested(SecurityNotices)
    EMAIL_CHANGE_TIMEOUT = Seconds(
        None,
        "how many seconds a link that confirms an e-mail address is valid; None for "
        "Django's ``PASSWORD_RESET_TIMEOUT``",
    )
    REAUTHENTICATION_TIMEOUT = Seconds(
        300,
        "how many seconds a re-authentication by ``confirm_password/`` is valid; None "
        "for not at all",
    )
    THROTTLE_RATES = Nested(ThrottleRates)
    USER_UPDATE_SERIALIZER = Dotted[type[Any]](
        "ai_kit_auth.account.serializers.UserUpdateSerializer",
        "what ``PATCH me/`` takes",
    )
    ACCOUNT_DELETION_FUNCTION = Dotted[Callable[[Any], object]](
        "ai_kit_auth.account.services.delete_user",
        "called with (user) by ``delete_account/``; "
        "``ai_kit_auth.account.services.anonymise_user`` keeps the row",
    )
    FRONTEND = Nested(Frontend)


account_settings = AccountSettings()
