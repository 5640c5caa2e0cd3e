"""The indexes that finding an account needs: found missing, told, and created."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections, transaction
from django.db.migrations.state import ProjectState
from django.db.models import Index
from django.db.models.functions import Upper

from ai_kit_auth import indexes
from ai_kit_auth.doctor import walks
from ai_kit_auth.query_plans import Planner, planner
from ai_kit_auth.user_model import user_model

from .account.page import Browser, configure
from .accounts import attributes_of, registration
from .conftest import PASSWORD, MakeUser
from .docs.pages import blocks
from .urlconfs.account import ALL_ON

if TYPE_CHECKING:
    from pytest_django import Settings

# MariaDB ends a transaction at every change of a table.
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("same_indexes"),
]
auth_user = pytest.mark.user_model("auth_user")

MANY = 12_000


def plans() -> Planner:
    found = planner("default")
    assert found is not None
    return found


def ask(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def table() -> str:
    return str(get_user_model()._meta.db_table)


@pytest.fixture
def many_accounts() -> None:
    model = get_user_model()
    model._default_manager.bulk_create(
        [model(**attributes_of(f"user{number}")) for number in range(MANY)], 2_000
    )
    # A server does so by itself after a while.
    ask(plans().statistics(table()))


def problems(*databases: str) -> list[checks.CheckMessage]:
    found = checks.run_checks(tags=[checks.Tags.database], databases=databases)
    ours = ("ai_kit_auth.W047", "ai_kit_auth.W048")
    return [problem for problem in found if problem.id in ours]


def printed(*options: str) -> list[str]:
    text = StringIO()
    call_command("ai_kit_auth_indexes", *options, stdout=text)
    return text.getvalue().splitlines()


@pytest.mark.usefixtures("many_accounts")
def test_many_accounts_without_indexes_are_told_with_the_statements() -> None:
    [problem] = problems("default")
    assert problem.id == "ai_kit_auth.W047"
    assert "has about 1" in problem.msg
    assert user_model.email in problem.msg
    # The hint has the statements that the command prints.
    for statement in printed():
        assert statement in str(problem.hint)
        ask(statement)
    assert problems("default") == []
    assert printed() == ["-- No index is missing."]
    assert indexes.read_in_full(plans()) == []


@pytest.mark.usefixtures("many_accounts")
def test_the_command_creates_what_is_missing() -> None:
    assert indexes.read_in_full(plans()) == [table()]
    assert printed("--apply")[0].startswith("CREATE INDEX ")
    assert printed("--apply") == ["-- No index is missing."]
    assert indexes.read_in_full(plans()) == []
    assert problems("default") == []


@auth_user
@pytest.mark.usefixtures("many_accounts")
def test_a_project_that_asks_for_more_when_it_finds_an_account_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def normalize_username(username: str) -> str:
        ask("SELECT 1")
        return username

    monkeypatch.setattr(get_user_model(), "normalize_username", normalize_username)
    assert indexes.read_in_full(plans()) == [table()]


@auth_user
def test_few_accounts_need_no_index(make_user: MakeUser) -> None:
    make_user()
    assert problems("default") == []
    assert problems() == []


@auth_user
@pytest.mark.usefixtures("many_accounts")
def test_the_doctor_tells_it_too() -> None:
    told = {step.name: step for step in walks.checks()}
    step = told["check ai_kit_auth.W047"]
    assert step.state == walks.WARNING
    assert "CREATE INDEX" in step.setting


@auth_user
@pytest.mark.usefixtures("many_accounts")
def test_an_index_of_the_project_counts_whatever_its_name() -> None:
    own = (
        Index(fields=["email"], name="mine")
        if connection.vendor == "mysql"
        else Index(Upper("email"), name="mine")
    )
    with connection.schema_editor() as editor:
        editor.add_index(get_user_model(), own)
    assert not any("email" in statement for statement in printed())


@auth_user
@pytest.mark.database("sqlite", "postgresql")
@pytest.mark.usefixtures("many_accounts")
def test_an_index_on_the_plain_column_does_not_count() -> None:
    with connection.schema_editor() as editor:
        editor.add_index(get_user_model(), Index(fields=["email"], name="mine"))
    assert any("email" in statement for statement in printed())


@auth_user
@pytest.mark.database("sqlite")
@pytest.mark.usefixtures("many_accounts")
def test_statistics_of_another_time_are_told_and_made_anew() -> None:
    printed("--apply")
    ask("ANALYZE")
    ask("UPDATE sqlite_stat1 SET stat = '12000 4000' WHERE idx LIKE '%_upper'")
    ask("ANALYZE sqlite_schema")
    [problem] = problems("default")
    assert problem.id == "ai_kit_auth.W048"
    assert problem.hint == 'ANALYZE "auth_user";'
    assert printed() == [problem.hint]
    printed("--apply")
    assert problems("default") == []


# How many rows of accounts this transaction has read, as the server counts them.
ROWS_READ = {
    "sqlite": "SELECT 0",
    "postgresql": "SELECT pg_stat_get_xact_tuples_returned('auth_user'::regclass) "
    "+ pg_stat_get_xact_tuples_fetched('auth_user'::regclass)",
    "mysql": "SELECT SUM(variable_value) FROM information_schema.session_status "
    "WHERE variable_name LIKE 'HANDLER_READ%'",
}
# Far more than any request of one account needs.
FEW_READS = 100


@auth_user
@pytest.mark.usefixtures("many_accounts")
def test_with_the_indexes_no_request_reads_more_than_a_few_rows(
    settings: Settings, make_user: MakeUser
) -> None:
    settings.ROOT_URLCONF = "tests.urlconfs.account"
    configure(settings, ENABLE_ENDPOINTS=ALL_ON)
    printed("--apply")
    make_user()
    here, elsewhere = Browser(), Browser()
    new_address = {"email": "new@example.com", "password": PASSWORD}
    requests: list[tuple[int, Callable[[], Any]]] = [
        (200, lambda: here.log_in("ADA@example.com")),
        (200, lambda: here.log_in("ada")),
        (200, lambda: here.send("get", "me")),
        (200, lambda: here.post("change_email", new_address)),
        (200, lambda: here.patch({"username": "lovelace"})),
        (400, lambda: elsewhere.log_in("nobody@example.com")),
        (400, lambda: elsewhere.log_in("nobody")),
        (201, lambda: elsewhere.post("register", registration("bob"))),
        (400, lambda: elsewhere.post("register", registration("bob"))),
        (200, lambda: elsewhere.post("send_pw_reset_email", {"email": "lovelace"})),
        (200, lambda: elsewhere.post("send_pw_reset_email", {"email": "no@where.de"})),
        (
            200,
            lambda: elsewhere.post(
                "resend_activation_email", {"email": "bob@example.com"}
            ),
        ),
    ]
    for status, request in requests:
        asked: list[tuple[str, Any]] = []

        def keep(execute: Any, sql: str, *rest: Any, asked: Any = asked) -> Any:
            asked.append((sql, rest[0]))
            return execute(sql, *rest)

        with transaction.atomic():
            [[before]] = plans().ask(ROWS_READ[connection.vendor])
            with connection.execute_wrapper(keep):
                answer = request()
                assert answer.status_code == status, answer.json()
            [[after]] = plans().ask(ROWS_READ[connection.vendor])
        assert after - before < FEW_READS, asked
        for statement, parameters in asked:
            if statement.startswith("SELECT") and "auth_user" in statement:
                assert not plans().reads_all(statement, parameters, table()), statement


@auth_user
def test_before_migrate_the_check_is_silent_and_the_command_says_why() -> None:
    ask("ALTER TABLE auth_user RENAME TO put_away")
    try:
        assert problems("default") == []
        with pytest.raises(CommandError, match="The database 'default' refused: "):
            printed()
    finally:
        ask("ALTER TABLE put_away RENAME TO auth_user")


@auth_user
def test_a_database_that_is_away_is_no_crash() -> None:
    def refuse(*args: object) -> None:
        raise OperationalError("the server has gone away")

    with connection.execute_wrapper(refuse):
        assert list(indexes.check_indexes(["default"])) == []
        with pytest.raises(CommandError, match="refused: the server has gone away"):
            printed("--apply")


@auth_user
def test_of_another_kind_of_database_the_command_says_what_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(connections["default"]), "vendor", "oracle")
    assert list(indexes.check_indexes(["default"])) == []
    with pytest.raises(CommandError, match=r"UPPER\(column\) = UPPER\(value\)"):
        printed()


class Elsewhere:
    """Keeps every table out of the database."""

    def allow_migrate(self, *args: object, **hints: object) -> bool:
        return False


@auth_user
def test_a_router_that_keeps_the_accounts_elsewhere_is_obeyed(
    settings: Settings,
) -> None:
    settings.DATABASE_ROUTERS = [Elsewhere()]
    with pytest.raises(CommandError, match=r"keep auth\.User out of 'default'"):
        printed("--database", "default")


@auth_user
def test_only_a_database_of_the_settings_is_asked() -> None:
    with pytest.raises(CommandError, match="invalid choice: 'nowhere'"):
        printed("--database", "nowhere")


@auth_user
@pytest.mark.usefixtures("many_accounts")
def test_the_migration_of_the_documentation_creates_them() -> None:
    [code] = [
        block.code
        for block in blocks("howto/indexes.rst")
        if block.path.endswith("_account_indexes.py")
    ]
    module: dict[str, Any] = {}
    exec(code, module)  # noqa: S102  # a page of this repository
    migration = module["Migration"]("0001_account_indexes", "shop")
    for _ in ("a new database", "one that has them"):
        with connection.schema_editor(atomic=migration.atomic) as editor:
            migration.apply(ProjectState(), editor)
        assert indexes.read_in_full(plans()) == []
    assert printed() == ["-- No index is missing."]
