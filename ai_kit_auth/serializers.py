"""
Serializers that validate input, and show users.

They write nothing that ``services`` does not do for them. A project subclasses
``UserSerializer`` and ``RegistrationSerializer`` and names its own in the settings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from functools import cache, cached_property
from typing import Any, NoReturn

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import BaseValidator
from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.validators import UniqueValidator

from . import security_log, services
from .accounts import email_of, normal_address
from .capability import link_purposes, load
from .known_devices import device_of
from .params import Code, limits_alone
from .registration import identities, register, taken_codes
from .settings import api_settings
from .throttling import LoginAttempt
from .user_model import User, UserModel, is_value, user_model
from .users import authenticate, find_by_ident, find_for_login, find_recipients

__all__ = [
    "ActivateUserSerializer",
    "InitiatePasswordResetSerializer",
    "LinkStatusSerializer",
    "LoginSerializer",
    "PasswordField",
    "PasswordResetSerializer",
    "RegistrationSerializer",
    "UserModel",
    "UserSerializer",
    "ValidatePasswordSerializer",
]

# Longer than any identity or link, and short enough to look up. Passwords may be
# longer.
MAX_LENGTH = 1024
MAX_PASSWORD_LENGTH = 4096


class Discreet:
    """SECURITY: DRF's ``repr()`` of a serializer shows the data, passwords included."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Declared:
    """
    Mixed into a field: a copy of it shares what no request changes.

    A serializer copies its declared fields for each request. DRF makes each copy anew,
    with all its messages and validators, which costs more than to validate by it. That
    stays so for a subclass of a project's, which may hold what its ``__init__`` makes.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for validator in getattr(self, "validators", ()):
            if isinstance(validator, BaseValidator):
                # DRF's message formats itself at its first use, in no thread-safe way.
                # Only its code is sent.
                validator.message = ""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        kind: Any = type(self)
        if kind.__module__ != __name__:
            return super().__deepcopy__(memo)  # type: ignore[misc]  # the field's
        field = kind.__new__(kind)
        vars(field).update(vars(self))
        field.validators = list(field.validators)
        field.error_messages = dict(field.error_messages)
        return field


class TextField(Declared, serializers.CharField):
    """A text."""


class ShownField(Declared, serializers.ReadOnlyField):
    """A value that is shown as it is."""


class FlagField(Declared, serializers.BooleanField):
    """True or False."""


class PasswordField(TextField):
    """
    A password: a JSON string, unchanged.

    It is never trimmed (NIST SP 800-63B-4, 3.1.1.2: verifiers do not change a
    password). Numbers and booleans are refused. It has at most ``MAX_PASSWORD_LENGTH``
    characters.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", MAX_PASSWORD_LENGTH)
        kwargs.setdefault("write_only", True)
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


def is_saved_by_drf(serializer: Any, method: str) -> bool:
    """
    Tell whether ``method``, ``"create"`` or ``"update"``, is DRF's own.

    DRF's ``create()`` would store a password in plain text. Its ``update()`` refuses
    nested values.
    """
    kind, plain = type(serializer), serializers.ModelSerializer
    return (
        getattr(kind, method, None) is getattr(plain, method)
        and kind.save is serializers.BaseSerializer.save
    )


def surely_lacking(serializer_class: Any, names: Collection[str]) -> list[str]:
    """
    Return the ``names`` that ``validated_data`` of ``serializer_class`` cannot have.

    The list is empty if a method of the class may add values, or if its fields depend
    on the request.
    """
    plain = serializers.Serializer
    if not isinstance(serializer_class, type) or not issubclass(
        serializer_class, plain
    ):
        return []
    methods = ("validate", "run_validation", "to_internal_value", "is_valid")
    if any(
        getattr(serializer_class, name) is not getattr(plain, name)
        for name in (*methods, "validated_data")
    ):
        return []
    try:
        fields = serializer_class().fields.values()
    except Exception:  # noqa: BLE001  # it may need a request
        return []
    written = [field.source_attrs for field in fields if not field.read_only]
    # The source "*" may give any name.
    found = {attrs[0] if attrs else "*" for attrs in written}
    return [] if "*" in found else [name for name in names if name not in found]


class PrimaryKeyField(ShownField):
    """A primary key as JSON: a number stays one, anything else is a string."""

    def to_representation(self, value: Any) -> int | str:
        return value if isinstance(value, int) else str(value)


class ModelSerializer(Discreet, serializers.ModelSerializer[Any]):
    """A ModelSerializer that also takes declared fields that ``Meta.fields`` lacks."""

    def listed(self) -> Collection[str] | None:
        """Return ``Meta.fields``, None where a ``Meta`` means all of them."""
        names: Collection[str] = getattr(self.Meta, "fields", serializers.ALL_FIELDS)
        return None if names == serializers.ALL_FIELDS else names

    def get_field_names(
        self, declared_fields: Mapping[str, Any], info: Any
    ) -> list[str]:
        listed = self.listed()
        if listed is None:
            return list(super().get_field_names(declared_fields, info))
        # ModelSerializer refuses a subclass that declares a field and does not list it.
        inherited = {
            name
            for base in type(self).__bases__
            for name in getattr(base, "_declared_fields", ())
        }
        own = [name for name in self._declared_fields if name not in inherited]
        return list(dict.fromkeys([*listed, *own]))


class UserSerializer(ModelSerializer):
    """
    ``{"id": pk, "email": ..., "username": ...}``, with the model's names as keys.

    A subclass of a project declares further fields, or lists them in ``Meta.fields``.
    """

    id = PrimaryKeyField(source="pk")

    class Meta:
        model = UserModel
        fields: Collection[str] = ("id", *user_model.names)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        if (
            type(self) is UserSerializer
            and not hasattr(self, "initial_data")
            and user_model.texts.issuperset(user_model.names)
        ):
            # Every ``me/`` calls this. ModelSerializer would inspect the whole model
            # for these three fields.
            return {name: deepcopy(field) for name, field in _shown_fields().items()}
        return super().get_fields()


@cache
def _shown_fields() -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    return {
        "id": PrimaryKeyField(source="pk"),
        **{name: ShownField() for name in user_model.names},
    }


def password_problems(
    password: str, user: User, *, is_theirs: bool = True
) -> list[ErrorDetail]:
    """
    Return the errors of ``AUTH_PASSWORD_VALIDATORS``, with codes and parameters.

    ``is_theirs``: the client has typed what ``user`` is like, or has proven the
    account. Otherwise no parameter depends on ``user``.
    """
    try:
        password_validation.validate_password(password, user)
    except DjangoValidationError as error:
        return [
            ErrorDetail(
                str(problem.message),
                Code(
                    problem.code or "invalid",
                    problem.params if is_theirs else limits_alone(problem.params),
                ),
            )
            for problem in error.error_list
        ]
    return []


def check_password(password: str, user: User, *, is_theirs: bool = True) -> None:
    """Raise a ``ValidationError`` under ``password`` if a validator refuses it."""
    problems = password_problems(password, user, is_theirs=is_theirs)
    if problems:
        raise ValidationError({"password": problems})


class RegistrationSerializer(ModelSerializer):
    """
    ``username`` (required only by USERNAME_REQUIRED), ``email`` and ``password``.

    A subclass of the project may add fields, declared or in ``Meta.fields``. The
    manager's ``create_user`` gets the validated values. ``create()`` makes the account
    and mails its activation link. A ``create()`` of the project that does not call it
    has to send its mail itself. On a model with other names for the two identities,
    these names are the keys, and ``email`` and ``username`` are understood as well.
    """

    # True with PREVENT_ENUMERATION: the data is valid, but there is nothing to save.
    address_is_taken = False

    class Meta:
        model = UserModel
        fields: Collection[str] = (*user_model.names[::-1], "password")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        ours = self._own_fields
        fields: dict[str, serializers.Field[Any, Any, Any, Any]] = {}
        username, email = user_model.username, user_model.email
        if username in ours:
            key = self._key(username, "username")
            fields[key] = username_serializer_field(
                required=api_settings.USERNAME_REQUIRED
                or not user_model.username_can_be_made_up,
                source=None if key == username else username,
            )
        if email in ours:
            key = self._key(email, "email")
            fields[key] = email_serializer_field(None if key == email else email)
        if "password" in ours:
            fields["password"] = deepcopy(_PASSWORD)
        if type(self) is RegistrationSerializer and user_model.username_is_text:
            # There are no other fields, so ModelSerializer need not inspect the model.
            return fields
        others = super().get_fields()
        # SECURITY: the unique validator of a field would show that a value is taken.
        hidden = identities() if api_settings.PREVENT_ENUMERATION else ()
        for name, field in others.items():
            source = field.source or name
            odd = source == username and not user_model.username_is_text
            if odd or source in hidden:
                without_unique_validator(field)
        return fields | others

    def get_field_names(
        self, declared_fields: Mapping[str, Any], info: Any
    ) -> list[str]:
        names = super().get_field_names(declared_fields, info)
        return [name for name in names if name not in self._own_fields]

    @cached_property
    def _own_fields(self) -> set[str]:
        """The default fields that are listed and that no subclass declares."""
        ours = {"password", *user_model.names} - set(self._declared_fields)
        if not user_model.username_is_text:
            # A number or a related row gets the field that the model gives it.
            ours.discard(str(UserModel.USERNAME_FIELD))
        listed = self.listed()
        return ours if listed is None else ours & set(listed)

    def _key(self, own_name: str, documented: str) -> str:
        given = getattr(self, "initial_data", None)
        # A subclass may ask for the fields before the body was found to be an object.
        keys = given if isinstance(given, Mapping) else ()
        understood = documented in keys and own_name not in keys
        return documented if understood else own_name

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse taken identities and a weak password, with all errors at once."""
        keys = {field.source: name for name, field in self.fields.items()}
        if "is_active" in keys:
            # SECURITY: a client must not set the flag, even if Meta.fields lists it. A
            # subclass may set it after this call.
            attrs.pop("is_active", None)
        taken = taken_codes(attrs)
        if api_settings.PREVENT_ENUMERATION:
            self.address_is_taken = taken.pop(user_model.email, None) is not None
        problems: dict[str, Any] = {
            keys.get(name, name): [ErrorDetail("", code)]
            for name, code in taken.items()
        }
        # A subclass may have no password field.
        password = attrs.get("password")
        weak = password and password_problems(password, _unsaved_user(attrs))
        if weak:
            problems["password"] = weak
        if problems:
            raise ValidationError(problems)
        return attrs

    def create(self, validated_data: Mapping[str, Any]) -> User:
        return _new_account(validated_data)


def created_by(serializer: Any) -> Any:
    """Make the account of a valid ``serializer``; return the result of ``create()``."""
    if is_saved_by_drf(serializer, "create"):
        # SECURITY: DRF would store the password in plain text.
        return _new_account(serializer.validated_data)
    return serializer.save()


def _new_account(fields: Mapping[str, Any]) -> User:
    user = register(fields)
    services.mail_new_account(user)
    return user


_PASSWORD = PasswordField()


class AddressField(Declared, serializers.EmailField):
    """An e-mail address in its normal form; the limit of its length is for that."""

    def to_internal_value(self, data: Any) -> str:
        try:
            return normal_address(_bounded(self, super().to_internal_value(data)))
        except ValueError:
            self.fail("invalid")


class UsernameField(TextField):
    """A username in its normal form; the rules of the model are for that."""

    def to_internal_value(self, data: Any) -> str:
        text: str = UserModel.normalize_username(
            _bounded(self, super().to_internal_value(data))
        )
        # A field of another package may not accept every text.
        if not user_model.username_can_be_made_up and not is_value(
            user_model.username_field, text
        ):
            self.fail("invalid")
        return text


def _bounded(field: serializers.CharField, text: str) -> str:
    # SECURITY: the time to normalise grows with the square of the length.
    if len(text) > MAX_LENGTH:
        field.fail("max_length", max_length=MAX_LENGTH)
    return text


def email_serializer_field(source: str | None = None) -> AddressField:
    """Return the field for an e-mail address; ``source`` if its key is another name."""
    field: AddressField = deepcopy(_address_field(source))
    return field


@cache
def _address_field(source: str | None) -> AddressField:
    field = UserModel._meta.get_field(user_model.email)
    return AddressField(source=source, max_length=_max_length(field))


def username_serializer_field(
    *, required: bool, source: str | None = None
) -> UsernameField:
    """Return the field for a username, by the rules of the user model."""
    field: UsernameField = deepcopy(_username_field(required, source))
    return field


@cache
def _username_field(required: bool, source: str | None) -> UsernameField:
    field = user_model.username_field
    return UsernameField(
        source=source,
        required=required,
        allow_blank=not required,
        max_length=_max_length(field),
        validators=list(getattr(field, "validators", ())),
    )


def without_unique_validator(field: Any) -> None:
    """Remove the unique validator of ``field``; a later check has its own code."""
    field.validators = [
        validator
        for validator in field.validators
        if not isinstance(validator, UniqueValidator)
    ]


def _max_length(field: object) -> int:
    return getattr(field, "max_length", None) or MAX_LENGTH


def _unsaved_user(values: Mapping[str, Any]) -> User:
    """Return an unsaved user without password, to compare a password with."""
    user = UserModel()
    for name, value in values.items():
        field = user_model.columns.get(name)
        # A mapping from a dotted source is for another row.
        if field is None or name == "password" or isinstance(value, Mapping):
            continue
        key = field.is_relation and not isinstance(value, Model)
        setattr(user, field.attname if key else name, value)
    return user


class _AnyText(TextField):
    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is serializers.empty:
            return super().run_validation(data)
        try:
            return super().run_validation(data)
        except ValidationError:
            return ""


class AnyTextField(_AnyText):
    """
    A text that is looked up. Any other value becomes "", which finds nothing.

    It is for endpoints whose answer does not depend on a wrong field. A missing
    required field is still an error.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_LENGTH, **kwargs)


class AnyPasswordField(_AnyText, PasswordField):
    """A password. Any other value becomes "", which no account has."""


class LoginSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``ident`` (what USER_IDENTITY_FIELDS finds) and ``password``; gives ``user``.

    ``remember``, optional: whether the session outlives the browser.
    """

    ident = TextField(max_length=MAX_LENGTH)
    password = PasswordField()
    # Null, as a form that lacks it would otherwise mean False.
    remember = FlagField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        request = self.context["request"]
        found, typed, keys = find_for_login(attrs["ident"])
        device = device_of(request, found)
        with LoginAttempt(request, *keys, device=device) as attempt:
            user = authenticate(request._request, found, attrs["password"], typed=typed)
        if user is None:
            security_log.log(
                "login_failed", request, user=found, code="invalid_credentials"
            )
            raise ValidationError("", code="invalid_credentials")
        attempt.succeeded()
        return {**attrs, "user": user}


class ActivateUserSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``ident`` and ``token`` of an activation link; gives ``user``.

    A value that is missing or no text makes the link invalid. Under ACTIVATION_PROOF
    it takes the account's ``password`` as well.
    """

    ident = AnyTextField(default="")
    token = AnyTextField(default="")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), **proof_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = services.find_by_activation_link(attrs["ident"], attrs["token"])
        return {**attrs, "user": user}


def proof_fields() -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """Return the field by which a link is proven, if ACTIVATION_PROOF asks for one."""
    if not api_settings.ACTIVATION_PROOF:
        return {}
    return {"password": AnyPasswordField(required=False)}


class PasswordResetSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``ident`` and ``token`` of a link and a new ``password``. The result has ``user``.

    The first error is a missing field, then a link that is not valid, then the password
    or a field that a subclass adds.
    """

    ident = AnyTextField()
    token = AnyTextField()
    password = PasswordField()

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            codes: Any = error.get_codes()
            link = ("ident", "token")
            first = any(n in link or "required" in c for n, c in codes.items())
            if isinstance(data, Mapping) and not first:
                fields = [self.fields[name] for name in link]
                services.find_by_reset_link(
                    *(field.run_validation(field.get_value(data)) for field in fields)
                )
            raise

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # The link first: what the validators say is about the account behind it.
        user = services.find_by_reset_link(attrs["ident"], attrs["token"])
        check_password(attrs["password"], user)
        return {**attrs, "user": user}


class PurposeField(serializers.ChoiceField):
    """A purpose of links; the code of every other value is ``invalid``."""

    default_error_messages = {"invalid": ""}

    def __init__(self, **kwargs: Any) -> None:
        purposes = link_purposes(api_settings.ENABLE_ENDPOINTS)
        super().__init__(choices=list(purposes), **kwargs)
        # The code of this package for it is "invalid".
        del self.error_messages["invalid_choice"]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid")
        return data


class LinkStatusSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``purpose``, ``ident`` and ``token`` of a link; gives its ``status``.

    The purposes are those whose endpoints are on.
    """

    ident = TextField(max_length=MAX_LENGTH)
    token = TextField(max_length=MAX_LENGTH)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Made here: a field that is declared would read the settings at the import.
        return {"purpose": PurposeField(), **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        purpose = link_purposes(api_settings.ENABLE_ENDPOINTS)[attrs["purpose"]]
        status = load(purpose.status)(attrs["ident"], attrs["token"])
        return {**attrs, "status": status}


class InitiatePasswordResetSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``email`` or ``ident``: what USER_IDENTITY_FIELDS finds, under either name.

    Gives ``typed``; ``user``, None where no account may get the mail; and ``others``
    that have the same address, as old rows may.
    """

    email: serializers.CharField = AnyTextField(required=False)
    ident: serializers.CharField = AnyTextField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        typed = attrs.get("email") or attrs.get("ident") or ""
        mailed = [
            user
            for user in (find_recipients(typed) if typed else ())
            if self.may_receive_mail(user) and email_of(user)
        ]
        user = mailed[0] if mailed else None
        return {"typed": typed, "user": user, "others": mailed[1:]}

    def may_receive_mail(self, user: User) -> bool:
        """Tell whether the mail that was asked for is for accounts such as ``user``."""
        return services.may_receive_reset_mail(user)


class ValidatePasswordSerializer(Discreet, serializers.Serializer[Any]):
    """
    ``password`` and either ``ident`` or ``email`` (and ``username``, if required).

    Of these all but the password may be blank: the user is still typing.

    SECURITY: idents are public, so what the account behind one is like is only compared
    with while a link of it is live; otherwise, and for an unknown ident, the password
    is checked for a user without attributes.
    """

    password = PasswordField()
    ident = TextField(max_length=MAX_LENGTH, required=False, allow_blank=True)
    email = TextField(max_length=MAX_LENGTH, required=False, allow_blank=True)
    username = TextField(max_length=MAX_LENGTH, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user = self._user(attrs)
        check_password(attrs["password"], user, is_theirs="ident" not in attrs)
        return attrs

    def _user(self, attrs: Mapping[str, Any]) -> User:
        if "ident" in attrs:
            user = find_by_ident(attrs["ident"])
            live = user is not None and services.has_live_link(user)
            return user if user is not None and live else UserModel()
        missing = [name for name in self._needed() if name not in attrs]
        if missing:
            raise ValidationError(
                {name: [ErrorDetail("", "required")] for name in missing}
            )
        own_names = {"email": user_model.email, "username": user_model.username}
        return _unsaved_user(
            {
                own: attrs[name]
                for name, own in own_names.items()
                if own and name in attrs
            }
        )

    def _needed(self) -> list[str]:
        username_needed = api_settings.USERNAME_REQUIRED and user_model.username
        return ["email", "username"] if username_needed else ["email"]


# Names of version 2.0.0, which projects import.

#: ``extra_kwargs`` for the ``Meta`` of a serializer of one's own on the user model.
FIELD_ARGS: dict[str, dict[str, Any]] = {
    "password": {"write_only": True, "trim_whitespace": False}
}


def raise_validation(field: str, code: str) -> NoReturn:
    """
    Raise a ``ValidationError`` of ``{field: [code]}``.

    .. deprecated:: 3.0
       ``raise ValidationError({field: [code]}, code=code)`` says the same.
    """
    raise ValidationError({field: [ErrorDetail(code, code)]})
