"""A project's own subclass of the user admin, and rows from before there were rules."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client, RequestFactory, override_settings

from ai_kit_auth.admin import AIUserAdmin, AIUserChangeForm, AIUserCreationForm
from ai_kit_auth.checks.admin import check_admin
from ai_kit_auth.user_model import user_model

from .accounts import attributes_of
from .conftest import PASSWORD, USER_MODELS, MakeUser, with_username
from .test_admin import browser, configured, errors_of, page, shown_values, the_admin

__all__ = ["browser"]

pytestmark = pytest.mark.django_db

EMAIL = user_model.email
COLUMNS = tuple(attributes_of("ada"))


class Invites(AIUserCreationForm):
    note = forms.CharField()


class Names(AIUserCreationForm):
    class Meta(AIUserCreationForm.Meta):
        fields = (*COLUMNS, "password")


class Remarks(AIUserChangeForm):
    remark = forms.CharField(required=False)


class Short(AIUserChangeForm):
    class Meta(AIUserChangeForm.Meta):
        # A model without the date has a suite of its own, which imports this.
        fields = tuple(
            name for name in (EMAIL, "last_login") if name in user_model.columns
        )  # type: ignore[assignment]  # not all


def subclass(**attributes: Any) -> Any:
    """Return a project's admin, as it would be registered."""
    made = type("OwnAdmin", (AIUserAdmin,), attributes)
    return made(get_user_model(), admin.AdminSite())


def fieldsets(model_admin: Any, row: Any = None) -> Any:
    return model_admin.get_fieldsets(RequestFactory().get("/"), row)


def fields(model_admin: Any, row: Any = None) -> list[str]:
    request = RequestFactory().get("/")
    request.user = get_user_model()()
    for name in ("is_active", "is_superuser"):
        setattr(request.user, name, True)
    return list(model_admin.get_form(request, row).base_fields)


# Subclasses


@pytest.mark.parametrize("setting", [{}, {"ADMIN_FIELDSETS": [("S", {"fields": []})]}])
def test_fieldsets_of_a_subclass_are_kept(setting: dict[str, Any]) -> None:
    own = [("Own", {"fields": [EMAIL]})]
    with configured(**setting):
        model_admin = subclass(fieldsets=own)
        assert fieldsets(model_admin, get_user_model()()) == own
        assert fields(model_admin, get_user_model()())[0] == EMAIL
        # The other page is as before.
        assert fieldsets(model_admin) == fieldsets(subclass())


@pytest.mark.parametrize(
    "setting", [{}, {"ADMIN_ADD_FIELDSETS": [("", {"fields": []})]}]
)
def test_add_fieldsets_of_a_subclass_are_kept(setting: dict[str, Any]) -> None:
    own = [(None, {"fields": [EMAIL, "password1", "password2"]})]
    with configured(**setting):
        model_admin = subclass(add_fieldsets=own)
        assert fieldsets(model_admin) == own
        assert fields(model_admin) == [EMAIL, "password1", "password2"]


def test_a_subclass_may_build_on_the_fieldsets_of_the_settings() -> None:
    more = ("More", {"fields": ["password"]})
    # As one adds to Django's.
    ours: Any = AIUserAdmin.fieldsets
    model_admin = subclass(fieldsets=(*ours, more))
    assert ours + (more,) == model_admin.fieldsets  # noqa: RUF005  # as projects write it
    shown = fieldsets(model_admin, get_user_model()())
    assert shown[:-1] == ours
    assert shown[-1] == more
    with configured(ADMIN_FIELDSETS=[more]):
        assert AIUserAdmin.fieldsets == [more]


def test_a_subclass_that_computes_them_is_asked() -> None:
    class Computed(AIUserAdmin):
        def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
            return [*super().get_fieldsets(request, obj), ("More", {"fields": []})]

    model_admin = Computed(get_user_model(), admin.AdminSite())
    assert fieldsets(model_admin)[-1] == ("More", {"fields": []})


@pytest.mark.parametrize(
    ("attributes", "row", "expected"),
    [
        ({"add_form": Invites}, None, ["password1", "password2", "note"]),
        ({"add_form": Names}, None, [*COLUMNS, "password", "password1", "password2"]),
        ({"form": Remarks}, get_user_model()(), ["remark", "password", EMAIL]),
        ({"form": Short}, get_user_model()(), [EMAIL, "last_login"]),
    ],
)
def test_a_form_of_a_subclass_is_shown_with_what_it_adds(
    attributes: dict[str, Any], row: Any, expected: list[str]
) -> None:
    model_admin = subclass(**attributes)
    assert set(expected) <= set(fields(model_admin, row))
    shown = [n for _, options in fieldsets(model_admin, row) for n in options["fields"]]
    assert len(shown) == len(set(shown))


def test_where_the_settings_say_what_is_shown_they_are_taken_to_the_letter() -> None:
    add = [(None, {"fields": [EMAIL]})]
    with configured(ADMIN_ADD_FIELDSETS=add):
        assert fieldsets(subclass(add_form=Invites)) is add


@pytest.mark.user_model("auth_user")
def test_a_form_of_a_subclass_saves_its_groups() -> None:
    class Grouped(AIUserCreationForm):
        class Meta(AIUserCreationForm.Meta):
            fields = (*COLUMNS, "groups")

    editors = Group.objects.create(name="editors")
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    data = {**attributes_of("ada"), **passwords, "groups": [editors.pk]}
    user = Grouped(data).save()
    assert list(user.groups.all()) == [editors]
    assert len(mail.outbox) == 1


@pytest.mark.user_model("auth_user")
def test_djangos_form_may_stand_in_for_ours() -> None:
    model_admin = subclass(add_form=UserCreationForm)
    assert fields(model_admin) == ["username", "email", "password1", "password2"]


class Letters(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    class Meta:
        model = get_user_model()
        fields = (EMAIL,)


def test_a_form_without_passwords_is_not_asked_for_them() -> None:
    shown = fields(subclass(add_form=Letters))
    assert EMAIL in shown
    assert not {"password1", "password2"} & set(shown)


def test_under_a_broken_setting_djangos_checks_still_run() -> None:
    with override_settings(AI_KIT_AUTH={"FRONTED": {}}):
        assert AIUserAdmin.fieldsets is None
        assert the_admin().check() == []


class OwnPages(AIUserAdmin):
    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any: ...


@pytest.mark.parametrize(
    ("attributes", "told"),
    [({}, 1), ({"fieldsets": [(None, {"fields": [EMAIL]})]}, 0)],
)
def test_a_setting_that_a_subclass_does_not_show_is_not_checked(
    attributes: dict[str, Any], told: int
) -> None:
    """Nor if the subclass decides on the fields at each request."""
    site = admin.AdminSite("another")
    usual = type("OwnAdmin", (AIUserAdmin,), attributes)
    model = get_user_model()
    with configured(ADMIN_FIELDSETS=[(None, {"fields": ["shoe_size"]})]):
        ours = the_admin()
        admin.site._registry[model] = usual(model, site)
        try:
            assert len(list(check_admin())) == told
            admin.site._registry[model] = OwnPages(model, site)
            assert list(check_admin()) == []
        finally:
            admin.site._registry[model] = ours


# Old rows


def save_unchanged(browser: Client, row: Any, **changes: Any) -> Any:
    url = page("change", row.pk)
    return browser.post(url, {**shown_values(browser, url), **changes})


def stored(row: Any, name: str = EMAIL) -> Any:
    row.refresh_from_db()
    return getattr(row, name)


@pytest.mark.user_model(*(m for m in USER_MODELS if m != "extra_field"))
@pytest.mark.parametrize("address", ["BOB@example.com", "Bob@EXAMPLE.com"])
def test_an_address_that_differs_in_case_alone_may_stay(
    browser: Client, make_user: MakeUser, address: str
) -> None:
    make_user("bob")
    row = make_user("ada", **{EMAIL: address})
    assert save_unchanged(browser, row).status_code == 302
    assert stored(row) == address
    # A new one may not.
    answer = save_unchanged(browser, row, **{EMAIL: "boB@example.com"})
    assert errors_of(answer) == {EMAIL: [f"{EMAIL}_unique"]}


@with_username
def test_an_address_that_is_anothers_username_may_stay(
    browser: Client, make_user: MakeUser
) -> None:
    name = user_model.username
    make_user("bob", **{str(name): "ada@example.com"})
    row = make_user("ada")
    assert save_unchanged(browser, row).status_code == 302
    assert stored(row) == "ada@example.com"


@pytest.mark.parametrize("address", [" ada@example.com", "ada@example.com "])
def test_an_address_with_outer_spaces_may_stay(
    browser: Client, make_user: MakeUser, address: str
) -> None:
    row = make_user("ada", **{EMAIL: address})
    assert save_unchanged(browser, row).status_code == 302
    assert stored(row) == address
    assert save_unchanged(browser, row, **{EMAIL: "a@b.de"}).status_code == 302
    assert stored(row) == "a@b.de"


@with_username
@pytest.mark.parametrize(
    "username",
    [
        "\ufb01sh",
        " fish",
        # MariaDB has no two such rows.
        pytest.param("FISH", marks=pytest.mark.database("sqlite", "postgresql")),
    ],
)
def test_a_username_that_is_no_longer_a_new_one_may_stay(
    browser: Client, make_user: MakeUser, username: str
) -> None:
    name = str(user_model.username)
    make_user("bob", **{name: "fish"})
    row = make_user("ada", **{name: username})
    assert save_unchanged(browser, row).status_code == 302
    assert stored(row, name) == username
    answer = save_unchanged(browser, row, **{name: "fIsh"})
    assert errors_of(answer) == {name: ["unique"]}


def test_a_row_without_an_address_needs_one_all_the_same(
    browser: Client, make_user: MakeUser
) -> None:
    row = make_user("ada", **{EMAIL: ""})
    assert errors_of(save_unchanged(browser, row)) == {EMAIL: ["required"]}
