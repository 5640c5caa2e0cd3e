"""``manage.py check`` on the templates of mails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils.translation import gettext_lazy

from .test_checks import findings, ids, templates
from .test_checks_deployment import own_sender

STRINGS = "django.template.backends.dummy.TemplateStrings"
OK = "{% load i18n %}Reset"


def reset(name: str, **given: Any) -> dict[str, Any]:
    """Return an AI_KIT_AUTH whose reset mail has the subject ``name``."""
    mails = {"RESET_PASSWORD": {"TITLE": name}}
    return {**settings.AI_KIT_AUTH, "EMAIL_TEMPLATES": mails, **given}


def of(mail: str, **given: Any) -> dict[str, Any]:
    """Return an AI_KIT_AUTH whose ``mail`` has a text that is missing."""
    mails = {mail: {"BODY_PLAINTEXT": "none.txt"}}
    return {**settings.AI_KIT_AUTH, "EMAIL_TEMPLATES": mails, **given}


@pytest.mark.parametrize(
    "texts",
    [
        {"mail__txt": "{% extends 'base.txt' %}"},
        {"mail__txt": "{% extends 'a.txt' %}", "a__txt": "{% extends 'base.txt' %}"},
        {"mail__txt": "{% include 'a.txt' %}", "a__txt": "{% extends 'base.txt' %}"},
        {"mail__txt": "{% if user %}{% include 'base.txt' %}{% endif %}"},
        {"mail__txt": "{% extends 'a.txt' %}", "a__txt": "{% include './base.txt' %}"},
        {
            "mail__txt": "{% extends 'a.txt' %}{% block b %}{% include 'base.txt' %}"
            "{% endblock %}",
            "a__txt": "{% block b %}{% endblock %}",
        },
    ],
)
def test_e007_what_a_template_asks_for_is_missing(texts: dict[str, str]) -> None:
    asking = "a.txt" if "base" in texts.get("a__txt", "") else "mail.txt"
    [problem] = findings(AI_KIT_AUTH=reset("mail.txt"), TEMPLATES=templates(**texts))
    # What is included may stand in a branch that never renders.
    surely = not any("include" in text for text in texts.values())
    assert problem.id == f"ai_kit_auth.{'E007' if surely else 'W029'}"
    assert f"there is no template 'base.txt', which {asking!r} asks for" in problem.msg
    assert "Save it as 'base.txt'" in str(problem.hint)
    texts = {**texts, "base__txt": OK}
    assert ids(AI_KIT_AUTH=reset("mail.txt"), TEMPLATES=templates(**texts)) == []


@pytest.mark.parametrize(
    "text",
    [
        "{% include parent %}",
        "{% extends parent %}",
        "{% include 'none'|add:'.txt' %}",
        "{% include 'mail.txt' %}",
        "{% extends 'mail.txt' %}",
    ],
)
def test_e007_a_name_that_only_shows_when_rendered_is_left_alone(text: str) -> None:
    """So is a template that extends another of the same name."""
    engines = templates(mail__txt=text)
    assert ids(AI_KIT_AUTH=reset("mail.txt"), TEMPLATES=engines) == []


def test_w029_a_project_of_an_api_alone_may_have_no_templates_at_all() -> None:
    found = findings(
        AI_KIT_AUTH={**settings.AI_KIT_AUTH, "USE_AI_KIT_AUTH_ADMIN": False},
        TEMPLATES=[],
    )
    assert {problem.id for problem in found} == {"ai_kit_auth.W029"}
    assert len(found) == 6
    assert "'APP_DIRS': True" in str(found[0].hint)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (of("USER_CREATED"), ["E007"]),
        (of("USER_CREATED", ENABLE_ENDPOINTS={"REGISTER": False}), []),
        (of("USER_CREATED", SEND_USER_ACTIVATION_MAIL=own_sender), []),
        (of("RESET_PASSWORD"), ["E007"]),
        (of("RESET_PASSWORD", ENABLE_ENDPOINTS={"SEND_PW_RESET_MAIL": False}), []),
        (of("RESET_PASSWORD", SEND_RESET_PW_MAIL=own_sender), []),
        (of("RESET_PASSWORD", SEND_RESET_PW_MAIL="no.such"), ["E003"]),
        (of("SET_PASSWORD"), ["E007"]),
        (of("SET_PASSWORD", USE_AI_KIT_AUTH_ADMIN=False), []),
        (of("SET_PASSWORD", SEND_ACTIVATION_BY_ADMIN_MAIL=own_sender), []),
        (of("ACCOUNT_EXISTS"), []),
        (of("ACCOUNT_EXISTS", PREVENT_ENUMERATION=True), ["E007"]),
        (of("CONFIRM_EMAIL"), []),
        (of("CONFIRM_EMAIL", ENABLE_ENDPOINTS={"CHANGE_EMAIL": True}), ["E007"]),
        (of("PASSWORD_CHANGED"), []),
        (of("PASSWORD_CHANGED", SECURITY_NOTICES={"PASSWORD_RESET": True}), ["E007"]),
        (of("PASSWORD_CHANGED", ENABLE_ENDPOINTS={"CHANGE_PASSWORD": True}), ["E007"]),
        (
            of(
                "ACCOUNT_DELETED",
                ENABLE_ENDPOINTS={"DELETE_ACCOUNT": True},
                SECURITY_NOTICES={"ACCOUNT_DELETED": False},
            ),
            [],
        ),
        (
            of(
                "USER_CREATED",
                SEND_USER_ACTIVATION_MAIL=(
                    "ai_kit_auth.services.default_send_user_activation_mail"
                ),
            ),
            ["E007"],
        ),
    ],
)
def test_e007_a_mail_that_is_never_sent_needs_no_template(
    given: dict[str, Any], found: list[str]
) -> None:
    assert ids(AI_KIT_AUTH=given) == found


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ({"mail__txt": "{{ url | nothing }}"}, "Invalid filter: 'nothing'"),
        ({"mail__txt": "{% load no_such %}"}, "'no_such' is not a registered tag"),
        ({"mail__txt": "{% if url %}"}, "Unclosed tag"),
        (
            {"mail__txt": "{% extends 'a.txt' %}", "a__txt": "{% of %}"},
            "template 'a.txt' does not compile: ",
        ),
    ],
)
def test_e008_a_template_that_does_not_compile(
    texts: dict[str, str], told: str
) -> None:
    [problem] = findings(AI_KIT_AUTH=reset("mail.txt"), TEMPLATES=templates(**texts))
    assert problem.id == "ai_kit_auth.E008"
    assert told in problem.msg


def test_w029_an_included_template_that_does_not_compile() -> None:
    texts = {"mail__txt": "{% include 'a.txt' %}", "a__txt": "{% of %}"}
    [problem] = findings(AI_KIT_AUTH=reset("mail.txt"), TEMPLATES=templates(**texts))
    assert problem.id == "ai_kit_auth.W029"
    assert "template 'a.txt' does not compile: " in problem.msg


def test_e008_a_template_in_no_encoding(tmp_path: Path) -> None:
    (tmp_path / "mail.txt").write_bytes(b"\xff\xfe\xff")
    engines = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    [problem] = findings(AI_KIT_AUTH=reset("mail.txt"), TEMPLATES=engines)
    assert problem.id == "ai_kit_auth.E008"
    assert "does not compile: UnicodeDecodeError" in problem.msg


def test_e008_another_engine_is_asked_in_its_own_way(tmp_path: Path) -> None:
    (tmp_path / "mail.dollar").write_text("Reset {% of %} $url")
    engines = [*settings.TEMPLATES, {"BACKEND": STRINGS, "DIRS": [tmp_path]}]
    assert ids(AI_KIT_AUTH=reset("mail.dollar"), TEMPLATES=engines) == []
    assert ids(AI_KIT_AUTH=reset("none.dollar"), TEMPLATES=engines) == ["E007"]


# The brand


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"COLOR": "#1F4FD8"}, []),
        ({"COLOR": "#036"}, []),
        ({"COLOR": "#fff"}, ["W042"]),
        ({"COLOR": "1f4fd8"}, ["E020"]),
        ({"COLOR": "#1f4fd8;display:none"}, ["E020"]),
        ({"SUPPORT_EMAIL": "help@example.com"}, []),
        ({"SUPPORT_EMAIL": "help at example.com"}, ["E020"]),
        ({"SUPPORT_URL": "https://example.com/help"}, []),
        ({"SUPPORT_URL": "http://example.com/help"}, ["W043"]),
        ({"SUPPORT_URL": "javascript:alert(1)"}, ["W043"]),
        ({"LOGO_URL": "https://[example.com/logo.png"}, ["W043"]),
        ({"LOGO_URL": "example.com/logo.png", "COLOR": "red"}, ["E020", "W043"]),
        ({"COLOR": lambda context: "red", "LOGO_URL": lambda context: ""}, []),
        ({"NAME": "", "FOOTER": gettext_lazy("Hello,")}, []),
    ],
)
def test_a_brand_that_mails_cannot_show_is_told(
    given: dict[str, Any], found: list[str]
) -> None:
    assert ids(AI_KIT_AUTH={**settings.AI_KIT_AUTH, "BRANDING": given}) == found


def test_a_better_colour_is_typed_out() -> None:
    given = {**settings.AI_KIT_AUTH, "BRANDING": {"COLOR": "#f5a524"}}
    [problem] = findings(AI_KIT_AUTH=given)
    better = re.findall("#[0-9a-f]{6}", str(problem.hint))
    given["BRANDING"] = {"COLOR": better[0]}
    assert ids(AI_KIT_AUTH=given) == []
