"""
The code on the pages, run where it can be: each page in a project of its own.

The project is what ``startproject`` makes, with the README's three steps. The page's
files are written into it, in the page's order, and its commands typed.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..browser.processes import environment
from ..wheel.host import readme_steps
from .pages import ROOT, Block, blocks, pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TUTORIAL = "tutorial.rst"
SNIPPETS = [block for page in pages() for block in blocks(page)]
WITH_SETTINGS = sorted(
    {
        block.page
        for block in SNIPPETS
        if block.path == "host/settings.py" and block.page != TUTORIAL
    }
)
# What a page writes for Django; the rest is for other programs.
FOR_DJANGO = {"host", "shop"}


def parametrized(language: str) -> pytest.MarkDecorator:
    found = [block for block in SNIPPETS if block.language == language]
    assert found
    return pytest.mark.parametrize("block", found, ids=str)


@parametrized("python")
def test_python_compiles(block: Block) -> None:
    compile(block.code, str(block), "exec", dont_inherit=True)


@parametrized("javascript")
def test_javascript_is_no_syntax_error_to_a_browser(
    block: Block, browser: Browser
) -> None:
    page = browser.new_page()
    problem = page.evaluate(
        """async (code) => {
            const module = new Blob([code], {type: "text/javascript"});
            const url = URL.createObjectURL(module);
            return import(url).then(() => "", (error) => error.name);
        }""",
        block.code,
    )
    page.close()
    # A browser knows no "react", and this page no form: both are found after parsing.
    assert problem != "SyntaxError"


class Project:
    """What ``startproject`` made, and the README's three steps changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run(sys.executable, "-m", "django", "startproject", "host", ".")
        (folder / "shop").mkdir()
        (folder / "shop" / "__init__.py").touch()
        apps, route, frontend = readme_steps()
        self._append("settings.py", apps, frontend)
        self._append(
            "urls.py",
            "from django.urls import include",
            f"urlpatterns += [\n{route}]",
        )

    def _append(self, name: str, *code: str) -> None:
        with (self.folder / "host" / name).open("a", encoding="utf-8") as file:
            file.writelines(f"{part}\n" for part in code)

    def run(self, *command: str) -> str:
        done = subprocess.run(  # noqa: S603  # what the page says
            command,
            cwd=self.folder,
            env=environment(PYTHONPATH=IMPORTS, PYTHONWARNINGS="error"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def manage(self, *arguments: str) -> str:
        return self.run(sys.executable, "manage.py", *arguments)

    def type(self, block: Block) -> None:
        """Type the block's commands, which all are Django's."""
        printed = ""
        for command in block.commands:
            python, manage, *arguments = shlex.split(command)
            assert (python, manage) == ("python", "manage.py"), command
            printed += self.manage(*arguments)
        for line in block.printed:
            assert line in printed.splitlines(), printed


# The package is installed, or lies beside the tests.
IMPORTS = "" if os.environ.get("PYTHONSAFEPATH") else str(ROOT)


@pytest.mark.parametrize("page", WITH_SETTINGS)
def test_who_follows_the_page_gets_a_healthy_project(page: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    found = [
        block
        for block in blocks(page)
        if block.language == "console" or block.path.split("/")[0] in FOR_DJANGO
    ]
    # A reader writes all the files before any command.
    for block in found:
        if block.language != "console":
            block.write(tmp_path)
    checked = project.manage("check")
    assert checked == "System check identified no issues (0 silenced).\n"
    commands = [command for block in found for command in block.commands]
    if not any("makemigrations" in command for command in commands):
        # A project that runs has its tables.
        project.manage("migrate")
    for block in found:
        if block.language == "console":
            project.type(block)
