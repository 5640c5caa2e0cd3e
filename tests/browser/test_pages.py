"""What every page looks like: on a phone, in the dark, to a screen reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .example import DEMO_USER, Example
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
    "desktop": {},
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
        if look == "phone":
            # German words are long.
            visit.press("lang-de")
            visit.screenshot(f"{look}-german-{name}")
            visit.press("lang-en")
        else:
            visit.check_accessibility()

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
