"""
``python -m ai_kit_auth init``: ``manage.py ai_kit_auth_init`` for a project without it.

Django finds the commands of the apps in INSTALLED_APPS alone, and this one puts the app
there.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from pathlib import Path
from typing import NoReturn

_VARIABLE = "DJANGO_SETTINGS_MODULE"


def main(arguments: list[str]) -> None:
    """Run the command with ``arguments``, those after ``python -m ai_kit_auth``."""
    if arguments[:1] != ["init"]:
        sys.exit("Usage: python -m ai_kit_auth init [--help]")
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    given, rest = parser.parse_known_args(arguments[1:])
    # As manage.py has it, also where Python leaves the current folder out.
    sys.path.insert(0, given.pythonpath or os.getcwd())
    module = given.settings or os.environ.get(_VARIABLE) or _settings_of_manage_py()
    if not module:
        _stop(
            "No settings: run it in the folder of manage.py, or pass --settings "
            "project.settings."
        )
    os.environ[_VARIABLE] = module
    import django

    try:
        django.setup()
        # It needs the user model.
        from .management.commands.ai_kit_auth_init import Command
    except Exception as error:  # noqa: BLE001  # a project's settings raise anything
        _stop(f"{module} cannot be loaded: {type(error).__name__}: {error}")

    Command().run_from_argv(["python -m ai_kit_auth", "init", *rest])


def _settings_of_manage_py() -> str:
    """Return the settings that ``manage.py`` in this folder names, or ""."""
    try:
        tree = ast.parse(Path("manage.py").read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ""
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[ast.Constant(value=name), ast.Constant(value=found)]):
                if name == _VARIABLE:
                    return str(found)
    return ""


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)  # noqa: T201  # before Django has a command's stderr
    sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
