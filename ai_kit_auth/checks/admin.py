"""The fieldsets of the user admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model

from ..settings import api_settings
from .problems import Problems, admin_is_used, is_readable, key, problem


def check_admin() -> Problems:
    """E009."""
    if not is_readable() or not admin_is_used():
        return
    from django.contrib.admin.sites import all_sites

    model = get_user_model()
    own = "ai_kit_auth.admin"
    admins = {
        type(model_admin): model_admin
        for site in all_sites
        if (model_admin := site._registry.get(model)) is not None
        # A subclass may have fieldsets of its own.
        and type(model_admin).get_fieldsets.__module__ == own
    }
    for setting, form in (
        ("ADMIN_FIELDSETS", "form"),
        ("ADMIN_ADD_FIELDSETS", "add_form"),
    ):
        if api_settings.is_default(setting):
            continue
        given = getattr(api_settings, setting)
        yield from _fieldset_problems(setting, given, model, form, admins.values())


def _fieldset_problems(
    setting: str, given: Sequence[Any], model: type[Model], form: str, admins: Any
) -> Problems:
    for position, fieldset in enumerate(given):
        names = _names_in(fieldset)
        if names is None:
            yield problem(
                "E009",
                f"{key(setting)}[{position}] must be a title and a dict with 'fields'.",
                f"{setting!r}: [(None, {{'fields': ('email', ...)}}), ...]",
            )
            continue
        for name in names:
            if not all(
                _is_known(name, model, getattr(model_admin, form), model_admin)
                for model_admin in admins
            ):
                yield problem(
                    "E009",
                    f"{key(setting)} names {name!r}, which neither {model._meta.label} "
                    "nor the form of that page has.",
                    f"Take {name!r} out, or correct it.",
                )


def _names_in(fieldset: Any) -> list[str] | None:
    """Return the fields of ``fieldset``, None where it is malformed."""
    try:
        _, options = fieldset
        lines = options["fields"]
        names = [name for line in lines for name in _names_of(line)]
    except (TypeError, ValueError, KeyError):
        return None
    return None if isinstance(lines, str) else names


def _names_of(line: Any) -> list[str]:
    """Return the names in ``line``: a field, or a tuple of those side by side."""
    parts = [line] if isinstance(line, str) or callable(line) else line
    return [name for name in parts if isinstance(name, str)]


def _is_known(name: str, model: type[Model], form: Any, model_admin: Any) -> bool:
    return (
        hasattr(model, name)
        or name in form.base_fields
        or name in model_admin.readonly_fields
        or hasattr(model_admin, name)
    )
