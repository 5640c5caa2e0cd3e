"""
The command line: ``python -m benchmarks --help``.

Without options it measures every subject that can be had here, in three rounds, and
prints tables. ``--kept`` compares our package with the kept figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata, util
from pathlib import Path
from typing import NoReturn, TypeVar

from . import counting, kept, projects, tables
from .names import OPERATIONS

T = TypeVar("T")

PAGE = counting.ROOT / "docs" / "reference" / "benchmarks.inc"
CALLGRIND = (
    "valgrind is missing: Debian's package has its name (apt-get install valgrind)"
)


def missing(subject: str) -> str | None:
    """Return what to do before ``subject`` can be measured; None if nothing."""
    if subject == "redis":
        if util.find_spec("redis") is None:
            return "install redis"
        try:
            address = (projects.REDIS_HOST, int(projects.REDIS_PORT))
            socket.create_connection(address, timeout=2).close()
        except (OSError, ValueError):
            where = f"{projects.REDIS_HOST}:{projects.REDIS_PORT}"
            return f"start Redis at {where}, or set TEST_REDIS_HOST and TEST_REDIS_PORT"
    package = projects.SUBJECTS[subject].package
    if package and version(package) is None:
        return f"install {package}"
    return None


def version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def versions(subjects: Sequence[str]) -> dict[str, str]:
    """Return what the figures depend on, by its name on PyPI."""
    packages = ["Django", "djangorestframework", "django-cors-headers"]
    packages += [projects.SUBJECTS[name].package for name in subjects]
    if "redis" in subjects:
        packages.append("redis")
    found = {name: version(name) for name in packages if name}
    return {
        "Python": platform.python_version(),
        **{name: number for name, number in found.items() if number},
    }


def processor() -> str:
    """Return the name of this machine's processor, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    name = next(iter(names), platform.processor() or platform.machine()).strip()
    return f"{os.cpu_count()} cores of {name}"


def measured(
    subjects: Sequence[str],
    operations: Sequence[str],
    *,
    rounds: int,
    requests: int,
    counted: bool,
) -> dict[str, counting.Figures]:
    """
    Return the figures of each subject, from ``rounds`` of one process a subject.

    Every round has another seed of Python's hashes and random numbers, and every
    subject takes its turn before the next one begins.
    """
    found = {name: counting.Figures() for name in subjects}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        empty = {name: counting.make_tables(name, Path(folder)) for name in subjects}

        def turn(seed: int, name: str) -> counting.Figures:
            return counting.measure(
                name,
                operations,
                tables=empty[name],
                blocks=1,
                requests=requests,
                seed=seed,
                counted=counted,
            )

        turns = [(seed, name) for seed in range(rounds) for name in subjects]
        jobs = [partial(turn, seed, name) for seed, name in turns]
        for (_seed, name), part in zip(turns, at_once(jobs, counted), strict=True):
            found[name].add(part)
    return found


def at_once(jobs: Sequence[Callable[[], T]], counted: bool) -> list[T]:
    """Run ``jobs``; side by side only where counting does not depend on the time."""
    with ThreadPoolExecutor((os.cpu_count() or 1) if counted else 1) as pool:
        return [done.result() for done in [pool.submit(job) for job in jobs]]


def compare(options: argparse.Namespace) -> None:
    """Compare our package with the kept figures, or keep those of this run."""
    if not counting.has_callgrind():
        if os.environ.get("AI_KIT_AUTH_REQUIRE_ALL"):
            sys.exit(CALLGRIND)
        print(f"SKIPPED, nothing was compared. {CALLGRIND}")
        return
    before = {} if options.keep else kept.load()
    found = measured(
        ["floor", "ours"],
        OPERATIONS,
        rounds=1,
        requests=options.requests or 6,
        counted=True,
    )
    now = kept.current(found["ours"], found["floor"])
    if options.keep:
        kept.save(now, versions([]))
        print(f"{kept.PATH} keeps the figures of this run; commit it with the reason.")
        return
    rows = [["ratio to the floor", "kept", "now", "change", "SQL"]]
    for name, figures in now.items():
        old = before.get(name, figures)["ratio"]
        change = figures["ratio"] / old - 1
        sql = str(figures["sql"])
        rows.append(
            [name, f"{old:.3f}", f"{figures['ratio']:.3f}", f"{change:+.1%}", sql]
        )
    print(tables.text(rows))
    current = {name: figures["ratio"] for name, figures in now.items()}
    for title, names in tables.MEANS.items():
        print(f"{title}: {tables.mean(current, names)}")
    starts = at_once([partial(counting.start, name) for name in ("ours", "drf")], True)
    start = starts[0] / starts[1]
    print(f"start of a process: {start:.3f} times that of DRF by hand")
    faults = kept.risen(now, before)
    if start > kept.START:
        faults.append(f"a start: {start:.3f} times that of DRF, over {kept.START}")
    if faults:
        advice = (
            "If that is worth it: tox run -e instructions -- --keep, and commit why."
        )
        sys.exit("\n".join(["More than is kept:", *faults, advice]))


def report(options: argparse.Namespace) -> None:
    """Measure, and print the tables or write them into the docs."""
    left_out = {name: missing(name) for name in options.subject}
    chosen = [name for name, what in left_out.items() if what is None]
    subjects = ["floor", *(name for name in chosen if name != "floor")]
    counted = counting.has_callgrind()
    found = measured(
        subjects,
        options.only,
        rounds=options.rounds,
        requests=options.requests or (5 if counted else 100),
        counted=counted,
    )
    titles = [projects.SUBJECTS[name].title for name in found]
    unit = "million instructions" if counted else "ms of CPU"
    head = ["request", f"floor, {unit}", *titles[1:]]
    parts = [
        (
            "Ratios to the floor, with their spread over the rounds",
            [head, *tables.ratio_rows(found, options.only, 1e6 if counted else 1e-3)],
        ),
        (
            "SQL statements a request",
            [["request", *titles], *tables.sql_rows(found, options.only)],
        ),
    ]
    if not options.quick:
        parts.append(("Start and memory", start_rows(subjects, options.only, counted)))
    notes = [
        f"Measured on {processor()}, with "
        + ", ".join(f"{name} {number}" for name, number in versions(subjects).items())
        + "."
    ]
    notes += [
        f"{projects.SUBJECTS[name].title} is left out. To have it: {what}."
        for name, what in left_out.items()
        if what
    ]
    if not counted:
        notes.append(f"CPU time in place of instructions. {CALLGRIND}.")
    if options.page:
        content = [*notes, *(tables.rst(title, rows) for title, rows in parts)]
        PAGE.write_text("\n\n".join(content))
        print(f"wrote {PAGE}")
        return
    for title, rows in parts:
        print(f"\n{title}\n\n{tables.text(rows)}")
    print("", *notes, sep="\n")


def start_rows(
    subjects: Sequence[str], operations: Sequence[str], counted: bool
) -> list[list[str]]:
    """Return what each process costs: its start, and its memory at the end."""
    plain = measured(subjects, operations, rounds=1, requests=20, counted=False)
    jobs = [partial(counting.start, name) for name in subjects] if counted else []
    starts = dict(zip(subjects, at_once(jobs, counted), strict=False))
    rows = [["project", "start, million instructions", "memory, MiB"]]
    for name in subjects:
        start = f"{starts[name] / 1e6:.0f}" if counted else ""
        memory = f"{plain[name].memory / 1024:.1f}"
        rows.append([projects.SUBJECTS[name].title, start, memory])
    return rows


def positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word} is not at least 1")
    return number


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sys.exit(f"{self.prog}: {message}")


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "--subject",
        nargs="+",
        choices=projects.SUBJECTS,
        default=list(projects.SUBJECTS),
        help="what is measured beside the floor",
    )
    parser.add_argument(
        "--only", nargs="+", choices=OPERATIONS, default=OPERATIONS, metavar="OPERATION"
    )
    parser.add_argument(
        "--rounds", type=positive, default=3, help="processes a subject"
    )
    parser.add_argument(
        "--requests", type=positive, help="counted requests an operation"
    )
    parser.add_argument(
        "--quick", action="store_true", help="without start and memory, which take long"
    )
    parser.add_argument(
        "--page", action="store_true", help="write the tables into the documentation"
    )
    parser.add_argument(
        "--kept", action="store_true", help="compare ours with the kept figures"
    )
    parser.add_argument(
        "--keep", action="store_true", help="with --kept: keep the figures of this run"
    )
    options = parser.parse_args(arguments)
    try:
        if options.kept or options.keep:
            compare(options)
        else:
            report(options)
    except (counting.MeasurementError, kept.KeptFiguresError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
