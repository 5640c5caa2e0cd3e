"""One e-mail address, one account: normal forms, and one owner for each name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection, connections
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient

from ai_kit_auth import services
from ai_kit_auth.accounts import ident_of, normal_address
from ai_kit_auth.registration import identity_transaction, taken_codes
from ai_kit_auth.registration import register as make_account
from ai_kit_auth.serializers import RegistrationSerializer
from ai_kit_auth.settings import api_settings
from ai_kit_auth.signals import user_pre_registered
from ai_kit_auth.user_model import user_model

from .accounts import (
    attributes_of,
    has_activation,
    log_in,
    mailed_link,
    post,
    registration,
    the_user,
    wide,
)
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

T = TypeVar("T")

pytestmark = pytest.mark.django_db

with_username_rules = pytest.mark.user_model("auth_user", "uuid_key", "extra_field")


def register(name: str = "ada", **changes: Any) -> tuple[int, Any]:
    answer = post(APIClient(), "register", registration(name, **changes))
    return answer.status_code, answer.json()


def refused(key: str, code: str) -> tuple[int, Any]:
    return 400, {key: [code]}


def address_taken() -> tuple[int, Any]:
    return refused("email", f"{user_model.email}_unique")


def username_taken() -> tuple[int, Any]:
    return refused("username", f"{user_model.username}_unique")


def addresses() -> list[str]:
    return list(
        get_user_model()._default_manager.values_list(user_model.email, flat=True)
    )


def usernames() -> list[str]:
    name = str(user_model.username)
    return list(get_user_model()._default_manager.values_list(name, flat=True))


def with_address(address: str) -> dict[str, str]:
    return {user_model.email: address}


def with_name(username: str) -> dict[str, str]:
    return {str(user_model.username): username}


# The normal form of an address

EXAMPLE = "ada@example.com"
BOOKS = "ada@xn--bcher-kva.example"
SPELLINGS = [
    ("ada@EXAMPLE.com", EXAMPLE),
    (" ada@example.com\t", EXAMPLE),
    (f"ada@{wide('example.com')}", EXAMPLE),
    (f"ada@{wide('EXAMPLE')}.com", EXAMPLE),
    ("ada@example\u3002com", EXAMPLE),
    ("ada@example\uff61com", EXAMPLE),
    ("ada@bücher.example", BOOKS),
    ("ada@BÜCHER.example", BOOKS),
    ("ada@bu\u0308cher\uff61example", BOOKS),
    ("ada@XN--BCHER-KVA.example", BOOKS),
    ("ada@пример.example", "ada@xn--e1afmkfd.example"),
    ("ada@[127.0.0.1]", "ada@[127.0.0.1]"),
    ("ada@[2001:DB8::1]", "ada@[2001:db8::1]"),
    ('"ada"@EXAMPLE.com', '"ada"@example.com'),
    ("A.Da+x@EXAMPLE.com", "A.Da+x@example.com"),
]


@pytest.mark.parametrize(("typed", "normal"), SPELLINGS)
def test_an_address_is_stored_in_its_normal_form(typed: str, normal: str) -> None:
    """The domain is; what stands before the @ is as it was typed."""
    assert register(email=typed) == (201, {})
    assert addresses() == [normal]
    assert [message.to for message in mail.outbox] == (
        [[normal]] if has_activation() else []
    )


@pytest.mark.parametrize(("typed", "normal"), SPELLINGS)
def test_each_spelling_of_an_address_is_the_same_address(
    typed: str, normal: str
) -> None:
    register(email=typed)
    for again in (normal, normal.upper(), typed, typed.swapcase()):
        assert register("bob", email=again) == address_taken()
    assert addresses() == [normal]


@pytest.mark.parametrize(("typed", "normal"), SPELLINGS)
def test_each_spelling_of_an_address_finds_its_account(
    client: APIClient, make_user: MakeUser, typed: str, normal: str
) -> None:
    make_user(**with_address(normal))
    for ident in (typed, normal, normal.upper()):
        assert log_in(client, ident).status_code == 200
        post(client, "send_pw_reset_email", {"email": ident})
    assert [message.to for message in mail.outbox] == [[normal]] * 3


@pytest.mark.parametrize(
    "typed",
    [
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "ada@example.com.",
        "ada@exam ple.com",
        "ada@exam\u00a0ple.com",
        "ada@[nowhere]",
        "ada@[127.0.0.1",
        # These would get their mail elsewhere.
        "ada@faß.example",
        "ada@FAẞ.example",
        "ada@ς.example",
        "ada@a\u200db.example",
        "ada@a\u200cb.example",
        "ada@a\u00adb.example",
        # These are no labels.
        f"ada@{'ü' * 60}.example",
        f"ada@{'x' * 64}.example",
        "ada@ü..example",
        "ada@.ü.example",
        "ada@ü.example.",
        # But not the local part, which only the recipient's mail server may interpret.
        "ädä@example.com",
        f"{wide('ada')}@example.com",
        "ada\u200d@example.com",
        f"ada{wide('@')}example.com",
        f"ada@eve{wide('@')}example.com",
        '"ada@eve\uff02\uff20example.com',
    ],
)
def test_what_is_no_address_is_invalid(typed: str) -> None:
    assert register(email=typed) == refused("email", "invalid")
    assert addresses() == []


def long_address(length: int, label: str) -> str:
    """Return an address of ``length`` characters, once it is in its normal form."""
    domain = ".".join([label] * 4)
    rest = length - len(normal_address(f"@{domain}"))
    return f"{'a' * rest}@{domain}"


@pytest.mark.parametrize("label", ["example", "ü" * 40, "o\u0302\u0323" * 40])
def test_the_length_of_an_address_is_that_of_its_normal_form(label: str) -> None:
    """Longer than it was typed, or shorter."""
    longest = long_address(254, label)
    assert register("bob", email=long_address(255, label)) == refused(
        "email", "max_length"
    )
    assert register(email=longest) == (201, {})
    assert [len(address) for address in addresses()] == [254]


def test_a_huge_address_is_too_long_before_it_is_normalised() -> None:
    """Since that takes the square of the length, a body would cost minutes."""
    marks = "\u0301\u0327" * 3000
    assert register(email=f"ada@a{marks}.example") == refused("email", "max_length")


# Accounts of 2.0.0, which stored what was typed

OLD_SPELLINGS = [
    ("Ada@EXAMPLE.com", ["ada@example.com", "ADA@example.com"]),
    ("ada@bücher.example", ["ada@bücher.example", BOOKS, "ada@Bücher.example"]),
]


@pytest.mark.parametrize(("stored", "spellings"), OLD_SPELLINGS)
def test_an_old_account_logs_in_and_gets_its_reset(
    client: APIClient,
    make_user: MakeUser,
    settings: Any,
    stored: str,
    spellings: list[str],
) -> None:
    # More mails than one client may have sent to one mailbox.
    settings.AI_KIT_AUTH = {
        **settings.AI_KIT_AUTH,
        "THROTTLE_RATES": {"MAIL_RECIPIENT_ADDRESS": None},
    }
    make_user(**with_address(stored))
    for typed in (stored, *spellings):
        assert log_in(client, typed).status_code == 200
        post(client, "send_pw_reset_email", {"email": typed})
    assert [message.to for message in mail.outbox] == [[stored]] * len(mail.outbox)
    assert len(mail.outbox) == len(spellings) + 1
    new = {**mailed_link(), "password": OTHER_PASSWORD}
    assert post(client, "pw_reset", new).status_code == 200
    assert log_in(client, stored, OTHER_PASSWORD).status_code == 200


@pytest.mark.parametrize(("stored", "spellings"), OLD_SPELLINGS)
def test_an_old_account_has_its_address(
    make_user: MakeUser, stored: str, spellings: list[str]
) -> None:
    make_user("ada", **with_address(stored))
    for typed in (stored, *spellings):
        assert register("bob", email=typed) == address_taken()
    assert addresses() == [stored]


def test_an_old_account_whose_address_is_invalid_today_logs_in(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user(**with_address("ada@faß.example"))
    assert log_in(client, "ada@faß.example").status_code == 200
    # The domain that got its mail, and that another person may own.
    assert log_in(client, "ada@fass.example").status_code == 400


def test_a_domain_that_only_looks_encoded_is_one_like_any_other(
    client: APIClient,
) -> None:
    address = "ada@xn--99999999.example"
    assert register(email=address) == (201, {})
    assert register("bob", email=address.upper()) == address_taken()
    assert addresses() == [address]


# Usernames


@with_username
@pytest.mark.parametrize("typed", ["ada", "ADA", "Ada", wide("ada"), wide("ADA")])
def test_a_username_is_taken_in_every_case_and_unicode_form(
    make_user: MakeUser, typed: str
) -> None:
    make_user("ada")
    assert register("bob", username=typed) == username_taken()
    assert usernames() == ["ada"]


@with_username
def test_a_username_is_stored_in_its_normal_form(client: APIClient) -> None:
    assert register(username=wide("ada")) == (201, {})
    assert usernames() == ["ada"]
    for again in (wide("ada"), "ada", "ADA"):
        assert register("bob", username=again) == username_taken()
    assert usernames() == ["ada"]


@with_username
def test_the_length_of_a_username_is_that_of_its_normal_form() -> None:
    field: Any = get_user_model()._meta.get_field(str(user_model.username))
    name = "ﬃ" * (field.max_length // 3)
    assert register(username=name + "ﬃ") == refused("username", "max_length")
    assert register(username=name) == (201, {})
    assert usernames() == ["ffi" * (field.max_length // 3)]


@with_username_rules
def test_a_username_is_checked_in_its_normal_form() -> None:
    """One half is a letter to the model's rule; a one over a two is none."""
    assert register(username="½") == refused("username", "invalid")


@with_username
def test_a_huge_username_is_too_long_before_it_is_normalised() -> None:
    name = "a" + "\u0301\u0327" * 3000
    assert register(username=name) == refused("username", "max_length")


# Crosswise

IMITATIONS = [
    "ada@example.com",
    "ADA@example.com",
    "ada@EXAMPLE.com",
    f"ada@{wide('example')}.com",
    f"{wide('ada')}@example.com",
]


@with_username
@pytest.mark.parametrize("typed", IMITATIONS)
@pytest.mark.parametrize("state", ["active", "waiting", "deactivated"])
def test_a_username_that_is_somebodys_address_is_refused(
    make_user: MakeUser, state: str, typed: str
) -> None:
    make_user(is_active=state != "waiting")
    if state == "deactivated":
        get_user_model()._default_manager.update(is_active=False)
    # Another rule of the model may know it for no username at all.
    assert register("bob", username=typed) == username_taken()
    assert usernames() == ["ada"]


@with_username
@pytest.mark.parametrize("typed", IMITATIONS[:-1])
def test_an_address_that_is_somebodys_username_is_refused(
    make_user: MakeUser, typed: str
) -> None:
    make_user("bob", **with_name("ada@example.com"))
    assert register("ada", email=typed) == address_taken()
    assert addresses() == ["bob@example.com"]


@with_username
def test_all_that_is_taken_is_told_at_once(make_user: MakeUser) -> None:
    make_user("ada")
    make_user("bob", **with_name("bob@example.org"))
    answer = register(email="bob@example.org", username="ada@example.com")
    assert answer == (400, {**address_taken()[1], **username_taken()[1]})


@with_username
def test_an_account_may_be_called_by_its_own_address(client: APIClient) -> None:
    assert register("ada", username=EXAMPLE) == (201, {})
    post(client, "activate", mailed_link())
    assert log_in(client, EXAMPLE).status_code == 200


@with_username
def test_a_username_with_an_at_sign_that_is_nobodys_is_free() -> None:
    assert register("ada", username="ada@elsewhere") == (201, {})
    assert usernames() == ["ada@elsewhere"]


@with_username
@pytest.mark.parametrize("username_first", [True, False])
def test_no_stranger_stands_in_front_of_an_owner(
    client: APIClient, make_user: MakeUser, settings: Settings, username_first: bool
) -> None:
    """Whatever they register, and whichever field decides."""
    names = [str(user_model.username), user_model.email]
    order = names if username_first else names[::-1]
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "USER_IDENTITY_FIELDS": order}
    pk = make_user("ada").pk
    for number, imitation in enumerate([*IMITATIONS, "ada", "ADA", wide("ada")]):
        register(f"eve{number}", username=imitation, password=OTHER_PASSWORD)
    for number, imitation in enumerate(IMITATIONS):
        register(f"eva{number}", email=imitation, password=OTHER_PASSWORD)
    assert mail.outbox == []
    for typed in ("ada", EXAMPLE, "Ada@Example.com"):
        expect_the_owner(client, typed, pk)


@with_username
@pytest.mark.parametrize("active", [True, False])
def test_a_stranger_of_old_who_is_called_like_an_address_is_not_in_front_of_it(
    client: APIClient, make_user: MakeUser, active: bool
) -> None:
    """Version 2.0.0 took such a username."""
    eve = with_name(EXAMPLE)
    make_user("eve", password=OTHER_PASSWORD, is_active=active, **eve)
    pk = make_user("ada").pk
    expect_the_owner(client, EXAMPLE, pk)


def expect_the_owner(client: APIClient, typed: str, pk: Any) -> None:
    """Expect that a login and a reset find only ada."""
    mail.outbox.clear()
    answer = log_in(client, typed)
    assert answer.json()["user"]["id"] == (pk if isinstance(pk, int) else str(pk))
    assert log_in(client, typed, OTHER_PASSWORD).status_code == 400
    post(client, "send_pw_reset_email", {"ident": typed})
    assert [message.to for message in mail.outbox] == [[EXAMPLE]]


# Registration by code of the project


def fields_of(name: str = "ada", **changes: Any) -> dict[str, Any]:
    return {**attributes_of(name), "password": PASSWORD, **changes}


def codes_of_registration(fields: dict[str, Any]) -> Any:
    with pytest.raises(ValidationError) as caught:
        make_account(fields)
    return caught.value.get_codes()


def test_a_hosts_code_registers_an_account(client: APIClient) -> None:
    user = make_account(fields_of())
    assert the_user().pk == user.pk
    assert the_user().check_password(PASSWORD)
    assert log_in(client, EXAMPLE).status_code == (400 if has_activation() else 200)
    assert mail.outbox == []


@pytest.mark.parametrize("typed", IMITATIONS[:-1])
def test_a_hosts_code_gets_no_second_account_of_an_address(
    make_user: MakeUser, typed: str
) -> None:
    make_user("ada")
    name = user_model.email
    codes = codes_of_registration(fields_of("bob", **with_address(typed)))
    assert codes == {name: [f"{name}_unique"]}
    assert addresses() == [EXAMPLE]


@with_username
@pytest.mark.parametrize("typed", [*IMITATIONS, "ada", "ADA", wide("ada")])
def test_a_hosts_code_gets_no_name_that_is_somebodys(
    make_user: MakeUser, typed: str
) -> None:
    make_user("ada")
    name = str(user_model.username)
    codes = codes_of_registration(fields_of("bob", **with_name(typed)))
    assert codes == {name: [f"{name}_unique"]}
    assert usernames() == ["ada"]


@with_username
def test_a_hosts_code_may_leave_the_username_out() -> None:
    fields = fields_of()
    del fields[str(user_model.username)]
    assert make_account(fields).get_username()
    assert len(usernames()[0]) >= 20


@with_username_rules
@pytest.mark.parametrize("nothing", [{}, {"email": ""}])
def test_a_hosts_code_may_register_accounts_without_an_address(
    nothing: dict[str, str],
) -> None:
    """They do not stand in each other's way."""
    for name in ("ada", "bob"):
        fields = fields_of(name)
        del fields["email"]
        make_account({**fields, **nothing})
    assert addresses() == ["", ""]


@pytest.mark.parametrize("sign", ["_", "%"])
def test_a_sign_that_is_a_pattern_to_a_database_names_itself_alone(
    make_user: MakeUser, sign: str
) -> None:
    email = user_model.email
    make_user("ada", **{email: "a-b@example.com"})
    pattern = f"A{sign}B@Example.com"
    assert taken_codes({email: pattern}) == {}
    make_user("bob", **{email: pattern.lower()})
    assert taken_codes({email: pattern}) == {email: f"{email}_unique"}


def test_what_names_nobody_is_taken_by_nobody(make_user: MakeUser) -> None:
    make_user()
    assert taken_codes({}) == {}
    assert taken_codes({user_model.email: "", "password": "ada"}) == {}


@pytest.mark.parametrize(("typed", "normal"), [SPELLINGS[2], SPELLINGS[6]])
def test_what_a_hosts_code_registers_is_stored_in_normal_form(
    typed: str, normal: str
) -> None:
    make_account(fields_of(**with_address(typed)))
    assert addresses() == [normal]
    assert register("bob", email=normal) == address_taken()


def test_an_address_of_a_hosts_code_that_has_no_normal_form_is_invalid() -> None:
    fields = fields_of(**with_address("ada@faß.example"))
    assert codes_of_registration(fields) == {user_model.email: ["invalid"]}
    assert addresses() == []


@pytest.mark.parametrize("overtaken", [True, False])
def test_a_serializer_that_a_hosts_code_saves_checks_once_more(
    make_user: MakeUser, overtaken: bool
) -> None:
    """Another request may have taken the address since it was checked."""
    serializer = api_settings.REGISTRATION_SERIALIZER(data=registration())
    assert serializer.is_valid(), serializer.errors
    if overtaken:
        make_user("bob", **with_address("ADA@example.com"))
        with pytest.raises(ValidationError) as caught:
            serializer.save()
        name = user_model.email
        assert caught.value.get_codes() == {name: [f"{name}_unique"]}
    else:
        assert serializer.save().pk == the_user().pk
    assert len(addresses()) == 1


def test_a_hosts_serializer_that_forgets_our_checks_gets_no_second_account(
    make_user: MakeUser, settings: Settings
) -> None:
    """Its own ``validate`` calls no ``super()``."""
    make_user("bob", **with_address("ADA@example.com"))
    base = api_settings.REGISTRATION_SERIALIZER
    own = type("Own", (base,), {"validate": lambda self, attrs: attrs})
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "REGISTRATION_SERIALIZER": own}
    code = f"{user_model.email}_unique"
    assert register() == refused(user_model.email, code)
    assert addresses() == ["ADA@example.com"]


@pytest.mark.user_model(*(m for m in USER_MODELS if m != "extra_field"))
def test_a_hosts_own_address_field_stores_the_normal_form_too(
    settings: Settings,
) -> None:
    class Own(RegistrationSerializer):
        email = serializers.EmailField(source=own_source())

    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "REGISTRATION_SERIALIZER": Own}
    assert register(email="ada@bücher.example") == (201, {})
    assert addresses() == [BOOKS]


def own_source() -> str | None:
    return None if user_model.email == "email" else user_model.email


def test_what_fails_in_a_hosts_registration_leaves_nothing() -> None:
    def fail() -> None:
        with identity_transaction():
            make_account(fields_of())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert addresses() == []
    make_account(fields_of())
    assert addresses() == [EXAMPLE]


# Races, in a database that several connections share

RIVALS = 6


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Call all at the same time, each in its own thread and connection."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def file_database(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Give every thread that starts now its own database file."""
    own = {**connections.settings["default"], "NAME": str(tmp_path / "db.sqlite3")}
    monkeypatch.setitem(connections.settings, "default", own)

    def make_tables() -> None:
        with connection.schema_editor() as editor:
            for model in apps.get_models():
                editor.create_model(model)

    at_once([make_tables])


on_a_file = [
    pytest.mark.database("sqlite"),
    pytest.mark.usefixtures("file_database"),
    pytest.mark.django_db(transaction=True),
]


def in_a_race(*bodies: dict[str, Any]) -> list[tuple[int, Any]]:
    """Register all at once; return the answers, the good ones first."""

    def posts(body: dict[str, Any]) -> Callable[[], tuple[int, Any]]:
        def send() -> tuple[int, Any]:
            answer = post(APIClient(), "register", body)
            return answer.status_code, answer.json()

        return send

    answers = at_once([posts(body) for body in bodies])
    return sorted(answers, key=lambda answer: answer[0])


def stored(what: Callable[[], list[str]]) -> list[str]:
    [found] = at_once([what])
    return found


def rivals() -> list[dict[str, Any]]:
    """Return registrations of one address in several spellings."""
    typed = [spelling for spelling, normal in SPELLINGS if normal == EXAMPLE]
    return [
        registration(f"ada{number}", email=typed[number % len(typed)])
        for number in range(RIVALS)
    ]


class TestRaces:
    pytestmark = on_a_file

    def test_a_race_for_an_address_has_one_winner(self) -> None:
        answers = in_a_race(*rivals())
        assert answers == [(201, {})] + [address_taken()] * (RIVALS - 1)
        assert stored(addresses) == [EXAMPLE]
        assert len(mail.outbox) == has_activation()

    def test_a_receiver_that_reads_before_the_check_changes_nothing(
        self, invited: list[int]
    ) -> None:
        answers = in_a_race(*rivals())
        assert answers == [(201, {})] + [address_taken()] * (RIVALS - 1)
        assert stored(addresses) == [EXAMPLE]
        assert len(invited) == RIVALS

    @with_username
    def test_a_race_for_a_username_has_one_winner(self) -> None:
        names = ["ada", "ADA", wide("ada")] * (RIVALS // 3)
        answers = in_a_race(
            *(
                registration(f"ada{number}", username=name)
                for number, name in enumerate(names)
            )
        )
        assert answers == [(201, {})] + [username_taken()] * (RIVALS - 1)
        assert len(stored(usernames)) == 1

    @with_username
    def test_a_race_for_what_is_one_s_name_and_the_others_address_has_one_winner(
        self,
    ) -> None:
        answers = in_a_race(
            registration("ada"), registration("eve", username="ada@EXAMPLE.com")
        )
        assert answers[0] == (201, {})
        assert answers[1] in (address_taken(), username_taken())
        assert len(stored(addresses)) == 1

    def test_registrations_that_share_nothing_all_succeed(self) -> None:
        names = [f"ada{number}" for number in range(RIVALS)]
        answers = in_a_race(*map(registration, names))
        assert answers == [(201, {})] * RIVALS
        assert sorted(stored(addresses)) == [f"{name}@example.com" for name in names]

    def test_a_race_of_a_hosts_own_code_has_one_winner(self) -> None:
        def attempt(name: str) -> Callable[[], bool]:
            def run() -> bool:
                try:
                    make_account(fields_of(name, **with_address(EXAMPLE)))
                except ValidationError:
                    return False
                return True

            return run

        won = at_once([attempt(f"ada{number}") for number in range(RIVALS)])
        assert sorted(won) == [False] * (RIVALS - 1) + [True]
        assert stored(addresses) == [EXAMPLE]

    @with_activation
    def test_an_activation_link_is_used_once_however_often_at_once(self) -> None:
        in_a_race(registration())
        link = mailed_link()
        assert uses("activate", link) == [200] + [400] * (RIVALS - 1)

    def test_a_reset_link_is_used_once_however_often_at_once(self) -> None:
        def ask() -> None:
            services.send_reset_pw_mail(make_account(fields_of()))

        at_once([ask])
        link = {**mailed_link(), "password": OTHER_PASSWORD}
        assert uses("pw_reset", link) == [200] + [400] * (RIVALS - 1)


@pytest.fixture
def invited() -> Iterator[list[int]]:
    """Let a receiver of the project query before each registration."""
    seen: list[int] = []

    def look(**kwargs: object) -> None:
        seen.append(get_user_model()._default_manager.count())

    user_pre_registered.connect(look)
    try:
        yield seen
    finally:
        user_pre_registered.disconnect(look)


def uses(route: str, link: dict[str, str]) -> list[int]:
    """Post a link many times at once; return the statuses, sorted."""

    def use() -> int:
        return int(post(APIClient(), route, link).status_code)

    return sorted(at_once([use] * RIVALS))


@pytest.mark.user_model("auth_user")
def test_old_rows_of_one_address_each_get_a_reset(
    client: APIClient, make_user: MakeUser
) -> None:
    """Those that may have one; each link opens its own account."""
    old = [make_user(name, email="Shared@example.com") for name in ("ada", "bob")]
    make_user(
        "carol", email="shared@example.com", is_active=False, last_login=timezone.now()
    )
    assert log_in(client, "shared@example.com").status_code == 400
    assert log_in(client, "bob").status_code == 200
    for typed in ("shared@example.com", "ada"):
        mail.outbox.clear()
        post(client, "send_pw_reset_email", {"email": typed})
        idents = {mailed_link(n)["ident"] for n in range(len(mail.outbox))}
        wanted = old if "@" in typed else old[:1]
        assert idents == {ident_of(user) for user in wanted}
    post(client, "pw_reset", {**mailed_link(), "password": OTHER_PASSWORD})
    assert log_in(client, "ada", OTHER_PASSWORD).status_code == 200
    assert log_in(client, "bob").status_code == 200


@pytest.mark.user_model("auth_user")
def test_a_mailbox_is_not_filled_by_the_rows_that_share_it(
    client: APIClient, make_user: MakeUser
) -> None:
    for number in range(12):
        make_user(f"user{number}", email="shared@example.com")
    post(client, "send_pw_reset_email", {"email": "shared@example.com"})
    assert len(mail.outbox) == 10


@pytest.mark.user_model("auth_user")
def test_a_reset_request_for_nothing_is_for_no_account(
    client: APIClient, make_user: MakeUser
) -> None:
    make_user(username="")
    for data in ({}, {"ident": ""}, {"email": " "}):
        assert post(client, "send_pw_reset_email", data).json() == {}
    assert mail.outbox == []


@pytest.mark.user_model("auth_user")
def test_a_mail_that_went_out_counts_though_another_did_not(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """One mailbox gets its three mails from one client, and no fourth."""
    for name in ("ada", "bob"):
        make_user(name, email="shared@example.com")

    def send(user: Any, url: str) -> None:
        if user.username == "ada":
            raise ConnectionError
        mail.send_mail("Reset", url, None, [user.email])

    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "SEND_RESET_PW_MAIL": send}
    for _ in range(5):
        post(client, "send_pw_reset_email", {"email": "shared@example.com"})
    assert len(mail.outbox) == 3


@pytest.mark.user_model("auth_user")
def test_a_sender_that_refuses_by_a_code_gives_the_mail_back(
    client: APIClient, make_user: MakeUser, settings: Settings
) -> None:
    """The client hears nothing, and the owner's mails of the hour are all left."""
    make_user()
    usual = settings.AI_KIT_AUTH

    def refuse(user: Any, url: str) -> None:
        raise ValidationError("no", code="not_now")

    settings.AI_KIT_AUTH = {**usual, "SEND_RESET_PW_MAIL": refuse}
    for _ in range(4):
        answer = post(client, "send_pw_reset_email", {"email": "ada@example.com"})
        assert (answer.status_code, answer.json()) == (200, {})
    settings.AI_KIT_AUTH = usual
    post(client, "send_pw_reset_email", {"email": "ada@example.com"})
    assert len(mail.outbox) == 1
