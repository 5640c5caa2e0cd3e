"""
``manage.py ai_kit_auth_init``, and ``python -m ai_kit_auth init`` before there is one.

Each project is what ``startproject`` makes, changed as projects change it, and the
command runs in a process of its own.
"""

from __future__ import annotations

import ast
import importlib
import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

import ai_kit_auth
from ai_kit_auth.installing.sources import Source, Unreadable
from ai_kit_auth.installing.steps import Plan, plan

from .browser.processes import environment

# The same on every user model.
pytestmark = pytest.mark.user_model("auth_user")

FRONTEND = "http://localhost:3000"
HERE = Path(ai_kit_auth.__file__).parent.parent


class Project:
    """A project in ``folder``, and what the command's last run printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        call_command("startproject", "shop", str(folder))
        self.settings = folder / "shop" / "settings.py"
        self.urls = folder / "shop" / "urls.py"
        self.out = ""

    def run(self, *command: str, stdin: Any = subprocess.DEVNULL, **env: str) -> int:
        done = subprocess.run(  # noqa: S603  # our own command
            [sys.executable, *command],
            cwd=self.folder,
            env=environment(PYTHONPATH=str(HERE), **env),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        self.out = done.stdout
        return done.returncode

    def init(self, *options: str, **more: Any) -> int:
        """Run the command for a frontend at FRONTEND; return its exit code."""
        frontend = [] if "--frontend" in options else ["--frontend", FRONTEND]
        code = self.run("-m", "ai_kit_auth", "init", *frontend, *options, **more)
        assert "Traceback" not in self.out or "nothing was changed" in self.out
        return code

    def plan(self) -> Plan:
        """Return the plan for the files as they are, made in this process."""
        sys.path.insert(0, str(self.folder))
        importlib.invalidate_caches()
        try:
            return plan(
                importlib.import_module("shop.settings"),
                "shop.settings",
                frontend=FRONTEND,
                prefix="api/v1/auth/",
                same_origin=False,
            )
        finally:
            sys.path.remove(str(self.folder))
            for name in [n for n in sys.modules if n.split(".")[0] == "shop"]:
                del sys.modules[name]

    def rewrite(self, old: str, new: str) -> None:
        text = self.settings.read_text("utf-8")
        assert old in text
        self.settings.write_text(text.replace(old, new), "utf-8")

    def append(self, *lines: str) -> None:
        with self.settings.open("a", encoding="utf-8") as file:
            file.write("\n".join(["", *lines, ""]))

    def texts(self) -> dict[str, bytes]:
        """Return all files, without compiled ones and the database."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.suffix not in {".pyc", ".sqlite3"} and path.is_file()
        }

    def is_whole(self) -> bool:
        """Tell whether a second run finds nothing to do."""
        return self.run("manage.py", "ai_kit_auth_init", "--check") == 0


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def added(project: Project) -> list[str]:
    """Return the lines that the diff adds."""
    return [
        line[1:].strip()
        for line in project.out.splitlines()
        if line.startswith("+") and not line.startswith("+++")
    ]


# A new project


def test_one_command_makes_a_project_whole(project: Project) -> None:
    before = project.texts()
    assert project.init() == 0
    assert project.texts() == before
    shown = added(project)
    assert [line for line in shown if line] == [
        "'rest_framework',",
        "'ai_kit_auth',",
        "'corsheaders',",
        "'corsheaders.middleware.CorsMiddleware',",
        f"AI_KIT_AUTH = {{'FRONTEND': {{'URL': '{FRONTEND}'}}}}",
        f"CORS_ALLOWED_ORIGINS = ['{FRONTEND}']",
        "CORS_ALLOW_CREDENTIALS = True",
        f"CSRF_TRUSTED_ORIGINS = ['{FRONTEND}']",
        "from django.urls import include, path",
        "path('api/v1/auth/', include('ai_kit_auth.urls')),",
    ]
    assert project.init("--check") == 1
    assert project.texts() == before
    assert project.init("--apply") == 0
    assert "no issues" in project.out
    assert "Next: python manage.py migrate" in project.out
    after = project.texts()
    changed = {name for name, text in after.items() if text != before.get(name)}
    assert changed == {"shop/settings.py", "shop/urls.py"}
    # Nothing but the lines of the diff.
    for name in changed:
        kept = [line for line in after[name].splitlines() if line in before[name]]
        lost = set(before[name].splitlines()) - set(kept)
        assert lost <= {b"from django.urls import path"}
    assert project.run("manage.py", "check") == 0
    assert "no issues" in project.out
    assert project.is_whole()
    assert "Nothing is missing." in project.out


def test_where_the_tables_are_the_doctor_runs_as_well(project: Project) -> None:
    assert project.run("manage.py", "migrate") == 0
    assert project.init("--apply", "--no-input") == 0
    assert "ok       login/" in project.out
    assert project.run("manage.py", "ai_kit_auth_init", "--apply") == 0
    assert "Nothing is missing." in project.out
    assert "ok       login/" in project.out


def test_what_the_checks_and_the_doctor_say_is_the_exit_code(project: Project) -> None:
    project.append("TEMPLATES = []")
    assert project.init("--apply") == 1
    assert "admin.E403" in project.out


def test_a_doctor_that_finds_a_fault_is_the_exit_code(project: Project) -> None:
    project.append("SESSION_COOKIE_PATH = '/elsewhere/'")
    assert project.run("manage.py", "migrate") == 0
    assert project.init("--apply") == 1
    assert "  failed " in project.out


def test_a_frontend_that_the_project_serves_needs_no_cors(project: Project) -> None:
    own = ("--same-origin", "--frontend", "http://localhost:8000")
    assert project.init("--apply", "--prefix", "/accounts/api", *own) == 0
    text = project.settings.read_text()
    assert "cors" not in text.lower()
    assert "path('accounts/api/', include(" in project.urls.read_text()
    assert project.run("manage.py", "check") == 0
    assert project.run("manage.py", "ai_kit_auth_init", "--check", "--same-origin") == 0


def test_at_a_terminal_it_asks(project: Project) -> None:
    def answer(*lines: str) -> int:
        ours, theirs = pty.openpty()
        os.write(ours, "".join(f"{line}\n" for line in lines).encode())
        try:
            return project.run("-m", "ai_kit_auth", "init", stdin=theirs)
        finally:
            os.close(theirs)
            os.close(ours)

    before = project.texts()
    assert answer(FRONTEND, "n") == 0
    assert "Change the files?" in project.out
    assert answer("\x04") == 2
    assert "Where does the frontend live?" in project.out
    assert project.texts() == before
    assert answer(FRONTEND, "yes") == 0
    assert project.is_whole()


# What the options say


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--frontend", "app.example.com"], "has no scheme"),
        (["--frontend", ""], "Where does the frontend live?"),
        (["--prefix", "a b/"], "has characters"),
        (["--prefix", "<int:x>/"], "has characters"),
        (["--apply", "--check"], "exclude each other"),
        (["--settings", "shop.missing"], "shop.missing cannot be loaded: Module"),
        (["--colour"], "unrecognized arguments"),
    ],
)
def test_a_wrong_option_changes_nothing(
    project: Project, options: list[str], says: str
) -> None:
    before = project.texts()
    assert project.init("--no-input", *options) == 2
    assert says in project.out
    assert project.texts() == before


def test_it_says_how_it_is_called(project: Project, tmp_path: Path) -> None:
    assert project.run("-m", "ai_kit_auth") == 1
    assert "Usage: python -m ai_kit_auth init" in project.out
    assert project.run("-m", "ai_kit_auth", "init", "--help") == 0
    assert "--same-origin" in project.out


def test_the_settings_are_those_that_manage_py_names(project: Project) -> None:
    manage = project.folder / "manage.py"
    for text in ("x = (", "print('a', 'b')", None):
        if text is None:
            manage.unlink()
        else:
            manage.write_text(text)
        assert project.init() == 2
        assert "No settings: run it in the folder of manage.py" in project.out
    assert project.init("--settings", "shop.settings") == 0
    assert project.init(DJANGO_SETTINGS_MODULE="shop.settings") == 0
    where = ("--pythonpath", str(project.folder), "--settings", "shop.settings")
    assert project.init(*where) == 0


def test_another_url_than_the_projects_is_refused(project: Project) -> None:
    project.append("AI_KIT_AUTH = {'FRONTEND': {'URL': 'https://app.example.com/'}}")
    assert project.init() == 2
    assert "changes no value that is there" in project.out
    assert project.init("--frontend", "https://app.example.com") == 0
    # The origin is that of the URL.
    assert "CORS_ALLOWED_ORIGINS = ['https://app.example.com']" in added(project)


# Projects that have a part already


def test_only_what_is_missing_is_added(project: Project) -> None:
    project.rewrite(
        "'django.contrib.staticfiles',\n]",
        "'django.contrib.staticfiles',\n    'rest_framework',  # for orders\n"
        "    'ai_kit_auth.apps.AIKitAuthConfig' # ours\n]",
    )
    project.append(
        "AI_KIT_AUTH = {",
        "    'FRONTEND': {",
        "        'ACTIVATION_ROUTE': '/welcome',  # a comment",
        "    },",
        "}",
        "CORS_ALLOWED_ORIGINS = ('http://localhost:5173',)",
        "CORS_ALLOW_CREDENTIALS = True",
        "CSRF_TRUSTED_ORIGINS = ['http://*.example.com'",
        "]",
    )
    project.urls.write_text(
        "from django.contrib import admin\n"
        "from django.urls import (\n    path,\n)\n\n"
        "urlpatterns = [path('admin/', admin.site.urls)] + []\n"
    )
    assert project.init("--apply") == 0
    text = project.settings.read_text()
    assert "'ai_kit_auth.apps.AIKitAuthConfig', # ours\n    'corsheaders',\n]" in text
    assert (
        "        'ACTIVATION_ROUTE': '/welcome',  # a comment\n"
        f"        'URL': '{FRONTEND}',\n    }},\n" in text
    )
    assert f"CORS_ALLOWED_ORIGINS = ('http://localhost:5173', '{FRONTEND}',)" in text
    assert (
        f"CSRF_TRUSTED_ORIGINS = ['http://*.example.com',\n    '{FRONTEND}',\n]" in text
    )
    assert project.urls.read_text().endswith(
        "    path,\n)\nfrom django.urls import include\n\nurlpatterns = "
        "[path('api/v1/auth/', include('ai_kit_auth.urls')), path('admin/', "
        "admin.site.urls)] + []\n"
    )
    assert project.is_whole()


@pytest.mark.parametrize(
    "lines",
    [
        ["CORS_ALLOW_ALL_ORIGINS = True"],
        ["CORS_ORIGIN_ALLOW_ALL = True"],
        [r"CORS_ALLOWED_ORIGIN_REGEXES = [r'http://localhost:\d+']"],
        [r"CORS_ORIGIN_REGEX_WHITELIST = [r'http://localhost:\d+']"],
        [f"CORS_ORIGIN_WHITELIST = ['{FRONTEND}']"],
    ],
)
def test_an_origin_that_is_allowed_otherwise_is_not_added(
    project: Project, lines: list[str]
) -> None:
    project.append(*lines)
    missing = project.plan().missing
    assert not any("ALLOWED_ORIGINS" in line for line in missing)
    assert not any("WHITELIST" in line for line in missing)
    assert "CORS_ALLOW_CREDENTIALS = True" in missing


def test_a_dict_without_a_frontend_gets_one(project: Project) -> None:
    project.append("AI_KIT_AUTH = {'USERNAME_REQUIRED': True}")
    [source, _] = project.plan().sources
    frontend = f"'FRONTEND': {{'URL': '{FRONTEND}'}}"
    assert f"{{'USERNAME_REQUIRED': True, {frontend}}}" in source.changed


def test_a_urlconf_that_is_not_there_is_left_to_a_person(project: Project) -> None:
    project.rewrite("'shop.urls'", "'missing.urls'")
    [line] = project.plan().by_hand
    assert line.startswith("urlpatterns += [path(")


def test_the_old_name_of_the_list_is_kept(project: Project) -> None:
    project.append("CORS_ORIGIN_WHITELIST = []")
    assert project.init("--apply") == 0
    assert f"CORS_ORIGIN_WHITELIST = ['{FRONTEND}']" in project.settings.read_text()
    assert project.is_whole()


@pytest.mark.parametrize(
    ("urls", "other"),
    [
        ("from ai_kit_auth import urls\nurlpatterns = []\n", ""),
        ("import ai_kit_auth.urls\nurlpatterns = []\n", ""),
        ("from ai_kit_auth.urls import auth_patterns\nurlpatterns = []\n", ""),
        (
            "A = 'shop.api'\nB = 'shop.urls'\nurlpatterns = []\n",
            "X = 'ai_kit_auth.urls'",
        ),
    ],
)
def test_urls_that_are_included_anywhere_are_not_added(
    project: Project, urls: str, other: str
) -> None:
    project.urls.write_text(urls)
    (project.folder / "shop" / "api.py").write_text(other)
    assert not any("ai_kit_auth.urls" in line for line in project.plan().missing)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "urlpatterns = []\n",
            (
                "from django.urls import include, path\n"
                'urlpatterns = [path("api/v1/auth/", include("ai_kit_auth.urls"))]\n'
            ),
        ),
        (
            '"""Routes."""\nurlpatterns: list = []\n',
            (
                '"""Routes."""\nfrom django.urls import include, path\n'
                'urlpatterns: list = [path("api/v1/auth/", include("ai_kit_auth.urls"))'
                "]\n"
            ),
        ),
        (
            (
                "from django.conf.urls import include\n"
                "from django.urls import path as p\n"
                "def view(request): ...\nurlpatterns = [ # all\n]"
            ),
            (
                "from django.conf.urls import include\n"
                "from django.urls import path, path as p\n"
                "def view(request): ...\nurlpatterns = [ # all\n"
                '    path("api/v1/auth/", include("ai_kit_auth.urls")),\n]'
            ),
        ),
        (
            (
                "import os\nfrom django.urls import include, path, re_path\n"
                "urlpatterns = [re_path('', include('shop.more'))]\n"
            ),
            (
                "import os\nfrom django.urls import include, path, re_path\n"
                "urlpatterns = [path('api/v1/auth/', include('ai_kit_auth.urls')), "
                "re_path('', include('shop.more'))]\n"
            ),
        ),
    ],
)
def test_the_names_of_the_route_are_imported(
    project: Project, before: str, after: str
) -> None:
    project.urls.write_text(before)
    assert project.plan().sources[-1].changed == after


# Projects whose files have other forms


def split(project: Project, base: str = "", **modules: str) -> None:
    """Make a package ``shop.settings`` of base.py and other modules."""
    text = project.settings.read_text().replace(
        "resolve().parent.parent", "resolve().parent.parent.parent"
    )
    project.settings.unlink()
    folder = project.settings.with_suffix("")
    folder.mkdir()
    (folder / "__init__.py").write_text(modules.pop("init", ""))
    (folder / "base.py").write_text(text + base)
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code)


def test_split_settings_are_changed_where_the_apps_are(project: Project) -> None:
    dev = (
        "from .base import *\nfrom json.tool import *\nfrom .base import *\n"
        "INSTALLED_APPS = [*INSTALLED_APPS, 'django.contrib.humanize']\n"
        "MIDDLEWARE += []\n"
    )
    prod = "from shop.settings.base import *\n"
    split(project, init="from .dev import *\n", dev=dev, prod=prod)
    folder = project.folder / "shop" / "settings"
    before = project.texts()
    assert project.init("--apply", "--settings", "shop.settings.dev") == 0
    after = project.texts()
    assert {name for name in after if after[name] != before[name]} == {
        "shop/settings/base.py",
        "shop/urls.py",
    }
    for module in ("shop.settings", "shop.settings.prod"):
        where = ("--check", "--settings", module)
        assert project.run("manage.py", "ai_kit_auth_init", *where) == 0
    assert "corsheaders" not in (folder / "dev.py").read_text()


def test_the_settings_of_a_package_are_found_as_well(project: Project) -> None:
    split(project, init="from .base import *\n")
    assert project.init("--apply") == 0
    assert project.is_whole()


def test_a_list_that_replaces_the_base_is_the_one_to_change(project: Project) -> None:
    dev = "from .base import *\nINSTALLED_APPS = list(INSTALLED_APPS)\nMIDDLEWARE = [\n"
    dev += "    'django.contrib.sessions.middleware.SessionMiddleware',\n"
    dev += "    'django.middleware.csrf.CsrfViewMiddleware',\n"
    dev += "    'django.contrib.auth.middleware.AuthenticationMiddleware',\n"
    dev += "    'django.contrib.messages.middleware.MessageMiddleware',\n]\n"
    split(project, dev=dev)
    assert project.init("--apply", "--settings", "shop.settings.dev") == 0
    text = (project.folder / "shop" / "settings" / "dev.py").read_text()
    assert "MIDDLEWARE = [\n    'corsheaders.middleware.CorsMiddleware',\n" in text
    where = ("--check", "--settings", "shop.settings.dev")
    assert project.run("manage.py", "ai_kit_auth_init", *where) == 0


def test_line_ends_mode_and_encoding_stay(project: Project) -> None:
    text = project.settings.read_text()
    text = f"# -*- coding: latin-1 -*-\n# Läden\n{text}"
    project.settings.write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    project.settings.chmod(0o640)
    urls = "\ufeff" + project.urls.read_text().rstrip() + "  # schön"
    project.urls.write_bytes(urls.encode())
    real = project.folder / "elsewhere.py"
    project.urls.rename(real)
    project.urls.symlink_to(real)
    assert project.init("--apply") == 0
    changed = project.settings.read_bytes()
    assert changed.count(b"\n") == changed.count(b"\r\n")
    assert "# Läden\r\n" in changed.decode("latin-1")
    assert stat.S_IMODE(project.settings.stat().st_mode) == 0o640
    assert project.urls.is_symlink()
    assert real.read_bytes().startswith(b"\xef\xbb\xbf")
    assert real.read_text().endswith("# schön")
    assert project.is_whole()


# What only a person can change


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "INSTALLED_APPS = [",
            "INSTALLED_APPS = list(('django.contrib.admin',))[:0] or [",
            "INSTALLED_APPS += ['rest_framework', 'ai_kit_auth', 'corsheaders']",
        ),
        (
            "INSTALLED_APPS = [",
            "if True:\n  INSTALLED_APPS = [",
            "INSTALLED_APPS += ['rest_framework', 'ai_kit_auth', 'corsheaders']",
        ),
        (
            "MIDDLEWARE = [",
            "MIDDLEWARE = [] or [",
            "MIDDLEWARE = ['corsheaders.middleware.CorsMiddleware', *MIDDLEWARE]",
        ),
        (
            "# Quick-start",
            "import os\nCORS_ALLOWED_ORIGINS = os.environ.get('X', '').split()\n#",
            f"CORS_ALLOWED_ORIGINS += ['{FRONTEND}']",
        ),
        (
            "# Quick-start",
            "CSRF_TRUSTED_ORIGINS = 'http://a.example', 'http://b.example'\n#",
            f"CSRF_TRUSTED_ORIGINS += ['{FRONTEND}']",
        ),
        (
            "# Quick-start",
            "CORS_ALLOW_CREDENTIALS = False\n#",
            "CORS_ALLOW_CREDENTIALS = True",
        ),
        (
            "# Quick-start",
            "AI_KIT_AUTH = dict(USERNAME_REQUIRED=True)\n#",
            f"AI_KIT_AUTH['FRONTEND']['URL'] = '{FRONTEND}'",
        ),
        (
            "# Quick-start",
            "AI_KIT_AUTH = {**{}, 'FRONTEND': dict(URL='')}\n#",
            f"AI_KIT_AUTH['FRONTEND']['URL'] = '{FRONTEND}'",
        ),
        (
            "# Quick-start",
            "AI_KIT_AUTH = {'FRONTEND': {'URL': ''}}\n#",
            f"AI_KIT_AUTH['FRONTEND']['URL'] = '{FRONTEND}'",
        ),
        (
            "# Quick-start",
            "if True: AI_KIT_AUTH = {}\n#",
            f"AI_KIT_AUTH['FRONTEND']['URL'] = '{FRONTEND}'",
        ),
        (
            "    'django.middleware.csrf",
            "    'corsheaders.middleware.CorsMiddleware',\n    'django.middleware.csrf",
            "Move 'corsheaders.middleware.CorsMiddleware' to the top of MIDDLEWARE",
        ),
    ],
)
def test_what_is_computed_is_said_and_the_rest_is_done(
    project: Project, old: str, new: str, says: str
) -> None:
    project.rewrite(old, new)
    found = project.plan()
    assert found.by_hand == [says]
    for source in found.sources:
        source.write(source.changed_bytes)
    if says.startswith("Move"):
        assert project.plan().missing == [says]
        return
    # Done as it says, nothing is left.
    if says.startswith("AI_KIT_AUTH"):
        url = f"{{'URL': '{FRONTEND}'}}"
        says = f"AI_KIT_AUTH = {{**AI_KIT_AUTH, 'FRONTEND': {url}}}"
    elif "'http://a.example'" in new:
        says = says.replace("+= [", "+= (").replace("]", ",)")
    project.append(says)
    assert project.plan().missing == []


@pytest.mark.parametrize(
    "urls",
    [
        "from shop.routes import urlpatterns\n",
        "urlpatterns = tuple()\n",
        "urlpatterns = (\n",
        "from os import path\nurlpatterns = []\n",
        "def include(): ...\nurlpatterns = []\n",
    ],
)
def test_a_urlconf_that_is_computed_is_left_to_a_person(
    project: Project, urls: str
) -> None:
    (project.folder / "shop" / "routes.py").write_text("urlpatterns = []\n")
    project.urls.write_text(urls)
    assert project.init() == 3
    assert (
        'path("api/v1/auth/", include("ai_kit_auth.urls"))'
        in (project.out.partition("To be added by hand:")[2])
    )
    assert project.urls.read_text() == urls


def test_a_project_without_urls_is_told_where_they_go(project: Project) -> None:
    project.append("del ROOT_URLCONF")
    assert project.init("--apply") == 3
    assert "urlpatterns += [path(" in project.out
    assert "ai_kit_auth" in project.settings.read_text()


def test_settings_that_are_not_the_projects_are_not_changed(project: Project) -> None:
    folder = project.folder / "site-packages"
    folder.mkdir()
    project.settings.rename(folder / "theirs.py")
    where = ("--settings", "theirs", "--pythonpath", str(folder))
    code = project.run(
        "-m",
        "ai_kit_auth",
        "init",
        "--frontend",
        FRONTEND,
        *where,
    )
    assert code == 3
    by_hand = project.out.partition("To be added by hand:\n")[2].splitlines()
    assert f"  AI_KIT_AUTH = {{'FRONTEND': {{'URL': '{FRONTEND}'}}}}" in by_hand
    assert len(by_hand) >= 6


def test_a_value_that_is_taken_out_later_is_said(project: Project) -> None:
    project.append(
        "MIDDLEWARE = [*MIDDLEWARE]",
        "MIDDLEWARE = [m for m in MIDDLEWARE if 'cors' not in m] + []",
    )
    project.rewrite("INSTALLED_APPS = [", "INSTALLED_APPS = [] + [")
    project.append("INSTALLED_APPS.remove('corsheaders') if 0 else None")
    project.append("import sys; INSTALLED_APPS = [a for a in INSTALLED_APPS if 1]")
    project.append("CSRF_TRUSTED_ORIGINS = []", "if True: CSRF_TRUSTED_ORIGINS = []")
    assert project.init("--apply") == 3
    assert (
        f"'{FRONTEND}' in CSRF_TRUSTED_ORIGINS (a later line of the settings takes it"
        in project.out
    )


# Changes that would break the project


def test_a_project_that_would_not_start_is_left_as_it_is(project: Project) -> None:
    # Its own check of the list.
    project.append("assert 'corsheaders' not in INSTALLED_APPS, 'too many apps'")
    before = project.texts()
    assert project.init("--apply") == 2
    assert "too many apps" in project.out
    assert "so nothing was changed" in project.out
    assert project.texts() == before


def test_a_urlconf_that_would_not_load_changes_nothing(project: Project) -> None:
    with project.urls.open("a") as file:
        file.write("assert len(urlpatterns) == 1, 'one route only'\n")
    before = project.texts()
    assert project.init("--apply") == 2
    assert "one route only" in project.out
    assert project.texts() == before


def test_a_file_that_cannot_be_replaced_changes_none(project: Project) -> None:
    folder = project.folder / "routes"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    project.urls.rename(folder / "urls.py")
    project.rewrite("'shop.urls'", "'routes.urls'")
    # The second file's folder goes away when the project has been tried.
    project.append(
        "import shutil, sys",
        "if 'trial' in ' '.join(sys.argv + sys.orig_argv):",
        "    import atexit",
        "    atexit.register(shutil.rmtree, BASE_DIR / 'routes', True)",
    )
    before = project.settings.read_bytes()
    assert project.init("--apply") == 2
    assert "Nothing was changed" in project.out
    assert project.settings.read_bytes() == before


def test_a_file_that_changes_meanwhile_is_not_replaced(project: Project) -> None:
    project.append(
        "import sys",
        "if 'trial' in ' '.join(sys.argv + sys.orig_argv):",
        "    (BASE_DIR / 'shop' / 'urls.py').open('a').write('# mine')",
    )
    before = project.settings.read_bytes()
    assert project.init("--apply") == 2
    assert "urls.py has changed meanwhile" in project.out
    assert project.settings.read_bytes() == before
    assert project.urls.read_text().endswith("# mine")


def test_settings_that_nobody_can_read_are_named(project: Project) -> None:
    split(
        project,
        dev="from .base import *\ntry:\n    from .local import *\nexcept "
        "SyntaxError:\n    pass\n",
        local="x = (\n",
    )
    assert project.init("--settings", "shop.settings.dev") == 3
    assert re.search(r"Mend .*local\.py: ", project.out)


# Edits


@pytest.mark.parametrize(
    ("before", "last", "first"),
    [
        ("[]", '["x"]', '["x"]'),
        ("()", '("x",)', '("x",)'),
        ("('a',)", "('a', 'x',)", "('x', 'a',)"),
        ("['a']", "['a', 'x']", "['x', 'a']"),
        ("[('a')]", "[('a'), 'x']", "['x', ('a')]"),
        ("['a' , ]", "['a' , 'x', ]", "['x', 'a' , ]"),
        ("{'a'}", "{'a', 'x'}", "{'x', 'a'}"),
        ("[\n]", '[\n    "x",\n]', '[\n    "x",\n]'),
        ("[\n  'a'\n]", "[\n  'a',\n  'x',\n]", "[\n  'x',\n  'a'\n]"),
        (
            "[\n\t'a', # one, two\n\t# three\n]",
            "[\n\t'a', # one, two\n\t# three\n\t'x',\n]",
            "[\n\t'x',\n\t'a', # one, two\n\t# three\n]",
        ),
        (
            "[ # all\n  *B,\n  'ä', 'b']",
            "[ # all\n  *B,\n  'ä', 'b', 'x']",
            "[ # all\n  'x',\n  *B,\n  'ä', 'b']",
        ),
        ("['ä',\n 'b'\n]", "['ä',\n 'b',\n 'x',\n]", "['x', 'ä',\n 'b'\n]"),
        ("['a', 'b'\n]", "['a', 'b',\n    'x',\n]", "['x', 'a', 'b'\n]"),
        ("[('a'\n)\n]", "[('a'\n),\n    'x',\n]", "['x', ('a'\n)\n]"),
    ],
)
def test_an_item_goes_into_every_form_of_a_literal(
    tmp_path: Path, before: str, last: str, first: str
) -> None:
    path = tmp_path / "settings.py"
    for expected, at_first in ((last, False), (first, True)):
        path.write_text(f"B = []\nNAMES = {before}  # end\n", "utf-8")
        source = Source(path)
        value: Any = source.assigned("NAMES")
        source.insert(value, [source.quoted("x")], first=at_first)
        assert source.changed == f"B = []\nNAMES = {expected}  # end\n"
        ast.parse(source.changed)


def test_strings_are_written_as_the_file_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "settings.py"
    path.write_text('"""Docs."""\nA = "b"\n')
    assert Source(path).quoted("it's") == '"it\'s"'
    assert Source(path).quoted('"') == "'\"'"
    path.write_text("A = 'b'\n")
    assert Source(path).quoted("x") == "'x'"
    path.write_bytes(b"# coding: latin-1\nA = 'b'\n")
    assert Source(path).quoted("\u20ac") == r"'\u20ac'"


def test_a_file_without_its_last_line_end_gets_one_before_more(tmp_path: Path) -> None:
    path = tmp_path / "settings.py"
    path.write_text("A = 1")
    source = Source(path)
    source.append(["B = 2"])
    assert source.changed == "A = 1\n\nB = 2\n"
    assert source.diff(tmp_path).splitlines()[2:] == [
        "@@ -1 +1,3 @@",
        "-A = 1",
        "\\ No newline at end of file",
        "+A = 1",
        "+",
        "+B = 2",
    ]
    path.write_text("")
    source = Source(path)
    source.append(["B = 2"])
    assert source.changed == "\nB = 2\n"


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "settings.py"
    path.write_text("A = 1\n")
    source = Source(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"settings\.py"):
        source.write(b"A = 2\n")
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_python_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "settings.py"
    for content in (b"A = (", b"# coding: nonsense\n", b"A = '\xff'", b"\0"):
        path.write_bytes(content)
        with pytest.raises(Unreadable):
            Source(path)
