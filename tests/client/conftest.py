"""
The npm package: its checks, what is packed, and projects that install it.

These tests need node with npm and the npm registry, and for the types the extra
``openapi``. They are slow, so pytest collects them only if the command line names the
folder: ``pytest tests/client``, as ``tox run -e client`` does. Without a part they
skip, or fail with ``AI_KIT_AUTH_REQUIRE_ALL=1``.

The coverage of the unit suite omits them (``omit`` in pyproject.toml).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..browser.processes import environment
from ..extras import skip_or_fail

ROOT = Path(__file__).resolve().parents[2]
# Made by a person who works on the package; here they are made anew.
LEFT_OUT = shutil.ignore_patterns("coverage", "dist", "node_modules", "LICENSE")
# What the package's scripts read from beside it.
BESIDE = ("LICENSE", "ai_kit_auth", "example_project")
INSTALL = (
    *("--no-audit", "--no-fund", "--ignore-scripts"),
    # Without a registry it would try for minutes.
    *("--fetch-retries=1", "--fetch-timeout=30000"),
)


@dataclass(frozen=True)
class Package:
    """
    The package as npm publishes it.

    ``folder``: a copy of ``client/`` with what it needs in ``node_modules/``, and with
    what it builds in ``dist/``. ``archive``: what ``npm pack`` made of it, to be
    installed by ``npm install <archive>``.
    """

    folder: Path
    archive: Path


def need(condition: object, what: str) -> None:
    """Skip the test, or fail it with AI_KIT_AUTH_REQUIRE_ALL, without ``condition``."""
    if not condition:
        skip_or_fail(f"{what} not found: see `tox run -e client`")


def run(
    command: Sequence[str | Path], folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """
    Run ``command`` in ``folder``, with these environment variables besides the others.

    The result has what it printed, without colours. Its return code may be any.
    """
    return subprocess.run(  # noqa: S603  # a command of the suite's
        command,
        cwd=folder,
        env=environment(NO_COLOR="1", **variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def npm(folder: Path, *arguments: str | Path, **variables: str) -> str:
    """Return what ``npm`` printed with these arguments; it must succeed."""
    program = shutil.which("npm")
    need(program and shutil.which("node"), "node and npm")
    ended = run([str(program), *arguments], folder, **variables)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return a copy of ``client/`` with its development dependencies installed.

    The work tree gets no ``node_modules/`` and nothing that is built.
    """
    program = shutil.which("npm")
    need(program and shutil.which("node"), "node and npm")
    root = tmp_path_factory.mktemp("npm")
    folder = root / "client"
    shutil.copytree(ROOT / "client", folder, ignore=LEFT_OUT)
    for name in BESIDE:
        (root / name).symlink_to(ROOT / name)
    installed = run([str(program), "ci", *INSTALL], folder)
    need(installed.returncode == 0, f"the packages of npm: {installed.stderr[-500:]}")
    return folder


@pytest.fixture(scope="package")
def package(project: Path) -> Package:
    """Build the package and pack it, once for all tests."""
    # Its script "prepack" builds, as at a release.
    npm(project, "pack", "--pack-destination", "..")
    [archive] = project.parent.glob("*.tgz")
    return Package(project, archive)
