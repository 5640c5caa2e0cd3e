"""Tasks after an answer run for the tenant of the request."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from threading import current_thread, main_thread
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone, translation
from rest_framework.test import APIClient

from ai_kit_auth.after_answer import drain
from tests.conftest import PASSWORD
from tests.queues import Queue, use, with_tasks

from .tenancy import tenant

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.database("sqlite"),
]

ADA = "ada@example.com"

Send = Callable[[str, dict[str, str]], None]
Call = tuple[str, str, str, str, bool]
calls: list[Call] = []


def note(user: Any, url: str) -> None:
    """A sender that notes the tenant and the thread of its calls."""
    zone = timezone.get_current_timezone_name()
    here = current_thread() is main_thread()
    calls.append(
        (tenant.get(), user.first_name, str(translation.get_language()), zone, here)
    )


def fail(user: Any, url: str) -> None:
    raise ConnectionRefusedError


def by_test_client(route: str, data: dict[str, str]) -> None:
    headers = {"X-Tenant": "other", "Accept-Language": "de"}
    url = reverse(f"ai_kit_auth:{route}")
    APIClient().post(url, data, format="json", headers=headers)


def by_server(route: str, data: dict[str, str]) -> None:
    """Do what a WSGI server does, with what no test client has touched."""
    outbox = mail.outbox
    del mail.outbox
    body = json.dumps(data).encode()
    environ = (
        RequestFactory()
        .post(
            reverse(f"ai_kit_auth:{route}"),
            body,
            "application/json",
            headers={"X-Tenant": "other", "Accept-Language": "de"},
        )
        .environ
    )
    handler: Any = WSGIHandler()
    environ = {**environ, "wsgi.input": io.BytesIO(body)}
    response = handler(environ, lambda *args: None)
    assert b"".join(response) == b"{}"
    response.close()
    drain(10)
    mail.outbox = outbox


ways = pytest.mark.parametrize(
    ("send", "here"), [(by_test_client, True), (by_server, False)]
)


@pytest.fixture(autouse=True)
def _accounts(settings: Any) -> None:
    calls.clear()
    senders = ("SEND_RESET_PW_MAIL", "SEND_ACCOUNT_EXISTS_MAIL")
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        **dict.fromkeys((*senders, "SEND_USER_ACTIVATION_MAIL"), note),
        "PREVENT_ENUMERATION": True,
    }
    for name in ("default", "other"):
        user = get_user_model()(username="ada", email=ADA, first_name=name)
        user.set_password(PASSWORD)
        user.save(using=name)


@ways
@pytest.mark.parametrize("route", ["send_pw_reset_email", "register"])
def test_the_mail_goes_to_the_tenants_own_owner(
    send: Send, here: bool, route: str
) -> None:
    send(route, {"email": ADA, "password": PASSWORD})
    assert calls == [("other", "other", "de", "Asia/Tokyo", here)]


@ways
def test_an_account_is_made_and_mailed_at_the_tenant(send: Send, here: bool) -> None:
    send("register", {"email": "eve@example.com", "password": PASSWORD})
    assert [call[0] for call in calls] == ["other"]
    assert accounts("other", "eve@example.com") == 1
    assert accounts("default", "eve@example.com") == 0


@ways
def test_an_account_is_taken_back_at_the_tenant(
    send: Send, here: bool, settings: Any
) -> None:
    sender = {"SEND_USER_ACTIVATION_MAIL": fail}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **sender}
    send("register", {"email": "eve@example.com", "password": PASSWORD})
    assert accounts("other", "eve@example.com") == 0
    assert accounts("other", ADA) == accounts("default", ADA) == 1


def accounts(name: str, address: str) -> int:
    count: int = get_user_model().objects.using(name).filter(email=address).count()
    return count


@with_tasks
def test_a_worker_finds_the_account_in_the_database_of_its_tenant(
    settings: Any,
) -> None:
    """It knows no request, and both databases have an account with this key."""
    use(settings, "Dummy")
    queue = Queue()
    by_test_client("send_pw_reset_email", {"email": ADA})
    assert calls == []
    [task] = queue.tasks()
    assert task["using"] == "other"
    queue.work()
    assert [call[:3] for call in calls] == [("default", "other", "de")]
