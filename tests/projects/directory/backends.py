"""What packages for LDAP do, without the network; and other backends of projects."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

DIRECTORY = {"grace": "cobol and compilers", "ada": "notes on the engine"}
asked: list[str] = []


def proven(user: User | None, password: str | None) -> User | None:
    """Return ``user`` if ``password`` is right."""
    right = user is not None and user.check_password(password or "")
    return user if right else None


class DirectoryBackend(ModelBackend):
    """Knows each person by a name, or by the address made of it, in any case."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        assert username is not None
        asked.append(username)
        name = username.lower().removesuffix("@corp.example")
        if password is None or DIRECTORY.get(name) != password:
            return None
        user, made = User.objects.get_or_create(username=name)
        if made:
            user.email = f"{name}@corp.example"
            user.set_unusable_password()
            user.save()
        return user


class BadgeBackend(ModelBackend):
    """Finds people by the number of their badge, which is their surname here."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        user = User.objects.filter(last_name=username).first()
        return proven(user, password)


class TenantBackend(ModelBackend):
    """Of users with one address, take the one of the request's host name."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        assert request is not None
        tenant = request.headers.get("X-Tenant", "")
        user = User.objects.filter(email=username, last_name=tenant).first()
        return proven(user, password)
