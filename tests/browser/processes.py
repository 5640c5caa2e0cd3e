"""Programs that the tests start: find a free port, wait for the program, stop it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PATIENCE = 30.0


# Bound and not listening, each keeps its port from being given to anybody else, as
# the source of a connection for one; a server that sets SO_REUSEADDR may listen there.
_KEPT: list[socket.socket] = []


def free_port() -> int:
    """Return a port of the loopback interface that is this process' until it ends."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    _KEPT.append(keeper)
    port: int = keeper.getsockname()[1]
    return port


def environment(**variables: str) -> dict[str, str]:
    """Return this process' environment without what it says about its own imports."""
    own = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "PYTHONSAFEPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return {**kept, **variables}


class Program:
    """A program that runs until ``stop``; what it prints goes to the file ``log``."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path,
        env: Mapping[str, str],
    ) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603  # a command of the suite's
                command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_for_port(self, port: int) -> None:
        """Return once something listens on ``port`` of the loopback interface."""
        self._wait(lambda: _listens(port), f"to listen on {port}")

    def wait_for_output(self, text: str) -> None:
        """Return once the program has printed ``text``."""
        self._wait(lambda: text in self.output, f"to print {text!r}")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"waited for the program {what}:\n{self.output}")
            time.sleep(0.05)

    def wait(self, seconds: float) -> int:
        """Return the exit code of a program that ends by itself."""
        return self._process.wait(seconds)

    def stop(self, signum: int = signal.SIGINT) -> int:
        """Send ``signum`` and return the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signum)
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"the program did not stop:\n{self.output}") from None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
