"""Who must have a factor, and what a project's own views ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import include, path
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from ai_kit_auth.account.permissions import RecentlyAuthenticated
from ai_kit_auth.second_factor.permissions import SecondFactorVerified
from ai_kit_auth.second_factor.serializers import ProvenFactorField
from ai_kit_auth.serializers import UserSerializer

from ...account.page import configure
from ...conftest import PASSWORD, Clock, MakeUser
from .page import UNPROVEN, Ada, Page, enrol

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

GIVEN = {"password": PASSWORD}
PASSED: Any = (200, {})


class Answering(APIView):
    permission_classes: list[Any] = [AllowAny]

    def get(self, request: Any) -> Response:
        return Response({})


class Report(Answering):
    permission_classes = [SecondFactorVerified]


class Payout(Answering):
    permission_classes = [SecondFactorVerified(everyone=True)]


class Transfer(Answering):
    permission_classes = [RecentlyAuthenticated(factor=True)]


own = [
    path(f"{view.__name__.lower()}/", view.as_view(), name=view.__name__.lower())
    for view in (Report, Payout, Transfer)
]
urlpatterns = [
    path("api/v1/auth/", include("ai_kit_auth.urls")),
    path("", include((own, "own"))),
]


class ShownUser(UserSerializer):
    second_factor = ProvenFactorField()


def must(user: Any) -> bool:
    return True


def see(page: Page, view: str) -> Any:
    answer = page.client.get(f"/{view}/")
    body = answer.json()
    # The project's own views answer as DRF does.
    return answer.status_code, body and {"error": body["detail"]}


def test_who_has_no_factor_and_needs_none_passes(
    make_user: MakeUser, page: Page
) -> None:
    make_user()
    page.log_in()
    assert see(page, "report") == PASSED
    assert see(page, "payout") == UNPROVEN


def test_an_anonymous_user_passes_nowhere(page: Page) -> None:
    for view in ("report", "payout", "transfer"):
        assert see(page, view)[0] == 403


def test_who_must_have_a_factor_adds_one_and_passes(
    make_user: MakeUser, page: Page, clock: Clock, settings: Settings
) -> None:
    configure(settings, SECOND_FACTOR_REQUIRED=must)
    make_user()
    assert page.log_in()[0] == 200
    assert see(page, "report") == UNPROVEN
    enrol(page, clock)
    assert see(page, "report") == PASSED
    assert see(page, "payout") == PASSED


def test_who_must_have_a_factor_keeps_the_last(
    ada: Ada, page: Page, settings: Settings
) -> None:
    page.log_in()
    page.prove(ada.app.code())
    configure(settings, SECOND_FACTOR_REQUIRED=f"{__name__}.must")
    assert page.delete("factors_totp", GIVEN) == (409, {"error": "last_factor"})
    assert page.get("factors")[1]["totp"] is True
    nobody = "ai_kit_auth.second_factor.permissions.nobody"
    configure(settings, SECOND_FACTOR_REQUIRED=nobody)
    assert page.delete("factors_totp", GIVEN) == (204, None)


def test_a_session_from_before_the_factor_does_not_pass(
    make_user: MakeUser, page: Page, clock: Clock
) -> None:
    make_user()
    page.log_in()
    older = Page()
    older.log_in()
    app, _ = enrol(page, clock)
    assert see(older, "report") == UNPROVEN
    proof = {"method": "totp", "code": app.code()}
    assert older.post("confirm_password", proof) == PASSED
    assert see(older, "report") == PASSED


def test_a_transfer_needs_a_factor_of_a_moment_ago(
    ada: Ada, page: Page, clock: Clock
) -> None:
    refused = (403, {"error": "reauthentication_required"})
    page.log_in()
    page.prove(ada.app.code())
    assert see(page, "transfer") == refused
    page.post("confirm_password", GIVEN)
    assert see(page, "transfer") == refused
    page.post("confirm_password", {"method": "totp", "code": ada.app.code()})
    assert see(page, "transfer") == PASSED
    clock.now += 301
    assert see(page, "transfer") == refused


def test_me_shows_what_the_session_has_proven(
    ada: Ada, page: Page, settings: Settings, django_assert_num_queries: Any
) -> None:
    configure(settings, USER_SERIALIZER=ShownUser)
    page.log_in()
    _, body = page.prove(ada.app.code())
    assert body["user"]["second_factor"] == "totp"
    assert page.me()["second_factor"] == "totp"
    page.post("logout")
    page.log_in()
    page.prove(ada.codes[0], "recovery_code")
    assert page.me()["second_factor"] == "recovery_code"
    # The session and the user, and whether the factor is still there.
    with django_assert_num_queries(3):
        page.me()


def test_me_shows_null_and_asks_nothing_where_nothing_was_proven(
    make_user: MakeUser,
    page: Page,
    settings: Settings,
    django_assert_num_queries: Any,
) -> None:
    configure(settings, USER_SERIALIZER=ShownUser)
    user = make_user()
    page.log_in()
    with django_assert_num_queries(2):
        assert page.me()["second_factor"] is None
    # Such as in a worker, which has no request.
    assert ShownUser(user).data["second_factor"] is None
