"""The README's tables say what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.dispatch import Signal
from docutils import nodes
from docutils.core import publish_doctree

from ai_kit_auth import account, errors, security_log, signals, urls
from ai_kit_auth.checks import PROBLEMS
from ai_kit_auth.settings import APISettings, EnableEndpoints

from .accounts import view_of

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

README = Path(__file__).parent.parent / "README.rst"


@pytest.fixture(scope="module")
def sections() -> dict[str, nodes.section]:
    """Return the README's sections by title; a mistake in its markup is an error."""
    document = publish_doctree(
        README.read_text(encoding="utf-8"),
        settings_overrides={"halt_level": 2, "report_level": 2},
    )
    return {
        section.children[0].astext(): section
        for section in document.findall(nodes.section)
    }


def table(section: nodes.section, number: int = 0) -> list[list[str]]:
    """Return the body of a table of ``section``, by default the first, as texts."""
    body = list(section.findall(nodes.tbody))[number]
    return [
        [entry.astext().replace("\n", " ") for entry in row.findall(nodes.entry)]
        for row in body.findall(nodes.row)
    ]


def test_the_sections_come_in_the_promised_order(
    sections: dict[str, nodes.section],
) -> None:
    top = [
        title for title, section in sections.items() if section.parent.parent is None
    ]
    assert top == [
        "Try it",
        "Install it",
        "Documentation",
        "Settings",
        "Endpoints",
        "Error codes",
        "Signals",
        "Mails",
        "Custom user models",
        "Admin",
        "CORS, CSRF and cookies",
        "The 2.0.0 React client",
        "Upgrade from 2.0.0",
        "Contribute",
    ]


def test_every_setting_stands_there_with_type_default_and_meaning(
    sections: dict[str, nodes.section],
) -> None:
    rows = table(sections["Settings"])
    declared = dict(APISettings.declared())
    assert [row[0] for row in rows] == list(declared)
    for name, type_name, default, meaning in rows:
        setting = declared[name]
        assert type_name == setting.type_name
        assert meaning == setting.meaning.replace("``", "")
        if name.endswith("FIELDSETS"):
            fields = [f for _, o in setting.default for f in o["fields"]]
            assert re.findall(r"\w+", default)[-len(fields[-1:]) :] == fields[-1:]
            assert all(field in default for field in fields)
        elif isinstance(setting.default, str):
            assert default == f'"{setting.default}"'
        else:
            assert default == repr(setting.default).replace("'", '"')


def test_every_endpoint_stands_there_with_name_and_path(
    sections: dict[str, nodes.section],
) -> None:
    rows = {row[0]: row for row in table(sections["Endpoints"])}
    assert list(rows) == list(urls.ROUTES)
    for key, route in urls.ROUTES.items():
        assert rows[key][1] == route.name
        assert rows[key][2].split()[1].rstrip(",") == str(route.pattern)
        assert rows[key][2].split()[0].lower() in dir(view_of(route.callback))


def test_every_endpoint_of_the_account_page_stands_there(
    sections: dict[str, nodes.section],
) -> None:
    rows = {row[0]: row for row in table(sections["Account page"])}
    assert [*urls.ROUTES, *rows] == list(EnableEndpoints.members())
    routes = {**account.urls.ROUTES, "UPDATE_ME": (urls.ROUTES["ME"],)}
    assert set(rows) == set(routes)
    for key, parts in routes.items():
        assert rows[key][1] == ", ".join(str(route.name) for route in parts)
        paths = re.findall(r"(?:POST|PATCH) (\S+/)", rows[key][2])
        assert paths == [str(route.pattern) for route in parts]


def test_every_code_stands_there_with_its_meaning(
    sections: dict[str, nodes.section],
) -> None:
    rows = table(sections["Error codes"])
    assert rows == [
        [code, meaning.replace("``", "")] for code, meaning in errors.CODES.items()
    ]


def test_every_signal_stands_there(sections: dict[str, nodes.section]) -> None:
    for number, (module, count) in enumerate(((signals, 12), (account.signals, 16))):
        defined = [n for n, m in vars(module).items() if isinstance(m, Signal)]
        assert [row[0] for row in table(sections["Signals"], number)] == defined
        assert len(defined) == count


def test_every_setting_of_the_project_that_a_frontend_needs_stands_there(
    sections: dict[str, nodes.section],
) -> None:
    rows = dict(table(sections["CORS, CSRF and cookies"]))
    assert list(rows) == [
        "CORS_ALLOWED_ORIGINS",
        "CORS_ALLOW_CREDENTIALS",
        "CSRF_TRUSTED_ORIGINS",
        "CSRF_USE_SESSIONS",
        "MIDDLEWARE",
    ]
    assert "CORS_ORIGIN_WHITELIST" in rows["CORS_ALLOWED_ORIGINS"]
    assert "with its scheme" in rows["CSRF_TRUSTED_ORIGINS"]
    assert "corsheaders.middleware.CorsMiddleware first" in rows["MIDDLEWARE"]


def test_the_route_of_the_old_client_stands_there(
    sections: dict[str, nodes.section],
) -> None:
    section = sections["The 2.0.0 React client"]
    (code,) = section.findall(nodes.literal_block)
    # What a reader pastes is what the settings take.
    given: dict[str, Any] = {}
    exec(code.astext(), given)  # noqa: S102  # of our own README
    pasted = APISettings(given["AI_KIT_AUTH"]).FRONTEND
    assert pasted.RESET_PW_ROUTE == "/auth/reset-password/"
    assert APISettings.FRONTEND.section.RESET_PW_ROUTE.default in section.astext()


def test_every_check_stands_there(sections: dict[str, nodes.section]) -> None:
    assert table(sections["Checks"]) == [
        [f"ai_kit_auth.{number}", meaning.replace("``", "")]
        for number, meaning in PROBLEMS.items()
    ]


def test_every_event_of_the_security_log_stands_there(
    sections: dict[str, nodes.section],
) -> None:
    assert table(sections["Security log"]) == [
        [event, meaning.replace("``", "")]
        for event, meaning in security_log.EVENTS.items()
    ]
