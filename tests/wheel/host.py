"""A project that ``startproject`` made and the README's three steps changed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.client import HTTPConnection
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..browser.processes import Program, environment, free_port

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = "https://app.example.com"

# Django 6.1 has MAILERS, its predecessors EMAIL_BACKEND.
MAIL_FOLDER = """
import django
if django.VERSION >= (6, 1):
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "OPTIONS": {"file_path": BASE_DIR / "mails"},
        }
    }
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = BASE_DIR / "mails"
"""


def readme_steps() -> list[str]:
    """Return the code of the README's three steps."""
    readme = (ROOT / "README.rst").read_text(encoding="utf-8")
    section = readme.partition("\nInstall it\n")[2].partition("\nFirst requests\n")[0]
    block = r"\.\. code-block:: python\n\n((?:(?: {6,}.*)?\n)+)"
    steps = [dedent(code) for code in re.findall(block, section)]
    assert len(steps) == 3
    return steps


def run(*arguments: str | Path, cwd: Path, python: str | Path = sys.executable) -> str:
    """Run Python with ``arguments`` and return what it printed; fail if it does."""
    done = subprocess.run(  # noqa: S603  # a command of the suite's
        [python, *arguments],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class Host:
    """The project in ``folder``, with its own Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"

    def run(self, *arguments: str | Path) -> str:
        return run(*arguments, cwd=self.folder, python=self.python)

    def follow_the_readme(self) -> None:
        apps, route, frontend = readme_steps()
        self._append("settings.py", apps, frontend, MAIL_FOLDER)
        self._append(
            "urls.py",
            "from django.urls import include",
            f"urlpatterns += [\n{route}]",
        )

    def _append(self, name: str, *code: str) -> None:
        with (self.folder / "project" / name).open("a", encoding="utf-8") as file:
            file.writelines(f"{part}\n" for part in code)

    def mailed_link(self) -> dict[str, str]:
        """Return ``ident`` and ``token`` of the link in the only mail there is."""
        (file,) = (self.folder / "mails").iterdir()
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        body = mail.get_body(("plain",))
        assert body is not None
        (link,) = re.findall(rf"{FRONTEND}/auth/activation\?\S+", body.get_content())
        return dict(parse_qsl(urlsplit(link).query))

    @contextmanager
    def running(self) -> Iterator[Frontend]:
        """Serve it by ``runserver`` and yield a frontend that talks to it."""
        port = free_port()
        command = ("manage.py", "runserver", "--noreload", f"127.0.0.1:{port}")
        program = Program(
            [self.python, *command],
            log=self.folder / "runserver.log",
            cwd=self.folder,
            env=environment(),
        )
        try:
            program.wait_for_port(port)
            yield Frontend(port)
        finally:
            # Python ignores SIGINT where a shell started it in the background.
            program.stop(signal.SIGTERM)
        assert "Traceback" not in program.output, program.output


class Frontend:
    """Does what a browser and the script in it do: cookies and the CSRF header."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}
        self._csrf = ""

    def get(self, endpoint: str) -> tuple[int, Any]:
        return self._request("GET", endpoint, None)

    def post(self, endpoint: str, data: dict[str, str]) -> tuple[int, Any]:
        return self._request("POST", endpoint, data)

    def _request(
        self, method: str, endpoint: str, data: dict[str, str] | None
    ) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {
            "Content-Type": "application/json",
            "Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items()),
            "Origin": FRONTEND,
            "X-CSRFToken": self._csrf,
        }
        connection.request(
            method, f"/api/v1/auth/{endpoint}", json.dumps(data), headers
        )
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        assert answer.headers["Access-Control-Allow-Origin"] == FRONTEND
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.split(";")[0].partition("=")
            self._cookies[name] = value
        self._csrf = body.get("csrf", self._csrf)
        return answer.status, body
