"""Which relying party a project is, and whose pages may use its passkeys."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils.functional import lazystr
from django_otp_webauthn.settings import app_settings

from ai_kit_auth.checks.origins import origin_of
from ai_kit_auth.second_factor.passkeys import credentials
from ai_kit_auth.second_factor.passkeys.relying_party import rp_id, rp_name, suits
from ai_kit_auth.second_factor.passkeys.soft_authenticator import (
    CeremonyRefused,
    SoftAuthenticator,
)
from tests.accounts import configure

pytestmark = pytest.mark.database("sqlite")


@pytest.mark.parametrize(
    ("url", "hosts", "expected"),
    [
        ("https://app.example.com", ["api.example.com"], "example.com"),
        ("https://app.example.com/", [".example.com"], "example.com"),
        ("https://example.com", ["example.com"], "example.com"),
        ("https://www.example.co.uk", ["www.example.co.uk"], "example.co.uk"),
        # The API is elsewhere, or it is not known where.
        ("https://app.example.com", ["api.example.net"], "app.example.com"),
        ("https://app.example.com", ["*"], "app.example.com"),
        ("https://app.example.com", [], "app.example.com"),
        # Two tenants of a public suffix are no site.
        ("https://a.vercel.app", ["b.vercel.app"], "a.vercel.app"),
        ("http://localhost:5173", ["localhost"], "localhost"),
        ("http://app.localhost:5173", ["api.localhost"], "app.localhost"),
        ("http://127.0.0.1:5173", ["127.0.0.1"], "127.0.0.1"),
        ("https://192.0.2.1", ["192.0.2.1"], "192.0.2.1"),
        ("", ["api.example.com"], ""),
    ],
)
def test_the_rp_id_is_the_frontends(
    settings: Any, url: str, hosts: list[str], expected: str
) -> None:
    configure(settings, FRONTEND={"URL": url})
    settings.ALLOWED_HOSTS = hosts
    assert rp_id() == expected


def test_the_project_may_name_another(settings: Any) -> None:
    settings.OTP_WEBAUTHN_RP_ID = "shop.example.com"
    settings.OTP_WEBAUTHN_RP_NAME = "Shop"
    assert (rp_id(), rp_name()) == ("shop.example.com", "Shop")
    configure(settings, RP_ID="example.com", RP_NAME="Example")
    assert (rp_id(), rp_name()) == ("example.com", "Example")
    settings.OTP_WEBAUTHN_RP_ID_CALLABLE = f"{__name__}.of_tenant"
    assert credentials.ceremonies(None).get_relying_party_domain() == "tenant.example"


def of_tenant(request: object) -> str:
    return "tenant.example"


@pytest.mark.parametrize(
    ("brand", "expected"),
    [
        ("", "app.example.com"),
        ("  ", "app.example.com"),
        ("Ferns", "Ferns"),
        (lazystr("Farne"), "Farne"),
        (lambda context: "Ferns", "app.example.com"),
    ],
)
def test_the_name_is_the_brands(settings: Any, brand: Any, expected: str) -> None:
    configure(settings, BRANDING={"NAME": brand})
    assert rp_name() == expected


def test_without_an_address_the_name_is_empty(settings: Any) -> None:
    configure(settings, FRONTEND={"URL": ""})
    assert rp_name() == ""


def origins() -> list[str]:
    return list(app_settings.OTP_WEBAUTHN_ALLOWED_ORIGINS)


def test_pages_of_the_frontend_and_of_the_site_may_use_them(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [
        "https://app.example.com",
        "https://admin.example.com:8443",
        # Not secure, another site, no origin.
        "http://old.example.com",
        "https://partner.example.net",
        "https://",
    ]
    configure(settings, RELATED_ORIGINS=["https://EXAMPLE.net/", "nonsense"])
    assert origins() == [
        "https://app.example.com",
        "https://admin.example.com:8443",
        "https://example.net",
        "nonsense",
    ]
    assert app_settings.OTP_WEBAUTHN_ALLOWED_ORIGINS.index("https://example.net") == 2


def test_the_frontends_origin_is_named_even_where_it_does_not_do(settings: Any) -> None:
    # So that the library's check says what is wrong with it.
    configure(settings, FRONTEND={"URL": "http://app.example.com/x"})
    settings.CORS_ALLOWED_ORIGINS = []
    assert origins() == ["http://app.example.com"]
    configure(settings, FRONTEND={"URL": ""})
    assert origins() == []
    assert app_settings.OTP_WEBAUTHN_ALLOWED_ORIGINS


def test_broken_settings_are_told_by_their_own_check(settings: Any) -> None:
    settings.AI_KIT_AUTH = {"RP_IDS": "example.com"}
    assert origins() == []


def test_what_the_project_sets_itself_stays() -> None:
    with override_settings(OTP_WEBAUTHN_ALLOWED_ORIGINS=["https://a.example.com"]):
        assert origins() == ["https://a.example.com"]


@pytest.mark.parametrize(
    ("origin", "rp", "expected"),
    [
        ("https://app.example.com", "example.com", True),
        ("https://example.com:8443", "example.com", True),
        ("https://badexample.com", "example.com", False),
        ("https://example.com", "app.example.com", False),
        ("http://app.example.com", "example.com", False),
        ("http://localhost:3000", "localhost", True),
        ("https://1.192.0.2.1", "192.0.2.1", False),
    ],
)
def test_who_may_use_an_rp_id(origin: str, rp: str, expected: bool) -> None:
    assert suits(origin_of(origin), rp) is expected


def test_the_related_origins_are_served(settings: Any) -> None:
    configure(settings, RELATED_ORIGINS=["https://example.co.uk"])
    with override_settings(ROOT_URLCONF="tests.projects.passkeys.well_known"):
        answer = Client().get("/.well-known/webauthn")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == {
        "origins": ["https://app.example.com", "https://example.co.uk"]
    }


# The soft authenticator refuses what a browser refuses.

CREATION: dict[str, Any] = {
    "rp": {"id": "example.com"},
    "user": {"id": "AAAA"},
    "challenge": "AAAA",
    "pubKeyCredParams": [{"alg": -7}],
}


@pytest.mark.parametrize(
    ("origin", "changes", "message"),
    [
        ("http://app.example.com", {}, "NotAllowedError"),
        ("https://app.example.net", {}, "SecurityError"),
        ("https://a.vercel.app", {"rp": {"id": "vercel.app"}}, "SecurityError"),
        (
            "https://app.example.com",
            {"pubKeyCredParams": [{"alg": -257}]},
            "NotSupportedError",
        ),
    ],
)
def test_a_browser_refuses(origin: str, changes: Any, message: str) -> None:
    with pytest.raises(CeremonyRefused, match=message):
        SoftAuthenticator(origin).create({**CREATION, **changes})


def test_an_authenticator_makes_one_credential_for_an_account() -> None:
    phone = SoftAuthenticator("https://app.example.com")
    made = phone.create(CREATION)
    excluded = {**CREATION, "excludeCredentials": [{"id": made["id"]}]}
    with pytest.raises(CeremonyRefused, match="InvalidStateError"):
        phone.create(excluded)


def test_a_key_without_storage_makes_no_discoverable_credential() -> None:
    key = SoftAuthenticator("https://app.example.com", stores=False)
    wanted = {"authenticatorSelection": {"residentKey": "required"}}
    with pytest.raises(CeremonyRefused, match="stores no credentials"):
        key.create({**CREATION, **wanted})
