"""``reference/client.rst`` has every name of the npm package, and no other."""

from __future__ import annotations

import re
from functools import cache

import pytest

from .pages import ROOT, source

PAGE = "reference/client.rst"
SOURCES = ROOT / "client" / "src"
# By the module of ``src/``, what its parts are called on the page.
PARTS = {"Factors": "factors.", "Sessions": "sessions.", "Passkeys": "passkey."}


@cache
def code(name: str) -> str:
    """Return a module of the package without its comments."""
    text = (SOURCES / name).read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


def exported(module: str) -> set[str]:
    """Return the names that a module exports, itself or from another one."""
    text = code(module)
    lists = re.findall(r"^export (?:type )?\{(.*?)\}", text, re.DOTALL | re.MULTILINE)
    listed = {
        name.strip().removeprefix("type ")
        for names in lists
        for name in names.split(",")
    }
    own = re.findall(r"^export (?:function|interface|type|const) (\w+)", text, re.M)
    return (listed | {*own}) - {""}


def members(module: str, name: str) -> list[str]:
    """Return the keys of an interface, in their order."""
    found = re.search(
        rf"^export interface {name}\b[^{{]*\{{\n(.*?)^\}}", code(module), re.S | re.M
    )
    assert found is not None, name
    keys = re.findall(r"^  (?:readonly )?(\w+)\??:", found[1], re.MULTILINE)
    assert keys, name
    return keys


def words(module: str, name: str) -> set[str]:
    """Return the texts of a union such as ``"valid" | "used"``."""
    found = re.search(rf"^export type {name} =(.*?);", code(module), re.S | re.M)
    assert found is not None, name
    return set(re.findall(r'"(\w+)"', found[1]))


def methods() -> set[str]:
    """Return the calls of a client: ``login``, ``factors.list`` and so on."""
    operations = re.findall(r"^  (\w+): \[", code("endpoints.ts"), re.MULTILINE)
    flat = re.search(
        r"^export type FlatId = Exclude<(.*?)>;", code("types.ts"), re.S | re.M
    )
    assert flat is not None
    below = set(re.findall(r'"(\w+)"', flat[1]))
    assert below < {*operations}
    named = {
        re.sub(r"_(.)", lambda found: found[1].upper(), name)
        for name in operations
        if name not in below
    }
    parts = {
        f"{prefix}{name}"
        for interface, prefix in PARTS.items()
        for name in members("client.ts", interface)
    }
    objects = {prefix.removesuffix(".") for prefix in PARTS.values()}
    return {*named, *parts, *members("client.ts", "Client")} - objects


TEXT = source(PAGE)
# "``a``, ``b(c)``" of the first column of a table.
ROWS = re.findall(r"^ +\* - (``.*(?:\n +``.*)*)\n +- ", TEXT, re.MULTILINE)
CELLS = [cell for row in ROWS for cell in re.findall(r"``([^`]+)``", row)]
NAMES = {re.split(r"[(<]", cell)[0] for cell in CELLS}


def shown(name: str) -> bool:
    """Whether the page has ``name`` as code, with or without its arguments."""
    return re.search(rf"``{re.escape(name)}(?:[(<][^`]*)?``", TEXT) is not None


@pytest.mark.parametrize("module", ["index.ts", "messages.ts", "react/index.ts"])
def test_every_name_that_is_exported_is_there(module: str) -> None:
    names = exported(module)
    assert len(names) > 3
    assert [name for name in sorted(names) if not shown(name)] == []


@pytest.mark.parametrize(
    ("module", "interface"),
    [
        ("client.ts", "ClientOptions"),
        ("client.ts", "LinkAction"),
        ("messages.ts", "MessageOptions"),
        ("messages.ts", "Messages"),
        ("react/context.ts", "Auth"),
        ("react/context.ts", "AuthProviderProps"),
        ("react/context.ts", "RequireUserProps"),
        ("react/link.ts", "LinkPage"),
        ("react/passkeys.ts", "PasskeyAutofill"),
        ("types.ts", "CallOptions"),
        ("types.ts", "Failure"),
        ("types.ts", "Proof"),
        ("types.ts", "Reauthentication"),
        ("types.ts", "Success"),
    ],
)
def test_every_option_and_key_is_there(module: str, interface: str) -> None:
    for key in members(module, interface):
        in_list = re.search(rf"``\{{[^`]*\b{key}\b[^`]*\}}``", TEXT)
        assert shown(key) or in_list or re.search(rf"``{key}: ", TEXT), key


def test_every_method_is_there() -> None:
    found = methods()
    assert {"login", "changePassword", "factors.list", "passkey.add", "close"} < found
    assert [name for name in sorted(found) if name not in NAMES] == []


@pytest.mark.parametrize(
    ("module", "union"),
    [
        ("client.ts", "LinkStatus"),
        ("types.ts", "ClientCode"),
        ("react/context.ts", "AuthStatus"),
        ("react/link.ts", "LinkState"),
    ],
)
def test_every_code_and_state_is_there(module: str, union: str) -> None:
    names = words(module, union)
    assert len(names) > 2
    assert [name for name in sorted(names) if not shown(name)] == []


def test_a_method_stands_beside_its_endpoint() -> None:
    """What is public by one name on the page is that operation of the package."""
    rows = re.findall(r"\* - ``([\w.]+)\([^`]*``\n +- :endpoint:`([^`]+)`", TEXT)
    assert len(rows) > 25
    paths = {
        re.sub(r"_(.)", lambda found: found[1].upper(), name): (verb, path)
        for name, verb, path in re.findall(
            r'^  (\w+): \["(\w+)", "([^"]+)"', code("endpoints.ts"), re.MULTILINE
        )
    }
    others = {
        "factors.list": "factors",
        "sessions.list": "sessions",
        "sessions.rename": "nameSession",
        "sessions.end": "endSession",
        "sessions.endOthers": "endSessions",
    }
    for name, endpoint in rows:
        operation = others.get(name, name.removeprefix("factors."))
        path = re.sub(r"<\w+:(\w+)>", r"{\1}", endpoint).removeprefix("PATCH ")
        assert paths[operation][1] == path, name


def test_the_page_has_no_name_that_the_package_lacks() -> None:
    called = {
        *re.findall(r"\bauth\.([\w.]+)\(", TEXT),
        *(re.split(r"[(<]", cell)[0] for cell in CELLS if "(" in cell),
    }
    functions = {
        *exported("index.ts"),
        *exported("messages.ts"),
        *exported("react/index.ts"),
        *members("client.ts", "LinkAction"),
    }
    assert called - methods() - functions == set()


def test_the_numbers_are_those_of_the_code() -> None:
    assert "settings.timeout ?? 30_000" in code("client.ts")
    assert re.search(r"``timeout``\n +- 30,000\n", TEXT)
    assert "const MOST_QUESTIONS = 3;" in code("client.ts")
    assert "up to three times" in TEXT
