"""The command line: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import counting
from .names import OPERATIONS
from .projects import SUBJECTS


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--subject", nargs="*", default=["floor", "drf", "ours"])
    parser.add_argument("--only", nargs="*", choices=OPERATIONS, default=OPERATIONS)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--requests", type=int, default=3)
    options = parser.parse_args(arguments)
    unknown = set(options.subject) - SUBJECTS.keys()
    if unknown:
        parser.error(f"no subject {unknown}; there are {', '.join(SUBJECTS)}")

    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:

        def measure(subject: str) -> counting.Figures:
            tables = Path(folder) / f"{subject}.sqlite3"
            counting.run(counting.child(subject, "--save-tables", tables))
            return counting.measure(
                subject,
                options.only,
                tables=tables,
                blocks=options.blocks,
                requests=options.requests,
                counted=counting.has_callgrind(),
            )

        with ThreadPoolExecutor(2) as pool:
            found = dict(
                zip(options.subject, pool.map(measure, options.subject), strict=True)
            )
    for operation in options.only:
        cells = [f"{operation:22}"]
        for figures in found.values():
            blocks = figures.instructions.get(operation, [])
            middle = sum(blocks) / len(blocks) / 1e6 if blocks else 0
            spread = (max(blocks) - min(blocks)) / min(blocks) if blocks else 0
            cells.append(
                f"{middle:8.3f} ±{spread:5.1%} {figures.sql.get(operation, 0):2}"
            )
        print(*cells)


if __name__ == "__main__":
    main(sys.argv[1:])
