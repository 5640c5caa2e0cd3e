"""What mail servers, terminals and programs that answer by themselves get to see."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.core import mail
from django.utils import translation

from ai_kit_auth import services
from ai_kit_auth.accounts import email_of
from ai_kit_auth.user_model import UserModel

from .accounts import post
from .conftest import MakeUser
from .test_checks import findings

if TYPE_CHECKING:
    from pytest_django import Settings
    from rest_framework.test import APIClient

URL = f"https://app.example.com/auth/activation?ident=561465857&token={'c0-ffee' * 9}"
has_mailers = django.VERSION >= (6, 1)


def sent(text: str = "Text", html: str = "<b>HTML</b>") -> Any:
    services.send_email("Subject", text, html, "ada@example.com")
    return mail.outbox[-1]


def test_no_program_answers_a_mail_by_itself() -> None:
    """RFC 3834: a mail of a program says so; Exchange has a header of its own."""
    message = sent().message()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("Accounts <accounts@shop.example>", "shop.example"),
        ("accounts@shop.example", "shop.example"),
        ("accounts@fähre.example", "xn--fhre-loa.example"),
    ],
)
def test_the_id_of_a_mail_is_of_the_senders_domain(
    settings: Settings, sender: str, domain: str
) -> None:
    settings.DEFAULT_FROM_EMAIL = sender
    message, other = sent(), sent()
    first = message.message()["Message-ID"]
    assert re.fullmatch(rf"<[^@<>\s]+@{re.escape(domain)}>", first)
    assert message.message()["Message-ID"] == first
    assert other.message()["Message-ID"] != first


def test_a_sender_without_a_domain_leaves_the_id_to_django(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "root"
    assert re.fullmatch(r"<[^@<>\s]+@[^@<>\s]+>", sent().message()["Message-ID"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("brand", "found"),
    [
        ({}, None),
        ({"SUPPORT_EMAIL": "help@example.com"}, "help@example.com"),
        ({"SUPPORT_EMAIL": lambda context: "us@example.com"}, "us@example.com"),
        ({"SUPPORT_EMAIL": "a@b.example\nBcc: x@y.example"}, None),
        ({"SUPPORT_URL": "https://help.example.com"}, None),
    ],
)
def test_an_answer_goes_to_the_support(
    make_user: MakeUser, settings: Settings, brand: Any, found: str | None
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "BRANDING": brand}
    services.send_reset_pw_mail(make_user())
    assert mail.outbox[-1].message()["Reply-To"] == found


def own_data() -> dict[str, Any]:
    return {"ai_kit_auth": "a name of the project's own"}


@pytest.mark.django_db
def test_custom_data_of_the_same_name_costs_the_reply_address_and_no_mail(
    make_user: MakeUser, settings: Settings
) -> None:
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        "BRANDING": {"SUPPORT_EMAIL": "help@example.com"},
        "EMAIL_TEMPLATES": {"CUSTOM_DATA_FUNCTION": own_data},
    }
    services.send_reset_pw_mail(make_user())
    assert "Reply-To" not in mail.outbox[-1].message()


@pytest.mark.parametrize(
    "text", [f"Open this link:\n\n{URL}\n", f"Öffnen Sie diesen Link:\n\n{URL}\n"]
)
@pytest.mark.parametrize("backend", ["console", "filebased"])
def test_a_link_can_be_clicked_in_the_terminal_and_in_a_file(
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    backend: str,
    text: str,
) -> None:
    """Quoted-printable would write ``=`` as ``=3D`` and break the line."""
    path = f"django.core.mail.backends.{backend}.EmailBackend"
    options = {"file_path": str(tmp_path)} if backend == "filebased" else {}
    new = {"MAILERS": {"default": {"BACKEND": path, "OPTIONS": options}}}
    old = {"EMAIL_BACKEND": path, "EMAIL_FILE_PATH": str(tmp_path)}
    for name, value in (new if has_mailers else old).items():
        setattr(settings, name, value)
    html = f'<a href="{URL}">{URL}</a>'
    services.send_email("Subject", text, html, "ada@example.com")
    shown = capsys.readouterr().out or next(tmp_path.iterdir()).read_text("utf-8")
    for line in (*filter(None, text.splitlines()), html):
        assert line in shown.splitlines()


def test_a_line_that_no_server_would_take_is_broken() -> None:
    """RFC 5322: at most 998 octets."""
    text = f"{'ä' * 500}\n"
    raw = sent(text, f"<p>{'x' * 1200}</p>").message().as_bytes()
    assert max(map(len, raw.splitlines())) <= 998
    message = sent(text).message()
    assert isinstance(message.get_payload(), list)
    assert message.get_payload()[0].get_payload(decode=True).decode() == text


def test_mails_are_sent_with_the_mailer_of_the_setting(
    settings: Settings, tmp_path: Path
) -> None:
    """Before Django 6.1 there is one way to send only, and E018 says so."""
    files = "django.core.mail.backends.filebased.EmailBackend"
    settings.MAILERS = {
        **settings.MAILERS,
        "accounts": {"BACKEND": files, "OPTIONS": {"file_path": str(tmp_path)}},
    }
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "MAILER": "accounts"}
    services.send_email("Subject", "Text", "HTML", "ada@example.com")
    texts = [path.read_text() for path in tmp_path.iterdir()]
    assert (len(texts), len(mail.outbox)) == ((1, 0) if has_mailers else (0, 1))
    assert all("To: ada@example.com" in text for text in texts)


@pytest.mark.parametrize("mailers", [{}, {"default": {}}])
def test_e018_a_mailer_that_is_not_there(settings: Settings, mailers: Any) -> None:
    given = {**settings.AI_KIT_AUTH, "MAILER": "accounts"}
    [problem] = [
        one
        for one in findings(AI_KIT_AUTH=given, MAILERS=mailers)
        if one.id == "ai_kit_auth.E018"
    ]
    assert "AI_KIT_AUTH['MAILER'] is 'accounts', " in problem.msg
    wanted = "MAILERS = {..., 'accounts'" if has_mailers else "update to Django 6.1"
    assert wanted in str(problem.hint)


def test_a_mailer_that_is_there_is_fine(settings: Settings) -> None:
    given = {**settings.AI_KIT_AUTH, "MAILER": "accounts"}
    mailers = {**settings.MAILERS, "accounts": settings.MAILERS["default"]}
    found = [one.id for one in findings(AI_KIT_AUTH=given, MAILERS=mailers)]
    assert found == ([] if has_mailers else ["ai_kit_auth.E018"])


# Its language


def german(user: Any) -> str:
    return "de"


def german_of_austria(user: Any) -> str:
    return "de-at"


def no_language(user: Any) -> Any:
    return None


def unknown_language(user: Any) -> str:
    return "tlh"


def failing(user: Any) -> str:
    raise LookupError(email_of(user))


SUBJECTS = {"en": "Reset your password", "de": "Neues Passwort wählen"}


def subject_for(user: Any, choose: Any, settings: Settings) -> str:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "USER_LANGUAGE": choose}
    services.send_reset_pw_mail(user)
    return str(mail.outbox[-1].subject)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("choose", "language"),
    [
        (german, "de"),
        (f"{__name__}.german", "de"),
        (german_of_austria, "de"),
        (no_language, "en"),
        (unknown_language, "en"),
        (None, "en"),
    ],
)
def test_a_mail_is_in_the_language_of_its_user(
    make_user: MakeUser, settings: Settings, choose: Any, language: str
) -> None:
    assert subject_for(make_user(), choose, settings).startswith(SUBJECTS[language])
    assert str(translation.get_language()).startswith("en")


@pytest.mark.django_db
def test_without_the_users_language_it_is_that_of_the_request(
    make_user: MakeUser, settings: Settings
) -> None:
    user = make_user()
    with translation.override("de"):
        subject = subject_for(user, no_language, settings)
    assert subject.startswith(SUBJECTS["de"])
    with translation.override(None):
        subject = subject_for(user, no_language, settings)
    assert subject.startswith(SUBJECTS["en"])


@pytest.mark.django_db
def test_a_function_that_fails_costs_the_language_and_not_the_mail(
    make_user: MakeUser, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user()
    assert subject_for(user, failing, settings).startswith(SUBJECTS["en"])
    assert f"USER_LANGUAGE failed for user {user.pk}" in caplog.text
    assert email_of(user) not in caplog.text


@pytest.mark.django_db
def test_a_request_mails_the_user_in_their_language(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "USER_LANGUAGE": german}
    assert (
        post(client, "send_pw_reset_email", {"email": email_of(make_user())}).data == {}
    )
    assert mail.outbox[-1].subject.startswith(SUBJECTS["de"])


def test_a_user_who_is_not_stored_is_asked_no_language(
    settings: Settings,
) -> None:
    """As after ``delete_account/``, when there is no row any more."""
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "USER_LANGUAGE": failing}
    with translation.override("de"):
        assert services.mail_language(UserModel()) == "de"


def test_e015_a_function_that_takes_no_user(settings: Settings) -> None:
    given = {**settings.AI_KIT_AUTH, "USER_LANGUAGE": dict.fromkeys}
    assert [one.id for one in findings(AI_KIT_AUTH=given)] == []
    given["USER_LANGUAGE"] = test_no_program_answers_a_mail_by_itself
    [problem] = findings(AI_KIT_AUTH=given)
    assert problem.id == "ai_kit_auth.E015"
    assert "is called with (user)" in problem.msg
