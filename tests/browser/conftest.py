"""
The example in a real browser, its mails through a real mail server.

Needs Debian's chromium (or another one, named by the environment variable CHROMIUM) and
the dependency group ``browser``. Without them these tests are skipped; with
``AI_KIT_AUTH_REQUIRE_ALL=1`` they fail.

The coverage of the unit suite omits this folder (``omit`` in pyproject.toml): the code
runs in other processes, and only on a machine with a browser.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..extras import missing_modules, skip_or_fail
from .example import ROOT, Example
from .post_office import PostOffice
from .visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PACKAGES = (
    "aiosmtpd",
    "axe_playwright_python",
    "django_otp_webauthn",
    "drf_spectacular",
    "playwright",
    "segno",
    "ua_parser",
)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MODES = ("sessions", "cookies")


def chromium() -> str | None:
    """Return the path of the browser, or None."""
    named = os.environ.get("CHROMIUM")
    names = [named] if named else CHROMIUM_NAMES
    return next(filter(None, map(shutil.which, names)), None)


# The scope is the package's throughout: Playwright keeps an event loop in this thread
# as long as it runs, and Django refuses its ORM to tests beside one.


@pytest.fixture(scope="package", autouse=True)
def _parts() -> None:
    missing = missing_modules(*PACKAGES)
    if chromium() is None:
        missing.append("chromium")
    if missing:
        skip_or_fail(
            f"{', '.join(missing)} not found: install Debian's chromium and run "
            "`tox run -e browser`"
        )


@pytest.fixture(scope="package")
def browser(_parts: None) -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=10_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package", params=MODES)
def example(
    request: pytest.FixtureRequest,
    _parts: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Example]:
    folder = tmp_path_factory.mktemp(request.param)
    with PostOffice(folder / "outbox") as post_office:
        example = Example(request.param, folder, post_office)
        yield example
        example.stop()


@pytest.fixture(scope="package")
def screenshots() -> Path:
    """Return ``artefacts/browser``, or that folder below ``ARTEFACTS_DIR``."""
    artefacts = os.environ.get("ARTEFACTS_DIR")
    folder = Path(artefacts) if artefacts else ROOT / "artefacts"
    folder = folder / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def new_visit(
    browser: Browser, example: Example, screenshots: Path
) -> Iterator[Callable[..., Visit]]:
    """Return a function that opens a browser profile with the given options."""
    with ExitStack() as visits:

        def new(**options: Any) -> Visit:
            usual = {"locale": "en-US", "timezone_id": "UTC"}
            context = browser.new_context(**{**usual, **options})
            context.set_default_timeout(10_000)
            visit = Visit(context, example, screenshots)
            visits.callback(visit.close)
            return visit

        yield new


@pytest.fixture
def visit(new_visit: Callable[..., Visit]) -> Visit:
    return new_visit()
