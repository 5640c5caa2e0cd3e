"""A user model whose manager takes no flags, as in Django's documentation."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, login_name: str, mail: str, password: str | None = None
    ) -> User:
        user = self.model(login_name=login_name, mail=mail)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    login_name = models.CharField(max_length=20, unique=True)
    mail = models.EmailField()
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    USERNAME_FIELD = "login_name"
    EMAIL_FIELD = "mail"
    REQUIRED_FIELDS = ["mail"]

    objects = UserManager()
