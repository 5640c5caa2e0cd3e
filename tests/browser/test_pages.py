"""Every page on a phone, in the dark scheme, and for a screen reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .example import DEMO_USER, OTHER_PASSWORD, Example, Person
from .visit import Visit

pytestmark = [
    pytest.mark.user_model("auth_user"),
    # The CSRF token's place makes no difference here.
    pytest.mark.parametrize("example", ["sessions"], indirect=True, scope="package"),
]

PAGES = {
    "home": "/",
    "register": "/auth/register",
    "login": "/auth/login",
    "forgot-password": "/auth/forgot_password",
    "activation": "/auth/activation/",
    "reset-password-refused": "/auth/reset_password/",
    "reset-password": "/auth/reset_password/?ident=1&token=x",
    "outbox": "/outbox",
    "not-found": "/nowhere",
}
LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 360, "height": 740},
        "has_touch": True,
        "is_mobile": True,
    },
    "dark": {"color_scheme": "dark"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page(
    new_visit: Callable[..., Visit], example: Example, look: str
) -> None:
    """No page scrolls sideways, and axe finds nothing."""
    visit = new_visit(**LOOKS[look])

    def inspect(name: str) -> None:
        visit.screenshot(f"{look}-{name}")
        visit.check_accessibility()
        # German words are long.
        visit.press("lang-de")
        visit.screenshot(f"{look}-german-{name}")
        visit.check_accessibility()
        visit.press("lang-en")

    # A mail for the outbox to show.
    visit.become_member(example.somebody())
    for name, path in PAGES.items():
        visit.go(path)
        inspect(name)
    visit.go("/auth/login")
    visit.expects("400 login/")
    visit.submit(ident=DEMO_USER.username, password="x")
    visit.sees("status", "errors.invalid_credentials")
    inspect("login-refused")
    visit.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
    visit.is_on("/auth/profile", "profile.title")
    inspect("profile")
    visit.go("/")
    inspect("home-logged-in")


def test_a_long_address_does_not_widen_a_phone(
    new_visit: Callable[..., Visit], example: Example
) -> None:
    visit = new_visit(**LOOKS["phone"])
    ident = f"{'a' * 60}@{'b' * 60}.example.com"
    visit.go("/auth/forgot_password")
    visit.submit(ident=ident)
    visit.sees("status", "forgot.done", ident=ident)
    visit.screenshot("phone-long-address")


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_follows_a_form(visit: Visit, example: Example, language: str) -> None:
    """axe finds nothing wrong with what the pages say after a success either."""
    ada = example.somebody()
    visit.go("/")
    visit.press(f"lang-{language}")
    visit.language = language
    visit.register(ada)
    visit.check_accessibility()
    visit.open_link(example.post_office.letter_to(ada.email).link)
    visit.use_link()
    visit.sees("status", "activation.done")
    visit.check_accessibility()
    visit.go("/auth/forgot_password")
    visit.submit(ident=ada.email)
    visit.sees("status", "forgot.done", ident=ada.email)
    visit.check_accessibility()
    visit.open_link(example.post_office.letter_to(ada.email, 2).link)
    visit.submit(password=OTHER_PASSWORD, password2=OTHER_PASSWORD)
    visit.sees("status", "reset.done")
    visit.check_accessibility()


TAPPED = "header a, header button, main form button, main .button"


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_head_is_good_to_read_and_to_tap_on_a_phone(
    new_visit: Callable[..., Visit], language: str
) -> None:
    """A thumb needs 44 pixels; the menu keeps one row and letters of a usual size."""
    visit = new_visit(**LOOKS["phone"])

    def check() -> None:
        for place in visit.page.locator(TAPPED).all():
            box = place.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360
            if "toggle" not in (place.get_attribute("class") or ""):
                assert box["height"] >= 44, place.inner_text()
        links = visit.page.locator("#nav a").all()
        boxes = [link.bounding_box() for link in links]
        assert len({box["y"] for box in boxes if box is not None}) == 1
        for link in links:
            assert link.evaluate("a => parseFloat(getComputedStyle(a).fontSize)") >= 16
            # No word is broken.
            assert link.evaluate("a => a.getClientRects().length") == 1
            assert link.evaluate("a => a.scrollWidth <= a.clientWidth")

    visit.go("/auth/login")
    visit.press(f"lang-{language}")
    visit.language = language
    check()
    visit.submit(ident=DEMO_USER.username, password=DEMO_USER.password)
    visit.is_on("/auth/profile", "profile.title")
    check()


def test_a_long_user_name_does_not_widen_a_phone(
    new_visit: Callable[..., Visit], example: Example
) -> None:
    visit = new_visit(**LOOKS["phone"])
    ada = Person(example.somebody().username + "x" * 50)
    visit.become_member(ada)
    visit.log_in(ada)
    visit.sees("header-user", "header.user", name=ada.username)
    visit.screenshot("phone-long-name")
    button = visit.page.get_by_test_id("header-logout").bounding_box()
    assert button is not None
    assert button["x"] + button["width"] <= 360
    # Nor does it squeeze the button.
    assert button["height"] < 50
