"""What a page does with passkeys: asks for options, asks the authenticator, posts."""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse
from rest_framework.test import APIClient
from webauthn import base64url_to_bytes
from webauthn.helpers import bytes_to_base64url

from ai_kit_auth.second_factor.passkeys import credentials
from ai_kit_auth.second_factor.passkeys.soft_authenticator import SoftAuthenticator
from tests.accounts import csrf, post

ORIGIN = "https://app.example.com"
REFUSED = {"credential": ["invalid_credential"]}


def give_passkey(
    user: Any, authenticator: SoftAuthenticator | None = None, name: str = "Phone"
) -> SoftAuthenticator:
    """Register a passkey of ``user``; return its authenticator."""
    authenticator = authenticator or SoftAuthenticator(ORIGIN)
    helper = credentials.ceremonies(None)
    options, state = helper.register_begin(user)
    made, attestation = helper.registered(user, state, authenticator.create(options))
    credentials.store(helper, made, attestation, name)
    return authenticator


def passkey_of(user: Any) -> Any:
    return credentials.of_user(user).get()


def options_of(client: APIClient, route: str = "passkey_login_options") -> Any:
    answer = post(client, route, **csrf(client))
    assert answer.status_code == 200, answer.content
    return answer.json()["publicKey"]


def send(client: APIClient, credential: Any, **more: Any) -> Any:
    # In ASCII, since DRF's renderer refuses a lone surrogate.
    data = json.dumps({"credential": credential, **more})
    url = reverse("ai_kit_auth:passkey_login")
    return client.post(url, data, content_type="application/json", **csrf(client))


def log_in_with(client: APIClient, authenticator: SoftAuthenticator) -> Any:
    return send(client, authenticator.get(options_of(client)))


def is_refused(answer: Any) -> bool:
    return (answer.status_code, answer.json()) == (400, REFUSED)


def client_data_of(credential: dict[str, Any]) -> dict[str, Any]:
    text = base64url_to_bytes(credential["response"]["clientDataJSON"])
    found: dict[str, Any] = json.loads(text)
    return found


def with_response(credential: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**credential, "response": {**credential["response"], **values}}


def with_client_data(credential: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return ``credential`` with other client data, which its signature is not of."""
    text = json.dumps({**client_data_of(credential), **values}).encode()
    return with_response(credential, clientDataJSON=bytes_to_base64url(text))
