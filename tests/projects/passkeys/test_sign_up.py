"""Sign-up without a password: a passkey comes with the activation."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from rest_framework import serializers
from rest_framework.test import APIClient

from ai_kit_auth.accounts import ident_of, invitation_tokens
from ai_kit_auth.second_factor.passkeys import credentials
from ai_kit_auth.second_factor.passkeys.soft_authenticator import (
    CeremonyRefused,
    SoftAuthenticator,
)
from ai_kit_auth.second_factor.signals import factor_added
from ai_kit_auth.services import get_activation_url
from ai_kit_auth.signals import user_post_activated
from tests.accounts import (
    configure,
    csrf,
    log_in,
    mailed_link,
    post,
    registration,
    the_user,
)
from tests.conftest import PASSWORD, Connect, MakeUser

from .pages import ORIGIN, give_passkey, is_refused, log_in_with, passkey_of

pytestmark = pytest.mark.django_db


def register(client: APIClient, **changes: Any) -> dict[str, str]:
    """Register Ada without a password; return what the mailed link has."""
    data = registration()
    del data["password"]
    answer = post(client, "register", {**data, **changes})
    assert (answer.status_code, answer.json()) == (201, {})
    return mailed_link()


def options_for(client: APIClient, link: dict[str, str]) -> Any:
    answer = post(client, "activate_passkey_options", link)
    assert answer.status_code == 200, answer.content
    return answer.json()["publicKey"]


def activate(client: APIClient, link: dict[str, str], **more: Any) -> Any:
    return post(client, "activate", {**link, **more})


def test_a_user_signs_up_and_logs_in_with_a_passkey(
    client: APIClient, caplog: pytest.LogCaptureFixture, connect: Connect
) -> None:
    added: list[str] = []
    connect(factor_added, lambda method, **_: added.append(method))
    link = register(client)
    assert not the_user().has_usable_password()
    phone = SoftAuthenticator(ORIGIN)
    options = options_for(client, link)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    with caplog.at_level(logging.INFO, "ai_kit_auth.security"):
        answer = activate(
            client, link, credential=phone.create(options), name="My phone"
        )
    assert (answer.status_code, answer.json()) == (200, {})
    assert [text.split()[0] for text in caplog.messages] == [
        "event=factor_added",
        "event=activated",
    ]
    assert added == ["passkey"]
    made = passkey_of(the_user())
    assert made.name == "My phone"
    assert credentials.is_passwordless(made)
    # The mail with the link is the only one.
    assert len(mail.outbox) == 1
    assert log_in_with(client, phone).status_code == 200


def test_the_link_works_once(client: APIClient) -> None:
    link = register(client)
    phone = SoftAuthenticator(ORIGIN)
    assert activate(client, link, credential=phone.create(options_for(client, link)))
    again = activate(client, link)
    assert again.json() == {"error": "activation_link_invalid"}
    answer = post(client, "activate_passkey_options", link)
    assert answer.json() == {"error": "activation_link_invalid"}


def test_without_a_password_the_link_alone_activates_nothing(
    client: APIClient,
) -> None:
    # As a mail scanner would, with ACTIVATION_PROOF or without.
    link = register(client)
    answer = activate(client, link)
    assert (answer.status_code, answer.json()) == (400, {"credential": ["required"]})
    assert not the_user().is_active
    phone = SoftAuthenticator(ORIGIN)
    credential = phone.create(options_for(client, link))
    assert activate(client, link, credential=credential).status_code == 200


def test_a_credential_that_is_refused_uses_no_link_up(client: APIClient) -> None:
    link = register(client)
    options = options_for(client, link)
    evil = SoftAuthenticator("https://evil.example", related=("example.com",))
    assert is_refused(activate(client, link, credential=evil.create(options)))
    malformed: Any
    for malformed in ({}, 7, "x", []):
        assert is_refused(activate(client, link, credential=malformed))
    assert not the_user().is_active
    phone = SoftAuthenticator(ORIGIN)
    credential = phone.create(options_for(client, link))
    assert activate(client, link, credential=credential).status_code == 200


def test_the_passkey_of_a_sign_up_logs_in_by_itself(client: APIClient) -> None:
    link = register(client)
    options = options_for(client, link)
    for key in (
        SoftAuthenticator(ORIGIN, verifies=False),
        SoftAuthenticator(ORIGIN, stores=False),
    ):
        with pytest.raises(CeremonyRefused):
            key.create(options)
        weaker = {**options, "authenticatorSelection": {}}
        assert is_refused(activate(client, link, credential=key.create(weaker)))
        options = options_for(client, link)
    # A browser that does not tell has made what it was asked for.
    credential = {
        **SoftAuthenticator(ORIGIN).create(options),
        "clientExtensionResults": {},
    }
    assert activate(client, link, credential=credential).status_code == 200
    assert credentials.is_passwordless(passkey_of(the_user()))


def test_a_challenge_is_of_one_account(client: APIClient, make_user: MakeUser) -> None:
    link = register(client)
    options = options_for(client, link)
    other = register(client, email="grace@example.com", username="grace")
    credential = SoftAuthenticator(ORIGIN).create(options)
    assert is_refused(activate(client, other, credential=credential))
    assert not get_user_model().objects.filter(is_active=True).exists()


def test_a_wrong_link_gets_no_options(client: APIClient) -> None:
    link = register(client)
    for wrong in ({}, {**link, "token": "x"}, {**link, "ident": "0"}):
        answer = post(client, "activate_passkey_options", wrong)
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": "activation_link_invalid"},
        )


def test_a_link_to_an_active_account_adds_no_passkey(
    client: APIClient, make_user: MakeUser
) -> None:
    # Which a project may mail, to let its owner confirm the address.
    ada = make_user()
    url = str(get_activation_url(ada))
    link = {"ident": ident_of(ada), "token": url.rpartition("token=")[2]}
    assert is_refused(post(client, "activate_passkey_options", link))
    credential = SoftAuthenticator(ORIGIN).create(
        {
            "rp": {"id": "example.com"},
            "user": {"id": "AAAA"},
            "challenge": "AAAA",
            "pubKeyCredParams": [{"alg": -7}],
        }
    )
    assert is_refused(activate(client, link, credential=credential))
    assert not credentials.of_user(ada).exists()
    assert activate(client, link).status_code == 200


def test_a_password_may_still_be_sent(client: APIClient) -> None:
    link = register(client, password=PASSWORD)
    assert activate(client, link).status_code == 200
    assert log_in(client, "ada@example.com").status_code == 200


def test_a_weak_or_empty_password_is_refused(client: APIClient) -> None:
    for password, code in (("", "blank"), ("1234", "password_too_short")):
        answer = post(client, "register", {**registration(), "password": password})
        assert answer.status_code == 400
        assert code in answer.json()["password"]


def test_a_password_and_a_passkey(client: APIClient) -> None:
    link = register(client, password=PASSWORD)
    phone = SoftAuthenticator(ORIGIN)
    credential = phone.create(options_for(client, link))
    assert activate(client, link, credential=credential).status_code == 200
    assert passkey_of(the_user()).name == ""
    assert log_in(client, "ada@example.com").status_code == 200
    assert log_in_with(APIClient(enforce_csrf_checks=True), phone).status_code == 200


def test_the_proof_of_a_registration_is_asked_where_there_is_a_password(
    client: APIClient, settings: Any
) -> None:
    configure(settings, ACTIVATION_PROOF=True)
    link = register(client, password=PASSWORD)
    other = APIClient(enforce_csrf_checks=True)
    credential = SoftAuthenticator(ORIGIN).create(options_for(other, link))
    answer = activate(other, link, credential=credential)
    assert answer.json() == {"error": "activation_proof_required"}
    # The challenge is as good as before.
    answer = activate(other, link, credential=credential, password=PASSWORD)
    assert answer.status_code == 200


def test_the_owner_of_the_mailbox_needs_no_proof_beside_a_passkey(
    client: APIClient, settings: Any
) -> None:
    configure(settings, ACTIVATION_PROOF=True)
    link = register(client)
    other = APIClient(enforce_csrf_checks=True)
    phone = SoftAuthenticator(ORIGIN)
    credential = phone.create(options_for(other, link))
    assert activate(other, link, credential=credential).status_code == 200
    assert log_in_with(other, phone).status_code == 200


def test_an_invited_user_may_do_without_a_passkey(
    client: APIClient, make_user: MakeUser
) -> None:
    ada = make_user(is_active=False)
    ada.set_unusable_password()
    ada.save()
    link = {"ident": ident_of(ada), "token": invitation_tokens.make_token(ada)}
    # A reset mail brings the password, as before.
    assert activate(client, link).status_code == 200


def test_an_invited_user_may_add_a_passkey(
    client: APIClient, make_user: MakeUser
) -> None:
    ada = make_user(is_active=False)
    ada.set_unusable_password()
    ada.save()
    link = {"ident": ident_of(ada), "token": invitation_tokens.make_token(ada)}
    phone = SoftAuthenticator(ORIGIN)
    credential = phone.create(options_for(client, link))
    assert activate(client, link, credential=credential).status_code == 200
    assert log_in_with(client, phone).status_code == 200


def test_a_taken_credential_activates_nothing(
    client: APIClient, make_user: MakeUser
) -> None:
    link = register(client)
    phone = SoftAuthenticator(ORIGIN)
    credential = phone.create(options_for(client, link))
    # Meanwhile somebody has registered it.
    other = make_user("grace")
    give_passkey(other)
    row = passkey_of(other)
    row.credential_id = phone.credentials[0].id
    row.credential_id_sha256 = row.get_credential_id_sha256(row.credential_id)
    row.save()
    assert is_refused(activate(client, link, credential=credential))
    assert not the_user().is_active


def test_a_receiver_that_refuses_undoes_all(
    client: APIClient, connect: Connect
) -> None:
    class Refused(Exception):
        pass

    def refuse(**kwargs: object) -> None:
        raise Refused

    link = register(client)
    credential = SoftAuthenticator(ORIGIN).create(options_for(client, link))
    connect(user_post_activated, refuse)
    with pytest.raises(Refused):
        activate(client, link, credential=credential)
    assert not the_user().is_active
    assert not credentials.of_user(the_user()).exists()


def test_a_name_that_is_too_long(client: APIClient) -> None:
    answer = activate(client, register(client), name="x" * 65)
    assert (answer.status_code, answer.json()) == (400, {"name": ["max_length"]})


def test_an_account_without_a_password_is_taken_as_any_other(
    client: APIClient, settings: Any
) -> None:
    configure(settings, PREVENT_ENUMERATION=True)
    register(client)
    data = registration()
    del data["password"]
    data["username"] = "other"
    answer = post(client, "register", data)
    assert (answer.status_code, answer.json()) == (201, {})
    assert get_user_model().objects.count() == 1


def test_such_an_account_re_authenticates_by_its_passkey(client: APIClient) -> None:
    link = register(client)
    phone = SoftAuthenticator(ORIGIN)
    credential = phone.create(options_for(client, link))
    activate(client, link, credential=credential)
    log_in_with(client, phone)
    answer = post(client, "factors_passkey_options", **csrf(client))
    assert answer.json() == {"error": "reauthentication_required"}
    answer = post(client, "second_factor_options", **csrf(client))
    data = {
        "method": "passkey",
        "credential": phone.get(answer.json()["publicKey"]),
    }
    assert post(client, "confirm_password", data, **csrf(client)).status_code == 200
    answer = post(client, "factors_passkey_options", **csrf(client))
    assert answer.status_code == 200


class ByMailAlone(serializers.Serializer[Any]):
    """A registration of the project's own, which never asks for a password."""

    email = serializers.EmailField()

    def create(self, validated_data: Any) -> Any:
        user = get_user_model()(username="ada", is_active=False, **validated_data)
        user.set_unusable_password()
        user.save()
        return user


def test_a_registration_of_the_project_may_ask_for_no_password(
    client: APIClient, settings: Any
) -> None:
    configure(settings, REGISTRATION_SERIALIZER=ByMailAlone)
    answer = post(client, "register", {"email": "ada@example.com"})
    assert answer.status_code == 201
    assert not get_user_model().objects.get().has_usable_password()
