"""The built pages: whole, linked, and readable on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
from django.dispatch import Signal

from ai_kit_auth import (
    capability,
    errors,
    mail_preview,
    security_log,
    serializers,
    services,
    settings,
    signals,
    urls,
)
from ai_kit_auth.account import errors as account_errors
from ai_kit_auth.account import serializers as account_serializers
from ai_kit_auth.account import signals as account_signals
from ai_kit_auth.account import urls as account_urls
from ai_kit_auth.account import views as account_views
from ai_kit_auth.checks import PROBLEMS
from ai_kit_auth.sentences import code_sentences
from ai_kit_auth.settings import (
    APISettings,
    Nested,
    Section,
    Setting,
    api_settings,
    keys_below,
)

from ..accounts import view_of
from ..browser.visit import OVERFLOW
from ..extras import missing_modules
from ..packages import with_apps
from .conftest import insist
from .pages import blocks, source

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(autouse=True)
def _apps() -> Iterator[None]:
    """Install what the pages show."""
    with with_apps():
        yield


def declared() -> dict[str, list[str]]:
    capabilities = capability.capabilities()
    modules = [import_module(one.signals) for one in capabilities if one.signals]
    routes = capability.routes(api_settings.ENABLE_ENDPOINTS)
    return {
        "setting": list(dict(APISettings.declared())),
        "endpoint": ["PATCH me/", *{str(route.pattern) for _, _, route in routes}],
        "errorcode": list(errors.CODES),
        "signal": [
            name
            for module in modules
            for name, it in vars(module).items()
            if isinstance(it, Signal)
        ],
        "event": list(security_log.EVENTS),
        "check": [
            *(f"ai_kit_auth.{number}" for number in PROBLEMS),
            *(name for one in capabilities for name in one.problems),
        ],
        "mail": mail_preview.mail_names(),
    }


with with_apps():
    DECLARED = declared()
    SETTINGS = dict(APISettings.declared())
    SWITCHES = sorted(keys_below("ENABLE_ENDPOINTS"))
    MEANINGS = {
        "codes": dict(errors.CODES),
        "events": dict(security_log.EVENTS),
        "checks": {f"ai_kit_auth.{key}": text for key, text in PROBLEMS.items()},
    }
# The directive of each kind of the reference.
ROLES = {
    "settings": "setting",
    "endpoints": "endpoint",
    "codes": "errorcode",
    "events": "event",
    "checks": "check",
}
VIEWS = [view_of(route.callback).__name__ for route in urls.ROUTES.values()]
PUBLIC = {
    "settings": settings.__all__,
    "services": services.__all__,
    "serializers": serializers.__all__,
    "views": VIEWS,
    "sentences": ["code_sentences", "find_sentences", "UnknownLanguageError"],
    "admin": ["AIUserAdmin", "AIUserCreationForm", "AIUserChangeForm"],
    "account.views": [
        account_views.UpdateMe.__name__,
        *(
            view_of(route.callback).__name__
            for routes in account_urls.ROUTES.values()
            for route in routes
        ),
    ],
    "account.serializers": [
        name for name in account_serializers.__all__ if name.endswith("Serializer")
    ],
    "account.errors": [
        name
        for name, it in vars(account_errors).items()
        if isinstance(it, type) and it.__module__ == account_errors.__name__
    ],
    # What settings name, be it by default.
    "account.services": [
        "anonymise_user",
        *(
            declared.default.rpartition(".")[2]
            for _, declared in APISettings.declared()
            if str(declared.default).startswith("ai_kit_auth.account.services.")
        ),
    ],
}


class Links(HTMLParser):
    """What one page has: ids, the targets of its links, what it loads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.ids.add(attributes.get("id") or "")
        if tag == "a":
            self.targets.append(attributes.get("href") or "")
        elif tag != "form":
            self.loaded += filter(None, map(attributes.get, ("src", "href")))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    return {page: Links(page) for page in site.rglob("*.html")}


@pytest.fixture(scope="module")
def objects(site: Path) -> dict[str, set[str]]:
    """Return what the site says that it documents, by kind."""
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    return {kind: set(found) for kind, found in inventory.data.items()}


@pytest.mark.parametrize("kind", DECLARED)
def test_everything_that_is_declared_has_its_place(
    kind: str, objects: dict[str, set[str]]
) -> None:
    assert DECLARED[kind]
    assert objects[f"std:{kind}"] == set(DECLARED[kind])


def entry_of(declarations: ModuleType, kind: str, name: str) -> str:
    """Return what the reference says of one thing, without its markup."""
    (found,) = (
        text
        for text in declarations.KINDS[kind]()
        if text.startswith(f".. {ROLES[kind]}:: {name}\n")
    )
    # A role keeps its text: :endpoint:`login/`.
    plain = re.sub(r":[\w:]+:`~?([^`<]+?)(?: <[^`]*>)?`", r"\1", str(found))
    plain = re.sub(r":Needs: \S+ in ``INSTALLED_APPS``", "", plain)
    return " ".join(plain.replace("``", "").split())


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_has_its_type_default_and_meaning(
    declarations: ModuleType, name: str
) -> None:
    setting = dict(APISettings.declared())[name]
    entry = entry_of(declarations, "settings", name)
    assert f":Type: {setting.type_name} " in entry
    assert " ".join(setting.meaning.replace("``", "").split()) in entry
    default = entry.partition(":Default: ")[2]
    if name.endswith("FIELDSETS"):
        fields = [f for _, options in setting.default for f in options["fields"]]
        assert re.findall(r"\w+", default)[-len(fields[-1:]) :] == fields[-1:]
        assert all(field in default for field in fields)
    elif isinstance(setting.default, str):
        assert default == f'"{setting.default}"'
    else:
        assert default == repr(setting.default).replace("'", '"')


@pytest.mark.parametrize("key", urls.ROUTES)
def test_an_endpoint_has_its_name_and_switch(
    declarations: ModuleType, key: str
) -> None:
    route = urls.ROUTES[key]
    entry = entry_of(declarations, "endpoints", str(route.pattern))
    assert f":URL name: ai_kit_auth:{route.name} " in entry
    assert f":Switch: ENABLE_ENDPOINTS.{key} " in entry


@pytest.mark.parametrize("key", [*account_urls.ROUTES, "UPDATE_ME"])
def test_an_endpoint_of_the_account_page_has_its_name_and_switch(
    declarations: ModuleType, key: str
) -> None:
    assert [*urls.ROUTES, *account_urls.ROUTES, "UPDATE_ME"].count(key) == 1
    for route in account_urls.ROUTES.get(key, (urls.ROUTES["ME"],)):
        name = "PATCH me/" if key == "UPDATE_ME" else str(route.pattern)
        entry = entry_of(declarations, "endpoints", name)
        assert f":URL name: ai_kit_auth:{route.name} " in entry
        assert f":Switch: ENABLE_ENDPOINTS.{key} " in entry


@pytest.mark.parametrize("key", SWITCHES)
def test_every_key_switches_an_endpoint(declarations: ModuleType, key: str) -> None:
    switch = f":setting:`ENABLE_ENDPOINTS.{key}`"
    assert any(switch in entry for entry in declarations.endpoints())


@pytest.mark.parametrize(("kind", "meanings"), MEANINGS.items())
def test_each_code_event_and_check_has_its_meaning(
    declarations: ModuleType, kind: str, meanings: dict[str, str]
) -> None:
    assert meanings
    said = code_sentences("en") if kind == "codes" else {}
    for name, meaning in meanings.items():
        wanted = " ".join(meaning.replace("``", "").split())
        entry, _, sentence = entry_of(declarations, kind, name).partition(
            " :Sentence: "
        )
        assert entry.endswith(wanted)
        assert sentence == said.get(name, "")


def test_the_core_and_the_account_page_have_twenty_nine_signals() -> None:
    own = [name for name in vars(signals) if name in DECLARED["signal"]]
    of_the_account = [n for n in vars(account_signals) if n in DECLARED["signal"]]
    assert (len(own), len(of_the_account)) == (12 + 1, 16)


def test_every_setting_of_the_project_that_a_frontend_needs_stands_there(
    site: Path,
) -> None:
    rows = re.findall(
        r"<tr[^>]*><td><p><code[^>]*>(.*?)</code></p></td>\s*<td>(.*?)</td>",
        (site / "installation.html").read_text("utf-8"),
        re.DOTALL,
    )
    texts = {
        re.sub(r"<.*?>", "", name): " ".join(re.sub(r"<.*?>", "", value).split())
        for name, value in rows
    }
    assert list(texts) == [
        "CORS_ALLOWED_ORIGINS",
        "CORS_ALLOW_CREDENTIALS",
        "CSRF_TRUSTED_ORIGINS",
        "CSRF_USE_SESSIONS",
        "MIDDLEWARE",
    ]
    assert "CORS_ORIGIN_WHITELIST" in texts["CORS_ALLOWED_ORIGINS"]
    assert "with its scheme" in texts["CSRF_TRUSTED_ORIGINS"]
    assert "corsheaders.middleware.CorsMiddleware first" in texts["MIDDLEWARE"]


@pytest.mark.parametrize("page", ["howto/react.rst", "upgrade.rst"])
def test_the_route_of_the_old_client_stands_there(page: str) -> None:
    found = [block.code for block in blocks(page) if "RESET_PW_ROUTE" in block.code]
    assert found
    for code in found:
        # What a reader pastes is what the settings take.
        given: dict[str, Any] = {}
        exec(code, given)  # noqa: S102  # of our own pages
        pasted = APISettings(given["AI_KIT_AUTH"]).FRONTEND
        assert pasted.RESET_PW_ROUTE == "/auth/reset-password/"
    assert APISettings.FRONTEND.section.RESET_PW_ROUTE.default in source(page)


@pytest.mark.parametrize("module", PUBLIC)
def test_everything_that_hosts_may_import_has_its_place(
    module: str, objects: dict[str, set[str]]
) -> None:
    everything = set().union(
        *(names for kind, names in objects.items() if kind.startswith("py:"))
    )
    wanted = {f"ai_kit_auth.{module}.{name}" for name in PUBLIC[module]}
    assert wanted - everything == set()


def test_every_command_has_its_options(objects: dict[str, set[str]]) -> None:
    for option in ("ai_kit_auth_doctor.--url", "ai_kit_auth_mails.--out"):
        assert f"manage.py-{option}" in objects["std:cmdoption"]


@pytest.mark.parametrize(
    ("mail", "sender"),
    [
        ("RESET_PASSWORD", "SEND_RESET_PW_MAIL"),
        ("SET_PASSWORD", "SEND_ACTIVATION_BY_ADMIN_MAIL"),
        ("CONFIRM_EMAIL", "SEND_CONFIRM_EMAIL_MAIL"),
        ("EMAIL_CHANGED", "SEND_SECURITY_NOTICE"),
    ],
)
def test_a_mail_names_the_setting_that_sends_it(
    declarations: ModuleType, mail: str, sender: str
) -> None:
    (written,) = (text for text in declarations.mails() if f":: {mail}\n" in text)
    assert f":Sent by: :setting:`{sender}`" in written


def test_a_signal_of_two_keywords_says_what_the_second_holds(
    declarations: ModuleType,
) -> None:
    name = "user_post_confirm_email"
    (written,) = (text for text in declarations.signal_entries() if name in text)
    assert "new address saved; ``email`` is the new address" in written
    assert ":Keyword: ``user``, ``email``" in written


def test_a_setting_without_a_meaning_fails_the_build(declarations: ModuleType) -> None:
    class Below(Section):
        DEPTH = Setting(3, "")

    class Host(Section):
        WIDTH = Setting(4, "how wide it is")
        BELOW = Nested(Below)

    written = declarations.settings(Host)
    assert "WIDTH" in "".join(next(written) for _ in range(2))
    with pytest.raises(declarations.UndocumentedError, match=r"BELOW\.DEPTH"):
        list(written)


@pytest.mark.parametrize("text", [None, "", " \n "])
def test_an_endpoint_without_a_docstring_fails_the_build(
    declarations: ModuleType, text: str | None
) -> None:
    with pytest.raises(declarations.UndocumentedError, match="LoginView"):
        declarations.documented("LoginView", text)


def test_a_mistake_on_a_page_fails_the_build(tmp_path: Path) -> None:
    insist(*missing_modules("sphinx"))
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError

    from .pages import DOCS

    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(DOCS / '_ext')!r})\n"
        "extensions = ['declarations']\nnitpicky = True\n"
    )
    (tmp_path / "index.rst").write_text("Page\n====\n\n:setting:`FRONTEND.UL`\n")
    app = Sphinx(
        tmp_path,
        tmp_path,
        tmp_path / "out",
        tmp_path / "trees",
        "html",
        status=None,
        warning=None,
        warningiserror=True,
        exception_on_warning=True,
    )
    with pytest.raises(SphinxError, match=r"FRONTEND\.UL"):
        app.build()


def test_every_link_leads_somewhere(pages: dict[Path, Links]) -> None:
    for page, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme:
                assert parts.scheme == "https", f"{page}: {target}"
                continue
            there = (page.parent / unquote(parts.path)).resolve()
            there = page if not parts.path else there
            assert there in pages, f"{page}: {target}"
            fragment = unquote(parts.fragment)
            assert fragment in pages[there].ids | {""}, f"{page}: {target}"


def test_a_page_loads_nothing_from_elsewhere(pages: dict[Path, Links]) -> None:
    for page, links in pages.items():
        for target in links.loaded:
            parts = urlsplit(target)
            assert not parts.netloc, f"{page}: {target}"
            assert (page.parent / parts.path).exists(), f"{page}: {target}"


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window(
    width: int,
    site: Path,
    pages: dict[Path, Links],
    browser: Browser,
    screenshots: Path,
) -> None:
    window = browser.new_page(viewport={"width": width, "height": 900})
    for path in pages:
        window.goto(path.as_uri())
        too_wide = window.evaluate(OVERFLOW)
        assert too_wide <= 0, path
        name = path.relative_to(site).with_suffix("").as_posix()
        if name in {"index", "tutorial", "reference/settings"}:
            picture = f"{name.replace('/', '-')}-{width}.png"
            window.screenshot(path=screenshots / picture)
    window.close()
