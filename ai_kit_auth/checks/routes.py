"""The paths of the endpoints in the URLconf."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import Any

from django.urls import (
    NoReverseMatch,
    Resolver404,
    get_resolver,
    get_script_prefix,
    resolve,
    reverse,
)

from .problems import drf

NAMESPACE = "ai_kit_auth"


def path_of(name: str) -> str | None:
    """
    Return the path of the URL ``name``, such as "ai_kit_auth:me", or None.

    If the project includes the URLs below arguments, such as ``api/<version>/``, the
    path has values that the URLconf takes.
    """
    try:
        return reverse(name)
    except NoReverseMatch:
        pass
    namespace, _, bare = name.rpartition(":")
    for arguments in _arguments_of(namespace, bare, get_resolver().url_patterns, {}):
        # 343 = three arguments of seven values each; more would take too long.
        for values in islice(product(*arguments.values()), 343):
            try:
                return reverse(name, kwargs=dict(zip(arguments, values, strict=True)))
            except NoReverseMatch:
                continue
    return None


def _arguments_of(
    namespace: str, name: str, patterns: Sequence[Any], taken: dict[str, list[object]]
) -> Iterator[dict[str, list[object]]]:
    """Yield the arguments of each URL ``name`` in ``namespace``, with likely values."""
    for one in patterns:
        arguments = {**taken, **_likely(one.pattern)}
        if hasattr(one, "url_patterns"):
            inside = namespace if one.namespace != namespace else ""
            yield from _arguments_of(inside, name, one.url_patterns, arguments)
        elif not namespace and one.name == name:
            yield arguments


def _likely(pattern: Any) -> dict[str, list[object]]:
    versions = [drf("DEFAULT_VERSION"), *(drf("ALLOWED_VERSIONS") or ())]
    values = [*filter(None, versions), "v1", 1, "1.0", "en", "main", uuid.UUID(int=0)]
    return dict.fromkeys(pattern.regex.groupindex, values)


def is_endpoint(path: str) -> bool:
    """Tell whether ``path`` belongs to an endpoint that a login needs."""
    return any(path_of(f"{NAMESPACE}:{n}") == path for n in ("login", "me", "logout"))


def view_at(path: str) -> tuple[Any, str] | None:
    """Return the view that answers at ``path`` and its route, or None."""
    try:
        match = resolve(path[len(get_script_prefix()) - 1 :])
    except Resolver404:
        return None
    return match.func, match.route


def is_ours(callback: Any) -> bool:
    """Tell whether ``callback`` is a view of this package, or derives from one."""
    view = getattr(callback, "view_class", None)
    bases = view.__mro__ if isinstance(view, type) else (callback,)
    return any(_is_of_this_app(getattr(base, "__module__", "")) for base in bases)


def _is_of_this_app(module: str) -> bool:
    package, _, rest = module.partition(".")
    return package == "ai_kit_auth" and rest.split(".")[-1] in {
        "endpoints",
        "urls",
        "views",
    }


def named(callback: Any) -> str:
    """Return the dotted path of a view."""
    view = getattr(callback, "view_class", callback)
    name = getattr(view, "__qualname__", type(view).__qualname__)
    return f"{getattr(view, '__module__', '')}.{name}".removeprefix(".")
