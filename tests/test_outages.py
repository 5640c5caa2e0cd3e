"""A database or a session store that is down: 503 with a code, and later it works."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from django.db import (
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory

from ai_kit_auth.views import AuthView

from . import stopping
from .accounts import csrf, log_in, post, registration
from .conftest import PASSWORD, MakeUser
from .stopping import Cache, SessionStore, stopped

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model("auth_user")]

handler500 = "ai_kit_auth.views.server_error"
urlpatterns = [
    path("api/v1/auth/", include("ai_kit_auth.urls")),
    path("page/", lambda request: HttpResponse("A page")),
]

DOWN = {"error": "service_unavailable"}
ADA = {"ident": "ada", "password": PASSWORD}
BASE = "django.contrib.sessions.backends"


def answer_to(problem: Exception) -> Any:
    """Return the answer if a view of the project raises ``problem``."""

    class Failing(AuthView):
        def post(self, request: Request) -> Response:
            raise problem

    response = Failing.as_view()(APIRequestFactory().post("/", {}, format="json"))
    return response.render()


def from_driver(problem: Exception, cause: Exception) -> Exception:
    problem.__cause__ = cause
    return problem


def sqlite(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("of SQLite")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    "problem",
    [
        stopping.refused(),
        InterfaceError("connection already closed"),
        OperationalError(2013, "Lost connection to server during query"),
        OperationalError(1205, "Lock wait timeout exceeded"),
        from_driver(OperationalError("database is locked"), sqlite(5)),
        OperationalError(),
        stopping.ConnectionError(),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
    ids=str,
)
def test_an_outage_is_a_code_and_a_time_to_wait(
    problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    answer = answer_to(problem)
    assert (answer.status_code, json.loads(answer.content)) == (503, DOWN)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Cache-Control"] == "no-store, private"
    # An operator sees what it was.
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert record.exc_info[1] is problem


@pytest.mark.parametrize(
    "problem",
    [
        OperationalError(1054, "Unknown column"),
        from_driver(OperationalError("no such table: x"), sqlite(1)),
        ProgrammingError("relation x does not exist"),
        OSError("disk"),
        RuntimeError("a bug"),
    ],
    ids=str,
)
def test_a_bug_stays_a_bug(problem: Exception) -> None:
    with pytest.raises(type(problem)):
        answer_to(problem)


def test_a_missing_table_is_a_bug_on_every_database() -> None:
    class Asking(AuthView):
        def post(self, request: Request) -> Response:
            with connection.cursor() as cursor:
                return Response(cursor.execute("SELECT * FROM no_such_table"))

    view = Asking.as_view()
    with pytest.raises((OperationalError, ProgrammingError)):
        view(APIRequestFactory().post("/", {}, format="json"))


# The store of the sessions


@pytest.fixture
def client(settings: Settings) -> APIClient:
    """Return a frontend of a project whose session store can be stopped."""
    settings.SESSION_ENGINE = "tests.stopping"
    # On Django 5.2 that of logins asks the session before the view, whatever the view.
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if "LoginRequired" not in name
    ]
    SessionStore.saved.clear()
    return APIClient(raise_request_exception=False)


def me(client: APIClient) -> Any:
    return client.get("/api/v1/auth/me/").json()


def says(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def test_a_login_whose_session_cannot_be_saved_succeeds_by_the_same_request_later(
    client: APIClient, make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    make_user()
    token = csrf(client)
    caplog.set_level("INFO", "ai_kit_auth.security")
    with stopped(SessionStore):
        answer = post(client, "login", ADA, **token)
        assert says(answer) == (503, DOWN)
        assert not answer.cookies
    with connection.execute_wrapper(refuse_updates):
        assert says(post(client, "login", ADA, **token)) == (503, DOWN)
    assert "login_succeeded" not in caplog.text
    assert post(client, "login", ADA, **token).status_code == 200
    assert me(client)["user"]["username"] == "ada"


def test_a_token_that_cannot_be_stored_is_not_given_out(
    client: APIClient, settings: Settings
) -> None:
    settings.CSRF_USE_SESSIONS = True
    with stopped(SessionStore):
        answer = client.get("/api/v1/auth/me/")
        assert says(answer) == (503, DOWN)
        assert not answer.cookies
    assert me(client)["csrf"]


def test_a_bug_of_the_session_engine_stays_a_bug(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    token = csrf(client)
    client.raise_request_exception = True
    bug = RuntimeError("a bug")
    with stopped(SessionStore, bug), pytest.raises(RuntimeError, match="a bug"):
        post(client, "login", ADA, **token)


def test_a_logged_in_user_stays_logged_in(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    log_in(client, "ada")
    with stopped(SessionStore):
        answer = client.get("/api/v1/auth/me/")
        assert says(answer) == (503, DOWN)
        assert not answer.cookies
    assert me(client)["user"]["username"] == "ada"


def test_an_answer_for_another_origin_can_be_read_there(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    log_in(client, "ada")
    origin = "https://app.example.com"
    with stopped(SessionStore):
        answer = client.get("/api/v1/auth/me/", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize("in_session", [False, True])
def test_a_session_is_saved_once(
    client: APIClient, make_user: MakeUser, settings: Settings, in_session: bool
) -> None:
    settings.CSRF_USE_SESSIONS = in_session
    make_user()
    token = csrf(client)
    first = len(SessionStore.saved)
    assert post(client, "login", ADA, **token).status_code == 200
    # cycle_key() of Django's login() saves as well.
    assert len(SessionStore.saved) == first + 2
    assert me(client)["user"]["username"] == "ada"
    assert len(SessionStore.saved) == first + 2
    settings.SESSION_SAVE_EVERY_REQUEST = True
    assert me(client)["user"]["username"] == "ada"
    assert len(SessionStore.saved) == first + 3


def test_what_middleware_of_the_project_writes_later_is_saved_too(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.stopping.Visits"]
    make_user()
    log_in(client, "ada")
    me(client)
    assert client.session["visits"] == 3
    assert client.session["_auth_user_id"]


def test_a_project_without_sessions_has_none_to_save() -> None:
    class Plain(AuthView):
        def post(self, request: Request) -> Response:
            return Response({})

    assert Plain.as_view()(APIRequestFactory().post("/")).status_code == 200


def refuse_updates(execute: Any, sql: str, *rest: Any) -> Any:
    if sql.startswith("UPDATE") and "django_session" in sql:
        raise stopping.refused()
    return execute(sql, *rest)


@pytest.mark.urls("tests.urlconfs.account")
@pytest.mark.parametrize("route", ["login", "confirm_password"])
def test_a_database_that_is_down_is_no_end_of_the_session(
    make_user: MakeUser, route: str
) -> None:
    """Django's engine says so of every error of its database."""
    make_user()
    client = APIClient(raise_request_exception=False)
    log_in(client, "ada")
    token = csrf(client)
    with connection.execute_wrapper(refuse_updates):
        answer = post(client, route, ADA, **token)
        assert says(answer) == (503, DOWN)
    assert post(client, route, ADA, **csrf(client)).status_code == 200


# A cache that holds the sessions


@pytest.fixture
def cached(settings: Settings) -> APIClient:
    """Return a frontend of a project with sessions in the cache, as in Redis."""
    settings.CACHES = {"default": {"BACKEND": "tests.stopping.Cache"}}
    settings.SESSION_ENGINE = f"{BASE}.cache"
    return APIClient(raise_request_exception=False)


def test_a_cache_that_is_down_logs_no_user_out(
    cached: APIClient, make_user: MakeUser
) -> None:
    """Django's engine says that the session has ended."""
    make_user()
    log_in(cached, "ada")
    token = csrf(cached)
    with stopped(Cache):
        answers = [cached.get("/api/v1/auth/me/"), post(cached, "logout", **token)]
        for answer in answers:
            assert says(answer) == (503, DOWN)
            assert not answer.cookies
    assert me(cached)["user"]["username"] == "ada"
    assert post(cached, "logout", **csrf(cached)).status_code == 200


def test_a_token_in_a_session_that_cannot_be_read_is_not_called_wrong(
    cached: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    settings.CSRF_USE_SESSIONS = True
    make_user()
    token = csrf(cached)
    with stopped(Cache):
        answer = post(cached, "login", ADA, **token)
        assert says(answer) == (503, DOWN)
        assert not answer.cookies
    assert post(cached, "login", ADA, **token).status_code == 200


def test_what_needs_no_session_works_and_ends_none(
    cached: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    settings.CSRF_USE_SESSIONS = True
    make_user()
    log_in(cached, "ada")
    with stopped(Cache):
        answer = post(cached, "register", registration("bob"))
        assert answer.status_code == 201
        assert not answer.cookies
    assert me(cached)["user"]["username"] == "ada"


def test_a_cache_that_is_back_while_the_request_runs_is_no_end_of_the_session(
    cached: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    make_user()
    log_in(cached, "ada")
    usual = settings.MIDDLEWARE
    settings.MIDDLEWARE = [*usual, "tests.test_outages.Flickering"]
    cached.handler.load_middleware()
    assert says(cached.get("/api/v1/auth/me/")) == (503, DOWN)
    settings.MIDDLEWARE = usual
    cached.handler.load_middleware()
    assert me(cached)["user"]["username"] == "ada"


class Flickering:
    """Reads the session while the cache is down for a moment."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        with stopped(Cache):
            assert not request.session.get("_auth_user_id")
        return self.get_response(request)


@pytest.mark.parametrize("key", ["k" * 32, "with blank and \x7f", "x"])
def test_a_key_that_leads_nowhere_is_no_outage(
    cached: APIClient, settings: Settings, key: str
) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.test_outages.Strict"}}
    cached.cookies["sessionid"] = key
    answer = cached.get("/api/v1/auth/me/")
    assert (answer.status_code, answer.json()["user"]) == (200, None)


class Strict(Cache):
    """Takes no key with blanks, as Memcached does not."""

    def validate_key(self, key: str) -> None:
        if " " in key:
            raise ValueError(key)
        super().validate_key(key)


# Before the view


def test_a_store_that_middleware_asks_first_is_a_code_where_the_project_says_so(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    settings.CSRF_USE_SESSIONS = True
    make_user()
    token = csrf(client)
    with override_settings(ROOT_URLCONF=__name__), stopped(SessionStore):
        answer = post(client, "login", ADA, **token)
        assert says(answer) == (503, DOWN)
        assert answer.headers["Retry-After"] == "5"
        assert answer.headers["Cache-Control"] == "no-store, private"
        settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "ERROR_PARAMS": True}
        assert post(client, "login", ADA, **token).json() == {
            **DOWN,
            "params": {"error": {"service_unavailable": {"retry_after": 5}}},
        }
        # The pages of the project keep Django's page.
        for url in ("/page/", "/no/such/page/"):
            page = client.get(url)
            assert page.status_code == 500
            assert page.headers["Content-Type"].startswith("text/html")
    assert post(client, "login", ADA, **token).status_code == 200


def test_a_bug_before_the_view_keeps_its_page(
    client: APIClient, settings: Settings
) -> None:
    settings.CSRF_USE_SESSIONS = True
    csrf(client)
    bug = RuntimeError("a bug")
    with override_settings(ROOT_URLCONF=__name__), stopped(SessionStore, bug):
        page = client.get("/api/v1/auth/me/")
    assert page.status_code == 500
    assert page.headers["Content-Type"].startswith("text/html")
