"""
The code on the pages runs, each page in its own project.

The project is the result of ``startproject`` and of the README's three steps. The test
writes the page's files into it, in their order, and runs its commands.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from ai_kit_auth.settings import APISettings, Nested

from ..browser.processes import environment
from ..extras import missing_modules
from ..packages import with_apps
from ..wheel.host import readme_steps
from .conftest import insist
from .pages import ROOT, Block, blocks, pages, source

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TUTORIAL = "tutorial.rst"


def root_blocks(name: str) -> Iterator[Block]:
    """Yield the code blocks of a page at the root, which may stand in a list."""
    text = (ROOT / name).read_text(encoding="utf-8")
    form = re.compile(
        r"^(?P<margin> *)\.\. code-block:: (?P<language>\w+)\n\n"
        r"(?P<code>(?:(?:(?P=margin) {3,}.*)?\n)+)",
        re.MULTILINE,
    )
    assert len(form.findall(text)) == text.count(".. code-block::"), name
    for found in form.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        yield Block(name, line, found["language"], "", dedent(found["code"]))


ROOT_PAGES = sorted(path.name for path in ROOT.glob("*.rst"))
SNIPPETS = [
    *(block for page in pages() for block in blocks(page)),
    *(block for name in ROOT_PAGES for block in root_blocks(name)),
]
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


# Every key, and every dict that holds some: FRONTEND.URL and FRONTEND.
with with_apps():
    KEYS = {
        path
        for key, _ in APISettings.declared()
        for path in accumulate(key.split("."), "{}.{}".format)
    }


def keys_of(value: ast.expr, above: str = "") -> Iterator[str]:
    """Yield the keys of a dict as it is written, at any depth."""
    if isinstance(value, ast.Dict):
        for key, below in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield f"{above}{key.value}"
                yield from keys_of(below, f"{above}{key.value}.")


def keys_named(code: str) -> Iterator[str]:
    """Yield the keys of every ``AI_KIT_AUTH`` in Python code."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="AI_KIT_AUTH")], value=value)
                | ast.keyword(arg="AI_KIT_AUTH", value=value)
            ):
                yield from keys_of(value)
            case ast.Assign(
                targets=[
                    ast.Subscript(
                        value=ast.Name(id="AI_KIT_AUTH"), slice=ast.Constant(value=key)
                    )
                ],
                value=value,
            ):
                yield from keys_of(value, str(key) + ".")
            case ast.Subscript(
                value=ast.Name(id="AI_KIT_AUTH"), slice=ast.Constant(value=key)
            ):
                yield str(key)


@pytest.mark.parametrize("page", [*pages(), *ROOT_PAGES])
def test_every_key_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8") if page in ROOT_PAGES else source(page)
    sections = [
        name
        for name, member in APISettings.members().items()
        if isinstance(member, Nested)
    ]
    in_prose = re.findall(rf"[`<]((?:{'|'.join(sections)})\.[A-Z_.]+)[`>]", text)
    in_code = [
        key
        for block in SNIPPETS
        if block.page == page and block.language == "python"
        for key in keys_named(block.code)
    ]
    assert {*in_prose, *in_code} - KEYS == set()


def test_a_key_that_does_not_exist_is_seen() -> None:
    code = """
AI_KIT_AUTH = {"FRONTEND": {"URI": "https://app.example.com"}}
AI_KIT_AUTH["USER_SERIALISER"] = "shop.serializers.Profile"
AI_KIT_AUTH["SECURITY_NOTICES"] = {"PASSWORD_SET": True}
@override_settings(AI_KIT_AUTH={**settings.AI_KIT_AUTH, "ACTIVATION_TIME": 3})
def test(): ...
"""
    unknown = {
        "FRONTEND.URI",
        "USER_SERIALISER",
        "SECURITY_NOTICES.PASSWORD_SET",
        "ACTIVATION_TIME",
    }
    assert set(keys_named(code)) - KEYS == unknown
    assert "FRONTEND" in set(keys_named(code)) & KEYS


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
    text = source(page)
    others = ("django_otp", "django_otp_webauthn", "ua_parser")
    for extra in ("celery", "django_tasks_db", "drf_spectacular", *others):
        insist(*(missing_modules(extra) if extra in text else []))
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
