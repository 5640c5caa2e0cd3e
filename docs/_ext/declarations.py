"""
The reference, written by the code that it describes.

``.. declared:: settings`` puts every setting there, with type, default and meaning;
:data:`KINDS` names what else there is. What has no meaning fails the build, so the
reference is whole or there is none. Each thing can be linked by the role of its kind
(``:setting:`FRONTEND.URL```), and a link to what does not exist fails the build too.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

from django.core.management import load_command_class
from django.core.management.base import BaseCommand
from django.dispatch import Signal
from django.urls import URLPattern
from django.utils.module_loading import import_string
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

import ai_kit_auth
from ai_kit_auth import capability, errors, mail_preview, security_log
from ai_kit_auth.checks import PROBLEMS
from ai_kit_auth.endpoints import MailRequestView
from ai_kit_auth.management import commands
from ai_kit_auth.sentences import code_sentences
from ai_kit_auth.settings import (
    APISettings,
    Nested,
    Section,
    Setting,
    api_settings,
)


class UndocumentedError(ExtensionError):
    """Something is declared, and nothing says what it means."""


def documented(name: str, text: str | None) -> str:
    """Return ``text``; raises :exc:`UndocumentedError` where there is none."""
    if not text or not text.strip():
        raise UndocumentedError(f"{name} has no meaning: say it where it is declared")
    return inspect.cleandoc(text)


def linked(text: str) -> str:
    """Turn what ``text`` has in double backticks into links, where it names a thing."""
    roles = {
        **dict.fromkeys(dict(APISettings.declared()), "setting"),
        **dict.fromkeys(errors.CODES, "errorcode"),
        **{name: "endpoint" for name, _, _ in routes()},
    }

    def link(found: re.Match[str]) -> str:
        role = roles.get(found[1])
        return f":{role}:`{found[1]}`" if role else found[0]

    return re.sub(r"``([\w./]+)``", link, text)


def entry(kind: str, name: str, text: str, **fields: str) -> str:
    """Return the markup of one thing: its name, what it means, and its fields."""
    lines = [f":{label}: {value}" for label, value in fields.items()]
    content = "\n".join([linked(text), "", *lines])
    return f".. {kind}:: {name}\n\n{indent(content.strip(), '   ')}\n"


def heading(title: str) -> str:
    return f"\n{title}\n{'-' * len(title)}\n"


# Settings


def settings(section: type[Section] = APISettings) -> Iterator[str]:
    """The keys of the top level, then a part for each dict below it."""
    members = section.members()
    yield heading("Top level")
    for name, member in members.items():
        if isinstance(member, Setting):
            yield setting(name, member)
    for name, member in members.items():
        if isinstance(member, Nested):
            yield heading(name)
            for path, declared in member.section.declared(f"{name}."):
                yield setting(path, declared)


def setting(name: str, declared: Setting[Any]) -> str:
    meaning = documented(f"AI_KIT_AUTH: {name}", declared.meaning)
    if name.endswith("FIELDSETS"):
        default = "; ".join(
            f"{title or '(none)'}: {', '.join(options['fields'])}"
            for title, options in declared.default
        )
    elif isinstance(declared.default, str):
        default = f'``"{declared.default}"``'
    else:
        default = f"``{declared.default!r}``".replace("'", '"')
    return entry("setting", name, meaning, Type=declared.type_name, Default=default)


# Endpoints


def routes() -> Iterator[tuple[str, str, URLPattern]]:
    """
    Yield each route with its name and key.

    The name is its path, after the methods that it adds where the path had others.
    """
    served: dict[str, set[str]] = {}
    for _, key, route in capability.routes(api_settings.ENABLE_ENDPOINTS):
        path, view = str(route.pattern), view_of(route)
        own = {name for name in view.http_method_names if hasattr(view, name)}
        added = " ".join(sorted(own - served.get(path, own))).upper()
        served[path] = served.get(path, set()) | own
        yield f"{added} {path}".strip(), key, route


def view_of(route: URLPattern) -> type[Any]:
    view: type[Any] = route.callback.view_class  # type: ignore[attr-defined]  # as_view() puts it there
    return view


def endpoints() -> Iterator[str]:
    for name, key, route in routes():
        view = view_of(route)
        yield entry(
            "endpoint",
            name,
            documented(view.__name__, vars(view).get("__doc__")),
            **{
                "URL name": f"``ai_kit_auth:{route.name}``",
                "Switch": f":setting:`ENABLE_ENDPOINTS.{key}`",
                "View": f":class:`~{view.__module__}.{view.__name__}`",
            },
        )


# Codes, events, checks


def of_mapping(kind: str, meanings: Mapping[str, str]) -> Iterator[str]:
    for name, meaning in meanings.items():
        yield entry(kind, name, documented(name, meaning))


def codes() -> Iterator[str]:
    said = code_sentences("en")
    for code, meaning in errors.CODES.items():
        # The sentence is the project's, if the code is.
        sentence = {"Sentence": said[code]} if code in said else {}
        yield entry("errorcode", code, documented(code, meaning), **sentence)


def events() -> Iterator[str]:
    yield from of_mapping("event", security_log.EVENTS)


def checks() -> Iterator[str]:
    own = {f"ai_kit_auth.{number}": text for number, text in PROBLEMS.items()}
    for one in capability.capabilities():
        own |= one.problems
    yield from of_mapping("check", own)


# Signals


def signal_entries() -> Iterator[str]:
    for one in capability.capabilities():
        if not one.signals:
            continue
        declaring, sending = import_module(one.signals), import_module(one.views)
        moments = dict(_moments(inspect.getsource(declaring)))
        sent = {name: (view, keywords) for name, view, keywords in _sends(sending)}
        for name, member in vars(declaring).items():
            if not isinstance(member, Signal):
                continue
            if name not in sent:
                raise UndocumentedError(f"{name} is sent by no view")
            view, keywords = sent[name]
            yield entry(
                "signal",
                name,
                documented(name, moments.get(name)),
                Keyword=", ".join(f"``{name}``" for name in keywords),
                Sender=f":class:`~{sending.__name__}.{view}`",
            )


def _moments(source: str) -> Iterator[tuple[str, str]]:
    """Yield each signal with its half of the comment above its pair."""
    pair = re.compile(
        r"(?P<comment>(?:^# .*\n)+)(?P<pre>^\w+) = Signal\(\)\n(?P<post>\w+) = ", re.M
    )
    # Which keywords they are is what the views say; what one of them holds is not.
    held = re.compile(r"keywords? (?:``\w+`` and )(?P<name>``\w+``), (?P<what>[^;]+)")
    keywords = re.compile(r"keywords? ``\w+``(?: and ``\w+``)*[;,]?|^``\w+``,")
    for found in pair.finditer(source):
        comment = re.sub(r"^# ", "", found["comment"], flags=re.M).replace("\n", " ")
        # ``pre: …`` or ``pre also ``user_data``, …``
        common, *moments = re.split(r"pre(?:: | also (?=``))", comment, maxsplit=1)
        pre, _, post = "".join(moments).partition("post: ")
        common = held.sub(r"\g<name> is \g<what>", common)
        both = keywords.sub("", common).strip().rstrip(";")
        for name, moment in ((found["pre"], pre), (found["post"], post)):
            own = keywords.sub("", moment).strip().rstrip(";")
            # No moment, no meaning: what both halves have in common is none.
            yield name, "; ".join(filter(None, (own, both))) if own else ""


def _sends(module: ModuleType) -> Iterator[tuple[str, str, list[str]]]:
    """
    Yield signal, view and keywords of every ``….send(…)`` in a module of views.

    Of a signal that a view only names for its base, the keywords are those of the base.
    """
    by_base = {
        attribute: keywords
        for attribute, keywords in _calls(ast.parse(inspect.getsource(MailRequestView)))
        if attribute.startswith("self.")
    }
    for view in ast.parse(inspect.getsource(module)).body:
        if not isinstance(view, ast.ClassDef):
            continue
        for name, keywords in _calls(view):
            yield name, view.name, keywords
        for statement in view.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=own)], value=ast.Name(id=name)):
                    if f"self.{own}" in by_base:
                        yield name, view.name, by_base[f"self.{own}"]


def _calls(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Yield the signal, as it is written, and the keywords of every ``….send(…)``."""
    for call in ast.walk(tree):
        match call:
            case ast.Call(
                func=ast.Attribute(value=signal, attr="send"), keywords=keywords
            ):
                names = [k.arg for k in keywords if k.arg and k.arg != "sender"]
                yield ast.unparse(signal), names


# Mails


def mails() -> Iterator[str]:
    templates = dict(APISettings.declared())
    of_notices = {notice.mail for notice in capability.notices().values()}
    for name, mail in capability.mails().items():
        sender = mail.sender
        text = import_string(templates[sender].default).__doc__
        if name in of_notices:
            # One function sends all the notices.
            title = templates[f"EMAIL_TEMPLATES.{name}.TITLE"].meaning
            text = title.removeprefix("subject of ")
        parts = {
            title: f"``{templates[key].default}`` (:setting:`{key}`)"
            for part, name_of_part in mail_preview.PARTS.items()
            # Not capitalize(), which makes Html of HTML.
            for title in [name_of_part[0].upper() + name_of_part[1:]]
            for key in [f"EMAIL_TEMPLATES.{name}.{part}"]
        }
        # Not every mail leads somewhere.
        link = {"Link to": f":setting:`FRONTEND.{mail.link}`"} if mail.link else {}
        yield entry(
            "mail",
            name,
            documented(name, text),
            **{
                "Sent by": f":setting:`{sender}`, {templates[sender].meaning}",
                **link,
                **parts,
            },
        )


# Management commands


def command_entries() -> Iterator[str]:
    common = _options(BaseCommand())
    for module in pkgutil.iter_modules(commands.__path__):
        command = load_command_class("ai_kit_auth", module.name)
        program = f"manage.py {module.name}"
        yield heading(program)
        yield documented(program, command.help) + "\n"
        yield inspect.cleandoc(vars(type(command)).get("__doc__") or "") + "\n"
        yield f".. program:: {program}\n"
        for name, action in _options(command).items():
            if name in common:
                continue
            value = (
                f" {action.metavar or action.dest.upper()}" if _takes(action) else ""
            )
            text = documented(f"{program} {name}", action.help)
            # An example, which nobody is to follow.
            text = re.sub(r"https?://[\w./]*\w/?", r"``\g<0>``", text)
            yield f".. option:: {name}{value}\n\n{indent(text, '   ')}\n"


def _options(command: BaseCommand) -> dict[str, argparse.Action]:
    parser = command.create_parser("manage.py", "command")
    return {
        action.option_strings[-1]: action
        for action in parser._actions
        if action.option_strings
    }


def _takes(action: argparse.Action) -> bool:
    return action.nargs != 0


KINDS: Mapping[str, Callable[[], Iterator[str]]] = {
    "settings": settings,
    "endpoints": endpoints,
    "codes": codes,
    "signals": signal_entries,
    "events": events,
    "checks": checks,
    "mails": mails,
    "commands": command_entries,
}


class Declared(SphinxDirective):
    """``.. declared:: KIND``: everything of that kind, from its declaration."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        kind = self.arguments[0]
        if kind not in KINDS:
            raise self.error(f"{kind} is none of {', '.join(KINDS)}")
        package = Path(ai_kit_auth.__file__).parent
        for source in (*package.rglob("*.py"), package / "codes" / "en.json"):
            self.env.note_dependency(source)
        text = "\n".join(KINDS[kind]())
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_directive("declared", Declared)
    for name, title in {
        "setting": "setting",
        "endpoint": "endpoint",
        "errorcode": "error code",
        "signal": "signal",
        "event": "event of the security log",
        "check": "system check",
        "mail": "mail",
    }.items():
        app.add_object_type(name, name, f"pair: %s; {title}", objname=title)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
