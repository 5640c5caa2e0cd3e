"""The example: its sentences, and how it starts."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ai_kit_auth.errors import CODES
from ai_kit_auth.openapi.codes import answers_of

from .accounts import view_of
from .browser.example import packaged_sentences
from .browser.processes import free_port
from .urlconfs.account import ROUTES

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

RUN = Path(__file__).parent.parent / "example_project" / "run.py"
I18N = Path(__file__).parent.parent / "example_project" / "frontend" / "i18n"


def texts(language: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((I18N / f"{language}.json").read_text("utf-8"))
    return loaded


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_sentences_of_the_packages_codes_are_the_packages(language: str) -> None:
    """The frontend adds those of other codes."""
    errors = texts(language)["errors"]
    assert not errors.keys() & (CODES.keys() | packaged_sentences(language).keys())
    assert all(" " in sentence for sentence in errors.values())


def test_the_languages_say_the_same_things() -> None:
    english, german = texts("en"), texts("de")
    assert english.keys() == german.keys()
    assert english["errors"].keys() == german["errors"].keys()
    assert all(
        german["errors"][code] != sentence
        for code, sentence in english["errors"].items()
    )


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_answer_of_every_endpoint_has_its_sentences(language: str) -> None:
    """Also where the code is one of Django's or of DRF's, such as that of a limit."""
    answers = [
        answers_of(view_of(route.callback), method)
        for route in ROUTES
        for method in ("GET", "POST", "PATCH")
    ]
    codes = {
        code
        for answer in answers
        for places in answer.by_status.values()
        for codes in places.values()
        for code in codes.known
    }
    assert codes >= {"no_password", "reauthentication_required", "account_protected"}
    known = packaged_sentences(language) | texts(language)["errors"]
    assert sorted(codes - known.keys()) == []


@pytest.mark.parametrize(
    ("what", "other"), [("host", "--frontend-port"), ("frontend", "--host-port")]
)
def test_a_port_that_is_taken_is_named_with_what_to_type(what: str, other: str) -> None:
    """For an example that was started with Python, and for one with tox."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        flag = f"--{what}-port"
        ended = subprocess.run(  # noqa: S603  # our own program
            [sys.executable, RUN, flag, str(port), other, str(free_port())],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert ended.returncode == 1
    assert ended.stdout == ""
    reason, *hints = ended.stderr.splitlines()
    assert reason == (
        f"Port {port} is taken, so the {what} cannot start. Stop the program that uses "
        f"it, or choose another port with {flag}:"
    )
    assert hints == [
        f"    python example_project/run.py {flag} {port + 1}",
        f"    tox run -e example -- {flag} {port + 1}",
    ]
