"""The npm package passes its own checks, and holds what a project needs of it."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import ai_kit_auth
from ai_kit_auth import errors

from ..packages import CORE, with_apps
from .conftest import INSTALL, ROOT, Package, need, npm, run

README = (ROOT / "client" / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```ts\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
LANGUAGES = sorted(file.stem for file in (CORE / "codes").iterdir())
SENTENCES = """const found = {};
for (const language of process.argv.slice(2)) {
  const module = await import(`django-ai-kit-auth/messages/${language}`);
  found[language] = module.default;
}
console.log(JSON.stringify(found));
"""
NODE = """import * as whole from "django-ai-kit-auth";
import * as file from "django-ai-kit-auth/django-ai-kit-auth.js";
import { message } from "django-ai-kit-auth/messages";
import ja from "django-ai-kit-auth/messages/ja";

for (const { createClient } of [whole, file]) {
  const client = createClient({ baseUrl: "http://localhost:9/auth/" });
  const { ok, status, error } = await client.login({ ident: "ada", password: "x" });
  console.log(JSON.stringify([ok, status, error, message(error, { language: ja })]));
}
console.log(Object.keys(whole).sort().join() === Object.keys(file).sort().join());
"""
TYPES = """import { createClient } from "django-ai-kit-auth";
import type { UserOf, operations } from "django-ai-kit-auth";
import * as file from "django-ai-kit-auth/django-ai-kit-auth.js";
import { catalog, message, messages } from "django-ai-kit-auth/messages";
import ptBr from "django-ai-kit-auth/messages/pt-br";

const client = createClient({ baseUrl: "https://api.example.com/auth/" });
export const other: typeof client = file.createClient({ baseUrl: "/auth/" });

export async function logIn(ident: string, password: string): Promise<string[]> {
  const result = await client.login({ ident, password });
  if (result.ok) {
    const user: UserOf<operations> = result.data.user;
    return [user.email];
  }
  return messages(result, { language: ptBr }).general;
}

const own = catalog("pt-br", { throttled: "Devagar!" });
export const text: string = message("throttled", { language: own, fallback: ptBr });
"""
OPTIONS = {
    "exactOptionalPropertyTypes": True,
    "lib": ["ES2022", "DOM"],
    "noEmit": True,
    "noUncheckedIndexedAccess": True,
    "strict": True,
    "target": "ES2022",
    # The declarations of the package are checked as well.
    "skipLibCheck": False,
    "types": [],
}


@pytest.fixture(scope="module")
def installed(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a project that has installed the package and no other."""
    folder = tmp_path_factory.mktemp("installed")
    manifest = {"private": True, "type": "module"}
    (folder / "package.json").write_text(json.dumps(manifest))
    npm(folder, "install", *INSTALL, "--no-package-lock", package.archive)
    return folder


def script(folder: Path, source: str, *arguments: str) -> str:
    """Return what node prints for a module in ``folder``."""
    (folder / "script.js").write_text(source, encoding="utf-8")
    ended = run(["node", "script.js", *arguments], folder)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


# The checks of the package


def test_the_types_are_those_of_the_endpoints(project: Path) -> None:
    need(find_spec("drf_spectacular"), "drf-spectacular")
    npm(project, "run", "schema:check", PYTHON=sys.executable)


def test_stale_types_are_told_and_left_alone(project: Path, tmp_path: Path) -> None:
    schema = {"openapi": "3.1.0", "info": {"title": "", "version": ""}, "paths": {}}
    source = tmp_path / "schema.json"
    source.write_text(json.dumps(schema))
    types = project / "src" / "schema.ts"
    before = types.read_bytes()
    script = "scripts/schema.js"
    checked = run(["node", script, "--check", "--from", source], project)
    assert checked.returncode == 1
    assert checked.stderr == (
        'client/src/schema.ts is stale. Run "npm run schema" in the folder client, '
        "and commit the file.\n"
    )
    assert types.read_bytes() == before


def test_the_example_has_the_current_build(package: Package) -> None:
    npm(package.folder, "run", "example:check")


def test_an_old_build_in_the_example_is_told(package: Package, tmp_path: Path) -> None:
    old = tmp_path / "client"
    shutil.copytree(
        package.folder, old, symlinks=True, ignore=lambda *_: ["node_modules"]
    )
    vendor = tmp_path / "example_project" / "frontend" / "vendor"
    shutil.copytree(ROOT / "example_project" / "frontend" / "vendor", vendor)
    (vendor / "messages.js").write_text("// of last year\n", encoding="utf-8")
    (vendor / "messages" / "de.js").unlink()
    checked = run(["node", "scripts/example.js", "--check"], old)
    assert checked.returncode == 1
    assert [line.split()[0] for line in checked.stderr.splitlines()] == [
        "messages.js",
        "messages/de.js",
    ]
    assert not (vendor / "messages" / "de.js").exists()
    assert run(["node", "scripts/example.js"], old).returncode == 0
    assert run(["node", "scripts/example.js", "--check"], old).returncode == 0


@pytest.mark.parametrize("name", ["typecheck", "lint", "test"])
def test_its_own_checks_pass(project: Path, name: str) -> None:
    npm(project, "run", name)


def test_the_core_is_small(project: Path) -> None:
    said = re.search(r"The core has (\d+) bytes", npm(project, "run", "size"))
    assert said is not None
    # Less would mean that something is missing in the bundle.
    assert 2000 < int(said[1]) <= 6000


def test_a_core_that_grew_is_told(project: Path, tmp_path: Path) -> None:
    grown = tmp_path / "client"
    shutil.copytree(project, grown, symlinks=True, ignore=lambda *_: ["node_modules"])
    (grown / "node_modules").symlink_to(project / "node_modules")
    noise = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(4000))
    with (grown / "src" / "index.ts").open("a", encoding="utf-8") as file:
        file.write(f'export const noise = "{noise}";\n')
    assert run(["node", "scripts/size.js"], grown).returncode == 1


# What is packed


def test_the_archive_holds_the_modules_and_nothing_else(package: Package) -> None:
    modules = [
        path.relative_to(package.folder / "src").with_suffix("")
        for path in (package.folder / "src").rglob("*.ts*")
    ]
    built = {
        f"dist/{name}{suffix}"
        for name in (
            *(module.as_posix() for module in modules),
            *(f"messages/{language}" for language in LANGUAGES),
            "django-ai-kit-auth",
        )
        for suffix in (".js", ".d.ts")
    }
    with tarfile.open(package.archive) as archive:
        names = [name.removeprefix("package/") for name in archive.getnames()]
        licence = archive.extractfile("package/LICENSE")
        assert licence is not None
        assert licence.read() == (ROOT / "LICENSE").read_bytes()
    assert sorted(names) == sorted({*built, "LICENSE", "README.md", "package.json"})


def test_the_file_to_copy_tells_its_version_and_imports_nothing(
    package: Package,
) -> None:
    text = (package.folder / "dist" / "django-ai-kit-auth.js").read_text("utf-8")
    first, _, rest = text.partition("\n")
    assert first == (
        f"// django-ai-kit-auth {ai_kit_auth.__version__}, BSD-3-Clause: "
        "the core in one file, to be copied."
    )
    assert "function createClient(" in rest
    assert not re.search(r"^\s*import\b|\bimport\(", rest, re.MULTILINE)


# What a project gets


def test_node_imports_every_entry(installed: Path) -> None:
    # Nothing listens on that port.
    sentence = "サーバーが応答しません。接続を確認して、もう一度お試しください。"
    line = json.dumps([False, 0, "network_error", sentence], ensure_ascii=False)
    expected = [line.replace(", ", ",")] * 2 + ["true"]
    assert script(installed, NODE).splitlines() == expected


def test_each_code_of_the_server_has_a_sentence_in_each_language(
    installed: Path,
) -> None:
    with with_apps():
        codes = set(errors.CODES)
    own = json.loads((ROOT / "client" / "codes" / "en.json").read_text("utf-8"))
    found = json.loads(script(installed, SENTENCES, *LANGUAGES))
    assert list(found) == LANGUAGES
    for language, catalog in found.items():
        assert catalog["language"] == language
        assert catalog["sentences"].keys() == codes | own.keys(), language


@pytest.mark.parametrize(
    ("module", "resolution"), [("NodeNext", "NodeNext"), ("ESNext", "Bundler")]
)
def test_a_strict_project_and_the_readme_compile_against_it(
    installed: Path, project: Path, module: str, resolution: str
) -> None:
    assert len(SNIPPETS) == 2
    sources = {f"{number}.ts": each for number, each in enumerate([TYPES, *SNIPPETS])}
    for name, source in sources.items():
        (installed / name).write_text(source, encoding="utf-8")
    options = {**OPTIONS, "module": module, "moduleResolution": resolution}
    manifest = {"compilerOptions": options, "files": list(sources)}
    (installed / "tsconfig.json").write_text(json.dumps(manifest))
    compiled = run([project / "node_modules" / ".bin" / "tsc"], installed)
    assert (compiled.returncode, compiled.stdout) == (0, "")


def test_the_sentences_of_the_readme_are_those_that_it_shows(installed: Path) -> None:
    # Each comment is what the call below it returns.
    shown = re.compile(r"^// (.*)\n(messages?\(.*\));$", re.MULTILINE)
    source, calls = shown.subn(
        r"console.log(JSON.stringify(\1) === JSON.stringify(\2));", SNIPPETS[1]
    )
    assert calls == 4
    assert script(installed, source) == "true\n" * calls


def test_the_readme_names_the_languages() -> None:
    assert f"`{' '.join(LANGUAGES)}`" in README


def test_a_page_takes_only_the_languages_that_it_imports(
    installed: Path, project: Path
) -> None:
    (installed / "page.js").write_text(
        'import { message } from "django-ai-kit-auth/messages";\n'
        'import de from "django-ai-kit-auth/messages/de";\n'
        'console.log(message("timeout", { language: de }));\n'
    )
    esbuild = project / "node_modules" / ".bin" / "esbuild"
    bundled = run([esbuild, "--bundle", "--charset=utf8", "page.js"], installed)
    assert bundled.returncode == 0, bundled.stderr
    assert "Der Server hat zu lange nicht geantwortet." in bundled.stdout
    assert "The server took too long" not in bundled.stdout
    assert "X-CSRFToken" not in bundled.stdout
