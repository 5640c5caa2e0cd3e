"""A field like those of packages for phone numbers: its values are not strings."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models


class Phone:
    def __init__(self, digits: str) -> None:
        self.digits = digits

    def __str__(self) -> str:
        return f"+{self.digits}"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    __hash__ = None  # type: ignore[assignment]  # it may change


class PhoneField(models.CharField):  # type: ignore[type-arg]  # generic in the stubs alone
    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, Phone):
            return value
        digits = re.sub("[ ()/-]", "", str(value)).removeprefix("+")
        if not digits.isascii() or not digits.isdigit():
            raise ValidationError("No phone number.", code="invalid_phone")
        return Phone(digits)

    def get_prep_value(self, value: Any) -> Any:
        phone = self.to_python(value)
        return phone and str(phone)

    def from_db_value(self, value: Any, *args: object) -> Any:
        return self.to_python(value)


class User(AbstractBaseUser):
    phone = PhoneField(max_length=20, unique=True)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "phone"
    REQUIRED_FIELDS = ["email"]

    objects = BaseUserManager["User"]()
