"""
The OpenAPI schema is valid, and the running example conforms to it.

These tests need the extra ``openapi``, the dependency group of the same name and, for
the TypeScript client, node with npm and the npm registry. They are slow, so pytest
collects them only if the command line names the folder: ``pytest tests/openapi``, as
``tox run -e openapi`` does. Without a part they skip, or fail with
``AI_KIT_AUTH_REQUIRE_ALL=1``.

The coverage of the unit suite omits them (``omit`` in pyproject.toml).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..browser.processes import Program, environment, free_port
from ..extras import missing_modules, skip_or_fail

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGES = (
    "drf_spectacular",
    "openapi_python_client",
    "openapi_spec_validator",
    "schemathesis",
)


def need(condition: object, what: str) -> None:
    """Skip the test, or fail it with AI_KIT_AUTH_REQUIRE_ALL, without ``condition``."""
    if not condition:
        skip_or_fail(f"{what} not found: see `tox run -e openapi`")


def pytest_pycollect_makemodule() -> None:
    # Before any import: the modules import what may be missing.
    missing = missing_modules(*PACKAGES)
    need(not missing, ", ".join(missing))


class Example:
    """
    ``example_project/run.py`` on free ports, its mails in files.

    ``settings``: the module of its settings. ``api``: the address that the endpoints
    are below.
    """

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder = folder
        ports = free_port(), free_port()
        self.host = f"http://localhost:{ports[0]}"
        self.frontend = f"http://localhost:{ports[1]}"
        self.api = f"{self.host}/api/v1/auth/"
        self.outbox = f"{self.host}/outbox/"
        self._program = Program(
            [sys.executable, "-W", "error", ROOT / "example_project" / "run.py"],
            log=folder / "example.log",
            cwd=folder,
            env=environment(
                EXAMPLE_HOST_PORT=str(ports[0]),
                EXAMPLE_FRONTEND_PORT=str(ports[1]),
                EXAMPLE_DATA_DIR=str(folder),
                EXAMPLE_SETTINGS=settings,
            ),
        )
        self._program.wait_for_output("Ready")

    @property
    def output(self) -> str:
        return self._program.output

    def schema(self, folder: Path) -> Path:
        """Return the schema, as the example serves it, in a file of ``folder``."""
        import requests

        # The first one takes a second of a processor, and more where others work.
        answer = requests.get(f"{self.host}/api/schema/", timeout=60)
        answer.raise_for_status()
        path = folder / "schema.yaml"
        path.write_bytes(answer.content)
        return path

    def stop(self) -> None:
        """Stop it as Ctrl-C does; it must have met no exception."""
        assert self._program.stop() == 0
        assert "Traceback" not in self.output


@pytest.fixture(scope="package")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """Run the example, for as many requests as it takes."""
    example = Example(tmp_path_factory.mktemp("example"), "tests.openapi.settings")
    yield example
    example.stop()


@pytest.fixture
def example_with_params(tmp_path: Path) -> Iterator[Example]:
    """Run the example with ERROR_PARAMS, for one test."""
    example = Example(tmp_path, "tests.openapi.settings_with_params")
    yield example
    example.stop()


@pytest.fixture(scope="package")
def schema_file(example: Example, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example's schema, as it serves it, in a file."""
    return example.schema(tmp_path_factory.mktemp("schema"))


@pytest.fixture(scope="package")
def schema(schema_file: Path) -> Any:
    """Return the example's schema, parsed."""
    import yaml

    return yaml.safe_load(schema_file.read_text(encoding="utf-8"))
