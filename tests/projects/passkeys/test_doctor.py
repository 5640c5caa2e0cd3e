"""What the doctor finds about passkeys: it plays them in process."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from django_otp_webauthn.models import WebAuthnCredential

from tests.accounts import configure
from tests.examinations import HEALTHY, Report, examine

from .pages import ORIGIN

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database("sqlite")]

STEPS = [
    "passkey options",
    "new passkey",
    "new passkey, stored",
    "passkey login options",
    "passkey",
    "passkey_login/",
]


def look(*origins: str) -> Report:
    options = [part for origin in origins or (ORIGIN,) for part in ("--origin", origin)]
    with override_settings(**HEALTHY):
        return examine(*options, "--api", "https://api.example.com")


def states(report: Report) -> list[str]:
    return [step["state"] for step in report.walked if step["name"] in STEPS]


def test_a_passkey_is_added_and_logs_in_and_nothing_stays() -> None:
    report = look()
    assert report.findings == []
    assert states(report) == ["ok"] * len(STEPS)
    assert report.step("me/ after logout")["state"] == "ok"
    assert not get_user_model().objects.exists()
    assert not WebAuthnCredential.objects.exists()


def test_an_rp_id_that_no_page_can_use(settings: Any) -> None:
    configure(settings, RP_ID="api.example.com")
    report = look()
    assert report.step("check ai_kit_auth_passkeys.E002")["state"] == "failed"
    found = report.step("new passkey")
    assert found["state"] == "failed"
    assert found["console"].startswith("SecurityError: The relying party ID")
    assert "'api.example.com'" in found["cause"]
    assert found["setting"] == (
        "AI_KIT_AUTH['RP_ID'] = 'app.example.com', or a domain above it; and HTTPS"
    )
    # The rest of the walk goes on.
    assert states(report) == ["ok", "failed"]
    assert report.step("me/ after logout")["state"] == "ok"


def test_a_page_of_another_site(settings: Any) -> None:
    other = "https://example.net"
    settings.CORS_ALLOWED_ORIGINS = settings.CSRF_TRUSTED_ORIGINS = [ORIGIN, other]
    settings.SESSION_COOKIE_SAMESITE = settings.CSRF_COOKIE_SAMESITE = "None"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    report = look(other)
    found = report.step("passkeys")
    assert found["state"] == "info"
    assert found["setting"].endswith("['RELATED_ORIGINS'] = ['https://example.net']")
    configure(settings, RELATED_ORIGINS=[other])
    report = look(other)
    assert states(report) == ["ok"] * len(STEPS)


def test_a_login_that_is_off_is_not_played(settings: Any) -> None:
    with override_settings(ROOT_URLCONF="tests.projects.passkeys.without_login"):
        report = look()
    assert states(report) == ["ok"] * 3


def test_passkeys_that_are_off_are_not_played(settings: Any) -> None:
    with override_settings(ROOT_URLCONF="tests.projects.passkeys.without_passkeys"):
        report = look()
    assert states(report) == []
