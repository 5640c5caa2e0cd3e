"""``override_settings(AI_KIT_AUTH=...)`` works, as its visible effects show."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth import models as auth_models
from django.contrib.auth.admin import UserAdmin
from django.core import mail
from django.test import Client
from django.urls import reverse
from rest_framework import serializers
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.accounts import email_of
from ai_kit_auth.admin import AIUserAdmin, AIUserCreationForm
from ai_kit_auth.settings import api_settings
from ai_kit_auth.tokens import activation_tokens
from ai_kit_auth.user_model import user_model

from .accounts import log_in, mailed_link, post, registration
from .conftest import PASSWORD, MakeUser, with_activation, with_username
from .test_services import MAILS, SENDERS, host_templates, html_of
from .test_settings import URL, dict_with

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


def plus(settings: Any, name: str, value: Any) -> None:
    """Set one setting beside those that the suite has on this user model."""
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **dict_with(name, value)}


# Mails


@pytest.mark.parametrize("part", ["TITLE", "BODY_PLAINTEXT", "BODY_HTML"])
@pytest.mark.parametrize("kind", MAILS)
def test_email_templates(
    make_user: MakeUser, settings: Settings, kind: str, part: str
) -> None:
    """One template of one mail is replaced; its two others are what they were."""
    plus(settings, f"EMAIL_TEMPLATES.{kind}.{part}", "own.txt")
    ada = make_user()
    with host_templates({"own.txt": "a text of the host's"}):
        for send in MAILS.values():
            send(ada)
    own = [
        (name, of)
        for name, message in zip(MAILS, mail.outbox, strict=True)
        for of, text in (
            ("TITLE", message.subject),
            ("BODY_PLAINTEXT", message.body),
            ("BODY_HTML", html_of(message)),
        )
        if text == "a text of the host's"
    ]
    assert own == [(kind, part)]


def test_custom_data_function(make_user: MakeUser, settings: Settings) -> None:
    plus(
        settings,
        "EMAIL_TEMPLATES.CUSTOM_DATA_FUNCTION",
        lambda: {"product": "Fern Finder"},
    )
    with host_templates({"ai_kit_auth/reset_password_title.txt": "{{ product }}"}):
        services.send_reset_pw_mail(make_user())
    assert mail.outbox[0].subject == "Fern Finder"


@pytest.mark.parametrize("setting", SENDERS)
def test_senders(make_user: MakeUser, settings: Settings, setting: str) -> None:
    """Called with the user and the link, instead of the package's own."""
    own = mock.Mock()
    plus(settings, setting, own)
    ada = make_user()
    SENDERS[setting](ada)
    [(user, url)] = [call.args for call in own.call_args_list]
    assert user == ada
    assert url.startswith("https://app.example.com/auth/")
    assert mail.outbox == []


@with_activation
def test_send_user_activation_mail_at_registration(
    client: APIClient, settings: Settings
) -> None:
    own = mock.Mock()
    plus(settings, "SEND_USER_ACTIVATION_MAIL", own)
    assert post(client, "register", registration()).status_code == 201
    own.assert_called_once()
    assert mail.outbox == []


def test_send_reset_pw_mail_on_request(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    own = mock.Mock()
    plus(settings, "SEND_RESET_PW_MAIL", own)
    post(client, "send_pw_reset_email", {"ident": "ada@example.com"})
    own.assert_called_once()
    assert mail.outbox == []


@with_activation
def test_send_activation_by_admin_mail_from_the_admins_form(settings: Settings) -> None:
    own = mock.Mock()
    plus(settings, "SEND_ACTIVATION_BY_ADMIN_MAIL", own)
    data = {"email": "ada@example.com", "mail": "ada@example.com", "age": 36}
    form = AIUserCreationForm({**data, "password1": PASSWORD, "password2": PASSWORD})
    assert form.errors == {}
    form.instance.age = 36
    own.assert_not_called()
    user = form.save()
    own.assert_called_once()
    assert own.call_args.args[0] == user
    assert mail.outbox == []


def test_send_account_exists_mail_where_an_address_is_registered_once_more(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    ada = make_user()
    own = mock.Mock()
    plus(settings, "SEND_ACCOUNT_EXISTS_MAIL", own)
    plus(settings, "PREVENT_ENUMERATION", True)
    post(client, "register", registration("eve", email="ada@example.com"))
    own.assert_called_once()
    assert own.call_args.args[0] == ada
    assert mail.outbox == []


# The frontend


@pytest.mark.parametrize(
    ("setting", "value", "activation", "reset"),
    [
        (
            "URL",
            "https://elsewhere.example/app/",
            "https://elsewhere.example/app/auth/activation?ident=",
            "https://elsewhere.example/app/auth/reset_password?ident=",
        ),
        (
            "ACTIVATION_ROUTE",
            "welcome",
            "https://app.example.com/welcome?ident=",
            "https://app.example.com/auth/reset_password?ident=",
        ),
        (
            "RESET_PW_ROUTE",
            "/auth/reset-password",
            "https://app.example.com/auth/activation?ident=",
            "https://app.example.com/auth/reset-password?ident=",
        ),
    ],
)
def test_frontend(
    make_user: MakeUser,
    settings: Settings,
    setting: str,
    value: str,
    activation: str,
    reset: str,
) -> None:
    settings.AI_KIT_AUTH = {"FRONTEND": {**URL["FRONTEND"], setting: value}}
    ada = make_user()
    assert services.get_activation_url(ada).startswith(activation)
    assert services.get_password_reset_url(ada).startswith(reset)


# The API


@with_username
def test_username_required_at_registration(
    client: APIClient, settings: Settings
) -> None:
    plus(settings, "USERNAME_REQUIRED", True)
    data = registration()
    del data["username"]
    key = str(user_model.username)
    answer = post(client, "register", data)
    assert (answer.status_code, answer.json()) == (400, {key: ["required"]})
    answer = post(client, "register", {**data, "username": ""})
    assert (answer.status_code, answer.json()) == (400, {"username": ["blank"]})
    plus(settings, "USERNAME_REQUIRED", False)
    assert post(client, "register", data).status_code == 201


@with_username
def test_username_required_at_password_validation(
    client: APIClient, settings: Settings
) -> None:
    body = {"email": "", "password": PASSWORD}
    assert post(client, "validate_password", body).status_code == 200
    plus(settings, "USERNAME_REQUIRED", True)
    answer = post(client, "validate_password", body)
    assert (answer.status_code, answer.json()) == (400, {"username": ["required"]})
    assert (
        post(client, "validate_password", {**body, "username": ""}).status_code == 200
    )


@with_username
def test_username_required_in_the_admins_form(settings: Settings) -> None:
    name = str(user_model.username)
    assert AIUserCreationForm().fields[name].required is False
    plus(settings, "USERNAME_REQUIRED", True)
    assert AIUserCreationForm().fields[name].required is True


@pytest.mark.user_model("email_login", "bare")
def test_username_required_asks_nothing_of_models_without_one(
    client: APIClient, settings: Settings
) -> None:
    plus(settings, "USERNAME_REQUIRED", True)
    body = {"email": "ada@example.com", "password": PASSWORD}
    assert post(client, "validate_password", body).status_code == 200
    assert post(client, "register", body).status_code == 201


@pytest.mark.parametrize("hidden", [True, False])
def test_prevent_enumeration(
    client: APIClient, make_user: MakeUser, settings: Settings, hidden: bool
) -> None:
    make_user()
    plus(settings, "PREVENT_ENUMERATION", hidden)
    body = registration("eve", email="ada@example.com")
    answer = post(client, "register", body)
    refusal = {"email": [f"{user_model.email}_unique"]}
    assert (answer.status_code, answer.json()) == (
        (201, {}) if hidden else (400, refusal)
    )
    assert [message.to for message in mail.outbox] == [["ada@example.com"]] * hidden


@with_activation
@pytest.mark.parametrize(("timeout", "status"), [(60, 400), (3600, 200)])
def test_activation_timeout(
    client: APIClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    timeout: int,
    status: int,
) -> None:
    """Ten minutes after the registration."""
    plus(settings, "ACTIVATION_TIMEOUT", timeout)
    post(client, "register", registration())
    ten_minutes_on = activation_tokens._now() + timedelta(minutes=10)
    monkeypatch.setattr(activation_tokens, "_now", lambda: ten_minutes_on)
    assert post(client, "activate", mailed_link()).status_code == status


class OwnUserSerializer(serializers.Serializer[Any]):
    greeting = serializers.SerializerMethodField()

    def get_greeting(self, user: Any) -> str:
        return f"hello {email_of(user)}"


@pytest.mark.parametrize("given", [OwnUserSerializer, f"{__name__}.OwnUserSerializer"])
def test_user_serializer(
    client: APIClient, make_user: MakeUser, settings: Settings, given: Any
) -> None:
    make_user()
    plus(settings, "USER_SERIALIZER", given)
    expected = {"greeting": "hello ada@example.com"}
    assert log_in(client, "ada@example.com").json()["user"] == expected
    assert client.get(reverse("ai_kit_auth:me")).json()["user"] == expected


def test_registration_serializer(client: APIClient, settings: Settings) -> None:
    def refuse(self: Any, attrs: Any) -> Any:
        raise serializers.ValidationError("registration_closed")

    base = api_settings.REGISTRATION_SERIALIZER
    own = type("RegistrationSerializer", (base,), {"validate": refuse})
    plus(settings, "REGISTRATION_SERIALIZER", own)
    answer = post(client, "register", registration())
    assert answer.status_code == 400
    assert answer.json() == {"non_field_errors": ["registration_closed"]}
    assert not get_user_model()._default_manager.exists()


@with_username
@pytest.mark.parametrize("by_address", [True, False])
def test_user_identity_fields(
    client: APIClient, make_user: MakeUser, settings: Settings, by_address: bool
) -> None:
    """At login and where a reset mail is asked for."""
    make_user()
    good, bad = "ada@example.com", "ada"
    names = [user_model.email, user_model.username]
    if not by_address:
        good, bad = bad, good
        names.reverse()
    plus(settings, "USER_IDENTITY_FIELDS", names[:1])
    assert log_in(client, bad).status_code == 400
    post(client, "send_pw_reset_email", {"ident": bad})
    assert mail.outbox == []
    post(client, "send_pw_reset_email", {"ident": good})
    assert mailed_link()["token"]
    assert log_in(client, good).status_code == 200


# The admin


@pytest.fixture
def staff(make_user: MakeUser) -> Client:
    rights = ("is_staff", "is_superuser")
    columns = {name: True for name in rights if name in user_model.columns}
    browser = Client()
    browser.force_login(make_user("root", **columns))
    return browser


def admin_page(browser: Client, page: str, *args: Any) -> str:
    meta = get_user_model()._meta
    name = f"admin:{meta.app_label}_{meta.model_name}_{page}"
    answer = browser.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def test_admin_fieldsets(
    staff: Client, make_user: MakeUser, settings: Settings
) -> None:
    ada = make_user("ada")
    before = admin_page(staff, "change", ada.pk)
    fieldset = ("A title of the host's", {"fields": [user_model.email]})
    plus(settings, "ADMIN_FIELDSETS", [fieldset])
    after = admin_page(staff, "change", ada.pk)
    assert "A title of the host" not in before
    assert "A title of the host" in after
    assert 'name="last_login_0"' in before
    assert 'name="last_login_0"' not in after
    assert f'name="{user_model.email}"' in after


def test_admin_add_fieldsets(staff: Client, settings: Settings) -> None:
    before = admin_page(staff, "add")
    fields = (user_model.email, "password1", "password2")
    plus(
        settings, "ADMIN_ADD_FIELDSETS", (("A title of the host", {"fields": fields}),)
    )
    after = admin_page(staff, "add")
    assert "A title of the host" not in before
    assert "A title of the host" in after
    assert f'name="{user_model.email}"' in after


def test_use_ai_kit_auth_admin(settings: Settings) -> None:
    """False restores the admin that was registered: Django's for Django's model."""
    user_model = get_user_model()
    own = {user_model: UserAdmin} if user_model is auth_models.User else {}
    assert isinstance(admin.site.get_model_admin(user_model), AIUserAdmin)
    plus(settings, "USE_AI_KIT_AUTH_ADMIN", False)
    assert admin.site.is_registered(user_model) is bool(own)
    assert all(type(admin.site.get_model_admin(m)) is own[m] for m in own)
    plus(settings, "USE_AI_KIT_AUTH_ADMIN", True)
    assert isinstance(admin.site.get_model_admin(user_model), AIUserAdmin)
