"""The second step of a login: what gets in, and what does not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.core import mail
from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied

from ai_kit_auth import signals
from ai_kit_auth.accounts import login_proof
from ai_kit_auth.second_factor.signals import recovery_code_used, second_factor_failed
from ai_kit_auth.services import get_password_reset_url

from ...account.page import configure
from ...conftest import OTHER_PASSWORD, PASSWORD, Clock, Connect, MakeUser
from .page import ASKED, NOT_PENDING, WRONG, Ada, App, Page, enrol, let_try, told

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

BY_APP, BY_CODE = "totp", "recovery_code"
DOWN = (503, {"error": "service_unavailable"})


def proof(ada: Ada, method: str) -> str:
    """Return a right code that was not used before."""
    return ada.app.code() if method == BY_APP else ada.codes.pop()


# What gets in


def test_who_has_no_factor_logs_in_as_before(make_user: MakeUser, page: Page) -> None:
    make_user()
    assert page.log_in()[0] == 200
    assert page.is_in()
    assert page.prove("123456") == NOT_PENDING


def test_the_password_alone_does_not_log_in(ada: Ada, page: Page) -> None:
    assert page.log_in() == ASKED
    assert not page.is_in()
    assert page.get("second_factor")[1]["methods"] == [BY_CODE, BY_APP]


def test_a_code_of_the_app_ends_the_login(ada: Ada, page: Page) -> None:
    page.log_in()
    status, body = page.prove(ada.app.code())
    assert status == 200
    assert list(body) == ["user", "csrf"]
    assert page.is_in()
    assert page.post("logout")[0] == 200


def test_a_code_is_taken_as_it_is_typed(ada: Ada, page: Page) -> None:
    page.log_in()
    code = ada.app.code()
    assert page.prove(f" {code[:3]} - {code[3:]}")[0] == 200


def test_a_code_is_taken_in_the_digits_of_a_keyboard(ada: Ada, page: Page) -> None:
    page.log_in()
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    assert page.prove(ada.app.code().translate(arabic))[0] == 200


def test_a_recovery_code_ends_the_login_once(ada: Ada, page: Page) -> None:
    page.log_in()
    assert page.prove(ada.codes[0], BY_CODE)[0] == 200
    assert page.get("factors")[1]["recovery_codes_left"] == 9
    page.post("logout")
    page.log_in()
    assert page.prove(ada.codes[0], BY_CODE) == WRONG
    assert page.prove(ada.codes[1], BY_CODE)[0] == 200


def test_a_recovery_code_is_taken_as_it_was_written_down(ada: Ada, page: Page) -> None:
    page.log_in()
    typed = ada.codes[0].upper().replace("-", " ").replace("O", "0").replace("L", "1")
    assert page.prove(f" {typed} ", BY_CODE)[0] == 200


def test_the_codes_of_another_user_are_wrong(
    ada: Ada, make_user: MakeUser, page: Page, clock: Clock
) -> None:
    make_user("bob")
    theirs = Page()
    theirs.log_in("bob")
    app, codes = enrol(theirs, clock)
    page.log_in()
    assert page.prove(app.code()) == WRONG
    assert page.prove(codes[0], BY_CODE) == WRONG
    assert page.get("me")[1]["user"] is None


@pytest.mark.parametrize(("remember", "lasts"), [(True, True), (False, False)])
def test_remember_holds_for_the_whole_login(
    ada: Ada, page: Page, remember: bool, lasts: bool
) -> None:
    page.log_in(remember=remember)
    assert page.prove(ada.app.code())[0] == 200
    assert bool(page.client.cookies["sessionid"]["max-age"]) is lasts


def test_a_second_device_of_an_admin_counts_as_well(ada: Ada, page: Page) -> None:
    from django_otp.plugins.otp_totp.models import TOTPDevice

    other = TOTPDevice.objects.create(user=ada.user, name="Another", digits=8)
    page.log_in()
    from base64 import b32encode

    import pyotp

    secret = b32encode(other.bin_key).decode()
    code = pyotp.TOTP(secret, digits=8).at(int(ada.app._clock.now))
    assert page.prove(code)[0] == 200
    # The first device has not been told of a wrong code.
    again = Page()
    again.log_in()
    assert again.prove(ada.app.code())[0] == 200


# What does not


def test_a_wrong_password_is_answered_as_before(ada: Ada, page: Page) -> None:
    refused = {"non_field_errors": ["invalid_credentials"]}
    assert page.log_in(password=OTHER_PASSWORD) == (400, refused)
    assert page.prove(ada.app.code()) == NOT_PENDING


def test_a_step_is_good_once(ada: Ada, page: Page) -> None:
    page.log_in()
    code = ada.app.code()
    assert page.prove(code)[0] == 200
    other = Page()
    other.log_in()
    assert other.prove(code) == WRONG
    let_try()
    assert other.prove(ada.app.code())[0] == 200


def test_an_older_code_is_not_good_after_a_newer_one(
    ada: Ada, page: Page, clock: Clock
) -> None:
    older = ada.app.code()
    newer = ada.app.code()
    page.log_in()
    assert page.prove(newer)[0] == 200
    other = Page()
    other.log_in()
    for code in (older, newer, older):
        let_try()
        assert other.prove(code) == WRONG


def test_five_wrong_codes_end_the_login(
    ada: Ada, page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    page.log_in()
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        for _ in range(5):
            assert page.prove(ada.app.wrong()) == WRONG
            let_try()
    assert page.prove(ada.app.code()) == NOT_PENDING
    assert page.get("second_factor") == NOT_PENDING
    assert [event for event, _ in told(caplog)] == [
        *["second_factor_refused"] * 5,
        "second_factor_locked",
    ]
    page.log_in()
    assert page.prove(ada.app.code())[0] == 200


def test_a_copy_of_the_session_has_no_tries_of_its_own(ada: Ada, page: Page) -> None:
    page.log_in()
    [row] = Session.objects.filter(session_key=page.client.cookies["sessionid"].value)
    thief = page.copy()
    for _ in range(5):
        page.prove(ada.app.wrong())
        let_try()
    # As if a thief had kept what the session was, which a cookie would allow.
    row.save(force_update=True)
    assert thief.prove(ada.app.code()) == NOT_PENDING


def test_a_login_that_is_done_cannot_be_done_again(ada: Ada, page: Page) -> None:
    page.log_in()
    [row] = Session.objects.filter(session_key=page.client.cookies["sessionid"].value)
    assert page.prove(ada.app.code())[0] == 200
    row.save(force_insert=True)
    thief = Page()
    thief.client.cookies["sessionid"] = row.session_key
    thief.get("me")
    assert thief.get("second_factor") == NOT_PENDING
    assert thief.prove(ada.app.code()) == NOT_PENDING


@pytest.mark.parametrize("engine", ["cache", "cached_db", "file", "signed_cookies"])
def test_on_every_session_engine_it_is_done_once(
    ada: Ada, page: Page, settings: Settings, tmp_path: Path, engine: str
) -> None:
    """A check refuses the last one, and even there no copy of the cookie works."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    assert page.log_in() == ASKED
    thief = page.copy()
    assert page.prove(ada.app.code())[0] == 200
    assert page.is_in()
    assert thief.prove(ada.app.code()) == NOT_PENDING
    assert not thief.is_in()


def test_the_key_of_the_session_changes_with_each_step(ada: Ada, page: Page) -> None:
    page.log_in()
    first = page.client.cookies["sessionid"].value
    page.log_in()
    second = page.client.cookies["sessionid"].value
    page.prove(ada.app.code())
    third = page.client.cookies["sessionid"].value
    assert len({first, second, third}) == 3
    assert [*Session.objects.values_list("pk", flat=True)].count(first) == 0


def remove_app(user: Any) -> None:
    from django_otp.plugins.otp_totp.models import TOTPDevice

    TOTPDevice.objects.filter(user=user).delete()


def add_app(user: Any) -> None:
    from django_otp.plugins.otp_totp.models import TOTPDevice

    TOTPDevice.objects.create(user=user, name="Another")


def change_password(user: Any) -> None:
    user.set_password(OTHER_PASSWORD)
    user.save()


def deactivate(user: Any) -> None:
    type(user).objects.filter(pk=user.pk).update(is_active=False)


def delete(user: Any) -> None:
    type(user).objects.get(pk=user.pk).delete()


@pytest.mark.parametrize("method", [BY_APP, BY_CODE])
@pytest.mark.parametrize(
    "change", [remove_app, add_app, change_password, deactivate, delete]
)
def test_a_change_of_the_account_ends_the_login(
    ada: Ada, page: Page, method: str, change: Callable[[Any], None]
) -> None:
    page.log_in()
    change(ada.user)
    assert page.prove(proof(ada, method), method) == NOT_PENDING
    assert page.get("second_factor") == NOT_PENDING
    assert not page.is_in()


def test_the_login_waits_for_so_long_and_no_longer(
    ada: Ada, page: Page, clock: Clock, settings: Settings
) -> None:
    configure(settings, SECOND_FACTOR_TIMEOUT=100)
    page.log_in()
    clock.now += 60
    assert page.prove(ada.app.code())[0] == 200
    late = Page()
    late.log_in()
    clock.now += 101
    assert late.prove(ada.app.now()) == NOT_PENDING
    # A clock that was set back for good would let it wait as long.
    early = Page()
    early.log_in()
    clock.now -= 1000
    assert early.get("second_factor") == NOT_PENDING


def test_it_needs_the_backend_that_took_the_password(
    ada: Ada, page: Page, settings: Settings
) -> None:
    page.log_in()
    settings.AUTHENTICATION_BACKENDS = ["tests.backends.Other"]
    assert page.prove(ada.app.code()) == NOT_PENDING


def test_a_pending_login_of_another_user_model_is_none(
    ada: Ada, page: Page, settings: Settings
) -> None:
    page.log_in()
    session = page.client.session
    session["_ai_kit_auth_pending"][0] = "6e1b7f0c-3f0d-4d9e-9a53-6f2f1c1a9b10"
    session.save()
    assert page.prove(ada.app.code()) == NOT_PENDING


@pytest.mark.parametrize("is_fallback", [True, False])
def test_a_new_secret_key_ends_it_unless_the_old_one_still_counts(
    ada: Ada, page: Page, settings: Settings, is_fallback: bool
) -> None:
    page.log_in()
    if is_fallback:
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one, which is as long as the first one was"
    assert (page.get("second_factor")[0] == 200) is is_fallback
    assert (page.prove(ada.codes[0], BY_CODE)[0] == 200) is is_fallback


# Two users, two tabs


def test_a_session_of_somebody_else_ends_when_the_login_begins(
    ada: Ada, make_user: MakeUser, page: Page, connect: Connect
) -> None:
    bob = make_user("bob")
    ended: list[Any] = []
    connect(user_logged_out, lambda user, **_: ended.append(user))
    page.log_in("bob")
    old = page.client.cookies["sessionid"].value
    assert page.log_in() == ASKED
    assert not page.is_in()
    assert ended == [bob]
    assert not Session.objects.filter(pk=old).exists()
    assert page.prove(ada.app.code())[0] == 200
    assert page.me()["username"] == "ada"


@pytest.mark.parametrize("is_logged_in", [True, False])
def test_the_token_in_the_session_stays_good(
    ada: Ada, make_user: MakeUser, page: Page, settings: Settings, is_logged_in: bool
) -> None:
    """An error has no new token in its body."""
    settings.CSRF_USE_SESSIONS = True
    make_user("bob")
    if is_logged_in:
        page.log_in("bob")
    assert page.log_in() == ASKED
    assert page.prove(ada.app.code())[0] == 200
    assert page.post("logout")[0] == 200


def test_who_logs_in_meanwhile_ends_the_login_of_the_other(
    ada: Ada, make_user: MakeUser, page: Page
) -> None:
    make_user("bob")
    page.log_in()
    page.log_in("bob")
    assert page.prove(ada.app.code()) == NOT_PENDING
    assert page.me()["username"] == "bob"


def test_the_codes_of_the_first_tab_do_not_end_the_login_of_the_second(
    ada: Ada, make_user: MakeUser, page: Page, clock: Clock
) -> None:
    make_user("bob")
    theirs = Page()
    theirs.log_in("bob")
    enrol(theirs, clock)
    page.log_in()
    page.log_in("bob")
    assert page.prove(ada.app.code()) == WRONG


def test_a_second_click_does_not_log_out(ada: Ada, page: Page) -> None:
    page.log_in()
    again = page.copy()
    code = ada.app.code()
    assert page.prove(code)[0] == 200
    assert again.prove(code)[0] == 403
    assert "sessionid" not in again.answer.cookies
    assert page.is_in()


def test_two_clicks_that_were_both_read_before_end_it_once(
    ada: Ada, page: Page, connect: Connect
) -> None:
    page.log_in()
    again = page.copy()
    answers: list[Any] = []

    def click_again(**_: Any) -> None:
        recovery_code_used.disconnect(click_again)
        answers.append(again.prove(ada.codes[1], BY_CODE)[0])

    connect(recovery_code_used, click_again)
    answers.append(page.prove(ada.codes[0], BY_CODE))
    assert answers == [200, NOT_PENDING]


def test_tries_at_once_are_no_more_than_one_after_the_other(
    ada: Ada, page: Page, connect: Connect, settings: Settings
) -> None:
    configure(settings, SECOND_FACTOR_TRIES=1)
    page.log_in()
    again = page.copy()
    answers: list[Any] = []

    def try_again(**_: Any) -> None:
        answers.append(again.prove(ada.codes[0], BY_CODE))

    connect(second_factor_failed, try_again)
    assert page.prove(ada.app.wrong()) == WRONG
    assert answers == [NOT_PENDING]


def test_a_login_without_a_session_is_none_of_ours(ada: Ada) -> None:
    """Such as one by a token, which a project tells by Django's signal."""
    heard = user_logged_in.send(type(ada.user), request=HttpRequest(), user=ada.user)
    assert [answer for _receiver, answer in heard if answer is not None] == []


# Limits


def test_wrong_codes_of_one_account_are_counted_over_its_logins(
    ada: Ada, settings: Settings
) -> None:
    configure(settings, THROTTLE_RATES={"SECOND_FACTOR": "3/hour"})
    for _ in range(3):
        page = Page()
        page.log_in()
        assert page.prove(ada.app.wrong()) == WRONG
        let_try()
    page = Page()
    page.log_in()
    for _ in range(6):
        assert page.prove(ada.app.code()) == (429, {"error": "throttled"})
    assert int(page.answer["Retry-After"]) > 3000
    configure(settings, ERROR_PARAMS=True)
    assert page.prove(ada.app.code())[1]["params"] == {
        "error": {"throttled": {"retry_after": int(page.answer["Retry-After"])}}
    }
    # What was not checked was no try.
    configure(settings, THROTTLE_RATES={"SECOND_FACTOR": None})
    assert page.prove(ada.app.code())[0] == 200


def test_right_codes_are_not_counted(ada: Ada, settings: Settings) -> None:
    configure(settings, THROTTLE_RATES={"SECOND_FACTOR": "1/hour"})
    for _ in range(3):
        page = Page()
        page.log_in()
        assert page.prove(ada.app.code())[0] == 200


def test_a_stranger_uses_up_no_tries_of_the_owners_browser(
    ada: Ada, page: Page, settings: Settings
) -> None:
    configure(
        settings, DEVICE_COOKIE_AGE=1000, THROTTLE_RATES={"SECOND_FACTOR": "1/hour"}
    )
    page.log_in()
    page.prove(ada.app.code())
    page.post("logout")
    stranger = Page()
    stranger.log_in()
    assert stranger.prove(ada.app.wrong()) == WRONG
    let_try()
    assert stranger.prove(ada.app.wrong())[0] == 429
    page.log_in()
    assert page.prove(ada.app.code())[0] == 200


def test_after_a_wrong_code_the_app_waits_and_never_for_long(
    ada: Ada, page: Page, settings: Settings
) -> None:
    from django_otp.plugins.otp_totp.models import TOTPDevice

    page.log_in()
    assert page.prove(ada.app.wrong()) == WRONG
    for _ in range(6):
        assert page.prove(ada.app.code()) == (429, {"error": "throttled"})
    assert page.answer["Retry-After"] == "1"
    # As many as an attacker sends in a night.
    TOTPDevice.objects.update(throttling_failure_count=30)
    assert page.prove(ada.app.code())[0] == 429
    assert 1 <= int(page.answer["Retry-After"]) <= 60
    assert page.prove(ada.codes[0], BY_CODE)[0] == 200


def test_without_the_cache_nobody_gets_past_a_factor(
    ada: Ada, make_user: MakeUser, page: Page, settings: Settings
) -> None:
    make_user("bob")
    page.log_in()
    settings.CACHES = {"default": {"BACKEND": "tests.caches.Down"}}
    assert page.get("second_factor") == DOWN
    assert page.prove(ada.app.code()) == DOWN
    assert Page().log_in() == ASKED
    assert Page().log_in("bob")[0] == 200


def test_the_login_goes_on_when_the_cache_is_back(
    ada: Ada, page: Page, settings: Settings
) -> None:
    page.log_in()
    working = settings.CACHES
    settings.CACHES = {"default": {"BACKEND": "tests.caches.Down"}}
    assert page.prove(ada.app.code()) == DOWN
    settings.CACHES = working
    assert page.prove(ada.app.code())[0] == 200


# Bodies


NOTHING_SAID: list[tuple[Any, dict[str, list[str]]]] = [
    ({}, {"method": ["required"]}),
    ({"method": "totp"}, {"code": ["required"]}),
    ({"method": "totp", "code": ""}, {"code": ["blank"]}),
    ({"method": "totp", "code": None}, {"code": ["null"]}),
    ({"method": "totp", "code": ["1"]}, {"code": ["invalid"]}),
    ({"method": "totp", "code": {"a": 1}}, {"code": ["invalid"]}),
    ({"method": "totp", "code": True}, {"code": ["invalid"]}),
    ({"method": "totp", "code": "1" * 65}, {"code": ["max_length"]}),
    (
        {"method": "totp", "code": "1\x00"},
        {"code": ["null_characters_not_allowed"]},
    ),
    ({"method": "sms", "code": "1"}, {"method": ["invalid"]}),
    ({"method": ["totp"], "code": "1"}, {"method": ["invalid"]}),
    ({"method": {}, "code": "1"}, {"method": ["invalid"]}),
    ({"method": 1, "code": "1"}, {"method": ["invalid"]}),
    ({"method": "", "code": "1"}, {"method": ["invalid"]}),
    ({"method": None, "code": "1"}, {"method": ["null"]}),
    ({"method": "totp", "code": "1", "trust": "x"}, {"trust": ["invalid"]}),
    ([], {"non_field_errors": ["invalid"]}),
    ("totp", {"non_field_errors": ["invalid"]}),
]


def test_a_body_that_says_nothing_is_no_try(ada: Ada, page: Page) -> None:
    page.log_in()
    for body, errors in NOTHING_SAID:
        assert page.post("second_factor", body) == (400, errors)
    assert page.prove(ada.app.code())[0] == 200


@pytest.mark.parametrize("method", [BY_APP, BY_CODE])
def test_what_is_no_code_is_wrong(ada: Ada, page: Page, method: str) -> None:
    # As many as one login takes.
    for codes in (("1", "1234567", "-12345", "12345x"), ("²²²²²²", "1e5", "0" * 64)):
        page.log_in()
        for code in codes:
            assert page.prove(code, method) == WRONG
            let_try()


def test_a_code_may_be_a_number(ada: Ada, page: Page) -> None:
    page.log_in()
    # A number has no leading zeros, so this is wrong now and then.
    codes = (ada.app.code() for _ in range(5))
    body = {"method": "totp", "code": int(next(c for c in codes if c[0] != "0"))}
    assert page.post("second_factor", body)[0] == 200


def test_it_needs_the_csrf_token_and_says_so(ada: Ada, page: Page) -> None:
    page.log_in()
    page.client.credentials()
    assert page.prove(ada.app.code()) == (403, {"error": "csrf_failed"})


def test_no_answer_is_kept_in_a_cache(ada: Ada, page: Page) -> None:
    page.log_in()
    assert page.answer["Cache-Control"] == "no-store, private"
    page.get("second_factor")
    assert page.answer["Cache-Control"] == "no-store, private"


# Signals, log and mails


def test_the_signals_of_the_login_are_sent_once_at_its_end(
    ada: Ada, page: Page, connect: Connect
) -> None:
    heard: list[Any] = []
    connect(user_logged_in, lambda request, **_: heard.append(login_proof(request)))
    connect(signals.user_pre_login, lambda user, **_: heard.append("pre"))
    connect(signals.user_post_login, lambda user, **_: heard.append("post"))
    page.log_in()
    assert heard == []
    page.prove(ada.app.code())
    assert heard == ["pre", BY_APP, "post"]


def test_a_receiver_may_refuse_the_login(
    ada: Ada, page: Page, connect: Connect
) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionDenied

    connect(signals.user_pre_login, refuse)
    page.log_in()
    assert page.prove(ada.app.code()) == (403, {"error": "permission_denied"})
    assert not page.is_in()
    assert page.prove(ada.app.code()) == NOT_PENDING


def test_the_log_tells_each_step(
    ada: Ada, page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        page.log_in()
        page.prove(ada.app.wrong())
        let_try()
        page.prove(ada.app.code())
    assert told(caplog) == [
        ("second_factor_required", "second_factor_required"),
        ("second_factor_refused", "invalid_code"),
        ("login_succeeded", "-"),
    ]
    assert f"user={ada.user.pk} " in caplog.text


def test_a_project_hears_of_wrong_codes(ada: Ada, page: Page, connect: Connect) -> None:
    heard: list[Any] = []
    connect(
        second_factor_failed, lambda user, method, **_: heard.append((user, method))
    )
    page.log_in()
    page.prove(ada.app.wrong())
    page.prove("abcd", BY_CODE)
    assert heard == [(ada.user, BY_APP), (ada.user, BY_CODE)]


def test_the_owner_gets_a_mail_when_a_recovery_code_was_used(
    ada: Ada, page: Page, connect: Connect
) -> None:
    heard: list[Any] = []
    connect(recovery_code_used, lambda user, method, **_: heard.append(user))
    page.log_in()
    mail.outbox.clear()
    page.prove("abcd", BY_CODE)
    assert mail.outbox == []
    page.prove(ada.codes[0], BY_CODE)
    [message] = mail.outbox
    assert message.to == ["ada@example.com"]
    assert ada.codes[0] not in str(message.message())
    assert heard == [ada.user]


# Other ways in


def test_a_reset_of_the_password_leads_past_no_factor(ada: Ada, page: Page) -> None:
    from ...test_links import own_link

    page.get("me")
    ada.user.refresh_from_db()
    link = own_link(get_password_reset_url(ada.user))
    assert page.post("pw_reset", {**link, "password": OTHER_PASSWORD}) == (200, {})
    assert not page.is_in()
    assert page.log_in(password=OTHER_PASSWORD) == ASKED


def test_with_the_key_off_the_password_is_enough(
    ada: Ada, page: Page, settings: Settings
) -> None:
    configure(settings, ENABLE_ENDPOINTS={"SECOND_FACTOR": False})
    assert page.log_in()[0] == 200


def test_an_app_that_was_never_confirmed_is_asked_for_by_nobody(
    make_user: MakeUser, page: Page
) -> None:
    make_user()
    page.log_in()
    assert page.post("factors_totp", {"password": PASSWORD})[0] == 200
    assert Page().log_in()[0] == 200


def test_an_independent_app_and_ours_agree_for_a_day(ada: Ada, clock: Clock) -> None:
    for _ in range(5):
        clock.now += 17_003
        page = Page()
        page.log_in()
        assert page.prove(ada.app.now())[0] == 200
    assert isinstance(ada.app, App)
