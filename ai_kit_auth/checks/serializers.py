"""The serializers that AI_KIT_AUTH names: what they show, ask for and store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from inspect import signature
from traceback import walk_tb
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import UserManager
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db.models import NOT_PROVIDED, Field, Model
from django.db.models.signals import post_init, pre_init, pre_save
from rest_framework.serializers import (
    BaseSerializer,
    ListSerializer,
    ModelSerializer,
    Serializer,
)

from ..capability import served
from ..related import loss
from ..settings import APISettings, api_settings
from ..user_model import is_djangos, user_model
from .problems import Problems, dotted, is_readable, is_served, key, problem, resolved
from .routes import NAMESPACE, named, path_of, view_at


def check_serializers() -> Problems:
    """E006, W026, W028."""
    if not is_readable():
        return
    for name, endpoints, needed, find in (
        ("USER_SERIALIZER", ("LOGIN", "ME"), "data", _shown_passwords),
        ("REGISTRATION_SERIALIZER", ("REGISTER",), "is_valid", _registration_problems),
        ("USER_UPDATE_SERIALIZER", ("UPDATE_ME",), "is_valid", _update_problems),
    ):
        found = resolved(name)
        if not isinstance(found, type) or not is_served(*endpoints):
            # E003 reports the former; a function may return anything.
            continue
        if issubclass(found, BaseSerializer):
            yield from _problems_of(name, found, find)
        elif not hasattr(found, needed):
            standard: Any = APISettings.members()[name]
            yield problem(
                "E006",
                f"{key(name)}: {dotted(found)} is not a serializer.",
                f"Name a subclass of {standard.default}.",
            )


def check_error_params() -> Problems:
    """E021."""
    if not (is_readable() and api_settings.ERROR_PARAMS):
        return
    for where, found in _taking_bodies():
        field = _fields_of(found).get("params")
        if field is not None and not field.read_only:
            yield problem(
                "E021",
                f"{where}: {dotted(found)} takes a field 'params', and with "
                f"{key('ERROR_PARAMS')} an error body has the parameters of codes "
                "under that key.",
                f"Rename the field in {found.__qualname__}, or leave ERROR_PARAMS out.",
            )


def _fields_of(found: type[Serializer[Any]]) -> Mapping[str, Any]:
    try:
        return found().fields
    except Exception:  # noqa: BLE001  # it may need a request
        return {}


def _taking_bodies() -> Iterator[tuple[str, type[Serializer[Any]]]]:
    """Yield the serializers of bodies that the project names, and where it does."""
    given: list[tuple[str, Any]] = [
        (key(name), resolved(name))
        for name, endpoint in (
            ("REGISTRATION_SERIALIZER", "REGISTER"),
            ("USER_UPDATE_SERIALIZER", "UPDATE_ME"),
        )
        if is_served(endpoint)
    ]
    for name in _names_of_routes():
        path = path_of(f"{NAMESPACE}:{name}")
        callback, _ = (path and view_at(path)) or (None, "")
        view = getattr(callback, "view_class", None)
        used = getattr(callback, "view_initkwargs", {}).get("serializer_class")
        given.append((named(callback), used or getattr(view, "serializer_class", None)))
    for where, found in given:
        if isinstance(found, type) and issubclass(found, Serializer):
            yield where, found


def _names_of_routes() -> list[str]:
    try:
        routes = served(api_settings.ENABLE_ENDPOINTS)
    except ImproperlyConfigured:
        # E017 tells.
        return []
    return [str(route.name) for route in routes]


def _problems_of(
    name: str,
    found: type[BaseSerializer[Any]],
    find: Callable[[type, Mapping[str, Any]], Problems],
) -> list[checks.CheckMessage]:
    try:
        fields: Mapping[str, Any] = getattr(found(), "fields", {})
        return list(find(found, fields))
    except Exception as error:  # noqa: BLE001  # it may need a request
        if user_model.email not in user_model.columns:
            # E013 tells.
            return []
        *_, (frame, _) = walk_tb(error.__traceback__)
        raised_by = str(frame.f_globals.get("__name__"))
        if not raised_by.startswith("rest_framework.") or not isinstance(
            error, ImproperlyConfigured | AssertionError
        ):
            return []
        # DRF raises these when Meta names a field that does not exist.
        return [problem("E006", f"{key(name)}: {error}", f"Correct {dotted(found)}.")]


def _shown_passwords(found: type, fields: Mapping[str, Any]) -> Problems:
    for name in _password_fields(fields, of_user=True):
        yield problem(
            "W026",
            f"{key('USER_SERIALIZER')}: the field {name!r} of {dotted(found)} shows "
            "each user the hash of their password, and anyone who reads their answers.",
            f"List the fields in {found.__qualname__}.Meta.fields, without {name!r}, "
            "or declare it with write_only=True.",
        )


_DEPTH = 4


def _password_fields(
    fields: Mapping[str, Any], *, of_user: bool, depth: int = _DEPTH
) -> Iterator[str]:
    for name, field in fields.items():
        if field.write_only:
            continue
        if of_user and field.source == "password":
            yield name
        inner = field.child if isinstance(field, ListSerializer) else field
        if isinstance(inner, Serializer) and depth:
            model = getattr(getattr(inner, "Meta", None), "model", None)
            whose = field.source == "*" and of_user
            if isinstance(model, type):
                whose = issubclass(model, get_user_model())
            for below in _password_fields(inner.fields, of_user=whose, depth=depth - 1):
                yield f"{name}.{below}"


def _registration_problems(found: type, fields: Mapping[str, Any]) -> Problems:
    yield from _not_saving("REGISTRATION_SERIALIZER", found, "create")
    yield from _required_columns(found, fields)
    # Any other serializer has its own create(), or none.
    if _derives(found, "RegistrationSerializer"):
        yield from _lost_fields("REGISTRATION_SERIALIZER", found, fields, "create")


def _update_problems(found: type, fields: Mapping[str, Any]) -> Problems:
    yield from _not_saving("USER_UPDATE_SERIALIZER", found, "update")
    if issubclass(found, ModelSerializer):
        yield from _lost_fields("USER_UPDATE_SERIALIZER", found, fields, "update")


def _not_saving(name: str, found: type, method: str) -> Problems:
    inherited = (getattr(found, each) for each in (method, "save"))
    plain = (getattr(BaseSerializer, each) for each in (method, "save"))
    if all(one is other for one, other in zip(inherited, plain, strict=True)):
        standard: Any = APISettings.members()[name]
        yield problem(
            "W038",
            f"{key(name)}: {dotted(found)} has no {method}(), so it saves nothing, "
            "and DRF raises an error at the first request.",
            f"Write class {found.__qualname__}({standard.default.rpartition('.')[2]}), "
            f"of {standard.default.rpartition('.')[0]}; or def {method}() in it.",
        )


def _lost_fields(
    name: str, found: type, fields: Mapping[str, Any], method: str
) -> Problems:
    # A serializer with its own save, create, update or validate may use the values.
    if any(map(partial(_is_overridden, found), (method, "save", "validate"))):
        return
    model = get_user_model()
    for key_sent, field in fields.items():
        new = method == "create"
        reason = "" if field.read_only else loss(model, field, new=new)
        if reason and not (new and _is_parameter(model, field.source)):
            yield problem(
                "W038",
                f"{key(name)}: {dotted(found)} takes {key_sent!r}, and {reason}: its "
                "value is lost.",
                f"Take {key_sent!r} out, or use it in a {method}() of "
                f"{found.__qualname__}.",
            )


def _derives(found: type, name: str) -> bool:
    # By name: the import contract forbids the checks to import serializers.
    return any(
        dotted(base) == f"ai_kit_auth.serializers.{name}" for base in found.__mro__
    )


def _is_overridden(found: type, name: str) -> bool:
    ours = {"ai_kit_auth", "rest_framework"}
    return getattr(found, name).__module__.split(".")[0] not in ours


def _is_parameter(model: type[Model], source: str) -> bool:
    """Tell whether the manager's ``create_user`` has a parameter ``source``."""
    create_user = getattr(model._default_manager, "create_user", None)
    return create_user is not None and source in signature(create_user).parameters


def _required_columns(found: type, fields: Mapping[str, Any]) -> Problems:
    model = get_user_model()
    if _adds_values_itself(found) or _fills_columns_itself(model):
        return
    given = {field.source for field in fields.values() if not field.read_only}
    for field in model._meta.concrete_fields:
        if given.isdisjoint({field.name, field.attname, "*"}) and _must_be_given(field):
            label = f"{model._meta.label}.{field.name}"
            yield problem(
                "W028",
                f"{key('REGISTRATION_SERIALIZER')}: {dotted(found)} does not ask for "
                f"{field.name!r}, and {label} cannot be empty: no registration can "
                "succeed.",
                "Name a subclass whose Meta has fields = "
                f"(*RegistrationSerializer.Meta.fields, {field.name!r}); or give "
                f"{label} a default; or 'ENABLE_ENDPOINTS': {{'REGISTER': False}}.",
            )


def _adds_values_itself(found: type) -> bool:
    """Tell whether the project's serializer may add a value that was not sent."""
    return any(
        getattr(found, name).__module__.split(".")[0]
        not in {"ai_kit_auth", "rest_framework"}
        for name in ("is_valid", "run_validation", "to_internal_value", "validate")
    )


def _fills_columns_itself(model: type[Model]) -> bool:
    """Tell whether code of the project may fill a column that was not asked for."""
    manager = type(model._default_manager)
    return (
        any(
            getattr(manager, name, None) not in (None, getattr(UserManager, name))
            for name in ("create_user", "_create_user")
        )
        or model.save not in (AbstractBaseUser.save, Model.save)
        or model.__init__ is not Model.__init__
        or any(
            sender in (id(None), id(model))
            and receiver != "ai_kit_auth.keep_waiting_mark"
            for signal in (pre_init, post_init, pre_save)
            for (receiver, sender), *_ in signal.receivers
        )
    )


def _must_be_given(field: Field[Any, Any]) -> bool:
    return not (
        field.null
        or field.primary_key
        or field.has_default()
        or getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED
        or getattr(field, "generated", False)
        or getattr(field, "auto_now", False)
        or getattr(field, "auto_now_add", False)
        # The column gets an empty string.
        or field.empty_strings_allowed
        # A field that is not Django's may fill itself.
        or not is_djangos(field)
    )
