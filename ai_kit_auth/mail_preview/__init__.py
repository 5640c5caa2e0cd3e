"""
Render every mail for a sample user, without sending it.

``manage.py ai_kit_auth_mails`` writes the result. This module does not use the database
or the cache; templates and the CUSTOM_DATA_FUNCTION of the project may.
"""

from __future__ import annotations

import gettext
import html
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import django
from django.conf import global_settings, settings
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.utils import translation
from django.utils.translation import to_language, trans_real

from .. import services
from ..accounts import scramble_id
from ..capability import mails
from ..mail_facts import MailFacts
from ..settings import SETTING_NAME, MailTemplates, api_settings, require_frontend_url
from ..user_model import User, UserModel, user_model

__all__ = [
    "LINKS",
    "PARTS",
    "Preview",
    "Problem",
    "describe",
    "known_languages",
    "mail_names",
    "preview",
    "require_configuration",
]

# The parts of a mail, by their keys below its name in EMAIL_TEMPLATES.
PARTS = {"TITLE": "subject", "BODY_PLAINTEXT": "plain text", "BODY_HTML": "HTML"}


# The key of FRONTEND that the link of each mail leads to; None for one without a link.
LINKS: Mapping[str, str | None]


def __getattr__(name: str) -> Mapping[str, str | None]:
    if name == "LINKS":
        return {name: mail.link for name, mail in mails().items()}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one part of one mail, and what to change."""

    part: str
    text: str


def stem(name: str, language: str) -> str:
    """Return the path of the files of a mail without suffix."""
    return f"{language}/{name.lower()}"


@dataclass
class Preview:
    """
    One mail in one language.

    ``parts`` has the rendered parts by the keys of :data:`PARTS`, exactly as they would
    be sent. ``untranslated`` has each message without a translation, with the parts
    that use it.
    """

    name: str
    language: str
    parts: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    untranslated: dict[str, list[str]] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """The path of its files without suffix, such as ``de/set_password``."""
        return stem(self.name, self.language)

    def files(self) -> dict[str, str]:
        """
        Return the content of its files by their paths.

        The HTML is exactly what would be sent. The text begins with the line
        ``Subject: …`` and an empty line, as the source of a mail does.
        """
        files = {}
        if "BODY_HTML" in self.parts:
            files[f"{self.stem}.html"] = self.parts["BODY_HTML"]
        if "BODY_PLAINTEXT" in self.parts:
            head = f"Subject: {self.parts.get('TITLE', '')}\n\n"
            files[f"{self.stem}.txt"] = head + self.parts["BODY_PLAINTEXT"]
        return files


def mail_names() -> list[str]:
    """Return the mails of all capabilities, in the order of their declaration."""
    return list(mails())


def known_languages() -> list[str]:
    """
    Return the languages of the previews.

    They are the project's ``LANGUAGES``. If the project does not set ``LANGUAGES``,
    Django's default lists a hundred; then they are ``LANGUAGE_CODE``, English and the
    languages of this package's catalogs. Without ``USE_I18N`` there are no
    translations, so the only language is ``LANGUAGE_CODE``.
    """
    if not settings.USE_I18N:
        return [settings.LANGUAGE_CODE]
    if not _leaves_languages_alone():
        return list(dict.fromkeys(code for code, _ in settings.LANGUAGES))
    default = settings.LANGUAGE_CODE
    catalogs = (Path(__file__).parent.parent / "locale").iterdir()
    own = ["en", *sorted(to_language(folder.name) for folder in catalogs)]
    # "de-at" speaks the catalog of "de", and "pt-br" has its own beside that of "pt".
    spoken = default if default in own else _base(default)
    return [default, *(code for code in own if code != spoken)]


def _leaves_languages_alone() -> bool:
    return list(settings.LANGUAGES) == list(global_settings.LANGUAGES)


def _base(language: str) -> str:
    return language.split("-")[0]


def require_configuration() -> None:
    """
    Raise an exception if the settings in ``AI_KIT_AUTH`` that mails need are wrong.

    It is :exc:`~ai_kit_auth.settings.UnknownConfigurationError` or
    :exc:`~ai_kit_auth.settings.InvalidConfigurationError`.
    """
    require_frontend_url(api_settings.FRONTEND.URL)
    api_settings.EMAIL_TEMPLATES.CUSTOM_DATA_FUNCTION  # noqa: B018  # any access imports it


def _sample_user() -> User:
    columns = {
        "first_name": "Ada",
        "last_name": "Lovelace",
        user_model.username: "ada",
        user_model.email: "ada@example.com",
    }
    return UserModel(
        **{k: v for k, v in columns.items() if k and k in user_model.columns}
    )


def _sample_url(name: str) -> str:
    route = mails()[name].link
    if route is None:
        return ""
    # The link is the same in every run, so that two previews can be compared.
    return services.make_url(
        api_settings.FRONTEND.URL,
        getattr(api_settings.FRONTEND, route),
        ident=str(scramble_id(1)),
        token="d3k0s2-5d41402abc4b2a76b9719d911017c592",  # noqa: S106  # opens nothing
    )


def preview(name: str, language: str) -> Preview:
    """
    Render the mail ``name``, such as ``"USER_CREATED"``, in ``language``.

    The preview lists faults, and this raises no exception for them: a part that cannot
    be rendered or is empty, a body without the link, a message that the catalogs of the
    language do not translate. English needs no catalog, since messages are in English.

    Raises :exc:`OSError` if Django has no catalog for ``LANGUAGE_CODE``.
    """
    found = Preview(name, language)
    url = _sample_url(name)
    with translation.override(language), _untranslated(language) as missing:
        try:
            context = services.mail_context(_sample_user(), url, name)
        except Exception as error:  # noqa: BLE001  # code of the project
            text = f"{_key('CUSTOM_DATA_FUNCTION')} {_raised(error)}"
            found.problems.append(Problem("context", text))
            return found
        _move(missing, found.untranslated, "context")
        # A text that was kept asks no catalog, so no missing message would be noted.
        facts = context["ai_kit_auth"]
        if isinstance(facts, MailFacts):
            context["ai_kit_auth"] = facts._replace(fixed=None)
        for part in PARTS:
            _render(found, part, context)
            _move(missing, found.untranslated, PARTS[part])
    return found


def _move(
    missing: dict[str, None], untranslated: dict[str, list[str]], part: str
) -> None:
    for message in missing:
        untranslated.setdefault(message, []).append(part)
    missing.clear()


def _render(found: Preview, part: str, context: dict[str, Any]) -> None:
    templates: MailTemplates = getattr(api_settings.EMAIL_TEMPLATES, found.name)
    template: str = getattr(templates, part)
    key = _key(found.name, part)

    def problem(text: str) -> None:
        found.problems.append(Problem(PARTS[part], text))

    try:
        content = services.render_part(templates, part, context)
    except TemplateDoesNotExist as error:
        needed = str(error)
        by = "" if needed == template else f", which {template!r} asks for"
        problem(
            f"there is no template {needed!r}{by}: put it into a template folder that "
            f"TEMPLATES names, or correct {key}."
        )
        return
    except TemplateSyntaxError as error:
        problem(f"{template!r}, the template of {key}, has a syntax error: {error}")
        return
    except Exception as error:  # noqa: BLE001  # a template of the project
        problem(f"{template!r}, the template of {key}, {_raised(error)}")
        return
    found.parts[part] = content
    plain = html.unescape(content) if part == "BODY_HTML" else content
    if not content.strip():
        problem(f"{template!r}, the template of {key}, renders an empty text.")
    elif part != "TITLE" and context["url"] not in plain:
        problem(
            f"{template!r}, the template of {key}, does not show the link: write "
            "{{ url }} there."
        )


def _key(*path: str) -> str:
    return SETTING_NAME + "".join(f"[{k!r}]" for k in ("EMAIL_TEMPLATES", *path))


def _raised(error: Exception) -> str:
    return f"raises {type(error).__name__}: {error}"


# Missing translations


@contextmanager
def _untranslated(language: str) -> Iterator[dict[str, None]]:
    """Collect the messages in use that the catalogs of ``language`` do not have."""
    missing: dict[str, None] = {}
    if not settings.USE_I18N or _base(language) == "en":
        yield missing
        return
    # Django asks the merged catalogs of the language, then their _fallback: first that
    # of the general language ("es" for "es-ar"), then that of LANGUAGE_CODE, which
    # would hide a missing translation. The recorder is put before the latter.
    last: Any = trans_real.translation(language)
    while isinstance(last._fallback, gettext.GNUTranslations) and not isinstance(
        last._fallback, trans_real.DjangoTranslation
    ):
        last = last._fallback
    fallback = last._fallback
    last._fallback = _Recorder(missing, fallback)
    try:
        yield missing
    finally:
        last._fallback = fallback


class _Recorder(gettext.NullTranslations):
    """Notes each message that it is asked for, and returns what ``fallback`` does."""

    def __init__(
        self, missing: dict[str, None], fallback: gettext.NullTranslations | None
    ) -> None:
        super().__init__()
        if fallback is not None:
            self.add_fallback(fallback)
        self._missing = missing
        self._contexts: dict[str, str] = {}

    def gettext(self, message: str) -> str:
        self._note(message)
        return super().gettext(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        _context, separator, message = msgid1.partition(trans_real.CONTEXT_SEPARATOR)
        if separator:
            # Django asks again without the context, and may find that message.
            self._contexts[message] = msgid1
        else:
            self._note(self._contexts.pop(msgid1, msgid1))
        return super().ngettext(msgid1, msgid2, n)

    def _note(self, message: str) -> None:
        if any(catalog.gettext(message) != message for catalog in _filter_catalogs()):
            return
        context, separator, text = message.rpartition(trans_real.CONTEXT_SEPARATOR)
        shown = f"{text!r} (context {context!r})" if separator else repr(text)
        self._missing[shown] = None


@cache
def _filter_catalogs() -> list[gettext.GNUTranslations]:
    """
    Return the catalogs of Django and of its ``humanize``, in all languages.

    The texts of their date, time and number filters are not for a project to translate:
    half of Django's languages lack "%(num)d day".
    """
    django_folder = Path(django.__file__).parent
    catalogs = []
    for app in ("conf", "contrib/humanize"):
        for path in django_folder.glob(f"{app}/locale/*/LC_MESSAGES/django.mo"):
            with path.open("rb") as compiled:
                catalogs.append(gettext.GNUTranslations(compiled))
    return catalogs


# The report


def describe(previews: Sequence[Preview]) -> list[str]:
    """Return one paragraph for each fault: what is wrong, and what to change."""
    languages: dict[tuple[str, Problem], list[str]] = {}
    untranslated: dict[str, dict[str, list[str]]] = {}
    for found in previews:
        for problem in found.problems:
            languages.setdefault((found.name, problem), []).append(found.language)
        for message, parts in found.untranslated.items():
            places = untranslated.setdefault(found.language, {}).setdefault(message, [])
            places.append(f"{found.name} ({', '.join(parts)})")
    paragraphs = [
        f"{name}, {problem.part}, in {', '.join(where)}: {problem.text}"
        for (name, problem), where in languages.items()
    ]
    for language, messages in untranslated.items():
        advice = (
            "set LANGUAGES to the languages that your mails have"
            if _leaves_languages_alone()
            else f"remove {language!r} from LANGUAGES"
        )
        lines = "".join(
            f"\n    {message}\n        in {', '.join(places)}"
            for message, places in messages.items()
        )
        paragraphs.append(
            f"No catalog has these messages in {language!r}. Add them to a catalog in "
            "LOCALE_PATHS or in an app's locale folder and run compilemessages, or "
            f"{advice}.{lines}"
        )
    return paragraphs
