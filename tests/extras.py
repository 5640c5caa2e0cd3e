"""The tests that need more than the rest of the suite, and how they skip."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# Folders that take their time. pytest collects them only when the command line names
# one. The tox environment of the same name installs what it needs, and runs it.
NAMED_ONLY = ("client", "docs", "openapi", "servers", "wheel")


def skip_or_fail(reason: str) -> None:
    """Skip the test, or fail it with ``AI_KIT_AUTH_REQUIRE_ALL=1``."""
    if os.environ.get("AI_KIT_AUTH_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def missing_modules(*names: str) -> list[str]:
    """Return those of ``names`` that Python cannot import."""
    return [name for name in names if find_spec(name) is None]


def named(config: pytest.Config) -> list[Path]:
    """Return the files and folders that the command line names."""
    start = config.invocation_params.dir
    return [(start / argument.split("::")[0]).resolve() for argument in config.args]


def left_out(config: pytest.Config) -> list[Path]:
    """Return the folders of ``NAMED_ONLY`` that the command line does not name."""
    paths = named(config)
    return [
        TESTS / folder
        for folder in NAMED_ONLY
        if not any(path.is_relative_to(TESTS / folder) for path in paths)
    ]
