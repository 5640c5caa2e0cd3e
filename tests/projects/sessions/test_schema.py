"""The OpenAPI schema of the list of sessions."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings

PATH = "/api/v1/auth/sessions/"


@pytest.fixture(params=["3.0.3", "3.1.0"])
def schema(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    monkeypatch.setattr(spectacular_settings, "OAS_VERSION", request.param)
    found: dict[str, Any] = SchemaGenerator(urlconf="tests.urls").get_schema(  # type: ignore[no-untyped-call]  # drf-spectacular
        request=None, public=True
    )
    return found


def body(schema: dict[str, Any], operation: Any, status: str) -> Any:
    part = operation["responses"][status]["content"]["application/json"]["schema"]
    if "$ref" in part:
        return schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
    return part


def test_the_list_is_an_array(schema: dict[str, Any]) -> None:
    listed = schema["paths"][PATH]["get"]
    assert listed["operationId"] == "sessions"
    answer = body(schema, listed, "200")
    assert answer["type"] == "array"
    name = answer["items"]["$ref"].rpartition("/")[2]
    assert "device" in schema["components"]["schemas"][name]["properties"]


def test_an_end_takes_the_password_and_has_no_body(schema: dict[str, Any]) -> None:
    ended = schema["paths"][f"{PATH}{{id}}/"]["delete"]
    assert "application/json" in ended["requestBody"]["content"]
    assert "required" not in ended["requestBody"]
    assert "content" not in ended["responses"]["204"]
    code = body(schema, ended, "404")["properties"]["error"]["$ref"].rpartition("/")[2]
    assert schema["components"]["schemas"][code]["enum"] == ["not_found"]
    [place] = [each for each in ended["parameters"] if each["in"] == "path"]
    assert (place["name"], place["schema"]["type"]) == ("id", "string")


def test_the_operations_have_their_own_names(schema: dict[str, Any]) -> None:
    found = {
        operation["operationId"]
        for path, operations in schema["paths"].items()
        if path.startswith(PATH)
        for operation in operations.values()
    }
    assert found == {
        *("sessions", "end_sessions", "name_session", "end_session", "not_me")
    }
