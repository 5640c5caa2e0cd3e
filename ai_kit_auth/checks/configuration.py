"""AI_KIT_AUTH by itself, without the settings of Django."""

from __future__ import annotations

import inspect
import re
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ..capability import capabilities, mails
from ..settings import (
    SETTING_NAME,
    APISettings,
    Dotted,
    OptionalDotted,
    api_settings,
    faults_of,
    require_frontend_url,
)
from .hints import hint_of
from .origins import is_local, origin_of
from .problems import (
    Problems,
    admin_is_used,
    is_readable,
    is_served,
    key,
    problem,
    read,
)


def check_settings() -> Problems:
    """E001 to E003, E015, W003, W025."""
    given = getattr(settings, SETTING_NAME, None)
    for fault in () if given is None else faults_of(given):
        yield problem("E001", str(fault.error), hint_of(fault))
    if not is_readable():
        return
    url = api_settings.FRONTEND.URL
    try:
        require_frontend_url(url)
    except ImproperlyConfigured as error:
        links = {name for name, mail in mails().items() if mail.link is not None}
        mailing = [
            key
            for one in capabilities()
            for key, names in one.sends.items()
            if links.intersection(names)
        ]
        if is_served(*mailing) or admin_is_used():
            yield problem(
                "E002",
                str(error),
                "AI_KIT_AUTH = {'FRONTEND': {'URL': 'https://app.example.com'}}",
            )
    else:
        yield from _url_problems(url)
    for name, setting in APISettings.declared():
        if isinstance(setting, Dotted):
            try:
                yield from _arity_problems(name, read(name), setting)
            except ImproperlyConfigured as error:
                yield problem(
                    "E003", str(error), "Name a callable by its full dotted path."
                )
            except Exception as error:  # noqa: BLE001  # a module of the project may
                yield problem(
                    "E003",
                    f"{key(name)}: importing it raises {type(error).__name__}: {error}",
                    "Correct that module, or name a callable by its full dotted path.",
                )


def _arity_problems(name: str, given: Any, setting: Dotted[Any]) -> Problems:
    """Find a function ``given`` that does not take the arguments of the setting."""
    if isinstance(setting, OptionalDotted):
        if given is None:
            return
        arguments = list(setting.arguments)
    else:
        standard = import_string(setting.default)
        if given is standard or isinstance(standard, type):
            # DRF decides which arguments a serializer takes.
            return
        arguments = list(inspect.signature(standard).parameters)
    try:
        signature = inspect.signature(given)
    except Exception:  # noqa: BLE001  # a proxy may raise anything
        # Some functions written in C have no signature.
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        function = getattr(given, "__name__", type(given).__name__)
        taken = ", ".join(
            str(one.replace(annotation=one.empty))
            for one in signature.parameters.values()
        )
        yield problem(
            "E015",
            f"{key(name)}: {function}({taken}) is called with "
            f"({', '.join(arguments)}): {error}.",
            f"def {function}({', '.join(arguments)}): ...",
        )


def _url_problems(url: str) -> Problems:
    try:
        origin_of(url)
        if "?" in url:
            # A fragment is allowed: some routers have their routes below "/#".
            raise ValueError("has a query")
    except ValueError as error:
        fixed = corrected(url.partition("?")[0])
        yield problem(
            "W025",
            f"{key('FRONTEND.URL')} is {url!r}, which {error}: no link in a mail "
            "would work.",
            f"AI_KIT_AUTH = {{'FRONTEND': {{'URL': {fixed!r}}}}}",
        )
        return
    path = _parts_of("/".join(url.split("/")[3:]))
    for name in ("ACTIVATION_ROUTE", "RESET_PW_ROUTE"):
        route = _parts_of(getattr(api_settings.FRONTEND, name))
        for length in range(1, min(len(path), len(route)) + 1):
            if path[-length:] == route[:length]:
                base = url.rstrip("/").removesuffix("/".join(path[-length:]))
                yield problem(
                    "W003",
                    f"{key('FRONTEND.URL')} ends in what {key('FRONTEND.' + name)} "
                    f"begins with, so links lead to {'/'.join([*path, *route])!r}.",
                    f"AI_KIT_AUTH = {{'FRONTEND': {{'URL': {base.rstrip('/')!r}}}}}",
                )
                # The other route most likely begins in the same way.
                return


def _parts_of(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def corrected(url: str) -> str:
    """Return the URL that ``url`` most likely stands for."""
    bare = re.sub(r"\A(?:\w*:)?/+", "", url.strip())
    local = is_local(re.split("[:/]", bare)[0])
    for guess in (url, f"http{'' if local else 's'}://{bare}"):
        with suppress(ValueError):
            origin_of(guess)
            return guess.rstrip("/")
    return "https://app.example.com"
