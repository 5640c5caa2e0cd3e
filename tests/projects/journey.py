"""The whole way of a person, as the frontend of a 2.0.0 project goes it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth import get_user_model
from django.core import mail
from django.urls import reverse
from rest_framework.test import APIClient

from tests.conftest import OTHER_PASSWORD, PASSWORD

ADDRESS = "ada@example.com"


def link_in(text: str, start: str) -> dict[str, str]:
    """Return ``ident`` and ``token`` of the link in ``text`` that begins so."""
    found = re.search(rf"(?<!\S){re.escape(start)}\?\S+", text)
    assert found is not None, text
    query = parse_qs(urlsplit(found[0]).query)
    return {name: values[0] for name, values in query.items()}


class Frontend:
    """A page on another origin: it keeps the ``csrf`` of every answer, and cookies."""

    def __init__(self, origin: str) -> None:
        self.client = APIClient(enforce_csrf_checks=True)
        self.origin = origin
        self.token = ""

    def ask(self, route: str, body: Any = None, status: int = 200) -> Any:
        """Send ``body`` to the endpoint ``route``, as GET where there is none."""
        headers = {"X-CSRFToken": self.token, "Origin": self.origin}
        url = reverse(f"ai_kit_auth:{route}")
        answer: Any = (
            self.client.get(url, headers=headers)
            if body is None
            else self.client.post(url, body, format="json", headers=headers)
        )
        assert answer.status_code == status, answer.content
        self.token = answer.json().get("csrf", self.token)
        return answer.json()


def go_the_whole_way(origin: str, base: str, registration: dict[str, str]) -> None:
    """
    Register, activate, log in and out, forget the password, and log in with a new one.

    ``origin`` is the frontend's, and its links begin with ``base``. ``registration`` is
    what it posts in addition to the address and the password.
    """
    page = Frontend(origin)
    assert page.ask("me")["user"] is None
    body = {"email": ADDRESS, "password": PASSWORD, **registration}
    assert page.ask("register", body, 201) == {}
    assert not get_user_model().objects.get(email=ADDRESS).is_active
    login = {"ident": ADDRESS, "password": PASSWORD}
    assert page.ask("login", login, 400) == {
        "non_field_errors": ["invalid_credentials"]
    }

    link = link_in(str(mail.outbox[-1].body), f"{base}/auth/activation")
    assert page.ask("activate", link) == {}
    user = page.ask("login", login)["user"]
    assert user["email"] == ADDRESS
    assert page.ask("me")["user"] == user
    page.ask("logout", {})
    assert page.ask("me")["user"] is None

    assert page.ask("send_pw_reset_email", {"ident": ADDRESS}) == {}
    link = link_in(str(mail.outbox[-1].body), f"{base}/auth/reset_password")
    weak = {"ident": link["ident"], "password": ADDRESS}
    assert page.ask("validate_password", weak, 400) == {
        "password": ["password_too_similar"]
    }
    assert page.ask("pw_reset", {**link, "password": OTHER_PASSWORD}) == {}
    assert page.ask("pw_reset", {**link, "password": PASSWORD}, 400) == {
        "error": "reset_password_link_invalid"
    }
    login["password"] = OTHER_PASSWORD
    assert page.ask("login", login)["user"] == user
