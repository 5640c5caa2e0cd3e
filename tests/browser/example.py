"""The running example: its process, its sentences and its accounts."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from .post_office import PostOffice
from .processes import Program, environment, free_port

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "example_project" / "frontend"
PASSWORD = "tall ferns in the rain"
OTHER_PASSWORD = "nine lanterns on a hill"
WEAK_PASSWORD = "password"


@dataclass(frozen=True)
class Person:
    """A user with an e-mail address; ``demo`` and ``admin`` have accounts."""

    username: str
    password: str = PASSWORD

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"


# What run.py prints about them at its start.
DEMO_USER = Person("demo", "walk-in-the-park-7")
DEMO_ADMIN = Person("admin", "keys-to-the-park-7")


class Example:
    """
    ``example_project/run.py`` on free ports, its mails going through ``post_office``.

    ``mode`` is "sessions" or "cookies": where Django keeps the CSRF token.
    ``ports`` are the host's and the frontend's. ``variables`` go into its environment,
    such as ``EXAMPLE_SETTINGS``.
    """

    def __init__(
        self,
        mode: str,
        folder: Path,
        post_office: PostOffice,
        *,
        ports: tuple[int, int] | None = None,
        **variables: str,
    ) -> None:
        self.mode = mode
        self.folder = folder
        self.post_office = post_office
        host_port, frontend_port = ports or (free_port(), free_port())
        self.host = f"http://localhost:{host_port}"
        self.frontend = f"http://localhost:{frontend_port}"
        self._numbers = itertools.count(1)
        self._program = Program(
            [sys.executable, "-W", "error", ROOT / "example_project" / "run.py"],
            log=folder / "example.log",
            cwd=folder,
            env=environment(
                EXAMPLE_HOST_PORT=str(host_port),
                EXAMPLE_FRONTEND_PORT=str(frontend_port),
                EXAMPLE_DATA_DIR=str(folder),
                EXAMPLE_SMTP=f"127.0.0.1:{post_office.port}",
                EXAMPLE_CSRF_USE_SESSIONS="1" if mode == "sessions" else "0",
                **{"EXAMPLE_SETTINGS": "tests.browser.quick_settings", **variables},
            ),
        )
        self._program.wait_for_output("Ready")

    def api(self, endpoint: str) -> str:
        """Return the address of ``login/`` and the like."""
        return f"{self.host}/api/v1/auth/{endpoint}"

    def somebody(self) -> Person:
        """Return a user without an account."""
        return Person(f"ada{next(self._numbers)}")

    def stop(self, *, clean: bool = True) -> None:
        """
        Stop it as Ctrl-C does; it must end well and, to be ``clean``, have met no
        exception. A mail that the post office refuses is a line in the log, without
        one, which would hold the address.
        """
        assert self._program.stop() == 0, self._program.output
        if not clean:
            return
        assert "Traceback" not in self._program.output, self._program.output


def sentence(key: str, language: str = "en", **params: str) -> str:
    """Return what the frontend says for ``key``, such as "errors.blank"."""
    file = FRONTEND / "i18n" / f"{language}.json"
    found = json.loads(file.read_text(encoding="utf-8"))
    codes = packaged_sentences(language) | found.pop("errors")
    sentences = found | {f"errors.{code}": text for code, text in codes.items()}
    sentence = sentences[key]
    assert isinstance(sentence, str)
    return sentence.format(**{"min_length": "8"} | params)


def packaged_sentences(language: str) -> dict[str, str]:
    """Return the sentences of the npm package, as the example has them."""
    module = FRONTEND / "vendor" / "messages" / f"{language}.js"
    text = module.read_text(encoding="utf-8")
    catalog = json.loads(
        text.removeprefix("export default ").rstrip().removesuffix(";")
    )
    sentences: dict[str, str] = catalog["sentences"]
    return sentences
