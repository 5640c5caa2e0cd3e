"""What the benchmarks make of counts, and whether what they compare does the work."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from ai_kit_auth.settings import keys_below
from benchmarks import __main__ as command
from benchmarks import counting, kept, projects, tables
from benchmarks.counting import Figures, MeasurementError
from benchmarks.kept import KeptFiguresError
from benchmarks.names import CORE, OPERATIONS

pytestmark = pytest.mark.user_model("auth_user")

DUMP = "version: 1\nevents: Ir\nfn=(1) main\n1 5\nsummary: 1234\n\n\ntotals: 1234\n"


def figures(**taken: list[float]) -> Figures:
    return Figures(taken=taken, sql=dict.fromkeys(taken, 2))


def test_the_total_of_a_part_of_callgrind() -> None:
    assert counting.total(DUMP) == 1234


@pytest.mark.parametrize(
    "dump",
    [
        "",
        "events: Ir\n",
        "totals: 5\n",
        DUMP.replace("Ir", "Ir Dr"),
        DUMP.replace("totals: 1234", "totals: many"),
    ],
)
def test_a_part_without_a_total_is_an_error(dump: str) -> None:
    with pytest.raises(MeasurementError, match="no total"):
        counting.total(dump)


def test_every_second_part_is_a_block(tmp_path: Path) -> None:
    # Ten of them, so that the order of the numbers is not that of the names.
    for number in range(1, 11):
        (tmp_path / f"out.{number}").write_text(f"events: Ir\ntotals: {number}\n")
    (tmp_path / "out").write_text("the end of the process")
    assert counting.blocks_of(tmp_path) == [2, 4, 6, 8, 10]


def test_ratios_have_their_mean_and_their_spread() -> None:
    found = {
        "floor": figures(logout=[100.0, 100.0], update_me=[50.0, 50.0]),
        "ours": figures(logout=[110.0, 120.0], update_me=[100.0, 100.0]),
        "peer": figures(logout=[400.0, 400.0]),
        "other": figures(),
    }
    assert tables.ratio_rows(found, ["logout", "update_me"], 10) == [
        ["logout", "10.00", "1.15 (1.10-1.20)", "4.00", ""],
        ["update_me", "5.00", "2.00", "", ""],
        ["geometric mean", "", "1.15", "4.00", ""],
        ["of the account page", "", "2.00", "", ""],
        ["of all", "", "1.52", "4.00", ""],
    ]
    assert tables.sql_rows(found, ["update_me"]) == [["update_me", "2", "2", "", ""]]


def test_blocks_that_have_no_partner_are_an_error() -> None:
    with pytest.raises(ValueError, match="longer"):
        tables.ratios(figures(logout=[1.0]), figures(logout=[1.0, 2.0]), "logout")


def test_a_table_for_a_terminal_and_for_the_docs() -> None:
    rows = [["request", "floor", "ours"], ["logout", "10.00", ""]]
    assert tables.text(rows) == "request  floor  ours\nlogout   10.00"
    assert tables.rst("Ratios", rows).splitlines() == [
        ".. list-table:: Ratios",
        "   :header-rows: 1",
        "   :stub-columns: 1",
        "",
        "   * - request",
        "     - floor",
        "     - ours",
        "   * - logout",
        "     - 10.00",
        "     -",
    ]


@pytest.mark.parametrize(
    ("ratio", "sql", "faults"),
    [
        (1.0, 2, []),
        (1.03, 2, []),
        (1.04, 2, ["logout: 1.040 times the floor, 4.0% over 1.000"]),
        (1.0, 3, ["logout: 3 statements, not 2"]),
        (0.5, 1, []),
    ],
)
def test_more_than_is_kept_is_a_fault(
    ratio: float, sql: int, faults: list[str]
) -> None:
    before = {"logout": {"ratio": 1.0, "sql": 2}}
    assert kept.risen({"logout": {"ratio": ratio, "sql": sql}}, before) == faults


def test_an_operation_comes_and_goes_only_with_its_figure() -> None:
    one, other = {"ratio": 1.0, "sql": 0}, {"ratio": 2.0, "sql": 0}
    assert kept.risen({"new": one}, {"old": other}) == [
        "new: no figure is kept for it",
        "old: not measured",
    ]


def test_what_is_kept_is_what_is_compared_later(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    now = kept.current(figures(logout=[110.0]), figures(logout=[100.0]))
    kept.save(now, {"Django": "5.2"}, path)
    assert kept.load(path) == now == {"logout": {"ratio": 1.1, "sql": 2}}
    assert json.loads(path.read_text())["versions"] == {"Django": "5.2"}


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        "{}",
        '{"operations": []}',
        '{"operations": {"logout": 1}}',
        '{"operations": {"logout": {"ratio": 0, "sql": 0}}}',
        '{"operations": {"logout": {"ratio": "1.0", "sql": 0}}}',
    ],
)
def test_a_file_without_figures_is_an_error(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "kept.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(KeptFiguresError, match="keeps no figures"):
        kept.load(path)


def test_a_figure_is_kept_for_every_operation() -> None:
    assert set(kept.load()) == set(OPERATIONS)


@pytest.mark.parametrize("subject", ["floor", "drf", "ours", "memory"])
def test_each_project_answers_every_request(tmp_path: Path, subject: str) -> None:
    """A request that is answered otherwise than it should be ends the process."""
    found = counting.measure(
        subject,
        OPERATIONS,
        tables=counting.make_tables(subject, tmp_path),
        blocks=1,
        requests=1,
        counted=False,
    )
    assert set(found.taken) == set(OPERATIONS)
    assert all(seconds > 0 for blocks in found.taken.values() for seconds in blocks)
    assert found.sql["me_anonymous"] == 0
    assert found.memory > 1024


def test_without_throttles_no_rate_is_left() -> None:
    assert set(projects.RATES) == set(keys_below("THROTTLE_RATES"))


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="no such table"):
        counting.measure(
            "floor",
            ["logout"],
            tables=tmp_path / "empty.sqlite3",
            blocks=1,
            requests=1,
            counted=False,
        )


@pytest.fixture
def without_callgrind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("AI_KIT_AUTH_REQUIRE_ALL", raising=False)


@pytest.mark.usefixtures("without_callgrind")
def test_without_valgrind_nothing_is_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command.main(["--kept"])
    assert "apt-get install valgrind" in capsys.readouterr().out
    monkeypatch.setenv("AI_KIT_AUTH_REQUIRE_ALL", "1")
    with pytest.raises(SystemExit, match="valgrind is missing"):
        command.main(["--kept"])


@pytest.mark.usefixtures("without_callgrind")
def test_without_valgrind_the_report_has_cpu_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No Redis listens there.
    monkeypatch.setattr(projects, "REDIS_PORT", "1")
    line = "--subject drf redis floor --rounds 1 --only logout --requests 2"
    command.main(line.split())
    printed = capsys.readouterr().out
    assert re.search(r"^request +floor, ms of CPU +DRF by hand$", printed, re.M)
    assert re.search(r"^logout +[0-9.]+ +[0-9.]+$", printed, re.M)
    assert re.search(r"^DRF by hand +[0-9.]+$", printed, re.M)
    assert "ours, Redis is left out. To have it: " in printed
    assert "apt-get install valgrind" in printed


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--subject", "nobody"], "nobody"),
        (["--only", "nothing"], "nothing"),
        (["--rounds", "0"], "at least 1"),
        (["--requests", "0"], "at least 1"),
        (["--rounds", "many"], "many"),
    ],
)
def test_a_wrong_argument_is_refused(arguments: list[str], what: str) -> None:
    with pytest.raises(SystemExit, match=what):
        command.main(arguments)


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert command.missing("djoser") == "install djoser"
    assert command.missing("floor") is None


def test_the_tables_of_the_docs_have_every_operation() -> None:
    """The page is written by a command, and not again after each change."""
    shown = command.PAGE.read_text()
    assert all(f"* - {name}\n" in shown for name in CORE)
    assert f"{os.sep}home{os.sep}" not in shown
