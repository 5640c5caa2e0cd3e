"""
What a project lacks of the three steps, and the changes that add it.

What is missing is decided by the settings as Django has them, so it does not matter how
a project writes them. Only a literal can be changed. For what is computed, a person is
told what to add.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..checks.origins import is_trusted, origin_of, texts_of
from .sources import Source, Unreadable

APPS = ("rest_framework", "ai_kit_auth")
CORS_APP = "corsheaders"
CORS = "corsheaders.middleware.CorsMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
URLS = "ai_kit_auth.urls"


@dataclass
class Plan:
    """
    What to do in a project.

    ``sources``: the files that would change. ``missing``: what is missing, one line
    each. ``by_hand``: what a person has to add, since no literal can take it.
    ``added``: the lines of ``missing`` that the files would have.
    """

    sources: list[Source] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)


class SettingsFiles:
    """
    The files that make up a settings module: its own, and those it imports with ``*``.

    ``name``: the dotted path of the module. The first file is the module's own.
    """

    def __init__(self, name: str) -> None:
        self.sources: list[Source] = []
        self.unreadable: list[str] = []
        self._read(name, set())

    def _read(self, name: str, seen: set[str]) -> None:
        path = file_of(name)
        if path is None or name in seen:
            return
        seen.add(name)
        try:
            source = Source(path)
        except (OSError, Unreadable) as error:
            self.unreadable.append(str(error))
            return
        self.sources.append(source)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                self._read(_absolute(node, package), seen)

    def with_name(self, name: str) -> tuple[Source, ast.expr] | None:
        """
        Return the value that ``name`` begins with, and its file.

        Where a module adds to what it has imported, that is the value imported:
        ``INSTALLED_APPS = [*INSTALLED_APPS, "debug_toolbar"]``.
        """
        found = None
        for source in self.sources:
            value = source.assigned(name)
            if value is not None:
                found = source, value
                names = (n.id for n in ast.walk(value) if isinstance(n, ast.Name))
                if name not in names:
                    break
        return found

    def mention(self, name: str) -> bool:
        return any(source.mentions(name) for source in self.sources)

    @property
    def home(self) -> Source | None:
        """The file for new settings: where INSTALLED_APPS is, or the module's own."""
        found = self.with_name("INSTALLED_APPS")
        return found[0] if found else next(iter(self.sources), None)


def file_of(name: str) -> Path | None:
    """Return the file of a module of the project, None for one of an environment."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin)
    return None if {"site-packages", "dist-packages"} & set(path.parts) else path


def _absolute(node: ast.ImportFrom, package: str) -> str:
    module = node.module or ""
    if not node.level:
        return module
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *filter(None, [module])])


def literal_of(value: ast.expr) -> ast.List | ast.Tuple | None:
    """Return the list or tuple that is ``value``, or begins it: ``[…] + EXTRA``."""
    while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        value = value.left
    return value if isinstance(value, ast.List | ast.Tuple) else None


def configured_frontend(settings: Any) -> str:
    """Return FRONTEND.URL as the settings have it, "" if they do not."""
    own = getattr(settings, "AI_KIT_AUTH", None)
    frontend = own.get("FRONTEND") if isinstance(own, dict) else None
    url = frontend.get("URL") if isinstance(frontend, dict) else None
    return url if isinstance(url, str) else ""


def plan(
    settings: Any,
    module: str,
    *,
    frontend: str,
    prefix: str,
    same_origin: bool,
    with_urls: bool = True,
) -> Plan:
    """
    Return what the project with ``settings``, of the module so named, lacks.

    ``frontend``: the URL of the frontend. ``prefix``: the path of the endpoints, such
    as ``api/v1/auth/``. ``same_origin``: the project serves the frontend itself, and
    needs no CORS. ``with_urls``: look at the URLconf as well.
    """
    planner = _Planner(settings, SettingsFiles(module))
    apps = APPS if same_origin else (*APPS, CORS_APP)
    planner.apps(apps)
    if not same_origin:
        planner.middleware()
    planner.frontend(frontend)
    if not same_origin:
        planner.origins(frontend)
    planner.finish()
    if with_urls:
        planner.urls(str(getattr(settings, "ROOT_URLCONF", "")), prefix)
    return planner.plan


class _Planner:
    def __init__(self, settings: Any, files: SettingsFiles) -> None:
        self._settings, self._files = settings, files
        self.plan = Plan(by_hand=[f"Mend {each}" for each in files.unreadable])
        home = files.home
        self._quoted = home.quoted if home is not None else repr
        # New settings, for the end of a file.
        self._new: list[tuple[str, str]] = []

    def apps(self, wanted: Sequence[str]) -> None:
        installed = texts_of(self._settings.INSTALLED_APPS)
        lacking = [
            app
            for app in wanted
            if not any(
                entry == app or entry.startswith(f"{app}.apps.") for entry in installed
            )
        ]
        self._extend("INSTALLED_APPS", lacking)

    def middleware(self) -> None:
        names = texts_of(self._settings.MIDDLEWARE)
        places = [i for i, name in enumerate(names) if name.endswith("CorsMiddleware")]
        if not places:
            self._extend("MIDDLEWARE", [CORS], first=True)
        elif COMMON in names and places[0] > names.index(COMMON):
            line = f"Move {names[places[0]]!r} to the top of MIDDLEWARE"
            self.plan.missing.append(line)
            self.plan.by_hand.append(line)

    def frontend(self, url: str) -> None:
        if configured_frontend(self._settings):
            return
        line = f"AI_KIT_AUTH['FRONTEND']['URL'] = {url!r}"
        self.plan.missing.append(line)
        done = self.plan.added if self._adds_frontend(url) else self.plan.by_hand
        done.append(line)

    def _adds_frontend(self, url: str) -> bool:
        """Add FRONTEND.URL, as far as AI_KIT_AUTH is a literal or is not there."""
        found = self._files.with_name("AI_KIT_AUTH")
        if found is None:
            q = self._quoted
            if not self._files.mention("AI_KIT_AUTH"):
                code = f"{{{q('FRONTEND')}: {{{q('URL')}: {q(url)}}}}}"
                self._new.append(("AI_KIT_AUTH", code))
                return True
            return False
        source, value = found
        q = source.quoted
        below = _value_of(value, "FRONTEND")
        if isinstance(below, ast.Dict) and _value_of(below, "URL") is None:
            source.insert(below, [f"{q('URL')}: {q(url)}"])
            return True
        if isinstance(value, ast.Dict) and below is None:
            source.insert(value, [f"{q('FRONTEND')}: {{{q('URL')}: {q(url)}}}"])
            return True
        return False

    def origins(self, url: str) -> None:
        wanted = [str(origin_of(url))]
        lacking = [each for each in wanted if not self._is_allowed(each)]
        # The old name of the setting, which django-cors-headers still reads.
        old = "CORS_ORIGIN_WHITELIST"
        name = old if hasattr(self._settings, old) else "CORS_ALLOWED_ORIGINS"
        self._extend(name, lacking)
        if getattr(self._settings, "CORS_ALLOW_CREDENTIALS", False) is not True:
            line = "CORS_ALLOW_CREDENTIALS = True"
            self.plan.missing.append(line)
            if self._files.mention("CORS_ALLOW_CREDENTIALS"):
                self.plan.by_hand.append(line)
            else:
                self._new.append(("CORS_ALLOW_CREDENTIALS", "True"))
                self.plan.added.append(line)
        trusted = texts_of(getattr(self._settings, "CSRF_TRUSTED_ORIGINS", ()))
        lacking = [each for each in wanted if not is_trusted(origin_of(each), trusted)]
        self._extend("CSRF_TRUSTED_ORIGINS", lacking)

    def _is_allowed(self, origin: str) -> bool:
        settings = self._settings
        listed = [
            *texts_of(getattr(settings, "CORS_ALLOWED_ORIGINS", ())),
            *texts_of(getattr(settings, "CORS_ORIGIN_WHITELIST", ())),
        ]
        patterns = [
            *getattr(settings, "CORS_ALLOWED_ORIGIN_REGEXES", ()),
            *getattr(settings, "CORS_ORIGIN_REGEX_WHITELIST", ()),
        ]
        return (
            getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False) is True
            or getattr(settings, "CORS_ORIGIN_ALLOW_ALL", False) is True
            or origin in listed
            or any(re.match(pattern, origin) for pattern in patterns)
        )

    def _extend(self, name: str, values: Sequence[str], *, first: bool = False) -> None:
        """Add ``values`` to the list ``name``."""
        if not values:
            return
        lines = [f"{value!r} in {name}" for value in values]
        self.plan.missing += lines
        found = self._files.with_name(name)
        if found is not None:
            source, value = found
            literal = literal_of(value)
            # Without brackets there is no end to put anything before.
            if literal is not None and source.text[source.start(literal)] in "[(":
                source.insert(literal, [source.quoted(v) for v in values], first=first)
                self.plan.added += lines
                return
        elif not self._files.mention(name) and name.startswith(("CORS", "CSRF")):
            code = f"[{', '.join(map(self._quoted, values))}]"
            self._new.append((name, code))
            self.plan.added += lines
            return
        way = f"[{', '.join(map(repr, values))}, *{name}]"
        self.plan.by_hand.append(
            f"{name} = {way}" if first else f"{name} += {list(values)!r}"
        )

    def finish(self) -> None:
        """Write the new settings, and note which files change."""
        home = self._files.home
        lines = [f"{name} = {code}" for name, code in self._new]
        if home is None:
            self.plan.by_hand += lines
            self.plan.added.clear()
        elif lines:
            home.append(lines)
        self._note(self._files.sources)

    def _note(self, sources: Iterable[Source]) -> None:
        self.plan.sources += [each for each in sources if each.changed != each.text]

    def urls(self, urlconf: str, prefix: str) -> None:
        if _includes(urlconf, set()):
            return
        self.plan.missing.append(f"{URLS} in {urlconf or 'ROOT_URLCONF'}")
        entry = f'path("{prefix}", include("{URLS}")),'
        path = file_of(urlconf) if urlconf else None
        try:
            source = Source(path) if path else None
        except (OSError, Unreadable):
            source = None
        value = source.assigned("urlpatterns") if source else None
        literal = literal_of(value) if value is not None else None
        if source is None or not isinstance(literal, ast.List):
            self.plan.by_hand.append(f"urlpatterns += [{entry.rstrip(',')}]")
            return
        if not _import_names(source):
            self.plan.by_hand.append(
                f"{entry} in {urlconf}, where path or include is another function"
            )
            return
        quoted = source.quoted
        # At the top: a pattern for all paths, as frontends need it, is at the end.
        source.insert(
            literal,
            [f"path({quoted(prefix)}, include({quoted(URLS)}))"],
            first=True,
        )
        self._note([source])


def _value_of(value: ast.expr | None, key: str) -> ast.expr | None:
    if isinstance(value, ast.Dict):
        for each, found in zip(value.keys, value.values, strict=True):
            if isinstance(each, ast.Constant) and each.value == key:
                return found
    return None


def _includes(name: str, seen: set[str]) -> bool:
    """Tell whether a URLconf, or one that it names, includes that of the package."""
    path = file_of(name) if name and name not in seen else None
    if path is None:
        return False
    seen.add(name)
    try:
        tree = Source(path).tree
    except (OSError, Unreadable):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            prefix = f"{module}." if module else ""
            names = [f"{prefix}{each.name}" for each in node.names]
            if URLS in names or module == URLS:
                return True
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value == URLS:
                return True
            if re.fullmatch(r"\w+(\.\w+)+", node.value) and _includes(node.value, seen):
                return True
    return False


def _import_names(source: Source) -> bool:
    """Let the module have ``path`` and ``include``; False if a name is taken."""
    known: dict[str, str] = {}
    imports: list[ast.stmt] = []
    for statement in source.tree.body:
        if isinstance(statement, ast.ImportFrom | ast.Import):
            imports.append(statement)
            module = statement.module if isinstance(statement, ast.ImportFrom) else None
            for each in statement.names:
                known[each.asname or each.name] = f"{module}.{each.name}"
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            known[statement.name] = ""
    wanted = {
        "path": {"django.urls.path"},
        "include": {"django.urls.include", "django.conf.urls.include"},
    }
    for name, places in wanted.items():
        if known.get(name, next(iter(places))) not in places:
            return False
    lacking = [name for name in ("include", "path") if name not in known]
    if not lacking:
        return True
    for statement in imports:
        if (
            isinstance(statement, ast.ImportFrom)
            and statement.module == "django.urls"
            and _is_plain(source, statement)
        ):
            own = [
                f"{each.name} as {each.asname}" if each.asname else each.name
                for each in statement.names
            ]
            names = ", ".join(sorted({*own, *lacking}))
            source.replace(statement, f"from django.urls import {names}")
            return True
    after = imports[-1] if imports else _docstring(source)
    source.add_line(after, f"from django.urls import {', '.join(lacking)}")
    return True


def _is_plain(source: Source, statement: ast.ImportFrom) -> bool:
    """Tell whether an import is one line of names, which can take two more."""
    code = source.text[source.start(statement) : source.end(statement)]
    return not set("()*\\\r\n") & set(code)


def _docstring(source: Source) -> ast.stmt | None:
    first = next(iter(source.tree.body), None)
    is_text = ast.get_docstring(source.tree, clean=False) is not None
    return first if is_text else None
