"""Second factors work on any user model, and leave its columns alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core import checks
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.views import APIView

from ai_kit_auth.second_factor.permissions import SecondFactorVerified

from ...conftest import PASSWORD
from ..second_factor.page import ASKED, NOT_PENDING, WRONG, Ada, Page, let_try

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Verify(APIView):
    """A view of the project that saves the user of the request."""

    permission_classes = [SecondFactorVerified]

    def post(self, request: Any) -> Response:
        was = request.user.is_verified
        request.user.is_verified = True
        request.user.save()
        return Response({"was": was})


urlpatterns = [
    path("api/v1/auth/", include("ai_kit_auth.urls")),
    path("verify/", Verify.as_view()),
]


def test_the_second_step_ends_the_login(ada: Ada, page: Page) -> None:
    assert page.log_in() == ASKED
    assert page.prove(ada.app.wrong()) == WRONG
    let_try()
    assert page.prove(ada.app.code())[0] == 200
    assert page.me() == {"id": str(ada.user.pk), "email": "ada@example.com"}


def test_a_recovery_code_ends_it_once(ada: Ada, page: Page) -> None:
    for answer in (200, 400):
        page.log_in()
        assert page.prove(ada.codes[0], "recovery_code")[0] == answer


def test_a_pending_login_of_a_model_with_other_keys_is_none(
    ada: Ada, page: Page
) -> None:
    page.log_in()
    session = page.client.session
    session["_ai_kit_auth_pending"][0] = "7"
    session.save()
    assert page.prove(ada.app.code()) == NOT_PENDING


def test_factors_are_changed_and_removed(ada: Ada, page: Page) -> None:
    page.log_in()
    page.prove(ada.app.code())
    given = {"password": PASSWORD}
    assert page.post("factors_recovery_codes", given)[0] == 200
    assert page.delete("factors_totp", given) == (204, None)
    assert Page().log_in()[0] == 200


def test_the_field_of_the_project_stays_what_it_is(ada: Ada, page: Page) -> None:
    page.log_in()
    page.prove(ada.app.code())
    assert page.client.post("/verify/").json() == {"was": False}
    ada.user.refresh_from_db()
    assert ada.user.is_verified is True
    assert page.client.post("/verify/").json() == {"was": True}


def test_the_check_names_the_clash_with_the_middleware(settings: Settings) -> None:
    assert checks.run_checks() == []
    settings.MIDDLEWARE += ["django_otp.middleware.OTPMiddleware"]
    [problem] = checks.run_checks()
    assert problem.id == "ai_kit_auth_second_factor.W001"
    assert "is_verified" in problem.msg
