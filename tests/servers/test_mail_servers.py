"""Mail servers that are slow, refuse, hang up, hang, or are not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import pytest

from ..conftest import PASSWORD
from .client import Answer
from .hosts import CHEAP, Host, Running
from .post_office import PostOffice

TROUBLES = ("refuse", "drop", "hang", "absent")


@pytest.fixture(params=["gunicorn", "uvicorn"])
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def office(tmp_path: Path) -> PostOffice:
    """Give a mail server that was not started yet."""
    return PostOffice(tmp_path / "office")


@pytest.fixture
def running(host: Host, server: str, office: PostOffice) -> Iterator[Running]:
    with host.running(
        server, workers=1, smtp_port=office.port, PASSWORD_HASHERS=CHEAP
    ) as running:
        yield running


@pytest.fixture
def impatient(host: Host, server: str, office: PostOffice) -> Iterator[Running]:
    """Give a host that waits half a second for the mail server."""
    with host.running(
        server,
        workers=1,
        smtp_port=office.port,
        smtp_timeout=0.5,
        PASSWORD_HASHERS=CHEAP,
    ) as running:
        yield running


def in_trouble(
    office: PostOffice, trouble: str, opening_hours: ExitStack
) -> AbstractContextManager[None]:
    """Open ``office``, if it is to be there; return the block of its ``trouble``."""
    if trouble == "absent":
        return nullcontext()
    opening_hours.enter_context(office)
    return office.shut() if trouble == "hang" else office.mood(trouble)


def register(running: Running, name: str) -> Answer:
    data = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    return running.client().post("register", data)


def ask_for_reset(running: Running, name: str) -> Answer:
    return running.client().post("send_pw_reset_email", {"ident": name})


def name_for(running: Running) -> str:
    return f"ada{running.port}"


def test_a_reset_is_answered_before_the_mail_server_is(
    running: Running, office: PostOffice
) -> None:
    """The server greets nobody before the client has read the whole answer."""
    name = name_for(running)
    running.make_account(name, PASSWORD)
    with office:
        with office.shut():
            answer = ask_for_reset(running, name)
            assert (answer.status, answer.body) == (200, {})
            assert not office.letters_to(f"{name}@example.com")
        assert office.letter_to(f"{name}@example.com").link


def test_a_slow_mail_server_costs_nobody_a_mail(
    running: Running, office: PostOffice
) -> None:
    name = name_for(running)
    office.pause = 1.0
    with office:
        assert register(running, name).status == 201
        assert office.letter_to(f"{name}@example.com").link
        assert ask_for_reset(running, name).status == 200
        assert not office.letters_to(f"{name}@example.com")[1:]
        assert office.letter_to(f"{name}@example.com", 2).link


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_registration_without_its_mail_leaves_nothing(
    impatient: Running, office: PostOffice, trouble: str
) -> None:
    name = name_for(impatient)
    before = impatient.accounts()
    with ExitStack() as opening_hours:
        with in_trouble(office, trouble, opening_hours):
            answer = register(impatient, name)
        assert (answer.status, answer.body) == (503, {"error": "mail_not_sent"})
        assert impatient.accounts() == before
        if trouble == "absent":
            opening_hours.enter_context(office)
        assert register(impatient, name).status == 201
        assert office.letter_to(f"{name}@example.com").link


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_reset_without_its_mail_is_answered_as_ever_and_logged(
    impatient: Running, office: PostOffice, trouble: str
) -> None:
    name = name_for(impatient)
    impatient.make_account(name, PASSWORD)
    (pk,) = (a["pk"] for a in impatient.accounts() if a["username"] == name)
    with ExitStack() as opening_hours, in_trouble(office, trouble, opening_hours):
        answer = ask_for_reset(impatient, name)
        nobodys = ask_for_reset(impatient, "nobody")
        impatient.program.wait_for_output(f"The reset mail of user {pk} was not sent")
    assert (answer.status, answer.body) == (nobodys.status, nobodys.body) == (200, {})
    assert set(answer.headers) == set(nobodys.headers)
    assert impatient.client().log_in(name, PASSWORD).status == 200
