"""Capabilities of installed apps: how they are found, and errors in declarations."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import reverse

from ai_kit_auth.accounts import login_proof
from ai_kit_auth.capability import capabilities, served
from ai_kit_auth.settings import (
    APISettings,
    InvalidConfigurationError,
    api_settings,
)
from ai_kit_auth.signals import user_pre_login

from .accounts import csrf, post
from .conftest import PASSWORD, Connect, MakeUser
from .misdeclared import INSTEAD
from .test_checks import findings

if TYPE_CHECKING:
    from rest_framework.test import APIClient

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")


@contextmanager
def installed(app: str) -> Iterator[None]:
    apps = [*settings.INSTALLED_APPS, f"tests.misdeclared.{app}"]
    with override_settings(INSTALLED_APPS=apps):
        yield


WRONG = {
    "NotImportable": (
        "_capabilities: 'shop.capability.WISHLIST' cannot be imported: No module named",
        "Name a Capability by its full dotted path.",
    ),
    "NoCapability": (
        "'tests.misdeclared.path' is no Capability.",
        "path = Capability(...), in that module.",
    ),
    "Text": (
        "tests.misdeclared.Text.ai_kit_auth_capabilities is no tuple of dotted paths.",
        "ai_kit_auth_capabilities = ('ai_kit_auth.core.CORE',)",
    ),
    "Settings": (
        (
            "tests.misdeclared.SETTING and ai_kit_auth.core.CORE both declare "
            "the setting ENABLE_ENDPOINTS.LOGIN."
        ),
        "Rename it in tests.misdeclared.SETTING, or take one of the apps out.",
    ),
    "Sections": (
        (
            "tests.misdeclared.SECTION and ai_kit_auth.core.CORE both declare "
            "the setting FRONTEND."
        ),
        "Rename it",
    ),
    "Codes": (
        (
            "tests.misdeclared.CODE and ai_kit_auth.core.CORE both declare "
            "the error code csrf_failed."
        ),
        "Rename it",
    ),
    "Params": (
        "tests.misdeclared.PARAM declares 'seats' of full as <class 'list'>.",
        "Declare 'seats' as int, float, bool or str.",
    ),
    "Events": (
        (
            "tests.misdeclared.EVENT and ai_kit_auth.core.CORE both declare "
            "the event login_failed."
        ),
        "Rename it",
    ),
    "Mails": (
        (
            "tests.misdeclared.MAIL names the setting EMAIL_TEMPLATES.REMINDER, which "
            "is not declared."
        ),
        "Declare EMAIL_TEMPLATES.REMINDER in the settings of tests.misdeclared.MAIL",
    ),
    "Notices": (
        "tests.misdeclared.NOTICE names the setting SECURITY_NOTICES.LEFT, which",
        "Declare SECURITY_NOTICES.LEFT",
    ),
    "Sends": (
        "tests.misdeclared.SENDS names the setting ENABLE_ENDPOINTS.LEAVE, which",
        "Declare ENABLE_ENDPOINTS.LEAVE",
    ),
    "Purposes": (
        (
            "tests.misdeclared.PURPOSE and ai_kit_auth.core.CORE both declare "
            "the link purpose activation."
        ),
        "Rename it",
    ),
    "LinkEndpoints": (
        "tests.misdeclared.NO_ENDPOINT names the setting ENABLE_ENDPOINTS.VOTE, which",
        "Declare ENABLE_ENDPOINTS.VOTE",
    ),
}
WRONG_PATHS = {
    "Keys": "tests.misdeclared.UNKNOWN has routes for 'NO_SUCH', which is no key of",
    "Routes": "'tests.misdeclared.NO_SUCH' cannot be imported",
    "Operations": "'tests.no_such.OPERATIONS' cannot be imported: No module named",
    "Statuses": "'tests.no_such.status' cannot be imported: No module named",
    "Checks": "'tests.misdeclared.NO_SUCH' cannot be imported",
    "Paths": "The capabilities 'mine' and 'path' both have a route 'others' at 'mine/'",
    "Names": "The capabilities 'mine' and 'name' both have a route 'mine' at 'others/'",
}


@pytest.mark.parametrize("app", WRONG)
def test_a_wrong_declaration_is_an_error_of_the_check_and_of_every_read(
    app: str,
) -> None:
    told, typed = WRONG[app]
    with installed(app):
        found = findings()
        assert {problem.id for problem in found} == {"ai_kit_auth.E017"}
        [problem] = [problem for problem in found if told in problem.msg]
        assert typed in str(problem.hint)
        with pytest.raises(InvalidConfigurationError) as caught:
            api_settings.USERNAME_REQUIRED  # noqa: B018  # the read is what is tested
        assert str(caught.value) in [problem.msg for problem in found]
    assert api_settings.USERNAME_REQUIRED is False


@pytest.mark.parametrize("app", WRONG_PATHS)
def test_a_path_that_leads_nowhere_and_a_route_twice_are_errors_of_the_check(
    app: str,
) -> None:
    with installed(app):
        [problem] = findings()
    assert problem.id == "ai_kit_auth.E017"
    assert WRONG_PATHS[app] in problem.msg
    assert "INSTALLED_APPS" in str(problem.hint)


@pytest.mark.parametrize("app", ["Keys", "Paths", "Names"])
def test_no_route_is_served_where_one_is_wrong(app: str) -> None:
    with installed(app), pytest.raises(ImproperlyConfigured, match=r"rout(es|e) "):
        served(api_settings.ENABLE_ENDPOINTS)


def test_the_core_comes_first_and_each_is_there_once() -> None:
    names = [one.routes.rpartition(".")[0] for one in capabilities()]
    assert names == ["ai_kit_auth.urls", "ai_kit_auth.account.urls"]


def test_a_step_of_the_login_is_asked_between_the_password_and_the_session(
    make_user: MakeUser, client: APIClient, connect: Connect
) -> None:
    ada = make_user()
    begun: list[object] = []
    connect(user_pre_login, lambda user, **kwargs: begun.append(user))
    with installed("Step"):
        wrong = try_to_log_in(client, "wrong", remember=True)
        refused = try_to_log_in(client, PASSWORD, remember=True)
        assert client.get(reverse("ai_kit_auth:me")).json()["user"] is None
        let_in = try_to_log_in(client, PASSWORD, remember=False)
    assert wrong.json() == {"non_field_errors": ["invalid_credentials"]}
    assert (refused.status_code, refused.json()) == (429, {"error": "throttled"})
    assert let_in.status_code == 200
    assert begun == [ada]


def try_to_log_in(client: APIClient, password: str, *, remember: bool) -> Any:
    body = {"ident": "ada@example.com", "password": password, "remember": remember}
    return post(client, "login", body, **csrf(client))


def test_a_receiver_of_the_login_learns_what_has_proven_the_user(
    make_user: MakeUser, client: APIClient, connect: Connect
) -> None:
    ada = make_user()
    proofs: list[str] = []
    connect(
        user_logged_in, lambda request, **kwargs: proofs.append(login_proof(request))
    )
    try_to_log_in(client, PASSWORD, remember=False)
    # As a view of the project does.
    client.force_login(ada)
    assert proofs == ["password", "other"]


def test_a_capability_serves_a_route_of_the_account_page_in_another_way() -> None:
    with installed("Instead"):
        assert findings() == []
        on = {"CONFIRM_PASSWORD": True}
        endpoints = APISettings(
            {**settings.AI_KIT_AUTH, "ENABLE_ENDPOINTS": on}
        ).ENABLE_ENDPOINTS
        [route] = [
            route for route in served(endpoints) if route.name == "confirm_password"
        ]
    assert route is INSTEAD["CONFIRM_PASSWORD"]


# In an interpreter of its own, where no app is loaded yet.
BEFORE_THE_APPS = """
from django.conf import settings

settings.configure(AI_KIT_AUTH={"OF_AN_APP": 1, "USERNAME_REQUIRED": True})

from ai_kit_auth.settings import DEFAULTS, APISettings, api_settings

assert APISettings({}).ENABLE_ENDPOINTS.CHANGE_EMAIL is False
assert DEFAULTS["SECURITY_NOTICES"]["PASSWORD_CHANGED"] is True
# Whether an app has that key is not known yet.
assert api_settings.USERNAME_REQUIRED is True
try:
    APISettings({"FRONTED": {}})
except Exception as error:
    print(type(error).__name__)
"""


def test_settings_can_be_read_before_the_apps_are_loaded() -> None:
    process = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-W", "error", "-c", BEFORE_THE_APPS],
        env={
            **{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stderr == ""
    assert process.stdout == "UnknownConfigurationError\n"
