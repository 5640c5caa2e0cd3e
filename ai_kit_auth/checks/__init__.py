"""
The checks that ``manage.py check`` runs on a project's configuration.

:data:`PROBLEMS` declares every id once. An error stops every command of a project that
upgrades, so an error stands only for what is certainly broken. A check says nothing
about what it cannot know. Two checks ask the database; Django runs them with
``--database`` only. No check raises, whatever the settings hold: Django's own checks
report what is wrong with Django's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from django.core import checks
from django.utils.module_loading import import_string

from .admin import check_admin
from .branding import check_branding
from .capabilities import check_capabilities
from .configuration import check_settings
from .cross_origin import check_cookies, check_cross_origin
from .deployment import check_cache, check_deployment, check_error_page
from .mails import check_mail_backend, check_mail_task, check_mailer, check_templates
from .middleware import check_middleware
from .problems import PROBLEMS, Problems
from .project import check_project
from .proxies import check_proxies
from .serializers import check_error_params, check_serializers
from .upgrade import check_accounts, check_upgrade
from .user_model import check_user_model

__all__ = ["CHECKS", "PROBLEMS", "register"]


TAG = "ai_kit_auth"
# Each check with its tag of Django's, and whether it runs with --deploy only.
CHECKS: Mapping[Callable[[], Problems], tuple[str, bool]] = {
    check_settings: (TAG, False),
    check_capabilities: (TAG, False),
    check_upgrade: (TAG, False),
    check_user_model: (checks.Tags.models, False),
    check_serializers: (TAG, False),
    check_error_params: (TAG, False),
    check_templates: (checks.Tags.templates, False),
    check_mailer: (TAG, False),
    check_mail_task: (TAG, False),
    check_mail_backend: (TAG, False),
    check_branding: (TAG, False),
    check_admin: ("admin", False),
    check_middleware: (TAG, False),
    check_cross_origin: (checks.Tags.security, False),
    check_cookies: (checks.Tags.security, False),
    check_project: (TAG, False),
    check_proxies: (checks.Tags.security, False),
    check_deployment: (checks.Tags.security, True),
    check_cache: (checks.Tags.caches, True),
    check_error_page: (checks.Tags.urls, True),
}


def register() -> None:
    """Register all checks with Django, each under the tag ``ai_kit_auth`` as well."""
    for find, (tag, deploy) in CHECKS.items():
        checks.register(_as_check(find), *{TAG: None, tag: None}, deploy=deploy)
    checks.register(_ask_the_database, checks.Tags.database)


def _ask_the_database(
    app_configs: object, databases: Collection[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    # By name, since the import contract puts that module above this package.
    check_indexes = import_string("ai_kit_auth.indexes.check_indexes")
    names = databases or ()
    return [*check_accounts(names), *check_indexes(names)]


# override_settings(INSTALLED_APPS=...) calls ready() again; this registers once.
@cache
def _as_check(find: Callable[[], Problems]) -> Callable[..., list[checks.CheckMessage]]:
    def check(app_configs: object, **kwargs: Any) -> list[checks.CheckMessage]:
        return list(find())

    return check
