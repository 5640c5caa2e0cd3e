"""A user model whose e-mail field has another name."""

from __future__ import annotations

from .base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.user_models.renamed_email"]
AUTH_USER_MODEL = "renamed_email.User"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": (
            "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"
        ),
        "OPTIONS": {"user_attributes": ["login_name", "mail"]},
    },
    *AUTH_PASSWORD_VALIDATORS[1:],
]
