"""
How a serializer writes rows that are related to the user's row, and which it may write.

The values of a related row come from a dotted ``source`` of DRF or a nested serializer.
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


def _may_write(relation: RelationInfo, *, new: bool) -> bool:
    """
    Tell whether values for the related row of ``relation`` are written.

    ``new`` is for an account that is being created, which gets its own related row.

    SECURITY: one account must not change a row that other accounts may share. A
    relation back to a user would bypass everything that protects an account.
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
    # SECURITY: a row that refers to a user belongs to that user.
    return bool(relation.reverse and not relation.to_many)


@sensitive_variables()
def in_order(
    model: type[Model], values: Mapping[str, Any], row: Any = None, *, new: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Return the values of ``row``, and the values to write after ``row`` is saved.

    This saves the rows that ``row`` refers to. It leaves out values that may not be
    written; :func:`loss` reports those before the first request.
    """
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
            # SECURITY: a receiver of the project may have set a shared row.
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
    """Write the values that :func:`in_order` kept until ``row`` is saved."""
    for name, value in later.items():
        if not isinstance(value, Mapping):
            getattr(row, name).set(value)
            continue
        relation = row._meta.get_field(name)
        # A receiver of the project may have created it.
        other = getattr(row, name, None) or relation.related_model()
        link = relation.field
        setattr(other, link.name, row)
        _saved(other, value, new=new, link=(link.name, link.attname))


def _saved(
    row: Any, values: Mapping[str, Any], *, new: bool, link: Collection[str] = ()
) -> Any:
    """Save ``row`` with ``values`` and return it; ``link`` refers to the user."""
    model = type(row)
    # SECURITY: with another primary key it would overwrite the row of another user.
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
    Return ``{"<column>": "unique"}`` for each unique column whose value is taken.

    ``row`` is the row that is changed, which may keep its own values; None for a new
    row. A related row has the names of its own columns.

    This is for values that are not an identity. A serializer checks them, too, but it
    asks the project's manager, which may hide rows, and another request may take the
    value after that.
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
    """Return the columns that :func:`taken_columns` may report for ``field``."""
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
    """Return why the value of a serializer's ``field`` is not stored, or ""."""
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
            return f"{label}.{name} takes primary keys of rows, not new rows"
        if _is_row_of_others(relation):
            return f"{label}.{name} is a row that belongs to a user already"
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
    """Tell whether ``name``, which is not a relation, can be set on a ``model``."""
    found = getattr(model, name, None)
    return (
        found.fset is not None if isinstance(found, property) else not callable(found)
    )
