"""ERROR_PARAMS: what stands beside a code, and what never does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import (
    BaseValidator,
    MaxValueValidator,
    MinLengthValidator,
    StepValueValidator,
)
from django.test import override_settings
from django.urls import reverse
from django.utils.functional import lazystr
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from ai_kit_auth.accounts import email_of
from ai_kit_auth.errors import CODES, PARAMS, MailNotSent, ServiceUnavailable
from ai_kit_auth.errors import exception_handler as handler
from ai_kit_auth.params import Code, is_free
from ai_kit_auth.user_model import UserModel, user_model
from ai_kit_auth.views import AuthView

from .accounts import attributes_of, configure, csrf, log_in, mailed_link, post
from .conftest import PASSWORD, MakeUser, with_activation
from .test_errors import AT_AN_ENDPOINT

if TYPE_CHECKING:
    from pytest_django import Settings

same = pytest.mark.user_model("auth_user")


@pytest.fixture(autouse=True)
def _are_on(settings: Settings) -> None:
    configure(settings, ERROR_PARAMS=True)


# At the endpoints


def at_an_endpoint(client: APIClient, code: str) -> Any:
    route, body, *_ = AT_AN_ENDPOINT[code]
    return client.generic(
        "POST",
        reverse(f"ai_kit_auth:{route}"),
        json.dumps(body),
        "application/json",
        **csrf(client),
    )


OF_CODES: dict[str, Any] = {
    "max_length": {"ident": {"max_length": {"max_length": 1024}}},
    "password_too_short": {"password": {"password_too_short": {"min_length": 8}}},
    "password_too_similar": {
        "password": {"password_too_similar": {"verbose_name": "email"}}
    },
}


@same
@pytest.mark.django_db
@pytest.mark.parametrize("code", AT_AN_ENDPOINT)
def test_the_codes_stay_and_only_those_with_parameters_have_some(
    client: APIClient, settings: Settings, code: str
) -> None:
    with_params = at_an_endpoint(client, code).json()
    configure(settings, ERROR_PARAMS=False)
    without = at_an_endpoint(client, code)
    shown = with_params.pop("params", None)
    assert shown == OF_CODES.get(code)
    # Byte for byte what it was, and the codes in the order that they had.
    text = json.dumps(with_params, separators=(",", ":"))
    assert without.content == text.encode()
    assert without.json() == AT_AN_ENDPOINT[code][3]


@same
@pytest.mark.django_db
def test_a_throttle_tells_the_seconds_of_its_header(
    client: APIClient, settings: Settings
) -> None:
    configure(settings, THROTTLE_RATES={"LOGIN_ADDRESS": "1/hour"})
    log_in(client, "nobody@example.com")
    answer = log_in(client, "nobody@example.com")
    seconds = int(answer.headers["Retry-After"])
    assert seconds > 3000
    assert answer.json() == {
        "error": "throttled",
        "params": {"error": {"throttled": {"retry_after": seconds}}},
    }


@pytest.mark.django_db
@pytest.mark.user_model("auth_user", "email_login", "renamed_email")
def test_a_similar_password_names_the_field_whatever_its_label_is(
    client: APIClient, settings: Settings
) -> None:
    settings.LANGUAGE_CODE = "de"
    body = {"email": "hildegard@example.com", "username": "hildegard"}
    for name, usual in ((user_model.username, "username"), (user_model.email, "email")):
        if name is not None:
            typed = {"email": "", usual: body[usual], "password": "hildegard"}
            answer = post(
                client, "validate_password", typed, headers={"Accept-Language": "de"}
            )
            assert answer.json()["params"] == {
                "password": {"password_too_similar": {"verbose_name": name}}
            }


# Enumeration: parameters tell no more of an account than the code


@with_activation
@pytest.mark.django_db
def test_what_a_guess_is_like_is_told_to_the_owner_alone(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """
    ``validate_password/`` takes an ident, which is public, while a link is live.

    Then the code alone tells that the guess is like a column of the account. At
    ``reset_password/`` the client has the link, so it may know which column.
    """
    settings.AUTH_PASSWORD_VALIDATORS = [
        *settings.AUTH_PASSWORD_VALIDATORS,
        {"NAME": "tests.test_params.Distance"},
    ]
    make_user("hildegard")
    post(client, "send_pw_reset_email", {"email": "hildegard@example.com"})
    link = mailed_link()
    guess = {"ident": link["ident"], "password": "hildega"}
    column = user_model.username or user_model.email
    stranger = post(client, "validate_password", guess).json()
    codes = ["password_too_similar", "password_too_short", "password_near"]
    assert stranger == {
        "password": codes,
        "params": {
            "password": {
                "password_too_short": {"min_length": 8},
                "password_near": {"min_distance": 3},
            }
        },
    }
    owner = post(client, "pw_reset", {**guess, **link}).json()
    assert owner["password"] == codes
    assert owner["params"]["password"] == {
        "password_too_similar": {"verbose_name": column},
        "password_too_short": {"min_length": 8},
        "password_near": {"min_distance": 3, "distance": 2},
    }


class Distance:
    """A validator of a project that tells how far a password is from the name."""

    def validate(self, password: str, user: Any = None) -> None:
        assert email_of(user) == "hildegard@example.com"
        raise DjangoValidationError(
            "Near", code="password_near", params={"min_distance": 3, "distance": 2}
        )


@same
@pytest.mark.django_db
@pytest.mark.parametrize("ident", ["ada@example.com", "nobody@example.com"])
def test_a_login_tells_nothing_beside_its_code(
    client: APIClient, make_user: MakeUser, ident: str
) -> None:
    make_user()
    answer = log_in(client, ident, "wrong")
    assert answer.json() == {"non_field_errors": ["invalid_credentials"]}


# Exceptions of a project


def answer_to(problem: Exception) -> Any:
    """Return the body of the answer if a view of the project raises ``problem``."""

    class Failing(AuthView):
        def post(self, request: Any) -> Response:
            raise problem

    return posted(Failing, {})


def posted(view: Any, data: Any, form: str = "json") -> Any:
    response = view.as_view()(APIRequestFactory().post("/", data, format=form))
    response.render()
    return json.loads(response.content)


@same
def test_an_outage_tells_when_to_come_back() -> None:
    retry = {"error": {"service_unavailable": {"retry_after": 5}}}
    assert answer_to(ServiceUnavailable())["params"] == retry


@same
@pytest.mark.parametrize(
    "problem",
    [MailNotSent(), exceptions.Throttled(), exceptions.NotFound()],
    ids=["mail_not_sent", "throttled", "not_found"],
)
def test_without_a_time_to_wait_there_are_no_parameters(problem: Exception) -> None:
    assert answer_to(problem).keys() == {"error"}


@same
def test_a_code_may_carry_parameters_through_drf() -> None:
    code = Code("too_young", {"min_age": 18})
    assert answer_to(exceptions.PermissionDenied("", code=code)) == {
        "error": "too_young",
        "params": {"error": {"too_young": {"min_age": 18}}},
    }
    assert answer_to(exceptions.ValidationError({"age": ["x"]}, code=code)) == {
        "age": ["too_young"],
        "params": {"age": {"too_young": {"min_age": 18}}},
    }
    assert answer_to(exceptions.ValidationError("", code=code)) == {
        "non_field_errors": ["too_young"],
        "params": {"non_field_errors": {"too_young": {"min_age": 18}}},
    }


@same
def test_an_exception_of_django_keeps_its_parameters() -> None:
    problem = DjangoValidationError(
        {
            "age": DjangoValidationError(
                "At least %(limit_value)s",
                code="min_value",
                params={"limit_value": 18, "show_value": 17, "value": 17},
            )
        }
    )
    assert answer_to(problem) == {
        "age": ["min_value"],
        "params": {"age": {"min_value": {"min_value": 18}}},
    }
    several = DjangoValidationError(
        [DjangoValidationError("a", "one", {"seats": 3}), "two_words"]
    )
    assert answer_to(several) == {
        "non_field_errors": ["one", "two_words"],
        "params": {"non_field_errors": {"one": {"seats": 3}}},
    }


@same
def test_a_time_to_wait_of_a_projects_own_stands_beside_its_parameters() -> None:
    class Full(exceptions.APIException):
        status_code = 409
        wait = 7

    problem = Full("", code=Code("full", {"seats": 3}))
    of_code = {"seats": 3, "retry_after": 7}
    assert answer_to(problem)["params"] == {"error": {"full": of_code}}

    class Invalid(exceptions.ValidationError):
        wait = 7

    assert answer_to(Invalid("", code="full")) == {"non_field_errors": ["full"]}


@same
def test_a_field_called_params_keeps_its_codes() -> None:
    """A check refuses it; nothing of 2.0.0 breaks where it is silenced."""
    code = Code("too_young", {"min_age": 18})
    problem = exceptions.ValidationError({"params": ["x"], "age": ["y"]}, code=code)
    assert answer_to(problem) == {"params": ["too_young"], "age": ["too_young"]}


# Serializers of a project


def refusing(code: str = "refused", **params: Any) -> Callable[[Any], None]:
    """Return a validator of a project that refuses everything."""

    def refuse(value: Any) -> None:
        raise DjangoValidationError("No", code=code, params=params)

    return refuse


def form(**fields: Any) -> type[serializers.Serializer[Any]]:
    return type("Form", (serializers.Serializer,), fields)


def view_with(serializer: Any) -> type[AuthView]:
    class View(AuthView):
        serializer_class = serializer

        def post(self, request: Any, **kwargs: Any) -> Response:
            return Response(self.validated().validated_data)

    return View


def params_of(serializer: Any, data: Any) -> Any:
    """Return the parameters in the answer to ``data``, {} without any."""
    body = posted(view_with(serializer), data)
    found = body.pop("params", {})
    for place, by_code in found.items():
        assert by_code.keys() <= set(body[place])
    return found


def shown_of(params: Mapping[str, Any], value: Any = "typed") -> dict[str, Any]:
    """Return what is shown of a third party's ``params`` for a field with ``value``."""
    serializer = form(field=serializers.JSONField(validators=[refusing(**params)]))
    found = params_of(serializer, {"field": value})
    of_code: dict[str, Any] = found.get("field", {}).get("refused", {})
    return of_code


@same
def test_numbers_booleans_and_names_of_fields_pass() -> None:
    given = {
        "seats": 3,
        "ratio": 0.5,
        "price": Decimal("9.75"),
        "dozens": Decimal(12),
        "is_full": True,
        "other": "field",
        "column": "last_login",
        "label": lazystr(UserModel._meta.get_field("last_login").verbose_name),
    }
    expected = {**given, "price": 9.75, "label": "last_login"}
    assert shown_of(given) == expected


class Odd(int):
    """A number with a class of its own."""


@same
@pytest.mark.parametrize(
    "value",
    [
        None,
        object(),
        {"nested": 1},
        [1, 2],
        "a text of the project",
        "x" * 100_000,
        b"bytes",
        lazystr("a label that no field has"),
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("-Infinity"),
        10**5000,
        2**53,
        1e300,
        1j,
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_does_not(value: Any) -> None:
    assert shown_of({"thing": value, "seats": 3}) == {"seats": 3}


@same
def test_a_number_is_shown_as_one_whatever_its_class_is() -> None:
    assert shown_of({"seats": Odd(3)}) == {"seats": 3}


@same
@pytest.mark.parametrize(
    ("name", "value", "typed"),
    [
        ("value", 3, "something"),
        ("show_value", 3, "something"),
        ("number", 17, 17),
        ("number", 17, "17"),
        ("number", 17, 17.0),
        ("number", 1.5, "1.5"),
        ("number", -17, "-17"),
        ("year", 1990, "summer1990"),
        ("characters", 9, "something"),
        ("characters", 9, " something "),
        ("items", 3, ["a", "b", "c"]),
        ("inner", 17, {"deep": [{"age": 17}]}),
        ("flag", True, True),
        ("flag", False, "false"),
        ("word", "field", "field"),
        ("word", "field", {"field": 1}),
        ("a_name", 3, {"a_name": 7}),
        ("what-was typed", 3, "x"),
        ("x" * 41, 3, "x"),
        (7, 3, "x"),
    ],
)
def test_what_was_typed_does_not_come_back(name: Any, value: Any, typed: Any) -> None:
    assert shown_of({"min_seats": 30}, typed) == {"min_seats": 30}
    serializer = form(
        field=serializers.JSONField(validators=[_refusing({name: value})])
    )
    assert params_of(serializer, {"field": typed}) == {}


def _refusing(params: dict[Any, Any]) -> Callable[[Any], None]:
    def refuse(value: Any) -> None:
        raise DjangoValidationError("No", code="refused", params=params)

    return refuse


@same
def test_a_limit_is_shown_even_if_the_value_has_its_length() -> None:
    assert shown_of({"min_letters": 5, "max_letters": 5}, "typed") == {
        "min_letters": 5,
        "max_letters": 5,
    }


@same
def test_there_are_at_most_sixteen() -> None:
    assert len(shown_of({f"n{number}": 300 + number for number in range(99)})) == 16


@same
def test_parameters_that_are_no_mapping_are_none() -> None:
    def refuse(value: Any) -> None:
        given: Any = (3, 4)
        raise DjangoValidationError("%s of %s", code="refused", params=given)

    serializer = form(field=serializers.CharField(validators=[refuse]))
    assert params_of(serializer, {"field": "x"}) == {}


@same
def test_a_code_of_the_package_has_what_is_declared_for_it_alone() -> None:
    validators = [
        refusing("password_too_short", min_length="8", seats=3),
        refusing("password_too_common", seats=3),
        refusing("invalid", seats=3),
    ]
    serializer = form(field=serializers.CharField(validators=validators))
    assert params_of(serializer, {"field": "x"}) == {"field": {"invalid": {"seats": 3}}}


@same
def test_of_several_with_one_code_the_first_with_parameters_counts() -> None:
    validators = [refusing(), refusing(min_seats=3), refusing(min_seats=4)]
    serializer = form(field=serializers.CharField(validators=validators))
    assert params_of(serializer, {"field": "x"}) == {
        "field": {"refused": {"min_seats": 3}}
    }


@same
def test_the_limits_of_fields_have_the_names_of_their_codes() -> None:
    def twelve() -> int:
        return 12

    serializer = form(
        text=serializers.CharField(max_length=3),
        short=serializers.CharField(min_length=3),
        low=serializers.IntegerField(min_value=18),
        high=serializers.FloatField(max_value=1.5),
        step=serializers.IntegerField(validators=[StepValueValidator(5)]),
        later=serializers.IntegerField(validators=[MaxValueValidator(twelve)]),
        digits=serializers.DecimalField(max_digits=3, decimal_places=1),
        places=serializers.DecimalField(max_digits=3, decimal_places=1),
        whole=serializers.DecimalField(max_digits=3, decimal_places=1),
        rows=serializers.ListField(max_length=1),
    )
    data = {
        "text": "four",
        "short": "x",
        "low": 17,
        "high": 2,
        "step": 7,
        "later": 13,
        "digits": "1234",
        "places": "1.25",
        "whole": "123",
        "rows": [1, 2],
    }
    expected = {
        "text": {"max_length": {"max_length": 3}},
        "short": {"min_length": {"min_length": 3}},
        "low": {"min_value": {"min_value": 18}},
        "high": {"max_value": {"max_value": 1.5}},
        "step": {"step_size": {"step_size": 5}},
        "later": {"max_value": {"max_value": 12}},
        "digits": {"max_digits": {"max_digits": 3}},
        "places": {"max_decimal_places": {"max_decimal_places": 1}},
        "whole": {"max_whole_digits": {"max_whole_digits": 2}},
        "rows": {"max_length": {"max_length": 1}},
    }
    assert params_of(serializer, data) == expected
    # And where a view of the project knows nothing but the handler.
    assert posted(plain_view(serializer), data)["params"] == expected


def plain_view(serializer_class: Any) -> type[APIView]:
    class Plain(APIView):
        authentication_classes: Any = []
        permission_classes: Any = []

        def get_exception_handler(self) -> Any:
            return handler

        def post(self, request: Any) -> Response:
            serializer = serializer_class(data=request.data)
            serializer.is_valid(raise_exception=True)
            return Response({})

    return Plain


@same
def test_a_limit_that_is_no_number_is_not_shown() -> None:
    class Day(BaseValidator):
        code = "max_value"

        def compare(self, a: Any, b: Any) -> bool:
            return True

    serializer = form(field=serializers.CharField(validators=[Day("2026-11-29")]))
    for view in (view_with(serializer), plain_view(serializer)):
        assert posted(view, {"field": "x"}) == {"field": ["max_value"]}


@same
def test_nested_serializers_and_lists_have_theirs_at_the_outer_field() -> None:
    inner: Any = form(
        name=serializers.CharField(validators=[MinLengthValidator(3)]),
        seats=serializers.IntegerField(min_value=2, validators=[refusing(rows=40)]),
    )
    serializer = form(
        one=inner(),
        many=inner(many=True, max_length=1),
        texts=serializers.ListField(child=serializers.CharField(max_length=2)),
        table=serializers.DictField(child=serializers.IntegerField(max_value=5)),
        unknown=serializers.CharField(),
    )
    bad = {"name": "x", "seats": 1}
    data = {
        "one": bad,
        "many": [{"name": "long", "seats": 1}],
        "texts": ["a", "bcd"],
        "table": {"a": 6},
        "unknown": "x",
    }
    min_value = {"min_value": {"min_value": 2}, "refused": {"rows": 40}}
    expected = {
        "one": {"min_length": {"min_length": 3}, **min_value},
        "many": min_value,
        "texts": {"max_length": {"max_length": 2}},
        "table": {"max_value": {"max_value": 5}},
    }
    with override_settings(REST_FRAMEWORK={"LIST_SERIALIZER_ERRORS_AS_DICT": True}):
        assert params_of(serializer, data) == expected
        assert params_of(serializer, {**data, "many": [bad, bad]})["many"] == {
            "max_length": {"max_length": 1}
        }


@same
def test_the_methods_of_a_serializer_may_raise_djangos_exception() -> None:
    class Form(serializers.Serializer[Any]):
        age = serializers.IntegerField()
        seats = serializers.IntegerField()
        kind = serializers.CharField()

        def validate_age(self, age: int) -> int:
            raise DjangoValidationError("No", "too_young", {"needed": 18, "age": age})

        def validate_kind(self, kind: str) -> str:
            raise exceptions.ValidationError("", code=Code("odd", {"kinds": 4}))

    assert params_of(Form, {"age": 17, "seats": 18, "kind": "x"}) == {
        "age": {"too_young": {"needed": 18}},
        "kind": {"odd": {"kinds": 4}},
    }


@same
def test_errors_of_the_whole_are_measured_by_all_that_was_typed() -> None:
    class Form(serializers.Serializer[Any]):
        seats = serializers.IntegerField()

        def validate(self, attrs: Any) -> Any:
            given = {"seats": 3, "asked": attrs["seats"], "left": 9}
            raise DjangoValidationError("No", "sold_out", given)

    shown = {"non_field_errors": {"sold_out": {"seats": 3, "left": 9}}}
    assert params_of(Form, {"seats": 17}) == shown
    factory = APIRequestFactory()
    # In a form, where every value is a text, and in the URL.
    for typed in ("17", "9"):
        request = factory.post(f"/?again={typed}", {"seats": "17"})
        response = view_with(Form).as_view()(request, number=typed)
        response.render()
        found = json.loads(response.content)["params"]["non_field_errors"]
        left = {"left": 9} if typed == "17" else {}
        assert found == {"sold_out": {"seats": 3, **left}}


@same
def test_a_field_of_a_form_is_measured_by_all_its_values() -> None:
    field = serializers.CharField(validators=[refusing(number=17, seats=3)])
    request = APIRequestFactory().post(
        "/",
        "field=17&field=x",
        content_type="application/x-www-form-urlencoded",
    )
    response = view_with(form(field=field)).as_view()(request)
    assert response.data["params"] == {"field": {"refused": {"seats": 3}}}


@same
def test_of_a_body_that_cannot_be_read_only_what_is_declared_is_known() -> None:
    class Failing(AuthView):
        def post(self, request: Any) -> Response:
            code = Code("refused", {"seats": 3})
            raise exceptions.PermissionDenied("", code=code)

    request = APIRequestFactory().generic("POST", "/", "{", "application/json")
    assert Failing.as_view()(request).data == {"error": "refused"}


@same
def test_without_a_request_only_what_is_declared_is_shown() -> None:
    refused = exceptions.PermissionDenied("", code=Code("refused", {"seats": 3}))
    answer = handler(refused, {})
    assert answer is not None
    assert answer.data == {"error": "refused"}
    answer = handler(exceptions.Throttled(wait=7), {})
    assert answer is not None
    assert answer.data["params"] == {"error": {"throttled": {"retry_after": 7}}}


@same
def test_a_validator_that_asks_for_its_field_gets_it() -> None:
    class Asking:
        requires_context = True

        def __call__(self, value: Any, field: Any) -> None:
            raise DjangoValidationError("No", "refused", {"most": field.max_length})

    field = serializers.CharField(max_length=30, validators=[Asking()])
    assert params_of(form(field=field), {"field": "x"}) == {
        "field": {"refused": {"most": 30}}
    }


@same
def test_a_field_may_raise_djangos_exception_itself() -> None:
    class Field(serializers.Field[Any, Any, Any, Any]):
        def to_internal_value(self, data: Any) -> Any:
            raise DjangoValidationError("No", "refused", {"seats": 3})

    assert params_of(form(field=Field()), {"field": "x"}) == {
        "field": {"refused": {"seats": 3}}
    }


@same
def test_what_is_valid_stays_so() -> None:
    class Form(serializers.Serializer[Any]):
        name = serializers.CharField(max_length=9, validators=[MinLengthValidator(2)])

        def validate_name(self, name: str) -> str:
            return name.upper()

        def validate(self, attrs: Any) -> Any:
            return {**attrs, "more": 1}

    assert posted(view_with(Form), {"name": "ada"}) == {"name": "ADA", "more": 1}
    assert posted(plain_view(Form), {"name": "ada"}) == {}


@same
def test_a_serializer_that_is_not_drfs_is_left_alone() -> None:
    class Own:
        validated_data: Any = {"own": 1}

        def __init__(self, **kwargs: Any) -> None: ...

        def is_valid(self, *, raise_exception: bool) -> None: ...

    assert posted(view_with(Own), {}) == {"own": 1}


# The declaration


@same
def test_what_can_have_parameters_is_declared_in_one_place() -> None:
    assert {code: PARAMS[code] for code in PARAMS if code in CODES} == {
        "max_length": {"max_length": int},
        "password_too_short": {"min_length": int},
        "password_too_similar": {"verbose_name": str},
        "throttled": {"retry_after": int},
        "service_unavailable": {"retry_after": int},
    }
    assert PARAMS["min_value"] == {"min_value": float}
    assert is_free("invalid")
    assert is_free("of_a_project")
    assert not is_free("required")


@pytest.mark.django_db
def test_a_registration_has_the_limits_of_its_columns(client: APIClient) -> None:
    email = user_model.email
    limit = UserModel._meta.get_field(email).max_length
    own = {**attributes_of("ada"), "password": PASSWORD}
    own[email] = f"{'a' * 60}@{'b' * 60}.{'c' * 300}.example"
    body = post(client, "register", own).json()
    assert body["params"][email]["max_length"] == {"max_length": limit}
