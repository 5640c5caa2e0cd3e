"""``manage.py ai_kit_auth_upgrade``, and the check that names it."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.core import checks, mail
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from ai_kit_auth.accounts import state_of
from ai_kit_auth.user_model import user_model
from ai_kit_auth.users import AccountState, waiting_accounts

from .accounts import log_in, mailed_link, post, the_user
from .conftest import MakeUser, with_activation
from .test_links import row_of_2_0_0

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


def upgrade(*options: str) -> str:
    printed = StringIO()
    call_command("ai_kit_auth_upgrade", *options, stdout=printed)
    return printed.getvalue()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Type these answers, the first one first."""
    given: list[str] = []
    monkeypatch.setattr(builtins, "input", lambda prompt: given.pop(0))
    yield given
    assert given == []


def about_accounts(*databases: str) -> list[checks.CheckMessage]:
    found = checks.run_checks(tags=[checks.Tags.database], databases=databases)
    ours = ("ai_kit_auth.W037", "ai_kit_auth.W041")
    return [problem for problem in found if problem.id in ours]


@with_activation
def test_an_account_whose_mail_was_lost_has_a_way_in_afterwards(
    client: APIClient, make_user: MakeUser, answers: list[str]
) -> None:
    make_user("bob")
    make_user("cyd", is_active=False, last_login=timezone.now())
    row_of_2_0_0()
    answers.append("yes")
    told = upgrade()
    assert "Accounts: 1." in told
    assert "'ada@example.com'" in told
    assert "Changed: 1." in told
    assert "/auth/reset-password" in told
    assert list(waiting_accounts()) == [the_user()]
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    new = {**mailed_link(), "password": "a cloud over the old mill"}
    assert post(client, "pw_reset", new).status_code == 200
    assert "Nothing of 2.0.0" in upgrade()


@with_activation
@pytest.mark.parametrize("answer", ["", "n", "no", None])
def test_without_a_yes_nothing_changes(
    db: None, answers: list[str], answer: str | None
) -> None:
    row_of_2_0_0()
    answers += [] if answer is None else [answer]
    options = ["--no-input"] if answer is None else []
    assert "Changed: 0." in upgrade(*options)
    assert state_of(the_user()) is AccountState.UNKNOWN


@with_activation
def test_many_accounts_are_marked_without_a_question(db: None) -> None:
    for number in range(23):
        row_of_2_0_0(f"ada{number}")
    told = upgrade("--yes")
    assert "and 3 more" in told
    assert "Changed: 23." in told
    assert waiting_accounts().count() == 23
    assert mail.outbox == []


def test_addresses_with_outer_spaces(client: APIClient, make_user: MakeUser) -> None:
    rows = get_user_model()._default_manager
    for name, stored in (
        ("ada", "ada@example.com "),
        ("bob", " bob@example.com"),
        ("cyd", "cyd@example.com "),
    ):
        rows.filter(pk=make_user(name).pk).update(**{user_model.email: stored})
    attributes = {user_model.email: "CYD@example.com"}
    if user_model.username is not None:
        attributes[str(user_model.username)] = "another"
    make_user(**attributes)
    told = upgrade("--yes")
    assert "'cyd@example.com ' has spaces around it, and another account" in told
    assert "Changed: 2." in told
    for name in ("ada", "bob"):
        assert log_in(APIClient(), f"{name}@example.com").status_code == 200
    assert "Merge the two" in upgrade("--yes")


SPACED = [" {}", "{} ", "\t{}", "{}\n", "{}\r\n", "{}\xa0"]


@pytest.mark.parametrize("form", SPACED)
def test_a_check_tells_of_addresses_with_outer_spaces(
    make_user: MakeUser, form: str
) -> None:
    rows = get_user_model()._default_manager
    make_user("bob")
    ada = rows.filter(pk=make_user().pk)
    assert about_accounts("default") == []
    ada.update(**{user_model.email: form.format("ada@example.com")})
    assert log_in(APIClient(), "ada@example.com").status_code == 400
    [problem] = about_accounts("default")
    assert (problem.id, problem.level) == ("ai_kit_auth.W041", checks.WARNING)
    assert ": 1 accounts have an e-mail address with spaces" in problem.msg
    assert str(problem.hint).startswith("manage.py ai_kit_auth_upgrade")
    assert about_accounts() == []
    assert "Changed: 1." in upgrade("--yes")
    assert about_accounts("default") == []
    assert log_in(APIClient(), "ada@example.com").status_code == 200


def test_a_model_without_addresses_has_none_with_spaces(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E013 says that its EMAIL_FIELD leads nowhere."""
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "nowhere", raising=False)
    assert about_accounts("default") == []


@pytest.mark.user_model("bare")
def test_a_model_without_activation_has_no_such_accounts(db: None) -> None:
    assert "Nothing of 2.0.0" in upgrade("--yes")
    assert about_accounts("default") == []


@with_activation
def test_a_check_tells_how_many_there_are(db: None) -> None:
    assert about_accounts("default") == []
    row_of_2_0_0()
    row_of_2_0_0("bob")
    [problem] = about_accounts("default")
    assert problem.level == checks.WARNING
    assert ": 2 accounts are inactive" in problem.msg
    assert "manage.py ai_kit_auth_upgrade" in str(problem.hint)
    assert about_accounts() == []


@pytest.mark.user_model("auth_user")
@pytest.mark.database("sqlite")
def test_the_check_is_silent_before_the_table_is_there(
    db: None, settings: Settings
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auth_user RENAME TO elsewhere")
    assert about_accounts("default") == []


@with_activation
def test_where_nothing_can_answer_nothing_changes(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container or in CI there is no terminal."""
    row_of_2_0_0()

    def end(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(builtins, "input", end)
    assert "Changed: 0." in upgrade()
    assert state_of(the_user()) is AccountState.UNKNOWN
