"""``manage.py check --deploy`` on caches, mails and proxies."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core import checks
from django.core.cache.backends.locmem import LocMemCache
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.test import override_settings
from django.urls import clear_url_caches, include, path

from ai_kit_auth.checks.deployment import check_error_page

from .conftest import USER_MODELS
from .test_checks import (
    BACKENDS,
    DATABASE,
    DEPLOYED,
    findings,
    ids,
    mails_by,
    mails_by_smtp,
)

if TYPE_CHECKING:
    from pytest_django import Settings

DUMMY = f"{BACKENDS}.dummy.DummyCache"
ENOUGH = {"MAX_ENTRIES": 100_000}
UNFIT = {
    f"{BACKENDS}.locmem.LocMemCache": "is not shared by processes",
    DUMMY: "keeps nothing",
    f"{BACKENDS}.filebased.FileBasedCache": "can lose a count",
}
PROXY: dict[str, Any] = {"USE_X_FORWARDED_HOST": True}


def deployed(**overlay: Any) -> list[str]:
    return ids(deploy=True, **{**DEPLOYED, **overlay})


def caches(**default: Any) -> dict[str, Any]:
    given = {"default": {"LOCATION": "/cache", **default}, "other": {"BACKEND": DUMMY}}
    return {"CACHES": given}


class OwnCache(LocMemCache):
    """A backend that we know nothing of."""


@pytest.mark.parametrize(("backend", "told"), UNFIT.items())
def test_w001_a_cache_that_cannot_count_for_all_processes(
    backend: str, told: str
) -> None:
    overlay = caches(BACKEND=backend, OPTIONS=ENOUGH)
    [problem] = findings(deploy=True, **{**DEPLOYED, **overlay})
    assert problem.id == "ai_kit_auth.W001"
    assert f"{backend.rpartition('.')[2]} {told}" in problem.msg


FEW = [{}, {"OPTIONS": {"MAX_ENTRIES": 1000}}]


@pytest.mark.parametrize("options", FEW)
def test_w002_a_cache_that_soon_throws_the_counters_away(
    options: dict[str, Any],
) -> None:
    """Django's default is 300 entries: an attacker could push those of others out."""
    assert deployed(**caches(BACKEND=DATABASE, **options)) == ["W002"]


@pytest.mark.parametrize("options", FEW)
@pytest.mark.parametrize("kind", ["locmem.LocMemCache", "filebased.FileBasedCache"])
def test_w002_so_does_a_cache_that_is_not_shared_either(
    kind: str, options: dict[str, Any]
) -> None:
    overlay = caches(BACKEND=f"{BACKENDS}.{kind}", **options)
    assert deployed(**overlay) == ["W001", "W002"]


@pytest.mark.parametrize(
    "cache",
    [
        {"BACKEND": f"{BACKENDS}.redis.RedisCache"},
        {"BACKEND": DATABASE, "OPTIONS": ENOUGH},
        {"BACKEND": f"{__name__}.OwnCache"},
    ],
)
def test_a_cache_that_processes_share_is_good(cache: dict[str, Any]) -> None:
    assert deployed(**caches(**cache)) == []


@pytest.mark.parametrize("backend", [*UNFIT, DATABASE])
def test_a_cache_matters_in_deployments(backend: str) -> None:
    """On a developer's machine there is no warning."""
    assert ids(**caches(BACKEND=backend)) == []


def test_a_host_without_a_cache_hears_it_from_django() -> None:
    """Our check does not fall over it first."""
    with override_settings(**{**DEPLOYED, "CACHES": {}}):
        found = {m.id for m in checks.run_checks(include_deployment_checks=True)}
    assert "caches.E001" in found
    assert found.isdisjoint({"ai_kit_auth.W001", "ai_kit_auth.W002"})


@pytest.mark.parametrize("backend", ["console", "dummy", "filebased", "locmem"])
def test_w016_mails_that_reach_nobody(backend: str) -> None:
    assert deployed(**mails_by(backend)) == ["W016"]


def own_sender(user: Any, url: str) -> None:
    """Send the mail by a service, as a project may."""


def test_w016_a_host_that_sends_by_other_means_needs_no_backend() -> None:
    senders = (
        "SEND_USER_ACTIVATION_MAIL",
        "SEND_ACTIVATION_BY_ADMIN_MAIL",
        "SEND_RESET_PW_MAIL",
        "SEND_ACCOUNT_EXISTS_MAIL",
    )
    given = {**settings.AI_KIT_AUTH, **dict.fromkeys(senders, own_sender)}
    overlay = {**mails_by("dummy"), "DEFAULT_FROM_EMAIL": "webmaster@localhost"}
    assert deployed(AI_KIT_AUTH=given, **overlay) == []
    del given["SEND_RESET_PW_MAIL"]
    assert deployed(AI_KIT_AUTH=given, **overlay) == ["W016", "W017"]


@pytest.mark.parametrize("mailers", [{}, {"default": {}}])
def test_w016_a_mailer_without_a_backend_is_smtp_or_djangos_to_tell(
    mailers: dict[str, Any],
) -> None:
    assert deployed(MAILERS=mailers) == []


class OwnServer(EmailBackend):
    """Knows where it connects to, and leaves the rest to Django."""


class PatientServer(EmailBackend):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "timeout": 30})


class FaultyServer(EmailBackend):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise OSError


class NoServer(BaseEmailBackend):
    """Calls a mail service by its own client."""


@pytest.mark.parametrize(
    ("backend", "found"),
    [(OwnServer, ["W040"]), (PatientServer, []), (FaultyServer, []), (NoServer, [])],
)
def test_w040_a_backend_of_the_projects_own_counts_by_what_it_does(
    backend: type[Any], found: list[str]
) -> None:
    path = f"{__name__}.{backend.__name__}"
    assert deployed(**mails_by_smtp(path, timeout=None)) == found


@pytest.mark.filterwarnings("ignore:The EMAIL_")
@pytest.mark.parametrize(("timeout", "found"), [(None, ["W040"]), (10, []), (0.5, [])])
def test_w040_by_the_settings_of_older_versions(
    settings: Settings, timeout: float | None, found: list[str]
) -> None:
    """Which Django 6.1 follows as long as there are no MAILERS."""
    for name, value in DEPLOYED.items():
        setattr(settings, name, value)
    del settings.MAILERS
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_TIMEOUT = timeout
    # Of ours alone: one of Django's wants MAILERS.
    found_all = checks.run_checks(tags=["ai_kit_auth"], include_deployment_checks=True)
    problems = [one for one in found_all if one.id == "ai_kit_auth.W040"]
    assert [str(problem.id)[-4:] for problem in problems] == found
    assert all(problem.msg.startswith("EMAIL_TIMEOUT is") for problem in problems)
    assert all(str(problem.hint) == "EMAIL_TIMEOUT = 10" for problem in problems)


def test_w040_a_time_out_of_all_sockets_is_one() -> None:
    socket.setdefaulttimeout(10)
    try:
        assert deployed(**mails_by_smtp(timeout=None)) == []
    finally:
        socket.setdefaulttimeout(None)


@pytest.mark.parametrize("drf", [{}, {"NUM_PROXIES": None}, {"EXCEPTION_HANDLER": "x"}])
def test_w019_a_proxy_whose_clients_are_one(drf: object) -> None:
    assert deployed(REST_FRAMEWORK=drf, **PROXY) == ["W019"]


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_w019_a_host_that_says_how_many_proxies_there_are(proxies: int) -> None:
    assert deployed(REST_FRAMEWORK={"NUM_PROXIES": proxies}, **PROXY) == []


@pytest.mark.user_model(*(name for name in USER_MODELS if name != "extra_field"))
@pytest.mark.parametrize(
    ("overlay", "found"),
    [
        ({"USE_X_FORWARDED_PORT": True}, ["W019"]),
        ({"USE_X_FORWARDED_HOST": True, "DEBUG": True}, ["W019"]),
        ({"ALLOWED_HOSTS": ["api.example.com"]}, ["W019"]),
        ({"ALLOWED_HOSTS": ["api.example.com"], "DEBUG": True}, []),
        ({"ALLOWED_HOSTS": ["testserver"]}, []),
        ({"ALLOWED_HOSTS": ["api.example.com"], "AI_KIT_AUTH": {}}, ["E002", "W019"]),
    ],
)
def test_w019_is_told_without_deploy_where_people_are_served(
    overlay: dict[str, Any], found: list[str]
) -> None:
    """As every unchanged project of 2.0.0 is."""
    overlay = {"CSRF_COOKIE_DOMAIN": None, **overlay, "REST_FRAMEWORK": {}}
    assert ids(**overlay) == found


def test_w019_who_counts_nobody_needs_no_address() -> None:
    from ai_kit_auth.settings import keys_below

    rates = dict.fromkeys(keys_below("THROTTLE_RATES"))
    given = {**settings.AI_KIT_AUTH, "THROTTLE_RATES": rates}
    assert deployed(AI_KIT_AUTH=given, **PROXY) == []


urlpatterns = [path("auth/", include("ai_kit_auth.urls"))]


def test_w045_an_outage_that_the_frontend_cannot_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    overlay = {**DEPLOYED, "ROOT_URLCONF": __name__, "CSRF_USE_SESSIONS": True}
    [problem] = findings(deploy=True, **overlay)
    assert problem.id == "ai_kit_auth.W045"
    assert "handler500 = 'ai_kit_auth.views.server_error'" in str(problem.hint)
    assert ids(**overlay) == []
    own_page = "django.views.defaults.page_not_found"
    for page in ("ai_kit_auth.views.server_error", own_page):
        monkeypatch.setitem(globals(), "handler500", page)
        clear_url_caches()
        assert deployed(**overlay) == []


def test_w045_is_silent_about_a_page_that_cannot_be_imported() -> None:
    """Django tells that."""
    overlay = {**DEPLOYED, "ROOT_URLCONF": "no.such.module", "CSRF_USE_SESSIONS": True}
    with override_settings(**overlay):
        assert list(check_error_page()) == []
