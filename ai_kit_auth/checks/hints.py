"""What to write where ``AI_KIT_AUTH`` has a fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..settings import (
    Branded,
    Dotted,
    Fault,
    Frontend,
    Names,
    Nested,
    OptionalDotted,
    Rate,
    Seconds,
    Section,
    Setting,
    UnknownConfigurationError,
    every_key,
    nearest,
)
from .problems import key


def hint_of(fault: Fault) -> str:
    """Return what to write instead."""
    if isinstance(fault.error, UnknownConfigurationError):
        return _right_key(fault)
    declared = fault.section.members().get(fault.key)
    if isinstance(declared, Setting):
        return f"In {fault.path}, write {_right_value(declared, fault.value)}"
    example = _example(fault.section, fault.value)
    return f"In {fault.path}, write a dict, such as {example}"


def _right_key(fault: Fault) -> str:
    written, close = str(fault.key).upper(), nearest(fault.key, fault.section)
    for name in _every_path(every_key()):
        if name.rpartition(".")[2] == written and close != written:
            return f"The key is {key(name)}: move it there."
    if close:
        return f"In {fault.path}, write {close!r} instead of {fault.key!r}."
    return f"In {fault.path}, remove {fault.key!r}."


def _every_path(section: type[Section], prefix: str = "") -> Iterator[str]:
    """Yield every key, at any depth, sections included: "FRONTEND", "FRONTEND.URL"."""
    for name, member in section.members().items():
        yield f"{prefix}{name}"
        if isinstance(member, Nested):
            yield from _every_path(member.section, f"{prefix}{name}.")


def _example(section: type[Section], given: object) -> str:
    """Return a dict as an example of ``section``, with ``given`` if that is its URL."""
    members = section.members()
    if "FRONTEND" in members:
        return f"{{'FRONTEND': {_example(Frontend, given)}}}"
    name, member = next(iter(members.items()))
    value = given if name == "URL" and isinstance(given, str) else None
    return f"{{{name!r}: {value or getattr(member, 'default', None) or '...'!r}}}"


def _right_value(setting: Setting[Any], value: object) -> str:
    """Return what to write instead of ``value``, which is not accepted."""
    name, default = setting.name, setting.default
    if isinstance(setting, Names) and isinstance(value, str):
        names = tuple(filter(None, re.split(r"[\s,;]+", value))) or default
        # ("email") is a text; a tuple of one has a comma.
        comma = "A tuple of one needs its comma: " if len(names) == 1 else ""
        return f"{comma}{name!r}: {names!r}"
    if isinstance(setting, Rate):
        return (
            f"{name!r}: {_likely_rate(value) or default!r}: a number, a slash, and s, "
            "m, h or d for second, minute, hour or day; None for no limit."
        )
    if isinstance(setting, Seconds):
        seconds = getattr(value, "total_seconds", lambda: value)()
        try:
            number = max(1, int(float(seconds)))  # type: ignore[arg-type]  # a TypeError is caught
        except (TypeError, ValueError, OverflowError):
            number = default or 3600
        return f"{name!r}: {number}: a number of seconds from 1, or None."
    if isinstance(setting, Branded):
        return f"{name!r}: a str, or a function that takes the context and returns one."
    if isinstance(setting, OptionalDotted):
        return f"{name!r}: a dotted path or callable, or None."
    if isinstance(setting, Dotted):
        return f"{name!r}: {default!r}, or another dotted path or callable."
    if isinstance(default, bool):
        # What people write in an environment's variable, and in JSON.
        off = {"false", "no", "off", "0", "none", ""}
        return f"{name!r}: {str(value).strip().lower() not in off}"
    return f"{name!r}: {default!r}"


def _likely_rate(value: object) -> str | None:
    """Return the rate that "10 per minute", "10/5m" or 10 most likely stands for."""
    found = re.search(r"([1-9][0-9]{0,4})\W*(?:per|/)?\W*([smhd]?)", str(value).lower())
    return f"{found[1]}/{found[2] or 'min'}" if found else None
