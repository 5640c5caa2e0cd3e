"""The user admin, as a browser uses it, on every user model."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.core import checks, mail
from django.core.exceptions import FieldError
from django.core.mail.backends import locmem
from django.db import IntegrityError, transaction
from django.db.models.signals import post_save
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.utils import timezone, translation
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient

from ai_kit_auth.accounts import email_of, ident_of, is_mark, normal_address
from ai_kit_auth.admin import AIUserAdmin, AIUserChangeForm, AIUserCreationForm
from ai_kit_auth.errors import MailNotSent
from ai_kit_auth.user_model import user_model

from .accounts import (
    attributes_of,
    has_activation,
    log_in,
    mailed_link,
    post,
    the_user,
    wide,
)
from .conftest import (
    OTHER_PASSWORD,
    PASSWORD,
    USER_MODELS,
    MakeUser,
    with_activation,
    with_username,
)

FRONTEND = {"URL": "https://app.example.com"}
PASSWORDS = ["password1", "password2"]
NOT_SENT = "The account was not created, because its activation mail could not be sent."
TAKEN = "A user with that e-mail address already exists."

pytestmark = pytest.mark.django_db


def dead_sender(user: Any, url: str) -> None:
    raise RuntimeError("the mail service is down")


def refusing_sender(user: Any, url: str) -> None:
    raise Throttled


def configured(**changes: Any) -> override_settings:
    return override_settings(AI_KIT_AUTH={"FRONTEND": FRONTEND, **changes})


def user_fields() -> list[str]:
    """Return what a person types to make an account, the passwords aside."""
    return [*attributes_of("ada"), *PASSWORDS]


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Start in English, whatever language a request has left behind."""
    with translation.override("en"):
        yield


@pytest.fixture
def asks_for_all() -> Iterator[None]:
    """Let the add page ask for what the user model requires beyond the default."""
    fieldsets = [(None, {"fields": user_fields()})]
    with configured(ADMIN_ADD_FIELDSETS=fieldsets):
        yield


@pytest.fixture
def browser(make_user: MakeUser) -> Client:
    """Return a browser in which an administrator is logged in."""
    rights = {
        name: True
        for name in ("is_staff", "is_superuser")
        if name in user_model.columns
    }
    client = Client()
    client.force_login(make_user("root", **rights))
    return client


def page(name: str, *args: Any) -> str:
    meta = get_user_model()._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)


def the_admin() -> Any:
    return admin.site.get_model_admin(get_user_model())


def new_user(name: str = "ada", **changes: Any) -> dict[str, Any]:
    """Return what the add page posts."""
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    return {**attributes_of(name), **passwords, **changes}


def shown_values(browser: Client, url: str) -> dict[str, Any]:
    """Return the data that a browser posts for a page without input."""
    form = browser.get(url).context["adminform"].form
    data: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        widget = bound.field.widget
        if isinstance(widget, forms.MultiWidget):
            parts = enumerate(widget.decompress(value) or ())
            data |= {f"{bound.html_name}_{i}": part or "" for i, part in parts}
        elif not bound.field.disabled and value not in (None, False):
            data[bound.html_name] = value
    return data


def errors_of(answer: Any) -> dict[str, list[str]]:
    """Return the codes that a form page was shown again for."""
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors.as_data()
    return {
        name: [problem.code for problem in problems]
        for name, problems in errors.items()
    }


def count() -> int:
    return int(get_user_model()._default_manager.count())


# The registration


def test_the_app_takes_the_place_of_the_user_admin() -> None:
    assert type(the_admin()) is AIUserAdmin


def test_djangos_checks_have_nothing_to_say() -> None:
    assert checks.run_checks() == []
    assert the_admin().check() == []


@pytest.mark.parametrize("name", ["changelist", "add"])
def test_a_page_is_shown(browser: Client, name: str) -> None:
    assert browser.get(page(name)).status_code == 200


def test_the_pages_of_a_user_are_shown(browser: Client, make_user: MakeUser) -> None:
    user = make_user()
    for name in ("change", "history", "delete"):
        assert browser.get(page(name, user.pk)).status_code == 200


@pytest.mark.parametrize("name", ["changelist", "add"])
def test_a_stranger_is_sent_to_the_login(name: str) -> None:
    answer = Client().get(page(name))
    assert answer.status_code == 302
    assert "login/?next=" in answer.headers["Location"]


@pytest.mark.user_model("auth_user")
def test_who_may_not_add_users_adds_none(make_user: MakeUser) -> None:
    client = Client()
    client.force_login(make_user("clerk", is_staff=True))
    assert client.post(page("add"), new_user()).status_code == 403
    assert count() == 1
    assert mail.outbox == []


# Adding


@pytest.mark.user_model(*(m for m in USER_MODELS if m != "extra_field"))
def test_an_account_is_made_by_the_default_add_page(browser: Client) -> None:
    answer = browser.post(page("add"), new_user())
    assert answer.status_code == 302
    assert answer.headers["Location"] == page("change", the_user().pk)
    assert the_user().check_password(PASSWORD)


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_a_new_account_is_inactive_until_its_mailed_link_is_used(
    browser: Client, client: APIClient
) -> None:
    assert browser.post(page("add"), new_user()).status_code == 302
    assert the_user().is_active is False
    (message,) = mail.outbox
    assert message.to == ["ada@example.com"]
    assert message.subject == "An account was made for you - app.example.com"
    assert str(message.body).count("https://app.example.com/auth/activation?") == 1
    assert log_in(client, "ada@example.com").status_code == 400
    assert post(client, "activate", mailed_link()).json() == {}
    assert the_user().is_active is True
    assert log_in(client, "ada@example.com").status_code == 200
    assert len(mail.outbox) == 1


@pytest.mark.user_model("bare")
def test_without_an_is_active_column_an_account_is_good_at_once(
    browser: Client, client: APIClient
) -> None:
    assert browser.post(page("add"), new_user()).status_code == 302
    assert mail.outbox == []
    assert log_in(client, "ada@example.com").status_code == 200


@pytest.mark.usefixtures("asks_for_all")
@pytest.mark.parametrize("address", ["ada@example.com", "ADA@Example.COM"])
def test_an_address_has_one_account(
    browser: Client, make_user: MakeUser, address: str
) -> None:
    make_user()
    data = new_user("ada2", **{user_model.email: address})
    answer = browser.post(page("add"), data)
    code = f"{user_model.email}_unique"
    assert errors_of(answer) == {user_model.email: [code]}
    assert TAKEN in answer.content.decode()
    assert count() == 2
    assert mail.outbox == []


@pytest.mark.usefixtures("asks_for_all")
@pytest.mark.parametrize(
    ("address", "code"), [("", "required"), ("  ", "required"), ("ada", "invalid")]
)
def test_an_account_needs_an_address(browser: Client, address: str, code: str) -> None:
    data = new_user(**{user_model.email: address})
    assert errors_of(browser.post(page("add"), data)) == {user_model.email: [code]}
    del data[user_model.email]
    assert errors_of(browser.post(page("add"), data)) == {
        user_model.email: ["required"]
    }
    assert count() == 1
    assert mail.outbox == []


@pytest.mark.usefixtures("asks_for_all")
@pytest.mark.parametrize(
    ("passwords", "code"),
    [
        ({"password1": PASSWORD, "password2": OTHER_PASSWORD}, "password_mismatch"),
        pytest.param(
            {"password1": "1234567x", "password2": ""},
            "password_mismatch",
            marks=with_activation,
        ),
        pytest.param(
            {"password1": "", "password2": "1234567x"},
            "password_mismatch",
            marks=with_activation,
        ),
        ({"password1": "short", "password2": "short"}, "password_too_short"),
        (
            {"password1": "ada@example.com", "password2": "ada@example.com"},
            "password_too_similar",
        ),
    ],
)
def test_an_account_needs_a_good_password(
    browser: Client, passwords: dict[str, str], code: str
) -> None:
    answer = browser.post(page("add"), new_user(**passwords))
    assert errors_of(answer) == {"password2": [code]}
    assert count() == 1
    assert mail.outbox == []


SPELLINGS = [
    ("ada@EXAMPLE.com", "ada@example.com"),
    (f"ada@{wide('example')}.com", "ada@example.com"),
    ("ada@mail\u3002example.com", "ada@mail.example.com"),
    ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
]


@pytest.mark.usefixtures("asks_for_all")
@pytest.mark.parametrize(("typed", "normal"), SPELLINGS)
def test_a_new_address_is_stored_in_its_normal_form(
    browser: Client, typed: str, normal: str
) -> None:
    name = user_model.email
    assert browser.post(page("add"), new_user(**{name: typed})).status_code == 302
    assert get_user_model()._default_manager.filter(**{name: normal}).count() == 1
    for again in (typed, normal, normal.upper()):
        answer = browser.post(page("add"), new_user("bob", **{name: again}))
        assert errors_of(answer) == {name: [f"{name}_unique"]}
    assert count() == 2


@pytest.mark.usefixtures("asks_for_all")
@pytest.mark.parametrize(
    "address",
    ["ada@faß.example", "ada@ς.example", f"ada@{'ü' * 60}.example", "ädä@example.com"],
)
def test_an_address_that_has_no_normal_form_is_invalid(
    browser: Client, make_user: MakeUser, address: str
) -> None:
    name = user_model.email
    answer = browser.post(page("add"), new_user(**{name: address}))
    assert errors_of(answer) == {name: ["invalid"]}
    url = page("change", make_user("bob").pk)
    answer = browser.post(url, {**shown_values(browser, url), name: address})
    assert errors_of(answer) == {name: ["invalid"]}
    assert mail.outbox == []


@pytest.mark.usefixtures("asks_for_all")
def test_the_length_of_an_address_is_that_of_its_normal_form(browser: Client) -> None:
    name = user_model.email
    address = f"{'a' * 20}@{'.'.join(['ü' * 50] * 4)}.example"
    assert len(address) < 254 < len(normal_address(address))
    answer = browser.post(page("add"), new_user(**{name: address}))
    assert errors_of(answer) == {name: ["max_length"]}
    assert count() == 1


@pytest.mark.usefixtures("asks_for_all")
def test_an_old_account_has_its_address_however_it_was_stored(
    browser: Client, make_user: MakeUser
) -> None:
    name = user_model.email
    make_user("ada", **{name: "ada@bücher.example"})
    for typed in ("ada@bücher.example", "ADA@xn--bcher-kva.example"):
        answer = browser.post(page("add"), new_user("bob", **{name: typed}))
        assert errors_of(answer) == {name: [f"{name}_unique"]}
    assert count() == 2


@with_username
@pytest.mark.usefixtures("asks_for_all")
@pytest.mark.parametrize("username", ["ada", "ADA", wide("ada")])
def test_a_username_has_one_account_in_every_case_and_unicode_form(
    browser: Client, make_user: MakeUser, username: str
) -> None:
    make_user("ada")
    name = str(user_model.username)
    answer = browser.post(page("add"), new_user("bob", **{name: username}))
    assert set(errors_of(answer)) == {name}
    assert count() == 2


NAMED_ALREADY = "A user with that username already exists."
IMITATIONS = [
    "ada@example.com",
    "ADA@EXAMPLE.com",
    f"ada@{wide('example')}.com",
    f"{wide('ada')}@example.com",
]


@with_username
@pytest.mark.usefixtures("asks_for_all")
@pytest.mark.parametrize("username", IMITATIONS)
def test_a_new_username_may_not_be_somebodys_address(
    browser: Client, make_user: MakeUser, username: str
) -> None:
    make_user("ada")
    name = str(user_model.username)
    answer = browser.post(page("add"), new_user("bob", **{name: username}))
    assert set(errors_of(answer)) == {name}
    assert NAMED_ALREADY in answer.content.decode()
    assert count() == 2


@with_username
@pytest.mark.parametrize("username", IMITATIONS)
def test_a_username_may_not_become_somebodys_address(
    browser: Client, make_user: MakeUser, username: str
) -> None:
    make_user("ada")
    name = str(user_model.username)
    url = page("change", make_user("bob").pk)
    answer = browser.post(url, {**shown_values(browser, url), name: username})
    assert set(errors_of(answer)) == {name}
    assert NAMED_ALREADY in answer.content.decode()
    assert the_user("bob").get_username() == "bob"


@with_username
@pytest.mark.usefixtures("asks_for_all")
def test_an_address_may_not_be_somebodys_username(
    browser: Client, make_user: MakeUser
) -> None:
    address, username = user_model.email, str(user_model.username)
    make_user("bob", **{username: "ada@example.com"})
    other = page("change", make_user("cleo").pk)
    for typed in ("ada@example.com", "ADA@Example.com", f"ada@{wide('example')}.com"):
        answer = browser.post(page("add"), new_user("ada", **{address: typed}))
        assert errors_of(answer) == {address: [f"{address}_unique"]}
        data = {**shown_values(browser, other), address: typed}
        answer = browser.post(other, data)
        assert errors_of(answer) == {address: [f"{address}_unique"]}
    assert count() == 3


@with_username
@pytest.mark.usefixtures("asks_for_all")
def test_an_account_may_be_called_by_its_own_address(browser: Client) -> None:
    name = str(user_model.username)
    data = new_user("ada", **{name: "ada@example.com"})
    assert browser.post(page("add"), data).status_code == 302
    url = page("change", the_user().pk)
    assert browser.post(url, shown_values(browser, url)).status_code == 302
    assert the_user().get_username() == "ada@example.com"


@with_username
@pytest.mark.usefixtures("asks_for_all")
@pytest.mark.parametrize("typed", ["", "   "])
def test_without_a_username_an_account_gets_its_own(
    browser: Client, typed: str
) -> None:
    username = str(user_model.username)
    for name in ("ada", "bob"):
        answer = browser.post(page("add"), new_user(name, **{username: typed}))
        assert answer.status_code == 302
    generated = {the_user("ada").get_username(), the_user("bob").get_username()}
    assert len(generated) == 2
    assert all(name.strip() for name in generated)


@with_username
@pytest.mark.usefixtures("asks_for_all")
def test_a_username_that_was_typed_is_kept_and_unique(browser: Client) -> None:
    assert browser.post(page("add"), new_user("ada")).status_code == 302
    assert the_user("ada").get_username() == "ada"
    username = str(user_model.username)
    answer = browser.post(page("add"), new_user("bob", **{username: "ada"}))
    assert errors_of(answer) == {username: ["unique"]}


@with_username
def test_the_setting_requires_a_username(browser: Client) -> None:
    username = str(user_model.username)
    with configured(USERNAME_REQUIRED=True):
        answer = browser.post(page("add"), new_user(**{username: ""}))
    assert errors_of(answer) == {username: ["required"]}
    assert count() == 1


@pytest.mark.user_model("email_login", "bare")
@configured(USERNAME_REQUIRED=True)
def test_a_model_without_username_requires_none(browser: Client) -> None:
    assert browser.post(page("add"), new_user()).status_code == 302
    assert the_user().get_username() == "ada@example.com"


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_no_posted_field_makes_an_account_active(browser: Client) -> None:
    browser.post(page("add"), new_user(is_active="on", is_superuser="on"))
    assert the_user().is_active is False
    assert the_user().is_superuser is False


@pytest.mark.user_model("auth_user")
@pytest.mark.parametrize("button", ["_addanother", "_continue", "_save", "_popup"])
def test_every_button_of_the_add_page_works(browser: Client, button: str) -> None:
    answer = browser.post(page("add"), new_user(**{button: "1"}), follow=True)
    assert answer.status_code == 200
    assert the_user().is_active is False
    assert len(mail.outbox) == 1


# A mail that cannot be sent


@pytest.fixture
def dead_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(backend: object, messages: object) -> int:
        raise OSError("connection refused")

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", refuse)


def expect_no_account_for_want_of_a_mail(browser: Client) -> None:
    answer = browser.post(page("add"), new_user())
    assert answer.status_code == 302
    assert answer.headers["Location"] == page("add")
    shown = browser.get(page("add")).content.decode()
    assert NOT_SENT in shown
    assert 'class="error"' in shown
    assert "was added successfully" not in shown
    assert count() == 1
    assert mail.outbox == []
    assert not LogEntry.objects.exists()


@with_activation
@pytest.mark.usefixtures("asks_for_all", "dead_mail_server")
def test_without_a_mail_server_no_account_is_made(browser: Client) -> None:
    expect_no_account_for_want_of_a_mail(browser)


@with_activation
@pytest.mark.parametrize(
    "sender", [dead_sender, f"{__name__}.dead_sender", refusing_sender]
)
def test_where_the_hosts_sender_fails_no_account_is_made(
    browser: Client, sender: Any
) -> None:
    with configured(
        ADMIN_ADD_FIELDSETS=[(None, {"fields": user_fields()})],
        SEND_ACTIVATION_BY_ADMIN_MAIL=sender,
    ):
        expect_no_account_for_want_of_a_mail(browser)


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_once_mails_can_be_sent_the_same_account_is_made(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(locmem.EmailBackend, "send_messages", dead_sender)
        browser.post(page("add"), new_user())
    assert count() == 1
    browser.post(page("add"), new_user())
    assert count() == 2
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_the_hosts_sender_gets_user_and_link(browser: Client) -> None:
    calls: list[tuple[Any, str]] = []

    def own_sender(user: Any, url: str) -> None:
        calls.append((user, url))

    with configured(
        ADMIN_ADD_FIELDSETS=[(None, {"fields": user_fields()})],
        SEND_ACTIVATION_BY_ADMIN_MAIL=own_sender,
    ):
        browser.post(page("add"), new_user())
    ((user, url),) = calls
    assert user.pk == the_user().pk
    ident = ident_of(user)
    assert url.startswith(f"https://app.example.com/auth/activation?ident={ident}&")
    assert mail.outbox == []


# The creation form in code of projects


def creation_form(**changes: Any) -> Any:
    form = AIUserCreationForm(new_user(**changes))
    assert form.is_valid(), form.errors
    return form


@pytest.mark.user_model(*(m for m in USER_MODELS if m not in {"bare", "extra_field"}))
def test_a_form_that_is_saved_sends_one_mail() -> None:
    user = creation_form().save()
    assert the_user().pk == user.pk
    assert the_user().is_active is False
    user.save()
    assert len(mail.outbox) == 1


@with_activation
def test_a_form_saved_without_commit_sends_its_mail_with_the_account(
    client: APIClient,
) -> None:
    form = creation_form()
    user = form.save(commit=False)
    assert (user.pk is None) or user._state.adding
    assert count() == 0
    assert mail.outbox == []
    for name, value in attributes_of("ada").items():
        setattr(user, name, value)
    user.save()
    form.save_m2m()
    assert len(mail.outbox) == 1
    user.save()
    user.save(update_fields=["password"])
    assert len(mail.outbox) == 1
    assert post(client, "activate", mailed_link()).json() == {}
    assert the_user().is_active is True


@with_activation
def test_an_account_whose_first_save_fails_still_gets_its_mail() -> None:
    user = creation_form().save(commit=False)
    for name, value in attributes_of("ada").items():
        setattr(user, name, value)
    password, user.password = user.password, None
    with pytest.raises(IntegrityError), transaction.atomic():
        user.save()
    assert mail.outbox == []
    user.password = password
    user.save()
    assert len(mail.outbox) == 1


@with_activation
def test_an_account_that_a_receiver_saves_once_more_gets_one_mail() -> None:
    def save_again(instance: Any, created: bool, **kwargs: object) -> None:
        if created:
            instance.save()

    user = creation_form().save(commit=False)
    for name, value in attributes_of("ada").items():
        setattr(user, name, value)
    post_save.connect(save_again, sender=get_user_model())
    try:
        user.save()
    finally:
        post_save.disconnect(save_again, sender=get_user_model())
    assert len(mail.outbox) == 1


@with_activation
def test_a_copy_of_a_new_account_is_saved_as_itself() -> None:
    user = creation_form().save(commit=False)
    for name, value in attributes_of("ada").items():
        setattr(user, name, value)
    user.save()
    clone = copy.copy(user)
    for name, value in attributes_of("bob").items():
        setattr(clone, name, value)
    clone.save()
    assert the_user("bob").pk == user.pk
    assert len(mail.outbox) == 1


@with_username
def test_a_form_without_commit_has_made_the_username() -> None:
    username = str(user_model.username)
    user = creation_form(**{username: ""}).save(commit=False)
    assert user.get_username()


@with_activation
@pytest.mark.parametrize("commit", [True, False])
def test_the_mail_goes_by_the_name_that_hosts_patch(commit: bool) -> None:
    form = creation_form()
    for name, value in attributes_of("ada").items():
        setattr(form.instance, name, value)
    with patch("ai_kit_auth.admin.send_activation_by_admin_mail") as send:
        user = form.save(commit=commit)
        assert send.called is commit
        user.save()
    send.assert_called_once_with(user)
    assert mail.outbox == []


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_the_add_page_mails_by_the_name_that_hosts_patch(browser: Client) -> None:
    with patch("ai_kit_auth.admin.send_activation_by_admin_mail") as send:
        assert browser.post(page("add"), new_user()).status_code == 302
    send.assert_called_once_with(the_user())
    assert mail.outbox == []


@pytest.mark.parametrize("commit", [True, False])
def test_the_instance_comes_from_djangos_form_by_the_name_that_hosts_patch(
    make_user: MakeUser, commit: bool
) -> None:
    made_elsewhere = make_user("bob")
    form = creation_form()
    with patch(
        "ai_kit_auth.admin.UserCreationForm.save", return_value=made_elsewhere
    ) as save:
        assert form.save(commit=commit) is made_elsewhere
    save.assert_called_once_with(commit=False)
    made_elsewhere.save()
    assert the_user("bob").is_active is not has_activation()
    assert [message.to for message in mail.outbox] == (
        [["bob@example.com"]] if has_activation() else []
    )


@pytest.mark.parametrize("address", ["new@example.com", "NEW@Example.com"])
def test_clean_email_of_the_creation_form_needs_the_address_alone(
    make_user: MakeUser, address: str
) -> None:
    form: Any = SimpleNamespace(cleaned_data={user_model.email: address})
    assert AIUserCreationForm.clean_email(form) == address.replace("Example", "example")
    make_user("new")
    with pytest.raises(forms.ValidationError) as refusal:
        AIUserCreationForm.clean_email(form)
    assert refusal.value.code == f"{user_model.email}_unique"


def test_clean_email_of_the_change_form_needs_the_instance_too(
    make_user: MakeUser,
) -> None:
    user, other = make_user("ada"), make_user("bob")
    for address in ("ada@example.com", "ADA@example.com"):
        form: Any = SimpleNamespace(
            cleaned_data={user_model.email: address}, instance=user
        )
        assert AIUserChangeForm.clean_email(form) == address
        form.instance = other
        with pytest.raises(forms.ValidationError) as refusal:
            AIUserChangeForm.clean_email(form)
        assert refusal.value.code == f"{user_model.email}_unique"


def test_clean_email_works_on_a_form_that_was_given_nothing(
    make_user: MakeUser,
) -> None:
    user = make_user()
    for form in (AIUserCreationForm(), AIUserChangeForm()):
        form.cleaned_data = {user_model.email: "ada@example.com"}
        with pytest.raises(forms.ValidationError):
            form.clean_email()
    own = AIUserChangeForm(instance=user)
    own.cleaned_data = {user_model.email: "ada@example.com"}
    assert own.clean_email() == "ada@example.com"


# Changing


def test_a_user_is_saved_as_the_page_shows_it(
    browser: Client, make_user: MakeUser
) -> None:
    user = make_user()
    url = page("change", user.pk)
    editable = {f.attname for f in user._meta.concrete_fields if f.editable}
    # The widgets of the page know no microseconds.
    columns = editable - {"date_joined"}
    before = {name: getattr(the_user(), name) for name in columns}
    answer = browser.post(url, shown_values(browser, url))
    assert answer.status_code == 302
    assert {name: getattr(the_user(), name) for name in columns} == before
    assert mail.outbox == []


@pytest.mark.parametrize("address", ["ada@example.com", "Ada@example.com", "a@b.de"])
def test_the_own_address_may_stay_or_be_a_new_one(
    browser: Client, make_user: MakeUser, address: str
) -> None:
    user = make_user()
    url = page("change", user.pk)
    data = {**shown_values(browser, url), user_model.email: address}
    assert browser.post(url, data).status_code == 302
    user.refresh_from_db()
    assert getattr(user, user_model.email) == address


@pytest.mark.parametrize(("typed", "normal"), SPELLINGS)
def test_a_changed_address_is_stored_in_its_normal_form(
    browser: Client, make_user: MakeUser, typed: str, normal: str
) -> None:
    user = make_user()
    url = page("change", user.pk)
    data = {**shown_values(browser, url), user_model.email: typed}
    assert browser.post(url, data).status_code == 302
    user.refresh_from_db()
    assert getattr(user, user_model.email) == normal


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("bob@example.com", "unique"),
        (f"bob@{wide('example')}.com", "unique"),
        ("BOB@Example.com", "unique"),
        ("", "required"),
        ("bob", "invalid"),
    ],
)
def test_an_address_that_may_not_be(
    browser: Client, make_user: MakeUser, address: str, code: str
) -> None:
    make_user("bob")
    name = user_model.email
    url = page("change", make_user("ada").pk)
    answer = browser.post(url, {**shown_values(browser, url), name: address})
    expected = {"unique": f"{name}_unique"}.get(code, code)
    assert errors_of(answer) == {name: [expected]}
    assert the_user("ada")


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_saving_an_account_that_waits_leaves_its_link_good(
    browser: Client, client: APIClient
) -> None:
    browser.post(page("add"), new_user())
    url = page("change", the_user().pk)
    assert browser.post(url, shown_values(browser, url)).status_code == 302
    assert the_user().is_active is False
    assert post(client, "activate", mailed_link()).json() == {}
    assert len(mail.outbox) == 1


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_the_page_shows_that_an_account_waits_and_no_odd_date(
    browser: Client, client: APIClient
) -> None:
    browser.post(page("add"), new_user())
    url = page("change", the_user().pk)
    waits = browser.get(url).content
    assert b"Waits for its activation" in waits
    assert b"2200" not in waits
    assert b"last_login_0" not in waits
    post(client, "activate", mailed_link())
    active = browser.get(url).content
    assert b"Waits for its activation" not in active
    assert b"last_login_0" in active


@with_activation
def test_a_form_of_all_columns_leaves_the_date_of_an_account_that_waits_alone(
    make_user: MakeUser,
) -> None:
    """A project may use the form of this package in its own admin."""
    form = AIUserChangeForm(
        {user_model.email: "ada@example.com", "last_login": "2020-01-01"},
        instance=make_user(is_active=False),
    )
    form.is_valid()
    assert is_mark(form.cleaned_data["last_login"])
    assert "waits for its activation" in str(form["last_login"].help_text)


def shown_in_state(browser: Client, state: str) -> set[str]:
    answer = browser.get(page("changelist"), {"account_state": state})
    return {email_of(user).partition("@")[0] for user in answer.context["cl"].queryset}


@with_activation
@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("active", {"ada", "root"}),
        ("waiting", {"bob"}),
        ("deactivated", {"cyd", "eve"}),
        ("unknown", {"dan"}),
        ("another", {"ada", "bob", "cyd", "dan", "eve", "root"}),
    ],
)
def test_the_list_is_filtered_by_the_state_of_accounts(
    browser: Client, make_user: MakeUser, state: str, names: set[str]
) -> None:
    make_user("ada")
    make_user("bob", is_active=False)
    make_user("cyd", is_active=False, last_login=timezone.now())
    make_user("eve")
    eve = the_user("eve")
    eve.is_active = False
    eve.save()
    rows = get_user_model()._default_manager
    make_user("dan")
    rows.filter(pk=the_user("dan").pk).update(is_active=False)
    assert shown_in_state(browser, state) == names
    listed = browser.get(page("changelist")).content.decode()
    for label in ("Active", "Waits for its activation", "Deactivated"):
        assert f'<td class="field-account_state">{label}</td>' in listed


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_an_administrator_may_activate_an_account_that_waits(
    browser: Client, client: APIClient
) -> None:
    browser.post(page("add"), new_user())
    url = page("change", the_user().pk)
    with configured(ADMIN_FIELDSETS=[(None, {"fields": ["is_active"]})]):
        assert browser.post(url, {"is_active": "on"}).status_code == 302
    assert the_user().last_login is None
    assert log_in(client, "ada@example.com").status_code == 200
    assert post(client, "activate", mailed_link()).status_code == 400


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_an_administrator_ends_an_account_and_its_link(
    browser: Client, client: APIClient
) -> None:
    browser.post(page("add"), new_user())
    assert post(client, "activate", mailed_link()).json() == {}
    url = page("change", the_user().pk)
    data = shown_values(browser, url)
    assert data.pop("is_active") is True
    assert browser.post(url, data).status_code == 302
    assert the_user().is_active is False
    assert post(client, "activate", mailed_link()).json() == {
        "error": "activation_link_invalid"
    }


@with_username
@pytest.mark.parametrize(("username", "code"), [("bob", "unique"), ("", "required")])
def test_the_username_stays_required_and_unique(
    browser: Client, make_user: MakeUser, username: str, code: str
) -> None:
    make_user("bob")
    name = str(user_model.username)
    url = page("change", make_user("ada").pk)
    answer = browser.post(url, {**shown_values(browser, url), name: username})
    assert errors_of(answer) == {name: [code]}


def test_a_password_is_never_shown_and_not_taken_from_the_change_page(
    browser: Client, make_user: MakeUser
) -> None:
    user = make_user()
    url = page("change", user.pk)
    assert user.password not in browser.get(url).content.decode()
    browser.post(url, {**shown_values(browser, url), "password": "md5$plain"})
    assert the_user().check_password(PASSWORD)


def test_the_password_page(
    browser: Client, client: APIClient, make_user: MakeUser
) -> None:
    user = make_user()
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    assert browser.get(url).status_code == 200
    weak = {"password1": "short", "password2": "short"}
    assert browser.post(url, weak).status_code == 200
    assert the_user().check_password(PASSWORD)
    good = {"password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD}
    answer = browser.post(url, {**good, "usable_password": "true"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == page("change", user.pk)
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200


def test_a_user_is_deleted(browser: Client, make_user: MakeUser) -> None:
    user = make_user()
    url = page("delete", user.pk)
    assert browser.post(url, {"post": "yes"}).status_code == 302
    assert count() == 1


# The list


def listed(browser: Client, **query: str) -> list[str]:
    answer = browser.get(page("changelist"), query)
    assert answer.status_code == 200
    return [email_of(user) for user in answer.context["cl"].result_list]


def test_users_are_searched_by_address(browser: Client, make_user: MakeUser) -> None:
    make_user("ada")
    make_user("bob")
    assert listed(browser, q="ada@exam") == ["ada@example.com"]
    assert listed(browser, q="bob") == ["bob@example.com"]
    assert listed(browser, q="nobody") == []
    assert len(listed(browser)) == 3


@with_username
def test_users_are_searched_by_username(browser: Client, make_user: MakeUser) -> None:
    make_user("ada", **{user_model.email: "countess@example.com"})
    assert listed(browser, q="ada") == ["countess@example.com"]


@with_activation
def test_users_are_filtered_by_whether_they_are_active(
    browser: Client, make_user: MakeUser
) -> None:
    make_user("ada", is_active=False)
    assert listed(browser, is_active__exact="0") == ["ada@example.com"]
    assert listed(browser, is_active__exact="1") == ["root@example.com"]


@pytest.mark.parametrize(
    ("order", "names"), [("1", ["ada", "bob", "root"]), ("-1", ["root", "bob", "ada"])]
)
def test_the_list_is_ordered_by_its_first_column(
    browser: Client, make_user: MakeUser, order: str, names: list[str]
) -> None:
    make_user("bob")
    make_user("ada")
    assert listed(browser, o=order) == [f"{name}@example.com" for name in names]


@with_username
def test_the_list_comes_in_the_order_of_the_usernames(
    browser: Client, make_user: MakeUser
) -> None:
    make_user("zoe")
    make_user("bob")
    assert listed(browser) == [f"{n}@example.com" for n in ("bob", "root", "zoe")]


def test_each_column_of_the_list_is_a_field_that_can_be_sorted(
    browser: Client, make_user: MakeUser
) -> None:
    make_user()
    columns = list(the_admin().list_display)
    assert user_model.email in columns
    of_the_row = {"account_state"} if user_model.can_wait else set()
    assert {n for n in columns if n not in user_model.columns} == of_the_row
    for number, _ in enumerate(columns, start=1):
        assert len(listed(browser, o=str(number))) == 2


def test_passwords_are_no_filter(browser: Client) -> None:
    query = {"password__startswith": "md5"}
    assert browser.get(page("changelist"), query).status_code == 400


# Fieldsets


def fieldsets_shown(browser: Client, url: str) -> list[tuple[str | None, list[str]]]:
    shown = []
    for fieldset in browser.get(url).context["adminform"]:
        fields = [field.field.name for line in fieldset for field in line]
        shown.append((fieldset.name, fields))
    return shown


@pytest.mark.user_model("auth_user", "uuid_key", "extra_field")
def test_the_default_pages_have_every_documented_field(
    browser: Client, make_user: MakeUser
) -> None:
    assert fieldsets_shown(browser, page("add")) == [
        (None, ["username", "email", "password1", "password2"])
    ]
    assert fieldsets_shown(browser, page("change", make_user().pk)) == [
        (None, ["username", "email", "password"]),
        ("Personal info", ["first_name", "last_name"]),
        (
            "Permissions",
            ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"],
        ),
        ("Important dates", ["last_login", "date_joined"]),
    ]


@pytest.mark.user_model("email_login")
def test_the_default_pages_do_without_a_username(
    browser: Client, make_user: MakeUser
) -> None:
    assert fieldsets_shown(browser, page("add")) == [
        (None, ["email", "password1", "password2"])
    ]
    shown = fieldsets_shown(browser, page("change", make_user().pk))
    assert shown[0] == (None, ["email", "password"])


@pytest.mark.user_model("renamed_email")
def test_the_default_pages_call_the_fields_as_the_model_does(
    browser: Client, make_user: MakeUser
) -> None:
    assert fieldsets_shown(browser, page("add")) == [
        (None, ["login_name", "mail", "password1", "password2"])
    ]
    assert fieldsets_shown(browser, page("change", make_user().pk)) == [
        (None, ["login_name", "mail", "password"]),
        (
            "Permissions",
            ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"],
        ),
        ("Important dates", ["last_login"]),
    ]


@pytest.mark.user_model("bare")
def test_the_default_pages_lose_the_groups_of_fields_that_the_model_lacks(
    browser: Client, make_user: MakeUser
) -> None:
    assert fieldsets_shown(browser, page("change", make_user().pk)) == [
        (None, ["email", "password"]),
        ("Important dates", ["last_login"]),
    ]


def test_the_hosts_own_fieldsets_are_taken_literally(
    browser: Client, make_user: MakeUser
) -> None:
    user = make_user()
    name = user_model.email
    add = [("Who", {"fields": user_fields()[:-2]}), ("Secret", {"fields": PASSWORDS})]
    with configured(
        ADMIN_ADD_FIELDSETS=add,
        ADMIN_FIELDSETS=(("Reach", {"fields": [name], "classes": ["collapse"]}),),
    ):
        assert fieldsets_shown(browser, page("add")) == [
            ("Who", user_fields()[:-2]),
            ("Secret", PASSWORDS),
        ]
        url = page("change", user.pk)
        assert fieldsets_shown(browser, url) == [("Reach", [name])]
        assert browser.post(url, {name: "new@example.com"}).status_code == 302
        request = RequestFactory().get("/")
        assert the_admin().get_fieldsets(request) is add
    assert the_user("new").pk == user.pk


def test_a_field_that_the_host_wrote_and_the_model_lacks_is_the_hosts_error(
    browser: Client,
) -> None:
    fieldsets = [(None, {"fields": [*user_fields(), "shoe_size"]})]
    with (
        configured(ADMIN_ADD_FIELDSETS=fieldsets),
        pytest.raises(FieldError, match="shoe_size"),
    ):
        browser.get(page("add"))


# In German


GERMAN = {"Accept-Language": "de"}


@pytest.mark.usefixtures("asks_for_all")
def test_the_admin_speaks_german(browser: Client, make_user: MakeUser) -> None:
    make_user()
    answer = browser.post(page("add"), new_user(), headers=GERMAN)
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert "Es gibt schon einen Benutzer mit dieser E-Mail-Adresse." in shown
    assert TAKEN not in shown
    shown = browser.get(page("changelist"), headers=GERMAN).content.decode()
    assert '<html lang="de"' in shown


@pytest.mark.user_model("auth_user", "uuid_key", "email_login", "extra_field")
def test_the_fieldsets_are_titled_in_german(
    browser: Client, make_user: MakeUser
) -> None:
    url = page("change", make_user().pk)
    shown = browser.get(url, headers=GERMAN).content.decode()
    for english, german in (
        ("Personal info", "Persönliche"),
        ("Permissions", "Berechtigungen"),
        ("Important dates", "Wichtige Daten"),
    ):
        assert english not in shown
        assert german in shown


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_the_mail_of_a_german_administrator_is_german(browser: Client) -> None:
    browser.post(page("add"), new_user(), headers=GERMAN)
    (message,) = mail.outbox
    assert message.subject == "Für Sie wurde ein Konto angelegt - app.example.com"
    assert str(message.body).startswith("Guten Tag,")


@with_activation
@pytest.mark.usefixtures("asks_for_all", "dead_mail_server")
def test_the_error_of_a_dead_mail_server_is_german(browser: Client) -> None:
    answer = browser.post(page("add"), new_user(), headers=GERMAN, follow=True)
    shown = answer.content.decode()
    assert "Das Konto wurde nicht angelegt" in shown
    assert NOT_SENT not in shown


# The registered admin


@pytest.mark.user_model("auth_user")
def test_the_hosts_admin_gets_its_place_back_while_the_setting_says_so() -> None:
    for _ in range(2):
        with configured(USE_AI_KIT_AUTH_ADMIN=False):
            assert type(the_admin()) is UserAdmin
        assert type(the_admin()) is AIUserAdmin


@pytest.mark.user_model(*(m for m in USER_MODELS if m != "auth_user"))
def test_a_model_that_nobody_registered_is_registered_while_the_setting_says_so() -> (
    None
):
    with configured(USE_AI_KIT_AUTH_ADMIN=False):
        assert not admin.site.is_registered(get_user_model())
    assert type(the_admin()) is AIUserAdmin


def test_another_setting_moves_nothing() -> None:
    before = the_admin()
    with override_settings(USE_TZ=False), configured(USERNAME_REQUIRED=True):
        assert the_admin() is before


@pytest.mark.user_model("auth_user")
def test_what_the_host_registered_meanwhile_is_left_alone() -> None:
    hosts_admin = type("HostsAdmin", (admin.ModelAdmin,), {})
    model = get_user_model()
    with configured(USE_AI_KIT_AUTH_ADMIN=False):
        admin.site.unregister(model)
        admin.site.register(model, hosts_admin)
        with configured(USE_AI_KIT_AUTH_ADMIN=False, USERNAME_REQUIRED=True):
            assert type(the_admin()) is hosts_admin
        admin.site.unregister(model)
        admin.site.register(model, UserAdmin)
    assert type(the_admin()) is AIUserAdmin


def test_under_a_broken_setting_the_admin_stays_as_it_is() -> None:
    """The checks say what is wrong; an exception here would keep them from it."""
    before = the_admin()
    with override_settings(AI_KIT_AUTH={"USE_AI_KIT_AUTH_ADMN": False}):
        assert the_admin() is before


HOST = """
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="for tests only",
    INSTALLED_APPS={apps},
    ROOT_URLCONF="host",
    USE_TZ=True,
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3"}}}},
    AI_KIT_AUTH={{"FRONTEND": {{"URL": "https://app.example.com"}}, **{more}}},
)
django.setup()

from django.contrib import admin
from django.contrib.auth import get_user_model

print(type(admin.site.get_model_admin(get_user_model())).__qualname__)
"""
APPS = (
    "django.contrib.admin",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "rest_framework",
)


@pytest.mark.user_model("auth_user")
@pytest.mark.parametrize(
    "apps",
    [
        ("django.contrib.auth", *APPS, "ai_kit_auth"),
        ("ai_kit_auth", *APPS, "django.contrib.auth"),
    ],
)
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "AIUserAdmin"),
        ({"USE_AI_KIT_AUTH_ADMIN": False}, "UserAdmin"),
    ],
)
def test_the_order_of_the_apps_does_not_matter(
    apps: tuple[str, ...], more: dict[str, Any], expected: str
) -> None:
    ran = subprocess.run(  # noqa: S603  # this interpreter, with the text above
        [sys.executable, "-W", "error", "-c", HOST.format(apps=apps, more=more)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == (f"{expected}\n", "")


@with_activation
@pytest.mark.usefixtures("asks_for_all")
def test_code_of_the_projects_own_may_refuse_by_a_mail_that_fails(
    browser: Client,
) -> None:
    """Its ``save_model()``, or a receiver, may mail as well."""

    def refuse(**kwargs: Any) -> None:
        raise MailNotSent

    model = get_user_model()
    before = model._default_manager.count()
    post_save.connect(refuse, sender=model)
    try:
        answer = browser.post(page("add"), new_user())
    finally:
        post_save.disconnect(refuse, sender=model)
    assert answer.status_code == 302
    assert NOT_SENT in browser.get(page("add")).content.decode()
    assert model._default_manager.count() == before
