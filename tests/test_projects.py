"""The projects of ``tests/projects``, each in its own process with its own settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import PROJECTS

# Each has its own user model.
pytestmark = pytest.mark.user_model("auth_user")


@pytest.mark.parametrize(
    "project", sorted(folder.parent.name for folder in PROJECTS.glob("*/settings.py"))
)
def test_a_project_of_this_kind_works(project: str, tmp_path: Path) -> None:
    database = os.environ["TEST_DATABASE"]
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *(
            "--project",
            project,
            "--database",
            database,
            f"--basetemp={tmp_path / 'own'}",
        ),
        str(PROJECTS / project),
    ]
    # Not what pytest-django and pytest-xdist have told this process alone.
    mine = {"DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"}
    run = subprocess.run(  # noqa: S603  # this Python, these tests
        command,
        cwd=PROJECTS.parents[1],
        env={name: value for name, value in os.environ.items() if name not in mine},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # What is about rows says so; what is not may hold for SQLite alone.
    nothing = pytest.ExitCode.NO_TESTS_COLLECTED if database != "sqlite" else 0
    assert run.returncode in {0, nothing}, run.stdout
