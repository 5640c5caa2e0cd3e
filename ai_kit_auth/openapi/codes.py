"""
Which error codes an operation can answer under the project's settings.

The sources are the view's authentication, permissions and throttles, the serializer's
fields and their validators, ``AUTH_PASSWORD_VALIDATORS``, and :mod:`operations` for the
rest. Where code of the project may raise any code, the set is open. A serializer of the
project closes it by ``error_codes``, a mapping from a field's name (or
``"non_field_errors"``) to the codes that its code raises there.

Codes from elsewhere in the project, such as a receiver of Django's own signals or the
``save()`` of a model, are not in the schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django.contrib.auth import password_validation
from django.dispatch import Signal
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.validators import UniqueTogetherValidator, UniqueValidator

from .. import errors, related
from ..capability import packages
from ..endpoints import SessionAuthentication
from ..errors import ActivationProofRequired, ServiceUnavailable, code_of
from ..operations import PASSWORD_SCOPES, Operation
from ..params import Declaration, Value, is_free
from ..serializers import RegistrationSerializer
from ..settings import api_settings
from ..throttling import CountingThrottle
from ..user_model import UserModel
from .operations import aliases_of, operation_of

# The place of a code in the body: this key, "non_field_errors", or a field's name.
ERROR = "error"
NON_FIELD_ERRORS = "non_field_errors"

_PASSWORD_CODES: Mapping[type[Any], str] = {
    password_validation.MinimumLengthValidator: "password_too_short",
    password_validation.UserAttributeSimilarityValidator: "password_too_similar",
    password_validation.CommonPasswordValidator: "password_too_common",
    password_validation.NumericPasswordValidator: "password_entirely_numeric",
}
# Messages that every field has, even if it never sends them.
_USUAL = {"required", "null", "blank"}
# Codes of limits, which count only if the field has that limit.
_LIMITS = {
    "max_length",
    "min_length",
    "max_value",
    "min_value",
    "max_digits",
    "max_decimal_places",
}
# Django's names for the limits of a DecimalField.
_RENAMED = {"max_decimal_places": "decimal_places"}
# The methods in which a serializer or a field raises what is wrong with a value.
_RAISING = (
    "to_internal_value",
    "run_validation",
    "validate",
    "create",
    "update",
    "save",
)
# The types of a parameter's values, by that of its declaration.
_JSON_TYPES: Mapping[type[Any] | None, tuple[type[Any], ...]] = {
    int: (int,),
    float: (int, float),
    bool: (bool,),
    str: (str,),
}
_LIBRARIES = ("django", "rest_framework")


@dataclass
class Codes:
    """
    The codes at one place; ``is_open`` if the project may add other codes.

    ``loose``: those of the codes that a validator of the project raises.
    """

    known: set[str] = field(default_factory=set)
    is_open: bool = False
    loose: set[str] = field(default_factory=set)

    def add(
        self,
        codes: Iterable[str] = (),
        *,
        is_open: bool = False,
        loose: Iterable[str] = (),
    ) -> None:
        self.known |= {*codes, *loose}
        self.loose |= set(loose)
        self.is_open = self.is_open or is_open

    def include(self, other: Codes) -> None:
        self.add(other.known, is_open=other.is_open, loose=other.loose)

    def allows(self, code: str) -> bool:
        return self.is_open or code in self.known

    def params(self) -> dict[str, Declaration | None]:
        """
        Return the known codes that can have parameters, with their names and types.

        None stands for any.
        """
        every = {code: errors.PARAMS.get(code) for code in sorted(self.known)}
        return {
            code: kinds
            for code, kinds in every.items()
            if kinds or ((self.is_open or code in self.loose) and is_free(code))
        }


@dataclass
class Answers:
    """
    All error answers of an operation: status → place → :class:`Codes`.

    With ``fields_are_open`` a serializer of the project may add fields and codes to a
    400. With ``is_open`` receivers or views of the project may answer any status from
    400 on, in one of the documented shapes.
    """

    by_status: dict[int, dict[str, Codes]] = field(default_factory=dict)
    fields_are_open: bool = False
    is_open: bool = False

    def at(self, status: int, place: str) -> Codes:
        return self.by_status.setdefault(status, {}).setdefault(place, Codes())

    def allows(self, status: int, place: str, code: str) -> bool:
        """Tell whether ``code`` may stand at ``place`` of an answer with ``status``."""
        found = self.by_status.get(status, {}).get(place)
        return (
            self.is_open
            or (self.fields_are_open and status == 400 and place != ERROR)
            or (found is not None and found.allows(code))
        )

    def allows_params(
        self, status: int, place: str, code: str, given: Mapping[str, Value]
    ) -> bool:
        """Tell whether ``code`` at ``place`` may have the parameters ``given``."""
        found = self.by_status.get(status, {}).get(place, Codes())
        if code in found.known:
            kinds = found.params().get(code, {})
        else:
            kinds = errors.PARAMS.get(code, None if is_free(code) else {})
        return kinds is None or all(
            # By type(), since a bool is an int.
            type(value) in _JSON_TYPES.get(kinds.get(name), ())
            for name, value in given.items()
        )


def answers_of(view: type[Any], method: str) -> Answers:
    """
    Return the error answers of ``method`` on ``view``, the class behind a URL pattern.

    A method that the view lacks answers 405 ``method_not_allowed``, or an error of
    authentication, permissions or throttles, which come first. The schema does not have
    that answer, since it belongs to no operation.
    """
    answers = Answers(is_open=_is_of_project(view))
    answers.at(503, ERROR).add([ServiceUnavailable.default_code])
    operation = operation_of(view, method)
    _add_gates(answers, view, method)
    if operation is None:
        answers.at(405, ERROR).add(["method_not_allowed"])
    else:
        _add_operation(answers, operation, view)
        if any(_is_received(signal, view) for signal in operation.signals):
            answers.is_open = True
    return answers


def _add_gates(answers: Answers, view: type[Any], method: str) -> None:
    """Add the errors that are raised before the view's method runs."""
    instance = view()
    # Permissions and throttles can depend on the method.
    instance.request = HttpRequest()
    instance.request.method = method
    asks_token = method not in SAFE_METHODS and any(
        isinstance(authenticator, SessionAuthentication)
        for authenticator in instance.get_authenticators()
    )
    if asks_token:
        answers.at(403, ERROR).add(["csrf_failed"])
    if asks_token and method == "POST":
        # Django first looks for the token in a form.
        _add_parsing(answers)
    if any(isinstance(p, IsAuthenticated) for p in instance.get_permissions()):
        answers.at(403, ERROR).add(["not_authenticated"])
    for permission in instance.get_permissions():
        code = getattr(permission, "code", None)
        if code is not None and not _is_of_project(type(permission)):
            answers.at(403, ERROR).add([code])
    if any(_counts(throttle, view) for throttle in instance.get_throttles()):
        answers.at(429, ERROR).add(["throttled"])


def _add_parsing(answers: Answers) -> None:
    answers.at(400, ERROR).add(["parse_error"])
    answers.at(415, ERROR).add(["unsupported_media_type"])


def _counts(throttle: Any, view: type[Any]) -> bool:
    if isinstance(throttle, CountingThrottle):
        return _has_rate(throttle.scope)
    if isinstance(throttle, ScopedRateThrottle):
        return hasattr(view, throttle.scope_attr)
    return True


def _has_rate(scope: str) -> bool:
    return getattr(api_settings.THROTTLE_RATES, scope) is not None


def _add_operation(answers: Answers, operation: Operation, view: type[Any]) -> None:
    serializer_class = operation.serializer_of(view)
    if serializer_class is not None:
        _add_parsing(answers)
        _add_serializer(answers, operation, serializer_class)
    if operation.refusal is not None:
        answers.at(400, ERROR).add([operation.refusal])
    scopes = list(operation.scopes)
    if operation.needs_proof and api_settings.ACTIVATION_PROOF:
        answers.at(400, ERROR).add([ActivationProofRequired.default_code])
        scopes += PASSWORD_SCOPES
    if operation.waits or any(map(_has_rate, scopes)):
        answers.at(429, ERROR).add(["throttled"])
    if operation.missing is not None:
        answers.at(404, ERROR).add([operation.missing])
    if operation.conflict is not None:
        answers.at(409, ERROR).add([operation.conflict])
    if operation.forbidden is not None:
        answers.at(403, ERROR).add([operation.forbidden])
    called = operation.calls() if operation.calls else None
    if operation.sender is not None and not api_settings.PREVENT_ENUMERATION:
        answers.at(503, ERROR).add(["mail_not_sent"])
        called = called or getattr(api_settings, operation.sender)
    if called is not None and _is_of_project(called):
        answers.is_open = True


def _is_received(signal: Signal, view: type[Any]) -> bool:
    """Tell whether ``signal`` of ``view`` has a receiver of the project."""
    receivers = chain.from_iterable(signal._live_receivers(view))
    return any(map(_is_of_project, receivers))


def _add_serializer(
    answers: Answers, operation: Operation, serializer_class: type[Any]
) -> None:
    serializer = serializer_class()
    if operation.restrict is not None:
        operation.restrict(serializer)
    declared: Mapping[str, Iterable[str]] | None
    declared = getattr(serializer_class, "error_codes", None)
    # For a body that is not an object, or is null.
    answers.at(400, NON_FIELD_ERRORS).add(["invalid", "null"])
    members = {name: m for name, m in serializer.fields.items() if _is_asked(m)}
    for name, member in members.items():
        codes = codes_of_field(member)
        codes.is_open |= _is_of_project(
            getattr(serializer_class, f"validate_{name}", None)
        )
        codes.is_open &= name not in (declared or {})
        if operation.is_partial:
            codes.known.discard("required")
        answers.at(400, name).include(codes)
        for column in related.unique_columns(UserModel, member):
            answers.at(400, column).add(["unique"])
    _add_validators_of(answers, serializer)
    for kind, name in operation.new_passwords.items():
        if issubclass(serializer_class, kind):
            _add_password_validators(answers.at(400, name))
    for source, more in operation.fields().items():
        named = [name for name, member in members.items() if member.source == source]
        for name in {source, *named}:
            answers.at(400, name).add(more)
    for name, more in (declared or {}).items():
        answers.at(400, name).add(more)
    if issubclass(serializer_class, RegistrationSerializer):
        for alias, own in aliases_of(members).items():
            answers.at(400, alias).include(answers.at(400, own))
    # The exceptions of these name their fields themselves.
    if declared is None and _overrides(serializer_class, _RAISING):
        answers.fields_are_open = True


def _is_asked(member: Any) -> bool:
    return not (member.read_only or isinstance(member, serializers.HiddenField))


def codes_of_field(member: Any) -> Codes:
    """Return the codes of one field of a serializer, and of the fields within it."""
    codes = Codes(is_open=_overrides(type(member), _RAISING))
    for code, message in member.error_messages.items():
        if code not in _USUAL and _has_limit(member, code):
            codes.add([_sent(code, message)])
    if member.required:
        codes.add(["required"])
    if not member.allow_null:
        codes.add(["null"])
    if isinstance(member, serializers.CharField) and not member.allow_blank:
        codes.add(["blank"])
    for validator in member.validators:
        _add_validator(codes, validator)
    within = getattr(member, "fields", {})
    codes.is_open |= _overrides(type(member), [f"validate_{name}" for name in within])
    children = [getattr(member, name, None) for name in ("child", "child_relation")]
    for part in filter(None, [*children, *within.values()]):
        codes.include(codes_of_field(part))
    return codes


def _has_limit(member: Any, code: str) -> bool:
    if code not in _LIMITS:
        return True
    return getattr(member, _RENAMED.get(code, code), None) is not None


def _sent(code: str, message: Any) -> str:
    """Return the code that the client gets, which may be a message of that form."""
    return code_of(ErrorDetail(str(message) if code == "invalid" else "", code))


def _add_validator(codes: Codes, validator: Any) -> None:
    code = getattr(validator, "code", None)
    if isinstance(validator, UniqueValidator):
        codes.add(["unique"])
    elif code is not None:
        sent = [_sent(str(code), getattr(validator, "message", ""))]
        codes.add(sent, loose=sent if _is_of_project(validator) else ())
    elif _is_of_project(validator):
        codes.is_open = True
    else:
        # Django's DecimalValidator has several codes.
        codes.add(getattr(validator, "messages", ["invalid"]))


def _add_validators_of(answers: Answers, serializer: Any) -> None:
    for validator in serializer.validators:
        code = getattr(validator, "code", None)
        if isinstance(validator, UniqueTogetherValidator):
            # It requires all of its fields. Older versions of DRF do not let the code
            # vary.
            code = code or "unique"
            for name in validator.fields:
                answers.at(400, name).add(["required"])
        if code is None:
            answers.fields_are_open = True
        else:
            answers.at(400, NON_FIELD_ERRORS).add([str(code)])


def _add_password_validators(codes: Codes) -> None:
    for validator in password_validation.get_default_password_validators():
        known = next(
            (
                code
                for kind, code in _PASSWORD_CODES.items()
                # A subclass may have another code.
                if getattr(type(validator), "validate", None) is kind.validate
            ),
            getattr(validator, "code", None),
        )
        if known is None:
            codes.is_open = True
        elif _is_of_project(validator):
            codes.add(loose=[str(known)])
        else:
            codes.add([str(known)])


def _overrides(kind: type[Any], names: Iterable[str]) -> bool:
    return any(_is_of_project(getattr(kind, name, None)) for name in names)


def _is_of_project(member: Any) -> bool:
    module = getattr(member, "__module__", None)
    return module is not None and not any(
        f"{module}.".startswith(f"{package}.") for package in (*_LIBRARIES, *packages())
    )
