"""A user deletes their account in the project's way, completely or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_out
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.test import override_settings
from rest_framework.exceptions import PermissionDenied

from ai_kit_auth import services as core
from ai_kit_auth.account import services, signals
from ai_kit_auth.accounts import email_of
from ai_kit_auth.user_model import user_model

from ..accounts import mailed_link, post, registration
from ..conftest import OTHER_PASSWORD, PASSWORD, Connect, MakeUser
from ..shop.models import Basket, Contract, Delivery, Invoice
from ..test_links import own_link
from . import page
from .page import Browser
from .test_logout_others import make_fresh

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*page.EVERY_MODEL)]

PROTECTED = page.refused("account_protected", 409)
FAREWELL = [(page.ADA, "Your account was deleted - app.example.com")]
ANONYMISE = "ai_kit_auth.account.services.anonymise_user"
both = pytest.mark.parametrize("anonymise", [False, True])


def leave(browser: Browser, **changes: Any) -> Any:
    return browser.post("delete_account", {"password": PASSWORD, **changes})


def choose(settings: Settings, anonymise: bool) -> None:
    if anonymise:
        page.configure(settings, ACCOUNT_DELETION_FUNCTION=ANONYMISE)


# Proof of the user


@both
def test_the_account_and_all_its_sessions_are_gone(
    browser: Browser,
    elsewhere: Browser,
    make_user: MakeUser,
    settings: Settings,
    anonymise: bool,
) -> None:
    choose(settings, anonymise)
    make_user("eve")
    token, key = browser.token, browser.cookie()
    answer = leave(browser)
    assert (answer.status_code, list(answer.json())) == (200, ["csrf"])
    assert browser.token != token
    assert browser.cookie() == ""
    assert not Session.objects.filter(session_key=key).exists()
    assert browser.me() is None
    assert elsewhere.me() is None
    assert Browser().log_in().status_code == 400
    assert Browser().log_in("eve@example.com").status_code == 200
    assert page.mails() == FAREWELL
    stale = Browser()
    stale.client.cookies[settings.SESSION_COOKIE_NAME] = key
    assert stale.me() is None


def test_the_page_can_log_in_somebody_else_with_the_answer_s_token(
    browser: Browser, make_user: MakeUser
) -> None:
    make_user("eve")
    leave(browser)
    body = {"ident": "eve@example.com", "password": PASSWORD}
    assert browser.post("login", body).status_code == 200


@both
def test_the_address_is_free_again(
    browser: Browser, settings: Settings, anonymise: bool
) -> None:
    choose(settings, anonymise)
    leave(browser)
    again = post(browser.client, "register", registration(password=OTHER_PASSWORD))
    assert again.status_code == 201


def test_it_takes_the_password(browser: Browser) -> None:
    before = page.rows()
    assert page.answer_of(browser.post("delete_account")) == page.PASSWORD_REQUIRED
    assert page.answer_of(leave(browser, password="wrong")) == page.WRONG_PASSWORD
    assert page.rows() == before
    assert browser.me() is not None


@both
def test_a_fresh_session_may_leave_it_out(
    browser: Browser, settings: Settings, anonymise: bool
) -> None:
    choose(settings, anonymise)
    browser.confirm_password()
    assert browser.post("delete_account").status_code == 200
    assert browser.me() is None


def test_an_account_without_a_password_needs_a_fresh_session(
    browser: Browser, ada: Any
) -> None:
    page.take_password(ada)
    browser.client.force_login(ada)
    browser.me()
    assert page.answer_of(browser.post("delete_account")) == page.NOT_FRESH
    make_fresh(browser, ada)
    assert browser.post("delete_account").status_code == 200
    assert page.rows() == []


def test_twice_is_once(browser: Browser, elsewhere: Browser) -> None:
    assert leave(browser).status_code == 200
    assert page.answer_of(leave(elsewhere)) == page.OUT
    assert len(page.mails()) == 1


def test_a_mailed_link_of_it_is_worth_nothing(browser: Browser, ada: Any) -> None:
    link = own_link(core.get_password_reset_url(ada))
    change = own_link(services.get_email_change_url(ada, "ada@new.example"))
    leave(browser)
    body = {**link, "password": OTHER_PASSWORD}
    assert page.answer_of(post(browser.client, "pw_reset", body)) == page.refused(
        "reset_password_link_invalid", 400
    )
    assert page.answer_of(
        post(browser.client, "confirm_email", change)
    ) == page.refused("email_change_link_invalid", 400)


# What deletion means


def test_what_belongs_to_it_goes_with_it(browser: Browser, ada: Any) -> None:
    Basket.objects.create(owner=ada)
    assert leave(browser).status_code == 200
    assert page.rows() == []
    assert Basket.objects.count() == 0


def write_history(user: Any, about: Any) -> LogEntry:
    return LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(get_user_model()),
        object_id=str(about.pk),
        object_repr="ada",
        action_flag=ADDITION,
    )


@pytest.mark.parametrize("still_staff", [True, False])
def test_what_a_member_of_the_staff_did_stays_in_the_history(
    browser: Browser, ada: Any, make_user: MakeUser, still_staff: bool
) -> None:
    """Otherwise a deleted account takes the traces of what it did along."""
    if still_staff and "is_staff" in user_model.columns:
        get_user_model()._default_manager.update(is_staff=True)
    entry = write_history(ada, about=make_user("eve"))
    key = ada.pk
    assert leave(browser).status_code == 200
    entry.refresh_from_db()
    assert entry.user_id == key
    # The row has no name and no way to log in.
    row = get_user_model()._default_manager.get(pk=key)
    # Not "ada" in any text, which a random name may hold.
    assert not {"ada", page.ADA} & set(map(str, vars(row).values()))
    assert page.ADA not in str(vars(row)).lower()
    assert not row.has_usable_password()
    assert browser.me() is None
    assert Browser().log_in(page.ADA).status_code == 400


def test_the_address_of_such_an_account_is_free(browser: Browser, ada: Any) -> None:
    write_history(ada, about=ada)
    assert leave(browser).status_code == 200
    assert post(Browser().client, "register", registration()).status_code == 201


def test_a_project_s_own_function_decides_about_the_history(
    browser: Browser, ada: Any, settings: Settings
) -> None:
    page.configure(settings, ACCOUNT_DELETION_FUNCTION=lambda user: user.delete())
    write_history(ada, about=ada)
    assert leave(browser).status_code == 200
    assert page.rows() == []


def test_without_the_admin_there_is_no_history_to_look_at(
    browser: Browser, ada: Any, settings: Settings
) -> None:
    installed = [a for a in settings.INSTALLED_APPS if a != "django.contrib.admin"]
    with override_settings(INSTALLED_APPS=installed):
        services.delete_user(ada)
    assert page.rows() == []


def test_what_an_admin_did_to_it_stays_in_the_history(
    browser: Browser, ada: Any, make_user: MakeUser
) -> None:
    write_history(make_user("eve"), about=ada)
    assert leave(browser).status_code == 200
    assert LogEntry.objects.count() == 1


def test_an_anonymised_row_tells_nobody_whose_it_was(
    browser: Browser, ada: Any, settings: Settings
) -> None:
    choose(settings, anonymise=True)
    if "first_name" in user_model.columns:
        ada.first_name = ada.last_name = "Lovelace"
        ada.is_staff = True
    if "is_superuser" in user_model.columns:
        ada.is_superuser = True
        ada.groups.add(Group.objects.create(name="admins"))
    ada.save()
    key = ada.pk
    invoice = Invoice.objects.create(customer=ada)
    assert leave(browser).status_code == 200
    invoice.refresh_from_db()
    left = get_user_model()._default_manager.get()
    assert (left.pk, invoice.customer_id) == (key, key)
    [row] = page.rows()
    # Not "ada", which a random name may hold.
    assert not {"ada", page.ADA, "Lovelace"} & set(map(str, row.values()))
    assert "lovelace" not in str(row).lower()
    assert page.ADA not in str(row).lower()
    assert email_of(left).endswith("@deleted.invalid")
    assert not left.has_usable_password()
    powers = {"is_active", "is_staff", "is_superuser"} & set(row)
    assert not any(row[power] for power in powers)
    if "is_superuser" in user_model.columns:
        assert not left.groups.exists()


def test_two_anonymised_rows_do_not_clash(
    browser: Browser, settings: Settings, make_user: MakeUser
) -> None:
    choose(settings, anonymise=True)
    make_user("eve")
    eves = Browser()
    eves.log_in("eve@example.com")
    assert leave(browser).status_code == leave(eves).status_code == 200
    assert len({row[user_model.email] for row in page.rows()}) == 2


@pytest.mark.user_model(*page.WITH_ACTIVATION)
def test_an_anonymised_account_is_not_to_be_revived(
    browser: Browser, settings: Settings
) -> None:
    choose(settings, anonymise=True)
    leave(browser)
    [row] = page.rows()
    ident = row[user_model.email]
    sent = len(page.mails())
    for route in ("send_pw_reset_email", "resend_activation_email"):
        assert page.answer_of(Browser().post(route, {"email": ident})) == (200, {})
    assert len(page.mails()) == sent


def test_a_host_decides_what_it_is(
    browser: Browser, ada: Any, settings: Settings
) -> None:
    left = []

    def move_out(user: Any) -> None:
        left.append(user.pk)
        user.set_unusable_password()
        user.save()

    page.configure(settings, ACCOUNT_DELETION_FUNCTION=move_out)
    assert leave(browser).status_code == 200
    assert left == [ada.pk]
    assert len(page.rows()) == 1
    assert browser.me() is None


# What hinders it


def assert_nothing_happened(browser: Browser, elsewhere: Browser) -> None:
    assert browser.me() is not None
    assert elsewhere.me() is not None
    assert page.mails() == []
    assert leave(Browser()).status_code == 403


@pytest.mark.parametrize(
    "hold",
    [
        lambda user: Invoice.objects.create(customer=user),
        lambda user: Contract.objects.create(party=user),
    ],
    ids=["PROTECT", "RESTRICT"],
)
def test_an_account_that_other_data_need_stays_whole(
    browser: Browser, elsewhere: Browser, ada: Any, hold: Callable[[Any], Any]
) -> None:
    Basket.objects.create(owner=ada)
    held = hold(ada)
    before = page.rows()
    assert page.answer_of(leave(browser)) == PROTECTED
    assert page.rows() == before
    assert Basket.objects.count() == 1
    assert_nothing_happened(browser, elsewhere)
    held.delete()
    assert leave(browser).status_code == 200
    assert page.rows() == []


@pytest.mark.django_db(transaction=True)
def test_a_database_that_finds_out_at_the_end_keeps_it_whole(
    browser: Browser, elsewhere: Browser, ada: Any
) -> None:
    Basket.objects.create(owner=ada)
    Delivery.objects.create(recipient=ada)
    before = page.rows()
    assert page.answer_of(leave(browser)) == PROTECTED
    assert page.rows() == before
    assert Basket.objects.count() == 1
    assert_nothing_happened(browser, elsewhere)
    Delivery.objects.all().delete()


def test_an_account_that_others_need_is_told_of_in_the_log(
    browser: Browser, ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What a receiver's own rows have broken would be hidden in the code."""
    Invoice.objects.create(customer=ada)
    assert page.answer_of(leave(browser)) == PROTECTED
    (record,) = [r for r in caplog.records if r.name == "ai_kit_auth"]
    assert record.levelname == "WARNING"
    assert record.exc_info is not None


def test_a_password_that_was_changed_meanwhile_saves_the_account(
    browser: Browser, ada: Any
) -> None:
    """An intruder in a stolen session is logged out, and their requests are refused."""

    def recover() -> None:
        ada.set_password(OTHER_PASSWORD)
        ada.save()

    with page.before_savepoint(1, recover):
        assert page.answer_of(leave(browser)) == page.OUT
    assert Browser().log_in(password=OTHER_PASSWORD).status_code == 200


@pytest.mark.parametrize(
    "signal", [signals.user_pre_delete_account, signals.user_post_delete_account]
)
def test_a_receiver_that_refuses_leaves_all_as_it_was(
    browser: Browser, elsewhere: Browser, ada: Any, connect: Connect, signal: Any
) -> None:
    def veto(**kwargs: Any) -> None:
        raise PermissionDenied("Not on a Sunday.", "closed_on_sundays")

    Basket.objects.create(owner=ada)
    connect(signal, veto)
    before = page.rows()
    assert page.answer_of(leave(browser)) == page.refused("closed_on_sundays")
    assert page.rows() == before
    assert Basket.objects.count() == 1
    assert_nothing_happened(browser, elsewhere)


def test_the_host_s_function_may_refuse(
    browser: Browser, elsewhere: Browser, ada: Any, settings: Settings
) -> None:
    def refuse_with_debts(user: Any) -> None:
        user.delete()
        raise PermissionDenied("Pay first.", "unpaid_invoices")

    page.configure(settings, ACCOUNT_DELETION_FUNCTION=refuse_with_debts)
    before = page.rows()
    assert page.answer_of(leave(browser)) == page.refused("unpaid_invoices")
    assert page.rows() == before
    assert_nothing_happened(browser, elsewhere)


# Notices


@both
def test_who_looks_for_what_belonged_to_it_still_learns_its_key(
    browser: Browser, ada: Any, settings: Settings, connect: Connect, anonymise: bool
) -> None:
    """Projects clean up when a user is logged out."""
    choose(settings, anonymise)
    seen = []

    def clean_up(user: Any, **kwargs: Any) -> None:
        seen.append((user.pk, Basket.objects.filter(owner=user).count()))

    connect(user_logged_out, clean_up)
    assert leave(browser).status_code == 200
    assert seen == [(ada.pk, 0)]


@both
def test_the_farewell_goes_to_the_address_it_had(
    browser: Browser, settings: Settings, anonymise: bool
) -> None:
    choose(settings, anonymise)
    leave(browser)
    assert page.mails() == FAREWELL
    with pytest.raises(AssertionError):
        mailed_link()


@both
def test_a_host_may_send_none(
    browser: Browser, settings: Settings, anonymise: bool
) -> None:
    choose(settings, anonymise)
    page.configure(settings, SECURITY_NOTICES={"ACCOUNT_DELETED": False})
    assert leave(browser).status_code == 200
    assert page.mails() == []
