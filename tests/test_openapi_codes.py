"""
Which codes the schema lists: what its lists are made of, and where they are open.

That none is missing is shown by ``recorder``, which every request of the suite goes
through.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.signals import user_logged_in
from django.core.validators import (
    DecimalValidator,
    MinLengthValidator,
    RegexValidator,
    validate_ipv4_address,
)
from django.dispatch import Signal
from django.http import HttpResponse, JsonResponse
from django.test import override_settings
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient
from rest_framework.throttling import AnonRateThrottle, ScopedRateThrottle
from rest_framework.validators import UniqueTogetherValidator, UniqueValidator

from ai_kit_auth import signals, views
from ai_kit_auth.account import views as account
from ai_kit_auth.accounts import email_of
from ai_kit_auth.errors import CODES
from ai_kit_auth.openapi.codes import Answers, Codes, answers_of, codes_of_field
from ai_kit_auth.openapi.operations import OPERATIONS
from ai_kit_auth.serializers import RegistrationSerializer
from ai_kit_auth.user_model import UserModel, user_model

from .conftest import PASSWORD
from .recorder import undocumented, unknown

FRONTEND = {"FRONTEND": {"URL": "https://app.example.com"}}
TEXT = {
    "invalid",
    "max_length",
    "null",
    "null_characters_not_allowed",
    "surrogate_characters_not_allowed",
}
VALIDATORS = {
    "password_entirely_numeric",
    "password_too_common",
    "password_too_short",
    "password_too_similar",
}


DOWN = "service_unavailable"


def known(answers: Answers) -> dict[int, dict[str, set[str]]]:
    """Return all codes but that of an outage, which every endpoint has."""
    found = {
        status: {place: set(codes.known) for place, codes in places.items()}
        for status, places in answers.by_status.items()
    }
    assert DOWN in found[503]["error"]
    found[503]["error"].remove(DOWN)
    if not found[503]["error"]:
        del found[503]
    return found


def registration(**keys: Any) -> Answers:
    with override_settings(AI_KIT_AUTH={**FRONTEND, **keys}):
        return answers_of(views.RegistrationView, "POST")


def test_a_login_says_what_is_wrong_with_both_fields_and_with_the_request() -> None:
    answers = answers_of(views.LoginView, "POST")
    assert known(answers) == {
        400: {
            "error": {"parse_error"},
            "non_field_errors": {"invalid", "invalid_credentials", "null"},
            "ident": {*TEXT, "blank", "required"},
            "password": {*TEXT, "blank", "required"},
            "remember": {"invalid"},
        },
        403: {"error": {"csrf_failed"}},
        415: {"error": {"unsupported_media_type"}},
        429: {"error": {"throttled"}},
    }
    assert not answers.is_open
    assert not answers.fields_are_open


def test_asking_who_is_logged_in_cannot_fail_but_where_it_begins_a_session() -> None:
    assert known(answers_of(views.MeView, "GET")) == {}
    throttled = {429: {"error": {"throttled"}}}
    with override_settings(CSRF_USE_SESSIONS=True):
        assert known(answers_of(views.MeView, "GET")) == throttled
        switched_off = {**FRONTEND, "THROTTLE_RATES": {"SESSION": None}}
        with override_settings(AI_KIT_AUTH=switched_off):
            assert known(answers_of(views.MeView, "GET")) == {}


def test_a_logout_needs_a_session_and_reads_no_fields() -> None:
    assert known(answers_of(views.LogoutView, "POST")) == {
        400: {"error": {"parse_error"}},
        403: {"error": {"csrf_failed", "not_authenticated"}},
        415: {"error": {"unsupported_media_type"}},
    }


def test_the_links_endpoints_have_one_code_for_whatever_is_wrong_with_a_link() -> None:
    activation = known(answers_of(views.ActivateUser, "POST"))
    assert activation[400]["error"] == {"activation_link_invalid", "parse_error"}
    reset = known(answers_of(views.ResetPassword, "POST"))
    assert reset[400]["error"] == {"parse_error", "reset_password_link_invalid"}
    assert reset[400]["password"] >= VALIDATORS


def test_a_registration_names_the_taken_identities_by_the_models_own_names() -> None:
    answers = known(registration())
    assert f"{user_model.email}_unique" in answers[400][user_model.email]
    # And by those that it understands as well.
    assert answers[400]["email"] == answers[400][user_model.email]
    username = user_model.username
    if username:
        assert f"{username}_unique" in answers[400][username]
        assert "required" not in answers[400][username]
    assert answers[400]["password"] == {*TEXT, *VALIDATORS, "blank", "required"}
    assert answers[503] == {"error": {"mail_not_sent"}}


def test_a_registration_that_hides_accounts_names_no_taken_address() -> None:
    answers = known(registration(PREVENT_ENUMERATION=True))
    assert f"{user_model.email}_unique" not in answers[400][user_model.email]
    # The mail is sent after the answer.
    assert 503 not in answers


def test_a_required_username_is_listed_as_required() -> None:
    with override_settings(AI_KIT_AUTH={**FRONTEND, "USERNAME_REQUIRED": True}):
        typed = known(answers_of(views.ValidatePassword, "POST"))[400]
    assert "required" in typed["email"]
    assert ("required" in typed["username"]) is (user_model.username is not None)


def test_only_what_counts_requests_answers_429() -> None:
    counted = {
        operation.id
        for (view, method), operation in OPERATIONS.items()
        if 429 in answers_of(view, method).by_status
    }
    assert counted == {
        "activate_email",
        "change_email",
        "change_password",
        "confirm_email",
        "confirm_password",
        "delete_account",
        "link_status",
        "login",
        "logout_others",
        "register",
        "reset_password",
        "update_me",
        "validate_password",
    }
    off = {"LINK": None, "REGISTER": None, "ACCOUNT": None}
    with override_settings(AI_KIT_AUTH={**FRONTEND, "THROTTLE_RATES": off}):
        for view in (views.ActivateUser, views.RegistrationView):
            assert 429 not in answers_of(view, "POST").by_status
        assert 429 not in answers_of(account.UpdateMe, "PATCH").by_status


def test_only_a_change_of_the_account_asks_who_it_is() -> None:
    assert known(answers_of(account.UpdateMe, "GET")) == {}
    changed = known(answers_of(account.UpdateMe, "PATCH"))
    assert changed[403] == {"error": {"csrf_failed", "not_authenticated"}}
    # Every field may be left out.
    fields = {place: codes for place, codes in changed[400].items() if place != "error"}
    assert not any("required" in codes for codes in fields.values())


def test_an_account_that_others_refer_to_is_a_conflict() -> None:
    deleted = known(answers_of(account.DeleteAccount, "POST"))
    assert deleted[409] == {"error": {"account_protected"}}
    assert deleted[403] == {
        "error": {"csrf_failed", "not_authenticated", "reauthentication_required"}
    }


@pytest.mark.parametrize("hidden", [True, False])
def test_whose_an_address_is_is_in_no_schema_where_it_is_hidden(hidden: bool) -> None:
    with override_settings(AI_KIT_AUTH={**FRONTEND, "PREVENT_ENUMERATION": hidden}):
        codes = known(answers_of(account.ChangeEmail, "POST"))[400]["email"]
    assert (f"{user_model.email}_unique" in codes) is not hidden


def test_a_hosts_own_deletion_may_answer_what_it_likes() -> None:
    assert not answers_of(account.DeleteAccount, "POST").is_open
    own = {**FRONTEND, "ACCOUNT_DELETION_FUNCTION": "tests.test_openapi_codes.known"}
    with override_settings(AI_KIT_AUTH=own):
        assert answers_of(account.DeleteAccount, "POST").is_open


@pytest.mark.parametrize(
    ("throttle", "counts"), [(AnonRateThrottle, True), (ScopedRateThrottle, False)]
)
def test_a_throttle_of_the_hosts_counts_unless_it_has_no_scope_here(
    throttle: type[AnonRateThrottle], counts: bool
) -> None:
    kind = type("LocalThrottle", (throttle,), {"rate": "5/min"})
    view = type("CountedMe", (views.MeView,), {"throttle_classes": [kind]})
    assert (429 in answers_of(view, "GET").by_status) is counts


def test_another_method_is_refused_after_the_token_and_the_session() -> None:
    assert known(answers_of(views.MeView, "POST")) == {
        400: {"error": {"parse_error"}},
        403: {"error": {"csrf_failed"}},
        405: {"error": {"method_not_allowed"}},
        415: {"error": {"unsupported_media_type"}},
    }
    assert known(answers_of(views.LogoutView, "GET")) == {
        403: {"error": {"not_authenticated"}},
        405: {"error": {"method_not_allowed"}},
    }
    assert known(answers_of(views.LoginView, "PUT")) == {
        403: {"error": {"csrf_failed"}},
        405: {"error": {"method_not_allowed"}},
    }


def test_every_code_that_the_documentation_lists_is_in_some_operation() -> None:
    listed = {
        code
        for view, method in OPERATIONS
        for places in answers_of(view, method).by_status.values()
        for codes in places.values()
        for code in codes.known
    }
    # By the names of Django's user; other models have others.
    listed |= {"email_unique", "username_unique"}
    nobodys = {
        "activation_proof_required",  # only with ACTIVATION_PROOF
        "authentication_failed",  # these three come from rules of the project
        "not_found",
        "permission_denied",
        "method_not_allowed",
        "passwords_not_identical",
    }
    assert set(CODES) - listed == nobodys


# Receivers and views of the project


@contextmanager
def connected(signal: Signal, sender: type[Any] | None = None) -> Iterator[None]:
    def receiver(**kwargs: Any) -> None: ...

    signal.connect(receiver, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)


@pytest.mark.parametrize(
    ("signal", "view"),
    [
        (signals.user_pre_login, views.LoginView),
        (signals.user_post_login, views.LoginView),
        (signals.user_pre_logout, views.LogoutView),
        (signals.user_pre_registered, views.RegistrationView),
        (signals.user_pre_forgot_password, views.InitiatePasswordResetView),
        (signals.user_pre_reset_password, views.ResetPassword),
        (signals.user_pre_activated, views.ActivateUser),
    ],
)
def test_answers_are_open_only_while_a_receiver_could_veto(
    signal: Signal, view: type[Any]
) -> None:
    before = answers_of(view, "POST")
    with connected(signal):
        vetoed = answers_of(view, "POST")
    assert not before.allows(409, "error", "closed_today")
    assert vetoed.allows(409, "error", "closed_today")
    assert not answers_of(view, "POST").is_open


def test_a_receiver_for_one_view_opens_that_view_alone() -> None:
    class OwnLogin(views.LoginView):
        __module__ = views.LoginView.__module__

    with connected(signals.user_pre_login, sender=OwnLogin):
        assert answers_of(OwnLogin, "POST").is_open
        assert not answers_of(views.LoginView, "POST").is_open


def test_a_receiver_that_runs_after_the_answer_opens_nothing() -> None:
    with connected(signals.user_post_forgot_password):
        assert not answers_of(views.InitiatePasswordResetView, "POST").is_open


def test_a_hosts_own_view_may_answer_what_it_likes() -> None:
    class OwnLogin(views.LoginView):
        permission_classes = [AllowAny]

    answers = answers_of(OwnLogin, "POST")
    assert answers.is_open
    assert "invalid_credentials" in known(answers)[400]["non_field_errors"]


def test_a_hosts_own_sender_may_refuse_a_registration_in_its_own_words() -> None:
    def send(user: object, url: str) -> None: ...

    assert registration(SEND_USER_ACTIVATION_MAIL=send).is_open
    hidden = registration(SEND_USER_ACTIVATION_MAIL=send, PREVENT_ENUMERATION=True)
    assert not hidden.is_open


# Serializers of the project


def registering(**members: Any) -> Answers:
    """Return what registration answers with a serializer of these members."""
    serializer = type("OwnSerializer", (RegistrationSerializer,), members)
    return registration(REGISTRATION_SERIALIZER=serializer)


def test_a_declared_field_brings_its_codes() -> None:
    answers = registering(age=serializers.IntegerField(min_value=18))
    assert answers.by_status[400]["age"] == Codes(
        {"invalid", "max_string_length", "min_value", "null", "required"}
    )
    assert not answers.fields_are_open


def test_a_field_that_nobody_is_asked_for_brings_none() -> None:
    answers = registering(
        source=serializers.HiddenField(default="web"),
        shown=serializers.IntegerField(read_only=True),
    )
    assert not {"source", "shown"} & set(answers.by_status[400])


def validate_age(self: Any, age: int) -> Any: ...


def validate(self: Any, attrs: Any) -> Any: ...


def test_a_field_with_a_check_of_the_hosts_is_open_until_its_codes_are_declared() -> (
    None
):
    members = {"age": serializers.IntegerField(), "validate_age": validate_age}
    answers = registering(**members)
    assert answers.allows(400, "age", "age_too_low")
    assert not answers.allows(400, "password", "age_too_low")
    declared = registering(**members, error_codes={"age": ["age_too_low"]})
    assert declared.allows(400, "age", "age_too_low")
    assert declared.allows(400, "age", "required")
    assert not declared.allows(400, "age", "age_too_high")


def test_a_check_of_all_fields_opens_all_until_its_codes_are_declared() -> None:
    answers = registering(validate=validate)
    assert answers.allows(400, "password", "password_is_address")
    assert answers.allows(400, "anything", "else")
    assert not answers.allows(400, "error", "anything")
    assert not answers.allows(409, "password", "anything")
    declared = registering(
        validate=validate, error_codes={"non_field_errors": ["closed_today"]}
    )
    assert declared.allows(400, "non_field_errors", "closed_today")
    assert not declared.allows(400, "password", "password_is_address")


def test_a_serializer_that_is_not_ours_checks_no_password_of_ours() -> None:
    class Plain(serializers.Serializer[Any]):
        error_codes = {"address": ["address_unknown"]}
        address = serializers.CharField(source=user_model.email)
        password = serializers.CharField()

    answers = registration(REGISTRATION_SERIALIZER=Plain)
    assert known(answers)[400]["password"] == {*TEXT, "blank", "required"} - {
        "max_length"
    }
    # Under the key that it has here.
    assert {f"{user_model.email}_unique", "address_unknown"} < known(answers)[400][
        "address"
    ]


def test_a_rule_of_the_serializers_own_is_listed() -> None:
    class Meta(RegistrationSerializer.Meta):
        validators = [
            UniqueTogetherValidator(
                queryset=UserModel.objects.all(), fields=[user_model.email, "password"]
            )
        ]

    answers = registering(Meta=Meta)
    assert "unique" in known(answers)[400]["non_field_errors"]
    assert not answers.fields_are_open


def test_a_rule_that_has_no_code_opens_all_fields() -> None:
    def rule(attrs: Any) -> None: ...

    meta = type("Meta", (RegistrationSerializer.Meta,), {"validators": [rule]})
    assert registering(Meta=meta).fields_are_open


class OwnField(serializers.CharField):
    default_error_messages = {"odd": "This is odd."}

    def to_internal_value(self, data: Any) -> Any: ...


def no_code(value: object) -> None: ...


def own_code(value: object) -> None: ...


own_code.code = "not_ours"  # type: ignore[attr-defined]  # how a host declares it


class Address(serializers.Serializer[Any]):
    street = serializers.CharField(max_length=5, allow_null=True)


class CheckedAddress(Address):
    def validate_street(self, street: str) -> Any: ...


@pytest.mark.parametrize(
    ("field", "codes"),
    [
        (
            serializers.CharField(required=False),
            Codes({*TEXT, "blank"} - {"max_length"}),
        ),
        (serializers.BooleanField(allow_null=True), Codes({"invalid", "required"})),
        (
            serializers.BooleanField(error_messages={"invalid": "answer_yes_or_no"}),
            Codes({"answer_yes_or_no", "null", "required"}),
        ),
        (
            serializers.DecimalField(max_digits=4, decimal_places=None),
            Codes(
                {
                    "invalid",
                    "max_digits",
                    "max_string_length",
                    "max_whole_digits",
                    "null",
                    "required",
                }
            ),
        ),
        (
            serializers.FileField(max_length=9),
            Codes({"empty", "invalid", "max_length", "no_name", "null", "required"}),
        ),
        (
            serializers.ListField(child=serializers.ChoiceField(["a"]), max_length=2),
            Codes(
                {
                    "empty",
                    "invalid_choice",
                    "max_length",
                    "not_a_list",
                    "null",
                    "required",
                }
            ),
        ),
        (
            Address(),
            Codes(
                {*TEXT, "blank", "required"},
            ),
        ),
        (
            CheckedAddress(required=False),
            Codes({*TEXT, "blank", "required"}, is_open=True),
        ),
        (
            OwnField(required=False, allow_blank=True),
            Codes({*TEXT, "odd"} - {"max_length"}, is_open=True),
        ),
    ],
)
def test_a_fields_codes_are_those_of_its_kind_and_its_limits(
    field: Any, codes: Codes
) -> None:
    assert codes_of_field(field) == codes


@pytest.mark.parametrize(
    ("validator", "codes"),
    [
        (MinLengthValidator(3), Codes({"min_length"})),
        (RegexValidator("^a"), Codes({"invalid"})),
        (RegexValidator("^a", message="no_zip"), Codes({"no_zip"})),
        (RegexValidator("^a", code="no_zip"), Codes({"no_zip"})),
        (validate_ipv4_address, Codes({"invalid"})),
        (UniqueValidator(queryset=UserModel.objects.all()), Codes({"unique"})),
        (
            DecimalValidator(4, 2),
            Codes({"invalid", "max_decimal_places", "max_digits", "max_whole_digits"}),
        ),
        (own_code, Codes({"not_ours"}, loose={"not_ours"})),
        (no_code, Codes(is_open=True)),
    ],
)
def test_a_fields_validators_bring_their_codes(validator: Any, codes: Codes) -> None:
    field = serializers.JSONField(
        validators=[validator], required=False, allow_null=True
    )
    field.error_messages = {}
    assert codes_of_field(field) == codes


# Password validators of the project


class NoCode:
    def validate(self, password: str, user: object = None) -> None: ...


class WithCode(NoCode):
    code = "password_of_last_year"


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("NoCode", Codes({*TEXT, "blank", "required"}, is_open=True)),
        (
            "WithCode",
            Codes(
                {*TEXT, "blank", "password_of_last_year", "required"},
                loose={"password_of_last_year"},
            ),
        ),
    ],
)
def test_a_foreign_password_validator_is_listed_by_its_code_or_opens_the_list(
    name: str, codes: Codes
) -> None:
    with override_settings(
        AUTH_PASSWORD_VALIDATORS=[{"NAME": f"{__name__}.{name}"}],
    ):
        answers = answers_of(views.ResetPassword, "POST")
    assert answers.by_status[400]["password"] == codes


# The recorder


@pytest.mark.parametrize(
    ("method", "status", "body", "found"),
    [
        ("POST", 400, {"ident": ["blank"]}, []),
        ("POST", 400, {"ident": ["odd"]}, ["POST LoginView 400 ident: odd"]),
        ("POST", 400, {"name": ["blank"]}, ["POST LoginView 400 name: blank"]),
        ("POST", 403, {"error": "csrf_failed"}, []),
        (
            "POST",
            409,
            {"error": "csrf_failed"},
            ["POST LoginView 409 error: csrf_failed"],
        ),
        ("GET", 405, {"error": "method_not_allowed"}, []),
        ("POST", 200, {"user": {}, "csrf": ""}, []),
        ("POST", 200, {"user": {}}, ["POST LoginView 200 {'user': {}}"]),
        (
            "POST",
            201,
            {"user": {}, "csrf": ""},
            ["POST LoginView 201 {'user': {}, 'csrf': ''}"],
        ),
        ("HEAD", 200, {}, ["HEAD LoginView 200 {}"]),
    ],
)
def test_the_recorder_finds_what_is_not_listed(
    method: str, status: int, body: Any, found: list[str]
) -> None:
    answer = JsonResponse(body, status=status)
    assert list(undocumented(views.LoginView, method, answer)) == found


def of_password(**given: Any) -> dict[str, Any]:
    """Return the body of a short password with the parameters ``given``."""
    params = {"password": {"password_too_short": given}}
    return {"password": ["password_too_short"], "params": params}


LISTED = "POST ValidatePassword 400 password: password_too_short"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (of_password(min_length=8), []),
        (of_password(), [f"{LISTED} {{}}"]),
        (of_password(min_length=True), [f"{LISTED} {{'min_length': True}}"]),
        (of_password(min_length="8"), [f"{LISTED} {{'min_length': '8'}}"]),
        (of_password(seats=8), [f"{LISTED} {{'seats': 8}}"]),
        (
            {**of_password(min_length=8), "password": ["required"]},
            [f"{LISTED} {{'min_length': 8}}"],
        ),
        (
            {"password": ["required"], "params": {"password": {"required": {"a": 1}}}},
            ["POST ValidatePassword 400 password: required {'a': 1}"],
        ),
        (
            {"error": "parse_error", "params": {"error": {"throttled": {"a": 1}}}},
            ["POST ValidatePassword 400 error: throttled {'a': 1}"],
        ),
    ],
)
def test_the_recorder_finds_parameters_that_are_not_declared(
    body: Any, found: list[str]
) -> None:
    answer = JsonResponse(body, status=400)
    with override_settings(AI_KIT_AUTH={**FRONTEND, "ERROR_PARAMS": True}):
        assert list(undocumented(views.ValidatePassword, "POST", answer)) == found
    # Without the setting there are no parameters.
    assert list(undocumented(views.ValidatePassword, "POST", answer))


def test_parameters_are_open_where_a_validator_of_the_project_chooses_them() -> None:
    validators = [{"NAME": f"{__name__}.{name}"} for name in ("NoCode", "WithCode")]
    with override_settings(AUTH_PASSWORD_VALIDATORS=validators):
        answers = answers_of(views.ResetPassword, "POST")

    def allows(code: str, **given: Any) -> bool:
        return answers.allows_params(400, "password", code, given)

    for code in ("password_of_last_year", "of_no_list", "invalid"):
        assert allows(code, times=3)
    assert allows("max_length", max_length=4096)
    assert allows("min_value", min_value=1.5)
    assert not allows("min_value", min_value=True)
    assert not allows("required", times=3)
    assert not allows("throttled", times=3)


def test_the_recorder_leaves_a_hosts_own_success_alone() -> None:
    class OwnLogin(views.LoginView):
        pass

    answer = HttpResponse(json.dumps({"token": "1"}))
    assert list(undocumented(OwnLogin, "POST", answer)) == []


def test_whatever_a_test_asks_for_is_looked_at(
    client: APIClient, make_user: Callable[..., Any]
) -> None:
    def refuse(**kwargs: Any) -> None:
        raise PermissionDenied

    user = make_user()
    token = client.get("/api/v1/auth/me/").json()["csrf"]
    # This receiver belongs to no endpoint, so no schema has its code.
    user_logged_in.connect(refuse)
    try:
        client.post(
            "/api/v1/auth/login/",
            {"ident": email_of(user), "password": PASSWORD},
            headers={"X-CSRFToken": token},
        )
    finally:
        user_logged_in.disconnect(refuse)
    seen = unknown.copy()
    unknown.clear()
    assert seen == ["POST LoginView 403 error: permission_denied"]
