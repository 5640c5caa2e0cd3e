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
# The folder comes last, so that an installed wheel wins.
LAUNCH = f"""
import sys
sys.path.append({str(ROOT)!r})
from benchmarks.measured import main
main(sys.argv[1:])
"""
KEPT_VARIABLES = (
    "HOME",
    "LANG",
    "PATH",
    "PYTHONPATH",
    "TEST_REDIS_HOST",
    "TEST_REDIS_PORT",
    "TMPDIR",
)


class MeasurementError(Exception):
    """A measured process failed, or callgrind wrote what cannot be read."""


@dataclass
class Figures:
    """
    What the operations of a subject took.

    ``taken``: by operation, instructions or CPU seconds a request, one number for each
    block. ``sql``: statements a request. ``memory``: KiB after all operations, of a
    process without callgrind.
    """

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sql: dict[str, int] = field(default_factory=dict)
    memory: int = 0

    def add(self, other: Figures) -> None:
        """Take over the blocks of another process of the same subject."""
        for name, blocks in other.taken.items():
            self.taken[name] += blocks
        self.sql.update(other.sql)
        self.memory = max(self.memory, other.memory)


def has_callgrind() -> bool:
    return shutil.which("valgrind") is not None


def total(dump: str) -> int:
    """
    Return the instructions of one part that callgrind wrote.

    Raises :exc:`MeasurementError` if ``dump`` is something else.
    """
    events = re.search(r"^events: (.*)$", dump, re.MULTILINE)
    found = re.search(r"^totals: ([0-9]+)$", dump, re.MULTILINE)
    if events is None or events[1].strip() != "Ir" or found is None:
        raise MeasurementError("callgrind wrote no total of instructions")
    return int(found[1])


def blocks_of(folder: Path) -> list[int]:
    """
    Return the instructions of each block, from the parts of a process in ``folder``.

    Callgrind writes a part at each mark: what came before a block, the block, what came
    before the next one. The rest, until the process ends, has no number.
    """
    parts = sorted(folder.glob("out.*"), key=lambda path: int(path.suffix[1:]))
    return [total(path.read_text()) for path in parts[1::2]]


def run(command: Sequence[str], seed: int = 0) -> str:
    """
    Return what ``command`` prints.

    ``seed``: of Python's hashes. Raises :exc:`MeasurementError` if the command fails.
    """
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**kept, "PYTHONHASHSEED": str(seed)},
        check=False,
    )
    if done.returncode:
        raise MeasurementError(f"{' '.join(command)}:\n{done.stderr or done.stdout}")
    return done.stdout


def child(subject: str, *arguments: object) -> list[str]:
    """Return the command of a measured process."""
    # A deprecation in a peer is the peer's affair.
    python = [sys.executable, "-P", "-W", "ignore", "-c", LAUNCH]
    return [*python, subject, *map(str, arguments)]


def callgrind(folder: Path, *options: str) -> list[str]:
    """Return the command that counts what follows, and writes to ``folder``."""
    out = f"--callgrind-out-file={folder / 'out'}"
    return ["valgrind", "--quiet", "--tool=callgrind", out, *options]


def make_tables(subject: str, folder: Path) -> Path:
    """Return a database file with the empty tables of ``subject``, made if missing."""
    path = folder / f"{subject}.sqlite3"
    if not path.exists():
        run(child(subject, "--save-tables", path))
    return path


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
    otherwise for CPU time and memory, which callgrind changes. Raises
    :exc:`MeasurementError`.
    """
    command = child(
        subject,
        *("--tables", tables, "--blocks", blocks, "--requests", requests),
        *("--seed", seed, "--operations", *operations),
    )
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        if counted:
            marked = callgrind(folder, f"--dump-before={MARK}", "--instr-atstart=no")
            command = [*marked, *command, "--count"]
        output = run(command, seed)
        counts = blocks_of(folder)
    lines = [json.loads(line) for line in output.splitlines()]
    taken = [line for line in lines if "operation" in line]
    if counted and len(counts) != len(taken):
        raise MeasurementError(f"{len(taken)} blocks, and {len(counts)} counts of them")
    for number, line in enumerate(taken):
        figures.sql[line["operation"]] = line["sql"]
        amount = counts[number] / requests if counted else line["cpu"]
        figures.taken[line["operation"]].append(amount)
    if not counted:
        figures.memory = lines[-1]["memory"]
    return figures


def start(subject: str, seed: int = 0) -> int:
    """
    Return the instructions of a process that starts the project and then ends.

    Python's own are among them. Raises :exc:`MeasurementError`.
    """
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        # The first process writes the bytecode.
        run(child(subject), seed)
        run([*callgrind(folder), *child(subject)], seed)
        return total((folder / "out").read_text())
