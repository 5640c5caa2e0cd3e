"""The templates of the mails that this package sends, and the mail backend."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import django
from django.conf import settings
from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines
from django.template.backends.django import Template as DjangoTemplate
from django.template.loader import get_template
from django.template.loader_tags import ExtendsNode, IncludeNode
from django.utils.module_loading import import_string

from .. import capability
from ..settings import APISettings, MailTemplates, api_settings, django_tasks
from .problems import (
    Problems,
    admin_is_used,
    imported,
    is_readable,
    item,
    key,
    problem,
    read,
    resolved,
)


def mails() -> Iterator[str]:
    """Yield the key of each mail that is in use and made from a template."""
    declared = dict(APISettings.declared())
    sent = set(_sent())
    for name, mail in capability.mails().items():
        # A sender function of the project may need no template.
        if name in sent and resolved(mail.sender) is imported(
            declared[mail.sender].default
        ):
            yield name


def _sent() -> Iterator[str]:
    endpoints = api_settings.ENABLE_ENDPOINTS
    for one in capability.capabilities():
        for endpoint, names in one.sends.items():
            if getattr(endpoints, endpoint):
                yield from set(names) - (
                    set() if api_settings.PREVENT_ENUMERATION else {"ACCOUNT_EXISTS"}
                )
    for name, notice in capability.notices().items():
        if getattr(endpoints, notice.endpoint) and read(f"SECURITY_NOTICES.{name}"):
            yield notice.mail
    if admin_is_used():
        yield "SET_PASSWORD"


def check_templates() -> Problems:
    """E007, E008, W029."""
    if not is_readable():
        return
    try:
        engines.all()
    except Exception:  # noqa: BLE001  # Django tells what is wrong with TEMPLATES
        return
    declared = dict(APISettings.declared())
    for name in mails():
        for part in MailTemplates.__annotations__:
            setting = f"EMAIL_TEMPLATES.{name}.{part}"
            template = read(setting)
            ours = template == declared[setting].default
            yield from _template_problems(key(setting), template, ours=ours)


def _template_problems(setting: str, name: str, *, ours: bool) -> Problems:
    part = _Part(name, name, surely=not ours)
    try:
        template = get_template(name)
        if isinstance(template, DjangoTemplate):
            for part in _below(template.template, {name}, surely=not ours):
                template.template.engine.get_template(part.name)
    except TemplateDoesNotExist as error:
        missing = str(error)
        by = "" if missing == name else f", which {part.asked_for_by!r} asks for"
        yield problem(
            "E007" if part.surely else "W029",
            f"{setting}: there is no template {missing!r}{by}.",
            f"Save it as {missing!r} in a template folder that TEMPLATES names, or "
            f"correct {setting}."
            if engines.all() and not (ours and missing == name)
            else "TEMPLATES = [{'BACKEND': "
            "'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}]",
        )
    except Exception as error:  # noqa: BLE001  # a loader or a tag of the project's own
        is_syntax = isinstance(error, TemplateSyntaxError)
        raised = "" if is_syntax else f"{type(error).__name__}: "
        yield problem(
            "E008" if part.surely else "W029",
            f"{setting}: the template {part.name!r} does not compile: {raised}{error}",
            f"Correct the template, or {setting}.",
        )


class _Part(NamedTuple):
    """A template that ``asked_for_by`` needs: ``surely``, or on some branch only."""

    asked_for_by: str
    name: str
    surely: bool


def _below(template: Any, seen: set[str], *, surely: bool) -> Iterator[_Part]:
    """Yield the templates that ``template`` extends or includes by a literal name."""
    for node in template.nodelist.get_nodes_by_type((ExtendsNode, IncludeNode)):
        expression = getattr(node, "parent_name", None) or node.template
        name = getattr(expression, "var", None)
        if isinstance(name, str) and not expression.filters and name not in seen:
            seen.add(name)
            # An include on a branch that never renders may be missing.
            needed = surely and isinstance(node, ExtendsNode)
            yield _Part(template.name, name, needed)
            below = template.engine.get_template(name)
            yield from _below(below, seen, surely=needed)


def has_mailers() -> bool:
    """Tell whether mails are sent by MAILERS (Django 6.1), not by EMAIL_BACKEND."""
    return django.VERSION >= (6, 1) and hasattr(settings, "MAILERS")


def mailer() -> str:
    """Return the key of MAILERS that our mails are sent with."""
    return read("MAILER") or "default"


def backend() -> tuple[str, object]:
    """Return the name and the value of the setting that names the mail backend."""
    alias = mailer()
    with warnings.catch_warnings():
        # Django 6.1 warns when the old setting is read.
        warnings.simplefilter("ignore")
        return (
            (
                f"MAILERS[{alias!r}]['BACKEND']",
                item(item(settings.MAILERS, alias), "BACKEND"),
            )
            if has_mailers()
            else ("EMAIL_BACKEND", settings.EMAIL_BACKEND)
        )


def check_mailer() -> Problems:
    """E018."""
    alias = read("MAILER") if is_readable() else None
    if alias is None:
        return
    where, new = key("MAILER"), django.VERSION >= (6, 1)
    if not new or item(getattr(settings, "MAILERS", None), alias) is None:
        yield problem(
            "E018",
            f"{where} is {alias!r}, which is no key of MAILERS."
            if new
            else f"{where} is {alias!r}, and this version of Django has no MAILERS.",
            f"MAILERS = {{..., {alias!r}: {{'BACKEND': "
            "'django.core.mail.backends.smtp.EmailBackend', 'OPTIONS': {...}}}}"
            if new
            else f"Remove {where}, or update to Django 6.1.",
        )


def check_mail_task() -> Problems:
    """E019."""
    alias = read("MAIL_TASK") if is_readable() else None
    if alias is None:
        return
    where = key("MAIL_TASK")
    try:
        backends = django_tasks().task_backends
    except ImportError as error:
        yield problem(
            "E019",
            f"{where} needs django.tasks, which cannot be imported: {error}",
            "pip install 'django-ai-kit-auth[queue]', or update to Django 6.0, or "
            f"remove {where}.",
        )
        return
    try:
        backends[alias]
    except Exception as error:  # noqa: BLE001  # a backend may raise anything
        yield problem(
            "E019",
            f"{where} is {alias!r}, and TASKS has no such backend: {error}",
            f"TASKS = {{{alias!r}: {{'BACKEND': "
            "'django_tasks_db.DatabaseBackend'}}, or the dotted path of another class.",
        )


def check_mail_backend() -> Problems:
    """W034."""
    if not is_readable() or not any(mails()):
        return
    setting, path = backend()
    if isinstance(path, str):
        try:
            import_string(path)
        except Exception as error:  # noqa: BLE001  # a module may raise anything
            yield problem(
                "W034",
                f"{setting} is {path!r}, which cannot be imported: {error}",
                f"{setting} = 'django.core.mail.backends.smtp.EmailBackend', or the "
                "dotted path of another class.",
            )
