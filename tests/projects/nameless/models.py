"""A user model in which the username may be missing."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models


class Members(UserManager["User"]):
    """Show no account that was moved to the archive."""

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().filter(archived=False)


class User(AbstractUser):
    username: Any = models.CharField(  # noqa: DJ001  # unique, so not blank twice
        max_length=150, unique=True, null=True
    )
    email = models.EmailField(unique=True)
    archived = models.BooleanField(default=False)

    objects: ClassVar[UserManager[User]] = Members()
