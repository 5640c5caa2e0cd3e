"""
What schemathesis needs to know of the example: how to log in, and some real links.

schemathesis loads it (``SCHEMATHESIS_HOOKS``). Environment variables: ``API``, the URL
that the endpoints are below, and ``OUTBOX``, the URL of the mails.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import schemathesis
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario

API = os.environ["API"]
HEADER = "X-CSRFToken"
PASSWORD = "tall ferns in the rain"
# So many requests of an operation use a link that was mailed.
LINKS = 5
TIMEOUT = 30  # seconds
_numbers = itertools.count(1)
OF_LINKS = ("activate_email", "link_status", "reset_password", "validate_password")
_left = dict.fromkeys(OF_LINKS, LINKS)
# What asks for the password. So many requests of each come from an account that was
# made for it, and know it; the others are the demo user's and guess.
OF_ACCOUNT = (
    "change_email",
    "change_password",
    "confirm_password",
    "delete_account",
    "logout_others",
)
MEMBERS = 2
# Of the apps that the example installs.
LOGINS = ("login", "passkey_login", "passkey_login_options", "second_factor")
OF_APPS = (
    "add_passkey",
    "confirm_totp",
    "end_session",
    "end_sessions",
    "enrol_totp",
    "factors",
    "name_session",
    "passkey_options",
    "remove_passkey",
    "remove_totp",
    "rename_passkey",
    "renew_recovery_codes",
    "second_factor_passkey_options",
    "sessions",
)
_left |= {"confirm_email": MEMBERS, **dict.fromkeys(OF_ACCOUNT, MEMBERS)}


@schemathesis.auth(refresh_interval=None).apply_to(
    operation_id=[*LOGINS, "logout", "me", "update_me", *OF_ACCOUNT, *OF_APPS]
)
class Session:
    """
    A new session for each request, since a login or a logout ends it.

    The session is anonymous at a login, and the demo user's elsewhere. The token
    replaces the one that schemathesis generates. A test of a missing header gets none.
    """

    def get(self, case: Any, context: Any) -> tuple[str, str]:
        if case.operation.definition.raw["operationId"] in LOGINS:
            return new_session()
        # By the address, since the name is changed all the time.
        return new_session("demo@example.com", "walk-in-the-park-7")

    def set(self, case: Any, data: tuple[str, str], context: Any) -> None:
        key, token = data
        case.cookies["sessionid"] = key
        phase = case.meta.phase.data
        # The token is asked for before the method is looked at.
        is_other_method = (
            isinstance(phase, CoveragePhaseData)
            and phase.scenario is CoverageScenario.UNSPECIFIED_HTTP_METHOD
        )
        is_valid = case.meta.generation.mode.is_positive
        if is_valid or is_other_method or HEADER in case.headers:
            case.headers[HEADER] = token


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """
    Leave out texts with white space around them.

    It is taken off before a text is measured, so that what breaks the schema's
    ``maxLength`` may be accepted all the same. A schema has no word for that.
    """
    values = body.values() if isinstance(body, dict) else ()
    return all(value == value.strip() for value in values if isinstance(value, str))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Let some requests succeed that a made-up ident or token never would."""
    operation = case.operation.definition.raw.get("operationId")
    is_good = isinstance(case.body, dict) and case.meta.generation.mode.is_positive
    if not (is_good and _left.get(operation, 0) > 0):
        return
    _left[operation] -= 1
    if operation in OF_ACCOUNT:
        key, token = new_session(new_member(), PASSWORD)
        case.cookies["sessionid"] = key
        case.headers[HEADER] = token
        own = {"email": new_address(), "new_password": "nine lanterns on a hill"}
        case.body = {name: own.get(name, PASSWORD) for name in (*case.body, "password")}
    elif operation == "confirm_email":
        case.body = {**case.body, **confirmation_link(), "password": PASSWORD}
    elif operation == "link_status":
        # Each purpose takes both kinds; one of them is wrong there.
        case.body = {**case.body, **mailed_link(reset=_left[operation] % 2 == 0)}
    else:
        link = mailed_link(reset=operation != "activate_email")
        case.body = {**case.body, **link, "password": PASSWORD}


def new_session(ident: str = "", password: str = "") -> tuple[str, str]:
    """Return key and CSRF token of a session, anonymous without ``ident``."""
    session = requests.Session()
    token = session.get(f"{API}me/", timeout=TIMEOUT).json()["csrf"]
    if ident:
        answer = post(
            "login/", {"ident": ident, "password": password}, token, session=session
        )
        token = answer["csrf"]
    return str(session.cookies["sessionid"]), token


def new_address() -> str:
    return f"link{next(_numbers)}@example.com"


def new_member() -> str:
    """Return the address of an account that was made and activated."""
    address = new_address()
    post("register/", {"email": address, "password": PASSWORD})
    post("activate_email/", {**link_in(address, 1), "password": PASSWORD})
    return address


def confirmation_link() -> dict[str, str]:
    """Return what the frontend reads from a link that confirms a new address."""
    session = requests.Session()
    session.cookies["sessionid"], token = new_session(new_member(), PASSWORD)
    address = new_address()
    asked = {"email": address, "password": PASSWORD}
    post("change_email/", asked, token, session=session)
    return link_in(address, 1)


def mailed_link(*, reset: bool) -> dict[str, str]:
    """Return what the frontend reads from a link that was mailed to a new user."""
    address = new_address()
    post("register/", {"email": address, "password": PASSWORD})
    if reset:
        post("send_pw_reset_email/", {"email": address})
    return link_in(address, 1 + reset)


def link_in(address: str, count: int) -> dict[str, str]:
    """Return the parts of the link in the last of ``count`` mails to ``address``."""
    # The newest is the first. It is sent after the answer.
    while len(texts := mails_to(address)) < count:
        time.sleep(0.05)
    found = re.search(r"https?://\S+", texts[0])
    assert found is not None
    return dict(parse_qsl(urlsplit(found[0]).query))


def post(
    path: str,
    data: dict[str, str],
    token: str = "",
    *,
    session: requests.Session | None = None,
) -> Any:
    answer = (session or requests.Session()).post(
        f"{API}{path}", json=data, headers={HEADER: token}, timeout=TIMEOUT
    )
    answer.raise_for_status()
    return answer.json()


def mails_to(address: str) -> list[str]:
    mails = requests.get(os.environ["OUTBOX"], timeout=TIMEOUT).json()["messages"]
    return [mail["text"] for mail in mails if mail["to"] == address]
