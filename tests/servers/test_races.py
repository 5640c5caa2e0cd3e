"""Races between server processes at the endpoints of the core."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from typing import Any

import pytest

from ..conftest import PASSWORD
from .client import Answer, at_once, race
from .hosts import CHEAP, Host, Running
from .post_office import PostOffice, link_in

Say = Callable[[str], None]
Body = dict[str, Any]

# Each of three kinds of group has five registrations.
GROUPS_OF_A_KIND = 35
LINKS = 250
CODES = {"email": ["email_unique"], "username": ["username_unique"]}


@pytest.fixture
def running(each_host: Host, post_office: PostOffice) -> Iterator[Running]:
    with each_host.running(
        workers=4, smtp_port=post_office.port, PASSWORD_HASHERS=CHEAP
    ) as running:
        yield running
        assert "Traceback" not in running.program.output, running.program.output


def one_address(tag: str) -> list[Body]:
    """Spell one address in five ways, for five usernames."""
    domain = "b\u00fccher.example"
    spellings = [
        f"{tag}@{domain}",
        f"{tag}@{unicodedata.normalize('NFD', domain)}",
        f"{tag.upper()}@{domain.upper()}",
        f"{tag.title()}@xn--bcher-kva.example",
        f"{tag}@b\u00fc\uff43her\u3002example",
    ]
    return [
        {"email": email, "username": f"{tag}-{number}", "password": PASSWORD}
        for number, email in enumerate(spellings)
    ]


def one_username(tag: str) -> list[Body]:
    """Spell one username in five ways, for five addresses."""
    fullwidth = "".join(chr(ord(letter) + 0xFEE0) for letter in tag)
    spellings = [tag, tag, tag.upper(), tag.title(), fullwidth]
    return [
        {"email": f"{tag}-{n}@example.com", "username": name, "password": PASSWORD}
        for n, name in enumerate(spellings)
    ]


def one_identity(tag: str) -> list[Body]:
    """Use one string as address and as username."""
    identity = f"{tag}@example.com"
    pairs = [
        (identity, f"{tag}-0"),
        (f"{tag}-1@example.com", identity),
        (identity.upper(), f"{tag}-2"),
        (f"{tag}-3@example.com", identity.upper()),
        (f"{tag}-4@example.com", identity),
    ]
    return [
        {"email": email, "username": username, "password": PASSWORD}
        for email, username in pairs
    ]


@pytest.mark.parametrize("kind", [one_address, one_username, one_identity])
def test_racing_registrations_make_one_account(
    running: Running, kind: Callable[[str], list[Body]], say: Say
) -> None:
    before = {account["pk"] for account in running.accounts()}
    answers: Counter[str] = Counter()
    for number in range(GROUPS_OF_A_KIND):
        tag = f"{kind.__name__}{number}".replace("_", "")
        group = race(running.port, "register", kind(tag))
        answers.update(map(described, group))
        for answer in group:
            if answer.status != 201:
                assert answer.status == 400, answer
                assert answer.body
                assert answer.body.items() <= CODES.items()
    made = [a for a in running.accounts() if a["pk"] not in before]
    say(f"{answers.total()} registrations, {len(made)} accounts; {dict(answers)}")
    assert answers["201 []"] == GROUPS_OF_A_KIND
    assert_nothing_twice(made, GROUPS_OF_A_KIND)


def test_racing_registrations_that_are_told_nothing_make_one_account(
    each_host: Host, post_office: PostOffice, say: Say
) -> None:
    with each_host.running(
        workers=4,
        smtp_port=post_office.port,
        auth={"PREVENT_ENUMERATION": True},
        PASSWORD_HASHERS=CHEAP,
    ) as running:
        before = {account["pk"] for account in running.accounts()}
        answers = [
            answer
            for number in range(GROUPS_OF_A_KIND)
            for answer in race(running.port, "register", one_address(f"told{number}"))
        ]
        made = [a for a in running.accounts() if a["pk"] not in before]
    say(f"{len(answers)} registrations, {len(made)} accounts")
    assert {described(answer) for answer in answers} == {"201 []"}
    assert_nothing_twice(made, GROUPS_OF_A_KIND)
    assert "Traceback" not in running.program.output, running.program.output


def assert_nothing_twice(accounts: list[dict[str, Any]], number: int) -> None:
    """There are so many accounts, and no two have a name or an address in common."""
    assert len(accounts) == number
    identities = Counter(
        unicodedata.normalize("NFKC", account[field]).casefold()
        for account in accounts
        for field in ("email", "username")
    )
    assert set(identities.values()) == {1}


def described(answer: Answer) -> str:
    return f"{answer.status} {sorted(answer.body)}"


def test_a_link_is_used_once(
    running: Running, post_office: PostOffice, say: Say
) -> None:
    names = [f"{running.port}-{number}" for number in range(LINKS)]
    posts = 0
    # Half of the races are for activation links, half for reset links.
    for answer in in_fours(names, lambda name: register(running, name)):
        assert (answer.status, answer.body) == (201, {})
    for name, racers in with_racers(names):
        link = link_in(post_office.letter_to(f"{name}@example.com"))
        posts += racers
        won = winners(
            race(running.port, "activate_email", [link] * racers),
            {"error": "activation_link_invalid"},
        )
        assert len(won) == 1, f"{len(won)} of {racers} used the link of {name}"
    for answer in in_fours(names, lambda name: ask_for_reset(running, name)):
        assert (answer.status, answer.body) == (200, {})
    for name, racers in with_racers(names):
        link = link_in(post_office.letter_to(f"{name}@example.com", 2))
        passwords = [f"{PASSWORD} {number}" for number in range(racers)]
        posts += racers
        won = winners(
            race(
                running.port,
                "reset_password",
                [{**link, "password": password} for password in passwords],
            ),
            {"error": "reset_password_link_invalid"},
        )
        assert len(won) == 1, f"{len(won)} of {racers} used the link of {name}"
        # The client with the success has the password that counts.
        login = running.client().log_in(name, passwords[won[0]])
        assert login.status == 200, name
    say(f"{2 * LINKS} links, {posts} posts, each link used once")


def with_racers(names: list[str]) -> list[tuple[str, int]]:
    return list(zip(names, islice(cycle([2, 3, 4]), len(names)), strict=True))


def winners(answers: list[Answer], refusal: dict[str, str]) -> list[int]:
    """Return the indices of the successes; the others must be ``refusal``."""
    won = [n for n, answer in enumerate(answers) if answer.status == 200]
    for number, answer in enumerate(answers):
        expected = (200, {}) if number in won else (400, refusal)
        assert (answer.status, answer.body) == expected
    return won


def in_fours(names: list[str], action: Callable[[str], Answer]) -> Iterator[Answer]:
    for start in range(0, len(names), 4):
        four = names[start : start + 4]
        yield from at_once([partial(action, name) for name in four])


def register(running: Running, name: str) -> Answer:
    data = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    return running.client().post("register", data)


def ask_for_reset(running: Running, name: str) -> Answer:
    return running.client().post("send_pw_reset_email", {"ident": name})
