"""How OpenAPI says what the views take and answer: drf-spectacular's extensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db.models import IntegerField
from drf_spectacular.extensions import (
    OpenApiSerializerFieldExtension,
    OpenApiViewExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from ..authentication import SessionAuthentication
from ..serializers import PasswordField
from ..settings import api_settings
from ..users import UserModel, email_field, username_field
from ..views import AuthView
from .codes import ERROR, Answers, Codes, answers_of
from .operations import Operation, operation_of

CODE = "^[a-z0-9_]+$"
_ANY_CODE = {"type": "string", "pattern": CODE}
_DESCRIPTIONS = {
    400: "What is wrong, in codes",
    403: "Not allowed",
    409: "Something else stands in the way",
    415: "The body is neither JSON nor a form",
    429: "Too many requests",
    503: "The mail cannot be sent now",
}


def _list_of(code: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(code), "minItems": 1}


def _object(properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
        **more,
    }


def error_schema(code: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of ``{"error": "<code>"}``."""
    return _object({ERROR: dict(code)}, required=[ERROR])


def field_errors_schema(
    codes: Mapping[str, Mapping[str, Any]], *, is_open: bool
) -> dict[str, Any]:
    """
    Return the schema of ``{"<field>": ["<code>", ...]}``.

    ``codes``: the schema of a code, by field; ``is_open``: other fields may come.
    """
    lists = {place: _list_of(code) for place, code in codes.items()}
    others: Any = _list_of(_ANY_CODE) if is_open else False
    return _object(lists, minProperties=1, additionalProperties=others)


class AuthSchema(AutoSchema):
    """drf-spectacular's inspection of a view, for the views of this app."""

    @property
    def operation(self) -> Operation:
        found = operation_of(type(self.view), self.method)
        # A host's subclass may serve a method of its own.
        return found or Operation(self.view.__class__.__name__)

    def get_operation_id(self) -> str:
        name = self.path.strip("/").rpartition("/")[2]
        return f"update_{name}" if self.method == "PATCH" else name

    def get_tags(self) -> list[str]:
        return ["accounts"]

    def get_summary(self) -> str:
        return self.operation.summary

    def get_auth(self) -> list[dict[str, Any]]:
        codes = self.operation.errors.get(403, ())
        asks_session = SessionAuthentication in {
            type(authenticator) for authenticator in self.view.get_authenticators()
        }
        if not asks_session:
            return [{}]
        name = "cookieAuth"
        self.registry.register_on_missing(
            ResolvedComponent(  # type: ignore[no-untyped-call]  # drf-spectacular
                name=name,
                type=ResolvedComponent.SECURITY_SCHEMA,
                object=SessionAuthentication,
                schema={
                    "type": "apiKey",
                    "in": "cookie",
                    "name": settings.SESSION_COOKIE_NAME,
                },
            )
        )
        return [{name: []}] if "not_authenticated" in codes else [{}, {name: []}]

    def get_override_parameters(self) -> list[Any]:
        parameters = []
        if "csrf_failed" in self.operation.errors.get(403, ()):
            parameters.append(
                OpenApiParameter(
                    _csrf_header(),
                    str,
                    OpenApiParameter.HEADER,
                    required=True,
                    description="The `csrf` value of the last answer that had one.",
                )
            )
        if 429 in self.answers.by_status:
            parameters.append(
                OpenApiParameter(
                    "Retry-After",
                    int,
                    OpenApiParameter.HEADER,
                    response=[429],
                    description="Seconds to wait.",
                )
            )
        return parameters

    @property
    def answers(self) -> Answers:
        return answers_of(type(self.view), self.method)

    # Requests

    def get_request_serializer(self) -> Any:
        serializer = self.operation.serializer
        return None if serializer is None else serializer()

    def _map_serializer_field(
        self, field: Any, direction: Any, bypass_extensions: bool = False
    ) -> Any:
        schema = super()._map_serializer_field(  # type: ignore[no-untyped-call]  # drf-spectacular
            field, direction, bypass_extensions
        )
        takes_numbers = (
            direction == "request"
            and isinstance(field, serializers.CharField)
            and not isinstance(field, PasswordField | serializers.EmailField)
        )
        if takes_numbers and schema.get("type") == "string":
            # DRF's CharField makes a string of a number.
            if _is_3_0():
                return {"oneOf": [schema, {"type": "number"}]}
            return {**schema, "type": ["string", "number"]}
        return schema

    # Answers

    def get_response_serializers(self) -> Any:
        operation, answers = self.operation, self.answers
        responses: dict[Any, OpenApiResponse] = {
            operation.success: OpenApiResponse(
                self._component("Answer", self._success_schema(operation.answer)),
                description="Done",
            )
        }
        for status in sorted(answers.by_status):
            responses[status] = OpenApiResponse(
                self._errors_schema(status, answers),
                description=_DESCRIPTIONS.get(status, "Refused"),
            )
        if answers.is_open:
            anything = {
                "anyOf": [
                    error_schema(_ANY_CODE),
                    field_errors_schema({}, is_open=True),
                ]
            }
            responses["4XX"] = OpenApiResponse(
                self._component("Veto", anything),
                description="What a rule of the host's own says",
            )
        return responses

    def _success_schema(self, answer: Mapping[str, str]) -> dict[str, Any]:
        return (
            _object(
                {key: self._part(kind) for key, kind in answer.items()},
                required=list(answer),
            )
            if answer
            else _object({})
        )

    def _part(self, kind: str) -> dict[str, Any]:
        if kind == "csrf":
            return {
                "type": "string",
                "description": f"For the header {_csrf_header()} of the next request.",
            }
        user: dict[str, Any] = self.resolve_serializer(
            api_settings.USER_SERIALIZER, "response"
        ).ref
        if kind == "user":
            return user
        if _is_3_0():
            return {"allOf": [user], "nullable": True}
        return {"oneOf": [user, {"type": "null"}]}

    def _errors_schema(self, status: int, answers: Answers) -> dict[str, Any]:
        places = dict(answers.by_status[status])
        whole = places.pop(ERROR, None)
        shapes = []
        if whole is not None:
            schema = error_schema(self._code(whole, f"Error{status}"))
            shapes.append(self._component(f"Error{status}", schema))
        if places:
            by_place = {
                place: self._code(codes, _camel(place))
                for place, codes in places.items()
            }
            schema = field_errors_schema(by_place, is_open=answers.is_open)
            shapes.append(self._component("FieldErrors", schema))
        return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}

    def _code(self, codes: Codes, place: str) -> dict[str, Any]:
        # A component, since drf-spectacular would look for a common name of all enums
        # that stand at "error", and warn.
        listed = self._component(
            f"{place}Code", {"type": "string", "enum": sorted(codes.known)}
        )
        return {"anyOf": [listed, _ANY_CODE]} if codes.is_open else listed

    def _component(self, suffix: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Give ``schema`` a name of this operation's own, and return the reference."""
        component = ResolvedComponent(  # type: ignore[no-untyped-call]  # drf-spectacular
            name=_camel(self.get_operation_id()) + suffix,
            type=ResolvedComponent.SCHEMA,
            schema=schema,
            object=f"{self.path} {self.method} {suffix}",
        )
        self.registry.register_on_missing(component)
        reference: dict[str, Any] = component.ref
        return reference

    # Examples

    def get_examples(self) -> list[OpenApiExample]:
        return [*self._request_examples(), *self._error_examples()]

    def _request_examples(self) -> Iterable[OpenApiExample]:
        serializer_class = self.get_request_serializer()
        if serializer_class is None:
            return
        fields = serializer_class().fields
        needed = [name for name, member in fields.items() if member.required]
        if "ident" not in needed:
            needed += [name for name in ("email",) if name in fields]
        values = _example_values()
        if needed and set(needed) <= set(values):
            value = {name: values[name] for name in dict.fromkeys(needed)}
            yield OpenApiExample("request", value=value, request_only=True)

    def _error_examples(self) -> Iterable[OpenApiExample]:
        for status, places in self.answers.by_status.items():
            for place, codes in places.items():
                for code in sorted(codes.known):
                    name = code if place == ERROR else f"{place}: {code}"
                    yield OpenApiExample(
                        name,
                        value={place: code if place == ERROR else [code]},
                        response_only=True,
                        status_codes=[str(status)],
                    )


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _is_3_0() -> bool:
    return str(spectacular_settings.OAS_VERSION).startswith("3.0")


def _csrf_header() -> str:
    name = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-")
    return "X-CSRFToken" if name == "X-CSRFTOKEN" else name


def _example_values() -> dict[str, Any]:
    values = {
        "ident": "ada@example.com",
        "email": "ada@example.com",
        "username": "ada",
        "password": "tall ferns in the rain",
        "new_password": "nine lanterns on a hill",
        "token": "d3k0s2-5d41402abc4b2a76b9719d911017c592",
    }
    values[email_field()] = values["email"]
    if username_field():
        values[username_field() or ""] = values["username"]
    return values


class AuthViewExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]  # drf-spectacular
    """Gives every view of the app, and a host's subclasses, :class:`AuthSchema`."""

    target_class = AuthView
    match_subclasses = True

    def view_replacement(self) -> Any:
        view = self.target
        own = {
            "schema": AuthSchema(),
            "__doc__": view.__doc__,
            "__module__": view.__module__,
        }
        return type(view.__name__, (view,), own)


class PrimaryKeyExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # drf-spectacular
    """A primary key: a number where the column holds one, else a string."""

    target_class = "ai_kit_auth.serializers.PrimaryKeyField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Any:
        is_number = isinstance(UserModel._meta.pk, IntegerField)
        return {"type": "integer" if is_number else "string", "readOnly": True}
