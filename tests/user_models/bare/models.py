from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class User(AbstractBaseUser):
    """The manager has no ``create_user`` either."""

    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"

    objects = BaseUserManager["User"]()

    # What Django's admin asks of its users.
    is_staff = True

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff
