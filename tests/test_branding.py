"""The brand of the mails, what they say of the account, and their plain texts."""

from __future__ import annotations

import cProfile
import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.template.loader import render_to_string
from django.test import override_settings
from django.utils import translation
from django.utils.translation import gettext_lazy
from rest_framework.test import APIClient

from ai_kit_auth import branding, mail_facts, services
from ai_kit_auth.account import services as account
from ai_kit_auth.capability import mails
from ai_kit_auth.mail_preview import mail_names
from ai_kit_auth.settings import api_settings
from ai_kit_auth.templatetags import ai_kit_auth as tags
from ai_kit_auth.templatetags.ai_kit_auth import WIDTH, lifetime, wrap
from ai_kit_auth.user_model import UserModel, user_model

from .accounts import attributes_of, post, registration
from .conftest import USER_MODELS
from .test_mails import FRONTEND, URL, parts

MINUTE, HOUR, DAY = 60, 3600, 86400
LINKS = [name for name, mail in mails().items() if mail.link]
NOTICES = [name for name in mails() if name not in LINKS]
# The models with a first name.
with_name = pytest.mark.user_model(
    "auth_user", "email_login", "uuid_key", "extra_field"
)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


def branded(url: str = FRONTEND["URL"], **brand: Any) -> override_settings:
    given = {"FRONTEND": {"URL": url}, "BRANDING": brand}
    return override_settings(AI_KIT_AUTH=given)


def user_of(**given: Any) -> Any:
    """Return a user that is not stored."""
    return UserModel(**{"pk": 7, **attributes_of("ada"), **given})


def send(name: str = "RESET_PASSWORD", user: Any = None, url: str = URL) -> Any:
    """Send the mail ``name``; return its subject, text and HTML."""
    templates = getattr(api_settings.EMAIL_TEMPLATES, name)
    services.send_from_templates(templates, user or user_of(), url)
    return parts()


# The product


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://app.example.com", "app.example.com"),
        ("http://localhost:3000/app/", "localhost"),
        ("example.com", "example.com"),
        ("example.com/app", "example.com"),
        ("localhost:3000", "localhost"),
        ("//App.Example.com", "app.example.com"),
        ("https://[::1", "https://[::1"),
    ],
)
def test_a_product_without_a_name_has_that_of_its_frontend(url: str, name: str) -> None:
    with branded(url):
        subject, text, page = send()
    assert subject == f"Reset your password - {name}"
    assert f" at {name}." in text
    assert f" at {name}." in page


@pytest.mark.parametrize("kind", mail_names())
def test_every_mail_names_the_product_the_account_and_the_help(kind: str) -> None:
    url = URL if kind in LINKS else ""
    with branded(
        NAME="R&D <Shop>",
        SUPPORT_EMAIL="help@example.com",
        POSTAL_ADDRESS="Shop Ltd\n1 Main Street",
        FOOTER="Registered in England",
    ):
        subject, text, page = send(kind, url=url)
    assert subject.endswith(" - R&D <Shop>")
    for each in (text, html.unescape(re.sub("<[^>]*>", " ", page))):
        seen = " ".join(each.split())
        assert "This mail is about the account ada@example.com at R&D <Shop>." in seen
        assert "Help and contact: help@example.com" in seen
        assert "Shop Ltd 1 Main Street" in seen
        assert "Registered in England" in seen
    assert "Shop Ltd\n1 Main Street" in text
    assert "Shop Ltd<br>1 Main Street" in page
    # The name stands above the text of the HTML, too.
    assert page.index("R&amp;D &lt;Shop&gt;") < page.index("<h1")
    assert 'href="mailto:help@example.com"' in page


def test_help_is_an_address_or_a_page_or_the_frontend() -> None:
    page, address = "https://example.com/help", "help@example.com"
    for given, contact in (
        ({}, FRONTEND["URL"]),
        ({"SUPPORT_URL": page}, page),
        ({"SUPPORT_URL": page, "SUPPORT_EMAIL": address}, address),
        ({"SUPPORT_URL": page, "SUPPORT_EMAIL": "no address"}, page),
        ({"SUPPORT_URL": "javascript:alert(1)"}, FRONTEND["URL"]),
    ):
        with branded(**given):
            _, text, sent = send("EMAIL_CHANGED", url="")
        assert f"Help and contact: {contact}" in text
        assert f"get in touch with us at once.\n{contact}\n" in text
        links = [
            link.removeprefix("mailto:") for link in re.findall('href="([^"]*)', sent)
        ]
        assert links == [contact, contact]


def test_a_frontend_without_a_scheme_is_linked_by_https() -> None:
    """As 2.0.0 documented it."""
    with branded("example.com/app"):
        _, text, page = send("PASSWORD_CHANGED", url="")
    assert "Help and contact: example.com/app" in text
    assert set(re.findall('href="([^"]*)', page)) == {"https://example.com/app"}


def test_a_logo_stands_in_place_of_the_name() -> None:
    logo = "https://example.com/logo.png?a=1&b=2"
    with branded(NAME='The "Shop"', LOGO_URL=logo):
        *_, page = send()
    (image,) = re.findall(r"<img[^>]*>", page)
    assert f'src="{html.escape(logo)}"' in image
    assert 'alt="Logo of The &quot;Shop&quot;"' in image
    with branded(LOGO_URL=logo, LOGO_ALT="A fern"):
        *_, page = send()
    assert 'alt="A fern"' in page
    with branded(LOGO_URL="javascript:alert(1)", NAME="Shop"):
        *_, page = send()
    assert "<img" not in page
    assert ">\nShop\n<" in page


@pytest.mark.parametrize(
    ("color", "shown", "ink"),
    [
        ("", "#1f4fd8", "#ffffff"),
        ("#ABC", "#aabbcc", "#000000"),
        ("#800020", "#800020", "#ffffff"),
        ("#ffe600", "#ffe600", "#000000"),
        ("navy", "#1f4fd8", "#ffffff"),
        ('#fff"onload="x', "#1f4fd8", "#ffffff"),
    ],
)
def test_the_button_has_the_colour_and_a_text_that_can_be_read(
    color: str, shown: str, ink: str
) -> None:
    with branded(COLOR=color):
        *_, page = send()
    (button,) = re.findall(r'<a [^>]*class="aka-button" style="([^"]*)"', page)
    assert f"background-color:{shown};color:{ink};" in button
    assert f'bgcolor="{shown}"' in page
    assert "onload" not in page
    found = branding.fixed_brand(
        branding.Values("", "", "", color, "", "", "", "", "https://a.example", "")
    )
    assert found is not None
    for one, other in (
        (found.color, found.ink),
        (found.link, branding.PAPER),
        (found.dark_color, found.dark_ink),
        (found.dark_link, branding.DARK_PAPER),
    ):
        assert branding.contrast(one, other) >= 4.5


@pytest.mark.parametrize("given", ["A\r\nBcc: eve@example.com", "  A\tB\x00\x7f  "])
def test_a_name_cannot_break_the_subject(given: str) -> None:
    with branded(NAME=given):
        subject, *_ = send()
    (message,) = mail.outbox
    assert "Bcc" not in message.message()
    assert message.recipients() == ["ada@example.com"]
    assert subject.isprintable()
    assert not re.search(r"\s\s", subject)


def test_a_lazy_name_is_in_the_language_of_the_mail() -> None:
    with branded(NAME=gettext_lazy("Permissions")):
        assert send()[0].endswith(" - Permissions")
        with translation.override("de"):
            assert send()[0].endswith(" - Berechtigungen")


# Several brands


def test_each_user_may_have_a_brand() -> None:
    seen: list[dict[str, Any]] = []

    def color(context: dict[str, Any]) -> str:
        seen.append(context)
        return "#800020"

    def name(context: dict[str, Any]) -> str:
        return f"Shop of {getattr(context['user'], user_model.email)}"

    with branded(NAME=name, COLOR=color, FOOTER=lambda context: None):
        for who in ("ada", "eve", "ada"):
            user = user_of(**attributes_of(who))
            subject, text, page = send(user=user)
            assert subject == f"Reset your password - Shop of {who}@example.com"
            assert f"at Shop of {who}@example.com." in " ".join(text.split())
            assert f"Shop of {who}@example.com" in page
            assert 'bgcolor="#800020"' in page
    assert [context["url"] for context in seen] == [URL] * 3
    assert "request" not in seen[0]


def _fails(context: dict[str, Any]) -> str:
    raise LookupError("no tenant")


@pytest.mark.django_db
# Accounts of "bare" need no mail, and those of "extra_field" a serializer of its own.
@pytest.mark.user_model(*(m for m in USER_MODELS if m not in {"bare", "extra_field"}))
def test_a_brand_that_fails_is_a_mail_that_fails(client: APIClient) -> None:
    with branded(NAME=_fails):
        answer = post(client, "register", registration())
    assert (answer.status_code, answer.json()) == (503, {"error": "mail_not_sent"})
    assert mail.outbox == []
    assert not UserModel._base_manager.exists()


@pytest.mark.parametrize("value", [None, 7, b"bytes", ["a"]])
def test_what_a_callable_returns_may_be_no_text(value: object) -> None:
    names = ("NAME", "COLOR", "LOGO_URL", "SUPPORT_EMAIL", "SUPPORT_URL", "FOOTER")
    brand: dict[str, Any] = dict.fromkeys(names, lambda context: value)
    with branded(**brand):
        subject, text, _ = send()
    assert subject == "Reset your password - app.example.com"
    assert text.endswith("Help and contact: https://app.example.com\n")


def test_the_data_of_the_project_goes_before_the_brand(settings: Any) -> None:
    """2.0.0 had no such names, so a project may have them for its own templates."""
    own = {"brand": "Own brand", "ai_kit_auth": "Own kit", "name": "Own name"}
    settings.AI_KIT_AUTH = {
        "FRONTEND": FRONTEND,
        "EMAIL_TEMPLATES": {"CUSTOM_DATA_FUNCTION": lambda: own},
    }
    context = services.mail_context(user_of(), URL, "RESET_PASSWORD")
    assert own.items() <= context.items()
    subject, text, page = send()
    assert subject == "Reset your password - app.example.com"
    assert "Own" not in f"{text}{page}"
    assert 'bgcolor="#1f4fd8"' in page


def test_a_project_may_render_our_templates_itself() -> None:
    given = {"user": user_of(), "url": URL}
    with branded(COLOR="#800020", NAME="Shop"):
        page = render_to_string("ai_kit_auth/reset_password_body.html", given)
        title = render_to_string("ai_kit_auth/reset_password_title.txt", given)
    assert 'bgcolor="#800020"' in page
    assert "Choose a new password</a>" in page
    assert "This mail is about" not in page
    assert title.strip() == "Reset your password - Shop"
    # Even the base alone, which has no text.
    assert URL in html.unescape(render_to_string("ai_kit_auth/body_base.html", given))


def test_a_frontend_without_a_url_is_no_link() -> None:
    """A notice needs none; the checks tell that it is missing."""
    with branded(""):
        _, text, page = send("PASSWORD_CHANGED", url="")
    assert "href" not in page
    assert text.rstrip().endswith(
        "--\nThis mail is about the account ada@example.com at ."
    )


def test_a_mail_without_a_declaration_greets_nobody_by_name() -> None:
    context = services.mail_context(user_of(), URL)
    facts = context["ai_kit_auth"]
    assert (facts.name, facts.lifetime, facts.is_notice) == ("", 0, False)
    assert facts.account == "ada@example.com"


# The name in the greeting


@with_name
@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Ada", "Hello Ada,"),
        (" Ada ", "Hello Ada,"),
        ("Anne-Marie O'Neil", "Hello Anne-Marie O'Neil,"),
        ("J\u00fcrgen", "Hello J\u00fcrgen,"),
        ("\u0645\u062d\u0645\u0651\u062f", "Hello \u0645\u062d\u0645\u0651\u062f,"),
        ("A" * 30, f"Hello {'A' * 30},"),
        ("", "Hello,"),
        ("A" * 31, "Hello,"),
        ("evil.example", "Hello,"),
        ("https://evil.example", "Hello,"),
        ("Ada, pay at once", "Hello,"),
        ("Ada!", "Hello,"),
        ("<b>Ada</b>", "Hello,"),
        ("Ada\nPay", "Hello,"),
        ("4da", "Hello,"),
        ("\u202eadA", "Hello,"),
        ("ada@example", "Hello,"),
    ],
)
def test_a_name_is_shown_that_can_be_no_message(name: str, greeting: str) -> None:
    _, text, page = send(user=user_of(first_name=name))
    assert text.startswith(f"{greeting}\n")
    assert f">{html.escape(greeting)}</p>" in page


@with_name
@pytest.mark.parametrize("kind", mail_names())
def test_only_a_proven_address_is_greeted_by_name(kind: str) -> None:
    """A stranger may have typed the name, together with the address of another."""
    url = URL if kind in LINKS else ""
    for active in (True, False):
        _, text, page = send(kind, user_of(first_name="Buy", is_active=active), url)
        strangers = kind in {"USER_CREATED", "SET_PASSWORD", "CONFIRM_EMAIL"}
        assert ("Buy" in text) == ("Buy" in page) == (active and not strangers)


def test_a_model_without_a_first_name_may_have_a_short_one() -> None:
    class Person:
        pk = 7
        is_active = True

        def get_short_name(self) -> str:
            return "Ada"

    class Nameless:
        pk = 7
        is_active = True

    if "first_name" in user_model.columns:
        assert mail_facts.greeted_name(user_of(first_name="Ada")) == "Ada"
    else:
        assert mail_facts.greeted_name(Person()) == "Ada"
        assert mail_facts.greeted_name(Nameless()) == ""


# The account


def test_another_address_sees_that_of_the_account_masked() -> None:
    for kind, url in (("EMAIL_CHANGED", ""), ("CONFIRM_EMAIL", URL)):
        there = account.addressed(user_of(), "nora@example.net")
        _, text, page = send(kind, there, url)
        assert mail.outbox[-1].to == ["nora@example.net"]
        for each in (text, page):
            assert "a\u2022\u2022\u2022@example.com" in each
            assert "ada@" not in each
            assert "nora@" not in each


def test_the_same_address_is_shown_in_full() -> None:
    """As in the mail about an account that was deleted."""
    same = account.addressed(user_of(), "ada@example.com")
    _, text, _ = send("ACCOUNT_DELETED", same, "")
    assert "the account ada@example.com at" in text


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("a@example.net", "a\u2022\u2022\u2022@example.net"),
        ('"a@b"@example.net', '"\u2022\u2022\u2022@example.net'),
        ("@example.net", "\u2022\u2022\u2022@example.net"),
    ],
)
def test_a_mask_shows_one_sign(address: str, masked: str) -> None:
    assert mail_facts.masked(address) == masked


# The time-out


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (3 * DAY, "3 days"),
        (3 * DAY - 1, "2 days"),
        (2 * DAY - 1, "47 hours"),
        (DAY, "1 day"),
        (DAY - 1, "23 hours"),
        (2 * HOUR, "2 hours"),
        (2 * HOUR - 1, "119 minutes"),
        (HOUR, "1 hour"),
        (HOUR + 59, "60 minutes"),
        (90, "1 minute"),
    ],
)
def test_a_sentence_never_promises_more(seconds: int, told: str) -> None:
    assert lifetime(seconds) == f"You can use this link once, within {told}."


def test_less_than_a_minute_is_not_told(settings: Any) -> None:
    settings.PASSWORD_RESET_TIMEOUT = 59
    assert "You can use" not in "".join(send())


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("USER_CREATED", "ACTIVATION_TIMEOUT"),
        ("CONFIRM_EMAIL", "EMAIL_CHANGE_TIMEOUT"),
        ("RESET_PASSWORD", None),
        ("ACCOUNT_EXISTS", None),
    ],
)
def test_each_link_tells_its_own_timeout(
    settings: Any, kind: str, own: str | None
) -> None:
    settings.PASSWORD_RESET_TIMEOUT = 2 * HOUR
    assert all("within 2 hours." in part for part in send(kind)[1:])
    given = {"ACTIVATION_TIMEOUT": 7 * DAY, "EMAIL_CHANGE_TIMEOUT": 7 * DAY}
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, **given}
    told = "within 7 days." if own else "within 2 hours."
    assert all(told in part for part in send(kind)[1:])


@pytest.mark.parametrize(("own", "told"), [(7 * DAY, "2 hours"), (HOUR, "1 hour")])
def test_an_invitation_tells_the_shorter_one(
    settings: Any, own: int, told: str
) -> None:
    """Its link is one of the two."""
    settings.PASSWORD_RESET_TIMEOUT = 2 * HOUR
    settings.AI_KIT_AUTH = {**settings.AI_KIT_AUTH, "ACTIVATION_TIMEOUT": own}
    assert f"within {told}." in send("SET_PASSWORD")[1]


# If it was not you


@pytest.mark.parametrize("kind", NOTICES)
def test_a_notice_warns_in_a_box_and_leads_to_help(settings: Any, kind: str) -> None:
    frontend = {**FRONTEND, "FORGOT_PW_ROUTE": "/forgot/"}
    settings.AI_KIT_AUTH = {
        "FRONTEND": frontend,
        "BRANDING": {"SUPPORT_URL": "https://example.com/help"},
    }
    _, text, page = send(kind, url="")
    expected = {
        "PASSWORD_CHANGED": "https://app.example.com/forgot",
        "EMAIL_CHANGE_REQUESTED": "https://app.example.com",
    }.get(kind, "https://example.com/help")
    assert f"\n{expected}\n" in text
    (box,) = re.findall(r'<td class="aka-warning.*?</td>', page, re.DOTALL)
    assert "If it was not you" in box
    assert f'href="{expected}"' in box
    # Not by its colour alone.
    assert "border:2px solid" in box
    assert "font-weight:bold" in box
    assert "&#9888;" in box


@pytest.mark.parametrize("kind", LINKS)
def test_what_may_be_ignored_is_text_like_any_other(kind: str) -> None:
    *_, page = send(kind)
    assert 'class="aka-warning' not in page
    (cell,) = re.findall(
        r"<td [^>]*>\nIf (?:it was not )?you|<td [^>]*>\n[^<]*ignore", page
    )
    assert "color:#1c2330" in cell


# Plain text


def columns(line: str) -> int:
    wide = sum(unicodedata.east_asian_width(sign) in {"W", "F"} for sign in line)
    return len(line) + wide


KOREAN = "\ud55c\uad6d\uc5b4"  # which puts spaces between its words
JAPANESE = (
    "\u30a2\u30ab\u30a6\u30f3\u30c8\u306e\u30d1\u30b9\u30ef\u30fc\u30c9\u3092"
    "\u518d\u8a2d\u5b9a\u3059\u308b\u305f\u3081\u306b\u3001\u300c\u3053\u306e"
    "\u30ea\u30f3\u30af\u300d\u3092\u958b\u3044\u3066\u304f\u3060\u3055\u3044\u3002"
)


@pytest.mark.parametrize("before", range(40))
def test_japanese_breaks_where_a_reader_expects_it(before: int) -> None:
    """No line begins with a closing sign or a small one, none ends with an opening."""
    text = "\u3042" * before + JAPANESE * 3
    lines = wrap(text).split("\n")
    assert "".join(lines) == text
    for line in lines:
        assert columns(line) <= WIDTH
        assert line[0] not in "\u3001\u3002\u300d\u30fc\u30e3\u30e5\u30e7\u30c3\uff1a"
        assert line[-1] != "\u300c"
    assert all(columns(line) > WIDTH - 8 for line in lines[:-1])


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ""),
        ("One line", "One line"),
        ("a" * 70 + " " + "b" * 7, "a" * 70 + " " + "b" * 7),
        ("a" * 70 + " " + "b" * 8, "a" * 70 + "\n" + "b" * 8),
        ("a" * 100, "a" * 100),
        ("One\n\nTwo", "One\n\nTwo"),
        ("See: " + URL * 2 + " now", "See:\n" + URL * 2 + "\nnow"),
        (
            "\ud55c\uad6d\uc5b4 " * 12,
            ("\ud55c\uad6d\uc5b4 " * 11).strip() + "\n\ud55c\uad6d\uc5b4",
        ),
    ],
)
def test_a_line_breaks_at_spaces(text: str, lines: str) -> None:
    assert wrap(text) == lines


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", mail_names())
def test_no_line_of_a_text_is_longer_than_a_terminal(kind: str, language: str) -> None:
    url = URL if kind in LINKS else ""
    with (
        translation.override(language),
        branded(
            NAME="The Company for Everything That Grows",
            POSTAL_ADDRESS="One Very Long Street Name " * 5,
            FOOTER="A sentence of the law. " * 9,
            SUPPORT_EMAIL="help@example.com",
        ),
    ):
        _, text, page = send(kind, url=url)
    assert [line for line in text.splitlines() if len(line) > 78 and line != url] == []
    assert "\n\n\n" not in text
    # The same content, whatever the lines.
    shown = " ".join(html.unescape(re.sub("<[^>]*>", " ", page)).split())
    for paragraph in text.split("\n\n"):
        for line in paragraph.removeprefix("--\n").split("\n"):
            assert line.strip() in shown


# Pages that are kept


def test_a_kept_page_is_of_one_language_brand_and_kind_of_account() -> None:
    def shown(**brand: Any) -> list[Any]:
        with branded(**brand):
            found = []
            for language in ("en", "de"):
                with translation.override(language):
                    for who in ("ada", "eve"):
                        user = user_of(**attributes_of(who))
                        found.append(send(user=user, url=f"{URL}-{who}"))
            return found

    first, other = shown(NAME="First"), shown(NAME="Other")
    assert first == shown(NAME="First")
    for (subject, text, page), (_, _, second) in zip(first, other, strict=True):
        assert subject.endswith("First")
        assert "First" in text
        assert "Other" not in page
        assert page.replace("First", "Other") == second
    english, german = first[:2], first[2:]
    for ada, eve in (english, german):
        assert f"{URL}-ada\n" in ada[1]
        assert f"{URL}-eve\n" in eve[1]
        assert "eve" not in "".join(ada)
        assert "ada" not in "".join(eve)
    assert "Neues Passwort" in german[0][0]


def test_what_is_kept_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "LIMIT", 2)
    names = iter("ABCABC")
    with branded(NAME=lambda context: next(names)):
        found = [send()[0][-1] for _ in range(6)]
    assert found == list("ABCABC")
    assert all(len(pages) <= 2 for pages in tags._pages.values())


def test_with_debug_a_developer_sees_each_change(settings: Any) -> None:
    settings.DEBUG = True
    before = send()
    assert before == send()
    with translation.override("de"):
        assert send() != before


def test_the_second_mail_computes_nothing_of_the_brand(settings: Any) -> None:
    settings.AI_KIT_AUTH = {
        "FRONTEND": FRONTEND,
        "BRANDING": {"NAME": "Shop", "COLOR": "#800020"},
    }
    send()
    with cProfile.Profile() as profile:
        send()
    files = {getattr(each.code, "co_filename", "") for each in profile.getstats()}
    assert branding.__file__ not in files
    assert services.__file__ in files
