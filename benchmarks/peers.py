"""
The requests of the peers, each to its own API.

A peer has the operations that do the work of ours; what it lacks or does otherwise, it
has no figure for.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from django.contrib.auth.models import User
from django.core import mail

from .browser import Browser
from .operations import NEW_PASSWORD, PASSWORD, Api, Exchange, address


def newest_body() -> str:
    return str(mail.outbox[-1].body)


class Peer(Api):
    """
    What the peers have in common.

    ``lacks``: operations of ours that it has not.
    """

    lacks: ClassVar[frozenset[str]] = frozenset()

    def operation(self, name: str) -> Any:
        return None if name in self.lacks else super().operation(name)

    def mailed(self) -> dict[str, str]:
        found = re.search(r"https?://\S+", newest_body())
        if found is None:
            raise RuntimeError("no link was mailed")
        return dict(parse_qsl(urlsplit(found[0]).query))


class Djoser(Peer):
    """Tokens in the database; it has no session."""

    lacks = frozenset(
        {
            "me_anonymous",
            "login_email",
            "validate_password",
            "logout_others",
            "change_email",
            "confirm_email",
            "confirm_password",
            "update_me",
        }
    )

    def browser(self, number: int, user: User | None = None) -> Browser:
        browser = super().browser(number)
        if user is not None:
            token = import_module("rest_framework.authtoken.models").Token
            key = token.objects.create(user=user).key
            browser.headers["HTTP_AUTHORIZATION"] = f"Token {key}"
        return browser

    def me_authenticated(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        return Exchange(browser.request("GET", "users/me/"))

    def login(self, number: int, ident: str, password: str, status: int) -> Exchange:
        body = {"username": ident, "password": password}
        return self.post(self.browser(number), "token/login/", body, status)

    def login_wrong_password(self, number: int) -> Exchange:
        return self.login(number, self.user(number).username, NEW_PASSWORD, 400)

    def login_unknown(self, number: int) -> Exchange:
        return self.login(number, f"user{number}", PASSWORD, 400)

    def logout(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        return self.post(browser, "token/logout/", {}, 204)

    def register(self, number: int) -> Exchange:
        body = {
            "username": f"user{number}",
            "email": address(number),
            "password": PASSWORD,
        }
        return self.post(self.browser(number), "users/", body, 201)

    def activate(self, number: int) -> Exchange:
        self.sent(self.register(number))
        return self.post(self.browser(number), "users/activation/", self.mailed(), 204)

    def ask_reset(self, number: int, email: str) -> Exchange:
        browser = self.browser(number)
        return self.post(browser, "users/reset_password/", {"email": email}, 204)

    def reset_password(self, number: int) -> Exchange:
        self.sent(self.reset_mail(number))
        body = {**self.mailed(), "new_password": NEW_PASSWORD}
        path = "users/reset_password_confirm/"
        return self.post(self.browser(number), path, body, 204)

    def resend_activation(self, number: int) -> Exchange:
        body = {"email": self.user(number, active=False).email}
        return self.post(self.browser(number), "users/resend_activation/", body, 204)

    def change_password(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        return self.post(browser, "users/set_password/", body, 204)

    def delete_account(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        body = {"current_password": PASSWORD}
        return Exchange(browser.request("DELETE", "users/me/", body), 204)


class Verified(Peer):
    """A peer that keeps e-mail addresses in a table of allauth's."""

    def user(self, number: int, *, active: bool = True) -> User:
        user = super().user(number)
        table = import_module("allauth.account.models").EmailAddress
        table.objects.create(user=user, email=user.email, verified=active, primary=True)
        return user


class DjRestAuth(Verified):
    """Sessions, with allauth for the registration."""

    lacks = frozenset(
        {
            "me_anonymous",
            "validate_password",
            "logout_others",
            "change_email",
            "confirm_email",
            "confirm_password",
            "delete_account",
        }
    )

    def me_authenticated(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        return Exchange(browser.request("GET", "user/"))

    def login(self, number: int, ident: str, password: str, status: int) -> Exchange:
        field = "email" if "@" in ident else "username"
        body = {field: ident, "password": password}
        # Without a token there is nothing to answer.
        status = 204 if status == 200 else status
        return self.post(self.browser(number), "login/", body, status)

    def register(self, number: int) -> Exchange:
        body = {
            "username": f"user{number}",
            "email": address(number),
            "password1": PASSWORD,
            "password2": PASSWORD,
        }
        return self.post(self.browser(number), "registration/", body, 201)

    def activate(self, number: int) -> Exchange:
        self.sent(self.register(number))
        found = re.search(r"account-confirm-email/([^/\s]+)/", newest_body())
        body = {"key": found[1] if found else ""}
        return self.post(self.browser(number), "registration/verify-email/", body)

    def ask_reset(self, number: int, email: str) -> Exchange:
        return self.post(self.browser(number), "password/reset/", {"email": email})

    def reset_password(self, number: int) -> Exchange:
        self.sent(self.reset_mail(number))
        found = re.search(r"/reset/([^/]+)/([^/\s]+)/", newest_body())
        body = {
            "uid": found[1] if found else "",
            "token": found[2] if found else "",
            "new_password1": NEW_PASSWORD,
            "new_password2": NEW_PASSWORD,
        }
        return self.post(self.browser(number), "password/reset/confirm/", body)

    def resend_activation(self, number: int) -> Exchange:
        body = {"email": self.user(number, active=False).email}
        return self.post(self.browser(number), "registration/resend-email/", body)

    def change_password(self, number: int) -> Exchange:
        body = {
            "old_password": PASSWORD,
            "new_password1": NEW_PASSWORD,
            "new_password2": NEW_PASSWORD,
        }
        browser = self.browser(number, self.user(number))
        return self.post(browser, "password/change/", body)

    def update_me(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        return Exchange(browser.request("PATCH", "user/", {"username": f"new{number}"}))


class RestRegistration(Peer):
    """Sessions."""

    lacks = frozenset(
        {
            "me_anonymous",
            "validate_password",
            "resend_activation",
            "logout_others",
            "change_email",
            "confirm_email",
            "confirm_password",
            "delete_account",
        }
    )

    def me_authenticated(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        return Exchange(browser.request("GET", "profile/"))

    def login(self, number: int, ident: str, password: str, status: int) -> Exchange:
        body = {"login": ident, "password": password}
        return self.post(self.browser(number), "login/", body, status)

    def register(self, number: int) -> Exchange:
        body = {
            "username": f"user{number}",
            "email": address(number),
            "password": PASSWORD,
            "password_confirm": PASSWORD,
        }
        return self.post(self.browser(number), "register/", body, 201)

    def activate(self, number: int) -> Exchange:
        self.sent(self.register(number))
        browser = self.browser(number)
        return self.post(browser, "verify-registration/", self.mailed())

    def ask_reset(self, number: int, email: str) -> Exchange:
        browser = self.browser(number)
        return self.post(browser, "send-reset-password-link/", {"email": email})

    def reset_password(self, number: int) -> Exchange:
        self.sent(self.reset_mail(number))
        body = {**self.mailed(), "password": NEW_PASSWORD}
        return self.post(self.browser(number), "reset-password/", body)

    def change_password(self, number: int) -> Exchange:
        body = {
            "old_password": PASSWORD,
            "password": NEW_PASSWORD,
            "password_confirm": NEW_PASSWORD,
        }
        browser = self.browser(number, self.user(number))
        return self.post(browser, "change-password/", body)

    def update_me(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        body = {"username": f"new{number}"}
        return Exchange(browser.request("PATCH", "profile/", body))


class Allauth(Verified):
    """Its headless API for browsers: sessions; 401 also says what is to do next."""

    lacks = frozenset(
        {
            "validate_password",
            "resend_activation",
            "logout_others",
            "update_me",
            "delete_account",
        }
    )
    at = "_allauth/browser/v1"

    def me_anonymous(self, number: int) -> Exchange:
        environ = self.browser(number).request("GET", f"{self.at}/auth/session")
        return Exchange(environ, 401)

    def me_authenticated(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        return Exchange(browser.request("GET", f"{self.at}/auth/session"))

    def login(self, number: int, ident: str, password: str, status: int) -> Exchange:
        field = "email" if "@" in ident else "username"
        body = {field: ident, "password": password}
        return self.post(self.browser(number), f"{self.at}/auth/login", body, status)

    def logout(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        return Exchange(browser.request("DELETE", f"{self.at}/auth/session"), 401)

    def register(self, number: int) -> Exchange:
        body = {
            "username": f"user{number}",
            "email": address(number),
            "password": PASSWORD,
        }
        return self.post(self.browser(number), f"{self.at}/auth/signup", body, 401)

    def key(self) -> str:
        found = re.search(r"/(?:verify|reset)/(\S+)", newest_body())
        return unquote(found[1]) if found else ""

    def activate(self, number: int) -> Exchange:
        self.sent(self.register(number))
        body = {"key": self.key()}
        path = f"{self.at}/auth/email/verify"
        return self.post(self.browser(number), path, body, 401)

    def ask_reset(self, number: int, email: str) -> Exchange:
        path = f"{self.at}/auth/password/request"
        return self.post(self.browser(number), path, {"email": email})

    def reset_password(self, number: int) -> Exchange:
        self.sent(self.reset_mail(number))
        body = {"key": self.key(), "password": NEW_PASSWORD}
        path = f"{self.at}/auth/password/reset"
        return self.post(self.browser(number), path, body, 401)

    def change_password(self, number: int) -> Exchange:
        body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        browser = self.browser(number, self.user(number))
        return self.post(browser, f"{self.at}/account/password/change", body)

    def change_email(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        body = {"email": f"new-{address(number)}"}
        return self.post(browser, f"{self.at}/account/email", body)

    def confirm_email(self, number: int) -> Exchange:
        self.sent(self.change_email(number))
        path = f"{self.at}/auth/email/verify"
        return self.post(self.browser(number), path, {"key": self.key()}, 401)

    def confirm_password(self, number: int) -> Exchange:
        browser = self.browser(number, self.user(number))
        path = f"{self.at}/auth/reauthenticate"
        return self.post(browser, path, {"password": PASSWORD})
