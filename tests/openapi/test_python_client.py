"""A Python client generated from the schema: it compiles, type-checks and logs in."""

from __future__ import annotations

import compileall
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from ai_kit_auth.openapi.operations import OPERATIONS

from ..browser.processes import environment
from .conftest import ROOT, Example, need

# The generator takes one encoding of a body only, so its host leaves the forms out.
SETTINGS = """from host.settings import *
SPECTACULAR_SETTINGS["PARSER_WHITELIST"] = ["ai_kit_auth.parsers.JSONParser"]
"""
# The same in every client that it generates, and not by the schema.
MYPY = """[mypy]
strict = true
[mypy-accounts_client.client]
ignore_errors = true
"""
JOURNEY = """import sys

from accounts_client import AuthenticatedClient
from accounts_client.api.accounts import login, logout, me
from accounts_client.models import (
    LoginAnswer,
    LoginError403,
    LoginError403Code,
    LoginFieldErrors,
    LoginInput,
    LoginNonFieldErrorsCode,
    LogoutAnswer,
    MeAnswer,
)

# Its type asks for a bearer token. The session is a cookie, which httpx keeps.
with AuthenticatedClient(
    base_url=sys.argv[1], token="none", raise_on_unexpected_status=True
) as client:
    nobody = me.sync(client=client)
    assert isinstance(nobody, MeAnswer)
    assert nobody.user is None
    person = LoginInput(ident="demo", password="walk-in-the-park-7")
    refused = login.sync(client=client, body=person, x_csrf_token="")
    assert isinstance(refused, LoginError403)
    assert refused.error is LoginError403Code.CSRF_FAILED
    stranger = LoginInput(ident="demo", password="wrong")
    wrong = login.sync(client=client, body=stranger, x_csrf_token=nobody.csrf)
    assert isinstance(wrong, LoginFieldErrors)
    assert wrong.non_field_errors == [LoginNonFieldErrorsCode.INVALID_CREDENTIALS]
    right = login.sync(client=client, body=person, x_csrf_token=nobody.csrf)
    assert isinstance(right, LoginAnswer)
    assert right.user.email == "demo@example.com"
    left = logout.sync(client=client, x_csrf_token=right.csrf)
    assert isinstance(left, LogoutAnswer)
print("The journey is done.")
"""


def run(command: Sequence[str | Path], folder: Path) -> str:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603  # a command of the suite's
        command,
        cwd=folder,
        # The generator formats by ruff, which it finds there.
        env=environment(
            EXAMPLE_DATA_DIR=str(folder), PATH=programs, PYTHONPATH=str(folder)
        ),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the client, a program that uses it, and mypy's settings."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "json_only.py").write_text(SETTINGS)
    (folder / "mypy.ini").write_text(MYPY)
    (folder / "journey.py").write_text(JOURNEY)
    manage = str(ROOT / "example_project" / "manage.py")
    options = ["--fail-on-warn", "--settings", "json_only", "--file", "schema.yaml"]
    run([sys.executable, manage, "spectacular", *options], folder)
    generate = ["openapi-python-client", "generate", "--path", "schema.yaml"]
    options = ["--meta", "none", "--output-path", "accounts_client"]
    run([*generate, *options, "--fail-on-warning"], folder)
    return folder


def test_the_client_compiles(project: Path) -> None:
    assert compileall.compile_dir(project / "accounts_client", quiet=1)
    schema = (project / "schema.yaml").read_text()
    ids = re.findall(r"operationId: (\w+)", schema)
    assert len(ids) > len(OPERATIONS)
    operations = (project / "accounts_client" / "api" / "accounts").glob("*.py")
    assert {file.stem for file in operations} == {"__init__", *ids}


def test_the_client_and_what_uses_it_type_check(project: Path) -> None:
    need(find_spec("mypy"), "mypy")
    run([sys.executable, "-m", "mypy", "accounts_client", "journey.py"], project)


def test_the_client_logs_in_and_reads_the_codes(
    project: Path, example: Example
) -> None:
    said = run([sys.executable, "journey.py", example.host], project)
    assert said == "The journey is done.\n"
