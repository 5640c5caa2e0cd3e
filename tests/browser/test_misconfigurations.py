"""A misconfigured project fails in a browser at the step that the doctor names."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.misconfigurations import CASES, ELSEWHERE, Misconfiguration

from .conftest import CHROMIUM_ARGUMENTS, chromium
from .example import ROOT, Example
from .post_office import PostOffice
from .processes import environment, free_port
from .walk import BLOCKED, Failure, Walk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

pytestmark = pytest.mark.user_model("auth_user")

SETTINGS = "tests.browser.misconfigured"
# Its projects have none, and the login page would ask for them.
WITHOUT_PASSKEYS = "delete window.PublicKeyCredential"
MANAGE = str(ROOT / "example_project" / "manage.py")
# One of each kind that a page over HTTP on this machine can meet.
BROKEN = (
    "cors_origin_missing",
    "cors_without_credentials",
    "cors_for_all_without_credentials",
    "cors_for_other_paths",
    "cors_without_the_token_header",
    "cors_middleware_missing",
    "cors_below_a_login_wall",
    "redirect_to_https_without_https",
    "login_wall",
    "session_middleware_missing",
    "authentication_middleware_missing",
    "middleware_that_switches_csrf_off",
    "csrf_origin_missing",
    "csrf_origins_as_text",
    "cors_origins_as_text",
    "middleware_that_allows_all_origins",
    "middleware_that_logs_everybody_out",
    "middleware_that_takes_cookies_away",
    "csrf_cookie_none_without_secure",
    "lax_cookies_across_sites",
    "lax_session_across_sites",
    "session_cookie_none_without_secure",
    "session_cookie_of_another_domain",
    "session_cookie_of_another_path",
    "session_cookie_too_big",
    "sessions_in_a_cache_that_keeps_nothing",
    "backend_that_takes_no_password",
    "backend_that_lets_no_staff_in",
    "host_not_allowed",
)

ACROSS = Misconfiguration(
    "cookies_of_another_site_as_it_must_be",
    "",
    {
        "CORS_ALLOWED_ORIGINS": ["{origin}"],
        "CSRF_TRUSTED_ORIGINS": ["{origin}"],
        "SESSION_COOKIE_SAMESITE": "None",
        "CSRF_COOKIE_SAMESITE": "None",
        # Browsers take this machine for safe, by HTTP too.
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "CSRF_USE_SESSIONS": False,
    },
    origin=ELSEWHERE,
)
HEALTHY = (Misconfiguration("none", ""), ACROSS)


@pytest.fixture(scope="module")
def migrated(_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the example's database."""
    folder = tmp_path_factory.mktemp("migrated")
    variables = environment(EXAMPLE_DATA_DIR=str(folder))
    command = [sys.executable, MANAGE, "migrate", "--verbosity=0"]
    subprocess.run(command, env=variables, check=True)  # noqa: S603  # of the suite's
    return folder


@pytest.fixture(scope="module")
def post_office(
    _parts: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostOffice]:
    with PostOffice(tmp_path_factory.mktemp("misconfigured") / "outbox") as office:
        yield office


@dataclass(frozen=True)
class Findings:
    """The reports of the doctor and of the browser on one project."""

    report: dict[str, Any]
    failure: Failure | None
    # What the console says when the page logs in as the doctor does.
    console: tuple[str, ...]

    @property
    def failed(self) -> list[dict[str, str]]:
        """Return the steps of the doctor's walk that failed."""
        [walk] = self.report["walks"]
        return [step for step in walk["steps"] if step["state"] == "failed"]


@pytest.fixture(scope="module")
def regular(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """
    Open a window that takes cookies of other sites.

    The profiles that Playwright makes are private windows, which do not.
    """
    folder = tmp_path_factory.mktemp("profile")
    (folder / "Default").mkdir()
    preferences = {"profile": {"cookie_controls_mode": 0}}
    (folder / "Default" / "Preferences").write_text(json.dumps(preferences))
    with closing(
        browser.browser_type.launch_persistent_context(
            folder, executable_path=chromium(), args=CHROMIUM_ARGUMENTS, locale="en-US"
        )
    ) as context:
        context.add_init_script(WITHOUT_PASSKEYS)
        yield context


@pytest.fixture
def windows(
    browser: Browser, regular: BrowserContext
) -> Iterator[dict[str, BrowserContext]]:
    """Return a private and a regular window, neither with a cookie in it."""
    with closing(browser.new_context(locale="en-US")) as private:
        private.add_init_script(WITHOUT_PASSKEYS)
        yield {"private": private, "regular": regular}
    regular.clear_cookies()
    # The last one would take the window with it.
    for page in regular.pages[1:]:
        page.close()


@pytest.fixture
def find(
    windows: dict[str, BrowserContext],
    migrated: Path,
    post_office: PostOffice,
    tmp_path: Path,
) -> Iterator[Callable[..., Findings]]:
    """Return a function that runs the example with a misconfiguration."""
    programs = ExitStack()

    def find(case: Misconfiguration, window: str = "regular") -> Findings:
        # For cookies, localhost and 127.0.0.1 are two sites.
        name = "127.0.0.1" if case.origin == ELSEWHERE else "localhost"
        variables = {
            "EXAMPLE_SETTINGS": SETTINGS,
            "FRONTEND_HOST": name,
            "MISCONFIGURATION": json.dumps(asdict(case)),
        }
        # Each its own: neither waits for the other's transactions.
        folders = [tmp_path / part for part in ("example", "doctor")]
        for folder in folders:
            shutil.copytree(migrated, folder)
        ports = free_port(), free_port()
        frontend, api = f"http://{name}:{ports[1]}", f"http://localhost:{ports[0]}"
        command = [sys.executable, "-W", "error", MANAGE, "ai_kit_auth_doctor"]
        options = ["--json", "--origin", frontend, "--api", api]
        doctor = subprocess.Popen(  # noqa: S603  # a command of the suite's
            [*command, *options],
            env=environment(
                **variables,
                DJANGO_SETTINGS_MODULE=SETTINGS,
                EXAMPLE_DATA_DIR=str(folders[1]),
                EXAMPLE_HOST_PORT=str(ports[0]),
                EXAMPLE_FRONTEND_PORT=str(ports[1]),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        programs.callback(doctor.kill)
        example = Example("sessions", folders[0], post_office, ports=ports, **variables)
        programs.callback(example.stop, clean=False)
        context = windows[window]
        context.set_default_timeout(10_000)
        walk = Walk(context, example, frontend)
        failure = walk.first_failure()
        console: list[str] = []
        if failure is not None and failure.policies:
            before = len(walk.console())
            walk.log_in_as_the_doctor()
            console = walk.console(after=before)
        printed, complaints = doctor.communicate(timeout=60)
        assert complaints == ""
        # A broken project may have raised anything.
        example.stop(clean=failure is None)
        return Findings(json.loads(printed), failure, tuple(console))

    with programs:
        yield find


@pytest.mark.parametrize("name", BROKEN)
def test_the_browser_fails_where_the_doctor_says(
    find: Callable[..., Findings], name: str
) -> None:
    [case] = [case for case in CASES if case.name == name]
    found = find(case)
    failure, [first, *_] = found.failure, found.failed
    assert failure is not None
    assert first["name"] == case.step
    # Here the two sites are one machine by two names.
    names = "one name for both" if "_SAMESITE" in case.names else case.names
    assert names in first["cause"] + first["setting"]
    if failure.policies:
        # CORS. What the frontend sends without a token needs no preflight, so of this
        # request the console may say something else.
        [walk] = found.report["walks"]
        blocked = f"preflight {failure.endpoint}"
        # One line stands for all that fail in the same way.
        assert {"name": blocked, "state": "ok"} not in [
            {"name": step["name"], "state": step["state"]} for step in walk["steps"]
        ]
        assert first["name"].startswith("preflight ")
        # But of the same request it says the same.
        [said] = [line for line in found.console if BLOCKED in line]
        assert said == first["console"]
        return
    assert failure.step == first["name"], failure
    assert f" {failure.status}" in first["console"]
    for kind in ("SESSION", "CSRF"):
        if case.names.startswith(f"{kind}_COOKIE"):
            assert not [one for one in failure.carried if kind.lower() in one]


def test_a_private_window_logs_nobody_in_across_sites_as_the_doctor_says(
    find: Callable[..., Findings],
) -> None:
    found = find(ACROSS, window="private")
    assert found.failure is not None
    assert (found.failure.step, found.failure.status) == ("login/", 403)
    assert found.failure.carried == frozenset()
    [walk] = found.report["walks"]
    [told] = [step for step in walk["steps"] if step["state"] == "info"]
    assert told["name"] == "third-party cookies"
    assert "private windows" in told["cause"]


@pytest.mark.parametrize("case", HEALTHY, ids=lambda case: case.name)
def test_where_the_doctor_finds_nothing_the_browser_gets_everything(
    find: Callable[..., Findings], case: Misconfiguration
) -> None:
    found = find(case)
    assert found.failed == []
    assert found.failure is None
    assert found.report["ok"] is True


def test_an_origin_with_a_path_keeps_the_host_from_starting_and_not_the_browser(
    find: Callable[..., Findings],
) -> None:
    """cors-headers reads scheme and host of such an entry, and its checks fail."""
    [case] = [case for case in CASES if case.name == "cors_origin_with_path"]
    found = find(case)
    assert found.failure is None
    assert found.failed == []
    assert found.report["ok"] is False
    failed = [step for step in found.report["checks"] if step["state"] == "failed"]
    assert [step["name"] for step in failed] == [f"check {case.check}"]
    assert case.names in failed[0]["cause"]
