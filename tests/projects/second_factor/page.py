"""A browser with the page of a user who has second factors, and their other devices."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyotp
import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from ...conftest import PASSWORD, Clock

STEP = 30
ASKED = (400, {"non_field_errors": ["second_factor_required"]})
WRONG = (400, {"code": ["invalid_code"]})
NOT_PENDING = (403, {"error": "login_not_pending"})
UNPROVEN = (403, {"error": "second_factor_required"})


class Page:
    """What a frontend sends; ``send`` returns status and body, None without a body."""

    def __init__(self) -> None:
        self.client = APIClient(enforce_csrf_checks=True)
        self.token = ""
        self.answer: Any = None

    def send(self, method: str, route: str, data: Any = None, **extra: Any) -> Any:
        url = reverse(f"ai_kit_auth:{route}")
        text = "" if data is None else json.dumps(data)
        kind = "application/json"
        self.answer = self.client.generic(method, url, text, kind, **extra)
        body = self.answer.json() if self.answer.content else None
        if isinstance(body, dict) and "csrf" in body:
            self.token = body["csrf"]
            self.client.credentials(HTTP_X_CSRFTOKEN=self.token)
        return self.answer.status_code, body

    def copy(self) -> Page:
        """Return another tab or a thief, with the cookies and the token of now."""
        other = Page()
        for name, cookie in self.client.cookies.items():
            other.client.cookies[name] = cookie.value
        other.client.credentials(HTTP_X_CSRFTOKEN=self.token)
        return other

    def get(self, route: str) -> Any:
        return self.send("GET", route)

    def post(self, route: str, data: Any = None, **extra: Any) -> Any:
        return self.send("POST", route, {} if data is None else data, **extra)

    def delete(self, route: str, data: Any = None) -> Any:
        return self.send("DELETE", route, {} if data is None else data)

    def me(self) -> Any:
        return self.get("me")[1]["user"]

    def is_in(self) -> bool:
        return self.me() is not None

    def log_in(self, name: str = "ada", password: str = PASSWORD, **more: Any) -> Any:
        self.get("me")
        body = {"ident": f"{name}@example.com", "password": password, **more}
        return self.post("login", body)

    def prove(self, code: str, method: str = "totp", **more: Any) -> Any:
        return self.post("second_factor", {"method": method, "code": code, **more})


class App:
    """An authenticator app that has scanned the code: an independent TOTP."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self.secret, self._clock = secret, clock

    def code(self) -> str:
        """Return a code that was not shown before, of the next step."""
        self._clock.now += STEP
        return self.now()

    def now(self) -> str:
        return pyotp.TOTP(self.secret).at(int(self._clock.now))

    def wrong(self) -> str:
        """Return a code that is right at no time near."""
        clock = int(self._clock.now)
        near = {pyotp.TOTP(self.secret).at(clock + STEP * i) for i in range(-4, 5)}
        return next(code for code in map("{:06}".format, range(20)) if code not in near)


@dataclass
class Ada:
    """The user, the app on her telephone, and her recovery codes on paper."""

    user: Any
    app: App
    codes: list[str]


def enrol(page: Page, clock: Clock) -> tuple[App, list[str]]:
    """Add an authenticator app in a logged-in ``page``; return it and the codes."""
    status, body = page.post("factors_totp", {"password": PASSWORD})
    assert status == 200
    app = App(body["secret"], clock)
    given = {"code": app.code(), "password": PASSWORD}
    status, body = page.post("factors_totp_confirm", given)
    assert status == 200
    return app, body["recovery_codes"]


def let_try() -> None:
    """Let the devices take a code at once, as some seconds after a wrong one."""
    from django_otp.plugins.otp_totp.models import TOTPDevice

    TOTPDevice.objects.update(throttling_failure_timestamp=None)


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return the events of the security log, each with its code."""
    lines = [r.__dict__ for r in caplog.records if r.name == "ai_kit_auth.security"]
    return [(line["event"], line["code"]) for line in lines]
