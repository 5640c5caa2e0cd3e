"""Login with a passkey alone: the page's requests and a soft authenticator."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.db.models import F
from django.urls import reverse
from django_otp_webauthn.models import WebAuthnCredential
from rest_framework.exceptions import PermissionDenied
from rest_framework.test import APIClient
from webauthn.helpers import bytes_to_base64url

from ai_kit_auth.accounts import login_proof
from ai_kit_auth.second_factor.passkeys.soft_authenticator import (
    CeremonyRefused,
    SoftAuthenticator,
)
from ai_kit_auth.signals import user_pre_login
from tests.accounts import configure, csrf, post
from tests.conftest import Clock, Connect, MakeUser

from .pages import (
    ORIGIN,
    give_passkey,
    is_refused,
    log_in_with,
    options_of,
    passkey_of,
    send,
    with_client_data,
    with_response,
)

pytestmark = pytest.mark.django_db

# No server is there.
BACKEND = "django.core.cache.backends.redis.RedisCache"
NOWHERE = "redis://127.0.0.1:1"


def who(client: APIClient) -> Any:
    user = client.get(reverse("ai_kit_auth:me")).json()["user"]
    return user and get_user_model().objects.get(pk=user["id"])


# What succeeds


def test_a_passkey_logs_its_user_in(
    make_user: MakeUser, client: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    ada = make_user()
    phone = give_passkey(ada)
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        answer = log_in_with(client, phone)
    assert answer.status_code == 200
    assert str(answer.json()["user"]["id"]) == str(ada.pk)
    assert answer.json()["csrf"]
    assert who(client) == ada
    assert [r.__dict__["event"] for r in caplog.records] == ["login_succeeded"]


def test_the_options_name_no_account(make_user: MakeUser, client: APIClient) -> None:
    give_passkey(make_user())
    options = options_of(client)
    assert options["rpId"] == "example.com"
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []


def test_receivers_learn_what_has_proven_the_user(
    make_user: MakeUser, client: APIClient, connect: Connect
) -> None:
    seen = []
    connect(user_logged_in, lambda request, **_: seen.append(login_proof(request)))
    log_in_with(client, give_passkey(make_user()))
    assert seen == ["passkey"]


@pytest.mark.parametrize("remember", [True, False])
def test_remember_is_as_at_login(
    make_user: MakeUser, client: APIClient, remember: bool
) -> None:
    credential = give_passkey(make_user()).get(options_of(client))
    answer = send(client, credential, remember=remember)
    cookie = answer.cookies["sessionid"]
    assert bool(cookie["max-age"]) is remember


def test_a_form_has_the_credential_as_text(
    make_user: MakeUser, client: APIClient
) -> None:
    credential = give_passkey(make_user()).get(options_of(client))
    answer = client.post(
        reverse("ai_kit_auth:passkey_login"),
        {"credential": json.dumps(credential)},
        format="multipart",
        **csrf(client),
    )
    assert answer.status_code == 200


def test_a_user_who_is_logged_in_may_log_in_as_another(
    make_user: MakeUser, client: APIClient
) -> None:
    ada, grace = make_user(), make_user("grace")
    log_in_with(client, give_passkey(ada))
    assert who(client) == ada
    log_in_with(client, give_passkey(grace))
    assert who(client) == grace


def test_a_login_is_noted_at_the_passkey(
    make_user: MakeUser, client: APIClient
) -> None:
    user = make_user()
    phone = give_passkey(user)
    assert passkey_of(user).last_used_at is None
    log_in_with(client, phone)
    assert passkey_of(user).last_used_at is not None
    assert passkey_of(user).sign_count == 2


def test_an_authenticator_that_counts_nothing_logs_in_again(
    make_user: MakeUser, client: APIClient
) -> None:
    phone = give_passkey(make_user(), SoftAuthenticator(ORIGIN, step=0))
    assert log_in_with(client, phone).status_code == 200
    assert log_in_with(client, phone).status_code == 200


def test_a_synced_passkey_has_no_common_count(
    make_user: MakeUser, client: APIClient
) -> None:
    phone = give_passkey(make_user(), SoftAuthenticator(ORIGIN, synced=True))
    assert log_in_with(client, phone).status_code == 200
    phone.credentials[0].count = 0
    assert log_in_with(client, phone).status_code == 200


# What is refused, with one answer


def test_a_key_that_verifies_no_user_logs_nobody_in(
    make_user: MakeUser, client: APIClient
) -> None:
    key = give_passkey(make_user(), SoftAuthenticator(ORIGIN, verifies=False))
    options = options_of(client)
    with pytest.raises(CeremonyRefused, match="verifies no user"):
        key.get(options)
    # A page that asks for less gets no more.
    assert is_refused(
        send(client, key.get({**options, "userVerification": "discouraged"}))
    )
    # Nor does a key whose PIN was set later: it is a second step until it is added
    # again.
    key.verifies = True
    assert is_refused(log_in_with(client, key))


def test_a_credential_that_is_not_discoverable_logs_nobody_in(
    make_user: MakeUser, client: APIClient
) -> None:
    user = make_user()
    key = give_passkey(user, SoftAuthenticator(ORIGIN, stores=False))
    options = options_of(client)
    with pytest.raises(CeremonyRefused, match="no passkey"):
        key.get(options)
    name = bytes_to_base64url(key.credentials[0].id)
    named = {**options, "allowCredentials": [{"id": name}]}
    assert is_refused(send(client, key.get(named)))
    # Even where it names its user.
    key.credentials[0].discoverable = True
    assert is_refused(log_in_with(client, key))


def test_an_unknown_credential(client: APIClient, make_user: MakeUser) -> None:
    user = make_user()
    phone = give_passkey(user)
    passkey_of(user).delete()
    assert is_refused(log_in_with(client, phone))


def test_a_disabled_credential(client: APIClient, make_user: MakeUser) -> None:
    phone = give_passkey(make_user())
    WebAuthnCredential.objects.update(confirmed=False)
    assert is_refused(log_in_with(client, phone))


def test_a_user_who_is_not_active(
    client: APIClient, make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user()
    phone = give_passkey(user)
    user.is_active = False
    user.save()
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        assert is_refused(log_in_with(client, phone))
    [line] = [text for text in caplog.messages if "event=" in text]
    assert line == (
        f"event=passkey_refused code=invalid_credential user={user.pk} "
        "address=127.0.0.1"
    )


def test_a_credential_that_names_another_user(
    client: APIClient, make_user: MakeUser
) -> None:
    phone = give_passkey(make_user())
    other = give_passkey(make_user("grace"))
    phone.credentials[0].user_handle = other.credentials[0].user_handle
    assert is_refused(log_in_with(client, phone))
    phone.credentials[0].user_handle = b""
    assert is_refused(log_in_with(client, phone))


def test_a_response_is_good_once(client: APIClient, make_user: MakeUser) -> None:
    credential = give_passkey(make_user()).get(options_of(client))
    assert send(client, credential).status_code == 200
    assert is_refused(send(client, credential))
    assert is_refused(send(APIClient(enforce_csrf_checks=True), credential))


def test_a_copy_of_the_session_has_no_second_attempt(
    client: APIClient, make_user: MakeUser
) -> None:
    credential = give_passkey(make_user(), SoftAuthenticator(ORIGIN, step=0)).get(
        options_of(client)
    )
    kept = dict(client.session.items())
    assert send(client, credential).status_code == 200
    thief = APIClient(enforce_csrf_checks=True)
    session = thief.session
    session.update(kept)
    session.save()
    assert is_refused(send(thief, credential))


def test_a_failed_attempt_uses_the_challenge_up(
    client: APIClient, make_user: MakeUser
) -> None:
    credential = give_passkey(make_user()).get(options_of(client))
    assert is_refused(send(client, with_response(credential, signature="AAAA")))
    assert is_refused(send(client, credential))


def test_a_challenge_of_another_session(client: APIClient, make_user: MakeUser) -> None:
    phone = give_passkey(make_user())
    options = options_of(APIClient(enforce_csrf_checks=True))
    assert is_refused(send(client, phone.get(options)))
    assert is_refused(send(client, phone.get({**options, "challenge": "AAAA"})))


def test_a_challenge_lasts_an_hour(
    client: APIClient, make_user: MakeUser, clock: Clock
) -> None:
    phone = give_passkey(make_user())
    early, late = options_of(client), options_of(client)
    clock.now += 3599
    assert send(client, phone.get(early)).status_code == 200
    clock.now += 1
    assert is_refused(send(client, phone.get(late)))


def test_a_session_keeps_its_last_ten_challenges(
    client: APIClient, make_user: MakeUser
) -> None:
    phone = give_passkey(make_user())
    first, second = options_of(client), options_of(client)
    for _ in range(9):
        options_of(client)
    assert is_refused(send(client, phone.get(first)))
    assert send(client, phone.get(second)).status_code == 200


def test_a_page_of_another_origin(client: APIClient, make_user: MakeUser) -> None:
    user = make_user()
    phone = give_passkey(user)
    phone.origin = "https://evil.example"
    phone.related = ("example.com",)
    assert is_refused(log_in_with(client, phone))
    # A subdomain of the site is no page of the project by that alone.
    phone.origin = "https://blog.example.com"
    assert is_refused(log_in_with(client, phone))


def test_a_passkey_of_another_relying_party(
    client: APIClient, make_user: MakeUser
) -> None:
    phone = give_passkey(make_user())
    options = options_of(client)
    phone.credentials[0].rp_id = "app.example.com"
    assert is_refused(send(client, phone.get({**options, "rpId": "app.example.com"})))


def test_a_page_in_a_frame_of_another_site(
    client: APIClient, make_user: MakeUser
) -> None:
    phone = give_passkey(make_user())
    phone.in_frame = True
    assert is_refused(log_in_with(client, phone))


def test_a_copy_that_logs_in_at_the_same_time(
    client: APIClient, make_user: MakeUser
) -> None:
    """Its counter arrives after the check of this one's, and before it is kept."""
    user = make_user()
    credential = give_passkey(user).get(options_of(client))
    arrivals: list[str] = []

    def arrive_first(
        execute: Any, sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if sql.startswith("UPDATE") and "sign_count" in sql and not arrivals:
            arrivals.append(sql)
            rows = WebAuthnCredential.objects.filter(user=user)
            rows.update(sign_count=F("sign_count") + 1)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(arrive_first):
        answer = send(client, credential)
    assert arrivals
    assert is_refused(answer)
    assert who(client) is None


def test_a_copy_of_an_authenticator(client: APIClient, make_user: MakeUser) -> None:
    user = make_user()
    phone = give_passkey(user)
    count = phone.credentials[0].count
    assert log_in_with(client, phone).status_code == 200
    phone.credentials[0].count = count
    assert is_refused(log_in_with(client, phone))
    # And the owner is not locked out by it.
    phone.credentials[0].count = count + 5
    assert log_in_with(client, phone).status_code == 200


def test_a_credential_stays_of_one_kind(client: APIClient, make_user: MakeUser) -> None:
    phone = give_passkey(make_user())
    phone.synced = True
    assert is_refused(log_in_with(client, phone))


def test_a_count_beyond_the_column(client: APIClient, make_user: MakeUser) -> None:
    phone = give_passkey(make_user())
    phone.step = 2**31
    assert is_refused(log_in_with(client, phone))


@pytest.mark.parametrize(
    "body",
    [
        [],
        7,
        True,
        "",
        "no JSON",
        "[]",
        "[" * 5000,
        {},
        {"response": None},
        {"response": []},
        {"response": {"clientDataJSON": 7}},
        {"response": {"clientDataJSON": "\ud800"}},
        {"response": {"clientDataJSON": "!"}},
        {"response": {"clientDataJSON": "e30"}},
        {"response": {"clientDataJSON": "A" * 1_000_000}},
    ],
    ids=lambda body: repr(body)[:40],
)
def test_a_body_of_another_shape(client: APIClient, body: Any) -> None:
    assert is_refused(send(client, body))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "AAAA"},
        {"rawId": 7},
        {"rawId": "A"},
        {"rawId": "\ud800"},
        {"id": "A" * 1_000_000, "rawId": "A" * 1_000_000},
        {"type": "password"},
        {"authenticatorAttachment": "none"},
    ],
    ids=lambda changes: repr(changes)[:40],
)
def test_a_credential_of_another_shape(
    client: APIClient, make_user: MakeUser, changes: Any
) -> None:
    credential = give_passkey(make_user()).get(options_of(client))
    assert is_refused(send(client, {**credential, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"authenticatorData": ""},
        {"authenticatorData": "AAAA"},
        {"authenticatorData": "A" * 1_000_000},
        {"authenticatorData": ["AAAA"]},
        {"signature": ""},
        {"signature": {}},
        {"userHandle": 7},
        {"userHandle": None},
    ],
    ids=lambda changes: repr(changes)[:40],
)
def test_a_response_of_another_shape(
    client: APIClient, make_user: MakeUser, changes: Any
) -> None:
    credential = give_passkey(make_user()).get(options_of(client))
    assert is_refused(send(client, with_response(credential, **changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "webauthn.create"},
        {"origin": ["https://app.example.com"]},
        {"origin": None},
        {"tokenBinding": {"status": []}},
        {"extra": 1},
    ],
    ids=repr,
)
def test_client_data_that_was_not_signed(
    client: APIClient, make_user: MakeUser, changes: Any
) -> None:
    credential = give_passkey(make_user()).get(options_of(client))
    assert is_refused(send(client, with_client_data(credential, **changes)))


def test_a_body_without_a_credential(client: APIClient) -> None:
    answer = post(client, "passkey_login", {}, **csrf(client))
    assert (answer.status_code, answer.json()) == (400, {"credential": ["required"]})


# Around it


def test_both_requests_need_the_token(client: APIClient) -> None:
    for route in ("passkey_login_options", "passkey_login"):
        answer = post(client, route, {"credential": {}})
        assert (answer.status_code, answer.json()) == (403, {"error": "csrf_failed"})


def test_failures_are_counted_by_address(
    client: APIClient, make_user: MakeUser, settings: Any
) -> None:
    configure(settings, THROTTLE_RATES={"SECOND_FACTOR": "2/min"})
    phone = give_passkey(make_user())
    for _ in range(3):
        assert log_in_with(client, phone).status_code == 200
    options = options_of(client)
    assert is_refused(send(client, {}))
    assert is_refused(send(client, {}))
    answer = send(client, phone.get(options))
    assert (answer.status_code, answer.json()) == (429, {"error": "throttled"})
    configure(settings, THROTTLE_RATES={"SECOND_FACTOR": None})
    assert send(client, phone.get(options)).status_code == 200


def test_behind_an_unknown_proxy_nobody_is_throttled_for_others(
    client: APIClient, settings: Any
) -> None:
    configure(settings, THROTTLE_RATES={"SECOND_FACTOR": "1/min"})
    settings.REST_FRAMEWORK = {}
    assert is_refused(send(client, {}))
    assert is_refused(send(client, {}))


def test_options_are_counted_where_they_begin_a_session(
    client: APIClient, settings: Any
) -> None:
    configure(settings, THROTTLE_RATES={"SESSION": "1/min"})
    options_of(client)
    # This session is there already.
    options_of(client)
    other = APIClient(enforce_csrf_checks=True)
    answer = post(other, "passkey_login_options", **csrf(other))
    assert (answer.status_code, answer.json()) == (429, {"error": "throttled"})


def test_a_receiver_may_refuse(
    client: APIClient, make_user: MakeUser, connect: Connect
) -> None:
    def refuse(**kwargs: object) -> None:
        raise PermissionDenied("not_now")

    connect(user_pre_login, refuse)
    answer = log_in_with(client, give_passkey(make_user()))
    assert answer.status_code == 403
    assert who(client) is None


def test_no_challenge_is_good_while_the_cache_is_down(
    client: APIClient, make_user: MakeUser, settings: Any
) -> None:
    phone = give_passkey(make_user())
    credential = phone.get(options_of(client))
    token = csrf(client)
    working = settings.CACHES
    settings.CACHES = {"default": {"BACKEND": BACKEND, "LOCATION": NOWHERE}}
    answer = post(client, "passkey_login", {"credential": credential}, **token)
    assert (answer.status_code, answer.json()) == (
        503,
        {"error": "service_unavailable"},
    )
    # The same request is good once the cache is back.
    settings.CACHES = working
    answer = post(client, "passkey_login", {"credential": credential}, **token)
    assert answer.status_code == 200
