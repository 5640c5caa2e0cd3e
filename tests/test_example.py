"""The example has a sentence for whatever the package may say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_kit_auth.errors import CODES
from ai_kit_auth.openapi.codes import answers_of

from .accounts import view_of
from .urlconfs.account import ROUTES

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

I18N = Path(__file__).parent.parent / "example_project" / "frontend" / "i18n"


def texts(language: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((I18N / f"{language}.json").read_text("utf-8"))
    return loaded


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_code_has_a_sentence(language: str) -> None:
    errors = texts(language)["errors"]
    assert [code for code in CODES if not errors.get(code)] == []
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
    errors = texts(language)["errors"]
    assert [code for code in sorted(codes) if not errors.get(code)] == []
