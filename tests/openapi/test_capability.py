"""The schema of a project with a capability of its own."""

from __future__ import annotations

from ai_kit_auth.capability import served
from ai_kit_auth.settings import APISettings

from .test_schema import answer, generate, operations, resolved
from .with_wishlist import with_wishlist


def test_its_operations_stand_beside_those_of_the_package() -> None:
    with with_wishlist():
        on = APISettings({"ENABLE_ENDPOINTS": {"WISHLIST": True}}).ENABLE_ENDPOINTS
        schema = generate(routes=(served(on), "ai_kit_auth"))
    found = operations(schema)
    assert {"wishlist", "add_wish", "login"} <= set(found)
    assert found["wishlist"]["summary"] == "Read the wish list"
    assert answer(schema, "wishlist", 200)["properties"] == {
        "wishes": {"type": "array", "items": {"type": "string"}},
        "csrf": {
            "type": "string",
            "description": "For the header `X-CSRFToken` of later requests.",
        },
    }
    code = answer(schema, "add_wish", 409)["properties"]["error"]
    assert resolved(schema, code)["enum"] == ["wishlist_full"]
    # All that its code may answer is declared.
    assert set(found["add_wish"]["responses"]) == {
        *("201", "400", "403", "409", "415", "429", "503")
    }


def test_without_the_app_they_are_not_there() -> None:
    assert "add_wish" not in operations(generate())
