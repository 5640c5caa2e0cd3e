"""Settings of all runs of the project; ``HOST_SETTINGS`` adds the rest."""

from __future__ import annotations

import json
import os

SECRET_KEY = "for tests only, as everybody can read it here"
ALLOWED_HOSTS = ["127.0.0.1"]
REST_FRAMEWORK = {"NUM_PROXIES": 0}
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "ai_kit_auth",
    "corsheaders",
]
MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
    },
]
ROOT_URLCONF = "host.urls"
WSGI_APPLICATION = "host.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_FROM_EMAIL = "accounts@example.com"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
# DATABASES, CACHES, the mail server, and for some runs PASSWORD_HASHERS and others.
own = json.loads(os.environ["HOST_SETTINGS"])
ACCOUNT_PAGE = {
    "RESEND_ACTIVATION_MAIL": True,
    "CHANGE_PASSWORD": True,
    "LOGOUT_OTHERS": True,
    "CHANGE_EMAIL": True,
    "UPDATE_ME": True,
    "DELETE_ACCOUNT": True,
    "CONFIRM_PASSWORD": True,
}
AI_KIT_AUTH = {"ENABLE_ENDPOINTS": ACCOUNT_PAGE, **own.pop("AI_KIT_AUTH", {})}
globals().update(own)
