"""Throttles that eight processes share through Redis."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import redis

from ..conftest import OTHER_PASSWORD, PASSWORD
from .client import Answer, at_once, race
from .hosts import CHEAP, COUNTED, Host, Running, redis_address
from .post_office import PostOffice

Say = Callable[[str], None]

ATTEMPTS = 60
# The default of LOGIN_ACCOUNT_ADDRESS.
GUESSES = 10
PROCESSES = 8
ACCOUNTS = 8


@pytest.fixture
def running(host: Host, post_office: PostOffice) -> Iterator[Running]:
    with host.running(
        workers=PROCESSES,
        smtp_port=post_office.port,
        throttles={},
        PASSWORD_HASHERS=COUNTED,
    ) as running:
        yield running
        assert "Traceback" not in running.program.output, running.program.output


@pytest.fixture
def ada(running: Running) -> str:
    return make(running, "ada")


def make(running: Running, name: str) -> str:
    name = f"{name}{running.port}"
    running.make_account(name, PASSWORD)
    return name


def spellings(name: str) -> list[str]:
    """Name one account in the ways that a guesser may try."""
    return [name, f"{name}@example.com", f"{name}@EXAMPLE.com".upper()]


def guess(running: Running, idents: list[str], number: int) -> list[Answer]:
    """Try ``number`` wrong passwords, one after the other, on each ident in turn."""
    client = running.client()
    return [client.log_in(idents[n % len(idents)], f"wrong {n}") for n in range(number)]


def assert_throttled(answer: Answer) -> None:
    assert (answer.status, answer.body) == (429, {"error": "throttled"})
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_one_account_is_guessed_at_ten_times(
    running: Running, ada: str, say: Say
) -> None:
    eve = make(running, "eve")
    running.forget_hashes()
    answers = guess(running, spellings(ada), ATTEMPTS)
    statuses = Counter(answer.status for answer in answers)
    say(f"{ATTEMPTS} bad logins, {running.hashes()} hashes; {dict(statuses)}")
    assert running.hashes() == statuses[400] == GUESSES
    for answer in answers[GUESSES:]:
        assert_throttled(answer)
    # The others on the same address feel nothing.
    assert running.client().log_in(eve, PASSWORD).status == 200


def test_a_name_that_nobody_has_is_counted_alike(running: Running) -> None:
    running.forget_hashes()
    answers = guess(running, ["nobody@example.com", "NOBODY@example.com"], ATTEMPTS)
    assert running.hashes() == GUESSES
    assert [answer.status for answer in answers[:GUESSES]] == [400] * GUESSES
    for answer in answers[GUESSES:]:
        assert_throttled(answer)


def test_guesses_on_the_account_page_are_counted_with_those_at_the_login(
    running: Running, ada: str, say: Say
) -> None:
    """A stolen session guesses no faster, however it spreads its guesses."""
    ways: list[tuple[str, dict[str, str]]] = [
        ("login", {"ident": ada}),
        ("confirm_password", {}),
        ("change_password", {"new_password": OTHER_PASSWORD}),
        ("delete_account", {}),
        ("logout_others", {}),
        ("change_email", {"email": f"new-{ada}@example.com"}),
    ]
    thief = running.owner(ada, PASSWORD)
    clients = [running.client(), *(thief.another_tab() for _ in ways[1:])]
    clients[0].me()
    running.forget_hashes()
    answers = [
        answer
        for number in range(ATTEMPTS // len(ways))
        for answer in at_once(
            client.prepared_post(name, {**body, "password": f"wrong {number}"})
            for client, (name, body) in zip(clients, ways, strict=True)
        )
    ]
    statuses = Counter(answer.status for answer in answers)
    say(f"{ATTEMPTS} bad passwords, {running.hashes()} hashes; {dict(statuses)}")
    # One more may slip through where one minute of the count meets the next.
    assert GUESSES <= running.hashes() == statuses[400] <= GUESSES + 1
    for answer in answers:
        if answer.status == 400:
            assert list(answer.body.values()) == [["invalid_credentials"]]
        else:
            assert_throttled(answer)
    # Nor does the right one help any more, and none of it has changed anything.
    assert_throttled(thief.post("delete_account", {"password": PASSWORD}))
    assert thief.me() is not None


def test_processes_do_not_lose_count(host: Host, say: Say) -> None:
    with host.running(
        workers=PROCESSES,
        # All of them together would be too many for one address.
        throttles={"LOGIN_ADDRESS": None},
        PASSWORD_HASHERS=COUNTED,
    ) as running:
        accounts = [make(running, f"ada{number}x") for number in range(ACCOUNTS)]
        running.forget_hashes()
        statuses = Counter(
            answer.status for name in accounts for answer in burst(running, name)
        )
        hashes = running.hashes()
    say(f"{statuses.total()} bad logins at once, {hashes} hashes; {dict(statuses)}")
    assert statuses.keys() == {400, 429}
    assert hashes == ACCOUNTS * GUESSES


def burst(running: Running, name: str) -> list[Answer]:
    """Try 64 wrong passwords, as many at a moment as there are processes."""
    clients = [running.client() for _ in range(PROCESSES)]
    for client in clients:
        client.get("api/v1/auth/me/")
    body = {"ident": name, "password": "wrong"}
    return [
        answer
        for _ in range(8)
        for answer in at_once([c.prepared_post("login", body) for c in clients])
    ]


PREFIX = "ai_kit_auth_counted"


@pytest.fixture
def server() -> Iterator[redis.Redis]:
    """Return a client of Redis; remove the user and the keys of the test."""
    host, port = redis_address()
    server = redis.Redis(host, int(port))
    yield server
    server.acl_deluser(PREFIX)
    for key in server.scan_iter(f"{PREFIX}*"):
        server.delete(key)
    server.close()


def counted_in(account: str = "") -> dict[str, Any]:
    """Return CACHES, where ``account`` is that of a user of Redis."""
    host, port = redis_address()
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"redis://{account}{host}:{port}",
            "KEY_PREFIX": PREFIX,
        }
    }


def test_what_a_request_asks_of_redis(
    host: Host, server: redis.Redis, say: Say
) -> None:
    """However full its counters are."""
    with host.running(
        workers=1,
        throttles={"LOGIN_ACCOUNT_ADDRESS": "50/min", "LOGIN_ACCOUNT": None},
        PASSWORD_HASHERS=CHEAP,
        CACHES=counted_in(),
    ) as running:
        ada = make(running, "ada")

        def asked(password: str, status: int) -> list[str]:
            """Return the commands of a login, without those of the script itself."""
            lines = []
            with server.monitor() as monitor:  # type: ignore[no-untyped-call]  # theirs
                assert running.client().log_in(ada, password).status == status
                server.echo("that is all")
                for line in iter(monitor.next_command, None):
                    if line["command"].endswith("that is all"):
                        break
                    lines.append(line)
            return [
                line["command"].split()[0]
                for line in lines
                if PREFIX in line["command"] and line["client_type"] != "lua"
            ]

        # The server learns the scripts at the first use.
        asked(PASSWORD, 200)
        success, failure = asked(PASSWORD, 200), asked("wrong", 400)
        guess(running, [ada], 45)
        nearly_full = asked("wrong", 400)
        guess(running, [ada], 3)
        refused = asked("wrong", 429)
    say(f"{success=}, {failure=}, {nearly_full=}, {refused=}")
    assert success == ["EVALSHA", "EVALSHA"]
    assert failure == nearly_full == refused == ["EVALSHA"]


def test_a_redis_that_refuses_scripts_counts_all_the_same(
    host: Host, server: redis.Redis
) -> None:
    """Of an operator who gives the project no right to them."""
    server.acl_setuser(
        PREFIX,
        enabled=True,
        passwords=[f"+{PASSWORD}"],
        categories=["+@all", "-@scripting"],
        keys=["*"],
    )
    with host.running(
        workers=PROCESSES,
        throttles={"LOGIN_ADDRESS": None},
        PASSWORD_HASHERS=COUNTED,
        CACHES=counted_in(f"{PREFIX}:{quote(PASSWORD)}@"),
    ) as running:
        ada = make(running, "ada")
        assert running.client().log_in(ada, PASSWORD).status == 200
        running.forget_hashes()
        statuses = Counter(answer.status for answer in burst(running, ada))
        assert running.hashes() == statuses[400]
        assert GUESSES <= statuses[400] <= GUESSES + 1
        output = running.program.output
    assert "Redis refused a script" in output
    assert "Traceback" not in output


def test_a_success_clears_the_failures(running: Running, ada: str) -> None:
    for _ in range(3):
        failures = guess(running, [ada], GUESSES - 1)
        assert [answer.status for answer in failures] == [400] * (GUESSES - 1)
        assert running.client().log_in(ada, PASSWORD).status == 200


def test_retry_after_tells_the_truth(running: Running, ada: str, say: Say) -> None:
    refused = guess(running, [ada], GUESSES + 1)[-1]
    assert_throttled(refused)
    wait = int(refused.headers["Retry-After"])
    say(f"Retry-After: {wait}")
    time.sleep(wait)
    assert running.client().log_in(ada, PASSWORD).status == 200


def test_a_recipient_gets_three_mails_that_one_client_asks_for(
    host: Host, post_office: PostOffice
) -> None:
    with host.running(
        workers=PROCESSES,
        smtp_port=post_office.port,
        throttles={},
        PASSWORD_HASHERS=COUNTED,
    ) as running:
        ada, eve = make(running, "ada"), make(running, "eve")
        for ident in spellings(ada) * 3:
            answers = race(running.port, "send_pw_reset_email", [{"ident": ident}] * 2)
            assert [(a.status, a.body) for a in answers] == [(200, {})] * 2
        assert running.client().post("send_pw_reset_email", {"ident": eve}).body == {}
    # The servers have ended, and with them what they had still to send.
    assert len(post_office.letters_to(f"{ada}@example.com")) == 3
    assert len(post_office.letters_to(f"{eve}@example.com")) == 1
