"""
The tutorial, executed: its files, its commands, and its steps in a browser.

The test does only what the page says. Three things differ: the ports are free ones,
"write another number throughout"; an environment variable gives pip the wheel of this
repository instead of the released one; and npm gets the packed ``client/`` by its path.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..browser.processes import Program, environment, free_port
from ..client.conftest import Package
from .pages import Block, blocks, source

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGE = "tutorial.rst"
ROW = re.compile(r"^   \* - (?P<do>.+)\n     -(?P<see>.*)$", re.MULTILINE)
HEADER = "what you do"
PORTS = ("8000", "3000")
NPM_PACK = "npm pack django-ai-kit-auth"


@dataclass(frozen=True)
class Row:
    """A row of the walk: what the reader does, and what the page says then."""

    line: int
    do: str
    see: str


def rows() -> Iterator[Row]:
    text = source(PAGE)
    for found in ROW.finditer(text):
        if found["do"] != HEADER:
            line = text.count("\n", 0, found.start()) + 1
            # Escaped where the page would make a link of it.
            see = found["see"].replace("\\", "").strip()
            yield Row(line, found["do"], see)


def steps() -> list[Block | Row]:
    """Return all that the page asks for, in its order."""
    return sorted([*blocks(PAGE), *rows()], key=lambda step: step.line)


class Reader:
    """A reader with terminals, an editor, a browser and an empty folder."""

    def __init__(self, folder: Path, wheel: Path, archive: Path, page: Page) -> None:
        self.folder = folder
        self.page = page
        self._archive = archive
        constraint = folder / "constraint.txt"
        constraint.write_text(f"django-ai-kit-auth @ {wheel.as_uri()}\n")
        npm = shutil.which("npm")
        assert npm is not None
        programs = f"{Path(sys.executable).parent}:{Path(npm).parent}"
        self._environment = environment(
            PATH=f"{programs}:/usr/local/bin:/usr/bin:/bin",
            PIP_CONSTRAINT=str(constraint),
            PIP_DISABLE_PIP_VERSION_CHECK="1",
        )
        self._ports = {named: str(free_port()) for named in PORTS}
        # What each terminal remembers: where it is, and which environment is active.
        self._terminals: dict[str, list[str]] = {}
        self._into_the_project: list[str] = []
        self.servers: list[Program] = []
        self._printed = ""

    def _throughout(self, text: str) -> str:
        for named, free in self._ports.items():
            text = text.replace(named, free)
        return text

    def write(self, block: Block) -> None:
        names = (line.removeprefix("cd ") for line in self._into_the_project)
        block.write(self.folder.joinpath(*names), self._throughout)

    def type(self, block: Block) -> None:
        """Type the block's commands; compare what they print with what it shows."""
        remembered = self._terminals.setdefault(
            block.caption, [*self._into_the_project]
        )
        typed: list[str] = []
        self._printed = ""
        for command in map(self._throughout, block.commands):
            if any(port in command for port in self._ports.values()):
                self._run([*remembered, *typed])
                typed = []
                self._serve([*remembered, f"exec {command}"])
            elif command.startswith(("cd ", ". ")):
                self._run([*remembered, *typed])
                typed = []
                remembered.append(command)
                if command.startswith("cd "):
                    self._into_the_project.append(command)
            else:
                typed.append(command.replace(NPM_PACK, f"npm pack {self._archive}"))
        self._run([*remembered, *typed])
        for line in block.printed:
            assert line in self._printed.splitlines(), self._printed

    def _run(self, lines: list[str]) -> None:
        done = subprocess.run(  # noqa: S603  # what the page says
            ["/bin/bash", "-ec", "\n".join(lines)],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout
        self._printed += done.stdout

    def _serve(self, lines: list[str]) -> None:
        server = Program(
            ["/bin/bash", "-ec", "\n".join(lines)],
            log=self.folder / f"server-{len(self.servers)}.log",
            cwd=self.folder,
            env=self._environment,
        )
        self.servers.append(server)
        (port,) = (port for port in self._ports.values() if port in lines[-1])
        server.wait_for_port(int(port))

    def act(self, row: Row) -> None:
        """Do what ``row`` says and look; fail on a sentence that means nothing here."""
        from playwright.sync_api import expect

        label = r":guilabel:`(.+)`"
        shown = self.page.locator("form:visible")
        if found := re.fullmatch(r"Open ``(.+)``", row.do):
            self.page.goto(self._throughout(found[1]))
        elif found := re.fullmatch(rf"Follow {label}", row.do):
            self.page.get_by_role("link", name=found[1], exact=True).click()
        elif found := re.fullmatch(rf"Fill {label} with ``(.+)``", row.do):
            shown.get_by_label(found[1], exact=True).fill(found[2])
        elif found := re.fullmatch(rf"Press {label}", row.do):
            self.page.get_by_role("button", name=found[1], exact=True).click()
        elif row.do == "Open the link from the mail":
            self.page.goto(self._mailed_link())
        elif row.do == "Reload the page":
            self.page.reload()
        else:
            pytest.fail(f"{PAGE}:{row.line}: nobody knows how to do this: {row.do}")
        if row.see:
            seen = self.page.get_by_text(row.see, exact=True).filter(visible=True)
            expect(seen.first).to_be_visible()

    def _mailed_link(self) -> str:
        """Return the link in what the terminal has just printed."""
        frontend = re.escape(self._throughout("http://localhost:3000/"))
        (link,) = re.findall(rf"^({frontend}\S+)$", self._printed, re.MULTILINE)
        return str(link)

    def stop(self) -> None:
        for server in self.servers:
            server.stop(signal.SIGTERM)


def test_every_step_is_one_that_can_be_done() -> None:
    for block in blocks(PAGE):
        if block.language == "console":
            assert block.caption.endswith(" terminal"), block
            assert block.commands, block
        else:
            assert re.fullmatch(r"[\w/]+\.\w+( \(at the end\))?", block.caption), block
    assert len(list(rows())) == source(PAGE).count("   * - ") - source(PAGE).count(
        HEADER
    )


def test_who_does_what_the_page_says_gets_what_it_promises(
    wheel: Path,
    package: Package,
    browser: Browser,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    problems: list[str] = []
    page = browser.new_page(locale="en-US", viewport={"width": 800, "height": 600})
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: problems.append(str(error)))
    reader = Reader(tmp_path, wheel, package.archive, page)
    try:
        for step in steps():
            if isinstance(step, Row):
                reader.act(step)
                if step.see:
                    page.screenshot(path=screenshots / f"tutorial-{step.line}.png")
            elif step.language == "console":
                reader.type(step)
            else:
                reader.write(step)
    finally:
        page.close()
        reader.stop()
    assert problems == []
    for server in reader.servers:
        assert "Traceback" not in server.output, server.output
    assert len(reader.servers) == len(PORTS)


def test_the_page_leads_through_the_whole_journey_and_to_the_doctor() -> None:
    asked = [step.do if isinstance(step, Row) else step.code for step in steps()]
    journey = [
        "django-admin startproject",
        "pip install django-ai-kit-auth",
        "manage.py check",
        NPM_PACK,
        "Make my account",
        "Open the link from the mail",
        "Log me in",
        "Reload the page",
        "Log me out",
        "manage.py ai_kit_auth_doctor",
        "manage.py test",
    ]
    for words in journey:
        assert any(words in step for step in asked), words
