"""``manage.py ai_kit_auth_indexes``: the indexes by which accounts are found."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connections, router

from ... import indexes
from ...query_plans import Planner, planner
from ...user_model import UserModel


class Command(BaseCommand):
    """
    ``manage.py ai_kit_auth_indexes``. What it prints is SQL; a remark is a comment.

    The exit code is 1 if the database is of an unknown kind or refuses.
    """

    help = (
        "Print the statements that create the indexes by which requests find "
        "accounts, as far as the database lacks them. Changes nothing without --apply."
    )
    # It helps a project whatever else is wrong with its settings.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--apply",
            action="store_true",
            help="create the missing indexes; requests go on meanwhile on PostgreSQL, "
            "MariaDB and MySQL",
        )
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            choices=tuple(connections),
            help="the database, by its key in DATABASES (default: the one that the "
            "user model is written to)",
        )

    def handle(self, *, apply: bool, database: str | None, **options: Any) -> None:
        using = database or router.db_for_write(UserModel)
        if not router.allow_migrate_model(using, UserModel):
            raise CommandError(
                f"DATABASE_ROUTERS keep {UserModel._meta.label} out of {using!r}."
            )
        plans = planner(using)
        if plans is None:
            raise CommandError(
                f"The indexes are not known for {connections[using].display_name}. "
                "Requests compare the e-mail address and the username by "
                "UPPER(column) = UPPER(value), and the username by itself as well."
            )
        try:
            self._run(plans, apply=apply)
        except Error as error:
            raise CommandError(
                f"The database {using!r} refused: {error}".rstrip()
            ) from error

    def _run(self, plans: Planner, *, apply: bool) -> None:
        lacking = indexes.missing(plans)
        statements = indexes.remedy(plans, lacking)
        is_asked = plans.using == router.db_for_write(UserModel)
        if not lacking and is_asked and indexes.rows(plans) >= indexes.FEW_ROWS:
            statements = [plans.statistics(t) for t in indexes.read_in_full(plans)]
        if not statements:
            self.stdout.write("-- No index is missing.")
            return
        for table in indexes.tables_of(lacking) if apply else ():
            plans.insist_on_creation(table)
        for statement in statements:
            self.stdout.write(f"{statement};")
            if apply:
                with plans.connection.cursor() as cursor:
                    cursor.execute(statement)
