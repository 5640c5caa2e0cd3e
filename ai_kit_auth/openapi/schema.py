"""The OpenAPI schema of the views, as extensions of drf-spectacular."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db.models import IntegerField, UUIDField
from drf_spectacular.extensions import (
    OpenApiSerializerFieldExtension,
    OpenApiViewExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import authentication, serializers
from rest_framework.settings import api_settings as drf_settings

from ..endpoints import (
    AuthView,
    CSRFEnforcement,
    SessionAuthentication,
    StrictSessionAuthentication,
)
from ..operations import CSRF, USER, USER_OR_NULL, Operation
from ..params import KEY, Declaration
from ..serializers import PasswordField, PurposeField, UserSerializer
from ..settings import api_settings
from ..user_model import UserModel, user_model
from .codes import ERROR, Answers, Codes, answers_of
from .operations import operation_of

NO_CONTENT = 204
_ANY_CODE = {"type": "string", "pattern": "^[a-z0-9_]+$"}
_DESCRIPTIONS = {
    200: "Done",
    201: "Made",
    204: "Done; the answer has no body",
    400: "What is wrong, in codes",
    403: "Not allowed",
    404: "The user has no such thing, or no longer",
    409: "Other rows need it, and nothing was changed",
    415: "The body is neither JSON nor a form",
    429: "Too many requests",
    503: "A service that the request needs is down, such as the database; or the mail "
    "cannot be sent, and nothing was made",
}
# In Python these match letters and digits of all scripts. JSON Schema reads a pattern
# as ECMA-262 does, where they match those of ASCII only.
_OF_ALL_SCRIPTS = re.compile(r"\\[wWdDbBsS]")


_JSON_NAMES: Mapping[type[Any], str] = {
    int: "integer",
    float: "number",
    bool: "boolean",
    str: "string",
}
_ANY_PARAMS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": {
        # OpenAPI 3.0 has no list of types.
        "anyOf": [{"type": name} for name in ("number", "boolean", "string")]
    },
    "minProperties": 1,
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


def error_schema(
    code: Mapping[str, Any], params: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """
    Return the schema of ``{"error": "<code>"}``.

    ``params``: the schema of the key of that name, None if the body has none.
    """
    beside = {} if params is None else {KEY: dict(params)}
    return _object({ERROR: dict(code), **beside}, required=[ERROR])


def field_errors_schema(
    codes: Mapping[str, Mapping[str, Any]],
    params: Mapping[str, Any] | None = None,
    *,
    is_open: bool,
) -> dict[str, Any]:
    """
    Return the schema of ``{"<field>": ["<code>", ...]}``.

    ``codes`` has the schema of a code for each field. With ``is_open`` there may be
    other fields. ``params``: as for :func:`error_schema`.
    """
    lists = {place: _list_of(code) for place, code in codes.items()}
    beside = {} if params is None else {KEY: dict(params)}
    others: Any = _list_of(_ANY_CODE) if is_open else False
    return _object({**lists, **beside}, minProperties=1, additionalProperties=others)


def params_schema(
    places: Mapping[str, Codes], *, is_open: bool
) -> dict[str, Any] | None:
    """
    Return the schema of ``params``: place → code → name → value.

    It is None if no code of ``places`` can have parameters, and without ERROR_PARAMS.
    With ``is_open`` there may be other places.
    """
    if not api_settings.ERROR_PARAMS:
        return None
    by_place = {}
    for place, codes in places.items():
        by_code = {
            code: _ANY_PARAMS if kinds is None else _filled(_properties(kinds))
            for code, kinds in codes.params().items()
        }
        if by_code or codes.is_open:
            others = _ANY_PARAMS if codes.is_open else False
            by_place[place] = _filled(by_code, others)
    if is_open:
        return _filled(by_place, _filled({}, _ANY_PARAMS))
    return _filled(by_place) if by_place else None


def _filled(properties: Mapping[str, Any], others: Any = False) -> dict[str, Any]:
    return _object(properties, additionalProperties=others, minProperties=1)


def _properties(kinds: Declaration) -> dict[str, Any]:
    return {name: {"type": _JSON_NAMES[kind]} for name, kind in kinds.items()}


class AuthSchema(AutoSchema):
    """
    How drf-spectacular inspects the views of this package.

    It inspects a method that a subclass in the project adds in its own way.
    """

    view: Any

    @property
    def operation(self) -> Operation | None:
        return operation_of(self.view.inspected, self.method)

    @property
    def answers(self) -> Answers:
        return answers_of(self.view.inspected, self.method)

    def get_operation_id(self) -> str:
        operation = self.operation
        own: str = operation.id if operation else super().get_operation_id()
        return own

    def get_tags(self) -> list[str]:
        return ["accounts"]

    def get_summary(self) -> Any:
        operation = self.operation
        return operation.summary if operation else super().get_summary()

    def get_description(self) -> Any:  # type: ignore[override]  # drf-spectacular's own
        operation = self.operation
        return operation.description if operation else super().get_description()

    def get_auth(self) -> list[dict[str, Any]]:
        auths: list[dict[str, Any]] = super().get_auth()
        # Some generators take an empty alternative for a required security scheme.
        return [] if auths == [{}] else auths

    def get_override_parameters(self) -> list[Any]:
        if self.operation is None:
            return list(super().get_override_parameters())
        return [*self._parameters()]

    def _parameters(self) -> Iterator[OpenApiParameter]:
        answers = self.answers.by_status
        refusals = answers.get(403, {}).get(ERROR)
        if refusals is not None and "csrf_failed" in refusals.known:
            yield OpenApiParameter(
                _csrf_header(),
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="The `csrf` value of the last answer that had one.",
            )
        yield OpenApiParameter(
            "Retry-After",
            int,
            OpenApiParameter.HEADER,
            response=[status for status in (429, 503) if status in answers],
            description="Seconds to wait.",
        )

    # Requests

    def get_request_serializer(self) -> Any:
        operation = self.operation
        if operation is None:
            return super().get_request_serializer()
        serializer_class = operation.serializer_of(type(self.view))
        if serializer_class is None:
            return None
        serializer = serializer_class()
        if operation.restrict is not None:
            operation.restrict(serializer)
        return serializer

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        # The project may have its own UserSerializer; two components need two names.
        if type(serializer) is UserSerializer:
            return "Account"
        if self.operation is not None and _is_ours(serializer):
            return f"{_camel(self.operation.id)}Input"
        name: str = super().get_serializer_name(serializer, direction)
        return name

    def _map_serializer(
        self, serializer: Any, direction: Any, bypass_extensions: bool = False
    ) -> Any:
        schema = super()._map_serializer(  # type: ignore[no-untyped-call]  # drf-spectacular
            serializer, direction, bypass_extensions
        )
        if _is_ours(serializer):
            # The docstring is for developers who subclass it, not for clients.
            schema.pop("description", None)
        return schema

    def _map_serializer_field(
        self, field: Any, direction: Any, bypass_extensions: bool = False
    ) -> Any:
        schema = super()._map_serializer_field(  # type: ignore[no-untyped-call]  # drf-spectacular
            field, direction, bypass_extensions
        )
        if isinstance(field, PurposeField):
            return self._component("Purpose", schema)
        if direction == "response" and type(field) is serializers.ReadOnlyField:
            # An account from elsewhere may have no e-mail address.
            schema.pop("format", None)
        takes_numbers = (
            direction == "request"
            and isinstance(field, serializers.CharField)
            and not isinstance(field, PasswordField | serializers.EmailField)
        )
        if takes_numbers and schema == {**schema, "type": "string"} and not _is_3_0():
            # DRF turns a number into a string.
            schema["type"] = ["string", "number"]
        return schema

    def _insert_field_validators(self, field: Any, schema: Any) -> None:
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]  # drf-spectacular
        # The second alternative is the blank string, which the first takes as well
        # then.
        inner = schema.get("oneOf", [schema])[0]
        if _OF_ALL_SCRIPTS.search(inner.get("pattern", "")):
            del inner["pattern"]
            schema.pop("oneOf", None)
            schema.update(inner)

    def _get_request_body(self, direction: Any = "request") -> Any:
        method = self.method
        if method == "DELETE":
            # drf-spectacular asks only for the bodies of the others.
            self.method = "POST"
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # drf-spectacular
        finally:
            self.method = method

    # Answers

    def get_response_serializers(self) -> Any:
        operation, answers = self.operation, self.answers
        if operation is None:
            return super().get_response_serializers()
        answer = _object(
            {key: self._part(key, kind) for key, kind in operation.answer.items()},
            # drf-spectacular keeps an empty list, which OpenAPI 3.0 forbids.
            **({"required": list(operation.answer)} if operation.answer else {}),
        )
        component: Any = None
        if operation.success != NO_CONTENT:
            component = self._component("Answer", answer)
        if operation.many:
            component = {"type": "array", "items": component}
        schemas: dict[Any, Any] = {
            operation.success: component,
            **{
                status: self._errors_schema(status, answers)
                for status in sorted(answers.by_status)
            },
        }
        responses = {
            status: OpenApiResponse(schema, description=_DESCRIPTIONS[status])
            for status, schema in schemas.items()
        }
        if answers.is_open:
            params = params_schema({}, is_open=True)
            shapes = [
                error_schema(_ANY_CODE, params),
                field_errors_schema({}, params, is_open=True),
            ]
            veto = OpenApiResponse(
                self._component("Veto", {"anyOf": shapes}),
                description="An error code of the project",
            )
            responses |= {"4XX": veto, "5XX": veto}
        return responses

    def _part(self, key: str, kind: str | Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(kind, str):
            # A component, as for the codes: a project has a "status" of its own.
            part = dict(kind)
            return self._component(_camel(key), part) if "enum" in part else part
        if kind == CSRF:
            return {
                "type": "string",
                "description": f"For the header `{_csrf_header()}` of later requests.",
            }
        user: dict[str, Any] = self.resolve_serializer(
            self.view.get_user_serializer_class(), "response"
        ).ref
        if kind == USER:
            return user
        if _is_3_0():
            return {"allOf": [user], "nullable": True}
        return {"oneOf": [user, {"type": "null"}]}

    def _errors_schema(self, status: int, answers: Answers) -> dict[str, Any]:
        places = dict(answers.by_status[status])
        # Every operation has some, since any body can be malformed.
        at_error = places.pop(ERROR)
        whole = self._code(at_error, f"Error{status}")
        params = params_schema({ERROR: at_error}, is_open=False)
        shapes = [self._component(f"Error{status}", error_schema(whole, params))]
        if places:
            by_place = {
                place: self._code(codes, _camel(place))
                for place, codes in places.items()
            }
            is_open = answers.is_open or answers.fields_are_open
            params = params_schema(places, is_open=is_open)
            schema = field_errors_schema(by_place, params, is_open=is_open)
            shapes.append(self._component("FieldErrors", schema))
        if answers.is_open:
            any_params = params_schema({}, is_open=True)
            shapes.append(error_schema(_ANY_CODE, any_params))
        return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}

    def _code(self, codes: Codes, place: str) -> dict[str, Any]:
        if not codes.known:
            return _ANY_CODE
        # A component, since drf-spectacular would look for a common name of all enums
        # that stand at "error", and warn.
        schema = {"type": "string", "enum": sorted(codes.known), **_x_params(codes)}
        listed = self._component(f"{place}Code", schema)
        return {"anyOf": [listed, _ANY_CODE]} if codes.is_open else listed

    def _component(self, suffix: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Register ``schema`` under a name of this operation; return the reference."""
        component = ResolvedComponent(  # type: ignore[no-untyped-call]  # drf-spectacular
            name=_camel(self.get_operation_id()) + suffix,
            type=ResolvedComponent.SCHEMA,
            schema=schema,
            object=type(self).__name__,
        )
        self.registry.register_on_missing(component)
        reference: dict[str, Any] = component.ref
        return reference

    # Examples

    def get_examples(self) -> Any:
        operation = self.operation
        if operation is None:
            return super().get_examples()
        return [
            *self._request_examples(),
            *_answer_examples(operation),
            *_error_examples(self.answers),
        ]

    def _request_examples(self) -> Iterable[OpenApiExample]:
        serializer = self.get_request_serializer()
        if serializer is None:
            return
        members = serializer.fields
        names = [name for name, member in members.items() if member.required]
        if "ident" not in names:
            names += [name for name in ("email",) if name in members]
        values = _example_values()
        # We cannot know what a field of the project takes.
        if set(names) <= set(values):
            value = {name: values[name] for name in dict.fromkeys(names)}
            yield OpenApiExample("request", value=value, request_only=True)


def _answer_examples(operation: Operation) -> Iterable[OpenApiExample]:
    if operation.many or operation.success == NO_CONTENT:
        return
    values: dict[Any, Any] = {CSRF: "p7G3nXbQe1vUo8TzKc4wRy0LsJm2HfDa"}
    kinds = list(operation.answer.values())
    if USER_OR_NULL in kinds:
        yield _answer_example("nobody", operation, {**values, USER_OR_NULL: None})
    if api_settings.USER_SERIALIZER is UserSerializer:
        user = _example_user()
        values |= {USER: user, USER_OR_NULL: user}
    # An answer with a schema of its own has its examples there.
    if all(isinstance(kind, str) and kind in values for kind in kinds):
        yield _answer_example("done", operation, values)


def _answer_example(
    name: str, operation: Operation, values: Mapping[Any, Any]
) -> OpenApiExample:
    return OpenApiExample(
        name,
        value={key: values[kind] for key, kind in operation.answer.items()},
        response_only=True,
        status_codes=[str(operation.success)],
    )


def _example_user() -> dict[str, Any]:
    is_number = _primary_key_type()["type"] == "integer"
    values = _example_values()
    return {
        "id": 1 if is_number else "6e1b7f0c-3f0d-4d9e-9a53-6f2f1c1a9b10",
        **{name: values[name] for name in user_model.names},
    }


def _error_examples(answers: Answers) -> Iterable[OpenApiExample]:
    for status, places in answers.by_status.items():
        for place, codes in places.items():
            for code in sorted(codes.known):
                yield OpenApiExample(
                    code if place == ERROR else f"{place}_{code}",
                    value={place: code if place == ERROR else [code]},
                    response_only=True,
                    status_codes=[str(status)],
                )


def _x_params(codes: Codes) -> dict[str, Any]:
    """Return the types of the parameters of ``codes``, for generators of types."""
    types = {
        code: {name: _JSON_NAMES[kind] for name, kind in kinds.items()}
        for code, kinds in codes.params().items()
        if kinds is not None
    }
    return {"x-params": types} if types and api_settings.ERROR_PARAMS else {}


def _is_ours(serializer: Any) -> bool:
    kind = serializer if isinstance(serializer, type) else type(serializer)
    return kind.__module__ == UserSerializer.__module__


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
        "token": "d3k0s2-5d41402abc4b2a76b9719d911017c592",
    }
    username = user_model.username
    own = {user_model.email: "email", **({username: "username"} if username else {})}
    return {**values, **{name: values[usual] for name, usual in own.items()}}


class AuthViewExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]  # drf-spectacular
    """Gives the views of this package, and their subclasses, :class:`AuthSchema`."""

    target_class = AuthView
    match_subclasses = True

    def view_replacement(self) -> Any:
        view = self.target
        _rebase_annotations(view)
        # For a client our classes are Django's session, which drf-spectacular knows as
        # DRF's.
        sessions = (SessionAuthentication, StrictSessionAuthentication)
        authenticators = [
            authentication.SessionAuthentication if kind in sessions else kind
            for kind in view.authentication_classes
            if kind is not CSRFEnforcement
        ]
        own = {
            "schema": AuthSchema(),
            "inspected": view,
            "authentication_classes": authenticators,
            "__doc__": view.__doc__,
        }
        return type(view.__name__, (view,), own)


def _rebase_annotations(view: type[Any]) -> None:
    """
    Apply the project's ``extend_schema`` on top of :class:`AuthSchema`.

    On a method, the decorator does not know that class, and would describe the rest of
    the method by the project's default schema class.
    """
    default: Any = drf_settings.DEFAULT_SCHEMA_CLASS
    for name in view.http_method_names:
        annotations = getattr(getattr(view, name, None), "kwargs", {})
        said = annotations.get("schema", AuthSchema)
        if not issubclass(said, AuthSchema):
            bases = [base for base in said.__mro__ if base not in default.__mro__]
            annotations["schema"] = type(said.__name__, (*bases, AuthSchema), {})


class PrimaryKeyExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # drf-spectacular
    """A primary key: a number if the column is numeric, otherwise a string."""

    target_class = "ai_kit_auth.serializers.PrimaryKeyField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Any:
        return {"readOnly": True, **_primary_key_type()}


def _primary_key_type() -> dict[str, Any]:
    column = UserModel._meta.pk
    if isinstance(column, IntegerField):
        return {"type": "integer"}
    uuid = {"format": "uuid"} if isinstance(column, UUIDField) else {}
    return {"type": "string", **uuid}
