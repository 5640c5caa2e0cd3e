"""The serializers that projects subclass: what each takes, refuses and shows."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models.signals import post_init, post_save
from django.test import override_settings
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.accounts import ident_of
from ai_kit_auth.serializers import (
    ActivateUserSerializer,
    InitiatePasswordResetSerializer,
    LoginSerializer,
    PasswordField,
    PasswordResetSerializer,
    RegistrationSerializer,
    UserModel,
    UserSerializer,
    ValidatePasswordSerializer,
)
from ai_kit_auth.settings import api_settings
from ai_kit_auth.user_model import user_model

from .accounts import (
    csrf,
    has_activation,
    log_in,
    mailed_link,
    post,
    registration,
    the_user,
)
from .conftest import OTHER_PASSWORD, PASSWORD, MakeUser
from .crashes import crash

FRONTEND = {"URL": "https://app.example.com"}
CONTEXT = {"request": None}


def own_names() -> list[str]:
    """Return the model's own names of e-mail and username, no name twice."""
    return [user_model.email, *filter(None, [user_model.username])]


def with_serializer(serializer_class: type[Any]) -> override_settings:
    return override_settings(
        AI_KIT_AUTH={
            "FRONTEND": FRONTEND,
            "REGISTRATION_SERIALIZER": serializer_class,
        }
    )


def codes_of(serializer: Any) -> Any:
    """Return the codes for which ``serializer`` refuses its data."""
    with pytest.raises(ValidationError) as refusal:
        serializer.is_valid(raise_exception=True)
    return refusal.value.get_codes()


# What is shown of a user


def test_the_user_model_is_there_for_hosts_to_import() -> None:
    assert UserModel is get_user_model()


def test_a_user_is_id_email_and_username_by_the_models_own_names(
    make_user: MakeUser,
) -> None:
    user = make_user()
    shown = UserSerializer(user).data
    assert list(shown) == ["id", *own_names()]
    assert [shown[name] for name in own_names()] == [
        getattr(user, name) for name in own_names()
    ]


@pytest.mark.user_model("auth_user", "extra_field")
def test_the_default_keys_are_those_of_the_documentation(make_user: MakeUser) -> None:
    user = make_user()
    assert UserSerializer(user).data == {
        "id": user.pk,
        "email": "ada@example.com",
        "username": "ada",
    }


@pytest.mark.user_model("email_login", "bare")
def test_an_email_that_is_the_username_is_shown_once(make_user: MakeUser) -> None:
    user = make_user()
    assert UserSerializer(user).data == {"id": user.pk, "email": "ada@example.com"}


@pytest.mark.user_model("renamed_email")
def test_renamed_fields_are_shown_by_their_names(make_user: MakeUser) -> None:
    user = make_user()
    assert UserSerializer(user).data == {
        "id": user.pk,
        "mail": "ada@example.com",
        "login_name": "ada",
    }


@pytest.mark.user_model("uuid_key")
def test_a_uuid_is_shown_as_a_string(make_user: MakeUser) -> None:
    shown = UserSerializer(make_user()).data["id"]
    assert isinstance(shown, str)
    assert uuid.UUID(shown) == the_user().pk


def test_it_shows_what_a_model_serializer_shows(make_user: MakeUser) -> None:
    class Plain(serializers.ModelSerializer[Any]):
        id = serializers.ModelField(model_field=UserModel._meta.pk, source="pk")

        class Meta:
            model = UserModel
            fields = ("id", *own_names())

    class Unchanged(UserSerializer):
        pass

    both = [make_user("ada"), make_user("bob")]
    expected = Plain(both, many=True).data
    assert len(expected) == 2
    assert UserSerializer(both, many=True).data == expected
    assert Unchanged(both, many=True).data == expected
    assert UserSerializer(both[1]).data == Unchanged(both[1]).data == expected[1]


@pytest.mark.user_model("auth_user", "email_login", "uuid_key", "extra_field")
def test_a_host_lists_more_fields_and_declares_its_own(make_user: MakeUser) -> None:
    class WithMore(UserSerializer):
        monogram = serializers.SerializerMethodField()

        class Meta:
            model = UserModel
            fields = ("id", "email", "first_name", "monogram")

        def get_monogram(self, user: Any) -> Any:
            return user.first_name[:1]

    user = make_user(first_name="Ada")
    shown = WithMore(user).data
    assert list(shown) == ["id", "email", "first_name", "monogram"]
    assert (shown["first_name"], shown["monogram"]) == ("Ada", "A")


@pytest.mark.user_model("auth_user", "email_login", "uuid_key", "extra_field")
def test_a_host_extends_the_metas_list(make_user: MakeUser) -> None:
    class WithMore(UserSerializer):
        class Meta(UserSerializer.Meta):
            fields = [*UserSerializer.Meta.fields, "first_name"]

    shown = WithMore(make_user(first_name="Ada")).data
    assert list(shown) == ["id", *own_names(), "first_name"]


def test_a_declared_field_need_not_be_listed(make_user: MakeUser) -> None:
    class WithGreeting(UserSerializer):
        greeting = serializers.ReadOnlyField(default="hello")

    class Further(WithGreeting):
        farewell = serializers.ReadOnlyField(default="bye")

    user = make_user()
    assert list(WithGreeting(user).data) == ["id", *own_names(), "greeting"]
    assert "farewell" in Further(user).data


def test_a_host_shows_less(make_user: MakeUser) -> None:
    class OnlyAddress(UserSerializer):
        class Meta:
            model = UserModel
            fields = (user_model.email,)

    assert OnlyAddress(make_user()).data == {user_model.email: "ada@example.com"}


def test_a_host_replaces_a_field(make_user: MakeUser) -> None:
    class Textual(UserSerializer):
        id = serializers.SerializerMethodField()  # type: ignore[assignment]  # any field may stand there

        def get_id(self, user: Any) -> str:
            return f"user-{user.pk}"

    user = make_user()
    assert Textual(user).data["id"] == f"user-{user.pk}"


@pytest.mark.user_model("auth_user")
@pytest.mark.parametrize(
    "choice", [{"fields": "__all__"}, {"exclude": ("password", "groups")}]
)
def test_a_host_chooses_fields_as_on_any_model_serializer(
    make_user: MakeUser, choice: dict[str, Any]
) -> None:
    class Chosen(UserSerializer):
        Meta = type("Meta", (), {"model": UserModel, **choice})  # type: ignore[assignment]  # what a host writes as a class

    user = make_user(first_name="Ada")
    shown = Chosen(user).data
    assert shown["id"] == user.pk
    assert (shown["username"], shown["first_name"]) == ("ada", "Ada")


@pytest.mark.django_db
def test_login_and_me_show_what_the_hosts_serializer_shows(
    client: APIClient, make_user: MakeUser
) -> None:
    class WithPath(UserSerializer):
        seen_at = serializers.SerializerMethodField()

        def get_seen_at(self, user: Any) -> Any:
            return self.context["request"].path

    make_user()
    with override_settings(
        AI_KIT_AUTH={"FRONTEND": FRONTEND, "USER_SERIALIZER": WithPath}
    ):
        shown = log_in(client, "ada@example.com").json()["user"]
        assert shown["seen_at"] == "/api/v1/auth/login/"
        assert list(shown) == ["id", *own_names(), "seen_at"]
        me = client.get("/api/v1/auth/me/").json()["user"]
    assert me == {**shown, "seen_at": "/api/v1/auth/me/"}


def test_a_hosts_own_view_may_change_a_user_with_it(make_user: MakeUser) -> None:
    user = make_user()
    changes = {user_model.email: "countess@example.com", "id": 4711}
    change = UserSerializer(user, data=changes, partial=True)
    assert change.is_valid(), change.errors
    change.save()
    assert the_user("countess").pk == user.pk


def test_the_address_is_checked_when_a_user_is_changed_with_it(
    make_user: MakeUser,
) -> None:
    change = UserSerializer(
        make_user(), data={user_model.email: "nowhere"}, partial=True
    )
    assert codes_of(change) == {user_model.email: ["invalid"]}


# Passwords


@pytest.mark.parametrize(
    "password",
    [PASSWORD, "  two spaces before and after  ", "   ", "\ttab\n", "pässwörd 🗝", "x"],
)
def test_a_password_is_taken_to_the_letter(password: str) -> None:
    assert PasswordField().run_validation(password) == password


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (12345678, "invalid"),
        (1.5, "invalid"),
        (True, "invalid"),
        (["a password"], "invalid"),
        ({"a": "password"}, "invalid"),
        (None, "null"),
        ("", "blank"),
        ("x" * 4097, "max_length"),
        ("nul\0nul", "null_characters_not_allowed"),
        ("half \ud83d", "surrogate_characters_not_allowed"),
    ],
)
def test_what_is_no_password(value: Any, code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        PasswordField().run_validation(value)
    assert refusal.value.get_codes() == [code]


class Remembering(PasswordField):
    """A field of a project, with a state of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.taken: list[str] = []

    def to_internal_value(self, data: Any) -> str:
        self.taken.append(data)
        return super().to_internal_value(data)


class Remembered(serializers.Serializer[Any]):
    password = Remembering()


def test_no_request_sees_what_another_one_did_to_a_field() -> None:
    first, second = (Remembered(data={"password": PASSWORD}) for _ in range(2))
    assert first.is_valid()
    used: Any = first.fields["password"]
    other: Any = second.fields["password"]
    assert (used.taken, other.taken) == ([PASSWORD], [])
    changed, untouched = (LoginSerializer(data={}).fields["ident"] for _ in range(2))
    changed.required = False
    changed.validators.clear()
    changed.error_messages["required"] = "other"
    assert untouched.required
    assert untouched.validators
    assert untouched.error_messages["required"] != "other"


def test_a_long_pass_phrase_is_a_password() -> None:
    assert PasswordField().run_validation("x" * 4096) == "x" * 4096


@pytest.mark.django_db
@pytest.mark.parametrize("password", [12345678, True, ["long enough"], {}])
@pytest.mark.parametrize(
    "serializer_class",
    [
        LoginSerializer,
        RegistrationSerializer,
        ValidatePasswordSerializer,
    ],
)
def test_only_a_string_is_a_password_anywhere(
    serializer_class: type[Any], password: Any
) -> None:
    data = registration(password=password, ident="1", token="1")
    assert codes_of(serializer_class(data=data, context=CONTEXT)) == {
        "password": ["invalid"]
    }


# Registration


def test_registration_takes_username_email_and_password() -> None:
    assert list(RegistrationSerializer().fields) == [*own_names()[::-1], "password"]


@pytest.mark.django_db
def test_registration_saves_what_it_has_checked(make_user: MakeUser) -> None:
    serializer = api_settings.REGISTRATION_SERIALIZER(data=registration())
    assert serializer.is_valid(), serializer.errors
    assert not get_user_model()._default_manager.exists()
    user = serializer.save()
    assert user.pk == the_user().pk
    assert the_user().is_active is not has_activation()
    assert the_user().check_password(PASSWORD)


@pytest.mark.django_db
def test_the_password_is_not_shown_after_registration() -> None:
    serializer = api_settings.REGISTRATION_SERIALIZER(data=registration())
    assert serializer.is_valid()
    serializer.save()
    assert "password" not in serializer.data
    assert "ada@example.com" in serializer.data.values()


@pytest.mark.django_db
def test_nothing_posted_is_told_field_by_field() -> None:
    assert codes_of(RegistrationSerializer(data={})) == {
        user_model.email: ["required"],
        "password": ["required"],
    }


@pytest.mark.django_db
def test_blank_and_null_are_told_field_by_field() -> None:
    nothing = {user_model.email: "", "password": None}
    assert codes_of(RegistrationSerializer(data=nothing)) == {
        user_model.email: ["blank"],
        "password": ["null"],
    }


@pytest.mark.user_model("auth_user", "uuid_key", "extra_field", "renamed_email")
@pytest.mark.django_db
def test_a_username_is_only_required_by_the_setting() -> None:
    data = registration()
    del data["username"]
    assert RegistrationSerializer(data=data).is_valid()
    with override_settings(
        AI_KIT_AUTH={"FRONTEND": FRONTEND, "USERNAME_REQUIRED": True}
    ):
        name = own_names()[1]
        assert codes_of(RegistrationSerializer(data=data)) == {name: ["required"]}
        blank = {**data, "username": ""}
        assert codes_of(RegistrationSerializer(data=blank)) == {"username": ["blank"]}


@pytest.mark.user_model("email_login", "bare")
@pytest.mark.django_db
@override_settings(AI_KIT_AUTH={"FRONTEND": FRONTEND, "USERNAME_REQUIRED": True})
def test_a_model_without_username_requires_none() -> None:
    assert RegistrationSerializer(data=registration()).is_valid()


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["ada@example.com", "ADA@Example.COM"])
def test_all_that_is_wrong_is_told_at_once(make_user: MakeUser, email: str) -> None:
    make_user()
    serializer = api_settings.REGISTRATION_SERIALIZER(
        data=registration(email=email, password="12345")
    )
    expected: dict[str, list[str]] = {
        name: [f"{model_name}_unique"]
        for name, model_name in zip(["email", "username"], own_names(), strict=False)
    }
    expected["password"] = [
        "password_too_short",
        "password_too_common",
        "password_entirely_numeric",
    ]
    assert codes_of(serializer) == expected


@pytest.mark.django_db
def test_a_password_is_compared_with_what_was_typed_beside_it() -> None:
    serializer = api_settings.REGISTRATION_SERIALIZER(
        data=registration("lighthouse", password="lighthouse1")
    )
    assert codes_of(serializer) == {"password": ["password_too_similar"]}


@pytest.mark.user_model("auth_user", "uuid_key", "extra_field")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("with space", "invalid"),
        ("semi;colon", "invalid"),
        ("x" * 151, "max_length"),
        (["ada"], "invalid"),
        (True, "invalid"),
        (None, "null"),
    ],
)
def test_a_username_is_checked_as_the_model_says(username: Any, code: str) -> None:
    refused = RegistrationSerializer(data=registration(username=username))
    assert set(codes_of(refused)["username"]) == {code}


@pytest.mark.user_model("auth_user", "uuid_key", "extra_field")
@pytest.mark.django_db
@pytest.mark.parametrize("username", ["x" * 150, "ada.l+1@home-2_3", "Zoë"])
def test_a_username_that_the_model_takes(username: str) -> None:
    data = registration(username=username)
    serializer = api_settings.REGISTRATION_SERIALIZER(data=data)
    assert serializer.is_valid(), serializer.errors
    assert serializer.save().username == username


@pytest.mark.user_model("renamed_email")
@pytest.mark.django_db
@pytest.mark.parametrize("key", ["login_name", "username"])
def test_the_longest_username_is_the_models_own(key: str) -> None:
    data = registration()
    del data["username"]
    assert RegistrationSerializer(data={**data, key: "x" * 20}).is_valid()
    too_long = RegistrationSerializer(data={**data, key: "x" * 21})
    assert set(codes_of(too_long)[key]) == {"max_length"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("nowhere", "invalid"),
        ("a b@example.com", "invalid"),
        ("ada@example.com\nBcc: bob@example.com", "invalid"),
        (f"ada@{'x' * 60}.{'x' * 60}.{'x' * 60}.{'x' * 60}.example.com", "max_length"),
        (7, "invalid"),
        ([], "invalid"),
        (None, "null"),
        ("", "blank"),
    ],
)
def test_an_address_is_checked_as_the_model_says(email: Any, code: str) -> None:
    refused = RegistrationSerializer(data=registration(email=email))
    assert code in codes_of(refused)["email"]


@pytest.mark.user_model("renamed_email")
@pytest.mark.django_db
def test_the_models_own_names_and_the_documented_ones_are_understood(
    client: APIClient,
) -> None:
    assert post(client, "register", registration("ada")).status_code == 201
    own = {"mail": "bob@example.com", "login_name": "bob", "password": PASSWORD}
    assert post(client, "register", own).status_code == 201
    assert the_user("ada").login_name == "ada"
    assert the_user("bob").login_name == "bob"
    assert post(client, "register", own).json() == {
        "mail": ["mail_unique"],
        "login_name": ["login_name_unique"],
    }


# Registration, as projects extend it


@pytest.mark.user_model("auth_user")
@pytest.mark.django_db
def test_a_host_declares_one_more_field(client: APIClient) -> None:
    class WithName(RegistrationSerializer):
        first_name = serializers.CharField(max_length=20)

    with with_serializer(WithName):
        refused = post(client, "register", registration())
        assert refused.json() == {"first_name": ["required"]}
        too_long = post(client, "register", registration(first_name="x" * 21))
        assert too_long.json() == {"first_name": ["max_length"]}
        made = post(client, "register", registration(first_name="Ada"))
    assert made.status_code == 201
    assert the_user().first_name == "Ada"


@pytest.mark.user_model("auth_user")
@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        (*RegistrationSerializer.Meta.fields, "first_name"),
        ["username", "email", "password", "first_name"],
        ["first_name", "password", "email", "username"],
    ],
)
def test_a_host_lists_one_more_field_of_the_model(
    client: APIClient, fields: Any
) -> None:
    class WithName(RegistrationSerializer):
        Meta = type("Meta", (), {"model": UserModel, "fields": fields})  # type: ignore[assignment]  # what a host writes as a class

    with with_serializer(WithName):
        too_long = post(client, "register", registration(first_name="x" * 151))
        assert too_long.json() == {"first_name": ["max_length"]}
        made = post(client, "register", registration(first_name="Ada"))
    assert made.status_code == 201
    assert (the_user().first_name, the_user().username) == ("Ada", "ada")
    assert the_user().check_password(PASSWORD)


@pytest.mark.user_model("auth_user")
@pytest.mark.django_db
def test_a_host_leaves_the_username_out(client: APIClient) -> None:
    class OnlyAddress(RegistrationSerializer):
        class Meta:
            model = UserModel
            fields = ("email", "password")

    with with_serializer(OnlyAddress):
        made = post(client, "register", registration(username="chosen"))
    assert made.status_code == 201
    assert the_user().username not in {"", "chosen"}


@pytest.mark.user_model("auth_user")
@pytest.mark.django_db
def test_a_host_replaces_email_and_password(client: APIClient) -> None:
    class Strict(RegistrationSerializer):
        email = serializers.EmailField()
        password = serializers.CharField(min_length=30, trim_whitespace=False)

        def validate_email(self, email: str) -> str:
            if not email.endswith("@example.com"):
                raise serializers.ValidationError("foreign_domain")
            return email

    long_password = f"  {PASSWORD} and more of it  "
    with with_serializer(Strict):
        refused = post(client, "register", registration(email="ada@example.org"))
        assert refused.json() == {
            "email": ["foreign_domain"],
            "password": ["min_length"],
        }
        made = post(client, "register", registration(password=long_password))
        assert made.status_code == 201
        again = post(client, "register", registration(password=long_password))
        assert again.json() == {
            "email": ["email_unique"],
            "username": ["username_unique"],
        }
    assert the_user().check_password(long_password)


@pytest.mark.user_model("auth_user")
@pytest.mark.django_db
def test_a_host_adds_a_rule_and_calls_the_apps(client: APIClient) -> None:
    class WithTerms(RegistrationSerializer):
        terms_accepted = serializers.BooleanField()

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            attrs = super().validate(attrs)
            if not attrs.pop("terms_accepted"):
                raise serializers.ValidationError(
                    {"terms_accepted": "terms_not_accepted"}
                )
            if attrs["username"] == "root":
                raise serializers.ValidationError("name_reserved")
            return attrs

    with with_serializer(WithTerms):
        refused = post(client, "register", registration(terms_accepted=False))
        assert refused.json() == {"terms_accepted": ["terms_not_accepted"]}
        weak = registration(terms_accepted=False, password="short")
        assert post(client, "register", weak).json() == {
            "password": ["password_too_short"]
        }
        reserved = registration("root", terms_accepted=True)
        assert post(client, "register", reserved).json() == {
            "non_field_errors": ["name_reserved"]
        }
        assert not get_user_model()._default_manager.exists()
        made = post(client, "register", registration(terms_accepted=True))
    assert made.status_code == 201
    assert the_user().username == "ada"


@pytest.mark.user_model("auth_user")
@pytest.mark.django_db
def test_a_host_acts_on_the_new_account(client: APIClient) -> None:
    class WithGroup(RegistrationSerializer):
        def create(self, validated_data: Any) -> Any:
            user = super().create({**validated_data, "last_name": "Lovelace"})
            user.groups.create(name="new")
            return user

    with with_serializer(WithGroup):
        assert post(client, "register", registration()).status_code == 201
    assert the_user().last_name == "Lovelace"
    assert the_user().groups.get().name == "new"


@pytest.mark.user_model("extra_field")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("age", "code"), [(15, "age_too_low"), (151, "max_value"), ("old", "invalid")]
)
def test_a_rule_of_the_host_is_told_by_its_code(
    client: APIClient, age: Any, code: str
) -> None:
    answer = post(client, "register", registration(age=age))
    assert (answer.status_code, answer.json()) == (400, {"age": [code]})


# Checking a password while the user types


def validation(**data: Any) -> ValidatePasswordSerializer:
    return ValidatePasswordSerializer(data=data)


@pytest.mark.parametrize(
    "data",
    [
        {"email": "ada@example.com"},
        {"email": ""},
        {"email": "not yet an addr"},
        {"email": "", "username": ""},
        {"email": "ada@example.com", "username": "ada"},
        {"ident": ""},
    ],
)
@pytest.mark.django_db
def test_what_must_be_there_may_be_blank(data: dict[str, str]) -> None:
    assert validation(password=PASSWORD, **data).is_valid()
    assert codes_of(validation(password="kq7zx", **data)) == {
        "password": ["password_too_short"]
    }
    assert codes_of(validation(password="", **data)) == {"password": ["blank"]}


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        ({"password": PASSWORD}, {"email": ["required"]}),
        ({"password": PASSWORD, "username": "ada"}, {"email": ["required"]}),
        ({"email": "ada@example.com"}, {"password": ["required"]}),
        ({"ident": "1"}, {"password": ["required"]}),
        ({}, {"password": ["required"]}),
        ({"password": None, "email": ""}, {"password": ["null"]}),
        ({"password": PASSWORD, "email": None}, {"email": ["null"]}),
        ({"password": PASSWORD, "ident": None}, {"ident": ["null"]}),
        ({"password": PASSWORD, "email": ["a"]}, {"email": ["invalid"]}),
        ({"password": PASSWORD, "ident": {}}, {"ident": ["invalid"]}),
        (
            {"password": PASSWORD, "email": "", "username": "x" * 1025},
            {"username": ["max_length"]},
        ),
    ],
)
def test_what_is_missing_or_wrong_is_told_by_field(
    data: dict[str, Any], codes: dict[str, list[str]]
) -> None:
    """An answer under ``non_field_errors`` is a dead end for the 2.0.0 client."""
    assert codes_of(validation(**data)) == codes


@pytest.mark.user_model("auth_user", "uuid_key", "extra_field", "renamed_email")
@override_settings(AI_KIT_AUTH={"FRONTEND": FRONTEND, "USERNAME_REQUIRED": True})
def test_a_required_username_is_required_here_too() -> None:
    email = "ada@example.com"
    assert codes_of(validation(password=PASSWORD, email=email)) == {
        "username": ["required"]
    }
    assert codes_of(validation(password=PASSWORD)) == {
        "email": ["required"],
        "username": ["required"],
    }
    assert validation(password=PASSWORD, email=email, username="").is_valid()


@pytest.mark.user_model("email_login", "bare")
@override_settings(AI_KIT_AUTH={"FRONTEND": FRONTEND, "USERNAME_REQUIRED": True})
def test_a_model_without_username_asks_for_none() -> None:
    assert validation(password=PASSWORD, email="ada@example.com").is_valid()


def test_the_password_is_compared_with_the_address() -> None:
    similar = validation(password="lighthouse1", email="lighthouse@example.com")
    assert codes_of(similar) == {"password": ["password_too_similar"]}


@pytest.mark.user_model("auth_user", "uuid_key", "extra_field", "renamed_email")
def test_the_password_is_compared_with_the_username() -> None:
    similar = validation(password="lighthouse1", email="", username="lighthouse")
    assert codes_of(similar) == {"password": ["password_too_similar"]}


@pytest.mark.django_db
def test_behind_an_ident_are_the_stored_attributes(make_user: MakeUser) -> None:
    user = make_user("lighthouse")
    ident = ident_of(user)
    assert validation(password="lighthouse1", ident=ident).is_valid()
    services.get_password_reset_url(user)
    assert codes_of(validation(password="lighthouse1", ident=ident)) == {
        "password": ["password_too_similar"]
    }
    assert validation(password="lighthouse1", ident=f"{ident}0").is_valid()


# The other bodies


@pytest.mark.parametrize(
    ("serializer_class", "codes"),
    [
        (LoginSerializer, {"ident": ["required"], "password": ["required"]}),
        (
            PasswordResetSerializer,
            {"ident": ["required"], "token": ["required"], "password": ["required"]},
        ),
    ],
)
def test_an_empty_body_is_told_what_it_lacks(
    serializer_class: type[Any], codes: dict[str, list[str]]
) -> None:
    assert codes_of(serializer_class(data={}, context=CONTEXT)) == codes


@pytest.mark.parametrize(
    "serializer_class",
    [
        LoginSerializer,
        RegistrationSerializer,
        ActivateUserSerializer,
        PasswordResetSerializer,
        InitiatePasswordResetSerializer,
        ValidatePasswordSerializer,
    ],
)
@pytest.mark.parametrize("data", [[], "text", 7])
def test_a_body_that_is_no_object_is_refused(
    serializer_class: type[Any], data: Any
) -> None:
    serializer = serializer_class(data=data, context=CONTEXT)
    assert codes_of(serializer) == {"non_field_errors": ["invalid"]}


@pytest.mark.django_db
def test_the_bodies_of_the_2_0_0_client(client: APIClient) -> None:
    """Each with the CSRF header, and blanks for what the person left out."""
    nobody: dict[str, Any] = {"headers": {"X-CSRFToken": ""}}
    assert client.get("/api/v1/auth/me/", **nobody).json()["user"] is None
    typing = {"username": "", "email": "", "password": "tall"}
    assert post(client, "validate_password", typing, **nobody).json() == {
        "password": ["password_too_short"]
    }
    form = registration(username="")
    assert post(client, "validate_password", form, **nobody).json() == {}
    assert post(client, "register", form, **csrf(client)).status_code == 201
    if has_activation():
        link = mailed_link()
        assert set(link) == {"ident", "token"}
        assert post(client, "activate", link, **csrf(client)).json() == {}
    answer = log_in(client, "ada@example.com")
    assert answer.json()["user"][user_model.email] == "ada@example.com"
    token = {"headers": {"X-CSRFToken": answer.json()["csrf"]}}
    assert set(post(client, "logout", **token).json()) == {"csrf"}

    forgotten = {"ident": "ada@example.com"}
    assert post(client, "send_pw_reset_email", forgotten, **csrf(client)).json() == {}
    link = mailed_link()
    body = {"ident": link["ident"], "password": "ada@example.com"}
    assert post(client, "validate_password", body, **csrf(client)).json() == {
        "password": ["password_too_similar"]
    }
    body = {"ident": link["ident"], "password": OTHER_PASSWORD}
    assert post(client, "validate_password", body, **csrf(client)).json() == {}
    reset = {**link, "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", reset, **csrf(client)).json() == {}
    assert log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200


# Secrets stay out of logs


@pytest.mark.django_db
@pytest.mark.parametrize(
    "serializer_class",
    [
        LoginSerializer,
        RegistrationSerializer,
        PasswordResetSerializer,
        ValidatePasswordSerializer,
    ],
)
def test_what_is_logged_of_a_serializer_has_no_password_in_it(
    serializer_class: type[Any],
) -> None:
    serializer = serializer_class(
        data=registration(password="tall ferns", ident="9" * 1025, token="1")
    )
    assert "tall ferns" not in repr(serializer)
    assert serializer_class.__name__ in repr(serializer)
    assert "tall ferns" not in str(serializer)


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["1234509", "x" * 4097])
@pytest.mark.parametrize(
    "serializer_class", [RegistrationSerializer, ValidatePasswordSerializer]
)
def test_what_is_logged_of_a_refusal_has_no_password_in_it(
    serializer_class: type[Any], password: str
) -> None:
    serializer = serializer_class(data=registration(password=password))
    with pytest.raises(ValidationError) as refusal:
        serializer.is_valid(raise_exception=True)
    assert password not in repr(refusal.value)
    assert password not in str(refusal.value)


@pytest.mark.parametrize(
    ("route", "signal"),
    [
        ("login", post_init),
        ("register", post_save),
        ("pw_reset", post_init),
        ("validate_password", post_init),
    ],
)
def test_a_crash_report_has_no_password_in_it(
    client: APIClient, make_user: MakeUser, reports: list[str], route: str, signal: Any
) -> None:
    user = make_user()
    client.raise_request_exception = False
    token = csrf(client)
    secret = "correct-battery-staple"
    body = {
        "login": {"ident": "ada@example.com"},
        "register": registration("bob"),
        "pw_reset": {"ident": ident_of(user), "token": "1-1"},
        "validate_password": {"ident": ident_of(user)},
    }[route]
    signal.connect(crash, sender=get_user_model())
    try:
        answer = post(client, route, {**body, "password": secret}, **token)
    finally:
        signal.disconnect(crash, sender=get_user_model())
    assert answer.status_code == 500
    assert "the database is on fire" in reports[0]
    assert secret not in reports[0]
