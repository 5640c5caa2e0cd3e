"""What the installed apps declare as capabilities, and what each one checks itself."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .. import capability
from ..settings import api_settings
from .problems import Problems, is_readable, problem

_HINT = "Correct the declaration, or take its app out of INSTALLED_APPS."


def check_capabilities() -> Problems:
    """E017, and the checks of each capability."""
    for _path, message, hint in capability.faults():
        yield problem("E017", message, hint)
    if is_readable():
        try:
            capability.served(api_settings.ENABLE_ENDPOINTS)
        except ImproperlyConfigured as error:
            yield problem("E017", f"{error}.", _HINT)
    for one in capability.capabilities():
        named = (one.operations, one.signals, one.views, one.login_step, one.walk)
        of_links = [purpose.status for purpose in one.link_purposes.values()]
        paths = (*named, *of_links, *one.checks)
        for path in paths:
            try:
                found: Any = capability.load(path) if path else None
            except ImproperlyConfigured as error:
                yield problem("E017", f"{error}.", _HINT)
                continue
            # These read AI_KIT_AUTH, which E001 tells of where it cannot be read.
            if path in one.checks and is_readable():
                yield from found()
