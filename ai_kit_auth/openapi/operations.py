"""The operations of all capabilities, by view and method."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ..capability import Capability, capabilities, load
from ..operations import Operation, Operations
from ..user_model import user_model

# The operations of all capabilities.
OPERATIONS: Operations


def __getattr__(name: str) -> Operations:
    if name == "OPERATIONS":
        return _operations(capabilities())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _operations(declared: tuple[Capability, ...]) -> Operations:
    return {
        place: operation
        for one in declared
        if one.operations
        for place, operation in load(one.operations).items()
    }


def operation_of(view: type[Any], method: str) -> Operation | None:
    """Return the operation of ``method`` on ``view`` or on a base of it."""
    operations = _operations(capabilities())
    for base in view.__mro__:
        found = operations.get((base, method))
        if found is not None:
            return found
    return None


def aliases_of(names: Mapping[str, Any]) -> dict[str, str]:
    """
    Return further keys that a registration takes, each with the field it stands for.

    ``names`` are the keys that the registration has already.
    """
    own_names = {name: user_model.own_name(name) for name in ("email", "username")}
    return {name: own for name, own in own_names.items() if own and name not in names}
