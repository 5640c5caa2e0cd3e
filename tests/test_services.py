"""Side effects: links, mails, and the order of writes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.generator import Generator
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache.backends.dummy import DummyCache
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, OperationalError, connection
from django.db.models.signals import post_save, pre_save
from django.test import override_settings
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.test import APIClient

from ai_kit_auth import services, users
from ai_kit_auth.account_changes import activate, reset_password
from ai_kit_auth.accounts import AccountTransaction, when_free
from ai_kit_auth.errors import ActivationLinkInvalid, LinkInvalid, MailNotSent
from ai_kit_auth.registration import register
from ai_kit_auth.settings import InvalidConfigurationError, api_settings
from ai_kit_auth.tokens import activation_tokens, reset_password_tokens
from ai_kit_auth.user_model import user_model

from .accounts import (
    attributes_of,
    has_activation,
    log_in,
    mailed_link,
    post,
    registration,
    the_user,
)
from .conftest import (
    OTHER_PASSWORD,
    MakeUser,
    with_activation,
    with_username,
)
from .test_settings import URL, dict_with

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


MAILS: dict[str, Callable[[Any], None]] = {
    "USER_CREATED": services.send_user_activation_mail,
    "SET_PASSWORD": services.send_activation_by_admin_mail,
    "RESET_PASSWORD": services.send_reset_pw_mail,
    "ACCOUNT_EXISTS": services.send_account_exists_mail,
}
SENDERS = {
    "SEND_USER_ACTIVATION_MAIL": services.send_user_activation_mail,
    "SEND_ACTIVATION_BY_ADMIN_MAIL": services.send_activation_by_admin_mail,
    "SEND_RESET_PW_MAIL": services.send_reset_pw_mail,
    "SEND_ACCOUNT_EXISTS_MAIL": services.send_account_exists_mail,
}
every_mail = pytest.mark.parametrize("send", MAILS.values(), ids=MAILS)


# Links


@pytest.mark.parametrize(
    ("path", "query", "url"),
    [
        (
            ("https://app.example.com/", "/auth/activation/"),
            {"ident": "1", "token": "a-b"},
            "https://app.example.com/auth/activation?ident=1&token=a-b",
        ),
        (("https://a.example", "b"), {}, "https://a.example/b?"),
        (("https://a.example///", "///b///", "c//"), {}, "https://a.example/b/c?"),
        (("https://a.example/app", "/", "", "b"), {}, "https://a.example/app/b?"),
        (("https://a.example/",), {}, "https://a.example?"),
        (("a",), {"z": "1", "a": "2", "m": "3"}, "a?z=1&a=2&m=3"),
        (("a",), {"q": "b c&d=e+f/?#%"}, "a?q=b%20c%26d%3De%2Bf%2F%3F%23%25"),
        (("a",), {"q": "äß"}, "a?q=%C3%A4%C3%9F"),
        (("a",), {"empty": ""}, "a?empty="),
        (("https://a.example/#/", "b"), {"q": "1"}, "https://a.example/#/b?q=1"),
    ],
)
def test_make_url(path: tuple[str, ...], query: dict[str, str], url: str) -> None:
    assert services.make_url(*path, **query) == url


@pytest.mark.parametrize(
    ("path", "url"),
    [
        # A query of the route's own.
        (
            ("https://a.b", "/reset?lang=de"),
            "https://a.b/reset?lang=de&ident=1&token=x",
        ),
        (
            ("https://a.b", "reset/?lang=de"),
            "https://a.b/reset/?lang=de&ident=1&token=x",
        ),
        (("https://a.b", "/reset?"), "https://a.b/reset?ident=1&token=x"),
        (("https://a.b", "/reset?a=1&"), "https://a.b/reset?a=1&ident=1&token=x"),
        # A router that reads what follows the mark.
        (("https://a.b", "#/reset"), "https://a.b/#/reset?ident=1&token=x"),
        (("https://a.b/#", "/reset/"), "https://a.b/#/reset?ident=1&token=x"),
        (("https://a.b/app/#!", "/reset"), "https://a.b/app/#!/reset?ident=1&token=x"),
        (("https://a.b", "/#/r?lang=de"), "https://a.b/#/r?lang=de&ident=1&token=x"),
        (("https://a.b?v=2#", "/reset"), "https://a.b?v=2#/reset?ident=1&token=x"),
        # An anchor of a page.
        (("https://a.b", "/reset#form"), "https://a.b/reset?ident=1&token=x#form"),
        (("https://a.b", "/reset/#form"), "https://a.b/reset?ident=1&token=x#form"),
        (("https://a.b", "/r?l=de#form"), "https://a.b/r?l=de&ident=1&token=x#form"),
        (("https://a.b", "/reset#"), "https://a.b/reset?ident=1&token=x#"),
    ],
)
def test_make_url_of_a_route_with_a_query_or_an_anchor(
    path: tuple[str, ...], url: str
) -> None:
    assert services.make_url(*path, ident="1", token="x") == url


@pytest.mark.parametrize("route", ["/r?lang=de", "/r#form", "/r/?lang=de#form"])
def test_a_page_finds_ident_and_token_where_browsers_have_a_query(
    make_user: MakeUser, route: str
) -> None:
    frontend = {"URL": "https://app.example.com", "RESET_PW_ROUTE": route}
    with override_settings(AI_KIT_AUTH={"FRONTEND": frontend}):
        parts = urlsplit(services.get_password_reset_url(make_user()))
    given = parse_qs(parts.query)
    assert given.keys() - {"lang"} == {"ident", "token"}
    assert ("lang" in given) is ("lang" in route)
    assert parts.fragment == ("form" if "#form" in route else "")


@pytest.mark.parametrize(
    ("make", "route", "generator"),
    [
        (services.get_activation_url, "/auth/activation", activation_tokens),
        (
            services.get_password_reset_url,
            "/auth/reset_password",
            reset_password_tokens,
        ),
    ],
)
def test_a_link_leads_to_the_frontend(
    make_user: MakeUser, make: Callable[[Any], str], route: str, generator: Any
) -> None:
    ada = make_user()
    link = urlsplit(make(ada))
    query = parse_qs(link.query, strict_parsing=True)
    assert f"{link.scheme}://{link.netloc}{link.path}" == (
        f"https://app.example.com{route}"
    )
    assert list(query) == ["ident", "token"]
    assert query["ident"] == [str(services.scramble_id(ada.pk))]
    assert generator.check_token(ada, query["token"][0])


@pytest.mark.parametrize(
    "make", [services.get_activation_url, services.get_password_reset_url]
)
def test_a_link_without_a_frontend_is_an_error(
    make_user: MakeUser, settings: Settings, make: Callable[[Any], str]
) -> None:
    settings.AI_KIT_AUTH = {}
    with pytest.raises(InvalidConfigurationError, match="FRONTEND"):
        make(make_user())


def test_the_host_header_has_no_say_in_a_link(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """Otherwise an attacker who requests another user's reset could get the link."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.USE_X_FORWARDED_HOST = True
    make_user()
    forged = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    post(
        client,
        "send_pw_reset_email",
        {"email": "ada@example.com"},
        headers={**forged, "origin": "https://evil.example"},
    )
    assert mailed_link()["token"]
    assert "evil" not in mail.outbox[0].message().as_string()


# Mails


def html_of(message: Any) -> str:
    [alternative] = message.alternatives
    assert alternative.mimetype == "text/html"
    return str(alternative.content)


@contextmanager
def host_templates(templates: dict[str, str], **options: Any) -> Iterator[None]:
    """Put a project's templates before those of the package."""
    loaders = [
        ("django.template.loaders.locmem.Loader", templates),
        "django.template.loaders.app_directories.Loader",
    ]
    engine = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"loaders": loaders, **options},
    }
    with override_settings(TEMPLATES=[engine]):
        yield


def test_send_email() -> None:
    services.send_email("Subject", "Text", "<b>HTML</b>", "ada@example.com")
    [message] = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    assert message.subject == "Subject"
    assert message.body == "Text"
    assert html_of(message) == "<b>HTML</b>"
    assert message.to == ["ada@example.com"]
    assert message.from_email == "accounts@example.com"
    assert message.message().get_content_type() == "multipart/alternative"


def test_the_sender_is_the_hosts_default(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Accounts <other@example.com>"
    services.send_email("Subject", "Text", "HTML", "ada@example.com")
    assert mail.outbox[0].from_email == "Accounts <other@example.com>"


@pytest.mark.parametrize(
    "subject", ["One line\n", "\n One\n  line", "One\r\nline", "One \t\x0b line\u2028"]
)
def test_a_subject_is_one_line(subject: str) -> None:
    """More would be a header injection, or Django's BadHeaderError."""
    services.send_email(subject, "Text", "HTML", "ada@example.com")
    assert mail.outbox[0].subject == "One line"


@every_mail
def test_a_mail_as_it_comes_out_of_the_box(
    make_user: MakeUser, send: Callable[[Any], None]
) -> None:
    send(make_user())
    [message] = mail.outbox
    assert message.to == ["ada@example.com"]
    assert message.from_email == "accounts@example.com"
    assert message.subject.strip()
    assert "\n" not in message.subject
    link = next(
        word for word in str(message.body).split() if word.startswith("https://")
    )
    assert list(parse_qs(urlsplit(link).query)) == ["ident", "token"]
    assert "&amp;" not in str(message.body)
    html = html_of(message)
    assert f'href="{link.replace("&", "&amp;")}"' in html
    assert "&token" not in html


def test_the_four_mails_differ(make_user: MakeUser) -> None:
    ada = make_user()
    for send in MAILS.values():
        send(ada)
    assert len({message.subject for message in mail.outbox}) == 4


def own_templates(kind: str, text: str) -> dict[str, str]:
    """Override the three templates of one mail, by the names that they have."""
    prefix = f"ai_kit_auth/{kind.lower()}"
    return {
        f"{prefix}_title.txt": text,
        f"{prefix}_body.txt": text,
        f"{prefix}_body.html": text,
    }


@pytest.mark.parametrize("autoescape", [True, False])
@pytest.mark.parametrize("kind", MAILS)
def test_only_html_is_escaped(
    make_user: MakeUser, settings: Settings, kind: str, autoescape: bool
) -> None:
    """Also in a project's template without an autoescape tag, on either engine."""
    ada = make_user(**{users.UserModel.USERNAME_FIELD: "a&b<i>@example.com"})
    templates = own_templates(kind, "{{ user.get_username }} {{ url }}")
    with host_templates(templates, autoescape=autoescape):
        MAILS[kind](ada)
    [message] = mail.outbox
    for text in map(str, (message.subject, message.body)):
        assert text.startswith("a&b<i>@example.com https://app.example.com/auth/")
        assert "&token=" in text
    assert html_of(message).startswith("a&amp;b&lt;i&gt;@example.com https://app.")
    assert "&amp;token=" in html_of(message)


@pytest.mark.parametrize("autoescape", [True, False])
def test_only_html_is_escaped_in_what_a_template_includes(
    make_user: MakeUser, settings: Settings, autoescape: bool
) -> None:
    templates = {
        "signature": "{{ user.get_username }}",
        **own_templates("RESET_PASSWORD", "{% include 'signature' %}"),
    }
    with host_templates(templates, autoescape=autoescape):
        services.send_reset_pw_mail(
            make_user(**{users.UserModel.USERNAME_FIELD: "a&b@example.com"})
        )
    [message] = mail.outbox
    assert message.subject == message.body == "a&b@example.com"
    assert html_of(message) == "a&amp;b@example.com"


def test_a_host_may_use_another_template_engine(
    make_user: MakeUser, settings: Settings, tmp_path: Any
) -> None:
    """Django's ``string.Template`` engine escapes like Jinja2 does by default."""
    for name, text in own_templates("RESET_PASSWORD", "$greeting $url").items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.dummy.TemplateStrings",
            "DIRS": [str(tmp_path)],
        }
    ]
    settings.AI_KIT_AUTH = {
        **URL,
        "EMAIL_TEMPLATES": {"CUSTOM_DATA_FUNCTION": lambda: {"greeting": "<Hi> &"}},
    }
    services.send_reset_pw_mail(make_user())
    [message] = mail.outbox
    assert html_of(message).startswith("&lt;Hi&gt; &amp; https://app.example.com/auth/")
    assert "&amp;token=" in html_of(message)
    for text in map(str, (message.subject, message.body)):
        assert text.startswith("<Hi> & https://app.example.com/auth/")
        assert "&token=" in text


def test_custom_email_data_adds_nothing() -> None:
    assert services.custom_email_data() == {}


@pytest.mark.parametrize("kind", MAILS)
def test_custom_data_is_in_every_mails_context(
    make_user: MakeUser, settings: Settings, kind: str
) -> None:
    """It cannot replace the user or the link, by mistake."""
    settings.AI_KIT_AUTH = {
        **URL,
        **dict_with(
            "EMAIL_TEMPLATES.CUSTOM_DATA_FUNCTION",
            lambda: {"product": "Ferns & Co", "url": "wrong", "user": "wrong"},
        ),
    }
    templates = own_templates(kind, "{{ product }} {{ url }} {{ user.pk }}")
    ada = make_user()
    with host_templates(templates):
        MAILS[kind](ada)
    [message] = mail.outbox
    assert message.subject.startswith("Ferns & Co https://app.example.com/")
    assert message.subject.endswith(f" {ada.pk}")
    assert "wrong" not in str(message.body)
    assert html_of(message).startswith("Ferns &amp; Co ")


@pytest.mark.parametrize("setting", SENDERS)
def test_a_sender_that_fails_is_a_mail_that_was_not_sent(
    make_user: MakeUser,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    setting: str,
) -> None:
    """Any exception of a mail service's client; the log has it, without the link."""
    sender = mock.Mock(side_effect=ZeroDivisionError("service is down"))
    settings.AI_KIT_AUTH = {**URL, setting: sender}
    ada = make_user()
    with pytest.raises(MailNotSent) as caught:
        SENDERS[setting](ada)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("ai_kit_auth", logging.ERROR)
    [(user, url)] = [call.args for call in sender.call_args_list]
    assert user == ada
    assert parse_qs(urlsplit(url).query)["token"][0] not in caplog.text


@pytest.mark.parametrize("setting", SENDERS)
def test_a_sender_may_refuse_with_a_code_of_its_own(
    make_user: MakeUser, settings: Settings, setting: str
) -> None:
    refusal = PermissionDenied(code="no_more_mails_today")
    settings.AI_KIT_AUTH = {**URL, setting: mock.Mock(side_effect=refusal)}
    with pytest.raises(PermissionDenied) as caught:
        SENDERS[setting](make_user())
    assert caught.value is refusal


@with_activation
def test_a_registration_whose_mail_fails_can_be_repeated(
    client: APIClient, settings: Settings
) -> None:
    broken = {"SEND_USER_ACTIVATION_MAIL": mock.Mock(side_effect=OSError)}
    extra = settings.AI_KIT_AUTH
    settings.AI_KIT_AUTH = {**extra, **broken}
    answer = post(client, "register", registration())
    assert (answer.status_code, answer.json()) == (503, {"error": "mail_not_sent"})
    assert not get_user_model()._default_manager.exists()
    settings.AI_KIT_AUTH = extra
    assert post(client, "register", registration()).status_code == 201
    assert the_user().is_active is False


class DownCache(DummyCache):
    """A cache whose server does not answer."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError

    set = delete = add = get


def test_a_cache_that_is_down_stops_neither_mails_nor_links(
    client: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    caches = {"default": {"BACKEND": f"{__name__}.DownCache"}}
    with override_settings(CACHES=caches):
        assert post(client, "register", registration()).status_code == 201
        if has_activation():
            assert post(client, "activate", mailed_link()).json() == {}
        post(client, "send_pw_reset_email", {"ident": "ada@example.com"})
        link = {**mailed_link(), "password": OTHER_PASSWORD}
        assert post(client, "validate_password", link).json() == {}
        assert post(client, "pw_reset", link).json() == {}
        assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200
    assert "ConnectionError" in caplog.text


# What tests of projects patch


def test_make_url_is_looked_up_in_the_module(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_url = mock.Mock(return_value="https://patched.example.com/")
    monkeypatch.setattr(services, "make_url", make_url)
    ada = make_user()
    assert services.get_activation_url(ada) == "https://patched.example.com/"
    assert services.get_password_reset_url(ada) == "https://patched.example.com/"
    assert make_url.call_args.kwargs["ident"] == str(services.scramble_id(ada.pk))


@every_mail
def test_send_email_is_looked_up_in_the_module(
    make_user: MakeUser,
    monkeypatch: pytest.MonkeyPatch,
    send: Callable[[Any], None],
) -> None:
    send_email = mock.Mock()
    monkeypatch.setattr(services, "send_email", send_email)
    send(make_user())
    [(subject, text, html, to_address)] = [c.args for c in send_email.call_args_list]
    assert subject.strip()
    assert "https://app.example.com/auth/" in text
    assert html.lstrip().startswith("<!doctype html>")
    assert to_address == "ada@example.com"
    assert mail.outbox == []


def test_api_settings_is_looked_up_in_the_module(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    patched = mock.Mock()
    patched.FRONTEND.URL = "https://patched.example.com"
    patched.FRONTEND.RESET_PW_ROUTE = "reset"
    monkeypatch.setattr(services, "api_settings", patched)
    ada = make_user()
    services.send_reset_pw_mail(ada)
    [(user, url)] = [c.args for c in patched.SEND_RESET_PW_MAIL.call_args_list]
    assert user == ada
    assert url.startswith("https://patched.example.com/reset?ident=")


# Registration


@contextmanager
def receiver(signal: Any, react: Callable[..., None]) -> Iterator[None]:
    signal.connect(react, sender=get_user_model())
    try:
        yield
    finally:
        signal.disconnect(react, sender=get_user_model())


@pytest.fixture
def race(settings: Settings) -> dict[str, Any]:
    """Return the columns of a rival row that is written between check and INSERT."""
    rival: dict[str, Any] = {}

    def create(self: Any, validated_data: Any) -> Any:
        user = get_user_model()(**rival)
        get_user_model()._default_manager.bulk_create([user])
        return register(validated_data)

    base = api_settings.REGISTRATION_SERIALIZER
    overtaken = type("RegistrationSerializer", (base,), {"create": create})
    settings.AI_KIT_AUTH = {**URL, "REGISTRATION_SERIALIZER": overtaken}
    return rival


@with_username
def test_a_race_for_a_username_has_one_winner(
    client: APIClient, race: dict[str, Any]
) -> None:
    name = str(user_model.username)
    race.update({**attributes_of("bob"), name: "ada"})
    answer = post(client, "register", registration())
    assert (answer.status_code, answer.json()) == (400, {name: [f"{name}_unique"]})
    assert mail.outbox == []


@pytest.mark.user_model("email_login", "bare")
def test_a_race_for_an_address_has_one_winner(
    client: APIClient, race: dict[str, Any]
) -> None:
    race.update(attributes_of("ada"))
    answer = post(client, "register", registration())
    assert (answer.status_code, answer.json()) == (400, {"email": ["email_unique"]})
    assert mail.outbox == []


def test_another_constraint_is_a_bug_and_stays_one(client: APIClient) -> None:
    def spoil(instance: Any, **kwargs: object) -> None:
        instance.password = None

    with receiver(pre_save, spoil), pytest.raises(IntegrityError, match="password"):
        post(client, "register", registration())
    assert not get_user_model()._default_manager.exists()


@with_username
@pytest.mark.parametrize("given", [{}, {"username": ""}])
def test_who_gives_no_username_gets_one(
    client: APIClient, given: dict[str, str]
) -> None:
    for name in ("ada", "bob"):
        data = registration(name)
        del data["username"]
        assert post(client, "register", {**data, **given}).status_code == 201
    field: Any = get_user_model()._meta.get_field(str(user_model.username))
    names = {the_user(name).get_username() for name in ("ada", "bob")}
    assert len(names) == 2
    for name in names:
        field.clean(name, None)
        assert 0 < len(name) <= field.max_length


# Writes


CHANGES: dict[str, Callable[[], Any]] = {
    "password": lambda: "another hash",
    "last_login": timezone.now,
    "email": lambda: "elsewhere@example.com",
}


def interfere(changed: str) -> dict[str, Any]:
    """Change the row as another request would, and return all that it holds."""
    rows = get_user_model()._default_manager.all()
    name = user_model.email if changed == "email" else changed
    value = CHANGES[changed]() if changed in CHANGES else not rows.get().is_active
    rows.update(**{name: value})
    return dict(rows.values().get())


@with_activation
@pytest.mark.parametrize("changed", [*CHANGES, "is_active"])
def test_an_activation_gives_way_to_a_change_in_between(
    make_user: MakeUser, changed: str
) -> None:
    ada = make_user(is_active=False)
    row = interfere(changed)
    with pytest.raises(ActivationLinkInvalid):
        activate(ada)
    assert get_user_model()._default_manager.values().get() == row


@pytest.mark.parametrize("changed", [c for c in CHANGES if c != "last_login"])
def test_a_reset_gives_way_to_a_change_in_between(
    make_user: MakeUser, changed: str
) -> None:
    ada = make_user()
    row = interfere(changed)
    with pytest.raises(LinkInvalid) as caught:
        reset_password(ada, OTHER_PASSWORD)
    assert caught.value.get_codes() == "reset_password_link_invalid"
    assert get_user_model()._default_manager.values().get() == row


@with_activation
@pytest.mark.parametrize("active", [True, False])
def test_a_reset_gives_way_to_a_change_of_is_active(
    make_user: MakeUser, active: bool
) -> None:
    ada = make_user(is_active=active)
    row = interfere("is_active")
    with pytest.raises(LinkInvalid):
        reset_password(ada, OTHER_PASSWORD)
    assert get_user_model()._default_manager.values().get() == row


@with_activation
def test_a_link_is_used_up_by_the_faster_of_two(make_user: MakeUser) -> None:
    make_user(is_active=False)
    first, second = the_user(), the_user()
    activate(first)
    with pytest.raises(ActivationLinkInvalid):
        activate(second)
    assert the_user().is_active is True


def test_a_row_that_is_gone_is_not_written(make_user: MakeUser) -> None:
    ada = make_user()
    get_user_model()._default_manager.all().delete()
    with pytest.raises(LinkInvalid):
        reset_password(ada, OTHER_PASSWORD)
    assert not get_user_model()._default_manager.exists()


def test_a_reset_writes_no_column_of_somebody_else(make_user: MakeUser) -> None:
    """A save() of all columns would undo what another request wrote meanwhile."""
    ada = make_user()
    stale = the_user()
    name = "first_name" if "first_name" in user_model.columns else user_model.email
    ada.refresh_from_db()
    setattr(ada, name, "ada@example.com")
    ada.save()
    reset_password(stale, OTHER_PASSWORD)
    row = get_user_model()._default_manager.get()
    assert getattr(row, name) == "ada@example.com"
    assert row.check_password(OTHER_PASSWORD)


def note_saves(signal: Any, seen: list[Any]) -> Any:
    def note(instance: Any, update_fields: Any, **kwargs: object) -> None:
        stored = get_user_model()._default_manager.get(pk=instance.pk)
        seen.append((signal, stored.password, instance.password, set(update_fields)))

    return receiver(signal, note)


def test_receivers_of_a_save_see_a_reset(make_user: MakeUser) -> None:
    """A project that copies its users elsewhere."""
    ada = make_user()
    old = ada.password
    seen: list[Any] = []
    with note_saves(pre_save, seen), note_saves(post_save, seen):
        reset_password(ada, OTHER_PASSWORD)
    new = the_user().password
    assert new != old
    assert seen == [
        (pre_save, old, new, {"password"}),
        (post_save, new, new, {"password"}),
    ]


@with_activation
def test_receivers_of_a_save_see_an_activation(make_user: MakeUser) -> None:
    ada = make_user(is_active=False)
    seen: list[tuple[bool, bool]] = []

    def note(instance: Any, update_fields: Any, **kwargs: object) -> None:
        assert set(update_fields) == {"is_active", "last_login"}
        seen.append((the_user().is_active, instance.is_active))

    with receiver(pre_save, note), receiver(post_save, note):
        activate(ada)
    assert seen == [(False, True), (True, True)]


@with_activation
def test_receivers_of_a_save_hear_nothing_of_what_was_not_written(
    make_user: MakeUser,
) -> None:
    ada = make_user()
    interfere("password")
    seen: list[Any] = []
    with note_saves(post_save, seen), pytest.raises(LinkInvalid):
        reset_password(ada, OTHER_PASSWORD)
    assert seen == []


@pytest.mark.user_model("extra_field")
@pytest.mark.parametrize("active", [True, False])
def test_columns_that_note_the_time_of_a_change_note_a_reset(
    make_user: MakeUser, active: bool
) -> None:
    make_user(is_active=active)
    before = timezone.now()
    long_ago = before - timedelta(days=365)
    rows: Any = get_user_model()._default_manager
    rows.update(changed_at=long_ago)
    reset_password(the_user(), OTHER_PASSWORD)
    assert the_user().changed_at >= before


@pytest.mark.user_model("extra_field")
def test_columns_that_note_the_time_of_a_change_note_an_activation(
    make_user: MakeUser,
) -> None:
    make_user(is_active=False)
    before = timezone.now()
    long_ago = before - timedelta(days=365)
    rows: Any = get_user_model()._default_manager
    rows.update(changed_at=long_ago)
    activate(the_user())
    assert the_user().changed_at >= before


class HistoryValidator:
    """A validator of the project that stores old passwords, by Django's hook."""

    history: list[tuple[Any, str, bool]] = []

    def validate(self, password: str, user: Any = None) -> None:
        """Nothing to find wrong."""

    def password_changed(self, password: str, user: Any = None) -> None:
        self.history.append((user.pk, password, user.check_password(password)))


def test_validators_hear_of_a_reset(make_user: MakeUser, settings: Settings) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.HistoryValidator"}]
    ada = make_user()
    HistoryValidator.history.clear()
    reset_password(ada, OTHER_PASSWORD)
    assert HistoryValidator.history == [(ada.pk, OTHER_PASSWORD, True)]


def test_validators_hear_nothing_of_a_reset_that_was_not_written(
    make_user: MakeUser, settings: Settings
) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.HistoryValidator"}]
    ada = make_user()
    HistoryValidator.history.clear()
    interfere("password")
    with pytest.raises(LinkInvalid):
        reset_password(ada, OTHER_PASSWORD)
    assert HistoryValidator.history == []


class BusyCursor:
    """On a database whose lock another process holds at the first attempts."""

    def __init__(self, error: str, failures: int) -> None:
        self.error = error
        self.failures = failures

    def execute(self, statement: str) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise OperationalError(self.error)


def test_the_lock_of_the_file_is_waited_for_until_it_is_too_late() -> None:
    now = time.monotonic()
    cursor = BusyCursor("database is locked", failures=3)
    when_free(partial(cursor.execute, "UPDATE"), now + 60)
    assert cursor.failures == -1
    with pytest.raises(OperationalError, match="locked"):
        when_free(partial(BusyCursor("locked", 1).execute, "UPDATE"), now - 60)


@pytest.mark.django_db
def test_a_mail_that_only_a_stored_user_can_have_is_not_pretended(
    settings: Any,
) -> None:
    def needs_a_row() -> dict[str, Any]:
        raise LookupError("no row")

    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        "EMAIL_TEMPLATES": {"CUSTOM_DATA_FUNCTION": needs_a_row},
    }
    services.pretend_to_mail(api_settings.EMAIL_TEMPLATES.RESET_PASSWORD)
    assert mail.outbox == []


@pytest.mark.django_db
def test_a_mail_that_is_pretended_is_written_as_backends_write_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the next request would find a processor that has less to do."""
    written: list[object] = []
    flatten = Generator.flatten

    def note(self: Generator, message: Any, *args: Any, **kwargs: Any) -> None:
        written.append(message)
        flatten(self, message, *args, **kwargs)

    monkeypatch.setattr(Generator, "flatten", note)
    templates = api_settings.EMAIL_TEMPLATES.RESET_PASSWORD
    # Django's outbox is the one backend that writes nothing.
    services.pretend_to_mail(templates)
    assert written == []
    monkeypatch.delattr(mail, "outbox")
    services.pretend_to_mail(templates)
    assert written


def test_what_is_no_lock_is_not_waited_for() -> None:
    cursor = BusyCursor("no such table: auth_user", failures=1)
    with pytest.raises(OperationalError, match="no such table"):
        when_free(partial(cursor.execute, "UPDATE"), time.monotonic() + 60)


@pytest.mark.database("sqlite")
@pytest.mark.django_db(transaction=True)
def test_a_lock_that_cannot_be_had_leaves_no_transaction_open() -> None:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise OperationalError("disk I/O error")
        return execute(sql, *rest)

    with (
        connection.execute_wrapper(refuse),
        pytest.raises(OperationalError, match="disk"),
    ):
        AccountTransaction().__enter__()
    assert not connection.in_atomic_block
    with AccountTransaction():
        assert connection.in_atomic_block
