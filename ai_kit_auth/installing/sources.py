"""
Python files of a project, changed where the change belongs and nowhere else.

A change is put into the text by the positions of the syntax tree. Comments, quotes,
line ends, encoding and all that is not concerned stay as they are.
"""

from __future__ import annotations

import ast
import difflib
import io
import os
import re
import shutil
import tempfile
import tokenize
from collections.abc import Sequence
from pathlib import Path

_TAIL = re.compile(r"[\s\\]+|#[^\r\n]*")
_INDENT = " " * 4


class Unreadable(Exception):
    """A file that is no Python text, with the reason."""


class Source:
    """
    The Python file ``path``, with the changes that were asked for.

    ``text`` is what the file has, ``changed`` what it would have. Raises
    :exc:`Unreadable`, and :exc:`OSError`.
    """

    def __init__(self, path: Path) -> None:
        # Through links, so that the file they lead to is replaced and not they.
        self.path = path.resolve()
        self.bytes = self.path.read_bytes()
        try:
            self._encoding, _ = tokenize.detect_encoding(
                io.BytesIO(self.bytes).readline
            )
            self.text = self.bytes.decode(self._encoding)
            self.tree = ast.parse(self.bytes)
        except (SyntaxError, UnicodeError, ValueError) as error:
            raise Unreadable(f"{self.path}: {error}") from error
        self._edits: list[tuple[int, int, str]] = []
        # As Python counts them: str.splitlines() ends a line at more characters.
        self._lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n|\Z)", self.text)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self.newline = "\r\n" if "\r\n" in self.text else "\n"
        self._quote = self._usual_quote()

    def _usual_quote(self) -> str:
        starts = [
            self.text[self.start(node) :][:3]
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        # Not docstrings, whose quotes PEP 257 prescribes.
        own = [start[:1] for start in starts if start not in {'"""', "'''"}]
        return "'" if own.count("'") > own.count('"') else '"'

    # Reading

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Return where ``node`` begins, as an index of ``text``."""
        return self._index(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Return the index after the last character of ``node``."""
        # ast.parse() sets both; a node that code makes may lack them.
        return self._index(node.end_lineno or 0, node.end_col_offset or 0)

    def _index(self, line: int, column: int) -> int:
        # Columns are bytes of UTF-8, whatever the file's encoding.
        before = self._lines[line - 1].encode()[:column].decode()
        return self._starts[line - 1] + len(before)

    def assigned(self, name: str) -> ast.expr | None:
        """Return the value of the last ``name = …`` that always runs, or None."""
        found = None
        for statement in self.tree.body:
            match statement:
                case ast.Assign(targets=targets, value=value) if any(
                    isinstance(each, ast.Name) and each.id == name for each in targets
                ):
                    found = value
                case ast.AnnAssign(
                    target=ast.Name(id=bound), value=ast.expr() as value
                ):
                    found = value if bound == name else found
        return found

    def mentions(self, name: str) -> bool:
        """Tell whether any statement binds ``name``, be it in an ``if``."""
        return any(
            isinstance(node, ast.Name)
            and node.id == name
            and isinstance(node.ctx, ast.Store)
            for node in ast.walk(self.tree)
        )

    # Writing

    def quoted(self, value: str) -> str:
        """Return ``value`` as a literal in the quotes that the file has most of."""
        text = repr(value) if self._encoding.startswith("utf-8") else ascii(value)
        return text if self._quote == "'" or '"' in value else f'"{text[1:-1]}"'

    def insert(
        self,
        collection: ast.List | ast.Tuple | ast.Set | ast.Dict,
        items: Sequence[str],
        *,
        first: bool = False,
    ) -> None:
        """
        Put the code ``items`` into a literal: at its end, or as its ``first`` items.

        A literal of several lines gets a line for each, as far as its own items have.
        """
        opening, closing = self.start(collection) + 1, self.end(collection) - 1
        elements: Sequence[ast.expr]
        if isinstance(collection, ast.Dict):
            elements = collection.values
        else:
            elements = collection.elts
        if first:
            self._insert_first(collection, opening, closing, items, bool(elements))
        else:
            last = self.end(elements[-1]) if elements else None
            self._insert_last(collection, opening, closing, items, last)

    def _insert_first(
        self,
        collection: ast.expr,
        opening: int,
        closing: int,
        items: Sequence[str],
        is_filled: bool,
    ) -> None:
        rest = re.compile(r"[ \t]*(#[^\r\n]*)?(\r\n|\r|\n)").match(self.text, opening)
        if rest is not None and rest.end() <= closing:
            indent = self._indent_below(collection, rest.end(), closing)
            lines = "".join(f"{indent}{item},{self.newline}" for item in items)
            self._edits.append((rest.end(), rest.end(), lines))
            return
        comma = ", " if is_filled else "," if isinstance(collection, ast.Tuple) else ""
        self._edits.append((opening, opening, ", ".join(items) + comma))

    def _insert_last(
        self,
        collection: ast.expr,
        opening: int,
        closing: int,
        items: Sequence[str],
        last: int | None,
    ) -> None:
        # After the last item there may be brackets around it, a comma and comments.
        after, comma = last or opening, last is None
        place = after
        while place < closing:
            space = _TAIL.match(self.text, place, closing)
            if space is None:
                place += 1
                comma = comma or self.text[place - 1] == ","
                after = place
            else:
                place = space.end()
        line = self.text.rfind("\n", 0, closing) + 1
        alone = line > opening and not self.text[line:closing].strip()
        if alone:
            if not comma:
                self._edits.append((after, after, ","))
            indent = self._indent_below(collection, self._line_of(last or 0), closing)
            lines = "".join(f"{indent}{item},{self.newline}" for item in items)
            self._edits.append((line, line, lines))
            return
        text = ", ".join(items)
        if last is None:
            text += "," if isinstance(collection, ast.Tuple) else ""
        elif comma:
            text = f" {text},"
        else:
            text = f", {text}"
        self._edits.append((after, after, text))

    def _line_of(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _indent_below(self, collection: ast.expr, line: int, closing: int) -> str:
        """Return the white space before the items of a literal of several lines."""
        own = re.compile(r"[ \t]*(?=[^\s])").match(self.text, line)
        starts_inside = line > self.start(collection)
        if own is not None and starts_inside and own.end() < closing:
            return own[0]
        outer = re.compile(r"[ \t]*").match(
            self.text, self._line_of(self.start(collection))
        )
        return f"{outer[0] if outer else ''}{_INDENT}"

    def replace(self, node: ast.stmt, code: str) -> None:
        """Replace a statement by other code."""
        self._edits.append((self.start(node), self.end(node), code))

    def add_line(self, after: ast.stmt | None, code: str) -> None:
        """Add a line of code after a statement of the module, or at its beginning."""
        if after is None:
            self._edits.append((0, 0, f"{code}{self.newline}"))
        else:
            self._edits.append(
                (self.end(after), self.end(after), f"{self.newline}{code}")
            )

    def append(self, lines: Sequence[str]) -> None:
        """Add lines at the end of the file, after an empty one."""
        end = len(self.text)
        whole = not self.text or self.text.endswith(("\n", "\r"))
        before = self.newline if whole else self.newline * 2
        text = "".join(f"{line}{self.newline}" for line in lines)
        self._edits.append((end, end, before + text))

    @property
    def changed(self) -> str:
        text = self.text
        for start, end, code in sorted(self._edits, key=lambda e: e[0], reverse=True):
            text = text[:start] + code + text[end:]
        return text

    @property
    def changed_bytes(self) -> bytes:
        """The text as the file stores it, with its mark of the byte order."""
        return self.changed.encode(self._encoding)

    def diff(self, below: Path) -> str:
        """Return the change as a unified diff, its paths as they are from ``below``."""
        name = os.path.relpath(self.path, below).replace(os.sep, "/")
        old, new = (
            re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)
            for text in (self.text, self.changed)
        )
        lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
        # What diff writes there; or the next line would follow in the same one.
        mark = "\n\\ No newline at end of file\n"
        return "".join(
            line if line.endswith(("\n", "\r")) else f"{line}{mark}" for line in lines
        ).replace("\r\n", "\n")

    def write(self, content: bytes) -> None:
        """Replace the file in one step by ``content``; it keeps its mode."""
        descriptor, name = tempfile.mkstemp(
            dir=self.path.parent, prefix=".ai_kit_auth-"
        )
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
            shutil.copymode(self.path, name)
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise
