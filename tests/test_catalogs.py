"""The catalogs: complete, and in the terms of Django's catalog of each language."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import django
import polib
import pytest
from django.test import override_settings
from django.utils.translation import to_language

from ai_kit_auth.mail_preview import known_languages, mail_names, preview

from .packages import APPS, CORE, PACKAGES, package_of, sources_of, templates_of

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

CATALOGS = [
    path
    for package in PACKAGES
    for path in sorted(package.glob("locale/*/LC_MESSAGES/django.po"))
]
LANGUAGES = tuple(
    "ar bg ca cs da de el es fa fi fr he hi hu id it ja ko nb nl pl pt pt-br ro ru sv "  # noqa: SIM905  # a list would be a page long
    "tr uk vi zh-hans zh-hant".split()
)
# In their letters, a Latin word would be one that was left in English. "Email" is what
# Django itself says in Greek and in Simplified Chinese.
OTHER_LETTERS: dict[str, set[str]] = {
    **{name: set() for name in ("ar", "bg", "fa", "he", "hi", "ja", "ko", "ru", "uk")},
    "el": {"email"},
    "zh_Hans": {"Email"},
    "zh_Hant": set(),
}
# What every language writes in Latin letters.
BORROWED = {"IP"}
# Django 5.2 and 6.0 have other rules than 6.1 there, and keep the rule of each catalog.
OTHER_RULES = {"es", "fr", "he"}
# What the admin takes from Django.
DJANGOS = {
    "A user with that username already exists.",
    "Enter a valid email address.",
    "Important dates",
    "Permissions",
    "Personal info",
}
# What is the same in a language as in English.
SAME = {"nl": {"Accounts"}}
# The word for "password" where Django's catalog has one that products do not use.
PASSWORD = {"hi": "\u092a\u093e\u0938\u0935\u0930\u094d\u0921"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
ENDS = {".": ".\u3002\u0964!", ",": ",\uff0c\u3001\u060c!:\uff1a", ":": ":\uff1a"}

each_catalog = pytest.mark.parametrize(
    "path", CATALOGS, ids=lambda path: f"{package_of(path).name}-{path.parts[-3]}"
)


@cache
def entries_of(path: Path) -> polib.POFile:
    return polib.pofile(str(path))


@cache
def django_catalog(language: str) -> polib.POFile:
    """Return what Django itself translates in ``language``, a folder's name."""
    found = polib.POFile()
    folder = Path(django.__file__).parent
    for app in ("conf", "contrib/auth", "contrib/admin"):
        path = folder / app / "locale" / language / "LC_MESSAGES" / "django.po"
        catalog = polib.pofile(str(path))
        found.metadata = found.metadata or catalog.metadata
        found.extend(
            [
                entry
                for entry in catalog.translated_entries()
                if not entry.fuzzy and not entry.msgctxt
            ]
        )
    return found


def texts(entry: polib.POEntry | polib.MOEntry) -> list[str]:
    """Return what ``entry`` is translated to, every plural of it."""
    return [*([entry.msgstr] if entry.msgstr else []), *entry.msgstr_plural.values()]


def messages_of_template(source: str) -> set[str]:
    tags = re.findall(r"\{%\s*trans(?:late)?\s+(.*?)\s*%\}", source)
    blocks = re.findall(r"\{% blocktranslate .*?%\}(.*?)\{% endblock", source)
    return {ast.literal_eval(argument) for argument in tags} | {
        re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", block) for block in blocks
    }


def messages_of_module(source: str) -> set[str]:
    """Return what the module hands to gettext, by whatever name it imports it."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module == "django.utils.translation"
        for alias in node.names
        if "gettext" in alias.name
    }
    return {
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in names
    }


@cache
def messages_of(package: Path) -> set[str]:
    """Return what the catalogs of a package have to translate."""
    texts = [
        messages_of_template(each.read_text("utf-8")) for each in templates_of(package)
    ]
    texts += [
        messages_of_module(each.read_text("utf-8")) for each in sources_of(package)
    ]
    # An app is never installed without the core.
    others = DJANGOS if package == CORE else DJANGOS | messages_of(CORE)
    return set().union(*texts) - others


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_language_has_a_catalog(package: Path) -> None:
    found = {
        to_language(path.parts[-3]) for path in CATALOGS if package_of(path) == package
    }
    assert found == (set(LANGUAGES) if messages_of(package) else set())


@each_catalog
def test_a_catalog_translates_what_is_used_and_nothing_else(path: Path) -> None:
    entries = entries_of(path)
    assert {entry.msgid for entry in entries} == messages_of(package_of(path))
    assert [
        entry.msgid for entry in entries if entry.fuzzy or not all(texts(entry))
    ] == []
    assert entries.percent_translated() == 100
    assert list(entries.obsolete_entries()) == []


@each_catalog
def test_a_catalog_is_compiled(path: Path) -> None:
    compiled = polib.mofile(str(path.with_suffix(".mo")))
    source = entries_of(path)
    assert {entry.msgid: texts(entry) for entry in compiled} == {
        entry.msgid: texts(entry) for entry in source
    }
    assert compiled.metadata["Content-Type"] == source.metadata["Content-Type"]
    assert compiled.metadata["Plural-Forms"] == source.metadata["Plural-Forms"]


@each_catalog
def test_every_plural_of_the_language_has_its_text(path: Path) -> None:
    """With the forms of Django, whose catalogs are merged with this one."""
    source, language = entries_of(path), path.parts[-3]
    rule = source.metadata["Plural-Forms"]
    theirs = django_catalog(language).metadata["Plural-Forms"]
    assert rule == theirs or language in OTHER_RULES
    number = int(re.findall(r"nplurals=(\d+)", rule)[0])
    plurals = [list(entry.msgstr_plural) for entry in source if entry.msgid_plural]
    assert plurals or package_of(path) in APPS
    assert all(plural == list(range(number)) for plural in plurals)


@each_catalog
def test_every_text_has_the_values_of_its_original(path: Path) -> None:
    for entry in entries_of(path):
        values = sorted(PLACEHOLDER.findall(entry.msgid))
        for text in texts(entry):
            assert sorted(PLACEHOLDER.findall(text)) == values
            assert "%" not in PLACEHOLDER.sub("", text)


@each_catalog
def test_a_translation_ends_as_its_original_does(path: Path) -> None:
    """A sentence that lost its colon or got a space is a slip of the translator."""
    for entry in entries_of(path):
        for text in texts(entry):
            assert "  " not in text
            assert text == text.strip()
            end = ENDS.get(entry.msgid[-1])
            assert end is None or entry.msgid.startswith("Hello") or text[-1] in end


@each_catalog
def test_nothing_is_left_in_english(path: Path) -> None:
    language = path.parts[-3]
    same = {entry.msgid for entry in entries_of(path) if entry.msgid in texts(entry)}
    assert same == (SAME.get(language, set()) & messages_of(package_of(path)))
    found = {
        word
        for entry in entries_of(path)
        for text in texts(entry)
        for word in re.findall("[A-Za-z]+", PLACEHOLDER.sub("", text))
    }
    # A language that is not listed is written in Latin letters itself.
    assert found - BORROWED <= OTHER_LETTERS.get(language, found)


@each_catalog
def test_a_term_is_that_of_django(path: Path) -> None:
    language = path.parts[-3]
    words = {entry.msgid: entry.msgstr for entry in django_catalog(language)}
    # Without its ending, which depends on the case.
    password = PASSWORD.get(language, words["Password"]).casefold()[:4]
    about = [entry for entry in entries_of(path) if "password" in entry.msgid]
    text = " ".join(text for entry in about for text in texts(entry))
    assert password in text.casefold() or (package_of(path) in APPS and not about)


@each_catalog
def test_what_django_translates_is_left_to_django(path: Path) -> None:
    """The catalog of an app would replace Django's words in the whole project."""
    theirs = {entry.msgid for entry in django_catalog(path.parts[-3])}
    assert {entry.msgid for entry in entries_of(path)} & theirs == set()
    assert theirs >= DJANGOS


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_is_whole_in_its_language(language: str) -> None:
    with override_settings(LANGUAGES=[(language, language)]):
        assert known_languages() == [language]
        for name in mail_names():
            found = preview(name, language)
            assert found.problems == []
            assert found.untranslated == {}
