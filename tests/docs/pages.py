"""
The files and commands that the pages tell their readers to type.

A ``code-block`` with a caption is a file: the reader writes ``host/settings.py``, and
adds to ``host/settings.py (at the end)``. A ``console`` block has commands after ``$``
and, below some, what they print; its caption names the terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"""
    ^\.\.[ ]code-block::[ ](?P<language>\w+)\n
    (?:[ ]{3}:caption:[ ](?P<caption>.+)\n)?
    (?:[ ]{3}:[\w-]+:.*\n)*
    \n
    (?P<code>(?:(?:[ ]{3}.*)?\n)+)
    """,
    re.MULTILINE | re.VERBOSE,
)
_AT_THE_END = " (at the end)"


@dataclass(frozen=True)
class Block:
    """One ``code-block`` of ``page``; ``line`` is where its code begins."""

    page: str
    line: int
    language: str
    caption: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def path(self) -> str:
        """The file that it is, or belongs to."""
        return self.caption.removesuffix(_AT_THE_END)

    @property
    def commands(self) -> list[str]:
        return [line[2:] for line in self.code.splitlines() if line.startswith("$ ")]

    @property
    def printed(self) -> list[str]:
        """The lines that the page shows as printed."""
        return [line for line in self.code.splitlines() if not line.startswith("$ ")]

    def write(self, folder: Path, change: Callable[[str], str] = str) -> None:
        """Write the file below ``folder``, or add to it, with its text changed."""
        target = folder / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = "a" if self.caption.endswith(_AT_THE_END) else "w"
        with target.open(mode, encoding="utf-8") as file:
            file.write(change(f"\n{self.code}" if mode == "a" else self.code))


def source(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def pages() -> list[str]:
    """Return the names of all pages, such as ``howto/mails.rst``."""
    return sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.rst"))


def blocks(page: str) -> Iterator[Block]:
    """Yield the page's code blocks in its order."""
    text = source(page)
    # What the pattern does not understand must not be left out in silence.
    assert len(_BLOCK.findall(text)) == len(re.findall(r"\.\. code-block::", text)), (
        f"{page} has a code block that is indented, or of another form"
    )
    for found in _BLOCK.finditer(text):
        yield Block(
            page=page,
            line=text.count("\n", 0, found.start("code")) + 1,
            language=found["language"],
            caption=found["caption"] or "",
            code=dedent(found["code"]).rstrip("\n") + "\n",
        )
