"""The pages about security name tests that exist and answer each requirement once."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "SECURITY.rst", *sorted((ROOT / "docs" / "security").glob("*.rst"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

# The levels of the requirements of OWASP ASVS 5.0.0, by section, in order.
LEVELS = {
    "2.4": [2, 3],
    "3.3": [1, 2, 2, 2, 3],
    "6.1": [1, 2, 2],
    "6.2": [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2],
    "6.3": [1, 1, 2, 2, 3, 3, 3, 3],
    "6.4": [1, 1, 2, 2, 3, 3],
    "6.5": [2, 2, 2, 2, 2, 3, 3, 3],
    "6.6": [2, 2, 2, 3],
    "6.7": [3, 3],
    "6.8": [2, 2, 2, 2],
    "7.1": [2, 2, 2],
    "7.2": [1, 1, 1, 1],
    "7.3": [2, 2],
    "7.4": [1, 1, 2, 2, 2],
    "7.5": [2, 2, 3],
    "7.6": [2, 2],
}
ANSWERS = (
    "Package",
    "Package and project",
    "Project",
    "Frontend",
    "Not met",
    "Not applicable",
)


@pytest.fixture(scope="module")
def document() -> nodes.document:
    """Return the page about ASVS; a mistake in its markup is an error."""
    tree: nodes.document = publish_doctree(
        (ROOT / "docs" / "security" / "asvs.rst").read_text(encoding="utf-8"),
        settings_overrides={"halt_level": 2, "report_level": 2},
    )
    return tree


def test_what_an_operator_must_set_is_found_within_three_screens() -> None:
    lines = (ROOT / "SECURITY.rst").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert "What an operator must set" in lines[:30]
    assert "Accepted residual risks" in lines


def requirements(document: nodes.document) -> list[list[str]]:
    """Return the rows of all tables whose first cell is an id such as 6.2.1."""
    rows = [
        [entry.astext().replace("\n", " ") for entry in row.findall(nodes.entry)]
        for row in document.findall(nodes.row)
    ]
    return [row for row in rows if re.fullmatch(r"\d+\.\d+\.\d+", row[0])]


def defined_in(path: Path) -> set[str]:
    """Return the names of the tests in a module, without importing it."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in module.body if isinstance(node, functions)}


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", TEXT)
    assert len(named) > 50
    assert [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).is_file() or test not in defined_in(ROOT / path)
    ] == []


def test_no_name_of_a_test_is_missing() -> None:
    assert re.findall(r"@TEST\b[^,\n]*", TEXT) == []


def test_every_requirement_is_answered_once(document: nodes.document) -> None:
    assert [(row[0], int(row[1])) for row in requirements(document)] == [
        (f"{section}.{number}", level)
        for section, levels in LEVELS.items()
        for number, level in enumerate(levels, 1)
    ]


def test_every_answer_is_one_of_the_six(document: nodes.document) -> None:
    answers = {row[0]: row[3].split(".")[0] for row in requirements(document)}
    others = {
        number: answer
        for number, answer in answers.items()
        if not answer.startswith(ANSWERS)
    }
    assert others == {}
