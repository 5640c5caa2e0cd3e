"""Accounts that wait for their activation, made as ``register/`` makes them."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from ..registration import identity_transaction
from ..serializers import created_by
from ..settings import api_settings
from ..user_model import User, user_model

PASSWORD = "tall ferns in the rain"  # noqa: S105  # of accounts in tests alone
_numbers = count(1)


def waiting_user(**fields: Any) -> User:
    """
    Return a new user who has registered and has not opened the mailed link yet.

    ``fields``: what a frontend would post to ``register/``. An e-mail address and a
    username that no other call has given, and the password :data:`PASSWORD`, fill what
    is left out. The project's REGISTRATION_SERIALIZER validates and creates; the mail
    with the link goes out. Works with the endpoint off, and counts for no limit.

    Raises DRF's ``ValidationError`` for fields that the serializer refuses or lacks,
    :exc:`ValueError` for the e-mail address of another account, and
    ``ImproperlyConfigured`` on a user model without ``is_active``.
    """
    if not user_model.can_be_inactive:
        raise ImproperlyConfigured(
            f"{user_model.model._meta.label} has no is_active: no account waits for an "
            "activation."
        )
    make = api_settings.REGISTRATION_SERIALIZER
    posted = APIRequestFactory().post("/", fields, format="json")
    context = {"request": Request(posted)}
    data = {**_usual(make(data=fields, context=context)), **fields}
    with identity_transaction() as current:
        serializer = make(data=data, context=context)
        serializer.is_valid(raise_exception=True)
        if getattr(serializer, "address_is_taken", False):
            raise ValueError("An account has this e-mail address.")
        made = created_by(serializer)
    # A create() of a project may return another object.
    return next(iter(current.to_mail), made)


def _usual(serializer: Any) -> dict[str, Any]:
    """Return values for the identities and the password, by the serializer's keys."""
    name = f"user{next(_numbers)}"
    values: dict[str, Any] = {
        user_model.email: f"{name}@example.com",
        "password": PASSWORD,
    }
    if user_model.username and user_model.username_is_text:
        values[user_model.username] = name
    return {
        key: values[field.source or key]
        for key, field in serializer.fields.items()
        if (field.source or key) in values
    }
