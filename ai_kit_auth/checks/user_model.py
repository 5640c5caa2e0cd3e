"""USER_IDENTITY_FIELDS and the user model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import EmailField, F, Model, UniqueConstraint

from ..settings import api_settings
from ..user_model import DJANGOS_BACKENDS
from .problems import (
    Problems,
    admin_is_used,
    is_readable,
    is_served,
    key,
    problem,
)


def check_user_model() -> Problems:
    """E004, E013, E016, W005, W031, W039."""
    model = get_user_model()
    yield from _username_problems(model)
    yield from _session_problems(model)
    columns = {field.name: field for field in model._meta.concrete_fields}
    yield from _address_problems(model, columns)
    if not is_readable() or api_settings.is_default("USER_IDENTITY_FIELDS"):
        return
    # Registration and the admin keep these two unique, even if the model does not.
    unique = {model.get_email_field_name(), model.USERNAME_FIELD, *unique_names(model)}
    for name in api_settings.USER_IDENTITY_FIELDS:
        if name not in columns:
            yield problem(
                "E004",
                f"{key('USER_IDENTITY_FIELDS')}: {model._meta.label} has no field "
                f"{name!r}.",
                f"It has {', '.join(sorted(columns))}.",
            )
        elif not columns[name].unique and name not in unique:
            yield problem(
                "W005",
                f"{key('USER_IDENTITY_FIELDS')}: two accounts can have the same "
                f"{name!r}, and then neither can log in by it.",
                f"Declare {model._meta.label}.{name} with unique=True, or take it out.",
            )


def _username_problems(model: Any) -> Problems:
    names = {field.name: field for field in model._meta.concrete_fields}
    field = names.get(model.USERNAME_FIELD)
    paths = settings.AUTHENTICATION_BACKENDS
    others = [path for path in paths if path not in DJANGOS_BACKENDS]
    if field is not None and field.null and others:
        yield problem(
            "W039",
            f"{model._meta.label}.{field.name} may be NULL, and backends such as "
            f"{others[0]} look accounts up by it: an account without one cannot log "
            "in, not even by its e-mail address.",
            f"Give each account a {field.name!r} (registration generates one), and "
            f"declare {model._meta.label}.{field.name} without null=True.",
        )


def _session_problems(model: type[Model]) -> Problems:
    if not is_readable() or not is_served("LOGOUT_OTHERS"):
        return
    hashes = set()
    for encoded in ("one hash", "another hash"):
        row: Any = model()
        row.password = encoded
        # The project's method may need more than an unsaved row has.
        with suppress(Exception):
            hashes.add(row.get_session_auth_hash())
    if len(hashes) == 1:
        yield problem(
            "E016",
            f"{model._meta.label}.get_session_auth_hash() does not depend on the "
            "password: logout_others/ would answer 200 and end no session.",
            "Use self.password in it, as Django does, or "
            "'ENABLE_ENDPOINTS': {'LOGOUT_OTHERS': False}.",
        )


def _address_problems(model: Any, columns: dict[str, Any]) -> Problems:
    label, email = model._meta.label, str(model.get_email_field_name())
    if email not in columns:
        fit = [name for name, one in columns.items() if isinstance(one, EmailField)]
        yield problem(
            "E013",
            f"{label} has no field {email!r}, which EMAIL_FIELD names, so its accounts "
            "have no e-mail address.",
            f"class {model.__name__}: EMAIL_FIELD = {fit[0]!r}"
            if fit
            else f"class {model.__name__}: {email} = models.EmailField(unique=True)",
        )
    fixed = [
        name
        for name in (email, model.USERNAME_FIELD)
        if name in columns and not columns[name].editable
    ]
    if fixed and is_readable() and admin_is_used():
        yield problem(
            "W031",
            f"{label}.{fixed[0]} is not editable, so the admin cannot ask for it.",
            f"Declare {label}.{fixed[0]} without editable=False, or AI_KIT_AUTH = "
            "{'USE_AI_KIT_AUTH_ADMIN': False}.",
        )


def unique_names(model: type[Model]) -> Iterator[str]:
    """Yield the fields that ``model`` keeps unique by a constraint of its own."""
    for together in model._meta.unique_together:
        if len(together) == 1:
            yield together[0]
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and constraint.condition is None:
            names = set(constraint.fields)
            for expression in constraint.expressions:
                # Lower("email") counts as "email".
                parts: list[Any] = [expression, *getattr(expression, "flatten", list)()]
                names |= {getattr(p, "name", "") for p in parts if isinstance(p, F)}
            if len(names) == 1:
                yield from names
