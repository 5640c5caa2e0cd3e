"""``RecentlyAuthenticated`` on views of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import path
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ai_kit_auth import users
from ai_kit_auth.account.permissions import RecentlyAuthenticated
from ai_kit_auth.accounts import email_of

from ..urlconfs import account
from .page import EVERY_MODEL, Browser, answer_of, configure

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]


class ByAddress(BaseAuthentication):
    """Stands for any authentication by a token."""

    def authenticate(self, request: Any) -> Any:
        address = request.headers.get("X-Token")
        return address and (users.find_by_address(address), None)


class ExportView(APIView):
    authentication_classes = [ByAddress, SessionAuthentication]
    permission_classes = [RecentlyAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({"mine": email_of(request.user)})


urlpatterns = [
    *account.urlpatterns,
    path("export/", ExportView.as_view()),
]


@pytest.fixture(autouse=True)
def _host(settings: Settings, _account_page: None) -> None:
    settings.ROOT_URLCONF = __name__
    # The project requires a login on every page; this view answers for itself.
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if "LoginRequired" not in name
    ]


def export(browser: Browser, **headers: str) -> Any:
    return browser.client.get("/export/", headers=headers)


def test_a_fresh_session_passes(browser: Browser) -> None:
    browser.confirm_password()
    assert answer_of(export(browser)) == (200, {"mine": "ada@example.com"})


def test_another_one_is_told_to_prove_itself(browser: Browser) -> None:
    """With DRF's usual answer, which the project's exception handler may change."""
    answer = export(browser)
    assert answer_of(answer) == (403, {"detail": "reauthentication_required"})
    assert answer.data["detail"].code == "reauthentication_required"


def test_nobody_is_told_to_log_in(db: None) -> None:
    answer = export(Browser())
    assert answer.status_code in {401, 403}
    assert answer.data["detail"].code == "not_authenticated"


def test_it_ends_with_its_time(browser: Browser, settings: Settings) -> None:
    browser.confirm_password()
    configure(settings, REAUTHENTICATION_TIMEOUT=None)
    assert export(browser).status_code == 403


def test_one_account_s_fresh_session_proves_nothing_of_another(
    browser: Browser, make_user: Any
) -> None:
    """A stolen token of eve's comes with a fresh session of the thief's own."""
    make_user("eve")
    browser.confirm_password()
    hers = {"X-Token": "eve@example.com"}
    assert export(browser, **hers).status_code == 403
    own = {"X-Token": "ada@example.com"}
    assert export(browser, **own).status_code == 200
