"""All other sessions end with every session engine, and the password stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from rest_framework.exceptions import PermissionDenied

from ai_kit_auth import services
from ai_kit_auth.account import permissions, signals
from ai_kit_auth.user_model import user_model

from ..accounts import post
from ..conftest import OTHER_PASSWORD, PASSWORD, Connect, MakeUser
from ..test_links import own_link
from . import page
from .page import Browser

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*page.EVERY_MODEL)]

WITH_PASSWORD = {"password": PASSWORD}


def hash_of(user: Any) -> str:
    user.refresh_from_db()
    return str(user.password)


def use(settings: Settings, engine: str, tmp_path: Path) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)


@pytest.mark.parametrize("engine", page.ENGINES)
def test_this_session_lives_and_every_other_of_the_account_ends(
    settings: Settings, tmp_path: Path, make_user: MakeUser, engine: str
) -> None:
    use(settings, engine, tmp_path)
    user = make_user()
    make_user("eve")
    here, there, third, eves = (Browser() for _ in range(4))
    for browser in (here, there, third):
        browser.log_in()
    eves.log_in("eve@example.com")
    key, token, old_hash = here.cookie(), here.token, hash_of(user)
    answer = here.post("logout_others", WITH_PASSWORD)
    assert (answer.status_code, list(answer.json())) == (200, ["csrf"])
    assert here.cookie() != key
    assert here.token != token
    assert here.me() is not None
    assert [there.me(), third.me()] == [None, None]
    assert eves.me() is not None
    assert hash_of(user) != old_hash
    assert user.check_password(PASSWORD)
    assert Browser().log_in().status_code == 200


@pytest.mark.parametrize("engine", page.ENGINES)
def test_a_fresh_session_sends_the_password_as_well(
    settings: Settings, tmp_path: Path, ada: Any, engine: str
) -> None:
    """It is hashed anew, and no session keeps a hash for that."""
    use(settings, engine, tmp_path)
    here, there = Browser(), Browser()
    here.log_in()
    there.log_in()
    assert here.confirm_password().status_code == 200
    assert not page.holds_a_hash(here)
    before = page.rows()
    assert page.answer_of(here.post("logout_others")) == page.PASSWORD_REQUIRED
    assert page.rows() == before
    assert there.me() is not None
    assert here.post("logout_others", WITH_PASSWORD).status_code == 200
    assert not page.holds_a_hash(here)
    assert (here.me() is None, there.me() is None) == (False, True)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("change_password", {"new_password": OTHER_PASSWORD}),
        ("logout_others", WITH_PASSWORD),
    ],
)
def test_no_session_keeps_a_hash_of_the_password(
    browser: Browser, route: str, body: dict[str, str]
) -> None:
    browser.confirm_password()
    assert browser.post(route, {**WITH_PASSWORD, **body}).status_code == 200
    assert not page.holds_a_hash(browser)
    assert page.answer_of(browser.post("logout_others")) == page.PASSWORD_REQUIRED


def test_a_stale_session_sends_the_password(browser: Browser) -> None:
    assert page.answer_of(browser.post("logout_others")) == page.PASSWORD_REQUIRED


def test_the_password_must_be_right(browser: Browser, elsewhere: Browser) -> None:
    before = page.rows()
    wrong = browser.post("logout_others", {"password": "wrong"})
    assert page.answer_of(wrong) == page.WRONG_PASSWORD
    assert page.rows() == before
    assert elsewhere.me() is not None


@pytest.mark.parametrize("engine", page.ENGINES)
def test_an_account_without_a_password_needs_a_fresh_session(
    settings: Settings, tmp_path: Path, ada: Any, engine: str
) -> None:
    use(settings, engine, tmp_path)
    page.take_password(ada)
    here, there = Browser(), Browser()
    for browser in (here, there):
        browser.client.force_login(ada)
        browser.me()
    assert page.answer_of(here.post("logout_others")) == page.NOT_FRESH
    assert (
        page.answer_of(here.post("logout_others", WITH_PASSWORD)) == page.WRONG_PASSWORD
    )
    make_fresh(here, ada)
    assert here.post("logout_others").status_code == 200
    assert here.me() is not None
    assert there.me() is None
    assert not type(ada)._default_manager.get().has_usable_password()


def make_fresh(browser: Browser, user: Any) -> None:
    """Do what a project does after its single sign-on has asked the user again."""
    request = browser.client.get("/").wsgi_request
    request.user = user
    permissions.mark_recently_authenticated(request)
    request.session.save()
    browser.client.cookies["sessionid"] = str(request.session.session_key)


class Directory(BaseBackend):
    """A directory of the project, with its own passwords for the same accounts."""

    def authenticate(self, request: Any, **credentials: Any) -> Any:
        if credentials["password"] == "the directory's own":
            return get_user_model()._default_manager.get_by_natural_key(
                credentials["username"]
            )
        return None

    def get_user(self, user_id: Any) -> Any:
        return get_user_model()._default_manager.get(pk=user_id)


def test_a_directory_s_password_never_becomes_the_row_s(
    settings: Settings, ada: Any
) -> None:
    """It would outlive its end in the directory."""
    settings.AUTHENTICATION_BACKENDS = [
        "django.contrib.auth.backends.ModelBackend",
        f"{__name__}.Directory",
    ]
    browser = Browser()
    assert browser.log_in(password="neither").status_code == 400
    assert browser.log_in(password="the directory's own").status_code == 200
    typed = {"password": "the directory's own"}
    assert page.answer_of(browser.post("logout_others", typed)) == page.WRONG_PASSWORD
    assert browser.confirm_password("the directory's own").status_code == 200
    assert page.answer_of(browser.post("logout_others")) == page.PASSWORD_REQUIRED
    assert ada.check_password(PASSWORD)
    page.take_password(ada)
    assert browser.log_in(password="the directory's own").status_code == 200
    there = Browser()
    there.log_in(password="the directory's own")
    assert browser.post("logout_others", typed).status_code == 200
    assert (browser.me() is None, there.me() is None) == (False, True)
    assert not type(ada)._default_manager.get().has_usable_password()


def test_a_faster_change_of_the_password_wins(
    browser: Browser, ada: Any, connect: Connect
) -> None:
    def change_elsewhere(**kwargs: Any) -> None:
        type(ada)._default_manager.filter(pk=ada.pk).update(
            password=make_password(OTHER_PASSWORD)
        )

    connect(signals.user_pre_logout_others, change_elsewhere)
    assert page.answer_of(browser.post("logout_others", WITH_PASSWORD)) == page.OUT


def test_a_receiver_that_refuses_ends_no_session(
    browser: Browser, elsewhere: Browser, connect: Connect
) -> None:
    def veto(**kwargs: Any) -> None:
        raise PermissionDenied("Not on a Sunday.", "closed_on_sundays")

    browser.confirm_password()
    before = page.rows()
    for signal in (signals.user_post_logout_others, signals.user_pre_logout_others):
        connect(signal, veto)
        answer = browser.post("logout_others", WITH_PASSWORD)
        assert page.answer_of(answer) == page.refused("closed_on_sundays")
        assert page.rows() == before
        assert browser.me() is not None
        assert elsewhere.me() is not None
        signal.disconnect(veto)
    assert browser.post("logout_others", WITH_PASSWORD).status_code == 200


def test_mailed_links_die_with_the_sessions(browser: Browser, ada: Any) -> None:
    """A user who suspects an intruder wants these revoked as well."""
    link = own_link(services.get_password_reset_url(ada))
    browser.post("logout_others", WITH_PASSWORD)
    answer = post(browser.client, "pw_reset", {**link, "password": OTHER_PASSWORD})
    assert page.answer_of(answer) == page.refused("reset_password_link_invalid", 400)


def test_the_waiting_row_of_somebody_else_stays_as_it_is(
    browser: Browser, make_user: MakeUser
) -> None:
    make_user("eve")
    others = {
        row["password"] for row in page.rows() if row[user_model.email] != page.ADA
    }
    browser.post("logout_others", WITH_PASSWORD)
    assert {
        row["password"] for row in page.rows() if row[user_model.email] != page.ADA
    } == others
