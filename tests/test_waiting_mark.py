"""The mark of an account that waits, which a deactivated account does not have."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core import mail, management
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.functions import TruncDay
from django.utils import timezone
from rest_framework.test import APIClient

from ai_kit_auth import services, users
from ai_kit_auth.accounts import email_of, in_state, state_of
from ai_kit_auth.users import AccountState, waiting_accounts

from .account.page import configure
from .accounts import log_in, mailed_link, post, registration, the_user
from .conftest import OTHER_PASSWORD, PASSWORD, USER_MODELS, MakeUser
from .test_links import LINKS, row_of_2_0_0
from .urlconfs.account import ALL_ON

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.user_model(*(m for m in USER_MODELS if m != "bare")),
]


@pytest.fixture(autouse=True)
def _resends(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.urlconfs.account"
    configure(settings, ENABLE_ENDPOINTS=ALL_ON)


OLD_MARK = datetime(9999, 1, 1, tzinfo=UTC)


def rows() -> Any:
    return get_user_model()._default_manager.all()


def switch_off(update_fields: list[str] | None = None) -> None:
    user = the_user()
    user.is_active = False
    user.save(update_fields=update_fields)


def assert_stays_closed(client: APIClient, links: list[dict[str, str]]) -> None:
    mail.outbox.clear()
    for route in ("send_pw_reset_email", "resend_activation_email"):
        post(client, route, {"email": "ada@example.com"})
    assert mail.outbox == []
    for link in links:
        for endpoint in ("activate", "pw_reset"):
            answer = post(client, endpoint, {**link, "password": OTHER_PASSWORD})
            assert answer.status_code == 400
    assert log_in(APIClient(), "ada@example.com").status_code == 400


# Switched off after the upgrade


@pytest.mark.parametrize("update_fields", [None, ["is_active"]])
def test_a_used_link_of_2_0_0_does_not_open_an_account_that_is_switched_off(
    client: APIClient, db: None, update_fields: list[str] | None
) -> None:
    """It was activated under 2.0.0, never logged in, and the link still checks."""
    link = LINKS["older"](row_of_2_0_0())
    rows().update(is_active=True)
    switch_off(update_fields)
    assert_stays_closed(client, [link])


def test_what_was_activated_past_every_receiver_is_no_waiting_account_afterwards(
    client: APIClient, make_user: MakeUser
) -> None:
    """A worker of 2.0.0, or ``queryset.update()``, leaves the mark in an active row."""
    user = make_user(is_active=False)
    links = [LINKS[kind](user) for kind in ("activation", "reset", "plain")]
    rows().update(is_active=True)
    switch_off()
    assert_stays_closed(client, links)


def test_another_save_of_an_account_of_2_0_0_that_waits_keeps_its_link(
    client: APIClient, db: None
) -> None:
    link = LINKS["older"](row_of_2_0_0())
    the_user().save()
    switch_off()
    switch_off(["is_active"])
    assert post(client, "activate", link).status_code == 200


def test_an_account_that_is_made_active_and_then_inactive_can_be_activated(
    client: APIClient, make_user: MakeUser
) -> None:
    """So many projects register: ``create_user()``, the flag, and ``save()``."""
    user = make_user()
    user.is_active = False
    user.save()
    services.send_user_activation_mail(user)
    assert post(client, "activate", mailed_link()).status_code == 200


def test_project_code_may_mark_an_account_itself(make_user: MakeUser) -> None:
    make_user()
    user = the_user()
    user.is_active, user.last_login = False, users.waiting_mark()
    user.save()
    assert list(waiting_accounts()) == [user]


@pytest.mark.parametrize("column", ["password", "last_login"])
def test_a_save_of_another_column_decides_nothing(
    make_user: MakeUser,
    django_assert_num_queries: DjangoAssertNumQueries,
    column: str,
) -> None:
    make_user(is_active=False)
    user = the_user()
    with django_assert_num_queries(1):
        user.save(update_fields=[column])
    assert state_of(the_user()) is AccountState.WAITING


# A login before the activation

ALL_USERS = "django.contrib.auth.backends.AllowAllUsersModelBackend"


def test_a_login_before_the_activation_ends_no_waiting(
    client: APIClient, settings: Settings
) -> None:
    settings.AUTHENTICATION_BACKENDS = [ALL_USERS]
    post(client, "register", registration())
    link = mailed_link()
    for _ in range(2):
        assert log_in(APIClient(), "ada@example.com").status_code == 200
    assert state_of(the_user()) is AccountState.WAITING
    for route in ("send_pw_reset_email", "resend_activation_email"):
        post(client, route, {"email": "ada@example.com"})
    assert len(mail.outbox) == 3
    assert post(client, "activate", link).status_code == 200
    assert log_in(APIClient(), "ada@example.com").status_code == 200
    assert the_user().last_login.year < 2100


def test_a_login_of_a_deactivated_account_is_noted(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    settings.AUTHENTICATION_BACKENDS = [ALL_USERS]
    before = timezone.now() - timedelta(days=3)
    make_user(is_active=False, last_login=before)
    assert log_in(client, "ada@example.com").status_code == 200
    assert the_user().last_login > before
    assert state_of(the_user()) is AccountState.DEACTIVATED


BETTER = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",
]


@pytest.mark.parametrize(
    ("kind", "endpoint"), [("activation", "activate"), ("reset", "pw_reset")]
)
def test_a_login_that_is_refused_leaves_the_links_of_a_waiting_account_good(
    client: APIClient,
    make_user: MakeUser,
    settings: Settings,
    kind: str,
    endpoint: str,
) -> None:
    """The right password would be hashed again, though the account cannot log in."""
    link = LINKS[kind](make_user(is_active=False))
    settings.PASSWORD_HASHERS = BETTER
    assert log_in(APIClient(), "ada@example.com").status_code == 400
    answer = post(client, endpoint, {**link, "password": PASSWORD})
    assert answer.status_code == 200
    assert log_in(APIClient(), "ada@example.com").status_code == 200
    assert the_user().password.startswith("scrypt")


def test_a_login_that_is_refused_leaves_the_link_that_2_0_0_mailed_good(
    client: APIClient, db: None, settings: Settings
) -> None:
    link = LINKS["older"](row_of_2_0_0())
    settings.PASSWORD_HASHERS = BETTER
    assert log_in(APIClient(), "ada@example.com").status_code == 400
    assert post(client, "activate", link).status_code == 200


def test_another_password_of_an_account_that_waits_is_written(
    make_user: MakeUser,
) -> None:
    make_user(is_active=False)
    user = the_user()
    user.set_password(OTHER_PASSWORD)
    user.save(update_fields=["password"])
    assert the_user().check_password(OTHER_PASSWORD)


# The date

ZONES = ["UTC", "America/Los_Angeles", "Pacific/Kiritimati", "Etc/GMT+12"]


# MariaDB converts no date of any year before its time zone tables are loaded.
@pytest.mark.parametrize(
    "zone",
    [
        ZONES[0],
        *(
            pytest.param(zone, marks=pytest.mark.database("sqlite", "postgresql"))
            for zone in ZONES[1:]
        ),
    ],
)
def test_projects_can_calculate_with_the_date(
    make_user: MakeUser, settings: Settings, zone: str
) -> None:
    make_user(is_active=False)
    settings.TIME_ZONE = zone
    with timezone.override(zone):
        found = rows().filter(last_login__year=2200)
        assert found.count() == 1
        assert found.filter(last_login__date__gt="2199-12-31").count() == 1
        assert rows().filter(last_login__year__lt=2200).count() == 0
        assert list(rows().datetimes("last_login", "year")) == [
            datetime(2200, 1, 1, tzinfo=ZoneInfo(zone))
        ]
        later = ExpressionWrapper(
            F("last_login") + timedelta(days=30), output_field=DateTimeField()
        )
        user = found.annotate(later=later, day=TruncDay("last_login")).get()
        assert user.later == user.last_login + timedelta(days=30)
        assert user.day.year == 2200
    # What counts nanoseconds in 64 bits ends in the year 2262.
    assert user.last_login.timestamp() * 10**9 < 2**63


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("use_tz", [True, False])
def test_rows_with_the_mark_of_the_year_9999_still_wait(
    client: APIClient, make_user: MakeUser, settings: Settings, zone: str, use_tz: bool
) -> None:
    make_user(is_active=False)
    rows().update(last_login=OLD_MARK)
    settings.USE_TZ, settings.TIME_ZONE = use_tz, zone
    assert waiting_accounts().count() == 1
    services.send_user_activation_mail(the_user())
    assert post(client, "activate", mailed_link()).status_code == 200
    assert the_user().last_login is None
    assert waiting_accounts().count() == 0


# What reports and clean-ups ask


def test_the_query_of_each_state_finds_what_the_row_says(make_user: MakeUser) -> None:
    make_user("ada")
    make_user("bob", is_active=False)
    make_user("cyd", is_active=False, last_login=timezone.now())
    row_of_2_0_0("dan")
    for state in AccountState:
        found = rows().filter(in_state(state))
        assert [state_of(user) for user in found] == [state]
    assert list(waiting_accounts()) == [the_user("bob")]


def test_a_clean_up_of_waiting_accounts(make_user: MakeUser) -> None:
    make_user("ada")
    make_user("bob", is_active=False)
    waiting_accounts().delete()
    assert [email_of(user) for user in rows()] == ["ada@example.com"]


# Rows that are written past every receiver


def test_a_waiting_account_is_dumped_and_loaded(
    client: APIClient, tmp_path: Path
) -> None:
    post(client, "register", registration())
    dump = tmp_path / "accounts.json"
    label = get_user_model()._meta.label
    management.call_command("dumpdata", label, output=str(dump))
    rows().delete()
    management.call_command("loaddata", str(dump), verbosity=0)
    assert waiting_accounts().count() == 1
    assert post(client, "activate", mailed_link()).status_code == 200


def test_a_fixture_may_hold_the_documented_date(tmp_path: Path, db: None) -> None:
    row_of_2_0_0()
    dump = tmp_path / "accounts.json"
    label = get_user_model()._meta.label
    management.call_command("dumpdata", label, output=str(dump))
    [row] = json.loads(dump.read_text())
    row["fields"]["last_login"] = "2200-07-01T00:00:00Z"
    dump.write_text(json.dumps([row]))
    management.call_command("loaddata", str(dump), verbosity=0)
    assert waiting_accounts().count() == 1
    assert the_user().last_login == users.waiting_mark()


def test_bulk_create_with_the_mark(client: APIClient, db: None) -> None:
    row_of_2_0_0(last_login=users.waiting_mark(), password=make_password(PASSWORD))
    assert waiting_accounts().count() == 1
    post(client, "resend_activation_email", {"email": "ada@example.com"})
    assert post(client, "activate", mailed_link()).status_code == 200
