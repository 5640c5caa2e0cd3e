"""Races on the account page between server processes."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import cycle, islice
from typing import Any

import pytest

from ..accounts import wide
from ..conftest import OTHER_PASSWORD, PASSWORD
from .client import Answer, Client, at_once, race
from .hosts import CHEAP, Host, Running
from .post_office import PostOffice, link_in
from .test_races import one_address

Say = Callable[[str], None]
Send = Callable[[], Answer]

GROUPS = 2
LINKS = 6
ROUNDS = 2
ANONYMISE = "ai_kit_auth.account.services.anonymise_user"

LINK_INVALID = (400, {"error": "email_change_link_invalid"})
EMAIL_TAKEN = (400, {"email": ["email_unique"]})
USERNAME_TAKEN = (400, {"username": ["username_unique"]})
OUT = (403, {"error": "not_authenticated"})
WRONG_PASSWORD = (400, {"password": ["invalid_credentials"]})
WRONG_LOGIN = (400, {"non_field_errors": ["invalid_credentials"]})


@pytest.fixture
def running(each_host: Host, post_office: PostOffice) -> Iterator[Running]:
    with each_host.running(
        workers=4, smtp_port=post_office.port, PASSWORD_HASHERS=CHEAP
    ) as running:
        yield running
        assert "Traceback" not in running.program.output, running.program.output


def owners(running: Running, names: Iterable[str]) -> list[Client]:
    """Make an account for each name; return browsers in which they are logged in."""

    def make(name: str) -> Client:
        running.make_account(name, PASSWORD)
        return running.owner(name, PASSWORD)

    return at_once([partial(make, name) for name in names])


def sessions(running: Running, name: str, number: int) -> list[Client]:
    """Make one account and return so many browsers in which it is logged in."""
    (first,) = owners(running, [name])
    return [first, *(running.owner(name, PASSWORD) for _ in range(number - 1))]


def shown(answer: Answer) -> tuple[int, Any]:
    return answer.status, answer.body


def status(shown: tuple[int, Any]) -> int:
    return shown[0]


def described(answer: Answer) -> str:
    return f"{answer.status} {'' if answer.status < 400 else answer.body}".strip()


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def of(tag: str, name: str) -> bool:
    """Tell whether ``name`` belongs to the accounts of ``tag``."""
    return folded(name).startswith((f"{tag}@", f"{tag}-"))


def column(running: Running, name: str) -> list[str]:
    return [str(account[name]) for account in running.accounts()]


def good_passwords(running: Running, name: str, passwords: Iterable[str]) -> list[str]:
    """Return those with which the account can log in."""
    answers = {each: running.client().log_in(name, each) for each in passwords}
    for answer in answers.values():
        assert answer.status == 200 or shown(answer) == WRONG_LOGIN
    return [each for each, answer in answers.items() if answer.status == 200]


def ask_for(address: str) -> dict[str, str]:
    return {"email": address, "password": PASSWORD}


def asked_link(office: PostOffice, owner: Client, address: str) -> dict[str, str]:
    """Request a change to ``address``, for the first time, and return the link."""
    answer = owner.post("change_email", ask_for(address))
    assert shown(answer) == (200, {})
    return link_in(office.letter_to(address))


# One address, one username


def test_of_those_who_confirm_one_address_one_has_it(
    running: Running, post_office: PostOffice, say: Say
) -> None:
    answers: Counter[str] = Counter()
    for number in range(GROUPS):
        tag = f"a{running.port}x{number}"
        spelled = one_address(tag)
        group = owners(running, [body["username"] for body in spelled])
        asked = at_once(
            owner.prepared_post("change_email", ask_for(body["email"]))
            for owner, body in zip(group, spelled, strict=True)
        )
        # An address that is asked for is not taken yet.
        assert [shown(answer) for answer in asked] == [(200, {})] * len(group)
        links = [
            link_in(letter)
            for letter in post_office.letters()
            if letter.envelope_recipients[0].casefold().startswith(f"{tag}@")
        ]
        assert len({link["ident"] for link in links}) == len(group)
        raced = race(running.port, "confirm_email", links)
        answers.update(map(described, raced))
        assert [shown(answer) for answer in raced].count((200, {})) == 1
        for answer in raced:
            assert shown(answer) in [(200, {}), EMAIL_TAKEN, LINK_INVALID]
        old = {f"{body['username']}@example.com" for body in spelled}
        now = [email for email in column(running, "email") if of(tag, email)]
        assert len(now) == len(group)
        assert len(old.intersection(now)) == len(group) - 1
        again = race(running.port, "confirm_email", links)
        assert [answer.status for answer in again] == [400] * len(group)
    say(f"{answers.total()} confirmations of {GROUPS} addresses; {dict(answers)}")


def test_registration_confirmation_and_update_take_an_identity_once(
    running: Running, post_office: PostOffice, say: Say
) -> None:
    """One string, as an address and as a username, in several forms."""
    won: Counter[str] = Counter()
    for number in range(GROUPS):
        tag = f"i{running.port}x{number}"
        identity = f"{tag}@example.com"
        first, second, third = owners(running, [f"{tag}-{n}" for n in range(3)])
        link = asked_link(post_office, first, identity)
        new = {"password": PASSWORD}
        register = {**new, "email": identity.title(), "username": f"{tag}-3"}
        crosswise = {**new, "email": f"{tag}-4@example.com", "username": identity}
        racers = [
            ("confirm", first.prepared_post("confirm_email", link)),
            ("register", running.client().prepared_post("register", register)),
            ("update", second.prepared_update({"username": identity.upper()})),
            (
                "register crosswise",
                running.client().prepared_post("register", crosswise),
            ),
            (
                "update widely",
                third.prepared_update({"username": wide(tag) + identity[len(tag) :]}),
            ),
        ]
        # The first one to start has a small advantage.
        racers = racers[number % 5 :] + racers[: number % 5]
        raced = at_once(send for _, send in racers)
        good = [
            name
            for (name, _), answer in zip(racers, raced, strict=True)
            if answer.status < 400
        ]
        assert len(good) == 1, [shown(answer) for answer in raced]
        won.update(good)
        for answer in raced:
            if answer.status >= 400:
                assert shown(answer) in [EMAIL_TAKEN, USERNAME_TAKEN]
        named = [*column(running, "email"), *column(running, "username")]
        assert list(map(folded, named)).count(folded(identity)) == 1
    say(f"{GROUPS} identities went to {dict(won)}")


def test_an_account_may_take_one_string_as_both_names_at_once(
    running: Running, post_office: PostOffice, say: Say
) -> None:
    """Two requests for one row and one identity do not wait for each other."""
    answers: Counter[str] = Counter()
    for number in range(GROUPS):
        tag = f"b{running.port}x{number}"
        identity = f"{tag}@example.com"
        (owner,) = owners(running, [f"{tag}-0"])
        link = asked_link(post_office, owner, identity)
        raced = at_once(
            [
                owner.another_tab().prepared_update({"username": identity}),
                owner.another_tab().prepared_post("confirm_email", link),
                owner.another_tab().prepared_update({"username": identity.upper()}),
            ]
        )
        answers.update(map(described, raced))
        assert [answer.status for answer in raced] == [200] * 3
        (account,) = (a for a in running.accounts() if folded(a["email"]) == identity)
        assert folded(account["username"]) == identity
    say(f"{answers.total()} changes; {dict(answers)}")


# One link


def test_a_link_to_a_new_address_is_used_once(
    running: Running, post_office: PostOffice, say: Say
) -> None:
    name = f"c{running.port}"
    (owner,) = owners(running, [name])
    posts = 0
    for number, racers in enumerate(islice(cycle([2, 3, 4]), LINKS)):
        address = f"{name}-{number}@example.com"
        link = asked_link(post_office, owner, address)
        raced = race(running.port, "confirm_email", [link] * racers)
        posts += racers
        expected: list[tuple[int, Any]] = [(200, {})]
        expected += [LINK_INVALID] * (racers - 1)
        assert sorted(map(shown, raced), key=status) == expected
        assert column(running, "email").count(address) == 1
    say(f"{LINKS} links, {posts} posts, each link used once")


def test_of_two_links_of_one_account_one_is_used(
    running: Running, post_office: PostOffice, say: Say
) -> None:
    """Each is void once the address has changed by the other."""
    name = f"d{running.port}"
    (owner,) = owners(running, [name])
    for number in range(ROUNDS):
        addresses = [f"{name}-{number}-{n}@example.com" for n in range(3)]
        links = [asked_link(post_office, owner, address) for address in addresses]
        raced = race(running.port, "confirm_email", links)
        (won,) = (n for n, answer in enumerate(raced) if answer.status == 200)
        for answer in raced:
            assert shown(answer) in [(200, {}), LINK_INVALID]
        held = [email for email in column(running, "email") if email in addresses]
        assert held == [addresses[won]]
    say(f"{ROUNDS} changes of one account, asked for three times each")


def test_a_login_revokes_no_link_to_a_new_address(
    running: Running, post_office: PostOffice, say: Say
) -> None:
    name = f"e{running.port}"
    (owner,) = owners(running, [name])
    for number in range(ROUNDS):
        address = f"{name}-{number}@example.com"
        link = asked_link(post_office, owner, address)
        confirmed, *logins = at_once(
            [
                owner.another_tab().prepared_post("confirm_email", link),
                *logins_of(running, name),
            ]
        )
        assert shown(confirmed) == (200, {})
        assert [login.status for login in logins] == [200] * 3
        assert address in column(running, "email")
    say(f"{ROUNDS} links, each used among three logins")


# One password, and its sessions


@pytest.mark.parametrize("where", ["in one session", "in two sessions"])
def test_of_two_new_passwords_the_one_that_was_confirmed_counts(
    running: Running, where: str, say: Say
) -> None:
    answers: Counter[str] = Counter()
    for number in range(ROUNDS):
        name = f"{where[3:6]}{running.port}x{number}"
        first, second = sessions(running, name, 2)
        if where == "in one session":
            second = first.another_tab()
        clients = [first, second]
        new = [f"{OTHER_PASSWORD} {n}" for n in range(2)]
        raced = at_once(
            client.prepared_post(
                "change_password", {"password": PASSWORD, "new_password": password}
            )
            for client, password in zip(clients, new, strict=True)
        )
        answers.update(map(described, raced))
        (won,) = (n for n, answer in enumerate(raced) if answer.status == 200)
        assert shown(raced[1 - won]) in [OUT, WRONG_PASSWORD]
        assert clients[won].me() is not None
        assert clients[1 - won].me() is None
        assert good_passwords(running, name, [PASSWORD, *new]) == [new[won]]
    say(f"{answers.total()} new passwords {where}; {dict(answers)}")


def test_a_login_elsewhere_stops_no_change_of_the_password(
    running: Running, say: Say
) -> None:
    answers: Counter[str] = Counter()
    for number in range(ROUNDS):
        name = f"f{running.port}x{number}"
        owner, thief = sessions(running, name, 2)
        body = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
        change, *logins = at_once(
            [owner.prepared_post("change_password", body), *logins_of(running, name)]
        )
        answers[described(change)] += 1
        assert change.status == 200, shown(change)
        for login in logins:
            assert login.status == 200 or shown(login) == WRONG_LOGIN
        assert owner.me() is not None
        assert thief.me() is None
        good = good_passwords(running, name, [PASSWORD, OTHER_PASSWORD])
        assert good == [OTHER_PASSWORD]
    say(f"{answers.total()} new passwords among logins; {dict(answers)}")


def logins_of(running: Running, name: str, times: int = 3) -> list[Send]:
    clients = [running.client() for _ in range(times)]
    for client in clients:
        client.me()
    body = {"ident": name, "password": PASSWORD}
    return [client.prepared_post("login", body) for client in clients]


def test_a_login_stops_nobody_from_signing_out_elsewhere(
    running: Running, say: Say
) -> None:
    answers: Counter[str] = Counter()
    for number in range(ROUNDS):
        name = f"l{running.port}x{number}"
        owner, thief = sessions(running, name, 2)
        signed_out, *logins = at_once(
            [
                owner.prepared_post("logout_others", {"password": PASSWORD}),
                *logins_of(running, name),
            ]
        )
        answers[described(signed_out)] += 1
        assert signed_out.status == 200, shown(signed_out)
        # Before or after it, but never refused.
        assert [login.status for login in logins] == [200] * 3
        assert owner.me() is not None
        assert thief.me() is None
        assert good_passwords(running, name, [PASSWORD]) == [PASSWORD]
    say(f"{answers.total()} sign-outs among logins; {dict(answers)}")


def test_a_proof_in_a_session_that_ends_is_answered_in_codes(
    running: Running, say: Say
) -> None:
    answers: Counter[str] = Counter()
    for number in range(ROUNDS):
        name = f"p{running.port}x{number}"
        (owner,) = sessions(running, name, 1)
        tabs = [owner.another_tab() for _ in range(3)]
        new = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
        bodies = {
            "confirm_password": {"password": PASSWORD},
            "change_password": new,
            "logout_others": {"password": PASSWORD},
        }
        raced = at_once(
            tab.prepared_post(endpoint, body)
            for tab, (endpoint, body) in zip(tabs, bodies.items(), strict=True)
        )
        answers.update(
            f"{endpoint} {described(answer)}"
            for endpoint, answer in zip(bodies, raced, strict=True)
        )
        for answer in raced:
            assert answer.status == 200 or shown(answer) in [OUT, WRONG_PASSWORD]
        changed = raced[1].status == 200
        good = good_passwords(running, name, [PASSWORD, OTHER_PASSWORD])
        assert good == [OTHER_PASSWORD if changed else PASSWORD]
    say(f"{answers.total()} proofs; {dict(answers)}")


# The end


def test_a_deleted_account_is_gone_whatever_else_was_asked(
    running: Running, say: Say
) -> None:
    answers: Counter[str] = Counter()
    for number in range(ROUNDS):
        name = f"g{running.port}x{number}"
        clients = sessions(running, name, 4)
        new = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
        (login,) = logins_of(running, name, 1)
        raced = at_once(
            [
                clients[0].prepared_post("delete_account", {"password": PASSWORD}),
                clients[1].prepared_post("change_password", new),
                clients[2].prepared_post("delete_account", {"password": PASSWORD}),
                clients[3].prepared_update({"username": f"{name}-new"}),
                login,
            ]
        )
        answers.update(
            f"{what}: {described(answer)}"
            for what, answer in zip(
                ["delete", "change", "delete", "update", "login"], raced, strict=True
            )
        )
        for answer in raced:
            assert answer.status == 200 or shown(answer) in [
                OUT,
                WRONG_PASSWORD,
                WRONG_LOGIN,
            ]
        deleted = 200 in (raced[0].status, raced[2].status)
        addresses = column(running, "email")
        assert (f"{name}@example.com" in addresses) is not deleted
        good = good_passwords(
            running, f"{name}@example.com", [PASSWORD, OTHER_PASSWORD]
        )
        if deleted:
            assert [client.me() for client in clients] == [None] * 4
            assert good == []
        else:
            assert good == [OTHER_PASSWORD if raced[1].status == 200 else PASSWORD]
    say(f"{answers.total()} requests; {dict(answers)}")


def test_an_anonymised_account_keeps_nothing_of_whom_it_was(
    each_host: Host, post_office: PostOffice, say: Say
) -> None:
    answers: Counter[str] = Counter()
    with each_host.running(
        workers=4,
        smtp_port=post_office.port,
        auth={"ACCOUNT_DELETION_FUNCTION": ANONYMISE},
        PASSWORD_HASHERS=CHEAP,
    ) as running:
        for number in range(ROUNDS):
            name = f"h{running.port}x{number}"
            clients = sessions(running, name, 4)
            link = asked_link(post_office, clients[0], f"{name}-new@example.com")
            raced = at_once(
                [
                    clients[0].prepared_post("delete_account", {"password": PASSWORD}),
                    clients[1].prepared_update({"username": f"{name}-new"}),
                    clients[2].prepared_post("confirm_email", link),
                    clients[3].prepared_post("logout_others", {"password": PASSWORD}),
                ]
            )
            answers.update(
                f"{what}: {described(answer)}"
                for what, answer in zip(
                    ["delete", "update", "confirm", "sign out"], raced, strict=True
                )
            )
            for answer in raced:
                assert answer.status == 200 or shown(answer) in [
                    OUT,
                    WRONG_PASSWORD,
                    LINK_INVALID,
                ]
            named = [*column(running, "email"), *column(running, "username")]
            kept = [text for text in named if text.startswith(name)]
            if raced[0].status == 200:
                assert kept == [], [shown(answer) for answer in raced]
                assert [client.me() for client in clients] == [None] * 4
            else:
                assert len(kept) == 2
    say(f"{answers.total()} requests; {dict(answers)}")
    assert "Traceback" not in running.program.output, running.program.output
