"""
The figures that the repository keeps, and what a change of them means.

A figure is a ratio to the floor, measured in the same run: what another Python or
Django changes, it changes for both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .counting import Figures
from .tables import middle, ratios

PATH = Path(__file__).with_name("kept.json")
# By how much an operation may rise over its figure.
ALLOWED = 0.03
# How many times the instructions of a start of DRF by hand our package may take.
START = 1.15


class KeptFiguresError(Exception):
    """The file with the figures is missing, or something else than it should be."""


def current(ours: Figures, floor: Figures) -> dict[str, dict[str, Any]]:
    """Return what would be kept: ratio and statements of each operation of ours."""
    return {
        name: {
            "ratio": round(middle(ratios(ours, floor, name)), 3),
            "sql": ours.sql[name],
        }
        for name in ours.taken
    }


def load(path: Path = PATH) -> dict[str, dict[str, Any]]:
    """Return the figures in ``path``. Raises :exc:`KeptFiguresError`."""
    try:
        kept = json.loads(path.read_text())["operations"]
        for figures in kept.values():
            if not (figures["ratio"] > 0 and figures["sql"] >= 0):
                raise ValueError(figures)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise KeptFiguresError(f"{path} keeps no figures: {error!r}") from error
    found: dict[str, dict[str, Any]] = kept
    return found


def save(
    figures: Mapping[str, Any], versions: Mapping[str, str], path: Path = PATH
) -> None:
    """Write ``figures`` as those to keep, with what they were measured on."""
    content = {"versions": versions, "operations": figures}
    path.write_text(json.dumps(content, indent=2) + "\n")


def risen(
    now: Mapping[str, Mapping[str, Any]], kept: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return a sentence for each operation that takes more than is kept for it."""
    faults = []
    for name, figures in now.items():
        if name not in kept:
            faults.append(f"{name}: no figure is kept for it")
            continue
        ratio, before = figures["ratio"], kept[name]["ratio"]
        if ratio > before * (1 + ALLOWED):
            rise = ratio / before - 1
            faults.append(
                f"{name}: {ratio:.3f} times the floor, {rise:.1%} over {before:.3f}"
            )
        if figures["sql"] > kept[name]["sql"]:
            faults.append(
                f"{name}: {figures['sql']} statements, not {kept[name]['sql']}"
            )
    faults += [f"{name}: not measured" for name in kept if name not in now]
    return faults
