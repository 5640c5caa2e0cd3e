"""What a project has to decide when it upgrades from 2.0.0."""

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

# The route in the code of 2.0.0, which its React client serves. The documentation of
# 2.0.0 had today's route.
OLD_ROUTE = "/auth/reset-password"

# Settings that the documentation of 2.0.0 names and this one does not.
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
    """W037, W041, if ``databases`` has the database of the user model."""
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
                "are inactive and have never logged in. 2.0.0 did not store whether "
                "they wait for their activation, so they get no reset mail and no "
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
    Find that reset links lead to another route than with 2.0.0, and no setting says so.

    ``sign`` says how we know that the project was made for 2.0.0; "" if we do not. A
    command that knows of an upgrade by other means, such as the rows of the user table,
    passes that.
    """
    frontend = item(getattr(settings, SETTING_NAME, None), "FRONTEND")
    if not sign or item(frontend, "RESET_PW_ROUTE") is not None:
        return
    if api_settings.ENABLE_ENDPOINTS.SEND_PW_RESET_MAIL:
        route = api_settings.FRONTEND.RESET_PW_ROUTE
        yield problem(
            "W036",
            f"{key('FRONTEND.RESET_PW_ROUTE')} is not set, and the project was made "
            f"for 2.0.0 ({sign}): reset links now lead to {route!r}, as the "
            f"documentation of 2.0.0 says; its code led to {OLD_ROUTE!r}.",
            f"Write 'RESET_PW_ROUTE': {OLD_ROUTE!r} into AI_KIT_AUTH['FRONTEND'] if "
            f"the frontend still has the page of 2.0.0, or else {route!r}.",
        )


def _signs() -> Iterator[str]:
    for name in _OLD_NAMES:
        if hasattr(settings, name):
            yield f"{name} is set"
    url = api_settings.FRONTEND.URL
    if url and "://" not in url:
        yield "FRONTEND.URL has no scheme"
