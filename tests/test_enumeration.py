"""PREVENT_ENUMERATION: registration does not show whether an address has an account."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.handlers.wsgi import WSGIHandler
from django.core.mail.backends.locmem import EmailBackend
from django.test import RequestFactory
from django.urls import reverse
from rest_framework.exceptions import PermissionDenied, Throttled, ValidationError
from rest_framework.test import APIClient

from ai_kit_auth import signals
from ai_kit_auth.account_changes import activate
from ai_kit_auth.settings import api_settings
from ai_kit_auth.user_model import user_model

from . import accounts
from .accounts import configure
from .conftest import (
    OTHER_PASSWORD,
    PASSWORD,
    USER_MODELS,
    MakeUser,
    with_activation,
    with_username,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


SUBJECTS = {
    "en": "You have an account already - app.example.com",
    "de": "Sie haben schon ein Konto - app.example.com",
}
DONE: tuple[int, Any] = (201, {})


@pytest.fixture(autouse=True)
def _hidden(settings: Settings) -> None:
    configure(settings, PREVENT_ENUMERATION=True)


def register(name: str = "ada", **changes: Any) -> tuple[int, Any]:
    answer = accounts.post(
        APIClient(), "register", accounts.registration(name, **changes)
    )
    return answer.status_code, answer.json()


def register_taken(name: str = "eve", **changes: Any) -> tuple[int, Any]:
    """Register ada's address again, with another name."""
    return register(name, **{"email": "ada@example.com", **changes})


def mailed() -> list[tuple[str, str]]:
    return [(message.to[0], str(message.subject)) for message in mail.outbox]


def told(address: str = "ada@example.com") -> list[tuple[str, str]]:
    """Return the mails if only the owner of an address is told."""
    return [(address, SUBJECTS["en"])]


def count() -> int:
    return int(get_user_model()._default_manager.count())


def deactivate() -> None:
    get_user_model()._default_manager.update(is_active=False)


# Alike


def test_without_the_setting_a_taken_address_is_named(
    make_user: MakeUser, settings: Settings
) -> None:
    configure(settings, PREVENT_ENUMERATION=False)
    make_user()
    code = f"{user_model.email}_unique"
    assert register_taken() == (400, {"email": [code]})
    assert mail.outbox == []


def test_the_answer_never_tells_who_has_an_account(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user("ada")
    if accounts.has_activation():
        make_user("gone")
        deactivate()
        get_user_model()._default_manager.filter(pk=accounts.the_user("ada").pk).update(
            is_active=True
        )
        make_user("waiting", is_active=False)
    seen = []
    for number, name in enumerate(("ada", "ADA", "gone", "waiting", "nobody")):
        body = accounts.registration(f"eve{number}", email=f"{name}@EXAMPLE.com")
        answer = accounts.post(client, "register", body)
        assert not answer.cookies
        seen.append(
            (answer.status_code, answer.content, sorted(answer.headers.items()))
        )
    assert seen == [seen[0]] * 5
    assert seen[0][:2] == (201, b"{}")


class CountingHasher(MD5PasswordHasher):
    """Counts what takes the time."""

    encoded = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.encoded += 1
        return super().encode(password, salt)


def test_a_registration_costs_one_hash_whose_address_it_is(
    make_user: MakeUser, settings: Settings
) -> None:
    """So that its time does not show who has an account."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user()
    costs = []
    for name in ("ada", "nobody"):
        CountingHasher.encoded = 0
        assert register(f"eve-{name}", email=f"{name}@example.com") == DONE
        costs.append(CountingHasher.encoded)
    assert costs == [1, 1]


def test_a_taken_address_changes_nothing(make_user: MakeUser) -> None:
    make_user()
    before = list(get_user_model()._default_manager.values())
    assert register_taken(password=OTHER_PASSWORD) == DONE
    assert list(get_user_model()._default_manager.values()) == before


def test_a_new_address_makes_an_account(client: APIClient) -> None:
    assert register() == DONE
    assert accounts.the_user().check_password(PASSWORD)
    if accounts.has_activation():
        assert (
            accounts.post(client, "activate", accounts.mailed_link()).status_code == 200
        )
    assert len(mail.outbox) == accounts.has_activation()
    assert accounts.log_in(client, "ada@example.com").status_code == 200


def test_a_weak_password_is_told_to_both(make_user: MakeUser) -> None:
    make_user()
    weak = (400, {"password": ["password_too_short", "password_too_common"]})
    assert register_taken(password="ferns1") == register("bob", password="ferns1")
    assert register_taken(password="abc123") == weak
    assert mail.outbox == []
    assert count() == 1


@with_username
def test_a_taken_username_is_told_to_both(make_user: MakeUser) -> None:
    make_user("ada")
    taken = (400, {"username": [f"{user_model.username}_unique"]})
    assert register_taken(username="ADA") == taken
    assert register("bob", username="ADA") == taken
    assert mail.outbox == []
    assert count() == 1


@with_username
@pytest.mark.parametrize(
    "username",
    [
        "ada@example.com",
        "ADA@Example.com",
        "bob@example.com",
        "@",
        f"bob{accounts.wide('@')}example.com",
    ],
)
def test_a_username_may_not_look_like_an_address(
    make_user: MakeUser, username: str
) -> None:
    """Or "taken" would tell that the address is."""
    make_user()
    assert register("bob", username=username) == (400, {"username": ["invalid"]})
    assert count() == 1


@with_username
def test_all_but_the_taken_address_is_told_at_once(make_user: MakeUser) -> None:
    make_user("ada")
    answer = register("eve", email="ada@example.com", username="ada", password="1234")
    assert answer[0] == 400
    assert set(answer[1]) == {"username", "password"}


@pytest.mark.parametrize("address", ["", "ada", "ada@faß.example"])
def test_what_is_no_address_still_is_none(address: str) -> None:
    assert register(email=address)[0] == 400
    assert count() == 0


def test_a_host_that_saves_what_is_taken_is_refused(make_user: MakeUser) -> None:
    """The serializer finds it valid, and yet there is nothing to save."""
    make_user()
    data = accounts.registration("eve", email="ada@example.com")
    serializer = api_settings.REGISTRATION_SERIALIZER(data=data)
    assert serializer.is_valid()
    with pytest.raises(ValidationError) as caught:
        serializer.save()
    name = user_model.email
    assert caught.value.get_codes() == {name: [f"{name}_unique"]}
    assert count() == 1


# The owner's mail


def test_the_owner_is_told_and_offered_a_reset(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user()
    assert register_taken(email="ADA@Example.com") == DONE
    assert mailed() == told()
    new = {**accounts.mailed_link(), "password": OTHER_PASSWORD}
    assert accounts.post(client, "pw_reset", new).status_code == 200
    assert accounts.log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200
    assert accounts.post(client, "pw_reset", new).status_code == 400


@with_activation
def test_an_owner_who_never_activated_may_do_so_by_the_reset(
    client: APIClient,
) -> None:
    register()
    mail.outbox.clear()
    assert register_taken() == DONE
    assert mailed() == told()
    new = {**accounts.mailed_link(), "password": OTHER_PASSWORD}
    assert accounts.post(client, "pw_reset", new).status_code == 200
    assert accounts.log_in(client, "ada@example.com", OTHER_PASSWORD).status_code == 200


@pytest.mark.parametrize("language", SUBJECTS)
def test_the_mail_speaks_the_language_of_the_request(
    client: APIClient, make_user: MakeUser, language: str
) -> None:
    make_user()
    body = accounts.registration("eve", email="ada@example.com")
    accounts.post(client, "register", body, headers={"Accept-Language": language})
    assert mailed() == [("ada@example.com", SUBJECTS[language])]


@with_activation
def test_the_activation_mail_speaks_the_language_of_the_request(
    client: APIClient,
) -> None:
    """Although it is made after the answer, here."""
    for name, language in (("ada", "de"), ("bob", "en")):
        header = {"Accept-Language": language}
        accounts.post(client, "register", accounts.registration(name), headers=header)
    assert [subject for _, subject in mailed()] == [
        "Bitte bestätigen Sie Ihre E-Mail-Adresse - app.example.com",
        "Please confirm your e-mail address - app.example.com",
    ]


@with_activation
@pytest.mark.parametrize("logged_in", [True, False])
def test_an_owner_whom_an_admin_deactivated_is_not_told(
    client: APIClient, make_user: MakeUser, logged_in: bool
) -> None:
    """A reset could revive the account."""
    make_user()
    if logged_in:
        accounts.log_in(client, "ada@example.com")
    deactivate()
    assert register_taken() == DONE
    assert mail.outbox == []
    assert count() == 1


@pytest.mark.user_model("bare")
def test_without_activation_only_the_owner_gets_a_mail(client: APIClient) -> None:
    assert register() == DONE
    assert accounts.log_in(client, "ada@example.com").status_code == 200
    assert mail.outbox == []
    assert register_taken() == DONE
    assert mailed() == told()


@with_username
@pytest.mark.parametrize("by_address", [True, False])
def test_the_owner_is_told_whatever_people_log_in_by(
    make_user: MakeUser, settings: Settings, by_address: bool
) -> None:
    name = user_model.email if by_address else user_model.username
    configure(settings, USER_IDENTITY_FIELDS=[name])
    make_user()
    assert register_taken() == DONE
    assert mailed() == told()
    assert count() == 1


@with_username
def test_who_is_only_called_like_an_address_is_not_told(make_user: MakeUser) -> None:
    """An account from before the setting: the address is taken."""
    make_user("bob", **{str(user_model.username): "ada@example.com"})
    assert register_taken() == DONE
    assert mail.outbox == []
    assert count() == 1


def test_the_owner_is_not_flooded(make_user: MakeUser, settings: Settings) -> None:
    """These mails and those of a reset request count as the same."""
    configure(settings, THROTTLE_RATES={"MAIL_RECIPIENT": "2/hour"})
    make_user()
    make_user("bob")
    for number in range(3):
        assert register_taken(f"eve{number}") == DONE
    assert mailed() == told() * 2
    accounts.post(APIClient(), "send_pw_reset_email", {"email": "ada@example.com"})
    assert len(mail.outbox) == 2
    assert register_taken("eve3", email="bob@example.com") == DONE
    assert mailed()[2:] == told("bob@example.com")


def test_no_address_has_many_owners_told(
    make_user: MakeUser, settings: Settings
) -> None:
    configure(settings, THROTTLE_RATES={"MAIL_ADDRESS": "1/hour"})
    make_user("ada")
    make_user("bob")
    assert register_taken() == DONE
    assert register_taken("eve2", email="bob@example.com") == DONE
    assert mailed() == told()


@pytest.mark.parametrize("taken", [True, False])
def test_the_mails_that_a_stranger_has_left_do_not_tell(
    make_user: MakeUser, settings: Settings, taken: bool
) -> None:
    """A user who then asks for a mail to their own address gets it in neither case."""
    configure(settings, THROTTLE_RATES={"MAIL_ADDRESS": "1/hour"})
    make_user("stranger")
    make_user("ada")
    assert register("eve", email=f"{'ada' if taken else 'new'}@example.com") == DONE
    mail.outbox.clear()
    accounts.post(APIClient(), "send_pw_reset_email", {"email": "stranger@example.com"})
    assert mail.outbox == []


@with_activation
def test_a_new_account_gets_its_mail_however_many_went_before(
    make_user: MakeUser, settings: Settings, client: APIClient
) -> None:
    rates = {"MAIL_ADDRESS": "1/hour", "MAIL_RECIPIENT": "1/hour"}
    configure(settings, THROTTLE_RATES=rates)
    make_user("bob")
    accounts.post(client, "send_pw_reset_email", {"email": "bob@example.com"})
    mail.outbox.clear()
    assert register() == DONE
    assert accounts.post(client, "activate", accounts.mailed_link()).status_code == 200


# After the answer


def over_wsgi(body: dict[str, Any]) -> tuple[str, bytes, Any]:
    """Return status and body, and the response, which the server has yet to close."""
    request = RequestFactory().post(
        reverse("ai_kit_auth:register"), json.dumps(body), "application/json"
    )
    started: list[str] = []

    def start(status: str, headers: list[tuple[str, str]], *error: object) -> Any:
        assert dict(headers)["Content-Length"] == "2"
        started.append(status)

    response: Any = WSGIHandler()(request.environ, start)
    return started[0], b"".join(response), response


# The handler closes connections, and what a test's transaction has not committed.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("taken", [True, False])
def test_no_mail_is_made_before_the_client_has_its_answer(
    make_user: MakeUser, taken: bool
) -> None:
    make_user()
    address = "ada@example.com" if taken else "eve@example.com"
    status, body, response = over_wsgi(accounts.registration("eve", email=address))
    assert (status, body) == ("201 Created", b"{}")
    assert mail.outbox == []
    response.close()
    response.close()
    assert [message.to for message in mail.outbox] == (
        [[address]] if taken or accounts.has_activation() else []
    )


# A transport that fails


def dead_server(user: Any, url: str) -> None:
    raise ConnectionRefusedError


def limit(user: Any, url: str) -> None:
    raise Throttled


def refusal(user: Any, url: str) -> None:
    raise PermissionDenied


every_failure = pytest.mark.parametrize("sender", [dead_server, limit, refusal])


@pytest.mark.user_model(*(m for m in USER_MODELS if m != "bare"), "no_last_login")
@every_failure
def test_a_new_account_whose_mail_fails_is_taken_back(
    client: APIClient,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    sender: Callable[[Any, str], None],
) -> None:
    """The answer is out, so the same data must be good once more."""
    with failing(settings, "SEND_USER_ACTIVATION_MAIL", sender):
        assert register() == DONE
    assert count() == 0
    assert logging.ERROR in {record.levelno for record in caplog.records}
    assert PASSWORD not in caplog.text
    assert register() == DONE
    assert accounts.post(client, "activate", accounts.mailed_link()).status_code == 200


@every_failure
def test_where_the_owners_mail_fails_nobody_notices(
    make_user: MakeUser,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    sender: Callable[[Any, str], None],
) -> None:
    make_user()
    before = list(get_user_model()._default_manager.values())
    with failing(settings, "SEND_ACCOUNT_EXISTS_MAIL", sender):
        assert register_taken() == DONE
    assert list(get_user_model()._default_manager.values()) == before
    assert logging.ERROR in {record.levelno for record in caplog.records}
    assert mail.outbox == []


@with_activation
def test_a_mail_server_that_is_down_loses_no_account(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", refuse)
        assert register() == DONE
    assert count() == 0
    assert register() == DONE
    assert accounts.post(client, "activate", accounts.mailed_link()).status_code == 200


@contextmanager
def failing(
    settings: Settings, name: str, sender: Callable[[Any, str], None]
) -> Iterator[None]:
    usual = settings.AI_KIT_AUTH
    configure(settings, **{name: sender})
    yield
    settings.AI_KIT_AUTH = usual


@with_activation
@pytest.mark.django_db(transaction=True)
def test_an_account_that_was_used_meanwhile_is_not_taken_back(
    client: APIClient, settings: Settings
) -> None:
    """An administrator has activated it, say."""
    with failing(settings, "SEND_USER_ACTIVATION_MAIL", dead_server):
        _, _, response = over_wsgi(accounts.registration())
        activate(accounts.the_user())
        response.close()
    assert accounts.log_in(client, "ada@example.com").status_code == 200


# Signals


@contextmanager
def receiver(signal: Any) -> Iterator[list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []

    def note(**kwargs: Any) -> None:
        seen.append(kwargs)

    signal.connect(note)
    try:
        yield seen
    finally:
        signal.disconnect(note)


def test_receivers_hear_of_no_registration_where_the_address_is_taken(
    make_user: MakeUser,
) -> None:
    make_user()
    with (
        receiver(signals.user_pre_registered) as before,
        receiver(signals.user_post_registered) as after,
    ):
        assert register_taken() == DONE
        assert (len(before), len(after)) == (1, 0)
        assert register("bob") == DONE
    assert (len(before), len(after)) == (2, 1)
    assert after[0]["user"] == accounts.the_user("bob")
