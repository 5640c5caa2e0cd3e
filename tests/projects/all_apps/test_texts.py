"""What the apps say: whole in every language that the core has."""

from __future__ import annotations

import pytest
from django.test import override_settings
from django.utils.translation import to_language

from ai_kit_auth.capability import capabilities
from ai_kit_auth.mail_preview import preview
from ai_kit_auth.sentences import find_sentences

from ...packages import CORE

LANGUAGES = sorted(to_language(each.name) for each in (CORE / "locale").iterdir())
MAILS = [name for one in capabilities()[2:] for name in one.mails]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_of_an_app_is_whole_in_its_language(language: str) -> None:
    assert {"FACTOR_ADDED", "FACTOR_REMOVED", "RECOVERY_CODE_USED"} <= {*MAILS}
    with override_settings(LANGUAGES=[(language, language)]):
        for name in MAILS:
            found = preview(name, language)
            assert found.problems == []
            assert found.untranslated == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_of_an_app_has_a_sentence_in_its_language(language: str) -> None:
    found = find_sentences(language)
    assert "second_factor_required" in found.by_code
    assert found.in_english == []
    assert found.missing == []
