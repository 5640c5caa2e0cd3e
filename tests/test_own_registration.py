"""A REGISTRATION_SERIALIZER of the project: the account that it makes, and the mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.urls import reverse
from rest_framework import serializers as drf
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient
from rest_framework.validators import UniqueValidator

from ai_kit_auth import services
from ai_kit_auth.errors import MailNotSent
from ai_kit_auth.registration import identity_transaction, register
from ai_kit_auth.serializers import RegistrationSerializer, username_serializer_field
from ai_kit_auth.signals import user_post_registered

from .accounts import csrf, log_in, mailed_link, post, registration
from .conftest import PASSWORD

pytestmark = [pytest.mark.user_model("auth_user"), pytest.mark.django_db]

Use = Callable[..., None]


@pytest.fixture
def use(settings: Any) -> Use:
    """Return a function that names the serializer in the settings."""

    def name(serializer_class: type[Any], **more: Any) -> None:
        settings.AI_KIT_AUTH = {
            **settings.AI_KIT_AUTH,
            "REGISTRATION_SERIALIZER": serializer_class,
            **more,
        }

    return name


@pytest.fixture
def announced() -> Any:
    """Collect what ``user_post_registered`` is sent with."""
    seen: list[Any] = []

    def note(user: Any, **kwargs: Any) -> None:
        seen.append(user)

    user_post_registered.connect(note)
    yield seen
    user_post_registered.disconnect(note)


class Application(drf.Serializer[Any]):
    """Makes an inactive account that an admin approves later."""

    email = drf.EmailField()
    password = drf.CharField()

    def create(self, validated_data: Mapping[str, Any]) -> Any:
        address = validated_data["email"]
        return get_user_model().objects.create_user(
            address, address, validated_data["password"], is_active=False
        )


class MailingApplication(Application):
    def create(self, validated_data: Mapping[str, Any]) -> Any:
        user = super().create(validated_data)
        mail.send_mail("Welcome", "We will look at it.", None, [user.email])
        return user


class OwnCreate(RegistrationSerializer):
    """Subclasses ours, and still makes the account itself."""

    def create(self, validated_data: Mapping[str, Any]) -> Any:
        return register(validated_data)


@pytest.mark.parametrize(
    ("serializer_class", "subjects"),
    [(Application, []), (MailingApplication, ["Welcome"]), (OwnCreate, [])],
)
@pytest.mark.parametrize("hides", [False, True])
def test_who_makes_the_account_decides_about_its_mail(
    client: APIClient,
    use: Use,
    serializer_class: type[Any],
    subjects: list[str],
    hides: bool,
) -> None:
    use(serializer_class, PREVENT_ENUMERATION=hides)
    assert post(client, "register", registration()).status_code == 201
    assert [message.subject for message in mail.outbox] == subjects
    assert not get_user_model().objects.get().is_active


class Greeting(RegistrationSerializer):
    def create(self, validated_data: Mapping[str, Any]) -> Any:
        user = super().create(validated_data)
        user.first_name = "Dear"
        user.save(update_fields=["first_name"])
        return user


@pytest.mark.parametrize("hides", [False, True])
def test_a_create_that_calls_ours_has_the_link_mailed(
    client: APIClient, use: Use, hides: bool
) -> None:
    use(Greeting, PREVENT_ENUMERATION=hides)
    assert post(client, "register", registration()).status_code == 201
    assert post(client, "activate", mailed_link()).status_code == 200
    assert get_user_model().objects.get().first_name == "Dear"


def test_our_serializer_mails_wherever_it_is_saved() -> None:
    data = registration(username="ada")
    serializer = RegistrationSerializer(data=data, context={})
    serializer.is_valid(raise_exception=True)
    user = serializer.save()
    assert [message.to for message in mail.outbox] == [["ada@example.com"]]
    assert not user.is_active


@pytest.mark.parametrize("within", [False, True])
def test_a_mail_that_fails_there_takes_the_account_back(
    settings: Any, within: bool
) -> None:
    def fail(user: Any, url: str) -> None:
        raise ConnectionError

    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "SEND_USER_ACTIVATION_MAIL": fail}
    serializer = RegistrationSerializer(data=registration())
    serializer.is_valid(raise_exception=True)

    with (
        pytest.raises(MailNotSent),
        identity_transaction() if within else nullcontext(),
    ):
        serializer.save()
    assert not get_user_model().objects.exists()


def test_several_of_one_registration_are_mailed_when_it_has_ended() -> None:
    with identity_transaction():
        for name in ("ada", "bob"):
            user = register(registration(name))
            services.mail_new_account(user)
            assert mail.outbox == []
    sent = [message.to for message in mail.outbox]
    assert sent == [["ada@example.com"], ["bob@example.com"]]


class Approved(RegistrationSerializer):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        attrs["is_active"] = attrs["email"].endswith("@example.com")
        return attrs


@pytest.mark.parametrize("hides", [False, True])
def test_a_subclass_may_let_an_account_be_active_at_once(
    client: APIClient, use: Use, hides: bool
) -> None:
    use(Approved, PREVENT_ENUMERATION=hides)
    assert post(client, "register", registration()).status_code == 201
    assert mail.outbox == []
    assert log_in(client, "ada@example.com").status_code == 200
    data = registration("bob", email="bob@other.example")
    assert post(client, "register", data).status_code == 201
    assert [message.to for message in mail.outbox] == [["bob@other.example"]]


class AllFields(RegistrationSerializer):
    class Meta(RegistrationSerializer.Meta):
        fields = (*RegistrationSerializer.Meta.fields, "is_active")


def test_a_client_makes_no_account_active(client: APIClient, use: Use) -> None:
    use(AllFields)
    data = registration(is_active=True)
    assert post(client, "register", data).status_code == 201
    assert not get_user_model().objects.get().is_active


class Ticket:
    """What a project makes instead of an account."""

    pk = 7


class TicketSerializer(drf.Serializer[Any]):
    email = drf.EmailField()

    def create(self, validated_data: Mapping[str, Any]) -> Any:
        return Ticket()


@pytest.mark.parametrize("hides", [False, True])
def test_it_may_return_another_object(
    client: APIClient, use: Use, announced: list[Any], hides: bool
) -> None:
    use(TicketSerializer, PREVENT_ENUMERATION=hides)
    assert post(client, "register", registration()).status_code == 201
    assert [type(made) for made in announced] == [Ticket]
    assert mail.outbox == []


class AllNames(RegistrationSerializer):
    class Meta(RegistrationSerializer.Meta):
        fields = (*RegistrationSerializer.Meta.fields, "first_name")


def test_a_taken_value_of_any_identity_field_is_told_by_its_name(
    client: APIClient, use: Use, make_user: Any
) -> None:
    names = ("email", "username", "first_name")
    use(AllNames, USER_IDENTITY_FIELDS=names)
    make_user(first_name="Augusta")
    data = registration(first_name="Augusta")
    answer = post(client, "register", data)
    assert (answer.status_code, answer.json()) == (
        400,
        {name: [f"{name}_unique"] for name in names},
    )


# PREVENT_ENUMERATION is a rule of the account, not of our fields


class Unchecked(RegistrationSerializer):
    """Declares its fields itself and leaves our checks out."""

    username = drf.CharField(required=False)
    email = drf.EmailField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs


class OwnField(RegistrationSerializer):
    username = drf.CharField()


class OurField(RegistrationSerializer):
    def get_fields(self) -> dict[str, Any]:
        fields = dict(super().get_fields())
        fields["username"] = username_serializer_field(required=True)
        return fields


@pytest.mark.parametrize("serializer_class", [Unchecked, OwnField, OurField])
def test_a_name_that_is_an_address_tells_nothing(
    client: APIClient, use: Use, make_user: Any, serializer_class: type[Any]
) -> None:
    make_user("bob")
    use(serializer_class, PREVENT_ENUMERATION=True)
    answers = [
        post(client, "register", registration(username=f"{name}@example.com"))
        for name in ("bob", "nobody")
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()) == (400, {"username": ["invalid"]})


@pytest.mark.parametrize("serializer_class", [Unchecked, OwnField])
def test_a_taken_address_tells_nothing(
    client: APIClient, use: Use, make_user: Any, serializer_class: type[Any]
) -> None:
    make_user("bob")
    use(serializer_class, PREVENT_ENUMERATION=True)
    for name in ("bob", "carol"):
        data = registration(name, username=f"{name}2")
        answer = post(client, "register", data)
        assert (answer.status_code, answer.json()) == (201, {})
    assert [message.to for message in mail.outbox] == [
        ["bob@example.com"],
        ["carol@example.com"],
    ]
    assert get_user_model().objects.count() == 2


def test_a_taken_name_is_told_whether_or_not_the_address_is_taken(
    client: APIClient, use: Use, make_user: Any
) -> None:
    make_user("bob")
    use(Unchecked, PREVENT_ENUMERATION=True)
    for address in ("bob@example.com", "nobody@example.com"):
        answer = post(client, "register", registration("bob", email=address))
        assert answer.json() == {"username": ["username_unique"]}


def test_code_of_a_projects_own_learns_that_the_address_is_taken(
    settings: Any, make_user: Any
) -> None:
    make_user("bob")
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    with pytest.raises(ValidationError) as raised:
        register(registration("bob", username="bob2"))
    assert raised.value.get_codes() == {"email": ["email_unique"]}


class PlainModel(drf.ModelSerializer[Any]):
    """Has no ``create()``, and DRF's knows nothing of passwords."""

    class Meta:
        model = get_user_model()
        fields = ("username", "email", "password")


class PlainModelWithGroups(PlainModel):
    class Meta(PlainModel.Meta):
        fields = ("username", "email", "password", "groups")  # type: ignore[assignment]  # one more


@pytest.mark.parametrize("serializer_class", [PlainModel, PlainModelWithGroups])
def test_a_plain_model_serializer_makes_an_account_that_can_log_in(
    client: APIClient, use: Use, serializer_class: type[Any], announced: Any
) -> None:
    """DRF's own ``create()`` would keep the password as it was typed."""
    use(serializer_class)
    assert post(client, "register", registration("ada")).status_code == 201
    user = get_user_model().objects.get()
    assert announced == [user]
    assert PASSWORD not in str(vars(user))
    assert (user.is_active, user.check_password(PASSWORD)) == (False, True)
    assert post(client, "activate", mailed_link()).status_code == 200
    assert log_in(client, "ada", PASSWORD).status_code == 200


def test_a_plain_model_serializer_refuses_a_taken_address(
    client: APIClient, use: Use, make_user: Any
) -> None:
    make_user("bob")
    use(PlainModel)
    answer = post(
        client, "register", {**registration("eve"), "email": "BOB@example.com"}
    )
    assert (answer.status_code, answer.json()) == (400, {"email": ["email_unique"]})
    assert get_user_model().objects.count() == 1


class OwnUpdate(drf.ModelSerializer[Any]):
    username = drf.CharField(required=False)

    class Meta:
        model = get_user_model()
        fields = ("username",)


@pytest.mark.urls("tests.urlconfs.account")
def test_an_update_by_a_serializer_of_the_projects_own_tells_nothing(
    client: APIClient, make_user: Any, settings: Any
) -> None:
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        "PREVENT_ENUMERATION": True,
        "USER_UPDATE_SERIALIZER": OwnUpdate,
    }
    make_user()
    make_user("bob")
    log_in(client, "ada", PASSWORD)
    for name in ("bob", "nobody"):
        answer = client.patch(
            "/api/v1/auth/me/",
            {"username": f"{name}@example.com"},
            format="json",
            **csrf(client),
        )
        assert (answer.status_code, answer.json()) == (400, {"username": ["invalid"]})


class OwnUniqueAddress(RegistrationSerializer):
    email = drf.EmailField(
        validators=[UniqueValidator(get_user_model()._default_manager.all())]
    )


def test_a_validator_of_the_projects_own_tells_nothing(
    client: APIClient, use: Use, make_user: Any
) -> None:
    make_user("bob")
    use(OwnUniqueAddress, PREVENT_ENUMERATION=True)
    data = registration("bob", username="bob2")
    assert post(client, "register", data).json() == {}
    use(OwnUniqueAddress, PREVENT_ENUMERATION=False)
    assert post(client, "register", data).json() == {"email": ["unique"]}


class TicketAfterAccount(RegistrationSerializer):
    def create(self, validated_data: Mapping[str, Any]) -> Any:
        super().create(validated_data)
        return Ticket()


@pytest.mark.parametrize("hides", [False, True])
def test_the_account_is_mailed_whatever_create_returns(
    client: APIClient, use: Use, hides: bool
) -> None:
    use(TicketAfterAccount, PREVENT_ENUMERATION=hides)
    assert post(client, "register", registration()).status_code == 201
    assert post(client, "activate", mailed_link()).status_code == 200


class WithoutPassword(RegistrationSerializer):
    class Meta(RegistrationSerializer.Meta):
        fields = ("username", "email")


def test_a_registration_may_ask_for_no_password(client: APIClient, use: Use) -> None:
    use(WithoutPassword)
    data = {"username": "ada", "email": "ada@example.com"}
    assert post(client, "register", data).status_code == 201
    assert not get_user_model().objects.get().has_usable_password()


class ActiveBySource(RegistrationSerializer):
    active = drf.BooleanField(source="is_active", required=False)


def test_a_client_makes_no_account_active_by_another_name(
    client: APIClient, use: Use
) -> None:
    use(ActiveBySource)
    assert post(client, "register", registration(active=True)).status_code == 201
    assert not get_user_model().objects.get().is_active


@pytest.mark.urls("tests.urlconfs.account")
def test_a_name_that_an_account_has_may_be_sent_again(
    client: APIClient, make_user: Any, settings: Any
) -> None:
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "PREVENT_ENUMERATION": True}
    make_user(username="ada@old.example")
    log_in(client, "ada@example.com", PASSWORD)
    for name, status in (("ada@old.example", 200), ("ada@new.example", 400)):
        data = {"username": name}
        url = "/api/v1/auth/me/"
        answer = client.patch(url, data, format="json", **csrf(client))
        assert answer.status_code == status


class EarlyLook(RegistrationSerializer):
    """Changes its fields when it is made, as DRF's documentation shows it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].style = {"input_type": "password"}


@pytest.mark.parametrize("body", ["null", "[]", "[{}]", '"email"', "7"])
def test_a_serializer_may_look_at_its_fields_before_the_body_is_checked(
    use: Use, client: APIClient, body: str
) -> None:
    use(EarlyLook)
    url, kind = reverse("ai_kit_auth:register"), "application/json"
    answer = client.post(url, body, content_type=kind)
    assert answer.status_code == 400
    (code,) = answer.json()["non_field_errors"]
    assert code == ("null" if body == "null" else "invalid")
