"""
Which error codes an operation can answer under the host's settings.

They come from where they are raised: the serializer's fields and their validators,
``AUTH_PASSWORD_VALIDATORS``, the throttles of the view, and :mod:`operations` for the
rest. Where a host's own code may say what it likes, the set is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import password_validation
from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from ..serializers import RegistrationSerializer
from ..users import own_name
from .operations import Operation, operation_of

# Where a code stands in the body: this key, "non_field_errors", or a field's name.
ERROR = "error"
NON_FIELD_ERRORS = "non_field_errors"

_PASSWORD_CODES: Mapping[type[Any], str] = {
    password_validation.MinimumLengthValidator: "password_too_short",
    password_validation.UserAttributeSimilarityValidator: "password_too_similar",
    password_validation.CommonPasswordValidator: "password_too_common",
    password_validation.NumericPasswordValidator: "password_entirely_numeric",
}
# Messages that a field has for what its validators say, with codes of their own.
_LIMITS = {"max_length", "min_length", "max_value", "min_value"}


@dataclass
class Codes:
    """The codes at one place; ``is_open`` where a host's own may come besides."""

    known: set[str] = field(default_factory=set)
    is_open: bool = False

    def add(self, codes: Iterable[str] = (), *, is_open: bool = False) -> None:
        self.known |= set(codes)
        self.is_open = self.is_open or is_open

    def allows(self, code: str) -> bool:
        return self.is_open or code in self.known


@dataclass
class Answers:
    """
    All error answers of an operation: status → place → :class:`Codes`.

    ``is_open``: a host's receivers, permissions or serializers may answer any other
    4xx, in one of the documented shapes.
    """

    by_status: dict[int, dict[str, Codes]] = field(default_factory=dict)
    is_open: bool = False

    def at(self, status: int, place: str) -> Codes:
        return self.by_status.setdefault(status, {}).setdefault(place, Codes())

    def allows(self, status: int, place: str, code: str) -> bool:
        """Tell whether ``code`` at ``place`` of an answer with ``status`` is known."""
        found = self.by_status.get(status, {}).get(place)
        if found is not None and found.allows(code):
            return True
        return self.is_open and 400 <= status < 500


def answers_of(view: type[Any], method: str) -> Answers:
    """
    Return the error answers of ``method`` on ``view``, a class of a URL pattern.

    A method that the view does not serve answers 405 ``method_not_allowed``, or what
    the view says before it looks at the method.
    """
    answers = Answers()
    operation = operation_of(view, method)
    if operation is None:
        answers.at(405, ERROR).add(["method_not_allowed"])
        served = [m for m in ("POST", "GET", "PATCH") if operation_of(view, m)]
        operations = [operation_of(view, m) for m in served]
        for other in filter(None, operations):
            codes = other.errors.get(403, ())
            if codes:
                answers.at(403, ERROR).add(codes)
    else:
        _add_operation(answers, operation)
    if view().get_throttles() or (operation and operation.counted):
        answers.at(429, ERROR).add(["throttled"])
    _add_hosts_own(answers, view, operation)
    return answers


def _add_operation(answers: Answers, operation: Operation) -> None:
    for status, codes in operation.errors.items():
        answers.at(status, ERROR).add(codes)
    # The CSRF check looks for a form, too.
    if operation.serializer is not None or "csrf_failed" in operation.errors.get(
        403, ()
    ):
        answers.at(400, ERROR).add(["parse_error"])
        answers.at(415, ERROR).add(["unsupported_media_type"])
    if operation.serializer is not None:
        _add_serializer(answers, operation, operation.serializer())


def _add_serializer(
    answers: Answers, operation: Operation, serializer_class: type[Any]
) -> None:
    # No object, or null.
    answers.at(400, NON_FIELD_ERRORS).add(["invalid", "null"])
    declared: Mapping[str, Iterable[str]] = getattr(serializer_class, "error_codes", {})
    for name, member in serializer_class().fields.items():
        if member.read_only:
            continue
        codes = codes_of_field(member)
        checks = f"validate_{name}"
        if name not in declared and _is_hosts(getattr(serializer_class, checks, None)):
            codes.is_open = True
        if name in operation.passwords:
            _add_validators(codes)
        answers.at(400, name).add(codes.known, is_open=codes.is_open)
    for source in (operation.fields(), declared):
        for name, more in source.items():
            answers.at(400, name).add(more)
    for alias, own in aliases(serializer_class).items():
        codes = answers.at(400, own)
        answers.at(400, alias).add(codes.known, is_open=codes.is_open)
    if not declared and _is_hosts(getattr(serializer_class, "validate", None)):
        answers.is_open = True


def aliases(serializer_class: type[Any]) -> dict[str, str]:
    """Return which further keys a registration takes, and what each stands for."""
    if not issubclass(serializer_class, RegistrationSerializer):
        return {}
    own_names = {name: own_name(name) for name in ("email", "username")}
    return {name: own for name, own in own_names.items() if own and own != name}


def codes_of_field(member: Any) -> Codes:
    """Return the codes of one field of a serializer, and of what is within it."""
    codes = Codes(set(member.error_messages) - _LIMITS - {"required", "null", "blank"})
    if member.required:
        codes.add(["required"])
    if not member.allow_null:
        codes.add(["null"])
    if isinstance(member, serializers.CharField) and not member.allow_blank:
        codes.add(["blank"])
    for validator in member.validators:
        _add_validator(codes, validator)
    child = getattr(member, "child", None)
    within = getattr(member, "fields", {}).values() if child is None else [child]
    for part in within:
        inner = codes_of_field(part)
        codes.add(inner.known, is_open=inner.is_open)
    return codes


def _add_validator(codes: Codes, validator: Any) -> None:
    if isinstance(validator, UniqueValidator):
        codes.add(["unique"])
    elif hasattr(validator, "code"):
        codes.add([str(validator.code)])
    elif getattr(validator, "__module__", "").startswith("ai_kit_auth."):
        codes.add(["invalid"])
    else:
        codes.is_open = True


def _add_validators(codes: Codes) -> None:
    for validator in password_validation.get_default_password_validators():
        known = next(
            (c for kind, c in _PASSWORD_CODES.items() if isinstance(validator, kind)),
            getattr(validator, "code", None),
        )
        if known is None:
            codes.is_open = True
        else:
            codes.add([known])


def _add_hosts_own(
    answers: Answers, view: type[Any], operation: Operation | None
) -> None:
    """Open the answers where a host's receivers or a host's own view may veto."""
    signals = operation.signals if operation else ()
    if any(signal.has_listeners() for signal in signals) or _is_hosts(view):
        answers.is_open = True


def _is_hosts(member: Any) -> bool:
    module = getattr(member, "__module__", None) or "ai_kit_auth."
    return not module.startswith(("ai_kit_auth.", "rest_framework."))
