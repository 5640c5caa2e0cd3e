"""The settings of such a project."""

from __future__ import annotations

from tests.settings.base import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.upgraded_email_login"]
AUTH_USER_MODEL = "upgraded_email_login.Person"
CORS_ALLOWED_ORIGINS = ["http://localhost:3000"]
CSRF_TRUSTED_ORIGINS = ["http://localhost:3000"]
AI_KIT_AUTH = {
    "FRONTEND": {"URL": "http://localhost:3000"},
    "USER_SERIALIZER": (
        "tests.projects.upgraded_email_login.serializers.PersonSerializer"
    ),
    "USER_IDENTITY_FIELDS": ("email",),
    "ADMIN_FIELDSETS": (
        (None, {"fields": ("email", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
    ),
}
