"""
Build what a release publishes, from a tag of git in a clean clone.

``python scripts/release.py 3.1.0`` makes three files in ``dist/``: the wheel and the
source archive of the Python package, and the archive of the npm package. It prints what
is in each, and what a person looks at before the upload. It uploads nothing.

It refuses, with exit code 1 and one sentence that tells why, a tree with changes that
are in no commit, a tag that does not exist, a ``dist/`` that holds other files, and a
tag whose files do not all have its version. Then ``dist/`` stays as it was.

The times in the files are that of the tagged commit, so that whoever builds the tag
again with the same tools gets the same bytes
(https://reproducible-builds.org/docs/source-date-epoch/).

Needs git, npm, and ``pip install --group release``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
# A heading of the changelog's sections: the title has a line above as well.
SECTION = re.compile(r"(?<!=\n)^(\S+)( .*)?\n={3,}$", re.MULTILINE)


class Refused(Exception):
    """The release is not built; the message is a sentence for the person."""


@dataclass(frozen=True)
class Artefact:
    """
    One file that is published.

    ``files``: the paths in it, without the folder that an archive puts around them.
    ``version``: what its own metadata says. ``needs``: the packages that it brings
    along. ``look_at``: what no program decides.
    """

    path: Path
    files: list[str]
    version: str
    needs: list[str]
    look_at: tuple[str, ...]


def ended(
    *command: str | Path, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` with these environment variables; any exit code will do."""
    return subprocess.run(  # noqa: S603  # the commands of this file
        command,
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Return what ``command`` printed; it must succeed."""
    done = ended(*command, cwd=cwd, **variables)
    if done.returncode:
        words = " ".join(map(str, command))
        raise Refused(f"`{words}` failed:\n{done.stdout.rstrip()}")
    return done.stdout


def program(name: str) -> str:
    """Return the path of a program."""
    found = shutil.which(name)
    if found is None:
        raise Refused(f"The program {name} is missing.")
    return found


# Before anything is built


def demand_tools() -> None:
    """Refuse at once, rather than after a minute of work."""
    program("npm")
    for module in ("build", "twine"):
        if find_spec(module) is None:
            raise Refused(
                f"The package {module} is missing: `pip install --group release`."
            )


def demand_clean_tree(git: str) -> None:
    """Refuse changes in no commit: whoever made them expects them in the release."""
    changed = run(git, "status", "--porcelain", cwd=ROOT).splitlines()
    if changed:
        names = ", ".join(line[3:] for line in changed[:5])
        more = " and more" if len(changed) > 5 else ""
        raise Refused(f"The tree has changes that are in no commit: {names}{more}.")


def demand_tag(git: str, tag: str) -> str:
    """Return the hash of the commit that ``tag`` names."""
    ref = f"refs/tags/{tag}^{{commit}}"
    found = ended(git, "rev-parse", "--verify", "--quiet", ref, cwd=ROOT)
    if found.returncode:
        raise Refused(f'There is no tag "{tag}" in this repository.')
    return found.stdout.strip()


def demand_empty_dist() -> None:
    """Refuse files of another build: an upload of ``dist/*`` would publish them."""
    if DIST.is_dir() and any(DIST.iterdir()):
        raise Refused("The folder dist/ is not empty. Move away what is in it.")


def read_json(path: Path) -> Any:
    """Return what the JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def versions(tree: Path) -> dict[str, str]:
    """Return the version that each of the tree's files tells, or "none"."""

    def first(pattern: re.Pattern[str], name: str) -> str:
        found = pattern.search((tree / name).read_text(encoding="utf-8"))
        return found[1] if found else "none"

    manifest = read_json(tree / "client" / "package.json")
    lock = read_json(tree / "client" / "package-lock.json")
    return {
        "ai_kit_auth.__version__": first(VERSION, "ai_kit_auth/__init__.py"),
        "client/package.json": manifest["version"],
        "client/package-lock.json": lock["version"],
        'packages[""] of client/package-lock.json': lock["packages"][""]["version"],
        "the newest section of CHANGELOG.rst": first(SECTION, "CHANGELOG.rst"),
    }


def demand_version(tag: str, told: dict[str, str]) -> None:
    """Refuse versions that are not the tag."""
    wrong = [f"{place} is {found}" for place, found in told.items() if found != tag]
    if wrong:
        raise Refused(f"The tag is {tag}, but {', and '.join(wrong)}.")


# The build


def build(git: str, commit: str, folder: Path) -> Path:
    """Build all three files of ``commit`` in ``folder``, and return where they are."""
    clone, built = folder / "clone", folder / "built"
    time = run(git, "log", "-1", "--format=%ct", commit, cwd=clone).strip()
    # The archive first: npm writes its modules into the clone.
    run(
        *(sys.executable, "-m", "build", "--outdir", built, clone),
        cwd=folder,
        SOURCE_DATE_EPOCH=time,
    )
    npm, client = program("npm"), clone / "client"
    run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=client)
    run(npm, "pack", "--pack-destination", built, cwd=client)
    files = sorted(built.iterdir())
    python = [path for path in files if path.suffix != ".tgz"]
    run(sys.executable, "-m", "twine", "check", "--strict", *python, cwd=folder)
    return built


def metadata(data: bytes) -> Message:
    """Return the fields of a Python package's metadata."""
    return BytesParser().parsebytes(data)


def required(fields: Message) -> list[str]:
    """Return what the package always needs: what an extra needs has a marker."""
    return [
        line for line in fields.get_all("Requires-Dist", []) if "extra ==" not in line
    ]


def members(path: Path, own: str) -> tuple[list[str], bytes]:
    """Return the files in a tar archive without its folder, and the file ``own``."""
    with tarfile.open(path) as archive:
        inside = {
            name.partition("/")[2]: name
            for name in (each.name for each in archive if each.isfile())
        }
        file = archive.extractfile(inside[own])
        assert file is not None  # noqa: S101  # isfile() above
        return sorted(inside), file.read()


def read_wheel(path: Path) -> Artefact:
    """Return what is in the wheel."""
    with zipfile.ZipFile(path) as archive:
        files = sorted(archive.namelist())
        [own] = (name for name in files if name.endswith(".dist-info/METADATA"))
        fields = metadata(archive.read(own))
    return Artefact(
        path,
        files,
        fields["Version"],
        required(fields),
        (
            "ai_kit_auth and the .dist-info are the only folders.",
            "py.typed, LICENSE, templates, and each app's locale and codes are there.",
            "It needs what the README says, and nothing that only a developer needs.",
        ),
    )


def read_sdist(path: Path) -> Artefact:
    """Return what is in the source archive."""
    files, own = members(path, "PKG-INFO")
    fields = metadata(own)
    return Artefact(
        path,
        files,
        fields["Version"],
        required(fields),
        (
            "The tests, the docs, the example and the folder client are there.",
            "There is no node_modules, no database and no file of your machine.",
        ),
    )


def read_npm(path: Path) -> Artefact:
    """Return what is in the archive of npm."""
    files, own = members(path, "package.json")
    manifest = json.loads(own)
    return Artefact(
        path,
        files,
        manifest["version"],
        sorted(manifest.get("dependencies", {})),
        (
            "There are dist, LICENSE, README.md and package.json: no source, no test.",
            "It needs nothing. React is a peer, and optional.",
            "Each language has a module in dist/messages.",
        ),
    )


def read(built: Path, version: str) -> list[Artefact]:
    """Return the three artefacts in ``built``, in the order of their upload."""
    found = [
        read_wheel(built / f"django_ai_kit_auth-{version}-py3-none-any.whl"),
        read_sdist(built / f"django_ai_kit_auth-{version}.tar.gz"),
        read_npm(built / f"django-ai-kit-auth-{version}.tgz"),
    ]
    for artefact in found:
        demand_version(version, {artefact.path.name: artefact.version})
    return found


def show(artefact: Artefact) -> None:
    """Print what is in one file, and what to look at."""
    data = artefact.path.read_bytes()
    folders = Counter(
        PurePosixPath(name).parts[0] if "/" in name else "files beside them"
        for name in artefact.files
    )
    kinds = Counter(PurePosixPath(name).suffix or "none" for name in artefact.files)
    print(f"\ndist/{artefact.path.name}")
    print(f"  version   {artefact.version}")
    print(f"  size      {len(data):,} bytes, {len(artefact.files)} files")
    print(f"  sha256    {sha256(data).hexdigest()}")
    for label, counted in (("folders", folders), ("suffixes", kinds)):
        print(f"  {label:9} {', '.join(f'{k} {n}' for k, n in counted.most_common())}")
    print(f"  needs     {', '.join(artefact.needs) or 'nothing'}")
    for line in artefact.look_at:
        print(f"  look at   {line}")


def release(tag: str) -> None:
    """Build the files of ``tag`` into ``dist/``, or raise ``Refused``."""
    git = program("git")
    demand_clean_tree(git)
    commit = demand_tag(git, tag)
    demand_empty_dist()
    with TemporaryDirectory(prefix="release-") as name:
        folder = Path(name)
        # A clone by the hash: a branch may have the name of the tag.
        run(git, "clone", "--quiet", "--no-checkout", ROOT, "clone", cwd=folder)
        run(git, "checkout", "--quiet", "--detach", commit, cwd=folder / "clone")
        demand_version(tag, versions(folder / "clone"))
        demand_tools()
        built = build(git, commit, folder)
        artefacts = read(built, tag)
        DIST.mkdir(exist_ok=True)
        for artefact in artefacts:
            shutil.copy(artefact.path, DIST)
        print(f"Built {tag} from the commit {commit}. Nothing is published.")
        for artefact in artefacts:
            show(artefact)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0, or 1 when the release is refused."""
    parser = argparse.ArgumentParser(
        description="Build what a release publishes into dist/, from a tag of git."
    )
    parser.add_argument("tag", help="the tag, which is the version: 3.1.0")
    try:
        release(parser.parse_args(arguments).tag)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
