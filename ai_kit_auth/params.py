"""
The parameters of an error code: what a sentence about it says in its placeholders.

With ERROR_PARAMS an error body has them beside the codes, by place and code::

    {"password": ["password_too_short"],
     "params": {"password": {"password_too_short": {"min_length": 12}}}}

They are those of Django's ``ValidationError.params``, and the limits of the field of
DRF that has failed. DRF drops the former where it turns an exception into its own, but
it never looks into a code, so :class:`Code` carries them.

SECURITY: parameters tell how the project is set up, and no more about an account or a
request than the code. So there are numbers, booleans and names of declared fields
alone, and never what was typed, which would put it into logs and pages:

- A code that a capability declares has the parameters that are declared for it, with
  their types, and no others.
- Any other code, and ``invalid``, may have any number or boolean that was not typed,
  and any name of a field. ``value``, ``show_value`` and the like are what was typed.
  So is a number that equals a value of the field, a number in its text, or its length;
  unless the parameter's name begins with ``min_`` or ``max_``, as that of a limit.
- Django's ``verbose_name`` becomes the name of the field, since a label is a text of
  the server's language.
- Where the client has not proven the account (``validate_password/`` with an ident),
  only limits are kept: ``verbose_name`` would tell which column a guess is like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import wraps
from itertools import chain, islice
from typing import Any, TypeAlias

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from rest_framework import serializers

from .capability import capabilities
from .settings import api_settings

Value: TypeAlias = int | float | bool | str
Declaration: TypeAlias = Mapping[str, type[Value]]

KEY = "params"
RETRY_AFTER = "retry_after"
# The codes of limits, each with the attribute of DRF's field that has the limit. Django
# calls all of them ``limit_value``; here each is called as its code.
LIMITS: Mapping[str, str] = {
    "max_length": "max_length",
    "min_length": "min_length",
    "max_value": "max_value",
    "min_value": "min_value",
    "step_size": "step_size",
    "max_digits": "max_digits",
    "max_decimal_places": "decimal_places",
    "max_whole_digits": "max_whole_digits",
}
# What Django and DRF call a value that came from the client, or its length.
_TYPED = frozenset({"value", "show_value", "input", "pk_value", "length"})
_CATCH_ALL = "invalid"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_LIMIT_NAME = re.compile(r"(min|max)_")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# Readers of JSON agree on integers up to here (RFC 8259, section 6).
_MOST = 2**53 - 1
# More are no parameters of a sentence.
_MAX_PARAMS = 16


class Code(str):
    """
    An error code with its parameters, for an ``ErrorDetail`` or as ``code=``::

        raise ValidationError("", code=Code("too_young", {"min_age": 18}))
    """

    params: Mapping[str, Any]

    def __new__(cls, code: str, params: Mapping[str, Any] | None = None) -> Code:
        self = super().__new__(cls, code)
        self.params = params or {}
        return self


def declared() -> dict[str, Declaration]:
    """Return the parameters that codes can have: their names and types by code."""
    of_fields: dict[str, Declaration] = {
        code: {code: float if code.endswith(("_value", "_size")) else int}
        for code in LIMITS
    }
    for one in capabilities():
        of_fields |= one.params
    return of_fields


def is_free(code: str) -> bool:
    """Tell whether ``code``, which declares no parameters, may have some."""
    return code == _CATCH_ALL or not any(code in one.codes for one in capabilities())


def keep(error: ValidationError) -> None:
    """Let the codes of Django's ``error`` carry its parameters."""
    for each in _single(error):
        if isinstance(each.params, Mapping):
            each.code = Code(str(each.code or _CATCH_ALL), each.params)


def _single(error: ValidationError) -> Iterable[ValidationError]:
    if hasattr(error, "error_dict"):
        return chain.from_iterable(error.error_dict.values())
    return error.error_list


def limits_alone(params: Any) -> dict[str, Any]:
    """Return those of ``params`` that are set by the project, whatever the account."""
    found = params if isinstance(params, Mapping) else {}
    return {name: v for name, v in found.items() if _LIMIT_NAME.match(str(name))}


# What a serializer of DRF drops


def watch(serializer: Any) -> None:
    """
    Let the errors of ``serializer`` keep the parameters of Django's exceptions.

    It is for a serializer whose data has not been validated yet. Without ERROR_PARAMS,
    and for anything that is no serializer of DRF, it does nothing.
    """
    if not (
        api_settings.ERROR_PARAMS and isinstance(serializer, serializers.BaseSerializer)
    ):
        return
    plain = serializer.run_validation

    def run_validation(data: Any = serializers.empty) -> Any:
        # Not before: the view may still take fields out.
        _watch_within(serializer)
        return plain(data)

    vars(serializer)["run_validation"] = run_validation


def _watch_within(member: Any) -> None:
    member.validators = [_Kept(validator) for validator in member.validators]
    below: Mapping[str, Any] = getattr(member, "fields", {})
    for name in ("validate", *(f"validate_{name}" for name in below)):
        if hasattr(member, name):
            vars(member)[name] = _keeping(getattr(member, name))
    child = getattr(member, "child", None)
    for part in (*below.values(), *((child,) if child is not None else ())):
        _watch_within(part)
        vars(part)["run_validation"] = _keeping(part.run_validation)


def _keeping(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ValidationError as error:
            keep(error)
            raise

    return call


class _Kept:
    """A validator of a field or a serializer, whose errors keep their parameters."""

    def __init__(self, validator: Any) -> None:
        self.requires_context = getattr(validator, "requires_context", False)
        self._call = _keeping(validator.__call__)

    def __call__(self, *args: Any) -> None:
        self._call(*args)


# What the client may see


class Shown:
    """
    Which parameters an answer to ``request`` may show.

    ``serializer``: the one that has failed, None if that is not known. ``request``:
    DRF's; without it only declared parameters are shown. ``kwargs``: the arguments in
    the URL.
    """

    def __init__(self, serializer: Any, request: Any, kwargs: Any = None) -> None:
        self._serializer = serializer
        self._request = request
        self._kwargs = kwargs
        self._declared = declared()

    def params_of(
        self, place: str, code: str, given: Any, member: Any = None
    ) -> dict[str, Value]:
        """
        Return the parameters of ``code`` at ``place``, of those that were ``given``.

        ``member``: the field of DRF that has failed. Its own limit counts where the
        exception tells none.
        """
        found = self._of(place, code, given if isinstance(given, Mapping) else {})
        if not found and member is not None and code in LIMITS:
            found = self._of(place, code, {code: _limit(member, code)})
        return found

    def _of(self, place: str, code: str, given: Mapping[Any, Any]) -> dict[str, Value]:
        kinds = self._declared.get(code)
        if kinds is None and not is_free(code):
            return {}
        pairs = (
            (code if name == "limit_value" and code in LIMITS else name, value)
            for name, value in given.items()
            if name not in _TYPED
        )
        found: dict[str, Value] = {}
        for name, value in pairs:
            shown = (
                self._free(place, name, value)
                if kinds is None
                else self._declared_value(kinds.get(name), value)
            )
            if shown is not None:
                found[name] = shown
        return dict(islice(found.items(), _MAX_PARAMS))

    def _declared_value(self, kind: type[Value] | None, value: Any) -> Value | None:
        if kind is str:
            return self._field_name(value)
        if kind is float:
            return _number(value)
        if kind is int:
            number = _number(value)
            return number if isinstance(number, int) else None
        return bool(value) if kind is bool and isinstance(value, bool) else None

    def _free(self, place: str, name: Any, value: Any) -> Value | None:
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            return None
        is_flag = isinstance(value, bool)
        shown = value if is_flag else _number(value)
        if shown is None:
            shown = self._field_name(value)
        if shown is None:
            return None
        typed = self._typed(place)
        fields = getattr(self._serializer, "fields", {})
        if typed is None or (name not in fields and _echoes(name, typed)):
            return None
        if not _LIMIT_NAME.match(name) and _echoes(shown, typed):
            return None
        return bool(shown) if is_flag else shown

    def _field_name(self, value: Any) -> str | None:
        """Return the name of the field with this name or label, None if none has it."""
        if not isinstance(value, str | Promise):
            return None
        text = str(value)
        if text in getattr(self._serializer, "fields", {}):
            return text
        fields = get_user_model()._meta.concrete_fields
        if any(text == field.name for field in fields):
            return text
        labels = (field.name for field in fields if text == str(field.verbose_name))
        return next(labels, None)

    def _typed(self, place: str) -> list[Any] | None:
        """
        Return all values that the client has sent to ``place``; None if unknown.

        They are those of the whole request for a place that is no key of the body.
        """
        request = self._request
        try:
            data = request.data
        except Exception:  # noqa: BLE001  # no request, or a body that cannot be read
            return None
        if isinstance(data, Mapping) and place in data:
            getlist = getattr(data, "getlist", None)
            return [*_leaves(getlist(place) if getlist else data[place])]
        parts = (_plain(data), dict(request.query_params.lists()), self._kwargs or {})
        return [leaf for part in parts for leaf in _leaves(part)]


def _plain(data: Any) -> Any:
    """Return ``data`` with every value of a form, not the last of each key alone."""
    return dict(data.lists()) if hasattr(data, "lists") else data


def _limit(member: Any, code: str) -> Any:
    """Return the limit that the field ``member`` has for ``code``, or None."""
    limit = getattr(member, LIMITS[code], None)
    if limit is None:
        validators = getattr(member, "validators", ())
        same = (each for each in validators if getattr(each, "code", None) == code)
        limit = getattr(next(same, None), "limit_value", None)
    return limit() if callable(limit) else limit


def _number(value: Any) -> int | float | None:
    """Return ``value`` as a number that every reader of JSON understands, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    # Decimal refuses to compare what is no number.
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    # Comparison is false for NaN. An int may be larger than any float.
    if not -_MOST <= value <= _MOST:
        return None
    return int(value) if isinstance(value, int) or value == int(value) else float(value)


def _leaves(data: Any) -> Iterator[Any]:
    """Yield all values within ``data``, the keys of objects and lengths of lists."""
    # No recursion, since the client decides how deep it is.
    left = [data]
    while left:
        part = left.pop()
        if isinstance(part, Mapping):
            left += [*part, *part.values()]
        elif isinstance(part, list | tuple):
            left += part
            yield len(part)
        else:
            yield part


def _echoes(shown: Value, typed: Iterable[Any]) -> bool:
    """Tell whether ``shown`` is one of the values ``typed``, or comes from one."""
    return any(_is_of(shown, value) for value in typed)


def _is_of(shown: Value, value: Any) -> bool:
    text = str(value)
    if isinstance(shown, bool) or isinstance(value, bool):
        return str(shown).lower() == text.lower()
    if isinstance(shown, str):
        return shown == text
    numbers: list[float] = [len(text), len(text.strip())]
    numbers += map(float, _NUMBER.findall(text))
    return value is not None and abs(shown) in numbers
