"""What ``manage.py check`` says about passkeys."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from ai_kit_auth.second_factor.passkeys.ceremonies import Ceremonies
from ai_kit_auth.second_factor.passkeys.checks import check_stored
from ai_kit_auth.second_factor.passkeys.soft_authenticator import SoftAuthenticator
from tests.accounts import configure
from tests.conftest import MakeUser

from .pages import ORIGIN, give_passkey


def ids(**kwargs: Any) -> list[str]:
    return [str(found.id) for found in checks.run_checks(**kwargs)]


def own_ids() -> list[str]:
    return [found for found in ids() if found.startswith("ai_kit_auth_passkeys")]


def test_a_minimal_configuration_is_all_that_the_library_needs() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("url", "rp", "expected"),
    [
        ("https://app.example.com", "", []),
        ("https://app.example.com", "example.com", []),
        ("https://app.example.com", "app.example.com", []),
        ("http://localhost:5173", "", []),
        ("https://app.example.com", "api.example.com", ["E002"]),
        ("https://app.example.com", "com", ["E002"]),
        ("http://app.example.com", "", ["E002"]),
        ("http://127.0.0.1:5173", "", ["E002"]),
        ("https://192.0.2.1", "", ["E002"]),
        # The core tells that it is missing.
        ("", "", []),
    ],
)
def test_the_rp_id_suits_the_frontend(
    settings: Any, url: str, rp: str, expected: list[str]
) -> None:
    settings.CORS_ALLOWED_ORIGINS = settings.CSRF_TRUSTED_ORIGINS = [url] if url else []
    configure(settings, FRONTEND={"URL": url}, RP_ID=rp)
    assert own_ids() == [f"ai_kit_auth_passkeys.{each}" for each in expected]


def test_the_frontend_may_be_at_a_related_origin(settings: Any) -> None:
    related = ["https://app.example.com/"]
    configure(settings, RP_ID="example.net", RELATED_ORIGINS=related)
    assert own_ids() == []
    configure(settings, RP_ID="net", RELATED_ORIGINS=related)
    assert own_ids() == ["ai_kit_auth_passkeys.E002"]


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("https://app.example.com", "['RP_ID'] = 'app.example.com', or a domain above"),
        ("http://app.example.com", "['URL'] = 'https://app.example.com'"),
        ("https://192.0.2.1", "Give the frontend a name"),
    ],
)
def test_the_hint_says_what_to_type(settings: Any, url: str, hint: str) -> None:
    configure(settings, FRONTEND={"URL": url}, RP_ID="example.net")
    [found] = [f for f in checks.run_checks() if f.id == "ai_kit_auth_passkeys.E002"]
    assert hint in str(found.hint)


def test_the_related_origins_are_origins(settings: Any) -> None:
    good = ["https://example.co.uk", "http://localhost:3000"]
    configure(settings, RELATED_ORIGINS=[*good, "example.net", "http://example.net"])
    found = [f for f in checks.run_checks() if f.id == "ai_kit_auth_passkeys.E003"]
    assert [f.msg.partition(" in ")[0] for f in found] == [
        "'example.net'",
        "'http://example.net'",
    ]


class OwnHelper(Ceremonies):
    pass


def test_a_helper_of_the_projects_own_is_one_of_ours() -> None:
    for path, expected in (
        (f"{__name__}.OwnHelper", []),
        ("django_otp_webauthn.helpers.WebAuthnHelper", ["ai_kit_auth_passkeys.E004"]),
        ("no.such.Helper", ["ai_kit_auth_passkeys.E004"]),
        (f"{__name__}.ORIGIN", ["ai_kit_auth_passkeys.E004"]),
    ):
        with override_settings(OTP_WEBAUTHN_HELPER_CLASS=path):
            assert own_ids() == expected


def without_tables(settings: Any) -> Any:
    apps = [each for each in settings.INSTALLED_APPS if each != "django_otp_webauthn"]
    return override_settings(INSTALLED_APPS=apps)


def test_an_app_that_is_missing(settings: Any) -> None:
    with without_tables(settings):
        assert own_ids() == ["ai_kit_auth_passkeys.E001"]


def test_what_no_endpoint_needs_is_not_told(settings: Any) -> None:
    endpoints = {"FACTORS": True, "SECOND_FACTOR": True}
    configure(settings, ENABLE_ENDPOINTS=endpoints, RP_ID="example.net")
    assert own_ids() == ["ai_kit_auth_passkeys.E002"]
    with without_tables(settings):
        assert own_ids() == []
    configure(settings, ENABLE_ENDPOINTS={})
    assert own_ids() == []


def of_database(*databases: str) -> list[str]:
    return [each for each in ids(databases=databases) if "passkeys" in each]


@pytest.mark.django_db
def test_passkeys_of_another_rp_id(settings: Any, make_user: MakeUser) -> None:
    give_passkey(make_user())
    assert of_database("default") == []
    configure(settings, RP_ID="app.example.com")
    assert of_database("default") == ["ai_kit_auth_passkeys.W001"]
    assert of_database() == []
    # They are not in the database that is asked.
    assert check_stored(None, databases=["archive"]) == []
    # Since then there are others as well.
    give_passkey(make_user("grace"), SoftAuthenticator(ORIGIN))
    assert of_database("default") == ["ai_kit_auth_passkeys.W001"]
    configure(settings, ENABLE_ENDPOINTS={})
    assert of_database("default") == []
    # Told by the check of the core.
    configure(settings, RP_IDS="example.com")
    assert own_ids() == []
    assert of_database("default") == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.database("sqlite")
def test_migrate_checks_before_there_is_a_table() -> None:
    table = "django_otp_webauthn_webauthnattestation"
    with connection.schema_editor() as editor:
        editor.execute(f"ALTER TABLE {table} RENAME TO away")
    try:
        assert of_database("default") == []
        call_command("check", databases=["default"], verbosity=0)
    finally:
        with connection.schema_editor() as editor:
            editor.execute(f"ALTER TABLE away RENAME TO {table}")


def test_a_sign_up_without_a_login(settings: Any) -> None:
    configure(settings, ENABLE_ENDPOINTS={"PASSKEY_SIGN_UP": True})
    assert own_ids() == ["ai_kit_auth_passkeys.W002"]
