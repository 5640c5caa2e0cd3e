"""Browsers of one user, and the list of sessions that each of them sees."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.urls import reverse

from ai_kit_auth.sessions import services
from ai_kit_auth.sessions.models import SessionRecord
from tests.account.page import Browser

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
DOWN = f"{__name__}.Down"
NOT_FOUND = (404, {"error": "not_found"})
SESSION_KEYS = [
    *("id", "current", "created", "last_seen"),
    *("ip_address", "device", "name", "factor"),
]


def browser(
    user_agent: str = FIREFOX, address: str = "192.0.2.7", name: str = "ada"
) -> Browser:
    """Return a browser in which the account called ``name`` is logged in."""
    made = Browser(address)
    made.client.defaults["HTTP_USER_AGENT"] = user_agent
    assert made.log_in(f"{name}@example.com").status_code == 200
    return made


def listed(by: Browser) -> list[dict[str, Any]]:
    answer = by.client.get(reverse("ai_kit_auth:sessions"))
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()
    return found


def current(by: Browser) -> dict[str, Any]:
    [found] = [each for each in listed(by) if each["current"]]
    return found


def ask(by: Browser, method: str, pk: object, data: Any = None) -> Any:
    """Send ``method`` to the session ``pk``; return status and body."""
    answer = getattr(by.client, method)(
        reverse("ai_kit_auth:session", args=[pk]),
        {} if data is None else data,
        format="json",
        headers={"X-CSRFToken": by.token},
    )
    return answer.status_code, answer.json() if answer.content else None


def record_of(by: Browser) -> SessionRecord:
    found: SessionRecord = services.rows().get(sid=by.client.session[services.SID])
    return found


class Down(LocMemCache):
    """A cache that cannot be reached."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError

    add = set = get_many = set_many = delete = incr = get
