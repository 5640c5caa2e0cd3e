"""
The frontends of the guides, built by the compilers of their frameworks.

A guide such as ``howto/vue.rst`` has all files of a frontend but those of its build:
what is compiled and bundled here is what a reader writes. ``package.json`` pins the
compilers; the package itself is installed from what ``npm pack`` made of ``client/``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...client.conftest import INSTALL, npm, run
from ..pages import blocks

MANIFEST = Path(__file__).with_name("package.json")
# What the guide of each framework uses of TypeScript, as its own template does.
COMPILER = {
    "exactOptionalPropertyTypes": True,
    "lib": ["ES2022", "DOM", "DOM.Iterable"],
    "module": "ESNext",
    "moduleResolution": "Bundler",
    "noEmit": True,
    "noUnusedLocals": True,
    "skipLibCheck": True,
    "strict": True,
    "target": "ES2022",
    "types": [],
    "verbatimModuleSyntax": True,
}


@dataclass(frozen=True)
class Guide:
    """
    How the frontend of a page is built.

    ``check`` is the command that checks its types, below ``node_modules/.bin/``.
    ``plugin`` is the module of Vite's plugin and the name of what it exports, "" for
    its default. ``entry`` is the module that Vite begins with. ``options`` are options
    of the compiler besides, ``extra`` are options of tsconfig.json besides.
    """

    page: str
    check: tuple[str, ...] = ("tsc", "--project", "tsconfig.json")
    plugin: tuple[str, str] | None = None
    entry: str = "src/main.ts"
    options: dict[str, object] = field(default_factory=dict)
    extra: dict[str, object] = field(default_factory=dict)


GUIDES = {
    "angular": Guide(
        "howto/angular.rst",
        check=("ngc", "--project", "tsconfig.json"),
        entry="start.js",
        options={
            "experimentalDecorators": True,
            "noEmit": False,
            "outDir": "compiled",
            "rootDir": "src",
        },
        extra={"angularCompilerOptions": {"strictTemplates": True}},
    ),
    "axios": Guide("howto/axios.rst"),
    "react": Guide(
        "howto/react.rst",
        plugin=("@vitejs/plugin-react", ""),
        entry="src/main.tsx",
        options={"jsx": "react-jsx"},
    ),
    "svelte": Guide(
        "howto/svelte.rst",
        check=(
            *("svelte-check", "--tsconfig", "tsconfig.json"),
            *("--fail-on-warnings", "--output", "human"),
        ),
        plugin=("@sveltejs/vite-plugin-svelte", "svelte"),
    ),
    "vue": Guide(
        "howto/vue.rst",
        check=("vue-tsc", "--project", "tsconfig.json"),
        plugin=("@vitejs/plugin-vue", ""),
        entry="start.js",
    ),
}
START = {
    # Angular's libraries are published half compiled. Its builder links them, or its
    # compiler does so in the browser.
    "angular": 'import "@angular/compiler";\nimport "./compiled/main.js";\n',
    # No router is there to use the guard.
    "vue": (
        'import "./src/main";\nexport { auth } from "./src/auth";\n'
        'export { guard } from "./src/guard";\n'
    ),
}


def install(folder: Path, archive: Path) -> None:
    """Install the compilers and the packed package, once for all guides."""
    shutil.copy(MANIFEST, folder / "package.json")
    npm(folder, "install", *INSTALL, "--no-package-lock", archive)


def write(name: str, folder: Path, change: Callable[[str], str] = str) -> Path:
    """
    Write the frontend of a guide below ``folder`` and return its folder.

    ``change`` is applied to each file of the page, as a reader writes the addresses of
    the own project.
    """
    guide = GUIDES[name]
    project = folder / name
    for block in blocks(guide.page):
        # The JavaScript is for readers without the package.
        if block.path.startswith("src/") and block.language != "javascript":
            block.write(project, change)
    if name in START:
        (project / guide.entry).write_text(START[name], encoding="utf-8")
    config = {
        "compilerOptions": {**COMPILER, **guide.options},
        "include": ["src"],
        **guide.extra,
    }
    (project / "tsconfig.json").write_text(json.dumps(config), encoding="utf-8")
    module, export = guide.plugin or ("", "")
    named = f"{{ {export} as plugin }}" if export else "plugin"
    imported = f'import {named} from "{module}";\n' if module else ""
    options = {
        "build": {
            "emptyOutDir": True,
            "minify": False,
            "rollupOptions": {
                "input": guide.entry,
                "output": {"entryFileNames": "page.js"},
                # A test calls what the module exports.
                "preserveEntrySignatures": "strict",
            },
            "target": "es2022",
        }
    }
    (project / "vite.config.js").write_text(
        f"{imported}export default {{\n"
        f"  ...{json.dumps(options)},\n"
        f"  plugins: [{'plugin()' if module else ''}],\n}};\n",
        encoding="utf-8",
    )
    return project


def check(name: str, project: Path) -> str:
    """Return what the compiler that checks the types says of a mistake, "" for none."""
    program, *arguments = GUIDES[name].check
    binary = project.parent / "node_modules" / ".bin" / program
    ended = run([binary, *arguments], project)
    return ended.stdout + ended.stderr if ended.returncode else ""


def bundle(project: Path) -> str:
    """Return the module that Vite makes of the frontend."""
    vite = project.parent / "node_modules" / ".bin" / "vite"
    ended = run([vite, "build", "--logLevel", "warn"], project)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    return (project / "dist" / "page.js").read_text(encoding="utf-8")
