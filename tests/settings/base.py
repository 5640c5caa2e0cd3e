"""A project as the README describes it. Each user model has a module in this folder."""

from __future__ import annotations

import os
import secrets
from typing import Any

SECRET_KEY = "for tests only, as everybody can read it here"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
# A name of its own, so that runs beside each other on one server never meet.
_name = f"test_ai_kit_auth_{secrets.token_hex(4)}"
# Migrations would come after the tables of the tests' user models, which have none and
# refer to Django's groups: a server refuses that where SQLite looks away.
_test = {"NAME": _name, "MIGRATE": False}
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "sqlite": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
            "TEST": {"MIGRATE": False},
        },
        "postgresql": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ.get("TEST_POSTGRESQL_HOST", "127.0.0.1"),
            "PORT": os.environ.get("TEST_POSTGRESQL_PORT", "5432"),
            "USER": os.environ.get("TEST_POSTGRESQL_USER", "postgres"),
            "PASSWORD": os.environ.get("TEST_POSTGRESQL_PASSWORD", ""),
            "NAME": _name,
            "TEST": _test,
        },
        "mariadb": {
            "ENGINE": "django.db.backends.mysql",
            "HOST": os.environ.get("TEST_MARIADB_HOST", "127.0.0.1"),
            "PORT": os.environ.get("TEST_MARIADB_PORT", "3306"),
            "USER": os.environ.get("TEST_MARIADB_USER", "root"),
            "PASSWORD": os.environ.get("TEST_MARIADB_PASSWORD", ""),
            "NAME": _name,
            "TEST": {**_test, "CHARSET": "utf8mb4"},
        },
    }[os.environ.get("TEST_DATABASE", "sqlite")],
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        # The default of 300 would forget counts before the rates are reached.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "rest_framework",
    "ai_kit_auth",
    "corsheaders",
    "tests.shop",
]
MIDDLEWARE = [
    "tests.recorder.Recorder",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_FROM_EMAIL = "accounts@example.com"
# Django 6.1 warns where it is missing; earlier versions do not know it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
# A slow hash is what makes a password safe and a test suite long.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Django's test client connects from 127.0.0.1, where a proxy may stand: no proxy here.
REST_FRAMEWORK: dict[str, Any] = {"NUM_PROXIES": 0}
CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
CORS_ALLOW_CREDENTIALS = True
CSRF_TRUSTED_ORIGINS = ["https://app.example.com"]
AI_KIT_AUTH: dict[str, Any] = {"FRONTEND": {"URL": "https://app.example.com"}}
