"""An account gets a new e-mail address only after the link to it was used."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail, signing
from django.core.cache.backends.locmem import LocMemCache
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, connection
from django.db.models.signals import pre_save
from django.test.utils import CaptureQueriesContext
from rest_framework.exceptions import PermissionDenied

from ai_kit_auth.account import services, signals
from ai_kit_auth.accounts import email_of, ident_of
from ai_kit_auth.registration import taken_codes
from ai_kit_auth.user_model import user_model

from ..accounts import mailed_link, wide
from ..conftest import OTHER_PASSWORD, PASSWORD, Connect, MakeUser, with_username
from ..test_links import own_link
from .page import (
    ADA,
    EVERY_MODEL,
    LINK_INVALID,
    NEW,
    NOT_FRESH,
    OUT,
    PASSWORD_REQUIRED,
    WRONG_PASSWORD,
    Browser,
    address,
    answer_of,
    before_savepoint,
    configure,
    invalid,
    mails,
    make_other,
    refused,
    rows,
    take_password,
    with_activation,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.user_model(*EVERY_MODEL)]


DONE: tuple[int, Any] = (200, {})
PLEASE_CONFIRM = "Please confirm your new e-mail address - app.example.com"
REQUESTED = "A new e-mail address for your account - app.example.com"
CHANGED = "Your e-mail address was changed - app.example.com"
EXISTS = "You have an account already - app.example.com"


def ask(browser: Browser, new: Any = NEW, **changes: Any) -> tuple[int, Any]:
    body = {"email": new, "password": PASSWORD, **changes}
    return answer_of(browser.post("change_email", body))


def follow(link: dict[str, Any], browser: Browser | None = None) -> tuple[int, Any]:
    """Do what the page of a link does, by default in a browser without a session."""
    return answer_of((browser or Browser()).post("confirm_email", link))


def link_to(user: Any, new: str = NEW) -> dict[str, str]:
    return own_link(services.get_email_change_url(user, new))


def the_link() -> dict[str, str]:
    """Return the link in the mail that has one."""
    [found] = [
        index for index, sent in enumerate(mail.outbox) if "?ident=" in str(sent.body)
    ]
    return mailed_link(found)


def taken() -> str:
    return f"{user_model.email}_unique"


# The way it goes


def test_the_address_changes_when_the_link_is_opened_and_not_before(
    browser: Browser, ada: Any
) -> None:
    assert ask(browser) == DONE
    assert address(ada) == ADA
    assert mails() == [(NEW, PLEASE_CONFIRM), (ADA, REQUESTED)]
    assert follow(the_link()) == DONE
    assert address(ada) == NEW
    assert mails()[2:] == [(ADA, CHANGED)]
    assert browser.me()[user_model.email] == NEW
    assert Browser().log_in(NEW).status_code == 200
    assert Browser().log_in(ADA).status_code == 400


def test_the_link_leads_to_the_frontend_s_page(
    browser: Browser, settings: Settings
) -> None:
    configure(settings, FRONTEND={"CONFIRM_EMAIL_ROUTE": "/my/new/address/"})
    ask(browser)
    body = str(mail.outbox[0].body)
    assert "https://app.example.com/my/new/address?ident=" in body


def test_the_link_is_good_in_whatever_browser(
    browser: Browser, ada: Any, make_user: MakeUser
) -> None:
    make_user("eve")
    eves = Browser()
    eves.log_in("eve@example.com")
    ask(browser)
    assert follow(the_link(), eves) == DONE
    assert address(ada) == NEW
    assert eves.me()[user_model.email] == "eve@example.com"


def test_all_sessions_live_on(browser: Browser, elsewhere: Browser) -> None:
    ask(browser)
    follow(the_link())
    assert browser.me()[user_model.email] == NEW
    assert elsewhere.me()[user_model.email] == NEW


def test_a_fresh_session_may_leave_the_password_out(browser: Browser) -> None:
    body = {"email": NEW}
    assert answer_of(browser.post("change_email", body)) == PASSWORD_REQUIRED
    browser.confirm_password()
    assert answer_of(browser.post("change_email", body)) == DONE


def test_an_account_without_a_password_needs_a_fresh_session(
    browser: Browser, ada: Any
) -> None:
    take_password(ada)
    browser.client.force_login(ada)
    browser.me()
    assert answer_of(browser.post("change_email", {"email": NEW})) == NOT_FRESH
    assert ask(browser) == WRONG_PASSWORD
    assert mail.outbox == []


def test_a_wrong_password_asks_for_nothing(browser: Browser) -> None:
    assert ask(browser, password="wrong") == WRONG_PASSWORD
    assert mail.outbox == []


# What an address is


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  ada@new.example\n", NEW),
        ("ada@NEW.Example", NEW),
        ("Ada@new.example", "Ada@new.example"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        (f"ada@{wide('new.example')}", NEW),
        ("ada@new\u3002example", NEW),
    ],
)
def test_it_is_kept_and_mailed_in_its_normal_form(
    browser: Browser, ada: Any, typed: str, kept: str
) -> None:
    assert ask(browser, typed) == DONE
    assert mail.outbox[0].to == [kept]
    assert follow(the_link()) == DONE
    assert address(ada) == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "blank"),
        (None, "null"),
        ("nonsense", "invalid"),
        ("ada@", "invalid"),
        ("a@b@new.example", "invalid"),
        ("ada@fa\u00df.example", "invalid"),
        ("ada@new.example\nBcc: eve@example.com", "invalid"),
        (f"{wide('a@b')}@new.example", "invalid"),
        ("a\x00@new.example", "null_characters_not_allowed"),
        (["ada@new.example"], "invalid"),
        (True, "invalid"),
        (7, "invalid"),
        ({}, "invalid"),
        ("a" * 250 + "@new.example", "max_length"),
    ],
)
def test_what_is_none_is_refused(browser: Browser, typed: Any, code: str) -> None:
    status, body = ask(browser, typed)
    assert status == 400
    assert code in body["email"]
    assert mail.outbox == []


def test_it_is_required(browser: Browser) -> None:
    answer = browser.post("change_email", {"password": PASSWORD})
    assert answer_of(answer) == invalid(email="required")


# Taken addresses


@pytest.mark.parametrize("typed", ["eve@example.com", "EVE@Example.COM"])
def test_one_that_has_an_account_is_refused(
    browser: Browser, make_user: MakeUser, typed: str
) -> None:
    make_user("eve")
    assert ask(browser, typed) == invalid(email=taken())
    assert mail.outbox == []


@with_username
@pytest.mark.parametrize("typed", ["eve@new.example", "EVE@New.Example"])
def test_one_that_is_somebody_s_username_is_refused(
    browser: Browser, make_user: MakeUser, typed: str
) -> None:
    """Its owner would stand behind eve at the next login."""
    name = {get_user_model().USERNAME_FIELD: "eve@new.example"}
    make_user("eve", **name)
    assert ask(browser, typed) == invalid(email=taken())


@with_username
def test_one_that_is_one_s_own_username_is_fine(
    make_user: MakeUser, browser: Browser, ada: Any
) -> None:
    setattr(ada, ada.USERNAME_FIELD, NEW)
    ada.save()
    assert ask(browser) == DONE
    assert follow(the_link()) == DONE
    assert address(ada) == NEW


def test_one_s_own_in_other_letters_is_fine(browser: Browser, ada: Any) -> None:
    assert ask(browser, "ADA@example.com") == DONE
    link = the_link()
    assert follow(link) == DONE
    assert address(ada) == "ADA@example.com"
    assert follow(link) == LINK_INVALID


def test_one_s_own_once_more_changes_nothing_and_its_link_is_good_once(
    browser: Browser, ada: Any
) -> None:
    assert ask(browser, ADA) == DONE
    link = the_link()
    assert follow(link) == DONE
    assert address(ada) == ADA
    assert follow(link) == LINK_INVALID


def test_an_account_without_an_address_gets_one(
    browser: Browser, ada: Any, settings: Settings
) -> None:
    """There is no notice, since there is no old address."""
    setattr(ada, user_model.email, "")
    ada.save()
    assert ask(browser) == DONE
    assert follow(the_link()) == DONE
    assert mails() == [(NEW, PLEASE_CONFIRM)]
    assert address(ada) == NEW


def test_the_faster_of_two_accounts_gets_it(
    browser: Browser, ada: Any, make_user: MakeUser
) -> None:
    eve = make_user("eve")
    adas, eves = link_to(ada), link_to(eve)
    assert follow(eves) == DONE
    assert follow(adas) == invalid(email=taken())
    assert (address(eve), address(ada)) == (NEW, ADA)


def test_an_account_that_was_made_meanwhile_keeps_its_address(
    ada: Any, make_user: MakeUser
) -> None:
    link = link_to(ada, "NEW@example.com")
    make_user("new")
    assert follow(link) == invalid(email=taken())
    assert address(ada) == ADA


@pytest.mark.user_model("email_login", "bare", "no_last_login")
def test_code_of_the_host_s_that_is_faster_still_wins(ada: Any) -> None:
    """Between our check and our write; the table's own constraint finds out."""
    link = link_to(ada)
    with before_savepoint(2, lambda: make_other(**{user_model.email: NEW})):
        assert follow(link) == invalid(email=taken())
    assert address(ada) == ADA


def test_a_constraint_that_is_about_something_else_is_no_taken_address(
    ada: Any,
) -> None:
    def spoil(**kwargs: Any) -> None:
        raise IntegrityError("another constraint")

    link = link_to(ada)
    pre_save.connect(spoil)
    with pytest.raises(IntegrityError, match="another"):
        follow(link)
    pre_save.disconnect(spoil)
    assert address(ada) == ADA


# Mails that fail


class NoMail(EmailBackend):
    def send_messages(self, messages: Any) -> int:
        raise OSError("the mail server is down")


def break_mail(settings: Settings) -> None:
    path = f"{__name__}.NoMail"
    old = django.VERSION < (6, 1)
    name = "EMAIL_BACKEND" if old else "MAILERS"
    setattr(settings, name, path if old else {"default": {"BACKEND": path}})


def test_a_mail_that_fails_is_told_and_changes_nothing(
    browser: Browser, settings: Settings
) -> None:
    before = rows()
    break_mail(settings)
    assert ask(browser) == refused("mail_not_sent", 503)
    assert rows() == before


def test_a_notice_that_fails_hinders_nothing(
    browser: Browser, ada: Any, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    link = link_to(ada)
    break_mail(settings)
    assert follow(link) == DONE
    assert address(ada) == NEW
    assert f"EMAIL_CHANGED to user {ada.pk} was not sent" in caplog.text


def test_the_host_may_send_it_itself(browser: Browser, settings: Settings) -> None:
    sent: list[tuple[str, str]] = []

    def send(user: Any, url: str) -> None:
        sent.append((email_of(user), url))

    configure(settings, SEND_CONFIRM_EMAIL_MAIL=send)
    assert ask(browser) == DONE
    [(to, url)] = sent
    assert to == NEW
    assert mails() == [(ADA, REQUESTED)]
    assert follow(own_link(url)) == DONE


def test_the_mail_is_in_the_language_of_the_page(browser: Browser) -> None:
    body = {"email": NEW, "password": PASSWORD}
    german = {"X-CSRFToken": browser.token, "Accept-Language": "de"}
    browser.post("change_email", body, headers=german)
    assert mails() == [
        (
            NEW,
            "Bitte best\u00e4tigen Sie Ihre neue E-Mail-Adresse - app.example.com",
        ),
        (ADA, "Eine neue E-Mail-Adresse f\u00fcr Ihr Konto - app.example.com"),
    ]


# What ends a link


def test_a_link_is_good_once(browser: Browser, ada: Any) -> None:
    ask(browser)
    link = the_link()
    assert follow(link) == DONE
    assert follow(link) == LINK_INVALID
    assert address(ada) == NEW


def test_every_link_ends_with_the_first_that_is_used(ada: Any) -> None:
    first, second = link_to(ada), link_to(ada, "ada@third.example")
    assert follow(second) == DONE
    assert follow(first) == LINK_INVALID
    assert address(ada) == "ada@third.example"


def test_who_goes_back_to_an_old_address_does_not_revive_its_links(ada: Any) -> None:
    """From A to B and back to A: a reader of B's mails still has the first link."""
    first, unused = link_to(ada), link_to(ada, "ada@third.example")
    assert follow(first) == DONE
    ada.refresh_from_db()
    assert follow(link_to(ada, ADA)) == DONE
    assert address(ada) == ADA
    for old in (first, unused):
        assert follow(old) == LINK_INVALID
    assert address(ada) == ADA
    assert follow(link_to(ada)) == DONE


def new_password(user: Any) -> None:
    user.set_password(OTHER_PASSWORD)
    user.save()


def other_address(user: Any) -> None:
    setattr(user, user_model.email, "ada@third.example")
    user.save()


def deactivated(user: Any) -> None:
    user.is_active = False
    user.save()


def gone(user: Any) -> None:
    type(user)._default_manager.filter(pk=user.pk).delete()


@pytest.mark.parametrize("happens", [new_password, other_address, gone])
def test_it_dies_when_the_account_changes_otherwise(
    ada: Any, happens: Callable[[Any], None]
) -> None:
    link = link_to(ada)
    happens(ada)
    before = rows()
    assert follow(link) == LINK_INVALID
    assert rows() == before


@with_activation
@pytest.mark.parametrize("update", [True, False])
def test_it_dies_when_the_account_is_deactivated(ada: Any, update: bool) -> None:
    link = link_to(ada)
    if update:
        type(ada)._default_manager.update(is_active=False)
    else:
        deactivated(ada)
    assert follow(link) == LINK_INVALID
    type(ada)._default_manager.update(is_active=True)
    assert follow(link) == DONE


@with_activation
def test_an_account_that_waits_has_no_address_to_change(make_user: MakeUser) -> None:
    assert follow(link_to(make_user(is_active=False))) == LINK_INVALID


def test_a_login_does_not_end_it(ada: Any) -> None:
    """People read their mail when they are logged out."""
    link = link_to(ada)
    Browser().log_in()
    assert follow(link) == DONE


@pytest.mark.parametrize("own", [60, None])
def test_it_dies_of_age(
    ada: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch, own: int | None
) -> None:
    settings.PASSWORD_RESET_TIMEOUT = 100
    configure(settings, EMAIL_CHANGE_TIMEOUT=own)
    link, begin = link_to(ada), time.time()
    monkeypatch.setattr(time, "time", lambda: begin + (own or 100) + 2)
    assert follow(link) == LINK_INVALID
    monkeypatch.setattr(time, "time", lambda: begin + (own or 100) - 2)
    assert follow(link) == DONE


def test_it_survives_a_secret_key_that_is_replaced(
    ada: Any, settings: Settings
) -> None:
    link, other = link_to(ada), link_to(ada, "ada@third.example")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one, for tests only"
    assert follow(link) == DONE
    settings.SECRET_KEY_FALLBACKS = []
    assert follow(other) == LINK_INVALID


def test_it_is_nobody_else_s(ada: Any, make_user: MakeUser) -> None:
    eve = make_user("eve")
    link = link_to(ada)
    assert follow({**link, "ident": ident_of(eve)}) == LINK_INVALID
    assert (address(ada), address(eve)) == (ADA, "eve@example.com")


def test_it_is_no_good_for_another_address(ada: Any) -> None:
    """The address in it can be read, but not changed."""
    link = link_to(ada)
    payload, rest = link["token"].split(":", 1)
    content = signing.b64_decode(payload.encode()).replace(b"new.", b"bad.")
    forged = f"{signing.b64_encode(content).decode()}:{rest}"
    assert follow({**link, "token": forged}) == LINK_INVALID
    assert follow({**link, "token": link["token"], "email": "x@bad.example"}) == DONE
    assert address(ada) == NEW


@pytest.mark.parametrize(
    "token", ["x", "::", "a:b:c", "\u00fc:1:2", "." * 900, ".eJw:1:2", "1-2", "=:=:="]
)
def test_what_is_no_token_is_none(ada: Any, token: str) -> None:
    link = {"ident": ident_of(ada), "token": token}
    assert follow(link) == LINK_INVALID


def test_a_signature_for_another_purpose_is_none(ada: Any) -> None:
    forged = signing.dumps([NEW, "0" * 32, time.time()], salt="something else")
    link = {"ident": ident_of(ada), "token": forged}
    assert follow(link) == LINK_INVALID


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ({}, invalid(ident="required", token="required")),
        ({"ident": "", "token": ""}, invalid(ident="blank", token="blank")),
        ({"ident": None, "token": None}, invalid(ident="null", token="null")),
        ({"ident": [], "token": {}}, invalid(ident="invalid", token="invalid")),
        ({"ident": "1" * 2000, "token": "x"}, invalid(ident="max_length")),
        ({"ident": "nobody", "token": "x"}, LINK_INVALID),
    ],
)
def test_a_link_is_two_texts(db: None, link: Any, expected: Any) -> None:
    assert follow(link) == expected


def test_the_longest_address_has_a_link_that_works(ada: Any) -> None:
    longest = f"{'a' * (254 - len('@new.example'))}@new.example"
    assert follow(link_to(ada, longest)) == DONE
    assert address(ada) == longest


class NoCache(LocMemCache):
    """A cache that is down, at whatever it is asked for."""

    down = ""

    def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
        if "get" in self.down and "email_changed" in key:
            raise OSError("the cache is down")
        return super().get(key, *args, **kwargs)

    def set(self, key: str, *args: Any, **kwargs: Any) -> None:
        if "set" in self.down and "email_changed" in key:
            raise OSError("the cache is down")
        super().set(key, *args, **kwargs)


@pytest.mark.parametrize("down", ["get", "set"])
def test_while_the_cache_is_down_no_link_is_good(
    ada: Any,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    down: str,
) -> None:
    """Without the cache it is unknown whether a link was used."""
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.NoCache"}}
    link = link_to(ada)
    monkeypatch.setattr(NoCache, "down", down)
    assert follow(link) == LINK_INVALID
    assert address(ada) == ADA
    assert "no change of address is confirmed" in caplog.text
    monkeypatch.setattr(NoCache, "down", "")
    assert follow(link) == DONE


def test_a_change_that_a_receiver_undoes_leaves_its_link_good(
    ada: Any, connect: Connect
) -> None:
    def veto(**kwargs: Any) -> None:
        raise PermissionDenied("Not on a Sunday.", "closed_on_sundays")

    link = link_to(ada)
    for signal in (signals.user_post_confirm_email, signals.user_pre_confirm_email):
        connect(signal, veto)
        assert follow(link) == refused("closed_on_sundays")
        signal.disconnect(veto)
        assert address(ada) == ADA
    assert mail.outbox == []
    assert follow(link) == DONE


def test_a_deactivation_in_between_wins(ada: Any, connect: Connect) -> None:
    def change(**kwargs: Any) -> None:
        type(ada)._default_manager.filter(pk=ada.pk).update(password="!")

    link = link_to(ada)
    connect(signals.user_pre_confirm_email, change)
    assert follow(link) == LINK_INVALID


def test_a_session_that_has_ended_asks_for_nothing(browser: Browser, ada: Any) -> None:
    new_password(ada)
    assert ask(browser) == OUT
    assert mail.outbox == []


# Under PREVENT_ENUMERATION


class CountingHasher(MD5PasswordHasher):
    encoded = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.encoded += 1
        return super().encode(password, salt)


def count_queries(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Tell, as a middleware, which tables were asked until there was an answer."""

    def middleware(request: Any) -> Any:
        with CaptureQueriesContext(connection) as queries:
            answer = get_response(request)
        # Without the values.
        statements = [re.sub("'[^']*'", "?", query["sql"]) for query in queries]
        kinds = [text for text in statements if "SAVEPOINT" not in text]
        answer["X-Queries"] = sha256(repr(kinds).encode()).hexdigest()
        answer["X-Number-of-Queries"] = len(kinds)
        return answer

    return middleware


@pytest.fixture
def hidden(settings: Settings) -> None:
    configure(settings, PREVENT_ENUMERATION=True)
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    settings.MIDDLEWARE = [f"{__name__}.count_queries", *settings.MIDDLEWARE]


def look(browser: Browser, new: str) -> Any:
    """Return all of an answer that a client could tell two accounts by."""
    CountingHasher.encoded = 0
    body = {"email": new, "password": PASSWORD}
    answer = browser.post("change_email", body)
    return (
        answer.status_code,
        answer.content,
        sorted(answer.headers.items()),
        sorted(answer.cookies),
        CountingHasher.encoded,
    )


def test_the_answer_never_tells_who_has_an_account(
    hidden: None, browser: Browser, make_user: MakeUser
) -> None:
    make_user("eve")
    make_user("gone")
    if "is_active" in user_model.columns:
        deactivated(get_user_model()._default_manager.get(pk=_pk("gone")))
        make_user("waits", is_active=False)
    seen = [
        look(browser, f"{name}@EXAMPLE.com")
        for name in ("eve", "EVE", "gone", "waits", "nobody")
    ]
    assert seen == [seen[0]] * 5
    assert seen[0][:2] == (200, b"{}")
    assert dict(seen[0][2])["X-Number-of-Queries"] == "3"
    assert seen[0][4] == 1


def _pk(name: str) -> Any:
    column = user_model.email
    [row] = [row for row in rows() if row[column] == f"{name}@example.com"]
    return row[get_user_model()._meta.pk.name]


def test_a_free_one_gets_its_link_after_the_answer(
    hidden: None, browser: Browser, ada: Any
) -> None:
    assert ask(browser) == DONE
    assert mails() == [(NEW, PLEASE_CONFIRM), (ADA, REQUESTED)]
    assert follow(the_link()) == DONE
    assert address(ada) == NEW


def test_the_owner_of_a_taken_one_is_told(
    hidden: None, browser: Browser, make_user: MakeUser
) -> None:
    make_user("eve")
    before = rows()
    assert ask(browser, "EVE@example.com") == DONE
    assert mails() == [("eve@example.com", EXISTS), (ADA, REQUESTED)]
    assert rows() == before


@with_username
def test_one_that_is_a_username_gets_no_mail(
    hidden: None, browser: Browser, make_user: MakeUser
) -> None:
    make_user("eve", **{get_user_model().USERNAME_FIELD: NEW})
    assert ask(browser) == DONE
    assert mails() == [(ADA, REQUESTED)]


@with_activation
def test_an_owner_that_an_admin_deactivated_gets_none(
    hidden: None, browser: Browser, make_user: MakeUser
) -> None:
    eve = make_user("eve")
    Browser().log_in("eve@example.com")
    eve.refresh_from_db()
    deactivated(eve)
    assert ask(browser, "eve@example.com") == DONE
    assert mails() == [(ADA, REQUESTED)]


@pytest.mark.parametrize("name", ["eve", "nobody"])
def test_a_mail_that_fails_is_not_told(
    hidden: None,
    browser: Browser,
    make_user: MakeUser,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    make_user("eve")
    break_mail(settings)
    assert ask(browser, f"{name}@example.com") == DONE
    assert "not sent" in caplog.text or "got no mail" in caplog.text


def test_what_others_made_somebody_send_tells_nothing_either(
    hidden: None, browser: Browser, make_user: MakeUser
) -> None:
    """Reset mails that were asked for are counted, and this endpoint shows a count."""
    make_user("eve")
    for name in ("eve", "nobody"):
        for _ in range(6):
            Browser().post("send_pw_reset_email", {"email": f"{name}@example.com"})
            Browser().post("resend_activation_email", {"email": f"{name}@example.com"})
    seen = [look(browser, f"{name}@example.com")[0] for name in ("eve", "nobody")]
    assert seen == [200, 200]


def test_the_confirmation_names_a_taken_one(
    hidden: None, browser: Browser, ada: Any, make_user: MakeUser
) -> None:
    """The answer is in the mailbox only."""
    link = link_to(ada, "eve@example.com")
    make_user("eve")
    assert follow(link) == invalid(email=taken())


def test_the_core_and_the_page_agree_on_what_is_taken(make_user: MakeUser) -> None:
    make_user("eve")
    columns = {user_model.email: "EVE@example.com"}
    assert taken_codes(columns) == {user_model.email: taken()}
