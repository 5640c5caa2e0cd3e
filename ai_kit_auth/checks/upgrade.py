"""What a project that comes from 2.0.0 has to decide."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, router
from django.db.models import Q, QuerySet

from ..settings import SETTING_NAME, api_settings
from .problems import Problems, is_readable, item, key, problem

# Of 2.0.0's code, which its React client serves; its documentation had ours.
OLD_ROUTE = "/auth/reset-password"

# What 2.0.0's documentation wrote, and this one does not.
_OLD_NAMES = (
    "CORS_ORIGIN_WHITELIST",
    "CORS_ORIGIN_ALLOW_ALL",
    "CORS_ORIGIN_REGEX_WHITELIST",
)


def check_upgrade() -> Problems:
    """W036."""
    if is_readable():
        yield from undecided_route(next(_signs(), ""))


def check_accounts(databases: Collection[str]) -> Problems:
    """W037, W041, where ``databases`` holds the one of the user model."""
    model = get_user_model()
    using = router.db_for_write(model)
    if using not in databases:
        return
    columns = {field.name for field in model._meta.concrete_fields}
    rows = model._base_manager.using(using)
    # ``migrate`` runs the check before it makes the table.
    with suppress(DatabaseError):
        if {"is_active", "last_login"} <= columns:
            yield from _undecided(
                "W037",
                rows.filter(is_active=False, last_login=None),
                "are inactive and have never logged in. 2.0.0 does not tell whether "
                "they wait for their activation, so they get no reset and no "
                "activation mail",
                "marks them as waiting",
            )
        if model.get_email_field_name() in columns:
            yield from _undecided(
                "W041",
                rows.filter(has_outer_spaces()),
                "have an e-mail address with spaces around it. Their owners cannot log "
                "in by it and get no reset mail, and it can be registered again",
                "takes the spaces away",
            )


def _undecided(id: str, rows: QuerySet[Any], state: str, remedy: str) -> Problems:
    count = rows.count()
    if count:
        yield problem(
            id,
            f"{rows.model._meta.label}: {count} accounts {state}.",
            f"manage.py ai_kit_auth_upgrade shows them, and {remedy} after a question.",
        )


def has_outer_spaces() -> Q:
    """Return the condition that finds accounts whose address has spaces around it."""
    name = get_user_model().get_email_field_name()
    return reduce(
        or_,
        (
            Q((f"{name}__{side}", space))
            for side in ("startswith", "endswith")
            for space in (" ", "\t", "\n", "\r", "\xa0")
        ),
    )


def undecided_route(sign: str) -> Problems:
    """
    Find that links of reset mails lead where 2.0.0's did not, by nobody's decision.

    ``sign``: what tells that the project comes from 2.0.0, "" for nothing. A command
    that knows of an upgrade by other means, such as the rows of the user table, calls
    this with that.
    """
    frontend = item(getattr(settings, SETTING_NAME, None), "FRONTEND")
    if not sign or item(frontend, "RESET_PW_ROUTE") is not None:
        return
    if api_settings.ENABLE_ENDPOINTS.SEND_PW_RESET_MAIL:
        route = api_settings.FRONTEND.RESET_PW_ROUTE
        yield problem(
            "W036",
            f"{key('FRONTEND.RESET_PW_ROUTE')} is not set, and the project was made "
            f"for 2.0.0 ({sign}): reset links lead to {route!r}, as 2.0.0's "
            f"documentation had it, and 2.0.0's code led to {OLD_ROUTE!r}.",
            f"Write 'RESET_PW_ROUTE': {OLD_ROUTE!r} into AI_KIT_AUTH['FRONTEND'] for a "
            f"frontend that serves 2.0.0's page, or {route!r}.",
        )


def _signs() -> Iterator[str]:
    for name in _OLD_NAMES:
        if hasattr(settings, name):
            yield f"{name} is set"
    url = api_settings.FRONTEND.URL
    if url and "://" not in url:
        yield "FRONTEND.URL has no scheme"
