"""The time of the processor that a server with its processes has used; on Linux."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..browser.processes import Program


def cpu_of(program: Program) -> float:
    """Return the seconds that all processes of ``program`` have used so far."""
    return sum(map(_cpu_of, _processes(program.pid)))


def _processes(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    for child in children.split():
        yield from _processes(int(child))


def _cpu_of(pid: int) -> float:
    # After the name, which may have blanks; proc(5).
    columns = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(columns[11]) + int(columns[12])) / os.sysconf("SC_CLK_TCK")
