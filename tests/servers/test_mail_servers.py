"""Mail servers that are slow, refuse, hang up, do not answer, or are missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import pytest

from ..conftest import OTHER_PASSWORD, PASSWORD
from .client import Answer
from .hosts import CHEAP, Host, Running
from .post_office import PostOffice, link_in

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
    """Yield a project that waits half a second for the mail server."""
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
    """The server sends no greeting before the client has read the whole answer."""
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


# The account page


def test_what_is_mailed_afterwards_is_no_wait(
    running: Running, office: PostOffice
) -> None:
    """The server sends no greeting before the client has read the whole answers."""
    waiting, leaving = f"w{running.port}", f"l{running.port}"
    with office:
        assert register(running, waiting).status == 201
        assert office.letter_to(f"{waiting}@example.com").link
        running.make_account(leaving, PASSWORD)
        owner = running.owner(leaving, PASSWORD)
        with office.shut():
            answer = resend(running, waiting)
            assert (answer.status, answer.body) == (200, {})
            assert not office.letters_to(f"{waiting}@example.com")[1:]
        link = link_in(office.letter_to(f"{waiting}@example.com", 2))
        assert running.client().post("activate_email", link).status == 200
        with office.shut():
            assert owner.post("delete_account", {"password": PASSWORD}).status == 200
            assert not office.letters_to(f"{leaving}@example.com")
        assert owner.me() is None
        assert leaving not in names(running)
        farewell = office.letter_to(f"{leaving}@example.com")
        assert "token=" not in farewell.part("plain")


def resend(running: Running, name: str) -> Answer:
    data = {"email": f"{name}@example.com"}
    return running.client().post("resend_activation_email", data)


def names(running: Running) -> list[str]:
    return [account["username"] for account in running.accounts()]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_change_of_address_without_its_mail_is_none(
    impatient: Running, office: PostOffice, trouble: str
) -> None:
    name = name_for(impatient)
    impatient.make_account(name, PASSWORD)
    owner = impatient.owner(name, PASSWORD)
    before = impatient.accounts()
    body = {"email": f"new-{name}@example.com", "password": PASSWORD}
    with ExitStack() as opening_hours:
        with in_trouble(office, trouble, opening_hours):
            answer = owner.post("change_email", body)
        assert (answer.status, answer.body) == (503, {"error": "mail_not_sent"})
        assert impatient.accounts() == before
        if trouble == "absent":
            opening_hours.enter_context(office)
        answer = owner.post("change_email", body)
        assert (answer.status, answer.body) == (200, {})
        link = link_in(office.letter_to(f"new-{name}@example.com"))
        # Of the request that came to nothing the old address was told nothing.
        office.letter_to(f"{name}@example.com")
        assert not office.letters_to(f"{name}@example.com")[1:]
        assert owner.post("confirm_email", link).status == 200


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_cannot_be_told_has_happened_all_the_same_and_is_logged(
    impatient: Running, office: PostOffice, trouble: str
) -> None:
    name, waiting = name_for(impatient), f"w{impatient.port}"
    impatient.make_account(name, PASSWORD)
    owner = impatient.owner(name, PASSWORD)
    pks = {account["username"]: account["pk"] for account in impatient.accounts()}
    with office:
        assert register(impatient, waiting).status == 201
    with ExitStack() as opening_hours, in_trouble(office, trouble, opening_hours):
        new = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
        assert owner.post("change_password", new).status == 200
        told = f"The notice PASSWORD_CHANGED to user {pks[name]} was not sent"
        impatient.program.wait_for_output(told)
        assert impatient.client().log_in(name, OTHER_PASSWORD).status == 200
        answer = resend(impatient, waiting)
        assert (answer.status, answer.body) == (200, {})
        impatient.program.wait_for_output("The activation mail of user ")
        gone = owner.post("delete_account", {"password": OTHER_PASSWORD})
        assert gone.status == 200
        told = f"The notice ACCOUNT_DELETED to user {pks[name]} was not sent"
        impatient.program.wait_for_output(told)
    assert name not in names(impatient)
    assert waiting in names(impatient)


def test_an_old_address_that_takes_no_mail_keeps_nobody_from_the_new_one(
    running: Running, office: PostOffice
) -> None:
    name = name_for(running)
    old, new = f"{name}@example.com", f"new-{name}@example.com"
    running.make_account(name, PASSWORD)
    (pk,) = (a["pk"] for a in running.accounts() if a["username"] == name)
    owner = running.owner(name, PASSWORD)
    with office:
        office.close_to(old)
        asked = owner.post("change_email", {"email": new, "password": PASSWORD})
        assert asked.status == 200
        running.program.wait_for_output(f"EMAIL_CHANGE_REQUESTED to user {pk} was not")
        link = link_in(office.letter_to(new))
        assert owner.post("confirm_email", link).status == 200
        running.program.wait_for_output(f"EMAIL_CHANGED to user {pk} was not sent")
        assert owner.me()["email"] == new
        assert office.refusals == 2
        assert not office.letters_to(old)


def test_a_mail_that_outlasts_the_time_of_a_worker_arrives(
    host: Host, post_office: PostOffice
) -> None:
    """Gunicorn kills a worker that is busy for so long, and this one is not."""
    post_office.pause = 7
    # So long that another request ends in time on a busy machine.
    with host.running(workers=1, timeout=5, smtp_port=post_office.port) as running:
        name = f"slow{running.port}"
        running.make_account(name, PASSWORD)
        client = running.client()
        assert client.post("send_pw_reset_email", {"ident": name}).status == 200
        post_office.letter_to(f"{name}@example.com")
    assert "WORKER TIMEOUT" not in running.program.output


@pytest.mark.parametrize("server", ["gunicorn", "gthread", "uvicorn"])
def test_a_server_that_ends_sends_first_what_it_owes(
    host: Host, post_office: PostOffice, server: str
) -> None:
    post_office.pause = 2
    with host.running(server, workers=1, smtp_port=post_office.port) as running:
        name = f"last{running.port}"
        running.make_account(name, PASSWORD)
        client = running.client()
        assert client.post("send_pw_reset_email", {"ident": name}).status == 200
    assert len(post_office.letters_to(f"{name}@example.com")) == 1
