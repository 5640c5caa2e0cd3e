"""The sentences for the error codes: complete in every language, and given away."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from gettext import translation
from pathlib import Path

import pytest
from django.conf import settings
from django.conf.locale import LANG_INFO
from django.contrib import auth
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils.translation import to_locale

from ai_kit_auth import errors
from ai_kit_auth.errors import CODES
from ai_kit_auth.sentences import UnknownLanguageError, code_sentences
from ai_kit_auth.user_model import user_model

from .extras import TESTS
from .packages import APPS, CORE, codes_of, package_of, with_apps

# The same on every user model, but for the names of fields.
same = pytest.mark.user_model("auth_user")

FILES = sorted((CORE / "codes").iterdir())
FILES_OF_APPS = [path for app in APPS for path in sorted(app.glob("codes/*"))]
# The codes that the npm package gives by itself.
FILES_OF_CLIENT = sorted((TESTS.parent / "client" / "codes").iterdir())
PLACEHOLDER = re.compile(r"\{\w*\}")
FULL_STOPS = {"hi": "।", "ja": "。", "zh-hans": "。", "zh-hant": "。"}
# Languages whose letters are not those of English, with the words that they borrow: in
# Greek, Django has a "διεύθυνση email".
OTHER_LETTERS: dict[str, set[str]] = {
    "ar": set(),
    "bg": set(),
    "el": {"email"},
    "fa": set(),
    "he": set(),
    "hi": set(),
    "ja": set(),
    "ko": set(),
    "ru": set(),
    "uk": set(),
    "zh-hans": set(),
    "zh-hant": set(),
}


def content(file: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return found


def english_of(file: Path) -> dict[str, str]:
    return content(file.with_stem("en"))


def label(file: Path) -> str:
    whose = "client" if file in FILES_OF_CLIENT else package_of(file).name
    return f"{whose}-{file.stem}"


ENGLISH = english_of(FILES[0])
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
each_file_of_all = pytest.mark.parametrize(
    "file",
    [*FILES, *FILES_OF_APPS, *FILES_OF_CLIENT],
    ids=label,
)


# The files


@same
def test_there_are_thirty_two_languages_by_their_names_in_django() -> None:
    assert len(FILES) == 32
    assert {file.suffix for file in FILES} == {".json"}
    assert {file.stem for file in FILES} <= LANG_INFO.keys()
    assert {file.stem for file in FILES} >= OTHER_LETTERS.keys() | FULL_STOPS.keys()


@same
@each_file
def test_every_code_has_its_sentence_in_the_order_of_the_registry(file: Path) -> None:
    assert list(content(file)) == list(CODES)


@same
def test_every_code_of_an_app_has_its_sentence_in_the_same_languages() -> None:
    for app in APPS:
        files = [file for file in FILES_OF_APPS if package_of(file) == app]
        assert [file.name for file in files] == [file.name for file in FILES]
        for file in files:
            assert content(file).keys() == codes_of(app).keys(), file


@same
def test_the_client_has_sentences_for_its_own_codes_in_the_same_languages() -> None:
    assert [file.name for file in FILES_OF_CLIENT] == [file.name for file in FILES]
    with with_apps():
        codes_of_the_server = set(errors.CODES)
    for file in FILES_OF_CLIENT:
        assert list(content(file)) == list(english_of(file)), file
        # One code with two meanings would have one sentence.
        assert not content(file).keys() & codes_of_the_server


@same
@each_file_of_all
def test_a_sentence_is_short_and_ends(file: Path) -> None:
    stop = FULL_STOPS.get(file.stem, ".")
    for code, sentence in content(file).items():
        assert len(sentence) <= 120, code
        assert sentence.endswith(stop), code
        assert sentence == sentence.strip(), code
        assert len(re.findall(rf"{re.escape(stop)}(?=\s|$)", sentence)) <= 2, code


@same
@each_file_of_all
def test_a_sentence_has_the_placeholders_of_the_english_one(file: Path) -> None:
    for code, sentence in content(file).items():
        there = PLACEHOLDER.findall(sentence)
        assert there == PLACEHOLDER.findall(english_of(file)[code]), code
        assert not set(PLACEHOLDER.sub("", sentence)) & set("{}"), code


@same
@each_file_of_all
def test_a_placeholder_is_a_declared_parameter_of_its_code(file: Path) -> None:
    with with_apps():
        declared = dict(errors.PARAMS)
    for code, sentence in content(file).items():
        names = {found.strip("{}") for found in PLACEHOLDER.findall(sentence)}
        assert names <= declared.get(code, {}).keys(), code


@same
def test_the_placeholders_are_those_that_a_frontend_can_fill_in() -> None:
    with_some = {
        code: PLACEHOLDER.findall(sentence)
        for code, sentence in ENGLISH.items()
        if PLACEHOLDER.search(sentence)
    }
    assert with_some == {
        "password_too_short": ["{min_length}"],
        "throttled": ["{retry_after}"],
    }


@same
@pytest.mark.parametrize(
    "file",
    [file for file in [*FILES, *FILES_OF_APPS, *FILES_OF_CLIENT] if file.stem != "en"],
    ids=label,
)
def test_nothing_was_left_in_english(file: Path) -> None:
    sentences, english = content(file), english_of(file)
    assert [code for code in sentences if sentences[code] == english[code]] == []
    if file.stem in OTHER_LETTERS:
        text = PLACEHOLDER.sub("", " ".join(sentences.values()))
        borrowed = OTHER_LETTERS[file.stem] if file in FILES else set()
        assert set(re.findall(r"[A-Za-z]+", text)) == borrowed


@same
@each_file
def test_a_password_is_called_what_django_calls_it(file: Path) -> None:
    # One catalog: override() would load those of all apps, in a tenth of a second.
    catalog = translation(
        "django",
        Path(auth.__file__).parent / "locale",
        languages=[to_locale(file.stem)],
    )
    djangos = catalog.gettext("Password").lower()
    # Django's catalog has "कूटशब्द". Products say "पासवर्ड".
    word = "पासवर्ड" if file.stem == "hi" else djangos
    assert word in content(file)["password_too_common"].lower()


# What a project gets


@pytest.mark.parametrize(
    ("language", "file"),
    [
        ("de", "de"),
        ("de-at", "de"),
        ("de_AT", "de"),
        ("pt-ao", "pt"),
        ("PT-BR", "pt-br"),
        ("zh-cn", "zh-hans"),
        ("zh-hk", "zh-hant"),
        ("zh-hant-hk", "zh-hant"),
        ("zh", "zh-hans"),
        ("en-gb", "en"),
    ],
)
@same
def test_a_regional_language_falls_back_as_in_django(language: str, file: str) -> None:
    [path] = [path for path in FILES if path.stem == file]
    expected = content(path)["csrf_failed"]
    assert code_sentences(language)["csrf_failed"] == expected


@same
@pytest.mark.parametrize("language", ["tlh", "", "d", "en/../de", "../codes/de"])
def test_an_unknown_language_is_told_which_there_are(language: str) -> None:
    with pytest.raises(UnknownLanguageError) as caught:
        code_sentences(language)
    there = ", ".join(sorted(file.stem for file in FILES))
    assert str(caught.value) == (
        f"There are no sentences in {language!r}. The languages are {there}."
    )


class LongPasswords(MinimumLengthValidator):
    """A project's validator, with a limit of its own."""

    def __init__(self) -> None:
        super().__init__(min_length=15)


def validators(*given: tuple[str, dict[str, int]]) -> list[dict[str, object]]:
    return [{"NAME": name, "OPTIONS": options} for name, options in given]


DJANGOS = "django.contrib.auth.password_validation.MinimumLengthValidator"
OWN = f"{__name__}.LongPasswords"


@same
@pytest.mark.parametrize(
    ("configured", "length"),
    [
        (validators((DJANGOS, {})), "8"),
        (validators((DJANGOS, {"min_length": 12})), "12"),
        (validators((OWN, {})), "15"),
        (validators((DJANGOS, {"min_length": 12}), (OWN, {})), "15"),
        ([], "{min_length}"),
    ],
)
def test_the_shortest_password_is_the_one_of_the_project(
    configured: list[dict[str, object]], length: str
) -> None:
    with override_settings(AUTH_PASSWORD_VALIDATORS=configured):
        found = code_sentences("de")
    assert found["password_too_short"] == (
        f"Dieses Passwort ist zu kurz. Mindestzahl der Zeichen: {length}."
    )
    # The client knows it.
    assert "{retry_after}" in found["throttled"]


def test_a_renamed_field_has_the_sentence_of_its_role() -> None:
    found = code_sentences("de")
    assert found[f"{user_model.email}_unique"] == found["email_unique"]
    for name in user_model.names[1:]:
        assert found[f"{name}_unique"] == found["username_unique"]


# The command


@pytest.fixture
def loyalty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install an app whose capability has two codes; return its folder of sentences."""
    package = tmp_path / "loyalty"
    folder = package / "codes"
    folder.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "apps.py").write_text(
        "from django.apps import AppConfig\n"
        "class LoyaltyConfig(AppConfig):\n"
        "    name = 'loyalty'\n"
        "    ai_kit_auth_capabilities = ('loyalty.capability.LOYALTY',)\n"
    )
    (package / "capability.py").write_text(
        "from ai_kit_auth.capability import Capability\n"
        "CODES = {'no_card': 'none', 'old_card': 'too old'}\n"
        "LOYALTY = Capability('loyalty', codes=CODES)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "loyalty"]):
        yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "loyalty"]:
        del sys.modules[name]


Command = Callable[..., tuple[str, str]]


@pytest.fixture
def command() -> Command:
    """Return a function that runs the command, and returns what it printed."""

    def run(*arguments: str) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        call_command("ai_kit_auth_codes", *arguments, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return run


@same
def test_the_command_prints_one_object(command: Command) -> None:
    printed, complaints = command("--lang", "de")
    assert json.loads(printed) == code_sentences("de")
    assert list(json.loads(printed)) == list(CODES)
    assert printed.endswith("}\n")
    assert "Bitte füllen Sie dieses Feld aus." in printed
    assert complaints == ""


@same
def test_it_prints_utf_8_whatever_the_terminal_has() -> None:
    pipe = io.BytesIO()
    terminal = io.TextIOWrapper(pipe, encoding="ascii")
    call_command("ai_kit_auth_codes", "--lang", "ja", stdout=terminal)
    terminal.flush()
    assert json.loads(pipe.getvalue().decode("utf-8")) == code_sentences("ja")


@same
def test_it_writes_a_file_in_place_of_another(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "de.json"
    file.write_text("an older one, " * 1000)
    printed, complaints = command("--lang", "de-ch", "--out", str(file))
    assert json.loads(file.read_text(encoding="utf-8")) == code_sentences("de")
    assert file.read_bytes().endswith(b"}\n")
    assert printed == f"{len(CODES)} sentences in de: {file}\n"
    assert complaints == ""
    # No temporary file is left.
    assert list(tmp_path.iterdir()) == [file]


@same
@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("missing/de.json", "does not exist."),
        ("a_file/de.json", "does not exist."),
        (".", "is a folder. Name a file."),
        (f"{'long' * 70}.json", "File name too long"),
    ],
)
def test_a_file_that_cannot_be_written_is_an_error(
    command: Command, tmp_path: Path, out: str, reason: str
) -> None:
    (tmp_path / "a_file").touch()
    with pytest.raises(CommandError, match=re.escape(reason)):
        command("--lang", "de", "--out", str(tmp_path / out))
    assert [path.name for path in tmp_path.iterdir()] == ["a_file"]


@same
def test_an_unknown_language_is_an_error(command: Command) -> None:
    with pytest.raises(CommandError, match=r"no sentences in 'tlh'.* ar, bg, ca,"):
        command("--lang", "tlh")


@same
def test_a_code_without_a_sentence_is_named(command: Command, loyalty: Path) -> None:
    (loyalty / "en.json").write_text('{"no_card": "You have no card."}')
    printed, complaints = command("--lang", "fr")
    found = json.loads(printed)
    assert list(found) == [*CODES, "no_card"]
    assert found["no_card"] == "You have no card."
    assert complaints.splitlines() == [
        "In English, for want of fr: no_card",
        "Without a sentence: old_card",
    ]
    # English itself lacks nothing but that.
    assert command("--lang", "en-au")[1] == "Without a sentence: old_card\n"


@same
def test_a_project_may_reword_and_add(command: Command, loyalty: Path) -> None:
    """A validator of its own has codes that no capability declares."""
    own = {
        "password_pwned": "Dieses Passwort ist bekannt: {0}.",
        "old_card": "Ihre Karte ist alt.",
        "no_card": "Sie haben keine Karte.",
        "blank": "Hier fehlt etwas.",
    }
    (loyalty / "de.json").write_text(json.dumps(own))
    # What the package says in German is better than what the project says in English.
    (loyalty / "en.json").write_text('{"invalid": "No.", "blank": "Nothing."}')
    printed, complaints = command("--lang", "de")
    found = json.loads(printed)
    assert list(found) == [*CODES, "no_card", "old_card", "password_pwned"]
    assert own.items() <= found.items()
    assert found["invalid"] == "Bitte geben Sie einen gültigen Wert ein."
    assert complaints == ""


@same
def test_a_project_may_have_a_language_that_the_package_has_not(
    command: Command, loyalty: Path
) -> None:
    (loyalty / "et.json").write_text('{"no_card": "Teil pole kaarti."}')
    printed, complaints = command("--lang", "et")
    assert json.loads(printed)["no_card"] == "Teil pole kaarti."
    assert json.loads(printed)["blank"] == ENGLISH["blank"]
    assert complaints.startswith("In English, for want of et: required, blank, ")


@same
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"no_card": ', r"en\.json: Expecting value"),
        ("ÿ", r"en\.json: 'utf-8' codec can't decode"),
        ("[]", r"en\.json is no object of codes and sentences\."),
        ('{"no_card": 1}', r"en\.json is no object of codes and sentences\."),
    ],
)
def test_a_broken_file_is_named(
    command: Command, loyalty: Path, text: str, reason: str
) -> None:
    (loyalty / "en.json").write_text(text, encoding="latin-1")
    with pytest.raises(CommandError, match=reason):
        command("--lang", "de")
    with pytest.raises(ImproperlyConfigured, match=reason):
        code_sentences("de")


@same
def test_a_validator_that_does_not_exist_is_an_error(command: Command) -> None:
    missing = validators(("shop.validators.Missing", {}))
    with (
        override_settings(AUTH_PASSWORD_VALIDATORS=missing),
        pytest.raises(CommandError, match=r"shop\.validators\.Missing"),
    ):
        command("--lang", "de")
