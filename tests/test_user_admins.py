"""Projects with an unusual user model or user admin, each in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Each project has its own user model.
pytestmark = pytest.mark.user_model("auth_user")

MODELS = """
import uuid

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AbstractUser
from django.db import models


class PhoneField(models.CharField):
    \"\"\"Hands its form field what a username's does not take.\"\"\"

    def formfield(self, **kwargs):
        given = {"form_class": RegionField, "region": "DE", **kwargs}
        return super().formfield(**given)


class RegionField(forms.CharField):
    def __init__(self, *args, region, **kwargs):
        super().__init__(*args, **kwargs)


"""
BASE_USER = """
class User(AbstractBaseUser):
    username = models.%s
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=True)
    USERNAME_FIELD = "username"
    %s

    def has_perm(self, perm, obj=None):
        return True

    has_module_perms = has_perm
"""
EMAIL = "email = models.EmailField()"
PLAIN = BASE_USER % ("CharField(max_length=99, unique=True)", EMAIL)
OWN_ADMIN = """
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from people.models import User


class OwnAdmin(UserAdmin):
    list_display = list_filter = ordering = filter_horizontal = ()


"""
REGISTERED = f"{OWN_ADMIN}admin.site.register(User, OwnAdmin)"
FRONTEND = {"FRONTEND": {"URL": "https://app.example.com"}}
APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "rest_framework",
]
BEFORE, AFTER = ["people", *APPS, "ai_kit_auth"], ["ai_kit_auth", *APPS, "people"]

PROGRAM = """
import json, sys
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="for tests only",
    ROOT_URLCONF="ai_kit_auth.urls",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    **json.loads(sys.argv[1]),
)
django.setup()

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core import checks
from django.test import RequestFactory

import ai_kit_auth.admin, ai_kit_auth.serializers, ai_kit_auth.users

model_admin = admin.site._registry.get(get_user_model())
request = RequestFactory().get("/")
request.user = get_user_model()(is_active=True, is_staff=True)
request.user.is_superuser = True
fields = {}
for page, row in (("add", None), ("change", get_user_model()(pk=1))):
    if isinstance(model_admin, ai_kit_auth.admin.AIUserAdmin):
        form = model_admin.get_form(request, row)
        # Of the other a row's relations would have to be asked for.
        shown = form().fields if page == "add" else form.base_fields
        fields[page] = {name: field.required for name, field in shown.items()}
print(json.dumps({
    "admin": type(model_admin).__qualname__,
    "bases": [base.__qualname__ for base in type(model_admin).__mro__],
    "found": {m.id: [m.msg, m.hint] for m in checks.run_checks()
              if str(m.id).startswith("ai_kit_auth.")},
    "fields": fields,
}))
"""


@dataclass(frozen=True)
class Started:
    """A project that has started: its user admin, and what the checks say."""

    admin: str
    bases: list[str]
    found: dict[str, list[str]]
    fields: dict[str, dict[str, bool]]

    @property
    def ids(self) -> set[str]:
        # Of the frontend and the middleware such a project has nothing.
        mute = {"W006", "W007", "W009", "W010", "W011", "W015", "W027", "W029"}
        return {number[-4:] for number in self.found} - mute


def start(folder: Path, *, models: str, own_admin: str = "", **overlay: Any) -> Started:
    """Start a project with an app "people", as ``manage.py`` does."""
    people = folder / "people"
    people.mkdir()
    (people / "__init__.py").touch()
    (people / "models.py").write_text(MODELS + models)
    (people / "admin.py").write_text(own_admin)
    given = {
        "INSTALLED_APPS": AFTER,
        "AUTH_USER_MODEL": "people.User",
        "AI_KIT_AUTH": FRONTEND,
        **overlay,
    }
    path = os.pathsep.join([str(folder), *sys.path])
    ran = subprocess.run(  # noqa: S603  # this interpreter, with the text above
        [sys.executable, "-W", "error", "-c", PROGRAM, json.dumps(given)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    return Started(**json.loads(ran.stdout))


WITHOUT_ADMIN: dict[str, Any] = {
    "AI_KIT_AUTH": {**FRONTEND, "USE_AI_KIT_AUTH_ADMIN": False}
}


# User models


@pytest.mark.parametrize("overlay", [{}, WITHOUT_ADMIN], ids=["admin", "no admin"])
@pytest.mark.parametrize(
    "username",
    [
        "SlugField(unique=True)",
        "IntegerField(unique=True)",
        "UUIDField(unique=True)",
        "EmailField(unique=True)",
        "GenericIPAddressField(unique=True)",
        "ForeignKey('auth.Group', models.CASCADE, unique=True)",
        "OneToOneField('auth.Group', models.CASCADE)",
    ],
)
def test_a_username_of_any_type_lets_the_project_start(
    tmp_path: Path, username: str, overlay: dict[str, Any]
) -> None:
    started = start(tmp_path, models=BASE_USER % (username, EMAIL), **overlay)
    assert started.ids == set()
    if not overlay:
        assert started.admin == "AIUserAdmin"
        assert list(started.fields["add"])[:2] == ["username", "email"]
        # What we could not make up has to be typed.
        text = username.startswith(("Slug", "Email"))
        assert started.fields["add"]["username"] is not text


@pytest.mark.parametrize("overlay", [{}, WITHOUT_ADMIN], ids=["admin", "no admin"])
def test_a_phone_number_as_username_lets_the_project_start(
    tmp_path: Path, overlay: dict[str, Any]
) -> None:
    models = PLAIN.replace("models.CharField", "PhoneField")
    started = start(tmp_path, models=models, **overlay)
    assert started.ids == set()
    assert overlay or started.fields["add"]["username"]


@pytest.mark.parametrize("overlay", [{}, WITHOUT_ADMIN], ids=["admin", "no admin"])
@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ("mail = models.EmailField()", "class User: EMAIL_FIELD = 'mail'"),
        ("", "class User: email = models.EmailField(unique=True)"),
        (
            "EMAIL_FIELD = 'adress'; address = models.EmailField()",
            "class User: EMAIL_FIELD = 'address'",
        ),
    ],
)
def test_a_model_without_its_email_field_is_told_by_a_check(
    tmp_path: Path, columns: str, hint: str, overlay: dict[str, Any]
) -> None:
    models = BASE_USER % ("CharField(max_length=99, unique=True)", columns)
    started = start(tmp_path, models=models, **overlay)
    assert started.ids == {"E013"}
    assert started.found["ai_kit_auth.E013"][1] == hint


@pytest.mark.parametrize(
    ("username", "email", "named"),
    [
        ("CharField(max_length=99)", "EmailField(editable=False)", "email"),
        ("UUIDField(editable=False, default=uuid.uuid4)", "EmailField()", "username"),
    ],
)
def test_an_identity_that_no_form_can_edit_is_told_by_a_check(
    tmp_path: Path, username: str, email: str, named: str
) -> None:
    models = BASE_USER % (username, f"email = models.{email}")
    started = start(tmp_path, models=models)
    assert started.ids == {"W031"}
    assert (
        f"people.User.{named} is not editable" in started.found["ai_kit_auth.W031"][0]
    )
    assert named not in started.fields["add"]
    assert named not in started.fields["change"]


def test_without_our_admin_nothing_asks_for_what_is_not_editable(
    tmp_path: Path,
) -> None:
    models = BASE_USER % ("UUIDField(editable=False, default=uuid.uuid4)", EMAIL)
    assert start(tmp_path, models=models, **WITHOUT_ADMIN).ids == set()


# User admins


@pytest.mark.parametrize("apps", [BEFORE, AFTER], ids=["before", "after"])
@pytest.mark.parametrize(
    "registering",
    [
        "admin.site.register(User, OwnAdmin)",
        "admin.register(User)(OwnAdmin)",
        "admin.site.register([User], OwnAdmin)",
    ],
)
def test_the_projects_own_admin_is_kept_whatever_the_order(
    tmp_path: Path, apps: list[str], registering: str
) -> None:
    own = f"{OWN_ADMIN}{registering}"
    started = start(tmp_path, models=PLAIN, own_admin=own, INSTALLED_APPS=apps)
    assert started.admin == "OwnAdmin"
    assert started.ids == {"W030"}
    told, hint = started.found["ai_kit_auth.W030"]
    assert "people.admin.OwnAdmin is registered for people.User" in told
    assert "class OwnAdmin(AIUserAdmin)" in hint
    assert "{'USE_AI_KIT_AUTH_ADMIN': False}" in hint


@pytest.mark.parametrize("apps", [BEFORE, AFTER], ids=["before", "after"])
@pytest.mark.parametrize(
    ("registering", "found"),
    [
        # Of Django's own classes, which the project has chosen.
        ("admin.site.register(User)", "ModelAdmin"),
        ("admin.site.register(User, OwnAdmin, actions=None)", "UserAdmin"),
    ],
)
def test_so_is_one_without_a_class_of_its_own(
    tmp_path: Path, apps: list[str], registering: str, found: str
) -> None:
    own = f"{OWN_ADMIN}{registering}"
    started = start(tmp_path, models=PLAIN, own_admin=own, INSTALLED_APPS=apps)
    assert started.admin == found
    assert started.ids == {"W030"}
    assert "class UserAdmin(AIUserAdmin)" in started.found["ai_kit_auth.W030"][1]


@pytest.mark.parametrize("apps", [BEFORE, AFTER], ids=["before", "after"])
@pytest.mark.parametrize("ours", [True, False])
def test_a_subclass_of_ours_is_kept_and_nothing_is_told(
    tmp_path: Path, apps: list[str], ours: bool
) -> None:
    own = (
        "from ai_kit_auth.admin import AIUserAdmin\n"
        f"{OWN_ADMIN}admin.site.register(User, type('Mine', (AIUserAdmin,), {{}}))"
    )
    started = start(
        tmp_path,
        models=PLAIN,
        own_admin=own,
        INSTALLED_APPS=apps,
        AI_KIT_AUTH={**FRONTEND, "USE_AI_KIT_AUTH_ADMIN": ours},
    )
    assert started.admin == "Mine"
    assert started.ids == set()


def test_what_2_0_0_asked_of_a_project_still_works(tmp_path: Path) -> None:
    """There ours was registered first, and the project had to take it away."""
    own = f"{OWN_ADMIN}admin.site.unregister(User)\n"
    for text in (own, f"{own}admin.site.register(User, OwnAdmin)"):
        folder = tmp_path / str(len(text))
        folder.mkdir()
        started = start(folder, models=PLAIN, own_admin=text)
        assert started.admin == (
            "OwnAdmin" if "register(User, Own" in text else "NoneType"
        )


def test_other_models_are_registered_as_ever(tmp_path: Path) -> None:
    own = "from django.contrib import admin\nfrom people.models import Pet\n"
    own += "admin.site.register(Pet)\n"
    pet = "\nclass Pet(models.Model):\n    name = models.TextField()\n"
    started = start(tmp_path, models=PLAIN + pet, own_admin=own)
    assert started.admin == "AIUserAdmin"


def test_djangos_own_registration_gives_way_to_ours(tmp_path: Path) -> None:
    started = start(tmp_path, models="", AUTH_USER_MODEL="auth.User")
    assert started.admin == "AIUserAdmin"
    assert started.ids == set()
