"""
The documentation is executed: its tutorial and its snippets.

These tests need pip and the package index, node with npm and its registry, Debian's
chromium (or another one, named by the environment variable CHROMIUM) and the dependency
group ``docs``. pytest collects
them only if the command line names the folder: ``pytest tests/docs``, as ``tox run -e
docs`` does. Without a part they skip, or fail with ``AI_KIT_AUTH_REQUIRE_ALL=1``.

The coverage of the unit suite omits them (``omit`` in pyproject.toml), since the
package runs in other environments here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from ..browser.conftest import CHROMIUM_ARGUMENTS, chromium
from ..browser.processes import Program, environment, free_port
from ..client.conftest import Package, package, project
from ..extras import missing_modules, skip_or_fail
from ..wheel.host import run
from . import frontends
from .pages import DOCS, ROOT

__all__ = ["package", "project"]

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).resolve().parent


def insist(*missing: str) -> None:
    """Skip, or fail where nothing may be skipped, if anything is ``missing``."""
    if missing:
        skip_or_fail(f"{', '.join(missing)} not found: see `tox run -e docs`")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    insist(
        *missing_modules("playwright"),
        *(["chromium"] if chromium() is None else []),
    )
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=10_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def screenshots() -> Path:
    """Return ``artefacts/docs``, or that folder below ``ARTEFACTS_DIR``."""
    artefacts = os.environ.get("ARTEFACTS_DIR")
    folder = (Path(artefacts) if artefacts else ROOT / "artefacts") / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def running_example(folder: Path) -> Iterator[tuple[int, int]]:
    """Run the example in ``folder``; yield the ports of project and frontend."""
    ports = free_port(), free_port()
    project, frontend = map(str, ports)
    program = Program(
        [
            *(sys.executable, ROOT / "example_project" / "run.py"),
            *("--host-port", project, "--frontend-port", frontend),
        ],
        log=folder / "example.log",
        cwd=folder,
        env=environment(EXAMPLE_DATA_DIR=str(folder / "data")),
    )
    try:
        program.wait_for_output("Ready")
        yield ports
    finally:
        program.stop()


@pytest.fixture(scope="package")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Run the example and return the ports of the project and of the frontend."""
    with running_example(tmp_path_factory.mktemp("example")) as ports:
        yield ports


@pytest.fixture(scope="package")
def compilers(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in whose ``node_modules`` the guides' frontends find all."""
    folder = tmp_path_factory.mktemp("frontends")
    frontends.install(folder, package.archive)
    return folder


@pytest.fixture(scope="package")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this repository and return its path."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = ["-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
    run(*pip, "--wheel-dir", folder, ROOT, cwd=folder)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the pages, warnings being errors, and return their folder."""
    insist(*missing_modules("sphinx"))
    folder = tmp_path_factory.mktemp("site")
    sphinx = ["-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    run(*sphinx, DOCS, folder, cwd=folder, python=sys.executable)
    return folder


@pytest.fixture(scope="package")
def declarations() -> ModuleType:
    """Return the extension that writes the reference."""
    insist(*missing_modules("sphinx"))
    path = DOCS / "_ext" / "declarations.py"
    spec = spec_from_file_location("declarations", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
