"""
The changed project, started in a process of its own before any file is changed.

That process reads the new text of the changed files from memory, and all else from the
disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_CODE = "import sys; from ai_kit_auth.installing.trial import main; main(sys.argv[1])"


class Failed(Exception):
    """The changed project does not start; the text is what Python said."""


def still_missing(
    changed: Mapping[Path, bytes], request: Mapping[str, Any]
) -> list[str]:
    """
    Start the project with the ``changed`` files, and return what it still lacks.

    ``request``: the arguments of :func:`~ai_kit_auth.installing.steps.plan`, with the
    dotted path ``module`` of the settings. What is missing are lines for a person.
    Raises :exc:`Failed`.
    """
    texts = {str(path): content.hex() for path, content in changed.items()}
    with TemporaryDirectory(prefix="ai_kit_auth-") as folder:
        exchange = Path(folder) / "exchange.json"
        exchange.write_text(json.dumps({"texts": texts, "request": dict(request)}))
        done = run([sys.executable, "-c", _CODE, str(exchange)], request["module"])
        if done.returncode:
            raise Failed(done.stderr.strip())
        found: list[str] = json.loads(exchange.read_text())
    return found


def run(command: Sequence[str], module: str) -> subprocess.CompletedProcess[str]:
    """Run ``command`` with the settings ``module`` and with this process' imports."""
    paths = [os.path.abspath(path) for path in sys.path]
    return subprocess.run(  # noqa: S603  # this Python, with commands of this package
        command,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": module,
            "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def main(exchange: str) -> None:
    """Be that process: read the request in the file ``exchange``, write the answer."""
    asked = json.loads(Path(exchange).read_text())
    _replace({path: bytes.fromhex(text) for path, text in asked["texts"].items()})
    import django
    from django.conf import settings
    from django.urls import get_resolver

    django.setup()
    if hasattr(settings, "ROOT_URLCONF"):
        # Loads every URLconf.
        list(get_resolver().url_patterns)
    from .steps import plan

    missing = plan(settings, **asked["request"], with_urls=False).missing
    Path(exchange).write_text(json.dumps(missing))


def _replace(texts: Mapping[str, bytes]) -> None:
    """Let Python import ``texts`` in place of what is in the files."""
    get_data, path_stats = SourceFileLoader.get_data, SourceFileLoader.path_stats

    def data(loader: SourceFileLoader, path: str) -> bytes:
        found = texts.get(os.path.realpath(path))
        return get_data(loader, path) if found is None else found

    def stats(loader: SourceFileLoader, path: str) -> Mapping[str, Any]:
        # Without them Python ignores the compiled file, which is of the old text, and
        # writes no other.
        if os.path.realpath(path) in texts:
            raise OSError(path)
        return path_stats(loader, path)

    for name, function in (("get_data", data), ("path_stats", stats)):
        setattr(SourceFileLoader, name, function)
