"""
What is known of the user model once and for all.

The user model does not change while a process runs. Each fact is worked out at its
first use, and from then on it is an attribute that is read without a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import CharField, EmailField, Field, IntegerField, TextField
from django.db.models.lookups import IExact
from django.db.models.manager import BaseManager

from .collation import InAnyCase
from .prepared import is_plain
from .settings import SETTING_NAME, APISettings, InvalidConfigurationError

# The project's user model, and one of its rows: known when the project runs.
UserModel: Any = get_user_model()
if TYPE_CHECKING:
    User: TypeAlias = Any
else:
    # Projects import the class by this name, from ``admin`` and ``services`` as well.
    User = UserModel

# These backends look for an account by its username, then at its password and
# ``is_active``. By their paths: their module needs the user model.
DJANGOS_BACKENDS = frozenset(
    f"django.contrib.auth.backends.{name}"
    for name in ("ModelBackend", "AllowAllUsersModelBackend")
)


@dataclass(frozen=True)
class UserModelFacts:
    """What the package knows of ``model``, the project's user model."""

    model: Any

    @cached_property
    def columns(self) -> Mapping[str, Field[Any, Any]]:
        """The fields with a column, by their names."""
        return {field.name: field for field in self.model._meta.concrete_fields}

    @cached_property
    def email(self) -> str:
        """The name of the e-mail field."""
        return str(self.model.get_email_field_name())

    @cached_property
    def username(self) -> str | None:
        """The name of the username field, None where users log in by e-mail."""
        name = str(self.model.USERNAME_FIELD)
        return None if name == self.email else name

    @cached_property
    def username_field(self) -> Field[Any, Any]:
        """The field that USERNAME_FIELD names; it may be the e-mail field."""
        field: Field[Any, Any] = self.model._meta.get_field(self.model.USERNAME_FIELD)
        return field

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the e-mail field and of the username field, each once."""
        return (self.email, self.username) if self.username else (self.email,)

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The columns that hold e-mail addresses."""
        return frozenset(
            name
            for name, field in self.columns.items()
            if isinstance(field, EmailField) or name == self.email
        )

    @cached_property
    def texts(self) -> frozenset[str]:
        """The columns that take any text: a field of another package may not."""
        return frozenset(
            name
            for name, field in self.columns.items()
            if isinstance(field, CharField | TextField) and is_djangos(field)
        )

    @cached_property
    def any_case(self) -> Mapping[str, str]:
        """
        The lookup that finds a text in any case, by the names of the columns.

        It is :class:`~ai_kit_auth.collation.InAnyCase`, which this registers on the
        fields of this model alone, unless a field has an ``iexact`` of its own.
        """
        plain = [f for f in self.columns.values() if f.get_lookup("iexact") is IExact]
        for field in plain:
            field.register_lookup(InAnyCase, InAnyCase.registered_name)
        return {
            name: InAnyCase.registered_name if field in plain else "iexact"
            for name, field in self.columns.items()
        }

    @cached_property
    def has_plain_rows(self) -> bool:
        """Whether the base manager, unlike one of a project, has every row."""
        return is_plain(self.model._base_manager)

    @cached_property
    def finds_plainly(self) -> bool:
        """Whether the default manager, unlike one of a project, has every row."""
        return is_plain(self.model._default_manager)

    def takes_any_text(self, lookups: Iterable[str]) -> bool:
        """Tell whether each of ``lookups`` sends a text to the database as it is."""
        return all(
            name in self.texts or name.endswith(f"__{InAnyCase.registered_name}")
            for name in lookups
        )

    @cached_property
    def username_is_text(self) -> bool:
        """Whether the username is a text, and no number or related row."""
        return isinstance(self.username_field, CharField | TextField)

    @cached_property
    def username_can_be_made_up(self) -> bool:
        """Whether a random text is a username."""
        return self.username_field.name in self.texts

    @cached_property
    def hides_rows(self) -> bool:
        """Whether the default manager may hide rows."""
        manager = type(self.model._default_manager)
        return manager.get_queryset is not BaseManager.get_queryset

    @cached_property
    def can_be_inactive(self) -> bool:
        """Whether a column shows that an account is inactive."""
        return "is_active" in self.columns

    @cached_property
    def can_wait(self) -> bool:
        """Whether the columns can show that an account waits for its activation."""
        return self.can_be_inactive and "last_login" in self.columns

    def own_name(self, name: str) -> str | None:
        """
        Return the name of the field that defaults call ``name``.

        ``"email"`` and ``"username"`` stand for the model's own fields of these roles;
        None where it has no such field.
        """
        if name in self.columns:
            return name
        own = {"email": self.email, "username": self.username}.get(name)
        return own if own in self.columns else None


user_model = UserModelFacts(UserModel)

DEFAULT_IDENTITY_FIELDS = APISettings.USER_IDENTITY_FIELDS.default


@cache
def identity_columns(names: tuple[str, ...], *, are_default: bool) -> tuple[str, ...]:
    """
    Return the columns that users log in by, in order.

    ``names``: of USER_IDENTITY_FIELDS. ``are_default``: the project has left them out;
    then a name that the user model lacks is skipped. Otherwise it raises
    :exc:`InvalidConfigurationError`.
    """
    if are_default:
        own_names = map(user_model.own_name, names)
        return tuple(dict.fromkeys(name for name in own_names if name))
    for name in names:
        if name not in user_model.columns:
            raise InvalidConfigurationError(
                f"{SETTING_NAME}['USER_IDENTITY_FIELDS']: {UserModel._meta.label} "
                f"has no field {name!r}"
            )
    return names


def is_djangos(field: Field[Any, Any]) -> bool:
    """Tell whether the class of ``field`` is one of Django's own."""
    return type(field).__module__.startswith("django.db.models.")


def is_value(field: Field[Any, Any], text: str) -> bool:
    """Tell whether a lookup in ``field`` takes ``text``."""
    target = getattr(field, "target_field", field)
    try:
        value = field.to_python(text)
        field.get_prep_value(value)
        if isinstance(target, IntegerField):
            # Not every database driver takes a number that no row can have.
            target.run_validators(value)
    except (ValidationError, ValueError, TypeError):
        return False
    return True
