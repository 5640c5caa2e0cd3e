"""
The project of each subject: one process configures one of them.

All have Django's user model, an SQLite database in memory, sessions in the database,
the MD5 hasher, so that the hash does not hide the rest, and the middleware of a backend
whose frontend has another origin.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import django
from django.conf import settings

ORIGIN = "https://app.example.com"
# Without a database's number, since that is the project's.
REDIS_URL = os.environ.get("BENCHMARKS_REDIS_URL", "redis://127.0.0.1:6379/9")


@dataclass(frozen=True)
class Subject:
    """
    What is measured: a project by what it adds to the settings that all have.

    ``api``: the dotted path of the class that knows its requests.
    """

    title: str
    urlconf: str
    apps: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    api: str = "benchmarks.operations.Api"
    packages: tuple[str, ...] = ()


def ours(title: str, caches: dict[str, Any], *, throttled: bool) -> Subject:
    """Return our package with every endpoint, as the README's steps leave a project."""
    own: dict[str, Any] = {
        "ENABLE_ENDPOINTS": {
            "RESEND_ACTIVATION_MAIL": True,
            "CHANGE_PASSWORD": True,
            "LOGOUT_OTHERS": True,
            "CHANGE_EMAIL": True,
            "UPDATE_ME": True,
            "DELETE_ACCOUNT": True,
            "CONFIRM_PASSWORD": True,
        },
        "FRONTEND": {"URL": ORIGIN},
    }
    if not throttled:
        own["THROTTLE_RATES"] = dict.fromkeys(RATES)
    return Subject(
        title,
        "ai_kit_auth.urls",
        ("rest_framework", "ai_kit_auth"),
        settings={
            "AI_KIT_AUTH": own,
            "CACHES": {"default": caches},
            "REST_FRAMEWORK": {"NUM_PROXIES": 0},
        },
        packages=("djangorestframework",),
    )


RATES = (
    "LOGIN_ACCOUNT_ADDRESS",
    "LOGIN_ACCOUNT",
    "LOGIN_ADDRESS",
    "REGISTER",
    "MAIL_RECIPIENT",
    "MAIL_RECIPIENT_ADDRESS",
    "MAIL_ADDRESS",
    "VALIDATE_PASSWORD",
    "LINK",
    "SESSION",
    "RESEND_RECIPIENT",
    "CHANGE_EMAIL",
    "ACCOUNT",
)
LOCAL_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
REDIS = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": REDIS_URL,
    "KEY_PREFIX": "benchmarks",
}

SUBJECTS = {
    "floor": Subject("floor", "benchmarks.floor"),
    "drf": Subject(
        "DRF by hand",
        "benchmarks.by_hand",
        ("rest_framework",),
        settings={"REST_FRAMEWORK": {"NUM_PROXIES": 0}},
        packages=("djangorestframework",),
    ),
    "ours": ours("ours, no throttles", LOCAL_MEMORY, throttled=False),
    "memory": ours("ours, local memory", LOCAL_MEMORY, throttled=True),
    "redis": ours("ours, Redis", REDIS, throttled=True),
}


def configure(name: str) -> Subject:
    """Configure Django for the subject ``name``, and load its URLs."""
    subject = SUBJECTS[name]
    settings.configure(
        **{
            "ALLOWED_HOSTS": ["testserver"],
            "CORS_ALLOWED_ORIGINS": [ORIGIN],
            "CORS_ALLOW_CREDENTIALS": True,
            "CSRF_TRUSTED_ORIGINS": [ORIGIN],
            "DATABASES": {
                "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
            },
            "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
            "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend",
            "INSTALLED_APPS": [
                "django.contrib.auth",
                "django.contrib.contenttypes",
                "django.contrib.sessions",
                *subject.apps,
                "corsheaders",
            ],
            "LOGGING": {
                "version": 1,
                "disable_existing_loggers": False,
                "handlers": {"none": {"class": "logging.NullHandler"}},
                "root": {"handlers": ["none"]},
            },
            "MIDDLEWARE": [
                "corsheaders.middleware.CorsMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                *subject.middleware,
            ],
            "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
            "AUTH_PASSWORD_VALIDATORS": [
                {"NAME": f"django.contrib.auth.password_validation.{name}"}
                for name in (
                    "UserAttributeSimilarityValidator",
                    "MinimumLengthValidator",
                    "CommonPasswordValidator",
                    "NumericPasswordValidator",
                )
            ],
            "ROOT_URLCONF": subject.urlconf,
            "SECRET_KEY": "guards-nothing-here",
            "TEMPLATES": [
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": True,
                }
            ],
            "USE_TZ": True,
            **subject.settings,
        }
    )
    django.setup()
    import_module(subject.urlconf)
    return subject
