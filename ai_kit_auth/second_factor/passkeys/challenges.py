"""
The challenges that a session has been given; each is good for one attempt.

A response signs a challenge, so a challenge that is used twice is a response that is
replayed (WebAuthn Level 3, section 13.4.3). The session alone cannot tell that it was
used: a copy of it, or a request beside this one, has it still. So the use is noted in
the cache as well, in one step.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError
from webauthn import base64url_to_bytes
from webauthn.helpers import bytes_to_base64url, parse_client_data_json

from ...cache import ask_cache, cache_key
from ...errors import ServiceUnavailable
from ...user_model import User

logger = logging.getLogger("ai_kit_auth")

LOGIN, SECOND_STEP, RE_AUTHENTICATION = "login", "second_step", "re_authentication"
REGISTRATION, SIGN_UP = "registration", "sign_up"
# A page asks for the challenge of a login as it opens, and offers the passkeys in the
# field for the user's name until the user gets there.
LIFETIMES = {LOGIN: 3600}
LIFETIME = 600  # seconds, for the others
MOST = 10

_CHALLENGES = "_ai_kit_auth_challenges"
_KEY = "challenge"


def refusal() -> ValidationError:
    """
    Return the one answer to a credential that is not accepted.

    SECURITY: an unknown credential, one of another user, a disabled one and a wrong
    signature look the same, so an answer tells nothing of accounts.
    """
    return ValidationError({"credential": [ErrorDetail("", "invalid_credential")]})


def keep(
    request: Any, purpose: str, state: Mapping[str, Any], user: User | None = None
) -> None:
    """
    Put the challenge of ``state`` into the session, for one attempt of ``user``.

    ``state``: what the ceremony needs to check the response, as JSON.
    """
    kept = request.session.get(_CHALLENGES, [])
    owner = None if user is None else str(user.pk)
    fresh = {"purpose": purpose, "user": owner, "at": time.time(), "state": state}
    request.session[_CHALLENGES] = [*kept, fresh][-MOST:]


def take(
    request: Any, purpose: str, response: Any, user: User | None = None
) -> dict[str, Any]:
    """
    Take the challenge that ``response`` answers out of the session; return its state.

    ``response``: the credential of the browser, as it came. Raises the
    :func:`refusal`, and :exc:`~ai_kit_auth.errors.ServiceUnavailable` while the cache
    is down. The attempt uses the challenge up, whatever becomes of it.
    """
    answered = _challenge_in(response)
    kept = request.session.get(_CHALLENGES, [])
    mine = [each for each in kept if each["state"][_KEY] == answered]
    if not mine:
        raise refusal()
    request.session[_CHALLENGES] = [each for each in kept if each not in mine]
    found = mine[0]
    _use_once(answered)
    owner = None if user is None else str(user.pk)
    age = time.time() - found["at"]
    good = age < LIFETIMES.get(purpose, LIFETIME)
    if not good or (found["purpose"], found["user"]) != (purpose, owner):
        raise refusal()
    state: dict[str, Any] = found["state"]
    return state


def _challenge_in(response: Any) -> str:
    try:
        client_data = base64url_to_bytes(response["response"]["clientDataJSON"])
        return bytes_to_base64url(parse_client_data_json(client_data).challenge)
    except Exception as malformed:
        raise refusal() from malformed


def _use_once(challenge: str) -> None:
    # SECURITY: as long as the longest may be used, by any purpose.
    longest = max(LIFETIME, *LIFETIMES.values())
    key = cache_key("used_challenge", challenge)
    try:
        is_first = ask_cache("add", key, True, longest, insist=True)
    except Exception as error:
        logger.exception("The cache failed, so no challenge can be used")
        raise ServiceUnavailable from error
    if not is_first:
        raise refusal()
