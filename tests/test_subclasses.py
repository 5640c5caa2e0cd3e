"""Subclasses of views: their class attributes and overridden methods apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.urls import include, path
from rest_framework import permissions, throttling
from rest_framework import serializers as drf
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory

from ai_kit_auth import serializers, views
from ai_kit_auth.account import views as account_views
from ai_kit_auth.endpoints import SessionAuthentication

from .accounts import csrf, log_in, mailed_link, post, registration, the_user
from .conftest import OTHER_PASSWORD, PASSWORD, MakeUser

pytestmark = [pytest.mark.user_model("auth_user"), pytest.mark.django_db]

Serve = Callable[..., str]


@pytest.fixture
def serve(settings: Any) -> Serve:
    """Return a function that routes a view instead of ours, and returns its URL."""

    def route(view: type[Any], prefix: str = "own/") -> str:
        routes = [
            path(prefix, view.as_view()),
            path("api/v1/auth/", include("ai_kit_auth.urls")),
        ]
        settings.ROOT_URLCONF = tuple(routes)
        return f"/{prefix}"

    return route


def send(client: APIClient, url: str, data: Any, **extra: Any) -> tuple[int, Any]:
    answer = client.post(url, data, format="json", **extra)
    return answer.status_code, answer.json()


# serializer_class and its hooks


class CompanyLogin(serializers.LoginSerializer):
    """Lets only those of an active company in."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs["user"].last_name == "Inactive Ltd":
            raise ValidationError("", code="company_inactive")
        return attrs


class ByAttribute(views.LoginView):
    serializer_class = CompanyLogin


class ByClass(views.LoginView):
    def get_serializer_class(self) -> type[Any]:
        return CompanyLogin


class ByHook(views.LoginView):
    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        return CompanyLogin(*args, context=self.get_serializer_context(), **kwargs)


@pytest.mark.parametrize("view", [ByAttribute, ByClass, ByHook])
def test_a_rule_of_the_projects_own_stops_a_login(
    client: APIClient, make_user: MakeUser, serve: Serve, view: type[Any]
) -> None:
    make_user(last_name="Inactive Ltd")
    make_user("bob", last_name="Busy Ltd")
    url = serve(view)
    data = {"ident": "ada", "password": PASSWORD}
    assert send(client, url, data, **csrf(client)) == (
        400,
        {"non_field_errors": ["company_inactive"]},
    )
    assert client.get("/api/v1/auth/me/").json()["user"] is None
    status, _ = send(client, url, {**data, "ident": "bob"}, **csrf(client))
    assert status == 200


class DomainRegistration(serializers.RegistrationSerializer):
    def validate_email(self, value: str) -> str:
        if not value.endswith("@corp.example"):
            raise ValidationError("domain_not_allowed")
        return value


class CompanyRegistration(views.RegistrationView):
    serializer_class = DomainRegistration


def test_a_rule_of_the_projects_own_stops_a_registration(
    client: APIClient, serve: Serve
) -> None:
    url = serve(CompanyRegistration)
    assert send(client, url, registration()) == (400, {"email": ["domain_not_allowed"]})
    assert not get_user_model().objects.exists()
    data = registration(email="ada@corp.example")
    assert send(client, url, data) == (201, {})


class OwnUser(serializers.UserSerializer):
    class Meta(serializers.UserSerializer.Meta):
        fields = ("id", "first_name")


class OwnMe(views.MeView):
    serializer_class = OwnUser


class OwnUpdate(account_views.UpdateMe):
    serializer_class = OwnUser


@pytest.mark.parametrize("view", [OwnMe, OwnUpdate])
def test_me_shows_a_user_by_the_serializer_of_the_class(
    client: APIClient, make_user: MakeUser, serve: Serve, view: type[Any]
) -> None:
    user = make_user(first_name="Ada")
    client.force_login(user)
    answer = client.get(serve(view))
    assert answer.json()["user"] == {"id": user.pk, "first_name": "Ada"}


class Reset(views.InitiatePasswordResetView):
    class serializer_class(serializers.InitiatePasswordResetSerializer):  # DRF's name
        def may_receive_mail(self, user: Any) -> bool:
            return super().may_receive_mail(user) and not user.is_staff


def test_a_rule_of_the_projects_own_stops_a_mail(
    client: APIClient, make_user: MakeUser, serve: Serve, mailoutbox: list[Any]
) -> None:
    make_user(is_staff=True)
    assert send(client, serve(Reset), {"email": "ada@example.com"}) == (200, {})
    assert mailoutbox == []


def refusing(serializer_class: type[Any]) -> type[Any]:
    """Return a subclass of a serializer that is never satisfied."""

    def validate(self: Any, attrs: Any) -> Any:
        raise ValidationError("not_today")

    return type("Own", (serializer_class,), {"validate": validate})


VIEWS: dict[type[views.AuthView], type[Any] | None] = {
    views.LoginView: serializers.LoginSerializer,
    views.LogoutView: None,
    views.MeView: None,
    views.RegistrationView: serializers.RegistrationSerializer,
    views.ActivateUser: serializers.ActivateUserSerializer,
    views.InitiatePasswordResetView: serializers.InitiatePasswordResetSerializer,
    views.ResetPassword: serializers.PasswordResetSerializer,
    views.ValidatePassword: serializers.ValidatePasswordSerializer,
}


@pytest.mark.parametrize("view", [view for view in VIEWS if VIEWS[view]])
def test_every_view_validates_by_the_serializer_of_the_class(
    client: APIClient, serve: Serve, view: Any
) -> None:
    own = type("Own", (view,), {"serializer_class": refusing(VIEWS[view])})  # type: ignore[arg-type]  # none is left
    data = {**registration(), "ident": "1", "token": "x"}
    assert send(client, serve(own), data, **csrf(client)) == (
        400,
        {"non_field_errors": ["not_today"]},
    )


# What validate() returns


class Deputy(serializers.LoginSerializer):
    """Logs the deputy in."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        return {**attrs, "user": get_user_model().objects.get(username="bob")}


class DeputyLogin(views.LoginView):
    serializer_class = Deputy


def test_who_is_logged_in_is_whom_validate_returns(
    client: APIClient, make_user: MakeUser, serve: Serve
) -> None:
    make_user()
    make_user("bob")
    data = {"ident": "ada", "password": PASSWORD}
    _, answer = send(client, serve(DeputyLogin), data, **csrf(client))
    assert answer["user"]["username"] == "bob"
    assert client.get("/api/v1/auth/me/").json()["user"]["username"] == "bob"


class Peppered(serializers.PasswordResetSerializer):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        return {**attrs, "password": f"{attrs['password']} and pepper"}


class PepperedReset(views.ResetPassword):
    serializer_class = Peppered


def test_the_password_that_is_set_is_what_validate_returns(
    client: APIClient, make_user: MakeUser, serve: Serve
) -> None:
    make_user()
    post(client, "send_pw_reset_email", {"ident": "ada"})
    data = {**mailed_link(), "password": OTHER_PASSWORD}
    assert send(client, serve(PepperedReset), data) == (200, {})
    assert the_user().check_password(f"{OTHER_PASSWORD} and pepper")


class Named(serializers.RegistrationSerializer):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {**super().validate(attrs), "first_name": "Augusta"}


class NamedRegistration(views.RegistrationView):
    serializer_class = Named


def test_an_account_is_made_of_what_validate_returns(
    client: APIClient, serve: Serve
) -> None:
    assert send(client, serve(NamedRegistration), registration()) == (201, {})
    assert the_user().first_name == "Augusta"


class Forgetful(views.LoginView):
    serializer_class = None


def test_a_view_without_a_serializer_says_so(client: APIClient, serve: Serve) -> None:
    url = serve(Forgetful)
    with pytest.raises(AssertionError, match=r"Forgetful.* has no serializer"):
        client.post(url, {}, **csrf(client))


class Nothing(drf.Serializer[Any]):
    """A serializer of DRF's with what the body holds, and nothing beside it."""

    ident = drf.CharField()
    password = drf.CharField()
    token = drf.CharField()
    company = drf.CharField(read_only=True, source="user")


class WithoutAddress(drf.ModelSerializer[Any]):
    class Meta:
        model = get_user_model()
        fields = ("username", "password")


# Each with the first that it needs, and what to derive from.
NEEDY: list[tuple[Any, str, str]] = [
    (views.LoginView, "'user'", "LoginSerializer"),
    (views.ActivateUser, "'user'", "ActivateUserSerializer"),
    (
        views.InitiatePasswordResetView,
        "'user' and 'typed'",
        "InitiatePasswordResetSerializer",
    ),
    (views.ResetPassword, "'user'", "PasswordResetSerializer"),
    (views.LinkStatusView, "'purpose' and 'status'", "LinkStatusSerializer"),
    (
        account_views.ResendActivationMail,
        "'user' and 'typed'",
        "ResendActivationMailSerializer",
    ),
    (account_views.ConfirmPassword, "'user'", "ConfirmPasswordSerializer"),
    (
        account_views.ChangePassword,
        "'user' and 'new_password'",
        "ChangePasswordSerializer",
    ),
    (account_views.LogoutOthers, "'user'", "LogoutOthersSerializer"),
    (account_views.ChangeEmail, "'user' and 'email'", "ChangeEmailSerializer"),
    (account_views.ConfirmEmail, "'user' and 'address'", "ConfirmEmailSerializer"),
    (account_views.DeleteAccount, "'user'", "ReauthenticationSerializer"),
]


@pytest.mark.parametrize("serializer_class", [Nothing, WithoutAddress])
@pytest.mark.parametrize(
    ("view", "needed", "ours"), NEEDY, ids=[view.__name__ for view, *_ in NEEDY]
)
def test_a_view_whose_serializer_cannot_give_what_it_needs_is_not_built(
    view: Any, needed: str, ours: str, serializer_class: type[Any]
) -> None:
    own: Any = type("Own", (view,), {"serializer_class": serializer_class})
    name = serializer_class.__name__
    told = rf"Own needs {needed}.*, and {name} gives.* class {name}\({ours}\)"
    with pytest.raises(ImproperlyConfigured, match=told):
        own.as_view()
    with pytest.raises(ImproperlyConfigured, match="needs"):
        view.as_view(serializer_class=serializer_class)


def test_a_view_of_the_projects_own_is_told_what_it_needs() -> None:
    class Vote(views.AuthView):
        serializer_class = Nothing
        needs = ("user",)

        def post(self, request: Any) -> Any:
            return self.given()

    told = r"Vote needs 'user' .*Nothing gives none\. Have its validate\(\) return"
    body = {"ident": "ada", "password": "x", "token": "x"}
    request = APIRequestFactory().post("/vote/", body)
    with pytest.raises(ImproperlyConfigured, match=told):
        Vote.as_view()(request)


def test_each_view_that_needs_something_is_tried_above() -> None:
    covered = {view for view, *_ in NEEDY}
    for module in (views, account_views):
        for view in vars(module).values():
            needs: Any = getattr(view, "needs", None)
            if isinstance(view, type) and needs:
                assert view in covered or view is views.MailRequestView


class FindsByItself(drf.Serializer[Any]):
    number = drf.IntegerField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"user": get_user_model().objects.get(pk=attrs["number"])}


class FindsByField(drf.Serializer[Any]):
    number = drf.PrimaryKeyRelatedField(
        source="user", queryset=get_user_model().objects.all()
    )


class FindsByWhole(drf.Serializer[Any]):
    class Inside(drf.Serializer[Any]):
        user = drf.PrimaryKeyRelatedField(queryset=get_user_model().objects.all())

    whole = Inside(source="*")


class ByNumber(views.LoginView):
    serializer_class = FindsByItself


class ByFieldNumber(views.LoginView):
    serializer_class = FindsByField


class ByWhole(views.LoginView):
    serializer_class = FindsByWhole


@pytest.mark.parametrize("view", [ByNumber, ByFieldNumber, ByWhole])
def test_a_serializer_of_the_projects_own_may_find_the_user_itself(
    client: APIClient, make_user: MakeUser, serve: Serve, view: type[Any]
) -> None:
    user = make_user()
    data = {"number": user.pk, "whole": {"user": user.pk}}
    assert send(client, serve(view), data, **csrf(client))[0] == 200


class AnswersItself(views.LoginView):
    serializer_class = Nothing

    def post(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        return Response({"typed": self.validated().validated_data["ident"]})


def test_a_view_with_a_post_of_its_own_knows_what_it_needs(
    client: APIClient, serve: Serve
) -> None:
    data = {"ident": "ada", "password": "x", "token": "x"}
    answer = send(client, serve(AnswersItself), data, **csrf(client))
    assert answer == (200, {"typed": "ada"})


class Loses(serializers.LoginSerializer):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        super().validate(attrs)
        return {}


class WantsRequest(drf.Serializer[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.request = kwargs["context"]["request"]
        super().__init__(*args, **kwargs)


class Losing(views.LoginView):
    serializer_class = Loses


class Wanting(views.LoginView):
    serializer_class = WantsRequest


class Chosen(views.LoginView):
    def get_serializer_class(self) -> type[Any]:
        return Nothing


class Duck:
    def __init__(self, data: Any, context: Any) -> None:
        self.validated_data = data

    def is_valid(self, raise_exception: bool) -> None: ...


class Ducks(views.LoginView):
    serializer_class = Duck


@pytest.mark.parametrize("view", [Losing, Wanting, Chosen, Ducks])
def test_what_only_a_request_shows_is_told_by_name(
    client: APIClient, make_user: MakeUser, serve: Serve, view: type[Any]
) -> None:
    make_user()
    data = {"ident": "ada", "password": PASSWORD, "token": "x"}
    url, token = serve(view), csrf(client)
    with pytest.raises(ImproperlyConfigured, match=rf"{view.__name__} needs 'user'"):
        client.post(url, data, format="json", **token)


# permission_classes, authentication_classes, throttle_classes


class Colleagues(views.RegistrationView):
    """Only colleagues make accounts."""

    permission_classes = [permissions.IsAuthenticated]


class ByPermissionHook(views.RegistrationView):
    def get_permissions(self) -> list[Any]:
        return [permissions.IsAuthenticated()]


class WithClasses(views.RegistrationView):
    permission_classes = [permissions.IsAuthenticated]
    authentication_classes = [SessionAuthentication]


@pytest.mark.parametrize("view", [Colleagues, ByPermissionHook, WithClasses])
def test_a_permission_meets_the_user_of_the_session(
    client: APIClient, make_user: MakeUser, serve: Serve, view: type[Any]
) -> None:
    url = serve(view)
    assert send(client, url, registration("bob")) == (
        403,
        {"error": "not_authenticated"},
    )
    make_user()
    log_in(client, "ada")
    assert send(client, url, registration("bob")) == (403, {"error": "csrf_failed"})
    assert send(client, url, registration("bob"), **csrf(client)) == (201, {})


class Closed(BasePermission):
    code = "registration_closed"
    message = "We are full."

    def has_permission(self, request: Any, view: Any) -> bool:
        return False


class ClosedRegistration(views.RegistrationView):
    permission_classes = [Closed]


class ClosedLogin(views.LoginView):
    permission_classes = [Closed]


@pytest.mark.parametrize("view", [ClosedRegistration, ClosedLogin])
def test_a_rule_that_no_login_satisfies_answers_its_own_code(
    client: APIClient, serve: Serve, view: type[Any]
) -> None:
    answer = send(client, serve(view), registration(), **csrf(client))
    assert answer == (403, {"error": "registration_closed"})


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_asks_the_permissions_of_the_class(
    client: APIClient, make_user: MakeUser, serve: Serve, view: Any
) -> None:
    make_user()
    log_in(client, "ada")
    url = serve(type("Own", (view,), {"permission_classes": [Closed]}))
    answer = client.generic(
        "GET" if view is views.MeView else "POST",
        url,
        "{}",
        "application/json",
        **csrf(client),
    )
    expected = (403, {"error": "registration_closed"})
    assert (answer.status_code, answer.json()) == expected


class Anonymous(BasePermission):
    """A user who is logged in is logged out first."""

    code = "logged_in_already"

    def has_permission(self, request: Any, view: Any) -> bool:
        return not request.user.is_authenticated


class OneLogin(views.LoginView):
    permission_classes = [Anonymous]


def test_a_permission_at_login_sees_the_user_and_a_token_is_still_needed(
    client: APIClient, make_user: MakeUser, serve: Serve
) -> None:
    make_user()
    url = serve(OneLogin)
    data = {"ident": "ada", "password": PASSWORD}
    assert send(client, url, data) == (403, {"error": "csrf_failed"})
    assert send(client, url, data, **csrf(client))[0] == 200
    assert send(client, url, data, **csrf(client)) == (
        403,
        {"error": "logged_in_already"},
    )


class Never(throttling.BaseThrottle):
    def allow_request(self, request: Any, view: Any) -> bool:
        return False


class Throttled(views.RegistrationView):
    throttle_classes = [Never]


def test_a_throttle_counts_besides_ours(client: APIClient, serve: Serve) -> None:
    assert send(client, serve(Throttled), registration())[0] == 429


# URL arguments


def test_every_endpoint_takes_further_arguments_of_the_url(
    client: APIClient, make_user: MakeUser, settings: Any
) -> None:
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        "ENABLE_ENDPOINTS": dict.fromkeys(
            ("CHANGE_PASSWORD", "LOGOUT_OTHERS", "CHANGE_EMAIL", "DELETE_ACCOUNT"), True
        ),
    }
    from ai_kit_auth import urls
    from ai_kit_auth.account.urls import ROUTES

    routes = [*urls.ROUTES.values(), *(r for part in ROUTES.values() for r in part)]
    included: tuple[list[Any], str] = (routes, "ai_kit_auth")
    make_user()
    for prefix, kwargs in (
        ("api/<version>/auth/", {}),
        ("t/<slug:tenant>/auth/", {}),
        ("fixed/", {"x": 1}),
    ):
        settings.ROOT_URLCONF = (path(prefix, include(included), kwargs),)
        start = prefix.replace("<version>", "v2").replace("<slug:tenant>", "acme")
        data = {"ident": "ada", "password": PASSWORD}
        for route in routes:
            # Each anew: one of them logs out, another one ends the other sessions.
            own = APIClient(enforce_csrf_checks=True)
            token = own.get(f"/{start}me/").json()["csrf"]
            headers = {"headers": {"X-CSRFToken": token}}
            status, answer = send(own, f"/{start}login/", data, **headers)
            assert status == 200
            headers = {"headers": {"X-CSRFToken": answer["csrf"]}}
            status, _ = send(own, f"/{start}{route.pattern}", {}, **headers)
            assert status in ({405} if route.name == "me" else {200, 400})


@pytest.mark.parametrize("view", [account_views.UpdateMe])
def test_a_patch_takes_further_arguments_of_the_url(
    client: APIClient, make_user: MakeUser, serve: Serve, view: type[Any]
) -> None:
    make_user()
    log_in(client, "ada")
    serve(view, "t/<tenant>/me/")
    answer = client.patch(
        "/t/acme/me/", {"username": "countess"}, format="json", **csrf(client)
    )
    assert answer.json()["user"]["username"] == "countess"
    assert post(client, "logout", **csrf(client)).status_code == 200
