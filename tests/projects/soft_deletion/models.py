"""A user that is never deleted for good."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models


class Shown(UserManager["User"]):
    """The accounts that are active and not deleted."""

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().filter(deleted=False, is_active=True)


class User(AbstractUser):
    email = models.EmailField(unique=True)
    phone = models.CharField(max_length=20, unique=True, null=True)  # noqa: DJ001  # unique where it is known
    deleted = models.BooleanField(default=False)

    objects = Shown()
    every = models.Manager["User"]()

    class Meta:
        default_manager_name = "objects"

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self.deleted = True
        self.save(update_fields=["deleted"])
        return 1, {}
