"""
The project of each subject: one process configures one of them.

All have Django's user model, an SQLite database in memory, sessions in the database,
the MD5 hasher, so that the hash does not hide the rest, and the middleware of a backend
whose frontend has another origin.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import django
from django.conf import settings

ORIGIN = "https://app.example.com"
# As the suite "servers" names the server.
REDIS_HOST = os.environ.get("TEST_REDIS_HOST", "127.0.0.1")
REDIS_PORT = os.environ.get("TEST_REDIS_PORT", "6379")


@dataclass(frozen=True)
class Subject:
    """
    What is measured: a project by what it adds to the settings that all have.

    ``api``: the dotted path of the class that knows its requests. ``package``: what a
    peer is called on PyPI.
    """

    title: str
    urlconf: str
    apps: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    api: str = "benchmarks.operations.Api"
    package: str = ""


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
    "LOCATION": f"redis://{REDIS_HOST}:{REDIS_PORT}/0",
    # The counters of another process must not be those of this one.
    "KEY_PREFIX": f"benchmarks-{uuid.uuid4()}",
}

ALLAUTH: dict[str, Any] = {
    "ACCOUNT_EMAIL_VERIFICATION": "mandatory",
    "ACCOUNT_LOGIN_METHODS": {"email", "username"},
    # Nothing is throttled here, and so neither is this.
    "ACCOUNT_RATE_LIMITS": False,
    "AUTHENTICATION_BACKENDS": [
        "django.contrib.auth.backends.ModelBackend",
        "allauth.account.auth_backends.AuthenticationBackend",
    ],
}
OF_ALLAUTH = ("allauth.account.middleware.AccountMiddleware",)
BY_SESSION = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication"
    ],
}

SUBJECTS = {
    "floor": Subject("floor", "benchmarks.floor"),
    "drf": Subject(
        "DRF by hand",
        "benchmarks.by_hand",
        ("rest_framework",),
        settings={"REST_FRAMEWORK": {"NUM_PROXIES": 0}},
    ),
    "ours": ours("ours, no throttles", LOCAL_MEMORY, throttled=False),
    "memory": ours("ours, local memory", LOCAL_MEMORY, throttled=True),
    "redis": ours("ours, Redis", REDIS, throttled=True),
    "djoser": Subject(
        "djoser",
        "benchmarks.peer_urls",
        ("rest_framework", "rest_framework.authtoken", "djoser"),
        api="benchmarks.peers.Djoser",
        package="djoser",
        settings={
            "DJOSER": {
                "ACTIVATION_URL": "activate?uid={uid}&token={token}",
                "PASSWORD_RESET_CONFIRM_URL": "reset?uid={uid}&token={token}",
                "SEND_ACTIVATION_EMAIL": True,
            },
            "REST_FRAMEWORK": {
                "DEFAULT_AUTHENTICATION_CLASSES": [
                    "rest_framework.authentication.TokenAuthentication"
                ],
            },
        },
    ),
    "rest_registration": Subject(
        "django-rest-registration",
        "benchmarks.peer_urls",
        ("rest_framework", "rest_registration"),
        api="benchmarks.peers.RestRegistration",
        package="django-rest-registration",
        settings={
            "REST_FRAMEWORK": BY_SESSION,
            "REST_REGISTRATION": {
                "REGISTER_VERIFICATION_URL": f"{ORIGIN}/verify-user/",
                "RESET_PASSWORD_VERIFICATION_URL": f"{ORIGIN}/reset-password/",
                "REGISTER_EMAIL_VERIFICATION_URL": f"{ORIGIN}/verify-email/",
                "RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND": False,
                "SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL": True,
                "USER_LOGIN_FIELDS": ["username", "email"],
                "VERIFICATION_FROM_EMAIL": "accounts@example.com",
            },
        },
    ),
    "dj_rest_auth": Subject(
        "dj-rest-auth",
        "benchmarks.peer_urls",
        (
            "rest_framework",
            "allauth",
            "allauth.account",
            "allauth.socialaccount",
            "dj_rest_auth",
            "dj_rest_auth.registration",
        ),
        OF_ALLAUTH,
        api="benchmarks.peers.DjRestAuth",
        package="dj-rest-auth",
        settings={
            **ALLAUTH,
            "ACCOUNT_SIGNUP_FIELDS": [
                "email*",
                "username*",
                "password1*",
                "password2*",
            ],
            "REST_AUTH": {"OLD_PASSWORD_FIELD_ENABLED": True, "TOKEN_MODEL": None},
            "REST_FRAMEWORK": BY_SESSION,
        },
    ),
    "allauth": Subject(
        "allauth headless",
        "benchmarks.peer_urls",
        ("allauth", "allauth.account", "allauth.headless"),
        OF_ALLAUTH,
        api="benchmarks.peers.Allauth",
        package="django-allauth",
        settings={
            **ALLAUTH,
            "ACCOUNT_CHANGE_EMAIL": True,
            "ACCOUNT_SIGNUP_FIELDS": ["email*", "username*", "password1*"],
            "HEADLESS_FRONTEND_URLS": {
                "account_confirm_email": f"{ORIGIN}/verify/{{key}}",
                "account_reset_password": f"{ORIGIN}/reset",
                "account_reset_password_from_key": f"{ORIGIN}/reset/{{key}}",
                "account_signup": f"{ORIGIN}/signup",
            },
            "HEADLESS_ONLY": True,
        },
    ),
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
