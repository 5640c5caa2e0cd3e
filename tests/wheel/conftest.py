"""
The wheel as a project gets it: built, installed into an empty environment, and running.

These tests need pip and the package index and are slow, so pytest collects them only if
the command line names the folder: ``pytest tests/wheel``, as ``tox run -e wheel`` does.

The coverage of the unit suite omits them (``omit`` in pyproject.toml), since the
package runs in another environment here.
"""

from __future__ import annotations

import venv
from pathlib import Path

import pytest

from .host import ROOT, Host, run

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="package")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this repository and return its path."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = ["-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
    run(*pip, "--wheel-dir", folder, ROOT, cwd=folder)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="package")
def host(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Make a project in an environment that holds the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("host")
    venv.create(folder / "venv", with_pip=True)
    host = Host(folder)
    host.run("-m", "pip", "--disable-pip-version-check", "install", wheel)
    host.run("-m", "django", "startproject", "project", folder)
    host.follow_the_readme()
    host.run("manage.py", "migrate", "--verbosity", "0")
    return host
