"""schemathesis finds no answer of the running example that the schema lacks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from ai_kit_auth.openapi.operations import OPERATIONS

from ..browser.processes import environment
from ..urlconfs.account import ROUTES
from .conftest import HERE, Example

# What the requests are made up from: the same ones each time, so that the gate fails by
# what was changed. To look for more, set it to something else.
SEED = os.environ.get("SCHEMATHESIS_SEED", "1")


# With ERROR_PARAMS: what has parameters of a password, a limit or a wait.
WITH_PARAMS = ("validate_password", "register", "update_me", "name_session")


def schemathesis(example: Example, folder: Path, *options: str) -> None:
    """Run it on ``example``; it must find nothing."""
    program = Path(sys.executable).parent / "st"
    run = subprocess.run(  # noqa: S603  # a command of the suite's
        [
            program,
            *("--config-file", HERE / "schemathesis.toml"),
            # From a file: for the address it waits ten seconds and no longer.
            *("run", example.schema(folder), "--url", example.host),
            *("--checks", "all", "--workers", "2", "--continue-on-failure"),
            *("--no-color", "--generation-database", "none", "--seed", SEED),
            *options,
        ],
        cwd=folder,
        env=environment(
            API=example.api,
            OUTBOX=example.outbox,
            PYTHONPATH=str(HERE),
            SCHEMATHESIS_HOOKS="hooks",
        ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_example_answers_no_parameters_that_the_schema_does_not_describe(
    example_with_params: Example, tmp_path: Path
) -> None:
    chosen = [f"--include-operation-id={name}" for name in WITH_PARAMS]
    phases = ("--phases", "examples,coverage,fuzzing", "--max-examples", "10")
    schemathesis(example_with_params, tmp_path, *chosen, *phases)


def test_the_example_answers_nothing_that_the_schema_does_not_describe(
    example: Example, tmp_path: Path
) -> None:
    phases = ("--phases", "examples,coverage,fuzzing,stateful")
    schemathesis(example, tmp_path, *phases, "--max-examples", "15")
    # It has also seen what every operation answers where all goes well.
    for (view, method), operation in OPERATIONS.items():
        path = reverse_path(view)
        line = rf'"{method} /api/v1/auth/{path} HTTP/1\.[01]" {operation.success} '
        assert re.search(line, example.output), operation.id


def reverse_path(view: type[object]) -> str:
    """Return the path of ``view`` below the others."""
    (route,) = [
        str(route.pattern)
        for route in ROUTES
        if issubclass(getattr(route.callback, "view_class", object), view)
    ]
    return route
