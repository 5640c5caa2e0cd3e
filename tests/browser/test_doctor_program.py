"""The doctor as a program on the example: exit codes and colours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .example import ROOT
from .processes import environment

EXAMPLE = ROOT / "example_project"


def manage(folder: Path, *arguments: str, **variables: str) -> Any:
    return subprocess.run(  # noqa: S603  # a command of the suite's
        [sys.executable, "-W", "error", EXAMPLE / "manage.py", *arguments],
        env=environment(EXAMPLE_DATA_DIR=str(folder), **variables),
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_example_is_well_once_it_is_migrated(tmp_path: Path) -> None:
    before = manage(tmp_path, "ai_kit_auth_doctor", "--json")
    assert (before.returncode, before.stderr) == (1, "")
    report = json.loads(before.stdout)
    [failed, *_] = [s for s in report["walks"][0]["steps"] if s["state"] == "failed"]
    assert "manage.py migrate" in failed["setting"]
    assert manage(tmp_path, "migrate", "-v0").returncode == 0
    after = manage(tmp_path, "ai_kit_auth_doctor", PYTHONIOENCODING="ascii")
    assert (after.returncode, after.stderr) == (0, "")
    assert "http://localhost:3000 to http://localhost:8000" in after.stdout
    assert "failed" not in after.stdout
    assert "warning" not in after.stdout
    assert "\x1b" not in after.stdout
    wrong = manage(tmp_path, "ai_kit_auth_doctor", "--origin", "localhost")
    assert wrong.returncode == 2
    assert wrong.stderr.endswith("CommandError: --origin 'localhost' has no scheme.\n")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pty")
def test_a_terminal_gets_colours(tmp_path: Path) -> None:
    leader, follower = os.openpty()
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        done = subprocess.run(  # noqa: S603  # a command of the suite's
            [sys.executable, EXAMPLE / "manage.py", "ai_kit_auth_doctor"],
            env=environment(EXAMPLE_DATA_DIR=str(tmp_path), TERM="xterm"),
            cwd=tmp_path,
            stdout=follower,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        os.close(follower)
        assert b"\x1b[" in terminal.read(4096)
    assert done.returncode == 1
