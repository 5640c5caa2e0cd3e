"""Names of 2.0.0 that projects import or patch: contract section 6."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable
from functools import reduce
from operator import getitem
from types import ModuleType
from typing import Any

import pytest
from django.apps import AppConfig
from django.contrib.auth import forms as django_forms
from django.contrib.auth import get_user_model
from django.db.models.signals import pre_save
from django.template import engines
from django.test import override_settings
from django.urls import reverse
from django.utils.safestring import SafeString
from rest_framework.exceptions import ValidationError

from ai_kit_auth import admin, models, serializers, services, settings, signals, urls
from ai_kit_auth import views as ai_views
from ai_kit_auth.account import services as account_services

from . import test_settings, test_urls


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (admin, "User"),
        (services, "User"),
        (serializers, "UserModel"),
        (ai_views, "UserModel"),
    ],
)
def test_the_user_model_goes_by_the_name_that_it_had(
    module: ModuleType, name: str
) -> None:
    assert getattr(module, name) is get_user_model()


def test_a_field_error_is_raised_in_one_line() -> None:
    with pytest.raises(ValidationError) as raised:
        serializers.raise_validation("age", "too_young")
    assert raised.value.detail == {"age": ["too_young"]}
    assert raised.value.get_codes() == {"age": ["too_young"]}


def test_field_args_serve_as_extra_kwargs_of_a_model_serializer() -> None:
    class Own(serializers.ModelSerializer):
        class Meta:
            model = get_user_model()
            fields = ("password",)
            extra_kwargs = serializers.FIELD_ARGS

    password: Any = Own().fields["password"]
    assert password.write_only
    assert password.run_validation(" as typed ") == " as typed "


def test_the_username_field_of_the_admin_is_djangos() -> None:
    assert admin.UsernameField is django_forms.UsernameField


def test_endpoints_are_known_by_their_key() -> None:
    assert {
        key: (pattern.name, str(pattern.pattern))
        for key, pattern in urls.endpoints.items()
    } == {key: (name, path) for key, (name, path, _) in test_urls.ENDPOINTS.items()}
    assert list(urls.endpoints.values()) == urls.auth_patterns


@override_settings(ROOT_URLCONF="ai_kit_auth.urls")
def test_the_urlconf_serves_as_root() -> None:
    assert reverse("ai_kit_auth:login") == "/login/"


@pytest.mark.parametrize("name", test_settings.DEFAULTS)
def test_the_defaults_are_one_nested_dict(name: str) -> None:
    """Of every key: a dotted path stays one there."""
    found: Any = reduce(getitem, name.split("."), settings.DEFAULTS)
    assert found == test_settings.DEFAULTS[name]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (settings.APISettings, ["user_settings"]),
        (services.scramble_id, ["pk"]),
        (services.send_email, ["subject", "text", "html", "to_address"]),
        (services.custom_email_data, []),
        (services.get_activation_url, ["user"]),
        (services.get_password_reset_url, ["user"]),
        (services.send_user_activation_mail, ["user"]),
        (services.send_activation_by_admin_mail, ["user"]),
        (services.send_reset_pw_mail, ["user"]),
        (services.default_send_user_activation_mail, ["user", "url"]),
        (services.default_send_activation_by_admin_mail, ["user", "url"]),
        (services.default_send_reset_pw_mail, ["user", "url"]),
        (serializers.raise_validation, ["field", "code"]),
    ],
)
def test_what_projects_call_takes_its_arguments_by_their_names(
    function: Callable[..., object], names: list[str]
) -> None:
    assert list(inspect.signature(function).parameters) == names


def test_the_configuration_may_be_installed_by_its_old_name() -> None:
    entry = AppConfig.create("ai_kit_auth.apps.DjangoAiKitAuthConfig")
    assert type(entry).__name__ == "AIKitAuthConfig"
    assert type(AppConfig.create("ai_kit_auth")) is type(entry)


def test_no_other_name_is_made_up() -> None:
    from ai_kit_auth import apps

    with pytest.raises(AttributeError, match="has no attribute 'Config'"):
        apps.Config  # noqa: B018  # the access is what is tested


def test_the_receiver_of_then_may_be_connected_and_disconnected() -> None:
    receiver = signals.invalidate_tokens_on_user_deactivation
    pre_save.connect(receiver, sender=get_user_model())
    receiver(sender=get_user_model(), instance=get_user_model()(), raw=False)
    assert pre_save.disconnect(receiver, sender=get_user_model())


def test_there_is_a_module_of_no_models() -> None:
    assert not any(isinstance(value, type) for value in vars(models).values())


# Links


def test_parts_and_values_of_a_url_may_be_anything_with_a_text() -> None:
    key = uuid.UUID(int=7)
    assert services.make_url("https://a.example/", key, 5, ident=7, token="a b") == (
        f"https://a.example/{key}/5?ident=7&token=a%20b"
    )
    assert services.make_url("https://a.example") == "https://a.example?"
    assert isinstance(services.make_url("https://a.example"), SafeString)


@pytest.mark.django_db
def test_a_template_of_the_projects_own_shows_the_link_as_it_is(make_user: Any) -> None:
    user = make_user()
    template = engines["django"].from_string("Open {{ url }} now.")
    for url in (
        services.get_activation_url(user),
        services.get_password_reset_url(user),
        account_services.get_email_change_url(user, "new@example.com"),
    ):
        assert isinstance(url, SafeString)
        # Escaped, the second parameter would be called "amp;token".
        assert template.render({"url": url}) == f"Open {url} now."


@pytest.mark.django_db
def test_in_our_own_context_the_link_is_a_text_like_any_other(make_user: Any) -> None:
    user = make_user()
    context = services.mail_context(user, services.get_activation_url(user))
    assert not isinstance(context["url"], SafeString)
    html = engines["django"].from_string("{{ url }}").render(context)
    assert "&amp;token=" in html
