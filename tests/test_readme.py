"""The README is short, and what it says of the code is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from ai_kit_auth import capability, urls
from ai_kit_auth.account import urls as account_urls
from ai_kit_auth.settings import APISettings, api_settings, keys_below

from .packages import with_apps

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

ROOT = Path(__file__).parent.parent
README = ROOT / "README.rst"
TEXT = README.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sections() -> dict[str, nodes.section]:
    """Return the README's sections by title; a mistake in its markup is an error."""
    document = publish_doctree(
        TEXT, settings_overrides={"halt_level": 2, "report_level": 2}
    )
    return {
        section.children[0].astext(): section
        for section in document.findall(nodes.section)
    }


def table(section: nodes.section) -> list[list[str]]:
    """Return the body of the first table of ``section`` as texts."""
    body = next(iter(section.findall(nodes.tbody)))
    return [
        [entry.astext().replace("\n", " ") for entry in row.findall(nodes.entry)]
        for row in body.findall(nodes.row)
    ]


def test_it_is_read_in_three_screens(sections: dict[str, nodes.section]) -> None:
    assert len(TEXT.splitlines()) <= 300
    assert list(sections) == [
        "Try it",
        "Install it",
        "First requests",
        "Endpoints",
        "Settings that people change",
        "Mails",
        "Upgrade from 2.0.0",
        "How it compares",
        "Documentation",
    ]


def test_every_page_that_it_names_exists() -> None:
    named = set(re.findall(r"docs/[\w./-]+\w", TEXT))
    assert {"docs/_static/example.png", "docs/upgrade.rst"} < named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_ten_settings_have_their_defaults(
    sections: dict[str, nodes.section],
) -> None:
    rows = table(sections["Settings that people change"])
    assert len(rows) == 10
    declared = dict(APISettings.declared())
    for name, default, _ in rows:
        if name == "ENABLE_ENDPOINTS":
            assert default == "as above"
        elif isinstance(declared[name].default, str):
            assert default == f'"{declared[name].default}"'
        else:
            assert default == repr(declared[name].default).replace("'", '"')


def test_every_endpoint_stands_where_its_default_puts_it(
    sections: dict[str, nodes.section],
) -> None:
    core, page, apps = (row[1].split(", ") for row in table(sections["Endpoints"]))
    more = str(urls.ROUTES["LINK_STATUS"].pattern)
    assert {*core, more} == {str(route.pattern) for route in urls.ROUTES.values()}
    paths = (
        str(part.pattern) for parts in account_urls.ROUTES.values() for part in parts
    )
    assert set(page) == {*paths, "PATCH me/", more}
    with with_apps():
        every = capability.routes(api_settings.ENABLE_ENDPOINTS)
        roots = {f"{str(route.pattern).split('/')[0]}/" for _, _, route in every}
    assert {*apps} == roots - {*core, *page}
    declared = dict(APISettings.declared())
    on = {
        name
        for name in keys_below("ENABLE_ENDPOINTS")
        if declared[f"ENABLE_ENDPOINTS.{name}"].default
    }
    assert on == set(urls.ROUTES) - {"LINK_STATUS"}


def test_the_route_of_the_old_client_stands_there(
    sections: dict[str, nodes.section],
) -> None:
    text = sections["Upgrade from 2.0.0"].astext()
    assert '"RESET_PW_ROUTE": "/auth/reset-password/"' in text
    assert APISettings.FRONTEND.section.RESET_PW_ROUTE.default in text
