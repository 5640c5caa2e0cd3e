"""
The operations that are measured, as the requests that they send.

A subject has the operations that its ``Api`` has. Each request has a user and an IP
address of its own, so that no throttle refuses one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.contrib.auth.models import User
from django.core import mail

from .browser import Browser, Server

PASSWORD = "tall ferns in the rain"
NEW_PASSWORD = "low mosses in the sun"


@dataclass
class Exchange:
    """A request, and the status that its answer must have."""

    environ: dict[str, Any]
    status: int = 200


def address(number: int) -> str:
    """Return an e-mail address for the user ``number``."""
    return f"user{number}@example.com"


class Api:
    """The requests of our package, which both hand-written projects serve as well."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def operation(self, name: str) -> Callable[[int], Exchange] | None:
        """Return what makes the request of ``name`` for a user's number, if any."""
        found: Callable[[int], Exchange] | None = getattr(self, name, None)
        return found

    # What the requests need

    def user(self, number: int, *, active: bool = True) -> User:
        return User.objects.create_user(
            f"user{number}", address(number), PASSWORD, is_active=active
        )

    def browser(self, number: int, user: User | None = None) -> Browser:
        browser = Browser(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        browser.begin(user)
        return browser

    def sent(self, exchange: Exchange) -> None:
        """Send what another request needs first."""
        answer = self.server.send(exchange.environ)
        if answer.status != exchange.status:
            raise RuntimeError(
                f"{exchange.environ['PATH_INFO']}: {answer.status} {answer.body!r}"
            )

    def mailed(self) -> dict[str, str]:
        """Return what the link of the newest mail with one carries."""
        for message in reversed(mail.outbox):
            found = re.search(r"https?://\S+token=\S+", str(message.body))
            if found:
                return dict(parse_qsl(urlsplit(found[0]).query))
        raise RuntimeError("no link was mailed")

    def post(
        self, browser: Browser, path: str, body: dict[str, Any], status: int = 200
    ) -> Exchange:
        return Exchange(browser.request("POST", path, body), status)

    # The core

    def me_anonymous(self, number: int) -> Exchange:
        return Exchange(self.browser(number).request("GET", "me/"))

    def me_authenticated(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        return Exchange(browser.request("GET", "me/"))

    def login(self, number: int, ident: str, password: str, status: int) -> Exchange:
        body = {"ident": ident, "password": password}
        return self.post(self.browser(number), "login/", body, status)

    def login_email(self, number: int) -> Exchange:
        return self.login(number, self.user(number).email, PASSWORD, 200)

    def login_username(self, number: int) -> Exchange:
        return self.login(number, self.user(number).username, PASSWORD, 200)

    def login_wrong_password(self, number: int) -> Exchange:
        return self.login(number, self.user(number).email, NEW_PASSWORD, 400)

    def login_unknown(self, number: int) -> Exchange:
        return self.login(number, address(number), PASSWORD, 400)

    def logout(self, number: int) -> Exchange:
        return self.post(self.browser(number, self.user(number)), "logout/", {})

    def register(self, number: int) -> Exchange:
        body = {
            "username": f"user{number}",
            "email": address(number),
            "password": PASSWORD,
        }
        return self.post(self.browser(number), "register/", body, 201)

    def activate(self, number: int) -> Exchange:
        self.sent(self.register(number))
        return self.post(self.browser(number), "activate_email/", self.mailed())

    def validate_password(self, number: int) -> Exchange:
        body = {
            "username": f"user{number}",
            "email": address(number),
            "password": PASSWORD,
        }
        return self.post(self.browser(number), "validate_password/", body)

    def reset_mail(self, number: int) -> Exchange:
        return self.ask_reset(number, self.user(number).email)

    def reset_mail_unknown(self, number: int) -> Exchange:
        return self.ask_reset(number, address(number))

    def ask_reset(self, number: int, email: str) -> Exchange:
        browser = self.browser(number)
        return self.post(browser, "send_pw_reset_email/", {"email": email})

    def reset_password(self, number: int) -> Exchange:
        self.sent(self.reset_mail(number))
        body = {**self.mailed(), "password": NEW_PASSWORD}
        return self.post(self.browser(number), "reset_password/", body)

    # The account page

    def of_session(self, number: int, path: str, **body: str) -> Exchange:
        browser = self.browser(number, self.user(number))
        return self.post(browser, path, {"password": PASSWORD, **body})

    def resend_activation(self, number: int) -> Exchange:
        body = {"email": self.user(number, active=False).email}
        return self.post(self.browser(number), "resend_activation_email/", body)

    def change_password(self, number: int) -> Exchange:
        return self.of_session(number, "change_password/", new_password=NEW_PASSWORD)

    def logout_others(self, number: int) -> Exchange:
        return self.of_session(number, "logout_others/")

    def change_email(self, number: int) -> Exchange:
        new = f"new-{address(number)}"
        return self.of_session(number, "change_email/", email=new)

    def confirm_email(self, number: int) -> Exchange:
        self.sent(self.change_email(number))
        return self.post(self.browser(number), "confirm_email/", self.mailed())

    def confirm_password(self, number: int) -> Exchange:
        return self.of_session(number, "confirm_password/")

    def update_me(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        return Exchange(browser.request("PATCH", "me/", {"username": f"new{number}"}))

    def delete_account(self, number: int) -> Exchange:
        return self.of_session(number, "delete_account/")
