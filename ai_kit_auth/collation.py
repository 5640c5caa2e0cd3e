"""
Which spellings a database takes for one.

SQLite folds the letters of ASCII alone. PostgreSQL compares by the locale of the
database. MariaDB and MySQL compare by the collation of the column, which may ignore
accents as well.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import Field
from django.db.models.lookups import BuiltinLookup, IExact


class InAnyCase(IExact):
    """
    Django's ``__iexact``, in a form that an index serves on every database.

    Only SQLite needs another form. No index serves its ``LIKE`` with ``ESCAPE``. Both
    forms fold the letters of ASCII alone, so they find the same rows.
    """

    # IExact's own name stays what the database is asked for.
    registered_name = "ai_kit_auth_any_case"

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return ``UPPER(...) = UPPER(...)``; the pattern of IExact is for LIKE."""
        left, own = self.process_lhs(compiler, connection)
        right, others = BuiltinLookup.process_rhs(self, compiler, connection)
        return f"UPPER({left}) = UPPER({right})", (*own, *others)


def upper_by_locale(text: str, alias: str) -> str:
    """Return ``text`` in the capitals of the PostgreSQL database ``alias``."""
    if text.isascii():
        return text.upper()
    return str(_ask(alias, "SELECT UPPER(%s)", text)[0])


def spellings_by_collation(
    field: Field[Any, Any], text: str, alias: str, *, any_case: bool
) -> tuple[str, str]:
    """
    Return a form that all spellings of ``text`` share, and one spelling of them.

    ``any_case``: as ``__iexact`` compares in the column of ``field``, otherwise as
    ``=`` does. It asks the MariaDB or MySQL database ``alias`` about letters that have
    not been met before. The form is no text.
    """
    form = _weights(field, text, alias, whole=not any_case)
    candidates = (_plain(field, text, alias), text.lower())
    same = (
        each
        for each in candidates
        if _weights(field, each, alias, whole=not any_case) == form
    )
    return form, next(same, text)


def _plain(field: Field[Any, Any], text: str, alias: str) -> str:
    """Return ``text`` in letters of ASCII, as far as the database takes them for it."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    letters = [part for part in parts if not unicodedata.combining(part)]
    plain = {
        _weights(field, letter, alias, whole=False): letter
        for letter in string.ascii_lowercase
    }
    return "".join(
        plain.get(_weights(field, letter, alias, whole=False), letter)
        for letter in letters
    )


def _weights(field: Field[Any, Any], text: str, alias: str, *, whole: bool) -> str:
    collation = _collation(alias, field.model._meta.db_table, str(field.column))
    if collation is None:
        # Numbers and keys have no spellings.
        return text
    if whole and not text.isascii():
        # "=" compares "ß" with "ss", which LIKE, letter by letter, does not.
        return _weights_of(alias, collation, [text])[0]
    known = _known.get((alias, collation), {})
    letters = set(text) - known.keys()
    if letters:
        # A copy, since other threads read what is there.
        known = {} if len(known) > _MOST_LETTERS else known.copy()
        new = sorted(set(text) | set(string.printable) - known.keys())
        known.update(zip(new, _weights_of(alias, collation, new), strict=True))
        _known[alias, collation] = known
    return ("" if whole else "|").join(known[letter] for letter in text)


# Letters that have been met, so that a login is one statement more at most once.
_known: dict[tuple[str, str], dict[str, str]] = {}
_MOST_LETTERS = 20_000


@lru_cache(maxsize=64)
def _collation(alias: str, table: str, column: str) -> str | None:
    """Return the collation of a column, None where it holds no text."""
    found = _ask(
        alias,
        "SELECT collation_name FROM information_schema.columns WHERE table_schema = "
        "DATABASE() AND table_name = %s AND column_name = %s",
        table,
        column,
    )
    return str(found[0]) if found and found[0] else None


def _weights_of(alias: str, collation: str, texts: list[str]) -> list[str]:
    charset = collation.partition("_")[0]
    # Names of the database's own catalogue, and no text of a client's.
    weight = f"HEX(WEIGHT_STRING(CONVERT(%s USING {charset}) COLLATE {collation}))"
    return list(_ask(alias, "SELECT " + ", ".join([weight] * len(texts)), *texts))


def _ask(alias: str, statement: str, *parameters: str) -> Sequence[Any]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, parameters)
        row: Sequence[Any] = cursor.fetchone() or ()
    return row
