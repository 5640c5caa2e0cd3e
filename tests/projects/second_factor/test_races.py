"""One code used by many requests at once is good once, on every database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections

from ...account.page import configure
from ...conftest import PASSWORD
from .page import ASKED, Ada, Page

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 50
NO_LIMITS = {
    "LOGIN_ACCOUNT": None,
    "LOGIN_ACCOUNT_ADDRESS": None,
    "SECOND_FACTOR": None,
}


@pytest.fixture
def waiting(ada: Ada, settings: Settings) -> list[Page]:
    """Return pages with as many logins that wait for the second step."""
    configure(settings, THROTTLE_RATES=NO_LIMITS)
    pages = [Page() for _ in range(AT_ONCE)]
    for page in pages:
        assert page.log_in() == ASKED
    return pages


def at_once(*actions: Callable[[], Any]) -> Counter[int]:
    """Call all ``actions`` at once; return how often they answered which status."""
    barrier = Barrier(len(actions))

    def act(action: Callable[[], Any]) -> int:
        barrier.wait(timeout=30)
        try:
            status: int = action()[0]
            return status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as pool:
        return Counter(pool.map(act, actions))


def proofs(pages: list[Page], code: str, method: str) -> Iterator[Callable[[], Any]]:
    for page in pages:
        yield partial(page.prove, code, method)


def test_a_code_of_the_app_is_good_once(ada: Ada, waiting: list[Page]) -> None:
    answers = at_once(*proofs(waiting, ada.app.code(), "totp"))
    # The others have a code that was used, or wait for the app to take one again.
    assert answers.pop(200) == 1
    assert set(answers) <= {400, 429}
    assert sum(page.is_in() for page in waiting) == 1


def test_a_recovery_code_is_good_once(ada: Ada, waiting: list[Page]) -> None:
    answers = at_once(*proofs(waiting, ada.codes[0], "recovery_code"))
    assert answers == {200: 1, 400: AT_ONCE - 1}
    assert sum(page.is_in() for page in waiting) == 1


def test_tries_of_one_login_are_counted_at_once(
    ada: Ada, page: Page, settings: Settings
) -> None:
    configure(settings, THROTTLE_RATES=NO_LIMITS)
    page.log_in()
    pages = [page.copy() for _ in range(20)]
    answers = at_once(*proofs(pages, "abcd-efgh-ijkl-mnop", "recovery_code"))
    assert answers == {400: 5, 403: 15}


def test_a_database_that_was_restarted_has_kept_the_login(ada: Ada, page: Page) -> None:
    page.log_in()
    connections.close_all()
    assert page.prove(ada.app.code())[0] == 200
    assert page.is_in()


def test_an_app_is_confirmed_once(ada: Ada, settings: Settings) -> None:
    from django_otp.plugins.otp_totp.models import TOTPDevice

    page = Page()
    page.log_in()
    page.prove(ada.app.code())
    page.post("confirm_password", {"password": PASSWORD})
    secret = page.post("factors_totp")[1]["secret"]
    app = type(ada.app)(secret, ada.app._clock)
    given = {"code": app.code()}
    pages = [page.copy() for _ in range(10)]
    answers = at_once(
        *(partial(page.post, "factors_totp_confirm", given) for page in pages)
    )
    assert answers.pop(200) == 1
    assert set(answers) <= {400, 403}
    assert TOTPDevice.objects.filter(user=ada.user, confirmed=True).count() == 1
