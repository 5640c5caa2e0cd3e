"""Requests at once, on whatever database the suite has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection, connections
from rest_framework.test import APIClient

from ai_kit_auth.second_factor.passkeys import credentials
from ai_kit_auth.second_factor.passkeys.soft_authenticator import SoftAuthenticator
from tests.accounts import attributes_of, csrf, log_in, post
from tests.conftest import PASSWORD

from .pages import ORIGIN, give_passkey, options_of, send

pytestmark = pytest.mark.django_db(transaction=True)

# Fewer than SECOND_FACTOR lets fail.
RIVALS = 8


@pytest.fixture
def ada(
    transactional_db: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Return a user in a database that every thread of the test connects to."""
    if connection.vendor == "sqlite":
        # The tests' own is in the memory of one connection.
        own = {**connections.settings["default"], "NAME": str(tmp_path / "db.sqlite3")}
        monkeypatch.setitem(connections.settings, "default", own)
        at_once([make_tables])
    [user] = at_once([make_ada])
    return user


def make_tables() -> None:
    with connection.schema_editor() as editor:
        for model in apps.get_models():
            editor.create_model(model)


def make_ada() -> Any:
    user = get_user_model()(**attributes_of("ada"))
    user.set_password(PASSWORD)
    user.save()
    return user


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call all at the same time, each in its own thread and connection."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def in_a_thread(call: Callable[[], Any]) -> Any:
    [result] = at_once([call])
    return result


def statuses(answers: Sequence[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def new_browser() -> APIClient:
    return APIClient(enforce_csrf_checks=True)


def copy_of(client: APIClient) -> APIClient:
    """Return a browser with the same cookies, as a thief has it."""
    thief = new_browser()
    thief.cookies.load(client.cookies.output(header="", sep=";"))
    return thief


def test_one_response_logs_in_once(ada: Any) -> None:
    def begin() -> tuple[APIClient, Any]:
        client = new_browser()
        phone = give_passkey(ada, SoftAuthenticator(ORIGIN, step=0))
        return client, phone.get(options_of(client))

    client, credential = in_a_thread(begin)
    token = in_a_thread(partial(csrf, client))

    def log_in() -> Any:
        data = {"credential": credential}
        return post(copy_of(client), "passkey_login", data, **token)

    answers = at_once([log_in] * RIVALS)
    assert statuses(answers) == {200: 1, 400: RIVALS - 1}


def test_copies_of_an_authenticator_log_in_once(ada: Any) -> None:
    def begin() -> SoftAuthenticator:
        return give_passkey(ada)

    phone = in_a_thread(begin)

    def ask() -> tuple[APIClient, Any]:
        client = new_browser()
        options = options_of(client)
        return client, deepcopy(phone.get)(options)

    browsers = [in_a_thread(ask) for _ in range(RIVALS)]

    def log_in(client: APIClient, credential: Any) -> Any:
        return send(client, credential)

    answers = at_once([partial(log_in, *each) for each in browsers])
    # Each has the same count.
    assert statuses(answers) == {200: 1, 400: RIVALS - 1}


def test_one_new_passkey_is_added_once(ada: Any) -> None:
    def begin() -> tuple[APIClient, Any]:
        client = new_browser()
        log_in(client, "ada@example.com")
        confirmed = post(
            client, "confirm_password", {"password": PASSWORD}, **csrf(client)
        )
        assert confirmed.status_code == 200
        options = options_of(client, "factors_passkey_options")
        return client, SoftAuthenticator(ORIGIN).create(options)

    client, credential = in_a_thread(begin)
    token = in_a_thread(partial(csrf, client))

    def add() -> Any:
        data = {"name": "Phone", "credential": credential}
        return post(copy_of(client), "factors_passkeys", data, **token)

    answers = at_once([add] * RIVALS)
    assert statuses(answers)[201] == 1
    # Those that came late find that a password alone changes no factors now.
    assert set(statuses(answers)) <= {201, 400, 403}
    assert in_a_thread(credentials.of_user(ada).count) == 1
