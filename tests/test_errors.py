"""Every error becomes a code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.core import exceptions as django_exceptions
from django.db import connection
from django.http import Http404, UnreadablePostError
from django.urls import path, reverse
from rest_framework import authentication, exceptions, permissions, throttling
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from ai_kit_auth.errors import CODES, code_of
from ai_kit_auth.views import AuthView

from .accounts import attributes_of, csrf, log_in, post, registration
from .conftest import PASSWORD, MakeUser, with_activation

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

if TYPE_CHECKING:
    from pytest_django import Settings


def answer_of(view: type[AuthView]) -> tuple[int, Any, Any]:
    """Return status, body and headers of a POST to a view of the project."""
    response = view.as_view()(APIRequestFactory().post("/", {}, format="json"))
    response.render()
    return response.status_code, json.loads(response.content), response.headers


def answer_to(problem: Exception) -> tuple[int, Any, Any]:
    """Return the answer if a view of the project raises ``problem``."""

    class Failing(AuthView):
        def post(self, request: Request) -> Response:
            raise problem

    return answer_of(Failing)


# The table of codes, row by row, as a frontend meets them

LINK = {"ident": "1", "token": "a-b"}
NAME = {"ident": "ada@example.com", "password": PASSWORD}

# code: endpoint, body, status, answer
AT_AN_ENDPOINT: dict[str, tuple[str, Any, int, Any]] = {
    "required": (
        "login",
        {},
        400,
        {"ident": ["required"], "password": ["required"]},
    ),
    "blank": ("login", {**NAME, "ident": " "}, 400, {"ident": ["blank"]}),
    "null": ("login", {**NAME, "password": None}, 400, {"password": ["null"]}),
    "invalid": ("login", {**NAME, "password": 7}, 400, {"password": ["invalid"]}),
    "max_length": (
        "login",
        {**NAME, "ident": "a" * 5000},
        400,
        {"ident": ["max_length"]},
    ),
    "surrogate_characters_not_allowed": (
        "login",
        {**NAME, "ident": "\ud800"},
        400,
        {"ident": ["surrogate_characters_not_allowed"]},
    ),
    "null_characters_not_allowed": (
        "login",
        {**NAME, "ident": "a\0b"},
        400,
        {"ident": ["null_characters_not_allowed"]},
    ),
    "invalid_credentials": (
        "login",
        NAME,
        400,
        {"non_field_errors": ["invalid_credentials"]},
    ),
    **{
        code: (
            "validate_password",
            {"email": email, "password": password},
            400,
            {"password": [code]},
        )
        for code, email, password in [
            ("password_too_short", "", "w8Zq"),
            ("password_too_similar", "hildegard@example.com", "hildegard"),
            ("password_too_common", "", "baseball"),
            ("password_entirely_numeric", "", "8402957163"),
        ]
    },
    "activation_link_invalid": (
        "activate",
        LINK,
        400,
        {"error": "activation_link_invalid"},
    ),
    "reset_password_link_invalid": (
        "pw_reset",
        {**LINK, "password": PASSWORD},
        400,
        {"error": "reset_password_link_invalid"},
    ),
    "not_authenticated": ("logout", {}, 403, {"error": "not_authenticated"}),
}


class Refusal(permissions.BasePermission):
    def has_permission(self, request: Any, view: Any) -> bool:
        return False


class NoCredentials(authentication.BaseAuthentication):
    def authenticate(self, request: Any) -> Any:
        raise exceptions.AuthenticationFailed


class TokenRefused(NoCredentials):
    def authenticate_header(self, request: Any) -> str:
        return "Token"


class Stop(throttling.BaseThrottle):
    def allow_request(self, request: Any, view: Any) -> bool:
        return False

    def wait(self) -> float:
        return 7.2


class StopForGood(Stop):
    def wait(self) -> Any:
        return None


class Hidden(AuthView):
    def post(self, request: Request) -> Response:
        raise Http404


class Forbidden(Hidden):
    permission_classes = [Refusal]


class Unauthorised(Hidden):
    authentication_classes = [NoCredentials]


class Throttled(Hidden):
    throttle_classes = [Stop]


BY_A_HOSTS_RULE: dict[str, tuple[type[AuthView], int]] = {
    "not_found": (Hidden, 404),
    "permission_denied": (Forbidden, 403),
    "authentication_failed": (Unauthorised, 403),
    "throttled": (Throttled, 429),
}
ON_THEIR_OWN = {
    "username_unique",
    "email_unique",
    "csrf_failed",
    "parse_error",
    "method_not_allowed",
    "unsupported_media_type",
    "mail_not_sent",
}


# In the tests of that page.
OF_THE_ACCOUNT_PAGE = {
    "email_change_link_invalid",
    "no_password",
    "reauthentication_required",
    "account_protected",
}


def test_every_code_of_the_table_is_met_here() -> None:
    # test_activation_proof.py meets the one that only a setting brings, and
    # test_outages.py that of a service that is down.
    met = {*AT_AN_ENDPOINT, *BY_A_HOSTS_RULE, *ON_THEIR_OWN}
    met |= {"activation_proof_required", "service_unavailable"}
    assert met == CODES.keys() - {"passwords_not_identical"} - OF_THE_ACCOUNT_PAGE


def test_every_code_is_one_and_has_a_meaning() -> None:
    assert all(re.fullmatch("[a-z0-9_]+", code) for code in CODES)
    assert all(CODES.values())


@pytest.mark.django_db
@pytest.mark.parametrize("code", AT_AN_ENDPOINT)
def test_code_at_an_endpoint(client: APIClient, code: str) -> None:
    route, body, status, expected = AT_AN_ENDPOINT[code]
    # DRF's client would write half a character in UTF-8, which cannot be.
    answer = client.generic(
        "POST",
        reverse(f"ai_kit_auth:{route}"),
        json.dumps(body),
        "application/json",
        **csrf(client),
    )
    assert (answer.status_code, answer.json()) == (status, expected)
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("code", BY_A_HOSTS_RULE)
def test_code_by_a_rule_of_the_host(code: str) -> None:
    view, expected = BY_A_HOSTS_RULE[code]
    status, body, _ = answer_of(view)
    assert (status, body) == (expected, {"error": code})


@pytest.mark.django_db
@pytest.mark.user_model("auth_user", "uuid_key", "extra_field")
def test_username_unique_and_email_unique(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    answer = post(client, "register", registration(email="ADA@example.com"))
    assert answer.status_code == 400
    assert answer.json() == {
        "username": ["username_unique"],
        "email": ["email_unique"],
    }


@pytest.mark.django_db
@pytest.mark.user_model("email_login", "bare")
def test_email_unique(client: APIClient, make_user: MakeUser) -> None:
    make_user()
    answer = post(client, "register", registration())
    assert (answer.status_code, answer.json()) == (400, {"email": ["email_unique"]})


@pytest.mark.django_db
@pytest.mark.user_model("renamed_email")
def test_unique_codes_have_the_models_own_names(
    client: APIClient, make_user: MakeUser
) -> None:
    """The keys are those that the client sent."""
    make_user()
    answer = post(client, "register", registration())
    assert answer.json() == {
        "username": ["login_name_unique"],
        "email": ["mail_unique"],
    }
    own = {**attributes_of("ada"), "password": PASSWORD}
    assert post(client, "register", own).json() == {
        "login_name": ["login_name_unique"],
        "mail": ["mail_unique"],
    }


@pytest.mark.django_db
def test_csrf_failed(client: APIClient, make_user: MakeUser) -> None:
    make_user()
    for extra in ({}, {"headers": {"X-CSRFToken": "stale"}}):
        answer = post(client, "login", NAME, **extra)
        assert (answer.status_code, answer.json()) == (403, {"error": "csrf_failed"})
    log_in(client, "ada@example.com")
    answer = post(client, "logout")
    assert (answer.status_code, answer.json()) == (403, {"error": "csrf_failed"})


ROUTES = {
    "login": "post",
    "logout": "post",
    "me": "get",
    "register": "post",
    "send_pw_reset_email": "post",
    "pw_reset": "post",
    "validate_password": "post",
    "activate": "post",
}


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("route", ROUTES)
def test_method_not_allowed(make_user: MakeUser, route: str, method: str) -> None:
    client = APIClient()
    client.force_login(make_user())
    answer = client.generic(method.upper(), reverse(f"ai_kit_auth:{route}"))
    if method == ROUTES[route]:
        assert answer.status_code in {200, 400}
    else:
        assert answer.status_code == 405
        assert answer.json() == {"error": "method_not_allowed"}
        assert ROUTES[route].upper() in answer.headers["Allow"]


POSTS = [route for route, method in ROUTES.items() if method == "post"]


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "nonsense"])
@pytest.mark.parametrize("route", [route for route in POSTS if route != "logout"])
def test_unsupported_media_type(
    client: APIClient, route: str, content_type: str
) -> None:
    answer = client.generic(
        "POST", reverse(f"ai_kit_auth:{route}"), "{}", content_type, **csrf(client)
    )
    assert answer.status_code == 415
    assert answer.json() == {"error": "unsupported_media_type"}


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route in POSTS if route != "logout"])
def test_parse_error(client: APIClient, route: str) -> None:
    answer = client.generic(
        "POST",
        reverse(f"ai_kit_auth:{route}"),
        "{'no': json",
        "application/json",
        **csrf(client),
    )
    assert (answer.status_code, answer.json()) == (400, {"error": "parse_error"})


@pytest.mark.django_db
@with_activation
def test_mail_not_sent(client: APIClient, settings: Settings) -> None:
    broken = {"SEND_USER_ACTIVATION_MAIL": mock.Mock(side_effect=OSError)}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **broken}
    answer = post(client, "register", registration())
    assert (answer.status_code, answer.json()) == (503, {"error": "mail_not_sent"})


# Which code an exception has


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        (ErrorDetail("A sentence.", "too_young"), "too_young"),
        (ErrorDetail("age_too_low", "invalid"), "age_too_low"),
        (ErrorDetail("age_too_low"), "age_too_low"),
        (ErrorDetail("age_too_low", "blank"), "blank"),
        (ErrorDetail("2fa_needed", "invalid"), "2fa_needed"),
        (ErrorDetail("A sentence.", "invalid"), "invalid"),
        (ErrorDetail("A sentence."), "invalid"),
        (ErrorDetail("", "invalid"), "invalid"),
        (ErrorDetail("", ""), "invalid"),
        (ErrorDetail("Word", "invalid"), "invalid"),
        (ErrorDetail("two words", "invalid"), "invalid"),
        (ErrorDetail("code\n", "invalid"), "invalid"),
        (ErrorDetail("schön", "invalid"), "invalid"),
        ("plain_code", "plain_code"),
        ("A plain sentence.", "invalid"),
        (ErrorDetail("", "Too Young!"), "too_young"),
        (ErrorDetail("", "too-young"), "too_young"),
        (ErrorDetail("", "TooYoung\n"), "tooyoung"),
        (ErrorDetail("", "!?"), "invalid"),
        (ErrorDetail("", 7), "7"),  # type: ignore[arg-type]  # a host's may be anything
    ],
)
def test_code_of(detail: Any, code: str) -> None:
    assert code_of(detail) == code


@pytest.mark.parametrize(
    ("detail", "body"),
    [
        ("age_too_low", {"non_field_errors": ["age_too_low"]}),
        ("You are too young.", {"non_field_errors": ["invalid"]}),
        (["one_thing", "another"], {"non_field_errors": ["one_thing", "another"]}),
        ({"age": "age_too_low"}, {"age": ["age_too_low"]}),
        ({"age": ["low", "low", "odd"]}, {"age": ["low", "odd"]}),
        (
            {"age": ["low"], "non_field_errors": ["closed"]},
            {"age": ["low"], "non_field_errors": ["closed"]},
        ),
        (
            {"address": {"street": ["no_such"], "town": {"zip": ["wrong"]}}},
            {"address": ["no_such", "wrong"]},
        ),
        (
            {"phones": [{}, {"number": ["too_long"]}, {"kind": ["unknown"]}]},
            {"phones": ["too_long", "unknown"]},
        ),
        ([{"name": ["taken"]}, {}], {"non_field_errors": ["taken"]}),
        (
            {"age": ErrorDetail("You are too young.", "too_young")},
            {"age": ["too_young"]},
        ),
    ],
)
def test_validation_errors_become_lists_of_codes(detail: Any, body: Any) -> None:
    status, answered, _ = answer_to(exceptions.ValidationError(detail))
    assert (status, answered) == (400, body)


@pytest.mark.parametrize(
    ("problem", "body"),
    [
        (
            django_exceptions.ValidationError("Too %(what)s.", "young", {"what": "y"}),
            {"non_field_errors": ["young"]},
        ),
        (
            django_exceptions.ValidationError("age_too_low"),
            {"non_field_errors": ["age_too_low"]},
        ),
        (
            django_exceptions.ValidationError("A sentence."),
            {"non_field_errors": ["invalid"]},
        ),
        (
            django_exceptions.ValidationError(
                {"age": django_exceptions.ValidationError("Too young.", code="young")}
            ),
            {"age": ["young"]},
        ),
        (
            django_exceptions.ValidationError(
                [
                    django_exceptions.ValidationError("One.", code="one"),
                    django_exceptions.ValidationError("Two.", code="two"),
                ]
            ),
            {"non_field_errors": ["one", "two"]},
        ),
    ],
)
def test_djangos_own_validation_errors_too(problem: Exception, body: Any) -> None:
    status, answered, _ = answer_to(problem)
    assert (status, answered) == (400, body)


class TeapotError(exceptions.APIException):
    status_code = 418
    default_code = "teapot"


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [
        (exceptions.ParseError(), 400, "parse_error"),
        (exceptions.NotAuthenticated(), 403, "not_authenticated"),
        (exceptions.AuthenticationFailed(), 403, "authentication_failed"),
        (exceptions.PermissionDenied(), 403, "permission_denied"),
        (exceptions.PermissionDenied(code="email_domain"), 403, "email_domain"),
        (exceptions.PermissionDenied("A sentence."), 403, "permission_denied"),
        (exceptions.NotFound(), 404, "not_found"),
        (exceptions.MethodNotAllowed("GET"), 405, "method_not_allowed"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (exceptions.UnsupportedMediaType("a/b"), 415, "unsupported_media_type"),
        (exceptions.Throttled(), 429, "throttled"),
        (exceptions.APIException(), 500, "error"),
        (exceptions.APIException("Sorry.", code="Out of Order"), 500, "out_of_order"),
        (exceptions.APIException({"a": ["Sorry."]}), 500, "error"),
        (exceptions.APIException({}), 500, "error"),
        (TeapotError(), 418, "teapot"),
        (Http404("A sentence."), 404, "not_found"),
        (django_exceptions.PermissionDenied("A sentence."), 403, "permission_denied"),
        (django_exceptions.BadRequest(), 400, "parse_error"),
        (django_exceptions.SuspiciousOperation(), 400, "parse_error"),
        (django_exceptions.RequestDataTooBig(), 400, "parse_error"),
        (django_exceptions.TooManyFieldsSent(), 400, "parse_error"),
        (django_exceptions.TooManyFilesSent(), 400, "parse_error"),
        (UnreadablePostError(), 400, "parse_error"),
    ],
)
def test_whatever_is_about_the_request_is_one_code(
    problem: Exception, status: int, code: str
) -> None:
    answered = answer_to(problem)
    assert answered[:2] == (status, {"error": code})


@pytest.mark.parametrize("bug", [ZeroDivisionError, KeyError, RuntimeError])
def test_a_bug_is_not_hidden(bug: type[Exception]) -> None:
    with pytest.raises(bug):
        answer_to(bug())


# Headers


def test_retry_after_is_in_whole_seconds() -> None:
    status, _, headers = answer_of(Throttled)
    assert status == 429
    assert headers["Retry-After"] == "8"


def test_without_a_time_to_wait_there_is_no_retry_after() -> None:
    class ForGood(Hidden):
        throttle_classes = [StopForGood]

    status, body, headers = answer_of(ForGood)
    assert (status, body) == (429, {"error": "throttled"})
    assert "Retry-After" not in headers


def test_a_host_authentication_may_ask_for_credentials() -> None:
    class Asking(Hidden):
        authentication_classes = [TokenRefused]

    status, body, headers = answer_of(Asking)
    assert (status, body) == (401, {"error": "authentication_failed"})
    assert headers["WWW-Authenticate"] == "Token"


# The project's settings of DRF


@pytest.mark.django_db
def test_a_renamed_key_for_what_is_tied_to_no_field(
    client: APIClient, settings: Settings
) -> None:
    settings.REST_FRAMEWORK = {"NON_FIELD_ERRORS_KEY": "__all__"}
    answer = log_in(client, "nobody@example.com")
    assert answer.json() == {"non_field_errors": ["invalid_credentials"]}
    answer = client.generic(
        "POST",
        reverse("ai_kit_auth:validate_password"),
        "[]",
        "application/json",
    )
    assert answer.json() == {"non_field_errors": ["invalid"]}


def hosts_handler(exc: Exception, context: Any) -> Response:
    return Response({"message": f"host says {type(exc).__name__}"}, status=418)


class HostView(APIView):
    authentication_classes: list[Any] = []

    def post(self, request: Request) -> Response:
        raise exceptions.NotFound


urlpatterns = [path("host/", HostView.as_view())]


@pytest.mark.django_db
def test_the_hosts_handler_serves_the_hosts_views_and_only_these(
    client: APIClient, settings: Settings
) -> None:
    settings.REST_FRAMEWORK = {"EXCEPTION_HANDLER": f"{__name__}.hosts_handler"}
    ours = post(client, "logout")
    assert (ours.status_code, ours.json()) == (403, {"error": "not_authenticated"})
    settings.ROOT_URLCONF = __name__
    theirs = client.post("/host/")
    assert theirs.status_code == 418
    assert theirs.json() == {"message": "host says NotFound"}


@pytest.mark.django_db
def test_drfs_handler_stays_as_it_is(client: APIClient, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    answer = client.post("/host/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.django_db
def test_an_error_leaves_the_transaction_around_it_alone(
    client: APIClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ATOMIC_REQUESTS, a project's TestCase can go on asking the database."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    make_user()
    assert log_in(client, "ada@example.com", "wrong").status_code == 400
    assert post(client, "activate", LINK).status_code == 400
    assert log_in(client, "ada@example.com").status_code == 200
