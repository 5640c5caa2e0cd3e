"""
What ``manage.py check`` says about a host's configuration.

:data:`PROBLEMS` declares every id once. An error stops every command of a host that
upgrades, so there is one only for what is surely broken; what cannot be known is passed
over in silence. No check but one asks the database, which Django runs with
``--database`` alone, and none raises, whatever the host wrote: Django's own checks tell
what is wrong with Django's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from django.core import checks

from .admin import check_admin
from .configuration import check_settings
from .cross_origin import check_cookies, check_cross_origin
from .deployment import check_cache, check_deployment
from .host import check_host
from .mails import check_mail_backend, check_templates
from .middleware import check_middleware
from .problems import PROBLEMS, Problems
from .proxies import check_proxies
from .serializers import check_serializers
from .upgrade import check_accounts, check_upgrade
from .user_model import check_user_model

__all__ = ["CHECKS", "PROBLEMS", "register"]


TAG = "ai_kit_auth"
# Each with Django's tag for it, and whether it is for --deploy alone.
CHECKS: Mapping[Callable[[], Problems], tuple[str, bool]] = {
    check_settings: (TAG, False),
    check_upgrade: (TAG, False),
    check_user_model: (checks.Tags.models, False),
    check_serializers: (TAG, False),
    check_templates: (checks.Tags.templates, False),
    check_mail_backend: (TAG, False),
    check_admin: ("admin", False),
    check_middleware: (TAG, False),
    check_cross_origin: (checks.Tags.security, False),
    check_cookies: (checks.Tags.security, False),
    check_host: (TAG, False),
    check_proxies: (checks.Tags.security, False),
    check_deployment: (checks.Tags.security, True),
    check_cache: (checks.Tags.caches, True),
}


def register() -> None:
    """Have ``manage.py check`` run them, all under the tag ``ai_kit_auth`` as well."""
    for find, (tag, deploy) in CHECKS.items():
        checks.register(_as_check(find), *{TAG: None, tag: None}, deploy=deploy)
    checks.register(_ask_the_database, checks.Tags.database)


def _ask_the_database(
    app_configs: object, databases: Collection[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    return list(check_accounts(databases or ()))


# Apps get ready once more under override_settings(INSTALLED_APPS=...).
@cache
def _as_check(find: Callable[[], Problems]) -> Callable[..., list[checks.CheckMessage]]:
    def check(app_configs: object, **kwargs: Any) -> list[checks.CheckMessage]:
        return list(find())

    return check
