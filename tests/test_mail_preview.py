"""``manage.py ai_kit_auth_mails``: its files, and the faults that it reports."""

from __future__ import annotations

import html
import re
import signal
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import polib
import pytest
from django.conf import global_settings, settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils.translation import (
    get_language,
    gettext,
    gettext_lazy,
    override,
    to_language,
    trans_real,
)

from ai_kit_auth import mail_preview, services, users
from ai_kit_auth.mail_preview import LINKS, known_languages, mail_names
from ai_kit_auth.mail_preview.live import LiveServer
from ai_kit_auth.management.commands.ai_kit_auth_mails import Command
from ai_kit_auth.user_model import user_model

FRONTEND = {"URL": "https://app.example.com"}
PAGES = {
    "user_created": "https://app.example.com/auth/activation?ident=561465857&token=",
    "reset_password": "https://app.example.com/auth/reset_password?ident=561465857"
    "&token=",
    "set_password": "https://app.example.com/auth/activation?ident=561465857&token=",
    "account_exists": "https://app.example.com/auth/reset_password?ident=561465857"
    "&token=",
    "confirm_email": "https://app.example.com/auth/confirm_email?ident=561465857"
    "&token=",
}
NOTICES = (
    "password_changed",
    "email_change_requested",
    "email_changed",
    "account_deleted",
)
MAILS = (*PAGES, *NOTICES)
SUBJECTS = {
    "en": "Please confirm your e-mail address - app.example.com",
    "de": "Bitte bestätigen Sie Ihre E-Mail-Adresse - app.example.com",
}
GERMAN = polib.pofile(
    str(Path(services.__file__).parent / "locale/de/LC_MESSAGES/django.po")
)
CATALOGS = sorted(
    to_language(path.name)
    for path in (Path(services.__file__).parent / "locale").iterdir()
)
ESPERANTO = override_settings(LANGUAGES=[("en", "English"), ("eo", "Esperanto")])

# Functions that write a template, and a catalog.
Template = Callable[[str, str], None]
Catalog = Callable[..., None]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a folder that does not exist yet, nor does the one that it is in."""
    return tmp_path / "preview" / "mails"


@pytest.fixture
def template(tmp_path: Path) -> Iterator[Template]:
    """Return a function that writes into the project's template folder."""
    folder = tmp_path / "templates"
    engine = {**settings.TEMPLATES[0], "DIRS": [folder]}

    def write(name: str, source: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")

    with override_settings(TEMPLATES=[engine]):
        yield write


@pytest.fixture
def locale(tmp_path: Path) -> Iterator[Catalog]:
    """Return a function that compiles a catalog into the project's LOCALE_PATHS."""
    folder = tmp_path / "locale"

    def write(language: str, *entries: polib.POEntry) -> None:
        catalog = polib.POFile()
        catalog.metadata = {
            "Content-Type": "text/plain; charset=UTF-8",
            "Plural-Forms": "nplurals=2; plural=(n != 1);",
        }
        catalog.extend(entries)
        path = folder / language / "LC_MESSAGES" / "django.mo"
        path.parent.mkdir(parents=True)
        catalog.save_as_mofile(str(path))

    with override_settings(LOCALE_PATHS=[folder]):
        yield write


def translated(mark: str) -> list[polib.POEntry]:
    """Return a translation of all that the app says, each with ``mark`` before it."""
    return [
        polib.POEntry(
            msgid=entry.msgid,
            msgid_plural=entry.msgid_plural,
            msgstr="" if entry.msgid_plural else f"{mark} {entry.msgid}",
            msgstr_plural=dict.fromkeys(
                entry.msgstr_plural, f"{mark} {entry.msgid_plural}"
            ),
        )
        for entry in GERMAN
    ]


def run(out: Path, *arguments: str) -> str:
    """Run the command, and return what it prints."""
    printed = StringIO()
    call_command("ai_kit_auth_mails", "--out", str(out), *arguments, stdout=printed)
    return printed.getvalue()


def problems(out: Path, *arguments: str) -> str:
    """Run the command, and return what it finds wrong."""
    with pytest.raises(CommandError) as caught:
        run(out, *arguments)
    assert caught.value.returncode == 1
    return str(caught.value)


def written(out: Path) -> set[str]:
    return {
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()
    }


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def configured(**email_templates: Any) -> override_settings:
    return override_settings(
        AI_KIT_AUTH={"FRONTEND": FRONTEND, "EMAIL_TEMPLATES": email_templates}
    )


MAIL_PAGES = {f"{language}/{name}.page.html" for language in SUBJECTS for name in MAILS}
ALL = {
    "index.html",
    *MAIL_PAGES,
    *(
        f"{language}/{name}{suffix}"
        for language in SUBJECTS
        for name in MAILS
        for suffix in (".html", ".txt")
    ),
}

# What is written


def test_the_mails_of_the_app_are_written_and_without_fault(out: Path) -> None:
    printed = run(out)
    assert printed == f"18 mails in en, de: {out / 'index.html'}\n"
    assert written(out) == ALL


def test_every_mail_that_the_settings_declare_has_a_link_or_is_a_notice() -> None:
    assert list(LINKS) == mail_names()
    assert [name.upper() for name in MAILS] == mail_names()
    assert [name for name in NOTICES if LINKS[name.upper()]] == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", SUBJECTS)
def test_a_mail_links_to_its_page_of_the_frontend(
    out: Path, name: str, language: str
) -> None:
    run(out)
    page = read(out / language / f"{name}.html")
    assert PAGES[name] in read(out / language / f"{name}.txt")
    assert f'href="{html.escape(PAGES[name])}' in page
    assert f'<html lang="{language}" dir="ltr">' in page


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_has_no_link_that_opens_something(out: Path, name: str) -> None:
    """Only one to the frontend's start page, where everybody has to log in."""
    run(out)
    text, page = (read(out / "en" / f"{name}{end}") for end in (".txt", ".html"))
    links = re.findall(r"\S+://\S+", text) + re.findall(r'href="([^"]*)"', page)
    assert set(links) == {"https://app.example.com"}


@pytest.mark.parametrize("language", SUBJECTS)
def test_a_text_begins_with_the_subject(out: Path, language: str) -> None:
    run(out)
    text = read(out / language / "user_created.txt")
    assert text.startswith(f"Subject: {SUBJECTS[language]}\n\n")


def test_a_file_is_what_would_be_sent(out: Path, template: Template) -> None:
    template("ai_kit_auth/set_password_body.txt", "One\r\nTwo & {{ url }} \n\n")
    run(out)
    text, page = (read(out / f"de/set_password{end}") for end in (".txt", ".html"))
    found = re.search(r"https://\S+", text)
    assert found is not None
    user = users.UserModel(**{user_model.email: "ada@example.com"})
    with override("de"):
        services.default_send_activation_by_admin_mail(user, found[0])
    (message,) = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert text == f"Subject: {message.subject}\n\n{message.body}"
    assert page == message.alternatives[0][0]


def test_the_sample_user_has_the_fields_of_the_user_model(
    out: Path, template: Template
) -> None:
    template(
        "ai_kit_auth/user_created_body.txt",
        f"{{{{ user.{user_model.email} }}}}, {{{{ user.get_username }}}}, "
        "{{ user.first_name }} {{ user.last_name }}, {{ url }}",
    )
    run(out)
    username = "ada" if user_model.username else "ada@example.com"
    name = "Ada Lovelace" if "first_name" in user_model.columns else " "
    line = f"ada@example.com, {username}, {name}, https://app.example.com/"
    assert f"\n{line}" in read(out / "en/user_created.txt")


def test_files_that_were_there_are_overwritten_and_others_stay(out: Path) -> None:
    (out / "de").mkdir(parents=True)
    (out / "de/user_created.txt").write_text("old")
    (out / "de/notes.txt").write_text("mine")
    (out / "fr").mkdir()
    run(out)
    assert "Guten Tag" in read(out / "de/user_created.txt")
    assert read(out / "de/notes.txt") == "mine"
    assert written(out) == {*ALL, "de/notes.txt"}


def test_two_runs_write_the_same(out: Path, tmp_path: Path) -> None:
    run(out)
    run(tmp_path / "again")
    for name in ALL:
        assert read(out / name) == read(tmp_path / "again" / name)


def test_nothing_is_sent_and_nothing_remembered(out: Path, tmp_path: Path) -> None:
    """Nor asked of the database: a test without its mark would fail at that."""
    kept = tmp_path / "cache"
    backend = "django.core.cache.backends.filebased.FileBasedCache"
    with override_settings(CACHES={"default": {"BACKEND": backend, "LOCATION": kept}}):
        run(out)
    assert mail.outbox == []
    assert not kept.exists()


# The index


def test_the_index_shows_each_subject_in_its_language(out: Path) -> None:
    run(out)
    index = read(out / "index.html")
    for language, subject in SUBJECTS.items():
        assert re.search(
            rf'lang="{language}" dir="ltr"><span>\s*{re.escape(subject)}\s*</span>',
            index,
        )
    assert 'lang="de" dir="ltr">Deutsch</span>' in index
    assert "No\nproblem was found." in index


def test_the_index_links_to_every_file_and_to_nothing_else(out: Path) -> None:
    run(out)
    index = read(out / "index.html")
    links = re.findall(r'(?:href|src)="([^"]*)"', index)
    assert set(links) == ALL - {"index.html"}
    assert "url(" not in index
    assert "@import" not in index


def test_a_language_from_right_to_left_is_shown_so(out: Path, locale: Catalog) -> None:
    locale("ar", *translated("نعم"))
    with override_settings(LANGUAGES=[("ar", "Arabic")]):
        run(out)
    assert 'lang="ar" dir="rtl"' in read(out / "index.html")


def test_a_language_that_django_does_not_know_has_the_hosts_name(
    out: Path, locale: Catalog
) -> None:
    locale("tlh", *translated("ghItlh"))
    with override_settings(LANGUAGES=[("tlh", "Klingon")]):
        run(out)
    assert ">Klingon</span>" in read(out / "index.html")
    assert "ghItlh Hello," in read(out / "tlh/user_created.txt")


def test_a_subject_is_no_html_in_the_index(out: Path, template: Template) -> None:
    template("ai_kit_auth/user_created_title.txt", "<b>R&D</b>")
    run(out)
    index = read(out / "index.html")
    assert "<b>" not in index
    assert "&lt;b&gt;R&amp;D&lt;/b&gt;" in index


def test_the_index_says_what_is_wrong(out: Path, template: Template) -> None:
    template("ai_kit_auth/set_password_title.txt", "{% if %}")
    text = problems(out)
    index = read(out / "index.html")
    assert html.escape(text) in index
    assert "2\nhave problems." in index
    assert index.count("no subject") == 2
    assert "wrong: subject" in index


# The page of a mail


def test_a_page_shows_a_mail_in_both_colours_beside_its_text(out: Path) -> None:
    run(out)
    page = read(out / "de/reset_password.page.html")
    frames = re.findall(r'<iframe class="(\w+)" src="([^"]+)"', page)
    assert frames == [
        ("light", "../de/reset_password.html"),
        ("dark", "../de/reset_password.html"),
    ]
    text = read(out / "de/reset_password.txt").partition("\n\n")[2]
    assert html.escape(text) in page


def test_a_page_leads_to_the_other_mails_and_languages(out: Path) -> None:
    run(out)
    for path in MAIL_PAGES:
        page = read(out / path)
        links = re.findall(r'(?:href|src)="([^"]*)"', page)
        assert all((out / path).parent.joinpath(link).is_file() for link in links)
        language, name = path.removesuffix(".page.html").split("/")
        assert {f"../{language}/{other}.page.html" for other in MAILS} <= set(links)
        assert {f"../{other}/{name}.page.html" for other in SUBJECTS} <= set(links)
        assert "<script" not in page


def test_a_page_says_what_is_wrong_with_its_mail(out: Path, template: Template) -> None:
    template("ai_kit_auth/set_password_body.html", "{% if %}")
    template("ai_kit_auth/set_password_body.txt", "{% if %}")
    problems(out, "--language", "en")
    page = read(out / "en/set_password.page.html")
    assert page.count("has a syntax error") == 2
    assert "<iframe" not in page
    assert "has a syntax error" not in read(out / "en/user_created.page.html")


# On a server


@pytest.fixture
def server() -> Iterator[LiveServer]:
    with LiveServer(["en", "de"], 0) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetched(server: LiveServer, path: str) -> str:
    with urlopen(server.url + path, timeout=10) as answer:  # noqa: S310  # our own URL
        return str(answer.read().decode())


def test_live_pages_are_those_of_the_files(out: Path, server: LiveServer) -> None:
    run(out)
    for path in ALL:
        live = re.sub(r"\n<script>.*</script>", "", fetched(server, path), flags=re.S)
        assert live == read(out / path)
    assert fetched(server, "") == fetched(server, "index.html")


def test_a_page_follows_the_template_that_is_edited(
    template: Template, server: LiveServer
) -> None:
    page = "en/user_created.page.html"
    template("ai_kit_auth/user_created_title.txt", "First")
    before = fetched(server, "changes")
    assert "First" in fetched(server, page)
    assert fetched(server, "changes") == before
    template("ai_kit_auth/user_created_title.txt", "Second one")
    assert fetched(server, "changes") != before
    assert "Second one" in fetched(server, page)
    assert "Second one" in fetched(server, "")


def test_a_page_follows_the_catalog_that_is_compiled(
    locale: Catalog, server: LiveServer
) -> None:
    assert "Neues Passwort" in fetched(server, "de/reset_password.txt")
    before = fetched(server, "changes")
    locale("de", polib.POEntry(msgid="Reset your password", msgstr="Neues Kennwort"))
    assert fetched(server, "changes") != before
    assert "Neues Kennwort" in fetched(server, "de/reset_password.txt")


@pytest.mark.parametrize(
    "path",
    ["eo/reset_password.html", "de/none.html", "de/reset_password.pdf", "../setup.py"],
)
def test_a_server_has_the_mails_and_nothing_else(server: LiveServer, path: str) -> None:
    with pytest.raises(HTTPError, match="404"):
        fetched(server, path)


def test_a_part_that_cannot_be_rendered_has_no_page(
    template: Template, server: LiveServer
) -> None:
    template("ai_kit_auth/set_password_body.html", "{% if %}")
    with pytest.raises(HTTPError, match="404"):
        fetched(server, "en/set_password.html")
    assert "has a syntax error" in fetched(server, "en/set_password.page.html")


def test_another_engine_looks_after_its_own_templates(server: LiveServer) -> None:
    strings = {"BACKEND": "django.template.backends.dummy.TemplateStrings"}
    with override_settings(TEMPLATES=[*settings.TEMPLATES, strings]):
        assert "Reset your password" in fetched(server, "")


def test_the_command_serves_until_ctrl_c() -> None:
    class Printed(StringIO):
        def flush(self) -> None:
            url = self.getvalue().split()[2]
            Thread(target=stop, args=(url,)).start()

    def stop(url: str) -> None:
        try:
            with urlopen(url, timeout=10) as answer:  # noqa: S310  # our own URL
                pages.append(answer.read().decode())
        finally:
            interrupt_main()

    pages: list[str] = []
    printed = Printed()
    # A program that a shell starts in the background ignores Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        call_command("ai_kit_auth_mails", "--live", "--port", "0", stdout=printed)
    finally:
        signal.signal(signal.SIGINT, before)
    assert re.fullmatch(
        r"Mails at http://127\.0\.0\.1:\d+/ until Ctrl-C\.\n", printed.getvalue()
    )
    assert "Reset your password" in pages[0]


@pytest.mark.parametrize("port", [None, 65536])
def test_a_port_that_cannot_be_had_is_an_error(
    server: LiveServer, port: int | None
) -> None:
    taken = port or server.server_address[1]
    with pytest.raises(CommandError):
        call_command("ai_kit_auth_mails", "--live", "--port", str(taken))


@pytest.mark.parametrize("arguments", [[], ["--live", "--out", "mails"]])
def test_mails_go_to_a_folder_or_to_a_browser(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="--out"):
        call_command("ai_kit_auth_mails", *arguments)


# Which languages


def test_a_language_may_be_chosen(out: Path) -> None:
    assert run(out, "--language", "de").startswith("9 mails in de:")
    assert written(out) == {name for name in ALL if not name.startswith("en/")}


def test_several_languages_may_be_chosen(out: Path) -> None:
    run(out, "--language", "de", "--language", "en", "--language", "de")
    assert written(out) == ALL


def test_an_unknown_language_is_an_error_that_names_the_known(out: Path) -> None:
    assert problems(out, "--language", "de", "--language", "xx") == (
        "--language xx: mails are in en, de; LANGUAGES decides that."
    )
    assert not out.exists()


@override_settings(LANGUAGES=global_settings.LANGUAGES)
@pytest.mark.parametrize(
    ("default", "languages"),
    [
        ("en-us", ["en-us", *CATALOGS]),
        ("de", ["de", "en", *(code for code in CATALOGS if code != "de")]),
        ("de-at", ["de-at", "en", *(code for code in CATALOGS if code != "de")]),
        ("pt-br", ["pt-br", "en", *(code for code in CATALOGS if code != "pt-br")]),
    ],
)
def test_a_host_that_names_no_languages_gets_its_own_and_the_apps(
    default: str, languages: list[str]
) -> None:
    with override_settings(LANGUAGE_CODE=default):
        assert known_languages() == languages


@override_settings(LANGUAGES=global_settings.LANGUAGES, LANGUAGE_CODE="eo")
def test_a_host_that_names_no_languages_is_advised_to(out: Path) -> None:
    text = problems(out)
    assert "or set LANGUAGES to the languages that your mails have." in text
    assert {path.name for path in out.iterdir()} == {
        "index.html",
        "eo",
        "en",
        *CATALOGS,
    }


@override_settings(USE_I18N=False, LANGUAGE_CODE="fr")
def test_a_host_that_translates_nothing_has_one_language(out: Path) -> None:
    assert run(out).startswith("9 mails in fr:")


# What is wrong with a template


KEY = "AI_KIT_AUTH['EMAIL_TEMPLATES']['RESET_PASSWORD']"


@pytest.mark.parametrize(
    ("part", "shown", "lost"),
    [
        ("TITLE", "subject", set()),
        ("BODY_PLAINTEXT", "plain text", {"reset_password.txt"}),
        ("BODY_HTML", "HTML", {"reset_password.html"}),
    ],
)
@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (None, "there is no template 'own/part': put it into a template folder"),
        (
            "{% include 'own/other' %}",
            "there is no template 'own/other', which 'own/part' asks for:",
        ),
        ("{% if %}", "'own/part', the template of {key}, has a syntax error: "),
        (
            "{{ url|add:1|slice:url|length.x }}",
            "'own/part', the template of {key}, has a syntax error: ",
        ),
        (
            "{{ fail.now }}",
            "'own/part', the template of {key}, raises RuntimeError: out of ink",
        ),
    ],
)
def test_a_broken_template_is_named_and_the_rest_is_written(
    out: Path,
    template: Template,
    part: str,
    shown: str,
    lost: set[str],
    source: str | None,
    complaint: str,
) -> None:
    if source is not None:
        template("own/part", source)
    with configured(
        RESET_PASSWORD={part: "own/part"},
        CUSTOM_DATA_FUNCTION=lambda: {"fail": OutOfInk()},
    ):
        text = problems(out)
    key = f"{KEY}['{part}']"
    assert text.startswith(f"RESET_PASSWORD, {shown}, in en, de: ")
    assert complaint.format(key=key) in text
    assert key in text
    assert "\n" not in text
    gone = {f"{language}/{name}" for language in SUBJECTS for name in lost}
    assert written(out) == ALL - gone
    if not lost:
        assert read(out / "de/reset_password.txt").startswith("Subject: \n\nGuten Tag")


class OutOfInk:
    def now(self) -> str:
        raise RuntimeError("out of ink")


@pytest.mark.parametrize(
    ("part", "shown"),
    [("TITLE", "subject"), ("BODY_PLAINTEXT", "plain text"), ("BODY_HTML", "HTML")],
)
def test_an_empty_part_is_an_error(
    out: Path, template: Template, part: str, shown: str
) -> None:
    template("own/part", "{% if user.is_superuser %}{{ url }}{% endif %}\n ")
    with configured(RESET_PASSWORD={part: "own/part"}):
        assert problems(out) == (
            f"RESET_PASSWORD, {shown}, in en, de: 'own/part', the template of "
            f"{KEY}['{part}'], renders an empty text."
        )
    assert written(out) == ALL


@pytest.mark.parametrize(
    ("part", "shown", "source"),
    [
        ("BODY_PLAINTEXT", "plain text", "Hello {{ user }}"),
        ("BODY_PLAINTEXT", "plain text", "Escaped: {{ url|force_escape }}"),
        ("BODY_HTML", "HTML", "<p>{{ link }}</p>"),
    ],
)
def test_a_body_without_the_link_is_an_error(
    out: Path, template: Template, part: str, shown: str, source: str
) -> None:
    template("own/part", source)
    with configured(RESET_PASSWORD={part: "own/part"}):
        assert problems(out) == (
            f"RESET_PASSWORD, {shown}, in en, de: 'own/part', the template of "
            f"{KEY}['{part}'], does not show the link: write {{{{ url }}}} there."
        )


def test_a_template_that_is_broken_in_one_language_is_so_there_only(
    out: Path, template: Template
) -> None:
    template(
        "ai_kit_auth/user_created_title.txt",
        "{% load i18n %}{% get_current_language as language %}"
        "{% if language == 'de' %}{% include 'own/de.txt' %}{% else %}Hi{% endif %}",
    )
    assert problems(out).startswith("USER_CREATED, subject, in de: there is no ")
    assert problems(out, "--language", "de")
    assert run(out, "--language", "en")


# What is wrong with the context function


def _raises() -> dict[str, Any]:
    raise KeyError("firm")


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (_raises, "raises KeyError: 'firm'"),
        (lambda: None, "raises TypeError: 'NoneType' object is not a mapping"),
    ],
)
def test_a_context_function_that_fails_is_named(
    out: Path, function: Any, complaint: str
) -> None:
    with configured(CUSTOM_DATA_FUNCTION=function):
        lines = problems(out).splitlines()
    assert lines == [
        f"{name}, context, in en, de: "
        f"AI_KIT_AUTH['EMAIL_TEMPLATES']['CUSTOM_DATA_FUNCTION'] {complaint}"
        for name in mail_names()
    ]
    assert written(out) == {"index.html", *MAIL_PAGES}


def test_the_context_function_sees_the_language_and_its_data_are_shown(
    out: Path, template: Template
) -> None:
    template("ai_kit_auth/user_created_title.txt", "{{ firm }} {{ month }}")
    with configured(
        CUSTOM_DATA_FUNCTION=lambda: {
            "firm": gettext("Or copy this link into your browser:"),
            "month": gettext_lazy("March"),
        }
    ):
        run(out)
    german = "Subject: Oder kopieren Sie diesen Link in Ihren Browser: März\n"
    assert read(out / "de/user_created.txt").startswith(german)


def test_an_untranslated_text_of_the_context_function_is_an_error(out: Path) -> None:
    with configured(CUSTOM_DATA_FUNCTION=lambda: {"firm": gettext("The old shop")}):
        text = problems(out)
    assert "    'The old shop'\n        in USER_CREATED (context), RESET_" in text
    assert written(out) == ALL


def test_data_of_the_name_that_our_templates_read_spoil_their_mails_alone(
    out: Path, template: Template
) -> None:
    template("ai_kit_auth/user_created_title.txt", "{{ ai_kit_auth }}")
    with configured(CUSTOM_DATA_FUNCTION=lambda: {"ai_kit_auth": "Own kit"}):
        run(out)
    assert read(out / "en/user_created.txt").startswith("Subject: Own kit\n")


def test_the_module_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'NO_SUCH_NAME'"):
        mail_preview.NO_SUCH_NAME  # noqa: B018  # any access raises


# Missing translations


@ESPERANTO
def test_a_language_without_a_catalog_is_an_error_that_names_the_texts(
    out: Path,
) -> None:
    text = problems(out)
    assert text.startswith(
        "No catalog has these messages in 'eo'. Add them to a catalog in LOCALE_PATHS "
        "or in an app's locale folder and run compilemessages, or remove 'eo' from "
        "LANGUAGES."
    )
    assert (
        "\n    'Please confirm your e-mail address'\n        in USER_CREATED "
        "(subject, HTML)\n" in text
    )
    # Of the singulars and plurals only those of the time-out, and no logo.
    unused = "Logo|(minute|hour)[.]"
    unused += "" if "first_name" in user_model.columns else "|^Hello %"
    mails = {
        entry.msgid
        for entry in GERMAN
        if all(path.startswith("template") for path, _ in entry.occurrences)
        and not re.search(unused, entry.msgid)
    }
    assert set(re.findall(r"^    '(.*)'$", text, re.MULTILINE)) == mails
    assert "'en'" not in text
    assert written(out) == {name.replace("de/", "eo/") for name in ALL}


@pytest.mark.parametrize("default", ["en-us", "de", "eo"])
def test_the_fallback_hides_no_missing_translation(out: Path, default: str) -> None:
    """The page shows what would be sent: the text of LANGUAGE_CODE."""
    with ESPERANTO, override_settings(LANGUAGE_CODE=default):
        assert "'Hello,'" in problems(out)
        assert "'Hello,'" in problems(out)
    shown = "Guten Tag," if default == "de" else "Hello,"
    assert f"\n{shown}\n" in read(out / "eo/user_created.txt")


@ESPERANTO
def test_the_catalogs_of_the_process_are_left_as_they_were(out: Path) -> None:
    """Also if the project's function fails in between."""
    before = vars(trans_real.translation("eo")).copy()
    with configured(CUSTOM_DATA_FUNCTION=_raises), override("de"):
        problems(out)
        assert get_language() == "de"
    assert vars(trans_real.translation("eo")) == before


@ESPERANTO
def test_a_catalog_of_the_host_fills_the_gap(out: Path, locale: Catalog) -> None:
    locale("eo", *translated("jes"))
    run(out)
    assert "jes Hello," in read(out / "eo/user_created.txt")
    assert "jes" not in read(out / "en/user_created.txt")


@ESPERANTO
def test_one_text_that_the_catalog_lacks_is_the_only_one_named(
    out: Path, locale: Catalog
) -> None:
    locale("eo", *[e for e in translated("jes") if e.msgid != "Hello,"])
    assert re.findall(r"^    (\S.*)$", problems(out), re.MULTILINE) == ["'Hello,'"]


@pytest.mark.parametrize("variant", ["de-at", "de-ch"])
def test_a_variant_speaks_its_general_language(out: Path, variant: str) -> None:
    with override_settings(LANGUAGES=[(variant, "German")]):
        run(out)
    assert "Guten Tag," in read(out / variant / "user_created.txt")


def test_a_catalog_of_a_variant_need_only_have_what_differs(
    out: Path, locale: Catalog
) -> None:
    locale("sw", *translated("ndiyo"))
    locale("sw_KE", polib.POEntry(msgid="Hello,", msgstr="Jambo,"))
    with override_settings(LANGUAGES=[("sw-ke", "Swahili")], LANGUAGE_CODE="de"):
        run(out)
        text = read(out / "sw-ke/user_created.txt")
    assert "\nJambo,\n" in text
    assert "\nndiyo Thank you" in text


FORMS = """{% load i18n %}{{ url }}
{% translate "plain" %}
{% translate "May" context "verb" %}
{% blocktranslate count n=2 %}{{ n }} hat{% plural %}{{ n }} hats{% endblocktranslate %}
{% blocktrans count n=1 context "tree" %}a leaf{% plural %}leaves{% endblocktrans %}
"""


def test_every_form_of_a_message_is_found_missing(
    out: Path, template: Template
) -> None:
    template("ai_kit_auth/user_created_body.txt", FORMS)
    assert re.findall(r"^    (\S.*)$", problems(out), re.MULTILINE) == [
        "'plain'",
        "'May' (context 'verb')",
        "'%(n)s hat'",
        "'a leaf' (context 'tree')",
    ]
    text = read(out / "de/user_created.txt")
    assert text.splitlines()[3:] == ["plain", "May", "2 hats", "a leaf"]


@pytest.mark.parametrize("tree", ["tree", None])
def test_every_form_of_a_message_may_be_translated(
    out: Path, template: Template, locale: Catalog, tree: str | None
) -> None:
    """Without a plural form of that context Django takes the one without context."""
    template("ai_kit_auth/user_created_body.txt", FORMS)
    locale(
        "de",
        polib.POEntry(msgid="plain", msgstr="schlicht"),
        polib.POEntry(msgid="May", msgctxt="verb", msgstr="dürfen"),
        polib.POEntry(
            msgid="%(n)s hat",
            msgid_plural="%(n)s hats",
            msgstr_plural={0: "%(n)s Hut", 1: "%(n)s Hüte"},
        ),
        polib.POEntry(
            msgid="a leaf",
            msgid_plural="leaves",
            msgctxt=tree,
            msgstr_plural={0: "Blatt", 1: "Blätter"},
        ),
    )
    run(out)
    text = read(out / "de/user_created.txt")
    assert text.splitlines()[3:] == ["schlicht", "dürfen", "2 Hüte", "Blatt"]


def test_what_djangos_filters_say_is_no_false_alarm(
    out: Path, template: Template, locale: Catalog
) -> None:
    """Django's Greek lacks these plurals, and its Frisian nearly all."""
    template(
        "ai_kit_auth/user_created_body.txt",
        "{% load humanize %}{{ url }} {{ day|timesince:later }} {{ day|date }} "
        "{{ day|date:'DATETIME_FORMAT' }} {{ day|date:'P F b' }} {{ True|yesno }} "
        "{{ 1234.5|floatformat }} {{ 4096|filesizeformat }} {{ 3|ordinal }} "
        "{{ 1200000|intword }} {{ day|naturaltime }}",
    )
    days = {"day": datetime(2026, 3, 1, tzinfo=UTC), "later": datetime.now(UTC)}
    for language in ("el", "fy"):
        locale(language, *translated(language))
    with (
        override_settings(
            LANGUAGES=[("el", "Greek"), ("fy", "Frisian")],
            INSTALLED_APPS=[*settings.INSTALLED_APPS, "django.contrib.humanize"],
        ),
        configured(CUSTOM_DATA_FUNCTION=lambda: days),
    ):
        run(out)


# What stops it


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({}, "AI_KIT_AUTH['FRONTEND']['URL'] is missing: set it to"),
        ({"FRONTENT": FRONTEND}, "['FRONTENT'] is unknown: did you mean 'FRONTEND'?"),
        ({"FRONTEND": {"URL": 1}}, "['URL'] must be a str, not int"),
        (
            {
                "FRONTEND": FRONTEND,
                "EMAIL_TEMPLATES": {"CUSTOM_DATA_FUNCTION": "shop.mails.data"},
            },
            "'shop.mails.data' cannot be imported",
        ),
    ],
)
def test_a_broken_configuration_is_told_without_a_traceback(
    out: Path, capsys: pytest.CaptureFixture[str], value: Any, complaint: str
) -> None:
    with override_settings(AI_KIT_AUTH=value), pytest.raises(SystemExit) as caught:
        Command().run_from_argv(["manage.py", "ai_kit_auth_mails", "--out", str(out)])
    assert caught.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("CommandError: ")
    assert complaint in told
    assert "Traceback" not in told
    assert not out.exists()


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    assert "taken" in problems(tmp_path / "taken")
    assert read(tmp_path / "taken") == "a file"


def test_a_default_language_that_django_has_no_catalog_of_is_an_error(
    out: Path,
) -> None:
    with override_settings(LANGUAGE_CODE="tlh"):
        assert "default language tlh" in problems(out)
    assert not out.exists()
