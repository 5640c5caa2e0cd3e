"""The user admin: which class is registered, and its fieldsets."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import getattr_static
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model

from ..settings import api_settings
from .problems import Problems, admin_is_used, dotted, is_readable, key, problem

OURS = "ai_kit_auth.admin.AIUserAdmin"


def check_admin() -> Problems:
    """E009, W030."""
    if not is_readable() or not admin_is_used():
        return
    from django.contrib.admin import site
    from django.contrib.admin.sites import all_sites

    model = get_user_model()
    registered = [
        model_admin
        for one in all_sites
        if (model_admin := one._registry.get(model)) is not None
    ]
    yield from _other_admin(site._registry.get(model), model)
    for setting, fieldsets, form in (
        ("ADMIN_FIELDSETS", "fieldsets", "form"),
        ("ADMIN_ADD_FIELDSETS", "add_fieldsets", "add_form"),
    ):
        if api_settings.is_default(setting):
            continue
        given = getattr(api_settings, setting)
        shown_by = {
            type(one): one for one in registered if _shows_setting(one, fieldsets)
        }
        yield from _fieldset_problems(setting, given, model, form, shown_by.values())


def _other_admin(current: object, model: type[Model]) -> Problems:
    found = type(current)
    if current is None or OURS in map(dotted, found.__mro__):
        return
    djangos = found.__module__.startswith("django.")
    own = f"{model.__name__}Admin" if djangos else found.__name__
    yield problem(
        "W030",
        f"{dotted(found)} is registered for {model._meta.label}, so AIUserAdmin is not "
        "in use: an account that the admin creates gets no activation mail.",
        f"from ai_kit_auth.admin import AIUserAdmin; class {own}(AIUserAdmin): ... "
        "keeps your class and adds AIUserAdmin to it; or AI_KIT_AUTH = "
        "{'USE_AI_KIT_AUTH_ADMIN': False}.",
    )


def _shows_setting(model_admin: Any, fieldsets: str) -> bool:
    """Tell whether the setting decides on its pages, and no code of the project."""
    found = type(model_admin)
    usual = ("get_fieldsets", "get_form", "get_readonly_fields", "get_fields")
    return type(
        getattr_static(found, fieldsets)
    ).__module__ == "ai_kit_auth.admin" and all(
        getattr(found, name).__module__.startswith(("django.", "ai_kit_auth."))
        for name in usual
    )


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
    """Return the fields of ``fieldset``, or None if it is malformed."""
    try:
        _, options = fieldset
        lines = options["fields"]
        names = [name for line in lines for name in _names_of(line)]
    except (TypeError, ValueError, KeyError):
        return None
    return None if isinstance(lines, str) else names


def _names_of(line: Any) -> list[str]:
    """Return the names in ``line``: one field, or a tuple of fields side by side."""
    parts = [line] if isinstance(line, str) or callable(line) else line
    return [name for name in parts if isinstance(name, str)]


def _is_known(name: str, model: type[Model], form: Any, model_admin: Any) -> bool:
    return (
        hasattr(model, name)
        or name in form.base_fields
        or name in model_admin.readonly_fields
        or hasattr(model_admin, name)
    )
