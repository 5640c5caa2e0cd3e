"""
What to say to a person for an error code, in their language.

The API answers with codes, and the frontend has the sentences. This module is where a
frontend's build takes them from: ``codes/<language>.json`` beside the declaration of
each capability, in this package for its own codes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from django.conf.locale import LANG_INFO
from django.contrib.auth.password_validation import (
    MinimumLengthValidator,
    get_default_password_validators,
)
from django.core.exceptions import ImproperlyConfigured

from . import errors
from .capability import packages
from .user_model import user_model

FOLDER = "codes"
ENGLISH = "en"


class UnknownLanguageError(LookupError):
    """No capability has sentences in the language, nor in one that it falls back to."""


@dataclass(frozen=True)
class Sentences:
    """
    The sentences in one language.

    ``language``: the code of the language that was found, such as ``de`` for ``de-at``.
    ``by_code``: the sentences, in the order of :data:`errors.CODES`; sentences for
    other codes follow. ``in_english``: the codes with a sentence in English alone.
    ``missing``: the codes without a sentence.
    """

    language: str
    by_code: dict[str, str]
    in_english: list[str]
    missing: list[str]


def code_sentences(language: str) -> dict[str, str]:
    """
    Return the sentences for all error codes of the project, by code.

    ``language``: a language code as Django writes it, such as ``de`` or ``pt-br``. A
    regional language falls back as it does in Django, and a code without a sentence in
    the language has its English one. In the sentences, ``{min_length}`` is replaced by
    the ``min_length`` of the MinimumLengthValidator in ``AUTH_PASSWORD_VALIDATORS``, if
    there is one. ``{retry_after}`` stays: the client puts in the header
    ``Retry-After``.

    Raises :exc:`UnknownLanguageError`, and :exc:`ImproperlyConfigured` for a file or a
    validator that cannot be used.
    """
    return find_sentences(language).by_code


def find_sentences(language: str) -> Sentences:
    """Return what :func:`code_sentences` does, with what is missing in ``language``."""
    files: dict[str, list[Path]] = {}
    for path in _files():
        files.setdefault(_normal(path.stem), []).append(path)
    chain = _chain(language, sorted(files))
    local: dict[str, str] = {}
    english: dict[str, str] = {}
    # A later capability is one of the project, which may reword what the package says.
    for code in reversed(chain):
        for path in files[code]:
            local |= _read(path)
    for path in files[ENGLISH]:
        english |= _read(path)
    english, local = _with_renamed(english), _with_renamed(local)
    found = english | local
    registry = errors.CODES
    ordered = [code for code in registry if code in found]
    ordered += [code for code in found if code not in registry]
    filled = _filled({code: found[code] for code in ordered})
    return Sentences(
        language=chain[0],
        by_code=filled,
        in_english=[code for code in ordered if code not in local],
        missing=[code for code in registry if code not in found],
    )


def _files() -> Iterator[Path]:
    """Yield the files of sentences, those of this package first."""
    for package in dict.fromkeys(packages()):
        for folder in getattr(import_module(package), "__path__", ()):
            yield from sorted(Path(folder, FOLDER).glob("*.json"))


def _normal(language: str) -> str:
    return language.lower().replace("_", "-")


def _chain(language: str, there: list[str]) -> list[str]:
    """Return those of the languages ``there`` that serve for ``language``, best first.

    The order is that of Django's ``get_supported_language_variant()``, which knows
    ``LANGUAGES`` alone.
    """
    code = _normal(language)
    wanted = [code, *LANG_INFO.get(code, {}).get("fallback", ())]
    while "-" in code:
        code = code.rpartition("-")[0]
        wanted.append(code)
    variants = [other for other in there if other.startswith(f"{code}-")]
    chain = [other for other in dict.fromkeys(wanted) if other in there]
    if not chain + variants:
        raise UnknownLanguageError(
            f"There are no sentences in {language!r}. The languages are "
            f"{', '.join(there)}."
        )
    return chain or variants[:1]


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{path}: {error}") from error
    if not isinstance(content, dict) or not all(
        isinstance(sentence, str) for sentence in content.values()
    ):
        raise ImproperlyConfigured(f"{path} is no object of codes and sentences.")
    return content


def _with_renamed(sentences: dict[str, str]) -> dict[str, str]:
    """Add ``mail_unique`` where the user model calls its e-mail field ``mail``."""
    roles = {user_model.email: "email_unique", user_model.username: "username_unique"}
    renamed = {
        f"{name}_unique": sentences[code]
        for name, code in roles.items()
        if name and code in sentences
    }
    return renamed | sentences


def _filled(sentences: dict[str, str]) -> dict[str, str]:
    lengths = [
        validator.min_length
        for validator in get_default_password_validators()
        if isinstance(validator, MinimumLengthValidator)
    ]
    if not lengths:
        return sentences
    # A password must satisfy all of them.
    length = str(max(lengths))
    return {
        # Not format(): a sentence may have other braces.
        code: sentence.replace("{min_length}", length)
        for code, sentence in sentences.items()
    }
