"""Ratios, their means and spreads, and the tables that show them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from .counting import Figures
from .names import ACCOUNT_PAGE, CORE, OPERATIONS

MEANS = {
    "geometric mean": CORE,
    "of the account page": ACCOUNT_PAGE,
    "of all": OPERATIONS,
}


def ratios(figures: Figures, floor: Figures, operation: str) -> list[float]:
    """Return how many times the floor's an operation takes, block by block."""
    pairs = zip(figures.taken[operation], floor.taken[operation], strict=True)
    return [mine / its for mine, its in pairs]


def middle(values: Sequence[float]) -> float:
    """Return the geometric mean of ``values``, which are positive; at least one."""
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def shared(
    figures: Figures, floor: Figures, operations: Iterable[str]
) -> dict[str, list[float]]:
    """Return the ratios of those of ``operations`` that both subjects have."""
    return {
        name: ratios(figures, floor, name)
        for name in operations
        if figures.taken.get(name) and floor.taken.get(name)
    }


def cell(values: Sequence[float]) -> str:
    """Return a mean with its spread: ``1.35 (1.34-1.36)``, or without it if it is 0."""
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    shown = f"{middle(values):.2f}"
    return shown if low == high else f"{shown} ({low}-{high})"


def ratio_rows(
    found: Mapping[str, Figures], operations: Sequence[str], scale: float
) -> list[list[str]]:
    """
    Return a row an operation: what the floor takes, and the others' ratios to it.

    ``found`` has the floor under ``"floor"``. ``scale``: what a unit of the floor's
    column is. The last rows have the geometric means over what each subject has.
    """
    floor = found["floor"]
    others = {name: part for name, part in found.items() if name != "floor"}
    compared = {name: shared(part, floor, operations) for name, part in others.items()}
    rows = [
        [
            operation,
            f"{middle(floor.taken[operation]) / scale:.2f}",
            *(
                cell(part[operation]) if operation in part else ""
                for part in compared.values()
            ),
        ]
        for operation in operations
    ]
    for title, names in MEANS.items():
        means = [
            mean({name: middle(values) for name, values in part.items()}, names)
            for part in compared.values()
        ]
        if any(means):
            rows.append([title, "", *means])
    return rows


def mean(ratio_of: Mapping[str, float], names: Sequence[str]) -> str:
    """Return the geometric mean of those of ``names`` that there are, or nothing."""
    values = [ratio_of[name] for name in names if name in ratio_of]
    return f"{middle(values):.2f}" if values else ""


def sql_rows(
    found: Mapping[str, Figures], operations: Sequence[str]
) -> list[list[str]]:
    """Return a row an operation: how many statements each subject's request takes."""
    return [
        [name, *(str(figures.sql.get(name, "")) for figures in found.values())]
        for name in operations
    ]


def text(rows: Sequence[Sequence[str]]) -> str:
    """Return ``rows``, the first of which is the head, in columns for a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [
                cell.rjust(width)
                for cell, width in zip(row[1:], widths[1:], strict=True)
            ]
        ).rstrip()
        for row in rows
    )


def rst(title: str, rows: Sequence[Sequence[str]]) -> str:
    """Return ``rows``, the first of which is the head, as a table of the docs."""
    lines = [
        f".. list-table:: {title}",
        "   :header-rows: 1",
        "   :stub-columns: 1",
        "",
    ]
    for row in rows:
        for number, cell in enumerate(row):
            mark = "   * - " if number == 0 else "     - "
            lines.append(f"{mark}{cell}".rstrip())
    return "\n".join(lines) + "\n"
