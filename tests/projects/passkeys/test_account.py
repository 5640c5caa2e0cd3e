"""A user's own passkeys: adding, naming, removing; what they prove beside a login."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import cbor2
import pytest
from django.core import mail
from django.test import override_settings
from django.urls import reverse
from rest_framework.exceptions import NotFound
from rest_framework.test import APIClient
from webauthn import base64url_to_bytes
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.cose import COSEAlgorithmIdentifier

from ai_kit_auth.second_factor import recovery_codes
from ai_kit_auth.second_factor.factors import METHODS
from ai_kit_auth.second_factor.passkeys import credentials
from ai_kit_auth.second_factor.passkeys.ceremonies import Ceremonies
from ai_kit_auth.second_factor.passkeys.services import rename
from ai_kit_auth.second_factor.passkeys.soft_authenticator import (
    CeremonyRefused,
    SoftAuthenticator,
)
from tests.accounts import configure, csrf, log_in, post
from tests.conftest import PASSWORD, Clock, MakeUser

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

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"


@pytest.fixture
def ada(make_user: MakeUser) -> Any:
    return make_user()


@pytest.fixture
def page(ada: Any, client: APIClient) -> APIClient:
    """Return a browser in which Ada has logged in, and has just sent the password."""
    assert log_in(client, ADA).status_code == 200
    confirm(client)
    return client


def confirm(client: APIClient) -> None:
    answer = post(client, "confirm_password", {"password": PASSWORD}, **csrf(client))
    assert answer.status_code == 200, answer.content


def new_passkey(
    client: APIClient, authenticator: SoftAuthenticator | None = None, **changes: Any
) -> Any:
    authenticator = authenticator or SoftAuthenticator(ORIGIN)
    options = options_of(client, "factors_passkey_options")
    data = {"name": "Phone", "credential": authenticator.create(options), **changes}
    return post(client, "factors_passkeys", data, **csrf(client))


def factors_of(client: APIClient) -> Any:
    return client.get(reverse("ai_kit_auth:factors")).json()


def ask(client: APIClient, method: str, pk: Any, data: Any = None) -> Any:
    url = reverse("ai_kit_auth:factors_passkey", args=[pk])
    return getattr(client, method)(url, data or {}, format="json", **csrf(client))


# Adding


def test_a_user_adds_a_passkey_and_logs_in_with_it(
    page: APIClient, ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    phone = SoftAuthenticator(ORIGIN, synced=True)
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        answer = new_passkey(page, phone)
    made = answer.json()
    assert answer.status_code == 201
    assert made == {
        "id": passkey_of(ada).pk,
        "name": "Phone",
        "created": made["created"],
        "last_used": None,
        "backed_up": True,
        "passwordless": True,
    }
    assert factors_of(page)["passkeys"] == [made]
    assert [t.split()[0] for t in caplog.messages] == ["event=factor_added"]
    assert len(mail.outbox) == 1
    other = APIClient(enforce_csrf_checks=True)
    assert log_in_with(other, phone).status_code == 200
    assert factors_of(other)["passkeys"][0]["last_used"]


def test_the_options_name_the_account_and_what_it_has(
    page: APIClient, ada: Any
) -> None:
    phone = SoftAuthenticator(ORIGIN)
    new_passkey(page, phone)
    options = options_of(page, "factors_passkey_options")
    assert options["rp"] == {"id": "example.com", "name": "app.example.com"}
    assert options["user"]["name"] == "ada@example.com"
    selection = options["authenticatorSelection"]
    assert selection["residentKey"] == "preferred"
    assert selection["userVerification"] == "preferred"
    assert options["extensions"] == {"credProps": True}
    with pytest.raises(CeremonyRefused, match="InvalidStateError"):
        phone.create(options)


def test_a_full_name_is_shown_beside_the_address(page: APIClient, ada: Any) -> None:
    ada.first_name, ada.last_name = "Ada", "Lovelace"
    ada.save()
    user = options_of(page, "factors_passkey_options")["user"]
    assert user["displayName"] == "Ada Lovelace (ada@example.com)"


def test_an_account_without_an_address_has_its_name(page: APIClient, ada: Any) -> None:
    ada.email = ""
    ada.save()
    user = options_of(page, "factors_passkey_options")["user"]
    assert (user["name"], user["displayName"]) == ("ada", "ada")
    ada.username = ""
    ada.save()
    user = options_of(page, "factors_passkey_options")["user"]
    assert user["name"] == str(ada.pk)


@pytest.mark.parametrize(
    ("authenticator", "rk", "passwordless"),
    [
        (SoftAuthenticator(ORIGIN), True, True),
        (SoftAuthenticator(ORIGIN), None, False),
        # What is synced is discoverable, whether the browser tells or not.
        (SoftAuthenticator(ORIGIN, synced=True), None, True),
        (SoftAuthenticator(ORIGIN, synced=True), False, False),
        (SoftAuthenticator(ORIGIN, verifies=False), True, False),
        (SoftAuthenticator(ORIGIN, stores=False), False, False),
    ],
)
def test_which_passkeys_log_in_without_a_password(
    page: APIClient,
    ada: Any,
    authenticator: SoftAuthenticator,
    rk: bool | None,
    passwordless: bool,
) -> None:
    options = options_of(page, "factors_passkey_options")
    credential = authenticator.create(options)
    told = {} if rk is None else {"credProps": {"rk": rk}}
    credential["clientExtensionResults"] = told
    data = {"name": "Key", "credential": credential}
    answer = post(page, "factors_passkeys", data, **csrf(page))
    assert answer.json()["passwordless"] is passwordless


def test_without_a_re_authentication_the_password_comes_along(
    ada: Any, client: APIClient
) -> None:
    log_in(client, ADA)
    answer = post(client, "factors_passkey_options", **csrf(client))
    assert (answer.status_code, answer.json()) == (400, {"password": ["required"]})
    data: dict[str, Any] = {"password": PASSWORD}
    answer = post(client, "factors_passkey_options", data, **csrf(client))
    credential = SoftAuthenticator(ORIGIN).create(answer.json()["publicKey"])
    data |= {"name": "Phone", "credential": credential}
    answer = post(client, "factors_passkeys", data, **csrf(client))
    assert answer.status_code == 201


def test_it_is_for_logged_in_users(client: APIClient) -> None:
    for route in ("factors_passkey_options", "factors_passkeys"):
        answer = post(client, route, **csrf(client))
        assert answer.json() == {"error": "not_authenticated"}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "blank"),
        (None, "null"),
        ("x" * 65, "max_length"),
        ("\0", "null_characters_not_allowed"),
        ({}, "invalid"),
    ],
)
def test_a_name_that_does_not_do(page: APIClient, name: Any, code: str) -> None:
    answer = new_passkey(page, name=name)
    assert (answer.status_code, answer.json()) == (400, {"name": [code]})


def prove(page: APIClient, authenticator: SoftAuthenticator) -> Any:
    options = options_of(page, "second_factor_options")
    data = {"method": "passkey", "credential": authenticator.get(options)}
    return post(page, "confirm_password", data, **csrf(page))


def test_the_twenty_first_passkey(
    page: APIClient, ada: Any, settings: Settings
) -> None:
    phones = [give_passkey(ada) for _ in range(20)]
    assert prove(page, phones[7]).status_code == 200
    answer = new_passkey(page)
    assert (answer.status_code, answer.json()) == (
        400,
        {"non_field_errors": ["max_length"]},
    )
    assert credentials.of_user(ada).count() == 20
    configure(settings, ERROR_PARAMS=True)
    assert new_passkey(page).json()["params"] == {
        "non_field_errors": {"max_length": {"max_length": 20}}
    }
    assert new_passkey(page, name="x" * 65).json()["params"] == {
        "name": {"max_length": {"max_length": 64}}
    }


def test_a_password_alone_changes_no_factors(page: APIClient, ada: Any) -> None:
    # As a thief of the password would.
    phone = give_passkey(ada)
    refused = (403, {"error": "second_factor_required"})
    answer = post(page, "factors_passkey_options", **csrf(page))
    assert (answer.status_code, answer.json()) == refused
    for method in ("patch", "delete"):
        answer = ask(page, method, passkey_of(ada).pk, {"name": "Mine"})
        assert (answer.status_code, answer.json()) == refused
    assert prove(page, phone).status_code == 200
    assert ask(page, "patch", passkey_of(ada).pk, {"name": "Mine"}).status_code == 200


# What is refused


def is_refused_at_adding(page: APIClient, credential: Any) -> bool:
    data = {"name": "Phone", "credential": credential}
    return is_refused(post(page, "factors_passkeys", data, **csrf(page)))


def test_a_challenge_is_for_one_purpose_user_and_attempt(
    page: APIClient, ada: Any, make_user: MakeUser
) -> None:
    phone = SoftAuthenticator(ORIGIN)
    options = options_of(page, "factors_passkey_options")
    login = options_of(page)
    swapped = phone.create({**options, "challenge": login["challenge"]})
    assert is_refused_at_adding(page, swapped)
    # The other way round.
    give_passkey(make_user("grace"), phone)
    answer = {**login, "challenge": options["challenge"]}
    assert is_refused(send(page, phone.get(answer)))
    # Neither is left.
    assert is_refused_at_adding(page, SoftAuthenticator(ORIGIN).create(options))


def test_a_challenge_of_another_user_in_the_same_browser(
    page: APIClient, make_user: MakeUser
) -> None:
    options = options_of(page, "factors_passkey_options")
    kept = page.session["_ai_kit_auth_challenges"]
    make_user("grace")
    log_in(page, "grace@example.com")
    confirm(page)
    session = page.session
    session["_ai_kit_auth_challenges"] = kept
    session.save()
    assert is_refused_at_adding(page, SoftAuthenticator(ORIGIN).create(options))


def test_a_registration_lasts_ten_minutes(page: APIClient, clock: Clock) -> None:
    options = options_of(page, "factors_passkey_options")
    clock.now += 600
    confirm(page)
    assert is_refused_at_adding(page, SoftAuthenticator(ORIGIN).create(options))


def test_a_credential_that_another_account_has(
    page: APIClient, ada: Any, make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    key = give_passkey(make_user("grace"))
    options = options_of(page, "factors_passkey_options")
    credential = SoftAuthenticator(ORIGIN)
    stolen = credential.create(options)
    row = credentials.of_user(ada).model.objects.get()
    row.credential_id = credential.credentials[0].id
    row.credential_id_sha256 = row.get_credential_id_sha256(row.credential_id)
    row.save()
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        assert is_refused_at_adding(page, stolen)
    assert any("event=passkey_refused" in text for text in caplog.messages)
    assert not credentials.of_user(ada).exists()
    assert key.credentials


def test_a_page_of_another_origin_or_relying_party(page: APIClient) -> None:
    options = options_of(page, "factors_passkey_options")
    evil = SoftAuthenticator("https://evil.example", related=("example.com",))
    assert is_refused_at_adding(page, evil.create(options))
    options = options_of(page, "factors_passkey_options")
    phone = SoftAuthenticator(ORIGIN)
    other = phone.create({**options, "rp": {"id": "app.example.com"}})
    assert is_refused_at_adding(page, other)


def test_an_id_that_is_too_long(page: APIClient) -> None:
    options = options_of(page, "factors_passkey_options")
    key = SoftAuthenticator(ORIGIN, id_length=1024)
    assert is_refused_at_adding(page, key.create(options))


def test_a_public_key_that_is_too_long(page: APIClient) -> None:
    options = options_of(page, "factors_passkey_options")
    credential = SoftAuthenticator(ORIGIN).create(options)
    text = credential["response"]["attestationObject"]
    statement = cbor2.loads(base64url_to_bytes(text))
    # Before the key: the hash, flags, count, model, and the id with its length.
    start = 32 + 1 + 4 + 16 + 2 + 32
    data = statement["authData"]
    key = {**cbor2.loads(data[start:]), -100: bytes(1000)}
    longer = cbor2.dumps({**statement, "authData": data[:start] + cbor2.dumps(key)})
    changed = with_response(credential, attestationObject=bytes_to_base64url(longer))
    assert is_refused_at_adding(page, changed)


def test_a_count_beyond_the_column(page: APIClient) -> None:
    options = options_of(page, "factors_passkey_options")
    key = SoftAuthenticator(ORIGIN, step=2**31)
    assert is_refused_at_adding(page, key.create(options))


@pytest.mark.parametrize(
    "changes",
    [
        {"attestationObject": ""},
        {"attestationObject": "AAAA"},
        {"attestationObject": bytes_to_base64url(b"\x81" * 20_000)},
        {"attestationObject": bytes_to_base64url(b"\xff" * 9)},
        {"attestationObject": "A" * 1_000_000},
        {"attestationObject": 7},
        {"clientDataJSON": None},
    ],
    ids=lambda changes: repr(changes)[:40],
)
def test_a_response_of_another_shape(page: APIClient, changes: Any) -> None:
    options = options_of(page, "factors_passkey_options")
    credential = SoftAuthenticator(ORIGIN).create(options)
    assert is_refused_at_adding(page, with_response(credential, **changes))


@pytest.mark.parametrize(
    "told", [[], "rk", {"credProps": []}, {"credProps": "rk"}, {"credProps": {"rk": 1}}]
)
def test_extensions_of_another_shape(page: APIClient, told: Any) -> None:
    options = options_of(page, "factors_passkey_options")
    credential = SoftAuthenticator(ORIGIN).create(options)
    credential["clientExtensionResults"] = told
    credential["response"]["transports"] = [told, "usb", "teleport"]
    data = {"name": "Phone", "credential": credential}
    answer = post(page, "factors_passkeys", data, **csrf(page))
    assert answer.status_code == 201 or is_refused(answer)


def test_client_data_of_a_login(page: APIClient) -> None:
    options = options_of(page, "factors_passkey_options")
    credential = SoftAuthenticator(ORIGIN).create(options)
    assert is_refused_at_adding(page, with_client_data(credential, type="webauthn.get"))


# Naming and removing


def test_a_passkey_is_renamed(page: APIClient, ada: Any) -> None:
    pk = new_passkey(page).json()["id"]
    answer = ask(page, "patch", pk, {"name": "  Old phone "})
    assert (answer.status_code, answer.json()["name"]) == (200, "Old phone")
    assert passkey_of(ada).name == "Old phone"
    answer = ask(page, "patch", pk)
    assert answer.json() == {"name": ["required"]}


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_passkey_that_is_not_there(
    page: APIClient, make_user: MakeUser, method: str
) -> None:
    foreign = make_user("grace")
    give_passkey(foreign)
    pk = passkey_of(foreign).pk
    for unknown in (pk, pk + 100, "x", "-1", "9" * 40, "1.0", "\u0661"):
        answer = ask(page, method, unknown, {"name": "Mine"})
        assert (answer.status_code, answer.json()) == (404, {"error": "not_found"})
    assert passkey_of(foreign).name == "Phone"


def test_a_passkey_is_removed(
    page: APIClient, ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    phone = SoftAuthenticator(ORIGIN)
    pk = new_passkey(page, phone).json()["id"]
    recovery_codes.renew(ada)
    mail.outbox.clear()
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        answer = ask(page, "delete", pk)
    assert (answer.status_code, answer.content) == (204, b"")
    assert factors_of(page)["passkeys"] == []
    assert any("event=factor_removed code=passkey" in t for t in caplog.messages)
    assert len(mail.outbox) == 1
    # The last factor takes the recovery codes along.
    assert factors_of(page)["recovery_codes_left"] == 0
    assert is_refused(log_in_with(APIClient(enforce_csrf_checks=True), phone))


def everyone(user: Any) -> bool:
    return True


def test_the_last_factor_stays_where_one_is_demanded(
    page: APIClient, ada: Any, settings: Any
) -> None:
    configure(settings, SECOND_FACTOR_REQUIRED=f"{__name__}.everyone")
    first = new_passkey(page).json()["id"]
    answer = ask(page, "delete", first)
    assert (answer.status_code, answer.json()) == (409, {"error": "last_factor"})
    second = new_passkey(page).json()["id"]
    assert ask(page, "delete", first).status_code == 204
    assert ask(page, "delete", second).status_code == 409
    assert [p["id"] for p in factors_of(page)["passkeys"]] == [second]


def test_without_a_re_authentication_nothing_changes(
    page: APIClient, ada: Any, clock: Clock
) -> None:
    pk = new_passkey(page).json()["id"]
    clock.now += 301
    for method in ("patch", "delete"):
        answer = ask(page, method, pk, {"name": "Mine"})
        assert (answer.status_code, answer.json()) == (400, {"password": ["required"]})
    data = {"password": PASSWORD}
    assert ask(page, "delete", pk, data).status_code == 204


# The second step of a login


def begin(client: APIClient) -> Any:
    answer = log_in(client, ADA)
    assert answer.json() == {"non_field_errors": ["second_factor_required"]}
    return client.get(reverse("ai_kit_auth:second_factor")).json()["methods"]


def finish(client: APIClient, credential: Any) -> Any:
    data = {"method": "passkey", "credential": credential}
    return post(client, "second_factor", data, **csrf(client))


@pytest.mark.parametrize(
    "key",
    [
        SoftAuthenticator(ORIGIN),
        SoftAuthenticator(ORIGIN, verifies=False),
        SoftAuthenticator(ORIGIN, stores=False),
    ],
    ids=["passkey", "no PIN", "no storage"],
)
def test_a_passkey_ends_a_login_by_password(
    ada: Any, client: APIClient, key: SoftAuthenticator
) -> None:
    give_passkey(ada, key)
    recovery_codes.renew(ada)
    assert begin(client) == ["passkey", "recovery_code"]
    options = options_of(client, "second_factor_options")
    assert options["userVerification"] == "discouraged"
    assert len(options["allowCredentials"]) == 1
    answer = finish(client, key.get(options))
    assert answer.status_code == 200
    assert str(answer.json()["user"]["id"]) == str(ada.pk)
    # And has proven the factor.
    confirm(client)
    assert new_passkey(client).status_code == 201


def test_a_passkey_alone_demands_no_second_step(ada: Any, client: APIClient) -> None:
    # Who loses the one device would be locked out.
    give_passkey(ada)
    assert log_in(client, ADA).status_code == 200


def test_the_last_used_passkey_comes_first(ada: Any, client: APIClient) -> None:
    phones = [give_passkey(ada) for _ in range(3)]
    log_in_with(APIClient(enforce_csrf_checks=True), phones[1])
    recovery_codes.renew(ada)
    begin(client)
    options = options_of(client, "second_factor_options")
    names = [each["id"] for each in options["allowCredentials"]]
    assert names[0] == bytes_to_base64url(phones[1].credentials[0].id)
    assert len(names) == 3


def test_a_passkey_of_another_user_ends_no_login(
    ada: Any, client: APIClient, make_user: MakeUser
) -> None:
    give_passkey(ada)
    recovery_codes.renew(ada)
    other = give_passkey(make_user("grace"))
    begin(client)
    options = options_of(client, "second_factor_options")
    assert is_refused(finish(client, other.get({**options, "allowCredentials": []})))


def test_what_was_asked_of_a_second_step_is_no_login(
    ada: Any, client: APIClient
) -> None:
    phone = give_passkey(ada)
    recovery_codes.renew(ada)
    begin(client)
    options = options_of(client, "second_factor_options")
    assert is_refused(send(client, phone.get(options)))
    # Nor the other way round.
    assert is_refused(finish(client, phone.get(options_of(client))))


def test_a_login_by_passkey_ends_the_one_that_waits(
    ada: Any, client: APIClient, make_user: MakeUser
) -> None:
    phone = give_passkey(ada)
    recovery_codes.renew(ada)
    other = give_passkey(make_user("grace"))
    begin(client)
    options = options_of(client, "second_factor_options")
    assert log_in_with(client, other).status_code == 200
    answer = finish(client, phone.get(options))
    assert answer.json() == {"error": "login_not_pending"}


def test_the_removal_of_a_passkey_ends_the_login_that_waits(
    ada: Any, client: APIClient
) -> None:
    phone = give_passkey(ada)
    give_passkey(ada)
    recovery_codes.renew(ada)
    begin(client)
    options = options_of(client, "second_factor_options")
    credentials.of_user(ada).first().delete()
    answer = finish(client, phone.get(options))
    assert answer.json() == {"error": "login_not_pending"}


def test_without_a_credential_the_second_step_asks_for_it(
    ada: Any, client: APIClient
) -> None:
    give_passkey(ada)
    recovery_codes.renew(ada)
    begin(client)
    answer = post(client, "second_factor", {"method": "passkey"}, **csrf(client))
    assert (answer.status_code, answer.json()) == (400, {"credential": ["required"]})


def test_no_options_without_a_login_or_a_passkey(ada: Any, client: APIClient) -> None:
    answer = post(client, "second_factor_options")
    assert answer.json() == {"error": "csrf_failed"}
    answer = post(client, "second_factor_options", **csrf(client))
    assert (answer.status_code, answer.json()) == (403, {"error": "login_not_pending"})
    log_in(client, ADA)
    answer = post(client, "second_factor_options", **csrf(client))
    assert (answer.status_code, answer.json()) == (404, {"error": "not_found"})


# Re-authentication


def test_a_passkey_re_authenticates(ada: Any, client: APIClient) -> None:
    phone = give_passkey(ada)
    log_in_with(client, phone)
    answer = post(client, "factors_passkey_options", **csrf(client))
    assert answer.json() == {"password": ["required"]}
    options = options_of(client, "second_factor_options")
    assert options["userVerification"] == "required"
    data = {"method": "passkey", "credential": phone.get(options)}
    answer = post(client, "confirm_password", data, **csrf(client))
    assert (answer.status_code, answer.json()) == (200, {})
    assert new_passkey(client).status_code == 201


def test_a_key_that_verifies_no_user_does_not(ada: Any, client: APIClient) -> None:
    key = give_passkey(ada, SoftAuthenticator(ORIGIN, verifies=False))
    log_in(client, ADA)
    options = options_of(client, "second_factor_options")
    credential = key.get({**options, "userVerification": "discouraged"})
    data = {"method": "passkey", "credential": credential}
    assert is_refused(post(client, "confirm_password", data, **csrf(client)))


def test_all_passkeys_of_a_user_are_removed_at_once(
    ada: Any, make_user: MakeUser
) -> None:
    give_passkey(ada)
    give_passkey(ada)
    other = make_user("grace")
    give_passkey(other)
    METHODS["passkey"].remove_all(ada)
    assert not credentials.of_user(ada).exists()
    assert credentials.of_user(other).exists()


# A project's own helper


class Attesting(Ceremonies):
    """A helper that takes one algorithm alone."""

    def get_supported_key_algorithms(self) -> list[COSEAlgorithmIdentifier]:
        return [COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256]


def test_a_helper_of_the_projects_own_decides(page: APIClient) -> None:
    options = options_of(page, "factors_passkey_options")
    credential = SoftAuthenticator(ORIGIN).create(options)
    helper = f"{__name__}.{Attesting.__name__}"
    with override_settings(OTP_WEBAUTHN_HELPER_CLASS=helper):
        assert is_refused_at_adding(page, credential)


def test_a_passkey_that_goes_away_while_it_is_renamed(
    page: APIClient, ada: Any
) -> None:
    give_passkey(ada)
    found = passkey_of(ada)
    found.delete()
    found.pk = 7
    with pytest.raises(NotFound):
        rename(ada, found, "Phone")
