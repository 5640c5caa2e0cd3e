"""
The reference, written by the code that it describes.

``.. declared:: settings`` puts every setting there, with type, default and meaning;
:data:`KINDS` names what else there is. What has no meaning fails the build, so the
reference is whole or there is none. Each thing can be linked by the role of its kind
(``:setting:`FRONTEND.URL```), and a link to what does not exist fails the build too.
What an app beside ``ai_kit_auth`` declares says that it needs this app.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from typing import Any, NamedTuple

from django.apps import AppConfig, apps
from django.core.management import find_commands, load_command_class
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
from ai_kit_auth.capability import Capability
from ai_kit_auth.checks import PROBLEMS
from ai_kit_auth.endpoints import MailRequestView
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
        **{served.name: "endpoint" for served in routes()},
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


# Apps


def declaring() -> Iterator[tuple[AppConfig, Capability]]:
    """Yield each capability with the app that declares it."""
    for config in apps.get_app_configs():
        for path in getattr(config, capability.ATTRIBUTE, ()):
            yield config, import_string(path)


def needed(config: AppConfig) -> dict[str, str]:
    """Return the field that says which app a thing needs besides ``ai_kit_auth``."""
    if config.name == "ai_kit_auth":
        return {}
    return {"Needs": f"``{config.name}`` in ``INSTALLED_APPS``"}


def needs(names: Callable[[Capability], Iterable[str]]) -> dict[str, dict[str, str]]:
    """Return the field of each of the ``names`` that a capability declares."""
    found: dict[str, dict[str, str]] = {}
    for config, one in declaring():
        for name in names(one):
            found.setdefault(name, needed(config))
    return found


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
    # A section of a test belongs to no app.
    needed = needs(Capability.setting_keys).get(name, {})
    return entry(
        "setting", name, meaning, Type=declared.type_name, Default=default, **needed
    )


# Endpoints


class Served(NamedTuple):
    """A route with its name, its key of ENABLE_ENDPOINTS and the app that serves it."""

    name: str
    key: str
    route: URLPattern
    config: AppConfig


def routes() -> Iterator[Served]:
    """
    Yield every route.

    The name is the path, after the methods that the route adds where the path had
    others.
    """
    configs = {one: config for config, one in declaring()}
    served: dict[str, set[str]] = {}
    for one, key, route in capability.routes(api_settings.ENABLE_ENDPOINTS):
        path, view = str(route.pattern), view_of(route)
        own = {name for name in view.http_method_names if hasattr(view, name)}
        added = " ".join(sorted(own - served.get(path, own))).upper()
        served[path] = served.get(path, set()) | own
        yield Served(f"{added} {path}".strip(), key, route, configs[one])


def view_of(route: URLPattern) -> type[Any]:
    view: type[Any] = route.callback.view_class  # type: ignore[attr-defined]  # as_view() puts it there
    return view


def endpoints() -> Iterator[str]:
    # What an app serves in another way has the entry of the route that it replaces.
    by_name: dict[str, list[Served]] = {}
    for served in routes():
        by_name.setdefault(served.name, []).append(served)
    for name, (first, *others) in by_name.items():
        view = view_of(first.route)
        same = [other for other in others if view_of(other.route) is view]
        keys = [each.key for each in (first, *same)]
        yield entry(
            "endpoint",
            name,
            documented(view.__name__, vars(view).get("__doc__")),
            **{
                "URL name": f"``ai_kit_auth:{first.route.name}``",
                "Switch": " or ".join(f":setting:`ENABLE_ENDPOINTS.{k}`" for k in keys),
                "View": f":class:`~{view.__module__}.{view.__name__}`",
                **needed(first.config),
                **{
                    f"With {other.config.name}": f":class:`~{own.__module__}."
                    f"{own.__name__}`, by :setting:`ENABLE_ENDPOINTS.{other.key}`"
                    for other in others
                    if other not in same
                    for own in [view_of(other.route)]
                },
            },
        )


# Codes, events, checks


def codes() -> Iterator[str]:
    said = code_sentences("en")
    apps_of = needs(lambda one: one.codes)
    for code, meaning in errors.CODES.items():
        # The sentence is the project's, if the code is.
        sentence = {"Sentence": said[code]} if code in said else {}
        text = documented(code, meaning)
        yield entry("errorcode", code, text, **apps_of[code], **sentence)


def events() -> Iterator[str]:
    apps_of = needs(lambda one: one.events)
    for name, meaning in security_log.EVENTS.items():
        yield entry("event", name, documented(name, meaning), **apps_of[name])


def checks() -> Iterator[str]:
    own = {f"ai_kit_auth.{number}": text for number, text in PROBLEMS.items()}
    for one in capability.capabilities():
        own |= one.problems
    apps_of = needs(lambda one: one.problems)
    for name, meaning in own.items():
        # The checks of the core stand in no declaration.
        needed = apps_of.get(name, {})
        yield entry("check", name, documented(name, meaning), **needed)


# Signals


def signal_entries() -> Iterator[str]:
    for config, one in declaring():
        if not one.signals:
            continue
        declared = import_module(one.signals)
        moments = dict(_moments(inspect.getsource(declared)))
        sent = {
            name: (sender, keywords)
            for module in _modules(one)
            for name, sender, keywords in _sends(module)
        }
        for name, member in vars(declared).items():
            if not isinstance(member, Signal):
                continue
            if name not in sent:
                raise UndocumentedError(f"{name} is sent by nothing")
            sender, keywords = sent[name]
            yield entry(
                "signal",
                name,
                documented(name, moments.get(name)),
                Keyword=", ".join(f"``{name}``" for name in keywords),
                Sender=sender,
                **needed(config),
            )


def _modules(one: Capability) -> Iterator[str]:
    """Yield the modules that may send the signals of a capability, its views last."""
    package = import_module(one.signals.rpartition(".")[0])
    for found in pkgutil.iter_modules(package.__path__):
        if not found.ispkg:
            yield f"{package.__name__}.{found.name}"
    if one.views:
        yield one.views


# How the name of a signal begins that is sent before something.
PRE = ("pre_", "user_pre_")


def _moments(source: str) -> Iterator[tuple[str, str]]:
    """
    Yield each signal with its meaning: the comment above it, or its half of that.

    Of two signals below one comment the first is sent before something, the second
    after it, where their names say so.
    """
    below = re.compile(
        r"(?P<comment>(?:^# .*\n)+)(?P<pre>^\w+) = Signal\(\)\n"
        r"(?:(?P<post>\w+) = Signal\(\)\n)?",
        re.M,
    )
    # Which keywords they are is what the senders say; what one of them holds is not.
    held = re.compile(r"keywords? (?:``\w+`` and )(?P<name>``\w+``), (?P<what>[^;]+)")
    keywords = re.compile(
        r"keywords? ``\w+``(?:,? (?:and )?``\w+``(?! is))*[;,:]?|^``\w+``,"
    )
    for found in below.finditer(source):
        comment = re.sub(r"^# ", "", found["comment"], flags=re.M).replace("\n", " ")
        # ``pre: …`` or ``pre also ``user_data``, …``
        common, *moments = re.split(r"pre(?:: | also (?=``))", comment, maxsplit=1)
        if not moments and (not found["post"] or not found["pre"].startswith(PRE)):
            for name in filter(None, (found["pre"], found["post"])):
                yield name, keywords.sub("", comment).strip()
            continue
        pre, _, post = "".join(moments).partition("post: ")
        common = held.sub(r"\g<name> is \g<what>", common)
        both = keywords.sub("", common).strip().rstrip(";")
        for name, moment in ((found["pre"], pre), (found["post"], post)):
            own = keywords.sub("", moment).strip().rstrip(";")
            # No moment, no meaning: what both halves have in common is none.
            yield name, "; ".join(filter(None, (own, both))) if own else ""


def _sends(module: str) -> Iterator[tuple[str, str, list[str]]]:
    """
    Yield signal, sender and keywords of every ``….send(…)`` in the source of a module.

    The sender of a view is the view. Of a signal that a view only names for its base,
    the keywords are those of the base.
    """
    by_base = {
        attribute: keywords
        for attribute, _, keywords in _calls(
            ast.parse(inspect.getsource(MailRequestView))
        )
        if attribute.startswith("self.")
    }
    path = find_spec(module).origin  # type: ignore[union-attr]  # it is there
    for part in ast.parse(Path(str(path)).read_text("utf-8")).body:
        if not isinstance(part, ast.ClassDef):
            for name, sender, keywords in _calls(part):
                yield name, SENDERS.get(sender, f"``{sender}``"), keywords
            continue
        view = f":class:`~{module}.{part.name}`"
        for name, _, keywords in _calls(part):
            yield name, view, keywords
        for statement in part.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=own)], value=ast.Name(id=name)):
                    if f"self.{own}" in by_base:
                        yield name, view, by_base[f"self.{own}"]


# How a function that is no view writes its sender, and what it is.
SENDERS = dict.fromkeys(("UserModel", "type(user)"), "the user model")


def _calls(tree: ast.AST) -> Iterator[tuple[str, str, list[str]]]:
    """Yield signal and sender, as they are written, and keywords of ``….send(…)``."""
    for call in ast.walk(tree):
        match call:
            case ast.Call(
                func=ast.Attribute(value=signal, attr="send" | "send_robust"),
                keywords=keywords,
            ):
                values = {k.arg: ast.unparse(k.value) for k in keywords if k.arg}
                sender = values.pop("sender", "")
                yield ast.unparse(signal).rpartition("signals.")[2], sender, [*values]


# Mails


def mails() -> Iterator[str]:
    templates = dict(APISettings.declared())
    of_notices = {notice.mail for notice in capability.notices().values()}
    apps_of = needs(lambda one: one.mails)
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
                **apps_of[name],
            },
        )


# Management commands


def command_entries() -> Iterator[str]:
    common = _options(BaseCommand())
    # Once for an app of several capabilities.
    by_app = {config.name: config for config, _ in declaring()}
    for config, name in (
        (each, name)
        for each in by_app.values()
        for name in find_commands(str(Path(each.path, "management")))
    ):
        command = load_command_class(config.name, name)
        program = f"manage.py {name}"
        yield heading(program)
        yield documented(program, command.help) + "\n"
        yield inspect.cleandoc(vars(type(command)).get("__doc__") or "") + "\n"
        yield from (f":{label}: {text}\n" for label, text in needed(config).items())
        yield f".. program:: {program}\n"
        for option, action in _options(command).items():
            if option in common:
                continue
            value = (
                f" {action.metavar or action.dest.upper()}" if _takes(action) else ""
            )
            text = documented(f"{program} {option}", action.help)
            # An example, which nobody is to follow.
            text = re.sub(r"https?://[\w./]*\w/?", r"``\g<0>``", text)
            yield f".. option:: {option}{value}\n\n{indent(text, '   ')}\n"


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
        for source in (*package.rglob("*.py"), *package.rglob("codes/en.json")):
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
