"""A user whose name may be typed in any case."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser, UserManager


class AnyCase(UserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username__iexact=username)


class User(AbstractUser):
    objects = AnyCase()
