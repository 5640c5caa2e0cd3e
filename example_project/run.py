#!/usr/bin/env python
"""Run the example: the backend and the frontend, each on its own origin.

    python example_project/run.py [--host-port 8000] [--frontend-port 3000]

Stops at Ctrl-C. Exit code 0 after a stop, 1 where it could not start. The environment
variable ``EXAMPLE_SETTINGS`` names the settings of the backend, ``host.settings`` by
default. It is not ``DJANGO_SETTINGS_MODULE``, which may be set for another project.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

HERE = Path(__file__).resolve().parent
HIGHEST_PORT = 65535


@dataclass(frozen=True)
class DemoLogin:
    """An account that exists after every start."""

    username: str
    email: str
    password: str
    is_admin: bool = False
    # Of the authenticator app, in hexadecimal digits as django-otp keeps it.
    totp_key: str = ""


DEMO_LOGINS = (
    DemoLogin("demo", "demo@example.com", "walk-in-the-park-7"),
    DemoLogin(
        "careful",
        "careful@example.com",
        "two-locks-at-the-park-7",
        totp_key="3132333435363738393031323334353637383930",
    ),
    DemoLogin("admin", "admin@example.com", "keys-to-the-park-7", is_admin=True),
)


class PortTakenError(Exception):
    """Another program listens where a server of the example should."""

    def __init__(self, port: int, what: str, flag: str) -> None:
        """Say which ``flag`` moves the ``what`` off ``port``."""
        other = port + 1 if port < HIGHEST_PORT else port - 1
        super().__init__(
            f"Port {port} is taken, so the {what} cannot start. Stop the program that "
            f"uses it, or choose another port with {flag}:\n"
            f"    python example_project/run.py {flag} {other}\n"
            f"    tox run -e example -- {flag} {other}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run both servers until SIGINT or SIGTERM; return the exit code.

    Everything printed is flushed at once; the line that begins with ``Ready`` says that
    both origins answer. ``argv`` defaults to the command line.
    """
    arguments = _parse(argv)
    stop = threading.Event()

    def on_signal(signum: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)

    # The settings read them.
    os.environ["EXAMPLE_HOST_PORT"] = str(arguments.host_port)
    os.environ["EXAMPLE_FRONTEND_PORT"] = str(arguments.frontend_port)
    settings_module = os.environ.get("EXAMPLE_SETTINGS") or "host.settings"
    os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
    for folder in (HERE, HERE.parent):
        # Last on the path: an installed ai_kit_auth wins over the checkout.
        if str(folder) not in sys.path:
            sys.path.append(str(folder))

    try:
        _serve(arguments.host_port, arguments.frontend_port, stop)
    except PortTakenError as error:
        _say(str(error), sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        _say(
            f"The Python package {error.name!r} is missing. In the folder of the "
            'repository: python -m pip install -e ".[openapi,second_factor,sessions]"',
            sys.stderr,
        )
        return 1
    # A runner such as tox passes Ctrl-C on once more, and Python would die of it while
    # it shuts down.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _say("Stopped.")
    return 0


def _say(text: str, stream: TextIO = sys.stdout) -> None:
    stream.write(f"{text}\n")
    # A program that started this one waits for the line.
    stream.flush()


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run the example: the backend and the frontend, each on its origin."
    )
    parser.add_argument(
        "--host-port",
        type=_port,
        default=os.environ.get("EXAMPLE_HOST_PORT") or "8000",
        help="port of the Django backend (default: EXAMPLE_HOST_PORT or 8000)",
    )
    parser.add_argument(
        "--frontend-port",
        type=_port,
        default=os.environ.get("EXAMPLE_FRONTEND_PORT") or "3000",
        help="port of the frontend (default: EXAMPLE_FRONTEND_PORT or 3000)",
    )
    arguments = parser.parse_args(argv)
    if arguments.host_port == arguments.frontend_port:
        parser.error("the backend and the frontend need two different ports")
    return arguments


def _port(value: str) -> int:
    if value.isdecimal() and 1 <= int(value) <= HIGHEST_PORT:
        return int(value)
    msg = f"{value!r} is not a port (1 to {HIGHEST_PORT})"
    raise argparse.ArgumentTypeError(msg)


def _serve(host_port: int, frontend_port: int, stop: threading.Event) -> None:
    import django
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.management import call_command
    from django.core.servers.basehttp import (
        ThreadedWSGIServer,
        WSGIRequestHandler,
        get_internal_wsgi_application,
    )
    from frontend_server import FrontendServer

    host_url = f"http://localhost:{host_port}"
    frontend_url = f"http://localhost:{frontend_port}"
    _refuse_taken(host_port, "host", "--host-port")
    _refuse_taken(frontend_port, "frontend", "--frontend-port")
    django.setup()
    try:
        host = ThreadedWSGIServer(("127.0.0.1", host_port), WSGIRequestHandler)
    except OSError as error:
        raise PortTakenError(host_port, "host", "--host-port") from error
    with host:
        try:
            frontend = FrontendServer(frontend_port, host_url)
        except OSError as error:
            flag = "--frontend-port"
            raise PortTakenError(frontend_port, "frontend", flag) from error
        with frontend:
            call_command("migrate", verbosity=0, interactive=False)
            logins = [(login, _ensure(login)) for login in DEMO_LOGINS]
            frontend.demo_logins = [
                {
                    "username": login.username,
                    "email": login.email,
                    "password": known,
                    # The frontend plays the authenticator app.
                    "totp_secret": _secret(login),
                }
                for login, known in logins
            ]
            host.set_app(StaticFilesHandler(get_internal_wsgi_application()))
            threads = [
                threading.Thread(target=server.serve_forever, args=(0.1,))
                for server in (host, frontend)
            ]
            for thread in threads:
                thread.start()
            _say(
                f"Frontend  {frontend_url}/\n"
                f"Outbox    {frontend_url}/outbox (the mails that the backend sent)\n"
                f"API       {host_url}/api/v1/auth/\n"
                f"Admin     {host_url}/admin/\n"
                "\n" + "\n".join(_line(*login) for login in logins) + "\n"
                "\n"
                "Ready. Stop with Ctrl-C."
            )
            # With a timeout, because Windows delivers no Ctrl-C to an endless wait.
            while not stop.wait(0.5):
                pass
            for server in (host, frontend):
                server.shutdown()
            for thread in threads:
                thread.join()


def _refuse_taken(port: int, what: str, flag: str) -> None:
    # Binding to 127.0.0.1 succeeds beside a program that listens on ::1 only, and
    # browsers, for which localhost is both, would then talk to that program.
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(1)
                taken = probe.connect_ex((address, port)) == 0
        except OSError:
            # A machine without IPv6.
            continue
        if taken:
            raise PortTakenError(port, what, flag)


def _ensure(login: DemoLogin) -> str | None:
    """Create the account unless it is there; return its password if it is known."""
    from django.apps import apps
    from django.contrib.auth.models import User

    user = User.objects.filter(username=login.username).first()
    if user is None:
        user = User.objects.create_user(
            login.username,
            login.email,
            login.password,
            is_staff=login.is_admin,
            is_superuser=login.is_admin,
        )
        # Other settings may leave the app out.
        if login.totp_key and apps.is_installed("django_otp.plugins.otp_totp"):
            from django_otp.plugins.otp_totp.models import TOTPDevice

            TOTPDevice.objects.create(user=user, name="demo", key=login.totp_key)
    return login.password if user.check_password(login.password) else None


def _secret(login: DemoLogin) -> str:
    """Return the secret of the authenticator app as such an app takes it."""
    return b32encode(bytes.fromhex(login.totp_key)).decode()


def _line(login: DemoLogin, known: str | None) -> str:
    role = "Demo admin" if login.is_admin else "Demo user "
    password = known or "(you changed the password)"
    line = f"{role}  {login.username} / {login.email}  password: {password}"
    secret = _secret(login)
    return f"{line}  authenticator app: {secret}" if secret else line


if __name__ == "__main__":
    sys.exit(main())
