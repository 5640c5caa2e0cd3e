"""Settings for a server, hardened; everything that differs comes from the environment.

Required: ``SECRET_KEY``, ``ALLOWED_HOSTS`` (comma-separated), ``FRONTEND_ORIGIN``
(``https://app.example.com``) and ``EXAMPLE_DATA_DIR``. Optional: ``STATIC_ROOT``,
``DEFAULT_FROM_EMAIL``, ``SMTP_HOST`` (``localhost``), ``SMTP_PORT`` (587),
``SMTP_USER``, ``SMTP_PASSWORD``, ``SMTP_TLS`` (``starttls``, ``ssl`` or ``none``),
``BEHIND_TLS_PROXY`` (``1``: trust the proxy's ``X-Forwarded-Proto`` and
``X-Forwarded-For``), ``POSTGRES_DB`` with ``POSTGRES_HOST`` (``localhost``),
``POSTGRES_PORT`` (5432), ``POSTGRES_USER``, ``POSTGRES_PASSWORD`` and
``POSTGRES_CONN_MAX_AGE`` (60 seconds; 0 below an ASGI server), and ``REDIS_URL``
(``redis://localhost:6379``). Without ``POSTGRES_DB`` the database is a file of SQLite,
and without ``REDIS_URL`` the cache and the sessions are in the database.
"""

from __future__ import annotations

import os
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured

from .settings import *  # noqa: F403  # hardens what it imports
from .settings import AI_KIT_AUTH, DATA_DIR, REST_FRAMEWORK


def _required(name: str) -> str:
    """Return the environment variable ``name``, or refuse to start without it."""
    value = os.environ.get(name, "")
    if not value:
        msg = f"host.production needs the environment variable {name}."
        raise ImproperlyConfigured(msg)
    return value


# Not the folder of run.py, whose accounts have public passwords.
_required("EXAMPLE_DATA_DIR")

DEBUG = False
SECRET_KEY = _required("SECRET_KEY")
ALLOWED_HOSTS = [name.strip() for name in _required("ALLOWED_HOSTS").split(",")]

FRONTEND_ORIGIN = _required("FRONTEND_ORIGIN").rstrip("/")
if not FRONTEND_ORIGIN.startswith("https://"):
    # Links with tokens would travel in the clear.
    msg = f"FRONTEND_ORIGIN has to begin with https://, not {FRONTEND_ORIGIN!r}."
    raise ImproperlyConfigured(msg)
AI_KIT_AUTH = {
    **AI_KIT_AUTH,
    "FRONTEND": {**AI_KIT_AUTH["FRONTEND"], "URL": FRONTEND_ORIGIN},
}
CORS_ALLOWED_ORIGINS = [FRONTEND_ORIGIN]
CSRF_TRUSTED_ORIGINS = [FRONTEND_ORIGIN]

SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
# WARNING: these two speak for every subdomain, and browsers' preload lists forget
# slowly. Set them only for a domain that is HTTPS throughout.
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
if os.environ.get("BEHIND_TLS_PROXY") == "1":
    # SECURITY: only behind a proxy that overwrites the header; a client that reaches
    # the server directly could otherwise claim to have come by HTTPS.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Throttles count by the address that the proxy passes on in X-Forwarded-For.
    REST_FRAMEWORK = {**REST_FRAMEWORK, "NUM_PROXIES": 1}

# SameSite=Lax (Django's default) serves a frontend on the same site, such as
# app.example.com with api.example.com. One on a foreign site would need "None", and
# browsers that block third-party cookies would still not log a user in.
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

if _database := os.environ.get("POSTGRES_DB"):
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _database,
            "HOST": os.environ.get("POSTGRES_HOST") or "localhost",
            "PORT": os.environ.get("POSTGRES_PORT") or "5432",
            "USER": os.environ.get("POSTGRES_USER", ""),
            "PASSWORD": os.environ.get("POSTGRES_PASSWORD", ""),
            # A new connection costs more than the queries of a login. A thread that
            # serves one request, as below an ASGI server, would leave its own behind.
            "CONN_MAX_AGE": int(os.environ.get("POSTGRES_CONN_MAX_AGE") or 60),
            # Replaces a connection that the server has ended, before it is used.
            "CONN_HEALTH_CHECKS": True,
            # A server that does not answer would otherwise hold a worker for good.
            "OPTIONS": {"connect_timeout": 5},
        }
    }

# Throttles count in it, so all processes share it: "manage.py createcachetable", unless
# it is in Redis.
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # The default of 300 would let any client push the counters out.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
if _redis := os.environ.get("REDIS_URL"):
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": _redis,
            # Seconds; the default is to wait for ever.
            "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
        }
    }
    # What logs a user in. Redis must keep it: "--appendonly yes", and no eviction.
    SESSION_ENGINE = "django.contrib.sessions.backends.cache"

STATIC_ROOT = os.environ.get("STATIC_ROOT") or DATA_DIR / "static"

DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL") or "noreply@example.com"
_smtp_host = os.environ.get("SMTP_HOST") or "localhost"
_smtp_port = int(os.environ.get("SMTP_PORT") or 587)
_smtp_user = os.environ.get("SMTP_USER", "")
_smtp_password = os.environ.get("SMTP_PASSWORD", "")
_smtp_tls = os.environ.get("SMTP_TLS") or "starttls"
if _smtp_tls not in {"starttls", "ssl", "none"}:
    # A typo would otherwise send the password in the clear.
    msg = f"SMTP_TLS is starttls, ssl or none, not {_smtp_tls!r}."
    raise ImproperlyConfigured(msg)
# A mail server that hangs would otherwise hold a worker for good.
_smtp_timeout = 10
if django.VERSION >= (6, 1):
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {
                "host": _smtp_host,
                "port": _smtp_port,
                "username": _smtp_user,
                "password": _smtp_password,
                "use_tls": _smtp_tls == "starttls",
                "use_ssl": _smtp_tls == "ssl",
                "timeout": _smtp_timeout,
            },
        }
    }
else:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _smtp_host
    EMAIL_PORT = _smtp_port
    EMAIL_HOST_USER = _smtp_user
    EMAIL_HOST_PASSWORD = _smtp_password
    EMAIL_USE_TLS = _smtp_tls == "starttls"
    EMAIL_USE_SSL = _smtp_tls == "ssl"
    EMAIL_TIMEOUT = _smtp_timeout
