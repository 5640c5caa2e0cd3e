"""A user's own factors: adding, replacing and removing them."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pyotp
import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.urls import reverse
from rest_framework.exceptions import PermissionDenied

from ai_kit_auth.second_factor.signals import factor_added, factor_removed

from ...account.page import configure
from ...accounts import view_of
from ...conftest import OTHER_PASSWORD, PASSWORD, Clock, Connect, MakeUser
from .page import (
    ASKED,
    STEP,
    UNPROVEN,
    WRONG,
    Ada,
    App,
    Page,
    enrol,
    let_try,
    told,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

GIVEN = {"password": PASSWORD}
CHANGES = [
    ("POST", "factors_totp"),
    ("DELETE", "factors_totp"),
    ("POST", "factors_totp_confirm"),
    ("POST", "factors_recovery_codes"),
]


@pytest.fixture
def here(ada: Ada) -> Page:
    """Return a page of Ada that has proven her app."""
    page = Page()
    page.log_in()
    assert page.prove(ada.app.code())[0] == 200
    return page


def factors(page: Page) -> Any:
    status, body = page.get("factors")
    assert status == 200
    return body["totp"], body["recovery_codes_left"]


# An app


def test_a_user_adds_an_app(make_user: MakeUser, page: Page, clock: Clock) -> None:
    make_user()
    page.log_in()
    assert factors(page) == (False, 0)
    app, codes = enrol(page, clock)
    assert factors(page) == (True, 10)
    assert len(set(codes)) == 10
    other = Page()
    assert other.log_in() == ASKED
    assert other.prove(app.code())[0] == 200


def test_an_app_reads_what_the_page_shows(
    make_user: MakeUser, page: Page, settings: Settings
) -> None:
    make_user()
    page.log_in()
    body = page.post("factors_totp", GIVEN)[1]
    read = pyotp.parse_uri(body["uri"])
    assert isinstance(read, pyotp.TOTP)
    assert (read.secret, read.issuer) == (body["secret"], "app.example.com")
    assert (read.name, read.digits, read.interval) == ("ada@example.com", 6, STEP)
    assert len(body["secret"]) == 32
    configure(settings, TOTP_ISSUER="Ada's: Shop Söhne")
    uri = page.post("factors_totp", GIVEN)[1]["uri"]
    assert pyotp.parse_uri(uri).issuer == "Ada's Shop Söhne"


def test_without_any_name_of_the_provider_an_app_reads_it_as_well(
    make_user: MakeUser, page: Page, settings: Settings
) -> None:
    make_user()
    page.log_in()
    configure(settings, FRONTEND={"URL": ""})
    uri = page.post("factors_totp", GIVEN)[1]["uri"]
    assert pyotp.parse_uri(uri).name == "ada@example.com"


def test_the_qr_code_is_a_picture_for_the_page(make_user: MakeUser, page: Page) -> None:
    make_user()
    page.log_in()
    svg = page.post("factors_totp", GIVEN)[1]["svg"]
    picture = ElementTree.fromstring(svg)  # noqa: S314  # of our own making
    assert picture.tag == "svg"
    assert "<script" not in svg


def test_who_has_no_address_is_named_by_the_username(
    make_user: MakeUser, page: Page
) -> None:
    make_user(email="")
    page.get("me")
    page.post("login", {"ident": "ada", **GIVEN})
    uri = page.post("factors_totp", GIVEN)[1]["uri"]
    assert pyotp.parse_uri(uri).name == "ada"


def test_a_new_secret_replaces_one_that_was_not_confirmed(
    make_user: MakeUser, page: Page, clock: Clock
) -> None:
    make_user()
    page.log_in()
    first = App(page.post("factors_totp", GIVEN)[1]["secret"], clock)
    second = App(page.post("factors_totp", GIVEN)[1]["secret"], clock)
    assert page.post("factors_totp_confirm", {"code": first.code(), **GIVEN}) == WRONG
    # The right one is taken at once, since there is nothing to guess.
    answer = page.post("factors_totp_confirm", {"code": second.code(), **GIVEN})
    assert answer[0] == 200


def test_an_app_stays_until_a_new_one_is_confirmed(
    ada: Ada, here: Page, clock: Clock
) -> None:
    new = App(here.post("factors_totp", GIVEN)[1]["secret"], clock)
    other = Page()
    other.log_in()
    assert other.prove(new.code()) == WRONG
    let_try()
    assert other.prove(ada.app.code())[0] == 200
    status, body = here.post("factors_totp_confirm", {"code": new.code(), **GIVEN})
    assert status == 200
    other = Page()
    other.log_in()
    assert other.prove(ada.app.code()) == WRONG
    let_try()
    assert other.prove(ada.codes[0], "recovery_code") == WRONG
    assert other.prove(new.code())[0] == 200
    assert len(body["recovery_codes"]) == 10


def test_the_code_that_confirms_is_no_code_to_log_in(
    make_user: MakeUser, page: Page, clock: Clock
) -> None:
    make_user()
    page.log_in()
    app, _ = enrol(page, clock)
    other = Page()
    other.log_in()
    assert other.prove(app.now()) == WRONG


def test_without_a_new_secret_there_is_nothing_to_confirm(ada: Ada, here: Page) -> None:
    given = {"code": ada.app.code(), **GIVEN}
    assert here.post("factors_totp_confirm", given) == WRONG


@pytest.mark.parametrize(
    ("code", "error"),
    [("", "blank"), (None, "null"), ([], "invalid"), ("1" * 65, "max_length")],
)
def test_a_code_that_is_none_confirms_nothing(
    here: Page, code: Any, error: str
) -> None:
    answer = here.post("factors_totp_confirm", {"code": code, **GIVEN})
    assert answer == (400, {"code": [error]})
    missing = (400, {"code": ["required"]})
    assert here.post("factors_totp_confirm", GIVEN) == missing


def test_a_user_removes_the_app_and_with_it_the_recovery_codes(
    ada: Ada, here: Page
) -> None:
    assert here.delete("factors_totp", GIVEN) == (204, None)
    assert factors(here) == (False, 0)
    assert Page().log_in()[0] == 200
    assert here.delete("factors_totp", GIVEN) == (404, {"error": "not_found"})
    missing = (404, {"error": "not_found"})
    assert here.post("factors_recovery_codes", GIVEN) == missing


def test_who_adds_an_app_again_starts_anew(ada: Ada, here: Page, clock: Clock) -> None:
    here.delete("factors_totp", GIVEN)
    app, codes = enrol(here, clock)
    other = Page()
    other.log_in()
    assert other.prove(ada.codes[0], "recovery_code") == WRONG
    assert other.prove(codes[0], "recovery_code")[0] == 200
    assert here.delete("factors_totp", GIVEN) == (204, None)
    assert isinstance(app, App)


# Recovery codes


def test_new_recovery_codes_void_the_old_ones(ada: Ada, here: Page) -> None:
    status, body = here.post("factors_recovery_codes", GIVEN)
    assert status == 200
    page = Page()
    page.log_in()
    assert page.prove(ada.codes[0], "recovery_code") == WRONG
    assert page.prove(body["recovery_codes"][0], "recovery_code")[0] == 200


def test_a_project_says_how_many_there_are(
    ada: Ada, here: Page, settings: Settings
) -> None:
    configure(settings, RECOVERY_CODES=3)
    assert len(here.post("factors_recovery_codes", GIVEN)[1]["recovery_codes"]) == 3
    assert factors(here) == (True, 3)


def test_a_code_has_80_bits_and_is_stored_as_a_keyed_hash(
    ada: Ada, settings: Settings
) -> None:
    from django_otp.plugins.otp_static.models import StaticToken

    # Four groups of four of 32 letters.
    assert all(len(code.replace("-", "")) == 16 for code in ada.codes)
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert len(stored) == 10
    assert {len(token) for token in stored} == {16}
    assert not stored & {code.replace("-", "") for code in ada.codes}
    page = Page()
    page.log_in()
    assert page.prove(stored.pop(), "recovery_code") == WRONG
    # A code stays good while the key that it was made by still counts.
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one, which is as long as the first one was"
    assert page.prove(ada.codes[0], "recovery_code")[0] == 200
    settings.SECRET_KEY_FALLBACKS = []
    page = Page()
    page.log_in()
    assert page.prove(ada.codes[1], "recovery_code") == WRONG


def test_the_tokens_of_a_project_are_no_recovery_codes(ada: Ada, page: Page) -> None:
    from django_otp.plugins.otp_static.models import StaticDevice

    own = StaticDevice.objects.create(user=ada.user, name="Backup")
    own.token_set.create(token="abcdefgh")
    page.log_in()
    assert page.prove("abcdefgh", "recovery_code") == WRONG
    assert own.token_set.count() == 1


# Who may


@pytest.mark.parametrize(("method", "route"), [*CHANGES, ("GET", "factors")])
def test_it_is_for_users_who_are_logged_in(page: Page, method: str, route: str) -> None:
    page.get("me")
    data: Any = None if method == "GET" else {}
    refused = (403, {"error": "not_authenticated"})
    assert page.send(method, route, data) == refused


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_it_needs_the_csrf_token(here: Page, method: str, route: str) -> None:
    here.client.credentials()
    refused = (403, {"error": "csrf_failed"})
    assert here.send(method, route, {**GIVEN, "code": "1"}) == refused


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_it_needs_the_password_or_a_fresh_session(
    ada: Ada, here: Page, method: str, route: str
) -> None:
    code = {"code": "123456"}
    missing = (400, {"password": ["required"]})
    assert here.send(method, route, code) == missing
    wrong = {"password": OTHER_PASSWORD, **code}
    refused = (400, {"password": ["invalid_credentials"]})
    assert here.send(method, route, wrong) == refused
    assert here.post("confirm_password", GIVEN) == (200, {})
    assert here.send(method, route, code)[0] in {200, 204, 400}
    assert here.answer.content != b'{"password":["required"]}'


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_a_user_without_a_password_needs_a_fresh_session(
    make_user: MakeUser, page: Page, method: str, route: str
) -> None:
    user = make_user()
    user.set_unusable_password()
    user.save()
    page.client.force_login(user)
    page.get("me")
    refused = (403, {"error": "reauthentication_required"})
    assert page.send(method, route, {"code": "1"}) == refused


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_a_session_from_before_the_factor_changes_none(
    make_user: MakeUser, clock: Clock, page: Page, method: str, route: str
) -> None:
    make_user()
    page.log_in()
    older = Page()
    older.log_in()
    app, codes = enrol(page, clock)
    given = {**GIVEN, "code": app.code()}
    assert older.send(method, route, given) == UNPROVEN
    assert factors(older) == (True, 10)
    # Nor does its password change that.
    older.post("confirm_password", GIVEN)
    assert older.send(method, route, given) == UNPROVEN
    proof = {"method": "recovery_code", "code": codes[0]}
    assert older.post("confirm_password", proof) == (200, {})
    assert older.send(method, route, {"code": "123456"}) != UNPROVEN


def test_a_session_of_another_login_has_proven_nothing(ada: Ada, here: Page) -> None:
    """Such as that of the admin, which asks for the password alone."""
    here.client.force_login(ada.user)
    here.get("me")
    assert here.post("factors_recovery_codes", GIVEN) == UNPROVEN


def test_who_has_changed_the_password_has_still_proven_the_factor(
    ada: Ada, here: Page
) -> None:
    changed = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert here.post("change_password", changed)[0] == 200
    given = {"password": OTHER_PASSWORD}
    assert here.post("factors_recovery_codes", given)[0] == 200
    assert here.post("logout_others", given)[0] == 200
    assert here.post("factors_recovery_codes", given)[0] == 200


def test_a_recovery_code_proves_as_much_as_the_app(
    ada: Ada, page: Page, clock: Clock
) -> None:
    """The telephone is lost, and another one takes its place."""
    page.log_in()
    page.prove(ada.codes[0], "recovery_code")
    assert page.post("factors_recovery_codes", GIVEN)[0] == 200
    enrol(page, clock)
    assert page.post("factors_recovery_codes", GIVEN)[0] == 200
    assert page.delete("factors_totp", GIVEN) == (204, None)


def test_what_was_proven_is_void_without_the_factor(
    ada: Ada, here: Page, clock: Clock
) -> None:
    other = Page()
    other.log_in()
    other.prove(ada.codes[0], "recovery_code")
    enrol(other, clock)
    # The app that this session has proven is no longer one of the account.
    assert here.post("factors_recovery_codes", GIVEN) == UNPROVEN


def test_a_session_that_is_copied_to_another_account_proves_nothing(
    ada: Ada, here: Page, make_user: MakeUser, clock: Clock
) -> None:
    make_user("bob")
    bob = Page()
    bob.log_in("bob")
    enrol(bob, clock)
    stolen = here.client.session["_ai_kit_auth_factor"]
    session = bob.client.session
    session["_ai_kit_auth_factor"] = stolen
    session.save()
    assert bob.post("factors_recovery_codes", GIVEN) == UNPROVEN


# Bodies


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_a_body_that_is_none_changes_nothing(
    ada: Ada, here: Page, method: str, route: str
) -> None:
    here.post("confirm_password", GIVEN)
    for body in ([], ["password"], "password", 7, None, True):
        url = reverse(f"ai_kit_auth:{route}")
        answer = here.client.generic(method, url, json.dumps(body), "application/json")
        assert answer.status_code == 400
        assert list(answer.json()) == ["non_field_errors"]
    for text in ("{", "\x00", '{"password": NaN', "[" * 10_000):
        answer = here.client.generic(method, url, text, "application/json")
        assert (answer.status_code, answer.json()) == (400, {"error": "parse_error"})
    answer = here.client.generic(method, url, "<a/>", "application/xml")
    assert answer.status_code == 415
    assert factors(here) == (True, 10)


def test_a_form_is_taken_as_well(ada: Ada, page: Page) -> None:
    page.log_in()
    url = reverse("ai_kit_auth:second_factor")
    form = {"method": "totp", "code": ada.app.code(), "trust": ""}
    assert page.client.post(url, form, format="multipart").status_code == 200
    assert page.is_in()


# What follows


def test_each_change_is_told(
    make_user: MakeUser,
    page: Page,
    clock: Clock,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ada, heard = make_user(), list[Any]()
    for name, signal in (("added", factor_added), ("removed", factor_removed)):
        connect(
            signal,
            lambda user, method, name=name, **_: heard.append((name, user, method)),
        )
    page.log_in()
    mail.outbox.clear()
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        _, codes = enrol(page, clock)
        page.delete("factors_totp", GIVEN)
    assert heard == [("added", ada, "totp"), ("removed", ada, "totp")]
    assert told(caplog) == [("factor_added", "totp"), ("factor_removed", "totp")]
    assert [message.to for message in mail.outbox] == [["ada@example.com"]] * 2
    texts = "".join(str(message.message()) for message in mail.outbox)
    assert not [code for code in codes if code in texts]


def test_a_project_may_leave_the_mails_out(
    make_user: MakeUser, page: Page, clock: Clock, settings: Settings
) -> None:
    off = {"FACTOR_ADDED": False, "FACTOR_REMOVED": False}
    configure(settings, SECURITY_NOTICES=off)
    make_user()
    page.log_in()
    enrol(page, clock)
    page.delete("factors_totp", GIVEN)
    assert mail.outbox == []


def test_a_receiver_may_undo_a_change(ada: Ada, here: Page, connect: Connect) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionDenied

    connect(factor_removed, refuse)
    refused = (403, {"error": "permission_denied"})
    assert here.delete("factors_totp", GIVEN) == refused
    assert factors(here) == (True, 10)


@pytest.mark.parametrize("does_stay", [False, True])
def test_the_factors_go_with_the_account(
    ada: Ada, here: Page, settings: Settings, *, does_stay: bool
) -> None:
    from django_otp.plugins.otp_static.models import StaticToken
    from django_otp.plugins.otp_totp.models import TOTPDevice

    if does_stay:
        anonymise = "ai_kit_auth.account.services.anonymise_user"
        configure(settings, ACCOUNT_DELETION_FUNCTION=anonymise)
    assert here.post("delete_account", GIVEN)[0] == 200
    assert get_user_model().objects.exists() is does_stay
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()


# Re-authentication by a factor


def test_a_factor_makes_the_session_fresh(ada: Ada, here: Page) -> None:
    proof = {"method": "totp", "code": ada.app.code()}
    assert here.post("confirm_password", proof) == (200, {})
    assert here.post("factors_recovery_codes")[0] == 200


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"password": ["required"]}),
        ({"code": "1"}, {"password": ["required"]}),
        ({"method": "totp"}, {"code": ["required"]}),
        ({"method": "sms", "code": "1"}, {"method": ["invalid"]}),
        ({"method": "totp", "code": "1"}, {"code": ["invalid_code"]}),
        ({"password": "no"}, {"password": ["invalid_credentials"]}),
        ([], {"non_field_errors": ["invalid"]}),
    ],
)
def test_what_proves_nothing_makes_nothing_fresh(
    ada: Ada, here: Page, body: Any, errors: Any
) -> None:
    assert here.post("confirm_password", body) == (400, errors)
    missing = (400, {"password": ["required"]})
    assert here.post("factors_recovery_codes") == missing


def test_wrong_codes_there_are_counted_by_the_session(
    ada: Ada, here: Page, settings: Settings
) -> None:
    configure(settings, THROTTLE_RATES={"SECOND_FACTOR": "2/hour"})
    for _ in range(2):
        wrong = {"method": "totp", "code": ada.app.wrong()}
        assert here.post("confirm_password", wrong) == WRONG
        let_try()
    right = {"method": "totp", "code": ada.app.code()}
    assert here.post("confirm_password", right) == (429, {"error": "throttled"})
    other = Page()
    other.log_in()
    assert other.prove(ada.app.code())[0] == 200


def test_a_user_without_factors_confirms_by_the_password(
    make_user: MakeUser, page: Page
) -> None:
    make_user()
    page.log_in()
    assert page.post("confirm_password", {"method": "totp", "code": "1"}) == WRONG
    assert page.post("confirm_password", GIVEN) == (200, {})


def test_with_both_keys_off_the_route_is_that_of_the_account_page(
    settings: Settings,
) -> None:
    from ai_kit_auth.capability import served
    from ai_kit_auth.settings import APISettings

    for on, module in ((True, "second_factor"), (False, "account")):
        given = {"CONFIRM_PASSWORD": True, "FACTORS": on}
        endpoints = APISettings({"ENABLE_ENDPOINTS": given}).ENABLE_ENDPOINTS
        [route] = [r for r in served(endpoints) if r.name == "confirm_password"]
        assert view_of(route.callback).__module__ == f"ai_kit_auth.{module}.views"
