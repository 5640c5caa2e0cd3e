"""What ``manage.py check`` tells a host about its AI_KIT_AUTH."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from ai_kit_auth import users

from .conftest import USER_MODELS
from .test_settings import DOTTED, URL, dict_with


def findings(given: Any) -> list[checks.CheckMessage]:
    """Return what the app says when a host runs all checks with this AI_KIT_AUTH."""
    with override_settings(AI_KIT_AUTH=given):
        found = checks.run_checks()
    return [message for message in found if str(message.id).startswith("ai_kit_auth.")]


def test_a_healthy_host_hears_nothing() -> None:
    """With the settings as the suite has them, on every user model."""
    assert checks.run_checks() == []


def test_the_frontends_url_is_all_that_a_host_must_set() -> None:
    assert findings(URL) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({**URL, "FRONTED": {}}, "'FRONTEND'"),
        ({"FRONTEND": {"URI": ""}}, "'URL'"),
        ({**URL, "USERNAME_REQUIRED": "yes"}, "must be a bool, not str"),
        ({**URL, "USER_IDENTITY_FIELDS": "email"}, "must be a tuple of str, not str"),
        ({"FRONTEND": "https://app.example.com"}, "must be a dict, not str"),
        ("https://app.example.com", "must be a dict, not str"),
    ],
)
def test_e001_an_unknown_key_or_a_wrong_type(given: Any, told: str) -> None:
    [problem] = findings(given)
    assert problem.id == "ai_kit_auth.E001"
    assert problem.level == checks.ERROR
    assert told in problem.msg
    assert problem.hint


@pytest.mark.parametrize(
    "given", [None, {}, {"FRONTEND": {}}, {"FRONTEND": {"URL": ""}}]
)
def test_e002_the_frontends_url_is_missing(given: Any) -> None:
    [problem] = findings(given)
    assert problem.id == "ai_kit_auth.E002"
    assert problem.level == checks.ERROR
    assert "AI_KIT_AUTH['FRONTEND']['URL'] is missing" in problem.msg
    assert "AI_KIT_AUTH = {'FRONTEND': {'URL': " in str(problem.hint)


@pytest.mark.parametrize(
    "path", ["no.such.module", "ai_kit_auth.services.nothing", "words", ".relative"]
)
@pytest.mark.parametrize("name", DOTTED)
def test_e003_a_dotted_path_that_leads_nowhere(name: str, path: str) -> None:
    [problem] = findings({**URL, **dict_with(name, path)})
    assert problem.id == "ai_kit_auth.E003"
    assert problem.level == checks.ERROR
    assert name.rpartition(".")[2] in problem.msg
    assert repr(path) in problem.msg
    assert "dotted path" in str(problem.hint)


def test_e003_a_dotted_path_to_what_nobody_can_call() -> None:
    [problem] = findings({**URL, "SEND_RESET_PW_MAIL": "ai_kit_auth.services.logger"})
    assert problem.id == "ai_kit_auth.E003"
    assert "not callable" in problem.msg


def test_e004_an_identity_field_that_the_user_model_lacks() -> None:
    [problem] = findings({**URL, "USER_IDENTITY_FIELDS": ["password", "nickname"]})
    assert problem.id == "ai_kit_auth.E004"
    assert problem.level == checks.ERROR
    assert get_user_model()._meta.label in problem.msg
    assert "'nickname'" in problem.msg
    assert users.email_field() in str(problem.hint)


@pytest.mark.user_model("email_login", "bare")
def test_e004_a_default_name_that_the_host_wrote_itself() -> None:
    [problem] = findings({**URL, "USER_IDENTITY_FIELDS": ("email", "username")})
    assert problem.id == "ai_kit_auth.E004"
    assert "'username'" in problem.msg


@pytest.mark.user_model(*(name for name in USER_MODELS if name != "bare"))
@pytest.mark.parametrize("name", ["groups", "logentry"])
def test_e004_a_relation_is_nothing_to_log_in_by(name: str) -> None:
    [problem] = findings({**URL, "USER_IDENTITY_FIELDS": (name,)})
    assert problem.id == "ai_kit_auth.E004"
    assert repr(name) in problem.msg


class OwnCache(LocMemCache):
    """A backend that we know nothing of."""


BACKENDS = "django.core.cache.backends"
DUMMY = f"{BACKENDS}.dummy.DummyCache"
DATABASE = f"{BACKENDS}.db.DatabaseCache"
ENOUGH = {"MAX_ENTRIES": 100_000}
UNFIT = {
    f"{BACKENDS}.locmem.LocMemCache": "is not shared by processes",
    DUMMY: "keeps nothing",
    f"{BACKENDS}.filebased.FileBasedCache": "can lose a count",
}


def cache_findings(*, deploy: bool = True, **default: Any) -> list[Any]:
    """Return what the app says of a host's default cache, in ``check --deploy``."""
    caches = {"default": {"LOCATION": "/cache", **default}, "other": {"BACKEND": DUMMY}}
    with override_settings(CACHES=caches):
        found = checks.run_checks(include_deployment_checks=deploy)
    return [message for message in found if str(message.id).startswith("ai_kit_auth.")]


@pytest.mark.parametrize(("backend", "told"), UNFIT.items())
def test_w001_a_cache_that_cannot_count_for_all_processes(
    backend: str, told: str
) -> None:
    [problem] = cache_findings(BACKEND=backend, OPTIONS=ENOUGH)
    assert problem.id == "ai_kit_auth.W001"
    assert problem.level == checks.WARNING
    assert f"{backend.rpartition('.')[2]} {told}" in problem.msg
    assert "CACHES['default']" in str(problem.hint)


@pytest.mark.parametrize("options", [{}, {"OPTIONS": {"MAX_ENTRIES": 1000}}])
def test_w002_a_cache_that_soon_throws_the_counters_away(
    options: dict[str, Any],
) -> None:
    """Django's default is 300 entries: one client could push the others' out."""
    [problem] = cache_findings(BACKEND=DATABASE, **options)
    assert problem.id == "ai_kit_auth.W002"
    assert problem.level == checks.WARNING
    assert "DatabaseCache throws entries away" in problem.msg
    assert "MAX_ENTRIES" in str(problem.hint)


@pytest.mark.parametrize(
    "cache",
    [
        {"BACKEND": f"{BACKENDS}.redis.RedisCache"},
        {"BACKEND": DATABASE, "OPTIONS": ENOUGH},
        {"BACKEND": f"{__name__}.OwnCache"},
    ],
)
def test_a_cache_that_processes_share_is_good(cache: dict[str, Any]) -> None:
    assert cache_findings(**cache) == []


@pytest.mark.parametrize("backend", [*UNFIT, DATABASE])
def test_a_cache_matters_in_deployments(backend: str) -> None:
    """On a developer's machine nobody hears of it."""
    assert cache_findings(deploy=False, BACKEND=backend) == []


def test_a_host_without_a_cache_hears_it_from_django() -> None:
    """Our check does not fall over it first."""
    with override_settings(CACHES={}):
        found = {
            message.id for message in checks.run_checks(include_deployment_checks=True)
        }
    assert "caches.E001" in found
    assert found.isdisjoint({"ai_kit_auth.W001", "ai_kit_auth.W002"})


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = findings(
        {
            "USER_SERIALIZER": "no.such",
            "SEND_RESET_PW_MAIL": "no.such",
            "USER_IDENTITY_FIELDS": ("one", "two"),
        }
    )
    assert [str(problem.id)[-4:] for problem in found] == [
        "E002",
        "E003",
        "E003",
        "E004",
        "E004",
    ]


def test_manage_py_check_fails() -> None:
    with (
        override_settings(AI_KIT_AUTH={}),
        pytest.raises(SystemCheckError, match=r"ai_kit_auth\.E002"),
    ):
        call_command("check")
