"""The HTML of the mails: what mail programs keep of it, its size, and directions."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template.loader import get_template
from django.test import override_settings
from django.utils import translation

from ai_kit_auth import branding, services
from ai_kit_auth.mail_preview import mail_names, preview
from ai_kit_auth.settings import api_settings

from .test_branding import user_of
from .test_mails import URL

DOCS = Path(__file__).parent.parent / "docs" / "reference" / "mails.rst"
# The longest of each: RFC 5321, 4.5.3.1.3, and what browsers open for sure.
LONG_URL = f"https://app.example.com/{'a' * 1900}?ident=1&token=2"
LONG_BRAND = {
    "NAME": "N" * 100,
    "LOGO_URL": f"https://example.com/{'a' * 500}.png",
    "SUPPORT_URL": f"https://example.com/{'a' * 500}",
    "POSTAL_ADDRESS": "A line of an address\n" * 10,
    "FOOTER": "A sentence that the law asks for. " * 30,
}


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


def page_of(kind: str, language: str = "en") -> str:
    return preview(kind, language).parts["BODY_HTML"]


def table() -> dict[str, list[str]]:
    """Return the documented properties with Word, Gmail and whether each is needed."""
    text = DOCS.read_text("utf-8").partition(":name: css-of-the-mails")[2]
    rows = re.findall(
        r"\* - ``([a-z-]+)``\n +- (\w+)\n +- (\w+)\n +- (\w+)\n",
        text.partition("Media")[0],
    )
    return {name: given for name, *given in rows}


def used_properties(page: str) -> set[str]:
    (sheet,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    # The innermost braces have the declarations.
    rules = re.findall(r"\{([^{}]*)\}", sheet) + re.findall(r'style="([^"]*)"', page)
    return {
        declaration.partition(":")[0].strip()
        for rule in rules
        for declaration in rule.split(";")
        if declaration.strip()
    }


def test_the_documented_properties_are_those_in_use() -> None:
    brand = {"LOGO_URL": "https://example.com/logo.png"}
    used = set().union(*(used_properties(page_of(kind)) for kind in mail_names()))
    given = {"FRONTEND": {"URL": "https://app.example.com"}, "BRANDING": brand}
    with override_settings(AI_KIT_AUTH=given):
        used |= used_properties(page_of("USER_CREATED"))
    assert used == table().keys()


@pytest.mark.parametrize(("name", "row"), table().items())
def test_what_the_layout_needs_is_kept_by_word_and_gmail(
    name: str, row: list[str]
) -> None:
    *programs, needed = row
    assert set(programs) <= {"kept", "partly", "dropped"}
    assert needed in {"yes", "no"}
    assert needed == "no" or "dropped" not in programs


def test_word_gets_what_it_drops_by_another_way() -> None:
    page = page_of("RESET_PASSWORD")
    # The width, the room of the button, its colour, and the hidden text.
    assert '<!--[if mso]><table role="presentation" width="600"' in page
    (cell,) = re.findall(r"<td ([^>]*)><a ", page)
    assert 'bgcolor="#1f4fd8"' in cell
    assert "mso-padding-alt:14px 24px" in cell
    assert "max-height:0;overflow:hidden;mso-hide:all" in page
    # No room that Word would take from a paragraph, a block or a table.
    assert not re.search(r'<(?:p|h1|div|table)\b[^>]*style="[^"]*padding', page)
    assert page.count("<table") == page.count("</table>")


@pytest.mark.parametrize("kind", mail_names())
def test_every_table_lays_out_and_nothing_else(kind: str) -> None:
    page = page_of(kind)
    tables = re.findall(r"<table[^>]*>", page)
    assert tables
    for each in tables:
        assert 'role="presentation"' in each
        assert 'cellspacing="0"' in each


@pytest.mark.parametrize("kind", mail_names())
def test_the_longest_mail_is_below_20_kb(kind: str) -> None:
    given = {"FRONTEND": {"URL": "https://app.example.com"}, "BRANDING": LONG_BRAND}
    templates = getattr(api_settings.EMAIL_TEMPLATES, kind)
    with override_settings(AI_KIT_AUTH=given):
        for language in ("en", "de", "ar", "hi", "ja"):
            with translation.override(language):
                _, _, page = services.render_mail(templates, user_of(), LONG_URL)
                assert len(page.encode()) < 20_000


@pytest.mark.parametrize(
    ("language", "direction", "side"),
    [("en", "ltr", "left"), ("ar", "rtl", "right"), ("he", "rtl", "right")],
)
@pytest.mark.parametrize("kind", mail_names())
def test_each_language_begins_at_its_side(
    kind: str, language: str, direction: str, side: str
) -> None:
    page = page_of(kind, language)
    assert f'<html lang="{language}" dir="{direction}">' in page
    # Many programs drop the root.
    outer = page[page.index("<table") :].partition(">")[0]
    assert f'lang="{language}"' in outer
    assert f'dir="{direction}"' in outer
    sides = set(re.findall(r'align="(\w+)"|text-align:(\w+)', page))
    assert {one or other for one, other in sides} == {side, "center"}
    # An address and a link keep their order.
    assert '<span dir="ltr">ada@example.com</span>' in page
    for link in re.findall(r"<a [^>]*>(?=[a-z]+:)", page):
        assert 'dir="ltr"' in link


def test_without_a_language_the_page_has_that_of_the_project() -> None:
    given = {"user": user_of(), "url": URL}
    template = get_template("ai_kit_auth/reset_password_body.html")
    with translation.override(None):
        page = template.render(given)
    assert '<html lang="en-us" dir="ltr">' in page


def test_a_list_of_mails_shows_what_it_is_about() -> None:
    """Not the greeting, and nothing of the rest of the page."""
    page = page_of("RESET_PASSWORD")
    (hidden,) = re.findall(
        r"<div style=\"display:none[^>]*>(.*?)</div>", page, re.DOTALL
    )
    shown = html.unescape(hidden)
    first = "A new password was requested for your account."
    assert shown.strip().startswith(first)
    assert "<" not in hidden
    assert len(shown) > 200
    assert set(shown.partition("one:")[2]) <= set("\n\u034f\u200c\u00a0")


COLOURS = [
    ("#1c2330", "#ffffff"),
    ("#1c2330", "#f3f5f8"),
    ("#505a69", "#f3f5f8"),
    ("#3d1d00", "#fff3e0"),
    ("#eceff4", branding.DARK_PAPER),
    ("#eceff4", "#12151b"),
    ("#b3bcc9", "#12151b"),
    ("#ffe8c7", "#3b2607"),
]


@pytest.mark.parametrize(("ink", "paper"), COLOURS)
def test_every_text_can_be_read(ink: str, paper: str) -> None:
    assert branding.contrast(ink, paper) >= 4.5
    page = page_of("PASSWORD_CHANGED")
    assert ink in page
    assert paper in page


def test_a_box_stands_out_by_its_border_as_well() -> None:
    """WCAG 1.4.11 asks for 3:1."""
    for border, paper in (("#b45309", "#ffffff"), ("#f5a524", branding.DARK_PAPER)):
        assert border in page_of("PASSWORD_CHANGED")
        assert branding.contrast(border, paper) >= 3


@pytest.mark.parametrize(
    ("one", "other", "contrast"),
    [("#ffffff", "#000000", 21.0), ("#777777", "#ffffff", 4.48), ("#f00", "#f00", 1)],
)
def test_a_contrast_is_that_of_wcag(one: str, other: str, contrast: float) -> None:
    colors = [branding.parsed_color(each) or "" for each in (one, other)]
    assert branding.contrast(*colors) == pytest.approx(contrast, abs=0.005)
