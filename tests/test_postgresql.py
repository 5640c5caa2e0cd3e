"""What only PostgreSQL does when it creates an index."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import connections, transaction

from ai_kit_auth.query_plans import PostgreSQL

from .test_indexes import ask, printed

pytestmark = [
    pytest.mark.database("postgresql"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.user_model("auth_user"),
    pytest.mark.usefixtures("same_indexes"),
]


def test_what_a_failed_creation_left_is_replaced() -> None:
    model = get_user_model()
    for name in ("ada", "bob"):
        model._default_manager.create(username=name, email="both@example.com")
    twice = 'CREATE UNIQUE INDEX CONCURRENTLY "auth_user_email_upper" ON auth_user'
    with pytest.raises(Exception, match="could not create unique index"):
        ask(f"{twice} (UPPER(email))")
    drop, *_ = printed()
    assert drop == 'DROP INDEX CONCURRENTLY "public"."auth_user_email_upper";'
    printed("--apply")
    assert printed() == ["-- No index is missing."]


def test_postgresql_creates_no_index_within_a_transaction() -> None:
    with (
        transaction.atomic(),
        pytest.raises(CommandError, match="write atomic = False"),
    ):
        printed("--apply")


def test_an_index_that_another_connection_is_creating_is_left_to_it() -> None:
    other = connections["default"].copy()
    builder = connections["default"].copy()

    def build() -> None:
        with builder.cursor() as cursor:
            cursor.execute(
                "CREATE INDEX CONCURRENTLY auth_user_email_upper "
                "ON auth_user (UPPER(email))"
            )

    builder.inc_thread_sharing()
    building = threading.Thread(target=build)
    try:
        # The creation waits for the end of this transaction.
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("UPDATE auth_user SET email = email WHERE id = 0")
            building.start()
            for _ in range(1_000):
                if PostgreSQL("default").is_busy("auth_user"):
                    break
                cursor.execute("SELECT pg_sleep(0.01)")
        with pytest.raises(CommandError, match="Another connection is creating"):
            printed("--apply")
    finally:
        other.rollback()
        other.close()
        building.join()
        builder.close()
    assert not any("email" in statement for statement in printed())
