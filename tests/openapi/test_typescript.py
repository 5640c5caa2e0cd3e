"""A TypeScript client generated from the schema: it compiles and uses all endpoints."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..browser.processes import environment
from .conftest import HERE, Example, need

PACKAGES = {
    "openapi-fetch": "0.17.0",
    "openapi-typescript": "7.13.0",
    "typescript": "5.9.3",
}
OPTIONS = {
    "lib": ["ES2022", "DOM", "DOM.Iterable"],
    "module": "NodeNext",
    "outDir": "out",
    "strict": True,
    "noImplicitReturns": True,
    "noUncheckedIndexedAccess": True,
    "target": "ES2022",
    # The declarations of packages are theirs.
    "skipLibCheck": True,
    "types": [],
}


def run(
    command: Sequence[str | Path], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # a command of the suite's
        command,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def project(schema_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the journey, and with the types of the schema."""
    npm = shutil.which("npm")
    need(npm and shutil.which("node"), "node and npm")
    folder = tmp_path_factory.mktemp("typescript")
    manifest = {"private": True, "type": "module", "dependencies": PACKAGES}
    (folder / "package.json").write_text(json.dumps(manifest))
    compiler = {"compilerOptions": OPTIONS, "files": ["journey.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(compiler))
    shutil.copy(HERE / "journey.ts", folder)
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    # Without an index it would try for minutes.
    options += ["--fetch-retries=1", "--fetch-timeout=30000"]
    installed = run([str(npm), "install", *options], folder)
    need(installed.returncode == 0, f"the packages of npm: {installed.stderr[-500:]}")
    program = folder / "node_modules" / ".bin" / "openapi-typescript"
    generated = run([program, schema_file, "--output", "schema.d.ts"], folder)
    assert generated.returncode == 0, generated.stderr
    return folder


def compile_journey(project: Path) -> subprocess.CompletedProcess[str]:
    return run([project / "node_modules" / ".bin" / "tsc"], project)


def test_the_journey_compiles_and_arrives(project: Path, example: Example) -> None:
    compiled = compile_journey(project)
    assert (compiled.returncode, compiled.stdout) == (0, "")
    journey = run(["node", "out/journey.js", example.host], project)
    assert (journey.returncode, journey.stdout) == (0, "The journey is done.\n"), (
        journey.stderr
    )


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        # A code that the program forgets, one that never comes, a key that is not asked
        # for, a header that is missing.
        ('case "password_too_common":', "", "TS2366"),
        ('=== "email_unique"', '=== "email_taken"', "TS2367"),
        ("body: { ident, password: secret }", "body: { ident }", "TS2322"),
        ('params: { header: { "X-CSRFToken": csrf } },', "", "TS2345"),
    ],
)
def test_a_program_that_does_not_fit_the_schema_does_not_compile(
    project: Path, tmp_path: Path, written: str, instead: str, complaint: str
) -> None:
    source = (HERE / "journey.ts").read_text(encoding="utf-8")
    assert written in source
    for name in ("package.json", "tsconfig.json", "schema.d.ts"):
        shutil.copy(project / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(project / "node_modules")
    (tmp_path / "journey.ts").write_text(
        source.replace(written, instead), encoding="utf-8"
    )
    compiled = run([tmp_path / "node_modules" / ".bin" / "tsc", "--noEmit"], tmp_path)
    assert compiled.returncode != 0
    assert complaint in compiled.stdout
