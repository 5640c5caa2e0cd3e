"""
What a database says about a table, its indexes and how it would run a statement.

Nothing here reads a table: every answer comes from the planner or the catalogue.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.db import NotSupportedError, connections, transaction
from django.db.backends.utils import split_identifier, truncate_name
from django.db.models import Field

Parameters = Sequence[Any] | None


class Planner(ABC):
    """One database, by its alias ``using``; an error of it is one of ``django.db``."""

    # Whether an index on UPPER(column) serves a lookup in any case.
    folds = True
    # The first words of the statement that creates an index.
    create = "CREATE INDEX"

    def __init__(self, using: str) -> None:
        self.using = using
        self.connection: Any = connections[using]

    @abstractmethod
    def rows(self, table: str) -> int:
        """Return how many rows ``table`` has, about, without counting them."""

    @abstractmethod
    def reads_all(self, statement: str, parameters: Parameters, table: str) -> bool:
        """Tell whether ``statement`` would read every row of ``table``, or all keys."""

    def has_index(self, statement: str, parameters: Parameters, table: str) -> bool:
        """Tell whether an index serves ``statement``, however few rows there are."""
        return not self.reads_all(statement, parameters, table)

    def leftovers(self, table: str, name: str) -> list[str]:
        """Return the statements that drop what a failed creation of ``name`` left."""
        return []

    def insist_on_creation(self, table: str) -> None:  # noqa: B027  # most can at any time
        """Raise an error of ``django.db`` if no index of ``table`` can be made now."""

    def afterwards(self, table: str) -> list[str]:
        """Return the statements without which the new indexes would not be used."""
        return []

    def statistics(self, table: str) -> str:
        """Return the statement that lets the planner know the rows of ``table``."""
        return f"ANALYZE {self.quote(table)}"

    def name_of_index(self, field: Field[Any, Any], *, any_case: bool) -> str:
        """Return the name of an index of this package."""
        _, table = split_identifier(field.model._meta.db_table)
        upper = "_upper" if any_case and self.folds else ""
        name = re.sub(r"\W", "_", f"{table}_{field.column}{upper}")
        # Short enough for every database here.
        return truncate_name(name, 60, 8)

    def creation(self, field: Field[Any, Any], *, any_case: bool) -> str:
        """Return the statement that creates the index for a lookup in ``field``."""
        column = self.quote(str(field.column)) + self.length_of_key(field)
        key = f"UPPER({column})" if any_case and self.folds else column
        name = self.quote(self.name_of_index(field, any_case=any_case))
        return (
            f"{self.create} {name} ON {self.quote(field.model._meta.db_table)} ({key})"
        )

    def length_of_key(self, field: Field[Any, Any]) -> str:
        """Return how much of a text an index may hold, as SQL; "" for all."""
        return ""

    def quote(self, name: str) -> str:
        """Return ``name`` in quotation marks; it may have the name of a schema."""
        return str(self.connection.ops.quote_name(name))

    def ask(self, statement: str, parameters: Parameters = None) -> list[Any]:
        """Return the rows that the database answers."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())


class SQLite(Planner):
    """A file, or the memory of this process."""

    def rows(self, table: str) -> int:
        name = self.quote(table)
        # Each alone is one step; both in one SELECT would read every row.
        ends = (f"(SELECT {end}(rowid) FROM {name})" for end in ("MAX", "MIN"))  # noqa: S608  # a name from the model
        [[distance]] = self.ask(f"SELECT {' - '.join(ends)}")
        return 0 if distance is None else int(distance) + 1

    def reads_all(self, statement: str, parameters: Parameters, table: str) -> bool:
        # Before 3.36 it wrote "SCAN TABLE auth_user".
        steps = {f"SCAN {table}", f"SCAN TABLE {table}"}
        plan = self.ask(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return any(str(row[-1]).partition(" USING ")[0] in steps for row in plan)


class PostgreSQL(Planner):
    """A server of PostgreSQL."""

    create = "CREATE INDEX CONCURRENTLY"

    def rows(self, table: str) -> int:
        # Unlike pg_class.reltuples, this knows of rows since the last ANALYZE.
        return int(self._plan(f"SELECT 1 FROM {self.quote(table)}")["Plan Rows"])  # noqa: S608  # a name from the model

    def reads_all(self, statement: str, parameters: Parameters, table: str) -> bool:
        _, bare = split_identifier(table)
        return any(
            _reads_all(node)
            for node in _nodes(self._plan(statement, parameters))
            if node.get("Relation Name") == bare
        )

    def has_index(self, statement: str, parameters: Parameters, table: str) -> bool:
        # Of a small table the planner would read all rows.
        with transaction.atomic(self.using):
            with self.connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off")
            found = super().has_index(statement, parameters, table)
            # Undoes the SET, also within a transaction of the caller.
            transaction.set_rollback(True, self.using)
        return found

    def leftovers(self, table: str, name: str) -> list[str]:
        invalid = self.ask(
            "SELECT spaces.nspname FROM pg_index AS made "
            "JOIN pg_class AS names ON names.oid = made.indexrelid "
            "JOIN pg_namespace AS spaces ON spaces.oid = names.relnamespace "
            "WHERE made.indrelid = %s::regclass AND names.relname = %s "
            "AND NOT made.indisvalid",
            [self.quote(table), name],
        )
        return [
            f"DROP INDEX CONCURRENTLY {self.quote(space)}.{self.quote(name)}"
            for (space,) in invalid
        ]

    def insist_on_creation(self, table: str) -> None:
        if self.connection.in_atomic_block:
            raise NotSupportedError(
                "PostgreSQL creates an index CONCURRENTLY outside of a transaction "
                "only: in a migration, write atomic = False."
            )
        if self.is_busy(table):
            raise NotSupportedError(
                f"Another connection is creating an index of {table}. Start this again "
                "when that has ended."
            )

    def is_busy(self, table: str) -> bool:
        """Tell whether another connection is creating an index of ``table``."""
        return bool(
            self.ask(
                "SELECT 1 FROM pg_stat_progress_create_index "
                "WHERE relid = %s::regclass AND datname = current_database()",
                [self.quote(table)],
            )
        )

    def afterwards(self, table: str) -> list[str]:
        # It does not know yet how many rows have one value of an expression.
        return [self.statistics(table)]

    def _plan(self, statement: str, parameters: Parameters = None) -> Any:
        [[plan]] = self.ask(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        # psycopg 2 and 3 decode it, unless the project has told them not to.
        return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


def _reads_all(node: dict[str, Any]) -> bool:
    if node["Node Type"] == "Bitmap Heap Scan":
        indexes = [one for one in _nodes(node) if one["Node Type"] == _BITMAP]
        return not all("Index Cond" in index for index in indexes)
    # Without a condition, an index scan reads the whole index.
    return "Index Cond" not in node


_BITMAP = "Bitmap Index Scan"


def _nodes(plan: Any) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


class MySQL(Planner):
    """A server of MariaDB or MySQL: its collation compares in any case."""

    folds = False

    def rows(self, table: str) -> int:
        plan = self._plan(f"SELECT 1 FROM {self.quote(table)}")  # noqa: S608  # a name from the model
        return int(plan[0]["rows"] or 0)

    def reads_all(self, statement: str, parameters: Parameters, table: str) -> bool:
        _, bare = split_identifier(table)
        return any(
            step["table"] == bare and step["type"] in {"ALL", "index"}
            for step in self._plan(statement, parameters)
        )

    def has_index(self, statement: str, parameters: Parameters, table: str) -> bool:
        # Of a small table it reads all rows, and names the indexes that would serve.
        # Without a table, it looked into a unique index already.
        return all(
            step["possible_keys"] or step["table"] is None
            for step in self._plan(statement, parameters)
        )

    def statistics(self, table: str) -> str:
        return f"ANALYZE TABLE {self.quote(table)}"

    def length_of_key(self, field: Field[Any, Any]) -> str:
        # A key has at most 3,072 bytes, and none of a text without a limit.
        kind = str(field.db_type(self.connection))
        is_long = kind.endswith("text") or (field.max_length or 0) > 768
        return "(255)" if is_long else ""

    def _plan(
        self, statement: str, parameters: Parameters = None
    ) -> list[dict[str, Any]]:
        with self.connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN FORMAT=TRADITIONAL {statement}", parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


_PLANNERS: Mapping[str, Callable[[str], Planner]] = {
    "mysql": MySQL,
    "postgresql": PostgreSQL,
    "sqlite": SQLite,
}


def planner(using: str) -> Planner | None:
    """Return what plans for the database ``using``, None if it is of another kind."""
    kind = _PLANNERS.get(connections[using].vendor)
    return None if kind is None else kind(using)
