"""What ``manage.py check`` says about second factors, and what the settings refuse."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import pytest
from django.core import checks

from ai_kit_auth.second_factor import checks as ours
from ai_kit_auth.settings import APISettings, InvalidConfigurationError

from ...account.page import configure

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.database("sqlite")]

NAME = "ai_kit_auth_second_factor"


def found() -> list[str]:
    return sorted(str(each.id) for each in checks.run_checks() if NAME in str(each.id))


def test_a_whole_project_has_no_problem() -> None:
    assert checks.run_checks() == []


@pytest.mark.parametrize(
    "missing", ["django_otp.plugins.otp_totp", "django_otp.plugins.otp_static"]
)
def test_a_missing_app_is_named(settings: Settings, missing: str) -> None:
    settings.INSTALLED_APPS = [n for n in settings.INSTALLED_APPS if n != missing]
    [problem] = list(ours.check_second_factor())
    assert problem.id == f"{NAME}.E001"
    assert missing in problem.msg


def test_with_its_keys_off_the_app_needs_nothing(settings: Settings) -> None:
    off = {"FACTORS": False, "SECOND_FACTOR": False}
    configure(settings, ENABLE_ENDPOINTS=off)
    settings.INSTALLED_APPS = [
        name for name in settings.INSTALLED_APPS if "django_otp" not in name
    ]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    assert found() == []


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without(name: str, *rest: Any) -> Any:
        return None if name == "segno" else find(name, *rest)

    monkeypatch.setattr(ours, "find_spec", without)
    assert found() == [f"{NAME}.E001"]


def test_sessions_in_cookies_alone_are_refused(settings: Settings) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    assert found() == [f"{NAME}.E002"]


def test_the_middleware_of_the_library_is_fine_on_this_user_model(
    settings: Settings,
) -> None:
    settings.MIDDLEWARE += ["django_otp.middleware.OTPMiddleware"]
    assert found() == []


@pytest.mark.parametrize(
    "key", ["SECOND_FACTOR_TIMEOUT", "SECOND_FACTOR_TRIES", "RECOVERY_CODES"]
)
@pytest.mark.parametrize("value", [0, -1, None, "5", True])
def test_a_number_is_a_number_from_1(key: str, value: object) -> None:
    with pytest.raises(InvalidConfigurationError, match=key):
        APISettings({key: value})
