"""A member has one account."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Member(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class User(AbstractBaseUser):
    member = models.OneToOneField(Member, models.CASCADE)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "member"
    REQUIRED_FIELDS = ["email"]

    objects = BaseUserManager["User"]()
