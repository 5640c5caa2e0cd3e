"""Running what is measured, under callgrind or by itself, and its figures."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The C function of os.getloadavg(); see benchmarks.measured.
MARK = "getloadavg"


class MeasurementError(Exception):
    """A measured process failed, or callgrind wrote what nobody can read."""


@dataclass
class Figures:
    """
    What a subject took.

    ``instructions`` and ``cpu`` (seconds) are by operation, a number a request for each
    block. ``sql``: statements a request. ``memory``: KiB after all operations.
    """

    instructions: dict[str, list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sql: dict[str, int] = field(default_factory=dict)
    memory: int = 0

    def add(self, other: Figures) -> None:
        """Take over the blocks of another process of the same subject."""
        for name, blocks in other.instructions.items():
            self.instructions[name] += blocks
        for name, blocks in other.cpu.items():
            self.cpu[name] += blocks
        self.sql.update(other.sql)
        self.memory = max(self.memory, other.memory)


def has_callgrind() -> bool:
    return shutil.which("valgrind") is not None


def total(dump: str) -> int:
    """Return the instructions of one part that callgrind wrote."""
    events = re.search(r"^events: (.*)$", dump, re.MULTILINE)
    found = re.search(r"^totals: ([0-9]+)$", dump, re.MULTILINE)
    if events is None or events[1].strip() != "Ir" or found is None:
        raise MeasurementError("callgrind wrote no total of instructions")
    return int(found[1])


def blocks_of(folder: Path) -> list[int]:
    """
    Return the instructions between the marks, pair by pair.

    Callgrind writes a part at each mark: what came before a block, the block, what came
    before the next one. The rest, until the process ends, has no number.
    """
    parts = sorted(folder.glob("out.*"), key=lambda path: int(path.suffix[1:]))
    return [total(path.read_text()) for path in parts[1::2]]


def environment(seed: int) -> dict[str, str]:
    """Return the environment of a measured process; ``seed``: of Python's hashes."""
    # The project and its packages must be the same as in this process.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(paths)}


KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "BENCHMARKS_REDIS_URL")


def run(command: Sequence[str], seed: int = 0) -> str:
    """Return what ``command`` prints. Raises :exc:`MeasurementError` if it fails."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment(seed),
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        raise MeasurementError(f"{' '.join(command)}:\n{done.stderr or done.stdout}")
    return done.stdout


def child(subject: str, *arguments: object) -> list[str]:
    """Return the command of a measured process."""
    words = [sys.executable, "-m", "benchmarks.measured", subject]
    return [*words, *map(str, arguments)]


def callgrind(folder: Path) -> list[str]:
    return [
        "valgrind",
        "--quiet",
        "--tool=callgrind",
        f"--dump-before={MARK}",
        f"--callgrind-out-file={folder / 'out'}",
    ]


def measure(
    subject: str,
    operations: Sequence[str],
    *,
    tables: Path,
    blocks: int,
    requests: int,
    seed: int = 0,
    counted: bool = True,
) -> Figures:
    """
    Run ``operations`` of ``subject`` in a process and return what they took.

    ``tables``: a database with the subject's empty tables. ``blocks`` of ``requests``
    follow the warm-up of each operation. ``counted``: by callgrind, for instructions;
    otherwise for CPU time and memory, which callgrind changes.
    """
    command = child(
        subject,
        *("--tables", tables, "--blocks", blocks, "--requests", requests),
        *("--operations", *operations),
    )
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        output = run([*callgrind(folder), *command] if counted else command, seed)
        counts = blocks_of(folder)
    lines = [json.loads(line) for line in output.splitlines()]
    taken = [line for line in lines if "operation" in line]
    if counted and len(counts) != len(taken):
        raise MeasurementError(f"{len(taken)} blocks, and {len(counts)} counts of them")
    for number, line in enumerate(taken):
        operation = line["operation"]
        figures.sql[operation] = line["sql"]
        if counted:
            figures.instructions[operation].append(counts[number] / requests)
        else:
            figures.cpu[operation].append(line["cpu"])
    if not counted:
        figures.memory = lines[-1]["memory"]
    return figures
