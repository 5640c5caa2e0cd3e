"""What ``manage.py check`` says about a host's ``AI_KIT_AUTH``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from .settings import APISettings, Dotted, api_settings, require_frontend_url


def check_settings(
    app_configs: Sequence[Any] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """
    Return what is wrong with the host's configuration.

    E001 an unknown key, or a value of the wrong type; E002 ``FRONTEND.URL`` is missing;
    E003 a dotted path that leads nowhere; E004 an identity field that the user model
    lacks.
    """
    try:
        api_settings.USERNAME_REQUIRED  # noqa: B018  # any access reads the whole dict
    except ImproperlyConfigured as error:
        return [_error("E001", str(error), "Correct this key in AI_KIT_AUTH.")]
    return list(_problems())


def _problems() -> Iterator[checks.CheckMessage]:
    try:
        require_frontend_url(api_settings.FRONTEND.URL)
    except ImproperlyConfigured as error:
        yield _error(
            "E002",
            str(error),
            "AI_KIT_AUTH = {'FRONTEND': {'URL': 'https://app.example.com'}}",
        )
    for name, setting in APISettings.declared():
        if isinstance(setting, Dotted):
            try:
                _read(name)
            except ImproperlyConfigured as error:
                yield _error(
                    "E003", str(error), "Name a callable by its full dotted path."
                )
    yield from _identity_problems()


def _read(name: str) -> object:
    value: object = api_settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _identity_problems() -> Iterator[checks.CheckMessage]:
    if api_settings.is_default("USER_IDENTITY_FIELDS"):
        return
    meta = get_user_model()._meta
    columns = sorted(field.name for field in meta.concrete_fields)
    for name in api_settings.USER_IDENTITY_FIELDS:
        if name not in columns:
            yield _error(
                "E004",
                f"AI_KIT_AUTH['USER_IDENTITY_FIELDS']: {meta.label} has no field "
                f"{name!r}.",
                f"It has {', '.join(columns)}.",
            )


_ENOUGH_ENTRIES = 10_000
_UNFIT_CACHES = {
    "LocMemCache": "is not shared by processes, so each would allow the full rate",
    "DummyCache": "keeps nothing",
    "FileBasedCache": "can lose a count when two processes write at once",
}


def check_cache(
    app_configs: Sequence[Any] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """
    Return what is wrong with the cache that throttles count in, for ``--deploy``.

    W001 the default cache is local to each process, keeps nothing, or is not atomic;
    W002 it throws entries away when it has a few hundred, as the database cache does by
    default.
    """
    cache: Mapping[str, Any] = settings.CACHES.get("default", {})
    name = cache.get("BACKEND", "").rpartition(".")[2]
    if name in _UNFIT_CACHES:
        return [
            checks.Warning(
                f"Throttles count in the cache, and {name} {_UNFIT_CACHES[name]}.",
                hint="Set CACHES['default'] to Redis, Memcached or the database cache.",
                id="ai_kit_auth.W001",
            )
        ]
    most = cache.get("OPTIONS", {}).get("MAX_ENTRIES", 300)
    if name == "DatabaseCache" and most < _ENOUGH_ENTRIES:
        return [
            checks.Warning(
                f"Throttles count in the cache, and {name} throws entries away when it "
                f"has {most}: whoever fills it clears the counters.",
                hint="Set CACHES['default']['OPTIONS']['MAX_ENTRIES'] to 100_000.",
                id="ai_kit_auth.W002",
            )
        ]
    return []


def _error(number: str, message: str, hint: str) -> checks.CheckMessage:
    return checks.Error(message, hint=hint, id=f"ai_kit_auth.{number}")
