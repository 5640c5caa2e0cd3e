"""
Print which way a request takes through the package, endpoint by endpoint.

``python scripts/route.py`` sends each request twice to a project with Django's user
model and an SQLite database in memory, and follows the second one: how many files of
the package it enters, how many of their functions it calls, and how often it goes from
one file to another. ``tox run -e route`` does so against the installed wheel.

What a request does after its answer counts with it, since Django's test client waits
for that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).resolve().parent.parent
# Last, so that an installed wheel wins over the folder beside.
sys.path.append(str(ROOT))

import django  # noqa: E402  # the path comes first
from django.conf import settings  # noqa: E402

PASSWORD = "tall ferns in the rain"  # noqa: S105  # guards nothing


def configure() -> None:
    """Configure Django as the README's three steps leave a new project."""
    own = {
        "ENABLE_ENDPOINTS": {
            "RESEND_ACTIVATION_MAIL": True,
            "CHANGE_PASSWORD": True,
            "LOGOUT_OTHERS": True,
            "CHANGE_EMAIL": True,
            "UPDATE_ME": True,
            "DELETE_ACCOUNT": True,
            "CONFIRM_PASSWORD": True,
        },
        "FRONTEND": {"URL": "https://app.example.com"},
    }
    settings.configure(
        AI_KIT_AUTH=own,
        ALLOWED_HOSTS=["testserver"],
        CORS_ALLOWED_ORIGINS=["https://app.example.com"],
        CORS_ALLOW_CREDENTIALS=True,
        CSRF_TRUSTED_ORIGINS=["https://app.example.com"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "rest_framework",
            "ai_kit_auth",
            "corsheaders",
        ],
        MIDDLEWARE=[
            "corsheaders.middleware.CorsMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        REST_FRAMEWORK={"NUM_PROXIES": 0},
        ROOT_URLCONF="ai_kit_auth.urls",
        SECRET_KEY="guards-nothing-here",  # noqa: S106
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
            }
        ],
        USE_TZ=True,
    )
    django.setup()


@dataclass
class Route:
    """The way of one request: each function of the package that it called, in order."""

    files: list[str] = field(default_factory=list)

    def follow(self, frame: FrameType, event: str, argument: object) -> None:
        """Note a call, if it is one of the package: a function for ``setprofile``."""
        if event == "call" and "/ai_kit_auth/" in frame.f_code.co_filename:
            self.files.append(frame.f_code.co_filename)

    @property
    def entered(self) -> int:
        return len(set(self.files))

    @property
    def calls(self) -> int:
        return len(self.files)

    @property
    def switches(self) -> int:
        return sum(a != b for a, b in zip(self.files, self.files[1:], strict=False))


class Browser:
    """A frontend that keeps its cookies and the CSRF token of the last answer."""

    def __init__(self) -> None:
        from rest_framework.test import APIClient

        self.client = APIClient(enforce_csrf_checks=True)
        self.token = self.client.get("/me/").json()["csrf"]

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Send ``body`` and return the answer; a refusal ends the script."""
        send: Callable[..., Any] = getattr(self.client, method)
        options = {"format": "json", "HTTP_X_CSRFTOKEN": self.token}
        answer = send(f"/{path}", body if method != "get" else None, **options)
        if answer.status_code >= 400:
            sys.exit(f"{method} {path}: {answer.status_code} {answer.content!r}")
        self.token = answer.json().get("csrf", self.token)
        return answer


def mailed_link() -> dict[str, str]:
    """Return the newest link; a notice to the old address, without one, may follow."""
    from django.core import mail

    for message in reversed(mail.outbox):
        links = [w for w in message.body.split() if "ident=" in w]
        if links:
            return dict(parse_qsl(urlsplit(links[0]).query))
    sys.exit("no link was mailed")


def journey(name: str) -> Iterator[tuple[Browser, str, str, dict[str, Any]]]:
    """
    Yield the requests of one user called ``name``: browser, method, path and body.

    The caller sends each request before it asks for the next one.
    """
    browser, other = Browser(), Browser()
    email = f"{name}@example.com"
    secret = {"password": PASSWORD}
    yield browser, "get", "me/", {}
    yield browser, "post", "validate_password/", {"email": email, **secret}
    yield browser, "post", "register/", {"username": name, "email": email, **secret}
    yield browser, "post", "resend_activation_email/", {"email": email}
    yield browser, "post", "activate_email/", mailed_link()
    yield browser, "post", "send_pw_reset_email/", {"email": email}
    yield browser, "post", "reset_password/", {**mailed_link(), **secret}
    yield browser, "post", "login/", {"ident": email, **secret}
    other.send("post", "login/", {"ident": name, **secret})
    yield browser, "post", "confirm_password/", secret
    yield browser, "patch", "me/", {"username": f"{name}2"}
    yield browser, "post", "change_email/", {"email": f"new-{email}", **secret}
    yield browser, "post", "confirm_email/", mailed_link()
    new = {"new_password": f"{PASSWORD} again"}
    yield browser, "post", "change_password/", {**secret, **new}
    secret = {"password": new["new_password"]}
    yield browser, "post", "logout_others/", secret
    yield browser, "post", "logout/", {}
    browser.send("post", "login/", {"ident": f"{name}2", **secret})
    yield browser, "post", "delete_account/", secret


def main() -> None:
    configure()
    from django.core import mail
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    setup_test_environment()
    mail.outbox = []
    call_command("migrate", verbosity=0)
    for browser, method, path, body in journey("ada"):
        browser.send(method, path, body)
    print(f"{'request':32}{'files':>7}{'calls':>7}{'switches':>10}")
    for browser, method, path, body in journey("bea"):
        route = Route()
        sys.setprofile(route.follow)
        try:
            browser.send(method, path, body)
        finally:
            sys.setprofile(None)
        name = path if method == "post" else f"{method.upper()} {path}"
        print(f"{name:32}{route.entered:7}{route.calls:7}{route.switches:10}")


if __name__ == "__main__":
    main()
