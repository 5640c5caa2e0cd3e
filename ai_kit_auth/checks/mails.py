"""The templates of the mails that this app sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines
from django.template.backends.django import Template as DjangoTemplate
from django.template.loader import get_template
from django.template.loader_tags import ExtendsNode, IncludeNode

from ..settings import APISettings, MailTemplates, api_settings
from .problems import (
    Problems,
    admin_is_used,
    imported,
    is_readable,
    key,
    problem,
    read,
    resolved,
)


def mails() -> Iterator[str]:
    """Yield the mails that are sent from our templates, by their key."""
    endpoints = api_settings.ENABLE_ENDPOINTS
    hides = api_settings.PREVENT_ENUMERATION
    notices = api_settings.SECURITY_NOTICES
    notice = "SEND_SECURITY_NOTICE"
    changes, resets = endpoints.CHANGE_PASSWORD, endpoints.RESET_PASSWORD
    for name, sender, used in (
        (
            "USER_CREATED",
            "SEND_USER_ACTIVATION_MAIL",
            endpoints.REGISTER or endpoints.RESEND_ACTIVATION_MAIL,
        ),
        ("RESET_PASSWORD", "SEND_RESET_PW_MAIL", endpoints.SEND_PW_RESET_MAIL),
        ("SET_PASSWORD", "SEND_ACTIVATION_BY_ADMIN_MAIL", admin_is_used()),
        (
            "ACCOUNT_EXISTS",
            "SEND_ACCOUNT_EXISTS_MAIL",
            hides and (endpoints.REGISTER or endpoints.CHANGE_EMAIL),
        ),
        ("CONFIRM_EMAIL", "SEND_CONFIRM_EMAIL_MAIL", endpoints.CHANGE_EMAIL),
        (
            "PASSWORD_CHANGED",
            notice,
            (changes and notices.PASSWORD_CHANGED)
            or (resets and notices.PASSWORD_RESET),
        ),
        (
            "EMAIL_CHANGE_REQUESTED",
            notice,
            endpoints.CHANGE_EMAIL and notices.EMAIL_CHANGE_REQUESTED,
        ),
        (
            "EMAIL_CHANGED",
            notice,
            endpoints.CHANGE_EMAIL and notices.EMAIL_CHANGED,
        ),
        (
            "ACCOUNT_DELETED",
            notice,
            endpoints.DELETE_ACCOUNT and notices.ACCOUNT_DELETED,
        ),
    ):
        standard = dict(APISettings.declared())[sender].default
        # A host's own sender may need no template.
        if used and resolved(sender) is imported(standard):
            yield name


def check_templates() -> Problems:
    """E007, E008."""
    if not is_readable():
        return
    try:
        engines.all()
    except Exception:  # noqa: BLE001  # Django tells what is wrong with TEMPLATES
        return
    for name in mails():
        for part in MailTemplates.__annotations__:
            setting = f"EMAIL_TEMPLATES.{name}.{part}"
            yield from _template_problems(key(setting), read(setting))


def _template_problems(setting: str, name: str) -> Problems:
    asked_for_by = compiled = name
    try:
        template = get_template(name)
        if isinstance(template, DjangoTemplate):
            for asking, below in _below(template.template, {name}):
                asked_for_by, compiled = asking, below
                template.template.engine.get_template(below)
    except TemplateDoesNotExist as error:
        missing = str(error)
        by = "" if missing == name else f", which {asked_for_by!r} asks for"
        yield problem(
            "E007",
            f"{setting}: there is no template {missing!r}{by}.",
            f"Save it as {missing!r} in a template folder that TEMPLATES names, or "
            f"correct {setting}."
            if engines.all()
            else "TEMPLATES = [{'BACKEND': "
            "'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}]",
        )
    except Exception as error:  # noqa: BLE001  # a loader or a tag of the host's own
        is_syntax = isinstance(error, TemplateSyntaxError)
        raised = "" if is_syntax else f"{type(error).__name__}: "
        yield problem(
            "E008",
            f"{setting}: the template {compiled!r} does not compile: {raised}{error}",
            f"Correct the template, or {setting}.",
        )


def _below(template: Any, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Yield what ``template`` extends or includes by a literal name, and by whom."""
    for node in template.nodelist.get_nodes_by_type((ExtendsNode, IncludeNode)):
        expression = getattr(node, "parent_name", None) or node.template
        name = getattr(expression, "var", None)
        if isinstance(name, str) and not expression.filters and name not in seen:
            seen.add(name)
            yield template.name, name
            yield from _below(template.engine.get_template(name), seen)
