"""The cache: keys are of one tenant, and a cache that hangs costs one wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache.backends.locmem import LocMemCache
from django.db.models import Model
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient

from ai_kit_auth import cache, services
from ai_kit_auth.account import services as account
from ai_kit_auth.throttling import Counter, take_all

from .conftest import MakeUser
from .test_throttling import ADA, ask, log_in

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model("auth_user")]


class ByTenant:
    """Stores the accounts of each tenant in its own database."""

    tenant = "one"

    def db_for_read(self, model: type[Model], **hints: object) -> str:
        return self.tenant

    db_for_write = db_for_read


@pytest.fixture
def switch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    settings.DATABASE_ROUTERS = [f"{__name__}.ByTenant"]
    return lambda tenant: monkeypatch.setattr(ByTenant, "tenant", tenant)


def events_that_pass(number: int) -> int:
    """Return how many of ``number`` events of one client LINK allows."""
    passed = 0
    for _ in range(number):
        with suppress(Throttled):
            take_all(Counter("LINK", "7"))
            passed += 1
    return passed


def test_what_one_tenant_counts_is_not_anothers(
    settings: Settings, switch: Callable[[str], None]
) -> None:
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        "THROTTLE_RATES": {"LINK": "1/hour"},
    }
    assert events_that_pass(2) == 1
    switch("two")
    assert events_that_pass(2) == 1


def test_a_live_link_of_one_tenant_is_not_anothers(
    switch: Callable[[str], None],
) -> None:
    user = get_user_model()(pk=7, email=ADA)
    services.get_activation_url(user)
    assert services.has_live_link(user)
    switch("two")
    assert not services.has_live_link(user)


def test_a_new_address_at_one_tenant_voids_no_link_at_another(
    switch: Callable[[str], None],
) -> None:
    user = get_user_model()(pk=7, email=ADA)
    account.void_email_change_links(user)
    assert account._last_change(user) > 0
    switch("two")
    assert account._last_change(user) == 0


def _hang(*args: object, **kwargs: object) -> Any:
    HangingCache.waits += 1
    raise TimeoutError


class HangingCache(LocMemCache):
    """A server that answers nothing until the client's time is out."""

    waits = 0
    add = get = set = get_many = delete_many = _hang


@pytest.fixture
def hanging(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.HangingCache"}}
    monkeypatch.setattr(HangingCache, "waits", 0)


@pytest.mark.usefixtures("hanging")
@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_login_waits_once_for_a_cache_that_hangs(
    make_user: MakeUser, password: str | None
) -> None:
    make_user()
    client = APIClient(REMOTE_ADDR="192.0.2.7")
    answer = log_in(client, password=password) if password else log_in(client)
    assert answer.status_code == (400 if password else 200)
    assert HangingCache.waits == 1


@pytest.mark.usefixtures("hanging")
def test_a_reset_waits_once_for_a_cache_that_hangs(make_user: MakeUser) -> None:
    make_user()
    assert ask(APIClient(REMOTE_ADDR="192.0.2.7")) == 1
    assert HangingCache.waits == 1


@pytest.mark.usefixtures("hanging")
def test_a_cache_that_is_back_counts_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        "THROTTLE_RATES": {"LINK": "1/hour"},
    }
    assert events_that_pass(3) == 3
    for name in ("add", "get", "set", "get_many"):
        monkeypatch.setattr(HangingCache, name, getattr(LocMemCache, name))
    assert events_that_pass(3) == 3
    later = time.monotonic() + cache._PAUSE
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert events_that_pass(3) == 1
