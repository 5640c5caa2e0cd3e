"""
All mails, as a browser shows them: pictures, accessibility and valid HTML.

The pictures are in ``mails`` below the folder of screenshots. Japanese has a font of
npm's there, since few servers have one.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings

from ai_kit_auth.mail_preview import mail_names, preview

from ..extras import skip_or_fail
from .processes import environment
from .visit import OVERFLOW, check_accessibility

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LANGUAGES = ("en", "de", "ar", "ja")
WIDTHS = (375, 600)
SCHEMES = ("light", "dark")
PACKAGES = {"@fontsource/kosugi": "5.3.0", "html-validate": "10.17.0"}
BRAND = {
    "NAME": "The Fern Shop",
    "COLOR": "#0b6e4f",
    "SUPPORT_EMAIL": "help@fern.example",
    "POSTAL_ADDRESS": "The Fern Shop Ltd\n1 Main Street, London",
    "FOOTER": "Registered in England, no. 1234567",
}
# Mail programs know little of HTML 5, and most of them only styles in the tag.
RULES = {
    # As in the pages of the example.
    "doctype-style": ["error", {"style": "lowercase"}],
    # Word takes width, align and bgcolor from nowhere but attributes.
    "no-deprecated-attr": "off",
    "no-inline-style": "off",
    # Only Word reads these comments: they limit the width of the page there.
    "no-conditional-comment": "off",
    # Some mail programs drop <main> with all that is in it.
    "prefer-native-element": "off",
    # A table that lays out has no body.
    "prefer-tbody": "off",
    # A line of a template may end in a tag that renders nothing.
    "no-trailing-whitespace": "off",
}


@pytest.fixture(scope="module")
def npm(_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the packages of npm that these tests need."""
    program = shutil.which("npm")
    folder = tmp_path_factory.mktemp("npm")
    manifest = {"private": True, "dependencies": PACKAGES}
    (folder / "package.json").write_text(json.dumps(manifest))
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    options += ["--fetch-retries=1", "--fetch-timeout=30000"]
    done = program and run([program, "install", *options], folder)
    if not done or done.returncode:
        skip_or_fail(f"npm and its registry: {done.stderr[-500:] if done else 'none'}")
    return folder


def run(command: list[Any], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # a command of the suite's
        command,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def pages() -> dict[tuple[str, str], str]:
    """Return the HTML of each mail by its name and language."""
    with override_settings(ROOT_URLCONF="tests.urls"):
        return {
            (name, language): preview(name, language).parts["BODY_HTML"]
            for name in mail_names()
            for language in LANGUAGES
        }


@pytest.fixture(scope="module", params=SCHEMES)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Return an empty page in the light or the dark scheme."""
    context = browser.new_context(color_scheme=request.param)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def album(screenshots: Path) -> Path:
    folder = screenshots / "mails"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_fits_a_phone_and_reads_well(
    npm: Path,
    page: Page,
    pages: dict[tuple[str, str], str],
    album: Path,
    language: str,
) -> None:
    scheme = "dark" if page.evaluate(IS_DARK) else "light"
    for name in mail_names():
        page.set_content(pages[name, language])
        if language == "ja":
            page.add_style_tag(content=japanese(npm))
            page.evaluate("document.fonts.ready")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 400})
            assert page.evaluate(OVERFLOW) <= 0
            file = album / f"{name.lower()}-{language}-{width}-{scheme}.png"
            page.screenshot(path=file, full_page=True)
        # The languages differ in their texts alone, and Arabic in its direction.
        if language in {"en", "ar"}:
            check_accessibility(page)


IS_DARK = "matchMedia('(prefers-color-scheme: dark)').matches"


def japanese(npm: Path) -> str:
    folder = npm / "node_modules" / "@fontsource" / "kosugi" / "files"
    font = (folder / "kosugi-japanese-400-normal.woff2").read_bytes()
    data = base64.b64encode(font).decode()
    return (
        f"@font-face {{ font-family: Kosugi; src: url(data:font/woff2;base64,{data}) }}"
        "* { font-family: Helvetica, Arial, Kosugi, sans-serif !important }"
    )


def test_a_brand_and_a_link_of_a_project_of_2_0_0(page: Page, album: Path) -> None:
    """The pictures of the guide; the link has no style of its own."""
    given = {"FRONTEND": {"URL": "https://app.example.com"}, "BRANDING": BRAND}
    folder = Path(__file__).parent.parent / "projects" / "upgraded" / "templates"
    engine = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [folder],
        "APP_DIRS": True,
    }
    own = {"RESET_PASSWORD": {"BODY_HTML": "my_reset.html"}}
    scheme = "dark" if page.evaluate(IS_DARK) else "light"
    page.set_viewport_size({"width": 600, "height": 400})
    for stem, mails in (("brand", {}), ("brand-2.0.0", own)):
        with override_settings(
            AI_KIT_AUTH={**given, "EMAIL_TEMPLATES": mails}, TEMPLATES=[engine]
        ):
            page.set_content(preview("RESET_PASSWORD", "en").parts["BODY_HTML"])
        check_accessibility(page)
        page.screenshot(path=album / f"{stem}-{scheme}.png", full_page=True)
        button = page.locator("a").first
        seen = button.evaluate(
            "it => (({color, backgroundColor, textDecorationLine}) => "
            "[color, backgroundColor, textDecorationLine])(getComputedStyle(it))"
        )
        light, white, green = (
            scheme == "light",
            "rgb(255, 255, 255)",
            "rgb(11, 110, 79)",
        )
        assert (seen[:2] == [white, green]) is light
        assert seen[2] == "none"


def test_the_html_is_valid(npm: Path, pages: dict[tuple[str, str], str]) -> None:
    config = {"extends": ["html-validate:recommended"], "rules": RULES, "root": True}
    (npm / ".htmlvalidate.json").write_text(json.dumps(config))
    for (name, language), html in pages.items():
        (npm / f"{name.lower()}-{language}.html").write_text(html)
    program = npm / "node_modules" / ".bin" / "html-validate"
    done = run([program, "--formatter", "text", *sorted(npm.glob("*.html"))], npm)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
    # Were it blind, it would find this good as well.
    (npm / "broken.html").write_text(re.sub("</td>", "", pages["RESET_PASSWORD", "en"]))
    assert run([program, "broken.html"], npm).returncode == 1
