"""
The steps of the doctor; each is one line of the report.

:func:`checks` runs Django's system checks. :func:`in_process` sends requests through
the project's middleware. :func:`over_http` sends requests to a server elsewhere.
:func:`mails` sends each mail once.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.contrib import auth
from django.core import checks as system_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, router
from django.urls import URLPattern
from rest_framework.settings import api_settings as drf_settings

from .. import capability, services
from ..accounts import AccountTransaction
from ..checks.cross_origin import lives_elsewhere
from ..checks.mails import backend
from ..checks.origins import (
    Origin,
    is_ip_address,
    knows_suffixes,
    named_hosts,
    origin_of,
    site_of,
)
from ..checks.routes import is_ours, path_of, view_at
from ..indexes import check_indexes
from ..settings import api_settings
from ..urls import ROUTES
from ..user_model import UserModel, user_model
from ..users import identity_fields
from . import diagnosis
from .account import NoAccount, end_sessions, make_account, rolled_back
from .browser import DEFAULT_HEADER, Blocked, Browser
from .diagnosis import Diagnosis
from .servers import Answer, InProcess, Remote, Server, Unreachable, replaced

OK, FAILED, WARNING, SKIPPED = "ok", "failed", "warning", "skipped"
# Good to know, and not a fault.
INFO = "info"
PREFIX = "ai_kit_auth"
# What authenticator apps tolerate: one step (RFC 6238, 5.2).
CLOCKS_DIFFER = 30  # seconds


@dataclass(frozen=True)
class Step:
    """
    One step: ``state`` is ok, failed, warning, info or skipped.

    ``console`` is what the browser's console would say, ``cause`` the reason, and
    ``setting`` what to change. All three are empty if the state is ok.
    """

    name: str
    state: str = OK
    console: str = ""
    cause: str = ""
    setting: str = ""


@dataclass
class Walk:
    """
    The steps for a page of ``origin`` and the endpoints below the URL ``api``.

    ``relation`` is same origin, same site or cross-site. ``guessed`` tells whether
    ``api`` is a guess from ALLOWED_HOSTS.
    """

    origin: str
    api: str
    relation: str
    guessed: bool = False
    steps: list[Step] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """Return the walk as data for JSON."""
        return asdict(self)


def checks() -> list[Step]:
    """
    Return the messages of Django's checks, one step for each.

    These are all errors, since an error stops the project from starting, and the
    warnings of this package and about CORS and CSRF origins; with DEBUG off, their
    warnings for ``--deploy`` as well. ``manage.py check --deploy`` reports the rest. Of
    the database only the indexes are checked.
    """
    try:
        messages = system_checks.run_checks()
        if not settings.DEBUG:
            deployed = system_checks.run_checks(include_deployment_checks=True)
            messages += [m for m in deployed if m not in messages and _is_ours(m)]
        messages += check_indexes([router.db_for_write(UserModel)])
    except Exception as error:  # noqa: BLE001  # a URLconf may raise anything
        found = diagnosis.of_exception(error)
        return [Step("checks", FAILED, cause=found.cause, setting=found.setting)]
    return [
        Step(
            f"check {message.id}",
            FAILED if message.level >= system_checks.ERROR else WARNING,
            cause=str(message.msg),
            setting=str(message.hint or ""),
        )
        for message in messages
        if not message.is_silenced()
        # A message of level INFO is not a fault.
        and message.level >= system_checks.WARNING
        and (message.level >= system_checks.ERROR or _is_ours(message))
    ]


def _is_ours(message: system_checks.CheckMessage) -> bool:
    names = {one.name for one in capability.capabilities()}
    return str(message.id).split(".")[0] in {*names, "corsheaders", "4_0"}


def _relation(origin: Origin, api: Origin) -> str:
    if origin == api:
        return "same origin"
    if not origin.is_same_site(api):
        return "cross-site"
    by_list = origin.host == api.host or origin.is_local or knows_suffixes()
    return "same site" if by_list else "same site, by the last two labels"


# Where the API is


def api_origin(origin: Origin) -> Origin:
    """
    Return the origin at which a page of ``origin`` finds the API, from the settings.

    It is the first name in ALLOWED_HOSTS; a name of the same site comes before others.
    Without a name it is ``runserver`` on this machine, for a page of this machine; or
    at the page's IP address, if the page has no name; or the subdomain ``api`` of the
    page's site.
    """
    if origin.is_local:
        local = [h for h in named_hosts() if Origin("http", h, 80).is_local]
        host = origin.host if origin.host in local or not local else local[0]
        return Origin("http", host, 8000)
    if is_ip_address(origin.host):
        return Origin("http", origin.host, 8000)
    there = [
        Origin(origin.scheme, host, _usual_port(origin.scheme))
        for host in named_hosts()
        if not Origin("http", host, 80).is_local
    ]
    if lives_elsewhere(origin):
        there = [api for api in there if api.host != origin.host]
    there.sort(key=lambda api: not api.is_same_site(origin))
    if there:
        return there[0]
    host = f"api.{site_of(origin.host)}"
    return Origin(origin.scheme, host, _usual_port(origin.scheme))


def _usual_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


# In process


class _Stop(Exception):
    """A step failed that the following steps need."""


class _Walker:
    """Makes the requests, and notes each step."""

    def __init__(self, origin: Origin, api: Origin, server: Server) -> None:
        self.browser = Browser(origin, server, _token_header())
        self.api = api
        self.steps: list[Step] = []
        # Whether the cause of the first failed step is a fact: see Diagnosis.
        self.sure = True

    def url(self, name: str) -> str:
        return f"{self.api}{path_of(f'{PREFIX}:{name}')}"

    def routes(self) -> list[tuple[str, URLPattern]]:
        """Return the routes to ask for, by key of ENABLE_ENDPOINTS."""
        return _routes()

    def note(
        self, name: str, state: str, console: str = "", found: Diagnosis | None = None
    ) -> None:
        cause, setting = (found.cause, found.setting) if found else ("", "")
        if state == FAILED and not any(step.state == FAILED for step in self.steps):
            self.sure = found is None or found.sure
        self.steps.append(Step(name, state, console, cause, setting))

    @contextmanager
    def step(self, name: str, url: str) -> Iterator[None]:
        """
        Note whether the block succeeds.

        Raises :exc:`_Stop` if it fails.
        """
        try:
            yield
        except _Skipped as skipped:
            self.note(name, SKIPPED, found=Diagnosis(str(skipped), ""))
            return
        except Blocked as blocked:
            self.note(
                name,
                FAILED,
                blocked.console,
                diagnosis.of_blocked(blocked, self.browser, url),
            )
        except Unreachable as error:
            self.note(name, FAILED, "net::ERR_FAILED", _unreachable(error))
        except _Failed as failed:
            self.note(name, FAILED, failed.console, failed.found)
        except capability.Finding as finding:
            found = Diagnosis(finding.cause, finding.setting)
            self.note(name, FAILED, finding.console, found)
        except Exception as error:  # noqa: BLE001  # code of the project may raise anything
            self.note(name, FAILED, found=diagnosis.of_exception(error))
        else:
            self.note(name, OK)
            return
        raise _Stop

    def expect(
        self,
        answer: Answer,
        method: str,
        url: str,
        status: int = 200,
        code: str | None = None,
    ) -> Answer:
        """Return ``answer``. Raises :exc:`_Failed` if it is not the expected one."""
        if answer.status == status and (code is None or _code(answer) == code):
            return answer
        console = f"{method} {url} {answer.status}"
        if _code(answer):
            console += f" {_code(answer)}"
        raise _Failed(console, self._why(answer, url))

    def _why(self, answer: Answer, url: str) -> Diagnosis:
        if _code(answer) == "csrf_failed":
            return diagnosis.of_csrf(
                self.browser,
                url,
                self.browser.origin,
                same_site=self.browser.is_same_site(url),
            )
        if _code(answer) == "not_authenticated":
            return diagnosis.of_lost_session(self.browser, url)
        if answer.data.get("non_field_errors") == ["invalid_credentials"]:
            return diagnosis.of_credentials()
        return diagnosis.of_status(answer, self.browser, url)


def _token_header() -> str:
    """Return the header for the CSRF token that CSRF_HEADER_NAME stands for."""
    name = str(settings.CSRF_HEADER_NAME)
    if name == "HTTP_X_CSRFTOKEN" or not diagnosis.HEADER_NAME.fullmatch(name):
        return DEFAULT_HEADER
    return name.removeprefix("HTTP_").replace("_", "-").title()


class _Skipped(Exception):
    """A step is not possible, and that is no fault."""


class _Failed(Exception):
    def __init__(self, console: str, found: Diagnosis) -> None:
        super().__init__(console)
        self.console = console
        self.found = found


def _code(answer: Answer) -> str:
    return str(answer.data.get("error", ""))


def _unreachable(error: Unreachable) -> Diagnosis:
    return Diagnosis(
        f"{error}.", "none in Django: look at the URL, DNS, TLS and firewalls"
    )


def in_process(origin: Origin, api: Origin, *, guessed: bool = False) -> Walk:
    """
    Send the requests of a page of ``origin`` through the project's middleware.

    All writes to the databases are rolled back, the sessions end, and no mail is sent.
    The project's receivers of signals run. ``guessed``: see :class:`Walk`.
    """
    walk = Walk(str(origin), str(api), _relation(origin, api), guessed)
    # The report has what a failed request logs, and the security log of the project is
    # for users, not for the doctor.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        server = InProcess()
        try:
            with rolled_back():
                walker = _Walker(origin, api, server)
                walk.steps = walker.steps
                served = _served()
                if "me" in served:
                    walk.api = walker.url("me").removesuffix("me/")
                _run(_journey, walker, served)
                _name_the_middleware(walker, server, served)
        finally:
            end_sessions(server.session_keys)
    except Exception as error:  # noqa: BLE001  # see below
        # The project's middleware, URLconf or database may raise anything outside of a
        # request. The doctor reports it and goes on.
        found = diagnosis.of_exception(error)
        walk.steps.append(
            Step("start", FAILED, cause=found.cause, setting=found.setting)
        )
    finally:
        logging.disable(before)
    return walk


def _name_the_middleware(walker: _Walker, server: InProcess, served: list[str]) -> None:
    """
    Find the project's middleware without which the first failed step works.

    This makes all requests once more without each middleware, since the effect of a
    middleware on a session shows in later requests.
    """
    failed = next((step for step in walker.steps if step.state == FAILED), None)
    if failed is None:
        return
    name = _middleware_behind(failed, walker, server, served)
    if name is None or name in failed.cause + failed.setting:
        return
    without = f"{name} causes this: without it the step works."
    setting = f'MIDDLEWARE: "{name}" must not change requests to the API'
    if walker.sure:
        told = (f"{failed.cause} {without}", f"{failed.setting}; or {setting}")
    else:
        told = (without, setting)
    for place, step in enumerate(walker.steps):
        if (step.cause, step.setting) == (failed.cause, failed.setting):
            walker.steps[place] = replace(step, cause=told[0], setting=told[1])


def _middleware_behind(
    failed: Step, walker: _Walker, server: InProcess, served: list[str]
) -> str | None:
    given = list(settings.MIDDLEWARE)
    own = [n for n in given if n.split(".")[0] not in {"django", "corsheaders"}]
    for name in own:
        with replaced("MIDDLEWARE", [other for other in given if other != name]):
            again = InProcess()
            again.session_keys = server.session_keys
            other = _Walker(walker.browser.origin, walker.api, again)
            _run(_journey, other, served)
        if any(s.name == failed.name and s.state == OK for s in other.steps):
            return name
    return None


def _run(journey: Callable[..., None], walker: _Walker, *args: Any) -> None:
    try:
        journey(walker, *args)
    except _Stop:
        # Requests after a failed step would report faults that no browser ever sees.
        cause = "They need the failed step. Correct it, then run the doctor again."
        walker.note("all further steps", SKIPPED, found=Diagnosis(cause, ""))


def _served() -> list[str]:
    """Return the names of the URLs that the URLconf has of the capabilities."""
    try:
        names = [str(route.name) for _, route in _routes()]
    except ImproperlyConfigured:
        # A later step reports it.
        return []
    return [name for name in dict.fromkeys(names) if _serves(f"{PREFIX}:{name}")]


def _routes() -> list[tuple[str, URLPattern]]:
    endpoints = api_settings.ENABLE_ENDPOINTS
    return [(key, route) for _, key, route in capability.routes(endpoints)]


def _asked(
    served: list[str], routes: Iterable[tuple[str, URLPattern]]
) -> Iterator[tuple[str, str, str]]:
    """Yield name, label and method of what a page may ask of the URLs ``served``."""
    told: set[str] = set()
    for key, route in routes:
        name, path = str(route.name), str(route.pattern)
        # A route that replaces another one exists only if its key is on.
        is_there = name not in told or getattr(api_settings.ENABLE_ENDPOINTS, key)
        for method in _methods_of(route) if name in served and is_there else ():
            if name not in told:
                yield name, path, method
            elif method != "GET":
                yield name, f"{method} {path}", method
            told.add(name)


def _methods_of(route: Any) -> list[str]:
    view = getattr(route.callback, "view_class", None)
    names = [n for n in ("get", "post", "put", "patch", "delete") if hasattr(view, n)]
    given = getattr(route.callback, "initkwargs", {}).get("http_method_names")
    return [name.upper() for name in names if given is None or name in given] or ["GET"]


def _journey(walker: _Walker, served: list[str]) -> None:
    wrong = _wrong_urls(served)
    if wrong is not None:
        walker.note("URLs", FAILED, found=wrong)
        raise _Stop
    _tell_hidden_routes(walker)
    _preflights(walker, served, partial(_requests, walker, served))
    _requests(walker, served)


def _requests(walker: _Walker, served: list[str]) -> None:
    if "me" not in served:
        walker.note("me/", SKIPPED, found=Diagnosis("ME is not enabled.", ""))
        return
    stale = _ask_me(walker, "me/", nobody=True)
    if "login" not in served:
        walker.note("login/", SKIPPED, found=Diagnosis("LOGIN is not enabled.", ""))
        return
    user, password = _account(walker, "login/", staff=False)
    _session(walker, served, user, password, stale)


def _wrong_urls(served: list[str]) -> Diagnosis | None:
    try:
        capability.served(api_settings.ENABLE_ENDPOINTS)
    except ImproperlyConfigured as error:
        # At the start of a server each URL of the package raises it.
        return diagnosis.of_exception(error)
    if served:
        return _wrong_route(served)
    return Diagnosis(
        "The URLconf has no URL of the package, or not in the namespace ai_kit_auth.",
        'the URLconf: path("api/v1/auth/", include("ai_kit_auth.urls")), and '
        'AI_KIT_AUTH["ENABLE_ENDPOINTS"]',
    )


def _wrong_route(served: list[str]) -> Diagnosis | None:
    """Return the route of another view that answers at the endpoints' paths, if any."""
    found = [view_at(path_of(f"{PREFIX}:{name}") or "") for name in served]
    others = [one for one in found if one is not None and not is_ours(one[0])]
    if len(others) < len(served):
        return None
    return diagnosis.of_other_view(*others[0])


def _tell_hidden_routes(walker: _Walker) -> None:
    """
    Warn where another view answers at the path of a project's own capability.

    A project may route its own view in the place of one of the package.
    """
    endpoints = api_settings.ENABLE_ENDPOINTS
    for one, _, route in capability.routes(endpoints):
        found = view_at(path_of(f"{PREFIX}:{route.name}") or "")
        if one.name != PREFIX and found is not None and found[0] != route.callback:
            other = diagnosis.of_other_view(*found)
            walker.note(f"route {route.pattern}", WARNING, found=other)


def _preflights(
    walker: _Walker, served: list[str], go_on: Callable[[], object]
) -> None:
    """Send a preflight to every endpoint. ``go_on`` makes the requests after it."""
    failed = False
    for name, path, method in _asked(served, walker.routes()):
        url = walker.url(name)
        if origin_of(url) == walker.browser.origin:
            walker.note(
                f"preflight {path}",
                SKIPPED,
                found=Diagnosis("The page has the API's own origin.", ""),
            )
            continue
        try:
            with walker.step(f"preflight {path}", url):
                walker.browser.preflight(method, url, walker.browser.asked_for)
        except _Stop:
            failed = True
    if failed:
        _tell_repeats_once(walker.steps)
        _look_beyond(walker, go_on)
        raise _Stop


def _tell_repeats_once(steps: list[Step]) -> None:
    """Keep one of the preflights that fail for the same cause, and count the others."""
    alike: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        if step.state == FAILED:
            alike.setdefault((step.cause, step.setting), []).append(step)
    for first, *more in alike.values():
        if more:
            count = f"{len(more)} more preflight{'s fail' if more[1:] else ' fails'}"
            place = steps.index(first)
            cause = f"{first.cause} {count} for the same cause."
            steps[place] = replace(first, cause=cause)
            steps[:] = [step for step in steps if step not in more]


def _look_beyond(walker: _Walker, go_on: Callable[[], object]) -> None:
    """
    Go on with a browser that ignores CORS, and keep what fails for another cause.

    Steps that succeed are not reported, since a real browser stops before them.
    """
    before = len(walker.steps)
    told = {step.setting for step in walker.steps if step.state == FAILED}
    walker.browser.lenient = True
    with suppress(_Stop):
        go_on()
    beyond = walker.steps[before:]
    walker.steps[before:] = [
        step for step in beyond if step.state == FAILED and step.setting not in told
    ]


def _ask_me(walker: _Walker, step: str, *, nobody: bool) -> str:
    """Return the CSRF token of ``me/``; fail unless it has a user or has none."""
    url = walker.url("me")
    with walker.step(step, url):
        answer = walker.expect(walker.browser.fetch("GET", url), "GET", url)
        token = answer.data.get("csrf")
        if not isinstance(token, str):
            found = diagnosis.of_status(answer, walker.browser, url)
            raise _Failed(f"GET {url} {answer.status}", found)
        if (answer.data.get("user") is None) is not nobody:
            found = (
                Diagnosis("A user is logged in without a login.", "MIDDLEWARE", False)
                if nobody
                else diagnosis.of_lost_session(walker.browser, url)
            )
            raise _Failed(f"GET {url} 200", found)
        if "no-store" not in answer.get("Cache-Control"):
            raise _Failed(f"GET {url} {answer.status}", _cached())
    return token


def _cached() -> Diagnosis:
    return Diagnosis(
        "The answer with the user's CSRF token lost its Cache-Control: no-store.",
        "MIDDLEWARE, or the proxy: neither may change Cache-Control of the API",
        sure=False,
    )


def _account(walker: _Walker, step: str, *, staff: bool) -> tuple[Any, str]:
    """Return an account and its password. Raises :exc:`_Stop` without one."""
    try:
        with AccountTransaction():
            return make_account(staff=staff)
    except (NoAccount, IntegrityError) as error:
        # Generated values may break a constraint. That is no fault of the project.
        walker.note(step, SKIPPED, found=Diagnosis(f"No account: {error}.", ""))
    except Exception as error:  # noqa: BLE001  # receivers, save() or the database
        walker.note(step, FAILED, found=diagnosis.of_exception(error))
    raise _Stop


def _session(
    walker: _Walker, served: list[str], user: Any, password: str, stale: str
) -> None:
    browser, url = walker.browser, walker.url("login")
    credentials = {"password": password}

    def log_in(token: str) -> str:
        answer = browser.fetch("POST", url, credentials, csrf=token)
        return str(walker.expect(answer, "POST", url).data.get("csrf"))

    with walker.step("login/", url):
        credentials["ident"] = str(getattr(user, identity_fields()[0]))
        token = log_in(stale)
    token = _ask_me(walker, "me/ after login", nobody=False)
    with walker.step("stale token", url):
        answer = browser.fetch("POST", url, credentials, csrf=stale)
        if answer.status == 200:
            raise _Failed(f"POST {url} 200", _not_refused())
        walker.expect(answer, "POST", url, 403, "csrf_failed")
    with walker.step("unsafe call, logged in", url):
        log_in(token)
    token = _beside_the_admin(walker, log_in)
    page = _Page(walker, served, password, token)
    for walk in capability.walks():
        # What one of them finds keeps no other from going on.
        with suppress(_Stop):
            walk(page)
    token = page.token
    if "logout" not in served:
        walker.note("logout/", SKIPPED, found=Diagnosis("LOGOUT is not enabled.", ""))
        return
    out = walker.url("logout")
    with walker.step("logout/", out):
        answer = walker.expect(browser.fetch("POST", out, {}, csrf=token), "POST", out)
    token = str(answer.data.get("csrf"))
    _ask_me(walker, "me/ after logout", nobody=True)
    with walker.step("login/ with the token of logout/", url):
        log_in(token)
    if not browser.is_same_site(url):
        walker.note(
            "third-party cookies",
            INFO,
            found=Diagnosis(
                "Safari, Firefox and private windows block the cookies of another "
                "site: no user can log in there.",
                "none in Django: one site for both, such as app. and api.example.com",
            ),
        )


class _Page:
    """The page that a capability's ``walk`` gets: see :class:`capability.Page`."""

    def __init__(
        self, walker: _Walker, served: list[str], password: str, token: str
    ) -> None:
        self.origin = str(walker.browser.origin)
        self.password, self.token = password, token
        self._walker, self._served = walker, served

    def serves(self, name: str) -> bool:
        return name in self._served

    def post(
        self, step: str, name: str, body: Mapping[str, Any], status: int = 200
    ) -> Mapping[str, Any]:
        walker, url = self._walker, self._walker.url(name)
        with walker.step(step, url):
            answer = walker.browser.fetch("POST", url, body, csrf=self.token)
            walker.expect(answer, "POST", url, status)
        self.token = str(answer.data.get("csrf", self.token))
        return answer.data

    def step(self, name: str) -> AbstractContextManager[None]:
        return self._walker.step(name, self._walker.url("me"))

    def tell(self, name: str, cause: str, setting: str) -> None:
        self._walker.note(name, INFO, found=Diagnosis(cause, setting))


def _not_refused() -> Diagnosis:
    return Diagnosis(
        "The server accepts a CSRF token from before the login.",
        "MIDDLEWARE: one of them turns the CSRF checks off (csrf_exempt, "
        "_dont_enforce_csrf_checks)",
        sure=False,
    )


def _beside_the_admin(walker: _Walker, log_in: Callable[[str], str]) -> str:
    """
    Log another user in to the admin in the same browser; return the next CSRF token.

    That session replaces the session of the page, so the page has to ask ``me/`` again.
    Then everything must work as before.
    """
    name, browser = "admin login in the same browser", walker.browser
    nobody = _no_admin()
    if nobody:
        walker.note(name, SKIPPED, found=Diagnosis(nobody, ""))
        return _ask_me(walker, "me/ again", nobody=False)
    colleague, password = _account(walker, name, staff=True)
    url = f"{walker.api}{path_of('admin:login')}"
    with walker.step(name, url):
        page = browser.open(url)
        token = re.search(
            r'name="csrfmiddlewaretoken" value="([^"]+)"',
            page.body.decode(errors="replace"),
        )
        if token is None:
            found = diagnosis.of_status(page, browser, url)
            raise _Failed(f"GET {url} {page.status}", found)
        form = {
            "csrfmiddlewaretoken": token[1],
            "username": colleague.get_username(),
            "password": password,
        }
        answer = browser.submit(url, form)
        by_name = {"username": form["username"], "password": password}
        if answer.status == 200 and auth.authenticate(None, **by_name) is not None:
            wants_more = "The admin's login form asks for more than name and password."
            raise _Skipped(wants_more)
        if answer.status != 302:
            raise _Failed(
                f"POST {url} {answer.status}", _no_entry(answer, browser, url)
            )
    token_now = _ask_me(walker, "me/ after the admin login", nobody=False)
    with walker.step("unsafe call after the admin login", walker.url("login")):
        log_in(token_now)
    return _ask_me(walker, "me/ again", nobody=False)


def _no_entry(answer: Answer, browser: Browser, url: str) -> Diagnosis:
    if answer.status == 403:
        return diagnosis.of_csrf(browser, url, origin_of(url), same_site=True)
    if answer.status == 200:
        return diagnosis.of_credentials()
    return diagnosis.of_status(answer, browser, url)


def _no_admin() -> str:
    """Return why a login to the admin is not possible; empty if it is."""
    if not _serves("admin:login"):
        return "The URLconf has no admin."
    if "is_staff" not in user_model.columns:
        return "The user model has no is_staff, so no account can log in to the admin."
    return ""


def _serves(name: str) -> bool:
    return path_of(name) is not None


# Over HTTP


def over_http(origin: Origin, url: str) -> Walk:
    """
    Send the requests of a page of ``origin`` to the server with endpoints below
    ``url``.

    They change nothing there: they need no account, and the body for ``login/`` is
    empty.
    """
    base = url.rstrip("/") + "/"
    api = origin_of(base)
    walk = Walk(str(origin), base, _relation(origin, api))
    visit = _Visit(origin, base)
    walk.steps = visit.steps
    _run(_Visit.look, visit)
    return walk


class _Visit(_Walker):
    """The steps of :func:`over_http`."""

    def __init__(self, origin: Origin, base: str) -> None:
        super().__init__(origin, origin_of(base), Remote())
        self.base = base

    def url(self, name: str) -> str:
        route = next(route for route in ROUTES.values() if route.name == name)
        return f"{self.base}{route.pattern}"

    def routes(self) -> list[tuple[str, URLPattern]]:
        # What else a server elsewhere has on is not known.
        return list(ROUTES.items())

    def look(self) -> None:
        me = self.url("me")
        if self.api.scheme == "https":
            self._plain_http(me)
        with self.step("server", me):
            self._answers(me)
        served = [str(route.name) for route in ROUTES.values()]
        _preflights(self, served, self._ask)
        self._ask()

    def _ask(self) -> None:
        """Send the requests that need no account."""
        me, login = self.url("me"), self.url("login")
        token = _ask_me(self, "me/", nobody=True)
        if self.api.scheme == "https":
            self._cookies()
        self._not_cached(me, token)
        with self.step("login/, empty, with the token", login):
            answer = self.browser.fetch("POST", login, {}, csrf=token)
            if answer.status == 404:
                found = diagnosis.of_status(answer, self.browser, login)
                raise _Failed(f"POST {login} 404", found)
            self.expect(answer, "POST", login, 400)
        with self.step("login/, empty, with a stale token", login):
            answer = self.browser.fetch("POST", login, {}, csrf="a" * 32)
            if answer.status == 400:
                raise _Failed(f"POST {login} 400", _not_refused())
            self.expect(answer, "POST", login, 403, "csrf_failed")
        self._of_its_own_origin(login)
        self._addresses()

    def _addresses(self) -> None:
        """Warn if a server elsewhere cannot know the IP addresses of its clients."""
        if drf_settings.NUM_PROXIES is None:
            found = Diagnosis(
                "Nearly every public server is behind a proxy. Django does not know "
                "how many there are, so limits per IP address do not apply to requests "
                "through them.",
                "REST_FRAMEWORK = {'NUM_PROXIES': 1}, or the number of proxies that "
                "add to X-Forwarded-For; 0 for none",
            )
            self.note("IP addresses of clients", WARNING, found=found)

    def _answers(self, me: str) -> None:
        """Fail unless Django answers, without a redirect."""
        answer = self.browser.server.send("GET", me, {"Accept": "*/*"})
        if answer.is_redirect:
            location = urljoin(me, answer.get("Location"))
            found = diagnosis.of_redirect(location, self.browser, me)
            raise _Failed(f"GET {me} {answer.status} to {location}", found)
        self.expect(answer, "GET", me)
        self._clock(answer)

    def _clock(self, answer: Answer) -> None:
        """Warn if the server's clock and that of this machine differ."""
        try:
            told = parsedate_to_datetime(answer.all("Date")[-1])
        except (IndexError, ValueError):
            # A proxy may leave the header out.
            return
        seconds = round(told.timestamp() - time.time())
        if abs(seconds) > CLOCKS_DIFFER:
            found = Diagnosis(
                f"The server's clock is {abs(seconds)} seconds "
                f"{'ahead of' if seconds > 0 else 'behind'} that of this machine. If "
                "the server's is wrong, it refuses codes of authenticator apps, and "
                "links that are still valid.",
                "none in Django: let both machines keep their clocks by NTP",
            )
            self.note("clock", WARNING, found=found)

    def _plain_http(self, me: str) -> None:
        """Fail if the server answers over HTTP without a redirect to HTTPS."""
        name, plain = "http:// leads to https://", me.replace("https", "http", 1)
        try:
            answer = self.browser.server.send("GET", plain, {"Accept": "*/*"})
        except Unreachable:
            # No server listens there, so nothing is sent unencrypted.
            self.note(name, OK)
            return
        target = urljoin(plain, answer.get("Location"))
        if answer.status >= 400 or target.startswith("https://"):
            self.note(name, OK)
        else:
            found = Diagnosis(
                "The server answers over HTTP, which is not encrypted.",
                "SECURE_SSL_REDIRECT = True",
            )
            self.note(name, FAILED, f"GET {plain} {answer.status}", found)

    def _cookies(self) -> None:
        """Check the flags of the cookies that the server set."""
        for cookie in self.browser.jar.flags.values():
            name = f"cookie {cookie.name}"
            prefix = diagnosis.prefix_of(cookie.name)
            if not cookie.secure:
                found = Diagnosis(
                    "Browsers would send the cookie over HTTP, too.",
                    f"{prefix}_COOKIE_SECURE = True; if it is, the proxy must not "
                    "change Set-Cookie",
                )
                self.note(
                    name, FAILED, f"Set-Cookie: {cookie.name} without Secure", found
                )
            elif prefix == "SESSION" and not cookie.http_only:
                found = Diagnosis(
                    "Scripts on the API's origin can read the session key.",
                    "SESSION_COOKIE_HTTPONLY = True",
                )
                line = f"Set-Cookie: {cookie.name} without HttpOnly"
                self.note(name, FAILED, line, found)
            else:
                self.note(name, OK)

    def _not_cached(self, me: str, token: str) -> None:
        """Ask again: Django masks the token anew in every answer."""
        with self.step("me/ is not cached", me):
            answer = self.browser.fetch("GET", me)
            age = answer.get("Age")
            if answer.data.get("csrf") == token or age.strip("0"):
                raise _Failed(
                    f"GET {me} {answer.status} Age: {age or '-'}",
                    Diagnosis(
                        "A cache in front of Django answers with the CSRF token of "
                        "another client.",
                        "none in Django: the cache must respect Cache-Control: "
                        "no-store",
                    ),
                )
        if self.api.scheme == "https" and not self.api.is_local:
            strict = answer.get("Strict-Transport-Security")
            found = Diagnosis(
                "The server does not tell browsers to use HTTPS only.",
                "SECURE_HSTS_SECONDS, once the whole domain has HTTPS",
            )
            if strict:
                self.note("Strict-Transport-Security", OK)
            else:
                self.note("Strict-Transport-Security", WARNING, found=found)

    def _of_its_own_origin(self, login: str) -> None:
        """
        Send the API its own origin, as the forms of the admin do.

        Django compares it with the scheme and the host name of the request, so the
        answer shows whether the proxy passes both on.
        """
        with self.step("the admin's origin", login):
            answer = self._log_in_nobody(self.api, login)
            if _code(answer) == "csrf_failed":
                raise _Failed(f"POST {login} 403 csrf_failed", self._believed(login))
            self.expect(answer, "POST", login, 400)

    def _log_in_nobody(self, origin: Origin, login: str) -> Answer:
        """Return the answer to an empty login with the ``Origin`` header ``origin``."""
        own = Browser(self.api, self.browser.server, self.browser.token_header)
        token = str(own.fetch("GET", self.url("me")).data.get("csrf"))
        return own.send("POST", login, {}, csrf=token, origin=origin)

    def _believed(self, login: str) -> Diagnosis:
        """Return why Django does not recognise its own origin."""
        if self.api.scheme == "https":
            # If Django accepts http://, it takes HTTPS for HTTP; else the name is
            # wrong.
            port = 80 if self.api.port == 443 else self.api.port
            as_http = Origin("http", self.api.host, port)
            if _code(self._log_in_nobody(as_http, login)) != "csrf_failed":
                return diagnosis.of_proxy("Django refuses its own origin: it ")
        return Diagnosis(
            f"Django gets another host name than {self.api.netloc}.",
            "USE_X_FORWARDED_HOST = True if the proxy sends X-Forwarded-Host; it is "
            "better if the proxy does not change Host",
        )


# Mails


def mails(address: str) -> list[Step]:
    """
    Send each mail once to ``address``, by the project's senders and mail backend.

    The links in them are samples and open nothing. Each step has the setting's name.
    """
    user = UserModel(**{user_model.email: address})
    name = user_model.username
    if name is not None:
        setattr(user, name, "ada")
    mails, notices = capability.mails(), capability.notices()
    own = {name: mails[notice.mail].sender for name, notice in notices.items()}
    links = {m.sender: m.link for m in mails.values() if m.sender not in own.values()}
    return [
        *(
            _mail(sender, partial(_send_link, user, sender, route))
            for sender, route in links.items()
        ),
        *(
            _mail(
                f"SECURITY_NOTICES {notice}",
                partial(getattr(api_settings, sender), user, notice),
            )
            for notice, sender in own.items()
        ),
    ]


def _send_link(user: Any, sender: str, route: str | None) -> None:
    frontend, sample = api_settings.FRONTEND, {"ident": "sample", "token": "sample"}
    url = (
        services.make_url(frontend.URL, getattr(frontend, route), **sample)
        if route is not None
        else ""
    )
    getattr(api_settings, sender)(user, url)


def _mail(name: str, send: Callable[[], object]) -> Step:
    try:
        send()
    except Exception as error:  # noqa: BLE001  # see below
        # A sender of the project may raise what its mail service's client raises.
        found = diagnosis.of_mail(error)
        said = f"{type(error).__name__}: {error}"
        return Step(name, FAILED, said, found.cause, found.setting)
    path = str(backend()[1])
    if path in _NOT_SENDING:
        cause = f"No mail server got the mail: {path} is for development."
        return Step(name, WARNING, "", cause, diagnosis.mail_setting())
    return Step(name)


_NOT_SENDING = {
    f"django.core.mail.backends.{name}.EmailBackend"
    for name in ("console", "dummy", "filebased", "locmem")
}
