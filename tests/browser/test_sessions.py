"""The list of sessions on the account page, and the mail about a new browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .example import Example
from .test_account import member_in
from .visit import Visit

pytestmark = [
    pytest.mark.user_model("auth_user"),
    # Where the CSRF token is kept makes no difference to these.
    pytest.mark.parametrize("example", ["sessions"], indirect=True, scope="package"),
]

NewVisit = Callable[..., Visit]


def test_a_user_ends_the_session_of_another_browser(
    new_visit: NewVisit, example: Example
) -> None:
    ada = example.somebody()
    here, elsewhere = new_visit(), new_visit()
    member_in(here, ada)
    elsewhere.log_in(ada)
    here.open_account()
    here.sees("session-current", "account.session_current")
    other = here.page.get_by_test_id("session-other")
    other.get_by_text(here.text("account.rename")).click()
    here.type(name="The old laptop")
    here.press("name-submit")
    here.reads("session-other", "The old laptop")
    here.screenshot("account-sessions")
    here.check_accessibility()

    end = other.get_by_text(here.text("account.session_end"))
    name = end.get_attribute("data-testid")
    assert name is not None
    session = name.removeprefix("session-end-").removesuffix("-submit")
    here.expects(f"400 sessions/{session}/")
    end.click()
    here.confirm(ada.password)
    here.sees("sessions-news", "account.session_end_done")
    assert other.count() == 0
    elsewhere.go("/auth/profile")
    elsewhere.is_on("/auth/login", "login.title")
    here.page.reload()
    here.is_on("/auth/account", "account.title")


def test_a_user_ends_all_other_sessions(new_visit: NewVisit, example: Example) -> None:
    ada = example.somebody()
    here, *others = new_visit(), new_visit(), new_visit()
    member_in(here, ada)
    for other in others:
        other.log_in(ada)
    here.open_account()
    here.expects("400 sessions/")
    here.press("sessions-end-submit")
    here.confirm(ada.password)
    here.sees("sessions-news", "account.sessions_end_done")
    for other in others:
        other.go("/auth/profile")
        other.is_on("/auth/login", "login.title")
    here.page.reload()
    here.is_on("/auth/account", "account.title")


def test_a_stranger_in_the_account_is_thrown_out_by_the_link_of_the_mail(
    new_visit: NewVisit, example: Example
) -> None:
    ada = example.somebody()
    here, stranger = new_visit(), new_visit()
    here.become_member(ada)
    here.log_in(ada)
    stranger.log_in(ada)
    # After the activation mail.
    letter = example.post_office.letter_to(ada.email, 2)
    here.open_link(letter.link)
    here.is_on("/auth/not_me", "not_me.title")
    here.screenshot("not-me")
    here.check_accessibility()
    here.use_link()
    here.sees("status", "not_me.done")
    stranger.go("/auth/profile")
    stranger.is_on("/auth/login", "login.title")
    reset = example.post_office.letter_to(ada.email, 3)
    assert "/auth/reset_password" in reset.link
