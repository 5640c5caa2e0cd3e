"""The four mails, in both languages, and the catalog behind them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import override_settings
from django.utils import translation
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.accounts import ident_of
from ai_kit_auth.user_model import user_model

from .accounts import mailed_link, post, registration, the_user
from .conftest import MakeUser, with_activation
from .packages import PACKAGES, templates_of

FRONTEND = {"URL": "https://app.example.com"}
URL = "https://app.example.com/auth/page?ident=561465857&token=c0-ffee"

SENDERS = {
    "USER_CREATED": services.default_send_user_activation_mail,
    "RESET_PASSWORD": services.default_send_reset_pw_mail,
    "SET_PASSWORD": services.default_send_activation_by_admin_mail,
    "ACCOUNT_EXISTS": services.default_send_account_exists_mail,
}
# Subject, and a phrase that the text and the HTML have and no other mail has.
WORDS = {
    ("USER_CREATED", "en"): (
        "Please confirm your e-mail address - app.example.com",
        "Thank you for registering.",
    ),
    ("RESET_PASSWORD", "en"): (
        "Reset your password - app.example.com",
        "A new password was requested for your account.",
    ),
    ("SET_PASSWORD", "en"): (
        "An account was made for you - app.example.com",
        "An administrator created an account for you.",
    ),
    ("ACCOUNT_EXISTS", "en"): (
        "You have an account already - app.example.com",
        "We received a registration with your e-mail address, but you have an account",
    ),
    ("USER_CREATED", "de"): (
        "Bitte bestätigen Sie Ihre E-Mail-Adresse - app.example.com",
        "vielen Dank für Ihre Registrierung.",
    ),
    ("RESET_PASSWORD", "de"): (
        "Neues Passwort wählen - app.example.com",
        "für Ihr Konto wurde ein neues Passwort angefordert.",
    ),
    ("SET_PASSWORD", "de"): (
        "Für Sie wurde ein Konto angelegt - app.example.com",
        "für Sie wurde ein Konto angelegt.",
    ),
    ("ACCOUNT_EXISTS", "de"): (
        "Sie haben schon ein Konto - app.example.com",
        "wir haben eine Registrierung mit Ihrer E-Mail-Adresse erhalten,",
    ),
}
GREETING = {"en": "Hello,", "de": "Guten Tag,"}

# All but "bare", whose accounts wait for no activation.


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Start in English, whatever language a request has left behind."""
    with translation.override("en"):
        yield


def parts(index: int = -1) -> tuple[str, str, str]:
    """Return subject, text and HTML of a mail that was sent."""
    message = mail.outbox[index]
    assert isinstance(message, EmailMultiAlternatives)
    ((content, mime_type),) = message.alternatives
    assert mime_type == "text/html"
    return str(message.subject), str(message.body), str(content)


# The four mails


@pytest.mark.parametrize(("kind", "language"), WORDS)
def test_a_mail_in_a_language(make_user: MakeUser, kind: str, language: str) -> None:
    subject, phrase = WORDS[kind, language]
    with translation.override(language):
        SENDERS[kind](make_user(), URL)

    (message,) = mail.outbox
    assert message.subject == subject
    assert message.to == ["ada@example.com"]
    assert message.from_email == "accounts@example.com"
    header = decode_header(str(message.message()["Subject"]))
    assert str(make_header(header)) == subject
    assert message.message().get_content_type() == "multipart/alternative"

    _, text, page = parts()
    assert text.startswith(GREETING[language])
    assert phrase in " ".join(text.split())
    assert f"\n{URL}\n" in text
    assert "<" not in text

    assert f'<html lang="{language}" dir="ltr">' in page
    title = subject.partition(" - ")[0]
    assert f"<title>{title}</title>" in page
    assert f">{title}</h1>" in page
    assert phrase in html.unescape(page)
    links = [html.unescape(link) for link in re.findall(r'href="([^"]*)"', page)]
    assert links == [URL, URL, FRONTEND["URL"]]
    # The link again as text, for mail programs without links.
    assert f">{html.escape(URL)}</a>" in page


@pytest.mark.parametrize(("kind", "language"), WORDS)
def test_no_entity_is_seen_in_a_plain_text(
    make_user: MakeUser, kind: str, language: str
) -> None:
    with translation.override(language):
        SENDERS[kind](make_user(), URL)
    subject, text, _ = parts()
    for plain in (subject, text):
        assert html.unescape(plain) == plain


@pytest.mark.parametrize(("kind", "language"), WORDS)
def test_each_language_says_all_in_it(
    make_user: MakeUser, kind: str, language: str
) -> None:
    """No sentence of the other language is left."""
    other = {"en": "de", "de": "en"}[language]
    for active in (language, other):
        with translation.override(active):
            SENDERS[kind](make_user(f"ada-{active}"), URL)
    sentences, others = (
        {" ".join(each.split()) for each in parts(index)[1].split("\n\n")} - {URL}
        for index in (0, 1)
    )
    # The greeting, what happened, how long the link is good, what else, and the end.
    assert len(sentences) == len(others) == 5
    assert not sentences & others


@pytest.mark.parametrize("kind", SENDERS)
def test_the_html_fetches_nothing_from_anywhere(make_user: MakeUser, kind: str) -> None:
    """A picture or style from outside would tell when the mail is read."""
    SENDERS[kind](make_user(), URL)
    _, _, page = parts()
    assert not re.search(r"<(img|link|script|iframe)\b|\bsrc=|url\(|@import", page)


def test_an_address_with_every_allowed_sign_gets_its_mail(make_user: MakeUser) -> None:
    address = "o'brien+a&b@example.com"
    services.default_send_reset_pw_mail(make_user(**{user_model.email: address}), URL)
    assert mail.outbox[0].to == [address]


# The links in them


@with_activation
@pytest.mark.django_db
def test_the_registration_mail_links_to_the_activation_page(client: APIClient) -> None:
    post(client, "register", registration())
    (message,) = mail.outbox
    assert message.subject == WORDS["USER_CREATED", "en"][0]
    _, text, page = parts()
    ident = ident_of(the_user())
    start = f"https://app.example.com/auth/activation?ident={ident}&token="
    assert re.findall(r"https://\S+", text)[1:] == [FRONTEND["URL"]]
    assert start in text
    assert html.escape(start) in page
    assert post(client, "activate", mailed_link()).status_code == 200


def test_the_reset_mail_links_to_the_reset_page(
    client: APIClient, make_user: MakeUser
) -> None:
    ident = ident_of(make_user())
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    (message,) = mail.outbox
    assert message.subject == WORDS["RESET_PASSWORD", "en"][0]
    _, text, page = parts()
    start = f"https://app.example.com/auth/reset_password?ident={ident}&token="
    assert start in text
    assert html.escape(start) in page


def test_the_host_header_changes_no_link(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    with override_settings(ALLOWED_HOSTS=["*"]):
        post(
            client,
            "send_pw_reset_email",
            {"email": "ada@example.com"},
            headers={
                "Host": "evil.example.net",
                "X-Forwarded-Host": "evil.example.net",
            },
        )
    assert "evil" not in "".join(parts())
    assert mailed_link()["token"]


# Languages


@with_activation
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9", "de"),
        ("en", "en"),
        ("fr, de;q=0.5", "de"),
        ("fr", "en"),
        ("", "en"),
    ],
)
def test_a_registration_is_answered_in_the_language_of_the_browser(
    client: APIClient, header: str, language: str
) -> None:
    post(client, "register", registration(), headers={"Accept-Language": header})
    subject, phrase = WORDS["USER_CREATED", language]
    assert parts()[0] == subject
    assert phrase in parts()[1]
    assert phrase in html.unescape(parts()[2])


@pytest.mark.parametrize("language", GREETING)
def test_a_reset_is_answered_in_the_language_of_the_browser(
    client: APIClient, make_user: MakeUser, language: str
) -> None:
    """Although the mail is made after the client has its answer."""
    make_user()
    header = {"Accept-Language": language}
    post(client, "send_pw_reset_email", {"email": "ada@example.com"}, headers=header)
    subject, phrase = WORDS["RESET_PASSWORD", language]
    assert parts()[0] == subject
    assert phrase in parts()[1]


# The templates of the project


@pytest.fixture
def templates() -> Iterator[dict[str, str]]:
    """Return a dict whose items Django finds as templates before all others."""
    sources: dict[str, str] = {}
    loaders = [
        ("django.template.loaders.locmem.Loader", sources),
        "django.template.loaders.app_directories.Loader",
    ]
    engine = "django.template.backends.django.DjangoTemplates"
    with override_settings(
        TEMPLATES=[{"BACKEND": engine, "OPTIONS": {"loaders": loaders}}]
    ):
        yield sources


def mail_settings(**templates: Any) -> override_settings:
    return override_settings(
        AI_KIT_AUTH={"FRONTEND": FRONTEND, "EMAIL_TEMPLATES": templates}
    )


@pytest.mark.parametrize("kind", SENDERS)
def test_the_templates_of_the_settings_are_used(
    make_user: MakeUser, templates: dict[str, str], kind: str
) -> None:
    user = make_user()
    templates["own/title.txt"] = "Own title\n for {{ user.pk }}\r\n\n"
    templates["own/body.txt"] = "Own text, {{ user.get_username }}: {{ url }}"
    templates["own/body.html"] = "<p>Own page: {{ url }}</p>"
    with mail_settings(
        **{
            kind: {
                "TITLE": "own/title.txt",
                "BODY_PLAINTEXT": "own/body.txt",
                "BODY_HTML": "own/body.html",
            }
        }
    ):
        for send in SENDERS.values():
            send(user, URL)
    own = list(SENDERS).index(kind)
    assert parts(own) == (
        f"Own title for {user.pk}",
        f"Own text, {user.get_username()}: {URL}",
        f"<p>Own page: {html.escape(URL)}</p>",
    )
    others = {parts(index)[0] for index in range(len(SENDERS)) if index != own}
    assert others == {WORDS[k, "en"][0] for k in SENDERS if k != kind}


def test_one_template_may_be_replaced_alone(
    make_user: MakeUser, templates: dict[str, str]
) -> None:
    templates["own/title.txt"] = "Own title"
    with mail_settings(RESET_PASSWORD={"TITLE": "own/title.txt"}):
        services.default_send_reset_pw_mail(make_user(), URL)
    subject, text, _ = parts()
    assert subject == "Own title"
    assert WORDS["RESET_PASSWORD", "en"][1] in text


def test_a_template_of_the_same_name_replaces_the_apps(
    make_user: MakeUser, templates: dict[str, str]
) -> None:
    templates["ai_kit_auth/set_password_body.txt"] = "Own text: {{ url }}"
    services.default_send_activation_by_admin_mail(make_user(), URL)
    subject, text, _ = parts()
    assert subject == WORDS["SET_PASSWORD", "en"][0]
    assert text == f"Own text: {URL}"


@pytest.mark.parametrize("kind", SENDERS)
def test_what_the_host_adds_is_escaped_in_html_and_nowhere_else(
    make_user: MakeUser, templates: dict[str, str], kind: str
) -> None:
    names = ("TITLE", "BODY_PLAINTEXT", "BODY_HTML")
    for name in names:
        templates[name] = "{{ firm }}, {{ user.pk }}, {{ url }}"
    firm = "<b>Müller & O'Brien</b>"
    user = make_user()
    given = {"firm": firm, "url": "https://evil.example.net", "user": None}
    with mail_settings(
        CUSTOM_DATA_FUNCTION=lambda: given, **{kind: {name: name for name in names}}
    ):
        SENDERS[kind](user, URL)
    plain = f"{firm}, {user.pk}, {URL}"
    assert parts() == (plain, plain, html.escape(plain))


def test_the_app_itself_adds_nothing() -> None:
    assert services.custom_email_data() == {}


def test_a_page_of_the_projects_own_fills_the_blocks_of_the_base(
    make_user: MakeUser, templates: dict[str, str]
) -> None:
    templates["own.html"] = (
        '{% extends "ai_kit_auth/body_base.html" %}'
        "{% block title %}Own title{% endblock %}"
        "{% block text %}Own text{% endblock %}"
        "{% block link %}[{{ block.super }}]{% endblock %}"
    )
    with mail_settings(RESET_PASSWORD={"BODY_HTML": "own.html"}):
        services.default_send_reset_pw_mail(make_user(), URL)
    _, _, page = parts()
    assert "<title>Own title</title>" in page
    assert "Own text" in page
    assert GREETING["en"] not in page
    (link,) = re.findall(r"\[(<a.*?)\]", page)
    opened, closed = re.split(r">.*<", link)
    assert opened.startswith(f'<a href="{html.escape(URL)}" target="_blank"')
    assert closed == "/a>"


def test_a_base_of_the_project_is_rendered_for_each_mail(
    make_user: MakeUser, templates: dict[str, str]
) -> None:
    """It may show what it likes, although the mail and the rest of it are ours."""
    templates["ai_kit_auth/body_base.html"] = (
        '{% extends "ai_kit_auth/body_base.html" %}'
        "{% block header %}For {{ user.pk }}{% endblock %}"
    )
    for name in ("ada", "eve"):
        user = make_user(name)
        services.default_send_reset_pw_mail(user, URL)
        _, _, page = parts()
        assert f"\nFor {user.pk}\n" in page
        assert ">Choose a new password</a>" in page


@pytest.mark.parametrize(
    "subject",
    ["One line", " One\nline ", "One\r\n line\n", "\n\n One \t line"],
)
def test_a_subject_is_one_line(subject: str) -> None:
    """A line break in it would be an error of the mail, or another header."""
    services.send_email(subject, "text", "<p>page</p>", "ada@example.com")
    assert parts() == ("One line", "text", "<p>page</p>")


@pytest.mark.parametrize(
    "template",
    [path for package in PACKAGES for path in templates_of(package)],
    ids=lambda path: path.name,
)
def test_every_sentence_of_a_template_can_be_translated(template: Path) -> None:
    source = template.read_text("utf-8")
    for translated in (
        r"\{% blocktranslate.*?endblocktranslate %\}",
        "<style.*?/style>",
    ):
        source = re.sub(translated, "", source, flags=re.DOTALL)
    source = re.sub(r"\{[%{].*?[%}]\}", "", source)
    source = re.sub(r"<[^>]*>", "", source)
    assert re.findall(r"\w+", html.unescape(source)) == []
