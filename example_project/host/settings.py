"""Development settings of the example's backend; ``host.production`` hardens them.

Environment variables, all optional: ``EXAMPLE_HOST_PORT`` (8000),
``EXAMPLE_FRONTEND_PORT`` (3000), ``EXAMPLE_DATA_DIR`` (``example_project/data``),
``EXAMPLE_SMTP`` (``host:port`` of a mail server; without it mails become files in
``<data dir>/outbox``), ``EXAMPLE_CSRF_USE_SESSIONS`` (``1``),
``EXAMPLE_SESSION_ENGINE`` (``django.contrib.sessions.backends.db``) and
``EXAMPLE_REAUTHENTICATION_TIMEOUT`` (300 seconds).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import django

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("EXAMPLE_DATA_DIR") or BASE_DIR / "data")
OUTBOX_DIR = DATA_DIR / "outbox"
# SQLite makes its file but not the folder around it.
OUTBOX_DIR.mkdir(parents=True, exist_ok=True)

HOST_PORT = os.environ.get("EXAMPLE_HOST_PORT") or "8000"
FRONTEND_PORT = os.environ.get("EXAMPLE_FRONTEND_PORT") or "3000"
# The same name on both sides: for cookies, localhost and 127.0.0.1 are two sites, and
# SameSite=Lax would keep the session cookie off every request of the frontend.
FRONTEND_ORIGIN = f"http://localhost:{FRONTEND_PORT}"

DEBUG = True
SECRET_KEY = "for-development-only-host.production-reads-the-real-one"  # noqa: S105  # no secret
ALLOWED_HOSTS = ["localhost"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "django_otp_webauthn",
    "ai_kit_auth",
    "ai_kit_auth.second_factor",
    "ai_kit_auth.sessions",
    "corsheaders",
    "drf_spectacular",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # Above everything that may answer by itself: an answer without CORS headers is
    # unreadable for the frontend, errors and redirects included.
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    # Mails are written in the language of the request's Accept-Language.
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ai_kit_auth.sessions.middleware.SessionsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "host.urls"
WSGI_APPLICATION = "host.wsgi.application"

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

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "db.sqlite3",
        # SQLite refuses to upgrade a read transaction while another one writes, however
        # long the timeout: taking the write lock at once turns that error into a wait.
        # With a write-ahead log none who reads waits for one who writes.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"

DAY = 24 * 60 * 60  # seconds

AI_KIT_AUTH: dict[str, Any] = {
    "FRONTEND": {"URL": FRONTEND_ORIGIN, "FORGOT_PW_ROUTE": "/auth/forgot_password"},
    "BRANDING": {"NAME": "AI Kit Auth"},
    "ENABLE_ENDPOINTS": {
        "LINK_STATUS": True,
        "RESEND_ACTIVATION_MAIL": True,
        "CHANGE_PASSWORD": True,
        "LOGOUT_OTHERS": True,
        "CHANGE_EMAIL": True,
        "UPDATE_ME": True,
        "DELETE_ACCOUNT": True,
        "CONFIRM_PASSWORD": True,
        "SECOND_FACTOR": True,
        "FACTORS": True,
        "PASSKEY_LOGIN": True,
        "PASSKEY_SIGN_UP": True,
        "SESSIONS": True,
    },
    "SECURITY_NOTICES": {"NEW_DEVICE": True},
    # The sentences of the frontend name the numbers of a code.
    "ERROR_PARAMS": True,
    "DEVICE_COOKIE_AGE": 180 * DAY,
    "SECOND_FACTOR_TRUST_AGE": 30 * DAY,
    # A link alone activates nothing: mail scanners open links as well.
    "ACTIVATION_PROOF": True,
    "REAUTHENTICATION_TIMEOUT": int(
        os.environ.get("EXAMPLE_REAUTHENTICATION_TIMEOUT") or 300
    ),
}

REST_FRAMEWORK: dict[str, Any] = {
    # No proxy: a request's IP address is its client's, also where that is 127.0.0.1.
    "NUM_PROXIES": 0,
    # For views of the project itself, such as the one that serves the schema.
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Accounts of the example",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
}

SESSION_ENGINE = (
    os.environ.get("EXAMPLE_SESSION_ENGINE") or "django.contrib.sessions.backends.db"
)

CORS_ALLOWED_ORIGINS = [FRONTEND_ORIGIN]
CORS_ALLOW_CREDENTIALS = True
# The frontend says how long to wait after too many attempts.
CORS_EXPOSE_HEADERS = ["Retry-After"]
CSRF_TRUSTED_ORIGINS = [FRONTEND_ORIGIN]
# A token in the session cannot be overwritten by the csrftoken cookie of the admin,
# which has the same host name as the API.
CSRF_USE_SESSIONS = os.environ.get("EXAMPLE_CSRF_USE_SESSIONS", "1") == "1"

DEFAULT_FROM_EMAIL = "Example <hello@example.com>"
_smtp_host, _, _smtp_port = os.environ.get("EXAMPLE_SMTP", "").rpartition(":")
if django.VERSION >= (6, 1):
    if _smtp_host:
        MAILERS = {
            "default": {
                "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                "OPTIONS": {"host": _smtp_host, "port": int(_smtp_port)},
            }
        }
    else:
        MAILERS = {
            "default": {
                "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
                "OPTIONS": {"file_path": OUTBOX_DIR},
            }
        }
elif _smtp_host:
    EMAIL_HOST = _smtp_host
    EMAIL_PORT = int(_smtp_port)
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = OUTBOX_DIR
