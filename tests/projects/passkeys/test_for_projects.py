"""``ai_kit_auth.test`` in a project with passkeys and codes of authenticator apps."""

from __future__ import annotations

import re
import sys
import time
from typing import Any

import pytest
from django.test import override_settings
from django_otp.plugins.otp_totp.models import TOTPDevice
from fido2.utils import websafe_decode
from webauthn.helpers import parse_authenticator_data

from ai_kit_auth.second_factor.passkeys import credentials
from ai_kit_auth.test import (
    PASSWORD,
    Browser,
    authenticator,
    browser,
    fresh,
    throttles_off,
    totp,
    totp_clock,
)
from ai_kit_auth.test.soft_passkeys import Authenticator, Refused
from tests.conftest import MakeUser

from .pages import ORIGIN

pytestmark = pytest.mark.django_db

WRONG = {"code": ["invalid_code"]}


@pytest.fixture
def ada(make_user: MakeUser) -> Any:
    return make_user()


@pytest.fixture
def page(ada: Any) -> Browser:
    page = browser().logged_in_as(ada)
    fresh(page)
    return page


def options_for_one_more(page: Browser) -> Any:
    answer = page.post("factors/passkeys/options/", {})
    assert answer.status_code == 200, answer.content
    return answer.json()


def add(page: Browser, device: Authenticator) -> Any:
    credential = device.create(options_for_one_more(page))
    return page.post("factors/passkeys/", {"credential": credential, "name": "Phone"})


def log_in(device: Authenticator) -> Any:
    page = browser()
    options = page.post("passkey_login/options/", {}).json()
    return page.post("passkey_login/", {"credential": device.get(options)})


# Passkeys


def test_a_soft_passkey_is_added_and_logs_in(page: Browser) -> None:
    device = authenticator(counts=True, backup_eligible=False, backed_up=False)
    assert add(page, device).status_code == 201
    assert log_in(device).json()["user"]["email"] == "ada@example.com"
    assert log_in(device).status_code == 200
    assert device.passkeys[0].count == 3
    # A clone of the device has signed less often.
    device.passkeys[0].count = 1
    assert log_in(device).json() == {"credential": ["invalid_credential"]}


def test_a_device_without_room_ends_a_login_by_password(page: Browser) -> None:
    key = authenticator(
        discoverable=False, backup_eligible=False, backed_up=False, counts=True
    )
    asked = options_for_one_more(page)
    asked["publicKey"]["authenticatorSelection"]["residentKey"] = "preferred"
    credential = key.create(asked)
    assert credential["clientExtensionResults"] == {"credProps": {"rk": False}}
    added = page.post("factors/passkeys/", {"credential": credential, "name": "Key"})
    assert added.status_code == 201
    with pytest.raises(Refused, match="no passkey for this"):
        log_in(key)
    # A passkey is asked for where a lost one locks no user out.
    fresh(page)
    codes = page.post("factors/recovery_codes/", {"password": PASSWORD})
    assert codes.status_code == 200
    other = browser()
    asked = other.login("ada@example.com", PASSWORD).json()
    assert asked == {"non_field_errors": ["second_factor_required"]}
    options = other.post("second_factor/passkey_options/", {}).json()
    body = {"method": "passkey", "credential": key.get(options)}
    assert other.post("second_factor/", body).status_code == 200


def test_one_authenticator_has_passkeys_of_many_accounts(
    page: Browser, make_user: MakeUser
) -> None:
    device = authenticator()
    assert add(page, device).status_code == 201
    second = browser().logged_in_as(make_user("bob"))
    fresh(second)
    assert add(second, device).status_code == 201
    assert log_in(device).json()["user"]["email"] == "bob@example.com"
    device.passkeys.pop()
    assert log_in(device).json()["user"]["email"] == "ada@example.com"


@pytest.mark.parametrize("verifies", [False, True])
@pytest.mark.parametrize(
    ("eligible", "backed_up"), [(False, False), (True, False), (True, True)]
)
@pytest.mark.parametrize("counts", [False, True])
def test_the_flags_say_what_the_device_is(
    page: Browser, verifies: bool, eligible: bool, backed_up: bool, counts: bool
) -> None:
    asked = options_for_one_more(page)["publicKey"]
    asked["authenticatorSelection"]["userVerification"] = "preferred"
    device = authenticator(
        verifies_user=verifies,
        backup_eligible=eligible,
        backed_up=backed_up,
        counts=counts,
    )
    device.create(asked)
    signed = device.get({"challenge": asked["challenge"], "rpId": asked["rp"]["id"]})
    data = parse_authenticator_data(
        websafe_decode(signed["response"]["authenticatorData"])
    )
    flags = data.flags
    assert (flags.up, flags.at) == (True, False)
    assert (flags.uv, flags.be, flags.bs) == (verifies, eligible, backed_up)
    assert data.sign_count == (2 if counts else 0)


def test_it_refuses_what_browsers_and_authenticators_refuse(page: Browser) -> None:
    asked = options_for_one_more(page)["publicKey"]

    def refusal(device: Authenticator, **changes: Any) -> str:
        with pytest.raises(Refused) as refused:
            device.create({**asked, **changes})
        assert device.passkeys == []
        return refused.value.name

    for foreign in ("https://example.net", "https://example.com.evil.example"):
        assert refusal(authenticator(foreign)) == "SecurityError"
    assert refusal(authenticator(), rp={"id": "com"}) == "SecurityError"
    assert refusal(authenticator("http://app.example.com")) == "NotAllowedError"
    assert refusal(authenticator(), pubKeyCredParams=[{"alg": -8}]) == (
        "NotSupportedError"
    )
    strict = {"userVerification": "required", "residentKey": "required"}
    assert refusal(
        authenticator(verifies_user=False), authenticatorSelection=strict
    ) == ("NotAllowedError")
    assert refusal(
        authenticator(discoverable=False), authenticatorSelection=strict
    ) == ("NotAllowedError")


def test_a_second_passkey_of_one_account_is_refused_by_its_device(
    page: Browser,
) -> None:
    device = authenticator()
    assert add(page, device).status_code == 201
    fresh(page)
    with pytest.raises(Refused, match="InvalidStateError"):
        add(page, device)
    assert credentials.of_user(page_user(page)).count() == 1


def page_user(page: Browser) -> Any:
    return page.get("me/").wsgi_request.user


def test_a_page_without_an_rp_id_has_that_of_its_host() -> None:
    device = authenticator("https://login.example.com:8443")
    device.create(
        {
            "rp": {"name": "Shop"},
            "user": {"id": "YQ", "name": "ada", "displayName": "Ada"},
            "challenge": "YQ",
            "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        }
    )
    (passkey,) = device.passkeys
    assert (passkey.rp_id, passkey.is_discoverable) == ("login.example.com", False)
    allowed = {"challenge": "YQ", "allowCredentials": [{"id": "YQ"}]}
    with pytest.raises(Refused, match="no passkey for this"):
        device.get(allowed)


def test_a_related_origin_is_no_foreign_one(page: Browser) -> None:
    asked = options_for_one_more(page)
    with pytest.raises(Refused, match="SecurityError"):
        authenticator("https://example.net").create(asked)
    rp_id = asked["publicKey"]["rp"]["id"]
    made = authenticator("https://example.net", related=(rp_id,)).create(asked)
    assert made["type"] == "public-key"


def test_the_options_are_checked() -> None:
    assert authenticator().origin == ORIGIN
    with pytest.raises(ValueError, match="is eligible"):
        authenticator(backup_eligible=False)
    with pytest.raises(ValueError, match="has no scheme"):
        authenticator("example.com")
    with pytest.raises(TypeError, match="synchronised"):
        authenticator(synchronised=True)


def test_without_fido2_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What Python does where the package is not installed.
    monkeypatch.setitem(sys.modules, "fido2.cose", None)
    monkeypatch.delitem(sys.modules, "ai_kit_auth.test.soft_passkeys")
    with pytest.raises(ImportError, match=r"pip install 'django-ai-kit-auth\[test\]'"):
        authenticator()


# Codes of authenticator apps


@pytest.fixture
def device(ada: Any) -> TOTPDevice:
    return TOTPDevice.objects.create(user=ada, name="App", confirmed=True)


def prove(code: str) -> Any:
    page = browser()
    page.login("ada@example.com", PASSWORD)
    return page.post("second_factor/", {"method": "totp", "code": code})


def test_a_code_is_good_once_and_the_next_one_comes_early(
    ada: Any, device: TOTPDevice
) -> None:
    code = totp(device)
    assert re.fullmatch(r"\d{6}", code)
    assert totp(ada) == code
    assert prove(code).status_code == 200
    assert prove(code).json() == WRONG
    with throttles_off():
        assert prove(totp(device)).status_code == 200


@override_settings(OTP_TOTP_SYNC=False)
def test_without_a_clock_the_codes_of_a_moment_are_two(
    ada: Any, device: TOTPDevice
) -> None:
    for _ in range(2):
        assert prove(totp(ada)).status_code == 200
    with pytest.raises(AssertionError, match="totp_clock"):
        totp(ada)


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("digits", [6, 8])
def test_with_a_clock_there_is_always_a_next_code(
    ada: Any, sync: bool, digits: int
) -> None:
    device = TOTPDevice.objects.create(
        user=ada, name="App", step=60, t0=17, drift=-1, digits=digits
    )
    before = time.time()
    with override_settings(OTP_TOTP_SYNC=sync), totp_clock() as clock:
        for _ in range(5):
            code = totp(device)
            assert len(code) == digits
            assert prove(code).status_code == 200
        moved = clock.seconds
        assert moved >= 4 * 60 - 60
        clock.move(-moved)
        assert abs(clock.time() - before) < 60
    # The time of all else has stood where it was.
    assert time.time() - before < 60


@totp_clock()
def test_a_clock_decorates_a_test(ada: Any, device: TOTPDevice) -> None:
    for _ in range(3):
        assert prove(totp(ada)).status_code == 200


def test_a_user_who_enrols_has_the_code_of_the_new_device(page: Browser) -> None:
    user = page_user(page)
    with pytest.raises(AssertionError, match="has no authenticator app"):
        totp(user)
    assert page.post("factors/totp/", {"password": PASSWORD}).status_code == 200
    body = {"code": totp(user), "password": PASSWORD}
    assert page.post("factors/totp/confirm/", body).status_code == 200
    assert TOTPDevice.objects.get(user=user).confirmed


def test_without_limits_wrong_codes_lock_no_device(device: TOTPDevice) -> None:
    with throttles_off():
        for _ in range(3):
            assert prove("000000x").status_code == 400
            assert prove("000001").json() == WRONG
        assert prove(totp(device)).status_code == 200
    assert device.get_throttle_factor() == 1
