"""Accounts for tests on any user model, and the requests of a frontend."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth import get_user_model
from django.core import mail
from django.urls import reverse
from rest_framework.test import APIClient

from ai_kit_auth.user_model import user_model

from .conftest import PASSWORD


def view_of(callback: Any) -> type[Any]:
    """Return the class whose ``as_view()`` made ``callback``."""
    view: type[Any] = callback.view_class
    return view


def attributes_of(name: str) -> dict[str, Any]:
    """Return the columns of a valid user called ``name``, by the model's own names."""
    columns: dict[str, Any] = {user_model.email: f"{name}@example.com"}
    username = user_model.username
    if username is not None:
        columns[username] = name
    if "age" in user_model.columns:
        columns["age"] = 36
    return columns


def has_activation() -> bool:
    """Tell whether accounts of this user model wait for an activation."""
    return "is_active" in user_model.columns


def registration(name: str = "ada", **changes: Any) -> dict[str, Any]:
    """Return what a frontend posts to ``register/``, in the documented keys."""
    data: dict[str, Any] = {"email": f"{name}@example.com", "password": PASSWORD}
    if user_model.username is not None:
        data["username"] = name
    if "age" in user_model.columns:
        data["age"] = 36
    return {**data, **changes}


def the_user(name: str = "ada") -> Any:
    """Return the user called ``name`` from the database."""
    return get_user_model()._default_manager.get(
        **{user_model.email: f"{name}@example.com"}
    )


def configure(settings: Any, **changes: Any) -> None:
    """Change keys of the top level of AI_KIT_AUTH."""
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **changes}


def post(client: APIClient, route: str, data: Any = None, **extra: Any) -> Any:
    """Post JSON to the endpoint ``ai_kit_auth:<route>``."""
    return client.post(
        reverse(f"ai_kit_auth:{route}"),
        {} if data is None else data,
        format="json",
        **extra,
    )


def csrf(client: APIClient) -> dict[str, Any]:
    """Ask ``me/`` for the CSRF token and return it as the next request's header."""
    token = client.get(reverse("ai_kit_auth:me")).json()["csrf"]
    return {"headers": {"X-CSRFToken": token}}


def log_in(client: APIClient, ident: str, password: str = PASSWORD) -> Any:
    return post(client, "login", {"ident": ident, "password": password}, **csrf(client))


def mailed_link(index: int = -1) -> dict[str, str]:
    """Return ``ident`` and ``token`` of the link in a mail that was sent."""
    found = re.search(r"https://app\.example\.com\S+", str(mail.outbox[index].body))
    assert found is not None
    query = parse_qs(urlsplit(found[0]).query)
    return {name: values[0] for name, values in query.items()}


def wide(text: str) -> str:
    """Return ``text`` in full width: other characters of the same NFKC."""
    return text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
