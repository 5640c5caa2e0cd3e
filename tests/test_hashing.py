"""One process hashes a limited number of passwords at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient

from ai_kit_auth import services, throttling
from ai_kit_auth.account import services as account

from .accounts import post, registration, the_user
from .conftest import OTHER_PASSWORD, PASSWORD, with_activation
from .test_links import own_link

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"
BUSY = (429, {"error": "throttled"}, "1")


@pytest.fixture
def client() -> APIClient:
    return APIClient()


@contextmanager
def others_hash(places: int = throttling.PLACES) -> Iterator[None]:
    """Let as many other threads as there are places be hashing a password."""
    ended = threading.Event()
    begun = threading.Barrier(places + 1)

    def hash_for_long() -> None:
        with throttling.gate:
            begun.wait()
            ended.wait()

    threads = [threading.Thread(target=hash_for_long) for _ in range(places)]
    with ExitStack() as cleanup:
        for thread in threads:
            thread.start()
            cleanup.callback(thread.join)
        cleanup.callback(ended.set)
        begun.wait()
        yield


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling.gate, "_patience", 0.05)


def log_in(client: APIClient, ident: str, password: str = PASSWORD) -> Any:
    return post(client, "login", {"ident": ident, "password": password})


def facts(answer: Any) -> tuple[int, Any, str]:
    return answer.status_code, answer.json(), answer.headers["Retry-After"]


@pytest.mark.usefixtures("impatient")
def test_while_all_places_are_taken_logins_wait_and_then_are_told_to(
    client: APIClient, make_user: Callable[..., Any]
) -> None:
    make_user()
    with others_hash():
        for ident in (ADA, "nobody@example.com", "nobody"):
            assert facts(log_in(client, ident)) == BUSY
    assert log_in(client, ADA).status_code == 200


@pytest.mark.usefixtures("impatient")
def test_what_was_never_hashed_is_no_failed_login(
    client: APIClient, make_user: Callable[..., Any]
) -> None:
    make_user()
    with others_hash():
        for _ in range(11):
            assert facts(log_in(client, ADA, "wrong")) == BUSY
    assert log_in(client, ADA).status_code == 200


def test_whoever_waits_gets_the_place_that_becomes_free(
    client: APIClient, make_user: Callable[..., Any]
) -> None:
    make_user()
    with ExitStack() as others:
        others.enter_context(others_hash())
        timer = threading.Timer(0.2, others.close)
        timer.start()
        assert log_in(client, ADA).status_code == 200
        timer.join()


@pytest.mark.usefixtures("impatient")
def test_one_place_is_enough(client: APIClient, make_user: Callable[..., Any]) -> None:
    make_user()
    with others_hash(throttling.PLACES - 1):
        assert log_in(client, ADA).status_code == 200


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("hides", [False, True])
def test_a_registration_is_told_to_wait_and_leaves_nothing(
    client: APIClient,
    make_user: Callable[..., Any],
    settings: Settings,
    hides: bool,
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": hides}
    make_user("grace")
    names = ["ada", "grace"] if hides else ["ada"]
    with others_hash():
        for name in names:
            body = registration(name)
            if name == "grace":
                body.pop("username", None)
            assert facts(post(client, "register", body)) == BUSY
    assert mail.outbox == []
    assert post(client, "register", registration()).status_code == 201


@pytest.mark.usefixtures("impatient")
def test_a_reset_that_was_told_to_wait_keeps_its_link(
    client: APIClient, make_user: Callable[..., Any]
) -> None:
    link = own_link(services.get_password_reset_url(make_user()))
    body = {**link, "password": OTHER_PASSWORD}
    with others_hash():
        assert facts(post(client, "pw_reset", body)) == BUSY
    assert the_user().check_password(PASSWORD)
    assert post(client, "pw_reset", body).status_code == 200


@pytest.mark.usefixtures("impatient")
def test_another_hash_of_the_same_password_waits_as_well(
    make_user: Callable[..., Any],
) -> None:
    user = make_user()
    with others_hash(), pytest.raises(Throttled):
        account.another_hash(user, PASSWORD)
    assert account.another_hash(user, PASSWORD) is not None
    assert account.another_hash(user, "wrong") is None


@with_activation
@pytest.mark.usefixtures("impatient")
def test_a_password_that_proves_a_registration_waits_as_well(
    client: APIClient, make_user: Callable[..., Any], settings: Settings
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "ACTIVATION_PROOF": True}
    user = make_user(is_active=False)
    body = {**own_link(services.get_activation_url(user)), "password": PASSWORD}
    with others_hash():
        assert facts(post(client, "activate", body)) == BUSY
    assert post(client, "activate", body).status_code == 200


def test_who_is_in_enters_again_and_an_exception_gives_the_place_back() -> None:
    gate = throttling.Gate(1, 0.05)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), gate, gate:
            raise ZeroDivisionError
    refused = []

    def enter() -> None:
        try:
            with gate:
                refused.append(False)
        except Throttled:
            refused.append(True)

    def in_another_thread() -> None:
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()

    with gate:
        with gate:
            pass
        in_another_thread()
    in_another_thread()
    assert refused == [True, False]
