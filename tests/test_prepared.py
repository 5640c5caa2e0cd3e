"""Statements that Django compiles once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Manager, Q, QuerySet
from django.test.utils import CaptureQueriesContext

from ai_kit_auth import accounts, users
from ai_kit_auth.prepared import Lookup, is_plain, prepared
from ai_kit_auth.user_model import UserModel, user_model


class Hiding(QuerySet[Any]):
    """Rows of which some may be hidden."""


class FromQuerySet(Manager.from_queryset(Hiding)):  # type: ignore[misc]  # made at run time
    pass


class WithRows(Manager[Any]):
    get_queryset = Manager.none


def test_a_manager_of_the_projects_is_asked_anew_each_time() -> None:
    assert is_plain(Manager[Any]())
    assert not is_plain(FromQuerySet())
    assert not is_plain(WithRows())


def test_a_text_is_looked_up_as_it_is(make_user: Callable[..., Any]) -> None:
    """No text is taken for a part of the statement, nor for a pattern."""
    user = make_user()
    typed = accounts.email_of(user)
    for odd in ("%", "_", "the text at place 0", "' OR '1'='1", typed[:-1] + "_"):
        assert users.find_for_login(odd)[0] is None
        assert users.find_by_address(f"{odd}@example.com") is None
    found, _, _ = users.find_for_login(typed)
    assert found == user
    # All columns come as Django's own query gives them.
    row = UserModel._base_manager.get(pk=user.pk)
    names = [field.attname for field in UserModel._meta.concrete_fields]
    assert [getattr(found, name) for name in names] == [
        getattr(row, name) for name in names
    ]
    assert found._state.db == row._state.db
    assert not found._state.adding


@pytest.mark.django_db
def test_a_number_that_no_row_can_have_finds_nobody() -> None:
    for ident in ("9" * 9, "9" * 10, "9" * 19, "9" * 40):
        assert users.find_by_ident(ident) is None


@pytest.mark.django_db
def test_a_lookup_that_changes_its_text_is_not_prepared() -> None:
    """The value would miss in the statement, which then finds nobody."""
    asked: list[Lookup] = []

    def make(marks: Any) -> Any:
        asked.extend(marks)
        return UserModel._base_manager.filter(Q(marks[0]))

    purpose = "a test of marks that are changed"
    names = [f"{user_model.email}__contains"]
    assert prepared(purpose, "default", names, make) is None
    assert prepared(purpose, "default", names, make) is None
    assert len(asked) == 1


def test_the_statement_is_the_same_each_time(make_user: Callable[..., Any]) -> None:
    user = make_user()
    typed = accounts.email_of(user)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        users.find_for_login(typed)
    with CaptureQueriesContext(connection) as again:
        users.find_for_login(typed)
    assert [q["sql"] for q in queries] == [q["sql"] for q in again]
    assert len(queries) == 1
