"""A browser that uses the account page, and settings of a project with the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from ai_kit_auth.accounts import email_of

from ..accounts import attributes_of
from ..conftest import PASSWORD, USER_MODELS

if TYPE_CHECKING:
    from pytest_django import Settings

ADA = "ada@example.com"
NEW = "ada@new.example"
WRONG = "a wrong guess indeed"
HERE = "192.0.2.7"

EVERY_MODEL = (*USER_MODELS, "no_last_login")
WITH_ACTIVATION = tuple(model for model in EVERY_MODEL if model != "bare")
WITH_USERNAME = ("auth_user", "uuid_key", "renamed_email", "extra_field")

with_activation = pytest.mark.user_model(*WITH_ACTIVATION)

ENGINES = ("db", "cache", "cached_db", "signed_cookies", "file")


def configure(settings: Settings, **changes: Any) -> None:
    """Change AI_KIT_AUTH, leaving alone what lies beside a changed key."""
    settings.AI_KIT_AUTH = _merged(settings.AI_KIT_AUTH, changes)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **old,
        **{
            key: _merged(old.get(key, {}), value) if isinstance(value, dict) else value
            for key, value in new.items()
        },
    }


class Browser:
    """A browser with a page that sends the CSRF token it was given last."""

    def __init__(self, address: str = HERE) -> None:
        self.client = APIClient(enforce_csrf_checks=True, REMOTE_ADDR=address)
        self.token = ""

    def send(self, method: str, route: str, data: Any = None, **extra: Any) -> Any:
        """Send JSON, and whatever else a test says, to ``ai_kit_auth:<route>``."""
        given = {"format": "json", "headers": {"X-CSRFToken": self.token}, **extra}
        answer = getattr(self.client, method)(
            reverse(f"ai_kit_auth:{route}"), {} if data is None else data, **given
        )
        if answer.status_code == 200:
            self.token = answer.json().get("csrf", self.token)
        return answer

    def post(self, route: str, data: Any = None, **extra: Any) -> Any:
        return self.send("post", route, data, **extra)

    def patch(self, data: Any = None, **extra: Any) -> Any:
        return self.send("patch", "me", data, **extra)

    def me(self) -> Any:
        """Return the user that ``me/`` shows, or None."""
        answer = self.client.get(reverse("ai_kit_auth:me"))
        self.token = answer.json()["csrf"]
        return answer.json()["user"]

    def log_in(self, ident: str = ADA, password: str = PASSWORD, **data: Any) -> Any:
        self.me()
        return self.post("login", {"ident": ident, "password": password, **data})

    def confirm_password(self, password: str = PASSWORD) -> Any:
        return self.post("confirm_password", {"password": password})

    def cookie(self, name: str = "") -> str:
        """Return a cookie's value: by default that of the session."""
        return self.client.cookies[name or django_settings.SESSION_COOKIE_NAME].value


def holds_a_hash(browser: Browser) -> bool:
    """Tell whether the browser's session keeps a hash of a password."""
    return any("md5$" in str(value) for value in browser.client.session.values())


def answer_of(response: Any) -> tuple[int, Any]:
    return response.status_code, response.json()


def refused(error: str, status: int = 403) -> tuple[int, Any]:
    """Return the answer with a code about the whole request."""
    return status, {"error": error}


def invalid(**codes: str) -> tuple[int, Any]:
    """Return the answer with one code under each field."""
    return 400, {field: [code] for field, code in codes.items()}


WRONG_PASSWORD = invalid(password="invalid_credentials")
PASSWORD_REQUIRED = invalid(password="required")
NOT_FRESH = refused("reauthentication_required")
NO_PASSWORD = refused("no_password", 400)
LINK_INVALID = refused("email_change_link_invalid", 400)
OUT = refused("not_authenticated")


def rows() -> list[Any]:
    """Return all that the database knows about all accounts."""
    return list(get_user_model()._default_manager.order_by("pk").values())


def address(user: Any) -> str:
    user.refresh_from_db()
    return email_of(user)


def username(user: Any) -> str:
    user.refresh_from_db()
    return str(user.get_username())


def mails() -> list[tuple[str, str]]:
    """Return recipient and subject of each mail that was sent."""
    return [(message.to[0], str(message.subject)) for message in mail.outbox]


def take_password(user: Any) -> None:
    """Leave ``user`` without a usable password, as single sign-on makes accounts."""
    user.set_unusable_password()
    user.save()


@contextmanager
def before_savepoint(number: int, act: Callable[[], object]) -> Iterator[None]:
    """Call ``act`` before the request sets its savepoint ``number``."""
    seen: list[str] = []

    def wrap(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SAVEPOINT"):
            seen.append(sql)
            if len(seen) == number:
                act()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrap):
        yield
    assert len(seen) >= number


def make_other(**columns: Any) -> None:
    """Create eve by code of the project, without the package's locks."""
    model = get_user_model()
    eve = model(**{**attributes_of("eve"), **columns})
    model._default_manager.bulk_create([eve])
