"""
The README's three steps, on what ``startproject`` makes.

The test reads them from the README, and runs ``manage.py check`` in its own process.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from docutils import nodes
from docutils.core import publish_doctree

import ai_kit_auth

from .browser.processes import environment

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

README = Path(__file__).parent.parent / "README.rst"


def steps() -> list[str]:
    """Return the Python of the README's three steps."""
    document = publish_doctree(README.read_text(encoding="utf-8"))
    [section] = [
        section
        for section in document.findall(nodes.section)
        if section.children[0].astext() == "Install it"
    ]
    blocks = section.findall(nodes.literal_block)
    return [block.astext() for block in blocks if "python" in block["classes"]]


class Project:
    """A project on which each of the README's steps can be taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        call_command("startproject", "shop", str(folder))
        self.settings = folder / "shop" / "settings.py"
        self.urls = folder / "shop" / "urls.py"

    def configure(self, *python: str) -> None:
        with self.settings.open("a", encoding="utf-8") as file:
            file.write("\n".join(["", *python, ""]))

    def route(self, python: str) -> None:
        text = self.urls.read_text(encoding="utf-8")
        text = text.replace("import path", "import include, path")
        text = text.replace("urlpatterns = [", f"urlpatterns = [\n    {python}")
        self.urls.write_text(text, encoding="utf-8")

    def check(self, *options: str) -> set[str]:
        """Return the ids of what ``manage.py check`` finds, of this app's alone."""
        # The package that is tested, be it a wheel's or this folder's.
        package = Path(ai_kit_auth.__file__).parent.parent
        variables = environment(
            DJANGO_SETTINGS_MODULE="shop.settings", PYTHONPATH=str(package)
        )
        done = subprocess.run(  # noqa: S603  # our own command
            [sys.executable, "-W", "error", "manage.py", "check", *options],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "System check identified" in done.stdout + done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        return set(re.findall(r"ai_kit_auth\.([EW]\d{3})", done.stderr))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_three_steps_leave_nothing_to_tell(project: Project) -> None:
    apps, route, frontend = steps()
    project.configure(apps, frontend)
    project.route(route)
    assert project.check() == set()
    # What a project in development lacks for a server, and nothing more.
    assert project.check("--deploy") == {"W001", "W002", "W017"} | _mails_of(project)


def test_a_host_of_django_6_1_may_still_have_its_old_mail_settings(
    project: Project,
) -> None:
    apps, route, frontend = steps()
    project.configure(apps, frontend, 'globals().pop("MAILERS", None)')
    project.route(route)
    assert project.check("--deploy") == {"W001", "W002", "W017", "W040"}


def _mails_of(project: Project) -> set[str]:
    """Django 6.1 makes projects with the console backend, older versions with SMTP."""
    console = "console" in project.settings.read_text("utf-8")
    return {"W016"} if console else {"W040"}


def test_without_the_second_step_the_urls_are_missing(project: Project) -> None:
    apps, _, frontend = steps()
    project.configure(apps, frontend)
    assert project.check() == {"W023"}


def test_without_the_third_step_the_frontend_is_missing(project: Project) -> None:
    apps, route, _ = steps()
    project.configure(apps)
    project.route(route)
    assert project.check() == {"E002"}


def test_without_its_last_three_lines_the_frontend_is_foreign(project: Project) -> None:
    apps, route, frontend = steps()
    project.configure(apps, frontend.splitlines()[0])
    project.route(route)
    assert project.check() == {"W009", "W010", "W011"}


def test_cors_middleware_at_the_end_is_too_low(project: Project) -> None:
    apps, route, frontend = steps()
    low = 'MIDDLEWARE = [*MIDDLEWARE[1:], "corsheaders.middleware.CorsMiddleware"]'
    project.configure(apps, frontend, low)
    project.route(route)
    assert project.check() == {"W008"}


def test_a_frontend_that_the_host_serves_itself_needs_no_cors(
    project: Project,
) -> None:
    _, route, frontend = steps()
    project.configure(
        'INSTALLED_APPS += ["rest_framework", "ai_kit_auth"]',
        'ALLOWED_HOSTS = ["app.example.com"]',
        frontend.splitlines()[0],
    )
    project.route(route)
    assert project.check() == set()
