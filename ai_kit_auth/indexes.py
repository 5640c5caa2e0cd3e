"""
The indexes that finding an account needs, and whether the database uses them.

Without them, each login, registration and reset request reads the whole user table.
Django's user model has none of them but one on the exact username.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections, router, transaction
from django.db.models import Field, Value

from .accounts import lookup_of, ways_to_name
from .checks.problems import Problems, problem
from .query_plans import Parameters, Planner, planner
from .registration import identities, taken_codes
from .user_model import UserModel, user_model
from .users import find_by_address, find_for_login, find_recipients, identity_fields

# Below so many rows, reading all of them takes a few milliseconds.
FEW_ROWS = 10_000

_ADDRESS = "nobody@example.com"
_NAME = "nobody"
# A column takes one of these as an identity: it has texts, numbers or UUIDs.
_EXAMPLES = (_ADDRESS, "0", "00000000-0000-4000-8000-000000000000")


@dataclass(frozen=True)
class Index:
    """
    The index for one lookup of the requests: ``condition`` is that of an example.

    ``any_case``: the lookup is in any case.
    """

    field: Field[Any, Any]
    condition: Any
    any_case: bool

    @property
    def table(self) -> str:
        """The table of the column; it may be one of a parent of the user model."""
        return str(self.field.model._meta.db_table)

    def is_there(self, plans: Planner) -> bool:
        """Tell whether an index serves the lookup, whatever its name."""
        rows = self.field.model._base_manager.using(plans.using).order_by()
        query = rows.filter(self.condition).values_list(Value(1)).query
        statement, parameters = query.get_compiler(plans.using).as_sql()
        return plans.has_index(statement, parameters, self.table)

    def statements(self, plans: Planner) -> list[str]:
        """Return the statements that create the index."""
        name = plans.name_of_index(self.field, any_case=self.any_case)
        return [
            *plans.leftovers(self.table, name),
            plans.creation(self.field, any_case=self.any_case),
        ]


def _needed() -> Iterator[Index]:
    """Yield the index of each lookup by which requests find accounts."""
    for name in identities():
        # A registration compares every identity with every column.
        ways = [way for one in _EXAMPLES for way in ways_to_name(one, [name])]
        for lookup in ways[:1]:
            any_case = lookup[0] == f"{name}__{user_model.any_case[name]}"
            yield Index(user_model.columns[name], lookup, any_case)
    for name in identity_fields():
        # A login compares an address in any case, and all else as it is.
        if name not in user_model.addresses:
            called = [way for one in _EXAMPLES if (way := lookup_of(name, one))]
            for condition in called[:1]:
                yield Index(user_model.columns[name], condition, any_case=False)


def missing(plans: Planner) -> list[Index]:
    """
    Return the indexes that the database of ``plans`` lacks.

    An index that the project made counts, whatever its name and declaration. An error
    of the database is one of ``django.db``.
    """
    found: dict[str, Index] = {}
    for index in _needed():
        statement = plans.creation(index.field, any_case=index.any_case)
        if statement not in found and not index.is_there(plans):
            found[statement] = index
    return list(found.values())


def remedy(plans: Planner, indexes: Collection[Index]) -> list[str]:
    """Return the statements that create ``indexes``, so that the planner uses them."""
    return [
        *(text for index in indexes for text in index.statements(plans)),
        *(text for table in tables_of(indexes) for text in plans.afterwards(table)),
    ]


def tables_of(indexes: Collection[Index]) -> list[str]:
    """Return the tables of ``indexes``, each once."""
    return list(dict.fromkeys(index.table for index in indexes))


def tables() -> list[str]:
    """Return the tables in which requests find accounts."""
    columns = user_model.columns
    return list(dict.fromkeys(columns[n].model._meta.db_table for n in identities()))


def rows(plans: Planner) -> int:
    """Return how many rows reading a table of accounts reads, by an estimate."""
    return max(map(plans.rows, tables()))


def read_in_full(plans: Planner) -> list[str]:
    """
    Return the tables that a login, reset or registration would read in full.

    ``plans`` is of the database that the user model is written to.
    """
    asked = _statements_of_requests(plans.using)
    return [
        table
        for table in tables()
        if any(plans.reads_all(*statement, table) for statement in asked)
    ]


class _Kept(Exception):
    """Ends a lookup before its statement is run."""


def _statements_of_requests(using: str) -> list[tuple[str, Parameters]]:
    """Return the very statements by which requests find accounts; none is run."""
    kept: list[tuple[str, Parameters]] = []
    quoted = [connections[using].ops.quote_name(table) for table in tables()]

    def keep(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if any(table in sql for table in quoted):
            kept.append((sql, params))
            raise _Kept
        # The manager of a project may ask for something else first.
        return execute(sql, params, many, context)

    identities_of_one = {user_model.email: _ADDRESS, user_model.names[-1]: _NAME}
    lookups: list[Callable[[], object]] = [
        lambda: find_for_login(_ADDRESS),
        lambda: find_for_login(_NAME),
        lambda: find_recipients(_ADDRESS),
        lambda: find_by_address(_ADDRESS),
        lambda: taken_codes(identities_of_one),
        lambda: taken_codes({user_model.email: _ADDRESS}),
    ]
    with connections[using].execute_wrapper(keep):
        for lookup in lookups:
            with suppress(_Kept):
                lookup()
    return kept


def check_indexes(databases: Collection[str]) -> Problems:
    """W047, W048, if ``databases`` has the database of the user model."""
    using = router.db_for_write(UserModel)
    if using not in databases:
        return
    # The table may be missing, since ``migrate`` runs the check before it makes it, and
    # the database may be away or refuse. Other checks report a wrong setting.
    with suppress(Error, ImproperlyConfigured):
        plans = planner(using)
        if plans is not None:
            with transaction.atomic(using):
                found = list(_findings(plans))
            yield from found


def _findings(plans: Planner) -> Problems:
    there = rows(plans)
    if there < FEW_ROWS:
        return
    subject = f"{UserModel._meta.label} has about {there:,} rows and"
    lacking = missing(plans)
    if lacking:
        columns = ", ".join(dict.fromkeys(str(one.field.name) for one in lacking))
        yield problem(
            "W047",
            f"{subject} no index for the lookups by {columns}: each login, "
            "registration or reset request reads the whole table.",
            "manage.py ai_kit_auth_indexes --apply, or: "
            + " ".join(f"{text};" for text in remedy(plans, lacking)),
        )
    elif scanned := read_in_full(plans):
        yield problem(
            "W048",
            f"{subject} all indexes for its lookups, but the database does not use "
            "them: it reads the whole table.",
            " ".join(f"{plans.statistics(table)};" for table in scanned),
        )
