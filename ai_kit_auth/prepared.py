"""
Querysets that Django compiles once, and that are asked with other values each time.

To compile the query of one account takes several times as long as to ask for it, and
each request asks the same few.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.db.models.manager import BaseManager

from .collation import InAnyCase

# What a lookup is, such as ``username``, and the value that it asks for.
Lookup = tuple[str, Any]


def is_plain(manager: BaseManager[Any]) -> bool:
    """
    Tell whether ``manager`` has every row, found in Django's own way.

    SECURITY: the manager of a project may hide rows, and which ones may depend on the
    request, such as on its tenant. So its queries must not be compiled once for all.
    """
    kind: Any = type(manager)
    return (
        kind.get_queryset is BaseManager.get_queryset
        and kind._queryset_class is QuerySet
    )


class Prepared:
    """
    The statement of ``queryset``, which takes the texts of its marks and its key.

    ``queryset`` asks for marks of :func:`prepared`, and for at most one primary key.
    """

    def __init__(self, queryset: Any, using: str) -> None:
        self._model, self._using = queryset.model, using
        self._query = queryset.query
        compiler = self._query.get_compiler(using)
        self._statement, parameters = compiler.as_sql()
        # The number of the text at each place; None where the primary key stands.
        self.places = [_number(parameter) for parameter in parameters]
        self._select = [column for column, _, _ in compiler.select]

    def rows(self, lookups: Sequence[Lookup], key: Any = None) -> Sequence[Any]:
        """Return the rows, as tuples of the database's own values."""
        connection = connections[self._using]
        values = [value for _, value in lookups]
        if connection.vendor == "mysql":
            values = [
                connection.ops.prep_for_iexact_query(value)
                if name.endswith(f"__{InAnyCase.registered_name}")
                else value
                for name, value in lookups
            ]
        if key is not None:
            key = self._model._meta.pk.get_db_prep_value(key, connection)
        with connection.cursor() as cursor:
            cursor.execute(
                self._statement,
                [key if place is None else values[place] for place in self.places],
            )
            found: Sequence[Any] = cursor.fetchall()
        return found

    def instances(self, lookups: Sequence[Lookup], key: Any = None) -> list[Any]:
        """Return the rows as instances of the queryset's model."""
        rows = self.rows(lookups, key)
        if not rows:
            return []
        compiler = self._query.get_compiler(self._using)
        # Not kept, since converters belong to a connection, which is of one thread.
        converters = compiler.get_converters(self._select)
        names = [column.target.attname for column in self._select]
        return [
            self._model.from_db(self._using, names, row)
            for row in compiler.apply_converters(rows, converters)
        ]


_MARK = "the text at place "


def _number(parameter: object) -> int | None:
    text = str(parameter)
    return int(text.removeprefix(_MARK)) if text.startswith(_MARK) else None


_known: dict[Hashable, Prepared | None] = {}


def prepared(
    purpose: Hashable,
    using: str,
    names: Sequence[str],
    make: Callable[[Sequence[Lookup]], Any],
) -> Prepared | None:
    """
    Return the statement for ``purpose`` that takes a text for each of ``names``.

    ``names``: lookups of texts. ``make`` is called once, with the lookups, and returns
    the queryset. None where a lookup of the project changes the texts by itself.

    SECURITY: ``make`` gets marks, so no text of a user is ever part of a statement.
    """
    key = (purpose, using, *names)
    if key not in _known:
        # A mark has no letter that LIKE would escape.
        marks = [(name, f"{_MARK}{number}") for number, name in enumerate(names)]
        found = Prepared(make(marks), using)
        is_whole = {*range(len(names))} == {*found.places} - {None}
        _known[key] = found if is_whole else None
    return _known[key]
