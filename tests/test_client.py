"""What the files of the npm package say about it. ``tests/client`` runs the package."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import ai_kit_auth

from .extras import TESTS

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

CLIENT = TESTS.parent / "client"


def read(name: str) -> Any:
    return json.loads((CLIENT / name).read_text(encoding="utf-8"))


def test_it_has_the_version_of_the_python_package() -> None:
    version = ai_kit_auth.__version__
    lock = read("package-lock.json")
    assert read("package.json")["version"] == version
    assert (lock["version"], lock["packages"][""]["version"]) == (version, version)


def test_it_brings_nothing_else_into_a_project() -> None:
    manifest = read("package.json")
    assert "dependencies" not in manifest
    assert manifest["peerDependencies"].keys() == {"react"}
    assert manifest["peerDependenciesMeta"] == {"react": {"optional": True}}
    # A script of this name runs where the package is installed.
    hooks = {"preinstall", "install", "postinstall", "prepare"}
    assert not manifest["scripts"].keys() & hooks


def test_what_it_is_developed_with_is_pinned() -> None:
    for name, version in read("package.json")["devDependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name


def test_the_lockfile_names_no_registry() -> None:
    packages = read("package-lock.json")["packages"]
    assert not [name for name, lock in packages.items() if "resolved" in lock]
    # npm checks what it installs by these.
    assert all("integrity" in lock for name, lock in packages.items() if name)
