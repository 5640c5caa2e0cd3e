"""The distribution: version, types, dependencies, docs, and no tables."""

from __future__ import annotations

import configparser
import importlib
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command

import ai_kit_auth
from ai_kit_auth import admin, serializers, services, settings, views

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

ROOT = Path(__file__).parent.parent
NAME = "django-ai-kit-auth"
PACKAGE = resources.files("ai_kit_auth")
MODULES = sorted(
    f"ai_kit_auth.{module.name}"
    for module in pkgutil.iter_modules(ai_kit_auth.__path__)
)
# The contract's list of names that projects import.
PUBLIC: dict[ModuleType, tuple[str, ...]] = {
    settings: (
        "APISettings",
        "InvalidConfigurationError",
        "UnknownConfigurationError",
        "reload_api_settings",
    ),
    services: (
        "custom_email_data",
        "default_send_activation_by_admin_mail",
        "default_send_reset_pw_mail",
        "default_send_user_activation_mail",
        "get_activation_url",
        "get_password_reset_url",
        "make_url",
        "scramble_id",
        "send_activation_by_admin_mail",
        "send_email",
        "send_reset_pw_mail",
        "send_user_activation_mail",
    ),
    serializers: (
        "ActivateUserSerializer",
        "InitiatePasswordResetSerializer",
        "LoginSerializer",
        "PasswordResetSerializer",
        "RegistrationSerializer",
        "UserSerializer",
        "ValidatePasswordSerializer",
    ),
    views: (
        "ActivateUser",
        "InitiatePasswordResetView",
        "LoginView",
        "LogoutView",
        "MeView",
        "RegistrationView",
        "ResetPassword",
        "ValidatePassword",
    ),
    admin: ("AIUserAdmin", "AIUserChangeForm", "AIUserCreationForm"),
}


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_version_is_3_0_0() -> None:
    assert ai_kit_auth.__version__ == "3.0.0"


def test_the_npm_package_has_the_same_version() -> None:
    """Both are built from one tag."""
    folder = ROOT / "client"
    manifest = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    told = [manifest["version"], lock["version"], lock["packages"][""]["version"]]
    assert told == [ai_kit_auth.__version__] * 3


def test_the_build_reads_the_version_from_the_package(
    pyproject: dict[str, Any],
) -> None:
    project = pyproject["project"]
    assert project["name"] == NAME
    assert project["dynamic"] == ["version"]
    assert "version" not in project
    source = ROOT / pyproject["tool"]["hatch"]["version"]["path"]
    found = re.findall(
        r'^__version__ = "(.+)"$', source.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found == [ai_kit_auth.__version__]


def test_whatever_is_installed_has_that_version() -> None:
    installed = {each.version for each in metadata.distributions(name=NAME)}
    assert installed <= {ai_kit_auth.__version__}


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.rst").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(ai_kit_auth.__version__)}\b", changelog, re.M)


def test_type_checkers_of_hosts_read_the_annotations() -> None:
    assert PACKAGE.joinpath("py.typed").is_file()


def test_a_host_gets_three_packages_and_what_they_need(
    pyproject: dict[str, Any],
) -> None:
    """Whatever else is needed for development stays a dependency group."""
    required = pyproject["project"]["dependencies"]
    assert sorted(re.split(r"[^\w-]", line)[0].lower() for line in required) == [
        "django",
        "django-cors-headers",
        "djangorestframework",
    ]
    # An upper bound would keep projects from security releases.
    exact = r"[\w-]+>=[\d.]+(,!=[\d.]+)*"
    assert all(re.fullmatch(exact, line) for line in required)


def test_the_oldest_releases_that_are_declared_are_the_ones_that_are_tested(
    pyproject: dict[str, Any],
) -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    pins = dict(
        line.split("==") for line in tox["testenv:lowest"]["deps"].split("\n") if line
    )
    project = pyproject["project"]
    extras = project["optional-dependencies"]
    # The extras are what only some projects need.
    assert set(extras) == {
        "doctor",
        "openapi",
        "queue",
        "second_factor",
        "sessions",
        "test",
    }
    declared = [
        *project["dependencies"],
        *(line for e in extras.values() for line in e),
    ]
    # Two extras may need the same.
    for line in dict.fromkeys(declared):
        name, lowest = line.split(",")[0].split(">=")
        assert f"{pins.pop(name)}.".startswith(f"{lowest}."), name
    assert pins == {}
    # What the gate runs on them, beside the whole suite on the newest of this Python.
    assert tox["testenv:coverage"]["deps"] == "{[testenv:lowest]deps}"
    assert ",coverage," in (ROOT / ".ci" / "run").read_text()


def test_the_modules_are_those_that_the_design_names() -> None:
    assert set(PUBLIC) <= {importlib.import_module(name) for name in MODULES}


@pytest.mark.parametrize("name", ["ai_kit_auth", *MODULES])
def test_every_module_says_what_it_is_for(name: str) -> None:
    documentation = inspect.getdoc(importlib.import_module(name))
    assert documentation is not None
    assert documentation.split("\n")[0].endswith((".", ":"))


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, names in PUBLIC.items() for name in names],
)
def test_what_hosts_import_is_there_and_documented(
    module: ModuleType, name: str
) -> None:
    assert vars(module)[name].__doc__


@pytest.mark.django_db
def test_the_app_needs_no_migration(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(apps.get_app_config("ai_kit_auth").get_models()) == []
    call_command("makemigrations", "ai_kit_auth", check=True, dry_run=True)
    assert "No changes detected in app 'ai_kit_auth'" in capsys.readouterr().out
    assert not PACKAGE.joinpath("migrations").is_dir()


# A project without the apps: its checks, its URLs, and a login.
WITHOUT_APPS = """
import io, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings.auth_user"
import django
django.setup()
from django.core.management import call_command
from django.test.utils import setup_test_environment
call_command("check", stdout=io.StringIO())
call_command("migrate", run_syncdb=True, verbosity=0)
setup_test_environment()
from django.contrib.auth.models import User
from django.db import connection
from rest_framework.test import APIClient
User.objects.create_user("ada", "ada@example.com", "tall ferns in the rain")
given = {"ident": "ada", "password": "tall ferns in the rain"}
answer = APIClient().post("/api/v1/auth/login/", given, format="json")
assert answer.status_code == 200, answer.content
theirs = ("django_otp", "segno", "ua_parser", "webauthn")
apps = ("ai_kit_auth.second_factor", "ai_kit_auth.sessions")
print(sorted(name for name in sys.modules if name.startswith((*apps, *theirs))))
print([table for table in connection.introspection.table_names() if "kit" in table])
"""


def test_a_project_without_the_apps_imports_none_and_has_no_table() -> None:
    done = subprocess.run(  # noqa: S603  # this Python, these lines
        [sys.executable, "-W", "error", "-c", WITHOUT_APPS],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "TEST_DATABASE": "sqlite",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )
    assert (done.stdout, done.stderr) == ("[]\n[]\n", "")
