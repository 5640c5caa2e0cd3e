"""
What a serializer may write beside the user's own row, and how.

A dotted ``source`` of DRF's, or a nested serializer, gives the values of a related row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import Model
from django.views.decorators.debug import sensitive_variables
from rest_framework.serializers import BaseSerializer, ListSerializer
from rest_framework.utils.model_meta import RelationInfo, get_field_info

__all__ = ["can_be_set", "in_order", "loss", "taken_columns", "unique_columns", "write"]


def _may_write(relation: RelationInfo, *, new: bool) -> bool:
    """
    Tell whether values for the row behind ``relation`` are written into it.

    ``new``: for an account that is being made, which gets a row of its own.

    SECURITY: a row that others may share is not one account's to change; and a way back
    to a user would lead around all that protects an account.
    """
    if relation.to_many or _is_user(relation.related_model):
        return False
    return new or relation.reverse or _is_one_to_one(relation)


def _is_one_to_one(relation: RelationInfo) -> bool:
    return bool(getattr(relation.model_field, "one_to_one", False))


def _is_user(model: type[Model]) -> bool:
    users = get_user_model()
    return issubclass(model, users) or issubclass(users, model)


def _is_row_of_others(relation: RelationInfo) -> bool:
    # SECURITY: a row that refers to a user is somebody's already.
    return bool(relation.reverse and not relation.to_many)


@sensitive_variables()
def in_order(
    model: type[Model], values: Mapping[str, Any], row: Any = None, *, new: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Return what ``row`` is made of, and what is written when it is there.

    Rows that it refers to are saved. What may not be written is left out; :func:`loss`
    tells of it before the first request.
    """
    columns = {column.name for column in model._meta.concrete_fields}
    plain = {n: v for n, v in values.items() if not isinstance(v, Mapping)}
    if plain.keys() == values.keys() <= columns:
        return plain, {}
    relations = get_field_info(model).relations
    first: dict[str, Any] = {}
    later: dict[str, Any] = {}
    for name, value in values.items():
        relation = relations.get(name)
        if relation is None:
            if can_be_set(model, name):
                first[name] = value
        elif isinstance(value, Mapping):
            if not _may_write(relation, new=new):
                continue
            if relation.reverse:
                later[name] = value
                continue
            # SECURITY: a receiver of the project's may have chosen a shared one.
            kept = getattr(row, name, None) if _is_one_to_one(relation) else None
            first[name] = _saved(kept or relation.related_model(), value, new=new)
        elif relation.to_many:
            if not any(isinstance(one, Mapping) for one in value):
                later[name] = value
        elif not _is_row_of_others(relation):
            first[name] = value
    return first, later


@sensitive_variables()
def write(row: Any, later: Mapping[str, Any], *, new: bool) -> None:
    """Write what :func:`in_order` has kept for when ``row`` is there."""
    for name, value in later.items():
        if not isinstance(value, Mapping):
            getattr(row, name).set(value)
            continue
        relation = row._meta.get_field(name)
        # A receiver of the project's may have made it.
        other = getattr(row, name, None) or relation.related_model()
        link = relation.field
        setattr(other, link.name, row)
        _saved(other, value, new=new, link=(link.name, link.attname))


def _saved(
    row: Any, values: Mapping[str, Any], *, new: bool, link: Collection[str] = ()
) -> Any:
    """Return ``row`` with ``values``, saved; ``link``: what refers to the user."""
    model = type(row)
    # SECURITY: with another key it would be saved in place of somebody else's.
    fixed = {"pk", model._meta.pk.name, model._meta.pk.attname, *link}
    given = {name: value for name, value in values.items() if name not in fixed}
    first, later = in_order(model, given, row, new=new)
    for name, value in first.items():
        setattr(row, name, value)
    row.save()
    write(row, later, new=new)
    return row


def taken_columns(
    model: type[Model], values: Mapping[str, Any], row: Any = None
) -> dict[str, str]:
    """
    Return ``{"<column>": "unique"}`` for each unique column whose value a row has.

    ``row``: what is changed, which may keep its own values; None for one that is being
    made. The values of a related row are told by their own columns.

    For values that are no identity: a serializer asks the project's manager about them,
    which may hide the row, and asks before another request takes the value.
    """
    rows = model._base_manager.using(router.db_for_write(model))
    if row is not None:
        rows = rows.exclude(pk=row.pk)
    relations = get_field_info(model).relations
    below = {
        name: value
        for name, value in values.items()
        if name in relations and isinstance(value, Mapping)
    }
    found = {
        column.name: "unique"
        for column in model._meta.concrete_fields
        if column.unique
        and column.name not in below
        and values.get(column.name) is not None
        and rows.filter(**{column.name: values[column.name]}).exists()
    }
    for name, given in below.items():
        found |= taken_columns(
            relations[name].related_model, given, getattr(row, name, None)
        )
    return found


def unique_columns(model: type[Model], field: Any) -> set[str]:
    """Return the names that :func:`taken_columns` may tell of what ``field`` takes."""
    return _unique_columns(model, field, field.source_attrs, inside=False)


def _unique_columns(
    model: type[Model], field: Any, attrs: Sequence[str], *, inside: bool
) -> set[str]:
    name, *below = attrs or [""]
    relation = get_field_info(model).relations.get(name)
    parts = () if below else getattr(field, "fields", {}).values()
    if relation is None or not (below or parts):
        columns = {
            column.name for column in model._meta.concrete_fields if column.unique
        }
        return columns & {name} if inside else set()
    model = relation.related_model
    if below:
        return _unique_columns(model, field, below, inside=True)
    found = (_unique_columns(model, p, p.source_attrs, inside=True) for p in parts)
    return set().union(*found)


def loss(model: type[Model], field: Any, *, new: bool) -> str:
    """Return why what ``field`` of a serializer takes is not kept, "" where it is."""
    return _loss(model, field, list(field.source_attrs), new=new)


def _loss(model: type[Model], field: Any, attrs: list[str], *, new: bool) -> str:
    if not attrs:
        return ""
    label, name = model._meta.label, attrs[0]
    relation = get_field_info(model).relations.get(name)
    if relation is None:
        known = hasattr(model, name) and can_be_set(model, name)
        return "" if known else f"{label} has no {name!r} to set"
    is_list = isinstance(field, ListSerializer)
    if len(attrs) == 1 and (is_list or not isinstance(field, BaseSerializer)):
        if is_list:
            return f"{label}.{name} takes keys of rows, and no new rows"
        if _is_row_of_others(relation):
            return f"{label}.{name} is a row that refers to its user already"
        return ""
    if not _may_write(relation, new=new):
        return f"{label}.{name} is a row that others may share"
    if len(attrs) > 1:
        return _loss(relation.related_model, field, attrs[1:], new=new)
    inner = (each for each in field.fields.values() if not each.read_only)
    losses = (
        _loss(relation.related_model, each, list(each.source_attrs), new=new)
        for each in inner
    )
    return next(filter(None, losses), "")


def can_be_set(model: type[Model], name: str) -> bool:
    """Tell whether ``name``, which is no relation, may be set on a row of ``model``."""
    found = getattr(model, name, None)
    return (
        found.fset is not None if isinstance(found, property) else not callable(found)
    )
