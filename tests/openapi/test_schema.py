"""The schema is valid, and describes the endpoints under the project's settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from django.urls import include, path
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import patched_settings
from drf_spectacular.utils import (
    OpenApiExample,
    extend_schema,
    extend_schema_field,
)
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from rest_framework import authentication, generics, serializers
from rest_framework.response import Response

import ai_kit_auth.openapi.schema as _  # noqa: F401  # the tests' settings lack the app
from ai_kit_auth import signals, urls, views
from ai_kit_auth.account.serializers import UserUpdateSerializer
from ai_kit_auth.openapi.codes import answers_of
from ai_kit_auth.openapi.operations import OPERATIONS
from ai_kit_auth.serializers import RegistrationSerializer, UserSerializer
from ai_kit_auth.user_model import user_model

from ..browser.processes import environment
from ..test_openapi_codes import connected
from ..urlconfs.account import ROUTES
from .conftest import ROOT

FRONTEND = {"FRONTEND": {"URL": "https://app.example.com"}}
VERSIONS = ("3.1.0", "3.0.3")
IDS = {
    "activate_email",
    "login",
    "logout",
    "me",
    "register",
    "reset_password",
    "send_pw_reset_email",
    "validate_password",
}
# The operations for logged-in users that change something.
OF_ACCOUNT = {
    "change_email",
    "change_password",
    "confirm_password",
    "delete_account",
    "logout_others",
    "update_me",
}
# Those that every client may call, and that are off by default.
MORE = {"confirm_email", "link_status", "resend_activation_email"}
ALL_IDS = {*IDS, *OF_ACCOUNT, *MORE}
# Of the apps that the example installs.
OF_APPS = {
    "activate_passkey_options",
    "add_passkey",
    "confirm_totp",
    "end_session",
    "end_sessions",
    "enrol_totp",
    "factors",
    "name_session",
    "not_me",
    "passkey_login",
    "passkey_login_options",
    "passkey_options",
    "remove_passkey",
    "remove_totp",
    "rename_passkey",
    "renew_recovery_codes",
    "second_factor",
    "second_factor_methods",
    "second_factor_passkey_options",
    "sessions",
}
ALL_ROUTES = (ROUTES, "ai_kit_auth")


class OwnRegistration(RegistrationSerializer):
    age = serializers.IntegerField(min_value=18)
    town = serializers.CharField(required=False)

    def validate_town(self, town: str) -> str:
        return town


class OwnUser(UserSerializer):
    greeting = serializers.SerializerMethodField()

    def get_greeting(self, user: Any) -> str:
        return f"Hello {user}"


OWN: dict[str, Any] = {
    "REGISTRATION_SERIALIZER": OwnRegistration,
    "USER_SERIALIZER": OwnUser,
}


def generate(
    *own: Any, version: str = "3.1.0", routes: Any = ALL_ROUTES, **keys: Any
) -> Any:
    """
    Return the schema of a project with these URL patterns and keys.

    Every endpoint is on, unless ``routes`` has others.

    The schema must be valid, and drf-spectacular must not have warned.
    """
    reset_generator_stats()
    patterns = [path("auth/", include(routes)), *own]
    with (
        override_settings(
            AI_KIT_AUTH={**FRONTEND, **keys},
            REST_FRAMEWORK={
                "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"
            },
        ),
        patched_settings({"OAS_VERSION": version, "TITLE": "Host", "VERSION": "1"}),
    ):
        schema = SchemaGenerator(patterns=patterns).get_schema(public=True)  # type: ignore[no-untyped-call]  # drf-spectacular
    assert not GENERATOR_STATS
    validate(schema)
    return schema


def operations(schema: Any) -> dict[str, Any]:
    """Return the operations by their ids."""
    return {
        operation["operationId"]: operation
        for methods in schema["paths"].values()
        for operation in methods.values()
    }


def resolved(schema: Any, part: Any) -> Any:
    """Return ``part``, or what it refers to."""
    while "$ref" in part:
        part = schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
    return part


def answer(schema: Any, operation_id: str, status: int | str) -> Any:
    """Return the schema of an answer's body."""
    content = operations(schema)[operation_id]["responses"][str(status)]["content"]
    return resolved(schema, content["application/json"]["schema"])


def body(schema: Any, operation_id: str) -> Any:
    content = operations(schema)[operation_id]["requestBody"]["content"]
    return resolved(schema, content["application/json"]["schema"])


def accepts(schema: Any, part: Any, value: object) -> bool:
    """Tell whether ``value`` is what ``part`` describes."""
    whole = {**part, "components": schema["components"]}
    return bool(OAS31Validator(whole).is_valid(value))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_command_of_the_host_prints_no_warning(
    version: str, tmp_path: Path
) -> None:
    overlay = f"""from host.settings import *
SPECTACULAR_SETTINGS["OAS_VERSION"] = {version!r}
"""
    (tmp_path / "overlay.py").write_text(overlay, encoding="utf-8")
    run = subprocess.run(  # noqa: S603  # a command of the suite's
        [
            *(sys.executable, "-W", "error", ROOT / "example_project" / "manage.py"),
            *("spectacular", "--validate", "--fail-on-warn", "--settings", "overlay"),
            *("--file", tmp_path / "schema.yaml"),
        ],
        env=environment(EXAMPLE_DATA_DIR=str(tmp_path), PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert f"openapi: {version}" in (tmp_path / "schema.yaml").read_text()


def test_what_the_example_serves_is_openapi_3_1(schema: Any) -> None:
    assert schema["openapi"] == "3.1.0"
    validate(schema)
    assert set(operations(schema)) == ALL_IDS | OF_APPS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_with_serializers_of_its_own_gets_a_valid_schema(version: str) -> None:
    assert set(operations(generate(version=version, **OWN))) == ALL_IDS


def test_what_is_off_by_default_is_in_no_schema() -> None:
    schema = generate(routes="ai_kit_auth.urls")
    assert set(operations(schema)) == IDS
    named = {name.lower() for name in schema["components"]["schemas"]}
    assert not [name for name in named if name.startswith(("change", "delete"))]


def test_the_endpoints_need_no_default_of_the_hosts() -> None:
    with override_settings(AI_KIT_AUTH=FRONTEND, REST_FRAMEWORK={}):
        reset_generator_stats()
        patterns = [path("auth/", include("ai_kit_auth.urls"))]
        schema = SchemaGenerator(patterns=patterns).get_schema(public=True)  # type: ignore[no-untyped-call]  # drf-spectacular
    assert not GENERATOR_STATS
    assert set(operations(schema)) == IDS


def test_the_hosts_own_serializers_show() -> None:
    schema = generate(**OWN)
    fields = body(schema, "register")["properties"]
    assert fields["age"] == {"type": "integer", "minimum": 18}
    user = resolved(schema, answer(schema, "login", 200)["properties"]["user"])
    assert user["properties"]["greeting"]["type"] == "string"
    plain = generate()
    assert "age" not in body(plain, "register")["properties"]


@pytest.mark.user_model("auth_user")
def test_what_an_update_never_changes_is_in_no_schema() -> None:
    class Everything(UserUpdateSerializer):
        class Meta(UserUpdateSerializer.Meta):
            fields = ("id", "first_name", "password", "is_superuser", "last_login")

    schema = generate(USER_UPDATE_SERIALIZER=Everything)
    assert set(body(schema, "update_me")["properties"]) == {"first_name"}


def test_a_disabled_endpoint_is_absent() -> None:
    off = ("REGISTER", "LINK_STATUS")
    enabled = [route for key, route in urls.ROUTES.items() if key not in off]
    schema = generate(routes=(enabled, "ai_kit_auth"))
    assert set(operations(schema)) == IDS - {"register"}
    assert not [name for name in schema["components"]["schemas"] if "Regist" in name]


def test_bodies_may_be_json_or_forms() -> None:
    for operation_id, operation in operations(generate()).items():
        kinds = set(operation.get("requestBody", {}).get("content", {}))
        expected = {
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        }
        assert kinds == (set() if operation_id in {"logout", "me"} else expected)


def test_every_operation_says_what_it_is_for() -> None:
    for operation in operations(generate()).values():
        assert operation["tags"] == ["accounts"]
        assert operation["summary"]
        assert operation["description"]


def test_changes_of_a_session_need_the_token_in_the_hosts_header() -> None:
    def headers(schema: Any) -> dict[str, list[str]]:
        return {
            name: [parameter["name"] for parameter in operation["parameters"]]
            for name, operation in operations(schema).items()
            if "parameters" in operation
        }

    assert headers(generate()) == {
        name: ["X-CSRFToken"] for name in ("login", "logout", *OF_ACCOUNT)
    }
    with override_settings(CSRF_HEADER_NAME="HTTP_X_XSRF_TOKEN"):
        assert headers(generate())["login"] == ["X-XSRF-TOKEN"]


def test_the_session_is_a_cookie_by_the_hosts_name_for_it() -> None:
    with override_settings(SESSION_COOKIE_NAME="sid"):
        schema = generate()
    assert {
        name: operation["security"]
        for name, operation in operations(schema).items()
        if "security" in operation
    } == {
        **{name: [{"cookieAuth": []}] for name in ("logout", *OF_ACCOUNT)},
        "me": [{"cookieAuth": []}, {}],
    }
    assert schema["components"]["securitySchemes"] == {
        "cookieAuth": {"type": "apiKey", "in": "cookie", "name": "sid"}
    }


def test_who_is_told_to_wait_is_told_how_long() -> None:
    for operation in operations(generate()).values():
        for status, response in operation["responses"].items():
            waits = "Retry-After" in response.get("headers", {})
            assert waits is (status in {"429", "503"})


def listed(schema: Any, operation: Any) -> dict[int, dict[str, set[str]]]:
    """Return the codes that the schema enumerates: status → place → codes."""
    return {
        int(status): {
            place: set(codes)
            for shape in shapes(schema, response)
            for place, codes in enumerated(schema, shape)
        }
        for status, response in operation["responses"].items()
        if status >= "4"
    }


def shapes(schema: Any, response: Any) -> list[Any]:
    part = resolved(schema, response["content"]["application/json"]["schema"])
    return [resolved(schema, shape) for shape in part.get("anyOf", [part])]


def enumerated(schema: Any, shape: Any) -> Iterator[tuple[str, list[str]]]:
    for place, part in shape["properties"].items():
        code = part if place == "error" else part["items"]
        whole = resolved(schema, code)
        yield place, resolved(schema, whole.get("anyOf", [whole])[0])["enum"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"USERNAME_REQUIRED": True},
        {"PREVENT_ENUMERATION": True},
        {"THROTTLE_RATES": {"REGISTER": None, "LINK": None}},
        OWN,
    ],
    ids=str,
)
def test_the_enumerated_codes_are_those_that_can_come(
    keys: Mapping[str, Any], version: str
) -> None:
    found = operations(schema := generate(version=version, **keys))
    for (view, method), operation in OPERATIONS.items():
        with override_settings(AI_KIT_AUTH={**FRONTEND, **keys}):
            answers = answers_of(view, method)
        assert listed(schema, found[operation.id]) == {
            status: {place: codes.known for place, codes in places.items()}
            for status, places in answers.by_status.items()
        }


def test_answers_are_closed_and_have_exactly_these_keys() -> None:
    schema = generate()
    login = answer(schema, "login", 200)
    user = {
        "id": 1,
        **dict.fromkeys(filter(None, [user_model.email, user_model.username])),
    }
    user = {**user, **{name: "" for name in user if name != "id"}}
    assert resolved(schema, login["properties"]["user"])["required"] == sorted(user)
    me = answer(schema, "me", 200)
    assert accepts(schema, me, {"user": None, "csrf": "x"})
    assert not accepts(schema, login, {"user": None, "csrf": "x"})
    assert not accepts(schema, me, {"csrf": "x"})
    assert accepts(schema, answer(schema, "register", 201), {})
    assert not accepts(schema, answer(schema, "register", 201), {"id": 1})
    problems = answer(schema, "login", 400)
    assert accepts(schema, problems, {"ident": ["blank"], "password": ["null"]})
    assert accepts(schema, problems, {"error": "parse_error"})
    wrongs: tuple[dict[str, Any], ...] = (
        {},
        {"ident": []},
        {"ident": "blank"},
        {"ident": ["This field may not be blank."]},
        {"error": "throttled"},
        {"name": ["blank"]},
    )
    for wrong in wrongs:
        assert not accepts(schema, problems, wrong)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("own", [{}, OWN], ids=["ours", "own"])
def test_parameters_only_add_to_the_schema(
    own: Mapping[str, Any], version: str
) -> None:
    """Without the key and the types that ERROR_PARAMS brings, it is what it was."""

    def without(part: Any) -> Any:
        if isinstance(part, list):
            return [without(each) for each in part]
        if not isinstance(part, dict):
            return part
        added = {"params", "x-params"}
        return {name: without(part[name]) for name in part.keys() - added}

    plain = generate(version=version, **own)
    assert without(plain) == plain
    more = generate(version=version, ERROR_PARAMS=True, **own)
    assert more != plain
    assert without(more) == plain


def test_each_code_says_which_parameters_it_can_have() -> None:
    schema = generate(ERROR_PARAMS=True)
    codes = schema["components"]["schemas"]
    assert codes["ValidatePasswordPasswordCode"]["x-params"] == {
        "max_length": {"max_length": "integer"},
        "password_too_short": {"min_length": "integer"},
        "password_too_similar": {"verbose_name": "string"},
    }
    wait = {"retry_after": "integer"}
    assert codes["LoginError429Code"]["x-params"] == {"throttled": wait}
    assert codes["LoginError503Code"]["x-params"] == {"service_unavailable": wait}
    assert "x-params" not in codes["LoginError403Code"]
    own = generate(ERROR_PARAMS=True, **OWN)["components"]["schemas"]
    assert own["RegisterAgeCode"]["x-params"]["min_value"] == {"min_value": "number"}


def test_a_body_with_parameters_is_closed_as_well() -> None:
    schema = generate(ERROR_PARAMS=True)
    typed = answer(schema, "validate_password", 400)
    short = {"password": ["password_too_short"]}

    def fits(**params: Any) -> bool:
        return accepts(schema, typed, {**short, "params": params})

    assert accepts(schema, typed, short)
    assert fits(password={"password_too_short": {"min_length": 8}})
    wrongs: tuple[dict[str, Any], ...] = (
        {},
        {"password": {}},
        {"password": {"password_too_short": {}}},
        {"password": {"password_too_short": {"min_length": "8"}}},
        {"password": {"password_too_short": {"min_length": 8, "value": 3}}},
        {"password": {"password_too_common": {"min_length": 8}}},
        {"passwords": {"password_too_short": {"min_length": 8}}},
    )
    for wrong in wrongs:
        assert not fits(**wrong)
    wait = {
        "error": "throttled",
        "params": {"error": {"throttled": {"retry_after": 9}}},
    }
    assert accepts(schema, answer(schema, "login", 429), wait)
    assert not accepts(schema, answer(schema, "logout", 415), {**wait, "error": "x"})
    assert not accepts(schema, answer(generate(), "login", 429), wait)


def test_where_any_code_is_allowed_it_may_have_any_parameters() -> None:
    problems = answer(schema := generate(ERROR_PARAMS=True, **OWN), "register", 400)
    body = {"town": ["town_unknown"], "age": ["min_value"]}

    def fits(**params: Any) -> bool:
        return accepts(schema, problems, {**body, "params": params})

    assert fits(
        town={"town_unknown": {"known": 7, "is_far": True, "field": "age"}},
        age={"min_value": {"min_value": 18}},
    )
    assert not fits(town={"town_unknown": {"known": [7]}})
    assert not fits(age={"odd": {"known": 7}})
    with connected(signals.user_pre_registered):
        schema = generate(ERROR_PARAMS=True, **OWN)
    veto = answer(schema, "register", "4XX")
    full = {"error": "full", "params": {"error": {"full": {"seats": 3}}}}
    assert accepts(schema, veto, full)
    assert accepts(schema, veto, {"a": ["b"], "params": {"a": {"b": {"seats": 3}}}})
    assert not accepts(schema, veto, {**full, "params": {"error": {"full": 3}}})


def test_where_a_hosts_check_may_say_what_it_likes_any_code_is_allowed() -> None:
    schema = generate(**OWN)
    problems = answer(schema, "register", 400)
    assert accepts(schema, problems, {"town": ["town_unknown"]})
    assert not accepts(schema, problems, {"town": ["No such town."]})
    assert not accepts(schema, problems, {"age": ["too_low"]})


def test_a_check_of_all_fields_allows_any_field() -> None:
    def validate(self: Any, attrs: Any) -> Any:
        return attrs

    own = type("OwnSerializer", (RegistrationSerializer,), {"validate": validate})
    schema = generate(REGISTRATION_SERIALIZER=own)
    assert accepts(schema, answer(schema, "register", 400), {"town": ["odd"]})
    assert "4XX" not in operations(schema)["register"]["responses"]


def test_a_host_may_declare_a_field_that_has_no_codes_but_its_own() -> None:
    @extend_schema_field(str)
    class OpenField(serializers.Field[Any, Any, Any, Any]):
        default_error_messages = {}

        def to_internal_value(self, data: Any) -> Any:
            return data

    own = type(
        "OwnSerializer",
        (RegistrationSerializer,),
        {"colour": OpenField(required=False, allow_null=True)},
    )
    schema = generate(REGISTRATION_SERIALIZER=own)
    problems = answer(schema, "register", 400)
    assert accepts(schema, problems, {"colour": ["too_pale"]})
    assert not accepts(schema, problems, {"colour": ["Too pale"]})


def test_while_a_receiver_could_veto_any_refusal_is_described() -> None:
    def veto(**kwargs: Any) -> None: ...

    signals.user_pre_login.connect(veto)
    try:
        vetoed = generate()
    finally:
        signals.user_pre_login.disconnect(veto)
    for status in ("4XX", "5XX", 400, 403):
        described = answer(vetoed, "login", status)
        assert accepts(vetoed, described, {"error": "closed_today"})
        assert not accepts(vetoed, described, {"error": "Closed today."})
    assert accepts(vetoed, answer(vetoed, "login", "4XX"), {"age": ["odd"]})
    assert "4XX" not in operations(vetoed)["logout"]["responses"]
    assert "4XX" not in operations(generate())["login"]["responses"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("keys", [{}, OWN], ids=["default", "own"])
def test_every_example_is_what_it_is_an_example_of(
    keys: Mapping[str, Any], version: str
) -> None:
    schema = generate(version=version, **keys)
    seen = set()
    for name, operation in operations(schema).items():
        parts = [("request", operation.get("requestBody", {}))]
        parts += operation["responses"].items()
        for where, part in parts:
            for media in part.get("content", {}).values():
                for example in media.get("examples", {}).values():
                    seen.add((name, where))
                    if version == "3.0.3" and example["value"].get("user", 1) is None:
                        # Which JSON Schema says otherwise.
                        continue
                    assert accepts(schema, media["schema"], example["value"]), example
    assert {("login", "request"), ("login", "400"), ("logout", "200")} <= seen
    assert (("login", "200") in seen) is (not keys)
    # The values of the project's required fields are unknown.
    assert (("register", "request") in seen) is (not keys)


def test_a_text_may_be_sent_as_a_number_but_a_password_may_not() -> None:
    schema = generate()
    assert accepts(schema, body(schema, "login"), {"ident": 1, "password": "1"})
    assert not accepts(schema, body(schema, "login"), {"ident": "1", "password": 1})
    assert not accepts(schema, body(schema, "login"), {"ident": None, "password": "1"})


@pytest.mark.user_model("auth_user")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_username_may_be_of_any_script_and_may_be_blank(version: str) -> None:
    schema = generate(version=version)
    for name in ("zoë", "", "łukasz"):
        data = {"email": "a@example.com", "password": "1", "username": name}
        assert accepts(schema, body(schema, "register"), data)


# Views of the project


class OwnUsersUser(serializers.Serializer[Any]):
    name = serializers.CharField()

    class Meta:
        ref_name = "User"


class OwnCredentials(OwnUsersUser):
    """Finds the user of a login itself, as the view requires."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {**attrs, "user": get_user_model()._default_manager.get(**attrs)}


class Order(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["open", "paid"])
    purpose = serializers.ChoiceField(["gift", "own use"])


class OrderView(generics.CreateAPIView[Any]):
    """A view of the project with the names of fields that link_status/ has as well."""

    schema = AutoSchema()
    authentication_classes = [authentication.SessionAuthentication]
    serializer_class = Order


class HostsView(generics.RetrieveAPIView[Any]):
    """A view of the project with a common serializer name."""

    schema = AutoSchema()
    authentication_classes = [authentication.SessionAuthentication]
    serializer_class = OwnUsersUser


# The decorator builds on the project's settings of DRF.
with override_settings(
    REST_FRAMEWORK={"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
):

    class OwnLogin(views.LoginView):
        """A login that also answers to a question."""

        @extend_schema(
            responses=OwnUsersUser,
            operation_id="login_methods",
            examples=[OpenApiExample("one", value={"name": "password"})],
        )
        def get(self, request: Any) -> Response:
            return Response({"name": "password"})

    class DescribedLogout(views.LogoutView):
        @extend_schema(summary="Leave")
        def post(self, request: Any) -> Response:
            return super().post(request)

    class BareLogin(views.LoginView):
        """A view of the project beside the login."""

        serializer_class = OwnCredentials

        def patch(self, request: Any) -> Response:
            return Response({"name": "password"})


def test_a_hosts_own_views_and_names_stay_as_they_are() -> None:
    schema = generate(path("users/<int:pk>/", HostsView.as_view()))
    assert schema["components"]["schemas"]["User"]["properties"] == {
        "name": {"type": "string"}
    }
    found = operations(schema)
    assert found["users_retrieve"]["security"] == [{"cookieAuth": []}, {}]
    assert set(found) == {*ALL_IDS, "users_retrieve"}


def test_a_hosts_own_choices_keep_their_names_beside_those_of_a_link() -> None:
    alone = generate(path("orders/", OrderView.as_view()), routes=([], "none"))
    both = generate(path("orders/", OrderView.as_view()))
    names = {"StatusEnum", "PurposeEnum"}
    assert names <= alone["components"]["schemas"].keys()
    for name in names:
        own, beside = (x["components"]["schemas"][name] for x in (alone, both))
        assert own == beside
    status = body(both, "link_status")["properties"]["purpose"]
    assert resolved(both, status)["enum"] == ["activation", "reset_password"]
    told = answer(both, "link_status", 200)["properties"]["status"]
    assert resolved(both, told)["enum"] == ["valid", "used", "invalid"]


def test_a_hosts_subclass_is_described_as_its_base_and_open() -> None:
    routes = ([path("enter/", OwnLogin.as_view())], "own")
    schema = generate(routes=routes)
    found = operations(schema)
    assert set(found) == {"login", "login_methods"}
    assert body(schema, "login")["required"] == ["ident", "password"]
    assert accepts(schema, answer(schema, "login", "4XX"), {"error": "locked_out"})
    assert answer(schema, "login_methods", 200)["properties"]["name"]


def test_what_a_host_says_about_its_subclass_wins() -> None:
    routes = ([path("leave/", DescribedLogout.as_view())], "own")
    logout = operations(generate(routes=routes))["logout"]
    assert logout["summary"] == "Leave"
    assert "403" in logout["responses"]


def test_what_a_host_adds_to_a_view_is_described_by_its_own_rules() -> None:
    routes = ([path("enter/", BareLogin.as_view())], "own")
    found = operations(generate(routes=routes))
    (patch,) = [operation for name, operation in found.items() if name != "login"]
    assert patch["description"] == "A view of the project beside the login."
    assert "parameters" not in patch
    assert set(patch["responses"]) == {"200"}
